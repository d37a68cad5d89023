//! Orders: what is bought, and by what it is paid. The price is computed here, from what was checked, and never taken
//! from anybody.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use innkeeper_connectors::x402::{Payment, Requirements};
use innkeeper_domain::access::{Action, Actor, Proof, may};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::ids::{LeaseId, OrderId, ProjectId, TemplateId};
use innkeeper_domain::leases::{Lease, TOKEN_PREFIX};
use innkeeper_domain::money::Micros;
use innkeeper_domain::names::{Hostname, SshKey};
use innkeeper_domain::orders::{Goods, Order, OrderState};
use innkeeper_domain::wallets::Address;
use innkeeper_store::{Topic, leases, orders, payers, templates};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::paying::{check_count, check_room, same_request};
use crate::callers::{hash_of, new_token};
use crate::error::allow;
use crate::idempotency::{key_reused, request_hash};
use crate::{Engine, Error, WantedSize, turns};

/// The shortest key that a client may choose for an order: nobody must come upon another's by chance.
const SHORTEST_KEY: usize = 16;

/// A lease that somebody wants.
#[derive(Clone, Debug)]
pub struct NewLease {
    /// The host name; one is made up when none is given.
    pub name: Option<Hostname>,
    /// What it is made from; the first that can be leased when none is given.
    pub template_id: Option<TemplateId>,
    /// How big.
    pub size: WantedSize,
    /// For how long.
    pub minutes: u32,
    /// Keys that may sign in to it.
    pub ssh_keys: Vec<SshKey>,
    /// A script that runs in it once.
    pub user_data: Option<String>,
}

/// By what an order is paid.
#[derive(Clone, Debug)]
pub enum Paying {
    /// Nothing yet: tell what it costs.
    Nothing,
    /// A wallet's authorization.
    Wallet(Payment),
    /// Credits of this project.
    Credits(Actor, ProjectId),
}

/// How an order is asked for.
#[derive(Clone, Debug)]
pub struct Buying {
    /// Of the method, the path and the body that ask for it.
    pub fingerprint: Vec<u8>,
    /// A key that the client chose, so that asking again does not buy again.
    pub key: Option<String>,
}

impl Buying {
    /// For a request made of these parts.
    pub fn new(parts: &[&[u8]], key: Option<&str>) -> Result<Self, Error> {
        let graphic = |key: &str| key.bytes().all(|b| b.is_ascii_graphic());
        if key.is_some_and(|key| !(SHORTEST_KEY..=200).contains(&key.len()) || !graphic(key)) {
            let message = "use 16 to 200 printable ASCII characters without spaces, best random ones";
            return Err(Error::invalid("Idempotency-Key", message));
        }
        Ok(Self { fingerprint: request_hash(parts), key: key.map(str::to_owned) })
    }
}

/// What must be paid before anything is done.
#[derive(Clone, Debug)]
pub struct Demand {
    /// What is bought, in a line.
    pub description: String,
    /// In credits.
    pub price: Micros,
    /// How a wallet can pay it: each is enough.
    pub requirements: Vec<Requirements>,
    /// Why what was sent did not do, if something was.
    pub problem: Option<String>,
}

/// What came of asking for an order.
#[derive(Clone, Debug)]
pub enum Bought {
    /// It must be paid first.
    Demanded(Demand),
    /// It is ordered; how far it has come is in its state.
    Ordered(Box<Ordered>),
}

/// An order, with what belongs to it.
#[derive(Clone, Debug)]
pub struct Ordered {
    /// The order.
    pub order: Order,
    /// Its lease, if there is one yet.
    pub lease: Option<Lease>,
    /// The token that the lease is held by. Told once: to whoever sent the payment first.
    pub token: Option<SecretString>,
    /// Whether this request made it; else it was made before.
    pub fresh: bool,
}

