//! Instances: guests that we own for somebody. What is wanted of one, what was seen of it, and the state that people
//! are shown.

mod course;
mod plan;

use serde::{Deserialize, Serialize};

pub use course::Course;
pub use plan::{Refusal, Step, plan};

use crate::ids::{ClusterId, InstanceId, OperationId, PlanId, ProjectId, TemplateId};
use crate::names::{Hostname, NodeName, SshKey, StorageName};
use crate::operations::Verb;
use crate::prices::Rate;
use crate::sizes::Size;
use crate::templates::Origin;
use crate::time::Timestamp;
use crate::usage::Tariff;

words! {
    /// The two kinds of guest.
    pub enum Kind {
        /// A container.
        Lxc = "lxc",
        /// A virtual machine.
        Qemu = "qemu",
    }
}

words! {
    /// What an instance should become.
    pub enum Goal {
        /// There, and running.
        Running = "running",
        /// There, and stopped.
        Stopped = "stopped",
        /// Gone.
        Absent = "absent",
    }
}

/// What is wanted of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Wish {
    /// What it should become.
    pub goal: Goal,
    /// Until when it is asked politely to stop; afterwards, or when none, it is cut off.
    pub gentle_until: Option<Timestamp>,
    /// It should stop once on the way.
    pub restart: bool,
    /// It counts as ready only when it reports an address.
    pub address: bool,
    /// Its size has changed: settings and disk are to be brought to what is asked, though it was complete once.
    pub refit: bool,
}

words! {
    /// Whether a guest runs.
    pub enum Power {
        /// It does not.
        Stopped = "stopped",
        /// It does.
        Running = "running",
        /// It is held in memory.
        Paused = "paused",
    }
}

words! {
    /// Whose a guest is, by the mark in its description.
    pub enum Owner {
        /// Our mark for this very instance.
        Ours = "ours",
        /// No mark, or another's.
        Foreign = "foreign",
        /// Our tag, but no mark: perhaps ours, with its description rewritten by somebody.
        Doubtful = "doubtful",
        /// It is being made, and its description cannot be read yet.
        Unreadable = "unreadable",
    }
}

/// A guest as read from Proxmox, reduced to what decides the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Guest {
    /// Whose it is.
    pub owner: Owner,
    /// Whether it runs.
    pub power: Power,
    /// Proxmox holds a lock that stands in the way.
    pub locked: bool,
    /// Cores, memory, name and tags are as asked.
    pub fitted: bool,
    /// The disk is at least as large as asked.
    pub grown: bool,
    /// It reports an address.
    pub addressed: bool,
}

/// What is known of the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// Nothing certain: look before doing anything.
    Unknown,
    /// It is not there.
    Absent,
    /// It is there.
    Present(Guest),
}

words! {
    /// A change that we ask of Proxmox: one call.
    pub enum Act {
        /// Make the guest.
        Create = "create",
        /// Set cores, memory, name, tags, keys.
        Configure = "configure",
        /// Grow its disk.
        Grow = "grow",
        /// Start it.
        Start = "start",
        /// Ask it to stop.
        Shutdown = "shutdown",
        /// Cut it off.
        Stop = "stop",
        /// Let a paused one go on.
        Resume = "resume",
        /// Ask it to stop and start again.
        Reboot = "reboot",
        /// Remove it.
        Delete = "delete",
    }
}

/// A change under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// None.
    None,
    /// We meant to ask at that time, and do not know what became of it.
    Asked {
        /// What we meant to do.
        act: Act,
        /// When.
        at: Timestamp,
    },
    /// Proxmox works on it; the row keeps the task's UPID.
    Running {
        /// What it does.
        act: Act,
        /// We have told it to stop.
        cancelled: bool,
    },
}

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
        /// Being given another size.
        Resizing = "resizing",
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

/// Another size that is on its way: what the instance had before, and what the new size costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resizing {
    /// The size before.
    pub size: Size,
    /// The plan before, if any.
    pub plan_id: Option<PlanId>,
    /// What it costs from when it has its new size.
    pub rate: Rate,
}

