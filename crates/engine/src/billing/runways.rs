//! Credits that run out: warnings while they do, a billing hold when they are used up, and the end of the hold, be it
//! by new credits or by the deletion of what nobody pays for.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::audit::Deed;
use innkeeper_domain::events::Subject;
use innkeeper_domain::ids::{NoticeId, ProjectId};
use innkeeper_domain::instances::Goal;
use innkeeper_domain::ledger::{Account, Cause, Purse};
use innkeeper_domain::money::Micros;
use innkeeper_domain::notices::{Kind, Notice, grace, is_news, warning};
use innkeeper_domain::operations::Verb;
use innkeeper_domain::projects::Restriction;
use innkeeper_domain::time::Timestamp;
use innkeeper_store::notices::Runway;
use innkeeper_store::usage::{Metered, Spending};
use innkeeper_store::{Tx, events, instances, ledger, notices, restrictions, usage};
use tracing::{error, info, warn};

use crate::ledger::{lasts, posting};
use crate::{Engine, Error};

/// Projects looked at in one go.
const PROJECTS: i64 = 500;

/// Instances whose deletion is asked for in one go.
const DELETIONS: i64 = 100;

impl Engine {
    /// Makes whole again what is held for a project's instances, if the wallet has enough for all of them; and ends
    /// its billing hold, if then there is something left. The meters are locked; `cause` is what brought the credits.
    pub(crate) async fn refill(
        &self,
        tx: &mut Tx,
        project: ProjectId,
        metered: &mut [Metered],
        cause: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        let rates = usage::rates(tx, project).await?;
        let cycle = self.options().billing.cycle;
        let mut missing = Vec::new();
        for (n, metered) in metered.iter().enumerate() {
            let Some(rate) = rates.get(&metered.instance_id) else { continue };
            let short = rate.hold(cycle)?.minus(metered.held)?;
            if short.is_positive() {
                missing.push((n, short));
            }
        }
        let needed = Micros::sum(missing.iter().map(|(_, short)| *short))?;
        let purses = ledger::purses_tx(tx, &[project]).await?.remove(&project).unwrap_or_default();
        if purses.debt < Micros::ZERO || purses.wallet < needed {
            return Ok(());
        }
        let mut postings = Vec::with_capacity(missing.len());
        for &(n, short) in &missing {
            metered[n].held = metered[n].held.plus(short)?;
            let id = metered[n].instance_id.to_string();
            let key = format!("hold:{id}:{cause}");
            let made = posting(project, Cause::Hold, id, key, now)
                .with(Account::Of(project, Purse::Wallet), short.negated()?)
                .with(Account::Of(project, Purse::Held), short);
            postings.push(made);
        }
        ledger::post_all(tx, &postings).await?;
        let changed: Vec<Metered> = missing.iter().map(|(n, _)| metered[*n].clone()).collect();
        usage::charged(tx, &changed).await?;
        if purses.wallet > needed {
            self.lift_hold(tx, project, now).await?;
        }
        Ok(())
    }

    async fn lift_hold(&self, tx: &mut Tx, project: ProjectId, now: Timestamp) -> Result<(), Error> {
        let runway = notices::runway_tx(tx, project).await?;
        if runway.held_since.is_none() {
            return Ok(());
        }
        restrictions::lift(tx, project, Restriction::BillingHold).await?;
        notices::set_runway(tx, project, &Runway::default()).await?;
        notice(tx, project, Kind::HoldLifted, None, now).await?;
        self.record(tx, &Actor::house(), Deed::done("project.lift_billing_hold", project).of(project));
        Ok(())
    }

    /// Warns those whose credits run out, and stops those whose credits are used up.
    pub(super) async fn watch_runways(&self) -> Result<(), Error> {
        let now = self.clock().now();
        let known: HashMap<ProjectId, Runway> = notices::runways(self.db()).await?.into_iter().collect();
        let (mut after, mut spending_now) = (None, BTreeSet::new());
        loop {
            let batch = usage::spending(self.db(), None, now, after, PROJECTS).await?;
            let Some(last) = batch.last() else { break };
            after = Some(last.project_id);
            for spending in &batch {
                spending_now.insert(spending.project_id);
                let runway = known.get(&spending.project_id).copied().unwrap_or_default();
                if let Err(error) = self.watch_runway(spending, &runway, now).await {
                    error!(project = %spending.project_id, %error, "looking after a project's credits failed");
                }
            }
        }
        // Those that spend nothing any more are warned anew when they do.
        for (project, runway) in known {
            if runway.warned.is_some() && !spending_now.contains(&project) {
                self.note_warning(project, None, now).await?;
            }
        }
        Ok(())
    }

