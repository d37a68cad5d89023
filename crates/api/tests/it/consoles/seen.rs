//! What is typed arrives, what is shown arrives, and nothing else does.

use pve_sim::{GuestProcesses, Profile};
use serde_json::json;

use super::inn::{Inn, Wanted};

async fn inn_of(profile: Profile) -> Inn {
    Inn::open(Wanted { guests: GuestProcesses::Auto, profile, ..Wanted::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_answers_in_containers_and_in_machines() {
    let inn = inn_of(Profile::V9_2).await;
    let grace = inn.user("grace").await;
    for (name, template) in [("web-1", &inn.container), ("box-1", &inn.machine)] {
        let guest = inn.guest(&grace, name, template).await;
        let mut wire = inn.console(&grace, &guest, "text").await;
        wire.tell(r#"{"resize":{"columns":100,"rows":30}}"#).await;
        wire.say("echo answer=$((6*7))\n").await;
        wire.until("answer=42").await;
        wire.say("stty size\n").await;
        wire.until("30 100").await;
        // A letter that arrives in two pieces, and one that is shown in two.
        wire.say(&b"echo caf\xc3"[..]).await;
        wire.say(&b"\xa9-typed\n"[..]).await;
        wire.until("caf\u{e9}-typed\r\n").await;
        wire.say("printf 'caf\\303'; sleep 0.2; printf '\\251-shown\\n'\n").await;
        wire.until("caf\u{e9}-shown").await;
        inn.check(&wire);
        wire.socket.close(None).await.unwrap();
        assert_eq!(wire.end().await.0, 1005);
        // What it was stands in the log.
        inn.all_quiet().await;
        let told = inn.told().await;
        let (action, opened) = &told[told.len() - 2];
        assert_eq!((action.as_str(), &opened["kind"]), ("console.open", &json!("text")));
        let (action, closed) = &told[told.len() - 1];
        assert_eq!((action.as_str(), &closed["ending"]), ("console.close", &json!("closed")));
        assert_eq!(closed["instance"], guest.instance);
        assert!(closed["bytes_in"].as_u64().unwrap() >= 60 && closed["bytes_out"].as_u64().unwrap() > 60);
        assert!(closed["seconds"].is_u64());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_arrives_whole() {
    const LENGTH: usize = 3_000_000;
    let inn = inn_of(Profile::V9_2).await;
    let grace = inn.user("grace").await;
    let guest = inn.guest(&grace, "web-1", &inn.container).await;
    let mut wire = inn.console(&grace, &guest, "text").await;
    wire.say(format!("head -c {LENGTH} /dev/zero | tr '\\0' '\\045'; echo; echo done-$((6*7))\n")).await;
    let mut seen = Vec::new();
    while !seen.ends_with(b"done-42\r\n")
        && !String::from_utf8_lossy(&seen[seen.len().saturating_sub(99)..]).contains("done-42\r\n")
    {
        seen.extend(wire.next().await.unwrap());
    }
    assert_eq!(String::from_utf8_lossy(&seen).matches('%').count(), LENGTH);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_without_a_password_sees_pictures_and_types() {
    for profile in [Profile::V9_2, Profile::V8_4, Profile::V7_4] {
        let inn = inn_of(profile).await;
        let grace = inn.user("grace").await;
        for (name, template) in [("web-1", &inn.container), ("box-1", &inn.machine)] {
            let guest = inn.guest(&grace, name, template).await;
            // Whatever the screen calls itself, here it has our name.
            inn.sim.cluster("lodge").with(|world| {
                let key = if name == "web-1" { "hostname" } else { "name" };
                world.guest_mut(guest.vmid).unwrap().config.insert(key.into(), "screen-of-oakhost".into());
            });
            let mut wire = inn.console(&grace, &guest, "graphics").await;
            let (width, height, called) = wire.begin_rfb().await;
            assert_eq!(called, name);
            // Everything that came so far: the answer to the handshake, and four messages of known bytes.
            let before = wire.came.lock().unwrap().clone();
            let head = before.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
            assert_eq!(before.len() - head, (2 + 12) + (2 + 2) + (2 + 4) + (2 + 24 + name.len()));
            let first = wire.picture(width, height, false).await;
            for key in "echo hi\r".chars() {
                wire.key(if key == '\r' { 0xff0d } else { key as u32 }).await;
            }
            // What was typed and answered lights more pixels than before.
            let lit = |picture: &[u8]| picture.chunks(4).filter(|pixel| pixel[0] != 0).count();
            let mut now = first.clone();
            while lit(&now) <= lit(&first) {
                now = wire.picture(width, height, true).await;
            }
            inn.check(&wire);
        }
        inn.all_quiet().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_takes_no_token_for_terminals_is_named() {
    for profile in [Profile::V8_4, Profile::V7_4] {
        let inn = inn_of(profile).await;
        let grace = inn.user("grace").await;
        let guest = inn.guest(&grace, "web-1", &inn.container).await;
        let mut wire = inn.console(&grace, &guest, "text").await;
        assert_eq!(wire.end().await, (4016, "text_unsupported".to_owned()));
        inn.check(&wire);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_share_a_terminal_and_each_sees_it_end() {
    let inn = inn_of(Profile::V9_2).await;
    let grace = inn.user("grace").await;
    let guest = inn.guest(&grace, "web-1", &inn.container).await;
    let mut first = inn.console(&grace, &guest, "text").await;
    let mut second = inn.console(&inn.admin(), &guest, "text").await;
    first.say("echo shared$((1+1))\n").await;
    first.until("shared2").await;
    second.until("shared2").await;
    let path = format!("/api/v1/instances/{}/stop", guest.instance);
    let stopping = grace.post(&path, &json!({})).await.expect(202);
    assert_eq!(first.end().await, (4000, "ended".to_owned()));
    assert_eq!(second.end().await, (4000, "ended".to_owned()));
    inn.settled(&grace, &stopping).await;
    inn.all_quiet().await;
}
