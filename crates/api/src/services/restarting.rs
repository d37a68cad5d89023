//! Restarts of services: asked for, followed, looked at afterwards.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use innkeeper_domain::ids::{OperationId, RestartId, ServiceId};
use innkeeper_domain::restarts::{self as domain, RestartState};
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::Engine;
use serde::Serialize;
use utoipa::ToSchema;

use crate::App;
use crate::auth::Caller;
use crate::docs::IdempotencyKey;
use crate::extract::{At, Key, Query};
use crate::operations::{Fault, Waiting};
use crate::page::{Page, Paging};
use crate::problem::{MEDIA_TYPE, Problem};
use crate::reports::Report;

/// One restart of a service.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Restart {
    /// Identity.
    id: RestartId,
    /// What is restarted.
    service_id: ServiceId,
    /// Who asked, as people call them; for staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    asked_by: Option<String>,
    /// When they asked.
    asked_at: Timestamp,
    /// How it stands.
    state: RestartState,
    /// When the present state ends at the latest.
    due_at: Timestamp,
    /// The operation that reboots the instance.
    operation_id: Option<OperationId>,
    /// How long it took from the asking to the first answer, in seconds.
    seconds: Option<u32>,
    /// Why it failed.
    error: Option<Fault>,
    /// What each part of it brought; for staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    reports: Option<Vec<Report>>,
    /// When it ended.
    ended_at: Option<Timestamp>,
}

impl Restart {
    fn new(restart: domain::Restart, staff: bool) -> Self {
        // What was said may hold addresses and numbers of guests.
        let said = |fault: innkeeper_domain::reports::Fault| {
            let message = if staff {
                fault.message
            } else {
                "the service did not come back; the house can see why".to_owned()
            };
            Fault::said(fault.code, message)
        };
        Self {
            id: restart.id,
            service_id: restart.service_id,
            asked_by: staff.then_some(restart.asked_name),
            asked_at: restart.asked_at,
            state: restart.state,
            due_at: restart.due_at,
            operation_id: restart.operation_id,
            seconds: restart.seconds,
            error: restart.fault.map(said),
            reports: staff.then(|| restart.reports.into_iter().map(Report::from).collect()),
            ended_at: restart.ended_at,
        }
    }
}

/// Restart a service: players are told, the world is saved, its guest is rebooted, and it is waited until the service
/// answers again.
#[utoipa::path(post, path = "/services/{id}/restart", tag = "services",
    params(("id" = ServiceId, Path, description = "The service"), IdempotencyKey),
    responses(
        (status = 202, description = "It has begun; follow the restart", body = Restart,
         headers(("Location" = String, description = "The restart"))),
        (status = 409, description = "It is being restarted already (`restart_under_way`), its host sleeps (`host_asleep`), there is no guest to restart (`no_guest`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
        (status = 429, description = "Too often: you had a restart within 10 minutes (`cooldown`), the service had 20 within 24 hours (`daily_limit`), you ask too hastily (`too_hasty`), or were warned for that too often (`restart_banned`); `until` and `Retry-After` say when it can be asked again", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn restart_service(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ServiceId>,
    Key(key): Key,
) -> Result<Response, Problem> {
    let restart = engine.restart_service(&caller.actor, id, key.as_ref()).await?;
    let headers = [(header::LOCATION, format!("/api/v1/restarts/{}", restart.id))];
    Ok((StatusCode::ACCEPTED, headers, Json(Restart::new(restart, caller.is_staff()))).into_response())
}

/// The restarts of a service, newest first.
#[utoipa::path(get, path = "/services/{id}/restarts", tag = "services",
    params(("id" = ServiceId, Path, description = "The service"), Paging),
    responses((status = 200, description = "A page of them", body = Page<Restart>)),
)]
pub(crate) async fn list_restarts(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ServiceId>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Restart>>, Problem> {
    let (limit, after) = (paging.limit(), paging.after()?);
    let restarts = engine.restarts(&caller.actor, id, after, limit.rows()).await?;
    let show = |restart| Restart::new(restart, caller.is_staff());
    Ok(Json(Page::of(restarts, limit, |restart| restart.id.to_string(), show)))
}

/// One restart, now or when it has ended.
#[utoipa::path(get, path = "/restarts/{id}", tag = "services",
    params(("id" = RestartId, Path, description = "The restart"), Waiting),
    responses((status = 200, description = "The restart; its state says whether it has ended", body = Restart)),
)]
pub(crate) async fn get_restart(
    caller: Caller,
    State(app): State<App>,
    At(id): At<RestartId>,
    Query(waiting): Query<Waiting>,
) -> Result<Json<Restart>, Problem> {
    let patience = waiting.patience();
    let restart = if patience.is_zero() {
        app.engine.restart(&caller.actor, id).await?
    } else {
        tokio::select! {
            ended = app.engine.await_restart(&caller.actor, id, patience) => ended?,
            () = app.stop.cancelled() => app.engine.restart(&caller.actor, id).await?,
        }
    };
    Ok(Json(Restart::new(restart, caller.is_staff())))
}
