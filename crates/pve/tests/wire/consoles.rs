//! Terminals and screens over websockets.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt, SinkExt, StreamExt};
use pve::{Client, ConsoleFault, Error, GuestRef, NodeName, Vmid};
use serde_json::json;
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Message;

use crate::server::{Reply, Request, Server, Socket, ct, token};

const UPID: &str = "UPID:pve:00000311:0003B0BB:6B00E9CD:vncproxy:100:prov@pve!desk:";
const TICKET: &str = "PVEVNC:6B00E9CD::yhPW8/+=";

fn prepared() -> Reply {
    Reply::relayed(&json!({ "upid": UPID, "port": "5900", "user": "prov@pve!desk", "ticket": TICKET }))
}

/// Prepares a terminal on POST, and talks as `talk` does on the websocket.
async fn terminal_server<F>(talk: fn(Socket) -> F) -> Server
where
    F: Future<Output = ()> + Send + 'static,
{
    Server::start(move |r: &Request| match r.method.as_str() {
        "POST" => prepared(),
        _ => Reply::Websocket(Box::new(move |socket| talk(socket).boxed())),
    })
    .await
}

async fn text(socket: &mut Socket) -> String {
    match socket.next().await {
        Some(Ok(Message::Binary(bytes))) => String::from_utf8(bytes.to_vec()).unwrap(),
        other => panic!("{other:?}"),
    }
}

async fn say(socket: &mut Socket, what: &'static [u8]) {
    socket.send(Message::Binary(Bytes::from_static(what))).await.unwrap();
}

#[tokio::test]
async fn a_terminal_is_greeted_and_framed() {
    let server = terminal_server(|mut socket| async move {
        assert_eq!(text(&mut socket).await, format!("prov@pve!desk:{TICKET}\n"));
        say(&mut socket, b"O").await;
        say(&mut socket, b"Klogin: ").await;
        for expected in ["1:120:40:", "0:5:r\u{f6}o\n", "2"] {
            assert_eq!(text(&mut socket).await, expected);
        }
        say(&mut socket, b"bye").await;
        socket.close(None).await.unwrap();
    })
    .await;
    let client = server.client();
    let mut terminal = client.guest(&ct()).terminal().await.unwrap();
    assert_eq!(terminal.reader.recv().await.unwrap().unwrap(), "login: ");
    terminal.writer.resize(120, 40).await.unwrap();
    terminal.writer.send("r\u{f6}o\n".as_bytes()).await.unwrap();
    terminal.writer.ping().await.unwrap();
    assert_eq!(terminal.reader.recv().await.unwrap().unwrap(), "bye");
    assert_eq!(terminal.reader.recv().await.unwrap(), None);

    let seen = server.seen();
    assert_eq!(seen[0].line(), "POST /nodes/pve/lxc/105/termproxy");
    assert_eq!(
        seen[1].line(),
        "GET /nodes/pve/lxc/105/vncwebsocket?port=5900&vncticket=PVEVNC%3A6B00E9CD%3A%3AyhPW8%2F%2B%3D"
    );
    assert_eq!(seen[1].header("sec-websocket-protocol"), Some("binary"));
    assert_eq!(seen[1].header("sec-websocket-extensions"), None);
    assert_eq!(seen[1].header("authorization"), seen[0].header("authorization"));
    assert_eq!(terminal.upid.to_string(), UPID);
}

#[tokio::test]
async fn the_websocket_goes_to_the_endpoint_that_prepared_it() {
    let first = Server::start(|_| Reply::Close).await;
    let second = terminal_server(|mut socket| async move {
        text(&mut socket).await;
        say(&mut socket, b"OK").await;
    })
    .await;
    let wrong = pve::Trust::pin(second.fingerprint);
    let distrusted = pve::Endpoint::new(&first.url(), wrong).unwrap();
    let client = Client::builder(distrusted, token()).endpoint(second.endpoint()).build().unwrap();
    client.guest(&ct()).terminal().await.unwrap();
    assert_eq!((first.seen().len(), second.seen().len()), (0, 2));
}

#[tokio::test]
async fn a_terminal_that_is_not_accepted_is_an_error() {
    let closed = terminal_server(|mut socket| async move {
        text(&mut socket).await;
    })
    .await;
    let error = closed.client().guest(&ct()).terminal().await.unwrap_err();
    assert!(matches!(error, Error::Console { fault: ConsoleFault::NotReady, .. }), "{error:?}");

    let server = Server::start(|r| match r.method.as_str() {
        "POST" => prepared(),
        _ => Reply::bare(401, "permission denied - invalid PVEVNC ticket"),
    })
    .await;
    let error = server.client().guest(&ct()).terminal().await.unwrap_err();
    assert!(matches!(error, Error::Unauthorized { .. }), "{error:?}");
    assert!(!format!("{error:?}").contains("yhPW8"));
}

#[tokio::test]
async fn a_port_nobody_listens_on_is_given_up() {
    let asked = Arc::new(Notify::new());
    let server = Server::start({
        let asked = Arc::clone(&asked);
        move |r| {
            if r.method == "POST" {
                return prepared();
            }
            asked.notify_one();
            Reply::Hang
        }
    })
    .await;
    let client = server.client();
    let opening = tokio::spawn(async move { client.guest(&ct()).terminal().await.map(drop) });
    asked.notified().await;
    // From here on only the clock can move things on, so it jumps to the end of the patience.
    tokio::time::pause();
    let error = opening.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Console { fault: ConsoleFault::NoAnswer, .. }), "{error:?}");
}