/// What a buyer entrusts to us until the order is over.
#[derive(Serialize, Deserialize)]
pub(super) struct Entrusted {
    /// The payment, as the connector keeps it.
    pub(super) payment: Option<String>,
    /// A script for the first start.
    pub(super) user_data: Option<String>,
}

/// What the sealed part of an order is bound to.
fn place(id: OrderId) -> String {
    format!("orders/secret/{id}")
}

impl Engine {
    /// Orders a lease.
    pub async fn order_lease(
        &self,
        new: &NewLease,
        buying: &Buying,
        paying: Paying,
    ) -> Result<Bought, Error> {
        if let Some(before) = self.ordered_before(buying, &paying).await? {
            return Ok(Bought::Ordered(Box::new(before)));
        }
        let room = self.room(new).await?;
        let price = self.lease_options()?.terms.price(room.hourly, room.minutes)?;
        let goods = Goods::Lease(room);
        self.buy(LeaseId::new(), goods, price, new.user_data.clone(), buying, paying).await
    }

    /// Orders more time. Anybody may pay it.
    pub async fn order_time(
        &self,
        id: LeaseId,
        minutes: u32,
        buying: &Buying,
        paying: Paying,
    ) -> Result<Bought, Error> {
        if let Some(before) = self.ordered_before(buying, &paying).await? {
            return Ok(Bought::Ordered(Box::new(before)));
        }
        let quote = self.quote_renewal(id, minutes).await?;
        self.buy(id, Goods::Time { minutes, hourly: quote.hourly }, quote.price, None, buying, paying).await
    }

    /// Orders a command or a console, where the house charges for them.
    pub(super) async fn order_call(
        &self,
        id: LeaseId,
        what: &str,
        price: Micros,
        buying: &Buying,
        paying: Paying,
    ) -> Result<Bought, Error> {
        if let Some(before) = self.ordered_before(buying, &paying).await? {
            return Ok(Bought::Ordered(Box::new(before)));
        }
        self.buy(id, Goods::Call { what: what.to_owned() }, price, None, buying, paying).await
    }

    /// The order that this request made before, by its key or by its payment; none when it made none, or one that came to
    /// nothing and may be tried again.
    async fn ordered_before(&self, buying: &Buying, paying: &Paying) -> Result<Option<Ordered>, Error> {
        if let Paying::Wallet(payment) = paying
            && let Some(order) = self.order_of(payment).await?
        {
            same_request(&order, &buying.fingerprint)?;
            if !order.state.can_be_tried_again() {
                return Ok(Some(self.ordered(order, None).await?));
            }
        }
        let Some(key) = &buying.key else { return Ok(None) };
        let Some(order) = orders::by_key(self.db(), &hash_of(key)).await? else { return Ok(None) };
        if order.fingerprint != buying.fingerprint {
            return Err(key_reused());
        }
        if self.came_to_nothing(&order) { Ok(None) } else { Ok(Some(self.ordered(order, None).await?)) }
    }

    /// The order that this payment was claimed for, if it was.
    pub(super) async fn order_of(&self, payment: &Payment) -> Result<Option<Order>, Error> {
        let (network, authorization) = (payment.network, &payment.authorization);
        for desk in self.lease_options()?.desks.iter().filter(|desk| desk.network == network) {
            let (payer, nonce) = (authorization.from, authorization.nonce);
            if let Some(order) = orders::by_payment(self.db(), network, desk.asset, payer, nonce).await? {
                return Ok(Some(order));
            }
        }
        Ok(None)
    }

