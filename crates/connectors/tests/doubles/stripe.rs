//! A Stripe that is not there: Checkout Sessions, refunds, and signed events.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, RawForm, State};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use axum::routing::{get, post};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use url::Url;

use super::{Faults, serve};

pub const KEY: &str = "sk_test_double";
pub const WEBHOOK_SECRET: &str = "whsec_double";

#[derive(Default)]
pub struct World {
    pub sessions: BTreeMap<String, Value>,
    pub refunds: Vec<Value>,
    /// What was asked with a key, and what was answered.
    keys: BTreeMap<String, (Form, Answer)>,
    /// The next session is refused.
    pub refuse_next: bool,
    /// Every call that reached us, faults or not.
    pub calls: Vec<String>,
}

#[derive(Clone)]
pub struct Double {
    pub base: Url,
    pub world: Arc<Mutex<World>>,
    pub faults: Arc<Faults>,
}

type Form = BTreeMap<String, String>;
type Answer = (u16, Value);

fn fault(code: &str, message: String) -> (u16, Value) {
    (400, json!({"error": {"type": "invalid_request_error", "code": code, "message": message}}))
}

impl Double {
    pub async fn start() -> Self {
        let mut double = Self {
            base: "http://127.0.0.1/".parse().unwrap(),
            world: Arc::default(),
            faults: Arc::default(),
        };
        let router = Router::new()
            .route("/v1/checkout/sessions", post(create))
            .route("/v1/checkout/sessions/{id}", get(retrieve))
            .route("/v1/refunds", post(refund))
            .with_state(double.clone());
        double.base = serve(router).await;
        double
    }

    pub fn session(&self, id: &str) -> Value {
        self.world.lock().unwrap().sessions[id].clone()
    }

    /// The session of one of our orders.
    pub fn session_of(&self, order: &str) -> Option<Value> {
        let world = self.world.lock().unwrap();
        world.sessions.values().find(|session| session["client_reference_id"] == order).cloned()
    }

    /// The payer pays; the event of it, unsigned.
    pub fn pay(&self, id: &str) -> Value {
        self.change(id, "checkout.session.completed", |session| {
            session["payment_status"] = json!("paid");
            session["status"] = json!("complete");
            session["payment_intent"] = json!(format!("pi_{id}"));
        })
    }

    /// Changes a session; the event of it, unsigned.
    pub fn change(&self, id: &str, kind: &str, change: impl FnOnce(&mut Value)) -> Value {
        let mut world = self.world.lock().unwrap();
        let session = world.sessions.get_mut(id).unwrap();
        change(session);
        json!({"id": format!("evt_{id}_{kind}"), "object": "event", "type": kind, "data": {"object": session}})
    }

    /// The headers that carry an event, signed at a time (seconds).
    pub fn headers(body: &str, at: i64) -> HeaderMap {
        let signature = sign(WEBHOOK_SECRET, at, body);
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_str(&format!("t={at},v1={signature},v0=dead")).unwrap();
        headers.insert("stripe-signature", value);
        headers
    }

    /// Checks who asks, and whether this was asked before.
    fn once(
        &self,
        headers: &HeaderMap,
        form: &Form,
        act: impl FnOnce(&mut World) -> (u16, Value),
    ) -> (u16, Value) {
        if headers.get("authorization").unwrap() != &format!("Bearer {KEY}") {
            return (401, json!({"error": {"message": "Invalid API Key provided"}}));
        }
        let mut world = self.world.lock().unwrap();
        let Some(key) = headers.get("idempotency-key").map(|key| key.to_str().unwrap().to_owned()) else {
            return act(&mut world);
        };
        if let Some((before, answer)) = world.keys.get(&key) {
            if before != form {
                return fault("idempotency_error", "Keys for idempotent requests can only be used with the same parameters they were first used with.".into());
            }
            return answer.clone();
        }
        let answer = act(&mut world);
        world.keys.insert(key, (form.clone(), answer.clone()));
        answer
    }
}