    async fn watch_runway(&self, spending: &Spending, before: &Runway, now: Timestamp) -> Result<(), Error> {
        if used_up(spending) {
            if before.held_since.is_none() {
                self.impose_hold(spending, now).await?;
            }
            return Ok(());
        }
        let kind = warning(lasts(spending));
        if kind != before.warned && before.held_since.is_none() {
            self.note_warning(spending.project_id, kind, now).await?;
        }
        Ok(())
    }

    async fn note_warning(
        &self,
        project: ProjectId,
        kind: Option<Kind>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut tx = self.db().begin().await?;
        let mut runway = notices::runway_tx(&mut tx, project).await?;
        if let Some(kind) = kind.filter(|_| is_news(kind, runway.warned)) {
            notice(&mut tx, project, kind, None, now).await?;
        }
        runway.warned = kind;
        notices::set_runway(&mut tx, project, &runway).await?;
        Ok(tx.commit().await?)
    }

    async fn impose_hold(&self, spending: &Spending, now: Timestamp) -> Result<(), Error> {
        let project = spending.project_id;
        let mut tx = self.db().begin().await?;
        // Credits may have come since we looked.
        let purses = ledger::purses_tx(&mut tx, &[project]).await?.remove(&project).unwrap_or_default();
        let spending = Spending { wallet: purses.wallet, held: purses.held, debt: purses.debt, ..*spending };
        let mut runway = notices::runway_tx(&mut tx, project).await?;
        if runway.held_since.is_some() || !used_up(&spending) {
            return Ok(());
        }
        restrictions::impose(&mut tx, project, Restriction::BillingHold, now).await?;
        runway.held_since = Some(now);
        runway.grace_told = Some((Kind::HoldBegan, now));
        notices::set_runway(&mut tx, project, &runway).await?;
        notice(&mut tx, project, Kind::HoldBegan, None, now).await?;
        info!(%project, "the credits are used up; its instances are stopped");
        let deed = Deed::done("project.billing_hold", project).of(project);
        self.record(&mut tx, &Actor::house(), deed);
        Ok(tx.commit().await?)
    }

    /// Tells those on hold how much time is left, and removes the instances of those who have none.
    pub(super) async fn end_graces(&self) -> Result<(), Error> {
        for (project, runway) in notices::runways(self.db()).await? {
            if runway.held_since.is_none() {
                continue;
            }
            if let Err(error) = self.end_grace(project).await {
                error!(%project, %error, "looking after a project on billing hold failed");
            }
        }
        Ok(())
    }

    async fn end_grace(&self, project: ProjectId) -> Result<(), Error> {
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        let mut runway = notices::runway_tx(&mut tx, project).await?;
        let Some(since) = runway.held_since else { return Ok(()) };
        if let Some(kind) = grace(since, self.options().billing.grace, runway.grace_told, now) {
            runway.grace_told = Some((kind, now));
            notices::set_runway(&mut tx, project, &runway).await?;
            notice(&mut tx, project, kind, None, now).await?;
        }
        tx.commit().await?;
        if runway.grace_told.is_some_and(|(kind, _)| kind == Kind::GraceEnded) {
            self.delete_all(project).await?;
        }
        Ok(())
    }

    /// Asks for the deletion of everything that is left. What refuses (a protected one) is reported and left; the next
    /// round asks again.
    async fn delete_all(&self, project: ProjectId) -> Result<(), Error> {
        let filter = instances::Filter { project_ids: Some(vec![project]), ..Default::default() };
        for instance in instances::list(self.db(), &filter, None, DELETIONS).await? {
            if instance.course.wish.goal == Goal::Absent && instance.operation.is_some() {
                continue;
            }
            // Credits may have come in the meantime.
            if notices::runway(self.db(), project).await?.held_since.is_none() {
                return Ok(());
            }
            match self.change_instance(&Actor::house(), instance.id, Verb::Delete, None).await {
                Ok(_) => {
                    info!(instance = %instance.id, "deleting: its project's time without credits is over");
                }
                Err(error) => warn!(instance = %instance.id, %error, "cannot be deleted; left as it is"),
            }
        }
        Ok(())
    }
}

/// Whether nothing is left to pay with.
fn used_up(spending: &Spending) -> bool {
    spending.debt < Micros::ZERO || lasts(spending) == Some(Duration::ZERO)
}

/// Notes what the people of a project must be told, and shows it on live screens.
async fn notice(
    tx: &mut Tx,
    project_id: ProjectId,
    kind: Kind,
    about: Option<String>,
    at: Timestamp,
) -> Result<(), Error> {
    let new = Notice { id: NoticeId::new(), project_id, kind, about, at, told_at: None };
    notices::insert(tx, &new).await?;
    let id = project_id.to_string();
    Ok(events::append(tx, at, Some(project_id), Subject::Project, &id, kind.as_str()).await?)
}
