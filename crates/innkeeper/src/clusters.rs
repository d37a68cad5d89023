//! `innkeeper cluster`: adding, testing and looking at clusters, as a client of the server.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::admin::read_password;
use crate::adoptions::{Adopt, Guests};
use crate::client::{Remote, Server, cell, find, table};
use crate::metrics::OfNode;
use crate::out::say;

/// Look after clusters.
#[derive(Debug, Subcommand)]
pub(crate) enum Cluster {
    /// Add a cluster: shows the certificate to be confirmed, tests the token, then keeps it.
    Add(Add),
    /// Say how a cluster is reached now: other endpoints, a renewed certificate, another token.
    Reach(Reach),
    /// Try a cluster for real; names each missing privilege.
    Test {
        /// Its name or id.
        cluster: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Let commands be run in its containers through their nodes; see docs/commands.md.
    #[command(subcommand)]
    NodeAccess(NodeAccess),
    /// List all guests of a cluster, ours and others.
    Guests(Guests),
    /// Adopt guests that are in Proxmox already.
    Adopt(Adopt),
    /// Show what a node does now, or did.
    NodeMetrics(OfNode),
    /// List the clusters.
    List {
        #[command(flatten)]
        remote: Remote,
    },
}

/// The way into containers through their nodes.
#[derive(Debug, Subcommand)]
pub(crate) enum NodeAccess {
    /// Set it up, and print the line that the nodes are to have.
    Set {
        /// Its name or id.
        cluster: String,
        /// A node: `NAME,ADDRESS:PORT,ssh-ed25519 AAAA…`, the latter from `/etc/ssh/ssh_host_ed25519_key.pub` there; give
        /// one for each.
        #[arg(long = "node", required = true, value_name = "NODE")]
        nodes: Vec<String>,
        /// The account on each node; containers can be entered by root only.
        #[arg(long, default_value = "root")]
        user: String,
        /// Make a new key in place of the one that is there.
        #[arg(long)]
        new_key: bool,
        #[command(flatten)]
        remote: Remote,
    },
    /// Print the line that the nodes are to have.
    Show {
        /// Its name or id.
        cluster: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Take it away.
    Remove {
        /// Its name or id.
        cluster: String,
        #[command(flatten)]
        remote: Remote,
    },
}

impl NodeAccess {
    async fn run(self) -> anyhow::Result<()> {
        let (cluster, remote, method, body) = match self {
            Self::Set { cluster, nodes, user, new_key, remote } => {
                let mut doors = serde_json::Map::new();
                for node in &nodes {
                    let mut parts = node.splitn(3, ',');
                    let (Some(name), Some(address), Some(key)) = (parts.next(), parts.next(), parts.next())
                    else {
                        bail!("give a node as NAME,ADDRESS:PORT,HOST-KEY");
                    };
                    doors.insert(name.to_owned(), json!({ "address": address, "host_key": key }));
                }
                let body = json!({ "user": user, "nodes": doors, "new_key": new_key });
                (cluster, remote, Method::PUT, Some(body))
            }
            Self::Show { cluster, remote } => (cluster, remote, Method::GET, None),
            Self::Remove { cluster, remote } => (cluster, remote, Method::DELETE, None),
        };
        let server = Server::find(&remote)?;
        let id = find(&server, "clusters", &cluster).await?;
        let path = format!("/api/v1/clusters/{id}/node-access");
        let answer = server.request(method, &path, body.as_ref()).await?;
        remote.tell(&answer, || match answer["authorized_keys"].as_str() {
            Some(line) => line.to_owned(),
            None => format!("commands are no longer run through the nodes of {cluster}"),
        });
        Ok(())
    }
}

/// Where a cluster answers, and with which certificates.
#[derive(Debug, Args)]
pub(crate) struct Endpoints {
    /// An API address, for example `https://pve1.example.org:8006`; give several for failover.
    #[arg(long = "endpoint", value_name = "URL")]
    endpoints: Vec<String>,
    /// The expected certificate fingerprint of each endpoint, in the same order; without it you are asked.
    #[arg(long = "fingerprint", value_name = "SHA256")]
    fingerprints: Vec<String>,
}

/// Say how a cluster is reached now. What is not given stays.
#[derive(Debug, Args)]
pub(crate) struct Reach {
    /// Its name or id.
    cluster: String,
    #[command(flatten)]
    endpoints: Endpoints,
    /// Another API token, `user@realm!name`, in single quotes. Its secret is asked for, or read from standard input.
    #[arg(long, value_name = "TOKEN")]
    token_id: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// Add a cluster.
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// How to call it.
    #[arg(long)]
    name: String,
    #[command(flatten)]
    endpoints: Endpoints,
    /// The API token, `user@realm!name`, in single quotes. Its secret is asked for, or read from standard input.
    #[arg(long, value_name = "TOKEN")]
    token_id: String,
    /// The bridge that guests are connected to.
    #[arg(long, default_value = "vmbr0")]
    bridge: String,
    /// The Proxmox pool that guests are put into.
    #[arg(long)]
    pool: Option<String>,
    /// The first VMID that is ours.
    #[arg(long, default_value_t = 10_000)]
    first_vmid: u32,
    /// The last VMID that is ours.
    #[arg(long, default_value_t = 999_999)]
    last_vmid: u32,
    #[command(flatten)]
    remote: Remote,
}

impl Cluster {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Add(add) => add.run().await,
            Self::Reach(reach) => reach.run().await,
            Self::Guests(guests) => guests.run().await,
            Self::Adopt(adopt) => adopt.run().await,
            Self::NodeMetrics(metrics) => metrics.run().await,
            Self::Test { cluster, remote } => {
                let server = Server::find(&remote)?;
                let id = find(&server, "clusters", &cluster).await?;
                let test = server.request(Method::POST, &format!("/api/v1/clusters/{id}/test"), None).await?;
                if remote.json {
                    say!("{test:#}");
                } else {
                    show_test(&test);
                }
                if test["ok"] == json!(true) { Ok(()) } else { bail!("the cluster is not ready") }
            }
            Self::NodeAccess(access) => access.run().await,
            Self::List { remote } => {
                let page = Server::find(&remote)?.get("/api/v1/clusters").await?;
                if remote.json {
                    say!("{page:#}");
                    return Ok(());
                }
                let columns = ["id", "name", "health", "version", "problem"];
                let items = page["items"].as_array().cloned().unwrap_or_default();
                let rows = items.iter().map(|row| columns.iter().map(|name| cell(&row[*name])).collect());
                table(&columns, &rows.collect::<Vec<_>>());
                Ok(())
            }
        }
    }
}

