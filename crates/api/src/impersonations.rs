//! Administrators who act for users.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use innkeeper_domain::ids::{SessionId, UserId};
use innkeeper_domain::impersonations as domain;
use innkeeper_domain::names::Reason;
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::Engine;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::extract::{Asked, At, Query};
use crate::page::{Page, Paging};
use crate::problem::{MEDIA_TYPE, Problem};
use crate::users::User;

/// A session in which an administrator acts for a user.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Impersonation {
    /// Identity.
    id: SessionId,
    /// For whom they act.
    user_id: UserId,
    /// The administrator.
    by: UserId,
    /// Why.
    reason: Reason,
    /// Since when.
    created_at: Timestamp,
    /// When it ends by itself.
    expires_at: Timestamp,
}

impl From<domain::Impersonation> for Impersonation {
    fn from(found: domain::Impersonation) -> Self {
        let domain::Impersonation { id, user_id, by, reason, created_at, expires_at } = found;
        Self { id, user_id, by, reason, created_at, expires_at }
    }
}

/// Why to act for somebody.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "they cannot see their instance, ticket 12" }))]
pub(crate) struct ImpersonationAsked {
    /// Why: 1 to 500 characters. It stands in the audit log.
    reason: Reason,
}

/// A session just opened for somebody else.
#[derive(Serialize, ToSchema)]
pub(crate) struct ImpersonationOpened {
    /// Send it as `Authorization: Bearer`. It is shown this once.
    token: String,
    /// For whom.
    user: User,
    /// The session.
    session: Impersonation,
}

/// Act for a user for half an hour. For administrators who are signed in.
///
/// With the token, requests are made as that user would make them. Both are named in the audit log. Their account
/// cannot be changed by it, and nobody acts for an administrator. `DELETE /api/v1/sessions/current` ends it.
#[utoipa::path(post, path = "/users/{id}/impersonate", tag = "users", request_body = ImpersonationAsked,
    params(("id" = UserId, Path, description = "The user")),
    responses(
        (status = 201, description = "Opened; the token is shown this once", body = ImpersonationOpened),
        (status = 409, description = "They are an administrator (`is_admin`), or banned (`is_banned`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn impersonate_user(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<UserId>,
    Asked(asked): Asked<ImpersonationAsked>,
) -> Result<(StatusCode, Json<ImpersonationOpened>), Problem> {
    let opened = engine.impersonate(&caller.actor, id, asked.reason).await?;
    let token = opened.token.expose_secret().to_owned();
    let answer = ImpersonationOpened { token, user: opened.user.into(), session: opened.session.into() };
    Ok((StatusCode::CREATED, Json(answer)))
}

/// Who acts for whom right now, newest first. For administrators.
#[utoipa::path(get, path = "/impersonations", tag = "users", params(Paging), responses(
    (status = 200, description = "A page of them", body = Page<Impersonation>),
))]
pub(crate) async fn list_impersonations(
    caller: Caller,
    State(engine): State<Engine>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Impersonation>>, Problem> {
    let found = engine.impersonations(&caller.actor).await?;
    Page::within(found, paging, |one| one.id.to_string(), Impersonation::from).map(Json)
}

/// End a session in which somebody acts for a user. For administrators.
#[utoipa::path(delete, path = "/impersonations/{id}", tag = "users",
    params(("id" = SessionId, Path, description = "The session")),
    responses((status = 204, description = "Ended; its token is worth nothing from now on")),
)]
pub(crate) async fn end_impersonation(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<SessionId>,
) -> Result<StatusCode, Problem> {
    engine.end_impersonation(&caller.actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
