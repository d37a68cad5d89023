//! Whether the process is up, and whether it can do its work.

use axum::Json;
use axum::extract::State;
use innkeeper_engine::Engine;
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::{MEDIA_TYPE, Problem};

/// How we are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `up` or `ready`.
    status: &'static str,
}

/// Is the process up?
///
/// Asks nobody else: a supervisor restarts us when this does not answer.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "It is", body = Health)))]
pub(crate) async fn healthz() -> Json<Health> {
    Json(Health { status: "up" })
}

/// Can we do our work?
///
/// Asks the database. A load balancer sends nobody here while this says no.
#[utoipa::path(get, path = "/readyz", tag = "health", responses(
    (status = 200, description = "We can", body = Health),
    (status = 503, description = "The database does not answer", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn readyz(State(engine): State<Engine>) -> Result<Json<Health>, Problem> {
    engine.ping().await.map_err(|error| Problem::not_ready(&error))?;
    Ok(Json(Health { status: "ready" }))
}
