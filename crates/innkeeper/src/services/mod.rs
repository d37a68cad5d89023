//! `innkeeper service`: what players or users connect to, and restarts of it, as a client of the server.

mod restarting;
mod settings;
mod shown;

use anyhow::bail;
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use self::settings::Settings;
use crate::client::{Remote, Server, all, cell, find};

/// Look after services: what players or users connect to.
#[derive(Debug, Subcommand)]
pub(crate) enum Service {
    /// List the services that you may see.
    List {
        #[command(flatten)]
        remote: Remote,
    },
    /// Have a service looked after.
    Add(Box<Add>),
    /// Change how a service is looked after; what is not given stays.
    Change(Box<Change>),
    /// Look after a service no longer; it stays as it is.
    Remove(One),
    /// Say how services stand, as they were last seen.
    Status(Status),
    /// List who plays on a service.
    Players(One),
    /// Restart a service: players are told, the world is saved, its guest is rebooted.
    Restart(Restart),
    /// List the restarts of a service, newest first.
    Restarts(One),
}

/// One service.
#[derive(Debug, Args)]
pub(crate) struct One {
    /// The service, by name or id.
    service: String,
    #[command(flatten)]
    remote: Remote,
}

/// Have a service looked after.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("place").required(true))]
pub(crate) struct Add {
    /// How to call it.
    name: String,
    /// The instance that it runs on, by name or id.
    #[arg(long, group = "place")]
    instance: Option<String>,
    /// The host that it runs on, by name or id: on one of its guests with --vmid, on itself without.
    #[arg(long, group = "place")]
    host: Option<String>,
    /// The guest of that host, by its number in Proxmox; for guests that are no instances of the house.
    #[arg(long, requires = "host", conflicts_with = "instance")]
    vmid: Option<u32>,
    /// By what it is spoken to.
    #[arg(long, value_parser = ["minecraft_java", "minecraft_bedrock", "tcp", "http"], default_value = "minecraft_java")]
    kind: String,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    remote: Remote,
}

/// Change how a service is looked after.
#[derive(Debug, Args)]
pub(crate) struct Change {
    /// The service, by name or id.
    service: String,
    /// Another name.
    #[arg(long)]
    name: Option<String>,
    /// Use its remote console no longer, and forget the password.
    #[arg(long, conflicts_with = "rcon_port")]
    no_rcon: bool,
    /// Let nobody answer for it while it sleeps.
    #[arg(long, conflicts_with_all = ["doorman", "way", "players", "proxy_protocol"])]
    no_doorman: bool,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    remote: Remote,
}

/// Say how services stand.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// One service, by name or id; all where nothing is said.
    service: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// Restart a service.
#[derive(Debug, Args)]
pub(crate) struct Restart {
    /// The service, by name or id.
    service: String,
    /// Wait until it answers again, telling how it goes; ends with 1 when it does not.
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Service {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List { remote } => {
                remote.tell_all("services", &["id", "name", "kind", "state", "seen_at"]).await
            }
            Self::Add(add) => add.run().await,
            Self::Change(change) => change.run().await,
            Self::Remove(one) => {
                let (server, path) = one.find().await?;
                let done = server.request(Method::DELETE, &path, None).await?;
                one.remote.tell(&done, || format!("{} is looked after no longer", one.service));
                Ok(())
            }
            Self::Status(status) => status.run().await,
            Self::Players(one) => {
                let (server, path) = one.find().await?;
                let answer = server.get(&format!("{path}/players")).await?;
                one.remote.tell(&answer, || shown::players(&answer));
                Ok(())
            }
            Self::Restart(restart) => restart.run().await,
            Self::Restarts(one) => {
                let (server, path) = one.find().await?;
                let noun = format!("{}/restarts", path.trim_start_matches("/api/v1/"));
                let restarts = all(&server, &noun).await?;
                one.remote.tell_list(restarts, &shown::RESTART, shown::restart);
                Ok(())
            }
        }
    }
}

impl One {
    /// The server, and the path of the service there.
    async fn find(&self) -> anyhow::Result<(Server, String)> {
        let server = Server::find(&self.remote)?;
        let path = path_of(&server, &self.service).await?;
        Ok((server, path))
    }
}

async fn path_of(server: &Server, service: &str) -> anyhow::Result<String> {
    Ok(format!("/api/v1/services/{}", find(server, "services", service).await?))
}

