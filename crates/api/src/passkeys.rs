//! Passkeys: added in two halves, and used in two. What goes to and comes from the browser is as WebAuthn has it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use innkeeper_domain::factors as domain;
use innkeeper_domain::ids::PasskeyId;
use innkeeper_domain::names::Title;
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::Engine;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::App;
use crate::account::{Again, RecoveryCodes};
use crate::auth::{Caller, NotCrossSite};
use crate::extract::{Asked, At, Query};
use crate::page::{Page, Paging};
use crate::problem::{MEDIA_TYPE, Problem};
use crate::secret::Secret;
use crate::sessions::{Opened, SignedInAnswer};
use crate::visitors::Visitor;

/// One of your passkeys.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Passkey {
    /// Identity.
    id: PasskeyId,
    /// How you call it.
    name: Title,
    /// When it was added.
    created_at: Timestamp,
    /// When it last signed in; null when it never has.
    last_used_at: Option<Timestamp>,
}

impl From<domain::Passkey> for Passkey {
    fn from(passkey: domain::Passkey) -> Self {
        let domain::Passkey { id, name, created_at, last_used_at, .. } = passkey;
        Self { id, name, created_at, last_used_at }
    }
}

/// What the browser is asked to do.
#[derive(Serialize, ToSchema)]
pub(crate) struct PasskeyCeremony {
    /// Give it back with what the browser answers. Good once, for five minutes.
    ticket: String,
    /// For `navigator.credentials.create` or `get`, with binary fields in base64url as
    /// `PublicKeyCredential.parse…OptionsFromJSON` reads them.
    #[schema(value_type = Object)]
    options: Value,
}

/// A passkey that the browser has made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "ticket": "ikt_…", "name": "Phone", "credential": { "id": "…" } }))]
pub(crate) struct PasskeyMade {
    /// The ticket of the first half.
    ticket: Secret,
    /// How you want to call it: 1 to 64 characters.
    name: Title,
    /// What `navigator.credentials.create` answered, as `toJSON` writes it.
    #[schema(value_type = Object)]
    credential: Value,
}

/// A passkey just added.
#[derive(Serialize, ToSchema)]
pub(crate) struct PasskeyAdded {
    /// The passkey.
    passkey: Passkey,
    /// Recovery codes, if you had none: shown this once.
    #[serde(flatten)]
    codes: RecoveryCodes,
}

/// A new name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "Key ring" }))]
pub(crate) struct PasskeyChange {
    /// How you want to call it: 1 to 64 characters.
    name: Title,
}

/// A sign-in by passkey that begins.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({}))]
pub(crate) struct PasskeySignIn {
    /// The ticket of a sign-in whose second factor this is to be. Without it, the passkey signs in alone.
    ticket: Option<Secret>,
}

/// What the browser answered.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "ticket": "ikt_…", "credential": { "id": "…" } }))]
pub(crate) struct PasskeyShown {
    /// The ticket of the first half.
    ticket: Secret,
    /// What `navigator.credentials.get` answered, as `toJSON` writes it.
    #[schema(value_type = Object)]
    credential: Value,
}

fn ceremony(begun: innkeeper_engine::Ceremony) -> (StatusCode, Json<PasskeyCeremony>) {
    let ticket = begun.ticket.expose_secret().to_owned();
    (StatusCode::CREATED, Json(PasskeyCeremony { ticket, options: begun.options }))
}

