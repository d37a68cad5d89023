//! `innkeeper session`: where one is signed in, as a client of the server.

use clap::Subcommand;
use reqwest::Method;

use crate::client::{Remote, Server, cell};

/// Look after your sessions.
#[derive(Debug, Subcommand)]
pub(crate) enum Session {
    /// List where you are signed in.
    List {
        #[command(flatten)]
        remote: Remote,
    },
    /// End one of your sessions, or all others.
    End {
        /// The session's id, or `others` for all but this one.
        session: String,
        #[command(flatten)]
        remote: Remote,
    },
}

impl Session {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List { remote } => {
                let fields =
                    ["id", "current", "method", "address", "created_at", "last_used_at", "user_agent"];
                remote.tell_all("sessions", &fields).await
            }
            Self::End { session, remote } => {
                let server = Server::find(&remote)?;
                if session == "others" {
                    let answer = server.request(Method::DELETE, "/api/v1/sessions", None).await?;
                    remote.tell(&answer, || format!("ended {} sessions", cell(&answer["ended"])));
                    return Ok(());
                }
                let path = format!("/api/v1/sessions/{session}");
                let answer = server.request(Method::DELETE, &path, None).await?;
                remote.tell(&answer, || format!("ended {session}"));
                Ok(())
            }
        }
    }
}
