//! Commands and consoles for whoever holds a lease: free, or paid by the call where the operator wants that.

use innkeeper_domain::access::Actor;
use innkeeper_domain::consoles::Kind;
use innkeeper_domain::ids::{InstanceId, LeaseId, OrderId};
use innkeeper_domain::orders::OrderState;
use innkeeper_store::{leases, orders};

use super::{Bought, Buying, Demand, Holding, Ordered, Paying};
use crate::{Engine, Error, NewCommand, OfferedConsole, Ran};

/// What came of a call.
#[derive(Debug)]
pub enum Called<T> {
    /// It must be paid first.
    Demanded(Demand),
    /// Its payment is not certain yet, or it was made before with this payment.
    Ordered(Box<Ordered>),
    /// It was made.
    Done(T),
}

impl Engine {
    /// Runs a command in the instance of a lease.
    pub async fn lease_command(
        &self,
        id: LeaseId,
        by: &Holding,
        new: NewCommand,
        buying: &Buying,
        paying: Paying,
    ) -> Result<Called<Ran>, Error> {
        let (actor, instance) = self.callable(id, by).await?;
        // Nobody pays for what cannot be run.
        new.check()?;
        let engine = self.clone();
        let make = Box::pin(async move { engine.run_command(&actor, instance, new).await });
        Box::pin(self.call(id, "exec", buying, paying, make)).await
    }

    /// Offers a console of the instance of a lease.
    pub async fn lease_console(
        &self,
        id: LeaseId,
        by: &Holding,
        kind: Kind,
        buying: &Buying,
        paying: Paying,
    ) -> Result<Called<OfferedConsole>, Error> {
        let (actor, instance) = self.callable(id, by).await?;
        let engine = self.clone();
        let make = Box::pin(async move { engine.offer_console(&actor, instance, kind).await });
        Box::pin(self.call(id, "console", buying, paying, make)).await
    }

    async fn callable(&self, id: LeaseId, by: &Holding) -> Result<(Actor, InstanceId), Error> {
        let (lease, actor) = self.changed_lease(id, by).await?;
        self.check_unrestricted(lease.project_id).await?;
        let instance = lease.instance_id.filter(|_| !lease.state.is_over());
        let message = "the instance of this lease is not there yet, or not any more";
        let instance = instance.ok_or_else(|| Error::conflict("lease_not_active", message))?;
        Ok((actor, instance))
    }

    async fn call<T>(
        &self,
        id: LeaseId,
        what: &str,
        buying: &Buying,
        paying: Paying,
        make: impl Future<Output = Result<T, Error>>,
    ) -> Result<Called<T>, Error> {
        let price = self.lease_options()?.terms.call;
        if !price.is_positive() {
            return make.await.map(Called::Done);
        }
        let ordered = match self.order_call(id, what, price, buying, paying).await? {
            Bought::Demanded(demand) => return Ok(Called::Demanded(demand)),
            Bought::Ordered(ordered) => ordered,
        };
        if !ordered.fresh || ordered.order.state != OrderState::Paid {
            return Ok(Called::Ordered(ordered));
        }
        let order = ordered.order.id;
        match make.await {
            Ok(made) => {
                self.call_made(order).await?;
                Ok(Called::Done(made))
            }
            Err(error) => {
                self.give_up(order, &format!("the call could not be made: {error}")).await?;
                Err(error)
            }
        }
    }

    async fn call_made(&self, id: OrderId) -> Result<(), Error> {
        let mut tx = self.db().begin().await?;
        let mut order = orders::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("order"))?;
        if order.state == OrderState::Paid {
            let lease = leases::by_id_tx(&mut tx, order.lease_id).await?.ok_or(Error::NotFound("lease"))?;
            self.now_delivered(&mut tx, &mut order, &lease).await?;
        }
        Ok(tx.commit().await?)
    }
}
