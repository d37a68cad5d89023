//! Who is calling: the holder of a session, shown by a bearer token or by the session cookie. Browsers send cookies
//! with requests that other sites cause, so a change with the cookie must come from one of our own pages.

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use innkeeper_domain::access::{Action, Actor, Answer, may};
use innkeeper_domain::audit::Doer;
use innkeeper_domain::ids::SessionId;
use innkeeper_domain::tickets::Purpose;
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::users::User;
use innkeeper_engine::{Identified, Proven, SignedIn};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::problem::Problem;
use crate::{App, Options, refusals, visitors};

/// The cookie that carries the session's access token.
pub(crate) const COOKIE: &str = "innkeeper_session";

/// The cookie that carries its refresh token, to the one address that takes it.
const REFRESH_COOKIE: &str = "innkeeper_refresh";
/// The cookie of a browser that was sent to another house.
const OIDC_COOKIE: &str = "innkeeper_oidc";
const OIDC_PATH: &str = "/api/v1/sessions/oidc";
const REFRESH_PATH: &str = "/api/v1/sessions/refresh";

/// Somebody who is signed in, with what they may do right now.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) actor: Actor,
    pub(crate) user: User,
    /// How they proved it.
    pub(crate) by: Proven,
    /// To ask again later whether it still stands.
    pub(crate) token: SecretString,
}

impl Caller {
    /// The session to end when they sign out; none with a key.
    pub(crate) fn session_id(&self) -> Option<SessionId> {
        self.by.session_id()
    }

    /// Whether they look after the house, and so may see where things are.
    pub(crate) fn is_staff(&self) -> bool {
        may(&self.actor, Action::SeeHouse) == Answer::Yes
    }
}

/// Lets nobody through who is not signed in.
pub(crate) async fn authenticate(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let (token, by_cookie) = match bearer(request.headers()) {
        Some(token) => (token, false),
        // Without a token the engine says what it says to every unknown one.
        None => (cookie(request.headers(), COOKIE).unwrap_or_default(), true),
    };
    let address = visitors::address(request.extensions(), request.headers(), &app.options.trusted_proxies);
    let Identified { actor, user, by } = app.engine.authenticate(token, address).await?;
    if by_cookie
        && !is_safe(request.method())
        && !comes_from_us(request.headers(), &app.options).unwrap_or(false)
    {
        return Err(Problem::cross_site());
    }
    let token = SecretString::from(token);
    refusals::shown(request.extensions(), || Doer::from(&actor));
    request.extensions_mut().insert(Caller { actor, user, by, token });
    Ok(next.run(request).await)
}

/// Who is signed in, at a door that others may come to as well; none when nobody is.
pub(crate) async fn perhaps(app: &App, parts: &Parts) -> Result<Option<Actor>, Problem> {
    let (token, by_cookie) = match bearer(&parts.headers) {
        Some(token) => (token, false),
        None => match cookie(&parts.headers, COOKIE).filter(|token| !token.is_empty()) {
            Some(token) => (token, true),
            None => return Ok(None),
        },
    };
    let address = visitors::address(&parts.extensions, &parts.headers, &app.options.trusted_proxies);
    let Identified { actor, .. } = app.engine.authenticate(token, address).await?;
    let from_us = || comes_from_us(&parts.headers, &app.options).unwrap_or(false);
    if by_cookie && !is_safe(&parts.method) && !from_us() {
        return Err(Problem::cross_site());
    }
    Ok(Some(actor))
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Absent only on a public route, whose handlers do not ask.
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| Problem::unauthenticated("unauthenticated", "sign in first"))
    }
}

/// Refuses a sign-in that another site has a browser make; it would put a stranger's session into that browser.
pub(crate) struct NotCrossSite;

impl FromRequestParts<App> for NotCrossSite {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        // Programs say nothing of where they come from, and have no browser's cookies to lose.
        if comes_from_us(&parts.headers, &app.options).unwrap_or(true) {
            Ok(Self)
        } else {
            Err(Problem::cross_site())
        }
    }
}

/// The token of a session or a key that comes with a request, if any does.
pub(crate) fn shown(headers: &HeaderMap) -> Option<&str> {
    bearer(headers).or_else(|| cookie(headers, COOKIE)).filter(|token| !token.is_empty())
}

