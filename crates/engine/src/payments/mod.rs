//! Payments: credits are ordered, paid through a provider, and arrive once.
//!
//! The order is written before the provider hears of it, and the provider knows it by our id, so that whatever is lost
//! (an answer, a webhook, this process) is found again by looking. What a provider says, by webhook or when asked, goes
//! through one door, [`Engine::settle_payment`], which credits under the ledger's key `payment:{order}`. No call to a
//! provider is made inside a transaction.

mod refunding;
mod settling;
mod watching;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use innkeeper_connectors::payments::{Order, PaymentProvider};
use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::ids::{PaymentId, ProjectId};
use innkeeper_domain::money::Micros;
use innkeeper_domain::payments::{Amount, Currency, PAYABLE, Payment, PaymentState, Provider, next_look};
use innkeeper_store::{payments, projects};
use serde_json::json;
use tracing::warn;
use url::Url;

pub use innkeeper_store::payments::Filter;
pub use refunding::NewRefund;
pub(crate) use watching::run;

use crate::error::allow;
use crate::{Engine, Error, Idempotency};

/// Orders of one project that may wait for their payer at once.
const OPEN_AT_ONCE: i64 = 20;

/// How long a provider has to answer before somebody else may ask about the same payment.
const MEANWHILE: Duration = Duration::from_mins(1);

/// How credits are sold.
#[derive(Clone)]
pub struct PaymentOptions {
    /// Who takes the money.
    pub providers: Vec<Arc<dyn PaymentProvider>>,
    /// What one credit costs, in each currency's smallest unit.
    pub credit_price: BTreeMap<Currency, i64>,
    /// The fewest credits that can be bought at once.
    pub least: i64,
    /// The most.
    pub most: i64,
    /// Where people reach us: payers come back to `/wallet` there.
    pub public_url: Url,
    /// How often we look whether a payment is due to be looked at.
    pub look_every: Duration,
}

impl fmt::Debug for PaymentOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let providers: Vec<Provider> = self.providers.iter().map(|provider| provider.provider()).collect();
        f.debug_struct("PaymentOptions").field("providers", &providers).finish_non_exhaustive()
    }
}

/// What can be bought, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Who takes the money.
    pub providers: Vec<Provider>,
    /// What one credit costs in each currency.
    pub credit_price: Vec<Amount>,
    /// The fewest credits at once.
    pub least: i64,
    /// The most.
    pub most: i64,
}

/// Credits to be bought.
#[derive(Clone, Debug)]
pub struct NewPayment {
    /// For which project.
    pub project_id: ProjectId,
    /// Through whom.
    pub provider: Provider,
    /// How many, in whole credits.
    pub credits: i64,
    /// Paid in what.
    pub currency: Currency,
}

impl Engine {
    /// What can be bought; nothing where payments are off.
    pub fn payment_offer(&self) -> Option<Offer> {
        let options = self.options().payments.as_deref()?;
        Some(Offer {
            providers: options.providers.iter().map(|provider| provider.provider()).collect(),
            credit_price: options.credit_price.iter().map(|(&c, &minor)| Amount::new(minor, c)).collect(),
            least: options.least,
            most: options.most,
        })
    }

    /// Orders credits and answers where to pay for them. The price is ours; of what is asked only the number of credits
    /// and the currency count.
    pub async fn begin_payment(
        &self,
        actor: &Actor,
        new: NewPayment,
        key: Option<&Idempotency>,
    ) -> Result<Payment, Error> {
        self.see_project(actor, new.project_id).await?;
        allow(may(actor, Action::PayProject(new.project_id)), "project")?;
        let options = self.payment_options()?;
        self.provider(new.provider).ok_or_else(|| {
            Error::invalid("provider", "this house does not take payments through this provider")
        })?;
        let price = options.credit_price.get(&new.currency).ok_or_else(|| {
            let known: Vec<&str> = options.credit_price.keys().map(|currency| currency.as_str()).collect();
            Error::invalid("currency", format!("choose one of: {}", known.join(", ")))
        })?;
        if !(options.least..=options.most).contains(&new.credits) {
            let message = format!("buy {} to {} credits at once", options.least, options.most);
            return Err(Error::invalid("credits", message));
        }
        let now = self.clock().now();
        let overflow = |_| Error::invalid("credits", "this is more than can be counted");
        let payment = Payment {
            id: PaymentId::new(),
            project_id: new.project_id,
            provider: new.provider,
            state: PaymentState::Open,
            amount: Amount::new(price.saturating_mul(new.credits), new.currency),
            credits: Micros::CREDIT.times(new.credits).map_err(overflow)?,
            reference: None,
            redirect: None,
            receipt: None,
            problem: None,
            asked_by: actor.user_id,
            created_at: now,
            expires_at: now.after(PAYABLE),
            paid_at: None,
            refunded_minor: 0,
            due_at: Some(now.after(MEANWHILE)),
        };
        let mut tx = self.db().begin().await?;
        if let Some(before) = self.replay::<PaymentId>(&mut tx, actor, key).await? {
            drop(tx);
            let before = payments::by_id(self.db(), before).await?.ok_or(Error::NotFound("payment"))?;
            // The answer to the first request may be lost with the provider's; the same order is asked for again.
            let unknown = before.redirect.is_none() && before.state == PaymentState::Open;
            return if unknown { self.introduce(&before).await } else { Ok(before) };
        }
        projects::by_id_tx(&mut tx, new.project_id).await?.ok_or(Error::NotFound("project"))?;
        if payments::open_of(&mut tx, new.project_id).await? >= OPEN_AT_ONCE {
            return Err(Error::conflict(
                "too_many_open_payments",
                "too many payments of this project are waiting; pay one of them, or wait until they expire",
            ));
        }
        payments::insert(&mut tx, &payment).await?;
        let deed = Deed::done("payment.begin", payment.id).of(payment.project_id).after(json!({
            "provider": payment.provider, "amount": payment.amount, "credits_micros": payment.credits,
        }));
        self.record(&mut tx, actor, deed);
        self.remember(&mut tx, actor, key, &payment.id).await?;
        tx.commit().await?;
        self.introduce(&payment).await
    }

