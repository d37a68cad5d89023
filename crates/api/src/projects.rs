//! Projects: who owns instances.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use innkeeper_domain::ids::{ProjectId, UserId};
use innkeeper_domain::names::Title;
use innkeeper_domain::projects as domain;
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::Engine;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::docs::IdempotencyKey;
use crate::extract::{Asked, At, Keyed, Query};
use crate::page::{Page, Paging};
use crate::problem::{MEDIA_TYPE, Problem};

/// An owner of instances.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Project {
    /// Identity.
    id: ProjectId,
    /// As shown.
    name: Title,
    /// Set when it is somebody's own project.
    personal_of: Option<UserId>,
    /// When it was made.
    created_at: Timestamp,
}

impl From<domain::Project> for Project {
    fn from(project: domain::Project) -> Self {
        let domain::Project { id, name, personal_of, created_at } = project;
        Self { id, name, personal_of, created_at }
    }
}

/// The projects that you may see: yours, or everybody's for staff.
#[utoipa::path(get, path = "/projects", tag = "projects", params(Paging), responses(
    (status = 200, description = "A page of them", body = Page<Project>),
))]
pub(crate) async fn list_projects(
    caller: Caller,
    State(engine): State<Engine>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Project>>, Problem> {
    let projects = engine.projects(&caller.actor).await?;
    Page::within(projects, paging, |project| project.id.to_string(), Project::from).map(Json)
}

/// A project to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "The band" }))]
pub(crate) struct ProjectAsked {
    /// As shown: 1 to 64 characters.
    name: Title,
}

/// Make a project that others can be invited into. You own it.
#[utoipa::path(post, path = "/projects", tag = "projects", params(IdempotencyKey), request_body = ProjectAsked, responses(
    (status = 201, description = "Made", body = Project),
    (status = 409, description = "You own too many (`too_many_projects`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn create_project(
    caller: Caller,
    State(engine): State<Engine>,
    Keyed { body, key }: Keyed<ProjectAsked>,
) -> Result<(StatusCode, Json<Project>), Problem> {
    let project = engine.create_project(&caller.actor, body.name, key.as_ref()).await?;
    Ok((StatusCode::CREATED, Json(project.into())))
}

/// One project.
#[utoipa::path(get, path = "/projects/{id}", tag = "projects",
    params(("id" = ProjectId, Path, description = "The project")),
    responses((status = 200, description = "The project", body = Project)),
)]
pub(crate) async fn get_project(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ProjectId>,
) -> Result<Json<Project>, Problem> {
    Ok(Json(engine.project(&caller.actor, id).await?.into()))
}

/// Rename a project. For its owners.
#[utoipa::path(patch, path = "/projects/{id}", tag = "projects", request_body = ProjectAsked,
    params(("id" = ProjectId, Path, description = "The project")),
    responses((status = 200, description = "The project as it is now", body = Project)),
)]
pub(crate) async fn rename_project(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ProjectId>,
    Asked(asked): Asked<ProjectAsked>,
) -> Result<Json<Project>, Problem> {
    Ok(Json(engine.rename_project(&caller.actor, id, asked.name).await?.into()))
}

/// Delete a project that has nothing any more. For its owners.
#[utoipa::path(delete, path = "/projects/{id}", tag = "projects",
    params(("id" = ProjectId, Path, description = "The project")),
    responses(
        (status = 204, description = "Deleted"),
        (status = 409, description = "It still has instances, protected backups, a network of its own or money (`project_not_empty`), or is somebody's own (`personal_project`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn delete_project(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ProjectId>,
) -> Result<StatusCode, Problem> {
    engine.delete_project(&caller.actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
