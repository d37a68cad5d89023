//! Users, and who one is oneself.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use innkeeper_domain::ids::{ProjectId, UserId};
use innkeeper_domain::mails::Language;
use innkeeper_domain::names::{Email, Title};
use innkeeper_domain::projects::Membership;
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::users::{self as domain, Role};
use innkeeper_engine::{Engine, NewUser};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::docs::IdempotencyKey;
use crate::extract::{Keyed, Query};
use crate::page::{Page, Paging};
use crate::problem::{MEDIA_TYPE, Problem};
use crate::secret::Secret;
use crate::sessions::Session;

/// Somebody who signs in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct User {
    /// Identity.
    id: UserId,
    /// Signs in with it.
    email: Email,
    /// How to greet them.
    name: Title,
    /// What they may do across the house.
    role: Role,
    /// Their own project, made with them.
    personal_project: ProjectId,
    /// Whether the address is known to be theirs; who has not confirmed it makes nothing.
    email_verified: bool,
    /// In which language we write to them.
    language: Language,
    /// When they were made.
    created_at: Timestamp,
}

impl From<domain::User> for User {
    fn from(user: domain::User) -> Self {
        let domain::User { id, email, name, role, personal_project, language, created_at, .. } = user;
        let email_verified = user.email_verified_at.is_some();
        Self { id, email, name, role, personal_project, email_verified, language, created_at }
    }
}

/// A user to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "email": "grace@example.org", "name": "Grace", "role": "user", "password": "a long pass phrase" }))]
pub(crate) struct UserAsked {
    /// Signs in with it.
    email: Email,
    /// How to greet them: 1 to 64 characters.
    name: Title,
    /// What they may do across the house.
    role: Role,
    /// 10 to 256 characters.
    password: Secret,
}

/// Who you are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Me {
    /// You.
    user: User,
    /// The session of this request.
    session: Session,
    /// The projects that you are a member of.
    memberships: Vec<MemberOf>,
}

/// What somebody is in a project.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MemberOf {
    /// The project.
    project_id: ProjectId,
    /// What they may do there.
    membership: Membership,
}

/// Who you are, and what you may do.
#[utoipa::path(get, path = "/me", tag = "users", responses((status = 200, description = "You", body = Me)))]
pub(crate) async fn get_me(caller: Caller) -> Json<Me> {
    let memberships = caller.actor.memberships.iter();
    Json(Me {
        session: Session::new(&caller.session, caller.session.id),
        memberships: memberships
            .map(|&(project_id, membership)| MemberOf { project_id, membership })
            .collect(),
        user: caller.user.into(),
    })
}

/// All users, in the order in which they were made. For staff.
#[utoipa::path(get, path = "/users", tag = "users", params(Paging), responses(
    (status = 200, description = "A page of them", body = Page<User>),
))]
pub(crate) async fn list_users(
    caller: Caller,
    State(engine): State<Engine>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<User>>, Problem> {
    let limit = paging.limit();
    let users = engine.users(&caller.actor, paging.after()?, limit.rows()).await?;
    Ok(Json(Page::of(users, limit, |user| user.id.to_string(), User::from)))
}

/// Make a user. For administrators.
///
/// The password is not part of what is compared when an idempotency key comes again.
#[utoipa::path(post, path = "/users", tag = "users", params(IdempotencyKey), request_body = UserAsked, responses(
    (status = 201, description = "Made, with a project of their own", body = User),
    (status = 409, description = "The address is taken (`email_taken`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn create_user(
    caller: Caller,
    State(engine): State<Engine>,
    Keyed { body, key }: Keyed<UserAsked>,
) -> Result<(StatusCode, Json<User>), Problem> {
    let new = NewUser { email: body.email, name: body.name, role: body.role, password: body.password.0 };
    let user = engine.create_user(&caller.actor, new, key.as_ref()).await?;
    Ok((StatusCode::CREATED, Json(user.into())))
}
