//! Bodies: decoding what clients send, packing what they get.

use std::io::Write as _;

use serde_json::Value;

use super::message::{Head, Response};
use crate::params::Params;

/// Largest body of a call that is not an upload.
pub(crate) const MAX: usize = 512 << 10;

/// The parameters in a body.
pub(crate) fn params(head: &Head, body: &[u8]) -> Result<Params, Response> {
    if body.is_empty() {
        return Ok(Params::default());
    }
    let kind = head.header("content-type").unwrap_or("application/x-www-form-urlencoded");
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let text = String::from_utf8_lossy(body);
    match kind {
        "application/x-www-form-urlencoded" | "" => Ok(Params::from_form(&text)),
        "application/json" => match serde_json::from_str::<Value>(&text) {
            Ok(value) if value.is_object() => Ok(Params::from_json(&value)),
            _ => Err(Response::plain(500, &malformed(&text))),
        },
        other => Err(Response::plain(506, &format!("upload 'Content-Type {other}' not implemented"))),
    }
}

/// What the server's JSON decoder says of text it cannot read.
fn malformed(text: &str) -> String {
    let rest: String = text.trim_start().chars().skip(1).collect();
    let (what, at, rest) = if text.trim_start().starts_with('{') {
        ("'\"' expected", 1, rest)
    } else {
        ("malformed JSON string, neither tag, array, object, number, string or atom", 0, text.to_owned())
    };
    format!(
        "{what}, at character offset {at} (before \"{rest}\") at /usr/share/perl5/PVE/APIServer/AnyEvent.pm line 934."
    )
}

/// The bytes packed with gzip.
pub(crate) fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_json_is_a_500_with_a_plain_body() {
        let head = Head::new("PUT", "/", 1, vec![("Content-Type".into(), "application/json".into())]);
        let response = params(&head, b"{bad").unwrap_err();
        assert_eq!(response.status, 500);
        assert_eq!(
            response.reason,
            "'\"' expected, at character offset 1 (before \"bad\") at \
             /usr/share/perl5/PVE/APIServer/AnyEvent.pm line 934."
        );
    }
}
