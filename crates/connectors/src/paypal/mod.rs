//! PayPal: orders that are captured, refunds, and webhooks that PayPal itself is asked to vouch for.

mod shapes;

use std::time::Duration;

use http::HeaderMap;
use innkeeper_domain::payments::Provider;
use innkeeper_domain::time::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;
use url::Url;

use shapes::{OrderAnswer, parse};

use crate::Error;
use crate::payments::{Begun, Event, Order, PaymentProvider, Refund, Refunded, Reply, Seen};
use crate::wire::{Wire, demand_https, demand_secret};

const WHOM: &str = "PayPal";

/// Webhooks that PayPal is asked about at once: anybody can send us one, and each costs a call.
const JUDGED_AT_ONCE: usize = 8;

/// A token is renewed this long before it ends.
const EARLY: Duration = Duration::from_mins(1);

/// What a PayPal app gives its owner.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The app's client id.
    pub client_id: String,
    /// The app's secret.
    pub client_secret: SecretString,
    /// The id of the webhook that points at us.
    pub webhook_id: String,
    /// `https://api-m.paypal.com/` unless the sandbox or a double stands in.
    pub base: Option<Url>,
    /// The limit of one call; 30 s where none is given.
    pub timeout: Option<Duration>,
}

/// A client of one PayPal app.
#[derive(Debug)]
pub struct Paypal {
    wire: Wire,
    base: Url,
    settings: Settings,
    /// Held while one is fetched, so that many waiting calls fetch one.
    token: Mutex<Option<Token>>,
    judged: Semaphore,
}

#[derive(Clone, Debug)]
struct Token {
    text: SecretString,
    good_until: Instant,
}

fn own_words(answer: &Value) -> Option<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let issue = answer.get("details").and_then(|details| details.get(0)).and_then(|first| first.get("issue"));
    let message = answer.get("message").or_else(|| answer.get("error_description")).and_then(text);
    match (issue.and_then(text), message) {
        (Some(issue), Some(message)) => Some(format!("{issue}: {message}")),
        (issue, message) => issue.or(message),
    }
}

