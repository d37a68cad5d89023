//! Changing what an instance is, and keeping it.

use axum::Json;
use axum::extract::State;
use innkeeper_domain::ids::{InstanceId, ProjectId, TemplateId};
use innkeeper_domain::names::{Hostname, SnapshotName, SshKey, Tag};
use innkeeper_engine::{Duplicate, Engine, InstanceUpdate, Rebuild};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::Instance;
use crate::auth::Caller;
use crate::docs::IdempotencyKey;
use crate::extract::{Asked, At, Key, Keyed, Query};
use crate::operations::{Accepted, Operation};
use crate::problem::{MEDIA_TYPE, Problem};

/// Other settings; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "web-2", "tags": ["prod"] }))]
pub(crate) struct UpdateAsked {
    /// Another host name, unique in the project. What runs inside may keep the old one until it is restarted.
    name: Option<Hostname>,
    /// All its tags.
    #[schema(max_items = 20)]
    tags: Option<std::collections::BTreeSet<Tag>>,
    /// Whether it starts with its host.
    onboot: Option<bool>,
}

/// Give an instance another name, other tags or other settings.
///
/// It goes on running. What it can use only from its next start is told in `pending`.
#[utoipa::path(patch, path = "/instances/{id}", tag = "instances", request_body = UpdateAsked,
    params(("id" = InstanceId, Path, description = "The instance"), IdempotencyKey),
    responses(
        (status = 202, description = "Asked; follow the operation", body = Operation,
         headers(("Location" = String, description = "The operation"))),
        (status = 409, description = "The name is taken (`name_taken`), another operation has not ended (`operation_in_progress`), it makes no sense in the present state (the code that `actions` tells), nothing of the project may run (`billing_hold`, `suspended`, `banned`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn update_instance(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
    Keyed { body, key }: Keyed<UpdateAsked>,
) -> Result<Accepted, Problem> {
    let update =
        InstanceUpdate { name: body.name, tags: body.tags, onboot: body.onboot, ..InstanceUpdate::default() };
    let operation = engine.update_instance(&caller.actor, id, update, key.as_ref()).await?;
    Ok(Accepted::new(operation, &caller))
}

/// How to make an instance anew.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "confirm": "web-1" }))]
pub(crate) struct RebuildAsked {
    /// The instance's name: all that is on it is lost.
    confirm: String,
    /// From another template of the same kind; from its own when not said.
    template_id: Option<TemplateId>,
    /// Other keys that may sign in to it; those that it has when not said.
    #[schema(max_items = 20)]
    ssh_keys: Option<Vec<SshKey>>,
}

/// Make an instance anew from a template. All that is on it is lost, its snapshots too; its name, size, price and place
/// stay.
#[utoipa::path(post, path = "/instances/{id}/rebuild", tag = "instances", request_body = RebuildAsked,
    params(("id" = InstanceId, Path, description = "The instance"), IdempotencyKey),
    responses(
        (status = 202, description = "Asked; follow the operation", body = Operation,
         headers(("Location" = String, description = "The operation"))),
        (status = 409, description = "It is protected (`protected`), the template is not there where the instance is (`template_unavailable`), another operation has not ended (`operation_in_progress`), it makes no sense in the present state (the code that `actions` tells), nothing of the project may run (`billing_hold`, `suspended`, `banned`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn rebuild_instance(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
    Keyed { body, key }: Keyed<RebuildAsked>,
) -> Result<Accepted, Problem> {
    let rebuild =
        Rebuild { template_id: body.template_id, ssh_keys: body.ssh_keys, confirm: Some(body.confirm) };
    let operation = engine.rebuild_instance(&caller.actor, id, rebuild, key.as_ref()).await?;
    Ok(Accepted::new(operation, &caller))
}

/// How to copy an instance.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "web-2" }))]
pub(crate) struct DuplicateAsked {
    /// The host name of the copy, unique in its project.
    name: Hostname,
    /// Whose it will be; the same project when not said.
    project_id: Option<ProjectId>,
    /// As it was at this snapshot; as it is when not said. A running container can be copied from a snapshot only.
    snapshot: Option<SnapshotName>,
}

/// Make another instance like this one, with all that is on it, at today's price. It has addresses of its own.
#[utoipa::path(post, path = "/instances/{id}/duplicate", tag = "instances", request_body = DuplicateAsked,
    params(("id" = InstanceId, Path, description = "The instance"), IdempotencyKey),
    responses(
        (status = 202, description = "The copy is being made; follow the operation, whose `instance_id` is the copy", body = Operation,
         headers(("Location" = String, description = "The operation"))),
        (status = 402, description = "The project has less than is held for a billing period (`insufficient_credits`)", body = Problem, content_type = MEDIA_TYPE),
        (status = 409, description = "The name is taken (`name_taken`), a running container needs a snapshot (`running`), there is no room (`no_capacity`, `no_memory`, `no_disk`), it makes no sense in the present state (the code that `actions` tells), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn duplicate_instance(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
    Keyed { body, key }: Keyed<DuplicateAsked>,
) -> Result<Accepted, Problem> {
    let copy = Duplicate { name: body.name, project_id: body.project_id, snapshot: body.snapshot };
    let operation = engine.duplicate_instance(&caller.actor, id, copy, key.as_ref()).await?;
    Ok(Accepted::new(operation, &caller))
}

/// Whether it is protected.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "protected": true }))]
pub(crate) struct ProtectionAsked {
    /// Keep it from being removed or made anew.
    protected: bool,
}

/// Keep an instance from being removed or made anew, or no longer.
#[utoipa::path(put, path = "/instances/{id}/protection", tag = "instances", request_body = ProtectionAsked,
    params(("id" = InstanceId, Path, description = "The instance")),
    responses(
        (status = 200, description = "The instance as it is now", body = Instance),
        (status = 409, description = "It is deleted or in the trash (`deleted`, `trashed`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn protect_instance(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
    Asked(body): Asked<ProtectionAsked>,
) -> Result<Json<Instance>, Problem> {
    let instance = engine.protect_instance(&caller.actor, id, body.protected).await?;
    Ok(Json(Instance::of(&engine, &caller, instance).await?))
}

/// Take an instance out of the trash. It stays stopped.
#[utoipa::path(post, path = "/instances/{id}/recover", tag = "instances",
    params(("id" = InstanceId, Path, description = "The instance")),
    responses(
        (status = 200, description = "The instance as it is now", body = Instance),
        (status = 409, description = "It is not in the trash (`not_trashed`), or deleted (`deleted`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn recover_instance(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
) -> Result<Json<Instance>, Problem> {
    let instance = engine.recover_instance(&caller.actor, id).await?;
    Ok(Json(Instance::of(&engine, &caller, instance).await?))
}

/// How to remove an instance.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Removal {
    /// At once and for good, without the trash.
    now: bool,
}

/// Remove an instance.
///
/// It is stopped and lies in the trash for a time that the operator sets (a day by default), from which it can be
/// recovered; it pays the stopped price there. With `now` it goes at once and for good, with everything on it, out of the
/// trash too.
#[utoipa::path(delete, path = "/instances/{id}", tag = "instances",
    params(("id" = InstanceId, Path, description = "The instance"), Removal, IdempotencyKey),
    responses(
        (status = 202, description = "Asked; follow the operation, whose `verb` says whether it goes into the trash. When the same is under way already, this is that operation", body = Operation,
         headers(("Location" = String, description = "The operation"))),
        (status = 409, description = "It is in the trash already (`trashed`), it is protected (`protected`), another operation has not ended (`operation_in_progress`), it is deleted (`deleted`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn delete_instance(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
    Query(removal): Query<Removal>,
    Key(key): Key,
) -> Result<Accepted, Problem> {
    let operation = engine.remove_instance(&caller.actor, id, removal.now, key.as_ref()).await?;
    Ok(Accepted::new(operation, &caller))
}
