//! What a simulator is made of: clusters, nodes, versions, speed.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use crate::backend::GuestProcesses;
use crate::clock::Clock;

/// Everything [`Sim::start`](crate::Sim::start) needs to know.
#[derive(Clone, Debug)]
pub struct Options {
    /// The clusters to simulate; names must differ.
    pub clusters: Vec<ClusterOptions>,
    /// Address every listener binds to. Loopback by default.
    pub bind: IpAddr,
    /// How long tasks take.
    pub latency: Latency,
    /// How late every 401 comes. Real servers: 3 s. Default: none.
    pub auth_delay: Duration,
    /// Seed of everything random (MAC addresses, UUIDs, process ids).
    pub seed: u64,
    /// Whether to serve the HTTP fault-control port (plain HTTP, no authentication).
    pub control: bool,
    /// Where certificates are kept, so that fingerprints survive a restart.
    pub state_dir: Option<PathBuf>,
    /// The time the simulated clusters see.
    pub clock: Clock,
    /// Whether real processes run behind guests' consoles and agents. Default: none.
    pub guests: GuestProcesses,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            clusters: vec![ClusterOptions::default()],
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            latency: Latency::Zero,
            auth_delay: Duration::ZERO,
            seed: 1,
            control: false,
            state_dir: None,
            clock: Clock::real(),
            guests: GuestProcesses::Off,
        }
    }
}

/// One cluster, or a single server when it has one node.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// The cluster's name.
    pub name: String,
    /// Its nodes.
    pub nodes: Vec<NodeOptions>,
    /// Which Proxmox VE version it behaves like.
    pub profile: Profile,
    /// Port of the first node, the next ones count up; `None` lets the system choose.
    pub first_port: Option<u16>,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self {
            name: "lab".into(),
            nodes: vec![NodeOptions::default()],
            profile: Profile::V9_2,
            first_port: None,
        }
    }
}

impl ClusterOptions {
    /// A cluster called `name` with default nodes of the given names.
    pub fn named(name: &str, nodes: &[&str]) -> Self {
        let nodes =
            nodes.iter().map(|n| NodeOptions { name: (*n).into(), ..NodeOptions::default() }).collect();
        Self { name: name.into(), nodes, ..Self::default() }
    }
}

/// One node.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// Node name as in `/nodes/{node}`.
    pub name: String,
    /// CPU threads.
    pub cores: u32,
    /// Memory in bytes.
    pub memory: u64,
    /// Storages beside `local` and `local-lvm`. A shared one named on several nodes is the same storage.
    pub storages: Vec<StorageOptions>,
    /// Port of its API; `None` counts up from the cluster's first port or lets the system choose.
    pub port: Option<u16>,
}

impl Default for NodeOptions {
    fn default() -> Self {
        Self { name: "pve".into(), cores: 16, memory: 64 << 30, storages: Vec::new(), port: None }
    }
}

/// One more storage of a node.
#[derive(Clone, Debug)]
pub struct StorageOptions {
    /// Storage id.
    pub id: String,
    /// Proxmox's plugin type: `dir`, `lvmthin`, `zfspool`, `btrfs`, `nfs`, `rbd`.
    pub kind: String,
    /// Content types, comma-separated.
    pub content: String,
    /// Whether all nodes see the same volumes.
    pub shared: bool,
    /// Capacity in bytes.
    pub total: u64,
}

/// Which version's behaviour is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Profile {
    /// 7.4: no `message` in error bodies, `resize` of a VM answers null.
    V7_4,
    /// 8.4.
    V8_4,
    /// 9.2, the one recorded.
    V9_2,
}

impl Profile {
    /// `version`, `release` and `repoid` of `GET /version`.
    pub(crate) fn version(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::V7_4 => ("7.4-17", "7.4", "513c62be"),
            Self::V8_4 => ("8.4.14", "8.4", "b502d23c55afcba1"),
            Self::V9_2 => ("9.2.11", "9.2", "14a22df35955d97d"),
        }
    }
}

/// How long tasks take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Latency {
    /// Done by the time anybody asks.
    Zero,
    /// As on a real server: create 2 to 4 s, start 0.5 to 1.5 s, and so on.
    Realistic,
    /// The realistic times multiplied.
    Scaled(f64),
}

impl Latency {
    /// The factor on realistic times.
    pub(crate) fn factor(self) -> f64 {
        match self {
            Self::Zero => 0.0,
            Self::Realistic => 1.0,
            Self::Scaled(factor) => factor,
        }
    }
}