impl Paypal {
    /// Makes the client. Nothing is sent yet.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        demand_secret(&settings.client_secret, "PayPal's client secret")?;
        for (value, what) in [(&settings.client_id, "client id"), (&settings.webhook_id, "webhook id")] {
            if value.trim().is_empty() {
                return Err(Error::Settings(format!("PayPal's {what} is empty")));
            }
        }
        let base = match &settings.base {
            Some(base) => base.clone(),
            None => Url::parse("https://api-m.paypal.com/").map_err(|e| Error::Settings(e.to_string()))?,
        };
        demand_https(&base, "PayPal's address")?;
        let wire = Wire::new(WHOM, settings.timeout.unwrap_or(Duration::from_secs(30)), None)?;
        Ok(Self { wire, base, settings, token: Mutex::new(None), judged: Semaphore::new(JUDGED_AT_ONCE) })
    }

    fn at(&self, segments: &[&str]) -> Result<Url, Error> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| Error::Settings("PayPal's address has no path".to_owned()))?
            .pop_if_empty()
            .extend(segments);
        Ok(url)
    }

    async fn token(&self) -> Result<SecretString, Error> {
        #[derive(Deserialize)]
        struct Answer {
            access_token: SecretString,
            expires_in: u64,
        }
        let mut held = self.token.lock().await;
        if let Some(token) = held.as_ref().filter(|token| Instant::now() < token.good_until) {
            return Ok(token.text.clone());
        }
        let asked = Instant::now();
        let request = self
            .wire
            .post(self.at(&["v1", "oauth2", "token"])?)
            .basic_auth(&self.settings.client_id, Some(self.settings.client_secret.expose_secret()))
            .form(&[("grant_type", "client_credentials")]);
        // An earlier failure to get a token must not look like a lost payment: nothing else has been sent.
        let answer: Answer = self.wire.call(request, own_words).await.map_err(|error| match error {
            Error::Lost { whom, cause } => Error::Unreachable { whom, cause },
            other => other,
        })?;
        let good_until = asked + Duration::from_secs(answer.expires_in).saturating_sub(EARLY);
        *held = Some(Token { text: answer.access_token.clone(), good_until });
        Ok(answer.access_token)
    }

    /// Sends with a token, once more with a new one when the token was refused: a 401 had no effect.
    async fn send<T: serde::de::DeserializeOwned>(
        &self,
        request: impl Fn() -> reqwest::RequestBuilder,
    ) -> Result<T, Error> {
        let token = self.token().await?;
        match self.wire.call(request().bearer_auth(token.expose_secret()), own_words).await {
            Err(Error::Refused { status: 401, .. }) => {
                let mut held = self.token.lock().await;
                // Somebody may have fetched a new one already.
                if held.as_ref().is_some_and(|now| now.text.expose_secret() == token.expose_secret()) {
                    *held = None;
                }
                drop(held);
                let token = self.token().await?;
                self.wire.call(request().bearer_auth(token.expose_secret()), own_words).await
            }
            other => other,
        }
    }

    async fn create(&self, order: &Order) -> Result<Begun, Error> {
        let body = json!({
            "intent": "CAPTURE",
            "purchase_units": [{
                "custom_id": order.id,
                "invoice_id": order.id,
                "description": order.description.chars().take(127).collect::<String>(),
                "amount": {
                    "currency_code": order.amount.currency.as_str(),
                    "value": order.amount.decimal(),
                },
            }],
            "payment_source": { "paypal": { "experience_context": {
                "user_action": "PAY_NOW",
                "shipping_preference": "NO_SHIPPING",
                "return_url": order.success_url.as_str(),
                "cancel_url": order.cancel_url.as_str(),
            }}},
        });
        let url = self.at(&["v2", "checkout", "orders"])?;
        let answer: OrderAnswer = self
            .send(|| {
                self.wire
                    .post(url.clone())
                    .header("PayPal-Request-Id", format!("begin-{}", order.id))
                    .header("Prefer", "return=representation")
                    .json(&body)
            })
            .await?;
        let redirect = answer
            .links
            .iter()
            .find(|link| link.rel == "payer-action" || link.rel == "approve")
            .and_then(|link| Url::parse(&link.href).ok())
            .ok_or_else(|| Error::Unreadable {
                whom: WHOM,
                what: "an order without the address of its page".to_owned(),
            })?;
        Ok(Begun { reference: answer.id, redirect })
    }

    async fn retrieve(&self, reference: &str) -> Result<Seen, Error> {
        let url = self.at(&["v2", "checkout", "orders", reference])?;
        Ok(self.send::<OrderAnswer>(|| self.wire.get(url.clone())).await?.seen())
    }

    async fn take(&self, reference: &str, order: &str) -> Result<Seen, Error> {
        let url = self.at(&["v2", "checkout", "orders", reference, "capture"])?;
        let answer: Result<OrderAnswer, Error> = self
            .send(|| {
                self.wire
                    .post(url.clone())
                    .header("PayPal-Request-Id", format!("capture-{order}"))
                    .header("Prefer", "return=representation")
                    .json(&json!({}))
            })
            .await;
        match answer {
            Ok(answer) => Ok(answer.seen()),
            // Captured already, or not to be captured: how it stands is what counts.
            Err(Error::Refused { status: 422, message, .. })
                if message.starts_with("ORDER_ALREADY_CAPTURED")
                    || message.starts_with("ORDER_NOT_APPROVED") =>
            {
                self.retrieve(reference).await
            }
            Err(error) => Err(error),
        }
    }

    async fn give_back(&self, refund: &Refund) -> Result<Refunded, Error> {
        #[derive(Deserialize)]
        struct Answer {
            id: String,
            status: String,
        }
        let body = json!({ "amount": {
            "currency_code": refund.amount.currency.as_str(),
            "value": refund.amount.decimal(),
        }});
        let url = self.at(&["v2", "payments", "captures", &refund.receipt, "refund"])?;
        let answer: Answer = self
            .send(|| {
                self.wire
                    .post(url.clone())
                    .header("PayPal-Request-Id", format!("refund-{}", refund.key))
                    .header("Prefer", "return=representation")
                    .json(&body)
            })
            .await?;
        match answer.status.as_str() {
            status @ ("FAILED" | "CANCELLED") => Err(Error::Refused {
                whom: WHOM,
                status: 200,
                message: format!("the refund {} is {status}", answer.id),
            }),
            status => Ok(Refunded { reference: answer.id, done: status == "COMPLETED" }),
        }
    }

    async fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<Event, Error> {
        #[derive(Serialize)]
        struct Question<'a> {
            auth_algo: &'a str,
            cert_url: &'a str,
            transmission_id: &'a str,
            transmission_sig: &'a str,
            transmission_time: &'a str,
            webhook_id: &'a str,
            // Byte for byte as it arrived: the signature covers its checksum.
            webhook_event: &'a RawValue,
        }
        #[derive(Deserialize)]
        struct Verdict {
            verification_status: String,
        }
        let forged = |why| Error::Forged { whom: WHOM, why };
        let header = |name: &str| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .ok_or_else(|| forged("one of PayPal's headers is missing"))
        };
        // Cheap to see, and saves a call: their certificates are on their own hosts.
        let certificate = Url::parse(header("paypal-cert-url")?).ok();
        let theirs = |host: &str| host == "paypal.com" || host.ends_with(".paypal.com");
        if !certificate.is_some_and(|url| url.scheme() == "https" && url.host_str().is_some_and(theirs)) {
            return Err(forged("its certificate is not PayPal's"));
        }
        let Ok(_turn) = self.judged.try_acquire() else {
            let message = "too many webhooks at once".to_owned();
            return Err(Error::Failing { whom: WHOM, status: 503, message });
        };
        let event: &RawValue = serde_json::from_slice(body).map_err(|_| forged("the body is not JSON"))?;
        let question = Question {
            auth_algo: header("paypal-auth-algo")?,
            cert_url: header("paypal-cert-url")?,
            transmission_id: header("paypal-transmission-id")?,
            transmission_sig: header("paypal-transmission-sig")?,
            transmission_time: header("paypal-transmission-time")?,
            webhook_id: &self.settings.webhook_id,
            webhook_event: event,
        };
        let url = self.at(&["v1", "notifications", "verify-webhook-signature"])?;
        let verdict: Result<Verdict, Error> = self.send(|| self.wire.post(url.clone()).json(&question)).await;
        match verdict {
            Ok(verdict) if verdict.verification_status == "SUCCESS" => parse(body),
            Ok(_) => Err(forged("PayPal says that it is not theirs")),
            // Headers that are no headers of PayPal: it refuses to look at them.
            Err(Error::Refused { status: 400 | 422, .. }) => Err(forged("PayPal refuses to look at it")),
            Err(error) => Err(error),
        }
    }
}

impl PaymentProvider for Paypal {
    fn provider(&self) -> Provider {
        Provider::Paypal
    }

    fn begin<'a>(&'a self, order: &'a Order) -> Reply<'a, Begun> {
        Box::pin(self.create(order))
    }

    fn look<'a>(&'a self, reference: &'a str) -> Reply<'a, Seen> {
        Box::pin(self.retrieve(reference))
    }

    fn capture<'a>(&'a self, reference: &'a str, order: &'a str) -> Reply<'a, Seen> {
        Box::pin(self.take(reference, order))
    }

    fn refund<'a>(&'a self, refund: &'a Refund) -> Reply<'a, Refunded> {
        Box::pin(self.give_back(refund))
    }

    fn verify_webhook<'a>(
        &'a self,
        headers: &'a HeaderMap,
        body: &'a [u8],
        _now: Timestamp,
    ) -> Reply<'a, Event> {
        Box::pin(self.verify(headers, body))
    }
}
