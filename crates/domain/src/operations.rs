//! Operations: one asked-for change of an instance, with its steps, progress and outcome.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{InstanceId, OperationId, ProjectId, UserId};
use crate::instances::{Act, Errand, Goal, Power, Wish};
use crate::time::Timestamp;

words! {
    /// What was asked for.
    pub enum Verb {
        /// Make it and run it.
        Create = "create",
        /// Run it.
        Start = "start",
        /// Ask it to stop, then force it.
        Shutdown = "shutdown",
        /// Cut it off.
        Stop = "stop",
        /// Stop it gracefully and run it again.
        Reboot = "reboot",
        /// Hold it in memory.
        Pause = "pause",
        /// Let it go on.
        Resume = "resume",
        /// Give it another size: cores, memory, a larger disk.
        Resize = "resize",
        /// Change its name, tags, network and the like.
        Update = "update",
        /// Make it anew from a template; all that is on it is lost.
        Rebuild = "rebuild",
        /// Keep its present state under a name.
        Snapshot = "snapshot",
        /// Bring it back to a snapshot.
        Rollback = "rollback",
        /// Remove a snapshot.
        DropSnapshot = "delete_snapshot",
        /// Save it.
        BackUp = "backup",
        /// Put a backup in its place.
        Restore = "restore",
        /// Move it to another node.
        Migrate = "migrate",
        /// Ask it to stop and keep it for a while before it is removed.
        Trash = "trash",
        /// Remove it for good.
        Delete = "delete",
    }
}

words! {
    /// How an operation stands.
    pub enum State as "OperationState" {
        /// Waiting for its turn.
        Pending = "pending",
        /// Being worked on.
        Running = "running",
        /// It failed, and what it had begun is being removed.
        Undoing = "undoing",
        /// Done, and seen to be done.
        Succeeded = "succeeded",
        /// Ended without success; the error says why.
        Failed = "failed",
        /// A later operation took its place.
        Superseded = "superseded",
    }
}

impl State {
    /// Whether nothing more will happen.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Superseded)
    }
}

words! {
    /// How one step of an operation stands.
    pub enum StepState {
        /// Asked of Proxmox, outcome not yet known.
        Running = "running",
        /// Took effect.
        Done = "done",
        /// Did not take effect.
        Failed = "failed",
        /// Given up for a later wish.
        Cancelled = "cancelled",
    }
}

/// Why an operation failed: a stable code for programs, a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Stable, snake_case.
    pub code: String,
    /// What happened, and what to do about it.
    pub message: String,
}

/// One step of an operation: one call to Proxmox and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Counts from 1 within the operation.
    pub seq: i32,
    /// What was done.
    pub act: Act,
    /// How it stands.
    pub state: StepState,
    /// The Proxmox task, for staff; it names nodes and tokens and is not shown to customers.
    pub upid: Option<String>,
    /// The error, or how many warnings there were.
    pub detail: Option<String>,
    /// When it was asked.
    pub started_at: Timestamp,
    /// When its outcome was known.
    pub ended_at: Option<Timestamp>,
}

/// One asked-for change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Identity.
    pub id: OperationId,
    /// What it changes.
    pub instance_id: InstanceId,
    /// Whose that is.
    pub project_id: ProjectId,
    /// What was asked for.
    pub verb: Verb,
    /// What belongs to that, when it is something that is done once.
    pub errand: Option<Errand>,
    /// How it stands.
    pub state: State,
    /// Who asked; none when the house did.
    pub asked_by: Option<UserId>,
    /// When it was asked.
    pub created_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When we stop trying; none when we never do.
    pub deadline: Option<Timestamp>,
    /// Why it failed, or why it is being undone.
    pub fault: Option<Fault>,
    /// What was done, in order.
    pub steps: Vec<StepRecord>,
}

/// How long a guest is asked politely before it is cut off.
pub const GRACE: Duration = Duration::from_mins(1);

