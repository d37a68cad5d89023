//! The tokens of leases on a buyer's machine: in memory, so that a model need not carry them, and in a file if one was
//! named.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use innkeeper_domain::ids::LeaseId;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

/// What is kept.
pub struct Tokens {
    house: Url,
    file: Option<PathBuf>,
    kept: Mutex<BTreeMap<LeaseId, SecretString>>,
}

/// As it stands in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    house: String,
    tokens: BTreeMap<String, String>,
}

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenFile {
    /// It cannot be read or written.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It holds something else.
    #[error("{} holds no tokens of leases; name another file", .0.display())]
    Other(PathBuf),
    /// It holds tokens of another house, which this one must not see.
    #[error("{} holds tokens of {house}; name another file for this house", path.display())]
    OtherHouse {
        /// Which.
        path: PathBuf,
        /// Whose.
        house: String,
    },
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("house", &self.house.as_str()).finish_non_exhaustive()
    }
}

impl Tokens {
    /// Of this house, kept in memory alone.
    pub fn new(house: Url) -> Self {
        Self { house, file: None, kept: Mutex::default() }
    }

    /// Of this house, kept in this file too; it is made with the first token, readable by its owner only.
    pub fn open(house: Url, file: &Path) -> Result<Self, TokenFile> {
        let path = || file.to_owned();
        let text = match std::fs::read(file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Self { file: Some(path()), ..Self::new(house) });
            }
            Err(error) => return Err(TokenFile::Io { path: path(), error }),
        };
        // The error of `serde_json` may repeat what it read, and is not passed on.
        let written: Written = serde_json::from_slice(&text).map_err(|_| TokenFile::Other(path()))?;
        if written.house != house.as_str() {
            return Err(TokenFile::OtherHouse { path: path(), house: written.house });
        }
        let mut kept = BTreeMap::new();
        for (id, token) in written.tokens {
            kept.insert(id.parse().map_err(|_| TokenFile::Other(path()))?, token.into());
        }
        Ok(Self { house, file: Some(path()), kept: Mutex::new(kept) })
    }

    /// The token of a lease.
    pub(crate) fn of(&self, lease: LeaseId) -> Option<SecretString> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(&lease).cloned()
    }

    /// All of them, newest first.
    pub(crate) fn all(&self) -> Vec<SecretString> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).values().rev().cloned().collect()
    }

    /// Keeps one. When the file cannot be written it is in memory all the same.
    pub(crate) fn keep(&self, lease: LeaseId, token: SecretString) -> Result<(), TokenFile> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(lease, token);
        match &self.file {
            Some(path) => {
                self.write(path, &kept).map_err(|error| TokenFile::Io { path: path.clone(), error })
            }
            None => Ok(()),
        }
    }

    /// Writes beside and renames: whoever reads meanwhile finds the old ones or the new ones.
    fn write(&self, file: &Path, kept: &BTreeMap<LeaseId, SecretString>) -> io::Result<()> {
        let tokens = kept.iter().map(|(id, token)| (id.to_string(), token.expose_secret().to_owned()));
        let written = Written { house: self.house.to_string(), tokens: tokens.collect() };
        let mut name = file.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{:016x}", rand::random::<u64>()));
        let beside = file.with_file_name(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut new = options.open(&beside)?;
        new.write_all(&serde_json::to_vec_pretty(&written)?)?;
        new.sync_all()?;
        std::fs::rename(&beside, file)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn house() -> Url {
        "https://inn.example".parse().unwrap()
    }

    #[test]
    fn a_token_is_found_again_by_its_owner_and_for_its_house_only() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tokens.json");
        let tokens = Tokens::open(house(), &file).unwrap();
        assert!(!file.exists());
        let (one, two) = (LeaseId::new(), LeaseId::new());
        tokens.keep(one, "ikl_one".to_owned().into()).unwrap();
        tokens.keep(two, "ikl_two".to_owned().into()).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        assert!(!format!("{tokens:?}").contains("ikl_"), "{tokens:?}");

        let again = Tokens::open(house(), &file).unwrap();
        assert_eq!(again.of(one).unwrap().expose_secret(), "ikl_one");
        assert_eq!(again.all().len(), 2);
        assert!(again.of(LeaseId::new()).is_none());
        let other = Tokens::open("https://other.example".parse().unwrap(), &file).unwrap_err();
        assert!(matches!(other, TokenFile::OtherHouse { .. }), "{other}");
    }

    #[test]
    fn another_file_is_refused_and_not_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tokens.json");
        for text in ["hunter2", r#"{"password":"hunter2"}"#] {
            std::fs::write(&file, text).unwrap();
            let error = Tokens::open(house(), &file).unwrap_err().to_string();
            assert!(error.contains("tokens.json") && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_token_that_cannot_be_written_is_kept_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let tokens = Tokens::open(house(), &folder.path().join("gone/tokens.json")).unwrap();
        let lease = LeaseId::new();
        assert!(tokens.keep(lease, "ikl_a".to_owned().into()).is_err());
        assert!(tokens.of(lease).is_some());
    }
}