pub(crate) fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

fn cookie<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    pairs
        .flat_map(|pairs| pairs.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == wanted).then_some(value))
}

/// Whether a page of ours caused the request, by what the browser says; none when nothing says anything.
fn comes_from_us(headers: &HeaderMap, options: &Options) -> Option<bool> {
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or_default());
    let by_site = text("sec-fetch-site").map(|site| site == "same-origin");
    let by_origin = text("origin").map(|origin| is_ours(origin, text("host"), options));
    match (by_site, by_origin) {
        (Some(site), Some(origin)) => Some(site && origin),
        (site, origin) => site.or(origin),
    }
}

fn is_ours(origin: &str, host: Option<&str>, options: &Options) -> bool {
    let Ok(origin) = Url::parse(origin) else { return false };
    // Whoever sits on the wire can serve a page of our name without TLS.
    if options.secure_cookies && origin.scheme() != "https" {
        return false;
    }
    let named = host.and_then(|host| Url::parse(&format!("{}://{host}", origin.scheme())).ok());
    let public = options.public_url.as_deref().and_then(|url| Url::parse(url).ok());
    // An opaque origin (`null`) does not parse, and never equals another.
    [named, public].into_iter().flatten().any(|ours| ours.origin() == origin.origin())
}

/// The ticket of a browser that comes back from another house; empty when it has none.
pub(crate) fn oidc_ticket(headers: &HeaderMap) -> SecretString {
    cookie(headers, OIDC_COOKIE).unwrap_or_default().into()
}

/// The cookie that ties what comes back from another house to the browser that was sent there; an empty ticket takes it
/// away. Lax, since the browser comes back from another site.
pub(crate) fn oidc_cookie(ticket: &str, options: &Options) -> String {
    let secure = if options.secure_cookies { "; Secure" } else { "" };
    let max_age = if ticket.is_empty() { 0 } else { Purpose::Oidc.lifetime().as_secs() };
    format!("{OIDC_COOKIE}={ticket}; HttpOnly; SameSite=Lax; Path={OIDC_PATH}; Max-Age={max_age}{secure}")
}

/// The refresh token that a browser sends by itself, if a page of ours had it do so.
pub(crate) fn refresh_cookie(headers: &HeaderMap, app: &App) -> Result<SecretString, Problem> {
    let none = || {
        Problem::unauthenticated("session_ended", "give a refresh token")
            .remedy("sign in with `POST /api/v1/sessions`")
    };
    let token = cookie(headers, REFRESH_COOKIE).ok_or_else(none)?;
    if !comes_from_us(headers, &app.options).unwrap_or(false) {
        return Err(Problem::cross_site());
    }
    Ok(token.into())
}

/// The cookies that give a browser its session.
pub(crate) fn give_cookies(signed_in: &SignedIn, app: &App) -> [String; 2] {
    let lasts = |until: Timestamp| until.since(app.engine.clock().now()).as_secs();
    let (access, refresh) = (signed_in.access.expose_secret(), signed_in.refresh.expose_secret());
    [
        access_cookie(access, lasts(signed_in.access_expires_at), &app.options),
        refresh_cookie_of(refresh, lasts(signed_in.session.expires_at), &app.options),
    ]
}

/// The cookies that take it away.
pub(crate) fn take_cookies(app: &App) -> [String; 2] {
    [access_cookie("", 0, &app.options), refresh_cookie_of("", 0, &app.options)]
}

fn access_cookie(value: &str, max_age: u64, options: &Options) -> String {
    let secure = if options.secure_cookies { "; Secure" } else { "" };
    format!("{COOKIE}={value}; HttpOnly; SameSite=Lax; Path=/; Max-Age={max_age}{secure}")
}

fn refresh_cookie_of(value: &str, max_age: u64, options: &Options) -> String {
    let secure = if options.secure_cookies { "; Secure" } else { "" };
    format!(
        "{REFRESH_COOKIE}={value}; HttpOnly; SameSite=Strict; Path={REFRESH_PATH}; Max-Age={max_age}{secure}"
    )
}
