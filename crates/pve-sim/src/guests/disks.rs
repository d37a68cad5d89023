//! Disks of guests: which options are disks, and space taken for new ones.

use super::{Config, Kind};
use crate::property;
use crate::storage::{Volume, storage_of};
use crate::tasks::Log;
use crate::world::World;

/// Whether an option names a disk or mount point.
pub(crate) fn is_disk(kind: Kind, option: &str) -> bool {
    let numbered = |stems: &[&str]| {
        stems.iter().any(|s| {
            option.strip_prefix(s).is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
        })
    };
    match kind {
        Kind::Lxc => option == "rootfs" || numbered(&["mp"]),
        Kind::Qemu => numbered(&["scsi", "virtio", "sata", "ide", "efidisk", "tpmstate"]),
    }
}

/// A disk asked for: `STORAGE:GiB`, `STORAGE:cloudinit` or an existing volume.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Wanted {
    New {
        storage: String,
        bytes: u64,
    },
    CloudInit {
        storage: String,
    },
    Import {
        storage: String,
    },
    Existing {
        volid: String,
    },
    /// A path of the host, or `none`/`cdrom`.
    Host,
}

/// The volume part of a disk's value.
pub(crate) fn volume_of(value: &str) -> String {
    let parts = property::loose(value);
    ["", "volume", "file"].iter().find_map(|k| parts.get(*k)).cloned().unwrap_or_default()
}

/// What a disk's value asks for.
pub(crate) fn wanted(value: &str) -> Wanted {
    let volume = volume_of(value);
    let Some((storage, name)) = volume.split_once(':') else { return Wanted::Host };
    let storage = storage.to_owned();
    if name == "cloudinit" {
        return Wanted::CloudInit { storage };
    }
    match name.parse::<f64>() {
        Ok(_) if property::loose(value).contains_key("import-from") => Wanted::Import { storage },
        Ok(gib) => Wanted::New { storage, bytes: (gib * f64::from(1 << 30)) as u64 },
        Err(_) => Wanted::Existing { volid: volume },
    }
}

/// The storage a disk's value takes space on, if it is a new disk.
pub(crate) fn allocates_on(value: &str) -> Option<String> {
    match wanted(value) {
        Wanted::New { storage, .. } | Wanted::CloudInit { storage } | Wanted::Import { storage } => {
            Some(storage)
        }
        Wanted::Existing { .. } | Wanted::Host => None,
    }
}

impl World {
    /// Makes the volumes a configuration asks for and writes their ids into it.
    pub(crate) fn allocate_disks(
        &mut self,
        node: &str,
        kind: Kind,
        vmid: u32,
        config: &mut Config,
        log: &mut Log,
    ) -> Result<(), String> {
        let names: Vec<String> = config.keys().filter(|k| is_disk(kind, k)).cloned().collect();
        for name in names {
            let value = config[&name].clone();
            let parts = property::loose(&value);
            let (storage, bytes, cloudinit) = match wanted(&value) {
                Wanted::New { storage, bytes } => (storage, bytes, false),
                Wanted::CloudInit { storage } => (storage, 4 << 20, true),
                Wanted::Import { storage } => (storage, 3 << 30, false),
                Wanted::Existing { .. } | Wanted::Host => continue,
            };
            let volid =
                self.allocate(node, kind, vmid, &storage, bytes, parts.get("format"), cloudinit, log)?;
            let mut rest: Vec<String> = parts
                .iter()
                .filter(|(k, _)| {
                    !["", "volume", "file", "format", "size", "media", "import-from"].contains(&k.as_str())
                })
                .map(|(k, v)| format!("{k}={v}"))
                .collect();
            rest.push(if cloudinit {
                "media=cdrom".into()
            } else {
                format!("size={}", property::print_size(bytes))
            });
            rest.sort();
            let text = format!("{volid},{}", rest.join(","));
            if kind == Kind::Qemu {
                log.say(format!("{name}: successfully created disk '{text}'"));
            }
            config.insert(name, text);
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "all are facts about one volume")]
    fn allocate(
        &mut self,
        node: &str,
        kind: Kind,
        vmid: u32,
        storage: &str,
        bytes: u64,
        format: Option<&String>,
        cloudinit: bool,
        log: &mut Log,
    ) -> Result<String, String> {
        let now = self.now() / crate::clock::SECOND;
        let found = self.storage_on(node, storage)?;
        let files = found.is_files();
        let default = if kind == Kind::Qemu && cloudinit && files { "qcow2" } else { "raw" };
        let format = if files { format.map_or(default, String::as_str) } else { "raw" }.to_owned();
        if found.full || found.used(node) + bytes / 10 > found.total {
            return Err("no space left on device".into());
        }
        let volid = if cloudinit {
            if files {
                format!("{storage}:{vmid}/vm-{vmid}-cloudinit.{format}")
            } else {
                format!("{storage}:vm-{vmid}-cloudinit")
            }
        } else {
            self.free_volume(node, storage, vmid, &format)
        };
        describe(self, storage, kind, &volid, bytes, &format, log);
        let volume = Volume {
            content: if kind == Kind::Lxc { "rootdir" } else { "images" }.into(),
            format,
            size: bytes,
            used: bytes / 10,
            ctime: now,
            vmid: Some(vmid),
            ..Volume::default()
        };
        if let Some(storage) = self.storages.get_mut(storage) {
            storage.add(node, &volid, volume);
        }
        Ok(volid)
    }

