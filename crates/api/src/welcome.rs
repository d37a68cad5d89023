//! The page at `/`: says what this is and where to go.

use axum::http::{HeaderName, header};
use axum::response::Html;

use crate::headers;

const TEXT: &str = include_str!("welcome.html");

pub(crate) async fn page() -> ([(HeaderName, &'static str); 1], Html<&'static str>) {
    ([(header::CONTENT_SECURITY_POLICY, headers::PAGE)], Html(TEXT))
}
