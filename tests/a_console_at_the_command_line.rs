//! Somebody types into an instance from a terminal of their own, through the real program and the real server.

use std::time::Duration;

use pve_sim::{GuestProcesses, Latency};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::support::{DatabaseKind, Lab, Server, TestDatabase};

const SOON: Duration = Duration::from_secs(30);

/// What a terminal shows.
struct Shown {
    pty: pty_process::Pty,
    text: String,
}

impl Shown {
    async fn until(&mut self, wanted: &str) {
        let reading = async {
            let mut buffer = [0; 4096];
            while !self.text.contains(wanted) {
                let count = self.pty.read(&mut buffer).await.unwrap_or(0);
                assert!(count > 0, "it ended after: {}", self.text);
                self.text += &String::from_utf8_lossy(&buffer[..count]);
            }
        };
        let done = timeout(SOON, reading).await;
        assert!(done.is_ok(), "no {wanted:?} in {}", self.text);
    }

    async fn type_in(&mut self, keys: &[u8]) {
        self.pty.write_all(keys).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_here_is_a_terminal_there() {
    let Some(database) = TestDatabase::make(DatabaseKind::Sqlite).await else { return };
    let lab = Lab::with(1, 1, Latency::Zero, GuestProcesses::Auto).await;
    let server = Server::start(database, &[]).await;
    let (container, _) = server.furnish(&lab).await;
    let made = server.create("web-1", &container).await;
    assert_eq!(server.settled(&made).await["state"], "succeeded");

    let open = || {
        let (pty, pts) = pty_process::open().unwrap();
        pty.resize(pty_process::Size::new(33, 101)).unwrap();
        let command = pty_process::Command::new(env!("CARGO_BIN_EXE_innkeeper"))
            .args(["instance", "console", "web-1"])
            .env("INNKEEPER_URL", &server.url)
            .env("INNKEEPER_TOKEN", &server.token)
            .env("HOME", server.folder())
            .kill_on_drop(true);
        (command.spawn(pts).unwrap(), Shown { pty, text: String::new() })
    };
    let (mut child, mut shown) = open();
    shown.until("Ctrl-] leaves it").await;
    shown.type_in(b"echo answer=$((6*7))\r").await;
    shown.until("answer=42").await;
    // The window's size arrives, also when it changes.
    shown.type_in(b"stty size\r").await;
    shown.until("33 101").await;
    shown.pty.resize(pty_process::Size::new(44, 132)).unwrap();
    shown.type_in(b"until [ \"$(stty size)\" = '44 132' ]; do sleep 0.1; done; echo re''sized\r").await;
    shown.until("\nresized").await;
    shown.type_in(b"\x1d").await;
    shown.until("left the console").await;
    assert!(timeout(SOON, child.wait()).await.unwrap().unwrap().success());

    // It ends when the instance does, and says why when it cannot be.
    let (mut child, mut shown) = open();
    shown.until("Ctrl-] leaves it").await;
    shown.type_in(b"echo again=$((6*7))\r").await;
    shown.until("again=42").await;
    let stopped = server.ask("stop", made["instance_id"].as_str().unwrap()).await;
    shown.until("the console ended: the instance stopped").await;
    assert!(timeout(SOON, child.wait()).await.unwrap().unwrap().success());
    server.settled(&stopped).await;
    let (mut child, mut shown) = open();
    shown.until("the instance is stopped").await;
    assert!(!timeout(SOON, child.wait()).await.unwrap().unwrap().success());
    let log = server.get("/audit?action=console.close").await;
    assert_eq!(log["items"].as_array().unwrap().len(), 2, "{log:#}");
}
