//! What the loops have in common that claim what is due: when they look for it, and how they hold what they have claimed;
//! and how a request waits for what they do.

use std::future::Future;
use std::time::Duration;

use innkeeper_domain::time::Timestamp;
use innkeeper_store::Tx;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::{Engine, Error};

/// Takes a turn at every hint, and when the pause that the turn before asked for is over, until `stop`. `what` is said of
/// a turn that fails; the next comes after `retry`.
pub(crate) async fn take<T: Future<Output = Result<Duration, Error>>>(
    what: &str,
    mut hints: watch::Receiver<u64>,
    retry: Duration,
    stop: &CancellationToken,
    mut turn: impl FnMut() -> T,
) {
    loop {
        // Before the turn: what happens during it brings the next.
        hints.mark_unchanged();
        let pause = match turn().await {
            Ok(pause) => pause,
            Err(error) => {
                error!(%error, "{what} failed; will try again");
                retry
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            _ = hints.changed() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// How long until the next turn: until something is due, `sweep` at the most, as hints may be lost.
pub(crate) fn pause(due: Option<Timestamp>, now: Timestamp, sweep: Duration) -> Duration {
    due.map_or(sweep, |due| due.since(now).clamp(Duration::from_millis(20), sweep))
}

/// Does what a claim was taken for, and renews the claim meanwhile. None when another has taken it: then the work is
/// left where it is, as every write of ours would change nothing.
pub(crate) async fn holding<W, K>(
    engine: &Engine,
    keep: impl Fn(Tx, Timestamp) -> K,
    work: impl Future<Output = W>,
) -> Option<W>
where
    K: Future<Output = Result<bool, Error>>,
{
    let claim = engine.options().claim;
    let beat = async {
        loop {
            tokio::time::sleep(claim / 3).await;
            let Ok(tx) = engine.db().begin().await else { continue };
            if let Ok(false) = keep(tx, engine.clock().now().after(claim)).await {
                return;
            }
        }
    };
    tokio::select! {
        done = work => Some(done),
        () = beat => None,
    }
}

/// Looks again whenever there is a hint, until what is seen is over, or `patience` is.
pub(crate) async fn wait_for<T, L: Future<Output = Result<T, Error>>>(
    mut hints: watch::Receiver<u64>,
    patience: Duration,
    mut look: impl FnMut() -> L,
    is_over: impl Fn(&T) -> bool,
) -> Result<T, Error> {
    let deadline = Instant::now() + patience;
    loop {
        hints.mark_unchanged();
        let seen = look().await?;
        if is_over(&seen) || Instant::now() >= deadline {
            return Ok(seen);
        }
        // A hint may be lost between processes, so look again now and then whatever happens.
        let look_again = (Instant::now() + Duration::from_secs(1)).min(deadline);
        let _ = tokio::time::timeout_at(look_again, hints.changed()).await;
    }
}
