//! Commands and consoles for whoever holds a lease.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use innkeeper_domain::ids::LeaseId;
use innkeeper_engine::Holding;

use super::gate::Purchase;
use super::holder::unproven;
use crate::App;
use crate::commands::{Answer, CommandAsked};
use crate::consoles::{ConsoleAsked, ConsoleOffered};
use crate::extract::At;
use crate::problem::{MEDIA_TYPE, Problem};

impl<T> Purchase<T> {
    /// Whoever holds a lease must have said so.
    pub(super) fn holding(&self) -> Result<Holding, Problem> {
        self.holder.clone().ok_or_else(unproven)
    }
}

/// Run a command in the container of a lease, and wait for its end.
///
/// Free, unless `call_micros` of the catalogue says otherwise; then the answer is `402` until it is paid.
#[utoipa::path(post, path = "/leases/{id}/exec", tag = "leases", request_body = CommandAsked,
    params(("id" = LeaseId, Path, description = "The lease")),
    responses(
        (status = 200, description = "It has ended, or was killed", body = Answer),
        (status = 402, description = "It must be paid first (`payment_required`)"),
        (status = 409, description = "The time of the lease is over (`lease_expired`), there is no container (`lease_not_active`), or as for instances", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn run_lease_command(
    State(app): State<App>,
    At(id): At<LeaseId>,
    mut purchase: Purchase<CommandAsked>,
) -> Result<Response, Problem> {
    let (by, paying) = (purchase.holding()?, purchase.paying(&app, None, None).await?);
    let new = purchase.body.asked()?;
    let called = app.engine.lease_command(id, &by, new, &purchase.buying, paying).await?;
    purchase.gate.called(&app, called, |ran| Ok(Json(Answer::from(ran)).into_response())).await
}

/// Ask for a console of the container of a lease: a ticket to open one with, within 30 seconds.
#[utoipa::path(post, path = "/leases/{id}/console", tag = "leases", request_body = ConsoleAsked,
    params(("id" = LeaseId, Path, description = "The lease")),
    responses(
        (status = 201, description = "It may be opened; the ticket is shown this once", body = ConsoleOffered),
        (status = 402, description = "It must be paid first (`payment_required`)"),
        (status = 409, description = "The time of the lease is over (`lease_expired`), there is no container (`lease_not_active`), or as for instances", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn ask_for_lease_console(
    State(app): State<App>,
    At(id): At<LeaseId>,
    mut purchase: Purchase<ConsoleAsked>,
) -> Result<Response, Problem> {
    let (by, paying) = (purchase.holding()?, purchase.paying(&app, None, None).await?);
    let kind = purchase.body.kind;
    let called = app.engine.lease_console(id, &by, kind, &purchase.buying, paying).await?;
    let show = |offered| Ok((StatusCode::CREATED, Json(ConsoleOffered::from(offered))).into_response());
    purchase.gate.called(&app, called, show).await
}
