//! What an API call can fail with, in Proxmox's words.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

/// A call refused: HTTP status, text, and the parameters at fault.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    /// Full text without the trailing newline; its first line is the reason phrase.
    pub(crate) message: String,
    pub(crate) errors: BTreeMap<String, String>,
    /// Whether `message` ends in a newline on the wire (Perl's `die` texts do).
    pub(crate) newline: bool,
    /// How long the server held the call before refusing it (lock waits).
    pub(crate) delay: Duration,
}

/// What a handler answers.
pub(crate) type Outcome = Result<Reply, ApiError>;

/// A successful answer: `data` and its siblings.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reply {
    pub(crate) data: Value,
    pub(crate) total: Option<usize>,
}

impl From<Value> for Reply {
    fn from(data: Value) -> Self {
        Self { data, total: None }
    }
}

/// `{"data": null}`.
pub(crate) fn null() -> Outcome {
    Ok(Value::Null.into())
}

impl ApiError {
    fn new(status: u16, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            errors: BTreeMap::new(),
            newline: true,
            delay: Duration::ZERO,
        }
    }

    /// A `die` in the server: status 500.
    pub(crate) fn die(message: impl Into<String>) -> Self {
        Self::new(500, message)
    }

    /// The bare refusal of a right: status 403.
    pub(crate) fn denied() -> Self {
        Self::new(403, "Permission check failed")
    }

    /// A refusal that names what was missing.
    pub(crate) fn denied_for(what: impl std::fmt::Display) -> Self {
        Self::new(403, format!("Permission check failed ({what})"))
    }

    /// A login that failed, answered with a body.
    pub(crate) fn unauthenticated(message: impl Into<String>) -> Self {
        Self::new(401, message)
    }

    /// One bad parameter: status 400.
    pub(crate) fn parameter(name: &str, text: impl Into<String>) -> Self {
        Self::parameters(BTreeMap::from([(name.to_owned(), text.into())]))
    }

    /// Several bad parameters at once.
    pub(crate) fn parameters(errors: BTreeMap<String, String>) -> Self {
        Self { errors, ..Self::new(400, "Parameter verification failed.") }
    }

    /// No such operation: status 501, text without newline.
    pub(crate) fn not_implemented(message: impl Into<String>) -> Self {
        Self { newline: false, ..Self::new(501, message) }
    }

    /// The same refusal after a wait.
    pub(crate) fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The text as it stands in the body.
    pub(crate) fn body_message(&self) -> String {
        if self.newline { format!("{}\n", self.message) } else { self.message.clone() }
    }
}

impl From<String> for ApiError {
    fn from(message: String) -> Self {
        Self::die(message)
    }
}
