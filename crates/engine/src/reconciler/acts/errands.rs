//! What is done once: snapshots, backups, moves. Each looks first whether it has been done already: an answer may have
//! been lost.

use innkeeper_domain::ids::BackupId;
use innkeeper_domain::instances::{BackupMode, Errand, Instance, Kind, Owner, Seen};
use innkeeper_domain::mark;
use innkeeper_domain::names::{SnapshotName, StorageName};
use innkeeper_domain::operations::Fault;
use innkeeper_domain::templates::Origin;
use pve::{
    Backup, Feature, GuestRef, LxcCreate, MigrateOptions, NewSnapshot, NodeName, PoolId, QemuCreate,
    StorageId, Volume, VolumeId,
};

use super::super::disks;
use super::super::look::numbered;
use super::{Reply, grace_seconds};
use crate::backups;
use crate::connections::{CallError, Connection};

pub(super) async fn run(
    connection: &Connection,
    instance: &Instance,
    at: GuestRef,
    errand: &Errand,
) -> Result<Reply, CallError> {
    match errand {
        Errand::Snapshot { name, description, memory } => {
            snapshot(connection, at, name, description, *memory).await
        }
        Errand::Rollback { name } => rollback(connection, instance, at, name).await,
        Errand::DropSnapshot { name } => drop_snapshot(connection, at, name).await,
        Errand::BackUp { backup_id, storage, mode } => {
            if made(connection, instance, *backup_id, storage).await?.is_some() {
                return Ok(Reply::Done);
            }
            let backup = Backup {
                mode: match mode {
                    BackupMode::Snapshot => pve::BackupMode::Snapshot,
                    BackupMode::Suspend => pve::BackupMode::Suspend,
                    BackupMode::Stop => pve::BackupMode::Stop,
                },
                compress: Some("zstd".to_owned()),
                // By this it is found again, and known to be ours.
                notes: Some(mark::backup_notes(*backup_id, instance.id)),
                ..Backup::new(at.vmid, StorageId::new(storage.as_str()).map_err(pve::Error::from)?)
            };
            let task =
                connection.call(|client| async move { client.backup(&at.node, &backup).await }).await?;
            // None: the guest is not on that node. The next look finds it elsewhere, and it is asked for there.
            Ok(task.map_or_else(|| refused("guest_moved", "the guest has moved; ask again"), Reply::Task))
        }
        Errand::Restore { volume, .. } => restore(connection, instance, at, volume).await,
        Errand::Migrate { to, storage, .. } => {
            if *to == instance.node {
                return Ok(Reply::Done);
            }
            let target = NodeName::new(to.as_str()).map_err(pve::Error::from)?;
            let running = instance.course.runs();
            let target_storage = storage.as_ref().map(|name| StorageId::new(name.as_str())).transpose();
            let how = MigrateOptions {
                online: running && instance.kind == Kind::Qemu,
                with_local_disks: instance.kind == Kind::Qemu,
                restart: running && instance.kind == Kind::Lxc,
                timeout_seconds: (running && instance.kind == Kind::Lxc).then(grace_seconds),
                target_storage: target_storage.map_err(pve::Error::from)?,
                ..MigrateOptions::new(target)
            };
            let task = connection.call(|client| async move { client.guest(&at).migrate(&how).await }).await?;
            Ok(Reply::Task(task))
        }
        // Making anew is removing and creating; neither comes here.
        Errand::Rebuild { .. } => Ok(Reply::Done),
    }
}

/// The volume of this backup, if it is there. Its notes name it.
pub(in crate::reconciler) async fn made(
    connection: &Connection,
    instance: &Instance,
    backup: BackupId,
    storage: &StorageName,
) -> Result<Option<Volume>, CallError> {
    let vmid = pve::Vmid::new(instance.vmid).map_err(pve::Error::from)?;
    let (_, volumes) = backups::list(connection, &instance.node, storage, Some(vmid)).await?;
    let ours = Some((backup, instance.id));
    Ok(volumes.into_iter().find(|v| v.notes.as_deref().and_then(mark::read_backup_notes) == ours))
}

fn refused(code: &str, message: impl Into<String>) -> Reply {
    Reply::Refused(Fault { code: code.to_owned(), message: message.into() })
}

fn named(name: &SnapshotName) -> Result<pve::SnapshotName, pve::Error> {
    pve::SnapshotName::new(name.as_str()).map_err(pve::Error::from)
}

/// Whether the guest has a snapshot of this name.
async fn has(connection: &Connection, at: &GuestRef, name: &SnapshotName) -> Result<bool, CallError> {
    let at = at.clone();
    let all = connection.call(|client| async move { client.guest(&at).snapshots().await }).await?;
    Ok(all.iter().any(|snapshot| snapshot.name == name.as_str()))
}

async fn snapshot(
    connection: &Connection,
    at: GuestRef,
    name: &SnapshotName,
    description: &str,
    memory: bool,
) -> Result<Reply, CallError> {
    if has(connection, &at, name).await? {
        return Ok(Reply::Done);
    }
    let guest = at.clone();
    let able = connection
        .call(|client| async move { client.guest(&guest).has_feature(Feature::Snapshot, None).await })
        .await?;
    if !able {
        return Ok(refused(
            "snapshots_not_possible",
            "the storage that its disks are on cannot make snapshots; make a backup instead",
        ));
    }
    let new = NewSnapshot {
        name: named(name)?,
        description: (!description.is_empty()).then(|| description.to_owned()),
        with_memory: memory,
    };
    let task = connection.call(|client| async move { client.guest(&at).create_snapshot(&new).await }).await?;
    Ok(Reply::Task(task))
}

