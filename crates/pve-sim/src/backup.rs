//! Backups: making them and restoring guests from them.

use crate::call::Call;
use crate::clock::SECOND;
use crate::error::{ApiError, Outcome};
use crate::guests::{Config, Kind, disks};
use crate::property;
use crate::storage::{Backup, Volume, storage_of};
use crate::tasks::{Job, Log};
use crate::volumes::need_volume;
use crate::world::World;

impl World {
    /// Builds a guest from a backup, its own options laid over the backed-up ones.
    #[expect(clippy::too_many_arguments, reason = "all are parameters of one restore")]
    pub(crate) fn restore(
        &mut self,
        node: &str,
        kind: Kind,
        vmid: u32,
        archive: &str,
        options: Config,
        storage: Option<&str>,
        unique: bool,
        log: &mut Log,
    ) -> Result<(), String> {
        log.say(format!("recovering backed-up configuration from '{archive}'"));
        let backup = self
            .storages
            .get(storage_of(archive))
            .and_then(|s| s.volume(node, archive))
            .and_then(|v| v.backup.clone())
            .ok_or_else(|| format!("volume '{archive}' does not exist"))?;
        let mut config = backup.config;
        for (name, value) in config.clone().iter().filter(|(k, _)| disks::is_disk(kind, k)) {
            let volid = disks::volume_of(value);
            if !volid.contains(':') || volid.contains("cloudinit") {
                continue;
            }
            let target = storage.unwrap_or_else(|| storage_of(&volid));
            let size =
                property::loose(value).get("size").and_then(|s| property::parse_size(s)).unwrap_or(4 << 30);
            let kept = value.split(',').skip(1).filter(|p| !p.starts_with("size="));
            let rest = kept.fold(String::new(), |rest, p| rest + "," + p);
            config.insert(name.clone(), format!("{target}:{}{rest}", size as f64 / f64::from(1 << 30)));
        }
        config.extend(options);
        for gone in ["lock", "parent", "template", "restore"] {
            config.remove(gone);
        }
        self.allocate_disks(node, kind, vmid, &mut config, log)?;
        if unique {
            self.renew_macs(kind, &mut config);
        }
        let file = archive.rsplit('/').next().unwrap_or(archive);
        log.say(format!("restoring '{archive}' now.."));
        log.say(format!("extracting archive '/var/lib/vz/dump/{file}'"));
        log.say("Total bytes read: 173465600 (166MiB, 199MiB/s)");
        log.say("merging backed-up and given configuration..");
        self.guest_on_mut(node, kind, vmid)?.config = config;
        Ok(())
    }
}

