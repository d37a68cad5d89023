//! Stripe: Checkout Sessions, refunds, and webhooks whose signature proves them.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use innkeeper_domain::payments::{Amount, Currency, Provider};
use innkeeper_domain::time::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use url::Url;

use crate::Error;
use crate::payments::{Begun, Event, News, Order, PaymentProvider, Refund, Refunded, Reply, Seen, State};
use crate::wire::{Wire, demand_https, demand_secret};

const WHOM: &str = "Stripe";

/// How far a webhook's time may be from ours; Stripe's own libraries allow the same.
const TOLERANCE: Duration = Duration::from_mins(5);

/// The version of the API whose shapes are read here; without it, the account's setting would decide.
const VERSION: &str = "2024-06-20";

/// What a Stripe account gives its owner.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `sk_…` or a restricted key `rk_…`.
    pub secret_key: SecretString,
    /// `whsec_…`, of the webhook endpoint that points at us.
    pub webhook_secret: SecretString,
    /// `https://api.stripe.com/` unless a double stands in.
    pub base: Option<Url>,
    /// The limit of one call; 30 s where none is given.
    pub timeout: Option<Duration>,
}

/// A client of one Stripe account.
#[derive(Clone, Debug)]
pub struct Stripe {
    wire: Wire,
    base: Url,
    secret_key: SecretString,
    webhook_secret: SecretString,
}

#[derive(Deserialize)]
struct Session {
    id: String,
    #[serde(default)]
    url: Option<Url>,
    client_reference_id: Option<String>,
    amount_total: Option<i64>,
    currency: Option<String>,
    payment_status: String,
    status: Option<String>,
    payment_intent: Option<Value>,
}

impl Session {
    fn seen(self) -> Seen {
        let state = match (self.payment_status.as_str(), self.status.as_deref()) {
            ("paid", _) => State::Paid,
            (_, Some("expired")) => State::Failed,
            // Completed but unpaid: a slow method, such as a bank debit, is under way.
            ("unpaid", Some("complete")) => State::Pending,
            _ => State::Open,
        };
        Seen {
            reference: self.id,
            order: self.client_reference_id,
            amount: amount(self.amount_total, self.currency.as_deref()),
            state,
            receipt: self.payment_intent.as_ref().and_then(id_of),
        }
    }
}

/// Stripe's objects name others by id, or, where expanded, carry them whole.
fn id_of(value: &Value) -> Option<String> {
    value.as_str().or_else(|| value.get("id")?.as_str()).map(str::to_owned)
}

fn amount(minor: Option<i64>, currency: Option<&str>) -> Option<Amount> {
    let currency: Currency = currency?.to_ascii_uppercase().parse().ok()?;
    Some(Amount::new(minor?, currency))
}

fn own_words(answer: &Value) -> Option<String> {
    Some(answer.get("error")?.get("message")?.as_str()?.to_owned())
}

