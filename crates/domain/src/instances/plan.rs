//! The planner: from what is wanted, what was seen and what is under way, the one next step. Pure and total: every
//! combination has an answer, [`Step::Nothing`] when wish and world agree.

use super::{Act, Goal, Guest, Owner, Power, Seen, Task, Wish};
use crate::time::Timestamp;

/// The one next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Wish and world agree.
    Nothing,
    /// Read the guest.
    Look,
    /// We do not know what became of this act: look for its task, do not repeat it.
    Find(Act),
    /// Ask how the running task goes.
    Follow,
    /// Stop the running task: it stands in the way of the wish.
    Cancel,
    /// Nothing to do but to look again later: a lock, or an address that is not there yet.
    Await,
    /// Ask Proxmox for this change.
    Do(Act),
    /// The number belongs to somebody else: take another one.
    Renumber,
    /// It cannot be.
    Refuse(Refusal),
}

/// Why a wish cannot be fulfilled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The guest under our number is not ours any more.
    Foreign,
    /// The guest has our tag but not our mark: whose it is cannot be told.
    Doubtful,
    /// The guest is gone from Proxmox.
    Vanished,
    /// The guest stopped before it could be held in memory.
    Stopped,
}

/// The next step. `born` says whether the instance was complete once: before that a missing guest is made and a
/// foreign number is given up; afterwards neither is touched.
pub fn plan(wish: &Wish, born: bool, seen: &Seen, task: &Task, now: Timestamp) -> Step {
    match *task {
        Task::Asked { act, .. } => return Step::Find(act),
        Task::Running { act, cancelled } => {
            return if !cancelled && in_the_way(wish, act) { Step::Cancel } else { Step::Follow };
        }
        Task::None => {}
    }
    match *seen {
        Seen::Unknown => Step::Look,
        Seen::Absent => match wish.goal {
            Goal::Absent => Step::Nothing,
            _ if wish.once == Some(Act::Restore) => Step::Do(Act::Restore),
            _ if wish.once == Some(Act::Create) => Step::Do(Act::Create),
            _ if born => Step::Refuse(Refusal::Vanished),
            _ => Step::Do(Act::Create),
        },
        Seen::Present(guest) => match guest.owner {
            Owner::Unreadable => Step::Await,
            // Calling it gone would leave it running; touching it might hit another's.
            Owner::Doubtful if born => Step::Refuse(Refusal::Doubtful),
            // Ours is gone, whoever has the number now.
            Owner::Foreign | Owner::Doubtful if wish.goal == Goal::Absent => Step::Nothing,
            Owner::Foreign if born => Step::Refuse(Refusal::Foreign),
            // We write mark and tag in this order, so a tag without a mark was never ours.
            Owner::Foreign | Owner::Doubtful => Step::Renumber,
            Owner::Ours => match steer(wish, born, guest, now) {
                Step::Do(_) | Step::Refuse(_) if guest.locked => Step::Await,
                // Whoever holds the lock may start it again: a backup, a rollback, a move. One that runs goes on running.
                Step::Nothing if guest.locked && guest.power == Power::Stopped => Step::Await,
                step => step,
            },
        },
    }
}

