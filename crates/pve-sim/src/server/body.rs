//! Bodies: decoding what clients send, packing what they get.

use std::io::Write as _;

use serde_json::Value;

use super::message::{Head, Response};
use crate::options::Profile;
use crate::params::{Param, Params};

/// What a body holds: parameters, and of an upload the size of its file.
#[derive(Debug, Default)]
pub(crate) struct Content {
    pub(crate) params: Params,
    pub(crate) file: Option<usize>,
}

/// Decodes a body.
pub(crate) fn decode(head: &Head, body: &[u8], profile: Profile) -> Result<Content, Response> {
    if let Some(boundary) = boundary(head).filter(|_| head.path.ends_with("/upload")) {
        return Ok(multipart(body, &boundary));
    }
    params(head, body, profile).map(|params| Content { params, file: None })
}

fn boundary(head: &Head) -> Option<String> {
    let kind = head.header("content-type")?.strip_prefix("multipart/form-data")?;
    let boundary = kind.split(';').find_map(|p| p.trim().strip_prefix("boundary="))?;
    Some(boundary.trim_matches('"').to_owned())
}

/// Takes the fields in front of the file, and the file's length. What comes after the file is not looked at, as on a
/// real server.
fn multipart(body: &[u8], boundary: &str) -> Content {
    let mut content = Content::default();
    let delimiter = format!("--{boundary}");
    let mut rest = body;
    while let Some(start) = find(rest, delimiter.as_bytes()) {
        rest = &rest[start + delimiter.len()..];
        let Some(end_of_head) = find(rest, b"\r\n\r\n") else { break };
        let head = String::from_utf8_lossy(&rest[..end_of_head]).into_owned();
        rest = &rest[end_of_head + 4..];
        let end = find(rest, format!("\r\n{delimiter}").as_bytes()).unwrap_or(rest.len());
        let attribute = |name: &str| {
            let at = head.find(&format!("; {name}=\""))? + name.len() + 4;
            head[at..].split('"').next().map(str::to_owned)
        };
        let Some(name) = attribute("name") else { continue };
        if let Some(file) = attribute("filename") {
            content.params.0.insert("filename".into(), Param::One(file));
            content.file = Some(end);
            break;
        }
        let value = String::from_utf8_lossy(&rest[..end]).into_owned();
        content.params.0.insert(name, Param::One(value));
    }
    content
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|w| w == wanted)
}

/// The parameters in a form or JSON.
fn params(head: &Head, body: &[u8], profile: Profile) -> Result<Params, Response> {
    if body.is_empty() {
        return Ok(Params::default());
    }
    let kind = head.header("content-type").unwrap_or("application/x-www-form-urlencoded");
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let text = String::from_utf8_lossy(body);
    match kind {
        "application/x-www-form-urlencoded" | "" => Ok(Params::from_form(&text)),
        "application/json" => match serde_json::from_str::<Value>(&text) {
            Ok(value) if value.is_object() => Ok(Params::from_json(&value, profile.takes_json_booleans())),
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
    fn an_upload_is_its_fields_and_the_size_of_its_file() {
        let kind = "multipart/form-data; boundary=X".to_owned();
        let head = Head::new("POST", "/upload", 1, vec![("Content-Type".into(), kind)]);
        let body = b"--X\r\nContent-Disposition: form-data; name=\"content\"\r\n\r\niso\r\n--X\r\n\
            Content-Disposition: form-data; name=\"filename\"; filename=\"a.iso\"\r\n\r\n12345\r\n--X--\r\n";
        let content = decode(&head, body, Profile::V9_2).unwrap();
        assert_eq!(content.params.text("content"), Some("iso"));
        assert_eq!((content.params.text("filename"), content.file), (Some("a.iso"), Some(5)));
    }

    #[test]
    fn broken_json_is_a_500_with_a_plain_body() {
        let head = Head::new("PUT", "/", 1, vec![("Content-Type".into(), "application/json".into())]);
        let response = params(&head, b"{bad", Profile::V9_2).unwrap_err();
        assert_eq!(response.status, 500);
        assert_eq!(
            response.reason,
            "'\"' expected, at character offset 1 (before \"bad\") at \
             /usr/share/perl5/PVE/APIServer/AnyEvent.pm line 934."
        );
    }
}
