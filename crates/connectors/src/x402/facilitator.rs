//! A facilitator: it looks at a payment, and brings it to the chain.
//!
//! Its word is a hint. It may say no to a payment that was made, or not answer after making it; the chain decides
//! (see [`super::chain`]). It answers with the same JSON under any status, so the body is read before the status is.

use std::time::Duration;

use innkeeper_domain::time::Clock;
use innkeeper_domain::wallets::{Address, Network, TxHash};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

pub use super::cdp::CdpKey;
use super::cdp::Signer;
use super::{Payment, Requirements};
use crate::Error;
use crate::wire::{Answer, Wire, demand_https};

const WHOM: &str = "the facilitator";

/// Longer reasons are cut.
const LONGEST_REASON: usize = 200;

/// Where the facilitator is and how it is spoken to.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its address, up to what stands before `/verify`.
    pub url: Url,
    /// The limit of one call; 30 s where none is given: a settlement waits for a block.
    pub timeout: Option<Duration>,
    /// For Coinbase's: a key, by which a token is made for each request.
    pub cdp: Option<CdpKey>,
    /// Whether `resource` and `extensions` are left out: Coinbase's refused payments because of them, twice.
    pub strip: bool,
    /// Certificates (PEM) that are trusted besides the system's.
    pub extra_ca: Option<String>,
    /// For the tokens' times.
    pub clock: Clock,
}

/// A client of one facilitator.
#[derive(Clone, Debug)]
pub struct Facilitator {
    wire: Wire,
    url: Url,
    strip: bool,
    signer: Option<Signer>,
}

/// What it can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supported {
    /// The chains on which it settles exact payments of the second generation.
    pub networks: Vec<Network>,
}

/// What it thinks of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Whether it would settle it.
    pub valid: bool,
    /// Who pays, as it sees it.
    pub payer: Option<Address>,
    /// Why not, in its words, cleaned.
    pub reason: Option<String>,
}

