//! What a button says when it is pressed: who may press it, until when, and what for. It is signed and kept nowhere, so
//! that a restart of the process forgets no question, and nobody can press what was never asked.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use innkeeper_domain::time::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::house::{Deed, Power};

/// Discord allows 100 characters; these are 31 bytes of ours, and the key of what it is about.
const LONGEST_KEY: usize = 44;

/// Half a SHA-256 would be more than Discord's 100 characters leave; 96 bits cannot be guessed at its pace.
const MAC: usize = 12;

/// What tells one question from another.
pub(crate) type Nonce = [u8; 6];

/// What pressing a button means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    /// Who may press it; none: whoever is able to do the deed.
    pub(crate) who: Option<u64>,
    /// Until when, to the second.
    pub(crate) until: Timestamp,
    /// Which question.
    pub(crate) nonce: Nonce,
    /// Yes or no.
    pub(crate) yes: bool,
    /// What it is about.
    pub(crate) deed: Deed,
}

impl Statement {
    /// Under which key the house does it once.
    pub(crate) fn key(&self) -> String {
        format!("discord:{}", hex::encode(self.nonce))
    }
}

/// Signs statements.
#[derive(Clone)]
pub(crate) struct Signer(Hmac<Sha256>);

impl Signer {
    pub(crate) fn new(key: &SecretString) -> Self {
        let mut signer = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes())
            .expect("HMAC takes keys of any length");
        signer.update(b"innkeeper discord button\0");
        Self(signer)
    }

    /// The custom id of a button; none when the house's key is too long for Discord.
    pub(crate) fn write(&self, statement: &Statement) -> Option<String> {
        let target = statement.deed.target();
        if target.len() > LONGEST_KEY {
            tracing::error!(target, "this key is too long for a button");
            return None;
        }
        let until = u32::try_from(statement.until.0 / 1_000_000).ok()?;
        let mut bytes = Vec::with_capacity(75);
        bytes.push(code(&statement.deed) << 1 | u8::from(statement.yes));
        bytes.extend(statement.who.unwrap_or(0).to_be_bytes());
        bytes.extend(until.to_be_bytes());
        bytes.extend(statement.nonce);
        bytes.extend(target.as_bytes());
        bytes.extend(self.mac(&bytes));
        Some(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// What a pressed button says, if it is one of ours.
    pub(crate) fn read(&self, custom_id: &str) -> Option<Statement> {
        let bytes = URL_SAFE_NO_PAD.decode(custom_id).ok()?;
        let (said, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC)?)?;
        if !bool::from(self.mac(said).ct_eq(mac)) {
            return None;
        }
        let (&first, rest) = said.split_first()?;
        let (who, rest) = rest.split_first_chunk::<8>()?;
        let (until, rest) = rest.split_first_chunk::<4>()?;
        let (nonce, target) = rest.split_first_chunk::<6>()?;
        let who = u64::from_be_bytes(*who);
        Some(Statement {
            who: (who != 0).then_some(who),
            until: Timestamp(0).after(Duration::from_secs(u32::from_be_bytes(*until).into())),
            nonce: *nonce,
            yes: first & 1 == 1,
            deed: deed(first >> 1, std::str::from_utf8(target).ok()?.to_owned())?,
        })
    }

    /// A nonce that is the same for the same words.
    pub(crate) fn nonce_of(&self, words: &str) -> Nonce {
        let mac = self.mac(words.as_bytes());
        [mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]]
    }

    fn mac(&self, said: &[u8]) -> [u8; MAC] {
        let mut mac = self.0.clone();
        mac.update(said);
        let full = mac.finalize().into_bytes();
        std::array::from_fn(|at| full[at])
    }
}

/// Codes are never used again for something else. Above 64 they say how many hours to stay awake.
const fn code(deed: &Deed) -> u8 {
    match deed {
        Deed::Wake { .. } => 1,
        Deed::Sleep { .. } => 2,
        Deed::CancelSleep { .. } => 3,
        Deed::Maintenance { on: true, .. } => 4,
        Deed::Maintenance { on: false, .. } => 5,
        Deed::RestartService { .. } => 6,
        Deed::Power { power: Power::Start, .. } => 7,
        Deed::Power { power: Power::Stop, .. } => 8,
        Deed::Power { power: Power::Restart, .. } => 9,
        Deed::KeepAwake { hours, .. } => 64 + if *hours > 63 { 63 } else { *hours },
    }
}

fn deed(code: u8, target: String) -> Option<Deed> {
    Some(match code {
        1 => Deed::Wake { host: target },
        2 => Deed::Sleep { host: target },
        3 => Deed::CancelSleep { host: target },
        4 => Deed::Maintenance { host: target, on: true },
        5 => Deed::Maintenance { host: target, on: false },
        6 => Deed::RestartService { service: target },
        7 => Deed::Power { instance: target, power: Power::Start },
        8 => Deed::Power { instance: target, power: Power::Stop },
        9 => Deed::Power { instance: target, power: Power::Restart },
        64.. => Deed::KeepAwake { host: target, hours: code - 64 },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn signer(key: &str) -> Signer {
        Signer::new(&SecretString::from(key))
    }

    fn deeds() -> impl Strategy<Value = Deed> {
        let key = "[a-z]{3}_[0-9a-f]{32,40}";
        let code = prop_oneof![1u8..=9, 64u8..=127];
        (code, key).prop_map(|(code, key)| deed(code, key).unwrap())
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_fits(
            deed in deeds(), who in proptest::option::of(1u64..), seconds in 0u32.., nonce: Nonce, yes: bool,
        ) {
            let until = Timestamp(i64::from(seconds) * 1_000_000);
            let statement = Statement { who, until, nonce, yes, deed };
            let id = signer("k").write(&statement).unwrap();
            prop_assert!(id.len() <= 100, "{} characters", id.len());
            prop_assert_eq!(signer("k").read(&id), Some(statement));
            prop_assert_eq!(signer("another").read(&id), None);
        }

        #[test]
        fn nothing_else_is_read(deed in deeds(), at in 0usize..60, flip in 1u8..) {
            let statement = Statement { who: Some(7), until: Timestamp(60_000_000), nonce: [1; 6], yes: true, deed };
            let mut bytes = URL_SAFE_NO_PAD.decode(signer("k").write(&statement).unwrap()).unwrap();
            let at = at % bytes.len();
            bytes[at] ^= flip;
            prop_assert_eq!(signer("k").read(&URL_SAFE_NO_PAD.encode(&bytes)), None);
        }

        #[test]
        fn rubbish_never_panics(id in ".{0,120}") {
            prop_assert_eq!(signer("k").read(&id), None);
        }
    }

    #[test]
    fn a_key_that_does_not_fit_is_not_cut() {
        let deed = Deed::Wake { host: "x".repeat(LONGEST_KEY + 1) };
        let statement = Statement { who: None, until: Timestamp(0), nonce: [0; 6], yes: true, deed };
        assert_eq!(signer("k").write(&statement), None);
    }
}
