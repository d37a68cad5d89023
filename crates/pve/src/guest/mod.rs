//! One guest, container or virtual machine: the verbs both have.
//!
//! Nearly every verb answers with a task ([`Upid`]) before it has done anything; whether it worked is told by
//! [`Task::wait`](crate::Task::wait). What is refused at once for one kind may fail in the task for the other.
//! For a guest that high availability manages, the task may only file a request ([`Upid::is_ha_request`]).

pub(crate) mod agent;
pub(crate) mod config;
pub(crate) mod console;
mod farewell;
pub(crate) mod firewall;
pub(crate) mod interfaces;
pub(crate) mod lxc;
pub(crate) mod qemu;
pub(crate) mod snapshot;
pub(crate) mod status;

use serde::Deserialize;

use crate::call::{Call, Params};
use crate::client::Client;
use crate::error::Error;
use crate::ids::{GuestKind, GuestRef, InvalidName, NodeName, PoolId, SnapshotName, StorageId, Vmid};
use crate::lenient;
use crate::operations as ops;
use crate::property::Size;
use crate::rrd::{Consolidation, RrdPoint, Timeframe};
use crate::upid::Upid;

/// A guest to act on; see [`Client::guest`]. It holds no state: every method asks the server.
#[derive(Debug, Clone, Copy)]
pub struct Guest<'a> {
    pub(crate) client: &'a Client,
    pub(crate) at: &'a GuestRef,
}

impl Client {
    /// A guest to act on. Nothing is asked yet.
    pub fn guest<'a>(&'a self, at: &'a GuestRef) -> Guest<'a> {
        Guest { client: self, at }
    }
}

