//! What a probe or an action brought: one shape for all of them.

use innkeeper_domain::reports as domain;
use innkeeper_domain::time::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::operations::Fault;

/// What one probe or action brought.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Report {
    /// Whether it did what it was for. A packet that was sent is a success of sending, and says nothing of waking.
    success: bool,
    /// For people, in one sentence.
    message: String,
    /// When it ended.
    timestamp: Timestamp,
    /// What went wrong; null when nothing did.
    error: Option<Fault>,
    /// What was asked and what was learnt, by name.
    #[schema(value_type = Object)]
    details: Map<String, Value>,
}

impl From<domain::Report> for Report {
    fn from(report: domain::Report) -> Self {
        let domain::Report { success, message, timestamp, error, details } = report;
        let error = error.map(|fault| Fault::said(fault.code, fault.message));
        Self { success, message, timestamp, error, details }
    }
}
