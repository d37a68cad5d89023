//! The inventory of a whole cluster in one call: guests, nodes, storages, pools.
//!
//! The figures are up to some 12 s old; existence, node, lock, tags and pool are of now. A new guest is `unknown` and
//! nameless at first. Guests of a dead node keep their last figures for 5 minutes. What the caller may not see is left
//! out without a word.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::call::Call;
use crate::client::Client;
use crate::error::Error;
use crate::guest::status::RunState;
use crate::ids::{GuestKind, GuestRef, NodeName, PoolId, StorageId, Vmid};
use crate::lenient;
use crate::operations as ops;
use crate::property::Tags;

/// One row of the inventory.
#[derive(Debug, Clone, PartialEq)]
pub enum Resource {
    /// A guest.
    Guest(GuestRow),
    /// A node.
    Node(NodeRow),
    /// A storage, once per node that has it.
    Storage(StorageRow),
    /// A pool.
    Pool(PoolRow),
    /// Something else (networks, SDN), or a row this crate cannot read; as it came.
    Other(Value),
}

/// A guest in the inventory. Bytes, seconds, shares.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct GuestRow {
    /// Container or machine.
    #[serde(rename = "type")]
    pub kind: GuestKind,
    /// Its number.
    pub vmid: Vmid,
    /// The node that holds it.
    pub node: NodeName,
    /// Its name, once known.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub name: Option<String>,
    /// Whether it runs; a paused machine is `Other("paused")` here.
    #[serde(default = "unknown")]
    pub status: RunState,
    /// Whether it is a template.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub template: bool,
    /// The lock on its configuration.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub lock: Option<String>,
    /// Tags.
    #[serde(default)]
    pub tags: Tags,
    /// The pool it is in; hidden from callers without `Pool.Audit`.
    #[serde(default, deserialize_with = "lenient::parsed")]
    pub pool: Option<PoolId>,
    /// State in high availability.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub hastate: Option<String>,
    /// Share of its processors in use.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub cpu: Option<f64>,
    /// Processors.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub maxcpu: Option<f64>,
    /// Memory in use, bytes.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub mem: Option<u64>,
    /// Memory, bytes.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub maxmem: Option<u64>,
    /// Disk in use, bytes; 0 for machines.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub disk: Option<u64>,
    /// Size of the first disk, bytes.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub maxdisk: Option<u64>,
    /// Received, bytes since the start.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub netin: Option<u64>,
    /// Sent, bytes since the start.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub netout: Option<u64>,
    /// Read from disk, bytes since the start.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub diskread: Option<u64>,
    /// Written to disk, bytes since the start.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub diskwrite: Option<u64>,
    /// Seconds since the start.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub uptime: Option<i64>,
}

fn unknown() -> RunState {
    RunState::Unknown
}

impl GuestRow {
    /// Where to find it.
    pub fn at(&self) -> GuestRef {
        GuestRef { node: self.node.clone(), kind: self.kind, vmid: self.vmid }
    }
}

/// A node in the inventory.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct NodeRow {
    /// Its name.
    pub node: NodeName,
    /// `online`, `offline` or `unknown`. A dead node stays online for about 10 s.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub status: String,
    /// Share of its processors in use; none when it is offline or the caller may not see it.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub cpu: Option<f64>,
    /// Processors.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub maxcpu: Option<f64>,
    /// Memory in use, bytes.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub mem: Option<u64>,
    /// Memory, bytes.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub maxmem: Option<u64>,
    /// Its root disk in use, bytes.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub disk: Option<u64>,
    /// Its root disk, bytes.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub maxdisk: Option<u64>,
    /// Seconds since it started.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub uptime: Option<i64>,
    /// SHA-256 of its certificate, in the list of nodes only.
    #[serde(default, rename = "ssl_fingerprint", deserialize_with = "lenient::parsed")]
    pub fingerprint: Option<crate::trust::Fingerprint>,
}

impl NodeRow {
    /// Whether it is said to be online.
    pub fn is_online(&self) -> bool {
        self.status == "online"
    }
}

/// A storage of one node in the inventory.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct StorageRow {
    /// Its name.
    pub storage: StorageId,
    /// The node that has it.
    pub node: NodeName,
    /// `available` or `unknown`.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub status: String,
    /// What may lie on it, separated by commas: `images`, `rootdir`, `vztmpl`, `backup`, …
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub content: String,
    /// Its type, for example `dir`.
    #[serde(default, rename = "plugintype", deserialize_with = "lenient::optional")]
    pub plugin_type: Option<String>,
    /// Whether it is the same on every node.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub shared: bool,
    /// In use, bytes.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub disk: Option<u64>,
    /// Size, bytes.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub maxdisk: Option<u64>,
}

