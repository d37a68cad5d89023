//! Creating containers, from a template or from a backup.

use super::{Config, Guest, Kind, config, disks, power};
use crate::call::Call;
use crate::error::{ApiError, Outcome};
use crate::property;
use crate::storage::storage_of;
use crate::tasks::{Job, Log};
use crate::world::World;

/// Parameters of a create that are not options of the container.
const NOT_OPTIONS: [&str; 17] = [
    "node",
    "vmid",
    "ostemplate",
    "storage",
    "password",
    "ssh-public-keys",
    "pool",
    "start",
    "force",
    "restore",
    "unique",
    "bwlimit",
    "ignore-unpack-errors",
    "ha-managed",
    "lock",
    "template",
    "digest",
];

/// The options among a create's parameters.
pub(crate) fn options_of(call: &Call<'_>) -> Config {
    let given = call.params.0.keys().filter(|k| !NOT_OPTIONS.contains(&k.as_str()));
    given.filter_map(|k| Some((k.clone(), call.params.text(k)?.to_owned()))).collect()
}

pub(crate) fn create(call: &mut Call<'_>) -> Outcome {
    call.need_quorum()?;
    let vmid = call.params.vmid();
    let pool = call.params.text("pool").map(str::to_owned);
    let restore = call.params.flag("restore");
    let template = call.params.required("ostemplate").to_owned();
    need_allocate(call, vmid, pool.as_deref(), restore)?;
    let mut options = options_of(call);
    need_option_rights(call, Kind::Lxc, vmid, pool.as_deref(), &options)?;
    // Containers are unprivileged by default since 9.0, and from then on a privileged one needs a right of its own.
    let modern = call.world.profile >= crate::Profile::V9_2;
    match call.params.text("unprivileged") {
        Some("0") if modern && !restore => call.need("/", "Sys.Modify")?,
        None if modern && !restore => {
            options.insert("unprivileged".into(), "1".into());
        }
        _ => {}
    }
    let storage = call.params.text("storage").unwrap_or("local").to_owned();
    if !restore {
        options.entry("rootfs".into()).or_insert_with(|| format!("{storage}:4"));
    }
    let managed = call.params.flag("ha-managed");
    if managed {
        call.need("/", "Sys.Console")?;
    }
    need_space(call, Kind::Lxc, &options)?;
    need_bridges(call, &options)?;
    need_template(call, &template)?;
    if let Some(pool) = &pool
        && !call.world.pools.contains_key(pool)
    {
        return Err(ApiError::die(format!("pool '{pool}' does not exist")));
    }
    let over = restore && call.params.flag("force") && call.guest(Kind::Lxc).is_ok();
    if !over {
        need_free(call, vmid, "")?;
    } else if call.guest(Kind::Lxc)?.is_running() {
        return Err(ApiError::die(format!("unable to restore CT {vmid} - container is running")));
    }
    let task = if restore { "vzrestore" } else { "vzcreate" };
    let keys = call.params.text("ssh-public-keys").map(str::to_owned);
    call.world.keys_inside.remove(&vmid);
    call.world.keys_inside.extend(keys.map(|keys| (vmid, keys)));
    let (node, start, unique) = (call.node.clone(), call.params.flag("start"), call.params.flag("unique"));
    let target =
        options.get("rootfs").and_then(|r| disks::allocates_on(r)).unwrap_or_else(|| storage.clone());
    let (on, made) = (node.clone(), pool.clone());
    let caller = call.caller.clone();
    let restoring = restore.then_some((storage, unique));
    let replaced = restoring.is_some() && call.world.guests.contains_key(&vmid);
    let job = Job::on_guest(task, vmid)
        .allocating(Some(target))
        .failing_with(if restore {
            format!("unable to restore CT {vmid} - ")
        } else {
            format!("unable to create CT {vmid} - ")
        })
        .begin(move |world, _| world.claim(&on, Kind::Lxc, vmid, made, replaced))
        .effect(move |world, log| {
            let built = match restoring {
                Some((storage, unique)) => {
                    world.restore(&node, Kind::Lxc, vmid, &template, options, Some(&storage), unique, log)
                }
                None => world.build_container(&node, vmid, &template, options, log),
            };
            if let Err(text) = built {
                world.remove_guest(vmid);
                return Err(text);
            }
            if managed {
                let state = if start { "started" } else { "stopped" };
                world.ha.insert(format!("ct:{vmid}"), [("state".into(), state.into())].into());
            }
            if start {
                world.start_later(&node, &caller, Kind::Lxc, vmid);
            }
            Ok(())
        })
        .undo(move |world| world.remove_guest(vmid));
    call.start(job)
}