/// A guest that we own for somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// Identity; also the mark on the guest.
    pub id: InstanceId,
    /// Whose it is.
    pub project_id: ProjectId,
    /// Its host name.
    pub name: Hostname,
    /// Container or VM.
    pub kind: Kind,
    /// What it was made from; none for a guest that was adopted.
    pub template_id: Option<TemplateId>,
    /// The plan it was asked by, if any.
    pub plan_id: Option<PlanId>,
    /// How big it is.
    pub size: Size,
    /// What it costs, since it was made.
    pub rate: Rate,
    /// Which of the two prices it pays at present, if any.
    pub tariff: Option<Tariff>,
    /// Keys that may sign in to it.
    pub ssh_keys: Vec<SshKey>,
    /// Where it is.
    pub cluster_id: ClusterId,
    /// On which node, as far as known.
    pub node: NodeName,
    /// Where its disk is.
    pub storage: StorageName,
    /// Its number in the cluster.
    pub vmid: u32,
    /// What Proxmox makes it from; none for a guest that was adopted, which is never made anew.
    pub origin: Option<Origin>,
    /// Wish, observation and the task under way.
    pub course: Course,
    /// The task's UPID.
    pub upid: Option<String>,
    /// The operation that has not ended.
    pub operation: Option<(OperationId, Verb)>,
    /// Its address, as last reported.
    pub address: Option<String>,
    /// What is wrong with it, if anything.
    pub problem: Option<String>,
    /// When the guest was last seen.
    pub seen_at: Option<Timestamp>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it was gone.
    pub deleted_at: Option<Timestamp>,
    /// What it was before, while another size is on its way.
    pub resize_from: Option<Resizing>,
    /// The number of the claim that may write; grows with each claim.
    pub fence: i64,
}

impl Instance {
    /// The state that people are shown.
    pub fn state(&self) -> State {
        state(&self.course, self.operation.map(|(_, verb)| verb), self.deleted_at.is_some())
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
        Some(Verb::Start) => return State::Starting,
        Some(Verb::Shutdown | Verb::Stop) => return State::Stopping,
        Some(Verb::Reboot) => return State::Rebooting,
        Some(Verb::Resize) => return State::Resizing,
        Some(Verb::Delete) => return State::Deleting,
        None => {}
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

impl Verb {
    /// Whether the verb makes sense for an instance in this state; the error says why not.
    pub fn check(self, state: State) -> Result<(), &'static str> {
        match (self, state) {
            (_, State::Deleted) => Err("the instance is deleted"),
            (Self::Delete, _) => Ok(()),
            (_, State::Failed) => Err("the instance could not be made; delete it and ask for another"),
            (_, State::Missing) => {
                Err("the guest is missing in Proxmox; an operator must restore it, or delete the instance")
            }
            (Self::Resize, State::Unknown) => {
                Err("how the instance is cannot be told at the moment; try again in a minute")
            }
            (Self::Reboot, State::Stopped) => Err("the instance is stopped; start it instead"),
            (Self::Reboot | Self::Resize, State::Paused) => {
                Err("the instance is paused; start it to let it go on, or stop it")
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: Wish =
        Wish { goal: Goal::Running, gentle_until: None, restart: false, address: false, refit: false };

    fn course(born: bool, seen: Seen) -> Course {
        Course { wish: RUN, born, seen, task: Task::None, attempts: 0 }
    }

    fn present(owner: Owner, power: Power) -> Seen {
        Seen::Present(Guest { owner, power, locked: false, fitted: true, grown: true, addressed: true })
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

    #[test]
    fn verbs_are_refused_where_they_make_no_sense_and_deleting_always_works() {
        for &state in State::ALL {
            for &verb in Verb::ALL {
                let lost = matches!(state, State::Failed | State::Missing);
                let idle = matches!(state, State::Stopped | State::Paused);
                let unsure = matches!(state, State::Paused | State::Unknown);
                let expected = state != State::Deleted
                    && (verb == Verb::Delete
                        || !(lost || verb == Verb::Reboot && idle || verb == Verb::Resize && unsure));
                assert_eq!(verb.check(state).is_ok(), expected, "{verb} when {state}");
            }
        }
    }
}
