//! What a provider says of a payment, and what comes of it.

use http::HeaderMap;
use innkeeper_connectors::Error as WireError;
use innkeeper_connectors::payments::{News, Seen, State};
use innkeeper_domain::access::Actor;
use innkeeper_domain::audit::Deed;
use innkeeper_domain::ids::PaymentId;
use innkeeper_domain::ledger::{Cause, HouseAccount};
use innkeeper_domain::payments::{Amount, Payment, PaymentState, Provider, Said, Verdict, judge, next_look};
use innkeeper_store::{payments, refunds};
use serde_json::json;
use tracing::{info, warn};

use crate::{Credit, Engine, Error};

fn said(state: State) -> Said {
    match state {
        // Agreed is not paid: the money moves when it is captured.
        State::Open | State::Approved => Said::Open,
        State::Pending => Said::Pending,
        State::Paid => Said::Paid,
        State::Failed => Said::Failed,
    }
}

impl Engine {
    /// Takes a provider's webhook, proved by its signature. [`Error::Untrusted`] when it is not theirs;
    /// [`Error::Provider`] when that cannot be found out at the moment: they will send it again.
    pub async fn payment_webhook(
        &self,
        provider: Provider,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(), Error> {
        let desk = self.provider(provider).ok_or(Error::NotFound("payment provider"))?;
        let event = desk.verify_webhook(headers, body, self.clock().now()).await.map_err(|error| {
            warn!(%provider, %error, "a webhook was not accepted");
            if error.is_passing() {
                Error::Provider("it cannot be verified at the moment; send it again".to_owned())
            } else {
                Error::Untrusted(error.to_string())
            }
        })?;
        info!(%provider, event = event.id, kind = event.kind, "webhook");
        match event.news {
            News::Payment(seen) => match self.payment_of(provider, &seen).await? {
                Some(payment) => self.heard(&payment, seen).await,
                None => self.stranger(provider, &seen).await,
            },
            News::Refund { receipt, amount, .. } => self.refunded_there(provider, &receipt, amount).await,
            News::Other => Ok(()),
        }
    }

    /// The order that a provider speaks of: by our own id, else by theirs.
    async fn payment_of(&self, provider: Provider, seen: &Seen) -> Result<Option<Payment>, Error> {
        let by_order = match seen.order.as_deref().and_then(|id| id.parse::<PaymentId>().ok()) {
            Some(id) => payments::by_id(self.db(), id).await?,
            None => payments::by_reference(self.db(), provider, &seen.reference).await?,
        };
        Ok(by_order.filter(|payment| payment.provider == provider))
    }

    /// What was heard of a payment, by webhook or by looking: captured where it must be, then settled.
    pub(super) async fn heard(&self, payment: &Payment, seen: Seen) -> Result<(), Error> {
        let mut seen = seen;
        if seen.state == State::Approved && payment.state != PaymentState::Paid {
            if seen.amount != Some(payment.amount) {
                return self.dispute(payment.id, seen.amount).await;
            }
            let desk = self.provider(payment.provider).ok_or(Error::NotFound("payment provider"))?;
            match desk.capture(&seen.reference, &payment.id.to_string()).await {
                Ok(captured) => seen = captured,
                Err(error) => {
                    // Whether it was captured will be seen by looking.
                    warn!(payment = %payment.id, %error, "capturing did not end well; will look");
                    let mut tx = self.db().begin().await?;
                    if let Some(mut payment) = payments::by_id_tx(&mut tx, payment.id).await? {
                        payment.reference.get_or_insert(seen.reference);
                        payment.due_at = Some(self.clock().now().after(std::time::Duration::from_secs(5)));
                        payments::save(&mut tx, &payment).await?;
                        tx.commit().await?;
                    }
                    return Ok(());
                }
            }
        }
        self.settle_payment(payment.id, &seen).await
    }

    /// The one door: judges what was seen of a payment, and credits it at most once.
    pub(crate) async fn settle_payment(&self, id: PaymentId, seen: &Seen) -> Result<(), Error> {
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        let mut payment = payments::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("payment"))?;
        let before = payment.clone();
        let house = Actor::house();
        let verdict = judge(&payment, said(seen.state), seen.amount, now);
        if payment.reference.is_none() && !seen.reference.is_empty() {
            payment.reference = Some(seen.reference.clone());
        }
        match &verdict {
            Verdict::Credit => {
                let credit = Credit {
                    project_id: payment.project_id,
                    amount: payment.credits,
                    from: HouseAccount::Payments,
                    cause: Cause::Payment,
                    cause_id: payment.id.to_string(),
                    key: format!("payment:{}", payment.id),
                    memo: Some(format!("{} by {}", payment.amount, payment.provider.name())),
                    by: payment.asked_by,
                };
                self.credit(&mut tx, &credit).await?;
                (payment.state, payment.paid_at) = (PaymentState::Paid, Some(now));
                (payment.problem, payment.redirect) = (None, None);
                payment.receipt.clone_from(&seen.receipt);
                let deed = Deed::done("payment.credit", payment.id)
                    .of(payment.project_id)
                    .before(json!({ "state": before.state }))
                    .after(json!({ "state": payment.state, "credits_micros": payment.credits }));
                self.record(&mut tx, &house, deed);
            }
            Verdict::Now(state) => {
                payment.state = *state;
                if *state == PaymentState::Failed {
                    payment.problem = Some("the provider says that it was not paid".to_owned());
                }
            }
            Verdict::Nothing => {
                // Two payments of one order: one was credited, and the other is somebody's money.
                let other = seen.receipt.is_some() && payment.receipt != seen.receipt;
                let why = "it was paid twice; give one of them back at the provider";
                if seen.state == State::Paid && other && payment.problem.as_deref() != Some(why) {
                    warn!(payment = %id, "a payment came twice");
                    payment.problem = Some(why.to_owned());
                    let deed = Deed::refused("payment.credit", id)
                        .of(payment.project_id)
                        .after(json!({ "why": why, "receipt": seen.receipt, "reference": seen.reference }));
                    self.record(&mut tx, &house, deed);
                }
            }
            Verdict::Dispute(why) => {
                if payment.problem.as_deref() != Some(why) {
                    warn!(payment = %id, why, "a payment was not credited: somebody must look at it");
                    let deed = Deed::refused("payment.credit", id)
                        .of(payment.project_id)
                        .after(json!({ "why": why, "reference": seen.reference }));
                    self.record(&mut tx, &house, deed);
                }
                payment.state = PaymentState::Disputed;
                payment.problem = Some(why.clone());
                payment.receipt.clone_from(&seen.receipt);
            }
        }
        payment.due_at = next_look(&payment, now);
        if payment == before {
            return Ok(());
        }
        payments::save(&mut tx, &payment).await?;
        Ok(tx.commit().await?)
    }

