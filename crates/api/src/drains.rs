//! Drains: nodes that are being emptied; and the move of a single instance. For staff.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use innkeeper_domain::drains::{self as domain, DrainState, Manner, MoveState};
use innkeeper_domain::ids::{ClusterId, DrainId, InstanceId, OperationId, UserId};
use innkeeper_domain::names::{NodeName, StorageName};
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::Engine;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::docs::IdempotencyKey;
use crate::extract::{At, Key, Keyed, Query};
use crate::nodes::NodePath;
use crate::operations::{Accepted, Operation};
use crate::page::{Page, Paging};
use crate::problem::{MEDIA_TYPE, Problem};

/// A node that is being emptied.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Drain {
    /// Identity.
    id: DrainId,
    /// Which cluster.
    cluster_id: ClusterId,
    /// Which node.
    node: NodeName,
    /// How it stands.
    state: DrainState,
    /// Who asked.
    asked_by: Option<UserId>,
    /// When it was asked.
    created_at: Timestamp,
    /// When it ended.
    ended_at: Option<Timestamp>,
}

/// The move of one instance, as planned or as it stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Move {
    /// Which one.
    instance_id: InstanceId,
    /// How it stands.
    state: MoveState,
    /// The node that it goes to.
    to: Option<NodeName>,
    /// Where its disks go there, when not to a storage of the same name.
    storage: Option<StorageName>,
    /// How: `live`, with a `restart`, or `cold`.
    manner: Option<Manner>,
    /// The latest operation.
    operation_id: Option<OperationId>,
    /// How often it has been tried.
    tries: u32,
    /// Why it remains, or what it waits for.
    reason: Option<String>,
}

/// A drain with its moves.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DrainInFull {
    /// The drain.
    drain: Drain,
    /// One for each instance.
    moves: Vec<Move>,
}

impl Drain {
    fn new(drain: domain::Drain) -> Self {
        let domain::Drain { id, cluster_id, node, state, asked_by, created_at, ended_at } = drain;
        Self { id, cluster_id, node, state, asked_by, created_at, ended_at }
    }
}

impl Move {
    fn new(one: domain::Move) -> Self {
        let (to, storage, manner) = match one.to {
            Some(to) => (Some(to.node), to.storage, Some(to.manner)),
            None => (None, None, None),
        };
        Self {
            instance_id: one.instance_id,
            state: one.state,
            to,
            storage,
            manner,
            operation_id: one.operation_id,
            tries: one.tries,
            reason: one.reason,
        }
    }
}

/// What a drain of a node would do: where each instance would go and how, or why it would remain. Nothing is changed.
#[utoipa::path(get, path = "/clusters/{id}/nodes/{name}/drain", tag = "clusters",
    params(("id" = ClusterId, Path, description = "The cluster"), ("name" = NodeName, Path, description = "The node")),
    responses((status = 200, description = "One move for each instance, the largest first", body = Vec<Move>)),
)]
pub(crate) async fn plan_drain(
    caller: Caller,
    State(engine): State<Engine>,
    At(NodePath { id, name }): At<NodePath>,
) -> Result<Json<Vec<Move>>, Problem> {
    let moves = engine.plan_drain(&caller.actor, id, &name).await?;
    Ok(Json(moves.into_iter().map(Move::new).collect()))
}

/// Empty a node: it takes nothing new from now on, and its instances are moved to other nodes, two at a time. Running
/// machines go on running; running containers are stopped and started again.
#[utoipa::path(post, path = "/clusters/{id}/nodes/{name}/drain", tag = "clusters",
    params(("id" = ClusterId, Path, description = "The cluster"), ("name" = NodeName, Path, description = "The node"),
           IdempotencyKey),
    responses(
        (status = 202, description = "It has begun; follow the drain", body = Drain,
         headers(("Location" = String, description = "The drain"))),
        (status = 409, description = "It is being emptied already (`already_draining`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn drain_node(
    caller: Caller,
    State(engine): State<Engine>,
    At(NodePath { id, name }): At<NodePath>,
    Key(key): Key,
) -> Result<Response, Problem> {
    let drain = engine.drain_node(&caller.actor, id, &name, key.as_ref()).await?;
    let location = format!("/api/v1/drains/{}", drain.id);
    let headers = [(axum::http::header::LOCATION, location)];
    Ok((StatusCode::ACCEPTED, headers, Json(Drain::new(drain))).into_response())
}

/// Drains, newest first.
#[utoipa::path(get, path = "/drains", tag = "clusters", params(Paging),
    responses((status = 200, description = "A page of them", body = Page<Drain>)),
)]
pub(crate) async fn list_drains(
    caller: Caller,
    State(engine): State<Engine>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Drain>>, Problem> {
    let (limit, after) = (paging.limit(), paging.after()?);
    let drains = engine.drains(&caller.actor, after, limit.rows()).await?;
    Ok(Json(Page::of(drains, limit, |drain| drain.id.to_string(), Drain::new)))
}

/// One drain, with what became of each instance.
#[utoipa::path(get, path = "/drains/{id}", tag = "clusters",
    params(("id" = DrainId, Path, description = "The drain")),
    responses((status = 200, description = "The drain", body = DrainInFull)),
)]
pub(crate) async fn get_drain(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<DrainId>,
) -> Result<Json<DrainInFull>, Problem> {
    let (drain, moves) = engine.drain(&caller.actor, id).await?;
    let moves = moves.into_iter().map(Move::new).collect();
    Ok(Json(DrainInFull { drain: Drain::new(drain), moves }))
}

/// Stop a drain: what is being moved is moved, the rest remains. The node stays in maintenance.
#[utoipa::path(post, path = "/drains/{id}/stop", tag = "clusters",
    params(("id" = DrainId, Path, description = "The drain")),
    responses(
        (status = 200, description = "It has stopped", body = Drain),
        (status = 409, description = "It has ended already (`drain_ended`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn stop_drain(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<DrainId>,
) -> Result<Json<Drain>, Problem> {
    Ok(Json(Drain::new(engine.stop_drain(&caller.actor, id).await?)))
}

/// Where to move an instance.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "node": "pve2" }))]
pub(crate) struct MoveAsked {
    /// The node; the one with the most memory free when not said.
    node: Option<NodeName>,
}

/// Move an instance to another node of its cluster. A running machine goes on running; a running container is stopped
/// and started again.
#[utoipa::path(post, path = "/instances/{id}/migrate", tag = "instances", request_body = MoveAsked,
    params(("id" = InstanceId, Path, description = "The instance"), IdempotencyKey),
    responses(
        (status = 202, description = "Asked; follow the operation", body = Operation,
         headers(("Location" = String, description = "The operation"))),
        (status = 409, description = "There is no place for it (`no_destination`), another operation has not ended (`operation_in_progress`), it makes no sense in the present state (the code that `actions` tells), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn migrate_instance(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
    Keyed { body, key }: Keyed<MoveAsked>,
) -> Result<Accepted, Problem> {
    let operation = engine.migrate_instance(&caller.actor, id, body.node, key.as_ref()).await?;
    Ok(Accepted::new(operation, &caller))
}
