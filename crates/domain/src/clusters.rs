//! Clusters, and what was last observed of their nodes and storages.

use serde::{Deserialize, Serialize};

use crate::ids::ClusterId;
use crate::names::{NodeName, StorageName, Title};
use crate::time::Timestamp;

/// One API address of a cluster, with the certificate that we expect there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// `https://host:8006`.
    pub url: String,
    /// SHA-256 of the certificate as colon-separated hexadecimal; none means that a public authority vouches for it.
    pub fingerprint: Option<String>,
}

words! {
    /// How a cluster was when we last asked.
    pub enum Health as "ClusterHealth" {
        /// Not asked yet.
        Unknown = "unknown",
        /// Answers, has quorum.
        Healthy = "healthy",
        /// Answers, but something is wrong: the problem says what.
        Degraded = "degraded",
        /// Does not answer.
        Unreachable = "unreachable",
        /// Refuses our token.
        Refused = "refused",
    }
}

/// The VMIDs that are ours to give out, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmidRange {
    /// The first.
    pub first: u32,
    /// The last.
    pub last: u32,
}

/// Why a range of VMIDs cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("use first and last VMIDs between 100 and 999999999 with first below last")]
pub struct BadRange;

impl VmidRange {
    /// Checks the bounds that Proxmox sets.
    pub fn check(self) -> Result<Self, BadRange> {
        if self.first >= 100 && self.last <= 999_999_999 && self.first < self.last {
            Ok(self)
        } else {
            Err(BadRange)
        }
    }

    /// Whether the id lies in the range.
    pub fn contains(self, vmid: u32) -> bool {
        (self.first..=self.last).contains(&vmid)
    }

    /// The id after `vmid`, beginning again at the first after the last.
    pub fn next(self, vmid: u32) -> u32 {
        if vmid >= self.last || vmid < self.first { self.first } else { vmid + 1 }
    }

    /// How many ids there are.
    pub fn len(self) -> u32 {
        self.last - self.first + 1
    }

    /// A checked range is never empty.
    pub fn is_empty(self) -> bool {
        false
    }
}

/// One Proxmox VE installation. Its token secret is sealed in the store and not part of this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Identity.
    pub id: ClusterId,
    /// As shown.
    pub name: Title,
    /// Where it answers; tried in order.
    pub endpoints: Vec<Endpoint>,
    /// `user@realm!token`.
    pub token_id: String,
    /// The bridge that guests are connected to.
    pub bridge: String,
    /// The Proxmox pool that our guests are put into, if any.
    pub pool: Option<String>,
    /// The VMIDs that are ours.
    pub vmids: VmidRange,
    /// Higher is preferred by placement.
    pub priority: i32,
    /// Whether new instances may be placed here.
    pub open: bool,
    /// As last observed.
    pub health: Health,
    /// What is wrong, if anything.
    pub problem: Option<String>,
    /// Version of Proxmox VE.
    pub version: Option<String>,
    /// When it was last observed.
    pub seen_at: Option<Timestamp>,
    /// When it was added.
    pub created_at: Timestamp,
}

/// A node as last observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its cluster.
    pub cluster_id: ClusterId,
    /// Its name there.
    pub name: NodeName,
    /// Whether the cluster said that it is online.
    pub online: bool,
    /// Whether an operator keeps new instances off it.
    pub maintenance: bool,
    /// Cores.
    pub cores: u32,
    /// Memory in bytes.
    pub memory_total: u64,
    /// Memory in use, in bytes.
    pub memory_used: u64,
    /// When it was observed.
    pub seen_at: Timestamp,
}

/// A storage on a node as last observed; a shared one has one row per node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Storage {
    /// Its cluster.
    pub cluster_id: ClusterId,
    /// The node through which it was seen.
    pub node: NodeName,
    /// Its id there.
    pub name: StorageName,
    /// May hold container disks (`rootdir`).
    pub holds_containers: bool,
    /// May hold VM disks (`images`).
    pub holds_disks: bool,
    /// May hold backups (`backup`).
    pub holds_backups: bool,
    /// One storage seen by all nodes.
    pub shared: bool,
    /// Whether it was available.
    pub available: bool,
    /// Capacity in bytes.
    pub total: u64,
    /// Used bytes.
    pub used: u64,
    /// When it was observed.
    pub seen_at: Timestamp,
}