/// What came of bringing a payment to the chain. Neither a no nor a transaction is proof of anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Whether it says that the money moved.
    pub success: bool,
    /// Whether it sent a transaction and does not know yet.
    pub pending: bool,
    /// The transaction, where it names one.
    pub transaction: Option<TxHash>,
    /// Why not, in its words, cleaned.
    pub reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VerifyAnswer {
    is_valid: bool,
    #[serde(default)]
    invalid_reason: Option<String>,
    #[serde(default)]
    payer: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SettleAnswer {
    success: bool,
    #[serde(default)]
    error_reason: Option<String>,
    #[serde(default)]
    transaction: Option<Value>,
}

impl Facilitator {
    /// Makes the client. Nothing is sent yet.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        demand_https(&settings.url, "the facilitator's address")?;
        if settings.url.cannot_be_a_base()
            || settings.url.query().is_some()
            || !settings.url.username().is_empty()
        {
            return Err(Error::Settings("the facilitator's address must be plain: host and path".to_owned()));
        }
        let signer = settings.cdp.map(|key| Signer::new(key, settings.clock)).transpose()?;
        let timeout = settings.timeout.unwrap_or(Duration::from_secs(30));
        let wire = Wire::new(WHOM, timeout, settings.extra_ca.as_deref())?;
        Ok(Self { wire, url: settings.url, strip: settings.strip, signer })
    }

    /// What it can do.
    pub async fn supported(&self) -> Result<Supported, Error> {
        #[derive(Deserialize)]
        struct Whole {
            kinds: Vec<Kind>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Kind {
            x402_version: u64,
            scheme: String,
            network: String,
        }
        let url = self.at("supported")?;
        let whole: Whole = self.ask("GET", &url, self.wire.get(url.clone())).await?;
        let exact = whole.kinds.into_iter().filter(|kind| kind.x402_version == 2 && kind.scheme == "exact");
        // Chains of other kinds (Solana, say) are not ours.
        let mut networks: Vec<Network> = exact.filter_map(|kind| kind.network.parse().ok()).collect();
        networks.sort_unstable();
        networks.dedup();
        Ok(Supported { networks })
    }

    /// Asks whether it would settle the payment. Has no effect.
    pub async fn verify(&self, payment: &Payment, asked: &Requirements) -> Result<Verified, Error> {
        let answer: VerifyAnswer = self.post("verify", payment, asked).await?;
        Ok(Verified {
            valid: answer.is_valid,
            payer: parsed(answer.payer),
            reason: answer.invalid_reason.map(|reason| clean(&reason)),
        })
    }

    /// Has the payment brought to the chain. Asking again with the same payment moves no money twice: the chain
    /// takes its nonce once.
    pub async fn settle(&self, payment: &Payment, asked: &Requirements) -> Result<Settled, Error> {
        let answer: SettleAnswer = self.post("settle", payment, asked).await?;
        let pending = !answer.success && answer.error_reason.as_deref() == Some("settlement_pending");
        Ok(Settled {
            success: answer.success,
            pending,
            transaction: parsed(answer.transaction),
            reason: answer.error_reason.map(|reason| clean(&reason)),
        })
    }

    fn at(&self, what: &str) -> Result<Url, Error> {
        let mut url = self.url.clone();
        url.path_segments_mut()
            .map_err(|()| Error::Settings("the facilitator's address has no path".to_owned()))?
            .pop_if_empty()
            .push(what);
        Ok(url)
    }

    async fn post<T: DeserializeOwned>(
        &self,
        what: &str,
        payment: &Payment,
        asked: &Requirements,
    ) -> Result<T, Error> {
        let url = self.at(what)?;
        let body = json!({
            "x402Version": 2,
            "paymentPayload": payment.forwarded(asked, self.strip),
            "paymentRequirements": asked.to_v2(),
        });
        self.ask("POST", &url, self.wire.post(url.clone()).json(&body)).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: &str,
        url: &Url,
        mut request: reqwest::RequestBuilder,
    ) -> Result<T, Error> {
        if let Some(signer) = &self.signer {
            request = request.bearer_auth(signer.token(method, url)?);
        }
        read(self.wire.send(request).await?)
    }
}

/// The body where it is what was agreed, under whatever status; else what the status says.
fn read<T: DeserializeOwned>(answer: Answer) -> Result<T, Error> {
    let (whom, status) = (WHOM, answer.status);
    if (300..400).contains(&status) {
        return Err(Error::Unreadable {
            whom,
            what: format!("a redirect ({status}), which is not followed"),
        });
    }
    let message = || own_words(&answer.body).unwrap_or_else(|| "no reason given".to_owned());
    match (serde_json::from_slice(&answer.body), status) {
        (Ok(read), _) => Ok(read),
        (Err(_), 200..300) => {
            Err(Error::Unreadable { whom, what: "not the JSON that the protocol names".to_owned() })
        }
        (Err(_), 408 | 409 | 425 | 429 | 500..) => Err(Error::Failing { whom, status, message: message() }),
        (Err(_), _) => Err(Error::Refused { whom, status, message: message() }),
    }
}

/// What it says of an error in another shape than that of an answer.
fn own_words(body: &[u8]) -> Option<String> {
    let json: Value = serde_json::from_slice(body).ok()?;
    let said = ["errorMessage", "error", "message", "errorReason", "invalidReason", "errorType"];
    said.into_iter().find_map(|key| json.get(key)?.as_str()).map(clean)
}

/// What is there and can be read; an empty text, as some answer, is nothing.
fn parsed<T: std::str::FromStr>(value: Option<Value>) -> Option<T> {
    value?.as_str()?.parse().ok()
}

/// A stranger's words for others' eyes: printable ASCII, and not many of them.
fn clean(reason: &str) -> String {
    reason.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(LONGEST_REASON).collect()
}
