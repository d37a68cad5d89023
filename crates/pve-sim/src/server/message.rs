//! Requests as read and responses as written.

use std::fmt::Write as _;

use serde_json::json;

use crate::error::{ApiError, Reply};
use crate::options::Profile;

/// A request's head.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    pub(crate) method: String,
    /// Path without the query, as sent.
    pub(crate) path: String,
    pub(crate) query: String,
    /// Minor HTTP version.
    pub(crate) version: u8,
    headers: Vec<(String, String)>,
}

impl Head {
    pub(crate) fn new(method: &str, target: &str, version: u8, headers: Vec<(String, String)>) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self { method: method.to_owned(), path: path.to_owned(), query: query.to_owned(), version, headers }
    }

    /// The first header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    pub(crate) fn content_length(&self) -> usize {
        self.header("content-length").and_then(|v| v.trim().parse().ok()).unwrap_or(0)
    }

    /// Whether the client asked for the connection to be closed.
    pub(crate) fn wants_close(&self) -> bool {
        let connection = self.header("connection").unwrap_or_default().to_ascii_lowercase();
        connection.contains("close") || self.version == 0 && !connection.contains("keep-alive")
    }

    /// Whether this asks for a websocket.
    pub(crate) fn is_upgrade(&self) -> bool {
        self.header("upgrade").is_some_and(|u| u.eq_ignore_ascii_case("websocket"))
    }
}

/// How an answer is rendered, from the part of the path after `/api2/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Formatter {
    Json,
    Extjs,
}

/// A response.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) reason: String,
    pub(crate) content_type: Option<&'static str>,
    /// `None`: neither body nor Content-Length; the end is the closed connection.
    pub(crate) body: Option<Vec<u8>>,
    /// `Connection` lines copied from the daemon or node that really answered.
    pub(crate) relayed: &'static [&'static str],
    /// Whether the connection closes after it whatever the status.
    pub(crate) closes: bool,
    pub(crate) extra: Vec<(&'static str, String)>,
}

const JSON: &str = "application/json;charset=UTF-8";

impl Response {
    /// A status line and nothing else.
    pub(crate) fn bare(status: u16, reason: &str) -> Self {
        Self {
            status,
            reason: reason.to_owned(),
            content_type: None,
            body: None,
            relayed: &[],
            closes: false,
            extra: Vec::new(),
        }
    }

    /// An error of the HTTP layer: its text as plain body without a type.
    pub(crate) fn plain(status: u16, text: &str) -> Self {
        Self { body: Some(text.into()), ..Self::bare(status, text) }
    }

    /// A handler's answer.
    pub(crate) fn ok(reply: &Reply, formatter: Formatter) -> Self {
        let mut body = json!({ "data": reply.data });
        if let Some(total) = reply.total {
            body["total"] = json!(total);
        }
        if formatter == Formatter::Extjs {
            body["success"] = json!(1);
        }
        Self { content_type: Some(JSON), body: Some(body.to_string().into_bytes()), ..Self::bare(200, "OK") }
    }

    /// A handler's refusal.
    pub(crate) fn error(error: &ApiError, formatter: Formatter, profile: Profile) -> Self {
        let mut body = json!({ "data": null });
        if !error.errors.is_empty() {
            body["errors"] = json!(error.errors);
        }
        if profile >= Profile::V8_4 || formatter == Formatter::Extjs {
            body["message"] = json!(error.body_message());
        }
        let first_line = error.message.lines().next().unwrap_or_default();
        let (status, reason) = match formatter {
            Formatter::Json => (error.status, first_line),
            Formatter::Extjs => {
                body["status"] = json!(error.status);
                body["success"] = json!(0);
                (200, "OK")
            }
        };
        Self {
            content_type: Some(JSON),
            body: Some(body.to_string().into_bytes()),
            ..Self::bare(status, reason)
        }
    }

    /// Whether the connection must close after this response.
    pub(crate) fn must_close(&self) -> bool {
        self.closes || self.status >= 400 || self.body.is_none()
    }

    /// The bytes of the response.
    pub(crate) fn encode(mut self, close: bool, gzip: bool, now: u64) -> Vec<u8> {
        if gzip
            && let Some(body) = &self.body
            && body.len() > 1024
            && let Some(packed) = super::body::gzip(body)
        {
            self.body = Some(packed);
            self.extra.push(("Content-Encoding", "gzip".into()));
        }
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, self.reason);
        let date = date(now);
        head.push_str("Cache-Control: max-age=0\r\n");
        for line in if self.status >= 400 { &[] } else { self.relayed } {
            let _ = write!(head, "Connection: {line}\r\n");
        }
        let _ = write!(head, "Connection: {}\r\n", if close { "close" } else { "Keep-Alive" });
        let _ = write!(head, "Date: {date}\r\nPragma: no-cache\r\nServer: pve-api-daemon/3.0\r\n");
        if let Some(body) = &self.body {
            let _ = write!(head, "Content-Length: {}\r\n", body.len());
        }
        if let Some(kind) = self.content_type {
            let _ = write!(head, "Content-Type: {kind}\r\n");
        }
        for (name, value) in &self.extra {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let _ = write!(head, "Expires: {date}\r\n\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend(self.body.unwrap_or_default());
        bytes
    }
}

/// A time as HTTP writes it.
fn date(seconds: u64) -> String {
    jiff::Timestamp::from_second(seconds as i64)
        .map(|t| t.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn text(response: Response, close: bool) -> String {
        String::from_utf8(response.encode(close, false, 0)).unwrap()
    }

    #[test]
    fn a_relayed_answer_has_two_connection_lines() {
        let mut response = Response::ok(&Reply::from(Value::Null), Formatter::Json);
        response.relayed = &["close"];
        let text = text(response, false);
        assert!(text.contains("Connection: close\r\nConnection: Keep-Alive\r\n"), "{text}");
        assert!(text.ends_with("\r\n\r\n{\"data\":null}"));
    }

    #[test]
    fn an_early_401_has_neither_body_nor_length() {
        let text = text(Response::bare(401, "No ticket"), true);
        assert!(text.starts_with("HTTP/1.1 401 No ticket\r\n"));
        assert!(!text.contains("Content-"));
        assert!(text.ends_with("Expires: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n"));
    }

    #[test]
    fn errors_before_8_4_are_mute_in_the_body() {
        let response = Response::error(&ApiError::die("no\nmore"), Formatter::Json, Profile::V7_4);
        assert_eq!(
            (response.reason.as_str(), response.body.as_deref()),
            ("no", Some(&b"{\"data\":null}"[..]))
        );
    }
}
