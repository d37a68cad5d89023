//! Suspending and banning users.

use axum::Json;
use axum::extract::State;
use innkeeper_domain::ids::UserId;
use innkeeper_domain::names::Reason;
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::Engine;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::docs::IdempotencyKey;
use crate::extract::{At, Key, Keyed};
use crate::problem::{MEDIA_TYPE, Problem};
use crate::users::User;

/// Why to suspend somebody.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "the invoice of May is open" }))]
pub(crate) struct SuspensionAsked {
    /// Why: 1 to 500 characters. They are shown it.
    reason: Reason,
}

/// Why to ban somebody, and for how long.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "spam", "until": "2100-01-01T00:00:00Z" }))]
pub(crate) struct BanAsked {
    /// Why: 1 to 500 characters. They are shown it.
    reason: Reason,
    /// Until when; for good when it is left out.
    until: Option<Timestamp>,
}

/// Suspend a user. For administrators.
///
/// They look, pay and leave. The instances of every project whose owners are all suspended or banned are stopped; those
/// that ran run again when that ends.
#[utoipa::path(post, path = "/users/{id}/suspend", tag = "users", request_body = SuspensionAsked,
    params(("id" = UserId, Path, description = "The user"), IdempotencyKey),
    responses(
        (status = 200, description = "The user as they are now", body = User),
        (status = 409, description = "It is you (`yourself`), the last administrator (`last_admin`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn suspend_user(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<UserId>,
    Keyed { body, key }: Keyed<SuspensionAsked>,
) -> Result<Json<User>, Problem> {
    Ok(Json(engine.suspend_user(&caller.actor, id, body.reason, key.as_ref()).await?.into()))
}

/// End a suspension. For administrators.
#[utoipa::path(post, path = "/users/{id}/unsuspend", tag = "users",
    params(("id" = UserId, Path, description = "The user"), IdempotencyKey),
    responses((status = 200, description = "The user as they are now", body = User)),
)]
pub(crate) async fn unsuspend_user(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<UserId>,
    Key(key): Key,
) -> Result<Json<User>, Problem> {
    Ok(Json(engine.unsuspend_user(&caller.actor, id, key.as_ref()).await?.into()))
}

/// Ban a user, for good or until a time. For administrators.
///
/// Their sessions end, and they do not get in. What they own is treated as with a suspension.
#[utoipa::path(post, path = "/users/{id}/ban", tag = "users", request_body = BanAsked,
    params(("id" = UserId, Path, description = "The user"), IdempotencyKey),
    responses(
        (status = 200, description = "The user as they are now", body = User),
        (status = 409, description = "It is you (`yourself`), the last administrator (`last_admin`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn ban_user(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<UserId>,
    Keyed { body, key }: Keyed<BanAsked>,
) -> Result<Json<User>, Problem> {
    Ok(Json(engine.ban_user(&caller.actor, id, body.reason, body.until, key.as_ref()).await?.into()))
}

/// End a ban. For administrators.
#[utoipa::path(post, path = "/users/{id}/unban", tag = "users",
    params(("id" = UserId, Path, description = "The user"), IdempotencyKey),
    responses((status = 200, description = "The user as they are now", body = User)),
)]
pub(crate) async fn unban_user(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<UserId>,
    Key(key): Key,
) -> Result<Json<User>, Problem> {
    Ok(Json(engine.unban_user(&caller.actor, id, key.as_ref()).await?.into()))
}
