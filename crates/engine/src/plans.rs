//! Plans: named sizes.

use innkeeper_domain::access::{Action, Actor, Answer, may};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::ids::PlanId;
use innkeeper_domain::names::Title;
use innkeeper_domain::plans::Plan;
use innkeeper_domain::prices::Rate;
use innkeeper_domain::sizes::Size;
use innkeeper_store::plans;
use serde_json::json;

use crate::audit::shown;
use crate::error::allow;
use crate::{Engine, Error, Idempotency};

/// A plan to be made.
#[derive(Clone, Debug)]
pub struct NewPlan {
    /// As shown.
    pub name: Title,
    /// What one gets.
    pub size: Size,
    /// What it costs; none leaves it to the price list.
    pub price: Option<Rate>,
}

impl Engine {
    /// The plans on offer; staff see the others too.
    pub async fn plans(&self, actor: &Actor) -> Result<Vec<Plan>, Error> {
        allow(may(actor, Action::Look), "plan")?;
        let staff = may(actor, Action::SeeHouse) == Answer::Yes;
        Ok(plans::list(self.db(), !staff).await?)
    }

    /// A plan that is on offer, as a request names it in `plan_id`.
    pub(crate) async fn plan_on_offer(&self, id: PlanId) -> Result<Plan, Error> {
        let plan = plans::by_id(self.db(), id).await?.filter(|plan| plan.offered);
        plan.ok_or_else(|| Error::invalid("plan_id", "no such plan on offer"))
    }

    /// Makes a plan.
    pub async fn create_plan(
        &self,
        actor: &Actor,
        new: NewPlan,
        key: Option<&Idempotency>,
    ) -> Result<Plan, Error> {
        allow(may(actor, Action::RunHouse), "plan")?;
        if let Some(price) = new.price {
            // Prices are an administrator's affair.
            allow(may(actor, Action::RunPeople), "plan")?;
            price.check().map_err(|error| Error::invalid("price", error))?;
        }
        new.size.check_within(Size::LEAST, Size::MOST).map_err(|error| Error::invalid("size", error))?;
        let plan = Plan {
            id: PlanId::new(),
            name: new.name,
            size: new.size,
            price: new.price,
            offered: true,
            created_at: self.clock().now(),
        };
        let mut tx = self.db().begin().await?;
        if let Some(before) = self.replay(&mut tx, actor, key).await? {
            return Ok(before);
        }
        plans::insert(&mut tx, &plan).await?;
        self.record(&mut tx, actor, Deed::done("plan.create", plan.id).after(shown(&plan)));
        self.remember(&mut tx, actor, key, &plan).await?;
        tx.commit().await?;
        Ok(plan)
    }

    /// Offers a plan, or no longer.
    pub async fn offer_plan(&self, actor: &Actor, id: PlanId, offered: bool) -> Result<Plan, Error> {
        allow(may(actor, Action::RunHouse), "plan")?;
        let mut tx = self.db().begin().await?;
        if !plans::set_offered(&mut tx, id, offered).await? {
            return Err(Error::NotFound("plan"));
        }
        let deed = Deed::done("plan.offer", id).before(json!({ "offered": !offered }));
        self.record(&mut tx, actor, deed.after(json!({ "offered": offered })));
        tx.commit().await?;
        plans::by_id(self.db(), id).await?.ok_or(Error::NotFound("plan"))
    }
}
