//! Projects: who owns instances.

use innkeeper_domain::access::{Action, Actor, Answer, may};
use innkeeper_domain::ids::ProjectId;
use innkeeper_domain::projects::Project;
use innkeeper_store::projects;

use crate::{Engine, Error};

impl Engine {
    /// The projects that the actor may see.
    pub async fn projects(&self, actor: &Actor) -> Result<Vec<Project>, Error> {
        let everybodys = may(actor, Action::SeeHouse) == Answer::Yes;
        Ok(projects::list_of(self.db(), if everybodys { None } else { actor.user_id }).await?)
    }
}

/// The projects to which a list is limited; none when the actor may see them all.
pub(crate) fn scope(actor: &Actor) -> Option<Vec<ProjectId>> {
    match may(actor, Action::SeeHouse) {
        Answer::Yes => None,
        _ => Some(actor.memberships.iter().map(|(id, _)| *id).collect()),
    }
}
