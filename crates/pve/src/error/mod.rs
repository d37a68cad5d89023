//! What can go wrong, named for what the caller can do about it.
//!
//! Proxmox VE has no error codes, only texts (see [`answer`]). Every error has a [`Class`]: whether to try again, to
//! look again first, to give up, or to look up what happened. No error text holds a secret.

pub(crate) mod answer;
pub(crate) mod transport;

use std::collections::BTreeMap;

use crate::ids::InvalidName;
use crate::operations::Method;
use crate::trust::Fingerprint;
use crate::upid::Upid;

/// What the caller should do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Nothing was changed and the same call may succeed later: try again after a while.
    Transient,
    /// The world is not as the caller believed: read again, then decide.
    Conflict,
    /// The same call will fail again: give up and show the reason.
    Permanent,
    /// The call may or may not have taken effect: look up what happened before anything else.
    Unknown,
}

/// Why a call did not give an answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Parameters were refused (400, sometimes 500): the reason by parameter name.
    #[error("invalid parameters: {}", list(.errors))]
    InvalidParameters {
        /// Parameter name to the server's text.
        errors: BTreeMap<String, String>,
    },
    /// This crate does not send that parameter with that call; nothing was sent.
    #[error("{operation} takes no parameter {parameter:?}")]
    UnknownParameter {
        /// Method and path template.
        operation: String,
        /// The refused name.
        parameter: String,
    },
    /// A name that Proxmox VE would not accept; nothing was sent.
    #[error(transparent)]
    InvalidName(#[from] InvalidName),
    /// The client was set up in a way that cannot work.
    #[error("invalid client configuration: {0}")]
    Configuration(String),
    /// No, wrong or expired credentials (401). The server delays such answers by 3 s.
    #[error("not authenticated: {message}")]
    Unauthorized {
        /// The server's text.
        message: String,
    },
    /// The account has a second factor and the credentials hold no answer to it.
    #[error("a second factor is required, one of: {}", .offered.join(", "))]
    SecondFactorRequired {
        /// Kinds that the server offers, for example `totp`.
        offered: Vec<String>,
    },
    /// Missing privileges (403).
    #[error("{message}")]
    Forbidden {
        /// The access-control path that was checked, when the server names it.
        path: Option<String>,
        /// Any of these would have sufficed there.
        privileges: Vec<String>,
        /// The server's text.
        message: String,
    },
    /// There is no such guest on that node: it does not exist, or it moved (a 500 in Proxmox VE).
    #[error("{message}")]
    GuestMissing {
        /// The server's text.
        message: String,
    },
    /// Another thing does not exist: a task, pool, snapshot, volume, user, node.
    #[error("{message}")]
    NotFound {
        /// The server's text.
        message: String,
    },
    /// The id or name is taken.
    #[error("{message}")]
    AlreadyExists {
        /// The server's text.
        message: String,
    },
    /// The guest runs already.
    #[error("{message}")]
    AlreadyRunning {
        /// The server's text.
        message: String,
    },
    /// The guest does not run.
    #[error("{message}")]
    NotRunning {
        /// The server's text.
        message: String,
    },
    /// The disk has the size that it was to grow to.
    #[error("{message}")]
    AlreadyThisSize {
        /// The server's text.
        message: String,
    },
    /// The guest's configuration is locked by another operation (or by one that crashed).
    #[error("{message}")]
    Locked {
        /// The lock, for example `backup`.
        lock: String,
        /// The server's text.
        message: String,
    },
    /// A file lock was not free within the server's patience (usually 10 s).
    #[error("{message}")]
    LockTimeout {
        /// The server's text.
        message: String,
    },
    /// The configuration changed since the digest was read.
    #[error("{message}")]
    ConfigChanged {
        /// The server's text.
        message: String,
    },
    /// The guest is protected against removal.
    #[error("{message}")]
    Protected {
        /// The server's text.
        message: String,
    },
    /// A running guest cannot be removed.
    #[error("{message}")]
    StillRunning {
        /// The server's text.
        message: String,
    },
    /// The cluster has no quorum: reads work, changes do not.
    #[error("{message}")]
    NoQuorum {
        /// The server's text.
        message: String,
    },
    /// The server does not know this call: an older version, or a wrong path.
    #[error("{message}")]
    NotImplemented {
        /// The server's text.
        message: String,
    },
    /// The node that should answer cannot be reached by the one that was asked (595); nothing was changed.
    #[error("node unreachable: {message}")]
    NodeUnreachable {
        /// The server's text.
        message: String,
    },
    /// The storage is not defined, or not for that node.
    #[error("{message}")]
    StorageMissing {
        /// The server's text.
        message: String,
    },
    /// The QEMU guest agent is not configured or not running.
    #[error("{message}")]
    AgentUnavailable {
        /// The server's text.
        message: String,
    },
    /// A changing call was sent and no trustworthy answer came: it may or may not have taken effect.
    #[error("outcome of {method} {path} unknown: {cause}")]
    OutcomeUnknown {
        /// The method.
        method: Method,
        /// The path, without query.
        path: String,
        /// What was seen.
        cause: String,
    },
    /// A reading call was sent and no answer came.
    #[error("no answer to {method} {path}: {cause}")]
    NoAnswer {
        /// The method.
        method: Method,
        /// The path, without query.
        path: String,
        /// What was seen.
        cause: String,
    },
    /// No endpoint could be connected to; nothing was sent.
    #[error("no endpoint reachable: {}", attempts(.tried))]
    Unreachable {
        /// Every endpoint and why it failed.
        tried: Vec<Attempt>,
    },
    /// The server presented another certificate than the pinned one; nothing was sent.
    #[error("{endpoint} presents certificate {presented}, pinned: {}", join(.expected))]
    FingerprintMismatch {
        /// The endpoint.
        endpoint: String,
        /// What is pinned.
        expected: Vec<Fingerprint>,
        /// What was presented.
        presented: Fingerprint,
    },
    /// The TLS handshake failed for another reason; nothing was sent.
    #[error("TLS with {endpoint} failed: {message}")]
    Tls {
        /// The endpoint.
        endpoint: String,
        /// Why.
        message: String,
    },
    /// The server answered with success, but not with what this crate can read.
    #[error("unreadable answer to {method} {path}: {message}")]
    Decode {
        /// The method.
        method: Method,
        /// The path, without query.
        path: String,
        /// What did not fit.
        message: String,
    },
    /// The task did not end before the deadline given to [`wait`](crate::Task::wait). It still runs.
    #[error("task {upid} still runs")]
    TaskStillRunning {
        /// The task.
        upid: Box<Upid>,
    },
    /// The console did not open, or broke.
    #[error("console: {message}")]
    Console {
        /// What kind of failure it is.
        fault: ConsoleFault,
        /// What happened.
        message: String,
    },
    /// All ports that the node has for consoles are in use.
    #[error("{message}")]
    NoFreePort {
        /// The server's text.
        message: String,
    },
    /// Any other refusal.
    #[error("{message} (status {status})")]
    Server {
        /// HTTP status; 500 too for the text of a failed task.
        status: u16,
        /// The server's text.
        message: String,
    },
}