impl Guest<'_> {
    /// Which guest this is.
    pub fn at(&self) -> &GuestRef {
        self.at
    }

    pub(crate) fn call(&self, operation: &'static ops::BothKinds) -> Call {
        self.single(operation.of(self.at.kind))
    }

    pub(crate) fn single(&self, operation: &'static ops::Operation) -> Call {
        Call::new(operation).at("node", &self.at.node).at("vmid", &self.at.vmid)
    }

    pub(crate) fn only(&self, kind: GuestKind, what: &str) -> Result<(), Error> {
        if self.at.kind == kind {
            return Ok(());
        }
        Err(Error::NotImplemented {
            message: format!("{what} is for {kind} guests only, not for {}", self.at),
        })
    }

    /// Starts it. An LXC container that runs is refused at once, a virtual machine fails in its task.
    pub async fn start(&self) -> Result<Upid, Error> {
        self.client.send(self.call(&ops::START)).await
    }

    /// Asks the guest's system to shut down. Without `force_stop` the task fails when it does not comply in time.
    pub async fn shutdown(&self, options: ShutdownOptions) -> Result<Upid, Error> {
        let call = self
            .call(&ops::SHUTDOWN)
            .param_some("timeout", options.timeout_seconds)
            .param_some("forceStop", options.force_stop.then_some(true));
        self.client.send(call).await
    }

    /// Cuts it off. A stopped container is refused as [`Error::NotRunning`], a stopped machine is fine.
    pub async fn stop(&self) -> Result<Upid, Error> {
        self.client.send(self.call(&ops::STOP)).await
    }

    /// Cuts it off, ending a shutdown that is under way (8.2 and later).
    pub async fn stop_overruling_shutdown(&self) -> Result<Upid, Error> {
        self.client.send(self.call(&ops::STOP).param("overrule-shutdown", true)).await
    }

    /// Shuts down and starts again; waits `timeout_seconds` for the shutdown (the server's default without).
    pub async fn reboot(&self, timeout_seconds: Option<u32>) -> Result<Upid, Error> {
        self.client.send(self.call(&ops::REBOOT).param_some("timeout", timeout_seconds)).await
    }

    /// Pauses a virtual machine, or saves it to disk and stops it with `to_disk`. For containers this is an experiment
    /// of Proxmox VE that fails with most of them.
    pub async fn suspend(&self, to_disk: bool) -> Result<Upid, Error> {
        let call = match self.at.kind {
            GuestKind::Lxc => self.single(&ops::LXC_SUSPEND),
            GuestKind::Qemu => self.single(&ops::QEMU_SUSPEND).param_some("todisk", to_disk.then_some(true)),
        };
        self.client.send(call).await
    }

    /// Continues a paused guest. A machine saved to disk is continued by [`start`](Self::start).
    pub async fn resume(&self) -> Result<Upid, Error> {
        self.client.send(self.call(&ops::RESUME)).await
    }

    /// Presses the reset button of a virtual machine.
    pub async fn reset(&self) -> Result<Upid, Error> {
        self.only(GuestKind::Qemu, "reset")?;
        self.client.send(self.single(&ops::QEMU_RESET)).await
    }

    /// Removes the guest and its disks.
    pub async fn delete(&self, options: DeleteOptions) -> Result<Upid, Error> {
        let call = self
            .call(&ops::DELETE)
            .param_some("purge", options.purge.then_some(true))
            .param_some("force", options.force.then_some(true))
            .param_some("destroy-unreferenced-disks", options.destroy_unreferenced_disks);
        self.client.send(call).await
    }

    /// Grows a disk (`rootfs`, `mp0`, `scsi0`, …). None is answered by servers that do it at once (QEMU before 8.0).
    pub async fn resize(&self, disk: &str, to: NewSize) -> Result<Option<Upid>, Error> {
        let size = match to {
            NewSize::Absolute(size) => size.to_string(),
            NewSize::GrowBy(size) => format!("+{size}"),
        };
        self.client.send(self.call(&ops::RESIZE).param("disk", disk).param("size", size)).await
    }

    /// Copies this guest. The task belongs to this guest, not to the new one.
    pub async fn clone_to(&self, options: &CloneOptions) -> Result<Upid, Error> {
        let name = match self.at.kind {
            GuestKind::Lxc => "hostname",
            GuestKind::Qemu => "name",
        };
        let call = self
            .call(&ops::CLONE)
            .param("newid", options.new_id)
            .param_some(name, options.name.as_ref())
            .param_some("description", options.description.as_ref())
            .param_some("pool", options.pool.as_ref())
            .param_some("snapname", options.snapshot.as_ref())
            .param_some("storage", options.storage.as_ref())
            .param_some("full", options.full)
            .param_some("target", options.target.as_ref())
            .params(&options.extra);
        self.client.send(call).await
    }

    /// Turns the guest into a template. A container answers without a task although it makes one (`vztemplate`).
    pub async fn to_template(&self) -> Result<Option<Upid>, Error> {
        self.client.send(self.call(&ops::TEMPLATE)).await
    }

    /// Whether a snapshot, clone or copy is possible here.
    pub async fn has_feature(
        &self,
        feature: Feature,
        snapshot: Option<&SnapshotName>,
    ) -> Result<bool, Error> {
        #[derive(Deserialize)]
        struct Wire {
            #[serde(rename = "hasFeature", default, deserialize_with = "lenient::or_default")]
            has: bool,
        }
        let call =
            self.call(&ops::FEATURE).param("feature", feature.as_str()).param_some("snapname", snapshot);
        Ok(self.client.send::<Wire>(call).await?.has)
    }

    /// Moves the guest to another node.
    pub async fn migrate(&self, options: &MigrateOptions) -> Result<Upid, Error> {
        let call = self
            .call(&ops::MIGRATE)
            .param("target", &options.target)
            .param_some("online", options.online.then_some(true))
            .params(&options.extra);
        let call = match self.at.kind {
            GuestKind::Lxc => call
                .param_some("restart", options.restart.then_some(true))
                .param_some("timeout", options.timeout_seconds)
                .param_some("target-storage", options.target_storage.as_ref()),
            GuestKind::Qemu => call
                .param_some("with-local-disks", options.with_local_disks.then_some(true))
                .param_some("targetstorage", options.target_storage.as_ref()),
        };
        self.client.send(call).await
    }

    /// Moves one disk to another storage; the old copy is removed with `delete_source`, else kept as unused.
    pub async fn move_volume(&self, disk: &str, to: &StorageId, delete_source: bool) -> Result<Upid, Error> {
        let call = match self.at.kind {
            GuestKind::Lxc => self.single(&ops::LXC_MOVE_VOLUME).param("volume", disk),
            GuestKind::Qemu => self.single(&ops::QEMU_MOVE_DISK).param("disk", disk),
        };
        let call = call.param("storage", to).param_some("delete", delete_source.then_some(true));
        self.client.send(call).await
    }

    /// Figures of the past. The spacing differs by version and timeframe: read the times.
    pub async fn rrddata(&self, timeframe: Timeframe, cf: Consolidation) -> Result<Vec<RrdPoint>, Error> {
        let call = self.call(&ops::RRDDATA).param("timeframe", timeframe.as_str()).param("cf", cf.as_str());
        self.client.send(call).await
    }
}

