//! The loop that goes on with orders and leases: what a request began and did not end, what a dead process left, and what
//! comes with time.

use std::time::Duration;

use innkeeper_domain::ids::OrderId;
use innkeeper_domain::orders::OrderState;
use innkeeper_store::{leases, orders};
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::{Engine, Error};

/// How many are looked at in one go.
const BATCH: i64 = 20;

/// How long somebody has to look before somebody else may: longer than a facilitator takes to answer.
pub(super) const MEANWHILE: Duration = Duration::from_mins(1);

/// Looks until `stop`; where nothing is leased, there is nothing to look at.
pub(crate) async fn run(engine: Engine, stop: CancellationToken) {
    let Some(options) = engine.options().leases.clone() else {
        // A loop that ends would look like one that died.
        stop.cancelled().await;
        return;
    };
    loop {
        if let Err(error) = engine.watch_leases().await {
            error!(%error, "looking after leases failed; will try again");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(options.look_every) => {}
        }
    }
}

impl Engine {
    /// Looks at everything that is due, once; answers how much that was.
    pub async fn watch_leases(&self) -> Result<usize, Error> {
        let mut looked = 0;
        // Most of the time nothing is due, and nobody must wait for a write that finds that out.
        while orders::next_due(self.db()).await?.is_some_and(|due| due <= self.clock().now()) {
            let now = self.clock().now();
            let mut tx = self.db().begin().await?;
            let bought = orders::claim_due(&mut tx, now, now.after(MEANWHILE), BATCH).await?;
            let held = leases::claim_due(&mut tx, now, now.after(MEANWHILE), BATCH).await?;
            tx.commit().await?;
            looked += bought.len() + held.len();
            let about_orders = bought.into_iter().map(|id| async move {
                if let Err(error) = self.attend_order(id).await {
                    error!(order = %id, %error, "looking after an order failed; will look again");
                }
            });
            let about_leases = held.into_iter().map(|id| async move {
                if let Err(error) = self.attend(id).await {
                    error!(lease = %id, %error, "looking after a lease failed; will look again");
                }
            });
            futures_util::future::join_all(about_orders).await;
            futures_util::future::join_all(about_leases).await;
        }
        Ok(looked)
    }

    async fn attend_order(&self, id: OrderId) -> Result<(), Error> {
        let Some(order) = orders::by_id(self.db(), id).await? else { return Ok(()) };
        match order.state {
            OrderState::Settling => self.settle_again(&order).await?,
            OrderState::Claimed | OrderState::Refused => {
                self.look(&order).await?;
            }
            OrderState::Paid | OrderState::Delivered | OrderState::Credited | OrderState::Lapsed => {}
        }
        self.deliver(id).await
    }
}
