//! How money stands: what projects spend, what the house took, and tables of both for spreadsheets.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use innkeeper_domain::ids::{InstanceId, ProjectId};
use innkeeper_domain::ledger::HouseAccount;
use innkeeper_domain::money::Micros;
use innkeeper_domain::payments::{Currency, PaymentState};
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::{Engine, papers};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::auth::Caller;
use crate::extract::{At, Query};
use crate::invoices::file;
use crate::problem::Problem;

/// How much time is looked at where nothing is said.
const USUAL: Duration = Duration::from_hours(24 * 30);

/// Between which points in time: 400 days at most.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Span {
    /// From when; thirty days before the end where nothing is said.
    from: Option<Timestamp>,
    /// Until when; now where nothing is said.
    until: Option<Timestamp>,
}

impl Span {
    fn of(from: Option<Timestamp>, until: Option<Timestamp>, engine: &Engine) -> (Timestamp, Timestamp) {
        // What happened this very moment is part of it.
        let until = until.unwrap_or_else(|| engine.clock().now().after(Duration::from_micros(1)));
        (from.unwrap_or_else(|| until.before(USUAL)), until)
    }
}

/// What to add up.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SpendingWanted {
    /// Only what this instance was charged.
    #[param(value_type = Option<InstanceId>)]
    instance_id: Option<InstanceId>,
    /// From when; thirty days before the end where nothing is said.
    from: Option<Timestamp>,
    /// Until when; now where nothing is said.
    until: Option<Timestamp>,
}

/// What a project's instances were charged.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Spending {
    /// In all.
    total_micros: Micros,
    /// By instance, the dearest first.
    by_instance: Vec<SpentByInstance>,
    /// By day (UTC), oldest first; days without anything are left out.
    by_day: Vec<SpentByDay>,
}

/// What one instance was charged.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SpentByInstance {
    /// The instance.
    instance_id: InstanceId,
    /// What it was charged.
    credits_micros: Micros,
}

/// What was charged on one day.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SpentByDay {
    /// When the day begins.
    day: Timestamp,
    /// What was charged.
    credits_micros: Micros,
}

/// How the house stands, added up from the ledger.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Finance {
    /// What instances were charged between the two points in time.
    revenue_micros: Micros,
    /// Credits that projects can still spend, now.
    outstanding_micros: Micros,
    /// Credits that are held for instances, now.
    held_micros: Micros,
    /// What projects owe, now.
    owed_micros: Micros,
    /// What the house's accounts hold, now. Those from which credits come stand below zero.
    accounts: Vec<AccountBalance>,
    /// What they gained by day (UTC), oldest first.
    by_day: Vec<GainedByDay>,
    /// All payments, by currency and state.
    payments: Vec<PaymentTally>,
}

/// What an account of the house holds.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountBalance {
    /// Which.
    account: HouseAccount,
    /// How much.
    credits_micros: Micros,
}

/// What an account of the house gained on one day.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GainedByDay {
    /// When the day begins.
    day: Timestamp,
    /// Which account.
    account: HouseAccount,
    /// How much; what it gave is below zero.
    credits_micros: Micros,
}

/// Payments in one state and currency.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PaymentTally {
    /// The state.
    state: PaymentState,
    /// The currency.
    currency: Currency,
    /// How many.
    count: i64,
    /// How much in all, in the currency's smallest unit.
    amount_minor: i64,
    /// How much of it was given back.
    refunded_minor: i64,
}

/// What a project's instances were charged: in all, by instance, and by day.
#[utoipa::path(get, path = "/projects/{id}/spending", tag = "credits",
    params(("id" = ProjectId, Path, description = "The project"), SpendingWanted),
    responses((status = 200, description = "What they were charged", body = Spending)),
)]
pub(crate) async fn get_spending(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ProjectId>,
    Query(wanted): Query<SpendingWanted>,
) -> Result<Json<Spending>, Problem> {
    let (from, until) = Span::of(wanted.from, wanted.until, &engine);
    let found = engine.spending(&caller.actor, id, wanted.instance_id, from, until).await?;
    let instance = |(instance_id, credits_micros)| SpentByInstance { instance_id, credits_micros };
    Ok(Json(Spending {
        total_micros: found.total,
        by_instance: found.by_instance.into_iter().map(instance).collect(),
        by_day: found
            .by_day
            .into_iter()
            .map(|(day, credits_micros)| SpentByDay { day, credits_micros })
            .collect(),
    }))
}

/// How the house stands. For administrators.
#[utoipa::path(get, path = "/finance", tag = "credits", params(Span),
    responses((status = 200, description = "How it stands", body = Finance)),
)]
pub(crate) async fn get_finance(
    caller: Caller,
    State(engine): State<Engine>,
    Query(span): Query<Span>,
) -> Result<Json<Finance>, Problem> {
    let (from, until) = Span::of(span.from, span.until, &engine);
    let found = engine.finance(&caller.actor, from, until).await?;
    let tally = |tally: innkeeper_engine::PaymentTally| PaymentTally {
        state: tally.state,
        currency: tally.amount.currency,
        count: tally.count,
        amount_minor: tally.amount.minor,
        refunded_minor: tally.refunded_minor,
    };
    Ok(Json(Finance {
        revenue_micros: found.revenue,
        outstanding_micros: found.outstanding,
        held_micros: found.held,
        owed_micros: found.owed,
        accounts: found
            .accounts
            .into_iter()
            .map(|(account, credits_micros)| AccountBalance { account, credits_micros })
            .collect(),
        by_day: found
            .by_day
            .into_iter()
            .map(|day| GainedByDay { day: day.day, account: day.account, credits_micros: day.credits })
            .collect(),
        payments: found.payments.into_iter().map(tally).collect(),
    }))
}

/// A project's ledger as a table (CSV, RFC 4180), newest first.
#[utoipa::path(get, path = "/projects/{id}/ledger.csv", tag = "credits",
    params(("id" = ProjectId, Path, description = "The project"), Span),
    responses((status = 200, description = "The table", body = String, content_type = "text/csv")),
)]
pub(crate) async fn export_ledger(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ProjectId>,
    Query(span): Query<Span>,
) -> Result<Response, Problem> {
    let (from, until) = Span::of(span.from, span.until, &engine);
    let found = engine.export_ledger(&caller.actor, id, from, until).await?;
    Ok(file(CSV, "ledger.csv", papers::ledger_csv(&found).into_bytes()))
}

/// A project's usage as a table (CSV, RFC 4180), newest first.
#[utoipa::path(get, path = "/projects/{id}/usage.csv", tag = "credits",
    params(("id" = ProjectId, Path, description = "The project"), Span),
    responses((status = 200, description = "The table", body = String, content_type = "text/csv")),
)]
pub(crate) async fn export_usage(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ProjectId>,
    Query(span): Query<Span>,
) -> Result<Response, Problem> {
    let (from, until) = Span::of(span.from, span.until, &engine);
    let found = engine.export_usage(&caller.actor, id, from, until).await?;
    Ok(file(CSV, "usage.csv", papers::usage_csv(&found).into_bytes()))
}

const CSV: &str = "text/csv; charset=utf-8; header=present";
