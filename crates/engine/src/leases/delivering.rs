//! What was paid is delivered, or credited. Each step is one transaction, and looks first at what was done before: it may
//! be taken again after any end of the process.

use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::audit::Deed;
use innkeeper_domain::ids::{InstanceId, OrderId, ProjectId};
use innkeeper_domain::instances::{Kind, Settings, State};
use innkeeper_domain::leases::{Lease, LeaseState, Room, minutes_long};
use innkeeper_domain::ledger::{Account, Cause, HouseAccount};
use innkeeper_domain::money::Micros;
use innkeeper_domain::names::Title;
use innkeeper_domain::operations::Verb;
use innkeeper_domain::orders::{Goods, Order, OrderState};
use innkeeper_domain::prices::Rate;
use innkeeper_domain::projects::{Project, Restriction};
use innkeeper_domain::wallets::Address;
use innkeeper_store::{
    Topic, Tx, instances, leases, ledger, orders, payers, projects, restrictions, templates,
};
use serde_json::json;
use tracing::{error, info, warn};

use super::paying::tell;
use crate::instances::Making;
use crate::ledger::posting;
use crate::management::KeyInside;
use crate::{Credit, Engine, Error, Fittings, Idempotency, NicWanted};

impl Engine {
    /// The chain says that an order was paid: the money is the house's, and what was bought is owed.
    pub(super) async fn paid_by_wallet(&self, tx: &mut Tx, order: &mut Order) -> Result<(), Error> {
        let payer = order.payment.as_ref().map(|payment| payment.payer);
        let project = self.open_lease(tx, order, payer).await?;
        let key = format!("order:{}", order.id);
        let mut made = posting(project, Cause::Lease, order.id.to_string(), key, self.clock().now())
            .with(Account::House(HouseAccount::Payments), order.price.negated()?)
            .with(Account::House(HouseAccount::Leases), order.price);
        made.memo =
            order.payment.as_ref().map(|payment| format!("paid by {} on {}", payment.payer, payment.network));
        ledger::post(tx, &made).await?;
        self.now_paid(tx, order, project).await
    }

    /// The same for an order that is paid from a project's wallet.
    pub(super) async fn paid_by_credits(
        &self,
        tx: &mut Tx,
        order: &mut Order,
        buyer: ProjectId,
        wallet: Option<Address>,
    ) -> Result<(), Error> {
        let project = self.open_lease(tx, order, wallet).await?;
        let debit = Credit {
            project_id: buyer,
            amount: order.price,
            from: HouseAccount::Leases,
            cause: Cause::Lease,
            cause_id: order.id.to_string(),
            key: format!("order:{}", order.id),
            memo: Some(super::ordering::describe(&order.goods)),
            by: None,
        };
        self.debit(tx, &debit).await?;
        self.now_paid(tx, order, project).await
    }

    async fn now_paid(&self, tx: &mut Tx, order: &mut Order, project: ProjectId) -> Result<(), Error> {
        let now = self.clock().now();
        (order.state, order.paid_at) = (OrderState::Paid, Some(now));
        (order.due_at, order.tries, order.problem) = (Some(now), 0, None);
        orders::save(tx, order).await?;
        tell(tx, order, now).await?;
        let deed = Deed::done("lease.pay", order.id).of(project).after(json!({
            "lease": order.lease_id, "goods": order.goods.kind(), "price_micros": order.price,
            "payer": order.payment.as_ref().map(|payment| payment.payer), "transaction": order.transaction,
        }));
        self.record(tx, &Actor::house(), deed);
        Ok(())
    }

