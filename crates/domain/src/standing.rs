//! What is decided against a user, and what follows for the projects that they own.
//!
//! A ban may have an end. Whether it is over is asked whenever it matters; nothing has to happen for it to end.

use serde::{Deserialize, Serialize};

use crate::names::Reason;
use crate::projects::Restriction;
use crate::time::Timestamp;
use crate::users::Standing;

/// A suspension: they look, pay and leave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Suspension {
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub reason: Reason,
}

/// A ban: they do not get in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Ban {
    /// Since when. Sessions from before have ended for good.
    pub since: Timestamp,
    /// Until when; none means for good.
    pub until: Option<Timestamp>,
    /// Why.
    pub reason: Reason,
}

impl Ban {
    /// Whether it still holds.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// For people: what it is, until when and why.
    pub fn message(&self) -> String {
        match self.until {
            Some(until) => format!("your account is banned until {until}: {}", self.reason),
            None => format!("your account is banned: {}", self.reason),
        }
    }
}

/// What has been decided against a user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measures {
    /// Suspended, if so.
    pub suspension: Option<Suspension>,
    /// Banned, if so; perhaps over by now.
    pub ban: Option<Ban>,
}

impl Measures {
    /// The ban that holds now.
    pub fn ban_now(&self, now: Timestamp) -> Option<&Ban> {
        self.ban.as_ref().filter(|ban| ban.holds(now))
    }

    /// The worst of what holds now.
    pub fn standing(&self, now: Timestamp) -> Standing {
        match (self.ban_now(now), &self.suspension) {
            (Some(_), _) => Standing::Banned,
            (None, Some(_)) => Standing::Suspended,
            (None, None) => Standing::Good,
        }
    }

    /// Without what is over.
    #[must_use]
    pub fn as_of(mut self, now: Timestamp) -> Self {
        self.ban = self.ban.filter(|ban| ban.holds(now));
        self
    }
}

/// What follows for a project from how its owners stand: it is restricted while there is none in good standing, and as
/// the mildest of them is.
pub fn restriction(owners: impl IntoIterator<Item = Standing>) -> Option<Restriction> {
    match owners.into_iter().min()? {
        Standing::Good | Standing::Unverified => None,
        Standing::Suspended => Some(Restriction::Suspended),
        Standing::Banned => Some(Restriction::Banned),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000_000);

    fn ban(until: Option<Timestamp>) -> Measures {
        let ban = Ban { since: NOW, until, reason: "spam".parse().unwrap() };
        Measures { ban: Some(ban), suspension: None }
    }

    #[test]
    fn a_ban_ends_at_its_moment_and_uncovers_what_was_below() {
        let until = NOW.after(Duration::from_hours(1));
        let mut measures = ban(Some(until));
        assert_eq!(measures.standing(Timestamp(until.0 - 1)), Standing::Banned);
        assert_eq!(measures.standing(until), Standing::Good);
        measures.suspension = Some(Suspension { since: NOW, reason: "debt".parse().unwrap() });
        assert_eq!(measures.standing(NOW), Standing::Banned);
        assert_eq!(measures.standing(until), Standing::Suspended);
        assert_eq!(measures.clone().as_of(until).ban, None);
        assert_eq!(ban(None).standing(Timestamp(i64::MAX)), Standing::Banned);
        assert_eq!(Measures::default().standing(NOW), Standing::Good);
    }

    #[test]
    fn the_best_owner_decides_for_the_project() {
        use Standing::{Banned, Good, Suspended, Unverified};
        assert_eq!(restriction([Banned, Good]), None);
        assert_eq!(restriction([Suspended, Unverified]), None);
        assert_eq!(restriction([Banned, Suspended]), Some(Restriction::Suspended));
        assert_eq!(restriction([Banned, Banned]), Some(Restriction::Banned));
        assert_eq!(restriction([]), None);
    }
}
