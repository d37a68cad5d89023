//! Hashing and verifying passwords, off the async threads and few at a time.
//!
//! Argon2id takes tens of milliseconds and 19 MiB by intent, and anybody may ask for it by trying to sign in: without
//! a bound, a flood of wrong passwords takes all the memory there is. Who finds too many waiting is told to come back.
//!
//! Passwords that came from elsewhere are bcrypt hashes; they verify, and are hashed anew when their owner signs in.
//! While there are any, every try does the work of both, so that the time does not tell which accounts exist.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use innkeeper_domain::users::{PASSWORD_MAX, check_password};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::Error;

/// Requests that may wait for their turn, beside those whose turn it is.
const WAITING: usize = 64;

/// The hash of a password that nobody has.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$yNU0H0Ab0Zt7CJ0RElQ3Iw$h0Cw7bKsGh2kDJRq3T5kq3nH5Jw2l9sMv1yQe4ZbXcU";

/// The one place where passwords are worked on.
pub(crate) struct Passwords {
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        // As many as there are processors: more at once would only take more memory.
        let turns = std::thread::available_parallelism().map_or(1, usize::from);
        Self { turns: Arc::new(Semaphore::new(turns)), places: Arc::new(Semaphore::new(turns + WAITING)) }
    }
}

/// Whether a hash came from elsewhere.
fn is_imported(hash: &str) -> bool {
    ["$2a$", "$2b$", "$2x$", "$2y$"].iter().any(|kind| hash.starts_with(kind))
}

fn hash_now(password: &SecretString) -> Result<String, Error> {
    Argon2::default()
        .hash_password(password.expose_secret().as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|error| Error::Internal(format!("hashing failed: {error}")))
}

fn verify_now(hash: &str, password: &SecretString) -> Result<bool, Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Internal(format!("stored hash: {error}"));
    if is_imported(hash) {
        return bcrypt::verify(password.expose_secret(), hash).map_err(|error| failed(&error));
    }
    let parsed = PasswordHash::new(hash).map_err(|error| failed(&error))?;
    Ok(Argon2::default().verify_password(password.expose_secret().as_bytes(), &parsed).is_ok())
}

/// Whether a hash is weaker than what we make today.
fn is_weak(hash: &str) -> bool {
    let today = Params::default();
    let Ok(parsed) = PasswordHash::new(hash) else { return true };
    let Ok(params) = Params::try_from(&parsed) else { return true };
    parsed.algorithm != Algorithm::Argon2id.ident()
        || parsed.version != Some(Version::V0x13.into())
        || params.m_cost() < today.m_cost()
        || params.t_cost() < today.t_cost()
}

impl Passwords {
    /// The hash to keep.
    pub(crate) async fn hash(&self, password: &SecretString) -> Result<String, Error> {
        check_password(password.expose_secret()).map_err(|error| Error::invalid("password", error))?;
        let password = password.clone();
        self.in_turn(move || hash_now(&password)).await
    }

    /// Verifies a password; without a stored hash the same work is done, so that the time tells nothing. `imported` is
    /// any of the hashes from elsewhere, if there are some: its work is done too, whatever the stored hash is.
    pub(crate) async fn verify(
        &self,
        hash: Option<String>,
        imported: Option<String>,
        password: &SecretString,
    ) -> Result<bool, Error> {
        // A longer one was never taken, and would only cost time.
        let fits = password.expose_secret().len() <= PASSWORD_MAX;
        let password = if fits { password.clone() } else { SecretString::from("") };
        self.in_turn(move || {
            let known = hash.is_some() && fits;
            let hash = hash.unwrap_or_else(|| NOBODY.to_owned());
            let matches = verify_now(&hash, &password)?;
            if let Some(imported) = imported {
                let other = if is_imported(&hash) { NOBODY } else { imported.as_str() };
                verify_now(other, &password)?;
            }
            Ok(known && matches)
        })
        .await
    }

    /// A better hash of a password that was just verified, if the stored one is weaker than today's.
    pub(crate) async fn upgrade(&self, hash: &str, password: &SecretString) -> Result<Option<String>, Error> {
        if !is_weak(hash) {
            return Ok(None);
        }
        let password = password.clone();
        self.in_turn(move || hash_now(&password)).await.map(Some)
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| Error::Overloaded)?;
        let turn = self.turns.clone().acquire_owned().await;
        // Both are held by the work itself: it goes on when whoever asked has hung up.
        tokio::task::spawn_blocking(move || {
            let _held = (place, turn);
            work()
        })
        .await
        .map_err(|error| Error::Internal(error.to_string()))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        text.to_owned().into()
    }

    #[tokio::test]
    async fn imported_hashes_verify_in_all_their_spellings_and_are_made_anew() {
        let passwords = Passwords::default();
        let made = bcrypt::hash("correct horse", 4).unwrap();
        for kind in ["$2a$", "$2b$", "$2y$"] {
            let hash = made.replacen("$2b$", kind, 1);
            let (right, wrong) = (secret("correct horse"), secret("wrong horse"));
            assert!(
                passwords.verify(Some(hash.clone()), Some(hash.clone()), &right).await.unwrap(),
                "{kind}"
            );
            assert!(!passwords.verify(Some(hash.clone()), None, &wrong).await.unwrap(), "{kind}");
            let better = passwords.upgrade(&hash, &right).await.unwrap().unwrap();
            assert!(better.starts_with("$argon2id$"), "{better}");
            assert!(passwords.verify(Some(better.clone()), Some(hash), &right).await.unwrap());
            assert_eq!(passwords.upgrade(&better, &right).await.unwrap(), None, "is good as it is");
        }
    }

    #[tokio::test]
    async fn weak_parameters_are_noticed() {
        for (weak, hash) in [
            (false, NOBODY.to_owned()),
            (true, NOBODY.replace("m=19456", "m=8192")),
            (true, NOBODY.replace("t=2", "t=1")),
            (true, NOBODY.replace("argon2id", "argon2i")),
            (true, NOBODY.replace("v=19", "v=16")),
            (true, "$2b$04$abc".to_owned()),
        ] {
            assert_eq!(is_weak(&hash), weak, "{hash}");
        }
    }

    #[tokio::test]
    async fn what_was_never_hashed_never_matches() {
        let passwords = Passwords::default();
        for text in ["", "x", &"x".repeat(PASSWORD_MAX + 1)] {
            assert!(!passwords.verify(None, None, &secret(text)).await.unwrap());
            let empty = hash_now(&secret("")).unwrap();
            let longer = text.len() > PASSWORD_MAX;
            assert!(!longer || !passwords.verify(Some(empty), None, &secret(text)).await.unwrap());
        }
        assert!(passwords.hash(&secret("short")).await.is_err());
    }
}
