//! Hashing and verifying passwords, off the async threads and few at a time.
//!
//! Argon2id takes tens of milliseconds and 19 MiB by intent, and anybody may ask for it by trying to sign in: without
//! a bound, a flood of wrong passwords takes all the memory there is. Who finds too many waiting is told to come back.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use innkeeper_domain::users::check_password;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::Error;

/// Requests that may wait for their turn, beside those whose turn it is.
const WAITING: usize = 64;

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

impl Passwords {
    /// The hash to keep.
    pub(crate) async fn hash(&self, password: &SecretString) -> Result<String, Error> {
        check_password(password.expose_secret()).map_err(|error| Error::invalid("password", error))?;
        let password = password.clone();
        self.in_turn(move || {
            Argon2::default()
                .hash_password(password.expose_secret().as_bytes())
                .map(|hash| hash.to_string())
                .map_err(|error| Error::Internal(format!("hashing failed: {error}")))
        })
        .await
    }

    /// Verifies a password; without a stored hash the same work is done, so that the time tells nothing.
    pub(crate) async fn verify(&self, hash: Option<String>, password: &SecretString) -> Result<bool, Error> {
        // The hash of a password that nobody has.
        const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$yNU0H0Ab0Zt7CJ0RElQ3Iw$h0Cw7bKsGh2kDJRq3T5kq3nH5Jw2l9sMv1yQe4ZbXcU";
        let password = password.clone();
        self.in_turn(move || {
            let known = hash.is_some();
            let hash = hash.unwrap_or_else(|| NOBODY.to_owned());
            let parsed =
                PasswordHash::new(&hash).map_err(|error| Error::Internal(format!("stored hash: {error}")))?;
            let matches =
                Argon2::default().verify_password(password.expose_secret().as_bytes(), &parsed).is_ok();
            Ok(known && matches)
        })
        .await
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
