//! What a guest does now.

use serde::{Deserialize, Deserializer};

use super::Guest;
use crate::call::Call;
use crate::client::Client;
use crate::error::Error;
use crate::ids::{GuestKind, NodeName, Vmid};
use crate::lenient;
use crate::operations as ops;
use crate::property::Tags;

/// Whether a guest runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunState {
    /// It runs (a paused virtual machine counts as running in [`GuestStatus`], and as paused in cluster resources).
    Running,
    /// It does not.
    Stopped,
    /// The server does not know: no figures came from its node lately.
    Unknown,
    /// A state of QEMU, for example `paused` or `prelaunch`.
    Other(String),
}

impl RunState {
    fn parse(text: &str) -> Self {
        match text {
            "running" => Self::Running,
            "stopped" => Self::Stopped,
            "unknown" | "" => Self::Unknown,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl<'de> Deserialize<'de> for RunState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text: Option<String> = lenient::optional(deserializer)?;
        Ok(Self::parse(text.as_deref().unwrap_or_default()))
    }
}

/// Whether high availability manages a guest.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct HaState {
    /// It does; then start and stop only file a request.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub managed: bool,
    /// The state asked for.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub state: Option<String>,
}

/// The present state and figures of a guest. Bytes, seconds, and shares of the assigned processors.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct GuestStatus {
    /// Its number.
    pub vmid: Vmid,
    /// Whether it runs.
    pub status: RunState,
    /// The finer state of a virtual machine, for example `paused`.
    #[serde(default, rename = "qmpstatus", deserialize_with = "lenient::optional")]
    pub qmp_status: Option<String>,
    /// Name or host name.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub name: Option<String>,
    /// Processors.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub cpus: Option<f64>,
    /// Share of them in use, 0 to 1.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub cpu: Option<f64>,
    /// Memory in use, bytes.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub mem: Option<u64>,
    /// Memory, bytes.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub maxmem: Option<u64>,
    /// Disk in use, bytes; always 0 for virtual machines.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub disk: Option<u64>,
    /// Size of the first disk, bytes: as configured when stopped, of the file system when a container runs.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub maxdisk: Option<u64>,
    /// Read from disk, bytes since the start.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub diskread: Option<u64>,
    /// Written to disk, bytes since the start.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub diskwrite: Option<u64>,
    /// Received, bytes since the start.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub netin: Option<u64>,
    /// Sent, bytes since the start.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub netout: Option<u64>,
    /// Seconds since the start; -1 has been seen just after it.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub uptime: Option<i64>,
    /// Process id on the node while it runs.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub pid: Option<u64>,
    /// Tags.
    #[serde(default)]
    pub tags: Tags,
    /// Whether it is a template.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub template: bool,
    /// The lock on its configuration, for example `create`.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub lock: Option<String>,
    /// High availability.
    #[serde(default)]
    pub ha: HaState,
    /// Whether the QEMU agent is configured.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub agent: bool,
}

impl GuestStatus {
    /// Whether it executes: running, and not paused.
    pub fn is_active(&self) -> bool {
        self.status == RunState::Running
            && !matches!(self.qmp_status.as_deref(), Some("paused" | "prelaunch" | "suspended"))
    }
}

impl Client {
    /// Containers or machines of one node, asked of that node: fresher and dearer than
    /// [`resources`](Client::resources).
    pub async fn guests_on(&self, node: &NodeName, kind: GuestKind) -> Result<Vec<GuestStatus>, Error> {
        let operation = match kind {
            GuestKind::Lxc => &ops::LXC_LIST,
            GuestKind::Qemu => &ops::QEMU_LIST,
        };
        self.send(Call::new(operation).at("node", node)).await
    }
}

impl Guest<'_> {
    /// State and figures, asked of the guest's node.
    pub async fn status(&self) -> Result<GuestStatus, Error> {
        self.client.send(self.call(&ops::STATUS)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_running_container_is_read() {
        let text = r#"{"vmid":100,"pressurememorysome":null,"maxdisk":2040373248,"ha":{"managed":0},"disk":179810304,
            "cpu":0.0148698559699242,"type":"lxc","maxswap":0,"cpus":1,"maxmem":268435456,"pid":529,"uptime":-1,
            "mem":8187904,"status":"running","tags":"demo","netout":908,"name":"ct100","netin":402}"#;
        let status: GuestStatus = serde_json::from_str(text).unwrap();
        assert!(status.is_active());
        assert_eq!((status.uptime, status.netin, status.lock.as_deref()), (Some(-1), Some(402), None));
        assert!(status.tags.contains("demo") && !status.ha.managed && !status.template);
    }

    #[test]
    fn a_paused_machine_is_not_active() {
        let text = r#"{"vmid":"200","status":"running","qmpstatus":"paused","cpus":"1","agent":"1"}"#;
        let status: GuestStatus = serde_json::from_str(text).unwrap();
        assert!(!status.is_active() && status.agent);
    }
}
