//! Operations: one asked-for change, with its steps and how it ended. What Proxmox itself said is shown to staff only.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use innkeeper_domain::ids::{InstanceId, OperationId, ProjectId, UserId};
use innkeeper_domain::instances::Act;
use innkeeper_domain::operations::{self as domain, State as OperationState, StepState, Verb};
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::{Engine, OperationFilter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::auth::Caller;
use crate::extract::{At, Query};
use crate::page::{Cursor, Limit, Page};
use crate::problem::Problem;

/// One asked-for change of an instance.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Operation {
    /// Identity.
    id: OperationId,
    /// What it changes.
    instance_id: InstanceId,
    /// Whose that is.
    project_id: ProjectId,
    /// What was asked for.
    verb: Verb,
    /// How it stands. `succeeded`, `failed` and `superseded` are final.
    state: OperationState,
    /// Who asked; none when the house did.
    asked_by: Option<UserId>,
    /// When it was asked.
    created_at: Timestamp,
    /// When it ended.
    ended_at: Option<Timestamp>,
    /// When we stop trying; none when we never do.
    deadline: Option<Timestamp>,
    /// Why it failed, or why it is being undone.
    error: Option<Fault>,
    /// What was done, in order.
    steps: Vec<Step>,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Fault {
    /// For programs; stable, snake_case.
    code: String,
    /// For people.
    message: String,
}

/// One step of an operation and what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Step {
    /// Counts from 1 within the operation.
    seq: i32,
    /// What was done.
    act: Act,
    /// How it stands.
    state: StepState,
    /// When it was begun.
    started_at: Timestamp,
    /// When its outcome was known.
    ended_at: Option<Timestamp>,
    /// The Proxmox task; for staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    upid: Option<String>,
    /// What Proxmox said; for staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

impl Operation {
    pub(crate) fn new(operation: domain::Operation, staff: bool) -> Self {
        let steps = operation.steps.into_iter().map(|step| Step {
            seq: step.seq,
            act: step.act,
            state: step.state,
            started_at: step.started_at,
            ended_at: step.ended_at,
            upid: step.upid.filter(|_| staff),
            detail: step.detail.filter(|_| staff),
        });
        Self {
            steps: steps.collect(),
            id: operation.id,
            instance_id: operation.instance_id,
            project_id: operation.project_id,
            verb: operation.verb,
            state: operation.state,
            asked_by: operation.asked_by,
            created_at: operation.created_at,
            ended_at: operation.ended_at,
            deadline: operation.deadline,
            error: operation.fault.map(|fault| Fault::new(fault, staff)),
        }
    }
}

impl Fault {
    /// What somebody else said, for staff.
    pub(crate) fn said(code: String, message: String) -> Self {
        Self { code, message }
    }

    fn new(fault: domain::Fault, staff: bool) -> Self {
        let domain::Fault { code, message } = fault;
        if staff {
            return Self { code, message };
        }
        // The message may repeat what Proxmox said, with names of nodes and numbers of guests.
        let message = match code.as_str() {
            // These are our own words.
            "snapshot_missing" | "snapshots_not_possible" | "guest_stopped" | "other_disks" => {
                return Self { code, message };
            }
            "no_address" => "it runs but reports no address; tell an operator",
            "guest_missing" => "it is missing; an operator must look at it, or delete it",
            "guest_locked" => "something else is being done to it; try again later",
            _ => "it could not be done; try again later, or tell an operator the number of this operation",
        };
        Self { code, message: message.to_owned() }
    }
}

/// The answer to an asked-for change: the operation, and where to follow it.
pub(crate) struct Accepted(Operation);

impl Accepted {
    pub(crate) fn new(operation: domain::Operation, caller: &Caller) -> Self {
        Self(Operation::new(operation, caller.is_staff()))
    }
}

impl IntoResponse for Accepted {
    fn into_response(self) -> Response {
        let location = format!("/api/v1/operations/{}", self.0.id);
        (StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(self.0)).into_response()
    }
}

/// Which operations, and which page of them.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// Only those of this instance.
    instance_id: Option<InstanceId>,
    /// `true`: only those that have not ended.
    #[serde(default)]
    #[param(value_type = Option<bool>)]
    active: bool,
    /// How many items at most.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// How long to wait for an operation to end.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Waiting {
    /// Answer when the operation has ended, or after this long: whole seconds from `0s` to `60s`.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "30s", pattern = "^[0-9]{1,2}s$")]
    wait: Patience,
}

impl Waiting {
    /// How long they are ready to wait.
    pub(crate) fn patience(&self) -> Duration {
        self.wait.0
    }
}

/// How long somebody is ready to wait.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Patience(Duration);

impl TryFrom<String> for Patience {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, &'static str> {
        let digits = text.strip_suffix('s').filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
        match digits.and_then(|digits| digits.parse().ok()) {
            Some(seconds @ 0..=60) => Ok(Self(Duration::from_secs(seconds))),
            _ => Err("use whole seconds from `0s` to `60s`, for example `30s`"),
        }
    }
}

/// The operations that you may see, newest first.
#[utoipa::path(get, path = "/operations", tag = "operations", params(Wanted), responses(
    (status = 200, description = "A page of them", body = Page<Operation>),
))]
pub(crate) async fn list_operations(
    caller: Caller,
    State(engine): State<Engine>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Page<Operation>>, Problem> {
    let filter = OperationFilter { instance_id: wanted.instance_id, active_only: wanted.active };
    let after = Cursor::read(wanted.cursor)?;
    let operations = engine.operations(&caller.actor, filter, after, wanted.limit.rows()).await?;
    let show = |operation| Operation::new(operation, caller.is_staff());
    Ok(Json(Page::of(operations, wanted.limit, |operation| operation.id.to_string(), show)))
}

/// One operation, now or when it has ended.
#[utoipa::path(get, path = "/operations/{id}", tag = "operations",
    params(("id" = OperationId, Path, description = "The operation"), Waiting),
    responses((status = 200, description = "The operation; its state says whether it has ended", body = Operation)),
)]
pub(crate) async fn get_operation(
    caller: Caller,
    State(app): State<App>,
    At(id): At<OperationId>,
    Query(Waiting { wait: Patience(patience) }): Query<Waiting>,
) -> Result<Json<Operation>, Problem> {
    let operation = if patience.is_zero() {
        app.engine.operation(&caller.actor, id).await?
    } else {
        tokio::select! {
            ended = app.engine.await_operation(&caller.actor, id, patience) => ended?,
            () = app.stop.cancelled() => app.engine.operation(&caller.actor, id).await?,
        }
    };
    Ok(Json(Operation::new(operation, caller.is_staff())))
}
