//! Changing a guest's configuration and growing its disks.

use super::lxc::{need_bridges, need_option_rights, need_space, root_only_option};
use super::{Config, Kind, config, disks};
use crate::call::Call;
use crate::error::{ApiError, Outcome, null};
use crate::property::{parse_size, print_size};
use crate::storage::storage_of;
use crate::tasks::{Job, Log};
use crate::world::World;

/// Parameters of a change that are not options.
const NOT_OPTIONS: [&str; 9] = [
    "node",
    "vmid",
    "delete",
    "revert",
    "digest",
    "skiplock",
    "force",
    "background_delay",
    "import-working-storage",
];

/// What a call wants changed.
struct Change {
    set: Config,
    delete: Vec<String>,
    revert: Vec<String>,
    /// What is deleted is destroyed, not put aside.
    force: bool,
}

pub(crate) fn lxc(call: &mut Call<'_>) -> Outcome {
    let change = checked(call, Kind::Lxc)?;
    let vmid = call.params.vmid();
    let mut silent = Log::default();
    call.world.apply(vmid, change, &mut silent)?;
    null()
}

pub(crate) fn qemu_put(call: &mut Call<'_>) -> Outcome {
    let change = checked(call, Kind::Qemu)?;
    let vmid = call.params.vmid();
    let mut silent = Log::default();
    call.world.apply(vmid, change, &mut silent)?;
    null()
}

/// The same change as a task.
pub(crate) fn qemu_post(call: &mut Call<'_>) -> Outcome {
    let change = checked(call, Kind::Qemu)?;
    let vmid = call.params.vmid();
    let told: Vec<String> = change.set.iter().map(|(k, v)| format!("-{k} {v}")).collect();
    let delete = change.delete.join(",");
    let job = Job::on_guest("qmconfig", vmid).effect(move |world, log| {
        let delete = if delete.is_empty() { String::new() } else { format!(" -delete {delete}") };
        log.say(format!("update VM {vmid}: {}{delete}", told.join(" ")));
        world.apply(vmid, change, log)
    });
    call.start(job)
}

fn checked(call: &mut Call<'_>, kind: Kind) -> Result<Change, ApiError> {
    call.root_only(&["skiplock"])?;
    let vmid = call.params.vmid();
    let given = call.params.0.keys().filter(|k| !NOT_OPTIONS.contains(&k.as_str()));
    let set: Config = given.filter_map(|k| Some((k.clone(), call.params.text(k)?.to_owned()))).collect();
    let (delete, revert) = (call.words("delete"), call.words("revert"));
    if set.is_empty() && delete.is_empty() && revert.is_empty() {
        return Err(ApiError::die("no options specified"));
    }
    let guest = call.guest(kind)?.clone();
    for option in &delete {
        if config::schema_of(kind, option).is_none() && !option.starts_with("unused") {
            return Err(ApiError::parameter("delete", format!("unknown option '{option}'")));
        }
        root_only_option(call, kind, option, guest.get(option).unwrap_or_default())?;
        call.need(&format!("/vms/{vmid}"), config::privilege_for(kind, option))?;
    }
    need_option_rights(call, kind, vmid, None, &set)?;
    need_bridges(call, &set)?;
    need_space(call, kind, &set)?;
    call.world.need_writable(&guest.node, kind, vmid)?;
    if let Some(lock) = guest.get("lock").filter(|_| !call.params.flag("skiplock")) {
        return Err(ApiError::die(format!("{} is locked ({lock})", kind.label())));
    }
    if call.params.text("digest").is_some_and(|d| d != guest.digest()) {
        return Err(ApiError::die(if kind == Kind::Lxc {
            "detected modified configuration - file changed by other user? Try again."
        } else {
            "checksum mismatch (file change by other user?)"
        }));
    }
    if kind == Kind::Lxc && set.contains_key("unprivileged") {
        return Err(ApiError::die("unable to modify read-only option: 'unprivileged'"));
    }
    if kind == Kind::Lxc
        && let Some(option) =
            delete.iter().find(|o| ["rootfs", "memory", "ostype", "unprivileged"].contains(&o.as_str()))
    {
        return Err(ApiError::die(format!("unable to delete required option '{option}'")));
    }
    let force = kind == Kind::Qemu && call.params.flag("force");
    Ok(Change { set, delete, revert, force })
}

