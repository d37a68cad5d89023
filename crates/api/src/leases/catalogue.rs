//! What can be leased and what it costs: free for everybody.

use axum::Json;
use axum::extract::State;
use innkeeper_domain::ids::{LeaseId, PlanId, TemplateId};
use innkeeper_domain::money::Micros;
use innkeeper_domain::names::{Hostname, SshKey, Title};
use innkeeper_domain::sizes::Size;
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::wallets::{Address, Network};
use innkeeper_engine::x402::Requirements;
use innkeeper_engine::{Engine, LeaseQuote, NewLease, WantedSize};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::gate::PayWith;
use crate::extract::{Asked, At};
use crate::problem::{MEDIA_TYPE, Problem};

/// What can be leased.
#[derive(Serialize, ToSchema)]
pub(crate) struct Catalogue {
    /// What the house asks.
    terms: LeaseTerms,
    /// What leases are made from; the first is taken when none is named.
    templates: Vec<LeasedTemplate>,
    /// Named sizes.
    plans: Vec<LeasedPlan>,
    /// What the parts of any other size cost per hour; null where only plans are leased.
    prices: Option<LeasePrices>,
    /// How wallets pay: each is enough. Empty where only credits are taken.
    pay: Vec<WayToPay>,
}

/// What the house asks.
#[derive(Serialize, ToSchema)]
pub(crate) struct LeaseTerms {
    /// What every order of time costs besides its time, in micro-credits.
    base_micros: Micros,
    /// The shortest time that can be bought at once, in minutes.
    least_minutes: u32,
    /// The longest.
    most_minutes: u32,
    /// How far ahead a lease can be paid, in minutes.
    horizon_minutes: u32,
    /// The largest size.
    largest: Size,
    /// How many leases one wallet has at once.
    per_wallet: u32,
    /// How long a container is kept, stopped, after its lease expired.
    grace_seconds: u64,
    /// What a command or a console costs its holder, in micro-credits.
    call_micros: Micros,
}

/// What a lease can be made from.
#[derive(Serialize, ToSchema)]
pub(crate) struct LeasedTemplate {
    /// Identity.
    id: TemplateId,
    /// As shown; can be given in its place.
    name: Title,
}

/// A named size.
#[derive(Serialize, ToSchema)]
pub(crate) struct LeasedPlan {
    /// Identity.
    id: PlanId,
    /// As shown; can be given in its place.
    name: Title,
    /// How big.
    size: Size,
    /// What an hour costs, in micro-credits.
    hourly_micros: Micros,
}

/// What the parts of a size cost per hour, in micro-credits.
#[expect(clippy::struct_field_names, reason = "each name says its unit")]
#[derive(Serialize, ToSchema)]
pub(crate) struct LeasePrices {
    /// A core.
    core_hour_micros: Micros,
    /// A GiB of memory.
    memory_gib_hour_micros: Micros,
    /// A GiB of disk.
    disk_gib_hour_micros: Micros,
}

/// One way for wallets to pay.
#[derive(Serialize, ToSchema)]
pub(crate) struct WayToPay {
    /// The chain, by its CAIP-2 name.
    network: Network,
    /// The token's contract.
    asset: Address,
    /// The token's name in its EIP-712 domain.
    token_name: String,
    /// The token's version in its EIP-712 domain.
    token_version: String,
    /// Our account.
    pay_to: Address,
    /// What a credit costs, in the token's smallest unit.
    per_credit: String,
}

impl From<Requirements> for WayToPay {
    fn from(one: Requirements) -> Self {
        Self {
            network: one.network,
            asset: one.asset,
            token_name: one.token_name,
            token_version: one.token_version,
            pay_to: one.pay_to,
            per_credit: one.amount.to_string(),
        }
    }
}

/// A lease that is wanted.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "minutes": 60, "size": { "cores": 1, "memory_mib": 512, "disk_gib": 4 } }))]
pub(crate) struct LeaseAsked {
    /// For how long, in minutes.
    #[schema(minimum = 1)]
    minutes: u32,
    /// A named size, by its name or id; or give `size`.
    plan: Option<String>,
    /// A size of your own. Without either it is as the template says.
    size: Option<Size>,
    /// What it is made from, by its name or id; the first of the catalogue when left out.
    template: Option<String>,
    /// The host name; one is made up when it is left out.
    name: Option<Hostname>,
    /// Public keys in OpenSSH form that may sign in to it.
    #[serde(default)]
    #[schema(max_items = 20)]
    ssh_keys: Vec<SshKey>,
    /// A script that runs in it once, after its first start.
    #[schema(max_length = 65536)]
    user_data: Option<String>,
    /// By what it is paid, where not by a wallet.
    pub(crate) pay_with: Option<PayWith>,
    /// The project whose credits pay for it.
    pub(crate) project_id: Option<innkeeper_domain::ids::ProjectId>,
}

