//! `/mcp` of the house itself: Streamable HTTP without sessions, before the house's own routes.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderName, HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use url::Url;

use crate::door::{self, Answer, Ask, Door, Silence};
use crate::server::Server;

/// The largest message: the largest body of the API, and what a call puts around it.
const BODY_LIMIT: usize = 288 * 1024;

/// How long a message may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// The house's router, called in this process.
#[derive(Clone)]
struct InHouse(Router);

impl Door for InHouse {
    async fn knock(&self, ask: Ask) -> Result<Answer, Silence> {
        let lost = |error: &dyn std::fmt::Display| Silence::Lost(error.to_string());
        let mut request = Request::builder().method(ask.method).uri(ask.path);
        let body = match ask.body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        let mut request = request.body(body).map_err(|error| lost(&error))?;
        request.headers_mut().extend(ask.headers);
        request.extensions_mut().extend(ask.extensions);
        let Ok(response) = self.0.clone().oneshot(request).await;
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, door::LARGEST).await.map_err(|error| lost(&error))?;
        Ok(Answer { status: parts.status, headers: parts.headers, body: door::json(&bytes)? })
    }
}

/// The house with `/mcp`. Pages of other origins than `public_url` are refused, as MCP demands (a name that is made to
/// point at us must not make a browser speak to us); programs send no `Origin`.
pub fn mount(house: Router, public_url: Option<&str>, stop: &CancellationToken) -> Router {
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        // Any name by which we are reached is ours: what protects is that `Origin` must be, and that nobody is known by
        // their address or a cookie.
        .disable_allowed_hosts()
        .with_allowed_origins(public_url.and_then(origin))
        .enforce_origin_validation()
        .with_max_request_body_bytes(BODY_LIMIT)
        .with_cancellation_token(stop.child_token());
    let server = Server::new(InHouse(house.clone()), None);
    let service = StreamableHttpService::new(
        move || Ok(server.clone()),
        Arc::new(NeverSessionManager::default()),
        config,
    );
    let answer = move |request: Request<Body>| {
        let service = service.clone();
        async move {
            let (parts, body) = request.into_parts();
            let body = match tokio::time::timeout(PATIENCE, to_bytes(body, BODY_LIMIT)).await {
                Ok(Ok(body)) => body,
                Ok(Err(_)) => return refused(StatusCode::PAYLOAD_TOO_LARGE, "the message is too large"),
                Err(_) => return refused(StatusCode::REQUEST_TIMEOUT, "the message is too slow"),
            };
            let response = service.handle(Request::from_parts(parts, Body::from(body))).await;
            dressed(response.map(Body::new))
        }
    };
    house.route("/mcp", any(answer))
}

/// With its port, so that no other port of the same machine is meant.
fn origin(public_url: &str) -> Option<String> {
    let url: Url = public_url.parse().ok()?;
    Some(format!("{}://{}:{}", url.scheme(), url.host_str()?, url.port_or_known_default()?))
}

/// What could not be read has no id to be answered by.
fn refused(status: StatusCode, why: &str) -> Response {
    let error = json!({"jsonrpc": "2.0", "id": null, "error": {"code": -32600, "message": why}});
    dressed((status, axum::Json(error)).into_response())
}

fn dressed(mut response: Response) -> Response {
    let add = [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("content-security-policy"), "default-src 'none'; frame-ancestors 'none'"),
    ];
    for (name, value) in add {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests;