impl Verb {
    /// When we stop trying. A delete is never forgotten.
    #[allow(clippy::match_same_arms)] // a table
    pub fn deadline(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Create => Some(now.after(Duration::from_mins(30))),
            Self::Start | Self::Stop | Self::Pause | Self::Resume => Some(now.after(Duration::from_mins(10))),
            Self::Shutdown
            | Self::Reboot
            | Self::Resize
            | Self::Update
            | Self::Snapshot
            | Self::DropSnapshot
            | Self::Trash => Some(now.after(Duration::from_mins(15))),
            Self::Rebuild | Self::Rollback => Some(now.after(Duration::from_mins(30))),
            // These copy whole disks, and wait for other copies: Proxmox itself waits three hours for its turn.
            Self::BackUp | Self::Restore | Self::Migrate => Some(now.after(Duration::from_hours(12))),
            Self::Delete => None,
        }
    }

    /// What the instance should become. `address` says whether it must report one before it counts as ready, `power`
    /// how it is now: most verbs leave it so. `once` is what is to be done to it once, if anything.
    #[allow(clippy::match_same_arms)] // a table
    pub fn wish(self, now: Timestamp, address: bool, power: Power, once: Option<Act>) -> Wish {
        let wish = |goal, gentle_until, restart| Wish {
            goal,
            gentle_until,
            restart,
            address,
            refit: self.refits(),
            once,
        };
        let as_it_is = match power {
            Power::Running => Goal::Running,
            Power::Stopped => Goal::Stopped,
            Power::Paused => Goal::Paused,
        };
        match self {
            Self::Create | Self::Start | Self::Resume => wish(Goal::Running, None, false),
            Self::Shutdown | Self::Trash => wish(Goal::Stopped, Some(now.after(GRACE)), false),
            Self::Stop => wish(Goal::Stopped, None, false),
            Self::Pause => wish(Goal::Paused, None, false),
            Self::Reboot => wish(Goal::Running, Some(now.after(GRACE)), true),
            Self::Rebuild => wish(Goal::Running, None, false),
            // What was held in memory is gone with a rollback or a restore.
            Self::Rollback | Self::Restore if power == Power::Paused => wish(Goal::Running, None, false),
            Self::Resize
            | Self::Update
            | Self::Snapshot
            | Self::Rollback
            | Self::DropSnapshot
            | Self::BackUp
            | Self::Restore
            | Self::Migrate => wish(as_it_is, None, false),
            Self::Delete => wish(Goal::Absent, None, false),
        }
    }

    /// Whether size and settings are brought to what is asked: where they were changed, and where Proxmox may have
    /// brought older ones back.
    fn refits(self) -> bool {
        matches!(self, Self::Resize | Self::Update | Self::Rollback | Self::Restore)
    }

    /// Whether the instance starts in its course, so that it is worth waiting for its address.
    pub fn starts(self) -> bool {
        matches!(
            self,
            Self::Create | Self::Start | Self::Reboot | Self::Rebuild | Self::Rollback | Self::Restore
        )
    }

    /// Whether this may take the place of an operation that has not ended: deleting always, cutting off what is
    /// being asked politely too. Anything else waits for its turn.
    pub fn supersedes(self, active: Self) -> bool {
        match self {
            Self::Delete => active != Self::Delete,
            Self::Stop => matches!(active, Self::Shutdown | Self::Reboot | Self::Trash),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    #[test]
    fn only_a_harder_wish_takes_the_place_of_a_softer_one() {
        for &later in Verb::ALL {
            for &active in Verb::ALL {
                let expected = match later {
                    Verb::Delete => active != Verb::Delete,
                    Verb::Stop => [Verb::Shutdown, Verb::Reboot, Verb::Trash].contains(&active),
                    _ => false,
                };
                assert_eq!(later.supersedes(active), expected, "{later} over {active}");
            }
            // Else two requests could push each other aside for ever.
            assert!(!later.supersedes(later));
            assert!(Verb::ALL.iter().all(|&other| !(later.supersedes(other) && other.supersedes(later))));
        }
    }

    #[test]
    fn each_verb_wishes_for_what_it_says() {
        for &verb in Verb::ALL {
            for &power in Power::ALL {
                let as_it_is = match power {
                    Power::Running => Goal::Running,
                    Power::Stopped => Goal::Stopped,
                    Power::Paused => Goal::Paused,
                };
                let expected = match verb {
                    Verb::Create | Verb::Start | Verb::Reboot | Verb::Resume | Verb::Rebuild => Goal::Running,
                    Verb::Shutdown | Verb::Stop | Verb::Trash => Goal::Stopped,
                    Verb::Pause => Goal::Paused,
                    Verb::Delete => Goal::Absent,
                    Verb::Rollback | Verb::Restore if power == Power::Paused => Goal::Running,
                    _ => as_it_is,
                };
                assert_eq!(verb.wish(NOW, true, power, None).goal, expected, "{verb}");
            }
            let wish = verb.wish(NOW, true, Power::Running, Some(Act::BackUp));
            let refits = [Verb::Resize, Verb::Update, Verb::Rollback, Verb::Restore];
            assert_eq!(wish.refit, refits.contains(&verb), "{verb}");
            assert_eq!(wish.restart, verb == Verb::Reboot, "{verb}");
            let polite = matches!(verb, Verb::Shutdown | Verb::Reboot | Verb::Trash);
            assert_eq!(wish.gentle_until, polite.then(|| NOW.after(GRACE)), "{verb}");
            assert!(wish.address && !verb.wish(NOW, false, Power::Running, None).address);
            assert_eq!(wish.once, Some(Act::BackUp));
        }
    }

    #[test]
    fn a_polite_wish_outlives_its_grace_and_a_delete_is_never_forgotten() {
        for &verb in Verb::ALL {
            match verb.deadline(NOW) {
                None => assert_eq!(verb, Verb::Delete),
                Some(deadline) => assert!(deadline > NOW.after(GRACE), "{verb} ends before it may be forced"),
            }
        }
    }
}
