//! What stands in the way has a name, before the socket is open and after.

use std::time::Duration;

use pve_sim::{Count, Effect, Rule};
use serde_json::json;
use tokio::time::timeout;

use super::inn::{Inn, NODES, SOON, Wanted};

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_does_not_run_is_named() {
    let inn = Inn::open(Wanted::default()).await;
    let grace = inn.user("grace").await;
    let guest = inn.guest(&grace, "web-1", &inn.container).await;
    // It stops behind our back: after the ticket, and before.
    let stop = || {
        inn.sim.cluster("lodge").with(|world| world.guest_mut(guest.vmid).unwrap().run = None);
    };
    let offered = inn.ask(&grace, &guest, "text").await.expect(201);
    stop();
    let mut wire = inn.enter(&offered, &[]).await.unwrap();
    assert_eq!(wire.end().await, (4012, "stopped".to_owned()));
    inn.check(&wire);
    assert_eq!(inn.ask(&grace, &guest, "text").await.problem(409), "stopped");
    // As we have it ourselves.
    let path = format!("/api/v1/instances/{}", guest.instance);
    let started = grace.post(&format!("{path}/start"), &json!({})).await.expect(202);
    inn.settled(&grace, &started).await;
    inn.console(&grace, &guest, "text").await.until("login: ").await;
    let stopped = grace.post(&format!("{path}/stop"), &json!({})).await.expect(202);
    inn.settled(&grace, &stopped).await;
    let calls = || inn.sim.cluster("lodge").stats().calls;
    let before = calls().iter().filter(|(call, _)| call.contains("/lxc/")).map(|(_, n)| n).sum::<u64>();
    assert_eq!(inn.ask(&grace, &guest, "graphics").await.problem(409), "stopped");
    let after = calls().iter().filter(|(call, _)| call.contains("/lxc/")).map(|(_, n)| n).sum::<u64>();
    assert_eq!(before, after, "what we know is not asked again");
    let gone = grace.delete(&path).await.expect(202);
    inn.settled(&grace, &gone).await;
    assert_eq!(inn.ask(&grace, &guest, "text").await.problem(409), "deleted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_without_serial_port_or_display_is_named() {
    let inn = Inn::open(Wanted::default()).await;
    let grace = inn.user("grace").await;
    let guest = inn.guest(&grace, "box-1", &inn.machine).await;
    let set = |change: &dyn Fn(&mut std::collections::BTreeMap<String, String>)| {
        inn.sim.cluster("lodge").with(|world| change(&mut world.guest_mut(guest.vmid).unwrap().config));
    };
    set(&|config| {
        config.remove("serial0");
        config.insert("vga".into(), "std".into());
    });
    assert_eq!(inn.ask(&grace, &guest, "text").await.problem(409), "no_serial_port");
    inn.console(&grace, &guest, "graphics").await.begin_rfb().await;
    let offered = inn.ask(&grace, &guest, "graphics").await.expect(201);
    set(&|config| {
        config.insert("vga".into(), "none".into());
        config.insert("serial0".into(), "socket".into());
    });
    assert_eq!(inn.ask(&grace, &guest, "graphics").await.problem(409), "no_display");
    let mut wire = inn.enter(&offered, &[]).await.unwrap();
    assert_eq!(wire.end().await, (4013, "no_display".to_owned()));
    inn.console(&grace, &guest, "text").await.until("login: ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn anothers_guest_under_the_number_is_not_looked_into() {
    let inn = Inn::open(Wanted::default()).await;
    let grace = inn.user("grace").await;
    let guest = inn.guest(&grace, "web-1", &inn.container).await;
    let offered = inn.ask(&grace, &guest, "text").await.expect(201);
    inn.sim.cluster("lodge").with(|world| {
        world.remove_guest(guest.vmid);
        let options = [("hostname", "stranger"), ("description", "somebody else's")];
        world.add_guest(&guest.node, pve_sim::Kind::Lxc, guest.vmid, &options, true);
    });
    let mut wire = inn.enter(&offered, &[]).await.unwrap();
    assert_eq!(wire.end().await, (4017, "missing".to_owned()));
    assert_eq!(inn.ask(&grace, &guest, "text").await.problem(409), "missing");
    let asked = inn.sim.cluster("lodge").stats().calls;
    assert!(!asked.keys().any(|call| call.contains("termproxy")), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_down_is_named() {
    let inn = Inn::open(Wanted::default()).await;
    let grace = inn.user("grace").await;
    let guest = inn.guest(&grace, "web-1", &inn.container).await;
    let offered = inn.ask(&grace, &guest, "text").await.expect(201);
    inn.sim.cluster("lodge").with(|world| world.kill_node(&guest.node));
    let mut wire = inn.enter(&offered, &[]).await.unwrap();
    assert_eq!(wire.end().await, (4010, "node_unreachable".to_owned()));
    inn.check(&wire);
    assert_eq!(inn.ask(&grace, &guest, "text").await.problem(503), "node_unreachable");
    // And all of them.
    for node in NODES {
        inn.sim.cluster("lodge").with(|world| world.kill_node(node));
    }
    assert_eq!(inn.ask(&grace, &guest, "text").await.problem(503), "node_unreachable");
    inn.all_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_on_which_nobody_answers_is_named_and_holds_up_nobody() {
    let inn = Inn::open(Wanted::default()).await;
    let grace = inn.user("grace").await;
    let guest = inn.guest(&grace, "web-1", &inn.container).await;
    let other = inn.guest(&grace, "web-2", &inn.container).await;
    let cluster = inn.sim.cluster("lodge");
    let hang = Rule::on_call("GET", "/vncwebsocket", Effect::Hang).count(Count::Times(2));
    cluster.faults().add(hang).unwrap();
    let (mut text, mut graphics) =
        (inn.console(&grace, &guest, "text").await, inn.console(&grace, &guest, "graphics").await);
    // While both hang, everything else goes on.
    let path = format!("/api/v1/instances/{}/reboot", other.instance);
    let rebooted = grace.post(&path, &json!({})).await.expect(202);
    timeout(Duration::from_secs(7), inn.settled(&grace, &rebooted))
        .await
        .expect("the others are not held up");
    let ended = timeout(SOON, async { (text.end().await, graphics.end().await) }).await.unwrap();
    assert_eq!(ended, ((4011, "no_answer".to_owned()), (4011, "no_answer".to_owned())));
    inn.check(&text);
    // It is not the cluster that is silent: the next one opens.
    inn.console(&grace, &guest, "text").await.until("login: ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_else_the_cluster_says_stays_with_us() {
    let inn = Inn::open(Wanted::default()).await;
    let grace = inn.user("grace").await;
    let guest = inn.guest(&grace, "web-1", &inn.container).await;
    let cluster = inn.sim.cluster("lodge");
    for (status, text, expected) in [
        (500, "unable to find free port (5900-5999)", (4015, "too_many_consoles")),
        (500, "PVEVNC on oakhost: /etc/pve is on fire", (4500, "internal")),
        (403, "Permission check failed (/vms/10000, VM.Console)", (4500, "internal")),
        (595, "Connection refused by oakhost", (4010, "node_unreachable")),
    ] {
        let effect = Effect::Answer { status, text: text.into() };
        cluster.faults().add(Rule::on_call("POST", "/termproxy$", effect)).unwrap();
        let mut wire = inn.console(&grace, &guest, "text").await;
        assert_eq!(wire.end().await, (expected.0, expected.1.to_owned()), "{text}");
        inn.check(&wire);
    }
    let effect = Effect::Answer { status: 500, text: "UPID of oakhost".into() };
    cluster.faults().add(Rule::on_call("GET", "/lxc/.*/config$", effect)).unwrap();
    let answer = inn.ask(&grace, &guest, "text").await;
    assert_eq!(answer.problem(500), "internal");
    assert!(!answer.text().contains("UPID"), "{}", answer.text());
    // The websocket is refused.
    let effect = Effect::Answer { status: 401, text: "permission denied - invalid PVEVNC ticket".into() };
    cluster.faults().add(Rule::on_call("GET", "/vncwebsocket", effect)).unwrap();
    let mut wire = inn.console(&grace, &guest, "graphics").await;
    assert_eq!(wire.end().await, (4500, "internal".to_owned()));
    inn.check(&wire);
    inn.all_quiet().await;
}
