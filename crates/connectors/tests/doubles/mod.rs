//! Stand-ins that speak the wire of the real ones: strict about what they accept, idempotent as the real ones
//! are, and ill on demand.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub)]

pub mod facilitator;
pub mod node;
pub mod paypal;
pub mod rcon;
pub mod stripe;

use std::collections::VecDeque;
use std::sync::Mutex;

use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use url::Url;

/// What befalls the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It has its effect, and the connection breaks in the middle of the answer.
    AnswerLost,
    /// It has its effect, and no answer ever comes.
    Silent,
    /// It has no effect, and 500 is answered.
    Broken,
    /// It has no effect, and 429 is answered.
    TooFast,
}

/// Faults that wait for their call.
#[derive(Debug, Default)]
pub struct Faults(Mutex<VecDeque<Fault>>);

impl Faults {
    pub fn next(&self, fault: Fault) {
        self.0.lock().unwrap().push_back(fault);
    }

    /// Answers one call: `act` is done only where the fault lets it.
    pub async fn answer(&self, act: impl FnOnce() -> (u16, Value)) -> Response {
        let fault = self.0.lock().unwrap().pop_front();
        match fault {
            Some(Fault::Broken) => reply(500, &serde_json::json!({"error": {"message": "we are sorry"}})),
            Some(Fault::TooFast) => reply(429, &serde_json::json!({"error": {"message": "slow down"}})),
            Some(Fault::Silent) => {
                act();
                std::future::pending().await
            }
            Some(Fault::AnswerLost) => {
                let (status, body) = act();
                let half = Bytes::from(body.to_string().into_bytes()[..8].to_vec());
                let parts = vec![Ok(half), Err(std::io::Error::other("cut"))];
                (StatusCode::from_u16(status).unwrap(), Body::from_stream(tokio_stream::iter(parts)))
                    .into_response()
            }
            None => {
                let (status, body) = act();
                reply(status, &body)
            }
        }
    }
}

pub fn reply(status: u16, body: &Value) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (StatusCode::from_u16(status).unwrap(), kind, body.to_string()).into_response()
}

/// Serves a router on this machine until the test ends.
pub async fn serve(router: axum::Router) -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}