impl LeaseAsked {
    pub(crate) async fn new_lease(self, engine: &Engine) -> Result<NewLease, Problem> {
        let size = match (self.plan, self.size) {
            (Some(_), Some(_)) => {
                return Err(Problem::invalid_field("plan", "give `plan` or `size`, not both"));
            }
            (Some(plan), None) => WantedSize::Plan(engine.leased_plan(&plan).await?),
            (None, Some(size)) => WantedSize::Custom(size),
            (None, None) => WantedSize::Default,
        };
        let template_id = match self.template {
            Some(named) => Some(engine.leased_template(&named).await?),
            None => None,
        };
        Ok(NewLease {
            name: self.name,
            template_id,
            size,
            minutes: self.minutes,
            ssh_keys: self.ssh_keys,
            user_data: self.user_data,
        })
    }
}

/// More time that is wanted.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "minutes": 60 }))]
pub(crate) struct TimeAsked {
    /// How much, in minutes.
    #[schema(minimum = 1)]
    pub(crate) minutes: u32,
    /// By what it is paid, where not by a wallet.
    pub(crate) pay_with: Option<PayWith>,
    /// The project whose credits pay for it.
    pub(crate) project_id: Option<innkeeper_domain::ids::ProjectId>,
}

/// What something costs now. It is computed anew from each request: nothing needs to be sent back.
#[derive(Serialize, ToSchema)]
pub(crate) struct Quote {
    /// In all, in micro-credits.
    price_micros: Micros,
    /// What an hour costs.
    hourly_micros: Micros,
    /// What is in it besides the time.
    base_micros: Micros,
    /// For how long.
    minutes: u32,
    /// How big.
    size: Size,
    /// When the time would be over, for a renewal now.
    expires_at: Option<Timestamp>,
    /// How a wallet can pay it, as x402 v2 says it: each is enough.
    #[schema(value_type = Vec<Object>)]
    accepts: Vec<Value>,
}

impl From<LeaseQuote> for Quote {
    fn from(quote: LeaseQuote) -> Self {
        Self {
            price_micros: quote.price,
            hourly_micros: quote.hourly,
            base_micros: quote.base,
            minutes: quote.minutes,
            size: quote.size,
            expires_at: quote.expires_at,
            accepts: quote.requirements.iter().map(Requirements::to_v2).collect(),
        }
    }
}

/// What can be leased, and what it costs. Free, for everybody.
#[utoipa::path(get, path = "/leases/catalogue", tag = "leases",
    responses(
        (status = 200, description = "The catalogue", body = Catalogue),
        (status = 409, description = "This house does not lease (`leases_off`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn get_lease_catalogue(State(engine): State<Engine>) -> Result<Json<Catalogue>, Problem> {
    let found = engine.lease_catalogue().await?;
    let terms = found.terms;
    Ok(Json(Catalogue {
        terms: LeaseTerms {
            base_micros: terms.base,
            least_minutes: terms.least_minutes,
            most_minutes: terms.most_minutes,
            horizon_minutes: terms.horizon_minutes,
            largest: terms.largest,
            per_wallet: terms.per_wallet,
            grace_seconds: terms.grace.as_secs(),
            call_micros: terms.call,
        },
        templates: found
            .templates
            .into_iter()
            .map(|one| LeasedTemplate { id: one.id, name: one.name })
            .collect(),
        plans: found
            .plans
            .into_iter()
            .map(|one| LeasedPlan { id: one.id, name: one.name, size: one.size, hourly_micros: one.hourly })
            .collect(),
        prices: found.prices.map(|list| LeasePrices {
            core_hour_micros: list.running.core_micros,
            memory_gib_hour_micros: list.running.memory_gib_micros,
            disk_gib_hour_micros: list.running.disk_gib_micros,
        }),
        pay: found.credit.into_iter().map(WayToPay::from).collect(),
    }))
}

/// What a lease would cost now. Free, for everybody.
#[utoipa::path(post, path = "/leases/quote", tag = "leases", request_body = LeaseAsked,
    responses(
        (status = 200, description = "The price", body = Quote),
        (status = 409, description = "This house does not lease (`leases_off`), or has no price for this (`no_price`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn quote_lease(
    State(engine): State<Engine>,
    Asked(asked): Asked<LeaseAsked>,
) -> Result<Json<Quote>, Problem> {
    let new = asked.new_lease(&engine).await?;
    Ok(Json(engine.quote_lease(&new).await?.into()))
}

/// What more time would cost. Free, for everybody who knows the lease.
#[utoipa::path(post, path = "/leases/{id}/quote", tag = "leases", request_body = TimeAsked,
    params(("id" = LeaseId, Path, description = "The lease")),
    responses(
        (status = 200, description = "The price", body = Quote),
        (status = 409, description = "The lease is over (`lease_over`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn quote_renewal(
    State(engine): State<Engine>,
    At(id): At<LeaseId>,
    Asked(asked): Asked<TimeAsked>,
) -> Result<Json<Quote>, Problem> {
    Ok(Json(engine.quote_renewal(id, asked.minutes).await?.into()))
}
