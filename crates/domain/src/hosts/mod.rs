//! Hosts: nodes that are woken when somebody needs them and laid to rest when nobody does. What is wanted and what was
//! seen of one, and the pure rules by which it wakes and sleeps.

mod course;
mod history;
mod mac;
mod plan;
mod profile;
mod signals;

use serde::{Deserialize, Serialize};

pub use course::{Asked, Command, Course, State, Way};
pub use history::{Change, Slept, slept};
pub use mac::{BadMac, Mac, six};
pub use plan::{Act, Resting, next, pause};
pub use profile::{BadProfile, Fallback, Profile, Secrets, Wake, Webhook, Window};
pub use signals::{Reading, Signal, SignalKind, busy, wanted};

use crate::ids::{ClusterId, HostId};
use crate::names::{Hostname, NodeName};
use crate::reports::Report;
use crate::time::Timestamp;

/// A node that the guardian looks after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Identity.
    pub id: HostId,
    /// What people call it.
    pub name: Hostname,
    /// The cluster that its node belongs to.
    pub cluster_id: ClusterId,
    /// Its node.
    pub node: NodeName,
    /// How it is woken, switched off, and when it may sleep.
    pub profile: Profile,
    /// Where it stands.
    pub course: Course,
    /// What was seen at the last look.
    pub seen: Seen,
    /// What needed it at the last look, and what did not.
    pub signals: Vec<Signal>,
    /// When it was added.
    pub created_at: Timestamp,
    /// Grows with every claim: writes with an old one change nothing.
    pub fence: i64,
}

words! {
    /// A way to find out whether a host answers.
    pub enum Probe {
        /// Proxmox's API says that the node is online.
        Api = "api",
        /// An echo reply from its address.
        Ping = "ping",
        /// Its port takes a connection.
        Tcp = "tcp",
    }
}

/// What one probe brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probed {
    /// Which.
    pub probe: Probe,
    /// Whether it answers; none where it could not be asked.
    pub answers: Option<bool>,
    /// What came of it.
    pub report: Report,
}

words! {
    /// How a host shows itself.
    pub enum Presence {
        /// Its API answers.
        Serves = "serves",
        /// Something answers, and its API does not.
        Stirs = "stirs",
        /// Nothing answers.
        Silent = "silent",
        /// Nothing could be asked.
        Unknown = "unknown",
    }
}

/// What was seen of a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// How it shows itself, all probes taken together.
    pub presence: Presence,
    /// What each probe brought.
    pub probes: Vec<Probed>,
    /// When; none before the first look.
    pub at: Option<Timestamp>,
}

impl Default for Seen {
    fn default() -> Self {
        Self { presence: Presence::Unknown, probes: Vec::new(), at: None }
    }
}

/// How a host shows itself by these probes. What could not be asked says nothing.
pub fn presence(probes: &[Probed]) -> Presence {
    let answers = |probe| probes.iter().any(|one| one.probe == probe && one.answers == Some(true));
    if answers(Probe::Api) {
        Presence::Serves
    } else if answers(Probe::Ping) || answers(Probe::Tcp) {
        Presence::Stirs
    } else if probes.iter().any(|one| one.answers == Some(false)) {
        Presence::Silent
    } else {
        Presence::Unknown
    }
}