/// Rolls back. Proxmox keeps the description, and with it our mark, as it is; all other settings become what they were.
async fn rollback(
    connection: &Connection,
    instance: &Instance,
    at: GuestRef,
    name: &SnapshotName,
) -> Result<Reply, CallError> {
    if !has(connection, &at, name).await? {
        return Ok(refused("snapshot_missing", format!("there is no snapshot {name} any more")));
    }
    if holds_other_disks(connection, instance, &at, name).await? {
        return Ok(other_disks());
    }
    let wanted = named(name)?;
    let task =
        connection.call(|client| async move { client.guest(&at).rollback(&wanted, false).await }).await?;
    Ok(Reply::Task(task))
}

/// Whether a snapshot holds disks that the instance does not have any more.
async fn holds_other_disks(
    connection: &Connection,
    instance: &Instance,
    at: &GuestRef,
    name: &SnapshotName,
) -> Result<bool, CallError> {
    let (guest, wanted) = (at.clone(), named(name)?);
    let then = connection.call(|client| async move { client.guest(&guest).config_in(&wanted).await }).await?;
    Ok(disks::unpaid(instance, |slot| then.common().raw.get(slot).cloned()).is_some())
}

/// Whether what a new instance is made from has disks that it would not pay for.
pub(super) async fn brings_other_disks(
    connection: &Connection,
    instance: &Instance,
) -> Result<Option<Reply>, CallError> {
    let node = NodeName::new(instance.node.as_str()).map_err(pve::Error::from)?;
    let other = match &instance.origin {
        Origin::Volume(_) | Origin::Vm(_) | Origin::Adopted { .. } | Origin::Copy { snapshot: None, .. } => {
            false
        }
        Origin::Copy { vmid, snapshot: Some(name), .. } => {
            let source = numbered(instance.kind, node, *vmid)?;
            holds_other_disks(connection, instance, &source, name).await?
        }
        Origin::Backup { volume, .. } => {
            let volume = VolumeId::new(volume.as_str()).map_err(pve::Error::from)?;
            let config =
                connection.call(|client| async move { client.backup_config(&node, &volume).await }).await?;
            disks::unpaid(instance, |slot| archived(&config, slot)).is_some()
        }
    };
    Ok(other.then(other_disks))
}

/// What an archived configuration says of a slot; what stands below a heading is of a snapshot.
fn archived(config: &str, slot: &str) -> Option<String> {
    let own = config.lines().take_while(|line| !line.starts_with('['));
    own.filter_map(|line| line.split_once(": "))
        .find(|(name, _)| *name == slot)
        .map(|(_, value)| value.to_owned())
}

fn other_disks() -> Reply {
    refused(
        "other_disks",
        "what was saved has an extra disk that the instance does not have any more, or a larger one: add a disk as large in \
         its place first, or choose what was saved after it was removed",
    )
}

async fn drop_snapshot(
    connection: &Connection,
    at: GuestRef,
    name: &SnapshotName,
) -> Result<Reply, CallError> {
    if !has(connection, &at, name).await? {
        return Ok(Reply::Done);
    }
    let wanted = named(name)?;
    let task = connection
        .call(|client| async move { client.guest(&at).delete_snapshot(&wanted, false).await })
        .await?;
    Ok(Reply::Task(task))
}

/// Puts a backup in the place of the guest, which is stopped or gone; but only one that was made while the guest carried
/// our mark: it would be taken for another's afterwards.
async fn restore(
    connection: &Connection,
    instance: &Instance,
    at: GuestRef,
    volume: &str,
) -> Result<Reply, CallError> {
    let volume = VolumeId::new(volume).map_err(pve::Error::from)?;
    let (node, inside) = (at.node.clone(), volume.clone());
    let config = connection.call(|client| async move { client.backup_config(&node, &inside).await }).await?;
    if disks::unpaid(instance, |slot| archived(&config, slot)).is_some() {
        return Ok(other_disks());
    }
    if mark::read_archived(&config) != Some(instance.id) {
        return Ok(refused(
            "backup_not_ours",
            "the backup does not carry the mark of this instance, so that it was not put in its place; an operator must \
             look at it",
        ));
    }
    let storage = Some(StorageId::new(instance.storage.as_str()).map_err(pve::Error::from)?);
    // Over what was just seen to be ours, and over nothing else: where the guest is gone, somebody may take its number
    // in this moment.
    let force = matches!(instance.course.seen, Seen::Present(guest) if guest.owner == Owner::Ours);
    let pool = connection.cluster.pool.as_deref().filter(|_| !force);
    let pool = pool.map(PoolId::new).transpose().map_err(pve::Error::from)?;
    let task = match instance.kind {
        Kind::Lxc => {
            let container = LxcCreate { force, storage, pool, ..LxcCreate::from_backup(at.vmid, volume) };
            connection.call(|client| async move { client.create_lxc(&at.node, &container).await }).await?
        }
        Kind::Qemu => {
            let machine = QemuCreate { force, storage, pool, ..QemuCreate::from_backup(at.vmid, volume) };
            connection.call(|client| async move { client.create_qemu(&at.node, &machine).await }).await?
        }
    };
    Ok(Reply::Task(task))
}
