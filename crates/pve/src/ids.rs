//! Names as Proxmox VE allows them, checked when they are made.
//!
//! Only these types can become a segment of a request path, so no request can be steered elsewhere by `..`, `/` or an
//! empty name (the server skips empty segments, which silently changes the meaning of a call).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A name that Proxmox VE would not accept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a valid {what}")]
pub struct InvalidName {
    /// What it should have been, for example `node name`.
    pub what: &'static str,
    /// What was given.
    pub text: String,
}

/// Something that may stand in a request path.
pub(crate) trait Segment {
    /// The text before percent-encoding. Slashes in it separate segments (volumes only).
    fn segment(&self) -> String;
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $what:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Checks and takes the text.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidName> {
                let text = text.into();
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) { Ok(Self(text)) } else { Err(InvalidName { what: $what, text }) }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Segment for $name {
            fn segment(&self) -> String {
                self.0.clone()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = InvalidName;
            fn try_from(text: &str) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

fn alphanumeric_ends(text: &str) -> bool {
    let alnum = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    alnum(text.chars().next()) && alnum(text.chars().next_back())
}

fn all(text: &str, also: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c))
}

/// Printable, no separators of a path, and not a relative segment.
fn plain_segment(text: &str) -> bool {
    !text.is_empty()
        && !matches!(text, "." | "..")
        && !text.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '/' | ':'))
}

name_type! {
    /// A node, as `GET /nodes` names it (never its DNS name).
    NodeName, "node name", |t| alphanumeric_ends(t) && all(t, "-") && t.len() <= 63
}

name_type! {
    /// A storage, for example `local-lvm`.
    StorageId, "storage id",
    |t| t.len() >= 2 && alphanumeric_ends(t) && t.starts_with(|c: char| c.is_ascii_alphabetic()) && all(t, "-_.")
}

name_type! {
    /// A snapshot. `current` and `vzdump` are reserved and refused here too.
    SnapshotName, "snapshot name",
    |t| (2..=40).contains(&t.len())
        && t.starts_with(|c: char| c.is_ascii_alphabetic())
        && all(t, "_-")
        && !matches!(t, "current" | "vzdump")
}

name_type! {
    /// A resource pool; up to three levels, separated by `/`.
    PoolId, "pool id",
    |t| t.split('/').count() <= 3
        && t.split('/').all(|level| !level.is_empty() && all(level, "._-") && !matches!(level, "." | ".."))
}

name_type! {
    /// A volume: `storage:name`, for example `local:vztmpl/debian-12.tar.zst`.
    VolumeId, "volume id",
    |t| t.split_once(':').is_some_and(|(storage, name)| {
        StorageId::new(storage).is_ok()
            && !name.is_empty()
            && !name.chars().any(char::is_control)
            && name.split('/').all(|part| !part.is_empty() && !matches!(part, "." | ".."))
    })
}

name_type! {
    /// A user with its realm: `name@realm`.
    UserId, "user id",
    |t| t.len() <= 64
        && t.rsplit_once('@').is_some_and(|(name, realm)| plain_segment(name) && !realm.is_empty() && all(realm, "-_."))
}

name_type! {
    /// The part of an API token after the `!`.
    TokenName, "token name",
    |t| t.len() >= 2 && t.starts_with(|c: char| c.is_ascii_alphabetic()) && all(t, "-_.")
}

name_type! {
    /// A role, for example `PVEVMAdmin`.
    RoleId, "role id", |t| !t.is_empty() && all(t, "._-") && !matches!(t, "." | "..")
}

name_type! {
    /// A set of addresses in a guest's firewall.
    IpSetName, "IP set name",
    |t| (2..=64).contains(&t.len()) && t.starts_with(|c: char| c.is_ascii_alphabetic()) && all(t, "_-")
}

impl VolumeId {
    /// The storage it lies on.
    pub fn storage(&self) -> StorageId {
        StorageId(self.0.split(':').next().unwrap_or_default().to_owned())
    }

    /// What follows the storage.
    pub fn name(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, name)| name)
    }
}

/// The number of a guest, 100 to 999 999 999, unique in its cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Vmid(u32);

impl Vmid {
    /// The smallest id Proxmox VE gives out.
    pub const MIN: Self = Self(100);
    /// The largest.
    pub const MAX: Self = Self(999_999_999);

