//! Snapshots: states of an instance that were kept under a name.

use serde::{Deserialize, Serialize};

use crate::ids::InstanceId;
use crate::names::SnapshotName;
use crate::time::Timestamp;

/// The most snapshots that an instance keeps: each makes every write slower on most storages.
pub const MOST: usize = 10;

/// A state of an instance that was kept under a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Of which instance.
    pub instance_id: InstanceId,
    /// Its name, unique in the instance.
    pub name: SnapshotName,
    /// What people say of it.
    pub description: String,
    /// Whether it holds what was in memory, too.
    pub memory: bool,
    /// The one that it was made after, if any.
    pub parent: Option<String>,
    /// When it was made.
    pub made_at: Option<Timestamp>,
}
