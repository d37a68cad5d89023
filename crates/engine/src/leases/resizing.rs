//! Another size for a lease: what is left of its time is worth as much as before.
//!
//! The lease says what size there should be, and the instance follows: it is asked for again until it is so, or until it
//! is clear that it can not be, and then the lease goes back to what there is.

use innkeeper_domain::access::Actor;
use innkeeper_domain::audit::Deed;
use innkeeper_domain::ids::{LeaseId, PlanId};
use innkeeper_domain::instances::Instance;
use innkeeper_domain::leases::{BadTime, Lease, LeaseState, minutes_long};
use innkeeper_domain::money::Micros;
use innkeeper_domain::operations::{State, Verb};
use innkeeper_domain::placement::room_to_grow;
use innkeeper_domain::sizes::Size;
use innkeeper_store::{Tx, instances, leases, nodes, operations, templates};
use serde_json::json;
use tracing::{info, warn};

use super::{Holding, lasting};
use crate::{Engine, Error, WantedSize};

impl Engine {
    /// Gives a lease another size: from now on its time runs faster or slower.
    pub async fn resize_lease(&self, id: LeaseId, by: &Holding, to: WantedSize) -> Result<Lease, Error> {
        let (lease, actor) = self.changed_lease(id, by).await?;
        let template = templates::by_id(self.db(), lease.template_id).await?;
        let (plan_id, size, hourly) = self.lease_size(template.as_ref(), to).await?;
        size.check_grown_from(lease.size).map_err(|why| Error::invalid("disk_gib", why))?;
        let mut tx = self.db().begin().await?;
        let mut lease = leases::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("lease"))?;
        if lease.state != LeaseState::Active {
            let message = "only a lease whose time runs has another size; renew it first if it has expired";
            return Err(Error::conflict("lease_not_active", message));
        }
        let instance = lease.instance_id.ok_or(Error::NotFound("instance"))?;
        let instance = instances::by_id_tx(&mut tx, instance).await?.ok_or(Error::NotFound("instance"))?;
        if let Some((operation, _)) = instance.operation {
            return Err(Error::Busy(operation));
        }
        let (nodes, storages) = nodes::offers(&mut tx).await?;
        let place = (instance.cluster_id, &instance.node, &instance.storage);
        room_to_grow(place, instance.size, size, &nodes, &storages)?;
        let before =
            json!({ "size": lease.size, "hourly_micros": lease.hourly, "expires_at": lease.expires_at });
        let (now, terms) = (self.clock().now(), &self.lease_options()?.terms);
        // A smaller size makes what is left last longer.
        let most = now.after(minutes_long(terms.horizon_minutes));
        if lease.resized(hourly, now) > lease.expires_at.max(Some(most)) {
            return Err(Error::invalid("size", BadTime::Horizon(terms.horizon_minutes)));
        }
        self.revalue(&mut tx, &mut lease, (plan_id, size, hourly)).await?;
        let deed = Deed::done("lease.resize", id).of(lease.project_id).before(before);
        self.record(
            &mut tx,
            &actor,
            deed.after(json!({
                "size": lease.size, "hourly_micros": lease.hourly, "expires_at": lease.expires_at,
            })),
        );
        tx.commit().await?;
        self.align(&lease).await?;
        leases::by_id(self.db(), id).await?.ok_or(Error::NotFound("lease"))
    }

    async fn revalue(
        &self,
        tx: &mut Tx,
        lease: &mut Lease,
        (plan_id, size, hourly): (Option<PlanId>, Size, Micros),
    ) -> Result<(), Error> {
        let now = self.clock().now();
        lease.expires_at = lease.resized(hourly, now);
        (lease.plan_id, lease.size, lease.hourly) = (plan_id, size, hourly);
        lease.notices = lease.notices_due(&self.lease_options()?.terms, now);
        self.reschedule(lease)?;
        let soon = now.after(lasting::FOLLOWED_YET);
        lease.due_at = Some(lease.due_at.map_or(soon, |at| at.min(soon)));
        leases::save(tx, lease).await?;
        lasting::tell(tx, lease, "resized", now).await
    }

    /// Sees whether the instance has followed its lease: asks for it where nobody has, and where it was tried in vain, the
    /// lease goes back.
    pub(super) async fn follow(&self, lease: &Lease) -> Result<(), Error> {
        let Some(id) = lease.instance_id.filter(|_| lease.state == LeaseState::Active) else { return Ok(()) };
        let instance = instances::by_id(self.db(), id).await?.ok_or(Error::NotFound("instance"))?;
        if instance.size == lease.size || instance.operation.is_some() || instance.deleted_at.is_some() {
            return Ok(());
        }
        let filter = operations::Filter { instance_id: Some(id), ..operations::Filter::default() };
        let last = operations::list(self.db(), &filter, None, 1).await?.pop();
        match last.filter(|last| last.verb == Verb::Resize && last.state == State::Failed) {
            Some(failed) => {
                let why = failed.fault.map_or_else(|| "it failed".to_owned(), |fault| fault.message);
                self.go_back(lease, &instance, &why).await
            }
            None => self.align(lease).await,
        }
    }

    /// Has the instance follow its lease.
    async fn align(&self, lease: &Lease) -> Result<(), Error> {
        let Some(id) = lease.instance_id.filter(|_| lease.state == LeaseState::Active) else { return Ok(()) };
        let instance = instances::by_id(self.db(), id).await?.ok_or(Error::NotFound("instance"))?;
        if instance.size == lease.size || instance.operation.is_some() || instance.deleted_at.is_some() {
            return Ok(());
        }
        match self.resize_leased(&instance, lease.size, lease.plan_id).await {
            Ok(_) => Ok(()),
            Err(error @ (Error::Busy(_) | Error::Store(_) | Error::Restricted(_))) => {
                info!(lease = %lease.id, %error, "a lease's instance will follow later");
                Ok(())
            }
            Err(error) => {
                self.go_back(lease, &instance, &error.to_string()).await?;
                Err(error)
            }
        }
    }

    /// The instance can not have the size of its lease: the lease has the size of its instance again, and what is left of
    /// its time keeps its worth.
    async fn go_back(&self, lease: &Lease, instance: &Instance, why: &str) -> Result<(), Error> {
        warn!(lease = %lease.id, why, "a lease's instance can not follow; the lease goes back");
        let template = templates::by_id(self.db(), lease.template_id).await?;
        let wanted = instance.plan_id.map_or(WantedSize::Custom(instance.size), WantedSize::Plan);
        let had = self.lease_size(template.as_ref(), wanted).await;
        let mut tx = self.db().begin().await?;
        let mut lease = leases::by_id_tx(&mut tx, lease.id).await?.ok_or(Error::NotFound("lease"))?;
        let (plan_id, size, hourly) = match had {
            Ok(found) if found.1 == instance.size => found,
            _ => (None, instance.size, lease.hourly),
        };
        self.revalue(&mut tx, &mut lease, (plan_id, size, hourly)).await?;
        let deed = Deed::refused("lease.resize", lease.id).of(lease.project_id);
        self.record(&mut tx, &Actor::house(), deed.after(json!({ "why": why })));
        Ok(tx.commit().await?)
    }
}
