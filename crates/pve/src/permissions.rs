//! What the caller may do, as the server computes it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer};

use crate::call::Call;
use crate::client::Client;
use crate::error::Error;
use crate::lenient::Scalar;
use crate::operations as ops;

/// Effective privileges by access-control path. A privilege listed is granted; whether it also holds below its path is
/// another matter, and is what the server's 0 or 1 says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Permissions {
    paths: BTreeMap<String, BTreeMap<String, bool>>,
}

impl Permissions {
    /// Whether `privilege` holds at `path`, for example `VM.Audit` at `/vms/100`. A path the server lists is complete;
    /// for any other the nearest listed one above it counts, with what propagates from there.
    pub fn has(&self, path: &str, privilege: &str) -> bool {
        let path = if path.len() > 1 { path.trim_end_matches('/') } else { path };
        if let Some(exact) = self.paths.get(path) {
            return exact.contains_key(privilege);
        }
        let mut above = path;
        while let Some((parent, _)) = above.rsplit_once('/') {
            above = parent;
            let listed = if above.is_empty() { "/" } else { above };
            if let Some(inherited) = self.paths.get(listed) {
                return inherited.get(privilege).copied().unwrap_or(false);
            }
        }
        false
    }

    /// The privileges of `wanted` that are missing at `path`.
    pub fn missing<'a>(&self, path: &str, wanted: &[&'a str]) -> Vec<&'a str> {
        wanted.iter().copied().filter(|privilege| !self.has(path, privilege)).collect()
    }

    /// The paths the server lists.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.paths.keys().map(String::as_str)
    }

    /// The privileges listed at exactly this path.
    pub fn at(&self, path: &str) -> BTreeSet<&str> {
        self.paths.get(path).into_iter().flatten().map(|(privilege, _)| privilege.as_str()).collect()
    }

    /// Whether there is nothing: what a token with privilege separation and without rights of its own sees.
    pub fn is_empty(&self) -> bool {
        self.paths.values().all(BTreeMap::is_empty)
    }
}

impl<'de> Deserialize<'de> for Permissions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire: BTreeMap<String, BTreeMap<String, serde_json::Value>> =
            Deserialize::deserialize(deserializer)?;
        let flag = |value: &serde_json::Value| bool::from_scalar(value).unwrap_or(false);
        let paths = wire
            .into_iter()
            .map(|(path, privileges)| {
                (path, privileges.into_iter().map(|(name, v)| (name, flag(&v))).collect())
            })
            .collect();
        Ok(Self { paths })
    }
}

impl Client {
    /// What the caller may do, everywhere it may do anything.
    pub async fn permissions(&self) -> Result<Permissions, Error> {
        self.send(Call::new(&ops::PERMISSIONS)).await
    }

    /// What the caller may do at one path, which need not exist yet.
    pub async fn permissions_at(&self, path: &str) -> Result<Permissions, Error> {
        self.send(Call::new(&ops::PERMISSIONS).param("path", path)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Permissions {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_listed_zero_is_a_grant_that_does_not_propagate() {
        let found = read(r#"{"/vms/101":{"VM.Audit":0},"/pool/t":{"VM.Allocate":"1"}}"#);
        assert!(found.has("/vms/101", "VM.Audit"));
        assert!(!found.has("/vms/101/x", "VM.Audit"));
        assert!(found.has("/pool/t/sub", "VM.Allocate"));
        assert_eq!(found.missing("/vms/101", &["VM.Audit", "VM.Console"]), ["VM.Console"]);
    }

    #[test]
    fn the_nearest_listed_path_decides() {
        let found = read(r#"{"/":{"VM.Audit":1,"Sys.Audit":0},"/vms":{"VM.Console":1},"/vms/100":{}}"#);
        assert!(found.has("/", "Sys.Audit") && !found.has("/nodes/pve", "Sys.Audit"));
        assert!(found.has("/nodes/pve", "VM.Audit"));
        assert!(!found.has("/vms/5", "VM.Audit"), "/vms replaces / below it");
        assert!(found.has("/vms/5", "VM.Console") && !found.has("/vms/100", "VM.Console"));
    }

    #[test]
    fn a_token_without_rights_is_recognised() {
        assert!(read("{}").is_empty() && read(r#"{"/":{}}"#).is_empty());
    }
}