    /// The project of an order's lease; a lease that is bought gets its row and its project here.
    async fn open_lease(
        &self,
        tx: &mut Tx,
        order: &Order,
        wallet: Option<Address>,
    ) -> Result<ProjectId, Error> {
        let Goods::Lease(room) = &order.goods else {
            let lease = leases::by_id_tx(tx, order.lease_id).await?.ok_or(Error::NotFound("lease"))?;
            return Ok(lease.project_id);
        };
        let now = self.clock().now();
        let name = named(&format!("Lease {}", room.name))?;
        let project = Project { id: ProjectId::new(), name, personal_of: None, created_at: now };
        projects::insert(tx, &project).await?;
        let lease = Lease {
            id: order.lease_id,
            project_id: project.id,
            instance_id: None,
            wallet,
            state: LeaseState::Making,
            name: room.name.clone(),
            template_id: room.template_id,
            plan_id: room.plan_id,
            size: room.size,
            hourly: room.hourly,
            minutes: room.minutes,
            started_at: None,
            expires_at: None,
            notices: 0,
            created_at: now,
            ended_at: None,
            due_at: None,
        };
        leases::insert(tx, &lease, order.token_hash.as_deref()).await?;
        Ok(project.id)
    }

    /// The money of an order came without our asking for it: its payer has it as credit.
    pub(super) async fn credit_stray(&self, tx: &mut Tx, order: &mut Order) -> Result<(), Error> {
        let payment = order.payment.clone().ok_or(Error::NotFound("payment"))?;
        let amount = match self.desk(payment.network, payment.asset) {
            Ok(desk) => desk.credits(payment.amount),
            Err(_) => order.price,
        };
        let why = "the payment was made before it was shown to us with this order, so that anybody may have shown it: \
            what it is worth is credit of the wallet that made it";
        self.credit_payer(
            tx,
            order,
            payment.payer,
            amount,
            HouseAccount::Payments,
            format!("order:{}", order.id),
            why,
        )
        .await
    }

