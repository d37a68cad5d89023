//! Fitting: what a guest's configuration lacks of what is asked. One answer, both for the look that asks whether all is
//! as it should be and for the act that makes it so. Values are compared as what they mean: Proxmox sorts and rewrites
//! what it is given.

use innkeeper_domain::instances::Instance;
use innkeeper_domain::mark;
use pve::{CloudInit, ConfigChange, GuestConfig, PropertyString};

use super::look::cores;
use super::{cards, discs, disks};

/// The change that makes this configuration the one that is asked for; empty when it is.
pub(super) fn lacking(instance: &Instance, config: &GuestConfig) -> Result<ConfigChange, pve::Error> {
    let common = config.common();
    let (size, settings) = (instance.size, &instance.settings);
    let mut change = ConfigChange::default();
    if let Some(name) = instance.guest_name().filter(|name| common.name.as_deref() != Some(name)) {
        change.name = Some(name.to_owned());
    }
    if cores(config) != Some(size.cores) {
        change.cores = Some(size.cores);
        // Cores are those of one socket. We count them all, and ours have one.
        if config.as_qemu().and_then(|machine| machine.sockets).is_some_and(|sockets| sockets > 1) {
            change.extra.push("sockets", 1_u32);
        }
    }
    let memory = u64::from(size.memory_mib);
    if common.memory_mib != Some(memory) {
        change.memory_mib = Some(memory);
    }
    if common.description.as_deref().and_then(mark::read) != Some(instance.id) {
        change.description = Some(mark::description(instance.id));
    }
    if common.onboot != settings.onboot {
        change.onboot = Some(settings.onboot);
    }
    let mut tags = common.tags.clone();
    tags.insert(mark::TAG);
    settings.tags.iter().for_each(|tag| tags.insert(tag.as_str()));
    settings.untagged.iter().for_each(|tag| tags.remove(tag.as_str()));
    if tags != common.tags {
        change.tags = Some(tags);
    }
    if let GuestConfig::Qemu(_) = config {
        change.extra.extend(&first_start(instance, config)?);
    }
    cards::lacking(instance, config, &mut change);
    disks::lacking(instance, config, &mut change);
    discs::lacking(instance, config, &mut change);
    Ok(change)
}

/// What cloud-init is told: only before the first start, after which it is the guest's own business.
fn first_start(instance: &Instance, config: &GuestConfig) -> Result<pve::Params, pve::Error> {
    let raw = &config.common().raw;
    if instance.course.born {
        return Ok(pve::Params::new());
    }
    let mut setup = CloudInit {
        ssh_public_keys: instance.ssh_keys.iter().map(|key| key.as_str().to_owned()).collect(),
        ..CloudInit::default()
    };
    // A template may have keys of its own; those that were asked for take their place. A key of ours may be beside them.
    let asked = setup.params()?;
    let asked = asked.iter().find(|(name, _)| *name == "sshkeys").map_or("", |(_, keys)| keys);
    let now = raw.get("sshkeys").map_or("", String::as_str);
    if keys(asked).all(|key| keys(now).any(|other| other == key)) {
        setup.ssh_public_keys.clear();
    }
    let plugged = instance.settings.plugs().any(|(number, _)| number == 0);
    if !plugged && !raw.contains_key("ipconfig0") {
        setup.ip.insert(0, PropertyString::new().set("ip", "dhcp"));
    }
    setup.params()
}

/// The keys in a setting, encoded as they are there.
fn keys(setting: &str) -> impl Iterator<Item = &str> {
    setting.split("%0A").filter(|key| !key.is_empty())
}

/// Whether nothing is lacking.
pub(super) fn fitted(instance: &Instance, config: &GuestConfig) -> Result<bool, pve::Error> {
    Ok(disks::occupied(instance, config).is_none() && lacking(instance, config)? == ConfigChange::default())
}
