//! Shares: an instance that another project may see or use.

use serde::{Deserialize, Serialize};

use crate::ids::{InstanceId, ProjectId};
use crate::operations::Verb;
use crate::time::Timestamp;

words! {
    /// What another project may do with an instance.
    pub enum Right as "ShareRight" {
        /// Look at it.
        See = "see",
        /// Start and stop it, and work in it.
        Use = "use",
    }
}

/// An instance that another project may see or use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Which one.
    pub instance_id: InstanceId,
    /// With whom.
    pub project_id: ProjectId,
    /// What they may do.
    pub right: Right,
    /// Since when.
    pub created_at: Timestamp,
}

/// Whether a verb is part of using an instance as it is. What costs more, loses or moves something is not.
pub fn usable(verb: Verb) -> bool {
    matches!(verb, Verb::Start | Verb::Shutdown | Verb::Stop | Verb::Reboot | Verb::Pause | Verb::Resume)
}
