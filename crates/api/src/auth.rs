//! Who is calling: the holder of a session, shown by a bearer token or by the session cookie. Browsers send cookies
//! with requests that other sites cause, so a change with the cookie must come from one of our own pages.

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use innkeeper_domain::access::{Action, Actor, Answer, may};
use innkeeper_domain::ids::SessionId;
use innkeeper_domain::users::User;
use innkeeper_engine::{Identified, Proven, SignedIn};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::problem::Problem;
use crate::{App, Options};

/// The cookie that carries the session's token.
pub(crate) const COOKIE: &str = "innkeeper_session";

/// Somebody who is signed in, with what they may do right now.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) actor: Actor,
    pub(crate) user: User,
    /// How they proved it.
    pub(crate) by: Proven,
    /// To ask again later whether the session still stands.
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
        None => (cookie(request.headers()).unwrap_or_default(), true),
    };
    let Identified { actor, user, by } = app.engine.authenticate(token, None).await?;
    if by_cookie
        && !is_safe(request.method())
        && !comes_from_us(request.headers(), &app.options).unwrap_or(false)
    {
        return Err(Problem::cross_site());
    }
    let token = SecretString::from(token);
    request.extensions_mut().insert(Caller { actor, user, by, token });
    Ok(next.run(request).await)
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

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    pairs
        .flat_map(|pairs| pairs.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == COOKIE).then_some(value))
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

/// The header that gives a browser its session.
pub(crate) fn give_cookie(signed_in: &SignedIn, options: &Options) -> String {
    let lifetime = signed_in.session.expires_at.since(signed_in.session.created_at).as_secs();
    write_cookie(signed_in.token.expose_secret(), lifetime, options)
}

/// The header that takes it away.
pub(crate) fn take_cookie(options: &Options) -> String {
    write_cookie("", 0, options)
}

fn write_cookie(value: &str, max_age: u64, options: &Options) -> String {
    let secure = if options.secure_cookies { "; Secure" } else { "" };
    format!("{COOKIE}={value}; HttpOnly; SameSite=Lax; Path=/; Max-Age={max_age}{secure}")
}
