//! People and machines that sign in.

use serde::{Deserialize, Serialize};

use crate::ids::{ProjectId, UserId};
use crate::mails::Language;
use crate::names::{Email, Title};
use crate::standing::Measures;
use crate::time::Timestamp;

words! {
    /// What a user may do across the whole house.
    pub enum Role {
        /// Has projects and what is in them.
        User = "user",
        /// Also looks after clusters, templates and everybody's instances.
        Operator = "operator",
        /// Also looks after users and settings.
        Admin = "admin",
    }
}

words! {
    /// Whether anything stands against a user. The worst comes last.
    pub enum Standing {
        /// Nothing does.
        Good = "good",
        /// Their e-mail address has not been verified yet: they make nothing.
        Unverified = "unverified",
        /// Suspended: they look, pay and leave; their guests are stopped.
        Suspended = "suspended",
        /// Banned: they do not get in; their guests are stopped.
        Banned = "banned",
    }
}

/// A user as everybody may see it: no secrets here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Identity.
    pub id: UserId,
    /// Signs in with it.
    pub email: Email,
    /// How to greet them.
    pub name: Title,
    /// House-wide role.
    pub role: Role,
    /// Their own project, made with them.
    pub personal_project: ProjectId,
    /// When the address was known to be theirs; none while that is not known.
    #[serde(default)]
    pub email_verified_at: Option<Timestamp>,
    /// In which language we write to them.
    #[serde(default)]
    pub language: Language,
    /// What has been decided against them.
    #[serde(default)]
    pub measures: Measures,
    /// When they were made.
    pub created_at: Timestamp,
}

impl User {
    /// Whether anything stands against them right now.
    pub fn standing(&self, now: Timestamp) -> Standing {
        match self.measures.standing(now) {
            Standing::Good if self.email_verified_at.is_none() => Standing::Unverified,
            standing => standing,
        }
    }

    /// The same user without measures that have ended by themselves.
    #[must_use]
    pub fn as_of(mut self, now: Timestamp) -> Self {
        self.measures = self.measures.as_of(now);
        self
    }
}

/// The fewest characters of a password that we accept.
pub const PASSWORD_MIN: usize = 10;

/// The most bytes of a password that we hash: longer ones only cost time.
pub const PASSWORD_MAX: usize = 256;

/// Why a password cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a password needs {PASSWORD_MIN} to {PASSWORD_MAX} characters")]
pub struct BadPassword;

/// Checks the form of a new password.
pub fn check_password(password: &str) -> Result<(), BadPassword> {
    let long_enough = password.chars().count() >= PASSWORD_MIN;
    (long_enough && password.len() <= PASSWORD_MAX).then_some(()).ok_or(BadPassword)
}
