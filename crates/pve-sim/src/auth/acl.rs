//! The access control list: from entries, groups, tokens and pools to the privileges a caller holds on a path.

use std::collections::{BTreeMap, BTreeSet};

use super::{Access, Caller};

/// Whom an entry is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    User,
    Group,
    Token,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Token => "token",
        }
    }
}

/// One role given to one subject on one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) path: String,
    pub(crate) kind: Kind,
    pub(crate) subject: String,
    pub(crate) role: String,
    pub(crate) propagate: bool,
}

/// Privilege to "propagates".
pub(crate) type Privileges = BTreeMap<String, bool>;

type Roles = BTreeMap<String, bool>;

impl Access {
    /// What the caller may do on `path`; `pool` is the pool the guest or storage there belongs to.
    pub(crate) fn privileges(&self, caller: &Caller, path: &str, pool: Option<&str>) -> Privileges {
        let of_user = self.user_privileges(&caller.user, path, pool);
        let Some(token) = &caller.token else { return of_user };
        let privsep =
            self.users.get(&caller.user).and_then(|u| u.tokens.get(token)).is_none_or(|t| t.privsep);
        if !privsep {
            return of_user;
        }
        let subject = caller.authid();
        let of_token = self.expand(&with_pool(|p| self.roles_at(p, Kind::Token, &subject, &[]), path, pool));
        of_user
            .into_iter()
            .filter_map(|(name, propagate)| of_token.get(&name).map(|other| (name, propagate && *other)))
            .collect()
    }

    /// Whether the caller holds one of the privileges, without listing what else it holds.
    pub(crate) fn holds_any(&self, caller: &Caller, path: &str, pool: Option<&str>, any_of: &[&str]) -> bool {
        let of_user = |privilege: &str| {
            caller.user == "root@pam" || self.grants(&self.user_roles(&caller.user, path, pool), privilege)
        };
        let Some(token) = &caller.token else { return any_of.iter().any(|p| of_user(p)) };
        let privsep =
            self.users.get(&caller.user).and_then(|u| u.tokens.get(token)).is_none_or(|t| t.privsep);
        if !privsep {
            return any_of.iter().any(|p| of_user(p));
        }
        let subject = caller.authid();
        let of_token = with_pool(|p| self.roles_at(p, Kind::Token, &subject, &[]), path, pool);
        any_of.iter().any(|p| self.grants(&of_token, p) && of_user(p))
    }

    fn grants(&self, roles: &Roles, privilege: &str) -> bool {
        !roles.contains_key("NoAccess")
            && roles.keys().filter_map(|r| self.roles.get(r)).any(|r| r.contains(privilege))
    }

    fn user_roles(&self, user: &str, path: &str, pool: Option<&str>) -> Roles {
        let groups: Vec<&str> =
            self.groups.iter().filter(|(_, g)| g.members.contains(user)).map(|(n, _)| n.as_str()).collect();
        with_pool(|p| self.roles_at(p, Kind::User, user, &groups), path, pool)
    }

    fn user_privileges(&self, user: &str, path: &str, pool: Option<&str>) -> Privileges {
        if user == "root@pam" {
            return self.roles["Administrator"].iter().map(|p| (p.clone(), true)).collect();
        }
        self.expand(&self.user_roles(user, path, pool))
    }

    /// The roles on a path: the deepest level that says anything, a user's own entries before its groups'.
    fn roles_at(&self, path: &str, kind: Kind, subject: &str, groups: &[&str]) -> Roles {
        let mut found = Roles::new();
        for level in levels(path) {
            let here = |kind: Kind, who: &dyn Fn(&str) -> bool| -> Roles {
                let entries = self.acl.iter().filter(|e| {
                    e.path == level && e.kind == kind && who(&e.subject) && (e.propagate || level == path)
                });
                entries.map(|e| (e.role.clone(), e.propagate)).collect()
            };
            let own = here(kind, &|s| s == subject);
            let level_roles = if own.is_empty() { here(Kind::Group, &|s| groups.contains(&s)) } else { own };
            if !level_roles.is_empty() {
                found = level_roles;
            }
        }
        if found.contains_key("NoAccess") {
            found.retain(|role, _| role == "NoAccess");
        }
        found
    }