/// Your passkeys, oldest first.
#[utoipa::path(get, path = "/me/passkeys", tag = "account", params(Paging), responses(
    (status = 200, description = "A page of them", body = Page<Passkey>),
))]
pub(crate) async fn list_passkeys(
    caller: Caller,
    State(engine): State<Engine>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Passkey>>, Problem> {
    let passkeys = engine.passkeys(&caller.actor).await?;
    Page::within(passkeys, paging, |passkey| passkey.id.to_string(), Passkey::from).map(Json)
}

/// Begin to add a passkey.
#[utoipa::path(post, path = "/me/passkeys/begin", tag = "account", request_body = Again, responses(
    (status = 201, description = "What to ask of the browser", body = PasskeyCeremony),
    (status = 409, description = "The house has no address for passkeys (`passkeys_unavailable`), there are too many (`too_many_passkeys`), or sign in again first (`sign_in_again`)", body = Problem, content_type = MEDIA_TYPE),
    (status = 429, description = "Too many attempts (`too_many_attempts`); `Retry-After` says how long to wait", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn begin_passkey(
    caller: Caller,
    State(engine): State<Engine>,
    Asked(again): Asked<Again>,
) -> Result<(StatusCode, Json<PasskeyCeremony>), Problem> {
    Ok(ceremony(engine.begin_passkey(&caller.actor, &again.password()).await?))
}

/// Add the passkey that the browser has made.
#[utoipa::path(post, path = "/me/passkeys", tag = "account", request_body = PasskeyMade, responses(
    (status = 201, description = "Added", body = PasskeyAdded),
    (status = 409, description = "It has taken too long (`ticket_ended`), the passkey was added before (`passkey_known`), or the house has no address for passkeys (`passkeys_unavailable`)", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn add_passkey(
    caller: Caller,
    State(engine): State<Engine>,
    Asked(made): Asked<PasskeyMade>,
) -> Result<(StatusCode, Json<PasskeyAdded>), Problem> {
    let added = engine.add_passkey(&caller.actor, &made.ticket.0, made.name, made.credential);
    let (passkey, codes) = added.await?;
    let codes = RecoveryCodes::new(&codes);
    Ok((StatusCode::CREATED, Json(PasskeyAdded { passkey: passkey.into(), codes })))
}

/// Rename one of your passkeys.
#[utoipa::path(patch, path = "/me/passkeys/{id}", tag = "account", request_body = PasskeyChange,
    params(("id" = PasskeyId, Path, description = "The passkey")),
    responses((status = 200, description = "Renamed", body = Passkey)),
)]
pub(crate) async fn rename_passkey(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<PasskeyId>,
    Asked(change): Asked<PasskeyChange>,
) -> Result<Json<Passkey>, Problem> {
    Ok(Json(engine.rename_passkey(&caller.actor, id, &change.name).await?.into()))
}

/// Remove one of your passkeys.
#[utoipa::path(post, path = "/me/passkeys/{id}/remove", tag = "account", request_body = Again,
    params(("id" = PasskeyId, Path, description = "The passkey")),
    responses(
        (status = 204, description = "Removed"),
        (status = 409, description = "Sign in again first (`sign_in_again`)", body = Problem, content_type = MEDIA_TYPE),
        (status = 429, description = "Too many attempts (`too_many_attempts`); `Retry-After` says how long to wait", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn remove_passkey(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<PasskeyId>,
    Asked(again): Asked<Again>,
) -> Result<StatusCode, Problem> {
    engine.remove_passkey(&caller.actor, id, &again.password()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Begin to sign in by a passkey.
///
/// Alone, or as the second factor of a sign-in. A passkey verifies its user itself, so that nothing else is asked for.
#[utoipa::path(post, path = "/sessions/passkey/begin", tag = "sessions", request_body = PasskeySignIn, responses(
    (status = 201, description = "What to ask of the browser", body = PasskeyCeremony),
    (status = 401, description = "The ticket is not good any more (`ticket_ended`), or there is no passkey for it (`wrong_passkey`)", body = Problem, content_type = MEDIA_TYPE),
    (status = 403, description = "Asked by another site's page (`cross_site`)", body = Problem, content_type = MEDIA_TYPE),
    (status = 409, description = "The house has no address for passkeys (`passkeys_unavailable`)", body = Problem, content_type = MEDIA_TYPE),
    (status = 429, description = "Too many attempts (`too_many_attempts`); `Retry-After` says how long to wait", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn begin_passkey_sign_in(
    _: NotCrossSite,
    Visitor(visitor): Visitor,
    State(engine): State<Engine>,
    Asked(asked): Asked<PasskeySignIn>,
) -> Result<(StatusCode, Json<PasskeyCeremony>), Problem> {
    let first = asked.ticket.map(|ticket| ticket.0);
    Ok(ceremony(engine.begin_passkey_sign_in(&visitor, first.as_ref()).await?))
}

/// Sign in by a passkey.
#[utoipa::path(post, path = "/sessions/passkey", tag = "sessions", request_body = PasskeyShown, responses(
    (status = 201, description = "Signed in; the tokens are shown this once", body = SignedInAnswer,
     headers(("Set-Cookie" = String, description = "The session and its refresh token, for browsers"))),
    (status = 401, description = "The passkey is not good (`wrong_passkey`), or the ticket is not good any more (`ticket_ended`)", body = Problem, content_type = MEDIA_TYPE),
    (status = 403, description = "Asked by another site's page (`cross_site`)", body = Problem, content_type = MEDIA_TYPE),
    (status = 409, description = "The house has no address for passkeys (`passkeys_unavailable`)", body = Problem, content_type = MEDIA_TYPE),
    (status = 429, description = "Too many attempts (`too_many_attempts`); `Retry-After` says how long to wait", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn sign_in_by_passkey(
    _: NotCrossSite,
    Visitor(visitor): Visitor,
    State(app): State<App>,
    Asked(shown): Asked<PasskeyShown>,
) -> Result<Opened, Problem> {
    let signed_in = app.engine.sign_in_by_passkey(&visitor, &shown.ticket.0, shown.credential).await?;
    Ok(Opened::new(&signed_in, &app))
}
