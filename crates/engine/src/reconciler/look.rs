//! Looking: one guest, read from Proxmox and reduced to what decides the next step.

use innkeeper_domain::instances::{Goal, Guest, Instance, Kind, Owner, Power, Seen};
use innkeeper_domain::mark;
use pve::{GuestConfig, GuestRef, GuestStatus, Interface, NodeName, PropertyString, RunState, Size, Vmid};

use super::disks;
use super::fit::fitted;
use super::guard::guarded;
use crate::connections::{CallError, Connection};

/// What a look found.
pub(crate) struct Sight {
    pub(crate) seen: Seen,
    /// Where it is, when that is not where we thought.
    pub(crate) moved_to: Option<innkeeper_domain::names::NodeName>,
    /// The address it reports, when it was asked.
    pub(crate) address: Option<String>,
    /// How big it is, when that could be read.
    pub(crate) size: Option<innkeeper_domain::sizes::Size>,
    /// Its extra disks that are there: number, volume, bytes; when they could be read.
    pub(crate) disks: Option<Vec<(u8, String, u64)>>,
}

impl Sight {
    fn of(seen: Seen) -> Self {
        Self { seen, moved_to: None, address: None, size: None, disks: None }
    }
}

/// The guest of an instance, by the names that Proxmox uses.
pub(crate) fn guest_ref(instance: &Instance) -> Result<GuestRef, pve::Error> {
    numbered(instance.kind, NodeName::new(instance.node.as_str())?, instance.vmid)
}

/// The guest of that number.
pub(super) fn numbered(kind: Kind, node: NodeName, vmid: u32) -> Result<GuestRef, pve::Error> {
    let vmid = Vmid::new(vmid)?;
    Ok(match kind {
        Kind::Lxc => GuestRef::lxc(node, vmid),
        Kind::Qemu => GuestRef::qemu(node, vmid),
    })
}

/// Reads the guest.
pub(crate) async fn look(connection: &Connection, instance: &Instance) -> Result<Sight, CallError> {
    let here = guest_ref(instance)?;
    match read(connection, instance, &here).await {
        Err(CallError::Pve(pve::Error::GuestMissing { .. })) => elsewhere(connection, instance, &here).await,
        other => other,
    }
}

/// A guest that is not where we thought may have moved; only the cluster's own list tells.
async fn elsewhere(
    connection: &Connection,
    instance: &Instance,
    here: &GuestRef,
) -> Result<Sight, CallError> {
    let vmid = here.vmid;
    let found = connection.call(|client| async move { client.find_guest(vmid).await }).await?;
    let Some(row) = found else { return Ok(Sight::of(Seen::Absent)) };
    if row.kind != here.kind {
        let guest = Guest { owner: Owner::Foreign, ..blank() };
        return Ok(Sight::of(Seen::Present(guest)));
    }
    if row.node == here.node {
        // The list knows it, its configuration cannot be read: it is being made or removed right now.
        return Ok(Sight::of(Seen::Present(blank())));
    }
    let there = GuestRef { node: row.node.clone(), ..here.clone() };
    let mut sight = match read(connection, instance, &there).await {
        Err(CallError::Pve(pve::Error::GuestMissing { .. })) => return Ok(Sight::of(Seen::Unknown)),
        other => other?,
    };
    sight.moved_to = row.node.as_str().parse().ok();
    Ok(sight)
}

async fn read(connection: &Connection, instance: &Instance, at: &GuestRef) -> Result<Sight, CallError> {
    let guest = at.clone();
    let config = connection.call(|client| async move { client.guest(&guest).config().await }).await?;
    let owner = owner(instance, &config);
    if owner != Owner::Ours {
        return Ok(Sight::of(Seen::Present(Guest { owner, ..blank() })));
    }
    let guest = at.clone();
    let status = connection.call(|client| async move { client.guest(&guest).status().await }).await?;
    let power = power(&status);
    let (mut address, mut can_tell) = (None, true);
    if !instance.settings.expects_address() {
        can_tell = false;
    } else if instance.course.wish.address && power == Power::Running {
        let guest = at.clone();
        match connection.call(|client| async move { client.guest(&guest).interfaces().await }).await {
            Ok(interfaces) => address = first_address(&interfaces),
            // Before 8.1, containers cannot be asked: then there is nothing to wait for.
            Err(CallError::Pve(pve::Error::NotImplemented { .. })) => can_tell = false,
            // An agent that is not up yet, or a guest that stopped this instant: no address, and no failure.
            Err(CallError::Pve(_)) => {}
            Err(resting) => return Err(resting),
        }
    }
    // Only where it could have to be changed: other looks need not ask for it.
    let wish = &instance.course.wish;
    let asks = wish.goal != Goal::Absent && (wish.refit || !instance.course.born);
    let guarded = !asks || guarded(connection, instance, at).await?;
    let locked = config.common().lock.as_deref().or(status.lock.as_deref()).is_some_and(in_the_way);
    let seen = Seen::Present(Guest {
        owner,
        power,
        locked,
        fitted: fitted(instance, &config)?,
        grown: grown(instance, &config),
        guarded,
        addressed: address.is_some() || !can_tell,
    });
    Ok(Sight {
        seen,
        moved_to: None,
        address,
        size: size(&config),
        disks: Some(disks::there(instance, &config)),
    })
}

