//! The loop that looks at payments and refunds that nobody told us about: a webhook that was lost, an answer that never
//! came, a process that died between a provider's answer and our commit.

use innkeeper_domain::payments::{Payment, PaymentState, next_look};
use innkeeper_store::{payments, refunds};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::MEANWHILE;
use super::settling::is_unknown;
use crate::{Engine, Error};

/// How many are looked at in one go.
const BATCH: i64 = 20;

/// Looks until `stop`; where payments are off, there is nothing to look at.
pub(crate) async fn run(engine: Engine, stop: CancellationToken) {
    let Some(options) = engine.options().payments.clone() else {
        // A loop that ends would look like one that died.
        stop.cancelled().await;
        return;
    };
    loop {
        if let Err(error) = engine.watch_payments().await {
            error!(%error, "looking after payments failed; will try again");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(options.look_every) => {}
        }
    }
}

impl Engine {
    /// Looks at everything that is due, once; answers how much that was.
    pub async fn watch_payments(&self) -> Result<usize, Error> {
        let mut looked = 0;
        loop {
            let now = self.clock().now();
            let mut tx = self.db().begin().await?;
            let due = payments::claim_due(&mut tx, now, now.after(MEANWHILE), BATCH).await?;
            let owed = refunds::claim_due(&mut tx, now, now.after(MEANWHILE), BATCH).await?;
            tx.commit().await?;
            for payment in &due {
                if let Err(error) = self.look_at(payment).await {
                    warn!(payment = %payment.id, %error, "looking at a payment failed; will look again");
                }
            }
            for refund in &owed {
                let Some(payment) = payments::by_id(self.db(), refund.payment_id).await? else { continue };
                if let Err(error) = self.return_money(&payment, refund).await {
                    warn!(refund = %refund.id, %error, "a refund failed; will try again");
                }
            }
            looked += due.len() + owed.len();
            if due.len() + owed.len() == 0 {
                return Ok(looked);
            }
        }
    }

    async fn look_at(&self, payment: &Payment) -> Result<(), Error> {
        let Some(reference) = payment.reference.as_deref() else {
            return self.look_for(payment).await;
        };
        let Some(desk) = self.provider(payment.provider) else { return self.later(payment).await };
        match desk.look(reference).await {
            Ok(seen) => self.heard(payment, seen).await,
            Err(error) => {
                warn!(payment = %payment.id, %error, "the provider does not tell how a payment stands");
                // A provider forgets what nobody ever agreed to.
                if is_unknown(&error) { self.expire(payment).await } else { self.later(payment).await }
            }
        }
    }

    /// An order whose provider's answer never came: asking for the same order again answers the payment that it made
    /// then. Nobody was sent to pay it, so after its time it is let go.
    async fn look_for(&self, payment: &Payment) -> Result<(), Error> {
        if self.clock().now() >= payment.expires_at {
            return self.expire(payment).await;
        }
        match self.introduce(payment).await {
            Ok(_) | Err(Error::Provider(_)) => self.later(payment).await,
            Err(error) => Err(error),
        }
    }

    async fn later(&self, payment: &Payment) -> Result<(), Error> {
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        let Some(mut payment) = payments::by_id_tx(&mut tx, payment.id).await? else { return Ok(()) };
        payment.due_at = next_look(&payment, now);
        payments::save(&mut tx, &payment).await?;
        Ok(tx.commit().await?)
    }

    async fn expire(&self, payment: &Payment) -> Result<(), Error> {
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        let Some(mut payment) = payments::by_id_tx(&mut tx, payment.id).await? else { return Ok(()) };
        if payment.state == PaymentState::Open && now >= payment.expires_at {
            payment.state = PaymentState::Expired;
        }
        payment.due_at = next_look(&payment, now).filter(|_| payment.reference.is_some());
        payments::save(&mut tx, &payment).await?;
        Ok(tx.commit().await?)
    }
}
