//! Plans: named sizes to choose from.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use innkeeper_domain::ids::PlanId;
use innkeeper_domain::names::Title;
use innkeeper_domain::plans as domain;
use innkeeper_domain::prices::Rate;
use innkeeper_domain::sizes::Size;
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::{Engine, NewPlan};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::docs::IdempotencyKey;
use crate::extract::{Asked, At, Keyed, Query};
use crate::page::{Page, Paging};
use crate::problem::{MEDIA_TYPE, Problem};

/// A named size.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Plan {
    /// Identity.
    id: PlanId,
    /// As shown.
    name: Title,
    /// What one gets.
    size: Size,
    /// What it costs per hour, in micro-credits; null means what the price list says of its size.
    price: Option<Rate>,
    /// Whether new instances can have it.
    offered: bool,
    /// When it was made.
    created_at: Timestamp,
}

impl From<domain::Plan> for Plan {
    fn from(plan: domain::Plan) -> Self {
        let domain::Plan { id, name, size, price, offered, created_at } = plan;
        Self { id, name, size, price, offered, created_at }
    }
}

/// A plan to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "Small", "size": { "cores": 1, "memory_mib": 1024, "disk_gib": 10 } }))]
pub(crate) struct PlanAsked {
    /// As shown: 1 to 64 characters.
    name: Title,
    /// What one gets.
    size: Size,
    /// What it costs per hour, in micro-credits; without it, what the price list says of its size. For administrators.
    price: Option<Rate>,
}

/// What to change of a plan.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "offered": false }))]
pub(crate) struct PlanChange {
    /// Whether new instances can have it.
    offered: bool,
}

/// The plans that instances can have, smallest first. Staff see the others too.
#[utoipa::path(get, path = "/plans", tag = "plans", params(Paging), responses(
    (status = 200, description = "A page of them", body = Page<Plan>),
))]
pub(crate) async fn list_plans(
    caller: Caller,
    State(engine): State<Engine>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Plan>>, Problem> {
    let plans = engine.plans(&caller.actor).await?;
    Page::within(plans, paging, |plan| plan.id.to_string(), Plan::from).map(Json)
}

/// Make a plan. For staff.
#[utoipa::path(post, path = "/plans", tag = "plans", params(IdempotencyKey), request_body = PlanAsked, responses(
    (status = 201, description = "Made", body = Plan),
    (status = 409, description = "The key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn create_plan(
    caller: Caller,
    State(engine): State<Engine>,
    Keyed { body, key }: Keyed<PlanAsked>,
) -> Result<(StatusCode, Json<Plan>), Problem> {
    let new = NewPlan { name: body.name, size: body.size, price: body.price };
    let plan = engine.create_plan(&caller.actor, new, key.as_ref()).await?;
    Ok((StatusCode::CREATED, Json(plan.into())))
}

/// Offer a plan, or no longer. For staff.
#[utoipa::path(patch, path = "/plans/{id}", tag = "plans", request_body = PlanChange,
    params(("id" = PlanId, Path, description = "The plan")),
    responses((status = 200, description = "The plan as it is now", body = Plan)),
)]
pub(crate) async fn change_plan(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<PlanId>,
    Asked(change): Asked<PlanChange>,
) -> Result<Json<Plan>, Problem> {
    Ok(Json(engine.offer_plan(&caller.actor, id, change.offered).await?.into()))
}
