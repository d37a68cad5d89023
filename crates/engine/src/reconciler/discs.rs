//! The disc drive of a virtual machine, and whether it starts from it. The drive is one of our own, on a bus that every
//! machine type has, so that neither the template's drives nor that of cloud-init are touched.

use innkeeper_domain::instances::Instance;
use pve::{ConfigChange, GuestConfig, PropertyString};

use super::look::root_disk;

/// Our drive.
const DRIVE: &str = "sata5";

/// What the drive and the order of starting lack of what is asked.
pub(super) fn lacking(instance: &Instance, config: &GuestConfig, change: &mut ConfigChange) {
    let settings = &instance.settings;
    let GuestConfig::Qemu(_) = config else { return };
    if settings.disc.is_none() && !settings.ejected {
        return;
    }
    let common = config.common();
    let inside = common.disks.get(DRIVE);
    match &settings.disc {
        Some(disc) if inside.and_then(PropertyString::default_value) != Some(disc.volume.as_str()) => {
            let drive = PropertyString::with_default(disc.volume.clone()).set("media", "cdrom");
            change.disks.insert(DRIVE.to_owned(), drive);
        }
        None if inside.is_some() => {
            change.delete.insert(DRIVE.to_owned());
        }
        _ => {}
    }
    let boots = settings.disc.as_ref().is_some_and(|disc| disc.boot);
    let now = common.raw.get("boot").and_then(|boot| boot.strip_prefix("order="));
    let mut order: Vec<String> = now
        .into_iter()
        .flat_map(|order| order.split(';'))
        .filter(|name| *name != DRIVE)
        .map(str::to_owned)
        .collect();
    if boots {
        if order.is_empty() {
            order.extend(root_disk(config).map(|(name, _)| name));
        }
        order.insert(0, DRIVE.to_owned());
    }
    let wanted = order.join(";");
    // Without an order there is none to put back.
    if now.is_some_and(|now| now != wanted) || now.is_none() && boots {
        change.extra.push("boot", format!("order={wanted}"));
    }
}
