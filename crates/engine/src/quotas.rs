//! Quotas: how much a project may have at once, checked in the transaction that makes more of it.

use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::ids::ProjectId;
use innkeeper_domain::quotas::{Amounts, Overrides, check};
use innkeeper_store::{Tx, projects, quotas};

use crate::audit::shown;
use crate::error::allow;
use crate::{Engine, Error};

/// What projects may have unless it is set for one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// In each project.
    pub per_project: Amounts,
    /// Projects that somebody makes beside their own.
    pub projects_per_user: u32,
}

impl Default for Quotas {
    fn default() -> Self {
        let per_project = Amounts { instances: 20, cores: 40, memory_mib: 80 * 1024, disk_gib: 1000 };
        Self { per_project, projects_per_user: 5 }
    }
}

/// The quota of a project, with what is used of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// How much it may have.
    pub allowed: Amounts,
    /// How much it has.
    pub used: Amounts,
    /// What is set for it in place of the defaults.
    pub set: Overrides,
}

impl Engine {
    /// The quota of a project.
    pub async fn quota(&self, actor: &Actor, id: ProjectId) -> Result<Quota, Error> {
        allow(may(actor, Action::SeeProject(id)), "project")?;
        projects::by_id(self.db(), id).await?.ok_or(Error::NotFound("project"))?;
        let set = quotas::of(self.db(), id).await?;
        let allowed = self.options().quotas.per_project.with(set);
        Ok(Quota { allowed, used: quotas::used(self.db(), id).await?, set })
    }

    /// Sets what a project may have in place of the defaults. What it has already stays.
    pub async fn set_quota(&self, actor: &Actor, id: ProjectId, set: Overrides) -> Result<Quota, Error> {
        // Told to nobody who may not see the project.
        allow(may(actor, Action::SeeProject(id)), "project")?;
        allow(may(actor, Action::RunPeople), "project")?;
        let mut tx = self.db().begin().await?;
        projects::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("project"))?;
        let before = quotas::of_tx(&mut tx, id).await?;
        quotas::set(&mut tx, id, set).await?;
        let deed = Deed::done("project.set_quota", id).of(id).before(shown(&before)).after(shown(&set));
        self.record(&mut tx, actor, deed);
        tx.commit().await?;
        self.quota(actor, id).await
    }

    /// Refuses what does not fit into the project any more, and holds the project's row, so that of several at once
    /// each sees what those before it took.
    pub(crate) async fn fit(&self, tx: &mut Tx, project: ProjectId, more: Amounts) -> Result<(), Error> {
        projects::by_id_tx(tx, project).await?.ok_or(Error::NotFound("project"))?;
        let allowed = self.options().quotas.per_project.with(quotas::of_tx(tx, project).await?);
        Ok(check(allowed, quotas::used_tx(tx, project).await?, more)?)
    }
}
