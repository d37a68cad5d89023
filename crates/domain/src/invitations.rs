//! Invitations into the house: whoever holds the link of one may register, once.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{HouseInvitationId, UserId};
use crate::names::Email;
use crate::time::Timestamp;
use crate::users::Role;

words! {
    /// Who may register.
    pub enum Registration as "RegistrationRule" {
        /// Nobody: administrators make users.
        Closed = "closed",
        /// Whoever was invited.
        Invitation = "invitation",
        /// Everybody.
        Open = "open",
    }
}

/// An invitation. Its token is kept nowhere: only its hash is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HouseInvitation {
    /// Identity.
    pub id: HouseInvitationId,
    /// The address that it is for; none when whoever holds the link may register with any.
    pub email: Option<Email>,
    /// What they will be.
    pub role: Role,
    /// Who invited; none when it was the house (command line).
    pub invited_by: Option<UserId>,
    /// When.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When somebody registered with it.
    pub used_at: Option<Timestamp>,
    /// Who that was.
    pub used_by: Option<UserId>,
}

/// How long an invitation is good for.
pub const LIFETIME: Duration = Duration::from_hours(24 * 7);
