//! Who is calling, and what they may do.

pub(crate) mod acl;
pub(crate) mod identify;
pub(crate) mod roles;
pub(crate) mod secrets;
pub(crate) mod tfa;

use std::collections::{BTreeMap, BTreeSet};

use crate::clock::{Micros, SECOND};
use crate::options::Profile;

/// An authenticated caller: a user, perhaps through one of its tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// `user@realm`.
    pub(crate) user: String,
    /// Token id, when the call came with an API token.
    pub(crate) token: Option<String>,
}

impl Caller {
    pub(crate) fn user(user: &str) -> Self {
        Self { user: user.to_owned(), token: None }
    }

    /// `user@realm` or `user@realm!token`, as it stands in a UPID.
    pub(crate) fn authid(&self) -> String {
        match &self.token {
            Some(token) => format!("{}!{token}", self.user),
            None => self.user.clone(),
        }
    }

    /// Whether this is root@pam itself; its tokens are not.
    pub(crate) fn is_root(&self) -> bool {
        self.user == "root@pam" && self.token.is_none()
    }
}

/// Users, groups, roles and rights of one cluster.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) users: BTreeMap<String, User>,
    pub(crate) groups: BTreeMap<String, Group>,
    pub(crate) roles: BTreeMap<String, BTreeSet<String>>,
    /// Roles that cannot be changed.
    pub(crate) special: BTreeSet<String>,
    pub(crate) acl: Vec<acl::Entry>,
    pub(crate) realms: BTreeMap<String, String>,
    /// Key of all signatures; changing it ends every ticket.
    pub(crate) key: [u8; 32],
}

/// A user.
#[derive(Clone, Debug, Default)]
pub(crate) struct User {
    pub(crate) password: Option<String>,
    pub(crate) enable: bool,
    /// UNIX seconds; 0 never.
    pub(crate) expire: u64,
    pub(crate) comment: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) firstname: Option<String>,
    pub(crate) lastname: Option<String>,
    pub(crate) tokens: BTreeMap<String, Token>,
    pub(crate) factors: Vec<tfa::Factor>,
}

/// An API token.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) secret: String,
    pub(crate) privsep: bool,
    /// UNIX seconds; 0 never.
    pub(crate) expire: u64,
    pub(crate) comment: Option<String>,
}

/// A group of users.
#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    pub(crate) comment: Option<String>,
    pub(crate) members: BTreeSet<String>,
}

impl Access {
    /// root@pam, the realms pam and pve, and the predefined roles.
    pub(crate) fn new(key: [u8; 32], profile: Profile) -> Self {
        let roles = roles::predefined(profile);
        let root = User { enable: true, password: Some("root".into()), ..User::default() };
        Self {
            users: BTreeMap::from([("root@pam".to_owned(), root)]),
            groups: BTreeMap::new(),
            special: roles.keys().cloned().collect(),
            roles,
            acl: Vec::new(),
            realms: BTreeMap::from([("pam".into(), "pam".into()), ("pve".into(), "pve".into())]),
            key,
        }
    }

    /// The user, if it exists, is enabled and has not expired.
    pub(crate) fn active(&self, name: &str, now: Micros) -> Option<&User> {
        self.users.get(name).filter(|u| u.enable && !has_expired(u.expire, now))
    }
}

/// Whether an `expire` of UNIX seconds (0: never) has passed.
pub(crate) fn has_expired(expire: u64, now: Micros) -> bool {
    expire != 0 && expire.saturating_mul(SECOND) <= now
}
