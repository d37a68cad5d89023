//! Moving guests to other nodes and disks to other storages.

use serde_json::{Value, json};

use super::{Kind, disks};
use crate::call::Call;
use crate::clock::SECOND;
use crate::error::{ApiError, Outcome, null};
use crate::storage::storage_of;
use crate::tasks::{Job, Log};
use crate::world::World;

pub(crate) fn lxc(call: &mut Call<'_>) -> Outcome {
    let online = call.params.flag("online") || call.params.flag("restart");
    migrate(call, Kind::Lxc, online)
}

pub(crate) fn qemu(call: &mut Call<'_>) -> Outcome {
    let online = call.params.flag("online");
    migrate(call, Kind::Qemu, online)
}

fn migrate(call: &mut Call<'_>, kind: Kind, online: bool) -> Outcome {
    call.need_quorum()?;
    let (node, vmid) = (call.node.clone(), call.params.vmid());
    let target = call.params.required("target").to_owned();
    if target == node {
        return Err(ApiError::parameter("target", "target is local node."));
    }
    let Some(found) = call.world.nodes.get(&target) else {
        return Err(ApiError::parameter("target", format!("no such cluster node '{target}'")));
    };
    let address = found.address();
    let guest = call.guest(kind)?;
    let running = guest.is_running();
    if running && !online {
        return Err(ApiError::die(match kind {
            Kind::Lxc => "can't migrate running container without --online or --restart",
            Kind::Qemu => "can't migrate running VM without --online",
        }));
    }
    let local_disks = kind == Kind::Qemu && running && !call.params.flag("with-local-disks");
    let job = Job::on_guest(if kind == Kind::Lxc { "vzmigrate" } else { "qmigrate" }, vmid);
    let on = node.clone();
    let job = job
        .begin(move |world, _| {
            world.unlocked(&on, kind, vmid)?;
            world.set_lock(vmid, Some("migrate"));
            Ok(())
        })
        .undo(move |world| world.set_lock(vmid, None))
        .effect(move |world, log| {
            world.set_lock(vmid, None);
            if world.nodes.get(&target).is_none_or(|n| !n.is_alive()) {
                let ssh = format!(
                    "# /usr/bin/ssh -e none -o 'BatchMode=yes' -o 'HostKeyAlias={target}' -o \
                     'UserKnownHostsFile=/etc/pve/nodes/{target}/ssh_known_hosts' -o 'GlobalKnownHostsFile=none' \
                     root@{address} /bin/true"
                );
                say(world, log, &ssh);
                say(world, log, &format!("ssh: connect to host {address} port 22: Connection refused"));
                say(
                    world,
                    log,
                    "ERROR: migration aborted (duration 00:00:00): Can't connect to destination address using public key",
                );
                return Err("migration aborted".into());
            }
            world.move_guest(kind, vmid, (&node, &target), &address, local_disks, log)
        });
    call.start(job)
}

/// Writes a line with the time in front, as migrations do.
fn say(world: &World, log: &mut Log, text: &str) {
    let time = jiff::Timestamp::from_second((world.now() / SECOND) as i64).unwrap_or_default();
    log.say(format!("{} {text}", time.strftime("%Y-%m-%d %H:%M:%S")));
}

impl World {
    fn move_guest(
        &mut self,
        kind: Kind,
        vmid: u32,
        (from, to): (&str, &str),
        address: &str,
        refuse_local: bool,
        log: &mut Log,
    ) -> Result<(), String> {
        let guest = self.guest_on(from, kind, vmid)?;
        let (running, label) = (guest.is_running(), kind.label());
        let volumes: Vec<String> = guest
            .config
            .iter()
            .filter(|(k, v)| disks::is_disk(kind, k) && disks::volume_of(v).contains(':'))
            .map(|(_, v)| disks::volume_of(v))
            .collect();
        if running && kind == Kind::Lxc {
            say(self, log, &format!("shutdown CT {vmid}"));
        }
        say(self, log, &format!("starting migration of {label} {vmid} to node '{to}' ({address})"));
        for volid in volumes {
            let Some(storage) = self.storages.get_mut(storage_of(&volid)) else { continue };
            if storage.shared {
                continue;
            }
            if refuse_local {
                return Err("can't migrate VM - check log".into());
            }
            if !storage.is_on(to) {
                return Err(format!("storage '{}' is not available on node '{to}'", storage.id));
            }
            if let Some(volume) = storage.remove(from, &volid) {
                storage.add(to, &volid, volume);
            }
            say(self, log, &format!("found local volume '{volid}' (in current VM config)"));
            say(self, log, &format!("successfully imported '{volid}'"));
            say(self, log, &format!("volume '{volid}' is '{volid}' on the target"));
        }
        say(self, log, "start final cleanup");
        if let Some(guest) = self.guests.get_mut(&vmid) {
            to.clone_into(&mut guest.node);
        }
        if running && kind == Kind::Lxc {
            say(self, log, "start container on target node");
            self.halt_guest(vmid);
            self.boot_guest(vmid);
        }
        say(self, log, "migration finished successfully (duration 00:00:04)");
        Ok(())
    }
}

