//! A guest's configuration: reading it, changing it, and what waits for the next start.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{Guest, numbered, printed};
use crate::call::{Call, Params};
use crate::error::Error;
use crate::ids::{GuestKind, SnapshotName};
use crate::lenient::{self, Scalar};
use crate::operations as ops;
use crate::property::{PropertyString, Tags};
use crate::upid::Upid;

/// What both kinds of guest have in their configuration.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CommonConfig {
    /// Host name of a container, name of a virtual machine.
    pub name: Option<String>,
    /// Processor cores (of one socket); none means all for a container, one for a virtual machine.
    pub cores: Option<u32>,
    /// Memory in MiB.
    pub memory_mib: Option<u64>,
    /// Description, without the line break the server puts at its end.
    pub description: Option<String>,
    /// Tags.
    pub tags: Tags,
    /// The lock, for example `create`.
    pub lock: Option<String>,
    /// Names this state of the configuration; give it back with a change to be refused if it changed since.
    pub digest: Option<String>,
    /// Disks by name (`rootfs`, `mp0`, `scsi0`, …), cloud-init and CD drives included, unused ones not.
    pub disks: BTreeMap<String, PropertyString>,
    /// Network cards by number.
    pub nets: BTreeMap<u8, PropertyString>,
    /// Whether it is a template.
    pub template: bool,
    /// Whether it is protected against removal.
    pub protection: bool,
    /// Whether it starts with its node.
    pub onboot: bool,
    /// Everything, as text; what is not a scalar as JSON.
    pub raw: BTreeMap<String, String>,
}

/// A container's configuration.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LxcConfig {
    /// What virtual machines have too.
    pub common: CommonConfig,
    /// Swap in MiB.
    pub swap_mib: Option<u64>,
    /// Share of processor time, in processors.
    pub cpulimit: Option<f64>,
    /// Whether root inside is an ordinary user outside.
    pub unprivileged: bool,
    /// Features, for example `nesting=1`.
    pub features: PropertyString,
    /// Family of the system inside, for example `debian`.
    pub ostype: Option<String>,
}

/// A virtual machine's configuration.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct QemuConfig {
    /// What containers have too.
    pub common: CommonConfig,
    /// Processor sockets; none means one.
    pub sockets: Option<u32>,
    /// Whether the guest agent is switched on.
    pub agent: bool,
    /// Family of the system inside, for example `l26`.
    pub ostype: Option<String>,
    /// User that cloud-init makes.
    pub ciuser: Option<String>,
}

/// A guest's configuration.
#[derive(Debug, Clone, PartialEq)]
pub enum GuestConfig {
    /// Of a container.
    Lxc(LxcConfig),
    /// Of a virtual machine.
    Qemu(QemuConfig),
}

impl GuestConfig {
    /// What both kinds have.
    pub fn common(&self) -> &CommonConfig {
        match self {
            Self::Lxc(config) => &config.common,
            Self::Qemu(config) => &config.common,
        }
    }

    /// Of a container, if it is one.
    pub fn as_lxc(&self) -> Option<&LxcConfig> {
        match self {
            Self::Lxc(config) => Some(config),
            Self::Qemu(_) => None,
        }
    }

    /// Of a virtual machine, if it is one.
    pub fn as_qemu(&self) -> Option<&QemuConfig> {
        match self {
            Self::Qemu(config) => Some(config),
            Self::Lxc(_) => None,
        }
    }
}

struct Fields(serde_json::Map<String, Value>);

impl Fields {
    fn get<T: Scalar>(&self, name: &str) -> Option<T> {
        self.0.get(name).and_then(T::from_scalar)
    }

    fn property(&self, name: &str) -> PropertyString {
        self.get::<String>(name).and_then(|text| text.parse().ok()).unwrap_or_default()
    }