impl Endpoints {
    /// As the server wants them, each certificate confirmed by a person.
    async fn confirmed(&self, server: &Server) -> anyhow::Result<Vec<Value>> {
        if !self.fingerprints.is_empty() && self.fingerprints.len() != self.endpoints.len() {
            bail!("give one --fingerprint for each --endpoint, or none");
        }
        let mut endpoints = Vec::new();
        for (number, url) in self.endpoints.iter().enumerate() {
            let fingerprint = match self.fingerprints.get(number) {
                Some(given) => given.clone(),
                None => confirm(server, url).await?,
            };
            endpoints.push(json!({ "url": url, "fingerprint": fingerprint }));
        }
        Ok(endpoints)
    }
}

impl Reach {
    async fn run(self) -> anyhow::Result<()> {
        let server = Server::find(&self.remote)?;
        let mut change = json!({});
        let endpoints = self.endpoints.confirmed(&server).await?;
        if !endpoints.is_empty() {
            change["endpoints"] = endpoints.into();
        }
        if let Some(token_id) = self.token_id {
            let secret = read_password("Token secret: ")?;
            change["token_id"] = token_id.into();
            change["token_secret"] = secret.expose_secret().into();
        }
        if change == json!({}) {
            bail!("give --endpoint, --token-id, or both");
        }
        let path = format!("/api/v1/clusters/{}", find(&server, "clusters", &self.cluster).await?);
        let cluster = server.request(Method::PATCH, &path, Some(&change)).await?;
        self.remote.tell(&cluster, || format!("{} is {}", cell(&cluster["name"]), cell(&cluster["health"])));
        Ok(())
    }
}

impl Add {
    async fn run(self) -> anyhow::Result<()> {
        let server = Server::find(&self.remote)?;
        let endpoints = self.endpoints.confirmed(&server).await?;
        if endpoints.is_empty() {
            bail!("give at least one --endpoint");
        }
        let secret = read_password("Token secret: ")?;
        let body = json!({
            "name": self.name,
            "endpoints": endpoints,
            "token_id": self.token_id,
            "token_secret": secret.expose_secret(),
            "bridge": self.bridge,
            "pool": self.pool,
            "vmids": { "first": self.first_vmid, "last": self.last_vmid },
        });
        let cluster = server.request(Method::POST, "/api/v1/clusters", Some(&body)).await?;
        self.remote
            .tell(&cluster, || format!("added {} as {}", cell(&cluster["name"]), cell(&cluster["id"])));
        Ok(())
    }
}

/// Shows the certificate's fingerprint and asks for a yes. Nothing is trusted without one.
async fn confirm(server: &Server, url: &str) -> anyhow::Result<String> {
    let shown = server.request(Method::POST, "/api/v1/clusters/probe", Some(&json!({ "url": url }))).await?;
    let print = shown["fingerprint"].as_str().context("the server showed no fingerprint")?.to_owned();
    say!("{url} shows the certificate\n  {print}");
    say!("Compare it with the node's own: Node > System > Certificates, or `pvenode cert info`.");
    if !std::io::stdin().is_terminal() {
        bail!("pass --fingerprint {print} once you have compared it");
    }
    print!("Is it the same? Type yes: ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    if answer.trim() != "yes" {
        bail!("not confirmed; nothing was added");
    }
    Ok(print)
}

fn show_test(test: &Value) {
    for check in test["checks"].as_array().into_iter().flatten() {
        let mark = if check["ok"] == json!(true) { "ok  " } else { "FAIL" };
        say!("{mark}  {}: {}", cell(&check["name"]), cell(&check["message"]));
    }
}