/// Whether a change of the option reaches a running guest at once.
fn is_hot(kind: Kind, option: &str) -> bool {
    let metadata =
        ["description", "tags", "name", "onboot", "startup", "protection", "hookscript", "lock", "hotplug"];
    if metadata.contains(&option)
        || config::is_net(option)
        || disks::is_disk(kind, option)
        || option.starts_with("unused")
    {
        return option != "rootfs";
    }
    match kind {
        Kind::Lxc => {
            ["memory", "swap", "cpulimit", "cpuunits", "cores", "hostname", "nameserver", "searchdomain"]
                .contains(&option)
        }
        Kind::Qemu => false,
    }
}

impl World {
    /// Refuses to write a guest's file without quorum, as the file system does.
    pub(crate) fn need_writable(&self, node: &str, kind: Kind, vmid: u32) -> Result<(), ApiError> {
        if self.quorate {
            return Ok(());
        }
        Err(ApiError::die(format!(
            "unable to open file '/etc/pve/nodes/{node}/{}/{vmid}.conf.tmp.{}' - Permission denied",
            kind.folder(),
            1000 + self.sequence_number() % 9000
        )))
    }

    fn apply(&mut self, vmid: u32, mut change: Change, log: &mut Log) -> Result<(), String> {
        let Some(guest) = self.guests.get(&vmid) else { return Ok(()) };
        let (node, kind, running) = (guest.node.clone(), guest.kind, guest.is_running());
        for option in &change.revert {
            if let Some(guest) = self.guests.get_mut(&vmid) {
                guest.pending.remove(option);
            }
        }
        for option in &change.delete {
            let volume = self.guests.get(&vmid).and_then(|g| g.get(option)).map(disks::volume_of);
            self.delete_option(vmid, option, running);
            if let Some(volume) = volume.filter(|_| change.force) {
                self.destroy_aside(vmid, &volume);
            }
        }
        // A disk replaced by a new one stays as unused.
        let replaced: Vec<String> = change
            .set
            .iter()
            .filter(|(k, v)| disks::is_disk(kind, k) && disks::allocates_on(v).is_some())
            .map(|(k, _)| k.clone())
            .collect();
        for option in replaced {
            self.unuse(vmid, &option);
        }
        self.allocate_disks(&node, kind, vmid, &mut change.set, log)?;
        for (option, value) in change.set {
            let value = self.normalise(kind, &option, &value);
            let Some(guest) = self.guests.get_mut(&vmid) else { continue };
            if running && !is_hot(kind, &option) {
                let same = guest.config.get(&option) == Some(&value);
                if same {
                    guest.pending.remove(&option);
                } else {
                    guest.pending.insert(option, Some(value));
                }
            } else {
                guest.pending.remove(&option);
                guest.config.insert(option, value);
            }
        }
        Ok(())
    }

    /// Destroys a volume that was put aside.
    fn destroy_aside(&mut self, vmid: u32, volume: &str) {
        let Some(guest) = self.guests.get(&vmid) else { return };
        let aside = guest.config.iter().find(|(name, value)| name.starts_with("unused") && *value == volume);
        let Some(aside) = aside.map(|(name, _)| name.clone()) else { return };
        self.delete_option(vmid, &aside, false);
    }

    /// Takes an option out of the configuration, now or at the next start.
    pub(crate) fn delete_option(&mut self, vmid: u32, option: &str, running: bool) {
        let Some(guest) = self.guests.get_mut(&vmid) else { return };
        let kind = guest.kind;
        if option.starts_with("unused") {
            if let Some(value) = guest.config.remove(option) {
                let node = guest.node.clone();
                let volid = disks::volume_of(&value);
                if let Some(storage) = self.storages.get_mut(storage_of(&volid)) {
                    storage.remove(&node, &volid);
                }
            }
        } else if disks::is_disk(kind, option) {
            self.unuse(vmid, option);
        } else if running && !is_hot(kind, option) {
            if guest.config.contains_key(option) {
                guest.pending.insert(option.to_owned(), None);
            } else {
                guest.pending.remove(option);
            }
        } else {
            guest.pending.remove(option);
            guest.config.remove(option);
        }
    }

    /// Takes a disk out of a guest; its volume stays as `unusedN`.
    fn unuse(&mut self, vmid: u32, option: &str) {
        let Some(guest) = self.guests.get_mut(&vmid) else { return };
        guest.pending.remove(option);
        let Some(value) = guest.config.remove(option) else { return };
        let volid = disks::volume_of(&value);
        if !volid.contains(':') || value.contains("cloudinit") || value.contains("media=cdrom") {
            return;
        }
        let free = (0..256).map(|n| format!("unused{n}")).find(|n| !guest.config.contains_key(n));
        if let Some(name) = free {
            guest.config.insert(name, volid);
        }
    }
}

