//! A buyer's payment: read from the header of either generation, compared with what was asked, kept, and built anew for
//! a facilitator.
//!
//! Until it is settled a payment is worth money to whoever holds it: `Debug` hides the signature and what extensions
//! hold, errors name fields only.

use std::fmt;
use std::str::FromStr;

use innkeeper_domain::wallets::{Address, Network, Nonce};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::eip712::{BadSignature, Domain, checksummed, signer};
use super::header::{BadHeader, Object, decode, encode, must, wrong};
use super::{Atomic, Requirements, Version};

/// What is wrong with a payment's header; its words are for the buyer.
pub type BadPayment = BadHeader;

/// What EIP-3009 lets the holder of the signature do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// Who pays.
    pub from: Address,
    /// Who is paid.
    pub to: Address,
    /// How much.
    pub value: Atomic,
    /// It is good for blocks after this second of 1970's count.
    pub valid_after: u64,
    /// It is good for blocks before this second.
    pub valid_before: u64,
    /// What makes it good once.
    pub nonce: Nonce,
}

/// A signature: whoever has it can spend what it authorizes.
#[derive(Clone, PartialEq, Eq)]
pub struct Signature(Zeroizing<Vec<u8>>);

impl Signature {
    /// Of these bytes; 65 where a key made it.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes, for who must have them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// `0x` and hexadecimal digits, for who must have them.
    pub fn expose_hex(&self) -> String {
        format!("0x{}", hex::encode(&*self.0))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature([{} bytes])", self.0.len())
    }
}

impl FromStr for Signature {
    type Err = hex::FromHexError;

    fn from_str(text: &str) -> Result<Self, hex::FromHexError> {
        let digits = text.strip_prefix("0x").ok_or(hex::FromHexError::InvalidStringLength)?;
        if digits.is_empty() {
            return Err(hex::FromHexError::InvalidStringLength);
        }
        hex::decode(digits).map(Self::from_bytes)
    }
}

/// What differs between a payment and what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// Another chain.
    #[error("the payment is for another network than was asked")]
    Network,
    /// Another token.
    #[error("`accepted.asset` is another token than was asked")]
    Asset,
    /// Another receiver.
    #[error("`authorization.to` is another address than was asked")]
    To,
    /// More or less.
    #[error("`authorization.value` is another amount than was asked")]
    Value,
    /// `accepted` is not one of our offers.
    #[error("`accepted` is not what is offered now: ask for the price again")]
    Accepted,
}

/// A payment as it was understood.
#[derive(Clone, PartialEq, Eq)]
pub struct Payment {
    /// Whose words the buyer uses, and must be answered in.
    pub version: Version,
    /// The chain.
    pub network: Network,
    /// What is authorized.
    pub authorization: Authorization,
    /// By whom: to be checked.
    pub signature: Signature,
    /// The requirement that the buyer chose, as he sent it back; none in the first generation.
    pub accepted: Option<Map<String, Value>>,
    /// What he says he buys.
    pub resource: Option<Map<String, Value>>,
    /// Our extensions, as he sent them back.
    pub extensions: Map<String, Value>,
}

