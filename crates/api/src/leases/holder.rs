//! Who is at the door: whoever shows the token of a lease, a wallet that signs, or somebody who is signed in.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use innkeeper_domain::audit::{Doer, Means};
use innkeeper_domain::leases::TOKEN_PREFIX;
use innkeeper_engine::Holding;
use secrecy::SecretString;

use crate::problem::Problem;
use crate::{App, auth, refusals, visitors};

/// The header by which a wallet signs in.
pub(crate) const SIGN_IN: &str = "sign-in-with-x";

/// Whoever proves something, if they do.
pub(crate) struct Perhaps(pub(crate) Option<Holding>);

/// Whoever proves something.
pub(crate) struct Holder(pub(crate) Holding);

impl FromRequestParts<App> for Perhaps {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let perhaps = Self::prove(parts, app).await?;
        if let Some(holding) = &perhaps.0 {
            refusals::shown(&parts.extensions, || doer(holding));
        }
        Ok(perhaps)
    }
}

impl Perhaps {
    async fn prove(parts: &Parts, app: &App) -> Result<Self, Problem> {
        let address = visitors::address(&parts.extensions, &parts.headers, &app.options.trusted_proxies);
        if let Some(token) = auth::bearer(&parts.headers).filter(|token| token.starts_with(TOKEN_PREFIX)) {
            return Ok(Self(Some(Holding::Token(SecretString::from(token), address))));
        }
        if let Some(signed) = parts.headers.get(SIGN_IN) {
            let signed = signed.to_str().map_err(|_| {
                Problem::invalid_parameter("SIGN-IN-WITH-X", "this is not base64 of a signed challenge")
            })?;
            let wallet = app.engine.wallet_sign_in(signed).await?;
            return Ok(Self(Some(Holding::Wallet(wallet, address))));
        }
        Ok(Self(auth::perhaps(app, parts).await?.map(Holding::Caller)))
    }
}

/// Who they are, for the audit log. Of which lease a token is, is not known here.
fn doer(holding: &Holding) -> Doer {
    let by_key = |proof_id, address| Doer { means: Means::Key, proof_id, ..Doer::stranger(address) };
    match holding {
        Holding::Caller(actor) => Doer::from(actor),
        Holding::Wallet(wallet, address) => by_key(Some(wallet.to_string()), *address),
        Holding::Token(_, address) => by_key(None, *address),
    }
}

impl FromRequestParts<App> for Holder {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Perhaps(holding) = Perhaps::from_request_parts(parts, app).await?;
        holding.map(Self).ok_or_else(unproven)
    }
}

/// What is told to whoever has proved nothing.
pub(super) fn unproven() -> Problem {
    Problem::unauthenticated("unauthenticated", "prove that the lease is yours").remedy(
        "send its token as `Authorization: Bearer ikl_…`, or have the wallet that bought it sign a challenge of \
         `POST /api/v1/leases/challenge` and send that as `SIGN-IN-WITH-X`",
    )
}
