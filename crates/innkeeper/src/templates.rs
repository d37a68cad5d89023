//! `innkeeper template`: what instances are made from, as a client of the server.

use anyhow::bail;
use clap::{Args, Subcommand};
use innkeeper_domain::instances::Kind;
use reqwest::Method;
use serde_json::json;

use crate::client::{Remote, Server, cell, find};
use crate::plans::Size;

/// Look after templates.
#[derive(Debug, Subcommand)]
pub(crate) enum Template {
    /// Make a template. It needs a source before anything can be made from it.
    Add(Add),
    /// Say where a cluster keeps a template.
    Source(Source),
    /// List the templates.
    List {
        #[command(flatten)]
        remote: Remote,
    },
}

/// Make a template.
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// How to call it, for example `Debian 12`.
    name: String,
    /// `lxc` for containers, `qemu` for virtual machines.
    #[arg(long)]
    kind: Kind,
    /// The smallest size it runs in: cores, MiB, GiB.
    #[arg(long, value_name = "CORES,MIB,GIB", default_value = "1,128,4")]
    least: Size,
    /// The size when none is asked for.
    #[arg(long, value_name = "CORES,MIB,GIB", default_value = "1,1024,10")]
    default: Size,
    /// The greatest size.
    #[arg(long, value_name = "CORES,MIB,GIB", default_value = "16,65536,500")]
    most: Size,
    /// Its guests report their addresses: containers do, virtual machines with the QEMU guest agent. By default, only
    /// for containers.
    #[arg(long)]
    reports_address: Option<bool>,
    #[command(flatten)]
    remote: Remote,
}

/// Say where a cluster keeps a template.
#[derive(Debug, Args)]
pub(crate) struct Source {
    /// The template, by name or id.
    template: String,
    /// The cluster, by name or id.
    #[arg(long)]
    cluster: String,
    /// Containers: the volume, for example `local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst`.
    #[arg(long, conflicts_with = "vmid")]
    volume: Option<String>,
    /// Virtual machines: the number of the template VM; name its node too.
    #[arg(long, requires = "node")]
    vmid: Option<u32>,
    /// The node that has it; without one, every node of the cluster has.
    #[arg(long)]
    node: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

impl Template {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Add(add) => add.run().await,
            Self::Source(source) => source.run().await,
            Self::List { remote } => remote.tell_all("templates", &["id", "name", "kind", "offered"]).await,
        }
    }
}

impl Add {
    async fn run(self) -> anyhow::Result<()> {
        let server = Server::find(&self.remote)?;
        let mut body = json!({
            "name": self.name,
            "kind": self.kind,
            "least": self.least.json(),
            "default_size": self.default.json(),
            "most": self.most.json(),
        });
        if let Some(reports) = self.reports_address {
            body["reports_address"] = reports.into();
        }
        let template = server.request(Method::POST, "/api/v1/templates", Some(&body)).await?;
        self.remote
            .tell(&template, || format!("added {} as {}", cell(&template["name"]), cell(&template["id"])));
        Ok(())
    }
}

impl Source {
    async fn run(self) -> anyhow::Result<()> {
        let server = Server::find(&self.remote)?;
        let template = find(&server, "templates", &self.template).await?;
        let mut body = json!({ "cluster_id": find(&server, "clusters", &self.cluster).await? });
        match (self.volume, self.vmid) {
            (Some(volume), None) => body["volume"] = volume.into(),
            (None, Some(vmid)) => body["vmid"] = vmid.into(),
            _ => bail!("give --volume for a container template, or --vmid and --node for a VM template"),
        }
        if let Some(node) = self.node {
            body["node"] = node.into();
        }
        let source = server
            .request(Method::POST, &format!("/api/v1/templates/{template}/sources"), Some(&body))
            .await?;
        self.remote.tell(&source, || format!("{} has a source on {}", self.template, self.cluster));
        Ok(())
    }
}