    /// Checks and takes the number.
    pub fn new(number: u32) -> Result<Self, InvalidName> {
        if (Self::MIN.0..=Self::MAX.0).contains(&number) {
            Ok(Self(number))
        } else {
            Err(InvalidName { what: "VM id", text: number.to_string() })
        }
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Vmid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Vmid {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        text.parse()
            .ok()
            .and_then(|n| Self::new(n).ok())
            .ok_or(InvalidName { what: "VM id", text: text.to_owned() })
    }
}

impl TryFrom<u32> for Vmid {
    type Error = InvalidName;
    fn try_from(number: u32) -> Result<Self, InvalidName> {
        Self::new(number)
    }
}

impl Segment for Vmid {
    fn segment(&self) -> String {
        self.0.to_string()
    }
}

/// The place of a rule in a firewall's list, from 0.
impl Segment for u32 {
    fn segment(&self) -> String {
        self.to_string()
    }
}

impl<'de> Deserialize<'de> for Vmid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number: u64 = crate::lenient::required(deserializer)?;
        u32::try_from(number)
            .ok()
            .and_then(|n| Self::new(n).ok())
            .ok_or_else(|| serde::de::Error::custom(format!("{number} is not a valid VM id")))
    }
}

/// Container or virtual machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GuestKind {
    /// A Linux container.
    Lxc,
    /// A virtual machine.
    Qemu,
}

impl GuestKind {
    /// `lxc` or `qemu`, as in paths and in `/cluster/resources`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lxc => "lxc",
            Self::Qemu => "qemu",
        }
    }
}

impl fmt::Display for GuestKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a guest is found: its node (it may move), its kind, its number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GuestRef {
    /// The node that holds its configuration now.
    pub node: NodeName,
    /// Container or virtual machine.
    pub kind: GuestKind,
    /// Its number in the cluster.
    pub vmid: Vmid,
}

impl GuestRef {
    /// A container.
    pub fn lxc(node: NodeName, vmid: Vmid) -> Self {
        Self { node, kind: GuestKind::Lxc, vmid }
    }

    /// A virtual machine.
    pub fn qemu(node: NodeName, vmid: Vmid) -> Self {
        Self { node, kind: GuestKind::Qemu, vmid }
    }
}

impl fmt::Display for GuestRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} on {}", self.kind, self.vmid, self.node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_could_steer_a_path_is_a_name() {
        for bad in ["", ".", "..", "a/b", "%2e%2e", "a b", "-a", "a-", "a\0b", "ä"] {
            assert!(NodeName::new(bad).is_err(), "{bad:?}");
            assert!(SnapshotName::new(bad).is_err() || bad == "a-", "{bad:?}");
            assert!(StorageId::new(bad).is_err(), "{bad:?}");
        }
        for bad in [
            "",
            "local",
            "local:",
            ":x",
            "local:../etc/passwd",
            "local:a//b",
            "local:/a",
            "local:a/..",
            "local:a\nb",
        ] {
            assert!(VolumeId::new(bad).is_err(), "{bad:?}");
        }
        for bad in ["", "/", "a//b", "a/b/c/d", "../x", "a/..", "a b"] {
            assert!(PoolId::new(bad).is_err(), "{bad:?}");
        }
        for bad in ["root", "@pam", "../x@pam", "a:b@pam", "a b@pam", "root@"] {
            assert!(UserId::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_seen_in_the_field_are_accepted() {
        NodeName::new("pve-01").unwrap();
        StorageId::new("local-lvm").unwrap();
        SnapshotName::new("before_upgrade").unwrap();
        PoolId::new("tenants/one").unwrap();
        UserId::new("alice@mail.example@ldap").unwrap();
        TokenName::new("provisioner").unwrap();
        let volume = VolumeId::new("local:backup/vzdump-lxc-101-2026_11_21-00_58_43.tar.zst").unwrap();
        assert_eq!(volume.storage().as_str(), "local");
        assert_eq!(volume.name(), "backup/vzdump-lxc-101-2026_11_21-00_58_43.tar.zst");
        VolumeId::new("local:iso/Windows 11.iso").unwrap();
        VolumeId::new("pbs:backup/ct/105/2026-01-20T10:00:00Z").unwrap();
    }

    #[test]
    fn reserved_snapshot_names_are_refused() {
        assert!(SnapshotName::new("current").is_err());
        assert!(SnapshotName::new("vzdump").is_err());
    }

    #[test]
    fn vmid_is_read_from_number_and_text() {
        assert_eq!(serde_json::from_str::<Vmid>("100").unwrap().get(), 100);
        assert_eq!(serde_json::from_str::<Vmid>("\"100\"").unwrap().get(), 100);
        assert!(serde_json::from_str::<Vmid>("99").is_err());
        assert!("1000000000".parse::<Vmid>().is_err());
    }
}
