//! The portal's pages, when the binary carries them. What they ask for is the API; here are only their files.

use std::io::Read as _;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};

use crate::headers::PORTAL;
use crate::{App, problem};

/// One file of the portal.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Its type.
    pub mime: &'static str,
    /// Another one for other contents, in quotes.
    pub etag: &'static str,
    /// Whether the bytes are compressed by Brotli.
    pub brotli: bool,
    /// What it contains.
    pub bytes: &'static [u8],
}

/// Finds a file of the portal by its address, for example `/index.html`.
pub type Pages = fn(&str) -> Option<Page>;

/// The first page of all: it shows what its address says.
const INDEX: &str = "/index.html";

/// What programs ask for, and never get a page of.
const PROGRAMS: [&str; 6] = ["/api", "/lease", "/management", "/mcp", "/healthz", "/readyz"];

/// What is at no address of the API: a file of the portal, or its first page, which shows what the address says. Whoever
/// does not ask for a page is told that there is nothing.
pub(crate) async fn page_or_nothing(State(app): State<App>, request: Request) -> Response {
    match found(app.options.pages, &request) {
        Some((page, kept)) => answer(&page, kept, request.headers()),
        None => problem::no_such_route().into_response(),
    }
}

/// The page at `/`, if there are any.
pub(crate) fn first(pages: Option<Pages>, headers: &HeaderMap) -> Option<Response> {
    pages.and_then(|find| find(INDEX)).map(|page| answer(&page, Kept::Asked, headers))
}

/// How long browsers keep a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    /// For ever: its name changes when its contents do.
    ForEver,
    /// They ask each time whether it is still the same.
    Asked,
}

fn found(pages: Option<Pages>, request: &Request) -> Option<(Page, Kept)> {
    let find = pages?;
    let path = request.uri().path();
    if !matches!(*request.method(), Method::GET | Method::HEAD)
        || PROGRAMS.iter().any(|start| is_below(path, start))
    {
        return None;
    }
    let kept = if path.starts_with("/assets/") { Kept::ForEver } else { Kept::Asked };
    if let Some(page) = find(path) {
        return Some((page, kept));
    }
    // A file that is gone is gone: a page in its place would be taken for a script.
    let is_file = kept == Kept::ForEver || path.rsplit('/').next().is_some_and(|last| last.contains('.'));
    let wants_page = request
        .headers()
        .get(header::ACCEPT)
        .is_some_and(|accept| accept.to_str().is_ok_and(|types| types.contains("text/html")));
    if is_file || !wants_page { None } else { find(INDEX).map(|page| (page, Kept::Asked)) }
}

fn is_below(path: &str, start: &str) -> bool {
    path.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn answer(page: &Page, kept: Kept, asked: &HeaderMap) -> Response {
    let caching = match kept {
        Kept::ForEver => "public, max-age=31536000, immutable",
        Kept::Asked => "no-cache",
    };
    let mut headers = HeaderMap::new();
    let mut say = |name, value| headers.insert(name, HeaderValue::from_static(value));
    say(header::CONTENT_TYPE, page.mime);
    say(header::ETAG, page.etag);
    say(header::CACHE_CONTROL, caching);
    say(header::VARY, "accept-encoding");
    say(header::CONTENT_SECURITY_POLICY, PORTAL);
    if asked.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == page.etag.as_bytes()) {
        return (axum::http::StatusCode::NOT_MODIFIED, headers).into_response();
    }
    let reads_brotli = asked.get(header::ACCEPT_ENCODING).is_some_and(|value| {
        value.to_str().is_ok_and(|ways| ways.split(',').any(|way| way.trim().starts_with("br")))
    });
    let body = if page.brotli && !reads_brotli {
        let mut plain = Vec::new();
        match brotli_decompressor::Decompressor::new(page.bytes, 4096).read_to_end(&mut plain) {
            Ok(_) => Body::from(plain),
            Err(error) => {
                tracing::error!(%error, "a file of the portal is broken");
                Body::empty()
            }
        }
    } else {
        if page.brotli {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("br"));
        }
        Body::from(page.bytes)
    };
    (headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn house(path: &str) -> Option<Page> {
        let page = |mime, bytes| Page { mime, etag: "\"1\"", brotli: false, bytes };
        match path {
            INDEX => Some(page("text/html; charset=utf-8", b"<!doctype html>")),
            "/assets/app-1.js" => Some(page("text/javascript", b"1")),
            "/sw.js" => Some(page("text/javascript", b"2")),
            _ => None,
        }
    }

    fn asked(method: Method, path: &str, accept: &str) -> Option<(&'static [u8], Kept)> {
        let request = Request::builder().method(method).uri(path).header(header::ACCEPT, accept);
        let request = request.body(Body::empty()).unwrap();
        found(Some(house), &request).map(|(page, kept)| (page.bytes, kept))
    }

    const BROWSER: &str = "text/html,application/xhtml+xml,*/*;q=0.8";

    #[test]
    fn a_browser_gets_the_first_page_wherever_it_goes() {
        for path in ["/instances", "/instances/ins_1/backups", "/leases/lea_1", "/sign-in"] {
            assert_eq!(
                asked(Method::GET, path, BROWSER),
                Some((&b"<!doctype html>"[..], Kept::Asked)),
                "{path}"
            );
        }
        assert_eq!(asked(Method::GET, "/sw.js", "*/*"), Some((&b"2"[..], Kept::Asked)));
    }

    #[test]
    fn a_file_that_is_gone_is_no_page() {
        assert_eq!(asked(Method::GET, "/assets/app-1.js", "*/*"), Some((&b"1"[..], Kept::ForEver)));
        assert_eq!(asked(Method::GET, "/assets/app-0.js", BROWSER), None);
        assert_eq!(asked(Method::GET, "/robots.txt", BROWSER), None);
    }

    #[test]
    fn programs_get_no_pages() {
        assert_eq!(asked(Method::GET, "/api/v1/nothing", BROWSER), None);
        assert_eq!(asked(Method::GET, "/api", BROWSER), None);
        assert_eq!(asked(Method::GET, "/lease/1", BROWSER), None);
        assert_eq!(asked(Method::GET, "/instances", "application/json"), None);
        assert_eq!(asked(Method::POST, "/instances", BROWSER), None);
    }

    #[test]
    fn who_has_a_file_is_not_sent_it_again() {
        let page = house(INDEX).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static("\"1\""));
        assert_eq!(answer(&page, Kept::Asked, &headers).status(), 304);
        headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static("\"0\""));
        assert_eq!(answer(&page, Kept::Asked, &headers).status(), 200);
    }
}
