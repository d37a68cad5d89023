//! Invoices: one per project and month, issued when the month is over, by a loop or when somebody asks.

use std::collections::BTreeSet;
use std::time::Duration;

use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::ids::{InvoiceId, ProjectId};
use innkeeper_domain::invoices::{Invoice, Month, Party};
use innkeeper_store::{invoices, projects, users};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::error::allow;
use crate::{Engine, Error, Idempotency};

/// How often we look whose invoice is missing.
const LOOK_EVERY: Duration = Duration::from_hours(1);

/// How long after a month its invoices are issued by themselves: charges are posted a billing period late.
const SETTLED: Duration = Duration::from_hours(6);

/// Projects in one go.
const BATCH: i64 = 100;

/// Issues what is missing, until `stop`; where nobody issues invoices, nothing.
pub(crate) async fn run(engine: Engine, stop: CancellationToken) {
    if engine.options().seller.is_none() {
        stop.cancelled().await;
        return;
    }
    loop {
        if let Err(error) = engine.issue_missing().await {
            error!(%error, "issuing invoices failed; will try again");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

impl Engine {
    /// Issues last month's invoices that are missing; answers how many.
    pub async fn issue_missing(&self) -> Result<usize, Error> {
        let month = Month::of(self.clock().now().before(SETTLED)).before();
        let (mut issued, mut failed) = (0, BTreeSet::new());
        loop {
            let lacking = invoices::lacking(self.db(), month, BATCH).await?;
            for project in lacking.iter().filter(|project| !failed.contains(*project)).collect::<Vec<_>>() {
                match self.issue(&Actor::house(), *project, month, None).await {
                    Ok(_) => issued += 1,
                    // One that cannot be billed must not keep the others from it.
                    Err(error) => {
                        error!(%project, %error, "issuing an invoice failed; will try again");
                        failed.insert(*project);
                    }
                }
            }
            if lacking.iter().all(|project| failed.contains(project)) {
                return Ok(issued);
            }
        }
    }

    /// Issues the invoice of a month that is over; the one that was issued before, if there is one.
    pub async fn issue_invoice(
        &self,
        actor: &Actor,
        project: ProjectId,
        month: Month,
        key: Option<&Idempotency>,
    ) -> Result<Invoice, Error> {
        self.see_project(actor, project).await?;
        allow(may(actor, Action::PayProject(project)), "project")?;
        if self.clock().now() < month.ends() {
            return Err(Error::invalid("month", "choose a month that is over"));
        }
        self.issue(actor, project, month, key).await
    }

    async fn issue(
        &self,
        actor: &Actor,
        project: ProjectId,
        month: Month,
        key: Option<&Idempotency>,
    ) -> Result<Invoice, Error> {
        let seller = self.options().seller.clone().ok_or(Error::Unavailable {
            code: "invoices_off",
            message: "this house issues no invoices; its administrator can name the seller in the configuration",
        })?;
        let buyer = self.buyer(project).await?;
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        if let Some(before) = self.replay::<Invoice>(&mut tx, actor, key).await? {
            return Ok(before);
        }
        // Takes the lock, so that what follows is seen by nobody else before it is decided.
        let found = invoices::uninvoiced(&mut tx, project, month.ends()).await?;
        if let Some(before) = invoices::of_month(&mut tx, project, month).await? {
            return Ok(before);
        }
        if found.postings.is_empty() {
            return Err(Error::conflict("nothing_to_invoice", "nothing was paid or used in that month"));
        }
        let year = Month::of(now).year();
        let number = invoices::next_number(&mut tx, year).await?;
        let invoice = Invoice {
            id: InvoiceId::new(),
            number: format!("{year}-{number:05}"),
            project_id: project,
            month,
            issued_at: now,
            seller,
            buyer,
            usage: found.usage,
            money: found.money,
            others: found.others,
        };
        invoices::insert(&mut tx, &invoice, &found.postings).await?;
        let deed = Deed::done("invoice.issue", invoice.id).of(project);
        self.record(&mut tx, actor, deed.after(json!({ "number": invoice.number, "month": month })));
        self.remember(&mut tx, actor, key, &invoice).await?;
        tx.commit().await?;
        info!(number = invoice.number, %project, "issued an invoice");
        Ok(invoice)
    }

    /// Who an invoice is for: the project, and whose it is where it is somebody's own.
    async fn buyer(&self, project: ProjectId) -> Result<Party, Error> {
        // What was used and paid is billed, though the project may be gone by now.
        let project = projects::by_id_ever(self.db(), project).await?.ok_or(Error::NotFound("project"))?;
        let mut lines = vec![project.name.as_str().to_owned()];
        if let Some(user) = project.personal_of
            && let Some(user) = users::by_id(self.db(), user).await?
        {
            lines.push(user.email.as_str().to_owned());
        }
        lines.push(project.id.to_string());
        Ok(Party { lines })
    }

    /// Invoices, newest first: of a project, or for administrators of all.
    pub async fn invoices(
        &self,
        actor: &Actor,
        project: Option<ProjectId>,
        after: Option<InvoiceId>,
        limit: i64,
    ) -> Result<Vec<Invoice>, Error> {
        match project {
            Some(project) => self.see_project(actor, project).await?,
            None => allow(may(actor, Action::RunPeople), "invoice")?,
        }
        Ok(invoices::list(self.db(), project, after, limit).await?)
    }

    /// One invoice.
    pub async fn invoice(&self, actor: &Actor, id: InvoiceId) -> Result<Invoice, Error> {
        let invoice = invoices::by_id(self.db(), id).await?.ok_or(Error::NotFound("invoice"))?;
        allow(may(actor, Action::SeeProject(invoice.project_id)), "invoice")?;
        Ok(invoice)
    }
}
