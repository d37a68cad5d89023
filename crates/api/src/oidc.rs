//! Signing in with an account at another house. The browser goes there and comes back; between the two, a cookie ties
//! what comes back to the browser that was sent away. Where it goes on is always a path of this house.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use innkeeper_domain::identities as domain;
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::{Away, Back, Engine, Entered};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::account::Again;
use crate::auth::{self, Caller, NotCrossSite};
use crate::extract::{Asked, At, Query};
use crate::page::{Page, Paging};
use crate::problem::{MEDIA_TYPE, Problem};
use crate::secret::Secret;
use crate::visitors::Visitor;

/// Another house by which one may sign in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Provider {
    /// Names it in addresses.
    name: String,
    /// Names it on the button.
    title: String,
}

/// The other houses by which one may sign in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Providers {
    /// All of them.
    items: Vec<Provider>,
}

/// A sign-in elsewhere that begins.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "return_to": "/instances" }))]
pub(crate) struct OidcSignIn {
    /// Where to go on afterwards: a path of this house.
    #[serde(default = "home")]
    #[schema(default = "/")]
    return_to: String,
    /// The token of an invitation, for those who come for the first time.
    invitation: Option<Secret>,
}

/// A link to an account elsewhere that begins.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "return_to": "/account", "password": "correct horse battery" }))]
pub(crate) struct LinkAsked {
    /// Where to go on afterwards: a path of this house.
    #[serde(default = "home")]
    #[schema(default = "/")]
    return_to: String,
    /// Your password; left out by those who have none.
    password: Option<Secret>,
}

fn home() -> String {
    "/".to_owned()
}

/// Where to send the browser.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AwayTo {
    /// The address there.
    url: String,
}

/// What the other house sends back with the browser.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CameBack {
    /// What the browser was sent away with.
    #[serde(default)]
    state: String,
    /// Gets who it is, once.
    code: Option<String>,
    /// Why there is no code.
    error: Option<String>,
}

/// An account elsewhere that is linked to yours.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Identity {
    /// The other house.
    provider: String,
    /// The address that it told last.
    email: Option<String>,
    /// When it was linked.
    created_at: Timestamp,
    /// When it last signed in.
    last_used_at: Timestamp,
}

impl From<domain::Identity> for Identity {
    fn from(identity: domain::Identity) -> Self {
        let domain::Identity { provider, email, created_at, last_used_at, .. } = identity;
        Self { provider, email, created_at, last_used_at }
    }
}

fn away(away: Away, app: &App) -> Response {
    let cookie = auth::oidc_cookie(away.ticket.expose_secret(), &app.options);
    (StatusCode::CREATED, [(header::SET_COOKIE, cookie)], Json(AwayTo { url: away.url })).into_response()
}

/// The other houses by which one may sign in.
#[utoipa::path(get, path = "/sessions/oidc", tag = "sessions", responses(
    (status = 200, description = "All of them", body = Providers),
))]
pub(crate) async fn list_providers(State(engine): State<Engine>) -> Json<Providers> {
    let providers = engine.oidc_providers().iter();
    let items = providers
        .map(|provider| Provider { name: provider.name.clone(), title: provider.title.clone() })
        .collect();
    Json(Providers { items })
}

