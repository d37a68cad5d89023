//! Keys: what programs use in place of a session. A key never has more than its user has at the moment of use, and
//! only what its scopes and its project leave of that.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::access::Scope;
use crate::addresses::AddressRange;
use crate::ids::{KeyId, ProjectId, UserId};
use crate::names::Title;
use crate::time::Timestamp;

/// A key. The token itself is kept nowhere: only its hash is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Identity, safe to show.
    pub id: KeyId,
    /// Whose it is.
    pub user_id: UserId,
    /// What it is for.
    pub name: Title,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// The only project that it is good for; none means all that its user may see.
    pub project_id: Option<ProjectId>,
    /// From where it may be used; empty means from anywhere.
    pub ranges: Vec<AddressRange>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself; none means never.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

impl Key {
    /// Whether it may be used from there. An address that is not known lies in no range.
    pub fn is_good_from(&self, address: Option<IpAddr>) -> bool {
        let within = |address| self.ranges.iter().any(|range| range.contains(address));
        self.ranges.is_empty() || address.is_some_and(within)
    }

    /// Whether this use is worth writing down.
    pub fn is_noted(&self, now: Timestamp) -> bool {
        self.last_used_at.is_none_or(|last| now.since(last) >= NOTED_EVERY)
    }
}

/// What every key begins with; tokens of sessions begin otherwise.
pub const PREFIX: &str = "ink_key_";

/// How often the use of a key is written down at most.
pub const NOTED_EVERY: Duration = Duration::from_mins(1);

/// The most keys that a user has.
pub const MOST_KEYS: i64 = 50;

/// The most ranges that a key has.
pub const MOST_RANGES: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_with_ranges_is_good_from_there_only() {
        let key = Key {
            id: KeyId::new(),
            user_id: UserId::new(),
            name: "ci".parse().unwrap(),
            scopes: vec![Scope::Read],
            project_id: None,
            ranges: Vec::new(),
            created_at: Timestamp(0),
            expires_at: None,
            last_used_at: None,
        };
        let at = |text: &str| Some(text.parse().unwrap());
        assert!(key.is_good_from(None) && key.is_good_from(at("::1")));
        let ranges = ["192.0.2.0/24", "2001:db8::/32"].map(|text| text.parse().unwrap()).to_vec();
        let key = Key { ranges, ..key };
        assert!(key.is_good_from(at("192.0.2.9")) && key.is_good_from(at("2001:db8::1")));
        assert!(!key.is_good_from(at("192.0.3.9")) && !key.is_good_from(None));
        assert!(key.is_noted(Timestamp(0)));
        let key = Key { last_used_at: Some(Timestamp(0)), ..key };
        assert!(!key.is_noted(Timestamp(59_999_999)) && key.is_noted(Timestamp(60_000_000)));
    }
}