    async fn buy(
        &self,
        lease_id: LeaseId,
        goods: Goods,
        price: Micros,
        user_data: Option<String>,
        buying: &Buying,
        paying: Paying,
    ) -> Result<Bought, Error> {
        let options = self.lease_options()?;
        let order = Order {
            id: OrderId::new(),
            lease_id,
            goods,
            state: OrderState::Claimed,
            price,
            payment: None,
            buyer: None,
            fingerprint: buying.fingerprint.clone(),
            key_hash: buying.key.as_deref().map(hash_of),
            token_hash: None,
            transaction: None,
            problem: None,
            created_at: self.clock().now(),
            paid_at: None,
            ended_at: None,
            due_at: None,
            tries: 0,
        };
        match paying {
            Paying::Nothing => Ok(Bought::Demanded(Demand {
                description: describe(&order.goods),
                price,
                requirements: options.requirements(price),
                problem: None,
            })),
            Paying::Wallet(payment) => self.buy_by_wallet(order, payment, user_data).await,
            Paying::Credits(actor, project) => self.buy_by_credits(order, user_data, &actor, project).await,
        }
    }

    async fn buy_by_credits(
        &self,
        mut order: Order,
        user_data: Option<String>,
        actor: &Actor,
        project: ProjectId,
    ) -> Result<Bought, Error> {
        allow(may(actor, Action::PayProject(project)), "project")?;
        // Paying is open to whoever something stands against, so that they can pay what they owe. Renting is not.
        if !matches!(order.goods, Goods::Time { .. }) {
            allow(may(actor, Action::UseProject(project)), "project")?;
        }
        let token = Self::token_for(&mut order);
        order.buyer = Some(project);
        let wallet = match actor.proof {
            Proof::Wallet(wallet) => Some(wallet),
            _ => None,
        };
        let sources = match &order.goods {
            Goods::Lease(room) => templates::sources(self.db(), room.template_id).await?,
            Goods::Time { .. } | Goods::Call { .. } => Vec::new(),
        };
        let mut tx = self.db().begin().await?;
        if let Goods::Lease(room) = &order.goods {
            if let Some(wallet) = wallet {
                let counted = orders::count_of_wallet(&mut tx, wallet).await?;
                check_count(counted, self.lease_options()?.terms.per_wallet)?;
            }
            check_room(&mut tx, room, &sources).await?;
        }
        let secret = self.entrust(&order, &Entrusted { payment: None, user_data })?;
        self.free_key(&mut tx, &order).await?;
        orders::insert(&mut tx, &order, Some(&secret)).await.map_err(taken)?;
        self.record(
            &mut tx,
            actor,
            Deed::done("lease.order", order.id).of(project).after(json!({
                "lease": order.lease_id, "goods": order.goods.kind(), "price_micros": order.price,
            })),
        );
        self.paid_by_credits(&mut tx, &mut order, project, wallet).await?;
        if let (Goods::Lease(_), Some(user)) = (&order.goods, actor.user_id)
            && let Some(lease) = leases::by_id_tx(&mut tx, order.lease_id).await?
        {
            let owner = innkeeper_domain::projects::Membership::Owner;
            innkeeper_store::projects::add_member(&mut tx, lease.project_id, user, owner).await?;
        }
        tx.commit().await?;
        self.go_on(order.id);
        let order = self.wait_for_order(order.id).await?;
        let ordered = self.ordered(order, token).await?;
        Ok(Bought::Ordered(Box::new(Ordered { fresh: true, ..ordered })))
    }

    /// The key of an order that came to nothing is free for another.
    pub(super) async fn free_key(&self, tx: &mut innkeeper_store::Tx, order: &Order) -> Result<(), Error> {
        let Some(key) = &order.key_hash else { return Ok(()) };
        if let Some(before) = orders::by_key_tx(tx, key).await?
            && self.came_to_nothing(&before)
        {
            orders::save(tx, &Order { key_hash: None, ..before }).await?;
        }
        Ok(())
    }

    /// A new token for the lease that an order makes.
    pub(super) fn token_for(order: &mut Order) -> Option<SecretString> {
        if !matches!(order.goods, Goods::Lease(_)) {
            return None;
        }
        let token = new_token(TOKEN_PREFIX);
        order.token_hash = Some(hash_of(token.expose_secret()));
        Some(token)
    }

