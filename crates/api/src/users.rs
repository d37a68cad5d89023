//! Users, and who one is oneself.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use innkeeper_domain::ids::{ProjectId, UserId};
use innkeeper_domain::mails::Language;
use innkeeper_domain::names::{Email, Title};
use innkeeper_domain::projects::Membership;
use innkeeper_domain::standing::{Ban, Measures, Suspension};
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::users::{self as domain, Role, Standing};
use innkeeper_engine::{Engine, NewUser, Proven, UserChange, UserFilter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::auth::Caller;
use crate::docs::IdempotencyKey;
use crate::extract::{Asked, At, Keyed, Query};
use crate::impersonations::Impersonation;
use crate::keys::Key;
use crate::page::{Cursor, Limit, Page};
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
    /// Set while they are suspended: they look, pay and leave.
    suspension: Option<Suspension>,
    /// Set while they are banned: they do not get in.
    ban: Option<Ban>,
    /// When they were made.
    created_at: Timestamp,
}

impl From<domain::User> for User {
    fn from(user: domain::User) -> Self {
        let email_verified = user.email_verified_at.is_some();
        let domain::User { id, email, name, role, personal_project, language, measures, created_at, .. } =
            user;
        let Measures { suspension, ban } = measures;
        Self {
            id,
            email,
            name,
            role,
            personal_project,
            email_verified,
            language,
            suspension,
            ban,
            created_at,
        }
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
    /// The session of this request, if it was made with one.
    session: Option<Session>,
    /// The key of this request, if it was made with one.
    key: Option<Key>,
    /// Set when an administrator acts for you by this request.
    impersonation: Option<Impersonation>,
    /// Whether anything stands against you.
    standing: Standing,
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
    let (mut session, mut key, mut impersonation) = (None, None, None);
    match caller.by {
        Proven::Session(by) => session = Some(Session::new(&by, Some(by.id))),
        Proven::Key(by) => key = Some(by.into()),
        Proven::Impersonation(by) => impersonation = Some(by.into()),
    }
    Json(Me {
        session,
        key,
        impersonation,
        standing: caller.actor.standing,
        memberships: memberships
            .map(|&(project_id, membership)| MemberOf { project_id, membership })
            .collect(),
        user: caller.user.into(),
    })
}

/// Which users to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct UserQuery {
    /// Only those whose name or e-mail address contains this.
    text: Option<String>,
    /// Only those of this role.
    role: Option<Role>,
    /// Only those who stand like this.
    standing: Option<Standing>,
    /// How many items at most.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// Users, in the order in which they were made. For staff.
#[utoipa::path(get, path = "/users", tag = "users", params(UserQuery), responses(
    (status = 200, description = "A page of them", body = Page<User>),
))]
pub(crate) async fn list_users(
    caller: Caller,
    State(engine): State<Engine>,
    Query(query): Query<UserQuery>,
) -> Result<Json<Page<User>>, Problem> {
    let UserQuery { text, role, standing, limit, cursor } = query;
    let filter = UserFilter { text, role, standing };
    let users = engine.users(&caller.actor, &filter, Cursor::read(cursor)?, limit.rows()).await?;
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

/// One user. For staff.
#[utoipa::path(get, path = "/users/{id}", tag = "users",
    params(("id" = UserId, Path, description = "The user")),
    responses((status = 200, description = "The user", body = User)),
)]
pub(crate) async fn get_user(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<UserId>,
) -> Result<Json<User>, Problem> {
    Ok(Json(engine.user(&caller.actor, id).await?.into()))
}

/// What to change of a user; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "Grace Hopper", "role": "operator" }))]
pub(crate) struct UserChangeAsked {
    /// How to greet them: 1 to 64 characters.
    name: Option<Title>,
    /// What they may do across the house.
    role: Option<Role>,
}

/// Change how a user is called, or what they may do across the house. For administrators.
#[utoipa::path(patch, path = "/users/{id}", tag = "users", request_body = UserChangeAsked,
    params(("id" = UserId, Path, description = "The user")),
    responses(
        (status = 200, description = "The user as they are now", body = User),
        (status = 409, description = "The house would have no administrator any more (`last_admin`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn change_user(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<UserId>,
    Asked(change): Asked<UserChangeAsked>,
) -> Result<Json<User>, Problem> {
    let change = UserChange { name: change.name, role: change.role };
    Ok(Json(engine.change_user(&caller.actor, id, change).await?.into()))
}
