//! The ledger: credits that come and go, what a project has, and why.

use std::time::Duration;

use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::events::Subject;
use innkeeper_domain::ids::{PostingId, ProjectId, UserId};
use innkeeper_domain::ledger::{Account, Cause, HouseAccount, Posting, Purse, receive};
use innkeeper_domain::money::{Micros, runway};
use innkeeper_domain::time::Timestamp;
use innkeeper_store::ledger::Posted;
use innkeeper_store::{Tx, events, ledger, notices, projects, usage};
use serde_json::json;

use crate::error::allow;
use crate::{Engine, Error, Idempotency};

/// The longest reason for an adjustment.
const LONGEST_REASON: usize = 500;

/// Credits that arrive at a project.
#[derive(Clone, Debug)]
pub struct Credit {
    /// At whose.
    pub project_id: ProjectId,
    /// How much; above zero.
    pub amount: Micros,
    /// From which account of the house.
    pub from: HouseAccount,
    /// Why.
    pub cause: Cause,
    /// The id of what caused it, with its prefix.
    pub cause_id: String,
    /// Made from the cause, so that it arrives once.
    pub key: String,
    /// Words for people.
    pub memo: Option<String>,
    /// Who did it; none is the house.
    pub by: Option<UserId>,
}

/// What an administrator gives or corrects.
#[derive(Clone, Debug)]
pub struct Adjustment {
    /// How much. A correction may be below zero, as far as there are credits.
    pub amount: Micros,
    /// It corrects a mistake, instead of being a gift.
    pub correction: bool,
    /// Why, in words that the project's people read.
    pub reason: String,
}

/// What a project has, and how long it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// What can be spent.
    pub wallet: Micros,
    /// What is held for its instances.
    pub held: Micros,
    /// What is owed; not below zero.
    pub owed: Micros,
    /// What its instances cost per hour at present.
    pub per_hour: Micros,
    /// What they have used and not been charged yet.
    pub accrued: Micros,
    /// How long all of it lasts at that; none when nothing is spent.
    pub runway: Option<Duration>,
    /// Since when its credits are used up, if they are.
    pub held_since: Option<Timestamp>,
}

/// A posting without entries.
pub(crate) fn posting(
    project_id: ProjectId,
    cause: Cause,
    cause_id: String,
    key: String,
    at: Timestamp,
) -> Posting {
    let id = PostingId::new();
    Posting { id, key, at, cause, cause_id, project_id, memo: None, by: None, entries: Vec::new() }
}

/// How long what is there lasts, what has been used but not charged taken off.
pub(crate) fn lasts(spending: &usage::Spending) -> Option<Duration> {
    let there = spending.wallet.plus(spending.held).and_then(|sum| sum.minus(spending.accrued));
    runway(there.unwrap_or(Micros(i64::MAX)), spending.per_hour)
}

impl Engine {
    /// Adds credits to a project: what it owes is paid first; then what is held for its instances is made whole again;
    /// and if that can be done, a billing hold ends. [`Posted::Before`], and nothing changes, when a posting with this
    /// key was made.
    pub(crate) async fn credit(&self, tx: &mut Tx, credit: &Credit) -> Result<(Posted, Posting), Error> {
        let now = self.clock().now();
        let project = credit.project_id;
        // Held, so that it is not deleted under the credits: nobody would have them.
        projects::by_id_tx(tx, project).await?.ok_or(Error::NotFound("project"))?;
        let mut metered = usage::of_project_tx(tx, project).await?;
        let purses = ledger::purses_tx(tx, &[project]).await?.remove(&project).unwrap_or_default();
        let (paid, kept) = receive(credit.amount, purses.debt);
        let mut made = posting(project, credit.cause, credit.cause_id.clone(), credit.key.clone(), now)
            .with(Account::House(credit.from), credit.amount.negated()?)
            .with(Account::Of(project, Purse::Debt), paid)
            .with(Account::Of(project, Purse::Wallet), kept);
        made.memo.clone_from(&credit.memo);
        made.by = credit.by;
        let posted = ledger::post(tx, &made).await?;
        if let Posted::Before(before) = &posted {
            let before = before.clone();
            return Ok((posted, before));
        }
        self.refill(tx, project, &mut metered, &made.id.to_string(), now).await?;
        events::append(tx, now, Some(project), Subject::Project, &project.to_string(), "credited").await?;
        Ok((posted, made))
    }

