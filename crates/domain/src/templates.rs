//! Templates: what an instance is made from, and where each cluster keeps it.

use serde::{Deserialize, Serialize};

use crate::ids::{ClusterId, InstanceId, TemplateId};
use crate::instances::Kind;
use crate::names::{Hostname, NodeName, SnapshotName, Title};
use crate::sizes::{BadSize, Size};
use crate::time::Timestamp;

/// What an instance is made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// Identity.
    pub id: TemplateId,
    /// As shown, for example `Debian 12`.
    pub name: Title,
    /// Container or virtual machine.
    pub kind: Kind,
    /// The smallest size that it runs in.
    pub least: Size,
    /// The size when none is asked for.
    pub default_size: Size,
    /// The greatest size that we sell of it.
    pub most: Size,
    /// Whether a guest made from it can report its addresses: every container can, a VM only with the QEMU agent.
    pub reports_address: bool,
    /// Whether it is offered for new instances.
    pub offered: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Template {
    /// The sizes of a template must be ordered: least ≤ default ≤ most, all within what Proxmox can take.
    /// The error comes with the name of the field that is at fault.
    pub fn check_sizes(&self) -> Result<(), (&'static str, BadSize)> {
        for (field, size, least, most) in [
            ("least", self.least, Size::LEAST, Size::MOST),
            ("most", self.most, self.least, Size::MOST),
            ("default_size", self.default_size, self.least, self.most),
        ] {
            size.check_within(least, most).map_err(|error| (field, error))?;
        }
        Ok(())
    }
}

/// Where one cluster keeps a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The template.
    pub template_id: TemplateId,
    /// The cluster.
    pub cluster_id: ClusterId,
    /// The node that has it; none when every node of the cluster can read it.
    pub node: Option<NodeName>,
    /// What to make the guest from.
    pub origin: Origin,
}

/// The thing in Proxmox that a guest is made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A container template volume, for example `local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst`.
    Volume(String),
    /// A template VM, cloned.
    Vm(u32),
    /// Another instance, copied as it is or as it was when a snapshot was made. Only of instances, never of templates.
    Copy {
        /// Its number.
        vmid: u32,
        /// Which it is: its mark is on the copy until that has its own.
        instance_id: InstanceId,
        /// The snapshot.
        snapshot: Option<SnapshotName>,
    },
    /// A backup of an instance. Only of instances, never of templates.
    Backup {
        /// What Proxmox calls it.
        volume: String,
        /// Of which one: its mark is on the guest until that has its own.
        instance_id: InstanceId,
    },
    /// Nothing: it was there before we looked after it. Only of instances, never of templates; it is never made anew.
    Adopted {
        /// The name that it had, if any, which it keeps.
        own_name: Option<String>,
        /// The name that we gave it for ourselves.
        our_name: Hostname,
    },
}

impl Origin {
    /// The instance whose mark a guest made from this may still carry.
    pub fn of_instance(&self) -> Option<InstanceId> {
        match self {
            Self::Volume(_) | Self::Vm(_) | Self::Adopted { .. } => None,
            Self::Copy { instance_id, .. } | Self::Backup { instance_id, .. } => Some(*instance_id),
        }
    }
}

/// Checks the form of a template volume: `storage:vztmpl/file`, nothing that could climb out of a folder. A
/// misspelt volume makes Proxmox answer as if a path had been given.
pub fn check_volume(volume: &str) -> Result<(), crate::names::BadName> {
    let bad = crate::names::BadName("use `storage:vztmpl/file`, as `pveam list` shows it");
    let (storage, file) = volume.split_once(":vztmpl/").ok_or_else(|| bad.clone())?;
    storage.parse::<crate::names::StorageName>().map_err(|_| bad.clone())?;
    let good = !file.is_empty()
        && file.len() <= 200
        && !file.starts_with('.')
        && file.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.+~".contains(&b));
    good.then_some(()).ok_or(bad)
}