    /// What was paid for cannot be delivered: whoever paid has the price as credit.
    pub(super) async fn give_up(&self, id: OrderId, why: &str) -> Result<(), Error> {
        let mut tx = self.db().begin().await?;
        let mut order = orders::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("order"))?;
        if order.state != OrderState::Paid {
            return Ok(());
        }
        let now = self.clock().now();
        if let Goods::Lease(_) = order.goods
            && let Some(mut lease) = leases::by_id_tx(&mut tx, order.lease_id).await?
        {
            // Whatever was made of it is removed, also when we died before we took note of it.
            if lease.instance_id.is_none() {
                lease.instance_id = instances::first_of_project(&mut tx, lease.project_id).await?;
            }
            (lease.state, lease.due_at) = (LeaseState::Failed, Some(now));
            leases::save(&mut tx, &lease).await?;
        }
        let (from, key) = (HouseAccount::Leases, format!("order-refund:{id}"));
        match (order.payment.as_ref().map(|payment| payment.payer), order.buyer) {
            (Some(payer), _) => {
                let price = order.price;
                self.credit_payer(&mut tx, &mut order, payer, price, from, key, why).await?;
            }
            (None, Some(buyer)) => {
                self.credit(&mut tx, &refund(&order, buyer, order.price, from, key)).await?;
                self.now_credited(&mut tx, &mut order, why).await?;
            }
            (None, None) => return Err(Error::Internal("an order that nobody pays".to_owned())),
        }
        tx.commit().await?;
        warn!(order = %id, why, "an order was paid and could not be delivered; its payer is credited");
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "they say what is posted, and nothing else")]
    async fn credit_payer(
        &self,
        tx: &mut Tx,
        order: &mut Order,
        payer: Address,
        amount: Micros,
        from: HouseAccount,
        key: String,
        why: &str,
    ) -> Result<(), Error> {
        let project = self.payer_project(tx, payer).await?;
        self.credit(tx, &refund(order, project, amount, from, key)).await?;
        self.now_credited(tx, order, why).await
    }

    async fn now_credited(&self, tx: &mut Tx, order: &mut Order, why: &str) -> Result<(), Error> {
        let now = self.clock().now();
        (order.state, order.problem) = (OrderState::Credited, Some(why.to_owned()));
        (order.ended_at, order.due_at) = (Some(now), None);
        orders::save(tx, order).await?;
        tell(tx, order, now).await?;
        let deed = Deed::done("lease.credit", order.id).after(json!({ "why": why, "lease": order.lease_id }));
        self.record(tx, &Actor::house(), deed);
        Ok(())
    }

    /// The project that holds a wallet's credits.
    async fn payer_project(&self, tx: &mut Tx, wallet: Address) -> Result<ProjectId, Error> {
        if let Some(project) = payers::project_of_tx(tx, wallet).await? {
            return Ok(project);
        }
        let now = self.clock().now();
        let name = named(&format!("Wallet {wallet}"))?;
        let project = Project { id: ProjectId::new(), name, personal_of: None, created_at: now };
        projects::insert(tx, &project).await?;
        if payers::insert(tx, wallet, project.id, now).await? {
            return Ok(project.id);
        }
        // Somebody else was faster, and the project that we made stays empty.
        projects::delete(tx, project.id, now).await?;
        payers::project_of_tx(tx, wallet).await?.ok_or(Error::NotFound("project"))
    }

    /// Goes on with a paid order, beside whatever goes on here.
    pub(super) fn go_on(&self, id: OrderId) {
        let engine = self.clone();
        tokio::spawn(async move {
            if let Err(error) = engine.deliver(id).await {
                error!(order = %id, %error, "delivering an order failed; will try again");
            }
        });
    }

    /// Waits until an order is over or refused, or for as long as a request may.
    pub(super) async fn wait_for_order(&self, id: OrderId) -> Result<Order, Error> {
        let until = tokio::time::Instant::now() + self.lease_options()?.wait;
        let mut hints = self.db().wakeups(Topic::Events);
        loop {
            hints.mark_unchanged();
            let order = orders::by_id(self.db(), id).await?.ok_or(Error::NotFound("order"))?;
            let here = match &order.goods {
                // Whoever asked for the call makes it.
                Goods::Call { .. } => order.state == OrderState::Paid,
                _ => false,
            };
            if here || order.state.is_over() || order.state == OrderState::Refused {
                return Ok(order);
            }
            if order.state == OrderState::Paid
                && let Err(error) = self.deliver(id).await
            {
                // Whoever waits has paid: they are told where to look, and the loop goes on.
                warn!(order = %id, %error, "delivering an order failed; will try again");
            }
            let left = until.saturating_duration_since(tokio::time::Instant::now());
            if left.is_zero() {
                return orders::by_id(self.db(), id).await?.ok_or(Error::NotFound("order"));
            }
            tokio::select! {
                _ = hints.changed() => {}
                () = tokio::time::sleep(left.min(Duration::from_secs(1))) => {}
            }
        }
    }

    /// Takes the next step towards what a paid order owes.
    pub(super) async fn deliver(&self, id: OrderId) -> Result<(), Error> {
        let order = orders::by_id(self.db(), id).await?.ok_or(Error::NotFound("order"))?;
        if order.state != OrderState::Paid {
            return Ok(());
        }
        match &order.goods {
            Goods::Lease(room) => self.deliver_room(&order, room).await,
            Goods::Time { minutes, hourly } => self.deliver_time(id, *minutes, *hourly).await,
            Goods::Call { .. } if order.may_deliver(self.clock().now()) => self.deliver_later(id, None).await,
            Goods::Call { .. } => self.give_up(id, "nobody was there any more to make the call").await,
        }
    }

    async fn deliver_room(&self, order: &Order, room: &Room) -> Result<(), Error> {
        let lease = self.with_instance(order).await?;
        let in_time = order.may_deliver(self.clock().now());
        let Some(instance_id) = lease.instance_id else {
            if !in_time {
                let why = order.problem.clone().unwrap_or_else(|| "there was no room in time".to_owned());
                return self.give_up(order.id, &why).await;
            }
            return match self.make_room(order, room, &lease).await {
                Ok(()) => self.deliver_later(order.id, None).await,
                Err(error @ (Error::Store(_) | Error::Internal(_))) => Err(error),
                Err(error) => {
                    info!(order = %order.id, %error, "what was leased cannot be made yet");
                    self.deliver_later(order.id, Some(error.to_string())).await
                }
            };
        };
        let instance = instances::by_id(self.db(), instance_id).await?.ok_or(Error::NotFound("instance"))?;
        // Once it was made, the time runs, whatever its holder does with it by then.
        let made = instance.course.born && instance.operation.is_none_or(|(_, verb)| verb != Verb::Create);
        match instance.state() {
            State::Failed | State::Deleted | State::Missing => {
                self.give_up(order.id, "the container could not be made").await
            }
            _ if made => self.hand_over(order.id).await,
            _ if in_time => self.deliver_later(order.id, None).await,
            _ => self.give_up(order.id, "the container was not there in time").await,
        }
    }

    /// The lease of an order, with the instance that was asked for before a process died that could not take note of it.
    async fn with_instance(&self, order: &Order) -> Result<Lease, Error> {
        let lease = leases::by_id(self.db(), order.lease_id).await?.ok_or(Error::NotFound("lease"))?;
        if lease.instance_id.is_some() {
            return Ok(lease);
        }
        let mut tx = self.db().begin().await?;
        let mut lease = leases::by_id_tx(&mut tx, lease.id).await?.ok_or(Error::NotFound("lease"))?;
        if lease.instance_id.is_none() {
            lease.instance_id = instances::first_of_project(&mut tx, lease.project_id).await?;
            leases::save(&mut tx, &lease).await?;
        }
        tx.commit().await?;
        Ok(lease)
    }

    /// Asks for the instance of a lease, once.
    async fn make_room(&self, order: &Order, room: &Room, lease: &Lease) -> Result<(), Error> {
        let options = self.lease_options()?;
        let template = templates::by_id(self.db(), room.template_id).await?;
        let template = template.ok_or(Error::NotFound("template"))?;
        let mut sources = templates::sources(self.db(), template.id).await?;
        let network = match options.network {
            Some(id) => innkeeper_store::networks::by_id(self.db(), id).await?,
            None => None,
        };
        if let Some(network) = &network {
            sources.retain(|source| source.cluster_id == network.cluster_id);
        }
        let networks = network.iter().map(|network| NicWanted {
            network_id: network.id,
            ipv4: None,
            ipv6: None,
            rate_mbps: None,
        });
        let firewall = Some(options.egress.firewall());
        let making = Making {
            project_id: lease.project_id,
            name: room.name.clone(),
            kind: Kind::Lxc,
            template_id: Some(template.id),
            reports_address: template.reports_address,
            plan_id: room.plan_id,
            size: room.size,
            // It is paid for already.
            rate: Rate::FREE,
            ssh_keys: room.ssh_keys.clone(),
            settings: Settings { firewall: firewall.clone(), confined: true, ..Settings::default() },
            fittings: Fittings { networks: networks.collect(), firewall, disks: Vec::new() },
            sources,
            management: KeyInside::Own,
            user_data: self.entrusted(order.id).await?.and_then(|entrusted| entrusted.user_data),
        };
        let key = Idempotency::new(&format!("lease:{}", order.id), &[b"lease"])?;
        let operation = self.make(&Actor::house(), making, Some(&key)).await?;
        self.keep_instance(lease, operation.instance_id).await
    }

    /// Writes down which instance a lease has.
    async fn keep_instance(&self, lease: &Lease, id: InstanceId) -> Result<(), Error> {
        let mut tx = self.db().begin().await?;
        let mut lease = leases::by_id_tx(&mut tx, lease.id).await?.ok_or(Error::NotFound("lease"))?;
        lease.instance_id.get_or_insert(id);
        if lease.state.is_over() {
            // Somebody gave up meanwhile: what was made nevertheless is removed.
            lease.due_at = Some(self.clock().now());
        }
        leases::save(&mut tx, &lease).await?;
        Ok(tx.commit().await?)
    }

    /// The instance is there: the time begins.
    async fn hand_over(&self, id: OrderId) -> Result<(), Error> {
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        let mut order = orders::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("order"))?;
        let mut lease = leases::by_id_tx(&mut tx, order.lease_id).await?.ok_or(Error::NotFound("lease"))?;
        if order.state != OrderState::Paid || lease.state != LeaseState::Making {
            return Ok(());
        }
        (lease.state, lease.started_at) = (LeaseState::Active, Some(now));
        lease.expires_at = Some(now.after(minutes_long(lease.minutes)));
        self.reschedule(&mut lease)?;
        leases::save(&mut tx, &lease).await?;
        self.now_delivered(&mut tx, &mut order, &lease).await?;
        Ok(tx.commit().await?)
    }

    /// Adds time to a lease. What it had before counts, whoever else renews it at the same time.
    async fn deliver_time(&self, id: OrderId, minutes: u32, hourly: Micros) -> Result<(), Error> {
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        let mut order = orders::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("order"))?;
        if order.state != OrderState::Paid {
            return Ok(());
        }
        let mut lease = leases::by_id_tx(&mut tx, order.lease_id).await?.ok_or(Error::NotFound("lease"))?;
        if !lease.state.can_be_renewed() {
            drop(tx);
            return self.give_up(id, "the lease was over before it could be renewed").await;
        }
        if lease.state == LeaseState::Making {
            drop(tx);
            // Nobody gets time of what may never be there: when it cannot be made, this is credited as well.
            return self.deliver_later(id, None).await;
        }
        lease.expires_at = Some(lease.extended(minutes, hourly, now));
        lease.state = LeaseState::Active;
        restrictions::lift(&mut tx, lease.project_id, Restriction::LeaseExpired).await?;
        lease.notices = lease.notices_due(&self.lease_options()?.terms, now);
        self.reschedule(&mut lease)?;
        leases::save(&mut tx, &lease).await?;
        self.now_delivered(&mut tx, &mut order, &lease).await?;
        Ok(tx.commit().await?)
    }

    pub(super) async fn now_delivered(
        &self,
        tx: &mut Tx,
        order: &mut Order,
        lease: &Lease,
    ) -> Result<(), Error> {
        let now = self.clock().now();
        (order.state, order.problem) = (OrderState::Delivered, None);
        (order.ended_at, order.due_at) = (Some(now), None);
        orders::save(tx, order).await?;
        tell(tx, order, now).await?;
        super::lasting::tell(tx, lease, lease.state.as_str(), now).await?;
        let deed = Deed::done("lease.deliver", order.id).of(lease.project_id).after(json!({
            "lease": lease.id, "goods": order.goods.kind(), "expires_at": lease.expires_at,
        }));
        self.record(tx, &Actor::house(), deed);
        Ok(())
    }

    /// Looks again later, and remembers what stands in the way.
    async fn deliver_later(&self, id: OrderId, problem: Option<String>) -> Result<(), Error> {
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        let mut order = orders::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("order"))?;
        if order.state != OrderState::Paid {
            return Ok(());
        }
        order.due_at = order.next_look(now);
        order.tries = order.tries.saturating_add(1);
        order.problem = problem;
        orders::save(&mut tx, &order).await?;
        Ok(tx.commit().await?)
    }
}

fn refund(order: &Order, project: ProjectId, amount: Micros, from: HouseAccount, key: String) -> Credit {
    Credit {
        project_id: project,
        amount,
        from,
        cause: Cause::Refund,
        cause_id: order.id.to_string(),
        key,
        memo: Some(super::ordering::describe(&order.goods)),
        by: None,
    }
}

/// A name of a project, cut to what names may have.
fn named(text: &str) -> Result<Title, Error> {
    let cut: String = text.chars().take(64).collect();
    cut.parse().map_err(|_| Error::Internal("a name of ours is not one".to_owned()))
}
