//! A buyer's wallet: pays what a house asks, up to a limit, and signs one payment for one order.
//!
//! While a payment is good and its order is not over, the same call sends the same payment and the same key again; another
//! is signed only when the first can move no money any more.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, StatusCode};
use innkeeper_connectors::x402::siwx::Challenge;
use innkeeper_connectors::x402::wallet::{Wallet, nonce};
use innkeeper_connectors::x402::{OFFER_HEADER, Offer, Requirements};
use innkeeper_domain::money::Micros;
use innkeeper_domain::time::{Clock, Timestamp};
use innkeeper_domain::wallets::{Address, Network};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use url::Url;

use crate::caller::SIGN_IN;
use crate::door::{Answer, Ask, Door, Silence};

/// How often a payment is sent until there is an answer, and the pauses between.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(6)];

/// No authorization is made good for longer.
const LONGEST_S: u64 = 900;

/// Clocks of chains and ours differ.
const MARGIN: Duration = Duration::from_secs(60);

/// The header of a payment.
pub(crate) const PAYMENT: HeaderName = HeaderName::from_static("payment-signature");

/// The header of an order's key.
pub(crate) const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// What a wallet may spend.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most that one call may cost.
    pub most: Micros,
    /// What a credit costs at most, in the token's smallest unit. It is told by the wallet's owner, since a house could
    /// say anything of its credits.
    pub per_credit: u64,
    /// On which chain it pays; the first that is offered when left out.
    pub network: Option<Network>,
}

impl Limits {
    fn units(&self) -> u128 {
        u128::try_from(self.most.0).unwrap_or(0) * u128::from(self.per_credit) / 1_000_000
    }
}

/// A wallet that pays.
pub struct Purse {
    wallet: Wallet,
    limits: Limits,
    clock: Clock,
    /// One purchase at a time.
    open: Mutex<HashMap<String, Open>>,
}

/// A purchase that is not over.
struct Open {
    key: String,
    payment: SecretString,
    good_until: Timestamp,
    /// Whether nobody has said what became of it.
    unknown: bool,
}

/// The purse stays closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Closed {
    pub(crate) code: &'static str,
    pub(crate) detail: String,
    pub(crate) remedy: &'static str,
    pub(crate) price: Option<Micros>,
}

/// What came of a purchase.
pub(crate) enum Paid {
    Answered(Answer),
    Closed(Closed),
}

impl fmt::Debug for Purse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Purse").field("wallet", &self.wallet).finish_non_exhaustive()
    }
}

impl Purse {
    /// A wallet and what it may spend.
    pub fn new(wallet: Wallet, limits: Limits, clock: Clock) -> Self {
        Self { wallet, limits, clock, open: Mutex::default() }
    }

    /// Whose it is.
    pub fn address(&self) -> Address {
        self.wallet.address()
    }

    /// Asks the house at this address, and pays what is asked. `key` names the order, if the caller has named it.
    pub(crate) async fn buy<D: Door>(
        &self,
        door: &D,
        house: &Url,
        ask: Ask,
        key: Option<String>,
    ) -> Result<Paid, Silence> {
        let name = format!(
            "{} {}\n{}\n{}",
            ask.method,
            ask.path,
            key.as_deref().unwrap_or_default(),
            ask.body.as_ref().map(Value::to_string).unwrap_or_default()
        );
        let mut open = self.open.lock().await;
        let now = self.clock.now();
        // What nobody can settle any more is forgotten, but for its key where it may have been settled.
        open.retain(|_, one| one.unknown || now < one.good_until);
        let held = open.get(&name);
        let key = held.map(|one| one.key.clone()).or(key).unwrap_or_else(random_key);
        let ask = with(ask, &KEY, &key);
        let payment = if let Some(one) = held.filter(|one| now < one.good_until) {
            one.payment.clone()
        } else {
            let answer = self.knock(door, house, &ask).await?;
            if answer.status != StatusCode::PAYMENT_REQUIRED {
                if is_over(&answer) {
                    open.remove(&name);
                }
                return Ok(Paid::Answered(answer));
            }
            let (payment, good_until) = match self.sign(&answer, now) {
                Some(Ok(signed)) => signed,
                Some(Err(closed)) => return Ok(Paid::Closed(closed)),
                None => return Ok(Paid::Answered(answer)),
            };
            let one = Open { key, payment: payment.clone(), good_until, unknown: true };
            open.insert(name.clone(), one);
            payment
        };
        let answer = self.insist(door, house, &with(ask, &PAYMENT, payment.expose_secret())).await;
        if let Some(one) = open.get_mut(&name) {
            one.unknown = !answer.as_ref().is_ok_and(|answer| !is_trouble(answer));
        }
        if answer.as_ref().is_ok_and(is_over) {
            open.remove(&name);
        }
        Ok(Paid::Answered(answer?))
    }

