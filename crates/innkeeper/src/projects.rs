//! `innkeeper project`: who owns instances, and who belongs to whom, as a client of the server.

use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Remote, Server, all, cell, cells, find};
use crate::users::done;

/// Look after projects.
#[derive(Debug, Subcommand)]
pub(crate) enum Project {
    /// Make a project that others can be invited into.
    Create {
        /// As shown.
        name: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// List the projects that you may see.
    List {
        #[command(flatten)]
        remote: Remote,
    },
    /// Rename a project.
    Rename {
        /// Its name or id.
        project: String,
        /// Its new name.
        name: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Delete a project that has nothing any more.
    Delete {
        /// Its name or id.
        project: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// List who belongs to a project.
    Members {
        /// Its name or id.
        project: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Change what a member may do.
    Member {
        /// Its name or id.
        project: String,
        /// Their e-mail address or id.
        user: String,
        /// `viewer`, `member` or `owner`.
        membership: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Remove a member.
    Remove {
        /// Its name or id.
        project: String,
        /// Their e-mail address or id.
        user: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Leave a project.
    Leave {
        /// Its name or id.
        project: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Invite somebody: prints a token to hand to them.
    Invite {
        /// Its name or id.
        project: String,
        /// Their e-mail address; they need no account yet.
        email: String,
        /// `viewer`, `member` or `owner`.
        #[arg(long, default_value = "member")]
        membership: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// List the open invitations into a project, or without one those that you have received.
    Invitations {
        /// Its name or id.
        project: Option<String>,
        #[command(flatten)]
        remote: Remote,
    },
    /// Accept an invitation by its id or token.
    Accept {
        /// As listed, or as you were given it.
        invitation: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Decline an invitation.
    Decline {
        /// Its id.
        invitation: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Take an invitation back.
    Revoke {
        /// The project's name or id.
        project: String,
        /// The invitation's id.
        invitation: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Show how much a project may have and has; for administrators: set it.
    Quota {
        /// Its name or id.
        project: String,
        /// Instances.
        #[arg(long)]
        instances: Option<u32>,
        /// Cores of all instances together.
        #[arg(long)]
        cores: Option<u32>,
        /// Memory of all instances together, in MiB.
        #[arg(long)]
        memory_mib: Option<u32>,
        /// Disk of all instances together, in GiB.
        #[arg(long)]
        disk_gib: Option<u32>,
        /// Go back to the defaults for all that is not given.
        #[arg(long)]
        reset: bool,
        #[command(flatten)]
        remote: Remote,
    },
}

/// A project, and the server that has it.
struct At {
    server: Server,
    path: String,
}

impl At {
    async fn find(remote: &Remote, project: &str) -> anyhow::Result<Self> {
        let server = Server::find(remote)?;
        let id = find(&server, "projects", project).await?;
        Ok(Self { server, path: format!("/api/v1/projects/{id}") })
    }

    /// The id of a member, by address or id.
    async fn member(&self, wanted: &str) -> anyhow::Result<String> {
        if wanted.starts_with("usr_") {
            return Ok(wanted.to_owned());
        }
        let noun = format!("{}/members", self.path.trim_start_matches("/api/v1/"));
        let members = all(&self.server, &noun).await?;
        let same = |member: &&Value| member["email"].as_str().is_some_and(|e| e.eq_ignore_ascii_case(wanted));
        match members.iter().find(same) {
            Some(member) => Ok(cell(&member["user_id"])),
            None => anyhow::bail!("{wanted} does not belong to this project"),
        }
    }

    async fn ask(&self, method: Method, rest: &str, body: Option<Value>) -> anyhow::Result<Value> {
        self.server.request(method, &format!("{}{rest}", self.path), body.as_ref()).await
    }
}

const INVITATION: [&str; 5] = ["id", "project_id", "email", "membership", "expires_at"];

impl Project {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Create { name, remote } => {
                let body = json!({ "name": name });
                let made =
                    Server::find(&remote)?.request(Method::POST, "/api/v1/projects", Some(&body)).await?;
                remote.tell(&made, || format!("made {} as {}", cell(&made["name"]), cell(&made["id"])));
            }
            Self::List { remote } => {
                let projects = all(&Server::find(&remote)?, "projects").await?;
                let columns = ["id", "name", "personal_of", "created_at"];
                remote.tell_list(projects, &columns, |project| cells(project, &columns));
            }
            Self::Rename { project, name, remote } => {
                let at = At::find(&remote, &project).await?;
                let now = at.ask(Method::PATCH, "", Some(json!({ "name": name }))).await?;
                remote.tell(&now, || format!("it is called {} now", cell(&now["name"])));
            }
            Self::Delete { project, remote } => {
                At::find(&remote, &project).await?.ask(Method::DELETE, "", None).await?;
                done(&remote, "deleted");
            }
            Self::Members { project, remote } => {
                let at = At::find(&remote, &project).await?;
                let members =
                    all(&at.server, &format!("{}/members", at.path.trim_start_matches("/api/v1/"))).await?;
                let columns = ["user_id", "email", "name", "membership"];
                remote.tell_list(members, &columns, |member| cells(member, &columns));
            }
            Self::Member { project, user, membership, remote } => {
                let at = At::find(&remote, &project).await?;
                let id = at.member(&user).await?;
                let body = json!({ "membership": membership });
                at.ask(Method::PATCH, &format!("/members/{id}"), Some(body)).await?;
                done(&remote, &format!("{user} is {membership} now"));
            }
            Self::Remove { project, user, remote } => {
                let at = At::find(&remote, &project).await?;
                let id = at.member(&user).await?;
                at.ask(Method::DELETE, &format!("/members/{id}"), None).await?;
                done(&remote, "removed");
            }
            Self::Leave { project, remote } => {
                At::find(&remote, &project).await?.ask(Method::DELETE, "/membership", None).await?;
                done(&remote, "you do not belong to it any more");
            }
            Self::Invite { project, email, membership, remote } => {
                let at = At::find(&remote, &project).await?;
                let body = json!({ "email": email, "membership": membership });
                let made = at.ask(Method::POST, "/invitations", Some(body)).await?;
                remote.tell(&made, || cell(&made["token"]));
            }
            Self::Invitations { project: Some(project), remote } => {
                let at = At::find(&remote, &project).await?;
                let noun = format!("{}/invitations", at.path.trim_start_matches("/api/v1/"));
                remote.tell_list(all(&at.server, &noun).await?, &INVITATION, |one| cells(one, &INVITATION));
            }
            Self::Invitations { project: None, remote } => {
                let received = all(&Server::find(&remote)?, "invitations").await?;
                let headings = [&INVITATION[..], &["project"]].concat();
                remote.tell_list(received, &headings, |one| {
                    [cells(&one["invitation"], &INVITATION), cells(one, &["project_name"])].concat()
                });
            }
            Self::Accept { invitation, remote } => {
                let server = Server::find(&remote)?;
                let joined = if invitation.starts_with("inv_") {
                    let path = format!("/api/v1/invitations/{invitation}/accept");
                    server.request(Method::POST, &path, Some(&json!({}))).await?
                } else {
                    let body = json!({ "token": invitation });
                    server.request(Method::POST, "/api/v1/invitations/accept", Some(&body)).await?
                };
                remote.tell(&joined, || format!("you belong to {} now", cell(&joined["name"])));
            }
            Self::Decline { invitation, remote } => {
                let path = format!("/api/v1/invitations/{invitation}");
                Server::find(&remote)?.request(Method::DELETE, &path, None).await?;
                done(&remote, "declined");
            }
            Self::Revoke { project, invitation, remote } => {
                let at = At::find(&remote, &project).await?;
                at.ask(Method::DELETE, &format!("/invitations/{invitation}"), None).await?;
                done(&remote, "taken back");
            }
            Self::Quota { project, instances, cores, memory_mib, disk_gib, reset, remote } => {
                let at = At::find(&remote, &project).await?;
                let mut quota = at.ask(Method::GET, "/quota", None).await?;
                let given = [
                    ("instances", instances),
                    ("cores", cores),
                    ("memory_mib", memory_mib),
                    ("disk_gib", disk_gib),
                ];
                if reset || given.iter().any(|(_, value)| value.is_some()) {
                    let mut set = if reset { json!({}) } else { quota["set"].clone() };
                    for (name, value) in given {
                        if let Some(value) = value {
                            set[name] = value.into();
                        }
                    }
                    quota = at.ask(Method::PUT, "/quota", Some(set)).await?;
                }
                remote.tell(&quota, || told(&quota));
            }
        }
        Ok(())
    }
}

fn told(quota: &Value) -> String {
    let line = |name: &str| {
        let set = if quota["set"][name].is_null() { "default" } else { "set for this project" };
        format!("{name:11} {} of {} ({set})", cell(&quota["used"][name]), cell(&quota["allowed"][name]))
    };
    ["instances", "cores", "memory_mib", "disk_gib"].map(line).join("\n")
}
