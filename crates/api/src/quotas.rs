//! How much a project may have.

use axum::Json;
use axum::extract::State;
use innkeeper_domain::ids::ProjectId;
use innkeeper_domain::quotas::{Amounts, Overrides};
use innkeeper_engine::{self as engine, Engine};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::extract::{Asked, At};
use crate::problem::Problem;

/// How much a project may have, and has.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Quota {
    /// How much it may have.
    allowed: Amounts,
    /// How much it has.
    used: Amounts,
    /// What is set for it in place of the defaults.
    set: Overrides,
}

impl From<engine::Quota> for Quota {
    fn from(quota: engine::Quota) -> Self {
        let engine::Quota { allowed, used, set } = quota;
        Self { allowed, used, set }
    }
}

/// What a project may have in place of the defaults.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "instances": 50, "memory_mib": 131_072 }))]
pub(crate) struct QuotaAsked {
    /// Instances; the default when it is left out.
    instances: Option<u32>,
    /// Cores of all instances together; the default when it is left out.
    cores: Option<u32>,
    /// Memory of all instances together, in MiB; the default when it is left out.
    memory_mib: Option<u32>,
    /// Disk of all instances together, in GiB; the default when it is left out.
    disk_gib: Option<u32>,
}

/// How much a project may have, and has.
#[utoipa::path(get, path = "/projects/{id}/quota", tag = "projects",
    params(("id" = ProjectId, Path, description = "The project")),
    responses((status = 200, description = "The quota and what is used of it", body = Quota)),
)]
pub(crate) async fn get_quota(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ProjectId>,
) -> Result<Json<Quota>, Problem> {
    Ok(Json(engine.quota(&caller.actor, id).await?.into()))
}

/// Set how much a project may have. For administrators.
///
/// What is left out goes back to the default. What the project has already stays.
#[utoipa::path(put, path = "/projects/{id}/quota", tag = "projects", request_body = QuotaAsked,
    params(("id" = ProjectId, Path, description = "The project")),
    responses((status = 200, description = "The quota as it is now", body = Quota)),
)]
pub(crate) async fn set_quota(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ProjectId>,
    Asked(asked): Asked<QuotaAsked>,
) -> Result<Json<Quota>, Problem> {
    let set = Overrides {
        instances: asked.instances.map(Into::into),
        cores: asked.cores.map(Into::into),
        memory_mib: asked.memory_mib.map(Into::into),
        disk_gib: asked.disk_gib.map(Into::into),
    };
    Ok(Json(engine.set_quota(&caller.actor, id, set).await?.into()))
}
