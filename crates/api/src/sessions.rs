//! Signing in and out. Tokens are shown once, to whoever signed in; browsers get them as cookies that scripts cannot
//! read.

use std::net::IpAddr;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use innkeeper_domain::ids::{SessionId, UserId};
use innkeeper_domain::sessions::{self as domain, Method};
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::{Engine, Entered, Second, SignedIn};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::App;
use crate::auth::{self, Caller, NotCrossSite};
use crate::extract::{Asked, At, Query};
use crate::page::{Page, Paging};
use crate::problem::{MEDIA_TYPE, Problem};
use crate::secret::Secret;
use crate::users::User;
use crate::visitors::Visitor;

/// Who signs in, and the proof.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "email": "ada@example.org", "password": "correct horse battery" }))]
pub(crate) struct Credentials {
    /// The e-mail address.
    email: String,
    /// The password.
    password: Secret,
}

/// The second half of a sign-in: a code, or a recovery code.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "ticket": "ikt_…", "code": "123456" }))]
pub(crate) struct SecondHalf {
    /// The ticket that the first half answered.
    ticket: Secret,
    /// The code that the authenticator shows. Each is good once.
    code: Option<Secret>,
    /// Or a recovery code. Each is good once.
    recovery_code: Option<Secret>,
}

/// The refresh token, for programs; browsers send it in its cookie.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "refresh_token": "inr_…" }))]
pub(crate) struct Refresh {
    /// The token. Without it, the cookie counts.
    refresh_token: Option<Secret>,
}

/// A signed-in session, without its tokens.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Session {
    /// Identity.
    pub(crate) id: SessionId,
    /// Who signed in.
    user_id: UserId,
    /// Whether this very request was made with it.
    current: bool,
    /// How they signed in.
    method: Method,
    /// The address from which it was last refreshed; null when it is not known.
    #[schema(value_type = Option<String>)]
    address: Option<IpAddr>,
    /// What the client says it is.
    user_agent: Option<String>,
    /// When they signed in.
    created_at: Timestamp,
    /// When it was last used, to about a quarter of an hour.
    last_used_at: Timestamp,
    /// When it ends unless it is refreshed before.
    expires_at: Timestamp,
}

impl Session {
    pub(crate) fn new(session: &domain::Session, current: Option<SessionId>) -> Self {
        Self {
            id: session.id,
            user_id: session.user_id,
            current: Some(session.id) == current,
            method: session.method,
            address: session.address,
            user_agent: session.user_agent.clone(),
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            expires_at: session.expires_at,
        }
    }
}

/// A session just opened or refreshed.
#[derive(Serialize, ToSchema)]
#[schema(as = SignedIn)]
pub(crate) struct SignedInAnswer {
    /// The access token: send it as `Authorization: Bearer`. It is shown this once.
    token: String,
    /// When the access token ends; get the next one before.
    token_expires_at: Timestamp,
    /// The refresh token: good once, for `POST /sessions/refresh`. Used a second time, it ends the session. It is shown
    /// this once.
    refresh_token: String,
    /// Who signed in.
    user: User,
    /// The session.
    session: Session,
}

/// Half a sign-in: the first factor was right, and a second one is on.
#[derive(Serialize, ToSchema)]
pub(crate) struct SecondFactorAsked {
    /// Give it back with the second factor. Good once, for five codes at most.
    ticket: String,
    /// When the ticket ends.
    expires_at: Timestamp,
    /// Whether a code of an authenticator is taken.
    totp: bool,
    /// Whether a recovery code is taken.
    recovery_code: bool,
    /// Whether a passkey is taken.
    passkey: bool,
}

/// The answer to signing in: the tokens for programs, and the same in cookies for browsers.
pub(crate) struct Opened {
    cookies: [String; 2],
    answer: SignedInAnswer,
}

