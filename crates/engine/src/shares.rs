//! Shares: an instance that people of another project may see or use, while it stays its own project's.

use innkeeper_domain::access::{Action, Actor, Answer, Refusal, may};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::ids::{InstanceId, ProjectId};
use innkeeper_domain::instances::Instance;
use innkeeper_domain::operations::Verb;
use innkeeper_domain::shares::{Right, Share, usable};
use innkeeper_store::{Tx, instances, projects, shares};
use serde_json::json;

use crate::error::allow;
use crate::{Engine, Error};

/// The most projects that an instance is shared with.
const MOST_SHARES: usize = 20;

/// What somebody wants of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// To look at it.
    See,
    /// To start and stop it, and to work in it.
    Use,
}

impl Engine {
    /// Whether the actor may do this with the instance, as one of its project or by a share.
    pub(crate) async fn allow_on(&self, actor: &Actor, instance: &Instance, need: Need) -> Result<(), Error> {
        let Some(refused) = refused_by_project(actor, instance, need) else { return Ok(()) };
        let shares = shares::of_instance(self.db(), instance.id).await?;
        if shares.iter().any(|share| opened_by(actor, share, need)) { Ok(()) } else { Err(refused) }
    }

    /// The same for a verb, within the transaction that carries it out. A share is for using an instance as it is: what
    /// costs more, destroys or moves something is for its own project.
    pub(crate) async fn allow_verb(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        instance: &Instance,
        verb: Verb,
    ) -> Result<(), Error> {
        let Some(refused) = refused_by_project(actor, instance, Need::Use) else { return Ok(()) };
        judge(actor, &shares::of_instance_tx(tx, instance.id).await?, verb, refused)
    }

    /// An instance that the actor may do this to: asked before anything is said of what exactly they want.
    pub(crate) async fn instance_to(
        &self,
        actor: &Actor,
        id: InstanceId,
        verb: Verb,
    ) -> Result<Instance, Error> {
        let instance = instances::by_id(self.db(), id).await?.ok_or(Error::NotFound("instance"))?;
        if let Some(refused) = refused_by_project(actor, &instance, Need::Use) {
            judge(actor, &shares::of_instance(self.db(), id).await?, verb, refused)?;
        }
        Ok(instance)
    }

    /// With whom an instance is shared.
    pub async fn shares(&self, actor: &Actor, id: InstanceId) -> Result<Vec<Share>, Error> {
        let instance = instances::by_id(self.db(), id).await?.ok_or(Error::NotFound("instance"))?;
        allow(may(actor, Action::SeeProject(instance.project_id)), "instance")?;
        Ok(shares::of_instance(self.db(), id).await?)
    }

    /// Shares an instance with another project, or changes what that may do with it.
    pub async fn share_instance(
        &self,
        actor: &Actor,
        id: InstanceId,
        with: ProjectId,
        right: Right,
    ) -> Result<Share, Error> {
        let mut tx = self.db().begin().await?;
        let instance = instances::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("instance"))?;
        allow(may(actor, Action::ManageProject(instance.project_id)), "instance")?;
        if instance.deleted_at.is_some() {
            return Err(Error::conflict("deleted", "the instance is deleted"));
        }
        if with == instance.project_id {
            return Err(Error::invalid("project_id", "this is the instance's own project"));
        }
        if projects::by_id_tx(&mut tx, with).await?.is_none() {
            return Err(Error::invalid(
                "project_id",
                "there is no project with this id; ask its people for it",
            ));
        }
        let before = shares::of_instance_tx(&mut tx, id).await?;
        let known = before.iter().find(|share| share.project_id == with);
        if known.is_none() && before.len() >= MOST_SHARES {
            let message = format!("an instance is shared with at most {MOST_SHARES} projects");
            return Err(Error::conflict("too_many_shares", message));
        }
        let now = self.clock().now();
        let share = Share {
            instance_id: id,
            project_id: with,
            right,
            created_at: known.map_or(now, |share| share.created_at),
        };
        shares::put(&mut tx, &share).await?;
        let deed = Deed::done("instance.share", id).of(instance.project_id);
        let deed = deed.before(json!({ "right": known.map(|share| share.right) }));
        self.record(&mut tx, actor, deed.after(json!({ "project": with, "right": right })));
        tx.commit().await?;
        Ok(share)
    }

    /// Shares an instance no longer. Its own project may end it, and so may the other.
    pub async fn unshare_instance(
        &self,
        actor: &Actor,
        id: InstanceId,
        with: ProjectId,
    ) -> Result<(), Error> {
        let mut tx = self.db().begin().await?;
        let instance = instances::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("instance"))?;
        let own = allow(may(actor, Action::ManageProject(instance.project_id)), "instance");
        let theirs = allow(may(actor, Action::ManageProject(with)), "instance");
        let removed = shares::remove(&mut tx, id, with).await?;
        match (own, theirs) {
            (Ok(()), _) if !removed => return Err(Error::NotFound("share")),
            (Ok(()), _) => {}
            (Err(_), Ok(())) if removed => {}
            // To whom nothing is shared it is not told that there is something.
            (Err(refused), _) => return Err(refused),
        }
        let deed = Deed::done("instance.unshare", id).of(instance.project_id);
        self.record(&mut tx, actor, deed.before(json!({ "project": with })));
        tx.commit().await?;
        Ok(())
    }

    /// The instances that other projects share with those of the actor, and what may be done with each.
    pub async fn shared_with_me(&self, actor: &Actor) -> Result<Vec<(Instance, Right)>, Error> {
        allow(may(actor, Action::Look), "share")?;
        let projects: Vec<ProjectId> = actor.memberships.iter().map(|(project, _)| *project).collect();
        let mut found: Vec<(Instance, Right)> = Vec::new();
        for share in shares::with_projects(self.db(), &projects).await? {
            if let Some((_, right)) = found.iter_mut().find(|(instance, _)| instance.id == share.instance_id)
            {
                *right = share.right.max(*right);
            } else if let Some(instance) = instances::by_id(self.db(), share.instance_id).await? {
                // A key for one project only sees no other's.
                if opened_by(actor, &share, Need::See) {
                    found.push((instance, share.right));
                }
            }
        }
        Ok(found)
    }
}

/// What shares say to a verb that their own projects do not allow.
fn judge(actor: &Actor, shares: &[Share], verb: Verb, refused: Error) -> Result<(), Error> {
    let opened = |need| shares.iter().any(|share| opened_by(actor, share, need));
    match refused {
        _ if usable(verb) && opened(Need::Use) => Ok(()),
        // To them it would not be there without the share.
        Error::NotFound(_) if opened(Need::See) => Err(Error::Forbidden(Refusal::Shared)),
        refused => Err(refused),
    }
}

fn refused_by_project(actor: &Actor, instance: &Instance, need: Need) -> Option<Error> {
    let action = match need {
        Need::See => Action::SeeProject(instance.project_id),
        Need::Use => Action::UseProject(instance.project_id),
    };
    allow(may(actor, action), "instance").err()
}

fn opened_by(actor: &Actor, share: &Share, need: Need) -> bool {
    match need {
        Need::See => may(actor, Action::SeeProject(share.project_id)) == Answer::Yes,
        Need::Use => {
            share.right == Right::Use && may(actor, Action::UseProject(share.project_id)) == Answer::Yes
        }
    }
}
