//! `innkeeper instance`: everything one does with instances, as a client of the server.

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use crate::adoptions::Release;
use crate::client::{One, Remote, Server, all, cell, cells, find};
use crate::commands;
use crate::drift::{self, Drift};
use crate::metrics::OfInstance;
use crate::networks::card;
use crate::out::say;

/// Look after instances.
#[derive(Debug, Subcommand)]
pub(crate) enum Instance {
    /// Ask for an instance and follow it until it runs.
    Create(Create),
    /// List instances.
    List {
        #[command(flatten)]
        remote: Remote,
    },
    /// Show one instance.
    Show(One),
    /// Start it.
    Start(Change),
    /// Ask it to stop; after a minute it is cut off.
    Shutdown(Change),
    /// Cut it off.
    Stop(Change),
    /// Stop it gracefully and start it again.
    Reboot(Change),
    /// Hold a virtual machine in memory.
    Pause(Change),
    /// Let a virtual machine that is held in memory go on.
    Resume(Change),
    /// Give it another size; it goes on running.
    Resize(Resize),
    /// Look after its network cards.
    Network(Cards),
    /// Look after its extra disks.
    #[command(subcommand)]
    Disk(Disk),
    /// Show its firewall, or set it from a file.
    Firewall(Firewall),
    /// Give an adopted guest back: it is no instance any more, and goes on as it is.
    Release(Release),
    /// Decide which is right where a guest differs from what is held of it.
    #[command(subcommand)]
    Drift(Drift),
    /// Show what it does now, or did.
    Metrics(OfInstance),
    Run(commands::Run),
    Password(commands::Password),
    Keys(commands::Keys),
    /// Type into its terminal; Ctrl-] leaves it.
    Console(One),
    /// Give it another name or other tags.
    Update(Update),
    /// Make it anew from a template; all that is on it is lost.
    Rebuild {
        #[command(flatten)]
        change: Change,
        /// From another template, by name or id.
        #[arg(long)]
        template: Option<String>,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Make another one like it, with all that is on it.
    Duplicate {
        #[command(flatten)]
        change: Change,
        /// The name of the copy.
        #[arg(long)]
        name: String,
        /// As it was at this snapshot.
        #[arg(long)]
        snapshot: Option<String>,
    },
    /// Put a disc into its drive, or take it out; for virtual machines.
    Disc {
        #[command(flatten)]
        change: Change,
        /// The id of the image; see `innkeeper iso list`. Without one, the disc is taken out.
        #[arg(long)]
        iso: Option<String>,
        /// Start from it, until it is taken out.
        #[arg(long, requires = "iso")]
        boot: bool,
    },
    /// Start it from the house's rescue disc; for virtual machines.
    Rescue(Change),
    /// Start it from its own disk again.
    Unrescue(Change),
    /// Tell what can be done with it now, and why the rest cannot.
    Actions(One),
    /// Keep it from being removed or made anew.
    Protect(One),
    /// Let it be removed again.
    Unprotect(One),
    /// Take it out of the trash; it stays stopped.
    Recover(One),
    /// Move it to another host; for staff.
    Migrate {
        #[command(flatten)]
        change: Change,
        /// The node; the one with the most memory free when not said.
        #[arg(long)]
        to: Option<String>,
    },
    /// Put it into the trash, from which `recover` takes it back for a while.
    Delete {
        #[command(flatten)]
        change: Change,
        /// At once and for good, without the trash or out of it.
        #[arg(long)]
        now: bool,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

/// Another name, other tags; what is not said stays.
#[derive(Debug, Args)]
pub(crate) struct Update {
    #[command(flatten)]
    change: Change,
    /// Another host name.
    #[arg(long)]
    name: Option<String>,
    /// A tag; repeat it for more, and give all that it should have.
    #[arg(long = "tag")]
    tags: Vec<String>,
    /// Take all its tags away.
    #[arg(long, conflicts_with = "tags")]
    no_tags: bool,
    /// Whether it starts with its host.
    #[arg(long)]
    onboot: Option<bool>,
}

/// Ask for an instance.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Its host name.
    name: String,
    /// The template, by name or id.
    #[arg(long)]
    template: String,
    /// A plan, by name or id; without it and without sizes, the template's default size.
    #[arg(long, conflicts_with_all = ["cores", "memory_mib", "disk_gib"])]
    plan: Option<String>,
    /// Cores.
    #[arg(long, requires_all = ["memory_mib", "disk_gib"])]
    cores: Option<u32>,
    /// Memory in MiB.
    #[arg(long, requires_all = ["cores", "disk_gib"])]
    memory_mib: Option<u32>,
    /// Disk in GiB.
    #[arg(long, requires_all = ["cores", "memory_mib"])]
    disk_gib: Option<u32>,
    /// A public key that may sign in, in OpenSSH form; may be repeated.
    #[arg(long = "ssh-key", value_name = "KEY")]
    ssh_keys: Vec<String>,
    /// A network that it is plugged into: NETWORK[,ipv4=auto|dhcp|none|ADDRESS][,ipv6=auto|dhcp|slaac|none|ADDRESS]
    /// [,rate=MEGABITS]; may be repeated. Without one, the default network.
    #[arg(long = "network", value_name = "CARD")]
    networks: Vec<String>,
    /// A file with a script that is run in it once, as root, after its first start.
    #[arg(long, value_name = "FILE")]
    user_data: Option<std::path::PathBuf>,
    /// Put no key of the house into it: then no commands can be run in a container.
    #[arg(long)]
    no_management_key: bool,
    /// The project; by default your own.
    #[arg(long)]
    project: Option<String>,
    /// Return at once instead of following it.
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    remote: Remote,
}

/// Another size.
#[derive(Debug, Args)]
pub(crate) struct Resize {
    /// Its name or id.
    instance: String,
    /// A plan, by name or id.
    #[arg(long, conflicts_with_all = ["cores", "memory_mib", "disk_gib"])]
    plan: Option<String>,
    /// Cores; what is not said stays as it is.
    #[arg(long)]
    cores: Option<u32>,
    /// Memory in MiB.
    #[arg(long)]
    memory_mib: Option<u32>,
    /// Disk in GiB; it cannot become smaller.
    #[arg(long)]
    disk_gib: Option<u32>,
    /// Return at once instead of following it.
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    remote: Remote,
}

/// The extra disks of an instance.
#[derive(Debug, Subcommand)]
pub(crate) enum Disk {
    /// List them.
    List(One),
    /// Give it another one; it goes on running.
    Add {
        /// How much it holds, in GiB.
        #[arg(long)]
        size_gib: u32,
        /// Where a container sees it, for example `/srv/data`.
        #[arg(long)]
        path: Option<String>,
        /// On which bus a virtual machine sees it: `scsi` or `virtio`.
        #[arg(long)]
        bus: Option<String>,
        #[command(flatten)]
        change: Change,
    },
    /// Make one larger.
    Grow {
        /// Its number.
        #[arg(long)]
        number: u8,
        /// How much it is to hold, in GiB.
        #[arg(long)]
        size_gib: u32,
        #[command(flatten)]
        change: Change,
    },
    /// Remove one and everything on it, for good; the instance must be stopped.
    Remove {
        /// Its number.
        #[arg(long)]
        number: u8,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        change: Change,
    },
}

impl Disk {
    async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List(one) => {
                let server = Server::find(&one.remote)?;
                let id = find(&server, "instances", &one.instance).await?;
                let rows = all(&server, &format!("instances/{id}/disks")).await?;
                let columns = ["number", "size_gib", "path", "bus", "serial"];
                one.remote.tell_list(rows, &columns, |row| cells(row, &columns));
                Ok(())
            }
            Self::Add { size_gib, path, bus, change } => {
                let mut body = json!({ "size_gib": size_gib });
                if let Some(path) = path {
                    body["path"] = path.into();
                }
                if let Some(bus) = bus {
                    body["bus"] = bus.into();
                }
                change.ask(Method::POST, "/disks", Some(&body)).await
            }
            Self::Grow { number, size_gib, change } => {
                let body = json!({ "size_gib": size_gib });
                change.ask(Method::PATCH, &format!("/disks/{number}"), Some(&body)).await
            }
            Self::Remove { number, yes, change } => {
                if !yes && !confirmed(&change.instance, "removes a disk of")? {
                    bail!("not confirmed; nothing was changed");
                }
                change.ask(Method::DELETE, &format!("/disks/{number}"), None).await
            }
        }
    }
}