impl Opened {
    pub(crate) fn new(signed_in: &SignedIn, app: &App) -> Self {
        let answer = SignedInAnswer {
            token: signed_in.access.expose_secret().to_owned(),
            token_expires_at: signed_in.access_expires_at,
            refresh_token: signed_in.refresh.expose_secret().to_owned(),
            user: signed_in.user.clone().into(),
            session: Session::new(&signed_in.session, Some(signed_in.session.id)),
        };
        Self { cookies: auth::give_cookies(signed_in, app), answer }
    }
}

/// Headers that set these cookies.
pub(crate) fn set(cookies: [String; 2]) -> AppendHeaders<[(HeaderName, String); 2]> {
    AppendHeaders(cookies.map(|cookie| (header::SET_COOKIE, cookie)))
}

impl IntoResponse for Opened {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, set(self.cookies), Json(self.answer)).into_response()
    }
}

/// All the way in, or halfway.
pub(crate) fn entered(entered: Entered, app: &App) -> Response {
    match entered {
        Entered::In(signed_in) => Opened::new(&signed_in, app).into_response(),
        Entered::Halfway(halfway) => {
            let asked = SecondFactorAsked {
                ticket: halfway.ticket.expose_secret().to_owned(),
                expires_at: halfway.expires_at,
                totp: halfway.factors.totp,
                recovery_code: halfway.factors.recovery_codes > 0,
                passkey: halfway.factors.passkeys > 0,
            };
            (StatusCode::ACCEPTED, Json(asked)).into_response()
        }
    }
}

