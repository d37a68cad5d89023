//! The reconciler: claims instances that are due, and drives each one step at a time until there is nothing more to
//! do for now.
//!
//! Ensures that every wish is either fulfilled and seen to be so, or ends with a reason; that a crash between any two
//! writes loses nothing and repeats nothing; and that no cluster, node or storage is asked for more than it can
//! bear. Wake-ups are hints: a slow sweep finds what they miss.

mod acts;
mod cards;
mod discs;
mod disks;
mod drive;
mod faults;
mod find;
mod fit;
mod guard;
pub(crate) mod look;

use std::sync::Arc;
use std::time::Duration;

use innkeeper_domain::instances::Instance;
use innkeeper_store::{Topic, Tx, instances};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, error, info_span};

use crate::{Engine, Error, turns};

pub(crate) use look::{guest_ref, look, root_disk, size};

/// Claims and drives until `stop`; then waits until steps under way are written down.
pub(crate) async fn run(engine: Engine, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(engine.options().workers));
    let drives = TaskTracker::new();
    let hints = engine.db().wakeups(Topic::Work);
    turns::take("looking for work", hints, engine.options().sweep_every, &stop, || {
        claim_and_drive(&engine, &places, &drives, &stop)
    })
    .await;
    drives.close();
    drives.wait().await;
}

/// Claims as many due instances as there are places, and says when to look again.
async fn claim_and_drive(
    engine: &Engine,
    places: &Arc<Semaphore>,
    drives: &TaskTracker,
    stop: &CancellationToken,
) -> Result<Duration, Error> {
    loop {
        // Wait for one place, then take what is free beside it.
        let Ok(first) = places.clone().acquire_owned().await else { return Ok(engine.options().sweep_every) };
        let mut free = vec![first];
        while free.len() < 16 {
            match places.clone().try_acquire_owned() {
                Ok(place) => free.push(place),
                Err(_) => break,
            }
        }
        if stop.is_cancelled() {
            return Ok(Duration::ZERO);
        }
        let now = engine.clock().now();
        let until = now.after(engine.options().claim);
        let mut tx = engine.db().begin().await?;
        let claimed = instances::claim_due(&mut tx, &engine.0.worker, now, until, free.len() as i64).await?;
        tx.commit().await?;
        let found = claimed.len();
        for instance in claimed {
            let Some(place) = free.pop() else { break };
            let (engine, stop) = (engine.clone(), stop.clone());
            let span = info_span!("drive", instance = %instance.id);
            drives.spawn(
                async move {
                    drive_claimed(&engine, instance, &stop).await;
                    drop(place);
                }
                .instrument(span),
            );
        }
        // Fewer than there were places for: that was all.
        if found == 0 || !free.is_empty() {
            break;
        }
    }
    let next = instances::next_due(engine.db()).await?;
    let sweep = engine.options().sweep_every;
    Ok(next.map_or(sweep, |due| due.since(engine.clock().now()).clamp(Duration::from_millis(5), sweep)))
}

async fn drive_claimed(engine: &Engine, instance: Instance, stop: &CancellationToken) {
    let (id, fence) = (instance.id, instance.fence);
    let keep = |mut tx: Tx, until| async move {
        let kept = instances::keep_claim(&mut tx, id, fence, until).await?;
        tx.commit().await?;
        Ok(kept)
    };
    let driven = Box::pin(drive::drive(engine, instance, stop));
    if let Some(Err(error)) = turns::holding(engine, keep, driven).await {
        // The claim runs out by itself, and the instance is looked at again.
        error!(%error, "the drive was broken off; it will be taken up again");
    }
}