impl Stripe {
    /// Makes the client. Nothing is sent yet.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        demand_secret(&settings.secret_key, "Stripe's secret key")?;
        demand_secret(&settings.webhook_secret, "Stripe's webhook secret")?;
        let base = match settings.base {
            Some(base) => base,
            None => Url::parse("https://api.stripe.com/").map_err(|e| Error::Settings(e.to_string()))?,
        };
        demand_https(&base, "Stripe's address")?;
        let wire = Wire::new(WHOM, settings.timeout.unwrap_or(Duration::from_secs(30)), None)?;
        Ok(Self { wire, base, secret_key: settings.secret_key, webhook_secret: settings.webhook_secret })
    }

    fn at(&self, segments: &[&str]) -> Result<Url, Error> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| Error::Settings("Stripe's address has no path".to_owned()))?
            .pop_if_empty()
            .extend(segments);
        Ok(url)
    }

    async fn send<T: serde::de::DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<T, Error> {
        let request = request.bearer_auth(self.secret_key.expose_secret()).header("Stripe-Version", VERSION);
        self.wire.call(request, own_words).await
    }

    async fn create(&self, order: &Order) -> Result<Begun, Error> {
        let (amount, currency) =
            (order.amount.minor.to_string(), order.amount.currency.as_str().to_ascii_lowercase());
        let mut form = vec![
            ("mode", "payment"),
            ("client_reference_id", &order.id),
            ("metadata[order]", &order.id),
            // Copied by Stripe to the charge, so that a refund made at Stripe can be told by order too.
            ("payment_intent_data[metadata][order]", &order.id),
            ("line_items[0][quantity]", "1"),
            ("line_items[0][price_data][currency]", &currency),
            ("line_items[0][price_data][unit_amount]", &amount),
            ("line_items[0][price_data][product_data][name]", &order.description),
            ("success_url", order.success_url.as_str()),
            ("cancel_url", order.cancel_url.as_str()),
        ];
        let expires = order.expires_at.map(|at| (at.0 / 1_000_000).to_string());
        if let Some(expires) = &expires {
            form.push(("expires_at", expires));
        }
        let request = self
            .wire
            .post(self.at(&["v1", "checkout", "sessions"])?)
            .header("Idempotency-Key", format!("begin:{}", order.id))
            .form(&form);
        let session: Session = self.send(request).await?;
        let redirect = session.url.ok_or_else(|| Error::Unreadable {
            whom: WHOM,
            what: "a Checkout Session without the address of its page".to_owned(),
        })?;
        Ok(Begun { reference: session.id, redirect })
    }

    async fn retrieve(&self, reference: &str) -> Result<Seen, Error> {
        let request = self.wire.get(self.at(&["v1", "checkout", "sessions", reference])?);
        Ok(self.send::<Session>(request).await?.seen())
    }

    async fn give_back(&self, refund: &Refund) -> Result<Refunded, Error> {
        #[derive(Deserialize)]
        struct Answer {
            id: String,
            status: Option<String>,
        }
        let amount = refund.amount.minor.to_string();
        let request = self
            .wire
            .post(self.at(&["v1", "refunds"])?)
            .header("Idempotency-Key", format!("refund:{}", refund.key))
            .form(&[
                ("payment_intent", refund.receipt.as_str()),
                ("amount", &amount),
                ("metadata[refund]", &refund.key),
            ]);
        let answer: Answer = self.send(request).await?;
        match answer.status.as_deref() {
            Some(status @ ("failed" | "canceled")) => Err(Error::Refused {
                whom: WHOM,
                status: 200,
                message: format!("the refund {} is {status}", answer.id),
            }),
            status => Ok(Refunded { reference: answer.id, done: status == Some("succeeded") }),
        }
    }

    /// `Stripe-Signature: t=<seconds>,v1=<hex>,v1=<hex>,…`: one signature per secret while secrets are being changed.
    fn verify(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<Event, Error> {
        let forged = |why| Error::Forged { whom: WHOM, why };
        let header = headers
            .get("stripe-signature")
            .and_then(|value| value.to_str().ok())
            .ok_or_else(|| forged("there is no Stripe-Signature"))?;
        let mut at = None;
        let mut signatures = Vec::new();
        for part in header.split(',') {
            match part.trim().split_once('=') {
                Some(("t", seconds)) => at = Some(seconds),
                Some(("v1", signature)) => signatures.extend(hex::decode(signature)),
                _ => {}
            }
        }
        let at = at.ok_or_else(|| forged("the signature has no time"))?;
        let mut mac = Hmac::<Sha256>::new_from_slice(self.webhook_secret.expose_secret().as_bytes())
            .map_err(|_| Error::Settings("Stripe's webhook secret cannot be a key".to_owned()))?;
        mac.update(at.as_bytes());
        mac.update(b".");
        mac.update(body);
        let ours = mac.finalize().into_bytes();
        // All are compared, each in constant time, so that timing tells nothing about any of them.
        let matching = signatures
            .iter()
            .fold(subtle::Choice::from(0), |found, theirs| found | ours.as_slice().ct_eq(theirs));
        if !bool::from(matching) {
            return Err(forged("the signature does not match"));
        }
        let seconds: i64 = at.parse().map_err(|_| forged("the signature's time is not a number"))?;
        let signed = Timestamp(seconds.saturating_mul(1_000_000));
        if now.since(signed).max(signed.since(now)) > TOLERANCE {
            return Err(forged("the signature is too old, or this machine's clock is wrong"));
        }
        parse(body)
    }
}

fn parse(body: &[u8]) -> Result<Event, Error> {
    #[derive(Deserialize)]
    struct Whole {
        id: String,
        #[serde(rename = "type")]
        kind: String,
        data: Inner,
    }
    #[derive(Deserialize)]
    struct Inner {
        object: Value,
    }
    #[derive(Deserialize)]
    struct Charge {
        payment_intent: Option<Value>,
        amount_refunded: Option<i64>,
        currency: Option<String>,
        #[serde(default)]
        metadata: Value,
    }
    let unreadable = |error: serde_json::Error| Error::Unreadable { whom: WHOM, what: error.to_string() };
    let whole: Whole = serde_json::from_slice(body).map_err(unreadable)?;
    let object = whole.data.object;
    let news = match whole.kind.as_str() {
        "checkout.session.completed"
        | "checkout.session.async_payment_succeeded"
        | "checkout.session.async_payment_failed"
        | "checkout.session.expired" => {
            let mut seen = serde_json::from_value::<Session>(object).map_err(unreadable)?.seen();
            // The session itself still says complete and unpaid.
            if whole.kind.ends_with("async_payment_failed") {
                seen.state = State::Failed;
            }
            News::Payment(seen)
        }
        "charge.refunded" => {
            let charge: Charge = serde_json::from_value(object).map_err(unreadable)?;
            match charge.payment_intent.as_ref().and_then(id_of) {
                Some(receipt) => News::Refund {
                    order: charge.metadata.get("order").and_then(Value::as_str).map(str::to_owned),
                    receipt,
                    amount: amount(charge.amount_refunded, charge.currency.as_deref()),
                },
                None => News::Other,
            }
        }
        _ => News::Other,
    };
    Ok(Event { id: whole.id, kind: whole.kind, news })
}

impl PaymentProvider for Stripe {
    fn provider(&self) -> Provider {
        Provider::Stripe
    }

    fn begin<'a>(&'a self, order: &'a Order) -> Reply<'a, Begun> {
        Box::pin(self.create(order))
    }

    fn look<'a>(&'a self, reference: &'a str) -> Reply<'a, Seen> {
        Box::pin(self.retrieve(reference))
    }

    fn capture<'a>(&'a self, reference: &'a str, _order: &'a str) -> Reply<'a, Seen> {
        Box::pin(self.retrieve(reference))
    }

    fn refund<'a>(&'a self, refund: &'a Refund) -> Reply<'a, Refunded> {
        Box::pin(self.give_back(refund))
    }

    fn verify_webhook<'a>(
        &'a self,
        headers: &'a HeaderMap,
        body: &'a [u8],
        now: Timestamp,
    ) -> Reply<'a, Event> {
        Box::pin(async move { self.verify(headers, body, now) })
    }
}
