//! Prices: the price list that holds, what something will cost, and another price for what is there.

use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::disks::{plus, price};
use innkeeper_domain::ids::{InstanceId, PlanId, PriceListId};
use innkeeper_domain::instances::Instance;
use innkeeper_domain::plans::Plan;
use innkeeper_domain::prices::{Estimate, PriceList, Rate, UnitPrices, estimate, rate};
use innkeeper_domain::sizes::Size;
use innkeeper_store::{instances, plans, prices};
use serde_json::json;

use crate::audit::shown;
use crate::error::allow;
use crate::{Engine, Error, Idempotency};

/// A price list to be set.
#[derive(Clone, Copy, Debug)]
pub struct NewPriceList {
    /// While an instance runs.
    pub running: UnitPrices,
    /// While it is stopped; none means that its disk alone is paid, at the same price.
    pub stopped: Option<UnitPrices>,
}

/// What is to be priced.
#[derive(Clone, Copy, Debug)]
pub enum Sized {
    /// A plan.
    Plan(PlanId),
    /// A size of one's own.
    Custom(Size),
}

impl Engine {
    /// Price lists, newest first. The first of all is the one that holds; none at all means that nothing costs anything.
    pub async fn price_lists(
        &self,
        actor: &Actor,
        after: Option<PriceListId>,
        limit: i64,
    ) -> Result<Vec<PriceList>, Error> {
        allow(may(actor, Action::Look), "price list")?;
        Ok(prices::list(self.db(), after, limit).await?)
    }

    /// Sets the prices for instances that are made from now on.
    pub async fn create_price_list(
        &self,
        actor: &Actor,
        new: NewPriceList,
        key: Option<&Idempotency>,
    ) -> Result<PriceList, Error> {
        allow(may(actor, Action::RunPeople), "price list")?;
        let stopped = new.stopped.unwrap_or(new.running.disk_only());
        new.running.check().map_err(|error| Error::invalid("running", error))?;
        stopped.check().map_err(|error| Error::invalid("stopped", error))?;
        let list = PriceList {
            id: PriceListId::new(),
            running: new.running,
            stopped,
            created_at: self.clock().now(),
            created_by: actor.user_id,
        };
        let before = prices::current(self.db()).await?;
        let mut tx = self.db().begin().await?;
        if let Some(before) = self.replay(&mut tx, actor, key).await? {
            return Ok(before);
        }
        prices::insert(&mut tx, &list).await?;
        self.record(
            &mut tx,
            actor,
            Deed::done("price_list.create", list.id).before(shown(&before)).after(shown(&list)),
        );
        self.remember(&mut tx, actor, key, &list).await?;
        tx.commit().await?;
        Ok(list)
    }

    /// What a plan or a size will cost, and what is held for it.
    pub async fn estimate(&self, actor: &Actor, sized: Sized) -> Result<Estimate, Error> {
        allow(may(actor, Action::Look), "price")?;
        let (plan, size) = match sized {
            Sized::Plan(id) => {
                let plan = self.plan_on_offer(id).await?;
                (plan.price, plan.size)
            }
            Sized::Custom(size) => {
                size.check_within(Size::LEAST, Size::MOST).map_err(|error| Error::invalid("size", error))?;
                (None, size)
            }
        };
        Ok(estimate(self.rate(plan, size).await?, self.options().billing.cycle)?)
    }

    /// What a size costs at present; `plan` is the price of its plan, if the plan has one.
    pub(crate) async fn rate(&self, plan: Option<Rate>, size: Size) -> Result<Rate, Error> {
        let list = match plan {
            Some(_) => None,
            None => prices::current(self.db()).await?,
        };
        Ok(rate(plan, list.as_ref(), size)?)
    }

    /// Gives a plan a price of its own, or leaves it to the price list. Instances keep the rate that they have.
    pub async fn price_plan(&self, actor: &Actor, id: PlanId, price: Option<Rate>) -> Result<Plan, Error> {
        allow(may(actor, Action::RunPeople), "plan")?;
        if let Some(price) = price {
            price.check().map_err(|error| Error::invalid("price", error))?;
        }
        let before = plans::by_id(self.db(), id).await?.ok_or(Error::NotFound("plan"))?;
        let mut tx = self.db().begin().await?;
        if !plans::set_price(&mut tx, id, price).await? {
            return Err(Error::NotFound("plan"));
        }
        let deed = Deed::done("plan.price", id)
            .before(json!({ "price": before.price }))
            .after(json!({ "price": price }));
        self.record(&mut tx, actor, deed);
        tx.commit().await?;
        plans::by_id(self.db(), id).await?.ok_or(Error::NotFound("plan"))
    }

    /// Gives an instance another rate from now on; none means what it would cost if it were made now.
    pub async fn reprice_instance(
        &self,
        actor: &Actor,
        id: InstanceId,
        wanted: Option<Rate>,
        key: Option<&Idempotency>,
    ) -> Result<Instance, Error> {
        let known = instances::by_id(self.db(), id).await?.ok_or(Error::NotFound("instance"))?;
        allow(may(actor, Action::SeeProject(known.project_id)), "instance")?;
        allow(may(actor, Action::RunPeople), "instance")?;
        let rate = match (wanted, known.plan_id) {
            (Some(rate), _) => {
                rate.check().map_err(|error| Error::invalid("rate", error))?;
                rate
            }
            (None, plan_id) => {
                let plan = match plan_id {
                    Some(plan) => plans::by_id(self.db(), plan).await?.and_then(|plan| plan.price),
                    None => None,
                };
                let list = prices::current(self.db()).await?;
                let extra = known.settings.extra_disk_gib();
                let extra = price(list.as_ref(), u32::try_from(extra).unwrap_or(u32::MAX))?;
                plus(self.rate(plan, known.size).await?, extra)?
            }
        };
        let held = rate.hold(self.options().billing.cycle)?;
        let mut tx = self.db().begin().await?;
        if let Some(_before) = self.replay::<InstanceId>(&mut tx, actor, key).await? {
            return Ok(known);
        }
        let mut instance = instances::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("instance"))?;
        if instance.deleted_at.is_some() {
            return Err(Error::conflict("wrong_state", "the instance is deleted"));
        }
        let before = instance.rate;
        crate::usage::rerate(&mut tx, &mut instance, rate, held, self.clock().now()).await?;
        let deed = Deed::done("instance.reprice", id)
            .of(instance.project_id)
            .before(json!({ "rate": before }))
            .after(json!({ "rate": rate }));
        self.record(&mut tx, actor, deed);
        self.remember(&mut tx, actor, key, &id).await?;
        tx.commit().await?;
        Ok(instance)
    }
}
