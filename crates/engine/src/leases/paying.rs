//! The gate: a wallet's payment is claimed for one order, verified, checked by our own rules, settled, and looked up on
//! the chain. Only what the chain says makes an order paid; until it has said so, the order is neither given up nor
//! asked to be paid again.

use innkeeper_connectors::x402::chain::{Fate as Seen, Question};
use innkeeper_connectors::x402::{Payment, Requirements};
use innkeeper_domain::access::Actor;
use innkeeper_domain::audit::Deed;
use innkeeper_domain::events::Subject;
use innkeeper_domain::ids::OrderId;
use innkeeper_domain::leases::Room;
use innkeeper_domain::orders::{Authorization, Fate, Goods, Order, OrderState, Verdict};
use innkeeper_domain::placement::{Wanted, chosen, survey};
use innkeeper_domain::templates::Source;
use innkeeper_domain::time::Timestamp;
use innkeeper_store::{Tx, events, leases, nodes, orders, templates};
use secrecy::SecretString;
use serde_json::json;
use tracing::{info, warn};

use super::ordering::{Entrusted, describe, taken};
use super::{Bought, Demand, Desk, Ordered};
use crate::{Engine, Error};

/// An authorization must be good for so much longer, in seconds, or it ends while it is settled.
const LEAST_VALIDITY: u64 = 10;

/// And for no longer than this: an order stays open as long as its authorization is.
const MOST_VALIDITY: u64 = 60 * 60;

/// So many blocks before its claim an authorization is looked for: it may have been used before it was shown to us.
const BLOCKS_BEFORE: u64 = 9_000;

/// What is told while nothing has moved.
const NOT_CHARGED: &str =
    "nothing was charged; send the same request with the same payment again in a moment";

impl Engine {
    /// Buys by a wallet's payment: claims it for the order, and goes on with the order until it waits for something.
    pub(super) async fn buy_by_wallet(
        &self,
        mut order: Order,
        payment: Payment,
        user_data: Option<String>,
    ) -> Result<Bought, Error> {
        let options = self.lease_options()?;
        let demand = |problem: String| {
            Bought::Demanded(Demand {
                description: describe(&order.goods),
                price: order.price,
                requirements: options.requirements(order.price),
                problem: Some(problem),
            })
        };
        let desks = options.desks.iter().filter(|desk| desk.network == payment.network);
        let mut why = "the payment is for a network that is not offered".to_owned();
        let mut fitting = None;
        for desk in desks {
            let asked = desk.requirements(order.price, options.payable);
            match payment.answers(&asked) {
                Ok(()) => fitting = Some((desk, asked)),
                Err(mismatch) => why = mismatch.to_string(),
            }
        }
        let Some((desk, asked)) = fitting else { return Ok(demand(why)) };
        if let Err(why) = self.plausible(&payment, &asked) {
            return Ok(demand(why));
        }
        let head = desk.chain.head().await.map_err(|error| {
            warn!(network = %desk.network, %error, "the chain cannot be read; no payment is taken");
            Error::Provider(format!("the chain cannot be read at the moment; {NOT_CHARGED}"))
        })?;
        let token = Self::token_for(&mut order);
        order.payment = Some(Authorization {
            network: desk.network,
            asset: desk.asset,
            payer: payment.authorization.from,
            nonce: payment.authorization.nonce,
            pay_to: desk.pay_to,
            amount: payment.authorization.value.0,
            valid_before: seconds(payment.authorization.valid_before),
            from_block: head.saturating_sub(BLOCKS_BEFORE),
        });
        order.due_at = order.next_look(order.created_at);
        let fingerprint = order.fingerprint.clone();
        let Some(claimed) = self.claim(order, &payment, user_data).await? else {
            // Somebody else sent the same payment at the same time.
            let before = self.order_of(&payment).await?.ok_or(Error::NotFound("order"))?;
            same_request(&before, &fingerprint)?;
            return Ok(Bought::Ordered(Box::new(self.ordered(before, None).await?)));
        };
        let id = claimed.id;
        // In a task of its own: when the buyer hangs up, it goes on.
        let engine = self.clone();
        let work = tokio::spawn(async move { engine.charge_wallet(id).await });
        work.await.map_err(|error| Error::Internal(format!("a payment's task ended badly: {error}")))??;
        let order = self.wait_for_order(id).await?;
        if order.state == OrderState::Refused {
            let why = order.problem.unwrap_or_else(|| "the payment was not accepted".to_owned());
            return Ok(Bought::Demanded(Demand {
                description: describe(&order.goods),
                price: order.price,
                requirements: options.requirements(order.price),
                problem: Some(why),
            }));
        }
        let ordered = self.ordered(order, token).await?;
        Ok(Bought::Ordered(Box::new(Ordered { fresh: true, ..ordered })))
    }

