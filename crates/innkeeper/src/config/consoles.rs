//! How many consoles there may be, and how long.

use std::time::Duration;

use innkeeper_domain::consoles::Limits;
use serde::{Deserialize, Serialize};

/// How many consoles there may be, and how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Consoles {
    /// Of one user at once.
    pub per_user: u32,
    /// To guests of one node at once. Proxmox has 100 ports for them on each node.
    pub per_node: u32,
    /// In the whole house at once.
    pub in_house: u32,
    /// Bytes that a client may send at once.
    pub message_bytes: usize,
    /// Seconds after which one closes in which nothing is typed.
    pub idle_s: u64,
    /// Seconds after which one closes.
    pub total_s: u64,
    /// Seconds between two questions whether its user may still use it.
    pub ask_again_s: u64,
}

impl Default for Consoles {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            per_user: limits.per_user,
            per_node: limits.per_node,
            in_house: limits.in_house,
            message_bytes: limits.message_bytes,
            idle_s: limits.idle.as_secs(),
            total_s: limits.total.as_secs(),
            ask_again_s: limits.ask_again.as_secs(),
        }
    }
}

impl Consoles {
    pub(super) fn check(&self) -> anyhow::Result<()> {
        const DAY: u64 = 24 * 60 * 60;
        for (name, value, least, most) in [
            ("per_user", u64::from(self.per_user), 0, 10_000),
            ("per_node", u64::from(self.per_node), 0, 100),
            ("in_house", u64::from(self.in_house), 0, 100_000),
            // A viewer's message of its own picture formats takes a few hundred.
            ("message_bytes", self.message_bytes as u64, 1024, 1 << 20),
            ("idle_s", self.idle_s, 1, DAY),
            ("total_s", self.total_s, 1, 7 * DAY),
            ("ask_again_s", self.ask_again_s, 1, 600),
        ] {
            let good = (least..=most).contains(&value);
            anyhow::ensure!(good, "consoles.{name} must lie between {least} and {most}");
        }
        Ok(())
    }

    pub(super) fn limits(&self) -> Limits {
        Limits {
            per_user: self.per_user,
            per_node: self.per_node,
            in_house: self.in_house,
            message_bytes: self.message_bytes,
            idle: Duration::from_secs(self.idle_s),
            total: Duration::from_secs(self.total_s),
            ask_again: Duration::from_secs(self.ask_again_s),
            ..Limits::default()
        }
    }
}