/// The firewall of an instance.
#[derive(Debug, Args)]
pub(crate) struct Firewall {
    /// Its name or id.
    instance: String,
    /// Set it to what this file says, in JSON as this command shows it; `-` reads from standard input.
    #[arg(long, value_name = "FILE")]
    set: Option<std::path::PathBuf>,
    /// Return at once instead of following it.
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Firewall {
    async fn run(self) -> anyhow::Result<()> {
        let server = Server::find(&self.remote)?;
        let id = find(&server, "instances", &self.instance).await?;
        let path = format!("/api/v1/instances/{id}/firewall");
        let Some(file) = &self.set else {
            say!("{:#}", server.get(&path).await?);
            return Ok(());
        };
        let text = if file.as_os_str() == "-" {
            std::io::read_to_string(std::io::stdin())?
        } else {
            std::fs::read_to_string(file)?
        };
        let mut body: Value = serde_json::from_str(&text)?;
        // As it was shown: whether one was set before is nothing to set.
        if let Some(fields) = body.as_object_mut() {
            fields.remove("set");
        }
        let operation = server.request(Method::PUT, &path, Some(&body)).await?;
        settle(&server, operation, self.no_wait, &self.remote).await
    }
}

/// The network cards of an instance.
#[derive(Debug, Args)]
pub(crate) struct Cards {
    /// Its name or id.
    instance: String,
    #[command(subcommand)]
    what: What,
}

/// What to do with a card.
#[derive(Debug, Subcommand)]
pub(crate) enum What {
    /// List them.
    List {
        #[command(flatten)]
        remote: Remote,
    },
    /// Give it another one.
    Add {
        /// NETWORK[,ipv4=auto|dhcp|none|ADDRESS][,ipv6=auto|dhcp|slaac|none|ADDRESS][,rate=MEGABITS].
        card: String,
        /// Return at once instead of following it.
        #[arg(long)]
        no_wait: bool,
        #[command(flatten)]
        remote: Remote,
    },
    /// Plug one in elsewhere, or give it another address or speed.
    Change {
        /// Its number.
        number: u8,
        /// As for `add`.
        card: String,
        /// Return at once instead of following it.
        #[arg(long)]
        no_wait: bool,
        #[command(flatten)]
        remote: Remote,
    },
    /// Remove one.
    Remove {
        /// Its number.
        number: u8,
        /// Return at once instead of following it.
        #[arg(long)]
        no_wait: bool,
        #[command(flatten)]
        remote: Remote,
    },
}

impl Cards {
    async fn run(self) -> anyhow::Result<()> {
        let (What::List { remote }
        | What::Add { remote, .. }
        | What::Change { remote, .. }
        | What::Remove { remote, .. }) = &self.what;
        let server = Server::find(remote)?;
        let id = find(&server, "instances", &self.instance).await?;
        let path = format!("/api/v1/instances/{id}/networks");
        let (operation, no_wait) = match &self.what {
            What::List { remote } => {
                let rows = all(&server, &format!("instances/{id}/networks")).await?;
                let columns = ["number", "network_id", "vlan", "ipv4", "ipv6", "rate_mbps"];
                remote.tell_list(rows, &columns, |row| {
                    let address = |family: &str| match &row[family]["address"] {
                        Value::Null => cell(&row[family]["mode"]),
                        address => cell(address),
                    };
                    let mut shown = cells(row, &columns);
                    (shown[3], shown[4]) = (address("ipv4"), address("ipv6"));
                    shown
                });
                return Ok(());
            }
            What::Add { card: text, no_wait, .. } => {
                let body = card(&server, text).await?;
                (server.request(Method::POST, &path, Some(&body)).await?, *no_wait)
            }
            What::Change { number, card: text, no_wait, .. } => {
                let body = card(&server, text).await?;
                (server.request(Method::PUT, &format!("{path}/{number}"), Some(&body)).await?, *no_wait)
            }
            What::Remove { number, no_wait, .. } => {
                (server.request(Method::DELETE, &format!("{path}/{number}"), None).await?, *no_wait)
            }
        };
        settle(&server, operation, no_wait, remote).await
    }
}

/// A change of one instance.
#[derive(Debug, Args)]
pub(crate) struct Change {
    /// Its name or id.
    instance: String,
    /// Return at once instead of following it.
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Instance {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Create(create) => create.run().await,
            Self::List { remote } => list(&remote).await,
            Self::Show(one) => {
                let server = Server::find(&one.remote)?;
                let id = find(&server, "instances", &one.instance).await?;
                let instance = server.get(&format!("/api/v1/instances/{id}")).await?;
                if one.remote.json {
                    say!("{instance:#}");
                } else {
                    for name in ["id", "name", "kind", "state", "address", "problem", "created_at"] {
                        say!("{name:11} {}", cell(&instance[name]));
                    }
                    say!("{:11} {}", "size", size(&instance["size"]));
                    drift::show(&instance["drift"]);
                }
                Ok(())
            }
            Self::Start(change) => change.run(Method::POST, "/start").await,
            Self::Shutdown(change) => change.run(Method::POST, "/shutdown").await,
            Self::Stop(change) => change.run(Method::POST, "/stop").await,
            Self::Reboot(change) => change.run(Method::POST, "/reboot").await,
            Self::Resize(resize) => resize.run().await,
            Self::Network(cards) => cards.run().await,
            Self::Firewall(firewall) => firewall.run().await,
            Self::Disk(disk) => disk.run().await,
            Self::Metrics(metrics) => metrics.run().await,
            Self::Release(release) => release.run().await,
            Self::Drift(drift) => drift.run().await,
            Self::Run(run) => run.run().await,
            Self::Password(password) => password.run().await,
            Self::Keys(keys) => keys.run().await,
            Self::Console(one) => one.console().await,
            Self::Pause(change) => change.run(Method::POST, "/pause").await,
            Self::Resume(change) => change.run(Method::POST, "/resume").await,
            Self::Update(update) => update.run().await,
            Self::Rebuild { change, template, yes } => {
                if !yes && !confirmed(&change.instance, "loses all that is on")? {
                    bail!("not confirmed; nothing was changed");
                }
                change.rebuild(template.as_deref()).await
            }
            Self::Duplicate { change, name, snapshot } => {
                let body = json!({ "name": name, "snapshot": snapshot });
                change.ask(Method::POST, "/duplicate", Some(&body)).await
            }
            Self::Disc { change, iso: Some(iso), boot } => {
                change.ask(Method::PUT, "/disc", Some(&json!({ "iso_id": iso, "boot": boot }))).await
            }
            Self::Disc { change, iso: None, .. } => change.run(Method::DELETE, "/disc").await,
            Self::Rescue(change) => change.ask(Method::PUT, "/rescue", Some(&json!({ "on": true }))).await,
            Self::Unrescue(change) => change.ask(Method::PUT, "/rescue", Some(&json!({ "on": false }))).await,
            Self::Actions(one) => one.actions().await,
            Self::Protect(one) => {
                one.keep(Method::PUT, "/protection", Some(json!({ "protected": true }))).await
            }
            Self::Unprotect(one) => {
                one.keep(Method::PUT, "/protection", Some(json!({ "protected": false }))).await
            }
            Self::Recover(one) => one.keep(Method::POST, "/recover", None).await,
            Self::Migrate { change, to } => {
                change.ask(Method::POST, "/migrate", Some(&json!({ "node": to }))).await
            }
            Self::Delete { change, now, yes } => {
                if !yes && !confirmed(&change.instance, "removes")? {
                    bail!("not confirmed; nothing was changed");
                }
                change.run(Method::DELETE, if now { "?now=true" } else { "" }).await
            }
        }
    }
}

