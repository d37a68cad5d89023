//! Credits: what a project has, every posting behind it, and what an administrator adds.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use innkeeper_domain::ids::{PostingId, ProjectId, UserId};
use innkeeper_domain::ledger::{Account, Cause, Posting, Purse};
use innkeeper_domain::money::Micros;
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::{Adjustment, Engine};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::auth::Caller;
use crate::docs::IdempotencyKey;
use crate::extract::{At, Keyed, Query};
use crate::page::{Cursor, Limit, Page};
use crate::problem::{MEDIA_TYPE, Problem};

/// What a project has, and how long it lasts. Amounts are micro-credits: 1 credit is 1 000 000.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Balance {
    /// What can be spent.
    wallet_micros: Micros,
    /// What is held for its instances, a billing period each, and given back when they are gone.
    held_micros: Micros,
    /// What is owed. New credits pay this first.
    owed_micros: Micros,
    /// What its instances cost per hour at present.
    rate_micros_per_hour: Micros,
    /// What they have used since they were last charged, to the second.
    accrued_micros: Micros,
    /// How many seconds all of it lasts at that; null when nothing is spent.
    runway_seconds: Option<u64>,
    /// Since when its credits are used up and its instances are stopped, if they are.
    billing_hold_since: Option<Timestamp>,
}

impl From<innkeeper_engine::Balance> for Balance {
    fn from(balance: innkeeper_engine::Balance) -> Self {
        Self {
            wallet_micros: balance.wallet,
            held_micros: balance.held,
            owed_micros: balance.owed,
            rate_micros_per_hour: balance.per_hour,
            accrued_micros: balance.accrued,
            runway_seconds: balance.runway.map(|runway| runway.as_secs()),
            billing_hold_since: balance.held_since,
        }
    }
}

/// One posting in a project's ledger: how it changed what the project has, and why. Nothing that was posted ever
/// changes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LedgerEntry {
    /// Identity.
    id: PostingId,
    /// When.
    at: Timestamp,
    /// Why.
    cause: Cause,
    /// The id of what caused it: an instance, a user, a payment.
    cause_id: String,
    /// In words, where somebody gave some.
    memo: Option<String>,
    /// Who did it; null is the house.
    by: Option<UserId>,
    /// What came to the project, or (below zero) left it: the sum of the three below.
    amount_micros: Micros,
    /// Into the wallet, or out of it.
    wallet_micros: Micros,
    /// Into what is held, or out of it.
    held_micros: Micros,
    /// Paid of what is owed, or (below zero) owed from then on.
    debt_micros: Micros,
}

impl From<Posting> for LedgerEntry {
    fn from(posting: Posting) -> Self {
        let of = |purse| {
            let account = Account::Of(posting.project_id, purse);
            let found = posting.entries.iter().find(|entry| entry.account == account);
            found.map_or(Micros::ZERO, |entry| entry.amount)
        };
        let (wallet, held, debt) = (of(Purse::Wallet), of(Purse::Held), of(Purse::Debt));
        Self {
            id: posting.id,
            at: posting.at,
            cause: posting.cause,
            amount_micros: Micros::sum([wallet, held, debt]).unwrap_or_default(),
            wallet_micros: wallet,
            held_micros: held,
            debt_micros: debt,
            cause_id: posting.cause_id,
            memo: posting.memo,
            by: posting.by,
        }
    }
}

/// Which postings to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LedgerWanted {
    /// Only those of this cause.
    cause: Option<Cause>,
    /// How many items at most.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// What an administrator gives or corrects.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "kind": "grant", "amount_micros": 25_000_000, "reason": "welcome" }))]
pub(crate) struct AdjustmentAsked {
    /// A gift, or the correction of a mistake.
    kind: AdjustmentKind,
    /// Micro-credits. A correction may be below zero, as far as there are credits in the wallet.
    amount_micros: Micros,
    /// Why, in words that the project's people read: one line of at most 500 characters.
    reason: String,
}

/// What kind of adjustment it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AdjustmentKind {
    /// A gift.
    Grant,
    /// The correction of a mistake, up or down.
    Correction,
}

/// What a project has, and how long it lasts.
#[utoipa::path(get, path = "/projects/{id}/balance", tag = "credits",
    params(("id" = ProjectId, Path, description = "The project")),
    responses((status = 200, description = "What it has", body = Balance)),
)]
pub(crate) async fn get_balance(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ProjectId>,
) -> Result<Json<Balance>, Problem> {
    Ok(Json(engine.balance(&caller.actor, id).await?.into()))
}

/// Everything that ever came to a project and left it, newest first.
#[utoipa::path(get, path = "/projects/{id}/ledger", tag = "credits",
    params(("id" = ProjectId, Path, description = "The project"), LedgerWanted),
    responses((status = 200, description = "A page of it", body = Page<LedgerEntry>)),
)]
pub(crate) async fn list_ledger(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ProjectId>,
    Query(wanted): Query<LedgerWanted>,
) -> Result<Json<Page<LedgerEntry>>, Problem> {
    let after = Cursor::read(wanted.cursor)?;
    let found = engine.ledger(&caller.actor, id, wanted.cause, after, wanted.limit.rows()).await?;
    Ok(Json(Page::of(found, wanted.limit, |posting| posting.id.to_string(), LedgerEntry::from)))
}

/// Give credits to a project, or correct what it has. For administrators.
#[utoipa::path(post, path = "/projects/{id}/adjustments", tag = "credits", request_body = AdjustmentAsked,
    params(("id" = ProjectId, Path, description = "The project"), IdempotencyKey),
    responses(
        (status = 201, description = "Posted", body = LedgerEntry),
        (status = 402, description = "The wallet has less than a correction takes (`insufficient_credits`)", body = Problem, content_type = MEDIA_TYPE),
        (status = 409, description = "The key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn post_adjustment(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ProjectId>,
    Keyed { body, key }: Keyed<AdjustmentAsked>,
) -> Result<(StatusCode, Json<LedgerEntry>), Problem> {
    let adjustment = Adjustment {
        amount: body.amount_micros,
        correction: body.kind == AdjustmentKind::Correction,
        reason: body.reason,
    };
    let posted = engine.post_adjustment(&caller.actor, id, adjustment, key.as_ref()).await?;
    Ok((StatusCode::CREATED, Json(posted.into())))
}
