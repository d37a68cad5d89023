//! Usage: for how long instances paid which price.

use axum::Json;
use axum::extract::State;
use innkeeper_domain::ids::{InstanceId, ProjectId, SegmentId};
use innkeeper_domain::money::Micros;
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::usage::{Segment, Tariff};
use innkeeper_engine::Engine;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::auth::Caller;
use crate::extract::{At, Query};
use crate::page::{Cursor, Limit, Page};
use crate::problem::Problem;

/// A stretch of time during which one instance paid one price.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UsageSegment {
    /// Identity.
    id: SegmentId,
    /// What was used.
    instance_id: InstanceId,
    /// Which of its two prices applied.
    tariff: Tariff,
    /// That price, in micro-credits per hour.
    rate_micros_per_hour: Micros,
    /// Since when.
    from: Timestamp,
    /// Until when; null while it goes on.
    to: Option<Timestamp>,
}

impl From<Segment> for UsageSegment {
    fn from(segment: Segment) -> Self {
        let Segment { id, instance_id, project_id: _, tariff, rate, from, to } = segment;
        Self { id, instance_id, tariff, rate_micros_per_hour: rate, from, to }
    }
}

/// Which segments to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct UsageWanted {
    /// Only those of this instance.
    #[param(value_type = Option<InstanceId>)]
    instance_id: Option<InstanceId>,
    /// How many items at most.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// What a project has used, newest first: each change of price, and each start and stop, ends one segment and begins
/// the next.
#[utoipa::path(get, path = "/projects/{id}/usage", tag = "credits",
    params(("id" = ProjectId, Path, description = "The project"), UsageWanted),
    responses((status = 200, description = "A page of it", body = Page<UsageSegment>)),
)]
pub(crate) async fn list_usage(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ProjectId>,
    Query(wanted): Query<UsageWanted>,
) -> Result<Json<Page<UsageSegment>>, Problem> {
    let after = Cursor::read(wanted.cursor)?;
    let found = engine.usage(&caller.actor, id, wanted.instance_id, after, wanted.limit.rows()).await?;
    Ok(Json(Page::of(found, wanted.limit, |segment| segment.id.to_string(), UsageSegment::from)))
}
