//! How everything that goes wrong is told: one body (RFC 9457), made here and nowhere else. A client learns what is
//! wrong with its request and what to do; what is wrong with us is logged once and told without detail.

use std::any::Any;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use innkeeper_domain::consoles::Ending;
use innkeeper_domain::ids::OperationId;
use innkeeper_domain::money::Micros;
use innkeeper_domain::placement::NoPlace;
use innkeeper_domain::restraint::Why;
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::Error;
use serde::Serialize;
use utoipa::ToSchema;

/// What went wrong (RFC 9457, `application/problem+json`).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "type": "urn:innkeeper:problem:invalid_field",
    "title": "A field is not acceptable",
    "status": 422,
    "code": "invalid_field",
    "detail": "use 1 to 63 lower-case letters, digits and hyphens",
    "field": "name",
}))]
pub(crate) struct Problem {
    /// Names the kind of problem: `urn:innkeeper:problem:` and the code.
    #[schema(value_type = String)]
    r#type: Box<str>,
    /// The kind of problem in words, the same every time.
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// The kind of problem for programs; stable, snake_case.
    code: &'static str,
    /// What went wrong this time.
    #[schema(value_type = String)]
    detail: Box<str>,
    /// The field, parameter or header that is not acceptable; a path like `endpoints[0].url` inside a body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    field: Option<Box<str>>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<&'static str>,
    /// What only some problems tell; apart, so that an answer that may be one stays small.
    #[serde(flatten)]
    more: Box<More>,
}

/// What only some problems tell.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
#[schema(as = ProblemMore)]
pub(crate) struct More {
    /// Seconds to wait before trying again; the same as in `Retry-After`.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    /// The operation that is in the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    operation_id: Option<OperationId>,
    /// When what stands in the way ends by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    /// How many micro-credits it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    needed_micros: Option<Micros>,
    /// How many micro-credits there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    available_micros: Option<Micros>,
}

/// The media type of a problem.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

impl Problem {
    pub(crate) fn new(
        status: StatusCode,
        code: &'static str,
        title: &'static str,
        detail: impl Into<Box<str>>,
    ) -> Self {
        Self {
            r#type: format!("urn:innkeeper:problem:{code}").into(),
            title,
            status: status.as_u16(),
            code,
            detail: detail.into(),
            field: None,
            remedy: None,
            more: Box::default(),
        }
    }

    /// The kind of problem for programs.
    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    #[must_use]
    pub(crate) fn field(mut self, field: impl Into<Box<str>>) -> Self {
        self.field = Some(field.into());
        self
    }

    #[must_use]
    pub(crate) fn remedy(mut self, remedy: &'static str) -> Self {
        self.remedy = Some(remedy);
        self
    }

    /// A field of a body that could be read.
    pub(crate) fn invalid_field(field: impl Into<Box<str>>, detail: impl Into<Box<str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_field", "A field is not acceptable", detail)
            .field(field)
    }

    /// Something in the path, the query or a header.
    pub(crate) fn invalid_parameter(name: impl Into<Box<str>>, detail: impl Into<Box<str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_parameter", "A parameter is not acceptable", detail)
            .field(name)
    }

