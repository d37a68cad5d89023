//! `innkeeper network`: where the cards of instances are plugged in, as a client of the server.

use anyhow::bail;
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Remote, Server, all, cells, find};

/// Look after networks and their addresses.
#[derive(Debug, Subcommand)]
pub(crate) enum Network {
    /// Make a network.
    Add(Add),
    /// List the networks.
    List {
        #[command(flatten)]
        remote: Remote,
    },
    /// Make it the network of instances that ask for no other.
    Default(One),
    /// Remove a network that nothing is plugged into.
    Remove(One),
    /// Give a network a pool of addresses.
    AddPool(AddPool),
    /// List the pools of a network.
    Pools(One),
    /// Remove a pool of which no instance has an address.
    RemovePool {
        /// The network, by name or id.
        network: String,
        /// The pool's id.
        pool: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// List the addresses of a network that are taken.
    Addresses(One),
    /// Keep an address for something else than an instance.
    Keep {
        /// The network, by name or id.
        network: String,
        /// The address.
        address: String,
        /// What it is kept for.
        #[arg(long)]
        note: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Give an address back that was kept.
    GiveBack {
        /// The network, by name or id.
        network: String,
        /// The address.
        address: String,
        #[command(flatten)]
        remote: Remote,
    },
}

/// One network.
#[derive(Debug, Args)]
pub(crate) struct One {
    /// The network, by name or id.
    network: String,
    #[command(flatten)]
    remote: Remote,
}

/// Make a network.
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// How to call it.
    name: String,
    /// The cluster, by name or id.
    #[arg(long)]
    cluster: String,
    /// The bridge of the hosts, for example `vmbr0`.
    #[arg(long)]
    bridge: String,
    /// Its VLAN tag.
    #[arg(long)]
    vlan: Option<u16>,
    /// The only project that may use it.
    #[arg(long)]
    project: Option<String>,
    /// Instances get it that ask for no other.
    #[arg(long)]
    default: bool,
    /// The size of its packets in bytes.
    #[arg(long)]
    mtu: Option<u32>,
    /// How fast a card on it is at most, in megabits per second.
    #[arg(long)]
    rate_mbps: Option<u32>,
    #[command(flatten)]
    remote: Remote,
}

/// Give a network a pool of addresses.
#[derive(Debug, Args)]
pub(crate) struct AddPool {
    /// The network, by name or id.
    network: String,
    /// The network's range, for example `192.0.2.0/24`.
    #[arg(long)]
    cidr: String,
    /// The way out.
    #[arg(long)]
    gateway: Option<String>,
    /// The first address that is given out; by default the range's second.
    #[arg(long)]
    first: Option<String>,
    /// The last address that is given out; by default the range's last but one.
    #[arg(long)]
    last: Option<String>,
    /// An address in between that is not given out; may be repeated.
    #[arg(long = "exclude", value_name = "ADDRESS")]
    excluded: Vec<String>,
    /// A server of names; may be repeated.
    #[arg(long)]
    dns: Vec<String>,
    #[command(flatten)]
    remote: Remote,
}

impl Network {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Add(add) => add.run().await,
            Self::AddPool(add) => add.run().await,
            Self::List { remote } => {
                let fields = ["id", "name", "vlan", "bridge", "default", "project_id", "rate_mbps"];
                remote.tell_all("networks", &fields).await
            }
            Self::Default(one) => {
                let (server, id) = one.find().await?;
                let body = json!({ "default": true });
                let path = format!("/api/v1/networks/{id}");
                let network = server.request(Method::PATCH, &path, Some(&body)).await?;
                one.remote.tell(&network, || format!("{} is the default", one.network));
                Ok(())
            }
            Self::Remove(one) => {
                let (server, id) = one.find().await?;
                let done = server.request(Method::DELETE, &format!("/api/v1/networks/{id}"), None).await?;
                one.remote.tell(&done, || format!("{} is removed", one.network));
                Ok(())
            }
            Self::Pools(one) => {
                let columns = ["id", "cidr", "first", "last", "gateway", "size", "taken"];
                one.list("pools", &columns).await
            }
            Self::Addresses(one) => one.list("addresses", &["address", "instance_id", "note"]).await,
            Self::RemovePool { network, pool, remote } => {
                let one = One { network, remote };
                let (server, id) = one.find().await?;
                let path = format!("/api/v1/networks/{id}/pools/{pool}");
                let done = server.request(Method::DELETE, &path, None).await?;
                one.remote.tell(&done, || format!("{pool} is removed"));
                Ok(())
            }
            Self::Keep { network, address, note, remote } => {
                let one = One { network, remote };
                let (server, id) = one.find().await?;
                let body = json!({ "address": address, "note": note });
                let path = format!("/api/v1/networks/{id}/addresses");
                let kept = server.request(Method::POST, &path, Some(&body)).await?;
                one.remote.tell(&kept, || format!("{address} is kept"));
                Ok(())
            }
            Self::GiveBack { network, address, remote } => {
                let one = One { network, remote };
                let (server, id) = one.find().await?;
                let path = format!("/api/v1/networks/{id}/addresses/{address}");
                let done = server.request(Method::DELETE, &path, None).await?;
                one.remote.tell(&done, || format!("{address} may be given out again"));
                Ok(())
            }
        }
    }
}

