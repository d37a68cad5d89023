//! What can be leased, and what it costs: free for everybody to read.

use innkeeper_connectors::x402::Requirements;
use innkeeper_domain::ids::{LeaseId, PlanId, TemplateId};
use innkeeper_domain::instances::Kind;
use innkeeper_domain::leases::{Room, Terms};
use innkeeper_domain::money::Micros;
use innkeeper_domain::names::Title;
use innkeeper_domain::prices::{PriceList, rate};
use innkeeper_domain::sizes::Size;
use innkeeper_domain::templates::Template;
use innkeeper_domain::time::Timestamp;
use innkeeper_store::{leases, plans, prices, templates};

use super::{LeaseOptions, NewLease};
use crate::{Engine, Error, WantedSize};

/// What a house leases.
#[derive(Clone, Debug)]
pub struct Catalogue {
    /// What it asks.
    pub terms: Terms,
    /// What leases are made from.
    pub templates: Vec<Template>,
    /// Named sizes.
    pub plans: Vec<LeasePlan>,
    /// What sizes of one's own cost; none where only plans can be leased.
    pub prices: Option<PriceList>,
    /// How wallets can pay one credit.
    pub credit: Vec<Requirements>,
}

/// A named size, with what it costs.
#[derive(Clone, Debug)]
pub struct LeasePlan {
    /// Its id.
    pub id: PlanId,
    /// Its name, which can be given instead.
    pub name: Title,
    /// How big.
    pub size: Size,
    /// What an hour costs.
    pub hourly: Micros,
}

/// What something would cost now.
#[derive(Clone, Debug)]
pub struct LeaseQuote {
    /// In all.
    pub price: Micros,
    /// What an hour costs.
    pub hourly: Micros,
    /// What every order costs besides its time.
    pub base: Micros,
    /// For how long.
    pub minutes: u32,
    /// How big.
    pub size: Size,
    /// When the time would be over, for a renewal.
    pub expires_at: Option<Timestamp>,
    /// How a wallet can pay it: each is enough.
    pub requirements: Vec<Requirements>,
}

impl LeaseOptions {
    /// How a wallet can pay this: each is enough.
    pub(super) fn requirements(&self, price: Micros) -> Vec<Requirements> {
        self.desks.iter().map(|desk| desk.requirements(price, self.payable)).collect()
    }
}

impl Engine {
    /// What can be leased.
    pub async fn lease_catalogue(&self) -> Result<Catalogue, Error> {
        let options = self.lease_options()?;
        let list = prices::current(self.db()).await?;
        let largest = options.terms.largest;
        let mut found = Vec::new();
        for plan in plans::list(self.db(), true).await? {
            let hourly = rate(plan.price, list.as_ref(), plan.size)?.running_micros;
            let fits = plan.size.check_within(Size::LEAST, largest).is_ok();
            if fits && hourly.is_positive() {
                found.push(LeasePlan { id: plan.id, name: plan.name, size: plan.size, hourly });
            }
        }
        let templates = templates::list(self.db(), true).await?;
        Ok(Catalogue {
            terms: options.terms.clone(),
            templates: templates.into_iter().filter(leased).collect(),
            plans: found,
            prices: list.filter(|list| list.running.of(Size::LEAST).is_ok_and(Micros::is_positive)),
            credit: options.requirements(Micros::CREDIT),
        })
    }

    /// What a lease would cost.
    pub async fn quote_lease(&self, new: &NewLease) -> Result<LeaseQuote, Error> {
        let options = self.lease_options()?;
        let room = self.room(new).await?;
        let price = options.terms.price(room.hourly, room.minutes)?;
        Ok(LeaseQuote {
            price,
            hourly: room.hourly,
            base: options.terms.base,
            minutes: room.minutes,
            size: room.size,
            expires_at: None,
            requirements: options.requirements(price),
        })
    }

