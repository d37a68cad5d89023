//! Starting and stopping instances, and giving them another size.

use axum::extract::State;
use innkeeper_domain::ids::{InstanceId, PlanId};
use innkeeper_domain::operations::Verb;
use innkeeper_domain::sizes::Size;
use innkeeper_engine::{Engine, WantedSize};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::docs::IdempotencyKey;
use crate::extract::{At, Key, Keyed};
use crate::operations::{Accepted, Operation};
use crate::problem::{MEDIA_TYPE, Problem};

/// Another size. Give `plan_id` or `size`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "size": { "cores": 4, "memory_mib": 4096, "disk_gib": 40 } }))]
pub(crate) struct ResizeAsked {
    /// A plan, for its size.
    plan_id: Option<PlanId>,
    /// A size of your own, within what the template allows. The disk cannot become smaller.
    size: Option<Size>,
}

/// Give an instance another size.
///
/// It goes on running. A container has its new size at once; a virtual machine gets its new disk at once, and its new
/// cores and memory when it is next restarted.
#[utoipa::path(post, path = "/instances/{id}/resize", tag = "instances", request_body = ResizeAsked,
    params(("id" = InstanceId, Path, description = "The instance"), IdempotencyKey),
    responses(
        (status = 202, description = "Asked; follow the operation. When the same is under way already, this is that operation", body = Operation,
         headers(("Location" = String, description = "The operation"))),
        (status = 409, description = "Another operation has not ended (`operation_in_progress`), it makes no sense in the present state (the code that `actions` tells), there is no room (`no_capacity`, `no_memory`, `no_disk`), nothing of the project may run (`billing_hold`, `suspended`, `banned`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn resize_instance(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
    Keyed { body, key }: Keyed<ResizeAsked>,
) -> Result<Accepted, Problem> {
    let to = match (body.plan_id, body.size) {
        (Some(plan), None) => WantedSize::Plan(plan),
        (None, Some(size)) => WantedSize::Custom(size),
        _ => return Err(Problem::invalid_field("size", "give either `plan_id` or `size`")),
    };
    let operation = engine.resize_instance(&caller.actor, id, to, key.as_ref()).await?;
    Ok(Accepted::new(operation, &caller))
}

/// Defines a handler that asks for one verb. They differ in nothing but the verb and what is said about it.
macro_rules! verbs {
    ($($(#[doc = $doc:literal])+ $method:ident $path:literal $name:ident = $verb:ident;)+) => { $(
        $(#[doc = $doc])+
        #[utoipa::path($method, path = $path, tag = "instances",
            params(("id" = InstanceId, Path, description = "The instance"), IdempotencyKey),
            responses(
                (status = 202, description = "Asked; follow the operation. When the same is under way already, this is that operation", body = Operation,
                 headers(("Location" = String, description = "The operation"))),
                (status = 409, description = "Another operation has not ended (`operation_in_progress`), it makes no sense in the present state (the code that `actions` tells), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
            ),
        )]
        pub(crate) async fn $name(
            caller: Caller,
            State(engine): State<Engine>,
            At(id): At<InstanceId>,
            Key(key): Key,
        ) -> Result<Accepted, Problem> {
            let operation = engine.change_instance(&caller.actor, id, Verb::$verb, key.as_ref()).await?;
            Ok(Accepted::new(operation, &caller))
        }
    )+ };
}

verbs! {
    /// Run an instance.
    post "/instances/{id}/start" start_instance = Start;
    /// Ask an instance to stop, and cut it off when it has not done so after a minute.
    post "/instances/{id}/shutdown" shut_down_instance = Shutdown;
    /// Cut an instance off, as if its plug were pulled.
    post "/instances/{id}/stop" stop_instance = Stop;
    /// Stop an instance and run it again.
    post "/instances/{id}/reboot" reboot_instance = Reboot;
    /// Hold a virtual machine in memory.
    post "/instances/{id}/pause" pause_instance = Pause;
    /// Let a virtual machine that is held in memory go on.
    post "/instances/{id}/resume" resume_instance = Resume;
}
