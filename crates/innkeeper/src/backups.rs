//! `innkeeper backup`: backups of instances and schedules of them, as a client of the server.

use anyhow::bail;
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Remote, Server, all, all_of, cell, cells, find};
use crate::instances::settle;

/// Look after backups.
#[derive(Debug, Subcommand)]
pub(crate) enum Backup {
    /// List backups, newest first: of one instance, or all that you may see, those of deleted instances too.
    List {
        /// The instance, by name or id.
        instance: Option<String>,
        #[command(flatten)]
        remote: Remote,
    },
    /// Make a backup of an instance and follow it until it is there.
    Make {
        /// The instance, by name or id.
        instance: String,
        /// What happens to it meanwhile: `snapshot` (it goes on), `suspend` or `stop`.
        #[arg(long)]
        mode: Option<String>,
        /// The storage; for staff.
        #[arg(long)]
        storage: Option<String>,
        /// What to remember it by.
        #[arg(long)]
        note: Option<String>,
        /// Return at once instead of following it.
        #[arg(long)]
        no_wait: bool,
        #[command(flatten)]
        remote: Remote,
    },
    /// Put a backup in the place of its instance; what is on it now is lost. With --to, make a new instance of it.
    Restore(Restore),
    /// Say something of a backup, or keep it from being removed.
    Change {
        /// The backup's id.
        id: String,
        /// What to remember it by; empty for nothing.
        #[arg(long)]
        note: Option<String>,
        /// Whether it is kept from being removed.
        #[arg(long)]
        protected: Option<bool>,
        #[command(flatten)]
        remote: Remote,
    },
    /// Remove a backup for good.
    Delete {
        /// The backup's id.
        id: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Look after schedules.
    #[command(subcommand)]
    Schedule(Schedule),
}

/// Restore a backup.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The backup's id.
    id: String,
    /// Make a new instance of this name instead.
    #[arg(long, value_name = "NAME")]
    to: Option<String>,
    /// The project of the new instance; by default that of the backup.
    #[arg(long, requires = "to")]
    project: Option<String>,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    /// Return at once instead of following it.
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    remote: Remote,
}

/// Look after schedules of backups.
#[derive(Debug, Subcommand)]
pub(crate) enum Schedule {
    /// List the schedules of an instance.
    List {
        /// The instance, by name or id.
        instance: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Have backups made again and again.
    Add(Add),
    /// Let a schedule rest, or make backups again.
    Enable {
        /// The schedule's id.
        id: String,
        /// Whether it makes any.
        #[arg(action = clap::ArgAction::Set)]
        enabled: bool,
        #[command(flatten)]
        remote: Remote,
    },
    /// Remove a schedule. The backups that it made stay.
    Delete {
        /// The schedule's id.
        id: String,
        #[command(flatten)]
        remote: Remote,
    },
}

/// Have backups made again and again.
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// The instance, by name or id.
    instance: String,
    /// `hour`, `day`, `week` or `month`.
    #[arg(long, default_value = "day")]
    every: String,
    /// The time, `HH:MM`; for every hour the minute, as in `00:15`.
    #[arg(long)]
    at: String,
    /// The day, for those of every week: `monday` to `sunday`.
    #[arg(long)]
    weekday: Option<String>,
    /// The day, for those of every month: 1 to 31.
    #[arg(long)]
    day: Option<i8>,
    /// The time zone, for example `Europe/Paris`.
    #[arg(long, default_value = "UTC")]
    time_zone: String,
    /// Keep the newest ones, so many.
    #[arg(long, default_value_t = 0)]
    keep_last: u32,
    /// Keep the newest of each of so many hours.
    #[arg(long, default_value_t = 0)]
    keep_hourly: u32,
    /// Keep the newest of each of so many days.
    #[arg(long, default_value_t = 0)]
    keep_daily: u32,
    /// Keep the newest of each of so many weeks.
    #[arg(long, default_value_t = 0)]
    keep_weekly: u32,
    /// Keep the newest of each of so many months.
    #[arg(long, default_value_t = 0)]
    keep_monthly: u32,
    /// Keep the newest of each of so many years.
    #[arg(long, default_value_t = 0)]
    keep_yearly: u32,
    /// What happens to it meanwhile: `snapshot`, `suspend` or `stop`.
    #[arg(long)]
    mode: Option<String>,
    /// The storage; for staff.
    #[arg(long)]
    storage: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

impl Backup {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List { instance, remote } => {
                let server = Server::find(&remote)?;
                let backups = match instance {
                    Some(instance) => {
                        let id = find(&server, "instances", &instance).await?;
                        all(&server, &format!("instances/{id}/backups")).await?
                    }
                    None => all_of(&server, "backups", "").await?,
                };
                let headings = ["id", "instance", "state", "made by", "size", "protected", "created", "note"];
                remote.tell_list(backups, &headings, |row| {
                    let first = cells(row, &["id", "instance_id", "state", "made_by"]);
                    let rest = cells(row, &["protected", "created_at", "note"]);
                    [first, vec![size(&row["size"])], rest].concat()
                });
                Ok(())
            }
            Self::Make { instance, mode, storage, note, no_wait, remote } => {
                let server = Server::find(&remote)?;
                let id = find(&server, "instances", &instance).await?;
                let body = json!({ "mode": mode, "storage": storage, "note": note });
                let path = format!("/api/v1/instances/{id}/backups");
                let operation = server.request(Method::POST, &path, Some(&body)).await?;
                settle(&server, operation, no_wait, &remote).await
            }
            Self::Restore(restore) => restore.run().await,
            Self::Change { id, note, protected, remote } => {
                let mut body = json!({});
                if let Some(note) = note {
                    body["note"] = note.into();
                }
                if let Some(protected) = protected {
                    body["protected"] = protected.into();
                }
                let path = format!("/api/v1/backups/{id}");
                let backup = Server::find(&remote)?.request(Method::PATCH, &path, Some(&body)).await?;
                remote.tell(&backup, || {
                    format!("protected: {}; note: {}", cell(&backup["protected"]), cell(&backup["note"]))
                });
                Ok(())
            }
            Self::Delete { id, remote } => {
                let path = format!("/api/v1/backups/{id}");
                let backup = Server::find(&remote)?.request(Method::DELETE, &path, None).await?;
                remote.tell(&backup, || cell(&backup["state"]));
                Ok(())
            }
            Self::Schedule(schedule) => schedule.run().await,
        }
    }
}

