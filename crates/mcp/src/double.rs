//! A house for tests: it writes down what it is asked, and answers what it was told to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::http::{HeaderMap, HeaderName, StatusCode};
use innkeeper_connectors::x402::{Atomic, Offer, Requirements};
use serde_json::{Value, json};

use crate::door::{Answer, Ask, Door, Silence};

#[derive(Clone, Default)]
pub(crate) struct Double(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    asked: Vec<Ask>,
    answers: VecDeque<Result<Answer, Silence>>,
}

impl Double {
    /// A house that answers this, in turn; then nothing.
    pub(crate) fn answering(answers: impl IntoIterator<Item = Result<Answer, Silence>>) -> Self {
        let double = Self::default();
        double.0.lock().unwrap().answers.extend(answers);
        double
    }

    pub(crate) fn asked(&self) -> Vec<Ask> {
        self.0.lock().unwrap().asked.clone()
    }
}

impl Door for Double {
    async fn knock(&self, ask: Ask) -> Result<Answer, Silence> {
        let mut inner = self.0.lock().unwrap();
        inner.asked.push(ask);
        inner.answers.pop_front().unwrap_or_else(|| Err(Silence::Unreachable("nobody is there".into())))
    }
}

#[expect(clippy::unnecessary_wraps, reason = "stands beside answers that do not come")]
pub(crate) fn answer(status: u16, body: Value) -> Result<Answer, Silence> {
    Ok(Answer { status: StatusCode::from_u16(status).unwrap(), headers: HeaderMap::new(), body })
}

pub(crate) fn with(mut answer: Result<Answer, Silence>, name: &str, value: &str) -> Result<Answer, Silence> {
    let name: HeaderName = name.parse().unwrap();
    answer.as_mut().unwrap().headers.insert(name, value.parse().unwrap());
    answer
}

/// What a house asks for something of this price: a dollar a credit.
pub(crate) fn offer(micros: i64) -> Offer {
    let requirements = Requirements {
        network: "eip155:84532".parse().unwrap(),
        asset: "0x036CbD53842c5426634e7929541eC2318f3dCF7e".parse().unwrap(),
        amount: Atomic(u128::try_from(micros).unwrap()),
        pay_to: "0x209693Bc6afc0C5328bA36FaF03C514EF312287C".parse().unwrap(),
        max_timeout_s: 120,
        token_name: "USDC".into(),
        token_version: "2".into(),
    };
    Offer {
        resource: "https://inn.example/api/v1/leases".parse().unwrap(),
        description: "A lease".into(),
        requirements: vec![requirements],
        extensions: serde_json::Map::new(),
    }
}

/// The `402` of an offer.
pub(crate) fn demand(offer: &Offer, micros: i64) -> Result<Answer, Silence> {
    let body =
        json!({ "x402Version": 1, "error": "Payment required", "accepts": [], "price_micros": micros });
    with(answer(402, body), "payment-required", &offer.header("Payment required"))
}

/// The answer to an order that was delivered.
pub(crate) fn delivered(lease: &str) -> Result<Answer, Silence> {
    let order = json!({ "id": "ord_1", "state": "delivered", "lease_id": lease });
    answer(201, json!({ "order": order, "lease": { "id": lease }, "token": "ikl_secret" }))
}
