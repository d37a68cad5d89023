//! Tools that look, and change nothing.

use axum::http::Method;
use innkeeper_domain::ids::OrderId;
use rmcp::schemars::{self, JsonSchema};
use serde::Deserialize;
use serde_json::json;

use super::{Effect, Plan, Proof, Size, Tool, Unfit, given, lease};

/// What can be leased.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Catalogue {}

impl Tool for Catalogue {
    const NAME: &'static str = "catalogue";
    const TITLE: &'static str = "What can be leased";
    const DESCRIPTION: &'static str = "Templates, plans, prices, the shortest and longest time, and how wallets pay. Free. \
        Prices are in micro-credits: 1 000 000 are one credit.";
    const EFFECT: Effect = Effect::Reads;

    fn plan(self) -> Result<Plan, Unfit> {
        Ok(Plan::new(Method::GET, "/catalogue", Proof::Caller))
    }
}

/// What something would cost.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Quote {
    /// For how long, in minutes.
    #[schemars(range(min = 1))]
    minutes: u32,
    /// The lease to be renewed; leave it out for a new one.
    lease_id: Option<String>,
    /// A named size of the catalogue, by name or id. Give `plan` or `size`, or neither for the template's own size.
    plan: Option<String>,
    /// A size of your own.
    size: Option<Size>,
    /// What it is made from, by name or id; the catalogue's first when left out.
    template: Option<String>,
}

impl Tool for Quote {
    const NAME: &'static str = "quote";
    const TITLE: &'static str = "What it would cost";
    const DESCRIPTION: &'static str = "The price of a new lease, or of more time for one (`lease_id`), in micro-credits \
        (1 000 000 are one credit), and how a wallet can pay it. Free; nothing is bought or held.";
    const EFFECT: Effect = Effect::Reads;

    fn plan(self) -> Result<Plan, Unfit> {
        let new = self.plan.is_some() || self.size.is_some() || self.template.is_some();
        let path = match &self.lease_id {
            Some(_) if new => {
                return Err(Unfit(
                    "a renewal keeps its size: leave out `plan`, `size` and `template`".into(),
                ));
            }
            Some(id) => format!("/{}/quote", lease(id)?),
            None => "/quote".to_owned(),
        };
        let body = given(&[
            ("minutes", json!(self.minutes)),
            ("plan", json!(self.plan)),
            ("size", json!(self.size)),
            ("template", json!(self.template)),
        ]);
        Ok(Plan::new(Method::POST, path, Proof::Caller).body(&body))
    }
}

/// How an order stands.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the names are the arguments'")]
pub(super) struct Order {
    /// The order, `ord_…`.
    order_id: String,
    /// How many seconds to wait for it to be over, 0 to 60; 30 when left out.
    #[schemars(range(max = 60))]
    wait_seconds: Option<u32>,
    /// The token of the lease, to see the lease too.
    token: Option<String>,
}

impl Tool for Order {
    const NAME: &'static str = "order";
    const TITLE: &'static str = "How an order stands";
    const DESCRIPTION: &'static str = "Waits until what was bought is `delivered`, or `credited`: paid, not to be had, and \
        its price is credit of the payer. Free.";
    const EFFECT: Effect = Effect::Reads;

    fn plan(self) -> Result<Plan, Unfit> {
        let id: OrderId = self
            .order_id
            .parse()
            .map_err(|_| Unfit("order_id: expected the id of an order, `ord_…`".to_owned()))?;
        let wait = self.wait_seconds.unwrap_or(30).min(60);
        let path = format!("/orders/{id}?wait={wait}s");
        Ok(Plan::new(Method::GET, path, Proof::Caller).token(self.token))
    }
}

/// How a lease is.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Status {
    /// The lease, `lea_…`.
    lease_id: String,
    /// Its token, if it is not known here.
    token: Option<String>,
}

impl Tool for Status {
    const NAME: &'static str = "status";
    const TITLE: &'static str = "How a lease is";
    const DESCRIPTION: &'static str = "State, address, size and times of a lease (RFC 3339). At `expires_at` its container is stopped, at \
        `grace_ends_at` it is removed for good. Free.";
    const EFFECT: Effect = Effect::Reads;

    fn plan(self) -> Result<Plan, Unfit> {
        let id = lease(&self.lease_id)?;
        Ok(Plan::new(Method::GET, format!("/{id}"), Proof::Holder(id)).token(self.token))
    }
}

/// All leases.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct List {
    /// A lease's token: that lease alone.
    token: Option<String>,
}

impl Tool for List {
    const NAME: &'static str = "list";
    const TITLE: &'static str = "Your leases";
    const DESCRIPTION: &'static str =
        "The leases that are known here or belong to whoever calls: the newest 50. Free.";
    const EFFECT: Effect = Effect::Reads;

    fn plan(self) -> Result<Plan, Unfit> {
        Ok(Plan::new(Method::GET, "", Proof::Anybody).token(self.token))
    }
}

/// What happened to a lease.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Logs {
    /// The lease, `lea_…`.
    lease_id: String,
    /// Its token, if it is not known here.
    token: Option<String>,
}

impl Tool for Logs {
    const NAME: &'static str = "logs";
    const TITLE: &'static str = "What happened to a lease";
    const DESCRIPTION: &'static str = "What was bought for a lease and done to it and its container: the latest 200 entries, newest first. What runs \
        in the container writes its own logs: read those with `exec`. Free.";
    const EFFECT: Effect = Effect::Reads;

    fn plan(self) -> Result<Plan, Unfit> {
        let id = lease(&self.lease_id)?;
        Ok(Plan::new(Method::GET, format!("/{id}/log"), Proof::Holder(id)).token(self.token))
    }
}
