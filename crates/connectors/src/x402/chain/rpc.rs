//! JSON-RPC to a node of a chain.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use crate::Error;
use crate::wire::Wire;

const WHOM: &str = "the chain's node";

/// Longer texts of nodes are cut.
const LONGEST_MESSAGE: usize = 200;

#[derive(Clone)]
pub(super) struct Rpc {
    wire: Wire,
    url: Url,
    last: Arc<AtomicU64>,
}

impl std::fmt::Debug for Rpc {
    // Without the address: it often holds a key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rpc").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

pub(super) fn unreadable(what: &str) -> Error {
    Error::Unreadable { whom: WHOM, what: what.to_owned() }
}

/// The node contradicts itself, as it does while it lags or blocks are exchanged: ask again.
pub(super) fn unsettled(message: &str) -> Error {
    Error::Failing { whom: WHOM, status: 200, message: message.to_owned() }
}

pub(super) fn quantity(number: u64) -> String {
    format!("{number:#x}")
}

/// A number as nodes write it: `0x` and digits.
pub(super) fn parse_quantity(text: &str) -> Option<u64> {
    let digits = text.strip_prefix("0x")?;
    if digits.starts_with('+') {
        return None;
    }
    u64::from_str_radix(digits, 16).ok()
}

impl Rpc {
    pub(super) fn new(url: Url, timeout: Duration, extra_ca: Option<&str>) -> Result<Self, Error> {
        Ok(Self { wire: Wire::new(WHOM, timeout, extra_ca)?, url, last: Arc::default() })
    }

    /// One call. `null` is an answer: what was asked for is not there.
    pub(super) async fn call<T: DeserializeOwned>(&self, method: &str, params: Value) -> Result<T, Error> {
        #[derive(Deserialize)]
        struct Whole {
            id: Value,
            #[serde(default)]
            result: Option<Value>,
            #[serde(default)]
            error: Option<Fault>,
        }
        #[derive(Deserialize)]
        struct Fault {
            code: i64,
            #[serde(default)]
            message: String,
        }
        let id = self.last.fetch_add(1, Ordering::Relaxed);
        let body = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        let answer = self.wire.send(self.wire.post(self.url.clone()).json(&body)).await?;
        let (whom, status) = (WHOM, answer.status);
        let Ok(whole) = serde_json::from_slice::<Whole>(&answer.body) else {
            return Err(match status {
                200..300 => unreadable("not JSON-RPC"),
                300..400 => unreadable(&format!("a redirect ({status}), which is not followed")),
                408 | 409 | 425 | 429 | 500.. => {
                    Error::Failing { whom, status, message: "no reason given".to_owned() }
                }
                _ => Error::Refused { whom, status, message: "no reason given".to_owned() },
            });
        };
        if let Some(fault) = whole.error {
            let words = fault.message.chars().filter(|c| c.is_ascii_graphic() || *c == ' ');
            let words: String = words.take(LONGEST_MESSAGE).collect();
            let message = format!("{method}: {words} ({})", fault.code);
            return Err(match fault.code {
                // A reverted call, and requests that it calls wrong: they stay so.
                3 | -32602..=-32600 => Error::Refused { whom, status, message },
                _ => Error::Failing { whom, status, message },
            });
        }
        if whole.id != id {
            return Err(unreadable("an answer to another call"));
        }
        serde_json::from_value(whole.result.unwrap_or_default())
            .map_err(|_| unreadable(&format!("{method}: another shape than the protocol names")))
    }

    pub(super) async fn number(&self, method: &str, params: Value) -> Result<u64, Error> {
        let text: String = self.call(method, params).await?;
        parse_quantity(&text).ok_or_else(|| unreadable(&format!("{method}: not a number")))
    }

    pub(super) async fn bytes(&self, method: &str, params: Value) -> Result<Vec<u8>, Error> {
        let text: String = self.call(method, params).await?;
        let digits = text.strip_prefix("0x").and_then(|digits| hex::decode(digits).ok());
        digits.ok_or_else(|| unreadable(&format!("{method}: not bytes")))
    }
}
