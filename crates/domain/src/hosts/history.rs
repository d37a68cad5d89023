//! What a host did in the past: its changes of state, and from them how long it slept.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::course::State;
use crate::time::Timestamp;

/// From one time on a host stood somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// When.
    pub at: Timestamp,
    /// Where it stands since.
    pub state: State,
    /// Why.
    pub reason: Option<String>,
}

/// How a host spent a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Slept {
    /// Off.
    pub asleep: Duration,
    /// On, or on its way there or back.
    pub awake: Duration,
    /// Nobody knows.
    pub unknown: Duration,
    /// How often it was woken.
    pub wakes: u32,
}

/// How it spent the time from `from` to `to`, by its changes in order; those before `from` say how it began.
pub fn slept(changes: &[Change], from: Timestamp, to: Timestamp) -> Slept {
    let mut slept = Slept::default();
    let mut state: Option<State> = None;
    let mut begun = from;
    for change in changes {
        if change.at >= to {
            break;
        }
        if change.at > from {
            slept.add(state, change.at.since(begun));
            begun = change.at;
            if change.state == State::Ready
                && matches!(state, Some(State::Waking | State::Booting | State::Off))
            {
                slept.wakes += 1;
            }
        }
        state = Some(change.state);
    }
    slept.add(state, to.since(begun));
    slept
}

impl Slept {
    fn add(&mut self, state: Option<State>, time: Duration) {
        match state {
            None | Some(State::Unknown | State::Error) => self.unknown += time,
            Some(State::Off) => self.asleep += time,
            Some(_) => self.awake += time,
        }
    }
}
