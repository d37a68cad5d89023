//! How money stands: what a project spends, and what the house took, both added up from the ledger when asked.

use std::time::Duration;

use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::ids::{InstanceId, ProjectId};
use innkeeper_domain::ledger::{HouseAccount, Posting, Purse};
use innkeeper_domain::money::Micros;
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::usage::Segment;
use innkeeper_store::finance::{self, Gained, Spent};
use innkeeper_store::payments::Tally;
use innkeeper_store::{ledger, payments, usage};

use crate::error::allow;
use crate::{Engine, Error};

/// The longest stretch of time that is added up at once.
const LONGEST: Duration = Duration::from_hours(24 * 400);

/// The most lines of an export.
const MOST_LINES: usize = 100_000;

/// Rows that are read at once for an export.
const BATCH: i64 = 500;

/// What a project's instances were charged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spending {
    /// In all.
    pub total: Micros,
    /// By instance, the dearest first.
    pub by_instance: Vec<(InstanceId, Micros)>,
    /// By day, oldest first; days without anything are left out.
    pub by_day: Vec<(Timestamp, Micros)>,
}

/// How the house stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finance {
    /// What instances were charged between the two points in time.
    pub revenue: Micros,
    /// Credits that projects could still spend, now.
    pub outstanding: Micros,
    /// Credits that are set aside for instances, now.
    pub held: Micros,
    /// What projects owe, now; not below zero.
    pub owed: Micros,
    /// What each of the house's accounts holds, now.
    pub accounts: Vec<(HouseAccount, Micros)>,
    /// What they gained by day, oldest first.
    pub by_day: Vec<Gained>,
    /// All payments, by currency and state.
    pub payments: Vec<Tally>,
}

impl Engine {
    /// What a project's instances were charged between two points in time; of one instance, or of all.
    pub async fn spending(
        &self,
        actor: &Actor,
        project: ProjectId,
        instance: Option<InstanceId>,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Spending, Error> {
        self.see_project(actor, project).await?;
        check(from, until)?;
        let spent = finance::spent(self.db(), project, from, until).await?;
        let wanted = |spent: &&Spent| instance.is_none_or(|instance| spent.instance_id == instance);
        let mut found = Spending { total: Micros::ZERO, by_instance: Vec::new(), by_day: Vec::new() };
        for line in spent.iter().filter(wanted) {
            found.total = found.total.plus(line.credits)?;
            add(&mut found.by_instance, line.instance_id, line.credits)?;
            add(&mut found.by_day, line.day, line.credits)?;
        }
        found.by_instance.sort_by_key(|(id, credits)| (std::cmp::Reverse(*credits), *id));
        Ok(found)
    }

    /// How the house stands: for administrators.
    pub async fn finance(&self, actor: &Actor, from: Timestamp, until: Timestamp) -> Result<Finance, Error> {
        allow(may(actor, Action::RunPeople), "finance")?;
        check(from, until)?;
        let standing = finance::standing(self.db()).await?;
        let by_day = finance::gained(self.db(), from, until).await?;
        let purse = |wanted| {
            let found = standing.purses.iter().find(|(purse, _)| *purse == wanted);
            found.map_or(Micros::ZERO, |(_, credits)| *credits)
        };
        let revenue = by_day.iter().filter(|day| day.account == HouseAccount::Revenue);
        Ok(Finance {
            revenue: Micros::sum(revenue.map(|day| day.credits))?,
            outstanding: purse(Purse::Wallet),
            held: purse(Purse::Held),
            owed: purse(Purse::Debt).negated()?,
            accounts: standing.house,
            by_day,
            payments: payments::tally(self.db()).await?,
        })
    }

    /// All postings of a project between two points in time, newest first, for an export.
    pub async fn export_ledger(
        &self,
        actor: &Actor,
        project: ProjectId,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Posting>, Error> {
        self.see_project(actor, project).await?;
        check(from, until)?;
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let batch = ledger::list(self.db(), project, None, after, BATCH).await?;
            let Some(last) = batch.last() else { return Ok(found) };
            after = Some(last.id);
            found.extend(batch.into_iter().filter(|posting| posting.at >= from && posting.at < until));
            too_long(found.len())?;
        }
    }

    /// All stretches of use of a project that touch the time between two points, newest first, for an export.
    pub async fn export_usage(
        &self,
        actor: &Actor,
        project: ProjectId,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Segment>, Error> {
        self.see_project(actor, project).await?;
        check(from, until)?;
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let batch = usage::segments(self.db(), project, None, after, BATCH).await?;
            let Some(last) = batch.last() else { return Ok(found) };
            after = Some(last.id);
            let touches = |s: &Segment| s.from < until && s.to.is_none_or(|to| to > from);
            found.extend(batch.into_iter().filter(touches));
            too_long(found.len())?;
        }
    }
}

fn add<K: PartialEq>(sums: &mut Vec<(K, Micros)>, key: K, credits: Micros) -> Result<(), Error> {
    match sums.iter_mut().find(|(other, _)| *other == key) {
        Some((_, sum)) => *sum = sum.plus(credits)?,
        None => sums.push((key, credits)),
    }
    Ok(())
}

fn check(from: Timestamp, until: Timestamp) -> Result<(), Error> {
    if from >= until {
        return Err(Error::invalid("until", "choose an end after the beginning"));
    }
    if until.since(from) > LONGEST {
        return Err(Error::invalid("from", "choose 400 days at most"));
    }
    Ok(())
}

fn too_long(lines: usize) -> Result<(), Error> {
    if lines > MOST_LINES {
        return Err(Error::invalid(
            "from",
            format!("this is more than {MOST_LINES} lines; choose less time"),
        ));
    }
    Ok(())
}
