//! Projects own instances; people are members of projects.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{InvitationId, ProjectId, UserId};
use crate::names::{Email, Title};
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
        /// The time of its lease is over.
        LeaseExpired = "lease_expired",
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
                "the credits of the project are used up; top it up, and what ran before runs again"
            }
            Self::LeaseExpired => "the time of its lease is over; renew the lease, and it runs again",
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

/// Somebody who belongs to a project, as its members see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Who.
    pub user_id: UserId,
    /// How they are called.
    pub name: Title,
    /// How they are reached.
    pub email: Email,
    /// What they may do.
    pub membership: Membership,
}

/// An invitation into a project, open until it is answered, taken back, or over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// Identity.
    pub id: InvitationId,
    /// Into which project.
    pub project_id: ProjectId,
    /// Whom: whoever has this address, now or later.
    pub email: Email,
    /// What they may do then.
    pub membership: Membership,
    /// Who invited them; none when that user is gone, or it was the house.
    pub invited_by: Option<UserId>,
    /// When.
    pub created_at: Timestamp,
    /// When it is over.
    pub expires_at: Timestamp,
}

/// How long an invitation stays open.
pub const INVITATION_LIFETIME: Duration = Duration::from_hours(24 * 7);

/// Why a change of who belongs to a project is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadChange {
    /// Nobody could decide about the project any more.
    #[error("a project keeps at least one owner; make somebody else an owner first")]
    LastOwner,
    /// Somebody's own project without them would be nobody's.
    #[error("this is their own project; it stays with them")]
    Personal,
}

/// Checks a change of one member: to another membership, or to none. `owners` are those before the change.
pub fn check_change(
    project: &Project,
    owners: &[UserId],
    member: UserId,
    to: Option<Membership>,
) -> Result<(), BadChange> {
    if to == Some(Membership::Owner) {
        return Ok(());
    }
    if project.personal_of == Some(member) {
        return Err(BadChange::Personal);
    }
    if owners == [member] { Err(BadChange::LastOwner) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_keeps_an_owner_and_a_personal_one_its_person() {
        let (ada, bob) = (UserId::new(), UserId::new());
        let team = Project {
            id: ProjectId::new(),
            name: "Team".parse().unwrap(),
            personal_of: None,
            created_at: Timestamp(0),
        };
        let own = Project { personal_of: Some(ada), ..team.clone() };
        for to in [None, Some(Membership::Viewer), Some(Membership::Member)] {
            assert_eq!(check_change(&team, &[ada], ada, to), Err(BadChange::LastOwner));
            assert_eq!(check_change(&team, &[ada, bob], ada, to), Ok(()));
            assert_eq!(check_change(&team, &[ada], bob, to), Ok(()));
            assert_eq!(check_change(&own, &[ada, bob], ada, to), Err(BadChange::Personal));
            assert_eq!(check_change(&own, &[ada, bob], bob, to), Ok(()));
        }
        assert_eq!(check_change(&own, &[ada], ada, Some(Membership::Owner)), Ok(()));
    }
}
