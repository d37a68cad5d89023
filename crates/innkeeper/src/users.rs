//! `innkeeper user`: people, as a client of the server.

use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Remote, Server, all_of, cell, cells};
use crate::out::say;

/// Look after users.
#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// List users.
    List {
        /// Only those whose name or address contains this.
        #[arg(long)]
        text: Option<String>,
        /// Only those of this role: `user`, `operator`, `admin`.
        #[arg(long)]
        role: Option<String>,
        /// Only those who stand like this: `good`, `suspended`, `banned`.
        #[arg(long)]
        standing: Option<String>,
        #[command(flatten)]
        remote: Remote,
    },
    /// Show one user.
    Show {
        /// Their e-mail address or id.
        user: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Change how a user is called, or what they may do across the house.
    Change {
        /// Their e-mail address or id.
        user: String,
        /// How to greet them.
        #[arg(long)]
        name: Option<String>,
        /// `user`, `operator` or `admin`.
        #[arg(long)]
        role: Option<String>,
        #[command(flatten)]
        remote: Remote,
    },
    /// Suspend a user: they look, pay and leave; what they own stops.
    Suspend {
        /// Their e-mail address or id.
        user: String,
        /// Why; they are shown it.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// End a suspension.
    Unsuspend {
        /// Their e-mail address or id.
        user: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Ban a user: they do not get in; what they own stops.
    Ban {
        /// Their e-mail address or id.
        user: String,
        /// Why; they are shown it.
        #[arg(long)]
        reason: String,
        /// Until when, for example `2030-01-31T12:00:00Z`; for good when it is left out.
        #[arg(long)]
        until: Option<String>,
        #[command(flatten)]
        remote: Remote,
    },
    /// End a ban.
    Unban {
        /// Their e-mail address or id.
        user: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Invite somebody into the house: by mail where there is an address and the house sends mails, else by a link that
    /// is shown once.
    Invite {
        /// For whom it is; left out, whoever holds the link may register.
        email: Option<String>,
        /// What they will be: `user`, `operator` or `admin`.
        #[arg(long, default_value = "user")]
        role: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// List the invitations into the house.
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
        /// Their e-mail address or id.
        user: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Act for a user for half an hour: prints a token for `INNKEEPER_TOKEN`.
    Impersonate {
        /// Their e-mail address or id.
        user: String,
        /// Why; it stands in the audit log.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        remote: Remote,
    },
}

impl User {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List { text, role, standing, remote } => {
                let server = Server::find(&remote)?;
                let query = query(&[("text", text), ("role", role), ("standing", standing)]);
                let users = all_of(&server, "users", &query).await?;
                remote.tell_list(users, &["id", "email", "name", "role", "standing"], row);
                Ok(())
            }
            Self::Show { user, remote } => {
                let server = Server::find(&remote)?;
                let id = find(&server, &user).await?;
                let user = server.get(&format!("/api/v1/users/{id}")).await?;
                remote.tell(&user, || told(&user));
                Ok(())
            }
            Self::Change { user, name, role, remote } => {
                let mut body = serde_json::Map::new();
                for (field, value) in [("name", name), ("role", role)] {
                    body.extend(value.map(|value| (field.to_owned(), Value::from(value))));
                }
                change(&user, &remote, Method::PATCH, "", Value::Object(body)).await
            }
            Self::Suspend { user, reason, remote } => {
                change(&user, &remote, Method::POST, "/suspend", json!({ "reason": reason })).await
            }
            Self::Unsuspend { user, remote } => {
                change(&user, &remote, Method::POST, "/unsuspend", json!({})).await
            }
            Self::Ban { user, reason, until, remote } => {
                let body = json!({ "reason": reason, "until": until });
                change(&user, &remote, Method::POST, "/ban", body).await
            }
            Self::Unban { user, remote } => change(&user, &remote, Method::POST, "/unban", json!({})).await,
            Self::Invite { email, role, remote } => {
                let server = Server::find(&remote)?;
                let body = json!({ "email": email, "role": role });
                let made = server.request(Method::POST, "/api/v1/house-invitations", Some(&body)).await?;
                remote.tell(&made, || match made["link"].as_str() {
                    Some(link) => {
                        format!("hand this link over; it is shown this once and works once:\n{link}")
                    }
                    None => format!("the invitation is on its way to {}", cell(&made["invitation"]["email"])),
                });
                Ok(())
            }
            Self::Invitations { remote } => {
                let invitations = all_of(&Server::find(&remote)?, "house-invitations", "").await?;
                let names = ["id", "email", "role", "created_at", "expires_at", "used_at"];
                remote.tell_list(invitations, &names, |invitation| cells(invitation, &names));
                Ok(())
            }
            Self::Withdraw { invitation, remote } => {
                let server = Server::find(&remote)?;
                let path = format!("/api/v1/house-invitations/{invitation}");
                server.request(Method::DELETE, &path, None).await?;
                done(&remote, &format!("{invitation} is worth nothing any more"));
                Ok(())
            }
            Self::ResetFactors { user, remote } => {
                let server = Server::find(&remote)?;
                let id = find(&server, &user).await?;
                server.request(Method::DELETE, &format!("/api/v1/users/{id}/factors"), None).await?;
                done(&remote, &format!("{user} signs in by password alone now; their sessions have ended"));
                Ok(())
            }
            Self::Impersonate { user, reason, remote } => {
                let server = Server::find(&remote)?;
                let id = find(&server, &user).await?;
                let path = format!("/api/v1/users/{id}/impersonate");
                let opened = server.request(Method::POST, &path, Some(&json!({ "reason": reason }))).await?;
                if !remote.json {
                    eprintln!(
                        "you act for {} until {}",
                        cell(&opened["user"]["email"]),
                        cell(&opened["session"]["expires_at"])
                    );
                }
                remote.tell(&opened, || cell(&opened["token"]));
                Ok(())
            }
        }
    }
}

async fn change(user: &str, remote: &Remote, method: Method, verb: &str, body: Value) -> anyhow::Result<()> {
    let server = Server::find(remote)?;
    let id = find(&server, user).await?;
    let user = server.request(method, &format!("/api/v1/users/{id}{verb}"), Some(&body)).await?;
    remote.tell(&user, || told(&user));
    Ok(())
}

/// In a word how somebody stands.
fn standing(user: &Value) -> &'static str {
    match (user["ban"].is_null(), user["suspension"].is_null()) {
        (false, _) => "banned",
        (true, false) => "suspended",
        (true, true) => "good",
    }
}

fn row(user: &Value) -> Vec<String> {
    let mut row = cells(user, &["id", "email", "name", "role"]);
    row.push(standing(user).to_owned());
    row
}

fn told(user: &Value) -> String {
    let mut lines: Vec<String> = ["id", "email", "name", "role", "personal_project", "created_at"]
        .iter()
        .map(|name| format!("{name:16} {}", cell(&user[*name])))
        .collect();
    lines.push(format!("{:16} {}", "standing", standing(user)));
    for measure in [&user["suspension"], &user["ban"]].into_iter().filter(|measure| !measure.is_null()) {
        let until = measure["until"].as_str().map(|until| format!(" until {until}")).unwrap_or_default();
        lines.push(format!(
            "{:16} since {}{until}: {}",
            "",
            cell(&measure["since"]),
            cell(&measure["reason"])
        ));
    }
    lines.join("\n")
}

/// A query of what was given.
pub(crate) fn query(given: &[(&str, Option<String>)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in given {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    query.finish()
}

/// The id of the user with this id or address.
pub(crate) async fn find(server: &Server, wanted: &str) -> anyhow::Result<String> {
    if wanted.starts_with("usr_") {
        return Ok(wanted.to_owned());
    }
    let found = all_of(server, "users", &query(&[("text", Some(wanted.to_owned()))])).await?;
    let same = |user: &&Value| user["email"].as_str().is_some_and(|email| email.eq_ignore_ascii_case(wanted));
    match found.iter().find(same).and_then(|user| user["id"].as_str()) {
        Some(id) => Ok(id.to_owned()),
        None => anyhow::bail!("nobody has the address {wanted}\n  `innkeeper user list` shows who there is"),
    }
}

/// Tells that something was done, where the server says nothing.
pub(crate) fn done(remote: &Remote, words: &str) {
    if !remote.json {
        say!("{words}");
    }
}
