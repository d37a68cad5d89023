//! Leases over HTTP: prepaid containers for whoever pays, with or without an account.
//!
//! These routes know three kinds of callers ([`holder`]): whoever shows a lease's token, a wallet that signs, and people
//! who are signed in. What must be paid is told by `402` and paid with the same request again ([`gate`]).

pub(crate) mod buying;
pub(crate) mod calls;
pub(crate) mod catalogue;
mod gate;
mod holder;
pub(crate) mod keeping;
pub(crate) mod llms;
pub(crate) mod seed;
pub(crate) mod wallets;

use innkeeper_domain::ids::{InstanceId, LeaseId, OrderId, PlanId, TemplateId};
use innkeeper_domain::instances::State as InstanceState;
use innkeeper_domain::leases::{self as domain, LeaseState};
use innkeeper_domain::money::Micros;
use innkeeper_domain::names::Hostname;
use innkeeper_domain::orders::{self, OrderState};
use innkeeper_domain::sizes::Size;
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::wallets::{Address, Network, TxHash};
use innkeeper_engine::Engine;
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::Problem;

/// A prepaid right to a container.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Lease {
    /// Identity.
    id: LeaseId,
    /// How it stands.
    state: LeaseState,
    /// The host name of its container.
    name: Hostname,
    /// What it was made from.
    template_id: TemplateId,
    /// The plan that its size comes by, if it does.
    plan_id: Option<PlanId>,
    /// How big.
    size: Size,
    /// What an hour of it costs, in micro-credits.
    hourly_micros: Micros,
    /// Its container, once there is one.
    instance_id: Option<InstanceId>,
    /// How that is.
    instance_state: Option<InstanceState>,
    /// Where it is reached, as last reported.
    address: Option<String>,
    /// The wallet that bought it; null when it was bought with credits.
    wallet: Option<Address>,
    /// When it was bought.
    created_at: Timestamp,
    /// When its time began: when the container was there.
    started_at: Option<Timestamp>,
    /// When its time is over. The container is stopped then.
    expires_at: Option<Timestamp>,
    /// When the container is removed, if nobody renews.
    grace_ends_at: Option<Timestamp>,
    /// When it was over for good.
    ended_at: Option<Timestamp>,
    /// Where to renew it. Anybody may pay.
    renew_url: String,
}

impl Lease {
    /// A lease with how its container is.
    pub(crate) async fn shown(engine: &Engine, lease: domain::Lease) -> Result<Self, Problem> {
        let instance = engine.leased_instance(&lease).await?;
        let grace = engine.lease_options()?.terms.grace;
        Ok(Self {
            id: lease.id,
            state: lease.state,
            template_id: lease.template_id,
            plan_id: lease.plan_id,
            size: lease.size,
            hourly_micros: lease.hourly,
            instance_id: lease.instance_id,
            instance_state: instance.as_ref().map(innkeeper_domain::instances::Instance::state),
            address: instance.and_then(|instance| instance.address),
            wallet: lease.wallet,
            created_at: lease.created_at,
            started_at: lease.started_at,
            expires_at: lease.expires_at,
            grace_ends_at: lease.expires_at.map(|end| end.after(grace)),
            ended_at: lease.ended_at,
            renew_url: format!("/api/v1/leases/{}/renew", lease.id),
            name: lease.name,
        })
    }
}

/// Something bought for a lease. Nothing in it is secret: whoever has its id may see it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Order {
    /// Identity.
    id: OrderId,
    /// What is bought: `lease`, `time` or `call`.
    kind: &'static str,
    /// How it stands.
    state: OrderState,
    /// The lease that it makes or changes.
    lease_id: LeaseId,
    /// What it costs, in micro-credits.
    price_micros: Micros,
    /// Whose wallet pays it; null when it is paid with credits.
    payer: Option<Address>,
    /// On which chain.
    network: Option<Network>,
    /// In which token.
    asset: Option<Address>,
    /// How much of it, in its smallest unit.
    amount: Option<String>,
    /// By which transaction it was paid.
    transaction: Option<TxHash>,
    /// What stands in the way, or went wrong.
    problem: Option<String>,
    /// When it was asked for.
    created_at: Timestamp,
    /// When we saw that it was paid.
    paid_at: Option<Timestamp>,
    /// When it was over.
    ended_at: Option<Timestamp>,
    /// Where to see how it stands.
    url: String,
}

impl From<orders::Order> for Order {
    fn from(order: orders::Order) -> Self {
        let payment = order.payment.as_ref();
        Self {
            id: order.id,
            kind: order.goods.kind(),
            state: order.state,
            lease_id: order.lease_id,
            price_micros: order.price,
            payer: payment.map(|payment| payment.payer),
            network: payment.map(|payment| payment.network),
            asset: payment.map(|payment| payment.asset),
            amount: payment.map(|payment| payment.amount.to_string()),
            transaction: order.transaction,
            created_at: order.created_at,
            paid_at: order.paid_at,
            ended_at: order.ended_at,
            url: address_of(order.id),
            problem: order.problem,
        }
    }
}

/// Where an order is looked at.
pub(crate) fn address_of(order: OrderId) -> String {
    format!("/api/v1/leases/orders/{order}")
}

/// What was bought, and for which lease.
#[derive(Serialize, ToSchema)]
pub(crate) struct Ordered {
    /// The order.
    order: Order,
    /// The lease as it is now, for whoever bought or holds it; who pays more time for somebody else does not see it.
    lease: Option<Lease>,
    /// Whoever shows this as `Authorization: Bearer` holds the lease. Told once, to whoever sent the payment first; a
    /// wallet that signs in gets another with `POST /api/v1/leases/{id}/token`.
    token: Option<String>,
}
