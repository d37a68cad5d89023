//! Clients that do what no good one does. Each is told what it did, nothing is left over, and nobody else notices.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use innkeeper_domain::consoles::Limits;
use pve_sim::GuestProcesses;
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use super::inn::{Inn, Wanted};

fn quick() -> Limits {
    Limits { message_bytes: 1000, patience: Duration::from_secs(3), ..Limits::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_large_or_senseless_messages_end_a_console() {
    let inn = Inn::open(Wanted { limits: quick(), ..Wanted::default() }).await;
    let grace = inn.user("grace").await;
    let guest = inn.guest(&grace, "web-1", &inn.container).await;
    let open = async |kind: &str| {
        let mut wire = inn.console(&grace, &guest, kind).await;
        if kind == "text" {
            wire.until("login: ").await;
        }
        wire
    };
    let too_large = (4008, "message_too_large".to_owned());
    let bad = (4009, "bad_message".to_owned());

    let mut wire = open("text").await;
    wire.say(vec![b'x'; 1000]).await;
    wire.say(vec![b'x'; 1001]).await;
    assert_eq!(wire.end().await, too_large);
    // In pieces, none of which is too large.
    let mut wire = open("text").await;
    for (number, last) in [(0, false), (1, false), (2, true)] {
        let opcode = if number == 0 { Data::Binary } else { Data::Continue };
        let frame = Frame::message(vec![b'x'; 400], OpCode::Data(opcode), last);
        wire.socket.send(Message::Frame(frame)).await.unwrap();
    }
    assert_eq!(wire.end().await, too_large);
    // In pieces that are not.
    let mut wire = open("text").await;
    for (piece, last) in [("r", false), ("o", false), ("ot\n", true)] {
        let opcode = if piece == "r" { Data::Binary } else { Data::Continue };
        let frame = Frame::message(piece.as_bytes().to_vec(), OpCode::Data(opcode), last);
        wire.socket.send(Message::Frame(frame)).await.unwrap();
    }
    wire.until("Password: ").await;
    drop(wire);
    for nonsense in ["", "rm -rf", r#"{"resize":{"columns":0,"rows":0}}"#, r#"{"run":"rm"}"#] {
        let mut wire = open("text").await;
        wire.tell(nonsense).await;
        assert_eq!(wire.end().await, bad, "{nonsense}");
    }
    for first in [&b"RFB 003.003\n"[..], b"GET / HTTP/1.1\r\n"] {
        let mut wire = open("graphics").await;
        wire.say(first).await;
        assert_eq!(wire.end().await, bad);
    }
    let mut wire = open("graphics").await;
    wire.say(&b"RFB 003.008\n\x02"[..]).await;
    assert_eq!(wire.end().await, bad, "a security type that was not offered");
    let mut wire = open("graphics").await;
    wire.begin_rfb().await;
    wire.tell(r#"{"resize":{"columns":80,"rows":24}}"#).await;
    assert_eq!(wire.end().await, bad);
    inn.check(&wire);
    // A frame that no client may send: not masked.
    let mut wire = open("text").await;
    wire.socket.get_mut().write_all(b"\x82\x01x").await.unwrap();
    assert_eq!(wire.end().await.0, 4009);
    inn.all_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_or_leaves_at_any_step_leaves_nothing_behind() {
    let inn = Inn::open(Wanted { limits: quick(), ..Wanted::default() }).await;
    let grace = inn.user("grace").await;
    let guest = inn.guest(&grace, "web-1", &inn.container).await;
    // A viewer that never greets.
    let mut silent = inn.console(&grace, &guest, "graphics").await;
    // At once; after the first bytes; in the middle of the greeting; after it; each with and without a goodbye.
    for polite in [true, false] {
        for step in 0..6 {
            let kind = if step < 2 { "text" } else { "graphics" };
            let mut wire = inn.console(&grace, &guest, kind).await;
            match step {
                1 => drop(wire.until("login: ").await),
                3 => drop(wire.read(12).await),
                4 => {
                    wire.read(12).await;
                    wire.say("RFB 003.008\n").await;
                    wire.read(2).await;
                    wire.say([1]).await;
                }
                5 => drop(wire.begin_rfb().await),
                _ => {}
            }
            if polite {
                wire.socket.close(None).await.unwrap();
            }
        }
    }
    // Says much before it is open.
    let mut early = inn.console(&grace, &guest, "text").await;
    for _ in 0..200 {
        early.say("x").await;
    }
    early.say("\n").await;
    early.until("Password: ").await;
    drop(early);
    assert_eq!(silent.end().await, (4006, "client_too_slow".to_owned()));
    drop(silent);
    inn.all_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_is_let_go_and_holds_up_nobody() {
    let wanted = Wanted { limits: quick(), guests: GuestProcesses::Auto, ..Wanted::default() };
    let inn = Inn::open(wanted).await;
    let grace = inn.user("grace").await;
    let guest = inn.guest(&grace, "web-1", &inn.container).await;
    let other = inn.guest(&grace, "web-2", &inn.container).await;
    let mut wire = inn.console(&grace, &guest, "text").await;
    wire.say("yes flood\n").await;
    wire.until("flood").await;
    // From here on it reads nothing, and the kernel's buffers fill up.
    let mut beside = inn.console(&grace, &other, "text").await;
    beside.say("echo still=$((6*7))\n").await;
    beside.until("still=42").await;
    drop(beside);
    inn.all_quiet().await;
    let told = inn.told().await;
    assert!(told.iter().any(|(_, after)| after["ending"] == "client_too_slow"), "{told:?}");
    // What was under way may still be read, but it ends.
    while let Some(Ok(_)) = wire.socket.next().await {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_pings_and_empty_messages_is_no_sign_of_life() {
    let limits = Limits { idle: Duration::from_millis(700), ..quick() };
    let inn = Inn::open(Wanted { limits, ..Wanted::default() }).await;
    let grace = inn.user("grace").await;
    let guest = inn.guest(&grace, "web-1", &inn.container).await;
    let mut wire = inn.console(&grace, &guest, "text").await;
    let ended = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            let ping = wire.socket.send(Message::Ping(vec![7; 100].into())).await;
            let empty = wire.socket.send(Message::Binary(Vec::new().into())).await;
            if ping.is_err() || empty.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
    });
    ended.await.expect("it ends");
    inn.all_quiet().await;
    let told = inn.told().await;
    assert_eq!(told.last().unwrap().1["ending"], "idle");
}
