//! `innkeeper audit`: reading the audit log as a client of the server, and checking it on the machine of the database.

use anyhow::bail;
use clap::Subcommand;
use innkeeper_domain::access::Actor;

use crate::client::{Remote, Server, cells};
use crate::config::Config;
use crate::house;
use crate::out::say;
use crate::users::query;

/// Look at who did what.
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// List the newest entries.
    List {
        /// Only those by this user, or by an administrator who acted for them.
        #[arg(long)]
        user: Option<String>,
        /// Only those about what is this project's; its owners may ask for that.
        #[arg(long)]
        project: Option<String>,
        /// Only those about the thing with this id.
        #[arg(long)]
        object: Option<String>,
        /// Only those of this action (`instance.start`), or of this noun (`instance`).
        #[arg(long)]
        action: Option<String>,
        /// How many, at most 200.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        #[command(flatten)]
        remote: Remote,
    },
    /// Check that nobody has changed the log behind our back; on the machine of the database. Fails when it is not
    /// whole.
    Verify {
        /// The head that an earlier check printed, kept elsewhere: the log must still contain it.
        #[arg(long, value_name = "HEAD")]
        expect: Option<String>,
    },
}

impl Audit {
    pub(crate) async fn run(self, config: impl FnOnce() -> anyhow::Result<Config>) -> anyhow::Result<()> {
        match self {
            Self::List { user, project, object, action, limit, remote } => {
                let server = Server::find(&remote)?;
                let user = match user {
                    Some(user) => Some(crate::users::find(&server, &user).await?),
                    None => None,
                };
                let project = match project {
                    Some(project) => Some(crate::client::find(&server, "projects", &project).await?),
                    None => None,
                };
                let query = query(&[
                    ("user_id", user),
                    ("project_id", project),
                    ("object", object),
                    ("action", action),
                    ("limit", Some(limit.to_string())),
                ]);
                let page = server.get(&format!("/api/v1/audit?{query}")).await?;
                let entries = page["items"].as_array().cloned().unwrap_or_default();
                let columns = ["seq", "at", "user_id", "means", "address", "action", "object", "outcome"];
                remote.tell_list(entries, &columns, |entry| cells(entry, &columns));
                if !remote.json && !page["next_cursor"].is_null() {
                    eprintln!("there are older ones; ask for more with --limit, or narrow it down");
                }
                Ok(())
            }
            Self::Verify { expect } => verify(&config()?, expect.as_deref()).await,
        }
    }
}

async fn verify(config: &Config, expect: Option<&str>) -> anyhow::Result<()> {
    let found = house::open(config).await?.verify_audit(&Actor::house(), expect).await?;
    say!("{} seals over {} entries; {} more are not sealed yet", found.seals, found.entries, found.unsealed);
    if found.removed > 0 {
        say!("{} entries were removed for their age", found.removed);
    }
    say!("head {}", found.head);
    if found.faults.is_empty() {
        say!("the log is whole");
        return Ok(());
    }
    for fault in &found.faults {
        say!("{fault}");
    }
    bail!("the audit log is not whole");
}
