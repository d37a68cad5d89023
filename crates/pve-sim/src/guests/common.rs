//! What containers and machines have in common: deletion, snapshots, what they are capable of.

use serde_json::{Map, Value, json};

use super::{Config, Guest, Kind, Snapshot, config, disks};
use crate::call::Call;
use crate::clock::SECOND;
use crate::error::{ApiError, Outcome, null};
use crate::storage::storage_of;
use crate::tasks::Job;
use crate::world::World;

pub(crate) fn lxc_delete(call: &mut Call<'_>) -> Outcome {
    delete(call, Kind::Lxc)
}

pub(crate) fn qemu_delete(call: &mut Call<'_>) -> Outcome {
    delete(call, Kind::Qemu)
}

fn delete(call: &mut Call<'_>, kind: Kind) -> Outcome {
    call.root_only(&["skiplock"])?;
    let (node, vmid, label) = (call.node.clone(), call.params.vmid(), kind.label());
    let guest = call.guest(kind)?;
    let (running, force) = (guest.is_running(), call.params.flag("force"));
    if guest.flag("protection") {
        return Err(ApiError::die(format!("can't remove {label} {vmid} - protection mode enabled")));
    }
    match (kind, guest.get("lock")) {
        // A container under creation is waited for; any other lock is told of at once.
        (Kind::Lxc, Some(lock)) if lock != "create" => {
            return Err(ApiError::die(format!("CT is locked ({lock})")));
        }
        _ => {}
    }
    call.need_quorum()?;
    let short = if kind == Kind::Lxc { "ct" } else { "vm" };
    if call.world.ha.contains_key(&format!("{short}:{vmid}")) && !call.params.flag("purge") {
        return Err(ApiError::die(format!(
            "unable to remove {label} {vmid} - used in HA resources and purge parameter not set."
        )));
    }
    if running && kind == Kind::Qemu {
        return Err(ApiError::die(format!("VM {vmid} is running - destroy failed")));
    }
    if running && !force {
        return Err(ApiError::die(format!("unable to destroy CT {vmid} - container is running")));
    }
    let purge = call.params.flag("purge");
    let job = Job::on_guest(if kind == Kind::Lxc { "vzdestroy" } else { "qmdestroy" }, vmid).effect(
        move |world, log| {
            let guest = world.guest_on(&node, kind, vmid)?;
            if let Some(lock) = guest.get("lock") {
                return Err(format!("{label} is locked ({lock})"));
            }
            if guest.is_running() {
                if !force {
                    return Err(match kind {
                        Kind::Lxc => format!("unable to destroy CT {vmid} - container is running"),
                        Kind::Qemu => format!("VM {vmid} is running - destroy failed"),
                    });
                }
                log.say(format!("forced to stop CT {vmid} before destroying!"));
            }
            if let Some(clone) = world.linked_clone_of(vmid) {
                return Err(clone);
            }
            if purge {
                log.say(format!("purging {label} {vmid} from related configurations.."));
                world.ha.remove(&format!("{short}:{vmid}"));
            }
            world.remove_guest(vmid);
            Ok(())
        },
    );
    call.start(job)
}

impl World {
    /// What stands against deleting a template that other guests are linked to (not on btrfs, which copies).
    fn linked_clone_of(&self, vmid: u32) -> Option<String> {
        let guest = self.guests.get(&vmid)?;
        if !guest.is_template() {
            return None;
        }
        let disks: Vec<String> = guest
            .config
            .iter()
            .filter(|(k, _)| disks::is_disk(guest.kind, k))
            .map(|(_, v)| disks::volume_of(v))
            .collect();
        for volid in disks {
            let storage = self.storages.get(storage_of(&volid)).filter(|s| s.kind != "btrfs")?;
            let child = storage.on(&guest.node).find(|(_, v)| v.parent.as_deref() == Some(&volid));
            if let Some((child, _)) = child {
                let name = volid.split_once(':').map_or(volid.as_str(), |p| p.1);
                return Some(format!("base volume '{name}' is still in use by linked cloned '{child}'"));
            }
        }
        None
    }

    /// Whether every disk of a guest can be snapshot.
    fn can_snapshot(&self, guest: &Guest) -> bool {
        let mut disks = guest.config.iter().filter(|(k, v)| {
            disks::is_disk(guest.kind, k) && !v.contains("media=cdrom") && disks::volume_of(v).contains(':')
        });
        disks.all(|(_, value)| {
            let volid = disks::volume_of(value);
            let format = volid.rsplit_once('.').map_or("raw", |(_, f)| f);
            self.storages.get(storage_of(&volid)).is_some_and(|s| s.has_snapshots(format))
        })
    }
}

