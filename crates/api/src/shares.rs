//! Shares: instances that another project may see or use.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use innkeeper_domain::ids::{InstanceId, ProjectId};
use innkeeper_domain::shares::{Right, Share as DomainShare};
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::Engine;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::extract::{Asked, At};
use crate::instances::Instance;
use crate::problem::{MEDIA_TYPE, Problem};

/// With whom an instance is shared.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Share {
    /// The project.
    project_id: ProjectId,
    /// What its people may do: `see` it, or also `use` it: start and stop it, its console, commands in it.
    right: Right,
    /// Since when.
    created_at: Timestamp,
}

impl Share {
    fn new(share: &DomainShare) -> Self {
        Self { project_id: share.project_id, right: share.right, created_at: share.created_at }
    }
}

/// An instance of another project, and what one may do with it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SharedInstance {
    /// What one may do.
    right: Right,
    /// The instance.
    instance: Instance,
}

/// With whom an instance is shared.
#[utoipa::path(get, path = "/instances/{id}/shares", tag = "instances",
    params(("id" = InstanceId, Path, description = "The instance")),
    responses((status = 200, description = "All of them, the oldest first", body = Vec<Share>)),
)]
pub(crate) async fn list_shares(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
) -> Result<Json<Vec<Share>>, Problem> {
    Ok(Json(engine.shares(&caller.actor, id).await?.iter().map(Share::new).collect()))
}

/// What another project may do.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "right": "use" }))]
pub(crate) struct ShareAsked {
    /// `see` or `use`.
    right: Right,
}

/// Share an instance with another project, or change what that may do. It stays its own project's, which pays for it and
/// alone may change, copy and remove it.
#[utoipa::path(put, path = "/instances/{id}/shares/{project_id}", tag = "instances", request_body = ShareAsked,
    params(("id" = InstanceId, Path, description = "The instance"),
           ("project_id" = ProjectId, Path, description = "The other project")),
    responses(
        (status = 200, description = "The share as it is now", body = Share),
        (status = 409, description = "It is shared with twenty projects already (`too_many_shares`), or deleted (`deleted`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn share_instance(
    caller: Caller,
    State(engine): State<Engine>,
    At((id, project)): At<(InstanceId, ProjectId)>,
    Asked(body): Asked<ShareAsked>,
) -> Result<Json<Share>, Problem> {
    Ok(Json(Share::new(&engine.share_instance(&caller.actor, id, project, body.right).await?)))
}

/// Share an instance no longer. The other project may end it, too.
#[utoipa::path(delete, path = "/instances/{id}/shares/{project_id}", tag = "instances",
    params(("id" = InstanceId, Path, description = "The instance"),
           ("project_id" = ProjectId, Path, description = "The other project")),
    responses((status = 204, description = "It is not shared with them any more")),
)]
pub(crate) async fn unshare_instance(
    caller: Caller,
    State(engine): State<Engine>,
    At((id, project)): At<(InstanceId, ProjectId)>,
) -> Result<StatusCode, Problem> {
    engine.unshare_instance(&caller.actor, id, project).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The instances that other projects share with yours, the newest first.
#[utoipa::path(get, path = "/shares", tag = "instances",
    responses((status = 200, description = "All of them", body = Vec<SharedInstance>)),
)]
pub(crate) async fn list_shared(
    caller: Caller,
    State(engine): State<Engine>,
) -> Result<Json<Vec<SharedInstance>>, Problem> {
    let shared = engine.shared_with_me(&caller.actor).await?;
    let (instances, rights): (Vec<_>, Vec<_>) = shared.into_iter().unzip();
    let shown = Instance::all(&engine, &caller, instances).await?;
    let show = |(instance, right)| SharedInstance { right, instance };
    Ok(Json(shown.into_iter().zip(rights).map(show).collect()))
}