    /// Whether a payment that answers our offer can be good at all.
    fn plausible(&self, payment: &Payment, asked: &Requirements) -> Result<(), String> {
        let now = u64::try_from(self.clock().now().0 / 1_000_000).unwrap_or(0);
        let (from, until) = (payment.authorization.valid_after, payment.authorization.valid_before);
        if from > now {
            return Err("`authorization.validAfter` is in the future; sign one that is good now".to_owned());
        }
        if until < now + LEAST_VALIDITY {
            return Err("`authorization.validBefore` is over, or nearly; sign a new one".to_owned());
        }
        if until > now + MOST_VALIDITY {
            let most = MOST_VALIDITY / 60;
            return Err(format!(
                "`authorization.validBefore` is more than {most} minutes ahead; sign a shorter one"
            ));
        }
        // Wallets that are contracts sign in their own ways, which their chain alone can check.
        if payment.signature.expose().len() == 65
            && let Err(why) = payment.check_signature(asked)
        {
            return Err(format!("`signature`: {why}"));
        }
        Ok(())
    }

    /// Claims a payment for an order, before anything else is done with it; none when it is claimed already. An order that
    /// came to nothing is taken up again under a new token.
    async fn claim(
        &self,
        order: Order,
        payment: &Payment,
        user_data: Option<String>,
    ) -> Result<Option<Order>, Error> {
        use secrecy::ExposeSecret as _;
        let payment_text = payment.to_stored().expose_secret().to_owned();
        let entrusted = Entrusted { payment: Some(payment_text), user_data };
        // Read before the transaction: on PostgreSQL, many that each hold one connection and wait for a second one would
        // wait for each other.
        let before = self.order_of(payment).await?;
        let mut tx = self.db().begin().await?;
        if let Some(before) = before {
            let mut found = orders::by_id_tx(&mut tx, before.id).await?.ok_or(Error::NotFound("order"))?;
            // Two requests may have come at once, before either had an order.
            same_request(&found, &order.fingerprint)?;
            if found.state == OrderState::Lapsed || !self.came_to_nothing(&found) {
                return Ok(None);
            }
            if order.key_hash.is_some() && order.key_hash != found.key_hash {
                self.free_key(&mut tx, &order).await?;
                found.key_hash.clone_from(&order.key_hash);
            }
            (found.state, found.token_hash, found.problem) = (OrderState::Claimed, order.token_hash, None);
            (found.tries, found.created_at) = (0, self.clock().now());
            orders::save(&mut tx, &found).await.map_err(taken)?;
            tx.commit().await?;
            return Ok(Some(found));
        }
        let secret = self.entrust(&order, &entrusted)?;
        self.free_key(&mut tx, &order).await?;
        match orders::insert(&mut tx, &order, Some(&secret)).await {
            Err(innkeeper_store::Error::Conflict("payment")) => return Ok(None),
            other => other.map_err(taken)?,
        }
        tx.commit().await?;
        Ok(Some(order))
    }

    /// Whether a claimed order was left by the request that claimed it: its facilitator did not answer, or its process
    /// died.
    pub(super) fn is_left(&self, order: &Order) -> bool {
        order.problem.is_some() || self.clock().now() >= order.created_at.after(super::watching::MEANWHILE)
    }