    /// Copies a guest's disks for a clone and points the new configuration at them.
    #[expect(clippy::too_many_arguments, reason = "all are facts about one copy")]
    pub(crate) fn clone_disks(
        &mut self,
        (source_node, node): (&str, &str),
        kind: Kind,
        newid: u32,
        config: &mut Config,
        target: Option<&str>,
        linked: bool,
        log: &mut Log,
    ) -> Result<(), String> {
        let names: Vec<String> = config.keys().filter(|k| is_disk(kind, k)).cloned().collect();
        for name in names {
            let value = config[&name].clone();
            let old = volume_of(&value);
            let source = storage_of(&old).to_owned();
            let Some(found) = self.storages.get(&source).and_then(|s| s.volume(source_node, &old)).cloned()
            else {
                continue;
            };
            let cloudinit = old.contains("cloudinit");
            let storage = target.filter(|_| !linked).unwrap_or(&source).to_owned();
            let what = if kind == Kind::Lxc { "mountpoint" } else { "drive" };
            match (linked && !cloudinit, kind) {
                (true, Kind::Lxc) => log.say(format!("create linked clone of mount point {name} ({old})")),
                (true, Kind::Qemu) => log.say(format!("create linked clone of drive {name} ({old})")),
                (false, _) => log.say(format!("create full clone of {what} {name} ({old})")),
            }
            let mut silent = Log::default();
            let out = if linked { &mut silent } else { &mut *log };
            let mut volid =
                self.allocate(node, kind, newid, &storage, found.size, Some(&found.format), cloudinit, out)?;
            if kind == Kind::Qemu && !linked {
                let all = gib(found.size);
                log.say(format!("allocated target volume '{volid}'"));
                log.say(format!("transferred 0.0 B of {all} (0.00%)"));
                log.say(format!("transferred {all} of {all} (100.00%)"));
                log.say(format!("transferred {all} of {all} (100.00%)"));
            } else if kind == Kind::Lxc && !linked {
                copied(log);
            }
            if linked && !cloudinit && self.storages.get(&storage).is_some_and(|s| s.kind == "dir") {
                volid = self.rename_linked(node, &storage, &old, &volid);
            }
            if let Some(volume) = self.storages.get_mut(&storage).and_then(|s| s.volume_mut(node, &volid)) {
                volume.parent = (linked && !cloudinit).then(|| old.clone());
            }
            config.insert(name, value.replacen(&old, &volid, 1));
        }
        Ok(())
    }

    /// `local:base-of-template/vm-disk` as file storages name linked clones.
    fn rename_linked(&mut self, node: &str, storage: &str, old: &str, new: &str) -> String {
        let (base, name) =
            (old.split_once(':').map_or(old, |p| p.1), new.split_once(':').map_or(new, |p| p.1));
        let volid = format!("{storage}:{base}/{name}");
        if let Some(storage) = self.storages.get_mut(storage)
            && let Some(volume) = storage.remove(node, new)
        {
            storage.add(node, &volid, volume);
        }
        volid
    }
}

