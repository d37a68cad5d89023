//! What a probe or an action brought: one shape for all of them, so that every face shows them alike.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::time::Timestamp;

/// What one probe or action brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Whether it did what it was for. A packet that was sent is a success of sending, and says nothing of waking.
    pub success: bool,
    /// For people, in one sentence.
    pub message: String,
    /// When it ended.
    pub timestamp: Timestamp,
    /// What went wrong; none when nothing did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<Fault>,
    /// What was asked and what was learnt, by name.
    #[serde(skip_serializing_if = "Map::is_empty", default)]
    pub details: Map<String, Value>,
}

/// What went wrong: a stable word for programs, and the words of whoever said so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// A stable word, such as `timeout`.
    pub code: String,
    /// What was said.
    pub message: String,
}

impl Report {
    /// It did what it was for.
    pub fn success(now: Timestamp, message: impl Into<String>) -> Self {
        Self { success: true, message: message.into(), timestamp: now, error: None, details: Map::new() }
    }

    /// It did not.
    pub fn failure(now: Timestamp, message: impl Into<String>, code: &str, said: impl ToString) -> Self {
        let error = Some(Fault { code: code.to_owned(), message: said.to_string() });
        Self { success: false, message: message.into(), timestamp: now, error, details: Map::new() }
    }

    /// With one more detail.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }
}