/// A guest of which nothing is known but that it is there.
fn blank() -> Guest {
    Guest {
        owner: Owner::Unreadable,
        power: Power::Stopped,
        locked: true,
        fitted: false,
        grown: false,
        guarded: false,
        addressed: false,
    }
}

/// Whose the guest with this configuration is.
pub(crate) fn owner(instance: &Instance, config: &GuestConfig) -> Owner {
    let making = matches!(config.common().lock.as_deref(), Some("create" | "clone"));
    match config.common().description.as_deref().and_then(mark::read) {
        Some(id) if id == instance.id => Owner::Ours,
        // A copy carries the mark of what it was made from until it is given its own.
        Some(id) if !instance.course.born && instance.origin.of_instance() == Some(id) => Owner::Ours,
        // The description is written last: while the guest is being made, it tells nothing.
        None if making => Owner::Unreadable,
        None if config.common().tags.contains(mark::TAG) => Owner::Doubtful,
        _ => Owner::Foreign,
    }
}

/// Locks that keep changes out. A mounted container and a suspended VM can be started and stopped.
fn in_the_way(lock: &str) -> bool {
    !matches!(lock, "mounted" | "suspended")
}

/// Whether a guest of which this is said runs.
pub(crate) fn power(status: &GuestStatus) -> Power {
    // QEMU answers «running» for a paused machine, and tells the difference beside it.
    match (&status.status, status.qmp_status.as_deref()) {
        (RunState::Running, Some("paused" | "suspended" | "prelaunch")) | (RunState::Other(_), _) => {
            Power::Paused
        }
        (RunState::Running, _) => Power::Running,
        (RunState::Stopped | RunState::Unknown, _) => Power::Stopped,
    }
}

/// The cores of all sockets.
pub(super) fn cores(config: &GuestConfig) -> Option<u32> {
    let sockets = config.as_qemu().and_then(|machine| machine.sockets).unwrap_or(1);
    config.common().cores?.checked_mul(sockets)
}

/// How big a guest is by its configuration; none where that does not say everything.
pub(crate) fn size(config: &GuestConfig) -> Option<innkeeper_domain::sizes::Size> {
    const GIB: u64 = 1 << 30;
    let (_, disk) = root_disk(config)?;
    Some(innkeeper_domain::sizes::Size {
        cores: cores(config)?,
        memory_mib: config.common().memory_mib?.try_into().ok()?,
        disk_gib: disk.div_ceil(GIB).try_into().ok()?,
    })
}

fn grown(instance: &Instance, config: &GuestConfig) -> bool {
    root_disk(config).is_none_or(|(_, bytes)| bytes >= instance.size.disk_bytes())
        && disks::too_small(instance, config).is_none()
}

/// The disk that the system starts from: its name in the configuration, and its size in bytes.
pub(crate) fn root_disk(config: &GuestConfig) -> Option<(String, u64)> {
    let common = config.common();
    let size = |name: &str| common.disks.get(name)?.get("size")?.parse::<Size>().ok().map(Size::as_bytes);
    let name = match config {
        GuestConfig::Lxc(_) => "rootfs".to_owned(),
        GuestConfig::Qemu(_) => {
            // `boot: order=scsi0;ide2`; without it, the first disk that is no CD-ROM.
            let order = common.raw.get("boot").and_then(|boot| boot.strip_prefix("order="));
            let named =
                order.into_iter().flat_map(|order| order.split(';')).find(|name| size(name).is_some());
            let data =
                |disk: &PropertyString| disk.get("media") != Some("cdrom") && disk.get("size").is_some();
            let first = || common.disks.iter().find(|(_, disk)| data(disk)).map(|(name, _)| name.as_str());
            named.or_else(first)?.to_owned()
        }
    };
    let bytes = size(&name)?;
    Some((name, bytes))
}

/// The first address that others can reach: IPv4 before IPv6.
fn first_address(interfaces: &[Interface]) -> Option<String> {
    let reachable =
        || interfaces.iter().flat_map(|i| &i.addresses).filter(|a| a.is_reachable()).map(|a| a.ip);
    reachable().find(std::net::IpAddr::is_ipv4).or_else(|| reachable().next()).map(|ip| ip.to_string())
}