/// The next step for a guest that is ours, as if no lock were held.
#[allow(clippy::match_same_arms)] // a table: the order tells more than shortness
fn steer(wish: &Wish, born: bool, guest: Guest, now: Timestamp) -> Step {
    let gentle = wish.gentle_until.is_some_and(|until| now < until);
    let unfinished = !(born || guest.fitted && guest.grown && guest.guarded);
    match (wish.goal, guest.power) {
        (Goal::Absent, Power::Stopped) => Step::Do(Act::Delete),
        (Goal::Absent, Power::Running | Power::Paused) => Step::Do(Act::Stop),
        // What is to be done once comes before anything else: it may change all the rest.
        _ if let Some(once) = wish.once => match (once, guest.power) {
            (Act::Create | Act::Restore, Power::Running | Power::Paused) => Step::Do(Act::Stop),
            // Made anew: the old one goes first.
            (Act::Create, Power::Stopped) => Step::Do(Act::Delete),
            (once, _) => Step::Do(once),
        },
        // A new guest is finished before it is first started.
        (_, Power::Stopped) if !born && !guest.fitted => Step::Do(Act::Configure),
        (_, Power::Stopped) if !born && !guest.grown => Step::Do(Act::Grow),
        (_, Power::Stopped) if !born && !guest.guarded => Step::Do(Act::Guard),
        // Another size or other settings were asked for: settings before disks, whether it runs or not.
        (_, _) if born && wish.refit && !guest.fitted => Step::Do(Act::Configure),
        (_, _) if born && wish.refit && !guest.grown => Step::Do(Act::Grow),
        (_, _) if born && wish.refit && !guest.guarded => Step::Do(Act::Guard),
        (Goal::Running, Power::Stopped) => Step::Do(Act::Start),
        (Goal::Running, Power::Paused) => Step::Do(Act::Resume),
        // Started by somebody before it was finished; nobody has been given it yet, so it is taken back.
        (Goal::Running, Power::Running) if unfinished => Step::Do(Act::Stop),
        (Goal::Running, Power::Running) if wish.restart && gentle => Step::Do(Act::Reboot),
        (Goal::Running, Power::Running) if wish.restart => Step::Do(Act::Stop),
        (Goal::Running, Power::Running) if wish.address && !guest.addressed => Step::Await,
        (Goal::Running, Power::Running) | (Goal::Stopped, Power::Stopped) | (Goal::Paused, Power::Paused) => {
            Step::Nothing
        }
        (Goal::Paused, Power::Running) => Step::Do(Act::Pause),
        // Starting it only to hold it would not bring back what it held.
        (Goal::Paused, Power::Stopped) => Step::Refuse(Refusal::Stopped),
        (Goal::Stopped, Power::Running) if gentle => Step::Do(Act::Shutdown),
        (Goal::Stopped, Power::Running | Power::Paused) => Step::Do(Act::Stop),
    }
}

/// Whether a running task keeps the wish waiting for no good: making what should be gone, or asking politely what
/// should be cut off.
fn in_the_way(wish: &Wish, act: Act) -> bool {
    match act {
        Act::Create | Act::BackUp => wish.goal == Goal::Absent,
        Act::Shutdown | Act::Reboot => match wish.goal {
            Goal::Absent => true,
            // Under a gentle wish a polite task ends by itself when its time is up.
            Goal::Stopped => wish.gentle_until.is_none(),
            Goal::Running | Goal::Paused => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(goal: Goal, born: bool, guest: Guest) -> Step {
        let wish =
            Wish { goal, gentle_until: None, restart: false, address: false, refit: false, once: None };
        plan(&wish, born, &Seen::Present(guest), &Task::None, Timestamp(0))
    }

    const GUEST: Guest = Guest {
        owner: Owner::Ours,
        power: Power::Running,
        locked: false,
        fitted: true,
        grown: true,
        guarded: true,
        addressed: true,
    };

    #[test]
    fn a_guest_that_runs_in_the_middle_of_a_backup_runs_but_a_stopped_one_may_be_started_by_it() {
        let running = Guest { locked: true, ..GUEST };
        let stopped = Guest { power: Power::Stopped, ..running };
        assert_eq!(step(Goal::Running, true, running), Step::Nothing);
        assert_eq!(step(Goal::Stopped, true, running), Step::Await);
        assert_eq!(step(Goal::Stopped, true, stopped), Step::Await);
        assert_eq!(step(Goal::Running, true, stopped), Step::Await);
    }

    #[test]
    fn a_guest_started_before_it_was_finished_is_not_ready() {
        for unfinished in [
            Guest { fitted: false, ..GUEST },
            Guest { grown: false, ..GUEST },
            Guest { guarded: false, ..GUEST },
        ] {
            assert_eq!(step(Goal::Running, false, unfinished), Step::Do(Act::Stop));
            // Later on its settings are its owner's business, and stopping it for them would be an outage.
            assert_eq!(step(Goal::Running, true, unfinished), Step::Nothing);
        }
    }
}