/// The right to make a guest with this id: on its path, or on the pool it joins.
pub(crate) fn need_allocate(
    call: &Call<'_>,
    vmid: u32,
    pool: Option<&str>,
    restore: bool,
) -> Result<(), ApiError> {
    let path = format!("/vms/{vmid}");
    let on_pool = pool.is_some_and(|p| call.may(&format!("/pool/{p}"), "VM.Allocate"));
    let over = restore && call.params.flag("force") && call.world.guests.contains_key(&vmid);
    if on_pool || call.may(&path, "VM.Allocate") || over && call.may(&path, "VM.Backup") {
        return Ok(());
    }
    Err(ApiError::denied())
}

/// The rights to set each option, and what only root may.
pub(crate) fn need_option_rights(
    call: &Call<'_>,
    kind: Kind,
    vmid: u32,
    pool: Option<&str>,
    options: &Config,
) -> Result<(), ApiError> {
    for (option, value) in options {
        root_only_option(call, kind, option, value)?;
        // Tags are checked on the guest alone: a right on the pool does not help.
        let pool = pool.filter(|_| option != "tags");
        call.need_on_guest_or_pool(vmid, pool, config::privilege_for(kind, option))?;
    }
    Ok(())
}

/// Options and values that only root@pam itself may set.
pub(crate) fn root_only_option(
    call: &Call<'_>,
    kind: Kind,
    option: &str,
    value: &str,
) -> Result<(), ApiError> {
    if call.caller.is_root() {
        return Ok(());
    }
    let refuse = |what: &str| Err(ApiError::denied_for(what));
    match kind {
        Kind::Lxc => {
            if option == "features" {
                let given = property::loose(value);
                if given.keys().any(|k| k != "nesting") {
                    return refuse("changing feature flags (except nesting) is only allowed for root@pam");
                }
            }
            if option == "hookscript" {
                return refuse("changing the hookscript is only allowed for root@pam");
            }
            if disks::is_disk(kind, option) && disks::wanted(value) == disks::Wanted::Host {
                let what = if disks::volume_of(value).starts_with("/dev/") { "device" } else { "bind" };
                return refuse(&format!("mount point type {what} is only allowed for root@pam"));
            }
            if option.starts_with("dev") && !option.starts_with("device") {
                return refuse("configuring device passthrough is only allowed for root@pam");
            }
            Ok(())
        }
        Kind::Qemu if matches!(option, "args" | "hookscript" | "lock") => {
            Err(ApiError::die(format!("only root can set '{option}' config")))
        }
        Kind::Qemu => Ok(()),
    }
}

/// The storages new disks take space on: there, of the right content, and allowed.
pub(crate) fn need_space(call: &Call<'_>, kind: Kind, options: &Config) -> Result<(), ApiError> {
    let content = if kind == Kind::Lxc { "rootdir" } else { "images" };
    for (option, value) in options.iter().filter(|(o, _)| disks::is_disk(kind, o)) {
        let Some(storage) = disks::allocates_on(value) else { continue };
        let found = call.world.storage_on(&call.node, &storage).map_err(ApiError::die)?;
        if !found.holds(content) {
            return Err(if kind == Kind::Lxc {
                ApiError::parameter(
                    "storage",
                    format!("storage '{storage}' does not support container directories"),
                )
            } else {
                ApiError::die(format!("{option}: storage '{storage}' does not support vm images"))
            });
        }
        call.need(&format!("/storage/{storage}"), "Datastore.AllocateSpace")?;
    }
    Ok(())
}