/// `POST /nodes/{node}/vzdump`: one task for all guests named; the text `OK` if none of them lives here.
pub(crate) fn vzdump(call: &mut Call<'_>) -> Outcome {
    call.need_quorum()?;
    let node = call.node.clone();
    let named = call.words("vmid");
    let wanted: Vec<u32> = named.iter().filter_map(|v| v.parse().ok()).collect();
    let pool = call.params.text("pool");
    let chosen: Vec<u32> = call
        .world
        .guests
        .values()
        .filter(|g| g.node == node)
        .filter(|g| {
            call.params.flag("all") || wanted.contains(&g.vmid) || pool.is_some() && g.pool.as_deref() == pool
        })
        .map(|g| g.vmid)
        .collect();
    for vmid in &wanted {
        call.need(&format!("/vms/{vmid}"), "VM.Backup")?;
    }
    for name in ["bwlimit", "ionice", "performance"] {
        if call.params.has(name) {
            call.need("/", "Sys.Modify")?;
        }
    }
    let storage = call.params.text("storage").unwrap_or("local").to_owned();
    if call.params.has("prune-backups") {
        call.need(&format!("/storage/{storage}"), "Datastore.Allocate")?;
    }
    call.need(&format!("/storage/{storage}"), "Datastore.AllocateSpace")?;
    if !call.world.storage_on(&node, &storage)?.holds("backup") {
        return Err(ApiError::parameter("storage", format!("storage '{storage}' does not support backups")));
    }
    if let Some(missing) = wanted.iter().find(|v| !call.world.guests.contains_key(v)) {
        return Err(ApiError::die(format!("unable to find VM '{missing}'")));
    }
    if chosen.is_empty() {
        return Ok(serde_json::json!("OK").into());
    }
    let run = Run {
        node,
        storage,
        mode: call.params.text("mode").unwrap_or("snapshot").to_owned(),
        given: command_line(call),
        ending: match call.params.text("compress") {
            Some("zstd") => ".zst",
            Some("gzip" | "1") => ".gz",
            Some("lzo") => ".lzo",
            _ => "",
        },
        notes: call.params.text("notes-template").map(str::to_owned),
        protected: call.params.flag("protected"),
    };
    let id = if let [one] = chosen[..] { one.to_string() } else { String::new() };
    let (locked, freed) = (chosen.clone(), chosen.clone());
    let single = (chosen.len() == 1).then(|| chosen[0]);
    let mut job = Job::new("vzdump", id).locking(single);
    if let Some(vmid) = single {
        job = job.about(vmid);
    }
    let job = job
        .begin(move |world, _| {
            for vmid in locked {
                if let Some(lock) = world.guests.get(&vmid).and_then(|g| g.get("lock")) {
                    let label = world.guests[&vmid].kind.label();
                    return Err(format!("{label} is locked ({lock})"));
                }
                world.set_lock(vmid, Some("backup"));
            }
            Ok(())
        })
        .effect(move |world, log| {
            let started = run.header(&chosen);
            log.say(started);
            let mut outcome = Ok(());
            for vmid in chosen {
                world.set_lock(vmid, None);
                if let Err(text) = run.one(world, vmid, log) {
                    log.say(format!("ERROR: Backup of VM {vmid} failed - {text}"));
                    outcome = Err("job errors".to_owned());
                }
            }
            log.say(if outcome.is_ok() {
                "INFO: Backup job finished successfully"
            } else {
                "INFO: Backup job finished with errors"
            });
            outcome
        })
        .undo(move |world| freed.iter().for_each(|vmid| world.set_lock(*vmid, None)));
    call.start(job)
}

/// The options of the call as the log repeats them, switches first, place last.
fn command_line(call: &Call<'_>) -> String {
    let of = |name: &str| call.params.text(name).map(|v| format!(" --{name} {v}")).unwrap_or_default();
    let front = ["mode", "remove", "compress", "notes-template", "protected"].map(of).concat();
    format!("{front} --node {}{}", call.node, of("storage"))
}

/// The settings of one backup run.
struct Run {
    node: String,
    storage: String,
    mode: String,
    /// The options given, as a command line.
    given: String,
    ending: &'static str,
    notes: Option<String>,
    protected: bool,
}

impl Run {
    fn header(&self, guests: &[u32]) -> String {
        let ids: Vec<String> = guests.iter().map(ToString::to_string).collect();
        format!("INFO: starting new backup job: vzdump {}{}", ids.join(" "), self.given)
    }

    /// When the backup seems to be taken. A real one takes longer than a second, so that no two have the same name.
    fn free_second(&self, world: &World, vmid: u32) -> u64 {
        let taken = |second: &u64| {
            let storage = world.storages.get(&self.storage);
            storage.is_some_and(|s| s.on(&self.node).any(|(_, v)| v.vmid == Some(vmid) && v.ctime == *second))
        };
        let now = world.now() / SECOND;
        (now..now + 1000).find(|second| !taken(second)).unwrap_or(now)
    }

