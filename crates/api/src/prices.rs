//! Prices: the list that holds, what something will cost, and another price for a plan or an instance.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use innkeeper_domain::ids::{InstanceId, PlanId, PriceListId, UserId};
use innkeeper_domain::money::Micros;
use innkeeper_domain::prices::{self as domain, Rate, UnitPrices};
use innkeeper_domain::sizes::Size;
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::{Engine, NewPriceList, Sized};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::docs::IdempotencyKey;
use crate::extract::{Asked, At, Keyed, Query};
use crate::instances::Instance;
use crate::page::{Page, Paging};
use crate::plans::Plan;
use crate::problem::{MEDIA_TYPE, Problem};

/// Prices for instances that were made since. Amounts are micro-credits per hour: 1 credit is 1 000 000.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PriceList {
    /// Identity.
    id: PriceListId,
    /// What each part of a size costs while an instance runs.
    running: UnitPrices,
    /// What it costs while the instance is stopped.
    stopped: UnitPrices,
    /// Since when it holds.
    created_at: Timestamp,
    /// Who set it; null is the house.
    created_by: Option<UserId>,
}

impl From<domain::PriceList> for PriceList {
    fn from(list: domain::PriceList) -> Self {
        let domain::PriceList { id, running, stopped, created_at, created_by } = list;
        Self { id, running, stopped, created_at, created_by }
    }
}

/// Prices to be set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "running": { "core_micros": 4000, "memory_gib_micros": 2000, "disk_gib_micros": 100 },
}))]
pub(crate) struct PriceListAsked {
    /// What each part of a size costs per hour while an instance runs.
    running: UnitPrices,
    /// The same while it is stopped; without it, the disk alone is paid, at the same price.
    stopped: Option<UnitPrices>,
}

/// What is to be priced: a plan or a size.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "size": { "cores": 2, "memory_mib": 2048, "disk_gib": 20 } }))]
pub(crate) struct EstimateAsked {
    /// A plan.
    plan_id: Option<PlanId>,
    /// A size of one's own.
    size: Option<Size>,
}

/// What something will cost, in micro-credits.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Estimate {
    /// Per hour, while it runs and while it is stopped.
    rate: Rate,
    /// A day of running.
    day_micros: Micros,
    /// Thirty days of running.
    month_micros: Micros,
    /// What is held when it is made, and given back when it is gone.
    held_micros: Micros,
}

/// The price of a plan.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "price": { "running_micros": 12_000, "stopped_micros": 1000 } }))]
pub(crate) struct PlanPrice {
    /// Per hour, in micro-credits; null leaves the plan to the price list.
    price: Option<Rate>,
}

/// The price of an instance from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "rate": { "running_micros": 12_000, "stopped_micros": 1000 } }))]
pub(crate) struct InstancePrice {
    /// Per hour, in micro-credits; null means what it would cost if it were made now.
    rate: Option<Rate>,
}

/// Price lists, newest first. The first holds for new instances; while there is none, nothing costs anything.
#[utoipa::path(get, path = "/price-lists", tag = "prices", params(Paging), responses(
    (status = 200, description = "A page of them", body = Page<PriceList>),
))]
pub(crate) async fn list_price_lists(
    caller: Caller,
    State(engine): State<Engine>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<PriceList>>, Problem> {
    let limit = paging.limit();
    let found = engine.price_lists(&caller.actor, paging.after()?, limit.rows()).await?;
    Ok(Json(Page::of(found, limit, |list| list.id.to_string(), PriceList::from)))
}

/// Set the prices for instances that are made from now on. Those that are there keep theirs. For administrators.
#[utoipa::path(post, path = "/price-lists", tag = "prices", params(IdempotencyKey), request_body = PriceListAsked, responses(
    (status = 201, description = "It holds", body = PriceList),
    (status = 409, description = "The key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn create_price_list(
    caller: Caller,
    State(engine): State<Engine>,
    Keyed { body, key }: Keyed<PriceListAsked>,
) -> Result<(StatusCode, Json<PriceList>), Problem> {
    let new = NewPriceList { running: body.running, stopped: body.stopped };
    let list = engine.create_price_list(&caller.actor, new, key.as_ref()).await?;
    Ok((StatusCode::CREATED, Json(list.into())))
}

/// What a plan or a size will cost, and what is held for it. Nothing is bought.
#[utoipa::path(post, path = "/prices/estimate", tag = "prices", request_body = EstimateAsked, responses(
    (status = 200, description = "What it will cost", body = Estimate),
))]
pub(crate) async fn estimate_price(
    caller: Caller,
    State(engine): State<Engine>,
    Asked(asked): Asked<EstimateAsked>,
) -> Result<Json<Estimate>, Problem> {
    let sized = match (asked.plan_id, asked.size) {
        (Some(plan), None) => Sized::Plan(plan),
        (None, Some(size)) => Sized::Custom(size),
        _ => return Err(Problem::invalid_field("size", "give either `plan_id` or `size`")),
    };
    let found = engine.estimate(&caller.actor, sized).await?;
    let domain::Estimate { rate, day, month, held } = found;
    Ok(Json(Estimate { rate, day_micros: day, month_micros: month, held_micros: held }))
}

/// Give a plan a price of its own, which wins over the price list. Instances that are there keep theirs. For
/// administrators.
#[utoipa::path(put, path = "/plans/{id}/price", tag = "prices", request_body = PlanPrice,
    params(("id" = PlanId, Path, description = "The plan")),
    responses((status = 200, description = "The plan as it is now", body = Plan)),
)]
pub(crate) async fn price_plan(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<PlanId>,
    Asked(asked): Asked<PlanPrice>,
) -> Result<Json<Plan>, Problem> {
    Ok(Json(engine.price_plan(&caller.actor, id, asked.price).await?.into()))
}

/// Give an instance another price from now on. What it has used so far is charged at the old one. For administrators.
#[utoipa::path(put, path = "/instances/{id}/price", tag = "prices", request_body = InstancePrice,
    params(("id" = InstanceId, Path, description = "The instance")),
    responses(
        (status = 200, description = "The instance as it is now", body = Instance),
        (status = 402, description = "The wallet has not enough to hold more (`insufficient_credits`)", body = Problem, content_type = MEDIA_TYPE),
        (status = 409, description = "It is deleted (`wrong_state`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn reprice_instance(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
    Asked(asked): Asked<InstancePrice>,
) -> Result<Json<Instance>, Problem> {
    let instance = engine.reprice_instance(&caller.actor, id, asked.rate, None).await?;
    Ok(Json(Instance::of(&engine, &caller, instance).await?))
}
