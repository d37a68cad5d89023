//! Keys: what programs use in place of a session.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use innkeeper_domain::access::Scope;
use innkeeper_domain::addresses::AddressRange;
use innkeeper_domain::ids::{KeyId, ProjectId};
use innkeeper_domain::keys as domain;
use innkeeper_domain::names::Title;
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::{Engine, NewKey};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::docs::IdempotencyKey;
use crate::extract::{At, Keyed, Query};
use crate::page::{Page, Paging};
use crate::problem::{MEDIA_TYPE, Problem};

/// A key, without its token.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Key {
    /// Identity.
    id: KeyId,
    /// What it is for.
    name: Title,
    /// What it may be used for.
    scopes: Vec<Scope>,
    /// The only project that it is good for; null means all that you may see.
    project_id: Option<ProjectId>,
    /// From where it may be used; empty means from anywhere.
    ranges: Vec<AddressRange>,
    /// When it was made.
    created_at: Timestamp,
    /// When it ends by itself; null means never.
    expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    last_used_at: Option<Timestamp>,
}

impl From<domain::Key> for Key {
    fn from(key: domain::Key) -> Self {
        let domain::Key {
            id,
            user_id: _,
            name,
            scopes,
            project_id,
            ranges,
            created_at,
            expires_at,
            last_used_at,
        } = key;
        Self { id, name, scopes, project_id, ranges, created_at, expires_at, last_used_at }
    }
}

/// A key to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "deploy", "scopes": ["read", "instances"] }))]
pub(crate) struct KeyAsked {
    /// What it is for: 1 to 64 characters.
    name: Title,
    /// What it may be used for; at least one.
    scopes: Vec<Scope>,
    /// The only project that it is good for; all that you may see when it is left out.
    project_id: Option<ProjectId>,
    /// From where it may be used, at most 20; from anywhere when it is left out.
    #[serde(default)]
    ranges: Vec<AddressRange>,
    /// When it ends by itself; never when it is left out.
    expires_at: Option<Timestamp>,
}

/// A key just made.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeyMade {
    /// Send it as `Authorization: Bearer`. It is shown this once, and is null when an idempotency key comes again.
    token: Option<String>,
    /// The key.
    key: Key,
}

/// Make a key for a program. Takes a session: a key cannot make keys.
///
/// A key never has more than you have at the moment of its use, never changes an account, and does only what its
/// scopes say.
#[utoipa::path(post, path = "/keys", tag = "keys", params(IdempotencyKey), request_body = KeyAsked, responses(
    (status = 201, description = "Made; the token is shown this once", body = KeyMade),
    (status = 409, description = "You have too many (`too_many_keys`), or the idempotency key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn create_key(
    caller: Caller,
    State(engine): State<Engine>,
    Keyed { body, key }: Keyed<KeyAsked>,
) -> Result<(StatusCode, Json<KeyMade>), Problem> {
    let KeyAsked { name, scopes, project_id, ranges, expires_at } = body;
    let new = NewKey { name, scopes, project_id, ranges, expires_at };
    let (made, token) = engine.create_key(&caller.actor, new, key.as_ref()).await?;
    let token = token.map(|token| token.expose_secret().to_owned());
    Ok((StatusCode::CREATED, Json(KeyMade { token, key: made.into() })))
}

/// Your keys, newest first; those that are over stay for 30 days.
#[utoipa::path(get, path = "/keys", tag = "keys", params(Paging), responses(
    (status = 200, description = "A page of them", body = Page<Key>),
))]
pub(crate) async fn list_keys(
    caller: Caller,
    State(engine): State<Engine>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Key>>, Problem> {
    let keys = engine.keys(&caller.actor).await?;
    Page::within(keys, paging, |key| key.id.to_string(), Key::from).map(Json)
}

/// End one of your keys.
#[utoipa::path(delete, path = "/keys/{id}", tag = "keys",
    params(("id" = KeyId, Path, description = "The key")),
    responses((status = 204, description = "Ended; its token is worth nothing from now on")),
)]
pub(crate) async fn end_key(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<KeyId>,
) -> Result<StatusCode, Problem> {
    engine.end_key(&caller.actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
