//! Coming into the house, confirming an address, and replacing a forgotten password. What is answered here does not
//! tell who has an account.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use innkeeper_domain::ids::{HouseInvitationId, UserId};
use innkeeper_domain::invitations as domain;
use innkeeper_domain::mails::Language;
use innkeeper_domain::names::{Email, Title};
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::users::Role;
use innkeeper_engine::{Engine, Registrant};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::{Caller, NotCrossSite};
use crate::extract::{Asked, At, Query};
use crate::page::{Page, Paging};
use crate::problem::{MEDIA_TYPE, Problem};
use crate::secret::Secret;
use crate::visitors::Visitor;

/// Somebody who registers.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "email": "grace@example.org", "name": "Grace", "password": "a long pass phrase" }))]
pub(crate) struct Registration {
    /// Signs in with it.
    email: Email,
    /// How to greet you: 1 to 64 characters.
    name: Title,
    /// 10 to 256 characters.
    password: Secret,
    /// In which language we write to you; that of `Accept-Language` when it is left out.
    language: Option<Language>,
    /// The token of an invitation, from its link.
    invitation: Option<Secret>,
}

/// What follows a registration.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Registered {
    /// Whether to open the link that was mailed, before anything can be made here.
    confirm: bool,
}

/// A token from a link in a mail.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "token": "ikt_…" }))]
pub(crate) struct FromLink {
    /// What stands behind `token=`.
    token: Secret,
}

/// Another address.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "email": "ada@example.net", "password": "correct horse battery" }))]
pub(crate) struct EmailChange {
    /// The new address.
    email: Email,
    /// Your password; left out by those who have none.
    password: Option<Secret>,
}

/// Whose password is forgotten.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "email": "ada@example.org" }))]
pub(crate) struct Forgotten {
    /// The address of the account.
    email: String,
}

/// A new password in place of a forgotten one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "token": "ikt_…", "password": "a long pass phrase" }))]
pub(crate) struct Recovery {
    /// What stands behind `token=` in the link.
    token: Secret,
    /// The new password: 10 to 256 characters.
    password: Secret,
}

/// Whom to invite.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "email": "grace@example.org", "role": "user" }))]
pub(crate) struct HouseInvitationAsked {
    /// For whom it is; left out, whoever holds the link may register with any address.
    email: Option<Email>,
    /// What they will be.
    #[serde(default = "user")]
    #[schema(default = "user")]
    role: Role,
}

fn user() -> Role {
    Role::User
}

/// An invitation into the house.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HouseInvitation {
    /// Identity.
    id: HouseInvitationId,
    /// For whom it is; null when it is for whoever holds the link.
    email: Option<Email>,
    /// What they will be.
    role: Role,
    /// Who invited; null when it was the house.
    invited_by: Option<UserId>,
    /// When.
    created_at: Timestamp,
    /// When it ends.
    expires_at: Timestamp,
    /// When somebody registered with it.
    used_at: Option<Timestamp>,
    /// Who that was.
    used_by: Option<UserId>,
}

impl From<domain::HouseInvitation> for HouseInvitation {
    fn from(invitation: domain::HouseInvitation) -> Self {
        let domain::HouseInvitation { id, email, role, invited_by, created_at, expires_at, used_at, used_by } =
            invitation;
        Self { id, email, role, invited_by, created_at, expires_at, used_at, used_by }
    }
}

/// An invitation just made.
#[derive(Serialize, ToSchema)]
pub(crate) struct HouseInvitationMade {
    /// The invitation.
    invitation: HouseInvitation,
    /// The link to hand over, shown this once; null when it was mailed. Without `server.public_url` it is only a path.
    link: Option<String>,
    /// The token in it, shown this once; null when it was mailed.
    token: Option<String>,
}

