//! The course of an instance: wish, observation and the task under way, and how each event changes them. The engine
//! stores it after every event, so that a crash at any point goes on from there.

use serde::{Deserialize, Serialize};

use super::{Act, Goal, Guest, Owner, Power, Seen, Step, Task, Wish, plan};
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

    /// Whether it was seen to run or to be held in memory.
    pub fn runs(&self) -> bool {
        matches!(self.seen, Seen::Present(guest) if guest.power != Power::Stopped)
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
        // Making anew is over when the new one is there; the making itself is the same as for any new one.
        if self.wish.once == Some(act) && act != Act::Create {
            self.wish.once = None;
        }
        // It went through a stop. What runs now was started since, by us or by somebody else: stopping it again would
        // be a second restart. A start says nothing: it may have been asked for before the restart was wished. An older
        // restart that was still under way, its operation given up, serves for the new wish too.
        if matches!(act, Act::Reboot | Act::Stop) {
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
        // Stopped, for whatever reason: a restart needs no second stop.
        if let Seen::Present(Guest { owner: Owner::Ours, power: Power::Stopped, .. }) = seen {
            self.wish.restart = false;
        }
        // The old one is gone: from here on it is made as if it had never been.
        if seen == Seen::Absent && self.wish.once == Some(Act::Create) && self.wish.goal != Goal::Absent {
            self.wish.once = None;
            self.born = false;
        }
        self.seen = seen;
    }

    /// Taken up again after a pause of any length, a crash perhaps. What was seen before is old: the number may be
    /// another's by now, so nothing is done to the guest before it is looked at again. Only a first make needs no
    /// look: Proxmox refuses a number that is taken.
    pub fn resumed(&mut self) {
        let to_be_made = !self.born && self.wish.goal != Goal::Absent && self.seen == Seen::Absent;
        if !to_be_made {
            self.seen = Seen::Unknown;
        }
    }

    /// Another number was taken; nothing is known to be there.
    pub fn renumbered(&mut self) {
        self.seen = Seen::Absent;
        self.task = Task::None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn guest(power: Power) -> Seen {
        let owner = Owner::Ours;
        Seen::Present(Guest {
            owner,
            power,
            locked: false,
            fitted: true,
            grown: true,
            guarded: true,
            addressed: true,
        })
    }

    fn born(wish: Wish) -> Course {
        Course { wish, born: true, seen: Seen::Unknown, task: Task::None, attempts: 0 }
    }

    const RESTART: Wish = Wish {
        goal: Goal::Running,
        gentle_until: None,
        restart: true,
        address: false,
        refit: false,
        once: None,
    };
    const GONE: Wish = Wish {
        goal: Goal::Absent,
        gentle_until: None,
        restart: false,
        address: false,
        refit: false,
        once: None,
    };

    #[test]
    fn a_guest_started_by_somebody_else_after_our_stop_is_not_stopped_again() {
        let mut course = born(RESTART);
        course.saw(guest(Power::Running));
        assert_eq!(course.next(NOW), Step::Do(Act::Stop));
        course.ask(Act::Stop, NOW);
        course.accepted(Act::Stop);
        course.done(Act::Stop);
        assert_eq!(course.next(NOW), Step::Look);
        course.saw(guest(Power::Running));
        assert_eq!(course.next(NOW), Step::Nothing);
    }

    #[test]
    fn a_start_asked_for_earlier_does_not_count_as_the_restart() {
        let mut course = born(Wish { restart: false, ..RESTART });
        course.saw(guest(Power::Stopped));
        course.ask(Act::Start, NOW);
        course.accepted(Act::Start);
        course.wish_for(RESTART);
        course.done(Act::Start);
        course.saw(guest(Power::Running));
        assert_eq!(course.next(NOW), Step::Do(Act::Stop));
    }

    #[test]
    fn a_guest_found_stopped_is_only_started() {
        let mut course = born(RESTART);
        course.saw(guest(Power::Stopped));
        assert_eq!(course.next(NOW), Step::Do(Act::Start));
        course.ask(Act::Start, NOW);
        course.done(Act::Start);
        course.saw(guest(Power::Running));
        assert_eq!(course.next(NOW), Step::Nothing);
    }

    #[test]
    fn after_a_pause_nothing_is_removed_on_an_old_sight() {
        let mut course = born(GONE);
        course.saw(guest(Power::Stopped));
        assert_eq!(course.next(NOW), Step::Do(Act::Delete));
        course.resumed();
        assert_eq!(course.next(NOW), Step::Look);
        // An old absence proves nothing either.
        course.saw(Seen::Absent);
        course.resumed();
        assert_eq!(course.next(NOW), Step::Look);
        // What was asked is looked up, and its task followed, as before the pause.
        course.ask(Act::Delete, NOW);
        course.resumed();
        assert_eq!(course.next(NOW), Step::Find(Act::Delete));
        course.accepted(Act::Delete);
        course.resumed();
        assert_eq!(course.next(NOW), Step::Follow);
    }

    #[test]
    fn a_new_wish_looks_first_and_leaves_the_task_to_be_followed() {
        let mut course = born(RESTART);
        course.saw(guest(Power::Running));
        course.attempts = 3;
        course.wish_for(GONE);
        assert_eq!((course.next(NOW), course.attempts), (Step::Look, 0));
        course.saw(guest(Power::Running));
        course.ask(Act::Stop, NOW);
        course.wish_for(RESTART);
        assert_eq!(course.next(NOW), Step::Find(Act::Stop));
    }

    #[test]
    fn failures_are_counted_until_something_takes_effect() {
        let mut course = born(GONE);
        course.failed();
        course.learnt_nothing();
        course.not_found();
        assert_eq!(course.attempts, 2);
        course.done(Act::Stop);
        assert_eq!((course.attempts, course.task, course.seen), (0, Task::None, Seen::Unknown));
    }

    #[test]
    fn a_first_make_needs_no_look() {
        let mut course = Course::new(Wish { restart: false, ..RESTART });
        course.resumed();
        assert_eq!(course.next(NOW), Step::Do(Act::Create));
    }
}
