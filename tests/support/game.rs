//! A Minecraft server and those who play there, by programs that others wrote.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::in_repository;

/// Where every game listens, on its machine.
pub const GAME_PORT: u16 = 25565;

const VERSION: &str = "1.20.4";

/// Where `crates/connectors/tests/foreign/install.sh` put them; `None` where it did not, and need not.
pub fn modules() -> Option<PathBuf> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let modules = target.join("foreign/connectors/node");
    if modules.join("node_modules/minecraft-protocol/package.json").exists() {
        return Some(modules);
    }
    let say =
        format!("{} is not there: crates/connectors/tests/foreign/install.sh makes it", modules.display());
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{say}");
    println!("skipped: {say}");
    None
}

fn node(script: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(in_repository("crates/connectors/tests/foreign").join(script));
    command.env("FOREIGN_MODULES", modules().unwrap()).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// Starts a server in the network of this thread.
pub fn serve(message: &str) -> Child {
    let mut command = node("minecraft-server.mjs");
    command.args([VERSION, message, "0.0.0.0", &GAME_PORT.to_string()]).stdout(Stdio::null());
    command.spawn().unwrap()
}

/// Somebody with a client.
pub struct Player {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Player {
    fn sits_down(arguments: &[&str]) -> Self {
        let mut child = node("minecraft-client.mjs").args(arguments).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    async fn sees(&mut self) -> Value {
        let line = self.lines.next_line().await.unwrap().expect("the client ended");
        serde_json::from_str(&line).unwrap()
    }

    /// What the list of servers shows of one.
    pub async fn looks(port: u16) -> Value {
        Self::sits_down(&["status", &port.to_string()]).sees().await
    }

    /// Joins to stay; answers the first thing that happens too.
    pub async fn joins(port: u16, name: &str) -> (Self, Value) {
        let mut player = Self::sits_down(&["play", &port.to_string(), VERSION, name]);
        let first = player.sees().await;
        (player, first)
    }

    /// Leaves by the door.
    pub async fn leaves(mut self) {
        drop(self.child.stdin.take());
        while self.lines.next_line().await.unwrap().is_some() {}
        self.child.wait().await.unwrap();
    }
}
