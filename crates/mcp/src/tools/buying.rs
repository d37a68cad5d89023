//! Tools that buy: a lease, and time for one.

use axum::http::Method;
use rmcp::schemars::{self, JsonSchema};
use serde::Deserialize;
use serde_json::json;

use super::{Effect, PayWith, Plan, Proof, Size, Tool, Unfit, given, lease};

/// A lease that is wanted.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Lease {
    /// For how long, in minutes.
    #[schemars(range(min = 1))]
    minutes: u32,
    /// A named size of the catalogue, by name or id. Give `plan` or `size`, or neither for the template's own size.
    plan: Option<String>,
    /// A size of your own.
    size: Option<Size>,
    /// What it is made from, by name or id; the catalogue's first when left out.
    template: Option<String>,
    /// The host name; one is made up when left out.
    name: Option<String>,
    /// Public keys in OpenSSH form that may sign in to it as root, 20 at most.
    #[schemars(length(max = 20))]
    ssh_keys: Option<Vec<String>>,
    /// A script that runs in it once, after its first start, up to 64 KiB.
    #[schemars(length(max = 65536))]
    user_data: Option<String>,
    /// `credits` to pay with credits instead of a wallet's payment.
    pay_with: Option<PayWith>,
    /// The project whose credits pay; not needed for those of a wallet.
    project_id: Option<String>,
    /// 16 to 200 random characters: the same call under the same key is never bought twice.
    #[schemars(length(min = 16, max = 200))]
    idempotency_key: Option<String>,
    /// An x402 payment for what was asked before, as base64 (the value of `PAYMENT-SIGNATURE`); for clients that cannot
    /// send `_meta["x402/payment"]`.
    payment: Option<String>,
    /// A session or an API key, to pay with credits.
    token: Option<String>,
    /// Show the lease's token instead of only keeping it here.
    show_token: Option<bool>,
}

impl Tool for Lease {
    const NAME: &'static str = "lease";
    const TITLE: &'static str = "Lease a container";
    const DESCRIPTION: &'static str = "Buys a Linux container for some minutes. CHARGES the price that `quote` tells, once, before it is made; what \
        cannot be delivered is credited. Unpaid, the result is the x402 payment that is asked: call again with the same \
        arguments and the payment. If `order.state` is not `delivered`, wait with `order`. If an answer was lost, call \
        again with the same payment: it is not charged twice.";
    const EFFECT: Effect = Effect::Buys;

    fn plan(self) -> Result<Plan, Unfit> {
        let body = given(&[
            ("minutes", json!(self.minutes)),
            ("plan", json!(self.plan)),
            ("size", json!(self.size)),
            ("template", json!(self.template)),
            ("name", json!(self.name)),
            ("ssh_keys", json!(self.ssh_keys)),
            ("user_data", json!(self.user_data)),
            ("pay_with", json!(self.pay_with)),
            ("project_id", json!(self.project_id)),
        ]);
        let proof = if self.pay_with.is_some() { Proof::Credits } else { Proof::Caller };
        Ok(Plan {
            bought: true,
            payment: self.payment,
            idempotency_key: self.idempotency_key,
            show_token: self.show_token.unwrap_or(false),
            ..Plan::new(Method::POST, "", proof).body(&body).token(self.token)
        })
    }
}

/// More time that is wanted.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Renew {
    /// The lease, `lea_…`. Anybody may pay for it.
    lease_id: String,
    /// How much time, in minutes.
    #[schemars(range(min = 1))]
    minutes: u32,
    /// `credits` to pay with credits instead of a wallet's payment.
    pay_with: Option<PayWith>,
    /// The project whose credits pay; not needed for those of a wallet.
    project_id: Option<String>,
    /// 16 to 200 random characters: the same call under the same key is never bought twice.
    #[schemars(length(min = 16, max = 200))]
    idempotency_key: Option<String>,
    /// An x402 payment for what was asked before, as base64 (the value of `PAYMENT-SIGNATURE`); for clients that cannot
    /// send `_meta["x402/payment"]`.
    payment: Option<String>,
    /// A session or an API key, to pay with credits.
    token: Option<String>,
}

impl Tool for Renew {
    const NAME: &'static str = "renew";
    const TITLE: &'static str = "Add time to a lease";
    const DESCRIPTION: &'static str = "Adds minutes to what is left of a lease; an expired one starts again. CHARGES the price that `quote` with \
        `lease_id` tells, once. Unpaid, the result is the x402 payment that is asked: call again with the same arguments \
        and the payment.";
    const EFFECT: Effect = Effect::Buys;

    fn plan(self) -> Result<Plan, Unfit> {
        let id = lease(&self.lease_id)?;
        let body = given(&[
            ("minutes", json!(self.minutes)),
            ("pay_with", json!(self.pay_with)),
            ("project_id", json!(self.project_id)),
        ]);
        let proof = if self.pay_with.is_some() { Proof::Credits } else { Proof::Caller };
        Ok(Plan {
            bought: true,
            payment: self.payment,
            idempotency_key: self.idempotency_key,
            ..Plan::new(Method::POST, format!("/{id}/renew"), proof).body(&body).token(self.token)
        })
    }
}
