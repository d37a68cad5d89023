//! The course of an instance: wish, observation and the task under way, and how each event changes them. The engine
//! stores it after every event, so that a crash at any point goes on from there.

use serde::{Deserialize, Serialize};

use super::{Act, Seen, Step, Task, Wish, plan};
use crate::time::Timestamp;

/// Wish, observation and the task under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Course {
    /// What is wanted.
    pub wish: Wish,
    /// It was complete once.
    pub born: bool,
    /// What was seen.
    pub seen: Seen,
    /// What is under way.
    pub task: Task,
    /// Failures since the last progress.
    pub attempts: u32,
}

impl Course {
    /// A new instance: nothing is there, so that the first step makes it. Proxmox itself refuses a number that is
    /// taken, which is the only answer that counts.
    pub fn new(wish: Wish) -> Self {
        Self { wish, born: false, seen: Seen::Absent, task: Task::None, attempts: 0 }
    }

    /// The next step.
    pub fn next(&self, now: Timestamp) -> Step {
        plan(&self.wish, self.born, &self.seen, &self.task, now)
    }

    /// A new wish. What was seen may be old, so look first; a task under way is followed or cancelled.
    pub fn wish_for(&mut self, wish: Wish) {
        self.wish = wish;
        self.seen = Seen::Unknown;
        self.attempts = 0;
    }

    /// We are about to ask for this. Stored before the call is made.
    pub fn ask(&mut self, act: Act, now: Timestamp) {
        self.task = Task::Asked { act, at: now };
    }

    /// Proxmox took it on as a task.
    pub fn accepted(&mut self, act: Act) {
        self.task = Task::Running { act, cancelled: false };
    }

    /// We told the task to stop.
    pub fn cancelled(&mut self) {
        if let Task::Running { cancelled, .. } = &mut self.task {
            *cancelled = true;
        }
    }

    /// It took effect. What it changed is looked at before it is believed, except for settings before the first
    /// start: those are read back when the instance is ready.
    pub fn done(&mut self, act: Act) {
        self.task = Task::None;
        self.attempts = 0;
        match (act, &mut self.seen) {
            (Act::Configure, Seen::Present(guest)) => guest.fitted = true,
            _ => self.seen = Seen::Unknown,
        }
        // Either way the guest went through a stop.
        if matches!(act, Act::Reboot | Act::Start) {
            self.wish.restart = false;
        }
    }

    /// It did not take effect, as far as Proxmox says; look before believing that either.
    pub fn failed(&mut self) {
        self.task = Task::None;
        self.seen = Seen::Unknown;
        self.attempts = self.attempts.saturating_add(1);
    }

    /// A look or a lost answer taught us nothing.
    pub fn learnt_nothing(&mut self) {
        self.attempts = self.attempts.saturating_add(1);
    }

    /// No trace of what we asked for: it did not happen. Look, then plan anew.
    pub fn not_found(&mut self) {
        self.task = Task::None;
        self.seen = Seen::Unknown;
    }

    /// This is what is there.
    pub fn saw(&mut self, seen: Seen) {
        self.seen = seen;
    }

    /// Another number was taken; nothing is known to be there.
    pub fn renumbered(&mut self) {
        self.seen = Seen::Absent;
        self.task = Task::None;
    }
}
