//! Projects: who owns instances.

use axum::Json;
use axum::extract::State;
use innkeeper_domain::ids::{ProjectId, UserId};
use innkeeper_domain::names::Title;
use innkeeper_domain::projects as domain;
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::Engine;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::extract::Query;
use crate::page::{Page, Paging};
use crate::problem::Problem;

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
