//! A buyer: a key that pays for offers and signs in. For our own command line, and for tests.

use std::fmt;

use innkeeper_domain::time::Timestamp;
use innkeeper_domain::wallets::{Address, Network, Nonce};
use k256::ecdsa::SigningKey;
use rand::RngCore;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;
use zeroize::Zeroizing;

use super::eip712::{Domain, address_of, checksummed};
use super::header::encode;
use super::payment::{Authorization, Payment, Signature};
use super::siwx::{BadSignIn, Challenge, check_lines, digest};
use super::{Offer, Requirements, Version};

/// A wallet: one key. It is wiped from memory with the wallet.
#[derive(Clone)]
pub struct Wallet(SigningKey);

/// The text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected the 64 hexadecimal digits of a wallet's key, with or without `0x`")]
pub struct BadKey;

impl fmt::Debug for Wallet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wallet({})", self.address())
    }
}

impl Wallet {
    /// From a key in hexadecimal, as wallets export it.
    pub fn from_hex(secret: &SecretString) -> Result<Self, BadKey> {
        let text = secret.expose_secret().trim();
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), &mut *bytes).map_err(|_| BadKey)?;
        SigningKey::from_slice(&*bytes).map(Self).map_err(|_| BadKey)
    }

    /// A new one.
    pub fn random() -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        loop {
            rand::rng().fill_bytes(&mut *bytes);
            // All but a handful of 2^256 numbers are keys.
            if let Ok(key) = SigningKey::from_slice(&*bytes) {
                return Self(key);
            }
        }
    }

    /// The key in hexadecimal, to be kept.
    pub fn to_hex(&self) -> SecretString {
        let bytes = Zeroizing::new(<[u8; 32]>::from(self.0.to_bytes()));
        format!("0x{}", hex::encode(*bytes)).into()
    }

    /// Where its money is.
    pub fn address(&self) -> Address {
        address_of(self.0.verifying_key())
    }

    fn sign(&self, digest: &[u8; 32]) -> Signature {
        let (signature, recovery) = self.0.sign_prehash_recoverable(digest);
        let mut bytes = signature.to_bytes().to_vec();
        bytes.push(27 + recovery.to_byte());
        Signature::from_bytes(bytes)
    }

    /// Signs one of an offer's requirements, good from now for as long as it says.
    pub fn authorize(&self, offer: &Offer, asked: &Requirements, now: Timestamp, nonce: Nonce) -> Payment {
        let seconds = u64::try_from(now.0 / 1_000_000).unwrap_or(0);
        let authorization = Authorization {
            from: self.address(),
            to: asked.pay_to,
            value: asked.amount,
            valid_after: 0,
            valid_before: seconds.saturating_add(asked.max_timeout_s),
            nonce,
        };
        let domain = Domain {
            name: &asked.token_name,
            version: &asked.token_version,
            network: asked.network,
            asset: asked.asset,
        };
        Payment {
            version: Version::V2,
            network: asked.network,
            signature: self.sign(&domain.digest(&authorization)),
            authorization,
            accepted: object(asked.to_v2()),
            resource: object(offer.resource_v2()),
            extensions: offer.extensions.clone(),
        }
    }

    /// The value of `PAYMENT-SIGNATURE` that pays one of an offer's requirements.
    pub fn pay(&self, offer: &Offer, asked: &Requirements, now: Timestamp, nonce: Nonce) -> SecretString {
        self.authorize(offer, asked, now, nonce).header()
    }

    /// The value of `SIGN-IN-WITH-X` that answers a challenge of the server that was spoken to, for the network.
    pub fn sign_in(
        &self,
        challenge: &Challenge,
        network: Network,
        server: &Url,
    ) -> Result<SecretString, BadSignIn> {
        if !challenge.is_of(server) {
            return Err(BadSignIn::Domain);
        }
        check_lines(&challenge.info)?;
        let address = checksummed(self.address());
        let signature = self.sign(&digest(&challenge.info, network, &address));
        let mut json = serde_json::to_value(&challenge.info).unwrap_or_default();
        json["address"] = address.into();
        json["chainId"] = network.to_string().into();
        json["type"] = "eip191".into();
        json["signature"] = signature.expose_hex().into();
        Ok(encode(&json).into())
    }
}

/// A nonce that nobody had before.
pub fn nonce() -> Nonce {
    let mut bytes = [0; 32];
    rand::rng().fill_bytes(&mut bytes);
    Nonce(bytes)
}

fn object(value: Value) -> Option<serde_json::Map<String, Value>> {
    match value {
        Value::Object(map) => Some(map),
        _ => None,
    }
}