    /// Tells the provider of an order, and writes down what it calls it and where it is paid. Doing it again changes
    /// nothing: the provider knows an order by our id.
    async fn introduce(&self, payment: &Payment) -> Result<Payment, Error> {
        let options = self.payment_options()?;
        let provider = self.provider(payment.provider).ok_or(OFF)?;
        let back = |state: &str| {
            let mut url = options.public_url.clone();
            url.set_path("/wallet");
            url.query_pairs_mut().append_pair("payment", &payment.id.to_string()).append_pair("back", state);
            url
        };
        let order = Order {
            id: payment.id.to_string(),
            amount: payment.amount,
            description: format!("{} credits", payment.credits),
            success_url: back("paid"),
            cancel_url: back("cancelled"),
            expires_at: Some(payment.expires_at),
        };
        let outcome = provider.begin(&order).await;
        let mut tx = self.db().begin().await?;
        let mut now = payments::by_id_tx(&mut tx, payment.id).await?.ok_or(Error::NotFound("payment"))?;
        match outcome {
            Ok(begun) => {
                if now.reference.is_none() {
                    now.reference = Some(begun.reference);
                }
                now.redirect = Some(begun.redirect.to_string());
                // From now on somebody may be paying.
                if now.due_at.is_some() {
                    now.due_at = next_look(&now, self.clock().now());
                }
                payments::save(&mut tx, &now).await?;
                tx.commit().await?;
                Ok(now)
            }
            Err(error) if error.is_passing() => {
                warn!(payment = %payment.id, %error, "the provider did not answer; the order will be looked up");
                Err(Error::Provider(format!(
                    "{error}; nothing was paid. Try again with the same Idempotency-Key, or in a minute"
                )))
            }
            Err(error) => {
                warn!(payment = %payment.id, %error, "the provider does not take the order");
                // A webhook may have said more meanwhile.
                if now.state == PaymentState::Open && now.reference.is_none() {
                    (now.state, now.due_at) = (PaymentState::Failed, None);
                    now.problem = Some(error.to_string());
                    payments::save(&mut tx, &now).await?;
                    tx.commit().await?;
                }
                Err(Error::Provider(
                    "the payment provider does not take this order; tell the house".to_owned(),
                ))
            }
        }
    }

    /// Payments, newest first: of a project, or for staff of all.
    pub async fn payments(
        &self,
        actor: &Actor,
        filter: &Filter,
        after: Option<PaymentId>,
        limit: i64,
    ) -> Result<Vec<Payment>, Error> {
        match filter.project_id {
            Some(project) => self.see_project(actor, project).await?,
            None => allow(may(actor, Action::RunPeople), "payment")?,
        }
        Ok(payments::list(self.db(), filter, after, limit).await?)
    }

    /// One payment.
    pub async fn payment(&self, actor: &Actor, id: PaymentId) -> Result<Payment, Error> {
        let payment = payments::by_id(self.db(), id).await?.ok_or(Error::NotFound("payment"))?;
        allow(may(actor, Action::SeeProject(payment.project_id)), "payment")?;
        Ok(payment)
    }

    fn payment_options(&self) -> Result<&PaymentOptions, Error> {
        self.options().payments.as_deref().ok_or(OFF)
    }

    fn provider(&self, wanted: Provider) -> Option<&Arc<dyn PaymentProvider>> {
        let options = self.options().payments.as_deref()?;
        options.providers.iter().find(|provider| provider.provider() == wanted)
    }
}

const OFF: Error = Error::Unavailable {
    code: "payments_off",
    message: "this house does not take payments; ask its administrator",
};
