//! Billing: charges what was used, every billing period; looks whose credits run out; and does what follows.
//!
//! Charging takes meters in batches, each in one transaction: what the meters say is charged, posted, and written into
//! them. A crash between any two of these leaves none of it; several processes share the meters, since each leaves out
//! those that another has locked. Who was away for hours charges every period that it missed, as it would have then.

mod runways;
mod telling;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::Duration;

use innkeeper_domain::ids::{InstanceId, ProjectId};
use innkeeper_domain::ledger::{Account, Cause, HouseAccount, Posting, Purse, pay, receive};
use innkeeper_domain::money::Micros;
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::usage::{charge, period_begin, period_end};
use innkeeper_store::usage::Metered;
use innkeeper_store::{Tx, ledger, usage};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::ledger::posting;
use crate::{Engine, Error};

/// Meters charged in one transaction.
const BATCH: i64 = 1000;

/// Slices of one instance charged in one transaction; what is older comes first.
const SLICES: usize = 48;

/// What a round of billing did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Billed {
    /// Meters that were read.
    pub meters: u64,
    /// Charges that were posted.
    pub charges: u64,
}

/// Bills until `stop`: at the end of every period, and in between looks whose credits run out.
pub(crate) async fn run(engine: Engine, stop: CancellationToken) {
    loop {
        match engine.bill().await {
            Ok(billed) if billed.charges > 0 => info!(charges = billed.charges, "charged what was used"),
            Ok(_) => {}
            Err(error) => error!(%error, "billing failed; will try again"),
        }
        let options = engine.options().billing;
        let now = engine.clock().now();
        let pause = period_end(now, options.cycle).since(now).min(options.look_every);
        // Several processes need not begin in the same instant.
        let pause = pause + Duration::from_millis(rand::random_range(0..1000));
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

impl Engine {
    /// One round: charges every period that has ended, then looks whose credits run out. Any number of processes may
    /// do this at any time; nothing is charged twice.
    pub async fn bill(&self) -> Result<Billed, Error> {
        let billed = self.charge_due().await?;
        self.watch_runways().await?;
        self.end_graces().await?;
        self.tell_notices().await?;
        Ok(billed)
    }

    /// Charges every period that has ended.
    pub async fn charge_due(&self) -> Result<Billed, Error> {
        let until = period_begin(self.clock().now(), self.options().billing.cycle);
        let mut all = Billed::default();
        loop {
            let round = self.charge_once(until).await?;
            all.meters += round.meters;
            all.charges += round.charges;
            if round.meters == 0 {
                break;
            }
        }
        Ok(all)
    }

    /// Goes over all meters once.
    async fn charge_once(&self, until: Timestamp) -> Result<Billed, Error> {
        let mut all = Billed::default();
        let (mut after, mut singly) = (None, 0);
        loop {
            let limit = if singly > 0 { 1 } else { BATCH };
            let mut last = None;
            match self.charge_batch(until, after, limit, &mut last).await {
                Ok(batch) => {
                    all.meters += batch.meters;
                    all.charges += batch.charges;
                }
                // One that cannot be charged must not stop the others: after a failure they are taken one by one.
                Err(error) if limit > 1 => {
                    warn!(%error, "charging a batch failed; taking its instances one by one");
                    singly = BATCH;
                    continue;
                }
                Err(error) => error!(instance = ?last, %error, "an instance cannot be charged"),
            }
            singly = (singly - 1).max(0);
            let Some(last) = last else { return Ok(all) };
            after = Some(last);
        }
    }

    async fn charge_batch(
        &self,
        until: Timestamp,
        after: Option<InstanceId>,
        limit: i64,
        last: &mut Option<InstanceId>,
    ) -> Result<Billed, Error> {
        let mut tx = self.db().begin().await?;
        let mut metered = usage::due(&mut tx, until, after, limit).await?;
        *last = metered.last().map(|metered| metered.instance_id);
        if metered.is_empty() {
            return Ok(Billed::default());
        }
        let charges = self.charge(&mut tx, &mut metered, until, SLICES).await?;
        tx.commit().await?;
        Ok(Billed { meters: metered.len() as u64, charges })
    }

    /// Charges what these meters say, which the transaction has locked, and says how many charges that were.
    async fn charge(
        &self,
        tx: &mut Tx,
        metered: &mut [Metered],
        until: Timestamp,
        slices: usize,
    ) -> Result<u64, Error> {
        let cycle = self.options().billing.cycle;
        let mut due = Vec::with_capacity(metered.len());
        for (n, metered) in metered.iter_mut().enumerate() {
            for charge in charge(&mut metered.parts, &mut metered.meter, until, cycle, slices)? {
                due.push((n, charge));
            }
        }
        let projects: BTreeSet<ProjectId> = due.iter().map(|(n, _)| metered[*n].project_id).collect();
        let projects: Vec<ProjectId> = projects.into_iter().collect();
        let mut purses = ledger::purses_tx(tx, &projects).await?;
        let mut postings = Vec::with_capacity(due.len());
        for (n, charge) in due {
            let metered = &mut metered[n];
            let project = metered.project_id;
            let purse = purses.entry(project).or_default();
            let from = pay(charge.amount, purse.wallet, metered.held);
            purse.wallet = purse.wallet.minus(from.wallet)?;
            metered.held = metered.held.minus(from.held)?;
            let id = metered.instance_id.to_string();
            let key = format!("charge:{id}:{}:{}", charge.segment, charge.from.0);
            let made: Posting = posting(project, Cause::Charge, id, key, charge.to)
                .with(Account::Of(project, Purse::Wallet), from.wallet.negated()?)
                .with(Account::Of(project, Purse::Held), from.held.negated()?)
                .with(Account::Of(project, Purse::Debt), from.owed.negated()?)
                .with(Account::House(HouseAccount::Revenue), charge.amount);
            postings.push(made);
        }
        ledger::post_all(tx, &postings).await?;
        usage::charged(tx, metered).await?;
        Ok(postings.len() as u64)
    }

    /// Settles an instance that is gone, in the transaction that says so: charges to the end, gives back what is held.
    pub(crate) async fn settle(
        &self,
        tx: &mut Tx,
        instance: InstanceId,
        now: Timestamp,
    ) -> Result<(), Error> {
        let Some(mut metered) = usage::of_instance(tx, instance).await? else { return Ok(()) };
        usage::switch(tx, &mut metered, None, now).await?;
        let end = metered.until;
        let mut metered = [metered];
        self.charge(tx, &mut metered, end, usize::MAX).await?;
        let [metered] = metered;
        if metered.held.is_positive() {
            let key = format!("release:{instance}");
            release(tx, instance, metered.project_id, metered.held, key, now).await?;
        }
        Ok(usage::end(tx, instance).await?)
    }
}

/// Gives back what is held: what the project owes is paid first.
pub(crate) async fn release(
    tx: &mut Tx,
    instance: InstanceId,
    project: ProjectId,
    amount: Micros,
    key: String,
    now: Timestamp,
) -> Result<(), Error> {
    let purses = ledger::purses_tx(tx, &[project]).await?.remove(&project).unwrap_or_default();
    let (paid, kept) = receive(amount, purses.debt);
    let made = posting(project, Cause::Release, instance.to_string(), key, now)
        .with(Account::Of(project, Purse::Held), amount.negated()?)
        .with(Account::Of(project, Purse::Debt), paid)
        .with(Account::Of(project, Purse::Wallet), kept);
    ledger::post(tx, &made).await?;
    Ok(())
}
