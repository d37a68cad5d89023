//! Extra disks of instances: what they are beside the one that the system starts from.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::instances::Kind;
use crate::money::{Micros, Overflow};
use crate::names::BadName;
use crate::prices::{PriceList, Rate};

/// The most extra disks that an instance has.
pub const MOST_DISKS: usize = 8;

/// The most that one of them holds, in GiB.
pub const MOST_GIB: u32 = 16_384;

/// The first slot of ours on a bus; what lies before is the template's and the operator's.
const FIRST_SLOT: u8 = 8;

words! {
    /// How a machine sees a disk.
    pub enum Bus as "DiskBus" {
        /// As a SCSI disk.
        Scsi = "scsi",
        /// As a virtio disk.
        Virtio = "virtio",
    }
}

/// Where a container sees a disk: an absolute path, for example `/srv/data`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MountPath(String);

impl FromStr for MountPath {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let bad = BadName(
            "use an absolute path of letters, digits, `.`, `_` and `-`, for example `/srv/data`, outside of the system's \
             own folders",
        );
        let Some(inner) = text.strip_prefix('/') else { return Err(bad) };
        let word = |part: &str| {
            !part.is_empty()
                && !part.starts_with('.')
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        };
        let first = inner.split('/').next().unwrap_or_default();
        let alone = !inner.contains('/');
        // Over these a container would not start any more, or would show its host's.
        let never = ["proc", "sys", "dev", "boot", "run", "lost+found"];
        let own = ["bin", "etc", "lib", "lib64", "sbin", "usr", "var", "root", "tmp"];
        if text.len() > 100
            || !inner.split('/').all(word)
            || never.contains(&first)
            || alone && own.contains(&first)
        {
            return Err(bad);
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for MountPath {
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, BadName> {
        text.parse()
    }
}

impl From<MountPath> for String {
    fn from(path: MountPath) -> Self {
        path.0
    }
}

impl fmt::Display for MountPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where an instance sees a disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seat {
    /// A container at a path.
    Path(MountPath),
    /// A machine on a bus.
    Bus(Bus),
}

/// An extra disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// Its number, from 1.
    pub number: u8,
    /// How much it holds, in GiB.
    pub size_gib: u32,
    /// Where the instance sees it.
    pub seat: Seat,
    /// What it costs, since it was made or grown.
    pub rate: Rate,
    /// What Proxmox calls it, once it was seen.
    #[serde(default)]
    pub volume: Option<String>,
}

/// The options of Proxmox in which a guest of this kind has extra disks, in use or not.
pub fn slots(kind: Kind) -> Vec<String> {
    let buses: &[&str] = match kind {
        Kind::Lxc => &["mp"],
        Kind::Qemu => &["scsi", "virtio"],
    };
    let last = FIRST_SLOT.saturating_add(MOST_DISKS as u8);
    buses.iter().flat_map(|bus| (FIRST_SLOT..last).map(move |at| format!("{bus}{at}"))).collect()
}

impl Disk {
    /// The option that holds it in Proxmox.
    pub fn slot(&self) -> String {
        let at = FIRST_SLOT.saturating_add(self.number).saturating_sub(1);
        match &self.seat {
            Seat::Path(_) => format!("mp{at}"),
            Seat::Bus(bus) => format!("{bus}{at}"),
        }
    }

