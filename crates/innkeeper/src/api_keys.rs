//! `innkeeper key`: what programs use in place of a session, as a client of the server.

use clap::Subcommand;
use reqwest::Method;
use serde_json::json;

use crate::client::{Remote, Server, all, cell, cells, find};
use crate::users::done;

/// Look after your keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Make a key: prints its token, this once.
    Create {
        /// What it is for.
        name: String,
        /// What it may be used for: `read`, `instances`, `projects`, `billing`, `house`; may be repeated.
        #[arg(long = "scope", required = true)]
        scopes: Vec<String>,
        /// The only project that it is good for, by name or id.
        #[arg(long)]
        project: Option<String>,
        /// From where it may be used, for example `192.0.2.0/24`; may be repeated.
        #[arg(long = "range")]
        ranges: Vec<String>,
        /// When it ends, for example `2030-01-31T12:00:00Z`.
        #[arg(long)]
        expires: Option<String>,
        #[command(flatten)]
        remote: Remote,
    },
    /// List your keys.
    List {
        #[command(flatten)]
        remote: Remote,
    },
    /// End a key.
    Revoke {
        /// Its name or id.
        key: String,
        #[command(flatten)]
        remote: Remote,
    },
}

impl Key {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Create { name, scopes, project, ranges, expires, remote } => {
                let server = Server::find(&remote)?;
                let project = match project {
                    Some(project) => Some(find(&server, "projects", &project).await?),
                    None => None,
                };
                let body = json!({
                    "name": name, "scopes": scopes, "project_id": project, "ranges": ranges, "expires_at": expires,
                });
                let made = server.request(Method::POST, "/api/v1/keys", Some(&body)).await?;
                remote.tell(&made, || cell(&made["token"]));
            }
            Self::List { remote } => {
                let keys = all(&Server::find(&remote)?, "keys").await?;
                let headings = ["id", "name", "project_id", "expires_at", "last_used_at", "scopes"];
                remote.tell_list(keys, &headings, |key| {
                    let mut row = cells(key, &headings[..5]);
                    let scopes = key["scopes"].as_array().into_iter().flatten();
                    row.push(scopes.filter_map(|scope| scope.as_str()).collect::<Vec<_>>().join(","));
                    row
                });
            }
            Self::Revoke { key, remote } => {
                let server = Server::find(&remote)?;
                let id = find(&server, "keys", &key).await?;
                server.request(Method::DELETE, &format!("/api/v1/keys/{id}"), None).await?;
                done(&remote, "ended");
            }
        }
        Ok(())
    }
}
