//! Wallets: how they sign in, and the credits that they have here.

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use innkeeper_domain::ids::{LeaseId, ProjectId};
use innkeeper_domain::money::Micros;
use innkeeper_domain::wallets::Address;
use innkeeper_engine::{Engine, Holding};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::Lease;
use super::holder::SIGN_IN;
use crate::App;
use crate::auth::Caller;
use crate::extract::{Asked, At};
use crate::problem::{MEDIA_TYPE, Problem};
use crate::secret::Secret;
use crate::visitors::Visitor;

/// A wallet that has signed in with this very request.
pub(crate) struct Wallet(pub(crate) Address);

impl FromRequestParts<App> for Wallet {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let signed = parts.headers.get(SIGN_IN).and_then(|value| value.to_str().ok());
        let signed = signed.ok_or_else(|| {
            Problem::unauthenticated("unauthenticated", "have your wallet sign in").remedy(
                "ask for a challenge with `POST /api/v1/leases/challenge`, sign it, and send it as `SIGN-IN-WITH-X`",
            )
        })?;
        Ok(Self(app.engine.wallet_sign_in(signed).await?))
    }
}

/// Ask for something that a wallet can sign to prove that it is there. Good once, for five minutes.
///
/// The answer is the `sign-in-with-x` extension of x402 v2: sign the message of EIP-4361 that its fields make (EIP-191,
/// `personal_sign`), and send base64 of the fields with `address`, `chainId`, `type` and `signature` as `SIGN-IN-WITH-X`.
#[utoipa::path(post, path = "/leases/challenge", tag = "leases",
    responses(
        (status = 200, description = "The challenge: `info`, `supportedChains`, `schema`", body = Object),
        (status = 409, description = "This house does not lease (`leases_off`)", body = Problem, content_type = MEDIA_TYPE),
        (status = 429, description = "Too many at once (`too_many_attempts`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn ask_for_challenge(
    State(engine): State<Engine>,
    Visitor(visitor): Visitor,
) -> Result<Json<Value>, Problem> {
    engine.admit_payment(visitor.address).await?;
    Ok(Json(engine.wallet_challenge().await?.extension()))
}

/// The credits of a wallet.
#[derive(Serialize, ToSchema)]
pub(crate) struct WalletCredits {
    /// The wallet.
    wallet: Address,
    /// What it paid here and did not get, in micro-credits. Leases can be paid with it: `pay_with: "credits"`.
    balance_micros: Micros,
}

/// What a wallet paid here and did not get. The wallet signs in with the request.
#[utoipa::path(get, path = "/leases/credits", tag = "leases",
    responses(
        (status = 200, description = "Its credits", body = WalletCredits),
        (status = 409, description = "This house does not lease (`leases_off`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn get_wallet_credits(
    State(engine): State<Engine>,
    Wallet(wallet): Wallet,
) -> Result<Json<WalletCredits>, Problem> {
    Ok(Json(WalletCredits { wallet, balance_micros: engine.wallet_credits(wallet).await? }))
}

/// Where the credits of a wallet are.
#[derive(Serialize, ToSchema)]
pub(crate) struct ClaimedCredits {
    /// The project that holds them, which is yours from now on.
    project_id: ProjectId,
}

/// Take the credits of a wallet into your account. The wallet signs in with the request.
#[utoipa::path(post, path = "/leases/credits/claim", tag = "leases",
    responses(
        (status = 200, description = "Yours", body = ClaimedCredits),
        (status = 409, description = "The wallet has no credits here (`no_credits`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn claim_wallet(
    caller: Caller,
    State(engine): State<Engine>,
    Wallet(wallet): Wallet,
) -> Result<Json<ClaimedCredits>, Problem> {
    Ok(Json(ClaimedCredits { project_id: engine.claim_wallet(&caller.actor, wallet).await? }))
}

/// By what a lease is claimed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "token": "ikl_…" }))]
pub(crate) struct ClaimAsked {
    /// Its token; or the wallet that bought it signs in with the request.
    #[schema(value_type = Option<String>)]
    token: Option<Secret>,
}

/// Take a lease into your account: you own its project from now on. Its token and its wallet stay good.
#[utoipa::path(post, path = "/leases/{id}/claim", tag = "leases", request_body = ClaimAsked,
    params(("id" = LeaseId, Path, description = "The lease")),
    responses(
        (status = 200, description = "Yours", body = Lease),
        (status = 409, description = "The lease is over (`lease_over`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn claim_lease(
    caller: Caller,
    State(app): State<App>,
    At(id): At<LeaseId>,
    headers: axum::http::HeaderMap,
    Asked(asked): Asked<ClaimAsked>,
) -> Result<(StatusCode, Json<Lease>), Problem> {
    let by = match (asked.token, headers.get(SIGN_IN).and_then(|value| value.to_str().ok())) {
        (Some(Secret(token)), _) => Holding::Token(SecretString::clone(&token), caller.actor.address),
        (None, Some(signed)) => {
            Holding::Wallet(app.engine.wallet_sign_in(signed).await?, caller.actor.address)
        }
        (None, None) => {
            return Err(Problem::invalid_field("token", "give the token of the lease, or `SIGN-IN-WITH-X`"));
        }
    };
    let lease = app.engine.claim_lease(&caller.actor, id, &by).await?;
    Ok((StatusCode::OK, Json(Lease::shown(&app.engine, lease).await?)))
}
