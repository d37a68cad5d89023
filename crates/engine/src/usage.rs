//! The meters of instances: switched in the very transactions that write down what was seen of a guest, and read out
//! when something is charged.
//!
//! Whoever needs several locks takes the instance first, then its meter, then accounts.

use std::time::Duration;

use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::ids::{InstanceId, ProjectId, SegmentId};
use innkeeper_domain::instances::Instance;
use innkeeper_domain::ledger::{Account, Cause, Purse};
use innkeeper_domain::money::Micros;
use innkeeper_domain::prices::Rate;
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::usage::{Segment, Tariff, tariff};
use innkeeper_store::{Tx, instances, ledger, usage};

use crate::error::allow;
use crate::{Engine, Error};

/// Writes an instance under its fence, and switches its meter if another tariff applies to it now. False, and nothing
/// may be committed, when the fence is old.
pub(crate) async fn save(tx: &mut Tx, instance: &mut Instance, now: Timestamp) -> Result<bool, Error> {
    let next = tariff(&instance.course, instance.deleted_at.is_some(), instance.tariff);
    let changed = next != instance.tariff;
    instance.tariff = next;
    if !instances::save(tx, instance).await? {
        return Ok(false);
    }
    if changed {
        switch(tx, instance, now).await?;
    }
    Ok(true)
}

/// Notes that another tariff applies to an instance of which something was seen.
pub(crate) async fn seen(
    tx: &mut Tx,
    instance: &Instance,
    next: Option<Tariff>,
    at: Timestamp,
) -> Result<(), Error> {
    instances::set_tariff(tx, instance.id, next).await?;
    let after = Instance { tariff: next, ..instance.clone() };
    switch(tx, &after, at).await
}

async fn switch(tx: &mut Tx, instance: &Instance, now: Timestamp) -> Result<(), Error> {
    let Some(mut metered) = usage::of_instance(tx, instance.id).await? else { return Ok(()) };
    // Whoever has claimed the instance may have read it before its price was changed.
    let rate = instances::rate(tx, instance.id).await?.unwrap_or(instance.rate);
    let next = instance.tariff.map(|tariff| (tariff, rate.under(tariff)));
    Ok(usage::switch(tx, &mut metered, next, now).await?)
}

/// Gives a new instance its meter, and holds a billing period's cost for it: [`Error::InsufficientCredits`] when there
/// is not enough.
pub(crate) async fn begin(
    tx: &mut Tx,
    instance: &Instance,
    held: Micros,
    now: Timestamp,
) -> Result<(), Error> {
    usage::begin(tx, instance.id, instance.project_id, held, now).await?;
    if held.is_positive() {
        hold(tx, instance.id, instance.project_id, held, format!("hold:{}", instance.id), now).await?;
    }
    Ok(())
}

/// Moves credits from the wallet to what is held.
pub(crate) async fn hold(
    tx: &mut Tx,
    instance: InstanceId,
    project: ProjectId,
    amount: Micros,
    key: String,
    now: Timestamp,
) -> Result<(), Error> {
    let posting = crate::ledger::posting(project, Cause::Hold, instance.to_string(), key, now)
        .with(Account::Of(project, Purse::Wallet), amount.negated()?)
        .with(Account::Of(project, Purse::Held), amount);
    ledger::post(tx, &posting).await?;
    Ok(())
}

/// Gives an instance another price from now on: one segment ends and the next begins, and what is held is made to fit.
/// The instance is locked by the caller.
pub(crate) async fn rerate(
    tx: &mut Tx,
    instance: &mut Instance,
    rate: Rate,
    held: Micros,
    now: Timestamp,
) -> Result<(), Error> {
    let Some(mut metered) = usage::of_instance(tx, instance.id).await? else { return Ok(()) };
    let (project, before) = (instance.project_id, metered.held);
    if rate == instance.rate && held == before {
        return Ok(());
    }
    metered.held = held;
    if rate == instance.rate {
        usage::charged(tx, &[metered]).await?;
    } else {
        instance.rate = rate;
        instances::set_rate(tx, instance.id, rate).await?;
        let next = instance.tariff.map(|tariff| (tariff, rate.under(tariff)));
        usage::switch(tx, &mut metered, next, now).await?;
    }
    if held > before {
        let key = format!("hold:{}:{}", instance.id, SegmentId::new());
        hold(tx, instance.id, project, held.minus(before)?, key, now).await?;
    } else if held < before {
        let key = format!("release:{}:{}", instance.id, SegmentId::new());
        crate::billing::release(tx, instance.id, project, before.minus(held)?, key, now).await?;
    }
    Ok(())
}

/// Holds as much as a larger size will cost: [`Error::InsufficientCredits`] when there is not enough.
pub(crate) async fn raise_hold(
    tx: &mut Tx,
    instance: &Instance,
    held: Micros,
    now: Timestamp,
) -> Result<(), Error> {
    let Some(mut metered) = usage::of_instance(tx, instance.id).await? else { return Ok(()) };
    let more = held.minus(metered.held)?;
    if more.is_positive() {
        let key = format!("hold:{}:{}", instance.id, SegmentId::new());
        hold(tx, instance.id, instance.project_id, more, key, now).await?;
        metered.held = held;
        usage::charged(tx, &[metered]).await?;
    }
    Ok(())
}

/// The instance has another size, or has given up getting one: this is what it costs from now on, or as before when
/// none, and no more than a period of that is held for it any longer. Never fails for want of credits: what was held
/// before is all there is.
pub(crate) async fn resized(
    tx: &mut Tx,
    instance: &mut Instance,
    rate: Option<Rate>,
    cycle: Duration,
    now: Timestamp,
) -> Result<(), Error> {
    let Some(metered) = usage::of_instance(tx, instance.id).await? else { return Ok(()) };
    instance.rate = instances::rate(tx, instance.id).await?.unwrap_or(instance.rate);
    let rate = rate.unwrap_or(instance.rate);
    let held = metered.held.min(rate.hold(cycle)?);
    rerate(tx, instance, rate, held, now).await
}

impl Engine {
    /// What a project, or one of its instances, has used: segments of time at one price, newest first.
    pub async fn usage(
        &self,
        actor: &Actor,
        project: ProjectId,
        instance: Option<InstanceId>,
        after: Option<SegmentId>,
        limit: i64,
    ) -> Result<Vec<Segment>, Error> {
        self.see_project(actor, project).await?;
        Ok(usage::segments(self.db(), project, instance, after, limit).await?)
    }

    /// Whether the actor may see the project, and it is there.
    pub(crate) async fn see_project(&self, actor: &Actor, project: ProjectId) -> Result<(), Error> {
        allow(may(actor, Action::SeeProject(project)), "project")?;
        let found = innkeeper_store::projects::by_id(self.db(), project).await?;
        found.map(drop).ok_or(Error::NotFound("project"))
    }
}
