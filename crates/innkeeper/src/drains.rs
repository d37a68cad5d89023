//! `innkeeper drain`: nodes that are being emptied.

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::Value;

use crate::client::{Remote, Server, all, cell, cells, find};

/// Empty nodes, by moving their instances elsewhere.
#[derive(Debug, Subcommand)]
pub(crate) enum Drain {
    /// Tell where each instance of a node would go, and which would remain. Changes nothing.
    Plan(Node),
    /// Begin to empty a node; it takes nothing new from then on.
    Start(Node),
    /// List drains.
    List {
        #[command(flatten)]
        remote: Remote,
    },
    /// Show one, with what became of each instance.
    Show(One),
    /// Stop one: what is being moved is moved, the rest remains.
    Stop(One),
}

/// Which node.
#[derive(Debug, Args)]
pub(crate) struct Node {
    /// The cluster, by name or id.
    cluster: String,
    /// The node.
    #[arg(value_name = "NODE")]
    name: String,
    #[command(flatten)]
    remote: Remote,
}

/// Which drain.
#[derive(Debug, Args)]
pub(crate) struct One {
    /// Its id.
    #[arg(value_name = "DRAIN")]
    id: String,
    #[command(flatten)]
    remote: Remote,
}

const MOVE: [&str; 6] = ["instance_id", "state", "to", "manner", "tries", "reason"];

impl Drain {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Plan(node) => {
                let server = Server::find(&node.remote)?;
                let moves = server.get(&node.path(&server).await?).await?;
                tell_moves(&node.remote, &moves);
            }
            Self::Start(node) => {
                let server = Server::find(&node.remote)?;
                let drain = server.request(Method::POST, &node.path(&server).await?, None).await?;
                node.remote.tell(&drain, || {
                    let id = cell(&drain["id"]);
                    format!("{id} has begun; follow it with: innkeeper drain show {id}")
                });
            }
            Self::List { remote } => {
                let server = Server::find(&remote)?;
                let columns = ["id", "node", "state", "created_at", "ended_at"];
                remote.tell_list(all(&server, "drains").await?, &columns, |row| cells(row, &columns));
            }
            Self::Show(one) => {
                let server = Server::find(&one.remote)?;
                let drain = server.get(&format!("/api/v1/drains/{}", one.id)).await?;
                if one.remote.json {
                    one.remote.tell(&drain, String::new);
                } else {
                    one.remote.tell(&drain, || {
                        format!("{} is {}", cell(&drain["drain"]["node"]), cell(&drain["drain"]["state"]))
                    });
                    tell_moves(&one.remote, &drain["moves"]);
                }
            }
            Self::Stop(one) => {
                let server = Server::find(&one.remote)?;
                let path = format!("/api/v1/drains/{}/stop", one.id);
                let drain = server.request(Method::POST, &path, None).await?;
                one.remote.tell(&drain, || format!("{} is {}", cell(&drain["id"]), cell(&drain["state"])));
            }
        }
        Ok(())
    }
}

impl Node {
    async fn path(&self, server: &Server) -> anyhow::Result<String> {
        let cluster = find(server, "clusters", &self.cluster).await?;
        Ok(format!("/api/v1/clusters/{cluster}/nodes/{}/drain", self.name))
    }
}

fn tell_moves(remote: &Remote, moves: &Value) {
    remote.tell_list(moves.as_array().cloned().unwrap_or_default(), &MOVE, |row| cells(row, &MOVE));
}
