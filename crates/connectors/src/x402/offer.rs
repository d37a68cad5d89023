//! What a seller asks for: requirements, and the offer that lists them, for both generations of buyers.

use innkeeper_domain::wallets::{Address, Network};
use serde_json::{Map, Value, json};
use url::Url;

use super::Atomic;
use super::eip712::checksummed;
use super::header::{BadHeader, Object, decode, encode, must, wrong};

/// The header that carries the second generation's offers, as errors name it.
const HEADER: &str = "PAYMENT-REQUIRED";

/// What our answers are.
const MIME_TYPE: &str = "application/json";

/// One way to pay: so much of this token, to this address, on this chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirements {
    /// The chain.
    pub network: Network,
    /// The token's contract.
    pub asset: Address,
    /// How much.
    pub amount: Atomic,
    /// To whom.
    pub pay_to: Address,
    /// For how many seconds from now a buyer makes his authorization valid.
    pub max_timeout_s: u64,
    /// The token's name in its EIP-712 domain: not always its symbol (`USD Coin` on Base, `USDC` on its test net).
    pub token_name: String,
    /// The token's version in its EIP-712 domain.
    pub token_version: String,
}

impl Requirements {
    /// For the second generation. `paymentFlow` says that the money moves before the work.
    pub fn to_v2(&self) -> Value {
        json!({
            "scheme": "exact",
            "network": self.network,
            "amount": self.amount,
            "asset": checksummed(self.asset),
            "payTo": checksummed(self.pay_to),
            "maxTimeoutSeconds": self.max_timeout_s,
            "extra": {"name": self.token_name, "version": self.token_version, "paymentFlow": "upfront"},
        })
    }

    /// For the first generation, which has names for some chains only. `outputSchema` is left out on purpose: its
    /// client refuses the `null` that its specification shows.
    pub fn to_v1(&self, resource: &Url, description: &str) -> Option<Value> {
        Some(json!({
            "scheme": "exact",
            "network": self.network.v1_name()?,
            "maxAmountRequired": self.amount,
            "resource": resource,
            "description": description,
            "mimeType": MIME_TYPE,
            "payTo": checksummed(self.pay_to),
            "maxTimeoutSeconds": self.max_timeout_s,
            "asset": checksummed(self.asset),
            "extra": {"name": self.token_name, "version": self.token_version},
        }))
    }

    /// Reads what another seller, or ours, asks for in the second generation's words.
    fn from_v2(mut from: Object) -> Result<Self, BadHeader> {
        if from.text("accepts.scheme")? != "exact" {
            return Err(wrong("accepts.scheme", "`exact`"));
        }
        let max_timeout = from.take("accepts.maxTimeoutSeconds")?;
        let mut extra = from.object("accepts.extra")?;
        Ok(Self {
            network: from.parsed("accepts.network", must::NETWORK)?,
            asset: from.parsed("accepts.asset", must::ADDRESS)?,
            amount: from.parsed("accepts.amount", must::AMOUNT)?,
            pay_to: from.parsed("accepts.payTo", must::ADDRESS)?,
            max_timeout_s: max_timeout
                .as_u64()
                .ok_or(wrong("accepts.maxTimeoutSeconds", "a whole number of seconds"))?,
            token_name: extra.text("accepts.extra.name")?,
            token_version: extra.text("accepts.extra.version")?,
        })
    }
}

/// What one thing costs and how it can be paid for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// What is bought, by its address.
    pub resource: Url,
    /// What is bought, in words: one line.
    pub description: String,
    /// Each is enough.
    pub requirements: Vec<Requirements>,
    /// Extensions of the second generation by name; buyers send them back as they are.
    pub extensions: Map<String, Value>,
}

impl Offer {
    /// The value of `PAYMENT-REQUIRED`; `error` says why the buyer sees it.
    pub fn header(&self, error: &str) -> String {
        let mut json = json!({
            "x402Version": 2,
            "error": error,
            "resource": self.resource_v2(),
            "accepts": self.requirements.iter().map(Requirements::to_v2).collect::<Vec<_>>(),
        });
        if !self.extensions.is_empty() {
            json["extensions"] = Value::Object(self.extensions.clone());
        }
        encode(&json)
    }

    /// What a buyer sends back as `resource`.
    pub(super) fn resource_v2(&self) -> Value {
        json!({"url": self.resource, "description": self.description, "mimeType": MIME_TYPE})
    }

    /// The body for buyers of the first generation: only what they have a name for.
    pub fn body_v1(&self, error: &str) -> Value {
        let accepts: Vec<Value> =
            self.requirements.iter().filter_map(|one| one.to_v1(&self.resource, &self.description)).collect();
        json!({"x402Version": 1, "error": error, "accepts": accepts})
    }

    /// Reads `PAYMENT-REQUIRED`, as a buyer. Ways to pay that we do not understand are left out.
    pub fn from_header(text: &str) -> Result<Self, BadHeader> {
        let mut from = decode(HEADER, text)?;
        if from.take("x402Version")? != 2 {
            return Err(wrong("x402Version", "2"));
        }
        let mut resource = from.object("resource")?;
        let Value::Array(accepts) = from.take("accepts")? else { return Err(wrong("accepts", "a list")) };
        let requirements = accepts.into_iter().filter_map(|one| match one {
            Value::Object(map) => Requirements::from_v2(Object(map)).ok(),
            _ => None,
        });
        Ok(Self {
            resource: resource.parsed("resource.url", "an address")?,
            description: resource.maybe_text("resource.description")?.unwrap_or_default(),
            requirements: requirements.collect(),
            extensions: from.maybe_object("extensions")?.unwrap_or_default(),
        })
    }
}
