//! Accounts at other houses (OpenID Connect) by which our users sign in.

use serde::{Deserialize, Serialize};

use crate::ids::UserId;
use crate::time::Timestamp;

/// An account elsewhere. Its provider and subject name it; the address is only what the provider told last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The name of the provider in the configuration.
    pub provider: String,
    /// Who it is there.
    pub subject: String,
    /// Who it is here.
    pub user_id: UserId,
    /// The address that the provider told last.
    pub email: Option<String>,
    /// When it was linked.
    pub created_at: Timestamp,
    /// When it last signed in.
    pub last_used_at: Timestamp,
}
