//! What can be done with an instance now, and why not: one table for the API, the command line and the screens.

use super::{Goal, Instance, Kind, State};
use crate::operations::Verb;
use crate::projects::Restriction;

words! {
    /// Something that can be done with an instance.
    pub enum Action as "InstanceAction" {
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
        /// Give it another size.
        Resize = "resize",
        /// Change its name, tags, network and the like.
        Update = "update",
        /// Make it anew.
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
        /// Make another one like it.
        Duplicate = "duplicate",
        /// Put a disc into its drive, or take it out.
        Disc = "disc",
        /// Start it from a rescue disc, or from its own disk again.
        Rescue = "rescue",
        /// Run a command in it.
        Command = "command",
        /// Type into it.
        TextConsole = "text_console",
        /// Look at its screen.
        GraphicsConsole = "graphics_console",
        /// Move it to another host; for staff.
        Migrate = "migrate",
        /// Put it into the trash.
        Trash = "trash",
        /// Take it out of the trash.
        Recover = "recover",
        /// Keep it from being removed.
        Protect = "protect",
        /// Remove it for good.
        Delete = "delete",
    }
}

/// Why something cannot be done now: a stable code for programs, a sentence for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Stable, snake_case.
    pub code: &'static str,
    /// Why, and what to do about it.
    pub reason: &'static str,
}

impl Verb {
    /// The action that a person takes by this verb; a new instance is not an action on one.
    pub fn action(self) -> Option<Action> {
        Some(match self {
            Self::Create => return None,
            Self::Start => Action::Start,
            Self::Shutdown => Action::Shutdown,
            Self::Stop => Action::Stop,
            Self::Reboot => Action::Reboot,
            Self::Pause => Action::Pause,
            Self::Resume => Action::Resume,
            Self::Resize => Action::Resize,
            Self::Update => Action::Update,
            Self::Rebuild => Action::Rebuild,
            Self::Snapshot => Action::Snapshot,
            Self::Rollback => Action::Rollback,
            Self::DropSnapshot => Action::DropSnapshot,
            Self::BackUp => Action::BackUp,
            Self::Restore => Action::Restore,
            Self::Migrate => Action::Migrate,
            Self::Trash => Action::Trash,
            Self::Delete => Action::Delete,
        })
    }
}

impl Action {
    /// Whether it lets an instance run, grow or be used, so that a restriction of its project stands in its way.
    /// Stopping, keeping and removing never do.
    pub fn is_bound(self) -> bool {
        match self {
            Self::Start
            | Self::Reboot
            | Self::Resume
            | Self::Resize
            | Self::Update
            | Self::Rebuild
            | Self::Snapshot
            | Self::Rollback
            | Self::BackUp
            | Self::Restore
            | Self::Duplicate
            | Self::Disc
            | Self::Rescue
            | Self::Command
            | Self::TextConsole
            | Self::GraphicsConsole => true,
            Self::Shutdown
            | Self::Stop
            | Self::Pause
            | Self::DropSnapshot
            | Self::Migrate
            | Self::Trash
            | Self::Recover
            | Self::Protect
            | Self::Delete => false,
        }
    }
}

/// Why this cannot be done while something stands against the project, whatever the instance is like.
pub fn restriction_bar(action: Action, restriction: Option<Restriction>) -> Option<Bar> {
    let restriction = restriction.filter(|_| action.is_bound())?;
    Some(Bar { code: restriction.as_str(), reason: restriction.message() })
}

/// A bar, as the tables below say it.
#[allow(clippy::unnecessary_wraps)]
const fn no(code: &'static str, reason: &'static str) -> Option<Bar> {
    Some(Bar { code, reason })
}

/// Why this cannot be done with the instance as it is; none when it can. An operation under way is no bar here: some
/// verbs take its place, and others are told to wait for it by name.
pub fn bar(action: Action, instance: &Instance) -> Option<Bar> {
    let state = instance.state();
    if state == State::Deleted {
        return no("deleted", "the instance is deleted");
    }
    kind_bar(action, instance.kind)
        .or_else(|| keeping_bar(action, instance))
        .or_else(|| state_bar(action, state, instance.course.wish.goal))
}

fn kind_bar(action: Action, kind: Kind) -> Option<Bar> {
    match (action, kind) {
        (Action::Pause | Action::Resume, Kind::Lxc) => {
            no("not_for_containers", "containers cannot be held in memory; shut it down instead")
        }
        (Action::Disc | Action::Rescue, Kind::Lxc) => no(
            "not_for_containers",
            "containers start from no disc: they share the system of their host; restore a backup or rebuild it instead",
        ),
        _ => None,
    }
}

/// Protection, and the trash.
#[allow(clippy::match_same_arms)] // a table: the order tells more than shortness
fn keeping_bar(action: Action, instance: &Instance) -> Option<Bar> {
    let trashed = instance.trashed_until.is_some();
    match action {
        Action::Delete | Action::Trash | Action::Rebuild if instance.protected => {
            no("protected", "the instance is protected; take the protection off first")
        }
        Action::Trash if trashed => no("trashed", "the instance is in the trash already"),
        Action::Recover if !trashed => no("not_trashed", "the instance is not in the trash"),
        Action::Delete | Action::Recover | Action::Stop | Action::Shutdown => None,
        _ if trashed => no("trashed", "the instance is in the trash; take it out first"),
        _ => None,
    }
}

/// What its state alone says against it. `goal` is what is wanted of it at present.
#[allow(clippy::match_same_arms)] // the same
pub fn state_bar(action: Action, state: State, goal: Goal) -> Option<Bar> {
    use Action as A;
    match (action, state) {
        (A::Delete | A::Recover | A::Protect, _) => None,
        // One that could not be made anew is still paid for; one that could not be made at all is not.
        (A::Rebuild, State::Failed) if goal != Goal::Absent => None,
        (_, State::Failed) if goal != Goal::Absent => {
            no("failed", "the instance could not be made anew; rebuild it again, or delete it")
        }
        (_, State::Failed) => no("failed", "the instance could not be made; delete it and ask for another"),
        (A::Rebuild | A::Restore, State::Missing) => None,
        (A::Trash, State::Missing) => {
            no("missing", "the guest is missing; delete the instance at once instead")
        }
        (_, State::Missing) => no(
            "missing",
            "the guest is missing; restore a backup, rebuild it, ask an operator, or delete the instance",
        ),
        (A::Start | A::Shutdown | A::Stop | A::Reboot | A::Trash, State::Unknown) => None,
        (_, State::Unknown) => {
            no("unknown", "how the instance is cannot be told at the moment; try again in a minute")
        }
        (A::Reboot, State::Stopped) => no("stopped", "the instance is stopped; start it instead"),
        (A::Pause | A::Command | A::TextConsole | A::GraphicsConsole, State::Stopped) => {
            no("stopped", "the instance is stopped; start it first")
        }
        (A::Resume, State::Stopped | State::Running) => no("not_paused", "the instance is not paused"),
        (A::Pause, State::Paused) => no("paused", "the instance is paused already"),
        (
            A::Reboot | A::Resize | A::Update | A::Disc | A::Rescue | A::Migrate | A::Command,
            State::Paused,
        ) => no("paused", "the instance is paused; let it go on, or stop it"),
        _ => None,
    }
}