    /// By this serial number a machine tells the disk from others.
    pub fn serial(&self) -> String {
        format!("innkeeper{}", self.number)
    }
}

/// The seat of a new disk: a path for containers, a bus for machines.
pub fn seat(
    kind: Kind,
    path: Option<MountPath>,
    bus: Option<Bus>,
) -> Result<Seat, (&'static str, &'static str)> {
    match (kind, path, bus) {
        (Kind::Lxc, Some(path), None) => Ok(Seat::Path(path)),
        (Kind::Lxc, None, _) => Err(("path", "say where the container sees it, for example `/srv/data`")),
        (Kind::Lxc, Some(_), Some(_)) => Err(("bus", "containers have no buses; give only `path`")),
        (Kind::Qemu, None, bus) => Ok(Seat::Bus(bus.unwrap_or(Bus::Scsi))),
        (Kind::Qemu, Some(_), _) => {
            Err(("path", "a machine mounts its disks itself; give no path, or a container"))
        }
    }
}

/// How much these hold together, in GiB.
pub fn total_gib(disks: &[Disk]) -> u64 {
    disks.iter().map(|disk| u64::from(disk.size_gib)).sum()
}

/// What these cost together.
pub fn total_rate(disks: &[Disk]) -> Result<Rate, Overflow> {
    disks.iter().try_fold(Rate::FREE, |sum, disk| plus(sum, disk.rate))
}

/// What so many GiB of disk cost at these prices: a plan's own price is for what is in the plan.
pub fn price(list: Option<&PriceList>, gib: u32) -> Result<Rate, Overflow> {
    let Some(list) = list else { return Ok(Rate::FREE) };
    Ok(Rate {
        running_micros: list.running.disk_gib_micros.times(i64::from(gib))?,
        stopped_micros: list.stopped.disk_gib_micros.times(i64::from(gib))?,
    })
}

/// Both prices of both.
pub fn plus(one: Rate, other: Rate) -> Result<Rate, Overflow> {
    Ok(Rate {
        running_micros: one.running_micros.plus(other.running_micros)?,
        stopped_micros: one.stopped_micros.plus(other.stopped_micros)?,
    })
}

/// The first without the second; nothing costs less than nothing.
pub fn minus(one: Rate, other: Rate) -> Result<Rate, Overflow> {
    Ok(Rate {
        running_micros: one.running_micros.minus(other.running_micros)?.max(Micros::ZERO),
        stopped_micros: one.stopped_micros.minus(other.stopped_micros)?.max(Micros::ZERO),
    })
}

/// What became of disks that were changed: those that are there, as large as they are. `wanted` and `removed` are what
/// was asked, `before` what there was, and `seen` the numbers with what they hold, as last read.
pub fn kept(wanted: &[Disk], removed: &[Disk], before: &[Disk], seen: &[(u8, u32)]) -> Vec<Disk> {
    let size = |number: u8| seen.iter().find(|(other, _)| *other == number).map(|(_, gib)| *gib);
    let mut kept: Vec<Disk> = Vec::new();
    for disk in wanted.iter().chain(removed) {
        let Some(gib) = size(disk.number) else { continue };
        let old = before.iter().find(|old| old.number == disk.number);
        kept.push(match old {
            // It was to be larger, and is not.
            Some(old) if gib < disk.size_gib => Disk { volume: disk.volume.clone(), ..old.clone() },
            _ => disk.clone(),
        });
    }
    kept.sort_by_key(|disk| disk.number);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(number: u8, size_gib: u32) -> Disk {
        let rate = Rate { running_micros: Micros(i64::from(size_gib)), stopped_micros: Micros(1) };
        Disk { number, size_gib, seat: Seat::Bus(Bus::Scsi), rate, volume: None }
    }

    #[test]
    fn paths_outside_of_the_system_are_taken() {
        for good in ["/srv", "/srv/data", "/home/ada", "/var/lib/mysql", "/mnt/a-b_c.d"] {
            assert!(good.parse::<MountPath>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "/",
            "srv",
            "//srv",
            "/srv/",
            "/srv//x",
            "/srv/..",
            "/./x",
            "/proc/x",
            "/dev",
            "/etc",
            "/usr",
            "/a,b",
            "/a b",
            "/a=b",
            "/é",
            &format!("/{}", "x".repeat(100)),
        ] {
            assert!(bad.parse::<MountPath>().is_err(), "{bad}");
        }
    }

    #[test]
    fn slots_are_beyond_those_of_templates() {
        assert_eq!(disk(1, 1).slot(), "scsi8");
        assert_eq!(Disk { seat: Seat::Bus(Bus::Virtio), ..disk(8, 1) }.slot(), "virtio15");
        assert_eq!(Disk { seat: Seat::Path("/srv".parse().unwrap()), ..disk(2, 1) }.slot(), "mp9");
        assert!(
            seat(Kind::Lxc, None, None).is_err()
                && seat(Kind::Qemu, Some("/srv".parse().unwrap()), None).is_err()
        );
        assert_eq!(seat(Kind::Qemu, None, None), Ok(Seat::Bus(Bus::Scsi)));
    }

    #[test]
    fn what_is_there_is_kept_as_large_as_it_is() {
        // 1 was to grow, 2 is new, 3 was to be removed.
        let before = [disk(1, 5), disk(3, 7)];
        let (wanted, removed) = ([disk(1, 9), disk(2, 4)], [disk(3, 7)]);
        assert_eq!(kept(&wanted, &removed, &before, &[(1, 9), (2, 4)]), wanted);
        assert_eq!(kept(&wanted, &removed, &before, &[(1, 5), (3, 7)]), before);
        assert_eq!(kept(&wanted, &removed, &before, &[(1, 9), (3, 7)]), [disk(1, 9), disk(3, 7)]);
        assert_eq!((total_gib(&before), total_rate(&before).unwrap().running_micros), (12, Micros(12)));
        let more = plus(Rate::FREE, disk(1, 5).rate).unwrap();
        assert_eq!(minus(more, disk(1, 9).rate), Ok(Rate::FREE));
    }
}
