//! `innkeeper placement`: why here, and why not there; for staff, as a client of the server.

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Remote, Server, cell, find, table};
use crate::out::say;
use crate::plans::Size;

/// Ask where instances go.
#[derive(Debug, Subcommand)]
pub(crate) enum Placement {
    /// Say where an instance would go now, and why not elsewhere; or why one is where it is.
    Explain(Explain),
}

/// Give an instance, or what is to be placed.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// An instance, by name or id: why it was placed where it was placed.
    #[arg(long, conflicts_with_all = ["template", "kind", "plan", "size", "project"])]
    instance: Option<String>,
    /// The template, by name or id.
    #[arg(long)]
    template: Option<String>,
    /// `lxc` or `qemu`, where there is no template.
    #[arg(long)]
    kind: Option<String>,
    /// A plan, by name or id.
    #[arg(long, conflicts_with = "size")]
    plan: Option<String>,
    /// Cores, memory in MiB and disk in GiB, for example `2,4096,40`.
    #[arg(long, value_name = "CORES,MIB,GIB")]
    size: Option<Size>,
    /// The id of a project: whether anything stands against it.
    #[arg(long)]
    project: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

impl Placement {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let Self::Explain(explain) = self;
        explain.run().await
    }
}

impl Explain {
    async fn run(self) -> anyhow::Result<()> {
        let server = Server::find(&self.remote)?;
        let found = if let Some(instance) = &self.instance {
            let id = find(&server, "instances", instance).await?;
            server.get(&format!("/api/v1/instances/{id}/placement")).await?
        } else {
            let mut body = json!({});
            if let Some(template) = &self.template {
                body["template_id"] = find(&server, "templates", template).await?.into();
            }
            if let Some(plan) = &self.plan {
                body["plan_id"] = find(&server, "plans", plan).await?.into();
            }
            if let Some(size) = self.size {
                body["size"] = size.json();
            }
            for (name, given) in [("kind", &self.kind), ("project_id", &self.project)] {
                if let Some(given) = given {
                    body[name] = given.as_str().into();
                }
            }
            server.request(Method::POST, "/api/v1/placements/explain", Some(&body)).await?
        };
        if self.remote.json {
            say!("{found:#}");
            return Ok(());
        }
        for obstacle in found["obstacles"].as_array().into_iter().flatten() {
            say!("not possible: {}", cell(&obstacle["message"]));
        }
        if found["placed_at"].is_string() {
            say!("placed at {}, when this was found:", cell(&found["placed_at"]));
        } else if found["instance_id"].is_string() {
            say!(
                "on {}; why is not known: it was adopted, or is older than this record",
                cell(&found["node"])
            );
        }
        let row = |node: &Value| ["node", "fate", "message"].map(|name| cell(&node[name])).to_vec();
        let rows: Vec<Vec<String>> = found["nodes"].as_array().into_iter().flatten().map(row).collect();
        if !rows.is_empty() {
            table(&["node", "verdict", "why"], &rows);
        }
        Ok(())
    }
}
