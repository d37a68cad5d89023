//! Where a service stands: its instance, its host, what is known of its guest, and where it is reached. And who may do
//! what with it, which follows from that.

use innkeeper_domain::abilities::Ability;
use innkeeper_domain::access::{Action, Actor, Answer, may};
use innkeeper_domain::hosts::{Host, State};
use innkeeper_domain::ids::ProjectId;
use innkeeper_domain::instances::{Instance, Power, Seen};
use innkeeper_domain::services::{Place, Service};
use innkeeper_store::{hosts, instances};

use crate::commands::is_a_tenants;
use crate::error::allow;
use crate::shares::Need;
use crate::{Engine, Error};

/// Where a service stands.
pub(super) struct Ground {
    pub(super) instance: Option<Instance>,
    /// The host that the guardian looks after, where it is on one.
    pub(super) host: Option<Host>,
    /// Whether its guest runs, or the host where it has none; none where that is not known.
    pub(super) guest: Option<bool>,
    /// Where it is reached.
    pub(super) address: Option<String>,
}

impl Ground {
    /// Whose it is; none for what is the house's.
    pub(super) fn project(&self) -> Option<ProjectId> {
        self.instance.as_ref().map(|instance| instance.project_id)
    }

    /// Its host, when it does not serve and will not without being woken.
    pub(super) fn asleep(&self) -> Option<&Host> {
        self.host.as_ref().filter(|host| {
            matches!(
                host.course.state,
                State::Off | State::Waking | State::Booting | State::Draining | State::ShuttingDown
            )
        })
    }
}

impl Engine {
    /// Where a service stands.
    pub(super) async fn ground(&self, service: &Service) -> Result<Ground, Error> {
        let instance = match service.at.instance() {
            Some(id) => instances::by_id(self.db(), id).await?.filter(|found| found.deleted_at.is_none()),
            None => None,
        };
        let host = match (service.at.host(), &instance) {
            (Some(id), _) => hosts::by_id(self.db(), id).await?,
            (None, Some(instance)) => hosts::of_node(self.db(), instance.cluster_id, &instance.node).await?,
            (None, None) => None,
        };
        let state = host.as_ref().map(|host| host.course.state);
        let guest = match (service.at, &instance, state) {
            (_, _, Some(State::Off)) | (Place::Instance(_), None, _) => Some(false),
            (Place::Instance(_), Some(instance), _) => runs(instance),
            (Place::Host(_), _, Some(State::Ready | State::Idle)) => Some(true),
            (Place::Host(_) | Place::Guest { .. }, _, _) => None,
        };
        // What a guest says of its own address must not lead us to ourselves.
        let reported = || {
            let address = instance.as_ref()?.address.as_deref()?;
            address.parse().ok().filter(|address| is_a_tenants(*address)).map(|address| address.to_string())
        };
        let address = service.address.clone().or_else(reported);
        Ok(Ground { instance, host, guest, address })
    }

    /// Whether the actor may do this with a service. Whoever may see or use the project of its instance may see or
    /// restart it; beside them those to whom the service, or the host that it was put on, is open.
    pub(super) async fn may_use_service(
        &self,
        actor: &Actor,
        service: &Service,
        ability: Ability,
    ) -> Result<Answer, Error> {
        let mut open = service.users_may.clone();
        if let Some(id) = service.at.host()
            && let Some(host) = hosts::by_id(self.db(), id).await?
        {
            // A host that is open to all does not open what somebody has on an instance.
            open.extend(host.profile.users_may);
        }
        // Whoever may do something with it may see it.
        let open = open.contains(&ability) || ability == Ability::See && !open.is_empty();
        let answer = may(actor, Action::Guard { ability, open });
        if answer == Answer::Yes {
            return Ok(answer);
        }
        let Some(id) = service.at.instance() else { return Ok(answer) };
        let Some(instance) = instances::by_id(self.db(), id).await? else { return Ok(answer) };
        let need = if ability == Ability::See { Need::See } else { Need::Use };
        match self.allow_on(actor, &instance, need).await {
            Ok(()) => Ok(Answer::Yes),
            Err(Error::Forbidden(_) | Error::NotFound(_)) => Ok(answer),
            Err(error) => Err(error),
        }
    }

    /// Refuses what the actor may not do with a service; one that they may not see does not exist for them.
    pub(super) async fn allow_service(
        &self,
        actor: &Actor,
        service: &Service,
        ability: Ability,
    ) -> Result<(), Error> {
        allow(self.may_use_service(actor, service, Ability::See).await?, "service")?;
        allow(self.may_use_service(actor, service, ability).await?, "service")
    }
}

/// Whether an instance runs, as far as is known.
fn runs(instance: &Instance) -> Option<bool> {
    match instance.course.seen {
        Seen::Present(guest) => Some(guest.power == Power::Running),
        Seen::Absent => Some(false),
        Seen::Unknown => None,
    }
}
