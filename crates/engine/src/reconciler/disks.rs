//! Extra disks as Proxmox has them: what a guest's configuration lacks of those that are asked for, and what is left of
//! those that were removed.

use innkeeper_domain::disks::{Disk, Seat, slots};
use innkeeper_domain::instances::Instance;
use pve::{ConfigChange, GuestConfig, PropertyString, Size};

/// Adds to `change` what the disks lack.
pub(super) fn lacking(instance: &Instance, config: &GuestConfig, change: &mut ConfigChange) {
    let common = config.common();
    for disk in &instance.settings.disks {
        let slot = disk.slot();
        if !common.disks.contains_key(&slot) {
            // One that a rollback has put aside comes back with what is on it.
            let aside = disk.volume.as_deref().filter(|volume| unused(config, volume).is_some());
            let new = format!("{}:{}", instance.storage, disk.size_gib);
            change.disks.insert(slot, seated(disk, aside.unwrap_or(&new)));
        }
    }
    for disk in &instance.settings.removed_disks {
        let slot = disk.slot();
        if common.disks.contains_key(&slot) {
            change.delete.insert(slot);
            if let GuestConfig::Qemu(_) = config {
                // With its data, and in one go.
                change.extra.push("force", true);
            }
        } else if let Some(aside) = disk.volume.as_deref().and_then(|volume| unused(config, volume)) {
            // Taken out already; removing it from here destroys it.
            change.delete.insert(aside);
        }
    }
}

/// A slot of ours that holds what is not ours, which must not be touched.
pub(super) fn occupied(instance: &Instance, config: &GuestConfig) -> Option<String> {
    let settings = &instance.settings;
    settings.disks.iter().chain(&settings.removed_disks).map(|disk| (disk, disk.slot())).find_map(
        |(disk, slot)| {
            let there = config.common().disks.get(&slot)?;
            let ours = match &disk.seat {
                Seat::Path(path) => there.get("mp") == Some(path.to_string().as_str()),
                Seat::Bus(_) => there.get("serial") == Some(disk.serial().as_str()),
            };
            (!ours).then_some(slot)
        },
    )
}

/// A slot of ours that a saved state would bring back with a disk that the instance does not have, or not so large: it
/// would be there, and nobody would pay for it.
pub(super) fn unpaid(instance: &Instance, saved: impl Fn(&str) -> Option<String>) -> Option<String> {
    slots(instance.kind).into_iter().find(|slot| {
        let Some(value) = saved(slot) else { return false };
        let size = value.split(',').find_map(|part| part.strip_prefix("size="));
        let bytes = size.and_then(|size| size.parse::<Size>().ok()).map_or(u64::MAX, Size::as_bytes);
        let paid = instance.settings.disks.iter().find(|disk| disk.slot() == *slot);
        paid.is_none_or(|disk| bytes > u64::from(disk.size_gib) << 30)
    })
}

/// Disks of the instance that are there: number, volume, and how much they hold.
pub(super) fn there(instance: &Instance, config: &GuestConfig) -> Vec<(u8, String, u64)> {
    let settings = &instance.settings;
    let read = |disk: &Disk| {
        let there = config.common().disks.get(&disk.slot())?;
        let bytes = there.get("size")?.parse::<Size>().ok()?.as_bytes();
        Some((disk.number, there.default_value()?.to_owned(), bytes))
    };
    settings.disks.iter().chain(&settings.removed_disks).filter_map(read).collect()
}

/// A disk that is smaller than asked: its slot, and how large it is to be.
pub(super) fn too_small(instance: &Instance, config: &GuestConfig) -> Option<(String, u64)> {
    let there = there(instance, config);
    instance.settings.disks.iter().find_map(|disk| {
        let wanted = u64::from(disk.size_gib) << 30;
        let (.., bytes) = there.iter().find(|(number, ..)| *number == disk.number)?;
        (*bytes < wanted).then(|| (disk.slot(), wanted))
    })
}

fn seated(disk: &Disk, volume: &str) -> PropertyString {
    let value = PropertyString::with_default(volume);
    match &disk.seat {
        // Without it, backups leave a mount point out.
        Seat::Path(path) => value.set("mp", path).flag("backup", true),
        Seat::Bus(_) => value.set("serial", disk.serial()),
    }
}

/// The name under which a volume that is in no slot is kept.
fn unused(config: &GuestConfig, volume: &str) -> Option<String> {
    let kept = |(name, value): (&String, &String)| {
        (name.starts_with("unused") && value.split(',').next() == Some(volume)).then(|| name.clone())
    };
    config.common().raw.iter().find_map(kept)
}
