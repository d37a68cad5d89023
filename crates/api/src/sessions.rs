//! Signing in and out. The token is shown once, to whoever signed in.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use innkeeper_domain::ids::{SessionId, UserId};
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::users as domain;
use innkeeper_engine::{Engine, Error, SignedIn};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::{Caller, NotCrossSite, give_cookie, take_cookie};
use crate::extract::{Asked, At, Query};
use crate::page::{Page, Paging};
use crate::problem::{MEDIA_TYPE, Problem};
use crate::secret::Secret;
use crate::users::User;
use crate::{App, Options};

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

/// A signed-in session, without its token.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Session {
    /// Identity.
    pub(crate) id: SessionId,
    /// Who signed in.
    user_id: UserId,
    /// Whether this very request was made with it.
    current: bool,
    /// When they signed in.
    created_at: Timestamp,
    /// When it ends by itself.
    expires_at: Timestamp,
}

impl Session {
    pub(crate) fn new(session: &domain::Session, current: Option<SessionId>) -> Self {
        Self {
            id: session.id,
            user_id: session.user_id,
            current: Some(session.id) == current,
            created_at: session.created_at,
            expires_at: session.expires_at,
        }
    }
}

/// A session just opened.
#[derive(Serialize, ToSchema)]
#[schema(as = SignedIn)]
pub(crate) struct SignedInAnswer {
    /// Send it as `Authorization: Bearer`. It is shown this once.
    token: String,
    /// Who signed in.
    user: User,
    /// The session.
    session: Session,
}

/// The answer to signing in: the token for programs, and the same in a cookie for browsers.
pub(crate) struct Opened {
    cookie: String,
    answer: SignedInAnswer,
}

impl Opened {
    pub(crate) fn new(signed_in: &SignedIn, options: &Options) -> Self {
        let answer = SignedInAnswer {
            token: signed_in.token.expose_secret().to_owned(),
            user: signed_in.user.clone().into(),
            session: Session::new(&signed_in.session, Some(signed_in.session.id)),
        };
        Self { cookie: give_cookie(signed_in, options), answer }
    }
}

impl IntoResponse for Opened {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, [(header::SET_COOKIE, self.cookie)], Json(self.answer)).into_response()
    }
}

/// Sign in.
#[utoipa::path(post, path = "/sessions", tag = "sessions", request_body = Credentials, responses(
    (status = 201, description = "Signed in; the token is shown this once", body = SignedInAnswer,
     headers(("Set-Cookie" = String, description = "The session, for browsers"))),
    (status = 401, description = "Wrong e-mail address or password (`wrong_credentials`)", body = Problem, content_type = MEDIA_TYPE),
    (status = 403, description = "Banned (`banned`; `detail` says until when and why), or asked by another site's page (`cross_site`)", body = Problem, content_type = MEDIA_TYPE),
    (status = 503, description = "Too many are signing in at the moment (`overloaded`)", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn sign_in(
    _: NotCrossSite,
    State(app): State<App>,
    Asked(given): Asked<Credentials>,
) -> Result<Opened, Problem> {
    let signed_in =
        app.engine.sign_in(&given.email, &given.password.0, None).await.map_err(|error| match error {
            Error::Unauthenticated(detail) => Problem::unauthenticated("wrong_credentials", detail),
            other => other.into(),
        })?;
    Ok(Opened::new(&signed_in, &app.options))
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
#[utoipa::path(delete, path = "/sessions/current", tag = "sessions", responses(
    (status = 204, description = "Signed out; the token is worth nothing from now on",
     headers(("Set-Cookie" = String, description = "Takes the session from browsers"))),
))]
pub(crate) async fn sign_out(caller: Caller, State(app): State<App>) -> Result<Response, Problem> {
    app.engine.sign_out(&caller.actor).await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, take_cookie(&app.options))]).into_response())
}

/// End one of your sessions.
#[utoipa::path(delete, path = "/sessions/{id}", tag = "sessions",
    params(("id" = SessionId, Path, description = "The session")),
    responses((status = 204, description = "Ended; its token is worth nothing from now on")),
)]
pub(crate) async fn end_session(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<SessionId>,
) -> Result<StatusCode, Problem> {
    engine.end_session(&caller.actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