/// How a console failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConsoleFault {
    /// Nobody answered in time on the port that was prepared.
    NoAnswer,
    /// It ended before it was ready: a terminal that needs a serial port the machine does not have, or a server of
    /// before spring 2026, which takes no API token for the terminals of guests.
    NotReady,
    /// The connection broke, or what came over it is not what was agreed.
    Broken,
}

/// One endpoint that could not be connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The endpoint.
    pub endpoint: String,
    /// Why.
    pub cause: String,
}

impl Error {
    /// What to do about it.
    pub fn class(&self) -> Class {
        match self {
            Self::LockTimeout { .. }
            | Self::NoQuorum { .. }
            | Self::NodeUnreachable { .. }
            | Self::Unreachable { .. }
            | Self::NoAnswer { .. }
            | Self::NoFreePort { .. }
            | Self::Console { .. } => Class::Transient,
            // One that is not configured does not come by waiting.
            Self::AgentUnavailable { message } if !message.contains("configured") => Class::Transient,
            Self::GuestMissing { .. }
            | Self::AlreadyExists { .. }
            | Self::AlreadyRunning { .. }
            | Self::AlreadyThisSize { .. }
            | Self::NotRunning { .. }
            | Self::Locked { .. }
            | Self::ConfigChanged { .. }
            | Self::StillRunning { .. } => Class::Conflict,
            Self::OutcomeUnknown { .. } | Self::TaskStillRunning { .. } => Class::Unknown,
            Self::Decode { method, .. } if method.mutates() => Class::Unknown,
            Self::Server { status, message } if transient(*status, message) => Class::Transient,
            _ => Class::Permanent,
        }
    }
}

fn transient(status: u16, message: &str) -> bool {
    let passing = ["got timeout", "timed out", "is not online", "Temporary failure", "Too many open files"];
    matches!(status, 429 | 502..=504 | 590..=599) || passing.iter().any(|text| message.contains(text))
}

fn list(errors: &BTreeMap<String, String>) -> String {
    let lines: Vec<String> =
        errors.iter().map(|(name, text)| format!("{name}: {}", text.trim_end())).collect();
    lines.join("; ")
}

fn attempts(tried: &[Attempt]) -> String {
    let lines: Vec<String> = tried.iter().map(|a| format!("{} ({})", a.endpoint, a.cause)).collect();
    lines.join(", ")
}

fn join(prints: &[Fingerprint]) -> String {
    prints.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}