/// Sign in.
///
/// Where a second factor is on, this is the first half: the answer is `202` with a ticket for
/// `POST /sessions/second-factor`. A wrong password and an unknown address are told alike.
#[utoipa::path(post, path = "/sessions", tag = "sessions", request_body = Credentials, responses(
    (status = 201, description = "Signed in; the tokens are shown this once", body = SignedInAnswer,
     headers(("Set-Cookie" = String, description = "The session and its refresh token, for browsers"))),
    (status = 202, description = "The password is right; a second factor is asked for", body = SecondFactorAsked),
    (status = 401, description = "Wrong e-mail address or password (`wrong_credentials`)", body = Problem, content_type = MEDIA_TYPE),
    (status = 403, description = "Banned (`banned`; `detail` says until when and why), or asked by another site's page (`cross_site`)", body = Problem, content_type = MEDIA_TYPE),
    (status = 429, description = "Too many attempts (`too_many_attempts`); `Retry-After` says how long to wait", body = Problem, content_type = MEDIA_TYPE),
    (status = 503, description = "Too many are signing in at the moment (`overloaded`)", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn sign_in(
    _: NotCrossSite,
    Visitor(visitor): Visitor,
    State(app): State<App>,
    Asked(given): Asked<Credentials>,
) -> Result<Response, Problem> {
    Ok(entered(app.engine.sign_in(&visitor, &given.email, &given.password.0).await?, &app))
}

/// Give the second factor.
#[utoipa::path(post, path = "/sessions/second-factor", tag = "sessions", request_body = SecondHalf, responses(
    (status = 201, description = "Signed in; the tokens are shown this once", body = SignedInAnswer,
     headers(("Set-Cookie" = String, description = "The session and its refresh token, for browsers"))),
    (status = 401, description = "The code is not good (`wrong_code`), or the ticket is not good any more (`ticket_ended`)", body = Problem, content_type = MEDIA_TYPE),
    (status = 403, description = "Asked by another site's page (`cross_site`)", body = Problem, content_type = MEDIA_TYPE),
    (status = 429, description = "Too many attempts (`too_many_attempts`); `Retry-After` says how long to wait", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn give_second_factor(
    _: NotCrossSite,
    Visitor(visitor): Visitor,
    State(app): State<App>,
    Asked(given): Asked<SecondHalf>,
) -> Result<Opened, Problem> {
    let second = match (given.code, given.recovery_code) {
        (Some(code), None) => Second::Code(code.0),
        (None, Some(code)) => Second::RecoveryCode(code.0),
        _ => return Err(Problem::invalid_field("code", "give either `code` or `recovery_code`")),
    };
    let signed_in = app.engine.second_factor(&visitor, &given.ticket.0, &second).await?;
    Ok(Opened::new(&signed_in, &app))
}

/// Get the next pair of tokens.
///
/// A refresh token is good once. The same one again within half a minute, before its successor was used, gets the same
/// pair again, since an answer may be lost; any other repetition ends the session, because somebody has copied it.
#[utoipa::path(post, path = "/sessions/refresh", tag = "sessions", request_body = Refresh, responses(
    (status = 201, description = "The next tokens, shown this once", body = SignedInAnswer,
     headers(("Set-Cookie" = String, description = "The same, for browsers"))),
    (status = 401, description = "The session has ended (`session_ended`)", body = Problem, content_type = MEDIA_TYPE),
    (status = 403, description = "The cookie came with another site's request (`cross_site`)", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn refresh(
    _: NotCrossSite,
    Visitor(visitor): Visitor,
    State(app): State<App>,
    headers: HeaderMap,
    Asked(given): Asked<Refresh>,
) -> Result<Response, Problem> {
    let token = match given.refresh_token {
        Some(token) => token.0,
        None => auth::refresh_cookie(&headers, &app)?,
    };
    match app.engine.refresh(&visitor, &token).await {
        Ok(signed_in) => Ok(Opened::new(&signed_in, &app).into_response()),
        // A browser need not keep what is worth nothing any more.
        Err(error @ innkeeper_engine::Error::Denied { .. }) => {
            Ok((set(auth::take_cookies(&app)), Problem::from(error)).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// Your sessions that have not ended, newest first.
#[utoipa::path(get, path = "/sessions", tag = "sessions", params(Paging), responses(
    (status = 200, description = "A page of them", body = Page<Session>),
))]
pub(crate) async fn list_sessions(
    caller: Caller,
    State(engine): State<Engine>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Session>>, Problem> {
    let sessions = engine.sessions(&caller.actor).await?;
    let show = |session| Session::new(&session, caller.session_id());
    Page::within(sessions, paging, |session| session.id.to_string(), show).map(Json)
}

/// Sign out.
///
/// Ends the session that the request is made with, and no other: a browser that sends `Authorization: Bearer` keeps its
/// cookies, so that whoever ends acting for somebody is themselves again.
#[utoipa::path(delete, path = "/sessions/current", tag = "sessions", responses(
    (status = 204, description = "Signed out; its tokens are worth nothing from now on",
     headers(("Set-Cookie" = String, description = "Takes the session from browsers that showed it by the cookie"))),
))]
pub(crate) async fn sign_out(
    caller: Caller,
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    app.engine.sign_out(&caller.actor).await?;
    if auth::bearer(&headers).is_some() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok((StatusCode::NO_CONTENT, set(auth::take_cookies(&app))).into_response())
}

/// End one of your sessions.
#[utoipa::path(delete, path = "/sessions/{id}", tag = "sessions",
    params(("id" = SessionId, Path, description = "The session")),
    responses((status = 204, description = "Ended; its tokens are worth nothing from now on")),
)]
pub(crate) async fn end_session(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<SessionId>,
) -> Result<StatusCode, Problem> {
    engine.end_session(&caller.actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How many sessions were ended.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionsEnded {
    /// How many.
    ended: u64,
}

/// End all your sessions but this one.
#[utoipa::path(delete, path = "/sessions", tag = "sessions", responses(
    (status = 200, description = "Ended; their tokens are worth nothing from now on", body = SessionsEnded),
))]
pub(crate) async fn end_other_sessions(
    caller: Caller,
    State(engine): State<Engine>,
) -> Result<Json<SessionsEnded>, Problem> {
    Ok(Json(SessionsEnded { ended: engine.end_other_sessions(&caller.actor).await? }))
}