    fn expand(&self, roles: &Roles) -> Privileges {
        let mut privileges = Privileges::new();
        if roles.contains_key("NoAccess") {
            return privileges;
        }
        for (role, propagate) in roles {
            for privilege in self.roles.get(role).into_iter().flatten() {
                *privileges.entry(privilege.clone()).or_insert(false) |= *propagate;
            }
        }
        privileges
    }

    /// Every path an entry names.
    pub(crate) fn acl_paths(&self) -> BTreeSet<String> {
        self.acl.iter().map(|e| e.path.clone()).collect()
    }
}

/// Adds a pool's roles, not propagating; `NoAccess` on the path itself stands.
fn with_pool(roles_at: impl Fn(&str) -> Roles, path: &str, pool: Option<&str>) -> Roles {
    let mut direct = roles_at(path);
    if let Some(pool) = pool
        && !direct.contains_key("NoAccess")
    {
        for role in roles_at(&format!("/pool/{pool}")).into_keys() {
            direct.entry(role).or_insert(false);
        }
    }
    direct
}

/// `/`, `/a`, `/a/b` for `/a/b`.
fn levels(path: &str) -> Vec<String> {
    let mut levels = vec!["/".to_owned()];
    let mut so_far = String::new();
    for part in path.split('/').filter(|p| !p.is_empty()) {
        so_far = format!("{so_far}/{part}");
        levels.push(so_far.clone());
    }
    levels
}

/// Whether Proxmox accepts the path in an ACL.
pub(crate) fn is_valid_path(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
    match parts.as_slice() {
        [] => path == "/",
        ["access", rest @ ..] => match rest {
            [] | ["groups" | "realm"] => true,
            [kind, _] => matches!(*kind, "groups" | "realm"),
            _ => false,
        },
        ["nodes" | "storage" | "vms"] | ["nodes" | "storage", _] => true,
        ["vms", id] => id.len() >= 3 && id.bytes().all(|b| b.is_ascii_digit()),
        ["pool", rest @ ..] => rest.len() <= 3,
        ["sdn", rest @ ..] => rest.len() <= 4,
        ["mapping", rest @ ..] => rest.len() <= 2,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Token, User};
    use super::*;

    fn access() -> Access {
        let mut access = Access::new([0; 32], crate::Profile::V9_2);
        let token = Token { secret: String::new(), privsep: true, expire: 0, comment: None };
        let alice = User { enable: true, tokens: BTreeMap::from([("t1".into(), token)]), ..User::default() };
        access.users.insert("alice@pve".into(), alice);
        access
    }

    fn give(access: &mut Access, path: &str, kind: Kind, subject: &str, role: &str) {
        access.acl.push(Entry {
            path: path.into(),
            kind,
            subject: subject.into(),
            role: role.into(),
            propagate: true,
        });
    }

    fn alice(token: Option<&str>) -> Caller {
        Caller { user: "alice@pve".into(), token: token.map(str::to_owned) }
    }

    #[test]
    fn a_separated_token_has_only_what_both_have() {
        let mut access = access();
        give(&mut access, "/pool/p", Kind::User, "alice@pve", "PVEVMUser");
        assert!(access.privileges(&alice(Some("t1")), "/vms/100", Some("p")).is_empty());
        give(&mut access, "/pool/p", Kind::Token, "alice@pve!t1", "PVEVMAdmin");
        let got = access.privileges(&alice(Some("t1")), "/vms/100", Some("p"));
        assert!(got.contains_key("VM.PowerMgmt") && !got.contains_key("VM.Allocate"));
        assert!(got.values().all(|propagates| !propagates));
    }

    #[test]
    fn deeper_entries_replace_and_no_access_wins() {
        let mut access = access();
        give(&mut access, "/", Kind::User, "alice@pve", "PVEAuditor");
        give(&mut access, "/vms/100", Kind::User, "alice@pve", "NoAccess");
        give(&mut access, "/pool/p", Kind::User, "alice@pve", "PVEVMAdmin");
        assert!(access.privileges(&alice(None), "/vms/100", Some("p")).is_empty());
        assert!(access.privileges(&alice(None), "/vms/101", None).contains_key("VM.Audit"));
    }

    #[test]
    fn only_known_paths_are_accepted() {
        for path in ["/", "/vms/100", "/pool/a/b", "/sdn/zones/localnetwork/vmbr0", "/storage"] {
            assert!(is_valid_path(path), "{path}");
        }
        for path in ["/nosuch/1", "/vms/x", "/nodes/a/b"] {
            assert!(!is_valid_path(path), "{path}");
        }
    }
}
