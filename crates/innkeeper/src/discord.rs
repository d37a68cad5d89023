//! `innkeeper discord`: one's link with Discord, and what administrators set for the bot.

use std::path::PathBuf;

use anyhow::Context;
use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Remote, Server, cell, cells};

/// Look after the bot at Discord.
#[derive(Debug, Subcommand)]
pub(crate) enum Discord {
    /// Link your account with the one at Discord that was shown this code by `/link`.
    Link {
        /// The code.
        code: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// End that link.
    Unlink {
        #[command(flatten)]
        remote: Remote,
    },
    /// What is set for the bot.
    #[command(subcommand)]
    Settings(Settings),
    /// List the texts of the bot, with what is said in their place.
    Texts {
        #[command(flatten)]
        remote: Remote,
    },
}

/// What is set for the bot.
#[derive(Debug, Subcommand)]
pub(crate) enum Settings {
    /// Show it, as the file that `set` takes.
    Show {
        #[command(flatten)]
        remote: Remote,
    },
    /// Set it, all of it.
    Set {
        /// A file with it, as JSON; `-` reads the standard input.
        file: PathBuf,
        #[command(flatten)]
        remote: Remote,
    },
}

const SETTINGS: &str = "/api/v1/discord/settings";

impl Discord {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Link { code, remote } => {
                let server = Server::find(&remote)?;
                let body = json!({ "token": code });
                let link = server.request(Method::POST, "/api/v1/discord/links", Some(&body)).await?;
                remote.tell(&link, || format!("linked with {} at Discord", cell(&link["name"])));
            }
            Self::Unlink { remote } => {
                let server = Server::find(&remote)?;
                server.request(Method::DELETE, "/api/v1/discord/links", None).await?;
                remote.tell(&Value::Null, || "not linked any more".to_owned());
            }
            Self::Settings(Settings::Show { remote }) => {
                let server = Server::find(&remote)?;
                let settings = server.get(SETTINGS).await?;
                let shown = serde_json::to_string_pretty(&settings)?;
                remote.tell(&settings, || shown);
            }
            Self::Settings(Settings::Set { file, remote }) => {
                let text = if file.as_os_str() == "-" {
                    std::io::read_to_string(std::io::stdin())?
                } else {
                    std::fs::read_to_string(&file)
                        .with_context(|| format!("{} cannot be read", file.display()))?
                };
                let body: Value =
                    serde_json::from_str(&text).with_context(|| format!("{} is not JSON", file.display()))?;
                let server = Server::find(&remote)?;
                let settings = server.request(Method::PUT, SETTINGS, Some(&body)).await?;
                remote.tell(&settings, || "set; the bot goes by it from now on".to_owned());
            }
            Self::Texts { remote } => {
                let server = Server::find(&remote)?;
                let texts = server.get("/api/v1/discord/texts").await?;
                let columns = ["key", "en", "fr", "own_en", "own_fr"];
                let texts = texts.as_array().cloned().unwrap_or_default();
                remote.tell_list(texts, &columns, |row| cells(row, &columns));
            }
        }
        Ok(())
    }
}