/// Begin to sign in elsewhere.
///
/// Send the browser to the address that is answered. It comes back signed in to `return_to`; or to `/sign-in`, with
/// `#ticket=…` where a second factor is asked for, or `#problem=…` where it did not succeed.
#[utoipa::path(post, path = "/sessions/oidc/{provider}", tag = "sessions", request_body = OidcSignIn,
    params(("provider" = String, Path, description = "The other house")),
    responses(
        (status = 201, description = "Where to send the browser", body = AwayTo,
         headers(("Set-Cookie" = String, description = "Ties what comes back to this browser"))),
        (status = 403, description = "Asked by another site's page (`cross_site`)", body = Problem, content_type = MEDIA_TYPE),
        (status = 409, description = "The other house does not answer (`oidc_unreachable`)", body = Problem, content_type = MEDIA_TYPE),
        (status = 429, description = "Too many attempts (`too_many_attempts`); `Retry-After` says how long to wait", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn begin_oidc(
    _: NotCrossSite,
    Visitor(visitor): Visitor,
    State(app): State<App>,
    At(provider): At<String>,
    Asked(asked): Asked<OidcSignIn>,
) -> Result<Response, Problem> {
    let invitation = asked.invitation.map(|token| token.0);
    let begun = app.engine.begin_oidc(&visitor, &provider, &asked.return_to, invitation.as_ref()).await?;
    Ok(away(begun, &app))
}

/// Come back from there. For browsers.
#[utoipa::path(get, path = "/sessions/oidc/{provider}/callback", tag = "sessions",
    params(("provider" = String, Path, description = "The other house"), CameBack),
    responses((status = 303, description = "On to a page of this house",
        headers(("Set-Cookie" = String, description = "The session, where it succeeded")))),
)]
pub(crate) async fn come_back(
    Visitor(visitor): Visitor,
    State(app): State<App>,
    headers: HeaderMap,
    At(provider): At<String>,
    Query(back): Query<CameBack>,
) -> Response {
    let ticket = auth::oidc_ticket(&headers);
    let code = back.code.as_deref().filter(|_| back.error.is_none());
    let (ended, return_to) = app.engine.finish_oidc(&visitor, &provider, &ticket, &back.state, code).await;
    let mut cookies = vec![auth::oidc_cookie("", &app.options)];
    let location = match ended {
        Ok(Back::Linked) => return_to,
        Ok(Back::Entered(Entered::In(signed_in))) => {
            cookies.extend(auth::give_cookies(&signed_in, &app));
            return_to
        }
        // Behind the #, so that it is in no log on the way.
        Ok(Back::Entered(Entered::Halfway(half))) => format!(
            "/sign-in#ticket={}&totp={}&recovery_code={}&passkey={}",
            half.ticket.expose_secret(),
            half.factors.totp,
            half.factors.recovery_codes > 0,
            half.factors.passkeys > 0,
        ),
        Err(error) => format!("/sign-in#problem={}", Problem::from(error).code()),
    };
    let cookies = cookies.into_iter().map(|cookie| (header::SET_COOKIE, cookie)).collect::<Vec<_>>();
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response();
    for (name, cookie) in AppendHeaders(cookies).0 {
        if let Ok(cookie) = cookie.parse() {
            response.headers_mut().append(name, cookie);
        }
    }
    response
}

/// The accounts elsewhere that are linked to yours.
#[utoipa::path(get, path = "/me/identities", tag = "account", params(Paging), responses(
    (status = 200, description = "A page of them", body = Page<Identity>),
))]
pub(crate) async fn list_identities(
    caller: Caller,
    State(engine): State<Engine>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Identity>>, Problem> {
    let identities = engine.identities(&caller.actor).await?;
    Page::within(identities, paging, |identity| identity.provider.clone(), Identity::from).map(Json)
}

/// Begin to link an account elsewhere to yours.
#[utoipa::path(post, path = "/me/identities/{provider}", tag = "account", request_body = LinkAsked,
    params(("provider" = String, Path, description = "The other house")),
    responses(
        (status = 201, description = "Where to send the browser", body = AwayTo,
         headers(("Set-Cookie" = String, description = "Ties what comes back to this browser"))),
        (status = 409, description = "The other house does not answer (`oidc_unreachable`), or sign in again first (`sign_in_again`)", body = Problem, content_type = MEDIA_TYPE),
        (status = 429, description = "Too many attempts (`too_many_attempts`); `Retry-After` says how long to wait", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn begin_link(
    caller: Caller,
    State(app): State<App>,
    At(provider): At<String>,
    Asked(asked): Asked<LinkAsked>,
) -> Result<Response, Problem> {
    let password = asked.password.map_or_else(|| "".into(), |secret| secret.0);
    let begun = app.engine.begin_link(&caller.actor, &provider, &asked.return_to, &password).await?;
    Ok(away(begun, &app))
}

/// Unlink an account elsewhere.
#[utoipa::path(post, path = "/me/identities/{provider}/remove", tag = "account", request_body = Again,
    params(("provider" = String, Path, description = "The other house")),
    responses(
        (status = 204, description = "Unlinked"),
        (status = 409, description = "It is your only way in (`only_way_in`), or sign in again first (`sign_in_again`)", body = Problem, content_type = MEDIA_TYPE),
        (status = 429, description = "Too many attempts (`too_many_attempts`); `Retry-After` says how long to wait", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn unlink(
    caller: Caller,
    State(engine): State<Engine>,
    At(provider): At<String>,
    Asked(again): Asked<Again>,
) -> Result<StatusCode, Problem> {
    engine.unlink(&caller.actor, &provider, &again.password()).await?;
    Ok(StatusCode::NO_CONTENT)
}
