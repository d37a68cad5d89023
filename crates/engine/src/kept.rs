//! Answers of a cluster that are kept for a moment, so that many who look at the same thing ask once.
//!
//! Of several who ask at the same time, one goes and the others wait for what it brings; a failure is kept as well, so
//! that they do not go one after the other. What was known before is given when nothing newer can be had.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use innkeeper_domain::time::{Clock, Timestamp};

/// What was kept of one thing.
struct Slot<V, E> {
    last: Option<(Timestamp, V)>,
    failed: Option<(Timestamp, E)>,
    used_at: Timestamp,
}

/// One thing; whoever asks holds it, and the others wait.
type Shared<V, E> = Arc<tokio::sync::Mutex<Slot<V, E>>>;

/// Answers by what they are about.
pub(crate) struct Kept<K, V, E> {
    slots: Mutex<HashMap<K, Shared<V, E>>>,
    /// How long an answer is fresh.
    fresh: Duration,
}

/// More than this many are looked through for those that nobody has asked for lately.
const MANY: usize = 1000;

/// How long what nobody asks for is kept.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(10);

impl<K: Eq + Hash + Clone, V: Clone, E: Clone> Kept<K, V, E> {
    pub(crate) fn new(fresh: Duration) -> Self {
        Self { slots: Mutex::default(), fresh }
    }

    fn slot(&self, key: &K, now: Timestamp) -> Shared<V, E> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() > MANY {
            // One that is locked is in use.
            let old = |slot: &Slot<V, E>| slot.used_at.after(FORGOTTEN_AFTER) <= now;
            slots.retain(|_, slot| !slot.try_lock().is_ok_and(|slot| old(&slot)));
        }
        let new = || Arc::new(tokio::sync::Mutex::new(Slot { last: None, failed: None, used_at: now }));
        slots.entry(key.clone()).or_insert_with(new).clone()
    }

    /// What is known of `key`, with the time when it was; newly asked when what is there is not fresh. An error when
    /// nothing is known at all.
    pub(crate) async fn get<F, Fut>(&self, key: &K, clock: &Clock, ask: F) -> Result<(Timestamp, V), E>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<V, E>>,
    {
        let slot = self.slot(key, clock.now());
        let mut slot = slot.lock().await;
        let now = clock.now();
        slot.used_at = now;
        let fresh = |at: Timestamp| now < at.after(self.fresh);
        if let Some((at, value)) = &slot.last
            && fresh(*at)
        {
            return Ok((*at, value.clone()));
        }
        let failure = match slot.failed.clone().filter(|(at, _)| fresh(*at)) {
            Some((_, failure)) => failure,
            None => match ask().await {
                Ok(value) => {
                    let at = clock.now();
                    slot.last = Some((at, value.clone()));
                    slot.failed = None;
                    return Ok((at, value));
                }
                Err(failure) => {
                    slot.failed = Some((clock.now(), failure.clone()));
                    failure
                }
            },
        };
        slot.last.clone().ok_or(failure)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const FRESH: Duration = Duration::from_secs(3);

    #[tokio::test]
    async fn many_who_look_ask_once_and_a_failure_gives_what_was_known() {
        let clock = Clock::manual(Timestamp(1_000_000_000));
        let kept: Kept<u8, usize, &str> = Kept::new(FRESH);
        let asked = AtomicUsize::new(0);
        let ask = || async {
            tokio::task::yield_now().await;
            Ok(asked.fetch_add(1, Ordering::SeqCst))
        };
        let all = futures_util::future::join_all((0..50).map(|_| kept.get(&1, &clock, ask))).await;
        assert!(all.iter().all(|answer| *answer == Ok((clock.now(), 0))));
        let first = clock.now();
        clock.advance(FRESH);
        let fail = || async { Err("away") };
        assert_eq!(kept.get(&1, &clock, fail).await, Ok((first, 0)), "stale is better than nothing");
        assert_eq!(kept.get(&2, &clock, fail).await, Err("away"));
        // A failure is not repeated by each who waits.
        assert_eq!(kept.get(&2, &clock, ask).await, Err("away"));
        clock.advance(FRESH);
        assert_eq!(kept.get(&2, &clock, ask).await, Ok((clock.now(), 1)));
    }
}