/// Register.
///
/// The answer is the same when the address has an account already; its owner gets a mail then.
#[utoipa::path(post, path = "/registrations", tag = "account", request_body = Registration, responses(
    (status = 202, description = "Taken note of", body = Registered),
    (status = 403, description = "Asked by another site's page (`cross_site`)", body = Problem, content_type = MEDIA_TYPE),
    (status = 409, description = "Registration is closed (`registration_closed`), takes an invitation (`invitation_needed`), the invitation is worth nothing (`invitation_ended`), or this house sends no mail (`no_mail`)", body = Problem, content_type = MEDIA_TYPE),
    (status = 429, description = "Too many attempts (`too_many_attempts`); `Retry-After` says how long to wait", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn register(
    _: NotCrossSite,
    Visitor(visitor): Visitor,
    State(engine): State<Engine>,
    Asked(new): Asked<Registration>,
) -> Result<(StatusCode, Json<Registered>), Problem> {
    let new = Registrant {
        email: new.email,
        name: new.name,
        password: new.password.0,
        language: new.language,
        invitation: new.invitation.map(|token| token.0),
    };
    let confirm = engine.register(&visitor, new).await?;
    Ok((StatusCode::ACCEPTED, Json(Registered { confirm })))
}

/// Confirm an address by the link that was mailed to it.
#[utoipa::path(post, path = "/email-verifications", tag = "account", request_body = FromLink, responses(
    (status = 204, description = "Confirmed"),
    (status = 403, description = "Asked by another site's page (`cross_site`)", body = Problem, content_type = MEDIA_TYPE),
    (status = 409, description = "The link was used or has ended (`link_ended`), or somebody has registered with the address meanwhile (`email_taken`)", body = Problem, content_type = MEDIA_TYPE),
    (status = 429, description = "Too many attempts (`too_many_attempts`); `Retry-After` says how long to wait", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn confirm_email(
    _: NotCrossSite,
    Visitor(visitor): Visitor,
    State(engine): State<Engine>,
    Asked(given): Asked<FromLink>,
) -> Result<StatusCode, Problem> {
    engine.confirm_email(&visitor, &given.token.0).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Have the link that confirms your address mailed once more.
#[utoipa::path(post, path = "/me/email/verification", tag = "account", responses(
    (status = 202, description = "On its way"),
    (status = 409, description = "Your address is confirmed (`already_verified`), or this house sends no mail (`no_mail`)", body = Problem, content_type = MEDIA_TYPE),
    (status = 429, description = "Too many mails (`too_many_attempts`); `Retry-After` says how long to wait", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn ask_to_verify(
    caller: Caller,
    State(engine): State<Engine>,
) -> Result<StatusCode, Problem> {
    engine.ask_to_verify(&caller.actor).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Ask for another address.
///
/// It becomes yours when the link mailed there is opened. The answer is the same when it is somebody else's.
#[utoipa::path(post, path = "/me/email", tag = "account", request_body = EmailChange, responses(
    (status = 202, description = "A link is on its way to the new address"),
    (status = 409, description = "This house sends no mail (`no_mail`), or sign in again first (`sign_in_again`)", body = Problem, content_type = MEDIA_TYPE),
    (status = 429, description = "Too many attempts (`too_many_attempts`); `Retry-After` says how long to wait", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn change_email(
    caller: Caller,
    State(engine): State<Engine>,
    Asked(change): Asked<EmailChange>,
) -> Result<StatusCode, Problem> {
    let password = change.password.map_or_else(|| "".into(), |secret| secret.0);
    engine.change_email(&caller.actor, &change.email, &password).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Ask for a link to replace a forgotten password.
///
/// The answer is the same whether there is such an account or not.
#[utoipa::path(post, path = "/password-recoveries", tag = "account", request_body = Forgotten, responses(
    (status = 202, description = "If there is an account with this address, a link is on its way"),
    (status = 403, description = "Asked by another site's page (`cross_site`)", body = Problem, content_type = MEDIA_TYPE),
    (status = 409, description = "This house sends no mail (`no_mail`)", body = Problem, content_type = MEDIA_TYPE),
    (status = 429, description = "Too many attempts (`too_many_attempts`); `Retry-After` says how long to wait", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn ask_to_recover(
    _: NotCrossSite,
    Visitor(visitor): Visitor,
    State(engine): State<Engine>,
    Asked(forgotten): Asked<Forgotten>,
) -> Result<StatusCode, Problem> {
    engine.ask_to_recover(&visitor, &forgotten.email).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Replace a forgotten password.
///
/// All sessions end. A second factor is still asked for at the next sign-in.
#[utoipa::path(post, path = "/password-recoveries/finish", tag = "account", request_body = Recovery, responses(
    (status = 204, description = "Replaced; sign in with it"),
    (status = 403, description = "Asked by another site's page (`cross_site`)", body = Problem, content_type = MEDIA_TYPE),
    (status = 409, description = "The link was used or has ended (`link_ended`)", body = Problem, content_type = MEDIA_TYPE),
    (status = 429, description = "Too many attempts (`too_many_attempts`); `Retry-After` says how long to wait", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn recover(
    _: NotCrossSite,
    Visitor(visitor): Visitor,
    State(engine): State<Engine>,
    Asked(given): Asked<Recovery>,
) -> Result<StatusCode, Problem> {
    engine.recover(&visitor, &given.token.0, &given.password.0).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// All invitations, in the order in which they were made. For administrators.
#[utoipa::path(get, path = "/house-invitations", tag = "users", params(Paging), responses(
    (status = 200, description = "A page of them", body = Page<HouseInvitation>),
))]
pub(crate) async fn list_house_invitations(
    caller: Caller,
    State(engine): State<Engine>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<HouseInvitation>>, Problem> {
    let limit = paging.limit();
    let invitations = engine.house_invitations(&caller.actor, paging.after()?, limit.rows()).await?;
    Ok(Json(Page::of(invitations, limit, |invitation| invitation.id.to_string(), HouseInvitation::from)))
}

/// Invite somebody into the house. For administrators.
///
/// With an address, and where the house sends mails, the link is mailed; else it is shown, this once. It is good once,
/// for a week.
#[utoipa::path(post, path = "/house-invitations", tag = "users", request_body = HouseInvitationAsked, responses(
    (status = 201, description = "Invited", body = HouseInvitationMade),
    (status = 409, description = "Registration is closed (`registration_closed`)", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn invite_into_house(
    caller: Caller,
    State(engine): State<Engine>,
    Asked(asked): Asked<HouseInvitationAsked>,
) -> Result<(StatusCode, Json<HouseInvitationMade>), Problem> {
    let invited = engine.invite_into_house(&caller.actor, asked.email, asked.role).await?;
    let text = |secret: Option<secrecy::SecretString>| secret.map(|secret| secret.expose_secret().to_owned());
    let made = HouseInvitationMade {
        invitation: invited.invitation.into(),
        link: text(invited.link),
        token: text(invited.token),
    };
    Ok((StatusCode::CREATED, Json(made)))
}

/// Take an invitation back. For administrators.
#[utoipa::path(delete, path = "/house-invitations/{id}", tag = "users",
    params(("id" = HouseInvitationId, Path, description = "The invitation")),
    responses((status = 204, description = "Taken back")),
)]
pub(crate) async fn withdraw_house_invitation(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<HouseInvitationId>,
) -> Result<StatusCode, Problem> {
    engine.withdraw_house_invitation(&caller.actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
