//! Projects own instances; people are members of projects.

use serde::{Deserialize, Serialize};

use crate::ids::{ProjectId, UserId};
use crate::names::Title;
use crate::time::Timestamp;

words! {
    /// What a member may do in a project.
    pub enum Membership {
        /// Looks, and changes nothing.
        Viewer = "viewer",
        /// Makes and changes instances.
        Member = "member",
        /// Also decides who is a member.
        Owner = "owner",
    }
}

/// An owner of instances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// Identity.
    pub id: ProjectId,
    /// As shown.
    pub name: Title,
    /// Set when it is somebody's own project.
    pub personal_of: Option<UserId>,
    /// When it was made.
    pub created_at: Timestamp,
}
