//! `innkeeper iso`: images of discs that virtual machines can be given.

use clap::Subcommand;
use reqwest::Method;
use serde_json::json;

use crate::client::{Remote, Server, cell, cells, find};
use crate::out::say;

/// Look after images of discs that virtual machines can be given.
#[derive(Debug, Subcommand)]
pub(crate) enum Iso {
    /// List those on offer.
    List {
        #[command(flatten)]
        remote: Remote,
    },
    /// Offer one.
    Add {
        /// As shown.
        name: String,
        /// The cluster that has it, by name or id.
        #[arg(long)]
        cluster: String,
        /// What Proxmox calls it: storage:iso/file.iso.
        #[arg(long)]
        volume: String,
        /// Machines are started from it to be rescued.
        #[arg(long)]
        rescue: bool,
        #[command(flatten)]
        remote: Remote,
    },
    /// Offer one no longer.
    Remove {
        /// Its id.
        iso: String,
        #[command(flatten)]
        remote: Remote,
    },
}

impl Iso {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List { remote } => {
                let server = Server::find(&remote)?;
                let items = server.get("/api/v1/isos").await?.as_array().cloned().unwrap_or_default();
                let columns = ["id", "name", "rescue", "volume"];
                remote.tell_list(items, &columns, |row| cells(row, &columns));
            }
            Self::Add { name, cluster, volume, rescue, remote } => {
                let server = Server::find(&remote)?;
                let cluster = find(&server, "clusters", &cluster).await?;
                let body = json!({ "cluster_id": cluster, "name": name, "volume": volume, "rescue": rescue });
                let iso = server.request(Method::POST, "/api/v1/isos", Some(&body)).await?;
                remote.tell(&iso, || format!("{} {}", cell(&iso["id"]), cell(&iso["name"])));
            }
            Self::Remove { iso, remote } => {
                let server = Server::find(&remote)?;
                server.request(Method::DELETE, &format!("/api/v1/isos/{iso}"), None).await?;
                say!("{iso} is not offered any more");
            }
        }
        Ok(())
    }
}
