//! A facilitator that is not there: it answers what it is told to, and keeps what it was asked.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use url::Url;

use super::{Faults, serve};

/// What one call is answered.
#[derive(Clone, Debug)]
pub enum Answer {
    Json(u16, Value),
    /// Anything, under any status.
    Raw(u16, String),
    /// To another address.
    Redirect(Url),
    /// More than anybody reads.
    Endless,
}

#[derive(Clone, Debug)]
pub struct Asked {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Value,
}

#[derive(Clone)]
pub struct Double {
    pub base: Url,
    pub answer: Arc<Mutex<Answer>>,
    pub asked: Arc<Mutex<Vec<Asked>>>,
    pub faults: Arc<Faults>,
}

impl Double {
    pub async fn start() -> Self {
        let mut double = Self {
            base: "http://127.0.0.1/".parse().unwrap(),
            answer: Arc::new(Mutex::new(Answer::Raw(404, String::new()))),
            asked: Arc::default(),
            faults: Arc::default(),
        };
        double.base = serve(Router::new().fallback(any).with_state(double.clone())).await;
        double
    }

    pub fn will(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    pub fn last(&self) -> Asked {
        self.asked.lock().unwrap().last().unwrap().clone()
    }
}

async fn any(
    State(double): State<Double>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    double.asked.lock().unwrap().push(Asked { method, uri, headers, body });
    let answer = double.answer.lock().unwrap().clone();
    match answer {
        Answer::Json(status, json) => double.faults.answer(|| (status, json)).await,
        Answer::Raw(status, text) => (StatusCode::from_u16(status).unwrap(), text).into_response(),
        Answer::Redirect(to) => {
            (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to.to_string())]).into_response()
        }
        Answer::Endless => {
            let spaces =
                std::iter::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 4096])));
            Body::from_stream(tokio_stream::iter(spaces)).into_response()
        }
    }
}

pub fn json(status: u16, value: Value) -> Answer {
    Answer::Json(status, value)
}
