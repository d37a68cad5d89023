//! One's own account: profile, password, second factors. What a stolen session must not do asks for the password again.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use innkeeper_domain::factors as domain;
use innkeeper_domain::ids::UserId;
use innkeeper_domain::mails::Language;
use innkeeper_domain::names::Title;
use innkeeper_engine::Engine;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::extract::{Asked, At};
use crate::problem::{MEDIA_TYPE, Problem};
use crate::secret::Secret;
use crate::users::User;

/// What to change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "Ada L.", "language": "fr" }))]
pub(crate) struct ProfileChange {
    /// How to greet you: 1 to 64 characters.
    name: Option<Title>,
    /// In which language we write to you.
    language: Option<Language>,
}

/// A new password, with the present one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "password": "correct horse battery", "new_password": "a long pass phrase" }))]
pub(crate) struct PasswordChange {
    /// The present one.
    password: Secret,
    /// The new one: 10 to 256 characters.
    new_password: Secret,
}

/// The password once more. Those who have none (they sign in by a passkey or elsewhere) leave it out, and must have
/// signed in within the last ten minutes.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "password": "correct horse battery" }))]
pub(crate) struct Again {
    /// Your password.
    password: Option<Secret>,
}

impl Again {
    pub(crate) fn password(self) -> SecretString {
        self.password.map_or_else(|| SecretString::from(""), |secret| secret.0)
    }
}

/// A code by the clock.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "code": "123456" }))]
pub(crate) struct Code {
    /// The code that the authenticator shows.
    code: Secret,
}

/// Your second factors.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Factors {
    /// Whether codes of an authenticator are on.
    totp: bool,
    /// Recovery codes that were not used yet.
    recovery_codes: i64,
    /// Passkeys.
    passkeys: i64,
    /// Whether you have a password.
    password: bool,
}

/// What an authenticator needs. Shown this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct TotpOffer {
    /// The secret in base 32, to be typed in.
    secret: String,
    /// The same as an `otpauth://` address, to be shown as a QR code.
    uri: String,
}

/// Recovery codes. Shown this once; each is good once.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecoveryCodes {
    /// The codes; empty when you have some already.
    recovery_codes: Vec<String>,
}

impl RecoveryCodes {
    pub(crate) fn new(codes: &[SecretString]) -> Self {
        Self { recovery_codes: codes.iter().map(|code| code.expose_secret().to_owned()).collect() }
    }
}

/// Change how we greet you and write to you.
#[utoipa::path(patch, path = "/me", tag = "account", request_body = ProfileChange, responses(
    (status = 200, description = "Changed", body = User),
))]
pub(crate) async fn change_me(
    caller: Caller,
    State(engine): State<Engine>,
    Asked(change): Asked<ProfileChange>,
) -> Result<Json<User>, Problem> {
    Ok(Json(engine.change_profile(&caller.actor, change.name, change.language).await?.into()))
}

/// Change your password.
///
/// Your other sessions end.
#[utoipa::path(post, path = "/me/password", tag = "account", request_body = PasswordChange, responses(
    (status = 204, description = "Changed"),
    (status = 429, description = "Too many attempts (`too_many_attempts`); `Retry-After` says how long to wait", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn change_password(
    caller: Caller,
    State(engine): State<Engine>,
    Asked(change): Asked<PasswordChange>,
) -> Result<StatusCode, Problem> {
    engine.change_password(&caller.actor, &change.password.0, &change.new_password.0).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Your second factors.
#[utoipa::path(get, path = "/me/factors", tag = "account", responses(
    (status = 200, description = "Which are on", body = Factors),
))]
pub(crate) async fn get_factors(
    caller: Caller,
    State(engine): State<Engine>,
) -> Result<Json<Factors>, Problem> {
    let domain::Factors { totp, recovery_codes, passkeys } = engine.factors(&caller.actor).await?;
    let password = engine.has_password(&caller.actor).await?;
    Ok(Json(Factors { totp, recovery_codes, passkeys, password }))
}