/// `GET .../migrate`: where the guest could go.
pub(crate) fn lxc_targets(call: &mut Call<'_>) -> Outcome {
    let running = call.guest(Kind::Lxc)?.is_running();
    Ok(json!({ "running": u8::from(running), "allowed-nodes": others(call), "not-allowed-nodes": {} }).into())
}

/// `GET .../migrate` of a machine.
pub(crate) fn qemu_targets(call: &mut Call<'_>) -> Outcome {
    let guest = call.guest(Kind::Qemu)?;
    let local: Vec<Value> = guest
        .config
        .iter()
        .filter(|(k, v)| disks::is_disk(Kind::Qemu, k) && disks::volume_of(v).contains(':'))
        .filter(|(_, v)| call.world.storages.get(storage_of(v)).is_some_and(|s| !s.shared))
        .map(|(name, value)| {
            json!({
                "drivename": name, "volid": disks::volume_of(value), "shared": 0, "is_attached": 1, "is_unused": 0,
                "is_vmstate": 0, "is_tpmstate": 0, "is_cloudinit": u8::from(value.contains("cloudinit")),
                "cdrom": u8::from(value.contains("media=cdrom")), "replicate": 1, "size": guest.disk_size(),
            })
        })
        .collect();
    Ok(json!({
        "running": u8::from(guest.is_running()), "allowed_nodes": others(call), "not_allowed_nodes": {},
        "local_disks": local, "local_resources": [], "mapped-resources": [], "mapped-resource-info": {},
        "has-dbus-vmstate": 1,
    })
    .into())
}

fn others(call: &Call<'_>) -> Vec<String> {
    call.world
        .nodes
        .values()
        .filter(|n| n.name != call.node && n.is_alive())
        .map(|n| n.name.clone())
        .collect()
}

pub(crate) fn lxc_move(call: &mut Call<'_>) -> Outcome {
    if call.guest(Kind::Lxc)?.is_running() {
        let vmid = call.params.vmid();
        return Err(ApiError::die(format!("cannot move volumes of a running container {vmid}")));
    }
    move_disk(call, Kind::Lxc, "volume", "move_volume")
}

pub(crate) fn qemu_move(call: &mut Call<'_>) -> Outcome {
    move_disk(call, Kind::Qemu, "disk", "qmmove")
}

fn move_disk(call: &mut Call<'_>, kind: Kind, parameter: &str, task: &'static str) -> Outcome {
    let (node, vmid) = (call.node.clone(), call.params.vmid());
    let disk = call.params.required(parameter).to_owned();
    let Some(target) = call.params.text("storage").map(str::to_owned) else {
        return Err(ApiError::not_implemented("simulator: not simulated: moving a disk to another guest"));
    };
    call.need(&format!("/storage/{target}"), "Datastore.AllocateSpace")?;
    call.world.storage_on(&node, &target)?;
    let guest = call.world.unlocked(&node, kind, vmid)?;
    let value = guest.get(&disk).map(str::to_owned);
    let value = value.ok_or_else(|| ApiError::die(format!("disk '{disk}' does not exist")))?;
    let old = disks::volume_of(&value);
    if storage_of(&old) == target {
        return Err(ApiError::die("you can't move to the same storage with same format"));
    }
    let delete = call.params.flag("delete");
    let job = Job::on_guest(task, vmid).allocating(Some(target.clone())).effect(move |world, log| {
        let mut moved = super::Config::from([(disk.clone(), value)]);
        world.clone_disks((&node, &node), kind, vmid, &mut moved, Some(&target), false, log)?;
        if delete && let Some(storage) = world.storages.get_mut(storage_of(&old)) {
            storage.remove(&node, &old);
        }
        let guest = world.guest_on_mut(&node, kind, vmid)?;
        guest.config.extend(moved);
        if !delete {
            let free = (0..256).map(|n| format!("unused{n}")).find(|n| !guest.config.contains_key(n));
            if let Some(name) = free {
                guest.config.insert(name, old);
            }
        }
        Ok(())
    });
    call.start(job)
}

/// `PUT .../unlink`: takes disks out of a machine.
pub(crate) fn unlink(call: &mut Call<'_>) -> Outcome {
    let vmid = call.params.vmid();
    call.world.unlocked(&call.node, Kind::Qemu, vmid)?;
    for disk in call.words("idlist") {
        call.world.delete_option(vmid, &disk, false);
    }
    null()
}
