//! What happened, in the order in which it was committed: the source of live screens.

use serde::{Deserialize, Serialize};

use crate::ids::ProjectId;
use crate::time::Timestamp;

words! {
    /// What an event is about.
    pub enum Subject {
        /// An instance changed.
        Instance = "instance",
        /// An operation took a step or ended.
        Operation = "operation",
        /// A cluster changed.
        Cluster = "cluster",
        /// Something about a project's credits changed.
        Project = "project",
        /// A lease changed, or an order of one.
        Lease = "lease",
        /// A host changed, or what needs it.
        Host = "host",
        /// A service changed, or a restart of it.
        Service = "service",
        /// Something that everybody is told changed.
        Announcement = "announcement",
    }
}

impl Subject {
    /// Those that happen to projects; the others are the house's own.
    pub const OF_PROJECTS: [Self; 5] =
        [Self::Instance, Self::Operation, Self::Project, Self::Lease, Self::Service];
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Grows with every event.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// Whose it is; none for what only staff may see, and for what is told to everybody.
    pub project_id: Option<ProjectId>,
    /// About what.
    pub subject: Subject,
    /// The id of the thing, with its prefix.
    pub subject_id: String,
    /// What is now true of it, in a word: a state or the name of a step.
    pub what: String,
}
