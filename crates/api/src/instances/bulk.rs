//! One action on many instances, with one result for each.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use innkeeper_domain::ids::InstanceId;
use innkeeper_domain::operations::Verb;
use innkeeper_engine::{Bulk, Engine};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::extract::Asked;
use crate::operations::Operation;
use crate::problem::Problem;

/// What can be done to many at once.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BulkAction {
    /// Run them.
    Start,
    /// Ask them to stop.
    Shutdown,
    /// Cut them off.
    Stop,
    /// Stop them and run them again.
    Reboot,
    /// Keep their present state, under a name by the date.
    Snapshot,
    /// Put them into the trash.
    Trash,
}

/// One action on many instances.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "action": "shutdown", "instance_ids": ["ins_0190b2c35d5e7cc0a1b2c3d4e5f60718"] }))]
pub(crate) struct BulkAsked {
    /// What.
    action: BulkAction,
    /// To which; at most 100.
    #[schema(min_items = 1, max_items = 100)]
    instance_ids: BTreeSet<InstanceId>,
}

/// What came of it for one instance: `operation` or `problem`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BulkResult {
    /// Which one.
    instance_id: InstanceId,
    /// What was begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<Operation>,
    /// Why nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
}

/// Do the same to many instances. Each stands for itself: what cannot be done to one keeps nobody else from it. Asked
/// again, what is under way already is answered with its operation.
#[utoipa::path(post, path = "/instances/bulk", tag = "instances", request_body = BulkAsked, responses(
    (status = 200, description = "One result for each, in the order of their ids", body = Vec<BulkResult>),
))]
pub(crate) async fn change_instances(
    caller: Caller,
    State(engine): State<Engine>,
    Asked(body): Asked<BulkAsked>,
) -> Result<Json<Vec<BulkResult>>, Problem> {
    let bulk = match body.action {
        BulkAction::Start => Bulk::Power(Verb::Start),
        BulkAction::Shutdown => Bulk::Power(Verb::Shutdown),
        BulkAction::Stop => Bulk::Power(Verb::Stop),
        BulkAction::Reboot => Bulk::Power(Verb::Reboot),
        BulkAction::Snapshot => Bulk::Snapshot,
        BulkAction::Trash => Bulk::Trash,
    };
    let results = engine.change_instances(&caller.actor, bulk, body.instance_ids).await?;
    let show = |(instance_id, result)| match result {
        Ok(operation) => {
            let operation = Some(Operation::new(operation, caller.is_staff()));
            BulkResult { instance_id, operation, problem: None }
        }
        Err(error) => BulkResult { instance_id, operation: None, problem: Some(Problem::from(error)) },
    };
    Ok(Json(results.into_iter().map(show).collect()))
}
