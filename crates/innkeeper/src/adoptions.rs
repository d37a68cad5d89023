//! `innkeeper cluster guests` and `adopt`, `innkeeper instance release`: guests that are in Proxmox already.

use std::time::Duration;

use anyhow::bail;
use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Remote, Server, all, cell, cells, find, table};
use crate::out::say;

/// List all guests of a cluster.
#[derive(Debug, Args)]
pub(crate) struct Guests {
    /// The cluster, by name or id.
    cluster: String,
    /// Only those that can be adopted.
    #[arg(long)]
    adoptable: bool,
    #[command(flatten)]
    remote: Remote,
}

/// Adopt guests. Nothing of them is changed but that our mark is written after the description and our tag is added.
#[derive(Debug, Args)]
pub(crate) struct Adopt {
    /// The cluster, by name or id.
    cluster: String,
    /// The number of a guest; may be repeated.
    #[arg(long = "vmid", value_name = "VMID", required_unless_present = "all", conflicts_with = "all")]
    vmids: Vec<u32>,
    /// All guests that can be adopted.
    #[arg(long)]
    all: bool,
    /// The id of the project that they belong to from then on.
    #[arg(long)]
    project: String,
    /// A plan, by name or id, for its price.
    #[arg(long, required_unless_present = "free", conflicts_with = "free")]
    plan: Option<String>,
    /// They cost nothing.
    #[arg(long)]
    free: bool,
    /// Only show what would be done.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    remote: Remote,
}

/// Give an adopted guest back.
#[derive(Debug, Args)]
pub(crate) struct Release {
    /// Its name or id.
    instance: String,
    #[command(flatten)]
    remote: Remote,
}

impl Guests {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let server = Server::find(&self.remote)?;
        let id = find(&server, "clusters", &self.cluster).await?;
        let mut guests = all(&server, &format!("clusters/{id}/guests")).await?;
        if self.adoptable {
            guests.retain(|guest| guest["adoptable"] == true);
        }
        let columns = ["vmid", "kind", "node", "name", "status"];
        self.remote.tell_list(guests, &[&columns[..], &["is"]].concat(), |guest| {
            let is = match (guest["instance_id"].as_str(), guest["doubtful"] == true) {
                (Some(id), _) => id.to_owned(),
                (None, true) => "doubtful: it has our tag".to_owned(),
                (None, false) => guest["message"].as_str().unwrap_or("adoptable").to_owned(),
            };
            [cells(guest, &columns), vec![is]].concat()
        });
        Ok(())
    }
}

impl Adopt {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let server = Server::find(&self.remote)?;
        let id = find(&server, "clusters", &self.cluster).await?;
        let mut body = json!({ "project_id": self.project, "dry_run": self.dry_run });
        if self.all {
            body["all"] = true.into();
        } else {
            body["vmids"] = self.vmids.clone().into();
        }
        match &self.plan {
            Some(plan) => body["plan_id"] = find(&server, "plans", plan).await?.into(),
            None => body["rate"] = json!({ "running_micros": 0, "stopped_micros": 0 }),
        }
        let path = format!("/api/v1/clusters/{id}/adoptions");
        let mut told = server.request(Method::POST, &path, Some(&body)).await?;
        if !self.dry_run {
            follow(&server, &path, &mut told).await?;
        }
        if self.remote.json {
            say!("{told:#}");
        } else {
            show(&told);
        }
        let failed = told["items"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|item| !self.dry_run && item["adoption"]["state"] != "adopted");
        if failed {
            bail!("not all of them were adopted");
        }
        Ok(())
    }
}

/// Waits until every adoption has ended, and puts its end into its item.
async fn follow(server: &Server, path: &str, told: &mut Value) -> anyhow::Result<()> {
    loop {
        let list = all(server, path.trim_start_matches("/api/v1/")).await?;
        let mut open = false;
        for item in told["items"].as_array_mut().into_iter().flatten() {
            let now = list.iter().find(|adoption| adoption["id"] == item["adoption"]["id"]);
            if let Some(now) = now.filter(|_| item["adoption"].is_object()) {
                item["adoption"] = now.clone();
                open |= now["state"] == "wished" || now["state"] == "undoing";
            }
        }
        if !open {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn show(told: &Value) {
    let row = |item: &Value| {
        let draft = &item["draft"];
        let becomes = match draft["name"].as_str() {
            Some(name) => format!(
                "{name}, {} cores, {} MiB, {} GiB",
                draft["size"]["cores"], draft["size"]["memory_mib"], draft["size"]["disk_gib"]
            ),
            None => "-".to_owned(),
        };
        let adoption = &item["adoption"];
        let outcome = match (adoption["state"].as_str(), item["message"].as_str()) {
            (Some(state), _) => match adoption["problem"].as_str() {
                Some(problem) => format!("{state}: {problem}"),
                None => state.to_owned(),
            },
            (None, Some(message)) => message.to_owned(),
            (None, None) => {
                let tag = item["writes"]["tag"].as_str().map(|tag| format!(" and the tag {tag}"));
                format!("writes the mark{}", tag.unwrap_or_default())
            }
        };
        vec![cell(&item["vmid"]), cell(&item["guest_name"]), becomes, outcome]
    };
    let rows: Vec<Vec<String>> = told["items"].as_array().into_iter().flatten().map(row).collect();
    table(&["vmid", "guest", "becomes", "outcome"], &rows);
}

impl Release {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let server = Server::find(&self.remote)?;
        let id = find(&server, "instances", &self.instance).await?;
        let path = format!("/api/v1/instances/{id}/release");
        let adoption = server.request(Method::POST, &path, None).await?;
        self.remote.tell(&adoption, || {
            format!(
                "{} is no instance any more; our mark is being taken off guest {}",
                self.instance, adoption["vmid"]
            )
        });
        Ok(())
    }
}