impl One {
    async fn find(&self) -> anyhow::Result<(Server, String)> {
        let server = Server::find(&self.remote)?;
        let id = find(&server, "networks", &self.network).await?;
        Ok((server, id))
    }

    async fn list(&self, what: &str, columns: &[&str]) -> anyhow::Result<()> {
        let (server, id) = self.find().await?;
        let rows = all(&server, &format!("networks/{id}/{what}")).await?;
        self.remote.tell_list(rows, columns, |row| cells(row, columns));
        Ok(())
    }
}

impl Add {
    async fn run(self) -> anyhow::Result<()> {
        let server = Server::find(&self.remote)?;
        let mut body = json!({
            "cluster_id": find(&server, "clusters", &self.cluster).await?,
            "name": self.name,
            "bridge": self.bridge,
            "default": self.default,
            "vlan": self.vlan,
            "mtu": self.mtu,
            "rate_mbps": self.rate_mbps,
        });
        if let Some(project) = &self.project {
            body["project_id"] = find(&server, "projects", project).await?.into();
        }
        let network = server.request(Method::POST, "/api/v1/networks", Some(&body)).await?;
        self.remote.tell(&network, || format!("made {} as {}", self.name, network["id"]));
        Ok(())
    }
}

impl AddPool {
    async fn run(self) -> anyhow::Result<()> {
        let one = One { network: self.network, remote: self.remote };
        let (server, id) = one.find().await?;
        let body = json!({
            "cidr": self.cidr,
            "gateway": self.gateway,
            "first": self.first,
            "last": self.last,
            "excluded": self.excluded,
            "dns": self.dns,
        });
        let path = format!("/api/v1/networks/{id}/pools");
        let pool = server.request(Method::POST, &path, Some(&body)).await?;
        one.remote.tell(&pool, || format!("{} gives out {} addresses", one.network, pool["size"]));
        Ok(())
    }
}

/// A card as people write it: `NETWORK[,ipv4=auto|dhcp|none|ADDRESS][,ipv6=auto|dhcp|slaac|none|ADDRESS][,rate=MBPS]`.
pub(crate) async fn card(server: &Server, text: &str) -> anyhow::Result<Value> {
    let mut parts = text.split(',');
    let network = parts.next().unwrap_or_default();
    let mut card = json!({ "network_id": find(server, "networks", network).await? });
    for part in parts {
        match part.split_once('=') {
            Some((family @ ("ipv4" | "ipv6"), how)) => card[family] = how.into(),
            Some(("rate", mbps)) => match mbps.parse::<u32>() {
                Ok(mbps) => card["rate_mbps"] = mbps.into(),
                Err(_) => bail!("`rate` is a number of megabits per second, not `{mbps}`"),
            },
            _ => bail!("`{part}`: use NETWORK,ipv4=…,ipv6=…,rate=…"),
        }
    }
    Ok(card)
}