/// `GET snapshot/{name}/config` of a snapshot.
pub(crate) fn snapshot_config(kind: Kind, snapshot: &Snapshot) -> Value {
    let mut object = Map::new();
    for (option, value) in &snapshot.config {
        object.insert(option.clone(), config::shown(kind, option, value));
    }
    object.insert("snaptime".into(), json!(snapshot.time));
    if let Some(text) = &snapshot.description {
        object.insert("description".into(), json!(text));
    }
    if let Some(parent) = &snapshot.parent {
        object.insert("parent".into(), json!(parent));
    }
    Value::Object(object)
}

fn kind_of(call: &Call<'_>, lxc: bool) -> (Kind, u32, String) {
    (if lxc { Kind::Lxc } else { Kind::Qemu }, call.params.vmid(), call.node.clone())
}

pub(crate) fn lxc_snapshots(call: &mut Call<'_>) -> Outcome {
    snapshots(call, true)
}

pub(crate) fn qemu_snapshots(call: &mut Call<'_>) -> Outcome {
    snapshots(call, false)
}

fn snapshots(call: &mut Call<'_>, lxc: bool) -> Outcome {
    let (kind, ..) = kind_of(call, lxc);
    let guest = call.guest(kind)?;
    let mut rows: Vec<Value> = guest
        .snapshots
        .iter()
        .map(|s| {
            let description = s.description.clone().unwrap_or_default();
            let mut row = json!({ "name": s.name, "snaptime": s.time, "description": description });
            if kind == Kind::Qemu {
                row["vmstate"] = json!(u8::from(s.vmstate));
            }
            if let Some(parent) = &s.parent {
                row["parent"] = json!(parent);
            }
            row
        })
        .collect();
    let mut current = json!({
        "name": "current", "description": "You are here!", "digest": guest.digest(),
        "running": u8::from(guest.is_running()),
    });
    if let Some(parent) = guest.get("parent") {
        current["parent"] = json!(parent);
    }
    rows.push(current);
    Ok(Value::Array(rows).into())
}

pub(crate) fn lxc_snapshot(call: &mut Call<'_>) -> Outcome {
    snapshot(call, true)
}

pub(crate) fn qemu_snapshot(call: &mut Call<'_>) -> Outcome {
    snapshot(call, false)
}

fn snapshot(call: &mut Call<'_>, lxc: bool) -> Outcome {
    let (kind, vmid, node) = kind_of(call, lxc);
    let name = call.params.required("snapname").to_owned();
    if name == "current" || name == "vzdump" && lxc {
        return Err(ApiError::die(format!("unable to use snapshot name '{name}' (reserved name)")));
    }
    let description = call.params.text("description").map(|d| format!("{}\n", d.trim_end_matches('\n')));
    let vmstate = call.params.flag("vmstate");
    let job = Job::on_guest(if lxc { "vzsnapshot" } else { "qmsnapshot" }, vmid).effect(move |world, log| {
        let now = world.now() / SECOND;
        let guest = world.unlocked(&node, kind, vmid)?;
        if guest.is_template() {
            return Err("you can't take a snapshot if it's a template".into());
        }
        if guest.snapshots.iter().any(|s| s.name == name) {
            return Err(format!("snapshot name '{name}' already used"));
        }
        if !world.can_snapshot(guest) {
            return Err("snapshot feature is not available".into());
        }
        if !lxc && let Some(disk) = guest.main_disk() {
            let volid = guest.get(&disk).map(disks::volume_of).unwrap_or_default();
            log.say(format!("snapshotting 'drive-{disk}' ({volid})"));
        }
        let guest = world.guest_on_mut(&node, kind, vmid)?;
        let mut config: Config = guest.config.clone();
        let parent = config.remove("parent");
        config.remove("lock");
        let vmstate = vmstate && guest.is_running();
        guest.snapshots.push(Snapshot {
            name: name.clone(),
            description,
            time: now,
            parent,
            vmstate,
            config,
        });
        guest.config.insert("parent".into(), name);
        Ok(())
    });
    call.start(job)
}

pub(crate) fn snapshot_index(_: &mut Call<'_>) -> Outcome {
    Ok(json!([{ "cmd": "config" }, { "cmd": "rollback" }]).into())
}

fn find<'a>(guest: &'a Guest, name: &str) -> Result<&'a Snapshot, String> {
    guest.snapshots.iter().find(|s| s.name == name).ok_or_else(|| format!("snapshot '{name}' does not exist"))
}

pub(crate) fn lxc_snapshot_config(call: &mut Call<'_>) -> Outcome {
    shown_snapshot(call, true)
}

