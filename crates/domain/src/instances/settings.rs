//! What is wanted of an instance besides its size and its name.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::disks::{Disk, total_gib};
use crate::firewall::Firewall;
use crate::isos::Disc;
use crate::names::Tag;
use crate::networks::{Addressing, Nic, Plug};

/// What is wanted of an instance besides its size and its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Words by which its owner finds it again; in Proxmox they stand beside our own.
    pub tags: BTreeSet<Tag>,
    /// Words that it no longer has; any others in Proxmox are somebody else's, and stay.
    pub untagged: BTreeSet<Tag>,
    /// It starts with its host.
    pub onboot: bool,
    /// Its network cards by number; none leaves them all as Proxmox has them.
    pub nics: Option<Vec<Nic>>,
    /// Cards that it no longer has; any others in Proxmox are somebody else's, and stay.
    pub unplugged: BTreeSet<u8>,
    /// Its firewall; none leaves it as Proxmox has it.
    pub firewall: Option<Firewall>,
    /// Its disks beside the one that the system starts from.
    pub disks: Vec<Disk>,
    /// Disks that are to be removed, and are not gone yet.
    pub removed_disks: Vec<Disk>,
    /// The disks that it had, while others are on their way.
    pub disks_before: Option<Vec<Disk>>,
    /// The disc in its drive, if any.
    pub disc: Option<Disc>,
    /// It has had a disc that is to be taken out.
    pub ejected: bool,
    /// It is a stranger's: it has no rights that would help it out of its container.
    pub confined: bool,
}

impl Settings {
    /// Puts this disc into its drive, or takes out the one that is there.
    pub fn insert(&mut self, disc: Option<Disc>) {
        self.ejected = disc.is_none() && (self.ejected || self.disc.is_some());
        self.disc = disc;
    }

    /// Its cards that are plugged into networks of ours.
    pub fn plugs(&self) -> impl Iterator<Item = (u8, &Plug)> {
        self.nics.iter().flatten().filter_map(|nic| Some((nic.number, nic.plug.as_ref()?)))
    }

    /// Whether it has a card that may have an address: without one there is none to wait for.
    pub fn expects_address(&self) -> bool {
        let has = |plug: &Plug| [&plug.ipv4, &plug.ipv6].into_iter().any(|a| *a != Addressing::None);
        self.nics.as_ref().is_none_or(|nics| nics.iter().any(|nic| nic.plug.as_ref().is_none_or(has)))
    }

    /// How much its extra disks hold, in GiB: those that are on their way, and those that are not gone yet.
    pub fn extra_disk_gib(&self) -> u64 {
        total_gib(&self.disks).saturating_add(total_gib(&self.removed_disks))
    }

    /// This is what Proxmox calls a disk.
    pub fn name_volume(&mut self, number: u8, volume: &str) {
        let disks = self.disks.iter_mut().chain(&mut self.removed_disks);
        for disk in disks.filter(|disk| disk.number == number) {
            disk.volume = Some(volume.to_owned());
        }
    }

    /// Gives it these tags instead of those that it had.
    pub fn retag(&mut self, tags: BTreeSet<Tag>) {
        let gone = std::mem::replace(&mut self.tags, tags);
        self.untagged.extend(gone);
        self.untagged.retain(|tag| !self.tags.contains(tag));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(words: &[&str]) -> BTreeSet<Tag> {
        words.iter().map(|word| word.parse().unwrap()).collect()
    }

    #[test]
    fn a_tag_that_was_taken_away_is_remembered_until_it_is_given_again() {
        let mut settings = Settings::default();
        settings.retag(tags(&["web", "blue"]));
        settings.retag(tags(&["web", "green"]));
        assert_eq!(
            (settings.tags.clone(), settings.untagged.clone()),
            (tags(&["web", "green"]), tags(&["blue"]))
        );
        settings.retag(tags(&["blue"]));
        assert_eq!(settings.untagged, tags(&["web", "green"]));
    }
}