/// The right to use each bridge (since 8.0).
pub(crate) fn need_bridges(call: &Call<'_>, options: &Config) -> Result<(), ApiError> {
    if call.world.profile < crate::Profile::V8_4 {
        return Ok(());
    }
    for (_, value) in options.iter().filter(|(o, _)| config::is_net(o)) {
        let parts = property::loose(value);
        let Some(bridge) = parts.get("bridge") else { continue };
        let tag = parts.get("tag").map(|t| format!("/{t}")).unwrap_or_default();
        call.need(&format!("/sdn/zones/localnetwork/{bridge}{tag}"), "SDN.Use")?;
    }
    Ok(())
}

/// The right to read the template or backup.
fn need_template(call: &Call<'_>, template: &str) -> Result<(), ApiError> {
    if !template.contains(':') {
        return if call.caller.is_root() && template.starts_with('/') {
            Ok(())
        } else {
            Err(ApiError::die("Only root can pass arbitrary filesystem paths."))
        };
    }
    let storage = storage_of(template);
    call.world.storage_on(&call.node, storage).map_err(ApiError::die)?;
    call.need_any(&format!("/storage/{storage}"), &["Datastore.AllocateSpace", "Datastore.Audit"])
}

/// Refuses an id that is taken anywhere in the cluster.
pub(crate) fn need_free(call: &Call<'_>, vmid: u32, prefix: &str) -> Result<(), ApiError> {
    match call.world.guests.get(&vmid) {
        Some(guest) => Err(ApiError::die(format!("{prefix}{}", taken(guest)))),
        None => Ok(()),
    }
}

fn taken(guest: &Guest) -> String {
    format!("{} {} already exists on node '{}'", guest.kind.label(), guest.vmid, guest.node)
}

impl World {
    /// The atomic claim of an id: the configuration file with nothing but its lock.
    pub(crate) fn claim(
        &mut self,
        node: &str,
        kind: Kind,
        vmid: u32,
        pool: Option<String>,
        replace: bool,
    ) -> Result<(), String> {
        match self.guests.get(&vmid) {
            Some(guest) if !replace => return Err(taken(guest)),
            _ => {}
        }
        self.drop_volumes(vmid);
        let mut guest = Guest::new(vmid, kind, node);
        guest.pool = pool;
        guest.config.insert("lock".into(), "create".into());
        self.guests.insert(vmid, guest);
        Ok(())
    }

    fn build_container(
        &mut self,
        node: &str,
        vmid: u32,
        template: &str,
        mut options: Config,
        log: &mut Log,
    ) -> Result<(), String> {
        self.allocate_disks(node, Kind::Lxc, vmid, &mut options, log)?;
        let storage = self.storages.get(storage_of(template));
        if template.contains(':') && storage.and_then(|s| s.volume(node, template)).is_none() {
            let text = format!("volume '{template}' does not exist");
            log.say(text.clone());
            return Err(text);
        }
        let file = template.rsplit('/').next().unwrap_or(template);
        let folder = storage.map(crate::storage::Storage::folder).unwrap_or_default();
        log.say(format!("extracting archive '{folder}/template/cache/{file}'"));
        log.say("Total bytes read: 156508160 (150MiB, 175MiB/s)");
        log.say("Detected container architecture: amd64");
        let distribution = file.split(['-', '_']).next().unwrap_or_default().to_owned();
        let known =
            ["debian", "ubuntu", "alpine", "fedora", "centos", "archlinux", "devuan", "gentoo", "opensuse"];
        let ostype = if known.contains(&distribution.as_str()) { distribution } else { "unmanaged".into() };
        for (option, value) in [
            ("hostname", format!("CT{vmid}")),
            ("memory", "512".into()),
            ("swap", "512".into()),
            ("arch", "amd64".into()),
            ("ostype", ostype),
        ] {
            options.entry(option.into()).or_insert(value);
        }
        let shaped: Config = options
            .into_iter()
            .map(|(k, v)| {
                let v = self.normalise(Kind::Lxc, &k, &v);
                (k, v)
            })
            .collect();
        let guest = self.guest_on_mut(node, Kind::Lxc, vmid)?;
        guest.config = shaped;
        power::warn_nesting(&self.guests[&vmid], log);
        Ok(())
    }
}
