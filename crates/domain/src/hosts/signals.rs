//! Signals: what needs a host, and what does not, each with its reason. Idleness is nothing else than all of them quiet.

use serde::{Deserialize, Serialize};

words! {
    /// What may need a host.
    pub enum SignalKind {
        /// Somebody asked for it.
        Asked = "asked",
        /// Instances on it that run or are to run.
        Instances = "instances",
        /// Leases on it.
        Leases = "leases",
        /// Guests on it that are not ours.
        Guests = "guests",
        /// Tasks of Proxmox.
        Tasks = "tasks",
        /// People who play.
        Players = "players",
        /// People in a voice channel.
        Voice = "voice",
        /// It is kept awake for a while.
        KeepAwake = "keep_awake",
        /// Its hours.
        Schedule = "schedule",
        /// Its node is in maintenance: somebody works on it.
        Maintenance = "maintenance",
        /// Its cluster would lose its quorum without it.
        Quorum = "quorum",
    }
}

impl SignalKind {
    /// Whether it wakes a host that sleeps. The others can be read only while it is awake.
    pub fn wakes(self) -> bool {
        match self {
            Self::Asked | Self::Instances | Self::Leases | Self::Voice | Self::KeepAwake | Self::Schedule => {
                true
            }
            Self::Guests | Self::Tasks | Self::Players | Self::Maintenance | Self::Quorum => false,
        }
    }
}

words! {
    /// What a signal says.
    pub enum Reading {
        /// The host is needed.
        Busy = "busy",
        /// It is not, as far as this goes.
        Quiet = "quiet",
        /// It cannot be said: the host stays awake.
        Unreadable = "unreadable",
    }
}

/// What one kind of need says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// Of what kind.
    pub kind: SignalKind,
    /// What it says.
    pub reading: Reading,
    /// Why, for people.
    pub reason: String,
}

impl Signal {
    /// A signal.
    pub fn new(kind: SignalKind, reading: Reading, reason: impl Into<String>) -> Self {
        Self { kind, reading, reason: reason.into() }
    }
}

/// The first reason not to switch the host off. What cannot be read is one.
pub fn busy(signals: &[Signal]) -> Option<&Signal> {
    let of = |reading| signals.iter().find(move |signal| signal.reading == reading);
    of(Reading::Busy).or_else(|| of(Reading::Unreadable))
}

/// The first reason to wake the host.
pub fn wanted(signals: &[Signal]) -> Option<&Signal> {
    signals.iter().find(|signal| signal.kind.wakes() && signal.reading == Reading::Busy)
}
