//! `innkeeper webhook`: addresses that are told what happens to a project, as a client of the server.

use clap::Subcommand;
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::client::{Remote, Server, all, all_of, cell, cells, find};
use crate::users::done;

/// Look after webhooks: addresses that are told what happens to a project.
#[derive(Debug, Subcommand)]
pub(crate) enum Webhook {
    /// Make a webhook: prints its secret, this once.
    Create {
        /// The project, by name or id.
        project: String,
        /// What you call it.
        name: String,
        /// Where it is told, `https://…`.
        address: String,
        /// What it is told of: `instance`, `operation`, `project`, `lease`, `service`; may be repeated. Everything where
        /// nothing is said.
        #[arg(long = "subject")]
        subjects: Vec<String>,
        #[command(flatten)]
        remote: Remote,
    },
    /// List the webhooks of a project.
    List {
        /// The project, by name or id.
        project: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Show a webhook.
    Show {
        /// The webhook's id.
        id: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Change a webhook, or switch it on or off.
    Change {
        /// The webhook's id.
        id: String,
        /// What you call it.
        #[arg(long)]
        name: Option<String>,
        /// Where it is told.
        #[arg(long)]
        address: Option<String>,
        /// What it is told of; may be repeated. `all` for everything.
        #[arg(long = "subject")]
        subjects: Vec<String>,
        /// Switch it on.
        #[arg(long, conflicts_with = "off")]
        on: bool,
        /// Switch it off. What it was still to be told is given up.
        #[arg(long)]
        off: bool,
        #[command(flatten)]
        remote: Remote,
    },
    /// Give a webhook another secret: prints it, this once.
    RotateSecret {
        /// The webhook's id.
        id: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Send `webhook.test` to a webhook: prints the delivery's id.
    Test {
        /// The webhook's id.
        id: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// List what a webhook was told, newest first.
    Deliveries {
        /// The webhook's id.
        id: String,
        /// Only those in this state: `pending`, `delivered`, `failed`.
        #[arg(long)]
        state: Option<String>,
        #[command(flatten)]
        remote: Remote,
    },
    /// Send something once more, under the same id.
    Resend {
        /// The webhook's id.
        id: String,
        /// The delivery's id.
        delivery: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Delete a webhook and all that it was told.
    Delete {
        /// The webhook's id.
        id: String,
        #[command(flatten)]
        remote: Remote,
    },
}

const SHOWN: [&str; 6] = ["id", "name", "url", "enabled", "off_reason", "failing_since"];

fn row(webhook: &Value) -> Vec<String> {
    cells(webhook, &SHOWN)
}

impl Webhook {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let at = |id: &str| format!("/api/v1/webhooks/{id}");
        match self {
            Self::Create { project, name, address, subjects, remote } => {
                let server = Server::find(&remote)?;
                let project = find(&server, "projects", &project).await?;
                let body = json!({ "name": name, "url": address, "subjects": subjects });
                let path = format!("/api/v1/projects/{project}/webhooks");
                let made = server.request(Method::POST, &path, Some(&body)).await?;
                remote.tell(&made, || cell(&made["secret"]));
            }
            Self::List { project, remote } => {
                let server = Server::find(&remote)?;
                let project = find(&server, "projects", &project).await?;
                let webhooks = all(&server, &format!("projects/{project}/webhooks")).await?;
                remote.tell_list(webhooks, &SHOWN, row);
            }
            Self::Show { id, remote } => {
                let webhook = Server::find(&remote)?.get(&at(&id)).await?;
                remote.tell(&webhook, || row(&webhook).join("  "));
            }
            Self::Change { id, name, address, subjects, on, off, remote } => {
                let mut body = Map::new();
                body.extend(name.map(|name| ("name".to_owned(), name.into())));
                body.extend(address.map(|address| ("url".to_owned(), address.into())));
                if !subjects.is_empty() {
                    let named: Vec<_> = subjects.into_iter().filter(|subject| subject != "all").collect();
                    body.insert("subjects".to_owned(), named.into());
                }
                if on || off {
                    body.insert("enabled".to_owned(), on.into());
                }
                let server = Server::find(&remote)?;
                let changed = server.request(Method::PATCH, &at(&id), Some(&body.into())).await?;
                remote.tell(&changed, || row(&changed).join("  "));
            }
            Self::RotateSecret { id, remote } => {
                let path = format!("{}/rotate-secret", at(&id));
                let made = Server::find(&remote)?.request(Method::POST, &path, None).await?;
                remote.tell(&made, || cell(&made["secret"]));
            }
            Self::Test { id, remote } => {
                let path = format!("{}/test", at(&id));
                let sent = Server::find(&remote)?.request(Method::POST, &path, None).await?;
                remote.tell(&sent, || cell(&sent["id"]));
            }
            Self::Deliveries { id, state, remote } => {
                let query = state.map(|state| format!("state={state}")).unwrap_or_default();
                let server = Server::find(&remote)?;
                let told = all_of(&server, &format!("webhooks/{id}/deliveries"), &query).await?;
                let headings = ["id", "type", "subject_id", "state", "tries", "next_try_at", "last"];
                remote.tell_list(told, &headings, |delivery| {
                    let tries = delivery["tries"].as_array().map_or(0, Vec::len);
                    let last = &delivery["tries"][tries.saturating_sub(1)];
                    let last = if last["fault"].is_null() { &last["status"] } else { &last["fault"] };
                    let counted = vec![tries.to_string(), cell(&delivery["next_try_at"]), cell(last)];
                    [cells(delivery, &headings[..4]), counted].concat()
                });
            }
            Self::Resend { id, delivery, remote } => {
                let path = format!("{}/deliveries/{delivery}/resend", at(&id));
                let sent = Server::find(&remote)?.request(Method::POST, &path, None).await?;
                remote.tell(&sent, || cell(&sent["state"]));
            }
            Self::Delete { id, remote } => {
                Server::find(&remote)?.request(Method::DELETE, &at(&id), None).await?;
                done(&remote, "deleted");
            }
        }
        Ok(())
    }
}
