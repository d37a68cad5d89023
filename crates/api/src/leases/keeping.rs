//! What whoever holds a lease sees and does.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use innkeeper_domain::audit::Outcome;
use innkeeper_domain::ids::LeaseId;
use innkeeper_domain::leases::LeaseState;
use innkeeper_domain::sizes::Size;
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::{Engine, WantedSize};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::holder::Holder;
use super::{Lease, Order};
use crate::extract::{Asked, At, Query};
use crate::page::{Cursor, Limit, Page};
use crate::problem::{MEDIA_TYPE, Problem};

/// Which leases.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WhichLeases {
    /// In this state only.
    state: Option<LeaseState>,
    /// How many items at most.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// Your leases, newest first: the one of a token, those of a wallet, or those of your projects. Staff see all.
#[utoipa::path(get, path = "/leases", tag = "leases", params(WhichLeases),
    responses(
        (status = 200, description = "A page of them", body = Page<Lease>),
        (status = 409, description = "This house does not lease (`leases_off`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn list_leases(
    Holder(by): Holder,
    State(engine): State<Engine>,
    Query(which): Query<WhichLeases>,
) -> Result<Json<Page<Lease>>, Problem> {
    let after = Cursor::read(which.cursor)?;
    let found = engine.leases(&by, which.state, after, which.limit.rows()).await?;
    let page = Page::of(found, which.limit, |lease| lease.id.to_string(), |lease| lease);
    let mut items = Vec::with_capacity(page.items.len());
    for lease in page.items {
        items.push(Lease::shown(&engine, lease).await?);
    }
    Ok(Json(Page { items, next_cursor: page.next_cursor }))
}

/// One of your leases.
#[utoipa::path(get, path = "/leases/{id}", tag = "leases",
    params(("id" = LeaseId, Path, description = "The lease")),
    responses(
        (status = 200, description = "The lease", body = Lease),
        (status = 409, description = "This house does not lease (`leases_off`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn get_lease(
    Holder(by): Holder,
    State(engine): State<Engine>,
    At(id): At<LeaseId>,
) -> Result<Json<Lease>, Problem> {
    let (lease, _) = engine.held_lease(id, &by).await?;
    Ok(Json(Lease::shown(&engine, lease).await?))
}

/// Give a lease up before its time. Its container is removed at once and for good; what is left of the time is not paid
/// back.
#[utoipa::path(delete, path = "/leases/{id}", tag = "leases",
    params(("id" = LeaseId, Path, description = "The lease")),
    responses(
        (status = 202, description = "It is being removed", body = Lease),
        (status = 409, description = "It is still being made (`lease_making`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn end_lease(
    Holder(by): Holder,
    State(engine): State<Engine>,
    At(id): At<LeaseId>,
) -> Result<(StatusCode, Json<Lease>), Problem> {
    let lease = engine.end_lease(id, &by).await?;
    Ok((StatusCode::ACCEPTED, Json(Lease::shown(&engine, lease).await?)))
}

/// Another size.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "size": { "cores": 2, "memory_mib": 1024, "disk_gib": 8 } }))]
pub(crate) struct LeaseSizeAsked {
    /// A named size, by its name or id; or give `size`.
    plan: Option<String>,
    /// A size of your own. A disk never shrinks.
    size: Option<Size>,
}

/// Give a lease another size. What is left of its time is worth as much as before, so that it ends sooner or later.
#[utoipa::path(post, path = "/leases/{id}/resize", tag = "leases", request_body = LeaseSizeAsked,
    params(("id" = LeaseId, Path, description = "The lease")),
    responses(
        (status = 200, description = "The lease as it is now; its container follows", body = Lease),
        (status = 409, description = "Its time does not run (`lease_not_active`), something else is under way (`operation_in_progress`), or there is no room (`no_capacity`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn resize_lease(
    Holder(by): Holder,
    State(engine): State<Engine>,
    At(id): At<LeaseId>,
    Asked(asked): Asked<LeaseSizeAsked>,
) -> Result<Json<Lease>, Problem> {
    let to = match (asked.plan, asked.size) {
        (Some(plan), None) => WantedSize::Plan(engine.leased_plan(&plan).await?),
        (None, Some(size)) => WantedSize::Custom(size),
        _ => return Err(Problem::invalid_field("size", "give `size`, or `plan`")),
    };
    let lease = engine.resize_lease(id, &by, to).await?;
    Ok(Json(Lease::shown(&engine, lease).await?))
}

/// A token of a lease.
#[derive(Serialize, ToSchema)]
pub(crate) struct LeaseToken {
    /// Whoever shows it as `Authorization: Bearer` holds the lease. Shown this once.
    token: String,
}

/// Get a new token for a lease. The old one is good no more.
#[utoipa::path(post, path = "/leases/{id}/token", tag = "leases",
    params(("id" = LeaseId, Path, description = "The lease")),
    responses(
        (status = 201, description = "The token", body = LeaseToken),
        (status = 409, description = "This house does not lease (`leases_off`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn renew_lease_token(
    Holder(by): Holder,
    State(engine): State<Engine>,
    At(id): At<LeaseId>,
) -> Result<(StatusCode, Json<LeaseToken>), Problem> {
    let token = engine.renew_lease_token(id, &by).await?;
    Ok((StatusCode::CREATED, Json(LeaseToken { token: token.expose_secret().to_owned() })))
}

/// What happened to a lease.
#[derive(Serialize, ToSchema)]
pub(crate) struct LeaseLog {
    /// What was bought for it, oldest first.
    orders: Vec<Order>,
    /// What was done to it and its container, newest first.
    items: Vec<LeaseDeed>,
}

/// Something that was done.
#[derive(Serialize, ToSchema)]
pub(crate) struct LeaseDeed {
    /// When.
    at: Timestamp,
    /// What: noun and verb.
    what: String,
    /// Whether it was done or refused.
    outcome: Outcome,
}

/// What happened to a lease: payments, the making of its container, commands, its end.
#[utoipa::path(get, path = "/leases/{id}/log", tag = "leases",
    params(("id" = LeaseId, Path, description = "The lease")),
    responses(
        (status = 200, description = "The log: its latest 200 entries", body = LeaseLog),
        (status = 409, description = "This house does not lease (`leases_off`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn get_lease_log(
    Holder(by): Holder,
    State(engine): State<Engine>,
    At(id): At<LeaseId>,
) -> Result<Json<LeaseLog>, Problem> {
    let orders = engine.lease_orders(id, &by).await?;
    let entries = engine.lease_log(id, &by, 200).await?;
    let items = entries
        .into_iter()
        .map(|entry| LeaseDeed { at: entry.at, what: entry.deed.action, outcome: entry.deed.outcome })
        .collect();
    Ok(Json(LeaseLog { orders: orders.into_iter().map(Order::from).collect(), items }))
}