pub(crate) fn lxc_resize(call: &mut Call<'_>) -> Outcome {
    resize(call, Kind::Lxc)
}

pub(crate) fn qemu_resize(call: &mut Call<'_>) -> Outcome {
    let before_tasks = call.world.profile < crate::Profile::V8_4;
    let reply = resize(call, Kind::Qemu)?;
    if before_tasks { null() } else { Ok(reply) }
}

fn resize(call: &mut Call<'_>, kind: Kind) -> Outcome {
    let vmid = call.params.vmid();
    let disk = call.params.required("disk").to_owned();
    let guest = call.world.unlocked(&call.node, kind, vmid)?;
    let Some(value) = guest.get(&disk).map(str::to_owned) else {
        if kind == Kind::Lxc {
            let missing = "property is missing and it is not optional".to_owned();
            let mut error = ApiError::die("format error");
            error.errors = [("mp".into(), missing.clone()), ("volume".into(), missing)].into();
            return Err(error);
        }
        return Err(ApiError::die(format!("disk '{disk}' does not exist")));
    };
    if call.params.text("digest").is_some_and(|d| d != guest.digest()) {
        return Err(ApiError::die(
            "detected modified configuration - file changed by other user? Try again.",
        ));
    }
    let volid = disks::volume_of(&value);
    call.need(&format!("/storage/{}", storage_of(&volid)), "Datastore.AllocateSpace")?;
    let size = call.params.required("size");
    let old = crate::property::loose(&value).get("size").and_then(|s| parse_size(s)).unwrap_or_default();
    let Some(number) = parse_size(size.trim_start_matches('+')) else {
        return Err(ApiError::parameter("size", "value does not match the regex pattern"));
    };
    let new = if size.starts_with('+') { old.saturating_add(number) } else { number };
    if kind == Kind::Lxc && new < old {
        return Err(ApiError::die("unable to shrink disk size"));
    }
    if kind == Kind::Lxc && new == old {
        return Err(ApiError::die("disk is already at specified size"));
    }
    let node = call.node.clone();
    let job = Job::on_guest("resize", vmid).effect(move |world, log| {
        if new < old {
            return Err("shrinking disks is not supported".into());
        }
        if kind == Kind::Lxc {
            log.say("Image resized.");
        }
        let added = new - old;
        let storage = world.storages.get_mut(storage_of(&volid)).ok_or("storage is gone")?;
        if storage.full || storage.used(&node).saturating_add(added / 10) > storage.total {
            return Err("no space left on device".into());
        }
        if let Some(mut volume) = storage.remove(&node, &volid) {
            (volume.size, volume.used) = (new, volume.used + added / 10);
            storage.add(&node, &volid, volume);
        }
        let guest = world.guest_on_mut(&node, kind, vmid)?;
        let sized = value.replace(&format!("size={}", print_size(old)), &format!("size={}", print_size(new)));
        guest.config.insert(disk, sized);
        Ok(())
    });
    call.start(job)
}

pub(crate) fn lxc_config(call: &mut Call<'_>) -> Outcome {
    shown(call, Kind::Lxc)
}

pub(crate) fn qemu_config(call: &mut Call<'_>) -> Outcome {
    shown(call, Kind::Qemu)
}

fn shown(call: &mut Call<'_>, kind: Kind) -> Outcome {
    let guest = call.guest(kind)?;
    if let Some(name) = call.params.text("snapshot") {
        let snapshot = guest.snapshots.iter().find(|s| s.name == name);
        let snapshot = snapshot.ok_or_else(|| ApiError::die(format!("snapshot '{name}' does not exist")))?;
        return Ok(super::common::snapshot_config(kind, snapshot).into());
    }
    let mut object = config::object(guest, call.params.flag("current"));
    if kind == Kind::Lxc && !call.may(&format!("/vms/{}", guest.vmid), "VM.Config.Options") {
        object.as_object_mut().map(|o| o.remove("env"));
    }
    Ok(object.into())
}

pub(crate) fn lxc_pending(call: &mut Call<'_>) -> Outcome {
    Ok(config::pending(call.guest(Kind::Lxc)?).into())
}

pub(crate) fn qemu_pending(call: &mut Call<'_>) -> Outcome {
    Ok(config::pending(call.guest(Kind::Qemu)?).into())
}
