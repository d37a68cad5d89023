//! Drift: where a guest differs from what we hold of it, and which of the two is to count. Customers see that something
//! differs; what the house is made of is shown to staff only.

use axum::Json;
use axum::extract::State;
use innkeeper_domain::drift::{self as domain, Kind};
use innkeeper_domain::ids::InstanceId;
use innkeeper_domain::prices::Rate;
use innkeeper_domain::sizes::Size;
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::Engine;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::extract::{Asked, At};
use crate::operations::Operation;
use crate::problem::{MEDIA_TYPE, Problem};

/// One way in which a guest differs from what is held of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Drift {
    /// In which way.
    kind: Kind,
    /// What differs, for example `cores`; the same word as the kind where there is nothing finer.
    what: String,
    /// What is held; not shown to customers where it names what the house is made of.
    expected: Option<String>,
    /// What there is; not shown to customers where it names what the house is made of.
    found: Option<String>,
    /// Since when it is seen to differ.
    since: Timestamp,
    /// What can be done about it.
    what_to_do: &'static str,
}

impl Drift {
    pub(crate) fn new(drift: domain::Drift, staff: bool) -> Self {
        let what_to_do = drift.what_to_do(staff);
        let drift = if staff { drift } else { drift.for_customers() };
        let domain::Drift { kind, what, expected, found, since } = drift;
        Self { kind, what, expected, found, since, what_to_do }
    }
}

/// How to accept.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "allow_cheaper": false }))]
pub(crate) struct AcceptAsked {
    /// The instance may cost less from now on, because it is smaller.
    #[serde(default)]
    allow_cheaper: bool,
}

/// What accepting came to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DriftAccepted {
    /// What was accepted.
    accepted: Vec<Drift>,
    /// How big the instance is from now on.
    size: Size,
    /// What it costs per hour from now on, in micro-credits.
    rate: Rate,
}

/// What restoring came to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DriftRestored {
    /// What was written back at once.
    restored: Vec<String>,
    /// What cannot be brought back: a disk that has grown.
    left: Vec<String>,
    /// The operation that brings cores, memory and disk back, where they differ; follow it.
    operation: Option<Operation>,
}

/// Take what Proxmox has as what is wanted from now on; for staff.
///
/// Where the size differs, the instance costs what the new size costs, from now on; one that was adopted at a price of
/// its own keeps that.
#[utoipa::path(post, path = "/instances/{id}/drift/accept", tag = "instances", request_body = AcceptAsked,
    params(("id" = InstanceId, Path, description = "The instance")),
    responses(
        (status = 200, description = "It is so", body = DriftAccepted),
        (status = 402, description = "The project has less than is held for a billing period (`insufficient_credits`)", body = Problem, content_type = MEDIA_TYPE),
        (status = 409, description = "It would cost less, and `allow_cheaper` does not say that it may (`cheaper`), the guest is not ours (`not_ours`), gone (`vanished`) or busy (`guest_busy`, `operation_in_progress`), its name cannot be taken (`bad_name`, `name_taken`), or there is no guest (`wrong_state`)", body = Problem, content_type = MEDIA_TYPE),
        (status = 502, description = "The cluster does not do its part (`cluster_problem`)", body = Problem, content_type = MEDIA_TYPE),
        (status = 503, description = "The cluster does not answer (`cluster_unreachable`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn accept_drift(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
    Asked(body): Asked<AcceptAsked>,
) -> Result<Json<DriftAccepted>, Problem> {
    let done = engine.accept_drift(&caller.actor, id, body.allow_cheaper).await?;
    let staff = caller.is_staff();
    let accepted = done.drifts.into_iter().map(|drift| Drift::new(drift, staff)).collect();
    Ok(Json(DriftAccepted { accepted, size: done.instance.size, rate: done.instance.rate }))
}

/// Bring back what is held of a guest; for staff.
///
/// Name, tags, network and mark are written back at once; cores, memory and disk by an operation. A disk that has grown
/// cannot be made smaller.
#[utoipa::path(post, path = "/instances/{id}/drift/restore", tag = "instances",
    params(("id" = InstanceId, Path, description = "The instance")),
    responses(
        (status = 200, description = "What was written back, and what is under way", body = DriftRestored),
        (status = 409, description = "Nothing can be brought back (`nothing_to_restore`), the guest is not ours (`not_ours`, `not_marked`), gone (`vanished`) or busy (`guest_busy`, `operation_in_progress`), or there is no guest (`wrong_state`)", body = Problem, content_type = MEDIA_TYPE),
        (status = 502, description = "The cluster does not do its part (`cluster_problem`)", body = Problem, content_type = MEDIA_TYPE),
        (status = 503, description = "The cluster does not answer (`cluster_unreachable`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn restore_drift(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
) -> Result<Json<DriftRestored>, Problem> {
    let done = engine.restore_drift(&caller.actor, id).await?;
    let operation = done.operation.map(|operation| Operation::new(operation, caller.is_staff()));
    Ok(Json(DriftRestored { restored: done.restored, left: done.left, operation }))
}
