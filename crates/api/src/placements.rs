//! Why here, and why not there; for staff.

use axum::Json;
use axum::extract::State;
use innkeeper_domain::ids::{ClusterId, InstanceId, PlanId, ProjectId, TemplateId};
use innkeeper_domain::instances::Kind;
use innkeeper_domain::names::{NodeName, StorageName};
use innkeeper_domain::placement::Verdict;
use innkeeper_domain::sizes::Size;
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::{Engine, PlacementQuestion, WantedSize};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::extract::{Asked, At};
use crate::problem::{MEDIA_TYPE, Problem};

/// What is to be placed. Give a template, or a kind with a size; of plan and size, one at most.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "kind": "lxc", "size": { "cores": 2, "memory_mib": 2048, "disk_gib": 20 } }))]
pub(crate) struct PlacementAsked {
    /// What it would be made from.
    template_id: Option<TemplateId>,
    /// Container or virtual machine, where there is no template.
    kind: Option<Kind>,
    /// A plan, for its size.
    plan_id: Option<PlanId>,
    /// A size of your own.
    size: Option<Size>,
    /// For which project; what stands against it is told too.
    project_id: Option<ProjectId>,
}

/// What was found about one node.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NodeVerdict {
    /// The verdict in a sentence.
    message: String,
    #[serde(flatten)]
    verdict: Verdict,
}

impl From<Verdict> for NodeVerdict {
    fn from(verdict: Verdict) -> Self {
        Self { message: verdict.sentence(), verdict }
    }
}

/// Something that keeps the instance from being made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PlacementObstacle)]
pub(crate) struct Obstacle {
    /// For programs.
    code: &'static str,
    /// For people.
    message: String,
}

/// What placement would find now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlacementExplained {
    /// Container or virtual machine.
    kind: Kind,
    /// How big.
    size: Size,
    /// Whether it could be made now.
    possible: bool,
    /// What keeps it from being made; empty when nothing does.
    obstacles: Vec<Obstacle>,
    /// What was found about each node, the best first.
    nodes: Vec<NodeVerdict>,
}

/// Where an instance is, and why it was placed there.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlacementKept {
    /// The instance.
    instance_id: InstanceId,
    /// Its cluster now.
    cluster_id: ClusterId,
    /// Its node now, as far as known.
    node: NodeName,
    /// The storage of its disk.
    storage: StorageName,
    /// When it was placed; null for one that was adopted, or placed before this was kept.
    placed_at: Option<Timestamp>,
    /// What was found then about each node, the best first; of a large house, those that came furthest.
    nodes: Vec<NodeVerdict>,
}

/// Ask where an instance would go, and why not elsewhere; for staff.
///
/// Nothing is taken and nothing is made.
#[utoipa::path(post, path = "/placements/explain", tag = "clusters", request_body = PlacementAsked, responses(
    (status = 200, description = "What was found", body = PlacementExplained),
    (status = 404, description = "No such project (`not_found`)", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn explain_placement(
    caller: Caller,
    State(engine): State<Engine>,
    Asked(body): Asked<PlacementAsked>,
) -> Result<Json<PlacementExplained>, Problem> {
    let size = match (body.plan_id, body.size) {
        (None, None) => WantedSize::Default,
        (Some(plan), None) => WantedSize::Plan(plan),
        (None, Some(size)) => WantedSize::Custom(size),
        (Some(_), Some(_)) => {
            return Err(Problem::invalid_field("size", "give `plan_id` or `size`, not both"));
        }
    };
    let (template_id, kind, project_id) = (body.template_id, body.kind, body.project_id);
    let question = PlacementQuestion { template_id, kind, size, project_id };
    let found = engine.explain_placement(&caller.actor, question).await?;
    let obstacle = |(code, message)| Obstacle { code, message };
    let obstacles: Vec<Obstacle> = found.obstacles.into_iter().map(obstacle).collect();
    Ok(Json(PlacementExplained {
        kind: found.kind,
        size: found.size,
        possible: obstacles.is_empty(),
        obstacles,
        nodes: found.verdicts.into_iter().map(NodeVerdict::from).collect(),
    }))
}

/// Why an instance was placed where it was placed; for staff.
#[utoipa::path(get, path = "/instances/{id}/placement", tag = "instances",
    params(("id" = InstanceId, Path, description = "The instance")),
    responses((status = 200, description = "Where it is, and what was found when it was placed", body = PlacementKept)),
)]
pub(crate) async fn get_placement(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
) -> Result<Json<PlacementKept>, Problem> {
    let placed = engine.instance_placement(&caller.actor, id).await?;
    let (placed_at, verdicts) = placed.found.map_or((None, Vec::new()), |(at, found)| (Some(at), found));
    let instance = placed.instance;
    Ok(Json(PlacementKept {
        instance_id: instance.id,
        cluster_id: instance.cluster_id,
        node: instance.node,
        storage: instance.storage,
        placed_at,
        nodes: verdicts.into_iter().map(NodeVerdict::from).collect(),
    }))
}