pub fn sign(secret: &str, at: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{at}.{body}").as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

fn form_of(raw: &[u8]) -> Form {
    url::form_urlencoded::parse(raw).into_owned().collect()
}

/// Stripe refuses a parameter that it does not know.
fn unknown(form: &Form, known: &[&str]) -> Option<(u16, Value)> {
    let stranger = form.keys().find(|name| !known.contains(&name.as_str()))?;
    Some(fault("parameter_unknown", format!("Received unknown parameter: {stranger}")))
}

async fn create(State(double): State<Double>, headers: HeaderMap, RawForm(raw): RawForm) -> Response {
    let form = form_of(&raw);
    double.world.lock().unwrap().calls.push("create".into());
    let host = headers["host"].to_str().unwrap().to_owned();
    double
        .faults
        .answer(|| {
            double.once(&headers, &form, |world| {
                let known = [
                    "mode",
                    "client_reference_id",
                    "metadata[order]",
                    "payment_intent_data[metadata][order]",
                    "line_items[0][quantity]",
                    "line_items[0][price_data][currency]",
                    "line_items[0][price_data][unit_amount]",
                    "line_items[0][price_data][product_data][name]",
                    "success_url",
                    "cancel_url",
                    "expires_at",
                ];
                if let Some(refused) = unknown(&form, &known) {
                    return refused;
                }
                if std::mem::take(&mut world.refuse_next) {
                    return fault("account_closed", "This account cannot take payments.".into());
                }
                if form["mode"] != "payment" || form["line_items[0][quantity]"] != "1" {
                    return fault("parameter_invalid", "Invalid mode or quantity".into());
                }
                let Ok(amount) = form["line_items[0][price_data][unit_amount]"].parse::<i64>() else {
                    return fault("parameter_invalid_integer", "Invalid integer".into());
                };
                if amount < 50 {
                    return fault(
                        "amount_too_small",
                        "The Checkout Session's total amount must convert to at least 50 cents.".into(),
                    );
                }
                let id = format!("cs_test_{:04}", world.sessions.len() + 1);
                let session = json!({
                    "id": id, "object": "checkout.session", "mode": "payment",
                    "client_reference_id": form["client_reference_id"],
                    "metadata": {"order": form["metadata[order]"]},
                    "amount_subtotal": amount, "amount_total": amount,
                    "currency": form["line_items[0][price_data][currency]"],
                    "payment_status": "unpaid", "status": "open", "payment_intent": null,
                    "success_url": form["success_url"], "cancel_url": form["cancel_url"],
                    "url": format!("http://{host}/c/pay/{id}"),
                });
                world.sessions.insert(id, session.clone());
                (200, session)
            })
        })
        .await
}

async fn retrieve(State(double): State<Double>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    double.world.lock().unwrap().calls.push("retrieve".into());
    double
        .faults
        .answer(|| {
            double.once(&headers, &Form::new(), |world| match world.sessions.get(&id) {
                Some(session) => (200, session.clone()),
                None => (404, json!({"error": {"message": format!("No such checkout.session: {id}")}})),
            })
        })
        .await
}

async fn refund(State(double): State<Double>, headers: HeaderMap, RawForm(raw): RawForm) -> Response {
    let form = form_of(&raw);
    double.world.lock().unwrap().calls.push("refund".into());
    double
        .faults
        .answer(|| {
            double.once(&headers, &form, |world| {
                if let Some(refused) = unknown(&form, &["payment_intent", "amount", "metadata[refund]"]) {
                    return refused;
                }
                let intent = &form["payment_intent"];
                let amount: i64 = form["amount"].parse().unwrap();
                let Some(session) = world.sessions.values().find(|s| s["payment_intent"] == **intent) else {
                    return (404, json!({"error": {"message": format!("No such payment_intent: {intent}")}}));
                };
                let before: i64 = world
                    .refunds
                    .iter()
                    .filter(|refund| refund["payment_intent"] == **intent)
                    .map(|refund| refund["amount"].as_i64().unwrap())
                    .sum();
                if before + amount > session["amount_total"].as_i64().unwrap() {
                    return fault(
                        "charge_already_refunded",
                        "Refund amount is greater than unrefunded amount on charge".into(),
                    );
                }
                let id = format!("re_{}", world.refunds.len() + 1);
                let refund = json!({"id": id, "object": "refund", "amount": amount,
                    "currency": session["currency"], "payment_intent": intent, "status": "succeeded"});
                world.refunds.push(refund.clone());
                (200, refund)
            })
        })
        .await
}
