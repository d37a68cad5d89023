//! The sweeper: removes what nobody needs any more, once an hour.

use std::time::Duration;

use innkeeper_store::{
    challenges, deliveries, discord, events, first_boots, hosts, idempotency, impersonations, keys, limits,
    mails, management, orders, project_invitations, restraint, sessions, tickets,
};
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::limits::KNOWN_FOR;
use crate::{Engine, Error};

const PERIOD: Duration = Duration::from_hours(1);

/// Live screens follow events; a week is plenty to catch up.
const KEEP_EVENTS: Duration = Duration::from_hours(24 * 7);

/// A retry with the same key comes within a day, or never.
const KEEP_KEYS: Duration = Duration::from_hours(24);

/// When a mail went, and whether, is of interest for a month.
const KEEP_MAILS: Duration = Duration::from_hours(24 * 30);

/// A key that is over is shown as such for a while, so that its owner learns why it is not good any more.
const KEEP_KEYS_OVER: Duration = Duration::from_hours(24 * 30);

/// How long a host slept is of interest for a year.
const KEEP_HOST_CHANGES: Duration = Duration::from_hours(24 * 366);

/// Whoever wonders what became of a payment that was never made asks within a week.
const KEEP_UNPAID: Duration = Duration::from_hours(24 * 7);

/// What staff were told counts for a week at most, and reports go back as far.
const KEEP_NOTICES: Duration = Duration::from_hours(24 * 30);

pub(crate) async fn run(engine: Engine, stop: CancellationToken) {
    loop {
        if let Err(error) = sweep(&engine).await {
            error!(%error, "sweeping failed; will try again");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}

async fn sweep(engine: &Engine) -> Result<(), Error> {
    let now = engine.clock().now();
    let mut tx = engine.db().begin().await?;
    sessions::delete_expired(&mut tx, now).await?;
    tickets::delete_expired(&mut tx, now).await?;
    limits::prune(&mut tx, now, now.before(KNOWN_FOR)).await?;
    mails::prune(&mut tx, now.before(KEEP_MAILS)).await?;
    keys::delete_expired(&mut tx, now.before(KEEP_KEYS_OVER)).await?;
    impersonations::delete_expired(&mut tx, now).await?;
    project_invitations::delete_expired(&mut tx, now).await?;
    events::prune(&mut tx, now.before(KEEP_EVENTS)).await?;
    idempotency::prune(&mut tx, now.before(KEEP_KEYS)).await?;
    management::prune(&mut tx).await?;
    first_boots::prune(&mut tx).await?;
    challenges::prune(&mut tx, now).await?;
    hosts::prune(&mut tx, now.before(KEEP_HOST_CHANGES)).await?;
    orders::prune(&mut tx, now.before(KEEP_UNPAID)).await?;
    discord::prune(&mut tx, now.before(KEEP_NOTICES)).await?;
    deliveries::prune(&mut tx, now.before(innkeeper_domain::webhooks::KEPT)).await?;
    restraint::prune(&mut tx, now.before(innkeeper_domain::restraint::DAY)).await?;
    tx.commit().await?;
    engine.prune_audit().await
}
