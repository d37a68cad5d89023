//! Nodes: what there is, how they fare, switching them off and waking them, their networks.

use serde::{Deserialize, Deserializer};

use crate::call::Call;
use crate::client::Client;
use crate::error::Error;
use crate::ids::NodeName;
use crate::lenient;
use crate::operations as ops;
use crate::resources::NodeRow;
use crate::rrd::{Consolidation, RrdPoint, Timeframe};

/// An amount and how much of it is in use, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub struct Usage {
    /// All of it.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub total: u64,
    /// In use.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub used: u64,
}

/// How a node fares.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct NodeStatus {
    /// Seconds since it started.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub uptime: Option<i64>,
    /// Share of its processors in use.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub cpu: Option<f64>,
    /// Load over 1, 5 and 15 minutes.
    #[serde(default, rename = "loadavg", deserialize_with = "loads")]
    pub load: Vec<f64>,
    /// Memory.
    #[serde(default)]
    pub memory: Usage,
    /// Swap.
    #[serde(default)]
    pub swap: Usage,
    /// Its root disk.
    #[serde(default)]
    pub rootfs: Usage,
    /// Its processors.
    #[serde(default)]
    pub cpuinfo: CpuInfo,
    /// For example `pve-manager/9.2.11/…`.
    #[serde(default, rename = "pveversion", deserialize_with = "lenient::optional")]
    pub version: Option<String>,
}

/// A node's processors.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct CpuInfo {
    /// How many, threads counted.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub cpus: u32,
    /// Their model.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub model: Option<String>,
}

fn loads<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
    let values: Option<Vec<serde_json::Value>> = Deserialize::deserialize(deserializer)?;
    Ok(values.unwrap_or_default().iter().filter_map(lenient::Scalar::from_scalar).collect())
}

/// What to do with a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodePower {
    /// Switch it off.
    Shutdown,
    /// Start it anew.
    Reboot,
}

/// A network interface of a node; bridges are what guests are attached to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NodeNetwork {
    /// For example `vmbr0`.
    pub iface: String,
    /// For example `bridge`.
    #[serde(default, rename = "type", deserialize_with = "lenient::or_default")]
    pub kind: String,
    /// Whether it is up.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub active: bool,
    /// Its IPv4 address with prefix.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub cidr: Option<String>,
    /// Its IPv4 gateway.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub gateway: Option<String>,
    /// Whether VLAN tags of guests are honoured (bridges).
    #[serde(default, rename = "bridge_vlan_aware", deserialize_with = "lenient::or_default")]
    pub vlan_aware: bool,
    /// A remark.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub comments: Option<String>,
}

impl Client {
    /// All nodes, with certificate fingerprints for those that are online.
    pub async fn nodes(&self) -> Result<Vec<NodeRow>, Error> {
        self.send(Call::new(&ops::NODE_LIST)).await
    }

    /// How a node fares. Needs `Sys.Audit` on it.
    pub async fn node_status(&self, node: &NodeName) -> Result<NodeStatus, Error> {
        self.send(Call::new(&ops::NODE_STATUS).at("node", node)).await
    }

    /// Switches a node off or starts it anew, with all its guests. Answers before it happens. Needs `Sys.PowerMgmt`.
    pub async fn node_power(&self, node: &NodeName, power: NodePower) -> Result<(), Error> {
        let command = match power {
            NodePower::Shutdown => "shutdown",
            NodePower::Reboot => "reboot",
        };
        self.send_unit(Call::new(&ops::NODE_POWER).at("node", node).param("command", command)).await
    }

    /// Has another node of the cluster wake this one; the answer is the hardware address that was called. The address
    /// must be set in the node's options beforehand.
    pub async fn wake_node(&self, node: &NodeName) -> Result<String, Error> {
        self.send(Call::new(&ops::NODE_WAKE).at("node", node)).await
    }

    /// A node's network interfaces; `kind` may be `any_bridge` and others the server knows. Bridges the caller may not
    /// use are left out without a word.
    pub async fn node_networks(
        &self,
        node: &NodeName,
        kind: Option<&str>,
    ) -> Result<Vec<NodeNetwork>, Error> {
        self.send(Call::new(&ops::NODE_NETWORKS).at("node", node).param_some("type", kind)).await
    }

    /// Figures of a node's past.
    pub async fn node_rrddata(
        &self,
        node: &NodeName,
        timeframe: Timeframe,
        cf: Consolidation,
    ) -> Result<Vec<RrdPoint>, Error> {
        let call = Call::new(&ops::NODE_RRDDATA).at("node", node);
        self.send(call.param("timeframe", timeframe.as_str()).param("cf", cf.as_str())).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_come_as_texts() {
        let status: NodeStatus = serde_json::from_str(
            r#"{"loadavg":["2.50","1.00",0.5],"memory":{"total":"10","used":4,"free":6},"cpuinfo":{"cpus":"2"},"uptime":5}"#,
        )
        .unwrap();
        assert_eq!(status.load, [2.5, 1.0, 0.5]);
        assert_eq!((status.memory.total, status.cpuinfo.cpus), (10, 2));
    }
}
