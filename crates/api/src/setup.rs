//! The first administrator of a new house.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use innkeeper_domain::audit::Doer;
use innkeeper_domain::invitations::Registration;
use innkeeper_domain::names::{Email, Title};
use innkeeper_domain::users::Role;
use innkeeper_engine::{Engine, NewUser};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::App;
use crate::auth::NotCrossSite;
use crate::extract::Asked;
use crate::problem::{MEDIA_TYPE, Problem};
use crate::secret::Secret;
use crate::sessions::{SignedInAnswer, entered};
use crate::visitors::Visitor;

/// What a visitor may know of the house.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Setup {
    /// Whether the first administrator is missing.
    needed: bool,
    /// Who may register.
    registration: Registration,
    /// Whether the house sends mails: without, nobody can recover a forgotten password by themselves.
    mail: bool,
    /// Whether there can be passkeys: they need an address with a name.
    passkeys: bool,
}

/// The first administrator.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "email": "ada@example.org", "name": "Ada", "password": "correct horse battery" }))]
pub(crate) struct FirstAdmin {
    /// Signs in with it.
    email: Email,
    /// How to greet them: 1 to 64 characters.
    name: Title,
    /// 10 to 256 characters.
    password: Secret,
}

/// Is the first administrator missing, and who may register?
#[utoipa::path(get, path = "/setup", tag = "setup", responses((status = 200, description = "Whether it is", body = Setup)))]
pub(crate) async fn get_setup(State(engine): State<Engine>) -> Result<Json<Setup>, Problem> {
    let needed = engine.is_new_house().await?;
    Ok(Json(Setup {
        needed,
        registration: engine.registration(),
        mail: engine.sends_mail(),
        passkeys: engine.has_passkeys(),
    }))
}

/// Make the first administrator and sign them in.
///
/// Works once in the life of a house. Of several that ask at the same time, one succeeds.
#[utoipa::path(post, path = "/setup", tag = "setup", request_body = FirstAdmin, responses(
    (status = 201, description = "Made and signed in; the token is shown this once", body = SignedInAnswer,
     headers(("Set-Cookie" = String, description = "The session, for browsers"))),
    (status = 403, description = "Asked by another site's page (`cross_site`)", body = Problem, content_type = MEDIA_TYPE),
    (status = 409, description = "The house has its first administrator (`already_set_up`)", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn set_up(
    _: NotCrossSite,
    Visitor(visitor): Visitor,
    State(app): State<App>,
    Asked(new): Asked<FirstAdmin>,
) -> Result<Response, Problem> {
    let email = new.email.to_string();
    let password = new.password.0;
    let new = NewUser { email: new.email, name: new.name, role: Role::Admin, password: password.clone() };
    app.engine.create_first_admin(&Doer::stranger(visitor.address), new).await?;
    Ok(entered(app.engine.sign_in(&visitor, &email, &password).await?, &app))
}
