//! What people ask of a host. Each is a wish, written down at once; what becomes of it is seen by the host's state.

use axum::Json;
use axum::extract::State;
use innkeeper_domain::ids::HostId;
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::Engine;
use serde::Deserialize;
use utoipa::ToSchema;

use super::shown::Host;
use crate::auth::Caller;
use crate::extract::{Asked, At};
use crate::problem::{MEDIA_TYPE, Problem};

/// Why a host is to wake.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "game night" }))]
pub(crate) struct WakeAsked {
    /// For whoever looks at it: up to 200 characters.
    reason: Option<String>,
}

/// How long a host is kept awake.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "until": "2026-11-21T23:00:00Z" }))]
pub(crate) struct KeepAwakeAsked {
    /// Until when: a week from now at most.
    until: Timestamp,
}

/// Wake a host, or call back one that is on its way to sleep. Follow `state` until it is `ready` or `error`. A host that
/// has been told to switch itself off is woken when it is off.
#[utoipa::path(post, path = "/hosts/{id}/wake", tag = "hosts", request_body = WakeAsked,
    params(("id" = HostId, Path, description = "The host")),
    responses(
        (status = 200, description = "Asked for; the host as it is now", body = Host),
        (status = 409, description = "It is under maintenance (`host_maintenance`), or its profile names no way to wake it (`cannot_be_woken`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn wake_host(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<HostId>,
    Asked(body): Asked<WakeAsked>,
) -> Result<Json<Host>, Problem> {
    let host = engine.wake_host(&caller.actor, id, body.reason.as_deref()).await?;
    Ok(Json(Host::of(&engine, &caller, host).await?))
}

/// Have a host go to sleep: the countdown begins as soon as nothing needs it. Ends that it is kept awake.
#[utoipa::path(post, path = "/hosts/{id}/sleep", tag = "hosts",
    params(("id" = HostId, Path, description = "The host")),
    responses(
        (status = 200, description = "Asked for; the host as it is now", body = Host),
        (status = 409, description = "Something needs it (`host_needed`), it is not ready (`host_not_ready`), or under maintenance (`host_maintenance`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn sleep_host(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<HostId>,
) -> Result<Json<Host>, Problem> {
    let host = engine.sleep_host(&caller.actor, id).await?;
    Ok(Json(Host::of(&engine, &caller, host).await?))
}

/// Call off that a host goes to sleep. Whoever may wake it may do that.
#[utoipa::path(post, path = "/hosts/{id}/cancel-sleep", tag = "hosts",
    params(("id" = HostId, Path, description = "The host")),
    responses(
        (status = 200, description = "Called off; the host as it is now", body = Host),
        (status = 409, description = "It is not on its way to sleep (`not_going_to_sleep`), has been told to switch itself off already (`too_late`), or is under maintenance (`host_maintenance`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn cancel_host_sleep(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<HostId>,
) -> Result<Json<Host>, Problem> {
    let host = engine.cancel_sleep(&caller.actor, id).await?;
    Ok(Json(Host::of(&engine, &caller, host).await?))
}

/// Keep a host awake until then, and wake it.
#[utoipa::path(put, path = "/hosts/{id}/keep-awake", tag = "hosts", request_body = KeepAwakeAsked,
    params(("id" = HostId, Path, description = "The host")),
    responses(
        (status = 200, description = "The host as it is now", body = Host),
        (status = 409, description = "It is under maintenance (`host_maintenance`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn keep_host_awake(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<HostId>,
    Asked(body): Asked<KeepAwakeAsked>,
) -> Result<Json<Host>, Problem> {
    let host = engine.keep_awake(&caller.actor, id, Some(body.until)).await?;
    Ok(Json(Host::of(&engine, &caller, host).await?))
}

/// Keep a host awake no longer. It sleeps when nothing else needs it.
#[utoipa::path(delete, path = "/hosts/{id}/keep-awake", tag = "hosts",
    params(("id" = HostId, Path, description = "The host")),
    responses(
        (status = 200, description = "The host as it is now", body = Host),
        (status = 409, description = "It is under maintenance (`host_maintenance`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn stop_keeping_host_awake(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<HostId>,
) -> Result<Json<Host>, Problem> {
    let host = engine.keep_awake(&caller.actor, id, None).await?;
    Ok(Json(Host::of(&engine, &caller, host).await?))
}

/// Take a host out of the guardian's hands: it is neither woken nor switched off until that ends.
#[utoipa::path(put, path = "/hosts/{id}/maintenance", tag = "hosts",
    params(("id" = HostId, Path, description = "The host")),
    responses(
        (status = 200, description = "The host as it is now", body = Host),
        (status = 409, description = "It is on its way to sleep (`host_going_to_sleep`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn begin_host_maintenance(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<HostId>,
) -> Result<Json<Host>, Problem> {
    let host = engine.maintain_host(&caller.actor, id, true).await?;
    Ok(Json(Host::of(&engine, &caller, host).await?))
}

/// Give a host back to the guardian.
#[utoipa::path(delete, path = "/hosts/{id}/maintenance", tag = "hosts",
    params(("id" = HostId, Path, description = "The host")),
    responses(
        (status = 200, description = "The host as it is now", body = Host),
        (status = 409, description = "It is on its way to sleep, and so not under maintenance (`host_going_to_sleep`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn end_host_maintenance(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<HostId>,
) -> Result<Json<Host>, Problem> {
    let host = engine.maintain_host(&caller.actor, id, false).await?;
    Ok(Json(Host::of(&engine, &caller, host).await?))
}

/// Leave an error: the host is looked at anew.
#[utoipa::path(post, path = "/hosts/{id}/clear", tag = "hosts",
    params(("id" = HostId, Path, description = "The host")),
    responses(
        (status = 200, description = "The host as it is now", body = Host),
        (status = 409, description = "Nothing is wrong with it (`no_error`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn clear_host(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<HostId>,
) -> Result<Json<Host>, Problem> {
    let host = engine.clear_host(&caller.actor, id).await?;
    Ok(Json(Host::of(&engine, &caller, host).await?))
}
