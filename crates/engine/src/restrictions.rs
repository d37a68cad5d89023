//! Restrictions: while anything stands against a project, nothing of it runs.
//!
//! Three things ensure that. A verb that would make an instance run is refused when it is asked for; the reconciler
//! looks once more in the transaction that commits the intent to start; and the loop here stops whatever is seen to
//! run all the same, be it because it ran before, or because somebody started it in Proxmox or a host did at boot.
//! What ran when the restriction came runs again when nothing stands against the project any more.

use std::collections::HashMap;

use innkeeper_domain::access::Actor;
use innkeeper_domain::ids::{InstanceId, ProjectId};
use innkeeper_domain::instances::{Act, Action};
use innkeeper_domain::operations::Verb;
use innkeeper_domain::projects::Restriction;
use innkeeper_store::{Topic, Tx, restrictions};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::{Engine, Error};

/// Instances looked at in one go.
const BATCH: i64 = 100;

/// Whether a restriction stands in the way of the verb. Making something new is no action on an instance, and bound.
pub(crate) fn binds(verb: Verb) -> bool {
    verb.action().is_none_or(Action::is_bound)
}

/// The same for a single step.
pub(crate) fn binds_act(act: Act) -> bool {
    match act {
        Act::Create
        | Act::Configure
        | Act::Grow
        | Act::Guard
        | Act::Start
        | Act::Resume
        | Act::Reboot
        | Act::Snapshot
        | Act::Rollback
        | Act::BackUp
        | Act::Restore => true,
        Act::Shutdown | Act::Stop | Act::Pause | Act::DropSnapshot | Act::Migrate | Act::Delete => false,
    }
}

/// What stands against the project, the worst first; none when nothing does.
pub(crate) async fn in_the_way(tx: &mut Tx, project: ProjectId) -> Result<Option<Restriction>, Error> {
    Ok(restrictions::of_tx(tx, project).await?.into_iter().map(|(restriction, _)| restriction).max())
}

impl Engine {
    /// What stands against each of these projects, the worst where it is more than one thing.
    pub async fn restricted(&self, projects: &[ProjectId]) -> Result<HashMap<ProjectId, Restriction>, Error> {
        Ok(restrictions::among(self.db(), projects).await?)
    }

    /// Refuses what would bring something of a restricted project to run, be it elsewhere.
    pub(crate) async fn check_unrestricted(&self, project: ProjectId) -> Result<(), Error> {
        let all = restrictions::of(self.db(), project).await?;
        let worst = all.into_iter().map(|(restriction, _)| restriction).max();
        worst.map_or(Ok(()), |restriction| Err(Error::Restricted(restriction)))
    }
}

/// Keeps what is restricted from running, until `stop`.
pub(crate) async fn run(engine: Engine, stop: CancellationToken) {
    let mut hints = engine.db().wakeups(Topic::Restrictions);
    loop {
        hints.mark_unchanged();
        if let Err(error) = engine.end_bans().await {
            error!(%error, "ending bans that are over failed; will try again");
        }
        if let Err(error) = engine.enforce().await {
            error!(%error, "looking after restricted projects failed; will try again");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            _ = hints.changed() => {}
            () = tokio::time::sleep(engine.options().sweep_every) => {}
        }
    }
}

impl Engine {
    /// Asks for a stop of everything that runs and should not, and for a start of everything that may run again.
    pub(crate) async fn enforce(&self) -> Result<(), Error> {
        for id in restrictions::to_stop(self.db(), BATCH).await? {
            info!(instance = %id, "stopping: its project is restricted");
            self.by_the_house(id, Verb::Shutdown).await?;
        }
        for id in restrictions::to_resume(self.db(), BATCH).await? {
            info!(instance = %id, "starting again: its project is no longer restricted");
            self.by_the_house(id, Verb::Start).await?;
        }
        Ok(())
    }

    async fn by_the_house(&self, id: InstanceId, verb: Verb) -> Result<(), Error> {
        match self.change_instance(&Actor::house(), id, verb, None).await {
            Ok(_) => Ok(()),
            // Somebody was faster, or it is not what it was: the next look decides anew.
            Err(error @ (Error::Busy(_) | Error::Restricted(_) | Error::NotFound(_))) => {
                info!(instance = %id, %error, "left for the next look");
                Ok(())
            }
            Err(Error::Conflict { message, .. }) => {
                warn!(instance = %id, %verb, message, "cannot be done to this instance");
                let mut tx = self.db().begin().await?;
                restrictions::set_resumes(&mut tx, id, false).await?;
                Ok(tx.commit().await?)
            }
            Err(error) => Err(error),
        }
    }
}