impl StorageRow {
    /// Whether this kind of content may lie on it.
    pub fn holds(&self, content: &str) -> bool {
        self.content.split(',').any(|c| c.trim() == content)
    }
}

/// A pool in the inventory.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PoolRow {
    /// Its name.
    pub pool: PoolId,
}

impl<'de> Deserialize<'de> for Resource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let row = Value::deserialize(deserializer)?;
        let read = match row.get("type").and_then(Value::as_str) {
            Some("lxc" | "qemu") => GuestRow::deserialize(&row).map(Self::Guest),
            Some("node") => NodeRow::deserialize(&row).map(Self::Node),
            Some("storage") => StorageRow::deserialize(&row).map(Self::Storage),
            Some("pool") => PoolRow::deserialize(&row).map(Self::Pool),
            _ => return Ok(Self::Other(row)),
        };
        Ok(read.unwrap_or_else(|error| {
            tracing::warn!(%error, "unreadable row in the cluster's resources");
            Self::Other(row)
        }))
    }
}

/// Which rows to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceKind {
    /// Guests.
    Guests,
    /// Storages.
    Storages,
    /// Nodes.
    Nodes,
}

impl Client {
    /// Everything the caller may see.
    pub async fn resources(&self) -> Result<Vec<Resource>, Error> {
        self.send(Call::new(&ops::RESOURCES)).await
    }

    /// Rows of one kind.
    pub async fn resources_of(&self, kind: ResourceKind) -> Result<Vec<Resource>, Error> {
        let kind = match kind {
            ResourceKind::Guests => "vm",
            ResourceKind::Storages => "storage",
            ResourceKind::Nodes => "node",
        };
        self.send(Call::new(&ops::RESOURCES).param("type", kind)).await
    }

    /// All guests the caller may see.
    pub async fn guests(&self) -> Result<Vec<GuestRow>, Error> {
        let rows = self.resources_of(ResourceKind::Guests).await?;
        let guest = |row| match row {
            Resource::Guest(guest) => Some(guest),
            _ => None,
        };
        Ok(rows.into_iter().filter_map(guest).collect())
    }

    /// Where a guest is now, wherever it moved; none if the caller sees no such guest.
    pub async fn find_guest(&self, vmid: Vmid) -> Result<Option<GuestRow>, Error> {
        Ok(self.guests().await?.into_iter().find(|row| row.vmid == vmid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_rows_are_read_and_strange_ones_kept() {
        let text = r#"[{"pool":"x1","id":"/pool/x1","type":"pool"},
            {"type":"lxc","uptime":38,"vmid":100,"disk":179810304,"maxcpu":1,"template":0,"name":"ct100","maxmem":268435456,
             "tags":"demo","status":"running","cpu":0,"pool":"tenant1","node":"pve","id":"lxc/100","memhost":0},
            {"id":"qemu/200","node":"pve2","type":"qemu","vmid":200,"status":"unknown"},
            {"uptime":2383,"cgroup-mode":1,"type":"node","level":"","maxcpu":2,"cpu":1,"status":"online","node":"pve","id":"node/pve"},
            {"status":"available","type":"storage","node":"pve","content":"images,rootdir","id":"storage/pve/local","plugintype":"dir","storage":"local","shared":0},
            {"network-type":"zone","node":"pve","type":"network","network":"localnetwork","status":"ok"},
            {"type":"lxc","vmid":"what"}]"#;
        let rows: Vec<Resource> = serde_json::from_str(text).unwrap();
        let [
            Resource::Pool(_),
            Resource::Guest(ct),
            Resource::Guest(vm),
            Resource::Node(node),
            Resource::Storage(storage),
            Resource::Other(_),
            Resource::Other(_),
        ] = &rows[..]
        else {
            panic!("{rows:?}")
        };
        assert_eq!(
            (ct.status.clone(), ct.pool.as_ref().map(PoolId::as_str)),
            (RunState::Running, Some("tenant1"))
        );
        assert_eq!((vm.status.clone(), vm.name.clone()), (RunState::Unknown, None));
        assert_eq!(vm.at().to_string(), "qemu/200 on pve2");
        assert!(node.is_online());
        assert!(storage.holds("rootdir") && !storage.holds("backup"));
    }
}
