//! `innkeeper notification`: what you are told, and how, as a client of the server.

use clap::{Subcommand, ValueEnum};
use innkeeper_domain::notifications::Kind;
use reqwest::Method;
use serde_json::json;

use crate::client::{Remote, Server, cell, cells};

/// Choose what you are told, and how.
#[derive(Debug, Subcommand)]
pub(crate) enum Notification {
    /// List what you can be told, and how you are.
    List {
        #[command(flatten)]
        remote: Remote,
    },
    /// Choose how you are told of one kind of thing; what is left out stays.
    Set {
        /// Of what: `credits`, `stopped`, `deletion`, `leases`, `backups` or `webhooks`.
        kind: Kind,
        /// By e-mail.
        #[arg(long, value_name = "ON|OFF")]
        email: Option<Switch>,
        /// By direct message at Discord; your account must be linked.
        #[arg(long, value_name = "ON|OFF")]
        discord: Option<Switch>,
        #[command(flatten)]
        remote: Remote,
    },
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

const PATH: &str = "/api/v1/me/notifications";

impl Notification {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List { remote } => {
                let found = Server::find(&remote)?.get(PATH).await?;
                let choices = found["choices"].as_array().cloned().unwrap_or_default();
                let columns = ["kind", "email", "discord", "must_arrive"];
                remote.tell_list(choices, &columns, |row| cells(row, &columns));
            }
            Self::Set { kind, email, discord, remote } => {
                let on = |switch: Option<Switch>| switch.map(|switch| switch == Switch::On);
                let mut body = json!({});
                for (name, said) in [("email", on(email)), ("discord", on(discord))] {
                    if let Some(said) = said {
                        body[name] = said.into();
                    }
                }
                let path = format!("{PATH}/{kind}");
                let now = Server::find(&remote)?.request(Method::PATCH, &path, Some(&body)).await?;
                let told =
                    || format!("{kind}: e-mail {}, Discord {}", cell(&now["email"]), cell(&now["discord"]));
                remote.tell(&now, told);
            }
        }
        Ok(())
    }
}