/// How to shut down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ShutdownOptions {
    /// Seconds until it counts as not complying; 60 by the server's default.
    pub timeout_seconds: Option<u32>,
    /// Cut it off then.
    pub force_stop: bool,
}

/// What to remove besides the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeleteOptions {
    /// Its entries in backup jobs, replication, high availability.
    pub purge: bool,
    /// A running container too. Virtual machines have no such switch: it is refused.
    pub force: bool,
    /// Disks that carry its number but are not in its configuration; the server's default without a choice.
    pub destroy_unreferenced_disks: Option<bool>,
}

/// How large a disk shall become. Shrinking is impossible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewSize {
    /// So large. The present size is refused for containers.
    Absolute(Size),
    /// Larger by so much. Not repeatable: look at the size before trying again.
    GrowBy(Size),
}

/// How to copy a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloneOptions {
    /// The number of the copy.
    pub new_id: Vmid,
    /// Its host name or name.
    pub name: Option<String>,
    /// Its description.
    pub description: Option<String>,
    /// The pool it joins.
    pub pool: Option<PoolId>,
    /// Copy this snapshot.
    pub snapshot: Option<SnapshotName>,
    /// Where its disks go; full copies only.
    pub storage: Option<StorageId>,
    /// Copy all data instead of sharing it with a template. By default linked for templates, full otherwise.
    pub full: Option<bool>,
    /// Another node; needs shared storage.
    pub target: Option<NodeName>,
    /// Any other parameter of the call.
    pub extra: Params,
}

impl CloneOptions {
    /// A copy with the server's defaults.
    pub fn new(new_id: Vmid) -> Self {
        Self {
            new_id,
            name: None,
            description: None,
            pool: None,
            snapshot: None,
            storage: None,
            full: None,
            target: None,
            extra: Params::new(),
        }
    }
}

/// How to move a guest to another node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrateOptions {
    /// Where to.
    pub target: NodeName,
    /// While it runs (virtual machines).
    pub online: bool,
    /// Stop it, move it, start it (containers).
    pub restart: bool,
    /// Seconds for the stop of `restart`.
    pub timeout_seconds: Option<u32>,
    /// Take along disks on local storage (virtual machines).
    pub with_local_disks: bool,
    /// Where its disks go there.
    pub target_storage: Option<StorageId>,
    /// Any other parameter of the call.
    pub extra: Params,
}

impl MigrateOptions {
    /// A move of a stopped guest.
    pub fn new(target: NodeName) -> Self {
        Self {
            target,
            online: false,
            restart: false,
            timeout_seconds: None,
            with_local_disks: false,
            target_storage: None,
            extra: Params::new(),
        }
    }
}

/// Something a guest's storage may be able to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// Snapshots.
    Snapshot,
    /// Linked copies.
    Clone,
    /// Full copies.
    Copy,
}

impl Feature {
    fn as_str(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Clone => "clone",
            Self::Copy => "copy",
        }
    }
}

/// Name of a numbered parameter, for example `net3`; the number must be one the server knows.
pub(crate) fn numbered(stem: &str, number: u8) -> String {
    format!("{stem}{number}")
}

/// A text that will be printed into a request, checked by its own rules.
pub(crate) fn printed(property: &crate::property::PropertyString) -> Result<String, Error> {
    property.print().map_err(|e| Error::InvalidName(InvalidName { what: "property string", text: e.0 }))
}
