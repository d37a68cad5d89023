//! Interactions that come by HTTP: signed by Discord over the time and the exact body. A signature alone would let
//! anybody who has seen a request send it again for ever, so its time is bounded, and its id counts once.

use std::time::Duration;

use innkeeper_domain::time::Timestamp;
use ring::signature::{ED25519, UnparsedPublicKey};

use crate::Error;
use crate::bot::{Bot, lock};
use crate::house::House;
use crate::interactions;
use crate::wire::Response;

/// How far a request's time may be from ours.
const TOLERANCE: Duration = Duration::from_mins(5);

/// What is answered by HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The status.
    pub status: u16,
    /// JSON, or nothing.
    pub body: Vec<u8>,
}

/// Reads a public key as Discord's developer portal shows it.
pub(crate) fn public_key(hexadecimal: &str) -> Result<[u8; 32], Error> {
    let mut key = [0; 32];
    hex::decode_to_slice(hexadecimal, &mut key).map_err(|_| {
        Error::Setting("public_key: it is 64 hexadecimal digits, from Discord's developer portal")
    })?;
    Ok(key)
}

/// Whether these bytes were signed by Discord, now.
pub(crate) fn verify(key: &[u8; 32], timestamp: &str, body: &[u8], signature: &str, now: Timestamp) -> bool {
    let mut signed = [0; 64];
    if hex::decode_to_slice(signature, &mut signed).is_err() {
        return false;
    }
    // Digits alone: `+5` and ` 5` would be other bytes with the same meaning.
    if timestamp.is_empty() || timestamp.len() > 12 || !timestamp.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let Ok(seconds) = timestamp.parse::<i64>() else { return false };
    let then = Timestamp(seconds.saturating_mul(1_000_000));
    if now.since(then).max(then.since(now)) > TOLERANCE {
        return false;
    }
    let message = [timestamp.as_bytes(), body].concat();
    UnparsedPublicKey::new(&ED25519, key).verify(&message, &signed).is_ok()
}

impl<H: House> Bot<H> {
    /// Answers a request of Discord's: the headers `X-Signature-Ed25519` and `X-Signature-Timestamp`, and the body as
    /// it came.
    pub async fn interaction(
        &self,
        signature: Option<&str>,
        timestamp: Option<&str>,
        body: &[u8],
    ) -> HttpAnswer {
        let nothing = |status| HttpAnswer { status, body: Vec::new() };
        let Some(key) = self.config.public_key.as_deref().and_then(|key| public_key(key).ok()) else {
            return nothing(404);
        };
        let (Some(signature), Some(timestamp)) = (signature, timestamp) else { return nothing(401) };
        let now = self.config.clock.now();
        if !verify(&key, timestamp, body, signature, now) {
            return nothing(401);
        }
        let interaction: crate::wire::Interaction = match serde_json::from_slice(body) {
            Ok(interaction) => interaction,
            // Only the type is certain to be there.
            Err(_) if is_ping(body) => return json(&Response::Pong),
            Err(error) => {
                tracing::warn!(%error, "an interaction cannot be read");
                return nothing(400);
            }
        };
        {
            let mut came = lock(&self.came);
            came.retain(|_, at| now.since(*at) <= 2 * TOLERANCE);
            if came.insert(interaction.id.0, now).is_some() {
                return nothing(409);
            }
        }
        let turn = interactions::answer(self, interaction).await;
        if let Some(after) = turn.after {
            self.spawn(after);
        }
        json(&turn.response)
    }
}

fn is_ping(body: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(body).is_ok_and(|body| body["type"] == 1)
}

fn json(response: &Response) -> HttpAnswer {
    HttpAnswer { status: 200, body: response.body().to_string().into_bytes() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ring::signature::{Ed25519KeyPair, KeyPair as _};

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn signed(seconds: &str, body: &[u8]) -> ([u8; 32], String) {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let signature = pair.sign(&[seconds.as_bytes(), body].concat());
        (pair.public_key().as_ref().try_into().unwrap(), hex::encode(signature.as_ref()))
    }

    fn now() -> Timestamp {
        Timestamp(NOW * 1_000_000)
    }

    #[test]
    fn what_discord_signed_now_is_taken() {
        for age in [-300, -1, 0, 1, 300] {
            let seconds = (NOW - age).to_string();
            let (key, signature) = signed(&seconds, b"{}");
            assert!(verify(&key, &seconds, b"{}", &signature, now()), "{age} s old");
        }
    }

    #[test]
    fn anything_else_is_not() {
        let seconds = NOW.to_string();
        let (key, signature) = signed(&seconds, b"{}");
        assert!(!verify(&key, &seconds, b"{ }", &signature, now()), "another body");
        assert!(!verify(&key, &(NOW + 1).to_string(), b"{}", &signature, now()), "another time");
        assert!(!verify(&[9; 32], &seconds, b"{}", &signature, now()), "another key");
        assert!(!verify(&key, &seconds, b"{}", "", now()), "no signature");
        assert!(!verify(&key, &seconds, b"{}", &signature[2..], now()), "a short signature");
        for seconds in [(NOW - 301).to_string(), (NOW + 301).to_string()] {
            let (key, signature) = signed(&seconds, b"{}");
            assert!(!verify(&key, &seconds, b"{}", &signature, now()), "too far from now");
        }
        for odd in [format!("+{NOW}"), format!(" {NOW}"), format!("{NOW}.0"), String::new(), "9".repeat(40)] {
            let (key, signature) = signed(&odd, b"{}");
            assert!(!verify(&key, &odd, b"{}", &signature, now()), "{odd:?}");
        }
    }

    proptest! {
        #[test]
        fn one_bit_matters(at in 0usize..64, bit in 0u8..8) {
            let seconds = NOW.to_string();
            let (key, signature) = signed(&seconds, b"{}");
            let mut bytes = hex::decode(signature).unwrap();
            bytes[at] ^= 1 << bit;
            let taken = verify(&key, &seconds, b"{}", &hex::encode(bytes), now());
            prop_assert!(!taken);
        }
    }
}
