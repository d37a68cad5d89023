//! Reads a refusal: status, reason phrase and body to an [`Error`].
//!
//! The text is taken from the `errors` map, then the body's `message`, then the reason phrase (before 8.4, and for most
//! 401s still, the only place), then the body itself. The patterns are texts of Proxmox VE 7.4 to 9.2.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Error;
use crate::operations::Method;

/// A refusal as it came over the wire.
pub(crate) struct Refusal<'a> {
    pub(crate) method: Method,
    pub(crate) path: &'a str,
    pub(crate) status: u16,
    pub(crate) reason: &'a str,
    pub(crate) body: &'a [u8],
}

impl Refusal<'_> {
    pub(crate) fn into_error(self) -> Error {
        let body: Value = serde_json::from_slice(self.body).unwrap_or(Value::Null);
        let errors = error_map(&body);
        let message = self.message(&body);

        if matches!(self.status, 596 | 597 | 599 | 502 | 504) {
            let cause = format!("{} {message}", self.status);
            let (method, path) = (self.method, self.path.to_owned());
            return if method.mutates() {
                Error::OutcomeUnknown { method, path, cause }
            } else {
                Error::NoAnswer { method, path, cause }
            };
        }
        if !errors.is_empty() {
            return refused_parameters(errors);
        }
        match self.status {
            401 => Error::Unauthorized { message },
            403 => forbidden(message),
            404 => Error::NotFound { message },
            501 if message.contains("not implemented") || message.contains("not available") => {
                Error::NotImplemented { message }
            }
            595 => Error::NodeUnreachable { message },
            400 | 500 => from_text(self.status, message),
            status => Error::Server { status, message },
        }
    }

    fn message(&self, body: &Value) -> String {
        let from_body =
            body.get("message").and_then(Value::as_str).map(str::trim_end).filter(|t| !t.is_empty());
        let reason = self.reason.trim();
        match from_body {
            Some(text) => text.to_owned(),
            None if !reason.is_empty() => reason.to_owned(),
            None => String::from_utf8_lossy(self.body).trim().chars().take(500).collect(),
        }
    }
}

fn error_map(body: &Value) -> BTreeMap<String, String> {
    let Some(Value::Object(map)) = body.get("errors") else { return BTreeMap::new() };
    map.iter()
        .map(|(name, text)| {
            let text = text.as_str().map_or_else(|| text.to_string(), str::to_owned);
            (name.clone(), text.trim_end().to_owned())
        })
        .collect()
}

/// A few refusals arrive as parameter errors although the parameters are well-formed: an id in use, a task unknown.
fn refused_parameters(errors: BTreeMap<String, String>) -> Error {
    let mut texts = errors.values();
    if let (Some(text), None) = (texts.next(), texts.next()) {
        let read = from_text(400, text.clone());
        if matches!(read, Error::AlreadyExists { .. } | Error::NotFound { .. } | Error::StorageMissing { .. })
        {
            return read;
        }
    }
    Error::InvalidParameters { errors }
}

/// `Permission check failed (/vms/100, VM.Audit|VM.Config.Disk)`
fn forbidden(message: String) -> Error {
    let inside =
        message.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')')).map(|(inside, _)| inside);
    let (path, privileges) = match inside.and_then(|i| i.split_once(", ")) {
        Some((path, privileges)) if path.starts_with('/') => {
            (Some(path.to_owned()), privileges.split('|').map(|p| p.trim().to_owned()).collect())
        }
        _ => (None, Vec::new()),
    };
    Error::Forbidden { path, privileges, message }
}

/// Names the failure that a text tells; used for refusals and for the end of a failed task.
pub(crate) fn from_text(status: u16, message: String) -> Error {
    let text = message.as_str();
    let has = |part: &str| text.contains(part);

    if has("no quorum") || (has("/etc/pve/") && has(".tmp.") && has("Permission denied")) {
        return Error::NoQuorum { message };
    }
    if let Some(lock) = between(text, "is locked (", ")") {
        return Error::Locked { lock: lock.to_owned(), message };
    }
    if (has("can't lock file") && has("got timeout"))
        || has("got lock request timeout")
        || has("got lock timeout")
    {
        return Error::LockTimeout { message };
    }
    if has("detected modified configuration") || has("checksum mismatch (file change") {
        return Error::ConfigChanged { message };
    }
    if has("no free port") || has("unable to find free port") {
        return Error::NoFreePort { message };
    }
    if has("protection mode enabled") {
        return Error::Protected { message };
    }
    if has("container is running") || has("is running - destroy failed") {
        return Error::StillRunning { message };
    }
    if has("guest agent configured") || has("guest agent is not running") {
        return Error::AgentUnavailable { message };
    }
    if text.starts_with("Permission check failed") {
        return forbidden(message);
    }
    if has("already exists") || has("already used") || has("already defined") {
        return Error::AlreadyExists { message };
    }
    if has("already at specified size") {
        return Error::AlreadyThisSize { message };
    }
    if guest_says(text, &["already running"]) {
        return Error::AlreadyRunning { message };
    }
    if guest_says(text, &["not running", "is not running"]) {
        return Error::NotRunning { message };
    }
    let no_config = has("Configuration file 'nodes/") && has("does not exist");
    if no_config || has("unable to find configuration file") || guest_says(text, &["does not exist"]) {
        return Error::GuestMissing { message };
    }
    if text.trim_start().starts_with("storage '")
        && (has("does not exist") || has("is not available on node"))
    {
        return Error::StorageMissing { message };
    }
    if has("does not exist") || has("no such ") || has("hostname lookup '") {
        return Error::NotFound { message };
    }
    Error::Server { status, message }
}

/// `CT 100 already running`, `VM 100 is not running`: kind, number, then one of the phrases.
fn guest_says(text: &str, phrases: &[&str]) -> bool {
    let Some(rest) = text.strip_prefix("CT ").or_else(|| text.strip_prefix("VM ")) else { return false };
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
    phrases.iter().any(|phrase| rest.starts_with(phrase))
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(inside, _)| inside)
}

#[cfg(test)]
#[path = "answer_test.rs"]
mod tests;