pub(crate) fn qemu_snapshot_config(call: &mut Call<'_>) -> Outcome {
    shown_snapshot(call, false)
}

fn shown_snapshot(call: &mut Call<'_>, lxc: bool) -> Outcome {
    let (kind, ..) = kind_of(call, lxc);
    Ok(snapshot_config(kind, find(call.guest(kind)?, call.params.required("snapname"))?).into())
}

pub(crate) fn lxc_describe_snapshot(call: &mut Call<'_>) -> Outcome {
    describe(call, true)
}

pub(crate) fn qemu_describe_snapshot(call: &mut Call<'_>) -> Outcome {
    describe(call, false)
}

fn describe(call: &mut Call<'_>, lxc: bool) -> Outcome {
    let (kind, vmid, node) = kind_of(call, lxc);
    let name = call.params.required("snapname").to_owned();
    find(call.guest(kind)?, &name)?;
    let text = call.params.text("description").map(|d| format!("{}\n", d.trim_end_matches('\n')));
    let guest = call.world.guest_on_mut(&node, kind, vmid)?;
    if let Some(snapshot) = guest.snapshots.iter_mut().find(|s| s.name == name) {
        snapshot.description = text;
    }
    null()
}

pub(crate) fn lxc_delete_snapshot(call: &mut Call<'_>) -> Outcome {
    delete_snapshot(call, true)
}

pub(crate) fn qemu_delete_snapshot(call: &mut Call<'_>) -> Outcome {
    delete_snapshot(call, false)
}

fn delete_snapshot(call: &mut Call<'_>, lxc: bool) -> Outcome {
    let (kind, vmid, node) = kind_of(call, lxc);
    let name = call.params.required("snapname").to_owned();
    let job =
        Job::on_guest(if lxc { "vzdelsnapshot" } else { "qmdelsnapshot" }, vmid).effect(move |world, _| {
            let parent = find(world.unlocked(&node, kind, vmid)?, &name)?.parent.clone();
            let guest = world.guest_on_mut(&node, kind, vmid)?;
            guest.snapshots.retain(|s| s.name != name);
            for snapshot in guest.snapshots.iter_mut().filter(|s| s.parent.as_deref() == Some(&name)) {
                snapshot.parent.clone_from(&parent);
            }
            if guest.get("parent") == Some(&name) {
                match parent {
                    Some(parent) => guest.config.insert("parent".into(), parent),
                    None => guest.config.remove("parent"),
                };
            }
            Ok(())
        });
    call.start(job)
}

pub(crate) fn lxc_rollback(call: &mut Call<'_>) -> Outcome {
    rollback(call, true)
}

pub(crate) fn qemu_rollback(call: &mut Call<'_>) -> Outcome {
    rollback(call, false)
}

fn rollback(call: &mut Call<'_>, lxc: bool) -> Outcome {
    let (kind, vmid, node) = kind_of(call, lxc);
    let name = call.params.required("snapname").to_owned();
    let start = call.params.flag("start");
    if start && kind == Kind::Qemu {
        call.need(&format!("/vms/{vmid}"), "VM.PowerMgmt")?;
    }
    let caller = call.caller.clone();
    let job = Job::on_guest(if lxc { "vzrollback" } else { "qmrollback" }, vmid).effect(move |world, _| {
        let snapshot = find(world.unlocked(&node, kind, vmid)?, &name)?.clone();
        world.halt_guest(vmid);
        let guest = world.guest_on_mut(&node, kind, vmid)?;
        guest.config.clone_from(&snapshot.config);
        guest.config.insert("parent".into(), name);
        if snapshot.vmstate {
            world.boot_guest(vmid);
        } else if start {
            world.start_later(&node, &caller, kind, vmid);
        }
        Ok(())
    });
    call.start(job)
}

pub(crate) fn lxc_feature(call: &mut Call<'_>) -> Outcome {
    feature(call, Kind::Lxc)
}

pub(crate) fn qemu_feature(call: &mut Call<'_>) -> Outcome {
    feature(call, Kind::Qemu)
}

fn feature(call: &mut Call<'_>, kind: Kind) -> Outcome {
    let guest = call.guest(kind)?;
    let has = match call.params.required("feature") {
        "snapshot" => call.world.can_snapshot(guest),
        "clone" => guest.is_template() || call.params.has("snapname") && call.world.can_snapshot(guest),
        _ => kind == Kind::Qemu || !guest.is_running() || call.params.has("snapname"),
    };
    let mut object = json!({ "hasFeature": u8::from(has) });
    if kind == Kind::Qemu {
        object["nodes"] = json!(call.world.nodes.keys().collect::<Vec<_>>());
    }
    Ok(object.into())
}