    fn common(&self, kind: GuestKind) -> CommonConfig {
        let mut common = CommonConfig {
            name: self.get(match kind {
                GuestKind::Lxc => "hostname",
                GuestKind::Qemu => "name",
            }),
            cores: self.get("cores"),
            memory_mib: self.memory(),
            description: self.get::<String>("description").map(|t| t.trim_end_matches('\n').to_owned()),
            tags: self.get::<String>("tags").map(|t| Tags::parse(&t)).unwrap_or_default(),
            lock: self.get("lock"),
            digest: self.get("digest"),
            template: self.get("template").unwrap_or(false),
            protection: self.get("protection").unwrap_or(false),
            onboot: self.get("onboot").unwrap_or(false),
            ..CommonConfig::default()
        };
        for (name, value) in &self.0 {
            let text = String::from_scalar(value).unwrap_or_else(|| value.to_string());
            let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
            let number = name[stem.len()..].parse::<u8>().ok();
            if let (true, Ok(property)) = (is_disk(kind, stem, number.is_some()), text.parse()) {
                common.disks.insert(name.clone(), property);
            }
            if let ("net", Some(number), Ok(property)) = (stem, number, text.parse()) {
                common.nets.insert(number, property);
            }
            common.raw.insert(name.clone(), text);
        }
        common
    }

    /// A number for containers, text or `current=…` for virtual machines.
    fn memory(&self) -> Option<u64> {
        self.get("memory").or_else(|| {
            let property = self.property("memory");
            property.get("current").or(property.default_value())?.parse().ok()
        })
    }
}

fn is_disk(kind: GuestKind, stem: &str, numbered: bool) -> bool {
    match (kind, stem) {
        (GuestKind::Lxc, "rootfs") => !numbered,
        (GuestKind::Lxc, "mp")
        | (GuestKind::Qemu, "scsi" | "virtio" | "sata" | "ide" | "efidisk" | "tpmstate") => numbered,
        _ => false,
    }
}

impl<'de> Deserialize<'de> for LxcConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = Fields(serde_json::Map::deserialize(deserializer)?);
        Ok(Self {
            common: fields.common(GuestKind::Lxc),
            swap_mib: fields.get("swap"),
            cpulimit: fields.get("cpulimit"),
            unprivileged: fields.get("unprivileged").unwrap_or(false),
            features: fields.property("features"),
            ostype: fields.get("ostype"),
        })
    }
}

impl<'de> Deserialize<'de> for QemuConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = Fields(serde_json::Map::deserialize(deserializer)?);
        let agent = fields.property("agent");
        let agent = agent.get("enabled").or(agent.default_value()).is_some_and(|v| v == "1");
        Ok(Self {
            common: fields.common(GuestKind::Qemu),
            sockets: fields.get("sockets"),
            agent,
            ostype: fields.get("ostype"),
            ciuser: fields.get("ciuser"),
        })
    }
}

/// A change of a configuration; what is not named stays. It applies at once where the guest can take it, else it waits
/// for the next start ([`Guest::pending`]).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConfigChange {
    /// Host name or name.
    pub name: Option<String>,
    /// Processor cores.
    pub cores: Option<u32>,
    /// Memory in MiB.
    pub memory_mib: Option<u64>,
    /// Swap in MiB (containers only).
    pub swap_mib: Option<u64>,
    /// Description.
    pub description: Option<String>,
    /// All tags.
    pub tags: Option<Tags>,
    /// Start with the node.
    pub onboot: Option<bool>,
    /// Protect against removal.
    pub protection: Option<bool>,
    /// Network cards by number.
    pub nets: BTreeMap<u8, PropertyString>,
    /// Disks by name.
    pub disks: BTreeMap<String, PropertyString>,
    /// Any other parameter of the call.
    pub extra: Params,
    /// Options to remove.
    pub delete: BTreeSet<String>,
    /// Refuse if the configuration is no longer the one with this digest.
    pub digest: Option<String>,
}

