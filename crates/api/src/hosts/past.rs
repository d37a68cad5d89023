//! What hosts did in the past, and how long they slept.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use innkeeper_domain::hosts::{Change, State as HostState};
use innkeeper_domain::ids::HostId;
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::{Engine, HostReport as Reported};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::auth::Caller;
use crate::extract::{At, Query};
use crate::problem::Problem;

/// How much time is looked at where nothing is said.
const USUAL: Duration = Duration::from_hours(24 * 7);

/// Between which points in time.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct HostSpan {
    /// From when; seven days before the end where nothing is said.
    from: Option<Timestamp>,
    /// Until when; now where nothing is said.
    to: Option<Timestamp>,
}

impl HostSpan {
    fn of(self, engine: &Engine) -> (Timestamp, Timestamp) {
        let to = self.to.unwrap_or_else(|| engine.clock().now().after(Duration::from_micros(1)));
        (self.from.unwrap_or_else(|| to.before(USUAL)), to)
    }
}

/// From one time on a host stood somewhere.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HostTurn {
    /// When.
    at: Timestamp,
    /// Where it stands since.
    state: HostState,
    /// Why; for staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// How a host spent a stretch of time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HostReport {
    /// The host.
    host_id: HostId,
    /// What people call it.
    name: String,
    /// How long it was off, in seconds.
    asleep_seconds: u64,
    /// How long it was on, or on its way there or back, in seconds.
    awake_seconds: u64,
    /// For how long nobody knows, in seconds.
    unknown_seconds: u64,
    /// How often it was woken.
    wakes: u32,
    /// Watt-hours that it did not draw while it slept; null where its draw is not known.
    saved_wh: Option<u64>,
}

impl From<Reported> for HostReport {
    fn from(report: Reported) -> Self {
        let Reported { id, name, slept, saved_wh } = report;
        Self {
            host_id: id,
            name,
            asleep_seconds: slept.asleep.as_secs(),
            awake_seconds: slept.awake.as_secs(),
            unknown_seconds: slept.unknown.as_secs(),
            wakes: slept.wakes,
            saved_wh,
        }
    }
}

/// Where a host stood, oldest first, beginning with where it stood at the first of the two times: the latest 10 000 turns.
#[utoipa::path(get, path = "/hosts/{id}/history", tag = "hosts",
    params(("id" = HostId, Path, description = "The host"), HostSpan),
    responses((status = 200, description = "Each turn that it took", body = Vec<HostTurn>)),
)]
pub(crate) async fn get_host_history(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<HostId>,
    Query(span): Query<HostSpan>,
) -> Result<Json<Vec<HostTurn>>, Problem> {
    let (from, to) = span.of(&engine);
    let staff = caller.is_staff();
    let show = |Change { at, state, reason }| HostTurn { at, state, reason: reason.filter(|_| staff) };
    let turns = engine.host_history(&caller.actor, id, from, to).await?;
    Ok(Json(turns.into_iter().map(show).collect()))
}

/// How the hosts that you may read about spent their time: how long they slept, and what that saved.
#[utoipa::path(get, path = "/host-reports", tag = "hosts", params(HostSpan),
    responses((status = 200, description = "One for each host, by name", body = Vec<HostReport>)),
)]
pub(crate) async fn list_host_reports(
    caller: Caller,
    State(engine): State<Engine>,
    Query(span): Query<HostSpan>,
) -> Result<Json<Vec<HostReport>>, Problem> {
    let (from, to) = span.of(&engine);
    let reports = engine.host_report(&caller.actor, from, to).await?;
    Ok(Json(reports.into_iter().map(HostReport::from).collect()))
}
