//! What is done once: snapshots, backups, moves. Each looks first whether it has been done already: an answer may have
//! been lost.

use innkeeper_domain::instances::{BackupMode, Errand, Instance, Kind};
use innkeeper_domain::mark;
use innkeeper_domain::names::SnapshotName;
use innkeeper_domain::operations::Fault;
use pve::{
    Backup, Feature, GuestRef, LxcCreate, MigrateOptions, NewSnapshot, NodeName, QemuCreate, StorageId,
    VolumeId,
};

use super::{Reply, grace_seconds};
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
        Errand::Rollback { name } => rollback(connection, at, name).await,
        Errand::DropSnapshot { name } => drop_snapshot(connection, at, name).await,
        Errand::BackUp { backup_id, storage, mode } => {
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
async fn rollback(connection: &Connection, at: GuestRef, name: &SnapshotName) -> Result<Reply, CallError> {
    if !has(connection, &at, name).await? {
        return Ok(refused("snapshot_missing", format!("there is no snapshot {name} any more")));
    }
    let wanted = named(name)?;
    let task =
        connection.call(|client| async move { client.guest(&at).rollback(&wanted, false).await }).await?;
    Ok(Reply::Task(task))
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

/// Puts a backup in the place of the guest, which is stopped or gone.
async fn restore(
    connection: &Connection,
    instance: &Instance,
    at: GuestRef,
    volume: &str,
) -> Result<Reply, CallError> {
    let volume = VolumeId::new(volume).map_err(pve::Error::from)?;
    let storage = Some(StorageId::new(instance.storage.as_str()).map_err(pve::Error::from)?);
    let task = match instance.kind {
        Kind::Lxc => {
            let container = LxcCreate { force: true, storage, ..LxcCreate::from_backup(at.vmid, volume) };
            connection.call(|client| async move { client.create_lxc(&at.node, &container).await }).await?
        }
        Kind::Qemu => {
            let machine = QemuCreate { force: true, storage, ..QemuCreate::from_backup(at.vmid, volume) };
            connection.call(|client| async move { client.create_qemu(&at.node, &machine).await }).await?
        }
    };
    Ok(Reply::Task(task))
}
