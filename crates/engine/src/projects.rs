//! Projects: who owns instances. Who belongs to one is in `members`.

use innkeeper_domain::access::{Action, Actor, Answer, may};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::ids::ProjectId;
use innkeeper_domain::names::Title;
use innkeeper_domain::projects::{Membership, Project};
use innkeeper_domain::users::Role;
use innkeeper_store::ledger::{Purses, purses_tx};
use innkeeper_store::{Tx, payments, projects, users};
use serde_json::json;

use crate::audit::shown;
use crate::error::allow;
use crate::{Engine, Error, Idempotency};

impl Engine {
    /// The projects that the actor may see.
    pub async fn projects(&self, actor: &Actor) -> Result<Vec<Project>, Error> {
        let Some(own) = scope(actor)? else { return Ok(projects::list_of(self.db(), None).await?) };
        let mut found = projects::list_of(self.db(), actor.user_id).await?;
        found.retain(|project| own.contains(&project.id));
        // A key for one project of somebody who looks after all of them.
        for id in own {
            if found.iter().all(|project| project.id != id) {
                found.extend(projects::by_id(self.db(), id).await?);
            }
        }
        Ok(found)
    }

    /// One project.
    pub async fn project(&self, actor: &Actor, id: ProjectId) -> Result<Project, Error> {
        allow(may(actor, Action::SeeProject(id)), "project")?;
        projects::by_id(self.db(), id).await?.ok_or(Error::NotFound("project"))
    }

    /// Makes a project that others can be invited into; the actor is its owner.
    pub async fn create_project(
        &self,
        actor: &Actor,
        name: Title,
        key: Option<&Idempotency>,
    ) -> Result<Project, Error> {
        allow(may(actor, Action::CreateProject), "project")?;
        let Some(user) = actor.user_id else {
            return Err(Error::conflict("nobody", "a project needs somebody who owns it; sign in as a user"));
        };
        let project =
            Project { id: ProjectId::new(), name, personal_of: None, created_at: self.clock().now() };
        let mut tx = self.db().begin().await?;
        if let Some(before) = self.replay(&mut tx, actor, key).await? {
            return Ok(before);
        }
        // The lock on people makes several at once take turns.
        users::by_id_tx(&mut tx, user).await?.ok_or(Error::NotFound("user"))?;
        let most = i64::from(self.options().quotas.projects_per_user);
        if actor.role == Role::User && projects::shared_of(&mut tx, user).await? >= most {
            let message = format!(
                "you own {most} projects beside your own already; delete one, or ask an administrator"
            );
            return Err(Error::conflict("too_many_projects", message));
        }
        projects::insert(&mut tx, &project).await?;
        projects::add_member(&mut tx, project.id, user, Membership::Owner).await?;
        let deed = Deed::done("project.create", project.id).of(project.id).after(shown(&project));
        self.record(&mut tx, actor, deed);
        self.remember(&mut tx, actor, key, &project).await?;
        tx.commit().await?;
        Ok(project)
    }

    /// Renames a project.
    pub async fn rename_project(&self, actor: &Actor, id: ProjectId, name: Title) -> Result<Project, Error> {
        allow(may(actor, Action::ManageProject(id)), "project")?;
        let mut tx = self.db().begin().await?;
        let project = projects::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("project"))?;
        projects::rename(&mut tx, id, &name).await?;
        let deed = Deed::done("project.rename", id).of(id);
        self.record(
            &mut tx,
            actor,
            deed.before(json!({ "name": project.name })).after(json!({ "name": name })),
        );
        tx.commit().await?;
        Ok(Project { name, ..project })
    }

    /// Deletes a project that has nothing any more.
    pub async fn delete_project(&self, actor: &Actor, id: ProjectId) -> Result<(), Error> {
        allow(may(actor, Action::ManageProject(id)), "project")?;
        let mut tx = self.db().begin().await?;
        users::lock_people(&mut tx).await?;
        let project = projects::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("project"))?;
        self.check_empty(&mut tx, &project).await?;
        projects::delete(&mut tx, id, self.clock().now()).await?;
        self.record(&mut tx, actor, Deed::done("project.delete", id).of(id).before(shown(&project)));
        Ok(tx.commit().await?)
    }

    /// Refuses to delete what somebody would miss: whatever else a project can have is asked about here.
    async fn check_empty(&self, tx: &mut Tx, project: &Project) -> Result<(), Error> {
        if project.personal_of.is_some() {
            let message = "this is somebody's own project; it stays as long as they do";
            return Err(Error::conflict("personal_project", message));
        }
        if projects::instances_of(tx, project.id).await? > 0 {
            let message = "the project still has instances; delete them first";
            return Err(Error::conflict("project_not_empty", message));
        }
        if projects::protected_backups_of(tx, project.id).await? > 0 {
            let message = "the project still has backups that are protected, and would be nobody's; delete them, or \
                           protect them no longer";
            return Err(Error::conflict("project_not_empty", message));
        }
        if projects::networks_of(tx, project.id).await? > 0 {
            let message = "a network is for this project alone; ask an administrator to remove it first";
            return Err(Error::conflict("project_not_empty", message));
        }
        if payments::unsettled_of(tx, project.id).await? > 0 {
            let message = "a payment of the project is still on its way; wait until it has come or expired";
            return Err(Error::conflict("project_not_empty", message));
        }
        if purses_tx(tx, &[project.id]).await?.values().any(|purses| *purses != Purses::default()) {
            let message =
                "the project still has credits, or owes some; ask an administrator to settle that first";
            return Err(Error::conflict("project_not_empty", message));
        }
        Ok(())
    }
}

/// The projects to which a list is limited; none when the actor may see them all.
pub(crate) fn scope(actor: &Actor) -> Result<Option<Vec<ProjectId>>, Error> {
    allow(may(actor, Action::Look), "project")?;
    Ok(match may(actor, Action::SeeHouse) {
        Answer::Yes => None,
        _ => Some(actor.memberships.iter().map(|(id, _)| *id).collect()),
    })
}
