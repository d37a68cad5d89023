//! `innkeeper announcement`: what everybody is told, as a client of the server.

use clap::{Args, Subcommand};
use innkeeper_domain::announcements::Level;
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::client::{Remote, Server, all, cell, cells};

/// Look after announcements: what everybody who is signed in is told.
#[derive(Debug, Subcommand)]
pub(crate) enum Announcement {
    /// Announce something, in English, in French, or in both. For staff.
    Make {
        #[command(flatten)]
        said: Said,
        #[command(flatten)]
        remote: Remote,
    },
    /// Show what everybody is told now.
    Shown {
        #[command(flatten)]
        remote: Remote,
    },
    /// List all announcements, newest first, with those that are planned or over. For staff.
    List {
        #[command(flatten)]
        remote: Remote,
    },
    /// Change an announcement; what is left out stays. For staff.
    Change {
        /// The announcement's id.
        id: String,
        #[command(flatten)]
        said: Said,
        #[command(flatten)]
        remote: Remote,
    },
    /// End an announcement now. For staff.
    End {
        /// The announcement's id.
        id: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Delete an announcement, whatever its state. For staff.
    Delete {
        /// The announcement's id.
        id: String,
        #[command(flatten)]
        remote: Remote,
    },
}

/// What is announced.
#[derive(Debug, Args)]
pub(crate) struct Said {
    /// How much it matters: `info`, `warning`, or `critical`, which nobody can put away.
    #[arg(long)]
    level: Option<Level>,
    /// In English; empty when it is to be in French alone.
    #[arg(long, value_name = "TEXT")]
    en: Option<String>,
    /// In French; empty when it is to be in English alone.
    #[arg(long, value_name = "TEXT")]
    fr: Option<String>,
    /// From when on, for example `2027-01-01T20:00:00Z`; a new one from now on.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Until when, or `ended`: until somebody ends it.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

impl Said {
    /// What was said, and nothing else.
    fn body(self) -> Value {
        let unless = |none: &str, text: String| if text == none { Value::Null } else { text.into() };
        let fields = [
            ("level", self.level.map(|level| json!(level))),
            ("text_en", self.en.map(|text| unless("", text))),
            ("text_fr", self.fr.map(|text| unless("", text))),
            ("from", self.from.map(Value::from)),
            ("until", self.until.map(|until| unless("ended", until))),
        ];
        let said = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Value::Object(said.collect::<Map<_, _>>())
    }
}

impl Announcement {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Make { said, remote } => {
                let server = Server::find(&remote)?;
                let made = server.request(Method::POST, "/api/v1/announcements", Some(&said.body())).await?;
                remote.tell(&made, || format!("{} is {}", cell(&made["id"]), cell(&made["state"])));
            }
            Self::Shown { remote } => {
                let shown = Server::find(&remote)?.get("/api/v1/announcements/shown").await?;
                let shown = shown.as_array().cloned().unwrap_or_default();
                let columns = ["level", "from", "until", "text_en", "text_fr"];
                remote.tell_list(shown, &columns, |row| cells(row, &columns));
            }
            Self::List { remote } => {
                let found = all(&Server::find(&remote)?, "announcements").await?;
                let columns = ["id", "state", "level", "from", "until", "text_en", "text_fr"];
                remote.tell_list(found, &columns, |row| cells(row, &columns));
            }
            Self::Change { id, said, remote } => {
                let path = format!("/api/v1/announcements/{id}");
                let changed =
                    Server::find(&remote)?.request(Method::PATCH, &path, Some(&said.body())).await?;
                remote.tell(&changed, || format!("{id} is changed, and {}", cell(&changed["state"])));
            }
            Self::End { id, remote } => {
                let path = format!("/api/v1/announcements/{id}/end");
                let ended = Server::find(&remote)?.request(Method::POST, &path, None).await?;
                remote.tell(&ended, || format!("{id} is over"));
            }
            Self::Delete { id, remote } => {
                let path = format!("/api/v1/announcements/{id}");
                let done = Server::find(&remote)?.request(Method::DELETE, &path, None).await?;
                remote.tell(&done, || format!("{id} is deleted"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_stays_and_what_is_empty_goes() {
        let said = Said {
            level: Some(Level::Critical),
            en: Some(String::new()),
            fr: Some("Ce soir".into()),
            from: None,
            until: Some("ended".into()),
        };
        let body = json!({ "level": "critical", "text_en": null, "text_fr": "Ce soir", "until": null });
        assert_eq!(said.body(), body);
    }
}
