//! The loop that finds what webhooks are to be told: it follows the events in the order in which they were committed, and
//! writes a delivery of each for each webhook that hears of it.

use std::time::Duration;

use innkeeper_store::{Topic, webhooks};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::{Engine, Error, turns};

/// Events that are looked at in one transaction.
const BATCH: i64 = 500;

/// The longest pause between two looks at events.
const SWEEP: Duration = Duration::from_secs(5);

/// Follows the events until `stop`.
pub(crate) async fn run(engine: Engine, stop: CancellationToken) {
    let hints = engine.db().wakeups(Topic::Events);
    let turn = || async {
        engine.hand_out_events().await?;
        Ok(SWEEP)
    };
    turns::take("handing events to webhooks", hints, SWEEP, &stop, turn).await;
}

impl Engine {
    /// Writes down what webhooks are to be told of the events that nobody has looked at yet, and says how much that was.
    /// [`Engine::run`] does it by itself.
    pub async fn hand_out_events(&self) -> Result<usize, Error> {
        let mut written = 0;
        // Where no webhook is on, events pass without a word; the next look begins where this one stopped.
        while webhooks::any_on(self.db()).await? {
            let mut tx = self.db().begin().await?;
            let out = webhooks::hand_out(&mut tx, self.clock().now(), BATCH).await?;
            if out.events == 0 {
                break;
            }
            tx.commit().await?;
            debug!(events = out.events, deliveries = out.deliveries, "events were handed to webhooks");
            written += out.deliveries;
        }
        Ok(written)
    }
}