    pub(crate) fn invalid_cursor() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "invalid_cursor",
            "The cursor is not ours",
            "this cursor is not one of this list",
        )
        .field("cursor")
        .remedy("take `next_cursor` from the page before, unchanged; leave it out for the first page")
    }

    pub(crate) fn malformed_json(detail: impl Into<Box<str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed_json", "The body is not JSON", detail)
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        let detail = format!("a request body may have {} KiB at most", limit / 1024);
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "The body is too large", detail)
    }

    pub(crate) fn too_slow(limit: Duration) -> Self {
        let detail = format!("a request body must arrive within {} s", limit.as_secs());
        Self::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", "The body is too slow", detail)
    }

    pub(crate) fn wrong_media_type() -> Self {
        let detail = "a request body must be JSON";
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "The body is not JSON",
            detail,
        )
        .field("Content-Type")
        .remedy("send `Content-Type: application/json`")
    }

    pub(crate) fn unauthenticated(code: &'static str, detail: impl Into<Box<str>>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, "Nobody is signed in", detail)
    }

    pub(crate) fn forbidden(code: &'static str, detail: impl Into<Box<str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, "Not allowed", detail)
    }

    pub(crate) fn cross_site() -> Self {
        let detail = "changes with the session cookie are taken from our own pages only";
        Self::new(StatusCode::FORBIDDEN, "cross_site", "Not from our own pages", detail)
            .remedy("programs send `Authorization: Bearer` with the token instead of the cookie")
    }

    /// A request that says it is from Discord.
    pub(crate) fn refused_interaction(status: StatusCode) -> Self {
        let detail = match status {
            StatusCode::CONFLICT => "this interaction came before",
            StatusCode::UNAUTHORIZED => "this is not signed by Discord, or too old",
            _ => "this is no interaction of Discord's",
        };
        Self::new(status, "discord_refused", "Not from Discord", detail)
            .remedy("discord.public_key must be the one that Discord's developer portal shows; the clock must be right")
    }

    pub(crate) fn upgrade_required() -> Self {
        let detail = "this address takes WebSockets only";
        Self::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", "This is no WebSocket", detail)
            .remedy("open a WebSocket of version 13, with HTTP/1.1")
    }

    fn console(ending: Ending) -> Self {
        let status = match ending {
            Ending::NodeUnreachable | Ending::NoAnswer => StatusCode::SERVICE_UNAVAILABLE,
            Ending::Internal => return Self::internal(),
            _ => StatusCode::CONFLICT,
        };
        Self::new(status, ending.as_str(), "The console cannot be opened", ending.message())
    }

    pub(crate) fn not_ready(error: &Error) -> Self {
        tracing::error!(%error, source = std::error::Error::source(error).map(tracing::field::display), "not ready");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", "Not ready", "the database does not answer")
            .remedy("try again in a moment")
    }

    fn too_many(wait: Duration) -> Self {
        let seconds = whole_seconds(wait);
        let detail = format!("this was tried too often; wait {seconds} s");
        Self {
            more: Box::new(More { retry_after: Some(seconds), ..More::default() }),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", "Too many attempts", detail)
        }
    }

    /// Ours to mend: the caller is told nothing of the inside.
    fn internal() -> Self {
        let detail = "something went wrong on our side; it has been logged";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail)
            .remedy("try again in a moment; if it goes on, tell an operator")
    }

    fn no_place(reason: NoPlace) -> Self {
        const TITLE: &str = "No room";
        let (code, detail, remedy) = match reason {
            NoPlace::NoSource => (
                "template_unavailable",
                "nothing can be made from this template at the moment",
                "choose another template, or ask an operator to add a source to this one",
            ),
            NoPlace::NoNode => (
                "no_capacity",
                "nothing that could take this instance is available at the moment",
                "try again later, or ask an operator",
            ),
            NoPlace::NoMemory => (
                "no_memory",
                "there is not this much free memory in one place",
                "choose a smaller size, or try again later",
            ),
            NoPlace::NoDisk => (
                "no_disk",
                "there is not this much free disk space in one place",
                "choose a smaller disk, or try again later",
            ),
        };
        Self::new(StatusCode::CONFLICT, code, TITLE, detail).remedy(remedy)
    }
}

