//! The life of a lease after it was delivered: notice, expiry, grace, removal. What is to be done next follows from the
//! row alone, and each look does one thing.

use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::audit::Deed;
use innkeeper_domain::events::Subject;
use innkeeper_domain::ids::LeaseId;
use innkeeper_domain::instances::Instance;
use innkeeper_domain::leases::{Lease, LeaseState, Step};
use innkeeper_domain::mails::Letter;
use innkeeper_domain::operations::Verb;
use innkeeper_domain::projects::Restriction;
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::users::User;
use innkeeper_store::{Tx, events, instances, leases, ledger, orders, projects, restrictions};
use serde_json::json;
use tracing::{info, warn};

use super::Holding;
use crate::mails::moment;
use crate::{Engine, Error};

/// How long until we look again whether an instance is gone.
const GONE_YET: Duration = Duration::from_secs(5);

/// How long until we look whether an instance has the size of its lease.
pub(super) const FOLLOWED_YET: Duration = Duration::from_secs(10);

/// How long a removal waits for a renewal that is being paid; one that comes later is credited.
const RENEWING: Duration = Duration::from_hours(1);

/// A lease is looked at so often at least: its instance may have been removed by its owner.
const AT_LEAST: Duration = Duration::from_hours(1);

impl Engine {
    /// When a lease is to be looked at next.
    pub(super) fn reschedule(&self, lease: &mut Lease) -> Result<(), Error> {
        let now = self.clock().now();
        let terms = &self.lease_options()?.terms;
        lease.due_at = match lease.step(terms, now) {
            Step::Rest(at) => at.map(|at| at.min(now.after(AT_LEAST))),
            Step::Notice | Step::Expire | Step::Remove => Some(now),
        };
        Ok(())
    }

    /// Does what is to be done about a lease now.
    pub(super) async fn attend(&self, id: LeaseId) -> Result<(), Error> {
        let now = self.clock().now();
        let terms = &self.lease_options()?.terms;
        let owners = self.to_tell(id).await?;
        let mut tx = self.db().begin().await?;
        let Some(mut lease) = leases::by_id_tx(&mut tx, id).await? else { return Ok(()) };
        let instance = match lease.instance_id {
            Some(instance) => instances::by_id_tx(&mut tx, instance).await?,
            None => None,
        };
        let gone = match (&instance, lease.instance_id) {
            (Some(instance), _) => instance.deleted_at.is_some(),
            (None, Some(_)) => true,
            (None, None) => lease.state != LeaseState::Making,
        };
        if gone && !matches!(lease.state, LeaseState::Making | LeaseState::Ended) {
            return self.close_lease(tx, lease).await;
        }
        match lease.step(terms, now) {
            Step::Notice => {
                lease.notices = lease.notices_due(terms, now);
                tell(&mut tx, &lease, "expires_soon", now).await?;
                self.write_to_owners(&mut tx, &owners, &lease, Letter::LeaseEnding, lease.expires_at).await?;
            }
            Step::Expire => {
                info!(lease = %id, "the time of a lease is over");
                lease.state = LeaseState::Expired;
                restrictions::impose(&mut tx, lease.project_id, Restriction::LeaseExpired, now).await?;
                tell(&mut tx, &lease, "expired", now).await?;
                let removed = lease.expires_at.map(|end| end.after(terms.grace));
                self.write_to_owners(&mut tx, &owners, &lease, Letter::LeaseExpired, removed).await?;
                let deed = Deed::done("lease.expire", id).of(lease.project_id);
                self.record(&mut tx, &Actor::house(), deed.after(json!({ "expires_at": lease.expires_at })));
            }
            Step::Remove
                if lease.state == LeaseState::Expired
                    && lease.expires_at.is_some_and(|end| now < end.after(terms.grace).after(RENEWING))
                    && orders::open_of_lease(&mut tx, id).await? > 0 =>
            {
                // Somebody is renewing it this very moment.
                lease.due_at = Some(now.after(GONE_YET));
                leases::save(&mut tx, &lease).await?;
                return Ok(tx.commit().await?);
            }
            Step::Remove if lease.state == LeaseState::Expired => {
                lease.state = LeaseState::Ending;
                tell(&mut tx, &lease, "ending", now).await?;
            }
            Step::Remove | Step::Rest(_) => {}
        }
        if matches!(lease.state, LeaseState::Ending | LeaseState::Failed) {
            lease.due_at = Some(now.after(GONE_YET));
            leases::save(&mut tx, &lease).await?;
            tx.commit().await?;
            return self.remove_room(&lease).await;
        }
        self.reschedule(&mut lease)?;
        // While it is given another size, it is seen soon whether that has come about.
        let resizing =
            |found: &Instance| found.size != lease.size || matches!(found.operation, Some((_, Verb::Resize)));
        if lease.state == LeaseState::Active && instance.as_ref().is_some_and(resizing) {
            lease.due_at = lease.due_at.map(|at| at.min(now.after(FOLLOWED_YET)));
        }
        leases::save(&mut tx, &lease).await?;
        tx.commit().await?;
        self.follow(&lease).await
    }