    /// Pays an offer, if it may. Nothing when there is no offer that a wallet can pay.
    fn sign(&self, answer: &Answer, now: Timestamp) -> Option<Result<(SecretString, Timestamp), Closed>> {
        let offer = Offer::from_header(answer.headers.get(OFFER_HEADER)?.to_str().ok()?).ok()?;
        let wanted = |one: &&Requirements| self.limits.network.is_none_or(|network| network == one.network);
        let price = answer.body["price_micros"].as_i64().map(Micros);
        let closed = |code, detail: String, remedy| Some(Err(Closed { code, detail, remedy, price }));
        let Some(asked) = offer.requirements.iter().find(wanted) else {
            let offered: Vec<String> = offer.requirements.iter().map(|one| one.network.to_string()).collect();
            return closed(
                "other_network",
                format!("the house takes payments on {}", offered.join(", ")),
                "nothing was paid; let the wallet's owner choose another network (`--network`)",
            );
        };
        let most = self.limits.most;
        if price.is_some_and(|price| price > most) || asked.amount.0 > self.limits.units() {
            let price = price.map_or_else(|| "?".to_owned(), |price| price.to_string());
            return closed(
                "price_above_limit",
                format!(
                    "it costs {price} credits ({} of the token's smallest units), and {most} credits ({}) are the most \
                     that the wallet pays for one call",
                    asked.amount,
                    self.limits.units()
                ),
                "nothing was paid; take less time or a smaller size, or let the wallet's owner raise the limit \
                 (`--max-price`)",
            );
        }
        if asked.max_timeout_s > LONGEST_S {
            return closed(
                "payment_too_long",
                format!("the house wants a payment that is good for {} s", asked.max_timeout_s),
                "nothing was paid; the wallet signs for 900 s at most: tell the house's operator",
            );
        }
        let good_until = now.after(Duration::from_secs(asked.max_timeout_s) + MARGIN);
        Some(Ok((self.wallet.pay(&offer, asked, now, nonce()), good_until)))
    }

    /// Sends a payment until there is an answer that says what became of it.
    async fn insist<D: Door>(&self, door: &D, house: &Url, ask: &Ask) -> Result<Answer, Silence> {
        for pause in PAUSES {
            match self.knock(door, house, ask).await {
                Ok(answer) if !is_trouble(&answer) => return Ok(answer),
                Ok(_) | Err(_) => tokio::time::sleep(pause).await,
            }
        }
        self.knock(door, house, ask).await
    }

    /// Asks once. Where the wallet has signed in it signs in anew, since each signature is good once.
    async fn knock<D: Door>(&self, door: &D, house: &Url, ask: &Ask) -> Result<Answer, Silence> {
        let mut ask = ask.clone();
        if ask.headers.remove(SIGN_IN).is_some()
            && let Some(signed) = self.sign_in(door, house).await
        {
            ask.headers.insert(SIGN_IN, signed);
        }
        door.knock(ask).await
    }

    /// The value of `SIGN-IN-WITH-X` for one request to the house, which must be who it says it is.
    pub(crate) async fn sign_in<D: Door>(&self, door: &D, house: &Url) -> Option<HeaderValue> {
        let ask = Ask {
            method: axum::http::Method::POST,
            path: "/api/v1/leases/challenge".to_owned(),
            headers: axum::http::HeaderMap::new(),
            extensions: axum::http::Extensions::new(),
            body: None,
        };
        let answer = door.knock(ask).await.ok()?;
        let challenge: Challenge = serde_json::from_value(answer.body).ok()?;
        let network = challenge.supported_chains.iter().find_map(|chain| chain.chain_id.parse().ok())?;
        let signed = self.wallet.sign_in(&challenge, network, house).ok()?;
        secret_header(signed.expose_secret())
    }
}

impl Closed {
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "code": self.code,
            "detail": self.detail,
            "remedy": self.remedy,
            "price_micros": self.price,
        })
    }
}

/// Whether the house says that it is in trouble, or that we are too fast: the same may be answered in a moment.
fn is_trouble(answer: &Answer) -> bool {
    answer.status.is_server_error() || answer.status == StatusCode::TOO_MANY_REQUESTS
}

/// Whether nothing more comes of it: it was taken, or its order has ended with a credit.
fn is_over(answer: &Answer) -> bool {
    let state = answer.body["order"]["state"].as_str();
    answer.status.is_success() || matches!(state, Some("delivered" | "credited" | "lapsed"))
}

fn random_key() -> String {
    format!("mcp-{}", hex::encode(rand::random::<[u8; 24]>()))
}

fn with(mut ask: Ask, name: &HeaderName, value: &str) -> Ask {
    // Keys that are no header are refused before; what we make is ASCII.
    if let Some(value) = secret_header(value) {
        ask.headers.insert(name.clone(), value);
    }
    ask
}

/// A header that no log shows.
pub(crate) fn secret_header(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests;
