//! A PayPal that is not there: tokens, orders, captures, refunds, and the judge of webhooks. What it accepts in an
//! order is what `order_request` of PayPal's own `checkout_orders_v2.json` accepts of the fields that we send.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use super::{Fault, Faults, reply, serve};

pub const CLIENT: &str = "client-double";
pub const SECRET: &str = "secret-double";
pub const WEBHOOK_ID: &str = "WH-DOUBLE";

#[derive(Default)]
pub struct World {
    pub orders: BTreeMap<String, Value>,
    pub refunds: Vec<Value>,
    keys: BTreeMap<String, (u16, Value)>,
    pub tokens: usize,
    /// So many captures have their effect, and their answers are lost.
    pub lose_captures: usize,
    pub calls: Vec<String>,
}

#[derive(Clone)]
pub struct Double {
    pub base: Url,
    pub world: Arc<Mutex<World>>,
    pub faults: Arc<Faults>,
}

fn fault(status: u16, name: &str, issue: &str, message: &str) -> (u16, Value) {
    (status, json!({"name": name, "message": message, "details": [{"issue": issue}]}))
}

fn invalid(field: &str) -> (u16, Value) {
    let message = format!("Request is not well-formed, syntactically incorrect, or violates schema: {field}");
    fault(400, "INVALID_REQUEST", "INVALID_PARAMETER_SYNTAX", &message)
}

impl Double {
    pub async fn start() -> Self {
        let mut double = Self {
            base: "http://127.0.0.1/".parse().unwrap(),
            world: Arc::default(),
            faults: Arc::default(),
        };
        let router = Router::new()
            .route("/v1/oauth2/token", post(token))
            .route("/v2/checkout/orders", post(create))
            .route("/v2/checkout/orders/{id}", get(retrieve))
            .route("/v2/checkout/orders/{id}/capture", post(capture))
            .route("/v2/payments/captures/{id}/refund", post(refund))
            .route("/v1/notifications/verify-webhook-signature", post(judge))
            .with_state(double.clone());
        double.base = serve(router).await;
        double
    }

    pub fn order_of(&self, order: &str) -> Option<Value> {
        let world = self.world.lock().unwrap();
        world.orders.values().find(|found| found["purchase_units"][0]["custom_id"] == order).cloned()
    }

    /// The payer agrees; the event of it, unsigned.
    pub fn approve(&self, id: &str) -> Value {
        let mut world = self.world.lock().unwrap();
        let order = world.orders.get_mut(id).unwrap();
        order["status"] = json!("APPROVED");
        json!({"id": format!("WH-{id}-A"), "event_type": "CHECKOUT.ORDER.APPROVED", "resource_type": "checkout-order",
            "resource": order})
    }

    /// The event of a captured order, unsigned.
    pub fn captured(&self, id: &str) -> Value {
        let world = self.world.lock().unwrap();
        let mut capture = world.orders[id]["purchase_units"][0]["payments"]["captures"][0].clone();
        capture["supplementary_data"] = json!({"related_ids": {"order_id": id}});
        json!({"id": format!("WH-{id}-C"), "event_type": "PAYMENT.CAPTURE.COMPLETED", "resource_type": "capture",
            "resource": capture})
    }

    pub fn alter(&self, id: &str, change: impl FnOnce(&mut Value)) {
        change(self.world.lock().unwrap().orders.get_mut(id).unwrap());
    }

    /// All tokens given so far are worth nothing from now on.
    pub fn revoke_tokens(&self) {
        self.world.lock().unwrap().tokens += 1000;
    }

