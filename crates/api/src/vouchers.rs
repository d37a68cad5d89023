//! Vouchers: made by administrators, redeemed for projects.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use innkeeper_domain::ids::{ProjectId, UserId, VoucherId};
use innkeeper_domain::money::Micros;
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::vouchers as domain;
use innkeeper_engine::{Engine, NewVouchers};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::docs::IdempotencyKey;
use crate::extract::{At, Keyed, Query};
use crate::page::{Page, Paging};
use crate::problem::{MEDIA_TYPE, Problem};
use crate::secret::Secret;

/// A voucher, without its code.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Voucher {
    /// Identity.
    id: VoucherId,
    /// The end of its code, to tell vouchers apart.
    hint: String,
    /// What it is worth, each time.
    amount_micros: Micros,
    /// How many projects may redeem it.
    uses: i64,
    /// How many have.
    used: i64,
    /// Until when; null is for ever.
    expires_at: Option<Timestamp>,
    /// What it is for.
    note: Option<String>,
    /// When it was taken back.
    withdrawn_at: Option<Timestamp>,
    /// Who made it; null is the house.
    created_by: Option<UserId>,
    /// When.
    created_at: Timestamp,
}

impl From<domain::Voucher> for Voucher {
    fn from(voucher: domain::Voucher) -> Self {
        Self {
            id: voucher.id,
            hint: voucher.hint,
            amount_micros: voucher.amount,
            uses: voucher.uses,
            used: voucher.used,
            expires_at: voucher.expires_at,
            note: voucher.note,
            withdrawn_at: voucher.withdrawn_at,
            created_by: voucher.created_by,
            created_at: voucher.created_at,
        }
    }
}

/// Vouchers with their codes, which are shown now and never again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MintedVouchers {
    /// The vouchers, each with its code.
    items: Vec<MintedVoucher>,
}

/// A voucher with its code.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MintedVoucher {
    /// Its code, as it is printed: `7K3M-9QXT-…`.
    code: String,
    /// The voucher.
    voucher: Voucher,
}

/// Vouchers to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "count": 10, "amount_micros": 5_000_000, "uses": 1, "note": "open day" }))]
pub(crate) struct VouchersAsked {
    /// How many: 1 to 1000, one where nothing is said.
    #[serde(default = "one_of_them")]
    #[schema(default = 1, minimum = 1, maximum = 1000)]
    count: u32,
    /// What each is worth each time, in micro-credits.
    amount_micros: Micros,
    /// How many projects may redeem each of them, each of these once; one where nothing is said.
    #[serde(default = "one_use")]
    #[schema(default = 1, minimum = 1, maximum = 100_000)]
    uses: i64,
    /// Until when; for ever where nothing is said.
    expires_at: Option<Timestamp>,
    /// What they are for, for those who look after them.
    note: Option<String>,
}

fn one_of_them() -> u32 {
    1
}

fn one_use() -> i64 {
    1
}

/// A code to be redeemed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "code": "7K3M-9QXT-0AB1-CDEF" }))]
pub(crate) struct CodeAsked {
    /// As it is printed; small letters, spaces and hyphens do not matter.
    #[schema(value_type = String)]
    code: Secret,
}

/// What came of a code.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Redeemed {
    /// The voucher.
    voucher_id: VoucherId,
    /// The project.
    project_id: ProjectId,
    /// What arrived.
    credits_micros: Micros,
}

/// Make vouchers. Their codes are in this answer and nowhere else. For administrators.
#[utoipa::path(post, path = "/vouchers", tag = "vouchers", params(IdempotencyKey), request_body = VouchersAsked, responses(
    (status = 201, description = "Made", body = MintedVouchers),
    (status = 409, description = "They were made by an earlier request with this key, and their codes are shown once (`codes_shown_once`); or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn create_vouchers(
    caller: Caller,
    State(engine): State<Engine>,
    Keyed { body, key }: Keyed<VouchersAsked>,
) -> Result<(StatusCode, Json<MintedVouchers>), Problem> {
    let new = NewVouchers {
        count: body.count,
        amount: body.amount_micros,
        uses: body.uses,
        expires_at: body.expires_at,
        note: body.note,
    };
    let minted = engine.create_vouchers(&caller.actor, new, key.as_ref()).await?;
    let items = minted
        .into_iter()
        .map(|minted| MintedVoucher {
            code: minted.code.expose_secret().to_owned(),
            voucher: minted.voucher.into(),
        })
        .collect();
    Ok((StatusCode::CREATED, Json(MintedVouchers { items })))
}

/// The vouchers, newest first. For administrators.
#[utoipa::path(get, path = "/vouchers", tag = "vouchers", params(Paging),
    responses((status = 200, description = "A page of them", body = Page<Voucher>)),
)]
pub(crate) async fn list_vouchers(
    caller: Caller,
    State(engine): State<Engine>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Voucher>>, Problem> {
    let limit = paging.limit();
    let found = engine.vouchers(&caller.actor, paging.after()?, limit.rows()).await?;
    Ok(Json(Page::of(found, limit, |voucher| voucher.id.to_string(), Voucher::from)))
}

/// Take a voucher back: nobody redeems it any more, and what was redeemed stays. For administrators.
#[utoipa::path(delete, path = "/vouchers/{id}", tag = "vouchers",
    params(("id" = VoucherId, Path, description = "The voucher")),
    responses((status = 200, description = "The voucher as it is now", body = Voucher)),
)]
pub(crate) async fn withdraw_voucher(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<VoucherId>,
) -> Result<Json<Voucher>, Problem> {
    Ok(Json(engine.withdraw_voucher(&caller.actor, id).await?.into()))
}

/// Redeem a voucher for a project.
#[utoipa::path(post, path = "/projects/{id}/vouchers", tag = "vouchers", request_body = CodeAsked,
    params(("id" = ProjectId, Path, description = "The project"), IdempotencyKey),
    responses(
        (status = 201, description = "The credits are there", body = Redeemed),
        (status = 409, description = "It has expired, is used up, or was redeemed for this project before (`voucher_used`); or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
        (status = 429, description = "Too many wrong codes (`too_many_attempts`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn redeem_voucher(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ProjectId>,
    Keyed { body, key }: Keyed<CodeAsked>,
) -> Result<(StatusCode, Json<Redeemed>), Problem> {
    let innkeeper_engine::Redeemed { voucher_id, project_id, credits } =
        engine.redeem_voucher(&caller.actor, id, &body.code.0, key.as_ref()).await?;
    Ok((StatusCode::CREATED, Json(Redeemed { voucher_id, project_id, credits_micros: credits })))
}
