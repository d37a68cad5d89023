//! Figures of instances, and of nodes for staff: now, and over time.

use axum::Json;
use axum::extract::State;
use innkeeper_domain::ids::{ClusterId, InstanceId};
use innkeeper_domain::metrics::{Consolidation, Now, Point, Series, Timeframe};
use innkeeper_domain::names::NodeName;
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::{Engine, Taken};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::auth::Caller;
use crate::extract::{At, Query};
use crate::nodes::NodePath;
use crate::problem::{MEDIA_TYPE, Problem};

/// What an instance or a node does now. What is not known is null.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Metrics {
    #[serde(flatten)]
    figures: Now,
    /// When the figures were taken.
    taken_at: Timestamp,
    /// How old they are, in seconds.
    age_seconds: u64,
    /// Whether nothing newer could be had: what measures them does not answer.
    stale: bool,
}

impl From<Taken<Now>> for Metrics {
    fn from(taken: Taken<Now>) -> Self {
        let Taken { figures, taken_at, age, stale } = taken;
        Self { figures, taken_at, age_seconds: age.as_secs(), stale }
    }
}

/// What an instance or a node did. Moments of which nothing is known are there, with nulls.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MetricsHistory {
    /// How far back.
    timeframe: Timeframe,
    /// How several readings became one point.
    consolidation: Consolidation,
    /// Seconds from one point to the next. It differs by timeframe and by cluster: read it here. Null when fewer than
    /// two points came.
    step_seconds: Option<i64>,
    /// The points, oldest first, evenly spaced. Amounts in bytes, network and disk in bytes per second, the processor
    /// as a share of the assigned cores from 0 to 1.
    points: Vec<Point>,
    /// When the figures were fetched.
    taken_at: Timestamp,
    /// How long ago that is, in seconds.
    age_seconds: u64,
    /// Whether nothing newer could be had: what measures them does not answer.
    stale: bool,
}

impl MetricsHistory {
    fn new(wanted: HistoryWanted, taken: Taken<Series>) -> Self {
        let Taken { figures: Series { step_seconds, points }, taken_at, age, stale } = taken;
        let HistoryWanted { timeframe, consolidation } = wanted;
        Self { timeframe, consolidation, step_seconds, points, taken_at, age_seconds: age.as_secs(), stale }
    }
}

/// How far back, and how.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct HistoryWanted {
    /// How far back.
    #[serde(default = "an_hour")]
    #[param(value_type = Option<Timeframe>, default = "hour")]
    timeframe: Timeframe,
    /// How several readings become one point.
    #[serde(default = "the_mean")]
    #[param(value_type = Option<Consolidation>, default = "average")]
    consolidation: Consolidation,
}

fn an_hour() -> Timeframe {
    Timeframe::Hour
}

fn the_mean() -> Consolidation {
    Consolidation::Average
}

/// What an instance does now.
///
/// The figures are a few seconds old at most; while they cannot be had, the last ones are given as `stale`.
#[utoipa::path(get, path = "/instances/{id}/metrics", tag = "instances",
    params(("id" = InstanceId, Path, description = "The instance")),
    responses(
        (status = 200, description = "What it does", body = Metrics),
        (status = 409, description = "It has no guest that could be measured (`no_figures`)", body = Problem, content_type = MEDIA_TYPE),
        (status = 503, description = "The figures cannot be had at the moment (`cluster_unreachable`, `node_unreachable`, `figures_unavailable`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn get_metrics(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
) -> Result<Json<Metrics>, Problem> {
    Ok(Json(engine.metrics(&caller.actor, id).await?.into()))
}

/// What an instance did over time.
#[utoipa::path(get, path = "/instances/{id}/metrics/history", tag = "instances",
    params(("id" = InstanceId, Path, description = "The instance"), HistoryWanted),
    responses(
        (status = 200, description = "What it did", body = MetricsHistory),
        (status = 409, description = "It has no guest that could be measured (`no_figures`)", body = Problem, content_type = MEDIA_TYPE),
        (status = 503, description = "The figures cannot be had at the moment (`cluster_unreachable`, `node_unreachable`, `figures_unavailable`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn get_metrics_history(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
    Query(wanted): Query<HistoryWanted>,
) -> Result<Json<MetricsHistory>, Problem> {
    let HistoryWanted { timeframe, consolidation } = wanted;
    let taken = engine.metrics_history(&caller.actor, id, timeframe, consolidation).await?;
    Ok(Json(MetricsHistory::new(wanted, taken)))
}

/// What a node does now; for staff.
#[utoipa::path(get, path = "/clusters/{id}/nodes/{name}/metrics", tag = "clusters",
    params(("id" = ClusterId, Path, description = "The cluster"), ("name" = NodeName, Path, description = "The node")),
    responses(
        (status = 200, description = "What it does", body = Metrics),
        (status = 503, description = "The figures cannot be had at the moment (`cluster_unreachable`, `node_unreachable`, `figures_unavailable`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn get_node_metrics(
    caller: Caller,
    State(engine): State<Engine>,
    At(NodePath { id, name }): At<NodePath>,
) -> Result<Json<Metrics>, Problem> {
    Ok(Json(engine.node_metrics(&caller.actor, id, &name).await?.into()))
}

/// What a node did over time; for staff.
#[utoipa::path(get, path = "/clusters/{id}/nodes/{name}/metrics/history", tag = "clusters",
    params(("id" = ClusterId, Path, description = "The cluster"), ("name" = NodeName, Path, description = "The node"), HistoryWanted),
    responses(
        (status = 200, description = "What it did", body = MetricsHistory),
        (status = 503, description = "The figures cannot be had at the moment (`cluster_unreachable`, `node_unreachable`, `figures_unavailable`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn get_node_metrics_history(
    caller: Caller,
    State(engine): State<Engine>,
    At(NodePath { id, name }): At<NodePath>,
    Query(wanted): Query<HistoryWanted>,
) -> Result<Json<MetricsHistory>, Problem> {
    let HistoryWanted { timeframe, consolidation } = wanted;
    let taken = engine.node_metrics_history(&caller.actor, id, &name, timeframe, consolidation).await?;
    Ok(Json(MetricsHistory::new(wanted, taken)))
}