/// A second more than needed rather than one less.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(1)
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid { field, message } => Self::invalid_field(field, message),
            Error::NotFound(what) => {
                Self::new(StatusCode::NOT_FOUND, "not_found", "Not found", format!("no such {what}"))
            }
            Error::Forbidden(refusal) => Self::forbidden(refusal.as_str(), refusal.message()),
            Error::Banned(ban) => Self {
                more: Box::new(More { until: ban.until, ..More::default() }),
                ..Self::forbidden("banned", ban.message())
            },
            Error::Quota(exceeded) => Self::new(
                StatusCode::CONFLICT,
                "quota_exceeded",
                "More than the project may have",
                exceeded.to_string(),
            )
            .field(exceeded.what.as_str()),
            Error::Restricted(restriction) => Self::new(
                StatusCode::CONFLICT,
                restriction.as_str(),
                "Nothing of this project may run",
                restriction.message(),
            ),
            Error::Unauthenticated(detail) => Self::unauthenticated("unauthenticated", detail)
                .remedy("sign in with `POST /api/v1/sessions` and send the token as `Authorization: Bearer`"),
            Error::Denied { code, message } => Self::unauthenticated(code, message),
            Error::TooMany(wait) => Self::too_many(wait),
            Error::Restrained { refusal, wait } => {
                let (status, title) = match refusal.why {
                    Why::UnderWay => (StatusCode::CONFLICT, "In conflict with what is there"),
                    _ => (StatusCode::TOO_MANY_REQUESTS, "Not so often"),
                };
                let (retry_after, until) = (Some(whole_seconds(wait)), Some(refusal.until));
                Self {
                    more: Box::new(More { retry_after, until, ..More::default() }),
                    ..Self::new(status, refusal.why.as_str(), title, refusal.message())
                }
            }
            Error::Unavailable { code, message } => {
                Self::new(StatusCode::CONFLICT, code, "The house is not set up for this", message)
            }
            // The numbers are the house's affair, and customers read this too.
            Error::Conflict { code: "vmids_exhausted", .. } => Self::no_place(NoPlace::NoNode),
            Error::Conflict { code, message } => {
                Self::new(StatusCode::CONFLICT, code, "In conflict with what is there", message)
            }
            Error::Console(ending) => Self::console(ending),
            Error::Busy(operation) => Self {
                more: Box::new(More { operation_id: Some(operation), ..More::default() }),
                ..Self::new(
                    StatusCode::CONFLICT,
                    "operation_in_progress",
                    "Another operation has not ended",
                    "another operation on this instance has not ended yet",
                )
                .remedy("wait for the operation named in `operation_id`, or delete the instance")
            },
            Error::NoPlace(reason) => Self::no_place(reason),
            Error::Cluster(message) => Self::new(
                StatusCode::BAD_GATEWAY,
                "cluster_problem",
                "The cluster does not do its part",
                message,
            ),
            Error::Away { code, message } => Self {
                more: Box::new(More { retry_after: Some(10), ..More::default() }),
                ..Self::new(StatusCode::SERVICE_UNAVAILABLE, code, "Not to be had at the moment", message)
            }
            .remedy("try again in a few seconds"),
            Error::Untrusted(message) => Self::new(
                StatusCode::BAD_REQUEST,
                "webhook_refused",
                "It is not from whom it claims to be from",
                message,
            ),
            Error::WalletRefused(_) => Self::unauthenticated("wallet_refused", error.to_string()).remedy(
                "ask for a challenge with `POST /api/v1/leases/challenge` and have the wallet sign it",
            ),
            Error::Provider(message) => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "provider_unavailable",
                "The payment provider does not do its part",
                message,
            ),
            Error::Overloaded => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "overloaded",
                "Too much at once",
                "too many ask for this at the moment",
            )
            .remedy("try again in a few seconds"),
            Error::InsufficientCredits { needed, available } => Self {
                more: Box::new(More {
                    needed_micros: Some(needed),
                    available_micros: Some(available),
                    ..More::default()
                }),
                ..Self::new(
                    StatusCode::PAYMENT_REQUIRED,
                    "insufficient_credits",
                    "Not enough credits",
                    format!("{needed} credits are needed for this, and {available} can be spent"),
                )
                .remedy("add credits to the project, or choose something smaller")
            },
            Error::Store(_) | Error::Internal(_) => {
                let source = std::error::Error::source(&error).map(tracing::field::display);
                tracing::error!(%error, source, "a request failed");
                Self::internal()
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> axum::response::Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.more.retry_after;
        let mut response = (status, axum::Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

pub(crate) fn no_such_route() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no_such_route", "Not found", "there is nothing at this address")
        .remedy("`/api/v1/docs` lists everything there is")
}

pub(crate) async fn no_such_method() -> Problem {
    let detail = "this address does not take this method";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed", detail)
        .remedy("the header `Allow` lists the methods that it takes")
}

/// A handler panicked: a defect of ours, logged here.
pub(crate) fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response<Body> {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no text");
    tracing::error!(panic = text, "a handler panicked");
    Problem::internal().into_response()
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::Request;
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;

    async fn broken() -> &'static str {
        panic!("the password is hunter2")
    }

    #[tokio::test]
    async fn a_panic_is_answered_as_a_problem_without_its_text() {
        let routes = crate::dress(Router::new().route("/", get(broken)));
        let request = Request::get("/").body(Body::empty()).unwrap();
        let response = routes.oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()[header::CONTENT_TYPE], MEDIA_TYPE);
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(body.contains(r#""code":"internal""#) && !body.contains("hunter2"), "{body}");
    }
}
