//! Backups: making them and restoring guests from them.

use crate::guests::{Config, Kind, disks};
use crate::property;
use crate::storage::storage_of;
use crate::tasks::Log;
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
            let rest: String = value
                .split(',')
                .skip(1)
                .filter(|p| !p.starts_with("size="))
                .map(|p| format!(",{p}"))
                .collect();
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