    pub(super) fn entrust(&self, order: &Order, what: &Entrusted) -> Result<innkeeper_store::Sealed, Error> {
        let text = serde_json::to_vec(what).map_err(|error| Error::Internal(error.to_string()))?;
        Ok(self.0.keys.seal(&text, &place(order.id)))
    }

    pub(super) async fn entrusted(&self, id: OrderId) -> Result<Option<Entrusted>, Error> {
        let Some(sealed) = orders::secret(self.db(), id).await? else { return Ok(None) };
        let failed = |error: &dyn fmt::Display| Error::Internal(format!("an order: {error}"));
        let text = self.0.keys.open(&sealed, &place(id)).map_err(|error| failed(&error))?;
        serde_json::from_slice(&text).map(Some).map_err(|error| failed(&error))
    }

    pub(super) async fn ordered(&self, order: Order, token: Option<SecretString>) -> Result<Ordered, Error> {
        let lease = leases::by_id(self.db(), order.lease_id).await?;
        Ok(Ordered { order, lease, token, fresh: false })
    }

    /// How an order stands: for whoever has its id, which nobody can guess. Nothing in it is secret.
    pub async fn order(&self, id: OrderId) -> Result<Ordered, Error> {
        let order = orders::by_id(self.db(), id).await?.ok_or(Error::NotFound("order"))?;
        self.ordered(order, None).await
    }

    /// Orders, newest first: for staff.
    pub async fn orders(
        &self,
        actor: &Actor,
        state: Option<OrderState>,
        after: Option<OrderId>,
        limit: i64,
    ) -> Result<Vec<Order>, Error> {
        allow(may(actor, Action::SeeHouse), "order")?;
        Ok(orders::list(self.db(), state, after, limit).await?)
    }

    /// The same, when the order is over or refused, or after so long.
    pub async fn await_order(&self, id: OrderId, patience: Duration) -> Result<Ordered, Error> {
        let ended = |found: &Ordered| found.order.state.is_over() || found.order.state == OrderState::Refused;
        turns::wait_for(self.db().wakeups(Topic::Events), patience, || self.order(id), ended).await
    }

    /// A wallet that has signed in, and the project that holds its credits.
    pub async fn wallet_funds(
        &self,
        wallet: Address,
        address: Option<IpAddr>,
    ) -> Result<(Actor, ProjectId), Error> {
        let project = payers::project_of(self.db(), wallet).await?;
        let project =
            project.ok_or_else(|| Error::conflict("no_credits", "this wallet has no credits here"))?;
        Ok((Actor::holder([project], Proof::Wallet(wallet), address), project))
    }

    /// The credits of a wallet: what it paid and did not get.
    pub async fn wallet_credits(&self, wallet: Address) -> Result<Micros, Error> {
        let Some(project) = payers::project_of(self.db(), wallet).await? else { return Ok(Micros::ZERO) };
        Ok(innkeeper_store::ledger::purses(self.db(), project).await?.wallet)
    }
}

/// What is bought, in a line.
pub(super) fn describe(goods: &Goods) -> String {
    match goods {
        Goods::Lease(room) => {
            let size = room.size;
            format!(
                "{} minutes of a container with {} {}, {} MiB of memory and {} GiB of disk",
                room.minutes,
                size.cores,
                if size.cores == 1 { "core" } else { "cores" },
                size.memory_mib,
                size.disk_gib
            )
        }
        Goods::Time { minutes, .. } => format!("{minutes} more minutes of a lease"),
        Goods::Call { what } => format!("one call of {what}"),
    }
}

/// Two requests came with one payment, or with one key: the other was faster.
pub(super) fn taken(error: innkeeper_store::Error) -> Error {
    match error {
        innkeeper_store::Error::Conflict("key") => Error::conflict(
            "in_progress",
            "the request with this Idempotency-Key is being worked on; ask again",
        ),
        other => other.into(),
    }
}