    /// Whether nothing will come of an order unless its payment is sent again.
    pub(super) fn came_to_nothing(&self, order: &Order) -> bool {
        match order.state {
            OrderState::Refused | OrderState::Lapsed => true,
            OrderState::Claimed => self.is_left(order),
            _ => false,
        }
    }

    /// Verifies, checks and settles a claimed payment. What stands in the way before anything could move is an error, and
    /// nothing is charged.
    async fn charge_wallet(&self, id: OrderId) -> Result<(), Error> {
        let order = orders::by_id(self.db(), id).await?.ok_or(Error::NotFound("order"))?;
        let (desk, payment, asked) = self.parts(&order).await?;
        let authorization = order.payment.as_ref().ok_or(Error::NotFound("payment"))?;
        let verified = match desk.facilitator.verify(&payment, &asked).await {
            Ok(verified) => verified,
            Err(error) => {
                warn!(order = %id, %error, "a payment could not be verified");
                let why = format!("the payment cannot be verified at the moment; {NOT_CHARGED}");
                self.note(id, &why).await?;
                return Err(Error::Provider(why));
            }
        };
        // It may be used already, by somebody who saw it before us: then it is not known whose order it pays for, and
        // what the facilitator thinks of it is no reason to deliver. Afterwards whatever moves counts as asked for here.
        let fate = fate_of(desk, authorization).await;
        match (verified.valid, fate) {
            (true, Fate::Unused { expired: false }) => {}
            (true, Fate::Unknown) => {
                let why = format!("the chain cannot be read at the moment; {NOT_CHARGED}");
                self.note(id, &why).await?;
                return Err(Error::Provider(why));
            }
            (valid, fate) => {
                if self.conclude(id, fate).await? != OrderState::Claimed {
                    return Ok(());
                }
                let why = verified.reason.filter(|_| !valid);
                return self.refuse(id, &why.unwrap_or_else(|| "the payment is not valid".to_owned())).await;
            }
        }
        if let Err(error) = self.begin_settling(id).await {
            self.refuse(id, &error.to_string()).await?;
            return Err(error);
        }
        // From here on money may have moved: whatever goes wrong, the buyer is told where to look, and the loop goes on.
        if let Err(error) = self.settle_on_chain(&order, desk, &payment, &asked).await {
            warn!(order = %id, %error, "settling did not end well; will look again");
        }
        self.go_on(id);
        Ok(())
    }