impl One {
    async fn actions(self) -> anyhow::Result<()> {
        let server = Server::find(&self.remote)?;
        let id = find(&server, "instances", &self.instance).await?;
        let instance = server.get(&format!("/api/v1/instances/{id}")).await?;
        let actions = instance["actions"].as_array().cloned().unwrap_or_default();
        self.remote.tell_list(actions, &["action", "possible", "reason"], |row| {
            cells(row, &["action", "possible", "reason"])
        });
        Ok(())
    }

    /// A change that is done at once.
    async fn keep(self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<()> {
        let server = Server::find(&self.remote)?;
        let id = find(&server, "instances", &self.instance).await?;
        let path = format!("/api/v1/instances/{id}{path}");
        let instance = server.request(method, &path, body.as_ref()).await?;
        self.remote.tell(&instance, || {
            let protected = if instance["protected"] == true { ", protected" } else { "" };
            format!("{} is {}{protected}", cell(&instance["name"]), cell(&instance["state"]))
        });
        Ok(())
    }
}

impl Update {
    async fn run(self) -> anyhow::Result<()> {
        let mut body = json!({});
        if let Some(name) = &self.name {
            body["name"] = name.as_str().into();
        }
        if self.no_tags || !self.tags.is_empty() {
            body["tags"] = self.tags.clone().into();
        }
        if let Some(onboot) = self.onboot {
            body["onboot"] = onboot.into();
        }
        if body == json!({}) {
            bail!("say what to change: --name, --tag, --no-tags or --onboot");
        }
        self.change.ask(Method::PATCH, "", Some(&body)).await
    }
}

async fn list(remote: &Remote) -> anyhow::Result<()> {
    let server = Server::find(remote)?;
    let items = all(&server, "instances").await?;
    remote.tell_list(items, &["id", "name", "kind", "state", "size", "address"], |row| {
        let named = cells(row, &["id", "name", "kind", "state"]);
        [named, vec![size(&row["size"]), cell(&row["address"])]].concat()
    });
    Ok(())
}

fn size(size: &Value) -> String {
    let cores = if size["cores"] == 1 { "core" } else { "cores" };
    format!(
        "{} {cores}, {} MiB, {} GiB",
        cell(&size["cores"]),
        cell(&size["memory_mib"]),
        cell(&size["disk_gib"])
    )
}

/// Asks for the name again: a guest that is deleted is gone.
pub(crate) fn confirmed(name: &str, what: &str) -> anyhow::Result<bool> {
    use std::io::{IsTerminal as _, Write as _};
    if !std::io::stdin().is_terminal() {
        bail!("pass --yes to do it without being asked");
    }
    print!("This {what} {name}. Type its name: ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(answer.trim() == name)
}

impl Create {
    async fn run(self) -> anyhow::Result<()> {
        let server = Server::find(&self.remote)?;
        let mut body = json!({
            "name": self.name,
            "template_id": find(&server, "templates", &self.template).await?,
            "ssh_keys": self.ssh_keys,
        });
        if let Some(plan) = &self.plan {
            body["plan_id"] = find(&server, "plans", plan).await?.into();
        }
        if let (Some(cores), Some(memory_mib), Some(disk_gib)) = (self.cores, self.memory_mib, self.disk_gib)
        {
            body["size"] = json!({ "cores": cores, "memory_mib": memory_mib, "disk_gib": disk_gib });
        }
        if !self.networks.is_empty() {
            let mut cards = Vec::new();
            for text in &self.networks {
                cards.push(card(&server, text).await?);
            }
            body["networks"] = cards.into();
        }
        if let Some(file) = &self.user_data {
            let script = std::fs::read_to_string(file);
            body["user_data"] = script.with_context(|| format!("{} cannot be read", file.display()))?.into();
        }
        if self.no_management_key {
            body["management_key"] = false.into();
        }
        if let Some(project) = self.project {
            body["project_id"] = project.into();
        }
        let operation = server.request(Method::POST, "/api/v1/instances", Some(&body)).await?;
        settle(&server, operation, self.no_wait, &self.remote).await
    }
}

impl Resize {
    async fn run(self) -> anyhow::Result<()> {
        let server = Server::find(&self.remote)?;
        let id = find(&server, "instances", &self.instance).await?;
        let body = if let Some(plan) = &self.plan {
            json!({ "plan_id": find(&server, "plans", plan).await? })
        } else if self.cores.or(self.memory_mib).or(self.disk_gib).is_none() {
            bail!("say how big: --plan, or any of --cores, --memory-mib and --disk-gib");
        } else {
            let mut size = server.get(&format!("/api/v1/instances/{id}")).await?["size"].take();
            let wanted =
                [("cores", self.cores), ("memory_mib", self.memory_mib), ("disk_gib", self.disk_gib)];
            for (name, wanted) in wanted {
                if let Some(wanted) = wanted {
                    size[name] = wanted.into();
                }
            }
            json!({ "size": size })
        };
        let path = format!("/api/v1/instances/{id}/resize");
        let operation = server.request(Method::POST, &path, Some(&body)).await?;
        settle(&server, operation, self.no_wait, &self.remote).await
    }
}

impl Change {
    async fn run(self, method: Method, verb: &str) -> anyhow::Result<()> {
        self.ask(method, verb, None).await
    }

    async fn ask(self, method: Method, verb: &str, body: Option<&Value>) -> anyhow::Result<()> {
        let server = Server::find(&self.remote)?;
        let id = find(&server, "instances", &self.instance).await?;
        let operation = server.request(method, &format!("/api/v1/instances/{id}{verb}"), body).await?;
        settle(&server, operation, self.no_wait, &self.remote).await
    }

    async fn rebuild(self, template: Option<&str>) -> anyhow::Result<()> {
        let server = Server::find(&self.remote)?;
        let id = find(&server, "instances", &self.instance).await?;
        let instance = server.get(&format!("/api/v1/instances/{id}")).await?;
        let mut body = json!({ "confirm": instance["name"] });
        if let Some(template) = template {
            body["template_id"] = find(&server, "templates", template).await?.into();
        }
        let path = format!("/api/v1/instances/{id}/rebuild");
        let operation = server.request(Method::POST, &path, Some(&body)).await?;
        settle(&server, operation, self.no_wait, &self.remote).await
    }
}

/// Follows an operation unless told not to, and fails when it failed.
pub(crate) async fn settle(
    server: &Server,
    operation: Value,
    no_wait: bool,
    remote: &Remote,
) -> anyhow::Result<()> {
    let operation = if no_wait { operation } else { server.follow(&operation, remote.json).await? };
    remote.tell(&operation, || {
        format!(
            "{} {}: {}",
            cell(&operation["verb"]),
            cell(&operation["instance_id"]),
            cell(&operation["state"])
        )
    });
    match operation["state"].as_str() {
        Some("failed") => {
            bail!("{}", operation["error"]["message"].as_str().unwrap_or("the operation failed"))
        }
        Some("superseded") => bail!("a later operation took its place"),
        _ => Ok(()),
    }
}