#[tokio::test]
async fn a_screen_comes_with_its_password() {
    let server = Server::start(|r| match r.method.as_str() {
        "POST" if r.target.contains("lxc") => prepared(),
        "POST" => Reply::relayed(&json!({
            "upid": UPID, "port": 5901, "user": "prov@pve!desk", "cert": "x",
            "ticket": format!("+B+ZHQ_:{TICKET}"), "password": "+B+ZHQ_:"
        })),
        _ => Reply::Websocket(Box::new(|mut socket| {
            async move {
                say(&mut socket, b"RFB 003.008\n").await;
                assert_eq!(text(&mut socket).await, "RFB 003.008\n");
            }
            .boxed()
        })),
    })
    .await;
    let client = server.client();
    let vm = GuestRef::qemu(NodeName::new("pve").unwrap(), Vmid::new(200).unwrap());
    for (guest, password, asked) in
        [(vm, "+B+ZHQ_:", "websocket=1&generate-password=1"), (ct(), TICKET, "websocket=1")]
    {
        let before = server.seen().len();
        let mut screen = client.guest(&guest).vnc().await.unwrap();
        assert_eq!(secrecy::ExposeSecret::expose_secret(&screen.password), password);
        assert_eq!(screen.reader.recv().await.unwrap().unwrap(), "RFB 003.008\n");
        screen.writer.send(Bytes::from_static(b"RFB 003.008\n")).await.unwrap();
        assert_eq!(screen.reader.recv().await.unwrap(), None);
        assert_eq!(server.seen()[before].body, asked);
        assert!(!format!("{screen:?}").contains(password));
    }
    assert!(server.lines()[1].contains("vncticket=%2BB%2BZHQ_%3APVEVNC%3A"));
}

#[tokio::test]
async fn machines_and_nodes_have_terminals_too() {
    let server = terminal_server(|mut socket| async move {
        text(&mut socket).await;
        say(&mut socket, b"OK").await;
    })
    .await;
    let client = server.client();
    let vm = GuestRef::qemu(NodeName::new("pve").unwrap(), Vmid::new(200).unwrap());
    client.guest(&vm).terminal().await.unwrap();
    client.node_terminal(&vm.node).await.unwrap();
    let paths: Vec<String> = server.lines().iter().map(|l| l.split('?').next().unwrap().to_owned()).collect();
    assert_eq!(
        paths,
        [
            "POST /nodes/pve/qemu/200/termproxy",
            "GET /nodes/pve/qemu/200/vncwebsocket",
            "POST /nodes/pve/termproxy",
            "GET /nodes/pve/vncwebsocket",
        ]
    );
}

#[tokio::test]
async fn an_open_terminal_outlives_every_timeout() {
    let server = terminal_server(|mut socket| async move {
        text(&mut socket).await;
        say(&mut socket, b"OK").await;
        assert_eq!(text(&mut socket).await, "2");
        say(&mut socket, b"still here").await;
    })
    .await;
    let client = server.client();
    let mut terminal = client.guest(&ct()).terminal().await.unwrap();
    tokio::time::pause();
    tokio::time::advance(Duration::from_hours(8)).await;
    terminal.writer.ping().await.unwrap();
    assert_eq!(terminal.reader.recv().await.unwrap().unwrap(), "still here");
}

#[tokio::test]
async fn a_console_is_opened_by_its_own_node_once_that_is_known() {
    fn upid(node: &str) -> String {
        UPID.replace(":pve:", &format!(":{node}:"))
    }
    async fn node(name: &'static str) -> Server {
        Server::start(move |r: &Request| match r.method.as_str() {
            "POST" => {
                Reply::relayed(&json!({ "upid": upid(name), "port": 5900, "user": "x", "ticket": TICKET }))
            }
            _ => Reply::Websocket(Box::new(|mut socket| {
                async move {
                    text(&mut socket).await;
                    say(&mut socket, b"OK").await;
                }
                .boxed()
            })),
        })
        .await
    }
    let (oak, elm) = (node("oak").await, node("elm").await);
    let client = Client::builder(oak.endpoint(), token()).endpoint(elm.endpoint()).build().unwrap();
    let guest = |name: &str| GuestRef::lxc(NodeName::new(name).unwrap(), Vmid::new(105).unwrap());
    // Nothing is known at first, then one of which nothing is known is tried, then it is known.
    for name in ["elm", "elm", "elm", "oak", "oak", "elm"] {
        client.guest(&guest(name)).terminal().await.unwrap();
    }
    assert_eq!((oak.seen().len() / 2, elm.seen().len() / 2), (3, 3));
    let asked = |server: &Server, name: &str| server.lines().iter().filter(|l| l.contains(name)).count() / 2;
    assert_eq!((asked(&oak, "elm"), asked(&elm, "elm")), (1, 3));
    assert_eq!((asked(&oak, "oak"), asked(&elm, "oak")), (2, 0));
}

#[tokio::test]
async fn a_node_without_a_free_port_is_named() {
    let server = Server::start(|_| Reply::refusal(500, "unable to find free port (5900-5999)\n")).await;
    let error = server.client().guest(&ct()).terminal().await.unwrap_err();
    assert!(matches!(error, Error::NoFreePort { .. }), "{error:?}");
}