    /// Takes credits from a project's wallet: [`Error::InsufficientCredits`] when they are not there.
    pub(crate) async fn debit(&self, tx: &mut Tx, debit: &Credit) -> Result<(Posted, Posting), Error> {
        let now = self.clock().now();
        let project = debit.project_id;
        let mut made = posting(project, debit.cause, debit.cause_id.clone(), debit.key.clone(), now)
            .with(Account::House(debit.from), debit.amount)
            .with(Account::Of(project, Purse::Wallet), debit.amount.negated()?);
        made.memo.clone_from(&debit.memo);
        made.by = debit.by;
        let posted = ledger::post(tx, &made).await?;
        let stands = match &posted {
            Posted::Now => made,
            Posted::Before(before) => before.clone(),
        };
        events::append(tx, now, Some(project), Subject::Project, &project.to_string(), "debited").await?;
        Ok((posted, stands))
    }

    /// Gives credits to a project, or corrects what it has.
    pub async fn post_adjustment(
        &self,
        actor: &Actor,
        project: ProjectId,
        adjustment: Adjustment,
        key: Option<&Idempotency>,
    ) -> Result<Posting, Error> {
        self.see_project(actor, project).await?;
        allow(may(actor, Action::RunPeople), "project")?;
        let Adjustment { amount, correction, reason } = adjustment;
        let least = if correction { Micros::MOST.negated()? } else { Micros(1) };
        if amount == Micros::ZERO || !(least..=Micros::MOST).contains(&amount) {
            let most = Micros::MOST;
            let message = if correction {
                format!("correct by at most {most} credits, up or down, and not by nothing")
            } else {
                format!("give more than nothing and at most {most} credits")
            };
            return Err(Error::invalid("amount_micros", message));
        }
        let reason = reason.trim();
        if reason.is_empty()
            || reason.chars().count() > LONGEST_REASON
            || reason.chars().any(char::is_control)
        {
            let message = format!("say why, on one line of at most {LONGEST_REASON} characters");
            return Err(Error::invalid("reason", message));
        }
        let mut tx = self.db().begin().await?;
        if let Some(before) = self.replay::<PostingId>(&mut tx, actor, key).await? {
            drop(tx);
            return ledger::by_id(self.db(), before).await?.ok_or(Error::NotFound("posting"));
        }
        let (cause, from) = if correction {
            (Cause::Correction, HouseAccount::Corrections)
        } else {
            (Cause::Grant, HouseAccount::Grants)
        };
        let credit = Credit {
            project_id: project,
            amount: if amount.is_positive() { amount } else { amount.negated()? },
            from,
            cause,
            cause_id: actor.user_id.map_or_else(|| "house".into(), |id| id.to_string()),
            key: format!("{cause}:{}", PostingId::new()),
            memo: Some(reason.to_owned()),
            by: actor.user_id,
        };
        let (_, made) = if amount.is_positive() {
            self.credit(&mut tx, &credit).await?
        } else {
            self.debit(&mut tx, &credit).await?
        };
        let deed = Deed::done(&format!("credits.{cause}"), made.id)
            .of(project)
            .after(json!({ "amount_micros": amount, "reason": reason }));
        self.record(&mut tx, actor, deed);
        self.remember(&mut tx, actor, key, &made.id).await?;
        tx.commit().await?;
        Ok(made)
    }

    /// What a project has, and how long it lasts.
    pub async fn balance(&self, actor: &Actor, project: ProjectId) -> Result<Balance, Error> {
        self.see_project(actor, project).await?;
        let now = self.clock().now();
        let purses = ledger::purses(self.db(), project).await?;
        let spending = usage::spending(self.db(), Some(project), now, None, 1).await?.pop();
        let held_since = notices::runway(self.db(), project).await?.held_since;
        Ok(Balance {
            wallet: purses.wallet,
            held: purses.held,
            owed: purses.debt.negated()?,
            per_hour: spending.map_or(Micros::ZERO, |spending| spending.per_hour),
            accrued: spending.map_or(Micros::ZERO, |spending| spending.accrued),
            runway: spending.and_then(|spending| lasts(&spending)),
            held_since,
        })
    }

    /// The postings of a project, newest first; of one cause, or of all.
    pub async fn ledger(
        &self,
        actor: &Actor,
        project: ProjectId,
        cause: Option<Cause>,
        after: Option<PostingId>,
        limit: i64,
    ) -> Result<Vec<Posting>, Error> {
        self.see_project(actor, project).await?;
        Ok(ledger::list(self.db(), project, cause, after, limit).await?)
    }

    /// Adds up the whole ledger: all zero in a house that is in order.
    pub async fn audit_ledger(&self, actor: &Actor) -> Result<ledger::Audit, Error> {
        allow(may(actor, Action::RunPeople), "ledger")?;
        Ok(ledger::audit(self.db()).await?)
    }
}
