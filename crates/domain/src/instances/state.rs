//! The state that people are shown.

use super::{Course, Goal, Guest, Owner, Power, Seen};
use crate::operations::Verb;

words! {
    /// The state of an instance, as people see it.
    pub enum State as "InstanceState" {
        /// Being made.
        Provisioning = "provisioning",
        /// Being started.
        Starting = "starting",
        /// Runs.
        Running = "running",
        /// Being stopped.
        Stopping = "stopping",
        /// Does not run.
        Stopped = "stopped",
        /// Held in memory.
        Paused = "paused",
        /// Being stopped and started.
        Rebooting = "rebooting",
        /// Being given another size or other settings.
        Resizing = "resizing",
        /// Being held in memory.
        Pausing = "pausing",
        /// Being made anew.
        Rebuilding = "rebuilding",
        /// Being brought back to what was saved of it.
        Restoring = "restoring",
        /// Being moved to another host.
        Migrating = "migrating",
        /// Being removed.
        Deleting = "deleting",
        /// Removed.
        Deleted = "deleted",
        /// Could not be made; nothing of it is left.
        Failed = "failed",
        /// It should be there, but Proxmox does not have it.
        Missing = "missing",
        /// Not known at the moment.
        Unknown = "unknown",
    }
}

/// The state that people are shown, from what is wanted, seen and under way.
pub fn state(course: &Course, active: Option<Verb>, deleted: bool) -> State {
    if deleted {
        return State::Deleted;
    }
    match active {
        Some(_) if course.wish.goal == Goal::Absent => return State::Deleting,
        Some(Verb::Create) => return State::Provisioning,
        Some(Verb::Start | Verb::Resume) => return State::Starting,
        Some(Verb::Shutdown | Verb::Stop | Verb::Trash) => return State::Stopping,
        Some(Verb::Reboot) => return State::Rebooting,
        Some(Verb::Resize | Verb::Update) => return State::Resizing,
        Some(Verb::Rebuild) => return State::Rebuilding,
        Some(Verb::Rollback | Verb::Restore) => return State::Restoring,
        Some(Verb::Migrate) => return State::Migrating,
        Some(Verb::Pause) => return State::Pausing,
        // It goes on as it was while it is saved. Before the look it is as it was when that was asked for.
        Some(Verb::Snapshot | Verb::DropSnapshot | Verb::BackUp) if course.seen == Seen::Unknown => {
            return match course.wish.goal {
                Goal::Running => State::Running,
                Goal::Paused => State::Paused,
                Goal::Stopped | Goal::Absent => State::Stopped,
            };
        }
        Some(Verb::Snapshot | Verb::DropSnapshot | Verb::BackUp) | None => {}
        Some(Verb::Delete) => return State::Deleting,
    }
    match course.seen {
        Seen::Unknown | Seen::Present(Guest { owner: Owner::Unreadable | Owner::Doubtful, .. }) => {
            State::Unknown
        }
        // Another's guest under our number is none of ours, and its state is none of our people's business.
        Seen::Absent | Seen::Present(Guest { owner: Owner::Foreign, .. }) => {
            if course.born {
                State::Missing
            } else {
                State::Failed
            }
        }
        Seen::Present(guest) => match guest.power {
            Power::Stopped => State::Stopped,
            Power::Running => State::Running,
            Power::Paused => State::Paused,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Act, Task, Wish};
    use super::*;

    const RUN: Wish = Wish {
        goal: Goal::Running,
        gentle_until: None,
        restart: false,
        address: false,
        refit: false,
        once: None,
    };

    fn course(born: bool, seen: Seen) -> Course {
        Course { wish: RUN, born, seen, task: Task::None, attempts: 0 }
    }

    fn present(owner: Owner, power: Power) -> Seen {
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

    #[test]
    fn without_an_operation_the_state_is_what_was_seen() {
        for (born, seen, expected) in [
            (true, Seen::Unknown, State::Unknown),
            (false, Seen::Unknown, State::Unknown),
            (true, Seen::Absent, State::Missing),
            (false, Seen::Absent, State::Failed),
            (true, present(Owner::Ours, Power::Running), State::Running),
            (true, present(Owner::Ours, Power::Stopped), State::Stopped),
            (true, present(Owner::Ours, Power::Paused), State::Paused),
            (true, present(Owner::Unreadable, Power::Stopped), State::Unknown),
            (true, present(Owner::Doubtful, Power::Running), State::Unknown),
        ] {
            assert_eq!(state(&course(born, seen), None, false), expected, "{born} {seen:?}");
        }
    }

    #[test]
    fn a_guest_that_is_being_saved_is_shown_as_what_it_does() {
        for verb in [Verb::Snapshot, Verb::DropSnapshot, Verb::BackUp] {
            let mut course = course(true, Seen::Unknown);
            course.wish.once = Some(Act::BackUp);
            assert_eq!(state(&course, Some(verb), false), State::Running);
            course.wish.goal = Goal::Stopped;
            assert_eq!(state(&course, Some(verb), false), State::Stopped);
            course.seen = present(Owner::Ours, Power::Running);
            assert_eq!(state(&course, Some(verb), false), State::Running);
        }
    }

    #[test]
    fn anothers_guest_under_our_number_is_never_shown_as_ours() {
        for &power in Power::ALL {
            let seen = present(Owner::Foreign, power);
            assert_eq!(state(&course(true, seen), None, false), State::Missing);
            assert_eq!(state(&course(false, seen), None, false), State::Failed);
        }
    }

    #[test]
    fn an_operation_names_the_state_whatever_was_seen() {
        for seen in [Seen::Unknown, Seen::Absent, present(Owner::Ours, Power::Running)] {
            for (verb, expected) in [
                (Verb::Create, State::Provisioning),
                (Verb::Start, State::Starting),
                (Verb::Shutdown, State::Stopping),
                (Verb::Stop, State::Stopping),
                (Verb::Reboot, State::Rebooting),
                (Verb::Resize, State::Resizing),
                (Verb::Update, State::Resizing),
                (Verb::Rebuild, State::Rebuilding),
                (Verb::Restore, State::Restoring),
                (Verb::Rollback, State::Restoring),
                (Verb::Migrate, State::Migrating),
                (Verb::Pause, State::Pausing),
                (Verb::Resume, State::Starting),
                (Verb::Trash, State::Stopping),
                (Verb::Delete, State::Deleting),
            ] {
                assert_eq!(state(&course(true, seen), Some(verb), false), expected);
                assert_eq!(state(&course(true, seen), Some(verb), true), State::Deleted);
                // Undoing a create, for one, removes.
                let mut going = course(true, seen);
                going.wish.goal = Goal::Absent;
                assert_eq!(state(&going, Some(verb), false), State::Deleting);
            }
        }
    }
}
