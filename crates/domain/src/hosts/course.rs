//! The course of a host: where it stands and what people asked of it, and how their asking changes it.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

words! {
    /// Where a host stands.
    pub enum State as "HostState" {
        /// Not looked at yet, or the looks contradict one another.
        Unknown = "unknown",
        /// Nothing answers.
        Off = "off",
        /// It was called, and nothing answers yet.
        Waking = "waking",
        /// Something answers, and its API does not yet.
        Booting = "booting",
        /// It serves.
        Ready = "ready",
        /// Nothing needs it: the countdown runs.
        Idle = "idle",
        /// Its guests are being stopped.
        Draining = "draining",
        /// It was told to switch itself off.
        ShuttingDown = "shutting_down",
        /// The guardian keeps its hands off it.
        Maintenance = "maintenance",
        /// Something went wrong; it is left by itself or by hand.
        Error = "error",
    }
}

impl State {
    /// Whether guests can be started on it now.
    pub fn serves(self) -> bool {
        matches!(self, Self::Ready | Self::Idle | Self::Unknown | Self::Maintenance)
    }
}

/// Who asked for something, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// When.
    pub at: Timestamp,
    /// Who, for people.
    pub by: String,
    /// Why, for people.
    pub why: String,
}

words! {
    /// How a host is told to switch itself off.
    pub enum Way as "ShutdownWay" {
        /// By Proxmox's API.
        Api = "api",
        /// By SSH.
        Ssh = "ssh",
    }
}

/// That it was told to switch itself off. Written down before it is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// How.
    pub way: Way,
    /// When.
    pub at: Timestamp,
    /// It certainly did not take effect, for this reason.
    pub refused: Option<String>,
}

/// Where a host stands, since when and why, and what people asked of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Course {
    /// Where it stands.
    pub state: State,
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub reason: Option<String>,
    /// Until when this state may last.
    pub deadline: Option<Timestamp>,
    /// Since when nothing needs it, while it is awake; none while something does, and once it is told to switch itself off.
    pub quiet_since: Option<Timestamp>,
    /// Looks in a row at which its API did not answer.
    pub missed: u32,
    /// Looks in a row at which nothing answered.
    pub silent: u32,
    /// Somebody wants it awake; until it is.
    pub asked: Option<Asked>,
    /// Somebody wants it to sleep as soon as nothing needs it.
    pub sleep: Option<Asked>,
    /// It is kept awake until then.
    pub awake_until: Option<Timestamp>,
    /// When it was last called.
    pub called_at: Option<Timestamp>,
    /// How it was told to switch itself off, for this sleep.
    pub commanded: Option<Command>,
}

impl Course {
    /// A host that nobody has looked at yet.
    pub fn new(now: Timestamp) -> Self {
        Self {
            state: State::Unknown,
            since: now,
            reason: None,
            deadline: None,
            quiet_since: None,
            missed: 0,
            silent: 0,
            asked: None,
            sleep: None,
            awake_until: None,
            called_at: None,
            commanded: None,
        }
    }

    /// From now on it stands here.
    pub(super) fn enter(&mut self, state: State, reason: Option<String>, now: Timestamp) {
        self.state = state;
        self.since = now;
        self.reason = reason;
        self.deadline = None;
        if !matches!(state, State::Idle | State::Draining) {
            self.quiet_since = None;
        }
        if !matches!(state, State::Draining | State::ShuttingDown) {
            self.commanded = None;
        }
        if !matches!(state, State::Waking | State::Booting) {
            self.called_at = None;
        }
    }

    /// Somebody wants it awake. A host on its way to sleep is called back as long as that is possible; one that was
    /// told to switch itself off is woken when it is off.
    pub fn want(&mut self, asked: Asked) {
        if self.state == State::Idle {
            self.enter(State::Ready, Some(format!("wanted by {}", asked.by)), asked.at);
        }
        self.sleep = None;
        self.asked = Some(asked);
    }

    /// Somebody wants it to sleep as soon as nothing needs it.
    pub fn lay_to_rest(&mut self, asked: Asked) {
        self.asked = None;
        self.awake_until = None;
        self.sleep = Some(asked);
    }

    /// Nobody wants it awake for a while any more, or for this long.
    pub fn keep_awake(&mut self, until: Option<Timestamp>, by: Asked) {
        self.awake_until = until;
        if until.is_some() {
            self.want(by);
        }
    }

    /// The guardian takes its hands off it, or takes it up again.
    pub fn maintain(&mut self, on: bool, by: &str, now: Timestamp) {
        let reason = format!("{} by {by}", if on { "begun" } else { "ended" });
        self.enter(if on { State::Maintenance } else { State::Unknown }, Some(reason), now);
        (self.asked, self.sleep) = (None, None);
        (self.missed, self.silent) = (0, 0);
    }

    /// An error was seen to by somebody: it is looked at anew.
    pub fn clear(&mut self, by: &str, now: Timestamp) {
        self.enter(State::Unknown, Some(format!("cleared by {by}")), now);
        (self.missed, self.silent) = (0, 0);
    }
}