/// Bytes, as people read them.
fn size(bytes: &Value) -> String {
    bytes.as_u64().map_or_else(|| "-".to_owned(), |bytes| format!("{} MiB", bytes.div_ceil(1 << 20)))
}

impl Restore {
    async fn run(self) -> anyhow::Result<()> {
        let server = Server::find(&self.remote)?;
        let operation = if let Some(name) = &self.to {
            let body = json!({ "name": name, "backup_id": self.id, "project_id": self.project });
            server.request(Method::POST, "/api/v1/instances", Some(&body)).await?
        } else {
            let backup = server.get(&format!("/api/v1/backups/{}", self.id)).await?;
            let id = cell(&backup["instance_id"]);
            let instance = server.get(&format!("/api/v1/instances/{id}")).await?;
            let name = cell(&instance["name"]);
            if !self.yes && !confirmed(&name)? {
                bail!("not confirmed; nothing was changed");
            }
            let body = json!({ "backup_id": self.id, "confirm": name });
            server.request(Method::POST, &format!("/api/v1/instances/{id}/restore"), Some(&body)).await?
        };
        settle(&server, operation, self.no_wait, &self.remote).await
    }
}

/// Asks for the name: what is on the instance now is lost.
fn confirmed(name: &str) -> anyhow::Result<bool> {
    use std::io::{IsTerminal as _, Write as _};
    if !std::io::stdin().is_terminal() {
        bail!("pass --yes to restore without being asked");
    }
    print!("All that is on {name} now will be lost. Type its name: ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(answer.trim() == name)
}

impl Schedule {
    async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List { instance, remote } => {
                let server = Server::find(&remote)?;
                let id = find(&server, "instances", &instance).await?;
                let schedules = all(&server, &format!("instances/{id}/backup-schedules")).await?;
                let headings = ["id", "every", "at", "time zone", "enabled", "next", "last", "problem"];
                remote.tell_list(schedules, &headings, |row| {
                    let when = cells(&row["when"], &["every", "at", "time_zone"]);
                    let rest = cells(row, &["enabled", "next_at", "last_run_at", "problem"]);
                    [vec![cell(&row["id"])], when, rest].concat()
                });
            }
            Self::Add(add) => add.run().await?,
            Self::Enable { id, enabled, remote } => {
                let path = format!("/api/v1/backup-schedules/{id}");
                let body = json!({ "enabled": enabled });
                let schedule = Server::find(&remote)?.request(Method::PATCH, &path, Some(&body)).await?;
                remote.tell(&schedule, || {
                    format!("enabled: {}; next: {}", cell(&schedule["enabled"]), cell(&schedule["next_at"]))
                });
            }
            Self::Delete { id, remote } => {
                let path = format!("/api/v1/backup-schedules/{id}");
                let gone = Server::find(&remote)?.request(Method::DELETE, &path, None).await?;
                remote.tell(&gone, || "removed; its backups stay".to_owned());
            }
        }
        Ok(())
    }
}

impl Add {
    async fn run(self) -> anyhow::Result<()> {
        let server = Server::find(&self.remote)?;
        let id = find(&server, "instances", &self.instance).await?;
        let body = json!({
            "when": {
                "every": self.every, "at": self.at, "weekday": self.weekday, "day": self.day,
                "time_zone": self.time_zone,
            },
            "keep": {
                "last": self.keep_last, "hourly": self.keep_hourly, "daily": self.keep_daily,
                "weekly": self.keep_weekly, "monthly": self.keep_monthly, "yearly": self.keep_yearly,
            },
            "mode": self.mode,
            "storage": self.storage,
        });
        let path = format!("/api/v1/instances/{id}/backup-schedules");
        let schedule = server.request(Method::POST, &path, Some(&body)).await?;
        self.remote
            .tell(&schedule, || format!("{}: next at {}", cell(&schedule["id"]), cell(&schedule["next_at"])));
        Ok(())
    }
}