impl fmt::Debug for Payment {
    // Extensions may bring back what only the buyer and we know, so their names are all that is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payment")
            .field("version", &self.version)
            .field("network", &self.network)
            .field("authorization", &self.authorization)
            .field("signature", &self.signature)
            .field("extensions", &self.extensions.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

impl Payment {
    /// Reads `PAYMENT-SIGNATURE`.
    pub fn from_v2(header: &str) -> Result<Self, BadPayment> {
        let mut from = decode("PAYMENT-SIGNATURE", header)?;
        if from.take("x402Version")? != 2 {
            return Err(wrong("x402Version", "2 in PAYMENT-SIGNATURE"));
        }
        let accepted = from.object("accepted")?.0;
        let mut chosen = Object(accepted.clone());
        if chosen.text("accepted.scheme")? != "exact" {
            return Err(wrong("accepted.scheme", "`exact`"));
        }
        let (authorization, signature) = payload(from.object("payload")?)?;
        Ok(Self {
            version: Version::V2,
            network: chosen.parsed("accepted.network", must::NETWORK)?,
            authorization,
            signature,
            accepted: Some(accepted),
            resource: from.maybe_object("resource")?,
            extensions: from.maybe_object("extensions")?.unwrap_or_default(),
        })
    }

    /// Reads `X-PAYMENT`.
    pub fn from_v1(header: &str) -> Result<Self, BadPayment> {
        let mut from = decode("X-PAYMENT", header)?;
        if from.take("x402Version")? != 1 {
            return Err(wrong("x402Version", "1 in X-PAYMENT"));
        }
        if from.text("scheme")? != "exact" {
            return Err(wrong("scheme", "`exact`"));
        }
        let name = from.text("network")?;
        let known = [Network::BASE, Network::BASE_SEPOLIA];
        let network = known.into_iter().find(|known| known.v1_name() == Some(&name));
        let (authorization, signature) = payload(from.object("payload")?)?;
        Ok(Self {
            version: Version::V1,
            network: network.ok_or(wrong("network", "`base` or `base-sepolia`"))?,
            authorization,
            signature,
            accepted: None,
            resource: None,
            extensions: Map::new(),
        })
    }

    /// Whether it pays exactly what was asked, not more, not less, nobody else.
    pub fn answers(&self, asked: &Requirements) -> Result<(), Mismatch> {
        if self.network != asked.network {
            return Err(Mismatch::Network);
        }
        if self.authorization.to != asked.pay_to {
            return Err(Mismatch::To);
        }
        if self.authorization.value != asked.amount {
            return Err(Mismatch::Value);
        }
        // The first generation does not name the token; the signature is checked for the one that was offered.
        let Some(accepted) = &self.accepted else { return Ok(()) };
        let named =
            accepted.get("asset").and_then(Value::as_str).and_then(|text| text.parse::<Address>().ok());
        if named != Some(asked.asset) {
            return Err(Mismatch::Asset);
        }
        if !is_our_offer(accepted, &asked.to_v2()) {
            return Err(Mismatch::Accepted);
        }
        Ok(())
    }

    /// Whether the payer's key signed it for this token. Only the network and the token of `asked` are looked at.
    pub fn check_signature(&self, asked: &Requirements) -> Result<(), BadSignature> {
        let domain = Domain {
            name: &asked.token_name,
            version: &asked.token_version,
            network: asked.network,
            asset: asked.asset,
        };
        match signer(&domain.digest(&self.authorization), &self.signature)? {
            signer if signer == self.authorization.from => Ok(()),
            _ => Err(BadSignature::Other),
        }
    }

    /// What a facilitator gets: built from what was understood, in the second generation's words whatever the buyer
    /// speaks, since what he signed is the same in both. `strip` leaves out what facilitators have refused before.
    pub(super) fn forwarded(&self, asked: &Requirements, strip: bool) -> Value {
        let mut json = json!({
            "x402Version": 2,
            "accepted": asked.to_v2(),
            "payload": payload_json(&self.authorization, &self.signature),
        });
        if !strip {
            self.add_rest(&mut json);
        }
        json
    }

    /// The value of the header that pays, in the second generation's words.
    pub fn header(&self) -> SecretString {
        let mut json = json!({
            "x402Version": 2,
            "accepted": self.accepted,
            "payload": payload_json(&self.authorization, &self.signature),
        });
        self.add_rest(&mut json);
        encode(&json).into()
    }

    fn add_rest(&self, json: &mut Value) {
        if let Some(resource) = &self.resource {
            json["resource"] = Value::Object(resource.clone());
        }
        if !self.extensions.is_empty() {
            json["extensions"] = Value::Object(self.extensions.clone());
        }
    }

    /// A form to be sealed and kept. It holds the signature.
    pub fn to_stored(&self) -> SecretString {
        let stored = json!({
            "stored": 1,
            "version": self.version.number(),
            "network": self.network,
            "payload": payload_json(&self.authorization, &self.signature),
            "accepted": self.accepted,
            "resource": self.resource,
            "extensions": self.extensions,
        });
        stored.to_string().into()
    }

    /// Reads what [`Payment::to_stored`] wrote.
    pub fn from_stored(stored: &SecretString) -> Result<Self, BadPayment> {
        let mut from = match serde_json::from_str(stored.expose_secret()) {
            Ok(Value::Object(map)) => Object(map),
            _ => return Err(BadHeader::Json("stored payment")),
        };
        if from.take("stored")? != 1 {
            return Err(wrong("stored", "1"));
        }
        let number = from.take("version")?;
        let version = [Version::V1, Version::V2].into_iter().find(|version| number == version.number());
        let (authorization, signature) = payload(from.object("payload")?)?;
        Ok(Self {
            version: version.ok_or(wrong("version", "1 or 2"))?,
            network: from.parsed("network", must::NETWORK)?,
            authorization,
            signature,
            accepted: from.maybe_object("accepted")?,
            resource: from.maybe_object("resource")?,
            extensions: from.maybe_object("extensions")?.unwrap_or_default(),
        })
    }
}

/// Nothing but what is understood may be in it: another kind of payment beside this one would be settled unseen.
fn payload(mut from: Object) -> Result<(Authorization, Signature), BadPayment> {
    let signature = from.parsed("payload.signature", "`0x` and hexadecimal digits")?;
    let mut inner = from.object("payload.authorization")?;
    from.nothing_else("payload", "`signature` and `authorization` and nothing else")?;
    let authorization = Authorization {
        from: inner.parsed("payload.authorization.from", must::ADDRESS)?,
        to: inner.parsed("payload.authorization.to", must::ADDRESS)?,
        value: inner.parsed("payload.authorization.value", must::AMOUNT)?,
        valid_after: inner.seconds("payload.authorization.validAfter")?,
        valid_before: inner.seconds("payload.authorization.validBefore")?,
        nonce: inner.parsed("payload.authorization.nonce", must::NONCE)?,
    };
    inner.nothing_else(
        "payload.authorization",
        "`from`, `to`, `value`, `validAfter`, `validBefore` and `nonce` and nothing else",
    )?;
    Ok((authorization, signature))
}

fn payload_json(authorization: &Authorization, signature: &Signature) -> Value {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Shape {
        from: String,
        to: String,
        value: Atomic,
        valid_after: String,
        valid_before: String,
        nonce: Nonce,
    }
    let shape = Shape {
        from: checksummed(authorization.from),
        to: checksummed(authorization.to),
        value: authorization.value,
        valid_after: authorization.valid_after.to_string(),
        valid_before: authorization.valid_before.to_string(),
        nonce: authorization.nonce,
    };
    json!({"signature": signature.expose_hex(), "authorization": shape})
}

/// Equal but for the case of addresses.
fn is_our_offer(theirs: &Map<String, Value>, ours: &Value) -> bool {
    ours.as_object().is_some_and(|ours| {
        theirs.len() == ours.len()
            && ours.iter().all(|(key, ours)| match (key.as_str(), theirs.get(key), ours) {
                ("asset" | "payTo", Some(Value::String(theirs)), Value::String(ours)) => {
                    theirs.eq_ignore_ascii_case(ours)
                }
                (_, theirs, ours) => theirs == Some(ours),
            })
    })
}