/// Ask for a secret for an authenticator.
///
/// Nothing is on until a code is confirmed; asking again replaces the secret.
#[utoipa::path(post, path = "/me/totp", tag = "account", request_body = Again, responses(
    (status = 201, description = "The secret, shown this once", body = TotpOffer),
    (status = 409, description = "Codes are on already (`totp_on`), or sign in again first (`sign_in_again`)", body = Problem, content_type = MEDIA_TYPE),
    (status = 429, description = "Too many attempts (`too_many_attempts`); `Retry-After` says how long to wait", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn offer_totp(
    caller: Caller,
    State(engine): State<Engine>,
    Asked(again): Asked<Again>,
) -> Result<(StatusCode, Json<TotpOffer>), Problem> {
    let offer = engine.offer_totp(&caller.actor, &again.password()).await?;
    let secret = offer.secret.expose_secret().to_owned();
    Ok((StatusCode::CREATED, Json(TotpOffer { secret, uri: offer.uri.expose_secret().to_owned() })))
}

/// Switch codes of an authenticator on, by showing one.
#[utoipa::path(post, path = "/me/totp/confirm", tag = "account", request_body = Code, responses(
    (status = 200, description = "On; recovery codes, if you had none", body = RecoveryCodes),
    (status = 409, description = "No secret was asked for (`no_totp_offered`)", body = Problem, content_type = MEDIA_TYPE),
    (status = 429, description = "Too many attempts (`too_many_attempts`); `Retry-After` says how long to wait", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn confirm_totp(
    caller: Caller,
    State(engine): State<Engine>,
    Asked(given): Asked<Code>,
) -> Result<Json<RecoveryCodes>, Problem> {
    Ok(Json(RecoveryCodes::new(&engine.confirm_totp(&caller.actor, &given.code.0).await?)))
}

/// Switch codes of an authenticator off.
#[utoipa::path(post, path = "/me/totp/remove", tag = "account", request_body = Again, responses(
    (status = 204, description = "Off"),
    (status = 404, description = "They are not on (`not_found`)", body = Problem, content_type = MEDIA_TYPE),
    (status = 409, description = "Sign in again first (`sign_in_again`)", body = Problem, content_type = MEDIA_TYPE),
    (status = 429, description = "Too many attempts (`too_many_attempts`); `Retry-After` says how long to wait", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn remove_totp(
    caller: Caller,
    State(engine): State<Engine>,
    Asked(again): Asked<Again>,
) -> Result<StatusCode, Problem> {
    engine.remove_totp(&caller.actor, &again.password()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Replace your recovery codes.
#[utoipa::path(post, path = "/me/recovery-codes", tag = "account", request_body = Again, responses(
    (status = 201, description = "Ten new ones; those of before are worth nothing", body = RecoveryCodes),
    (status = 409, description = "No second factor is on (`no_second_factor`), or sign in again first (`sign_in_again`)", body = Problem, content_type = MEDIA_TYPE),
    (status = 429, description = "Too many attempts (`too_many_attempts`); `Retry-After` says how long to wait", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn renew_recovery_codes(
    caller: Caller,
    State(engine): State<Engine>,
    Asked(again): Asked<Again>,
) -> Result<(StatusCode, Json<RecoveryCodes>), Problem> {
    let codes = engine.renew_recovery_codes(&caller.actor, &again.password()).await?;
    Ok((StatusCode::CREATED, Json(RecoveryCodes::new(&codes))))
}

/// Take all second factors from a user who has lost them. For administrators.
///
/// Their sessions end.
#[utoipa::path(delete, path = "/users/{id}/factors", tag = "users",
    params(("id" = UserId, Path, description = "The user")),
    responses((status = 204, description = "Taken; the password alone signs in")),
)]
pub(crate) async fn reset_factors(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<UserId>,
) -> Result<StatusCode, Problem> {
    engine.reset_factors(&caller.actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
