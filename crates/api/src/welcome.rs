//! The page at `/`: the portal; in a binary without it, a page that says what this is and where to go.

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse, Response};

use crate::{App, headers, pages};

const TEXT: &str = include_str!("welcome.html");

pub(crate) async fn page(State(app): State<App>, asked: HeaderMap) -> Response {
    match pages::first(app.options.pages, &asked) {
        Some(page) => page,
        None => ([(header::CONTENT_SECURITY_POLICY, headers::PAGE)], Html(TEXT)).into_response(),
    }
}