    /// What more time would cost: as much as agreed when the lease was bought or last resized.
    pub async fn quote_renewal(&self, id: LeaseId, minutes: u32) -> Result<LeaseQuote, Error> {
        let options = self.lease_options()?;
        let lease = leases::by_id(self.db(), id).await?.ok_or(Error::NotFound("lease"))?;
        let now = self.clock().now();
        options.terms.check_renewal(&lease, minutes, now).map_err(|why| Error::invalid("minutes", why))?;
        if !lease.state.can_be_renewed() {
            return Err(Error::conflict("lease_over", "the lease is over; buy another"));
        }
        let price = options.terms.price(lease.hourly, minutes)?;
        Ok(LeaseQuote {
            price,
            hourly: lease.hourly,
            base: options.terms.base,
            minutes,
            size: lease.size,
            expires_at: Some(lease.renewed(minutes, now)),
            requirements: options.requirements(price),
        })
    }

    /// What is asked for, checked, with what an hour of it costs.
    pub(super) async fn room(&self, new: &NewLease) -> Result<Room, Error> {
        let terms = &self.lease_options()?.terms;
        terms.check_minutes(new.minutes).map_err(|why| Error::invalid("minutes", why))?;
        if new.ssh_keys.len() > crate::instances::MOST_KEYS {
            let message = format!("give at most {} keys", crate::instances::MOST_KEYS);
            return Err(Error::invalid("ssh_keys", message));
        }
        if let Some(script) = &new.user_data {
            crate::first_boots::check(script)?;
        }
        let template = match new.template_id {
            Some(id) => templates::by_id(self.db(), id).await?.filter(leased),
            None => templates::list(self.db(), true).await?.into_iter().find(leased),
        };
        let template =
            template.ok_or_else(|| Error::invalid("template_id", "no such template can be leased"))?;
        let (plan_id, size, hourly) = self.lease_size(Some(&template), new.size).await?;
        let name = match &new.name {
            Some(name) => name.clone(),
            None => generated_name()?,
        };
        Ok(Room {
            name,
            template_id: template.id,
            plan_id,
            size,
            hourly,
            minutes: new.minutes,
            ssh_keys: new.ssh_keys.clone(),
        })
    }

    /// A size within what is leased, with what an hour of it costs.
    pub(super) async fn lease_size(
        &self,
        template: Option<&Template>,
        wanted: WantedSize,
    ) -> Result<(Option<PlanId>, Size, Micros), Error> {
        let terms = &self.lease_options()?.terms;
        let (plan_id, price, size, field) = self.sized(template, wanted).await?;
        let (least, most) = template.map_or((Size::LEAST, Size::MOST), |found| (found.least, found.most));
        size.check_within(least, most).map_err(|why| Error::invalid(field, why))?;
        size.check_within(Size::LEAST, terms.largest).map_err(|why| Error::invalid(field, why))?;
        let hourly = self.rate(price, size).await?.running_micros;
        if !hourly.is_positive() {
            // What costs nothing is a price that somebody forgot to set.
            return Err(Error::Unavailable {
                code: "no_price",
                message: "this house has no price for this yet; its administrator must set a price list",
            });
        }
        Ok((plan_id, size, hourly))
    }

    /// The template with this name or id, if it can be leased.
    pub async fn leased_template(&self, named: &str) -> Result<TemplateId, Error> {
        let by_id = named.parse::<TemplateId>().ok();
        let all = templates::list(self.db(), true).await?;
        let found = all.into_iter().filter(leased).find(|template| {
            by_id == Some(template.id) || template.name.as_str().eq_ignore_ascii_case(named)
        });
        found
            .map(|template| template.id)
            .ok_or_else(|| Error::invalid("template", "no such template can be leased"))
    }

    /// The plan with this name or id, if it is on offer.
    pub async fn leased_plan(&self, named: &str) -> Result<PlanId, Error> {
        let by_id = named.parse::<PlanId>().ok();
        let all = plans::list(self.db(), true).await?;
        let found = all
            .into_iter()
            .find(|plan| by_id == Some(plan.id) || plan.name.as_str().eq_ignore_ascii_case(named));
        found.map(|plan| plan.id).ok_or_else(|| Error::invalid("plan", "no such plan is on offer"))
    }
}

/// Containers only: strangers do not get machines of their own kernel.
fn leased(template: &Template) -> bool {
    template.offered && template.kind == Kind::Lxc
}

fn generated_name() -> Result<innkeeper_domain::names::Hostname, Error> {
    let name = format!("lease-{:06x}", rand::random::<u32>() & 0x00ff_ffff);
    name.parse().map_err(|_| Error::Internal("a generated name is not one".to_owned()))
}