    async fn dispute(&self, id: PaymentId, amount: Option<Amount>) -> Result<(), Error> {
        let seen = Seen { reference: String::new(), order: None, amount, state: State::Paid, receipt: None };
        self.settle_payment(id, &seen).await
    }

    /// A payment of an order that we do not have. The provider is told that we heard, or it would repeat it for days.
    async fn stranger(&self, provider: Provider, seen: &Seen) -> Result<(), Error> {
        if !matches!(seen.state, State::Paid | State::Pending | State::Approved) {
            return Ok(());
        }
        warn!(%provider, reference = seen.reference, "a payment of an order that we do not have");
        let mut tx = self.db().begin().await?;
        let deed = Deed::refused("payment.credit", &seen.reference).after(json!({
            "why": "no such order", "provider": provider, "order": seen.order, "amount": seen.amount,
        }));
        self.record(&mut tx, &Actor::house(), deed);
        Ok(tx.commit().await?)
    }

    /// Money went back. Where we asked for it there is nothing to do; else somebody did it at the provider, and an
    /// administrator must say what becomes of the credits.
    async fn refunded_there(
        &self,
        provider: Provider,
        receipt: &str,
        amount: Option<Amount>,
    ) -> Result<(), Error> {
        let Some(payment) = payments::by_receipt(self.db(), provider, receipt).await? else { return Ok(()) };
        // Some providers tell the sum of all refunds, some each of them.
        let ours = refunds::of_payment(self.db(), payment.id).await?;
        let known =
            |minor: i64| minor <= payment.refunded_minor || ours.iter().any(|r| r.amount.minor == minor);
        if amount.is_some_and(|amount| known(amount.minor)) {
            return Ok(());
        }
        warn!(payment = %payment.id, "money was given back at the provider");
        let why = "money was given back at the provider; its credits are still there";
        let mut tx = self.db().begin().await?;
        let Some(mut payment) = payments::by_id_tx(&mut tx, payment.id).await? else { return Ok(()) };
        if payment.problem.as_deref() == Some(why) {
            return Ok(());
        }
        payment.problem = Some(why.to_owned());
        payments::save(&mut tx, &payment).await?;
        let deed = Deed::refused("payment.refund", payment.id)
            .of(payment.project_id)
            .after(json!({ "why": why, "amount": amount }));
        self.record(&mut tx, &Actor::house(), deed);
        Ok(tx.commit().await?)
    }
}

/// Whether the provider does not know what we ask about.
pub(super) fn is_unknown(error: &WireError) -> bool {
    matches!(error, WireError::Refused { status: 404, .. })
}
