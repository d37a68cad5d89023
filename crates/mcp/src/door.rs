//! How tools speak to a house: one request, one answer.

use axum::http::{Extensions, HeaderMap, Method, StatusCode};
use serde_json::Value;

/// A request.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Its method.
    pub method: Method,
    /// Path and query, from the root of the house.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// What the connection knows of whoever asks.
    pub extensions: Extensions,
    /// Its body.
    pub body: Option<Value>,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body; null where there is none.
    pub body: Value,
}

/// There is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Silence {
    /// No connection came about.
    #[error("the house cannot be reached: {0}")]
    Unreachable(String),
    /// It may have arrived and had its effect.
    #[error("the house did not answer: {0}")]
    Lost(String),
}

/// A way to a house.
pub trait Door: Send + Sync + 'static {
    /// Asks, once.
    fn knock(&self, ask: Ask) -> impl Future<Output = Result<Answer, Silence>> + Send;
}

/// The largest answer that is read: both outputs of a command, each once more in base64, fit.
pub(crate) const LARGEST: usize = 8 * 1024 * 1024;

/// A body as JSON. What is no JSON did not come from a house.
pub(crate) fn json(bytes: &[u8]) -> Result<Value, Silence> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(bytes).map_err(|_| Silence::Lost("what came back is no JSON".to_owned()))
}
