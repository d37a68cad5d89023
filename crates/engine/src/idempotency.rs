//! Idempotency keys: the answer to a request is kept in the transaction of its change, so that a retry gets the same
//! answer and changes nothing.

use innkeeper_domain::access::{Actor, Proof};
use innkeeper_store::Tx;
use innkeeper_store::idempotency::{self, Claim};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::{Engine, Error};

/// The key that a client chose for one request, with what the request said.
#[derive(Clone, Debug)]
pub struct Idempotency {
    key: String,
    request_hash: Vec<u8>,
}

impl Idempotency {
    /// The longest key that is accepted.
    pub const LONGEST: usize = 200;

    /// Takes a key for the request made of these parts (method, path, body).
    pub fn new(key: &str, request: &[&[u8]]) -> Result<Self, Error> {
        if key.is_empty() || key.len() > Self::LONGEST || !key.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Error::invalid(
                "Idempotency-Key",
                "use 1 to 200 printable ASCII characters without spaces",
            ));
        }
        Ok(Self { key: key.to_owned(), request_hash: request_hash(request) })
    }
}

/// What is kept of a request that is made of these parts, to tell it from others.
pub(crate) fn request_hash(parts: &[&[u8]]) -> Vec<u8> {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().to_vec()
}

/// The key belongs to another request.
pub(crate) fn key_reused() -> Error {
    let message = "this Idempotency-Key was used for a different request; choose a new key";
    Error::conflict("idempotency_key_reused", message)
}

/// Whose keys these are: nobody gets the answer of another.
fn scope(actor: &Actor) -> String {
    match (actor.user_id, &actor.proof) {
        (Some(id), _) => id.to_string(),
        (None, Proof::Discord { id, .. }) => format!("discord:{id}"),
        (None, _) => "house".to_owned(),
    }
}

impl Engine {
    /// The answer given before, if this request was already carried out.
    pub(crate) async fn replay<T: DeserializeOwned>(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        key: Option<&Idempotency>,
    ) -> Result<Option<T>, Error> {
        let Some(key) = key else { return Ok(None) };
        match idempotency::claim(tx, &scope(actor), &key.key, &key.request_hash, self.clock().now()).await? {
            Claim::Fresh => Ok(None),
            Claim::Mismatch => Err(key_reused()),
            Claim::Replay(answer) => {
                serde_json::from_str(&answer).map(Some).map_err(|error| Error::Internal(error.to_string()))
            }
        }
    }

    /// Keeps the answer beside the change.
    pub(crate) async fn remember<T: Serialize>(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        key: Option<&Idempotency>,
        answer: &T,
    ) -> Result<(), Error> {
        let Some(key) = key else { return Ok(()) };
        let answer = serde_json::to_string(answer).map_err(|error| Error::Internal(error.to_string()))?;
        Ok(idempotency::answer(tx, &scope(actor), &key.key, &answer).await?)
    }
}
