//! `innkeeper instance drift`: where a guest differs from what is held of it, and which of the two is to count.

use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Remote, Server, cell, find};
use crate::instances::settle;
use crate::out::say;

/// Decide which is right where a guest differs from what is held of it.
#[derive(Debug, Subcommand)]
pub(crate) enum Drift {
    /// Show where it differs.
    Show {
        /// Its name or id.
        instance: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Take what Proxmox has as what is wanted.
    Accept {
        /// Its name or id.
        instance: String,
        /// It may cost less from now on, because it is smaller.
        #[arg(long)]
        allow_cheaper: bool,
        #[command(flatten)]
        remote: Remote,
    },
    /// Bring back what is held of it.
    Restore {
        /// Its name or id.
        instance: String,
        /// Return at once instead of following the operation, if there is one.
        #[arg(long)]
        no_wait: bool,
        #[command(flatten)]
        remote: Remote,
    },
}

impl Drift {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Show { instance, remote } => {
                let server = Server::find(&remote)?;
                let id = find(&server, "instances", &instance).await?;
                let found = server.get(&format!("/api/v1/instances/{id}")).await?["drift"].take();
                if remote.json {
                    say!("{found:#}");
                } else if found.as_array().is_none_or(Vec::is_empty) {
                    say!("nothing differs");
                } else {
                    show(&found);
                }
                Ok(())
            }
            Self::Accept { instance, allow_cheaper, remote } => {
                let server = Server::find(&remote)?;
                let id = find(&server, "instances", &instance).await?;
                let path = format!("/api/v1/instances/{id}/drift/accept");
                let body = json!({ "allow_cheaper": allow_cheaper });
                let done = server.request(Method::POST, &path, Some(&body)).await?;
                remote.tell(&done, || format!("accepted: {}", what(&done["accepted"])));
                Ok(())
            }
            Self::Restore { instance, no_wait, remote } => {
                let server = Server::find(&remote)?;
                let id = find(&server, "instances", &instance).await?;
                let path = format!("/api/v1/instances/{id}/drift/restore");
                let mut done = server.request(Method::POST, &path, None).await?;
                if done["operation"].is_object() {
                    return settle(&server, done["operation"].take(), no_wait, &remote).await;
                }
                remote.tell(&done, || format!("restored: {}", what(&done["restored"])));
                Ok(())
            }
        }
    }
}

/// Names what was accepted or restored.
fn what(items: &Value) -> String {
    let word = |item: &Value| if item.is_string() { cell(item) } else { cell(&item["what"]) };
    let words: Vec<String> = items.as_array().into_iter().flatten().map(word).collect();
    if words.is_empty() { "nothing differs".to_owned() } else { words.join(", ") }
}

/// Prints each difference in a line.
pub(crate) fn show(drift: &Value) {
    for one in drift.as_array().into_iter().flatten() {
        let values = match (one["expected"].as_str(), one["found"].as_str()) {
            (Some(expected), Some(found)) => format!("{expected} → {found}, "),
            (None, Some(found)) => format!("{found}, "),
            _ => String::new(),
        };
        say!(
            "{:11} {} {}: {values}since {}; {}",
            "drift",
            cell(&one["kind"]),
            cell(&one["what"]),
            cell(&one["since"]),
            cell(&one["what_to_do"])
        );
    }
}
