//! Tokens for Coinbase's platform: a JWT (EdDSA) for each request, good for two minutes and for that request alone.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use innkeeper_domain::time::Clock;
use rand::Rng;
use ring::signature::Ed25519KeyPair;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::Url;
use zeroize::Zeroizing;

use crate::Error;

/// For how many seconds a token is good; the platform allows no more.
const GOOD_FOR: i64 = 120;

/// What the platform gives its customer.
#[derive(Clone, Debug)]
pub struct CdpKey {
    /// The key's id.
    pub id: String,
    /// The secret of an Ed25519 key: base64 of 64 bytes.
    pub secret: SecretString,
}

/// Makes tokens with one key.
#[derive(Clone)]
pub(super) struct Signer {
    id: String,
    pair: Arc<Ed25519KeyPair>,
    clock: Clock,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Signer {
    pub(super) fn new(key: CdpKey, clock: Clock) -> Result<Self, Error> {
        let bad = |what: &str| Error::Settings(format!("Coinbase's key: {what}"));
        if key.id.trim().is_empty() {
            return Err(bad("the id is empty"));
        }
        let secret = key.secret.expose_secret().trim();
        if secret.contains("BEGIN") {
            return Err(bad("an ECDSA key; make a new one with the algorithm Ed25519"));
        }
        let must = "the secret must be base64 of the 64 bytes of an Ed25519 key";
        let bytes = Zeroizing::new(STANDARD.decode(secret).map_err(|_| bad(must))?);
        if bytes.len() != 64 {
            return Err(bad(must));
        }
        let (seed, public) = bytes.split_at(32);
        let pair = Ed25519KeyPair::from_seed_and_public_key(seed, public)
            .map_err(|_| bad("the two halves of the secret do not belong together"))?;
        Ok(Self { id: key.id, pair: Arc::new(pair), clock })
    }

    /// A token for one request.
    pub(super) fn token(&self, method: &str, url: &Url) -> Result<String, Error> {
        let host = url.host_str().ok_or_else(|| Error::Settings("an address without a host".to_owned()))?;
        let now = self.clock.now().0 / 1_000_000;
        let nonce: [u8; 16] = rand::rng().random();
        let header = json!({"alg": "EdDSA", "kid": self.id, "typ": "JWT", "nonce": hex::encode(nonce)});
        let claims = json!({
            "sub": self.id,
            "iss": "cdp",
            "iat": now,
            "nbf": now,
            "exp": now + GOOD_FOR,
            "uris": [format!("{method} {host}{}", url.path())],
        });
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = URL_SAFE_NO_PAD.encode(self.pair.sign(signed.as_bytes()));
        Ok(format!("{signed}.{signature}"))
    }
}
