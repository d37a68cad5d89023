//! The name of a task: `UPID:node:pid:pstart:starttime:type:id:user:`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ids::{InvalidName, NodeName, Segment, Vmid};

/// A task's name. It says where the task runs: its status must be asked of that [`node`](Self::node).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Upid {
    node: NodeName,
    pid: u32,
    pstart: u64,
    starttime: u32,
    kind: String,
    id: String,
    user: String,
}

impl Upid {
    /// The node that runs the task; for high-availability requests not the guest's node.
    pub fn node(&self) -> &NodeName {
        &self.node
    }

    /// The task type, for example `vzcreate`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Whether the task only files a request with high availability: it ends before the guest has changed.
    pub fn is_ha_request(&self) -> bool {
        matches!(self.kind.as_str(), "hastart" | "hastop" | "hashutdown" | "hamigrate" | "harelocate")
    }

    /// What the task works on, usually a guest number; may be empty.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The guest it works on, when the id is one.
    pub fn vmid(&self) -> Option<Vmid> {
        self.id.parse().ok()
    }

    /// Who started it: `user@realm` or `user@realm!token`.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// When it was started, in seconds since 1970 (UTC), by the node's clock.
    pub fn started_at(&self) -> i64 {
        i64::from(self.starttime)
    }

    /// The worker's process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }
}

fn hex_field(text: &str, digits: std::ops::RangeInclusive<usize>) -> Option<u64> {
    let valid = digits.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    if valid { u64::from_str_radix(text, 16).ok() } else { None }
}

fn plain(text: &str) -> bool {
    !text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '/')
}

impl FromStr for Upid {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let read = || {
            let fields: Vec<&str> = text.split(':').collect();
            let ["UPID", node, pid, pstart, starttime, kind, id, user, ""] = fields[..] else { return None };
            let upid = Self {
                node: NodeName::new(node).ok()?,
                pid: u32::try_from(hex_field(pid, 8..=8)?).ok()?,
                pstart: hex_field(pstart, 8..=9)?,
                starttime: u32::try_from(hex_field(starttime, 8..=8)?).ok()?,
                kind: kind.to_owned(),
                id: id.to_owned(),
                user: user.to_owned(),
            };
            let named = !kind.is_empty() && !user.is_empty();
            (named && plain(kind) && plain(id) && plain(user)).then_some(upid)
        };
        read().ok_or_else(|| InvalidName { what: "UPID", text: text.to_owned() })
    }
}

impl fmt::Display for Upid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, pid, pstart, starttime, kind, id, user } = self;
        write!(f, "UPID:{node}:{pid:08X}:{pstart:08X}:{starttime:08X}:{kind}:{id}:{user}:")
    }
}

impl fmt::Debug for Upid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Segment for Upid {
    fn segment(&self) -> String {
        self.to_string()
    }
}

impl Serialize for Upid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Upid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_recorded_upids() {
        let upid: Upid = "UPID:pve:00000895:00046412:6B00EB98:vzstart:103:root@pam!lab:".parse().unwrap();
        assert_eq!(upid.node().as_str(), "pve");
        assert_eq!((upid.kind(), upid.id(), upid.user()), ("vzstart", "103", "root@pam!lab"));
        assert_eq!(upid.vmid().map(Vmid::get), Some(103));
        assert_eq!(upid.started_at(), 0x6B00_EB98);
        assert!(!upid.is_ha_request());
        assert!(
            "UPID:pve:00000895:00046412:6B00EB98:hastop:132:root@pam:"
                .parse::<Upid>()
                .unwrap()
                .is_ha_request()
        );

        let delete: Upid =
            "UPID:pve:00001103:0004DF40:6B00ECD3:imgdel:101@local:root@pam!lab:".parse().unwrap();
        assert_eq!((delete.id(), delete.vmid()), ("101@local", None));
        let copy: Upid = "UPID:pve:00001103:0004DF40:6B00ECD3:imgcopy::root@pam:".parse().unwrap();
        assert_eq!(copy.id(), "");
        "UPID:pve:00001103:10004DF40:6B00ECD3:vzstart:1:root@pam:".parse::<Upid>().unwrap();
    }

    #[test]
    fn refuses_what_is_not_one() {
        for bad in [
            "",
            "OK",
            "UPID:nope",
            "UPID:pve:00000895:00046412:6B00EB98:vzstart:103:root@pam",
            "UPID:pve:895:00046412:6B00EB98:vzstart:103:root@pam:",
            "UPID:pve:00000895:00046412:6B00EB98::103:root@pam:",
            "UPID:pve:00000895:00046412:6B00EB98:vzstart:../x:root@pam:",
            "UPID:../x:00000895:00046412:6B00EB98:vzstart:103:root@pam:",
        ] {
            assert!(bad.parse::<Upid>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn printing_and_reading_agree(
            node in "[a-z]([a-z0-9-]{0,8}[a-z0-9])?", pid: u32, pstart in 0_u64..0xF_FFFF_FFFF, start: u32,
            kind in "[a-z]{1,12}", id in "[a-zA-Z0-9@._-]{0,12}", user in "[a-z]{1,8}@(pam|pve)(![a-z]{2,8})?",
        ) {
            let text = format!("UPID:{node}:{pid:08X}:{pstart:08X}:{start:08X}:{kind}:{id}:{user}:");
            let upid: Upid = text.parse().unwrap();
            prop_assert_eq!(upid.to_string(), text);
        }

        #[test]
        fn no_text_breaks_the_reader(text in ".{0,120}") {
            let _ = text.parse::<Upid>();
        }
    }
}
