//! What can be asked of an instance besides a power state, a size or settings: things that are done once, each with
//! what belongs to it.

use serde::{Deserialize, Serialize};

use super::Act;
use crate::ids::{BackupId, ClusterId};
use crate::names::{NodeName, SnapshotName, StorageName};
use crate::templates::Origin;

words! {
    /// What happens to a running guest while it is saved.
    pub enum BackupMode {
        /// It goes on.
        Snapshot = "snapshot",
        /// It is held for a moment.
        Suspend = "suspend",
        /// It is stopped, and started again.
        Stop = "stop",
    }
}

/// One thing to be done once to an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "errand", rename_all = "snake_case")]
pub enum Errand {
    /// Keep its present state under a name.
    Snapshot {
        /// The name, unused so far.
        name: SnapshotName,
        /// What people say of it.
        description: String,
        /// What is in its memory, too.
        memory: bool,
    },
    /// Bring it back to a snapshot; what came after is lost.
    Rollback {
        /// Which one.
        name: SnapshotName,
    },
    /// Remove a snapshot.
    DropSnapshot {
        /// Which one.
        name: SnapshotName,
    },
    /// Save it.
    BackUp {
        /// The row that tells of it.
        backup_id: BackupId,
        /// Where to.
        storage: StorageName,
        /// What happens to it meanwhile.
        mode: BackupMode,
    },
    /// Put a backup in its place; what came after is lost.
    Restore {
        /// Which one.
        backup_id: BackupId,
        /// What Proxmox calls it.
        volume: String,
    },
    /// Make it anew; all that is on it is lost.
    Rebuild {
        /// From what.
        origin: Origin,
    },
    /// Move it to another node of its cluster.
    Migrate {
        /// The cluster, which stays the same.
        cluster_id: ClusterId,
        /// Where to.
        to: NodeName,
        /// Where its disks go, when not to a storage of the same name.
        storage: Option<StorageName>,
    },
}

impl Errand {
    /// The act that it comes down to.
    pub fn act(&self) -> Act {
        match self {
            Self::Snapshot { .. } => Act::Snapshot,
            Self::Rollback { .. } => Act::Rollback,
            Self::DropSnapshot { .. } => Act::DropSnapshot,
            Self::BackUp { .. } => Act::BackUp,
            Self::Restore { .. } => Act::Restore,
            Self::Rebuild { .. } => Act::Create,
            Self::Migrate { .. } => Act::Migrate,
        }
    }
}
