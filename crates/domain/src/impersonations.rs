//! An administrator looks at the house through a user's eyes: for a reason, for a short while, and seen by both.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{SessionId, UserId};
use crate::names::Reason;
use crate::time::Timestamp;

/// A session of an administrator who acts for a user. The token itself is kept nowhere: only its hash is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Impersonation {
    /// Identity, safe to show.
    pub id: SessionId,
    /// For whom they act.
    pub user_id: UserId,
    /// The administrator.
    pub by: UserId,
    /// Why.
    pub reason: Reason,
    /// Since when.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// How long it lasts.
pub const LIFETIME: Duration = Duration::from_mins(30);

/// What every token of such a session begins with.
pub const PREFIX: &str = "ink_imp_";
