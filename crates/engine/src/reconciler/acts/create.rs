//! Making a guest, from a template, a copy or a backup.

use innkeeper_domain::instances::{Instance, Kind};
use innkeeper_domain::mark;
use innkeeper_domain::templates::Origin;
use pve::{
    CloneOptions, GuestRef, LxcCreate, PoolId, PropertyString, QemuCreate, SnapshotName, StorageId, Upid,
    VolumeId,
};

use super::super::cards;
use super::super::look::numbered;
use crate::connections::{CallError, Connection};

/// Makes the guest with our mark on it from the first moment, so that it can never be taken for another's.
pub(super) async fn create(
    connection: &Connection,
    instance: &Instance,
    at: GuestRef,
) -> Result<Upid, CallError> {
    let cluster = &connection.cluster;
    let pool = cluster.pool.as_deref().map(PoolId::new).transpose().map_err(pve::Error::from)?;
    let storage = StorageId::new(instance.storage.as_str()).map_err(pve::Error::from)?;
    match &instance.origin {
        Origin::Volume(volume) => {
            let template = VolumeId::new(volume.as_str()).map_err(pve::Error::from)?;
            let disk = format!("{}:{}", instance.storage, instance.size.disk_gib);
            let (nets, nameserver) = cards::of_new_container(instance, &cluster.bridge);
            let container = LxcCreate {
                hostname: Some(instance.name.to_string()),
                ssh_public_keys: instance.ssh_keys.iter().map(|key| key.as_str().to_owned()).collect(),
                rootfs: Some(PropertyString::with_default(disk)),
                nets: nets.into_iter().collect(),
                nameserver,
                cores: Some(instance.size.cores),
                memory_mib: Some(instance.size.memory_mib.into()),
                swap_mib: Some(0),
                // Current distributions run systemd, which needs nesting in an unprivileged container.
                // A stranger's does without: what is lost there is a few of its services, what is won a wall.
                features: PropertyString::new().flag("nesting", !instance.settings.confined),
                description: Some(mark::description(instance.id)),
                pool,
                ..LxcCreate::new(at.vmid, template)
            };
            connection.call(|client| async move { client.create_lxc(&at.node, &container).await }).await
        }
        Origin::Adopted { .. } => {
            // It was complete from the beginning: the planner never asks for this.
            let message = "a guest that was adopted is not made anew".to_owned();
            Err(pve::Error::NotImplemented { message }.into())
        }
        Origin::Backup { volume, .. } => {
            let volume = VolumeId::new(volume.as_str()).map_err(pve::Error::from)?;
            from_backup(connection, instance, at, volume, storage, pool).await
        }
        Origin::Vm(vmid) | Origin::Copy { vmid, .. } => {
            let template = numbered(instance.kind, at.node, *vmid)?;
            let snapshot = match &instance.origin {
                Origin::Copy { snapshot, .. } => snapshot.as_ref(),
                _ => None,
            };
            let snapshot = snapshot.map(|name| SnapshotName::new(name.as_str())).transpose();
            let copy = CloneOptions {
                name: Some(instance.name.to_string()),
                description: Some(mark::description(instance.id)),
                pool,
                snapshot: snapshot.map_err(pve::Error::from)?,
                storage: Some(storage),
                // A full copy outlives the template, and may lie on any storage.
                full: Some(true),
                ..CloneOptions::new(at.vmid)
            };
            connection.call(|client| async move { client.guest(&template).clone_to(&copy).await }).await
        }
    }
}

/// Brings a backup back as a guest of its own, with network cards of its own.
async fn from_backup(
    connection: &Connection,
    instance: &Instance,
    at: GuestRef,
    volume: VolumeId,
    storage: StorageId,
    pool: Option<PoolId>,
) -> Result<Upid, CallError> {
    match instance.kind {
        Kind::Lxc => {
            let container = LxcCreate {
                unique: true,
                storage: Some(storage),
                pool,
                ..LxcCreate::from_backup(at.vmid, volume)
            };
            connection.call(|client| async move { client.create_lxc(&at.node, &container).await }).await
        }
        Kind::Qemu => {
            let machine = QemuCreate {
                unique: true,
                storage: Some(storage),
                pool,
                ..QemuCreate::from_backup(at.vmid, volume)
            };
            connection.call(|client| async move { client.create_qemu(&at.node, &machine).await }).await
        }
    }
}