    /// Who is to be told of what is done about a lease now; nobody, when there is nothing to tell.
    async fn to_tell(&self, id: LeaseId) -> Result<Vec<User>, Error> {
        let terms = &self.lease_options()?.terms;
        let told =
            |lease: &Lease| matches!(lease.step(terms, self.clock().now()), Step::Notice | Step::Expire);
        match leases::by_id(self.db(), id).await?.filter(told) {
            Some(lease) => self.readers_of(lease.project_id).await,
            None => Ok(Vec::new()),
        }
    }

    /// Tells whoever has taken a lease into their account; wallets have no address for letters.
    async fn write_to_owners(
        &self,
        tx: &mut Tx,
        owners: &[User],
        lease: &Lease,
        letter: Letter,
        when: Option<Timestamp>,
    ) -> Result<(), Error> {
        let when = when.map(moment).unwrap_or_default();
        let link = self.link(&format!("/leases/{}", lease.id));
        let told = [("instance", lease.name.as_str()), ("when", &when), ("link", &link)];
        for owner in owners {
            self.write_to(tx, owner, letter, &told).await?;
        }
        Ok(())
    }

    /// Asks for the removal of a lease's instance; whether it is gone is seen at the next look.
    async fn remove_room(&self, lease: &Lease) -> Result<(), Error> {
        let Some(instance) = lease.instance_id else { return Ok(()) };
        match self.remove_instance(&Actor::house(), instance, true, None).await {
            Ok(_) | Err(Error::NotFound(_)) => Ok(()),
            Err(error @ (Error::Busy(_) | Error::Conflict { .. })) => {
                warn!(lease = %lease.id, %error, "a lease's instance cannot be removed yet");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn close_lease(&self, mut tx: Tx, mut lease: Lease) -> Result<(), Error> {
        let now = self.clock().now();
        if lease.state != LeaseState::Failed {
            lease.state = LeaseState::Ended;
        }
        (lease.ended_at, lease.due_at) = (Some(now), None);
        leases::save(&mut tx, &lease).await?;
        tell(&mut tx, &lease, lease.state.as_str(), now).await?;
        let deed = Deed::done("lease.end", lease.id).of(lease.project_id);
        self.record(&mut tx, &Actor::house(), deed.after(json!({ "state": lease.state })));
        // The empty project of a lease that is over would be in everybody's way.
        let project = lease.project_id;
        let purses = ledger::purses_tx(&mut tx, &[project]).await?;
        let empty = purses.values().all(|purses| *purses == ledger::Purses::default());
        // One that was claimed may have more by now.
        let kept = projects::protected_backups_of(&mut tx, project).await?
            + projects::networks_of(&mut tx, project).await?;
        if empty && kept == 0 && projects::instances_of(&mut tx, project).await? == 0 {
            projects::delete(&mut tx, project, now).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Gives a lease up before its time: what is left of it is not paid back.
    pub async fn end_lease(&self, id: LeaseId, by: &Holding) -> Result<Lease, Error> {
        let (lease, actor) = self.changed_lease(id, by).await?;
        let mut tx = self.db().begin().await?;
        let mut lease = leases::by_id_tx(&mut tx, lease.id).await?.ok_or(Error::NotFound("lease"))?;
        match lease.state {
            LeaseState::Making => {
                return Err(Error::conflict("lease_making", "it is being made; wait until it is there"));
            }
            LeaseState::Active | LeaseState::Expired => {
                let now = self.clock().now();
                (lease.state, lease.due_at) = (LeaseState::Ending, Some(now));
                leases::save(&mut tx, &lease).await?;
                tell(&mut tx, &lease, "ending", now).await?;
                let deed = Deed::done("lease.give_up", id).of(lease.project_id);
                self.record(&mut tx, &actor, deed.before(json!({ "expires_at": lease.expires_at })));
                tx.commit().await?;
                self.attend(id).await?;
            }
            // Asking twice is no more than asking once.
            LeaseState::Ending | LeaseState::Ended | LeaseState::Failed => {}
        }
        leases::by_id(self.db(), id).await?.ok_or(Error::NotFound("lease"))
    }
}

/// Appends what is now true of a lease to the events of its project.
pub(super) async fn tell(tx: &mut Tx, lease: &Lease, what: &str, now: Timestamp) -> Result<(), Error> {
    let id = lease.id.to_string();
    Ok(events::append(tx, now, Some(lease.project_id), Subject::Lease, &id, what).await?)
}