    fn one(&self, world: &mut World, vmid: u32, log: &mut Log) -> Result<(), String> {
        let now = self.free_second(world, vmid);
        let time = jiff::Timestamp::from_second(now as i64).map_err(|e| e.to_string())?;
        let guest = world.guests.get(&vmid).ok_or_else(|| format!("unable to find VM '{vmid}'"))?;
        let (kind, running, name) = (guest.kind, guest.is_running(), guest.name());
        let (size, config) = (guest.disk_size() / 20, guest.config.clone());
        let archive = if kind == Kind::Lxc { "tar" } else { "vma" };
        let file = format!(
            "vzdump-{}-{vmid}-{}.{archive}{}",
            kind.name(),
            time.strftime("%Y_%m_%d-%H_%M_%S"),
            self.ending
        );
        log.say(format!("INFO: Starting Backup of VM {vmid} ({})", kind.name()));
        log.say(format!("INFO: Backup started at {}", time.strftime("%Y-%m-%d %H:%M:%S")));
        log.say(format!("INFO: status = {}", if running { "running" } else { "stopped" }));
        log.say(format!("INFO: backup mode: {}", self.mode));
        log.say("INFO: ionice priority: 7");
        log.say(format!("INFO: {} Name: {name}", kind.label()));
        if kind == Kind::Lxc {
            log.say("INFO: including mount point rootfs ('/') in backup");
        }
        let stops = running && self.mode == "stop";
        if stops {
            log.say("INFO: stopping virtual guest");
        }
        let storage = world.storages.get_mut(&self.storage);
        let storage = storage.ok_or_else(|| format!("storage '{}' does not exist", self.storage))?;
        log.say(format!("INFO: creating vzdump archive '{}/dump/{file}'", storage.folder()));
        if storage.full || storage.used(&self.node) + size > storage.total {
            return Err("no space left on device".into());
        }
        let notes = self.notes.as_ref();
        let volume = Volume {
            content: "backup".into(),
            format: format!("{archive}{}", self.ending),
            size,
            used: size,
            ctime: now,
            vmid: Some(vmid),
            notes: notes.map(|n| n.replace("{{guestname}}", &name).replace("{{vmid}}", &vmid.to_string())),
            protected: self.protected,
            backup: Some(Box::new(Backup { kind, config })),
            ..Volume::default()
        };
        storage.add(&self.node, &format!("{}:backup/{file}", self.storage), volume);
        let total = size * 3;
        log.say(format!("INFO: Total bytes written: {total} ({}MiB, 52MiB/s)", total >> 20));
        log.say(format!("INFO: archive file size: {}MB", size >> 20));
        if stops {
            log.say("INFO: restarting vm");
            log.say("INFO: guest is online again after 11 seconds");
            world.halt_guest(vmid);
            world.boot_guest(vmid);
        }
        log.say(format!("INFO: Finished Backup of VM {vmid} (00:00:11)"));
        log.say(format!("INFO: Backup finished at {}", time.strftime("%Y-%m-%d %H:%M:%S")));
        Ok(())
    }
}

/// `GET /nodes/{node}/vzdump/extractconfig`: the guest's configuration inside an archive, as its file reads. Comments on
/// top are the description, `:`, `%` and everything outside ASCII written as percent signs and digits.
pub(crate) fn extract_config(call: &mut Call<'_>) -> Outcome {
    let volid = call.params.required("volume").to_owned();
    let storage = call.world.storage_on(&call.node, storage_of(&volid))?;
    let volume = storage.volume(&call.node, &volid);
    let backup = volume.and_then(|v| v.backup.clone());
    need_volume(call, &volid, "VM.Backup")?;
    let backup = backup.ok_or_else(|| ApiError::die(format!("volume '{volid}' does not exist")))?;
    Ok(serde_json::json!(file_of(backup.kind, &backup.config)).into())
}

/// What is written as percent signs and digits in a description.
const ESCAPED: &percent_encoding::AsciiSet = &percent_encoding::CONTROLS.add(b':').add(b'%');

fn file_of(kind: Kind, config: &Config) -> String {
    let description = config.get("description").map_or("", String::as_str);
    let mut lines: Vec<String> = description
        .lines()
        .map(|line| format!("#{}\n", percent_encoding::utf8_percent_encode(line, ESCAPED)))
        .collect();
    for (name, value) in config.iter().filter(|(name, _)| *name != "description") {
        lines.push(format!("{name}: {value}\n"));
    }
    if kind == Kind::Qemu {
        for (name, value) in config.iter().filter(|(name, _)| disks::is_disk(kind, name)) {
            let volid = disks::volume_of(value);
            let cdrom = value.contains("media=cdrom") || volid.contains("cloudinit");
            if volid.contains(':') && !cdrom {
                lines.push(format!("#qmdump#map:{name}:drive-{name}:{}:raw:\n", storage_of(&volid)));
            }
        }
    }
    lines.concat()
}

/// `GET /nodes/{node}/vzdump/defaults`.
pub(crate) fn defaults(_: &mut Call<'_>) -> Outcome {
    Ok(serde_json::json!({
        "mode": "snapshot", "storage": "local", "compress": "0", "all": 0, "bwlimit": 0, "ionice": 7, "lockwait": 180,
        "prune-backups": "keep-all=1", "remove": 1, "stop": 0, "stopwait": 10, "pigz": 0, "zstd": 1, "quiet": 0,
        "notification-mode": "auto", "dumpdir": "/var/lib/vz/dump",
    })
    .into())
}
