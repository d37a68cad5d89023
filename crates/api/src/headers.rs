//! What every answer tells browsers: guess no types, show us in no frame, tell nobody where one came from, keep
//! nothing, and run nothing but what a page is made of.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;

/// Answers for programs have nothing to run or load.
const API: &str = "default-src 'none'; frame-ancestors 'none'";

/// A page of ours: text and its own style.
pub(crate) const PAGE: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The portal: its scripts and styles from here; styles that its parts set by themselves, as the terminal does; images that
/// it draws; calls, events and consoles of this house.
pub(crate) const PORTAL: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Swagger UI: its scripts from here, styles that it sets by itself, calls to this API.
pub(crate) const SWAGGER: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Adds what the answer does not say itself.
pub(crate) async fn protect(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let mut add = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    add(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    add(header::REFERRER_POLICY, "no-referrer");
    add(header::CONTENT_SECURITY_POLICY, API);
    add(header::CACHE_CONTROL, "no-store");
    response
}
