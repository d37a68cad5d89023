//! `innkeeper user`: people, as a client of the server.

use anyhow::{Context as _, bail};
use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Remote, Server, all, cell, cells};

/// Look after users.
#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// List the users.
    List {
        #[command(flatten)]
        remote: Remote,
    },
    /// Invite somebody into the house: by mail where there is an address and the house sends mails, else by a link that
    /// is shown once.
    Invite {
        /// For whom it is; left out, whoever holds the link may register.
        email: Option<String>,
        /// What they will be: user, operator or admin.
        #[arg(long, default_value = "user")]
        role: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// List the invitations.
    Invitations {
        #[command(flatten)]
        remote: Remote,
    },
    /// Take an invitation back.
    Withdraw {
        /// The invitation's id.
        invitation: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Take all second factors from a user who has lost them; their password alone signs in then.
    ResetFactors {
        /// The user's e-mail address or id.
        user: String,
        #[command(flatten)]
        remote: Remote,
    },
}

impl User {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List { remote } => {
                let users = all(&Server::find(&remote)?, "users").await?;
                let names = ["id", "email", "name", "role", "email_verified", "created_at"];
                remote.tell_list(users, &names, |user| cells(user, &names));
                Ok(())
            }
            Self::Invite { email, role, remote } => {
                let server = Server::find(&remote)?;
                let body = json!({ "email": email, "role": role });
                let made = server.request(Method::POST, "/api/v1/invitations", Some(&body)).await?;
                remote.tell(&made, || match made["link"].as_str() {
                    Some(link) => {
                        format!("hand this link over; it is shown this once and works once:\n{link}")
                    }
                    None => format!("the invitation is on its way to {}", cell(&made["invitation"]["email"])),
                });
                Ok(())
            }
            Self::Invitations { remote } => {
                let invitations = all(&Server::find(&remote)?, "invitations").await?;
                let names = ["id", "email", "role", "created_at", "expires_at", "used_at"];
                remote.tell_list(invitations, &names, |invitation| cells(invitation, &names));
                Ok(())
            }
            Self::Withdraw { invitation, remote } => {
                let server = Server::find(&remote)?;
                let path = format!("/api/v1/invitations/{invitation}");
                let answer = server.request(Method::DELETE, &path, None).await?;
                remote.tell(&answer, || format!("{invitation} is worth nothing any more"));
                Ok(())
            }
            Self::ResetFactors { user, remote } => {
                let server = Server::find(&remote)?;
                let id = find_user(&server, &user).await?;
                let path = format!("/api/v1/users/{id}/factors");
                let answer = server.request(Method::DELETE, &path, None).await?;
                remote.tell(&answer, || {
                    format!("{user} signs in by password alone now; their sessions have ended")
                });
                Ok(())
            }
        }
    }
}

/// The id of the user with this address or id.
pub(crate) async fn find_user(server: &Server, wanted: &str) -> anyhow::Result<String> {
    let users = all(server, "users").await?;
    let is_wanted = |user: &&Value| {
        user["id"] == wanted || user["email"].as_str().is_some_and(|email| email.eq_ignore_ascii_case(wanted))
    };
    let Some(user) = users.iter().find(is_wanted) else { bail!("no user has the address or id {wanted}") };
    Ok(user["id"].as_str().context("the server's answer holds no id")?.to_owned())
}