    /// The headers that carry an event.
    pub fn headers(body: &str) -> HeaderMap {
        let (id, time) = ("tx-1", "2026-11-21T08:00:00Z");
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("paypal-auth-algo", "SHA256withRSA"),
            ("paypal-cert-url", "https://api.paypal.com/v1/notifications/certs/CERT-1"),
            ("paypal-transmission-id", id),
            ("paypal-transmission-time", time),
            ("paypal-transmission-sig", &signature(id, time, body)),
        ] {
            headers.insert(name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    /// Checks who asks, and whether this was asked before.
    fn once(&self, headers: &HeaderMap, act: impl FnOnce(&mut World) -> (u16, Value)) -> (u16, Value) {
        let mut world = self.world.lock().unwrap();
        if headers.get("authorization").unwrap() != &format!("Bearer A21-{}", world.tokens) {
            return (
                401,
                json!({"error": "invalid_token", "error_description": "Token signature verification failed"}),
            );
        }
        let Some(key) = headers.get("paypal-request-id").map(|key| key.to_str().unwrap().to_owned()) else {
            return act(&mut world);
        };
        assert!((1..=108).contains(&key.len()), "PayPal-Request-Id has 1 to 108 characters");
        if let Some(answer) = world.keys.get(&key) {
            return answer.clone();
        }
        let answer = act(&mut world);
        // A refusal is not kept: the same key may succeed once its cause is gone.
        if answer.0 < 300 {
            world.keys.insert(key, answer.clone());
        }
        answer
    }
}

/// Stands for the RSA signature over id, time, webhook and a checksum of the body: one byte more is another.
fn signature(id: &str, time: &str, body: &str) -> String {
    hex::encode(Sha256::digest(format!("{id}|{time}|{WEBHOOK_ID}|{body}")))
}

async fn token(State(double): State<Double>, headers: HeaderMap, body: String) -> Response {
    use base64::Engine;
    double.world.lock().unwrap().calls.push("token".into());
    double
        .faults
        .answer(|| {
            let basic = base64::engine::general_purpose::STANDARD.encode(format!("{CLIENT}:{SECRET}"));
            if headers["authorization"] != format!("Basic {basic}") || body != "grant_type=client_credentials" {
                return (401, json!({"error": "invalid_client", "error_description": "Client Authentication failed"}));
            }
            let mut world = double.world.lock().unwrap();
            world.tokens += 1;
            (200, json!({"access_token": format!("A21-{}", world.tokens), "token_type": "Bearer", "expires_in": 32400}))
        })
        .await
}

/// The facts of `order_request`, `purchase_unit_request` and `amount_with_breakdown` that concern us.
fn check_order(order: &Value) -> Result<(), (u16, Value)> {
    let only = |value: &Value, names: &[&str], at: &str| match value.as_object() {
        Some(map) if map.keys().all(|name| names.contains(&name.as_str())) => Ok(()),
        _ => Err(invalid(at)),
    };
    let within = |value: &Value, most: usize, at: &str| match value.as_str() {
        Some(text) if (1..=most).contains(&text.chars().count()) => Ok(()),
        _ => Err(invalid(at)),
    };
    only(order, &["intent", "purchase_units", "payment_source"], "/")?;
    if !["CAPTURE", "AUTHORIZE"].contains(&order["intent"].as_str().unwrap_or_default()) {
        return Err(invalid("/intent"));
    }
    let units = order["purchase_units"].as_array().filter(|units| (1..=10).contains(&units.len()));
    for unit in units.ok_or_else(|| invalid("/purchase_units"))? {
        only(unit, &["custom_id", "invoice_id", "description", "amount"], "/purchase_units")?;
        for name in ["custom_id", "invoice_id", "description"] {
            within(&unit[name], 127, name)?;
        }
        check_money(&unit["amount"])?;
    }
    let context = &order["payment_source"]["paypal"]["experience_context"];
    only(
        context,
        &["user_action", "shipping_preference", "return_url", "cancel_url"],
        "/experience_context",
    )?;
    for name in ["return_url", "cancel_url"] {
        Url::parse(context[name].as_str().unwrap_or_default()).map_err(|_| invalid(name))?;
    }
    Ok(())
}

fn check_money(money: &Value) -> Result<(), (u16, Value)> {
    let currency = money["currency_code"].as_str().ok_or_else(|| invalid("currency_code"))?;
    let value = money["value"].as_str().ok_or_else(|| invalid("value"))?;
    let pattern = regex::Regex::new(r"^((-?[0-9]+)|(-?([0-9]+)?[.][0-9]+))$").unwrap();
    if currency.len() != 3 || value.len() > 32 || !pattern.is_match(value) {
        return Err(invalid("amount"));
    }
    let places = value.split_once('.').map_or(0, |(_, part)| part.len());
    if places > if currency == "JPY" { 0 } else { 2 } {
        return Err(fault(422, "UNPROCESSABLE_ENTITY", "DECIMAL_PRECISION", "Too many digits"));
    }
    Ok(())
}

async fn create(State(double): State<Double>, headers: HeaderMap, body: Bytes) -> Response {
    double.world.lock().unwrap().calls.push("create".into());
    let asked: Value = serde_json::from_slice(&body).unwrap();
    let host = headers["host"].to_str().unwrap().to_owned();
    double
        .faults
        .answer(|| {
            double.once(&headers, |world| {
                if let Err(refused) = check_order(&asked) {
                    return refused;
                }
                let id = format!("5O{:015}", world.orders.len() + 1);
                let order = json!({"id": id, "intent": asked["intent"], "status": "PAYER_ACTION_REQUIRED",
                    "purchase_units": asked["purchase_units"],
                    "links": [
                        {"href": format!("http://{host}/v2/checkout/orders/{id}"), "rel": "self", "method": "GET"},
                        {"href": format!("http://{host}/checkoutnow?token={id}"), "rel": "payer-action", "method": "GET"},
                    ]});
                world.orders.insert(id, order.clone());
                (200, order)
            })
        })
        .await
}

async fn retrieve(State(double): State<Double>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    double.world.lock().unwrap().calls.push("retrieve".into());
    double
        .faults
        .answer(|| {
            double.once(&headers, |world| match world.orders.get(&id) {
                Some(order) => (200, order.clone()),
                None => fault(
                    404,
                    "RESOURCE_NOT_FOUND",
                    "INVALID_RESOURCE_ID",
                    "The specified resource does not exist.",
                ),
            })
        })
        .await
}

async fn capture(State(double): State<Double>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    {
        let mut world = double.world.lock().unwrap();
        world.calls.push("capture".into());
        if world.lose_captures > 0 {
            world.lose_captures -= 1;
            double.faults.next(Fault::AnswerLost);
        }
    }
    double
        .faults
        .answer(|| {
            double.once(&headers, |world| {
                let Some(order) = world.orders.get_mut(&id) else {
                    return fault(404, "RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID", "no such order");
                };
                match order["status"].as_str().unwrap() {
                    "APPROVED" => {}
                    "COMPLETED" => {
                        return fault(
                            422,
                            "UNPROCESSABLE_ENTITY",
                            "ORDER_ALREADY_CAPTURED",
                            "Order already captured.",
                        );
                    }
                    _ => {
                        return fault(
                            422,
                            "UNPROCESSABLE_ENTITY",
                            "ORDER_NOT_APPROVED",
                            "Payer has not yet approved the Order.",
                        );
                    }
                }
                order["status"] = json!("COMPLETED");
                let unit = &mut order["purchase_units"][0];
                unit["payments"] = json!({"captures": [{"id": format!("CAP{id}"), "status": "COMPLETED",
                    "amount": unit["amount"], "custom_id": unit["custom_id"], "final_capture": true}]});
                (201, order.clone())
            })
        })
        .await
}

async fn refund(
    State(double): State<Double>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Bytes,
) -> Response {
    double.world.lock().unwrap().calls.push("refund".into());
    let asked: Value = serde_json::from_slice(&body).unwrap();
    double
        .faults
        .answer(|| {
            double.once(&headers, |world| {
                if let Err(refused) = check_money(&asked["amount"]) {
                    return refused;
                }
                let number = |money: &Value| money["value"].as_str().unwrap().parse::<f64>().unwrap();
                let captured = world.orders.values().find_map(|order| {
                    let capture = &order["purchase_units"][0]["payments"]["captures"][0];
                    (capture["id"] == *id).then(|| number(&capture["amount"]))
                });
                let Some(captured) = captured else {
                    return fault(404, "RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID", "no such capture");
                };
                let of_it = world.refunds.iter().filter(|refund| refund["capture"] == *id);
                let before: f64 = of_it.map(|refund| number(&refund["amount"])).sum();
                if before + number(&asked["amount"]) > captured + 0.001 {
                    return fault(422, "UNPROCESSABLE_ENTITY", "REFUND_AMOUNT_EXCEEDED", "The refund amount must be less than or equal to the capture amount that has not yet been refunded.");
                }
                let refund = json!({"id": format!("R{}", world.refunds.len() + 1), "status": "COMPLETED",
                    "amount": asked["amount"], "capture": id});
                world.refunds.push(refund.clone());
                (201, refund)
            })
        })
        .await
}

async fn judge(State(double): State<Double>, headers: HeaderMap, body: Bytes) -> Response {
    #[derive(serde::Deserialize)]
    struct Question<'a> {
        auth_algo: String,
        cert_url: Url,
        transmission_id: String,
        transmission_sig: String,
        transmission_time: String,
        webhook_id: String,
        #[serde(borrow)]
        webhook_event: &'a RawValue,
    }
    double.world.lock().unwrap().calls.push("judge".into());
    let Ok(question) = serde_json::from_slice::<Question<'_>>(&body) else {
        let (status, body) = invalid("/");
        return reply(status, &body);
    };
    let expected =
        signature(&question.transmission_id, &question.transmission_time, question.webhook_event.get());
    let ours = question.auth_algo == "SHA256withRSA"
        && question.cert_url.host_str() == Some("api.paypal.com")
        && question.webhook_id == WEBHOOK_ID
        && question.transmission_sig == expected;
    let verdict = if ours { "SUCCESS" } else { "FAILURE" };
    double.faults.answer(|| double.once(&headers, |_| (200, json!({"verification_status": verdict})))).await
}