impl Add {
    async fn run(self) -> anyhow::Result<()> {
        let server = Server::find(&self.remote)?;
        let at = match (&self.instance, &self.host, self.vmid) {
            (Some(instance), ..) => json!({ "instance": find(&server, "instances", instance).await? }),
            (None, Some(host), None) => json!({ "host": find(&server, "hosts", host).await? }),
            (None, Some(host), Some(vmid)) => {
                json!({ "guest": { "host": find(&server, "hosts", host).await?, "vmid": vmid } })
            }
            (None, None, _) => bail!("say where it runs\n  add: --instance NAME, or --host NAME"),
        };
        let mut body = self.settings.asked(&Value::Null)?;
        body["name"] = self.name.as_str().into();
        body["at"] = at;
        body["kind"] = self.kind.as_str().into();
        if body["port"].is_null() {
            match self.kind.as_str() {
                "minecraft_java" => body["port"] = 25565.into(),
                "minecraft_bedrock" => body["port"] = 19132.into(),
                _ => bail!("say where it listens\n  add: --port NUMBER"),
            }
        }
        let service = server.request(Method::POST, "/api/v1/services", Some(&body)).await?;
        self.remote.tell(&service, || {
            format!(
                "{} is looked after; see how it stands with: innkeeper service status {}",
                self.name, self.name
            )
        });
        Ok(())
    }
}

impl Change {
    async fn run(self) -> anyhow::Result<()> {
        let server = Server::find(&self.remote)?;
        let path = path_of(&server, &self.service).await?;
        let before = server.get(&path).await?;
        let mut body = self.settings.asked(&before)?;
        if let Some(name) = &self.name {
            body["name"] = name.as_str().into();
        }
        if self.no_rcon {
            body["rcon"] = Value::Null;
        }
        if self.no_doorman {
            body["doorman"] = Value::Null;
        }
        if body == json!({}) {
            bail!("nothing is to be changed\n  see: innkeeper service change --help");
        }
        let service = server.request(Method::PATCH, &path, Some(&body)).await?;
        self.remote.tell(&service, || format!("{} is changed", cell(&service["name"])));
        Ok(())
    }
}

impl Status {
    async fn run(self) -> anyhow::Result<()> {
        let server = Server::find(&self.remote)?;
        let Some(name) = &self.service else {
            let services = all(&server, "services").await?;
            self.remote.tell_list(services, &shown::STATUS, shown::status);
            return Ok(());
        };
        let service = server.get(&path_of(&server, name).await?).await?;
        self.remote.tell(&service, || shown::in_full(&service));
        Ok(())
    }
}

impl Restart {
    async fn run(self) -> anyhow::Result<()> {
        let server = Server::find(&self.remote)?;
        let path = path_of(&server, &self.service).await?;
        let mut restart = server.request(Method::POST, &format!("{path}/restart"), None).await?;
        if self.wait {
            restart = restarting::follow(&server, &self.service, restart, self.remote.json).await?;
        }
        self.remote.tell(&restart, || restarting::line(&self.service, &restart));
        restarting::ended(&self.service, &restart)
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(subcommand)]
        service: Service,
    }

    fn reads(words: &[&str]) -> bool {
        Command::try_parse_from(["x"].iter().chain(words)).is_ok()
    }

    #[test]
    fn a_service_runs_in_one_place() {
        Command::command().debug_assert();
        assert!(reads(&["add", "survival", "--instance", "mc-1"]));
        assert!(reads(&["add", "survival", "--host", "barn"]));
        assert!(reads(&["add", "survival", "--host", "barn", "--vmid", "105"]));
        assert!(!reads(&["add", "survival"]));
        assert!(!reads(&["add", "survival", "--instance", "mc-1", "--host", "barn"]));
        assert!(!reads(&["add", "survival", "--instance", "mc-1", "--vmid", "105"]));
    }

    #[test]
    fn what_is_taken_away_is_not_changed_as_well() {
        assert!(reads(&["change", "survival", "--no-rcon", "--no-doorman"]));
        assert!(!reads(&["change", "survival", "--no-rcon", "--rcon-port", "25575"]));
        assert!(!reads(&["change", "survival", "--no-doorman", "--players", "Grace"]));
    }
}
