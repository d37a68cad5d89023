//! Instances: guests that we own for somebody. What is wanted of one, what was seen of it, and the state that people
//! are shown.

mod actions;
mod course;
mod errand;
mod plan;
mod settings;
mod state;

use serde::{Deserialize, Serialize};

pub use actions::{Action, Bar, bar, restriction_bar, state_bar};
pub use course::Course;
pub use errand::{BackupMode, Errand};
pub use plan::{Refusal, Step, plan};
pub use settings::Settings;
pub use state::{State, state};

use crate::ids::{ClusterId, HostId, InstanceId, OperationId, PlanId, ProjectId, TemplateId};
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
        /// There, and held in memory.
        Paused = "paused",
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
    /// Its size or settings have changed: all is to be brought to what is asked, though it was complete once.
    pub refit: bool,
    /// What is to be done to it once, on the way; [`Act::Create`] means making it anew.
    pub once: Option<Act>,
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
    /// Cores, memory, name, tags, network and the like are as asked.
    pub fitted: bool,
    /// The disks are at least as large as asked.
    pub grown: bool,
    /// The firewall is as asked.
    #[serde(default = "yes")]
    pub guarded: bool,
    /// It reports an address.
    pub addressed: bool,
}

/// Rows of earlier releases say nothing of firewalls, and ask for none.
fn yes() -> bool {
    true
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
        /// Set cores, memory, name, tags, keys, network, disks.
        Configure = "configure",
        /// Grow its disks.
        Grow = "grow",
        /// Set its firewall.
        Guard = "guard",
        /// Start it.
        Start = "start",
        /// Ask it to stop.
        Shutdown = "shutdown",
        /// Cut it off.
        Stop = "stop",
        /// Let a paused one go on.
        Resume = "resume",
        /// Hold it in memory.
        Pause = "pause",
        /// Ask it to stop and start again.
        Reboot = "reboot",
        /// Keep its present state under a name.
        Snapshot = "snapshot",
        /// Bring it back to a snapshot.
        Rollback = "rollback",
        /// Remove a snapshot.
        DropSnapshot = "drop_snapshot",
        /// Save it.
        BackUp = "back_up",
        /// Put a backup in its place.
        Restore = "restore",
        /// Move it to another node.
        Migrate = "migrate",
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
    /// What Proxmox makes it from.
    pub origin: Origin,
    /// Wish, observation and the task under way.
    pub course: Course,
    /// The task's UPID.
    pub upid: Option<String>,
    /// The operation that has not ended.
    pub operation: Option<(OperationId, Verb)>,
    /// Its address, as last reported.
    pub address: Option<String>,
    /// The host that it waits for to be awake, if it does.
    pub awaits: Option<HostId>,
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
    /// What is wanted of it besides its size.
    pub settings: Settings,
    /// Settings that it has taken, but uses only from its next start.
    pub pending: Vec<String>,
    /// It may not be removed or made anew.
    pub protected: bool,
    /// It is in the trash, and is removed at this time.
    pub trashed_until: Option<Timestamp>,
    /// The number of the claim that may write; grows with each claim.
    pub fence: i64,
}

impl Instance {
    /// The name that its guest should have in Proxmox; none where any will do.
    pub fn guest_name(&self) -> Option<&str> {
        match &self.origin {
            // It keeps its own until it is given another by us.
            Origin::Adopted { own_name, our_name } if *our_name == self.name => own_name.as_deref(),
            _ => Some(self.name.as_str()),
        }
    }

    /// The state that people are shown.
    pub fn state(&self) -> State {
        state(&self.course, self.operation.map(|(_, verb)| verb), self.deleted_at.is_some())
    }
}
