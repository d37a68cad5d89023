//! Clones, full and linked, and turning guests into templates.

use super::lxc::need_bridges;
use super::{Config, Guest, Kind, disks};
use crate::call::Call;
use crate::error::{ApiError, Outcome, null};
use crate::storage::storage_of;
use crate::tasks::{Job, Log};
use crate::world::World;

pub(crate) fn lxc(call: &mut Call<'_>) -> Outcome {
    clone(call, Kind::Lxc)
}

pub(crate) fn qemu(call: &mut Call<'_>) -> Outcome {
    clone(call, Kind::Qemu)
}

/// What is copied onto what.
struct Plan {
    kind: Kind,
    source: u32,
    source_node: String,
    newid: u32,
    node: String,
    config: Config,
    storage: Option<String>,
    linked: bool,
}

fn clone(call: &mut Call<'_>, kind: Kind) -> Outcome {
    call.need_quorum()?;
    let vmid = call.params.vmid();
    let newid = call.params.int("newid").unwrap_or_default() as u32;
    let pool = call.params.text("pool").map(str::to_owned);
    call.need(&format!("/vms/{vmid}"), "VM.Clone")?;
    let allowed = pool.as_ref().is_some_and(|p| call.may(&format!("/pool/{p}"), "VM.Allocate"))
        || call.may(&format!("/vms/{newid}"), "VM.Allocate");
    if !allowed {
        return Err(ApiError::denied_for(format!("/vms/{newid}, VM.Allocate")));
    }
    let guest = call.guest(kind)?.clone();
    if let Some(held) = [newid, vmid].into_iter().find(|id| call.world.tasks.holds_lock(*id)) {
        return Err(ApiError::die(call.world.lock_text(held)).after(call.world.lock_wait()));
    }
    call.world.unlocked(&call.node, kind, vmid)?;
    if let Some(pool) = &pool
        && !call.world.pools.contains_key(pool)
    {
        return Err(ApiError::die(format!("pool '{pool}' does not exist")));
    }
    let target = call.params.text("target").unwrap_or(&call.node).to_owned();
    if !call.world.nodes.contains_key(&target) {
        return Err(ApiError::parameter("target", format!("no such cluster node '{target}'")));
    }
    let snapshot = call.params.text("snapname").map(str::to_owned);
    let config = match &snapshot {
        Some(name) => guest
            .snapshots
            .iter()
            .find(|s| s.name == *name)
            .map(|s| s.config.clone())
            .ok_or_else(|| ApiError::die(format!("snapshot '{name}' does not exist")))?,
        None => guest.config.clone(),
    };
    let linked = !call.params.flag("full") && (call.params.has("full") || guest.is_template());
    check_mode(call, &guest, snapshot.as_deref(), linked, &target)?;
    need_clone_space(call, kind, &config)?;
    need_bridges(call, &config)?;
    if let Some(other) = call.world.guests.get(&newid) {
        let prefix =
            if kind == Kind::Qemu { format!("unable to create VM {newid} - ") } else { String::new() };
        return Err(ApiError::die(format!(
            "{prefix}{} {newid} already exists on node '{}'",
            other.kind.label(),
            other.node
        )));
    }
    let storage = call.params.text("storage").map(str::to_owned);
    let on = storage
        .clone()
        .or_else(|| guest.main_disk().and_then(|d| config.get(&d).map(|v| storage_of(v).to_owned())));
    let mut plan = Plan {
        kind,
        source: vmid,
        source_node: guest.node.clone(),
        newid,
        node: target,
        config,
        storage,
        linked,
    };
    prepare(call, &guest, &mut plan);
    // A container being copied is locked; of a machine only the new one is.
    let lock_source = kind == Kind::Lxc && !guest.is_template();
    let mut bare = plan.config.clone();
    bare.retain(|option, _| !disks::is_disk(kind, option));
    let (mark, node) = (if kind == Kind::Lxc { "create" } else { "clone" }, plan.node.clone());
    let job = Job::on_guest(if kind == Kind::Lxc { "vzclone" } else { "qmclone" }, vmid)
        .about(newid)
        .locking(Some(newid))
        .allocating(on)
        .failing_with(if kind == Kind::Qemu { "clone failed: " } else { "" })
        .begin(move |world, _| {
            world.claim(&node, kind, newid, pool, false)?;
            if let Some(guest) = world.guests.get_mut(&newid) {
                guest.config = bare;
            }
            world.set_lock(newid, Some(mark));
            if lock_source {
                world.set_lock(vmid, Some("disk"));
            }
            Ok(())
        })
        .effect(move |world, log| {
            if lock_source {
                world.set_lock(vmid, None);
            }
            let done = world.copy_guest(plan, log);
            if done.is_err() {
                world.remove_guest(newid);
            }
            done
        })
        .undo(move |world| {
            if lock_source {
                world.set_lock(vmid, None);
            }
            world.remove_guest(newid);
        });
    call.start(job)
}

/// Which kinds of copy the source allows.
fn check_mode(
    call: &Call<'_>,
    guest: &Guest,
    snapshot: Option<&str>,
    linked: bool,
    target: &str,
) -> Result<(), ApiError> {
    let kind = guest.kind;
    if linked {
        if call.params.has("storage") {
            return Err(ApiError::die("parameter 'storage' not allowed for linked clones"));
        }
        if !guest.is_template() && snapshot.is_none() {
            let volume =
                guest.main_disk().and_then(|d| guest.get(&d).map(disks::volume_of)).unwrap_or_default();
            return Err(ApiError::die(match kind {
                Kind::Lxc => format!("Linked clone feature for '{volume}' is not available"),
                Kind::Qemu => format!(
                    "Linked clone feature is not supported for '{volume}' ({})",
                    guest.main_disk().unwrap_or_default()
                ),
            }));
        }
    } else if kind == Kind::Lxc && guest.is_running() && snapshot.is_none() {
        return Err(ApiError::die("Full clone of a running container is only possible from a snapshot"));
    }
    if target != guest.node {
        let disks = guest.config.iter().filter(|(k, _)| disks::is_disk(kind, k));
        for (_, value) in disks {
            let id = storage_of(value);
            if call.world.storages.get(id).is_some_and(|s| !s.shared) {
                return Err(ApiError::die(format!("can't clone to non-shared storage '{id}'")));
            }
        }
    }
    Ok(())
}