impl ConfigChange {
    fn params(&self, kind: GuestKind) -> Result<Params, Error> {
        let mut params = Params::new();
        let name = match kind {
            GuestKind::Lxc => "hostname",
            GuestKind::Qemu => "name",
        };
        params.push_some(name, self.name.as_ref());
        params.push_some("cores", self.cores);
        params.push_some("memory", self.memory_mib);
        params.push_some("swap", self.swap_mib);
        params.push_some("description", self.description.as_ref());
        params.push_some("tags", self.tags.as_ref());
        params.push_some("onboot", self.onboot);
        params.push_some("protection", self.protection);
        for (number, net) in &self.nets {
            params.push(numbered("net", *number), printed(net)?);
        }
        for (name, disk) in &self.disks {
            params.push(name.clone(), printed(disk)?);
        }
        params.extend(&self.extra);
        if !self.delete.is_empty() {
            params.push("delete", self.delete.iter().map(String::as_str).collect::<Vec<_>>().join(","));
        }
        params.push_some("digest", self.digest.as_ref());
        Ok(params)
    }
}

/// One option that differs, or will differ, from what the running guest has.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PendingOption {
    /// Its name.
    pub key: String,
    /// What it is now.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub value: Option<String>,
    /// What it becomes at the next start.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub pending: Option<String>,
    /// Whether it goes away then (2: by force).
    #[serde(default, deserialize_with = "lenient::optional")]
    pub delete: Option<u32>,
}

impl PendingOption {
    /// Whether something waits for the next start.
    pub fn waits(&self) -> bool {
        self.pending.is_some() || self.delete.is_some_and(|d| d > 0)
    }
}

impl Guest<'_> {
    /// Its configuration, with what is pending counted as done.
    pub async fn config(&self) -> Result<GuestConfig, Error> {
        self.read_config(self.call(&ops::CONFIG)).await
    }

    /// Its configuration as the running guest has it.
    pub async fn current_config(&self) -> Result<GuestConfig, Error> {
        self.read_config(self.call(&ops::CONFIG).param("current", true)).await
    }

    /// Its configuration in a snapshot.
    pub async fn config_in(&self, snapshot: &SnapshotName) -> Result<GuestConfig, Error> {
        self.read_config(self.call(&ops::SNAPSHOT_CONFIG).at("snapname", snapshot)).await
    }

    async fn read_config(&self, call: Call) -> Result<GuestConfig, Error> {
        Ok(match self.at.kind {
            GuestKind::Lxc => GuestConfig::Lxc(self.client.send(call).await?),
            GuestKind::Qemu => GuestConfig::Qemu(self.client.send(call).await?),
        })
    }

    /// All options, and which of them wait for the next start.
    pub async fn pending(&self) -> Result<Vec<PendingOption>, Error> {
        self.client.send(self.call(&ops::PENDING)).await
    }

    /// Changes the configuration and waits for it. With disks of a virtual machine this may take longer than the server
    /// gives itself; then use [`change_in_background`](Self::change_in_background).
    pub async fn set_config(&self, change: &ConfigChange) -> Result<(), Error> {
        self.client.send_unit(self.call(&ops::CONFIG_SET).params(&change.params(self.at.kind)?)).await
    }

    /// Changes a virtual machine's configuration in a task; none when it was done at once.
    pub async fn change_in_background(&self, change: &ConfigChange) -> Result<Option<Upid>, Error> {
        self.only(GuestKind::Qemu, "a change in the background")?;
        self.client.send(self.single(&ops::QEMU_CONFIG_ASYNC).params(&change.params(self.at.kind)?)).await
    }

    /// Writes the cloud-init drive of a virtual machine anew.
    pub async fn regenerate_cloudinit(&self) -> Result<(), Error> {
        self.only(GuestKind::Qemu, "cloud-init")?;
        self.client.send_unit(self.single(&ops::QEMU_CLOUDINIT_REGENERATE)).await
    }
}

#[cfg(test)]
#[path = "config_test.rs"]
mod tests;
