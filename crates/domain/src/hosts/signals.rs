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
    pub enum Reading as "SignalReading" {
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

impl Signal {
    /// What it says to whoever may see the host and nothing behind it: nobody's names, no addresses.
    pub fn told(&self) -> &'static str {
        use SignalKind::{
            Asked, Guests, Instances, KeepAwake, Leases, Maintenance, Players, Quorum, Schedule, Tasks, Voice,
        };
        match (self.kind, self.reading) {
            (Asked, Reading::Busy) => "somebody asks for it",
            (Asked, _) => "nobody asks for it",
            (Instances, Reading::Busy) => "instances run or are to run",
            (Instances, _) => "no instance runs or is to run",
            (Leases, Reading::Busy) => "leases run or are to run",
            (Leases, _) => "no lease runs or is to run",
            (Guests, Reading::Busy) => "other guests run",
            (Guests, Reading::Quiet) => "no other guest runs",
            (Guests, Reading::Unreadable) => "nobody can say which guests run",
            (Tasks, Reading::Busy) => "Proxmox is at work",
            (Tasks, Reading::Quiet) => "Proxmox is not at work",
            (Tasks, Reading::Unreadable) => "nobody can say whether Proxmox is at work",
            (Players, Reading::Busy) => "people play",
            (Players, Reading::Quiet) => "nobody plays",
            (Players, Reading::Unreadable) => "nobody can say whether people play",
            (Voice, Reading::Busy) => "people are in the voice channel",
            (Voice, Reading::Quiet) => "nobody is in the voice channel",
            (Voice, Reading::Unreadable) => "nobody can say who is in the voice channel",
            (KeepAwake, Reading::Busy) => "it is kept awake",
            (KeepAwake, _) => "it is not kept awake",
            (Schedule, Reading::Busy) => "these are its hours",
            (Schedule, _) => "it is outside its hours",
            (Maintenance, Reading::Busy) => "somebody works on it",
            (Maintenance, _) => "nobody works on it",
            (Quorum, Reading::Busy) => "its cluster cannot do without it",
            (Quorum, _) => "its cluster can do without it",
        }
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