    /// Our own checks, in the transaction after which money may move.
    async fn begin_settling(&self, id: OrderId) -> Result<(), Error> {
        let now = self.clock().now();
        let terms = &self.lease_options()?.terms;
        // Read before the transaction, for the same reason as in `claim`.
        let order = orders::by_id(self.db(), id).await?.ok_or(Error::NotFound("order"))?;
        let payer = order.payment.map(|payment| payment.payer).ok_or(Error::NotFound("payment"))?;
        let sources = match &order.goods {
            Goods::Lease(room) => templates::sources(self.db(), room.template_id).await?,
            Goods::Time { .. } | Goods::Call { .. } => Vec::new(),
        };
        let mut tx = self.db().begin().await?;
        // Whoever counts a wallet's leases comes before the row, as everywhere.
        let counted = orders::count_of_wallet(&mut tx, payer).await?;
        let mut order = orders::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("order"))?;
        if order.state != OrderState::Claimed {
            return Err(Error::conflict("in_progress", "the order is being worked on; look at its address"));
        }
        match &order.goods {
            Goods::Lease(room) => {
                check_count(counted, terms.per_wallet)?;
                check_room(&mut tx, room, &sources).await?;
            }
            Goods::Time { minutes, .. } => {
                let lease =
                    leases::by_id_tx(&mut tx, order.lease_id).await?.ok_or(Error::NotFound("lease"))?;
                if !lease.state.can_be_renewed() {
                    return Err(Error::conflict("lease_over", "the lease is over; buy another"));
                }
                terms.check_renewal(&lease, *minutes, now).map_err(|why| Error::invalid("minutes", why))?;
            }
            Goods::Call { .. } => {}
        }
        order.state = OrderState::Settling;
        order.tries = 0;
        // The request itself settles now; somebody else only when it died over that.
        order.due_at = Some(now.after(super::watching::MEANWHILE));
        orders::save(&mut tx, &order).await?;
        tell(&mut tx, &order, now).await?;
        Ok(tx.commit().await?)
    }

    /// Has the facilitator settle, and looks what came of it. What it answers decides nothing.
    async fn settle_on_chain(
        &self,
        order: &Order,
        desk: &Desk,
        payment: &Payment,
        asked: &Requirements,
    ) -> Result<(), Error> {
        match desk.facilitator.settle(payment, asked).await {
            Ok(settled) => info!(
                order = %order.id, success = settled.success, pending = settled.pending, reason = settled.reason,
                "settled, as the facilitator says"
            ),
            Err(error) => warn!(order = %order.id, %error, "the facilitator did not say whether it settled"),
        }
        let order = orders::by_id(self.db(), order.id).await?.ok_or(Error::NotFound("order"))?;
        self.look(&order).await?;
        Ok(())
    }

    /// Goes on with an order that is being settled: looks first, since what was asked for before may have had its effect.
    pub(super) async fn settle_again(&self, order: &Order) -> Result<(), Error> {
        if self.look(order).await? != OrderState::Settling || !order.may_settle(self.clock().now()) {
            return Ok(());
        }
        let (desk, payment, asked) = self.parts(order).await?;
        self.settle_on_chain(order, desk, &payment, &asked).await
    }

    /// Asks the chain what became of a payment, and draws the conclusion. Answers how the order stands then.
    pub(super) async fn look(&self, order: &Order) -> Result<OrderState, Error> {
        let Some(payment) = &order.payment else { return Ok(order.state) };
        let fate = match self.desk(payment.network, payment.asset) {
            Ok(desk) => fate_of(desk, payment).await,
            Err(error) => {
                warn!(order = %order.id, %error, "nobody can be asked about a payment");
                Fate::Unknown
            }
        };
        self.conclude(order.id, fate).await
    }

    /// Draws the conclusion from what the chain says. Answers how the order stands then.
    async fn conclude(&self, id: OrderId, fate: Fate) -> Result<OrderState, Error> {
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        let mut order = orders::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("order"))?;
        match order.judge(fate) {
            Verdict::Deliver(transaction) => {
                order.transaction = Some(transaction);
                self.paid_by_wallet(&mut tx, &mut order).await?;
            }
            Verdict::Credit(transaction) => {
                order.transaction = Some(transaction);
                self.credit_stray(&mut tx, &mut order).await?;
            }
            Verdict::Lapse => {
                order.state = OrderState::Lapsed;
                order
                    .problem
                    .get_or_insert_with(|| "the payment was never made, and can not be any more".to_owned());
                (order.ended_at, order.due_at) = (Some(now), None);
                orders::save(&mut tx, &order).await?;
                tell(&mut tx, &order, now).await?;
            }
            Verdict::Wait => {
                if matches!(order.state, OrderState::Settling | OrderState::Claimed | OrderState::Refused) {
                    order.due_at = order.next_look(now);
                    order.tries += 1;
                    orders::save(&mut tx, &order).await?;
                }
            }
        }
        tx.commit().await?;
        Ok(order.state)
    }

    /// What it takes to ask a facilitator about an order.
    async fn parts(&self, order: &Order) -> Result<(&Desk, Payment, Requirements), Error> {
        let authorization = order.payment.as_ref().ok_or(Error::NotFound("payment"))?;
        let desk = self.desk(authorization.network, authorization.asset)?;
        let stored = self.entrusted(order.id).await?.and_then(|entrusted| entrusted.payment);
        let stored = stored.map(SecretString::from).ok_or(Error::NotFound("payment"))?;
        let payment = Payment::from_stored(&stored).map_err(|error| Error::Internal(error.to_string()))?;
        let mut asked = desk.requirements(order.price, self.lease_options()?.payable);
        // As it was offered then: the price of a credit, or our account, may have changed since.
        (asked.amount, asked.pay_to) = (payment.authorization.value, authorization.pay_to);
        Ok((desk, payment, asked))
    }

    async fn refuse(&self, id: OrderId, why: &str) -> Result<(), Error> {
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        let mut order = orders::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("order"))?;
        if order.state == OrderState::Claimed {
            order.state = OrderState::Refused;
            order.problem = Some(why.to_owned());
            order.due_at = order.next_look(now);
            orders::save(&mut tx, &order).await?;
            let deed =
                Deed::refused("lease.order", id).after(json!({ "why": why, "goods": order.goods.kind() }));
            self.record(&mut tx, &Actor::house(), deed);
        }
        Ok(tx.commit().await?)
    }

    /// Writes down what stands in the way of a claimed order, which may be sent again at once.
    async fn note(&self, id: OrderId, why: &str) -> Result<(), Error> {
        let mut tx = self.db().begin().await?;
        let mut order = orders::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("order"))?;
        if order.state == OrderState::Claimed {
            order.problem = Some(why.to_owned());
            orders::save(&mut tx, &order).await?;
        }
        Ok(tx.commit().await?)
    }
}

