//! Minecraft: against servers and clients written by others.

mod bounds;
mod doorman;
mod rcon;
mod status;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

use crate::foreign::{Server, ready, script};

const PATIENCE: Duration = Duration::from_secs(40);

/// Where the modules are that servers and clients run on.
fn modules() -> Option<PathBuf> {
    Some(ready("node/node_modules/minecraft-protocol/package.json")?.join("node"))
}

fn node(modules: &PathBuf, name: &str, arguments: &[&str]) -> Server {
    let mut command = Command::new("node");
    Server::start(command.arg(script(name)).args(arguments).env("FOREIGN_MODULES", modules))
}

/// A server and its port.
async fn server(modules: &PathBuf, version: &str, motd: &str) -> (Server, u16) {
    let mut server = node(modules, "minecraft-server.mjs", &[version, motd]);
    let port = server.line().await.parse().unwrap();
    (server, port)
}

/// All that happens to a client that looks at the list.
async fn look(modules: &PathBuf, port: u16) -> Value {
    let mut client = node(modules, "minecraft-client.mjs", &["status", &port.to_string()]);
    serde_json::from_str(&client.line().await).unwrap()
}

/// The first thing that happens to a client that joins.
async fn join(modules: &PathBuf, port: u16, version: &str, name: &str) -> Value {
    let mut client = node(modules, "minecraft-client.mjs", &["join", &port.to_string(), version, name]);
    serde_json::from_str(&client.line().await).unwrap()
}
