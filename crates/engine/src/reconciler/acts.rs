//! Acts: each is one call to Proxmox.

use innkeeper_domain::instances::{Act, Instance};
use innkeeper_domain::mark;
use innkeeper_domain::operations::GRACE;
use innkeeper_domain::templates::Origin;
use pve::{
    CloneOptions, CloudInit, ConfigChange, DeleteOptions, GuestConfig, GuestRef, LxcCreate, NewSize, PoolId,
    PropertyString, ShutdownOptions, Size, StorageId, Upid, VolumeId,
};

use super::look::{guest_ref, root_disk};
use crate::connections::{CallError, Connection};

/// What Proxmox answered.
pub(super) enum Reply {
    /// It works on it.
    Task(Upid),
    /// It is done.
    Done,
}

/// Asks for one change.
pub(super) async fn perform(
    connection: &Connection,
    instance: &Instance,
    act: Act,
) -> Result<Reply, CallError> {
    let at = guest_ref(instance)?;
    let task = match act {
        Act::Create => create(connection, instance, at).await?,
        Act::Configure => return configure(connection, instance, at).await,
        Act::Grow => return grow(connection, instance, at).await,
        Act::Start => connection.call(|client| async move { client.guest(&at).start().await }).await?,
        Act::Shutdown => {
            let how = ShutdownOptions { timeout_seconds: Some(grace_seconds()), force_stop: true };
            connection.call(|client| async move { client.guest(&at).shutdown(how).await }).await?
        }
        Act::Stop => connection.call(|client| async move { client.guest(&at).stop().await }).await?,
        Act::Resume => connection.call(|client| async move { client.guest(&at).resume().await }).await?,
        Act::Reboot => {
            let patience = Some(grace_seconds());
            connection.call(|client| async move { client.guest(&at).reboot(patience).await }).await?
        }
        Act::Delete => {
            let what = DeleteOptions { purge: true, ..DeleteOptions::default() };
            connection.call(|client| async move { client.guest(&at).delete(what).await }).await?
        }
    };
    Ok(Reply::Task(task))
}

fn grace_seconds() -> u32 {
    u32::try_from(GRACE.as_secs()).unwrap_or(u32::MAX)
}

/// Makes the guest with our mark on it from the first moment, so that it can never be taken for another's.
async fn create(connection: &Connection, instance: &Instance, at: GuestRef) -> Result<Upid, CallError> {
    let cluster = &connection.cluster;
    let pool = cluster.pool.as_deref().map(PoolId::new).transpose().map_err(pve::Error::from)?;
    let storage = StorageId::new(instance.storage.as_str()).map_err(pve::Error::from)?;
    let Some(origin) = &instance.origin else {
        // Adopted, and so complete from the beginning: the planner never asks for this.
        let message = "a guest that was adopted is not made anew".to_owned();
        return Err(pve::Error::NotImplemented { message }.into());
    };
    match origin {
        Origin::Volume(volume) => {
            let template = VolumeId::new(volume.as_str()).map_err(pve::Error::from)?;
            let disk = format!("{}:{}", instance.storage, instance.size.disk_gib);
            let net =
                PropertyString::new().set("name", "eth0").set("bridge", &cluster.bridge).set("ip", "dhcp");
            let container = LxcCreate {
                hostname: Some(instance.name.to_string()),
                ssh_public_keys: instance.ssh_keys.iter().map(|key| key.as_str().to_owned()).collect(),
                rootfs: Some(PropertyString::with_default(disk)),
                nets: [(0, net)].into(),
                cores: Some(instance.size.cores),
                memory_mib: Some(instance.size.memory_mib.into()),
                swap_mib: Some(0),
                // Current distributions run systemd, which needs nesting in an unprivileged container.
                features: PropertyString::new().flag("nesting", true),
                description: Some(mark::description(instance.id)),
                pool,
                ..LxcCreate::new(at.vmid, template)
            };
            connection.call(|client| async move { client.create_lxc(&at.node, &container).await }).await
        }
        Origin::Vm(vmid) => {
            let template = GuestRef::qemu(at.node, pve::Vmid::new(*vmid).map_err(pve::Error::from)?);
            let copy = CloneOptions {
                name: Some(instance.name.to_string()),
                description: Some(mark::description(instance.id)),
                pool,
                storage: Some(storage),
                // A full copy outlives the template, and may lie on any storage.
                full: Some(true),
                ..CloneOptions::new(at.vmid)
            };
            connection.call(|client| async move { client.guest(&template).clone_to(&copy).await }).await
        }
    }
}

/// Sets what could not be said when it was made. Tags come here for containers too: at creation, Proxmox checks the
/// right to set them on the guest's own path, which a token with rights on a pool does not have yet.
async fn configure(connection: &Connection, instance: &Instance, at: GuestRef) -> Result<Reply, CallError> {
    let asked = at.clone();
    let config = connection.call(|client| async move { client.guest(&asked).config().await }).await?;
    let mut tags = config.common().tags.clone();
    tags.insert(mark::TAG);
    let mut change = ConfigChange {
        cores: Some(instance.size.cores),
        memory_mib: Some(instance.size.memory_mib.into()),
        tags: Some(tags),
        digest: config.common().digest.clone(),
        ..ConfigChange::default()
    };
    if let GuestConfig::Qemu(machine) = &config
        && machine.sockets.is_some_and(|sockets| sockets > 1)
    {
        // Cores are those of one socket. We count them all, and ours have one.
        change.extra.push("sockets", 1_u32);
    }
    // How an adopted machine sets itself up is its owner's business.
    if let (GuestConfig::Qemu(_), Some(_)) = (&config, instance.template_id) {
        let setup = CloudInit {
            ssh_public_keys: instance.ssh_keys.iter().map(|key| key.as_str().to_owned()).collect(),
            ip: [(0, PropertyString::new().set("ip", "dhcp"))].into(),
            ..CloudInit::default()
        };
        change.extra.extend(&setup.params()?);
    }
    connection.call(|client| async move { client.guest(&at).set_config(&change).await }).await?;
    Ok(Reply::Done)
}

async fn grow(connection: &Connection, instance: &Instance, at: GuestRef) -> Result<Reply, CallError> {
    let asked = at.clone();
    let config = connection.call(|client| async move { client.guest(&asked).config().await }).await?;
    let Some((disk, _)) = root_disk(&config) else { return Ok(Reply::Done) };
    // Absolute, so that asking twice grows once.
    let to = NewSize::Absolute(Size::bytes(instance.size.disk_bytes()));
    let task = connection.call(|client| async move { client.guest(&at).resize(&disk, to).await }).await?;
    Ok(task.map_or(Reply::Done, Reply::Task))
}
