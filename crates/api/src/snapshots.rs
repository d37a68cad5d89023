//! Snapshots of instances.

use axum::Json;
use axum::extract::State;
use innkeeper_domain::ids::InstanceId;
use innkeeper_domain::names::SnapshotName;
use innkeeper_domain::snapshots as domain;
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::{Engine, NewSnapshot};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::auth::Caller;
use crate::docs::IdempotencyKey;
use crate::extract::{At, Key, Keyed, Query};
use crate::operations::{Accepted, Operation};
use crate::problem::{MEDIA_TYPE, Problem};

/// A state of an instance that was kept under a name.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Snapshot {
    /// Its name, unique in the instance.
    name: SnapshotName,
    /// What people say of it.
    description: String,
    /// Whether it holds what was in memory, too.
    memory: bool,
    /// The one that it was made after, if any.
    parent: Option<String>,
    /// When it was made.
    made_at: Option<Timestamp>,
}

/// The snapshots of an instance.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Snapshots {
    /// The oldest first; at most ten are kept.
    items: Vec<Snapshot>,
    /// When they were last read from the cluster; none: never so far.
    seen_at: Option<Timestamp>,
}

impl Snapshot {
    fn new(snapshot: domain::Snapshot) -> Self {
        Self {
            name: snapshot.name,
            description: snapshot.description,
            memory: snapshot.memory,
            parent: snapshot.parent,
            made_at: snapshot.made_at,
        }
    }
}

/// How fresh the answer should be.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Freshness {
    /// Read them from the cluster first, for which at most ten seconds are waited.
    fresh: bool,
}

/// The snapshots of an instance, as last seen in the cluster.
#[utoipa::path(get, path = "/instances/{id}/snapshots", tag = "snapshots",
    params(("id" = InstanceId, Path, description = "The instance"), Freshness),
    responses((status = 200, description = "All of them", body = Snapshots)),
)]
pub(crate) async fn list_snapshots(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
    Query(wanted): Query<Freshness>,
) -> Result<Json<Snapshots>, Problem> {
    let (found, seen_at) = engine.snapshots(&caller.actor, id, wanted.fresh).await?;
    Ok(Json(Snapshots { items: found.into_iter().map(Snapshot::new).collect(), seen_at }))
}

/// A snapshot to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "before-upgrade" }))]
pub(crate) struct SnapshotAsked {
    /// Its name: 2 to 40 letters, digits, `_` or `-`, the first a letter; one by the date when not said.
    name: Option<SnapshotName>,
    /// What to remember of it.
    #[serde(default)]
    #[schema(max_length = 500)]
    description: String,
    /// Keep what is in memory, too; for running virtual machines.
    #[serde(default)]
    memory: bool,
}

/// Keep the present state of an instance. It goes on running.
#[utoipa::path(post, path = "/instances/{id}/snapshots", tag = "snapshots", request_body = SnapshotAsked,
    params(("id" = InstanceId, Path, description = "The instance"), IdempotencyKey),
    responses(
        (status = 202, description = "Asked; follow the operation", body = Operation,
         headers(("Location" = String, description = "The operation"))),
        (status = 409, description = "The name is taken (`name_taken`), there are ten already (`too_many_snapshots`), another operation has not ended (`operation_in_progress`), it makes no sense in the present state (the code that `actions` tells), nothing of the project may run (`billing_hold`, `suspended`, `banned`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn create_snapshot(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
    Keyed { body, key }: Keyed<SnapshotAsked>,
) -> Result<Accepted, Problem> {
    let new = NewSnapshot { name: body.name, description: body.description, memory: body.memory };
    let operation = engine.create_snapshot(&caller.actor, id, new, key.as_ref()).await?;
    Ok(Accepted::new(operation, &caller))
}

/// Bring an instance back to a snapshot. What came after is lost; it runs afterwards if it ran before. Its size, name and
/// settings stay as they are now.
#[utoipa::path(post, path = "/instances/{id}/snapshots/{name}/rollback", tag = "snapshots",
    params(("id" = InstanceId, Path, description = "The instance"),
           ("name" = String, Path, description = "The snapshot"), IdempotencyKey),
    responses(
        (status = 202, description = "Asked; follow the operation", body = Operation,
         headers(("Location" = String, description = "The operation"))),
        (status = 409, description = "Another operation has not ended (`operation_in_progress`), it makes no sense in the present state (the code that `actions` tells), nothing of the project may run (`billing_hold`, `suspended`, `banned`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn roll_back(
    caller: Caller,
    State(engine): State<Engine>,
    At((id, name)): At<(InstanceId, SnapshotName)>,
    Key(key): Key,
) -> Result<Accepted, Problem> {
    let operation = engine.roll_back(&caller.actor, id, name, key.as_ref()).await?;
    Ok(Accepted::new(operation, &caller))
}

/// Remove a snapshot.
#[utoipa::path(delete, path = "/instances/{id}/snapshots/{name}", tag = "snapshots",
    params(("id" = InstanceId, Path, description = "The instance"),
           ("name" = String, Path, description = "The snapshot"), IdempotencyKey),
    responses(
        (status = 202, description = "Asked; follow the operation", body = Operation,
         headers(("Location" = String, description = "The operation"))),
        (status = 409, description = "Another operation has not ended (`operation_in_progress`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn delete_snapshot(
    caller: Caller,
    State(engine): State<Engine>,
    At((id, name)): At<(InstanceId, SnapshotName)>,
    Key(key): Key,
) -> Result<Accepted, Problem> {
    let operation = engine.delete_snapshot(&caller.actor, id, name, key.as_ref()).await?;
    Ok(Accepted::new(operation, &caller))
}
