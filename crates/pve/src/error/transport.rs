//! Reads a failure below HTTP: was anything sent, and why did it fail.

use std::error::Error as StdError;

use super::{Attempt, Error};
use crate::operations::Method;
use crate::trust::Mismatch;

/// What a failed exchange means for the request.
pub(crate) enum Failure {
    /// No connection came about: nothing was sent, the next endpoint may be tried.
    NotSent(Error),
    /// The connection ended while the answer was awaited.
    Lost(String),
    /// The answer did not come in time.
    TimedOut(String),
}

pub(crate) fn read(endpoint: &str, error: &reqwest::Error) -> Failure {
    if error.is_connect() {
        return Failure::NotSent(not_connected(endpoint, error));
    }
    if error.is_builder() {
        return Failure::NotSent(Error::Configuration(innermost(error)));
    }
    if error.is_timeout() {
        Failure::TimedOut("timed out".to_owned())
    } else {
        Failure::Lost(innermost(error))
    }
}

/// The error of a connection attempt.
pub(crate) fn not_connected(endpoint: &str, error: &(dyn StdError + 'static)) -> Error {
    let endpoint = endpoint.to_owned();
    if let Some(Mismatch { expected, presented }) = mismatch(error) {
        return Error::FingerprintMismatch { endpoint, expected: expected.clone(), presented: *presented };
    }
    if is_tls(error) {
        return Error::Tls { endpoint, message: innermost(error) };
    }
    Error::Unreachable { tried: vec![Attempt { endpoint, cause: innermost(error) }] }
}

/// The error of a request whose answer never came.
pub(crate) fn no_answer(method: Method, path: &str, cause: String) -> Error {
    let path = path.to_owned();
    if method.mutates() {
        Error::OutcomeUnknown { method, path, cause }
    } else {
        Error::NoAnswer { method, path, cause }
    }
}

/// The pin mismatch somewhere below, if that is what happened.
pub(crate) fn mismatch<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Mismatch> {
    match find::<rustls::Error>(error)? {
        rustls::Error::InvalidCertificate(rustls::CertificateError::Other(other)) => {
            other.0.downcast_ref::<Mismatch>()
        }
        _ => None,
    }
}

/// Whether TLS itself failed, not the network below it.
pub(crate) fn is_tls(error: &(dyn StdError + 'static)) -> bool {
    find::<rustls::Error>(error).is_some()
}

/// Walks the chain of causes; `io::Error` hides the error it wraps from `source`, so it is opened by hand.
fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut current = Some(error);
    while let Some(error) = current {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        current = match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