/// A payment pays for the request that it was first sent with.
pub(super) fn same_request(order: &Order, fingerprint: &[u8]) -> Result<(), Error> {
    if order.fingerprint == fingerprint {
        return Ok(());
    }
    let message =
        "this payment was sent with another request before; it pays for that one alone: sign a new one";
    Err(Error::conflict("payment_used", message))
}

/// Whether a wallet may have another lease.
pub(super) fn check_count(counted: i64, most: u32) -> Result<(), Error> {
    if counted < i64::from(most) {
        return Ok(());
    }
    let message = format!("a wallet has at most {most} leases at once; let one go first");
    Err(Error::conflict("too_many_leases", message))
}

/// Whether there is room at the moment. It may be gone when the money has come; then the payer is credited.
pub(super) async fn check_room(tx: &mut Tx, room: &Room, sources: &[Source]) -> Result<(), Error> {
    let (nodes, storages) = nodes::offers(tx).await?;
    let kind = innkeeper_domain::instances::Kind::Lxc;
    let wanted = Wanted { kind, size: room.size, sources: Some(sources), avoid: &[] };
    let verdicts = survey(wanted, &nodes, &storages);
    chosen(wanted, &nodes, &verdicts)?;
    Ok(())
}

/// What the chain says of an authorization to us.
async fn fate_of(desk: &Desk, payment: &Authorization) -> Fate {
    let question = Question {
        asset: payment.asset,
        payer: payment.payer,
        nonce: payment.nonce,
        valid_before: u64::try_from(payment.valid_before.0 / 1_000_000).unwrap_or(0),
        from_block: payment.from_block,
        confirmations: desk.confirmations,
    };
    match desk.chain.fate(&question).await {
        Ok(Seen::Unused { expired }) => Fate::Unused { expired },
        Ok(Seen::Used(used)) if used.confirmations < desk.confirmations => Fate::Unknown,
        Ok(Seen::Used(used)) if used.paid.to == payment.pay_to && used.paid.value == payment.amount => {
            Fate::Paid(used.transaction)
        }
        Ok(Seen::Used(_)) => Fate::Void,
        Ok(Seen::Canceled { confirmations, .. }) if confirmations >= desk.confirmations => Fate::Void,
        Ok(Seen::Canceled { .. }) => Fate::Unknown,
        Ok(Seen::UsedElsewhere) => {
            warn!(nonce = %payment.nonce, payer = %payment.payer, "an authorization was used where we cannot see it");
            Fate::Hidden
        }
        Err(error) => {
            warn!(network = %payment.network, %error, "the chain does not say what became of a payment");
            Fate::Unknown
        }
    }
}

fn seconds(since_1970: u64) -> Timestamp {
    Timestamp(i64::try_from(since_1970.saturating_mul(1_000_000)).unwrap_or(i64::MAX))
}

/// Appends how an order stands to the events, for whoever waits for it.
pub(super) async fn tell(tx: &mut Tx, order: &Order, now: Timestamp) -> Result<(), Error> {
    let id = order.id.to_string();
    Ok(events::append(tx, now, None, Subject::Lease, &id, order.state.as_str()).await?)
}
