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

words! {
    /// Why nothing of a project may run.
    pub enum Restriction {
        /// The money has run out.
        BillingHold = "billing_hold",
        /// All of its owners are suspended.
        Suspended = "suspended",
        /// All of its owners are banned.
        Banned = "banned",
    }
}

impl Restriction {
    /// For people: what stands in the way, and what to do about it.
    pub fn message(self) -> &'static str {
        match self {
            Self::BillingHold => {
                "the project has run out of money; top it up, and what ran before runs again"
            }
            Self::Suspended => "the project's owner is suspended; ask an administrator",
            Self::Banned => "the project's owner is banned; ask an administrator",
        }
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
