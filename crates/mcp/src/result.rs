//! What a tool answers: the API's own answer, and what must be paid as x402 says it for MCP.

use axum::http::{HeaderMap, HeaderName, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rmcp::model::{CallToolResult, ContentBlock, MetaObject};
use serde_json::{Value, json};

use crate::door::{Answer, Silence};
use crate::purse::Closed;
use crate::tools::Unfit;

/// Where clients send payments.
pub(crate) const PAYMENT_META: &str = "x402/payment";

/// Where they find receipts.
const RECEIPT_META: &str = "x402/payment-response";

const OFFER: HeaderName = HeaderName::from_static("payment-required");

const RECEIPTS: [HeaderName; 2] =
    [HeaderName::from_static("payment-response"), HeaderName::from_static("x-payment-response")];

/// What goes wrong before or instead of an answer.
pub(crate) fn wrong(code: &str, detail: &str, remedy: &str) -> CallToolResult {
    failed(json!({ "code": code, "detail": detail, "remedy": remedy }))
}

pub(crate) fn unfit(Unfit(detail): &Unfit) -> CallToolResult {
    wrong("invalid_arguments", detail, "`tools/list` says what the tool takes; nothing was asked or charged")
}

pub(crate) fn closed(closed: &Closed) -> CallToolResult {
    failed(closed.to_json())
}

/// Nobody answered. `bought` says whether the same call may be made again without buying twice.
pub(crate) fn silent(silence: &Silence, bought: bool) -> CallToolResult {
    let (code, remedy) = match silence {
        Silence::Unreachable(_) => ("unreachable", "nothing was asked or charged; try again in a moment"),
        Silence::Lost(_) if bought => (
            "no_answer",
            "it may have been done; call again with the same arguments and the same payment, which is not charged twice",
        ),
        Silence::Lost(_) => ("no_answer", "it may have been done; look with `status` or `list` first"),
    };
    wrong(code, &silence.to_string(), remedy)
}

/// What the API answered.
pub(crate) fn told(answer: Answer) -> CallToolResult {
    let receipt = receipt(&answer.headers);
    let mut result = if answer.status.is_success() {
        CallToolResult::structured(object(answer.body))
    } else if let Some(demand) = demand(&answer) {
        demanded(demand, receipt.as_ref())
    } else {
        failed(problem(answer))
    };
    if let Some(receipt) = receipt {
        let mut meta = MetaObject::new();
        meta.insert(RECEIPT_META.to_owned(), receipt);
        result.meta = Some(meta);
    }
    result
}

/// Structured content is an object for all clients.
fn object(body: Value) -> Value {
    if body.is_object() { body } else { json!({ "result": body }) }
}

/// What must be paid, where a wallet can: `PaymentRequired` of x402 v2.
fn demand(answer: &Answer) -> Option<Value> {
    let demand = decoded(&answer.headers, &OFFER)?;
    let payable = demand["accepts"].as_array().is_some_and(|accepts| !accepts.is_empty());
    (answer.status == StatusCode::PAYMENT_REQUIRED && payable).then_some(demand)
}

/// As the specification of x402 over MCP has it: as structured content, and wrapped as text.
fn demanded(mut demand: Value, receipt: Option<&Value>) -> CallToolResult {
    let message = demand["error"].as_str().unwrap_or("Payment required").to_owned();
    if let Some(receipt) = receipt {
        demand[RECEIPT_META] = receipt.clone();
    }
    let wrapped = json!({ "x402/error": { "code": 402, "message": message, "data": demand } });
    let mut result = CallToolResult::structured_error(demand);
    result.content = vec![ContentBlock::text(wrapped.to_string())];
    result
}

/// The API's words for what went wrong. An order that was not delivered is told with it.
fn problem(answer: Answer) -> Value {
    let mut body = object(answer.body);
    body["status"] = json!(answer.status.as_u16());
    if body.get("code").is_none() {
        let state = body["order"]["state"].as_str().map(str::to_owned);
        let what = body["order"]["problem"].as_str().map(str::to_owned);
        body["code"] = json!(state.map_or_else(|| "refused".to_owned(), |state| format!("order_{state}")));
        body["detail"] = json!(what.unwrap_or_else(|| "the house refused".to_owned()));
    }
    if body.get("detail").is_none() {
        body["detail"] = body["error"].clone();
    }
    // Of version 1 of x402, in an answer that no wallet can pay.
    if let Some(fields) = body.as_object_mut() {
        for name in ["x402Version", "accepts", "error", "type"] {
            fields.remove(name);
        }
    }
    body
}

fn failed(problem: Value) -> CallToolResult {
    let text = |name: &str| problem[name].as_str().unwrap_or_default();
    let mut words = format!("{}: {}", text("code"), text("detail"));
    if !text("remedy").is_empty() {
        words = format!("{words} ({})", text("remedy"));
    }
    let mut result = CallToolResult::structured_error(problem);
    result.content = vec![ContentBlock::text(words)];
    result
}

fn receipt(headers: &HeaderMap) -> Option<Value> {
    RECEIPTS.iter().find_map(|name| decoded(headers, name))
}

fn decoded(headers: &HeaderMap, name: &HeaderName) -> Option<Value> {
    let bytes = STANDARD.decode(headers.get(name)?.as_bytes()).ok()?;
    serde_json::from_slice(&bytes).ok()
}
