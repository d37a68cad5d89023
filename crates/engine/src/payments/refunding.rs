//! Refunds: credits are taken back first, never below what is there, then the provider is asked; until it has answered
//! it is asked again under the same key, so that money goes back once.

use std::time::Duration;

use innkeeper_connectors::payments as wire;
use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::ids::{PaymentId, RefundId};
use innkeeper_domain::ledger::{Cause, HouseAccount};
use innkeeper_domain::payments::{Amount, Payment, PaymentState, Refund, RefundState, credits_of};
use innkeeper_store::{Tx, payments, refunds};
use serde_json::json;
use tracing::warn;

use super::MEANWHILE;
use crate::error::allow;
use crate::{Credit, Engine, Error, Idempotency};

/// The longest reason.
const LONGEST_REASON: usize = 500;

/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// Money to be given back.
#[derive(Clone, Debug)]
pub struct NewRefund {
    /// Of which payment.
    pub payment_id: PaymentId,
    /// How much, in the currency's smallest unit; none is all that is left.
    pub amount_minor: Option<i64>,
    /// Why, in words that the project's people read.
    pub reason: String,
}

impl Engine {
    /// Gives money back: for administrators. The credits are taken from the project's wallet; when they are not there,
    /// nothing is given back.
    pub async fn refund_payment(
        &self,
        actor: &Actor,
        new: NewRefund,
        key: Option<&Idempotency>,
    ) -> Result<Refund, Error> {
        let payment = self.payment(actor, new.payment_id).await?;
        allow(may(actor, Action::RunPeople), "payment")?;
        let reason = new.reason.trim();
        if reason.is_empty()
            || reason.chars().count() > LONGEST_REASON
            || reason.chars().any(char::is_control)
        {
            let message = format!("say why, on one line of at most {LONGEST_REASON} characters");
            return Err(Error::invalid("reason", message));
        }
        self.provider(payment.provider).ok_or(super::OFF)?;
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        if let Some(before) = self.replay::<RefundId>(&mut tx, actor, key).await? {
            drop(tx);
            return refunds::by_id(self.db(), before).await?.ok_or(Error::NotFound("refund"));
        }
        let mut payment = payments::by_id_tx(&mut tx, payment.id).await?.ok_or(Error::NotFound("payment"))?;
        if payment.state != PaymentState::Paid || payment.receipt.is_none() {
            return Err(Error::conflict("not_paid", "only what was paid can be given back"));
        }
        let left = payment.amount.minor - payment.refunded_minor;
        let minor = new.amount_minor.unwrap_or(left);
        if left == 0 {
            return Err(Error::conflict("already_refunded", "all of this payment was given back before"));
        }
        if !(1..=left).contains(&minor) {
            let most = Amount::new(left, payment.amount.currency);
            return Err(Error::invalid(
                "amount_minor",
                format!("give back more than nothing and at most {most}"),
            ));
        }
        let refund = Refund {
            id: RefundId::new(),
            payment_id: payment.id,
            project_id: payment.project_id,
            state: RefundState::Pending,
            amount: Amount::new(minor, payment.amount.currency),
            credits: credits_of(&payment, minor),
            reason: reason.to_owned(),
            reference: None,
            problem: None,
            by: actor.user_id,
            created_at: now,
            ended_at: None,
            due_at: Some(now.after(MEANWHILE)),
        };
        refunds::insert(&mut tx, &refund).await?;
        payment.refunded_minor += minor;
        payments::save(&mut tx, &payment).await?;
        if refund.credits.is_positive() {
            self.debit(&mut tx, &movement(&refund, format!("refund:{}", refund.id))).await?;
        }
        let deed = Deed::done("payment.refund", payment.id).of(payment.project_id).after(json!({
            "refund": refund.id, "amount": refund.amount, "credits_micros": refund.credits, "reason": reason,
        }));
        self.record(&mut tx, actor, deed);
        self.remember(&mut tx, actor, key, &refund.id).await?;
        tx.commit().await?;
        self.return_money(&payment, &refund).await
    }

    /// The refunds of a payment, oldest first.
    pub async fn refunds(&self, actor: &Actor, payment: PaymentId) -> Result<Vec<Refund>, Error> {
        let payment = self.payment(actor, payment).await?;
        Ok(refunds::of_payment(self.db(), payment.id).await?)
    }

    /// Asks the provider to give money back, and writes down what it said.
    pub(super) async fn return_money(&self, payment: &Payment, refund: &Refund) -> Result<Refund, Error> {
        let desk = self.provider(payment.provider).ok_or(super::OFF)?;
        let asked = wire::Refund {
            key: refund.id.to_string(),
            receipt: payment.receipt.clone().unwrap_or_default(),
            amount: refund.amount,
        };
        let outcome = desk.refund(&asked).await;
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        // The payment first, as everybody does.
        let found = payments::by_id_tx(&mut tx, payment.id).await?.ok_or(Error::NotFound("payment"))?;
        let mut refund = refunds::by_id_tx(&mut tx, refund.id).await?.ok_or(Error::NotFound("refund"))?;
        if refund.state != RefundState::Pending {
            return Ok(refund);
        }
        match outcome {
            Ok(answer) => {
                // One that is accepted but not done yet cannot be undone by us either: it counts as done.
                if !answer.done {
                    warn!(refund = %refund.id, "the provider accepted a refund that it will do later");
                }
                refund.reference = Some(answer.reference);
                (refund.state, refund.ended_at, refund.due_at) = (RefundState::Done, Some(now), None);
                refund.problem = None;
            }
            Err(error) if matches!(error, innkeeper_connectors::Error::Refused { .. }) => {
                warn!(refund = %refund.id, %error, "the provider refused a refund; the credits go back");
                self.undo(&mut tx, found, &refund).await?;
                (refund.state, refund.ended_at, refund.due_at) = (RefundState::Failed, Some(now), None);
                refund.problem = Some(error.to_string());
            }
            Err(error) => {
                warn!(refund = %refund.id, %error, "a refund has no answer yet; will ask again");
                let pause = (now.since(refund.created_at) / 2).clamp(Duration::from_secs(20), LONGEST_PAUSE);
                refund.due_at = Some(now.after(pause));
                refund.problem = Some(error.to_string());
            }
        }
        refunds::save(&mut tx, &refund).await?;
        tx.commit().await?;
        Ok(refund)
    }

    /// A refund that will not be: its credits arrive again, and the payment counts as not given back.
    async fn undo(&self, tx: &mut Tx, mut payment: Payment, refund: &Refund) -> Result<(), Error> {
        payment.refunded_minor -= refund.amount.minor;
        payments::save(tx, &payment).await?;
        if refund.credits.is_positive() {
            self.credit(tx, &movement(refund, format!("refund-undone:{}", refund.id))).await?;
        }
        let deed = Deed::refused("payment.refund", payment.id)
            .of(payment.project_id)
            .after(json!({ "refund": refund.id, "why": "the provider refused" }));
        self.record(tx, &Actor::house(), deed);
        Ok(())
    }
}

fn movement(refund: &Refund, key: String) -> Credit {
    Credit {
        project_id: refund.project_id,
        amount: refund.credits,
        from: HouseAccount::Refunds,
        cause: Cause::Refund,
        cause_id: refund.id.to_string(),
        key,
        memo: Some(format!("{}: {}", refund.amount, refund.reason)),
        by: refund.by,
    }
}
