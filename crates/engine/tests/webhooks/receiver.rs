//! A receiver that checks what it is told by the library of Standard Webhooks, and answers what it is told to.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Long for a computer that has better things to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// What it was told: the id, and the body.
pub(crate) type Told = (String, Value);

#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) url: String,
    secret: Arc<Mutex<String>>,
    status: Arc<Mutex<u16>>,
    /// Whether it answers at all.
    answers: watch::Sender<bool>,
    told: watch::Sender<Vec<Told>>,
}

impl Receiver {
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self {
            url: format!("http://{}/in?key=s3cret", listener.local_addr().unwrap()),
            secret: Arc::default(),
            status: Arc::new(Mutex::new(200)),
            answers: watch::channel(true).0,
            told: watch::channel(Vec::new()).0,
        };
        let router = Router::new().fallback(hear).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        receiver
    }

    /// By what it knows us.
    pub(crate) fn knows(&self, secret: &str) {
        secret.clone_into(&mut self.secret.lock().unwrap());
    }

    pub(crate) fn will(&self, status: u16) {
        *self.status.lock().unwrap() = status;
    }

    pub(crate) fn answers(&self, yes: bool) {
        self.answers.send_replace(yes);
    }

    pub(crate) fn told(&self) -> Vec<Told> {
        self.told.borrow().clone()
    }

    /// What it was told, in words: `instance.running`.
    pub(crate) fn kinds(&self) -> Vec<String> {
        self.told().iter().map(|(_, body)| body["type"].as_str().unwrap().to_owned()).collect()
    }

    /// Once it was told so many things.
    pub(crate) async fn hears(&self, many: usize) -> Vec<Told> {
        let mut told = self.told.subscribe();
        let enough = tokio::time::timeout(PATIENCE, told.wait_for(|told| told.len() >= many)).await;
        enough.unwrap_or_else(|_| panic!("only {:?}", self.kinds())).unwrap().clone()
    }
}

async fn hear(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> Response {
    let secret = receiver.secret.lock().unwrap().clone();
    let theirs = standardwebhooks::Webhook::new(&secret).unwrap();
    // By this machine's clock only in what we are told: the house has one of its own.
    let signed_at = headers["webhook-timestamp"].to_str().unwrap().parse().unwrap();
    let id = headers["webhook-id"].to_str().unwrap().to_owned();
    let expected = theirs.sign(&id, signed_at, &body).unwrap();
    if headers["webhook-signature"] != expected.as_str() {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    receiver.told.send_modify(|told| told.push((id, serde_json::from_slice(&body).unwrap())));
    receiver.answers.subscribe().wait_for(|answers| *answers).await.unwrap();
    let status = *receiver.status.lock().unwrap();
    (StatusCode::from_u16(status).unwrap(), [(header::LOCATION, "/again")]).into_response()
}