/// Space on every storage the copy takes it from.
fn need_clone_space(call: &Call<'_>, kind: Kind, config: &Config) -> Result<(), ApiError> {
    if let Some(storage) = call.params.text("storage") {
        call.world.storage_on(&call.node, storage)?;
        return call.need(&format!("/storage/{storage}"), "Datastore.AllocateSpace");
    }
    for (_, value) in
        config.iter().filter(|(k, v)| disks::is_disk(kind, k) && disks::volume_of(v).contains(':'))
    {
        call.need(&format!("/storage/{}", storage_of(value)), "Datastore.AllocateSpace")?;
    }
    Ok(())
}

/// The new guest's configuration: own name, own MAC addresses, own identity.
fn prepare(call: &mut Call<'_>, source: &Guest, plan: &mut Plan) {
    for gone in ["lock", "template", "parent", "snaptime", "snapstate"] {
        plan.config.remove(gone);
    }
    let name = match plan.kind {
        Kind::Lxc => call.params.text("hostname").map_or_else(|| source.name(), str::to_owned),
        Kind::Qemu => {
            call.params.text("name").map_or_else(|| format!("Copy-of-VM-{}", source.name()), str::to_owned)
        }
    };
    plan.config.insert(if plan.kind == Kind::Lxc { "hostname" } else { "name" }.into(), name);
    if let Some(text) = call.params.text("description") {
        plan.config.insert("description".into(), format!("{}\n", text.trim_end_matches('\n')));
    }
    call.world.renew_macs(plan.kind, &mut plan.config);
    if plan.kind == Kind::Qemu {
        let (uuid, vmgenid) = (call.world.uuid(), call.world.uuid());
        plan.config.insert("smbios1".into(), format!("uuid={uuid}"));
        plan.config.insert("vmgenid".into(), vmgenid);
    }
}

impl World {
    fn copy_guest(&mut self, plan: Plan, log: &mut Log) -> Result<(), String> {
        let Plan { kind, source, source_node, newid, node, mut config, storage, linked } = plan;
        let what = if kind == Kind::Lxc { "container" } else { "VM" };
        log.say(format!("creating a clone of {what} {source} with ID {newid}"));
        self.clone_disks((&source_node, &node), kind, newid, &mut config, storage.as_deref(), linked, log)?;
        self.guest_on_mut(&node, kind, newid)?.config = config;
        if kind == Kind::Lxc && !linked {
            super::power::warn_nesting(&self.guests[&newid], log);
        }
        Ok(())
    }

    /// Marks a guest as template and renames its volumes to `base-*`.
    fn make_template(&mut self, vmid: u32) {
        let Some(guest) = self.guests.get(&vmid) else { return };
        let (node, kind) = (guest.node.clone(), guest.kind);
        let disks: Vec<(String, String)> = guest
            .config
            .iter()
            .filter(|(k, v)| disks::is_disk(kind, k) && !v.contains("cloudinit"))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        for (name, value) in disks {
            let old = disks::volume_of(&value);
            let new = old.replacen("vm-", "base-", 1).replacen("subvol-", "base-", 1);
            if let Some(storage) = self.storages.get_mut(storage_of(&old))
                && let Some(volume) = storage.remove(&node, &old)
            {
                storage.add(&node, &new, volume);
            }
            if let Some(guest) = self.guests.get_mut(&vmid) {
                guest.config.insert(name, value.replacen(&old, &new, 1));
            }
        }
        if let Some(guest) = self.guests.get_mut(&vmid) {
            guest.config.insert("template".into(), "1".into());
        }
    }
}

/// Answers null though it starts a `vztemplate` task.
pub(crate) fn lxc_template(call: &mut Call<'_>) -> Outcome {
    need_template_source(call, Kind::Lxc)?;
    let vmid = call.params.vmid();
    call.start(Job::on_guest("vztemplate", vmid).effect(move |world, _| {
        world.make_template(vmid);
        Ok(())
    }))?;
    null()
}

pub(crate) fn qemu_template(call: &mut Call<'_>) -> Outcome {
    need_template_source(call, Kind::Qemu)?;
    let vmid = call.params.vmid();
    let job = Job::on_guest("qmtemplate", vmid).effect(move |world, _| {
        world.make_template(vmid);
        Ok(())
    });
    call.start(job)
}

fn need_template_source(call: &Call<'_>, kind: Kind) -> Result<(), ApiError> {
    let vmid = call.params.vmid();
    let guest = call.world.unlocked(&call.node, kind, vmid)?;
    if guest.is_template() {
        return Err(ApiError::die(format!(
            "you can't convert a {} to a template if it is already a template",
            kind.label()
        )));
    }
    if guest.is_running() {
        return Err(ApiError::die(format!(
            "you can't convert a {} to template if the {} is running",
            kind.label(),
            kind.label()
        )));
    }
    if !guest.snapshots.is_empty() {
        return Err(ApiError::die(format!(
            "unable to create template, because {} contains snapshots",
            kind.label()
        )));
    }
    Ok(())
}