/// A size as `qemu-img` shows it.
fn gib(bytes: u64) -> String {
    let bytes = bytes as f64;
    match bytes {
        _ if bytes >= 1024.0 * 1024.0 * 1024.0 => format!("{:.1} GiB", bytes / 1024.0 / 1024.0 / 1024.0),
        _ => format!("{:.1} MiB", bytes / 1024.0 / 1024.0),
    }
}

/// What rsync says about the files of a small Debian.
fn copied(log: &mut Log) {
    for line in [
        "",
        "Number of files: 8,350 (reg: 6,532, dir: 942, link: 876)",
        "Number of created files: 8,348 (reg: 6,532, dir: 940, link: 876)",
        "Number of deleted files: 0",
        "Number of regular files transferred: 6,530",
        "Total file size: 162,725,707 bytes",
        "Total transferred file size: 158,904,373 bytes",
        "Literal data: 158,904,373 bytes",
        "Matched data: 0 bytes",
        "File list size: 327,659",
        "File list generation time: 0.001 seconds",
        "File list transfer time: 0.000 seconds",
        "Total bytes sent: 159,432,271",
        "Total bytes received: 131,160",
        "",
        "sent 159,432,271 bytes  received 131,160 bytes  63,825,372.40 bytes/sec",
        "total size is 162,725,707  speedup is 1.02",
    ] {
        log.say(line);
    }
}

/// Writes what the storage prints while it makes a volume.
fn describe(
    world: &mut World,
    storage: &str,
    kind: Kind,
    volid: &str,
    bytes: u64,
    format: &str,
    log: &mut Log,
) {
    let uuid = world.uuid();
    let Some(storage) = world.storages.get(storage) else { return };
    let name = volid.split_once(':').map_or(volid, |p| p.1);
    if storage.is_files() && (storage.kind != "btrfs" || kind == Kind::Qemu) {
        let path = format!("{}/images/{name}", storage.folder());
        if format == "qcow2" {
            log.say(format!(
                "Formatting '{path}', fmt=qcow2 cluster_size=65536 extended_l2=off preallocation=metadata \
                 compression_type=zlib size={bytes} lazy_refcounts=off refcount_bits=16"
            ));
        } else {
            log.say(format!("Formatting '{path}', fmt={format} size={bytes} preallocation=off"));
        }
    } else if storage.kind == "lvmthin" {
        log.say(format!("  Logical volume \"{name}\" created."));
    }
    if kind == Kind::Lxc {
        let blocks = bytes / 4096;
        log.say(format!("Creating filesystem with {blocks} 4k blocks and {} inodes", blocks / 4));
        log.say(format!("Filesystem UUID: {uuid}"));
        log.say("Superblock backups stored on blocks: ");
        let backups: Vec<String> = [32768, 98304, 163_840, 229_376, 294_912]
            .iter()
            .filter(|b| **b < blocks)
            .map(ToString::to_string)
            .collect();
        log.say(format!("\t{}", backups.join(", ")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disk_values_are_read() {
        assert_eq!(wanted("local-lvm:8"), Wanted::New { storage: "local-lvm".into(), bytes: 8 << 30 });
        assert_eq!(wanted("local:cloudinit"), Wanted::CloudInit { storage: "local".into() });
        assert_eq!(wanted("/srv,mp=/srv"), Wanted::Host);
        assert_eq!(
            wanted("local:100/vm-100-disk-0.raw,size=2G"),
            Wanted::Existing { volid: "local:100/vm-100-disk-0.raw".into() }
        );
    }

    #[test]
    fn disks_are_told_from_other_options() {
        assert!(is_disk(Kind::Qemu, "scsi0") && !is_disk(Kind::Qemu, "scsihw"));
        assert!(is_disk(Kind::Lxc, "mp3") && !is_disk(Kind::Lxc, "mp"));
    }
}
