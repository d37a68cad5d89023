//! Services: what players or users connect to. Where one runs and how it is reached is for staff.

mod restarting;
mod shown;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use innkeeper_domain::abilities::Ability;
use innkeeper_domain::ids::ServiceId;
use innkeeper_domain::mails::Language;
use innkeeper_domain::names::Hostname;
use innkeeper_domain::services::{Doorman, Place, ServiceKind};
use innkeeper_engine::{Engine, NewService, RconAccess, ServiceChange};
use serde::Deserialize;
use utoipa::ToSchema;

pub(crate) use restarting::*;

use self::shown::{Service, ServiceAnswer};
use crate::auth::Caller;
use crate::docs::IdempotencyKey;
use crate::extract::{Asked, At, Keyed, Query, said};
use crate::page::{Page, Paging};
use crate::problem::{MEDIA_TYPE, Problem};
use crate::secret::Secret;

/// The remote console of a service.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RconAsked {
    /// Its port.
    #[schema(minimum = 1)]
    port: u16,
    /// Its password. It is sealed before it is kept, and never shown.
    password: Secret,
}

impl From<RconAsked> for RconAccess {
    fn from(asked: RconAsked) -> Self {
        Self { port: asked.port, password: asked.password.0 }
    }
}

/// A service to look after.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "survival", "at": { "instance": "ins_0190b2c35d5e7cc0a1b2c3d4e5f60718" }, "kind": "minecraft_java",
    "port": 25565, "rcon": { "port": 25575, "password": "only-for-the-desk" },
}))]
pub(crate) struct ServiceAsked {
    /// How people call it; unique.
    name: Hostname,
    /// Where it runs.
    at: Place,
    /// By what it is spoken to.
    kind: ServiceKind,
    /// The language of what players read.
    #[serde(default = "english")]
    language: Language,
    /// Its address; that which its instance reports when not said.
    address: Option<String>,
    /// What people enter to reach it: a name or an address, and a port where one is needed. Everybody who sees the
    /// service is shown it; without it, only staff know where it is.
    join_address: Option<String>,
    /// Its port.
    #[schema(minimum = 1)]
    port: u16,
    /// What is asked for over HTTP.
    path: Option<String>,
    /// Whether its guest goes to sleep and wakes with the host: then players keep the host awake, and its running does not.
    #[serde(default)]
    rests: bool,
    /// How long it may take to be ready, in seconds.
    #[serde(default = "usual_ready")]
    #[schema(minimum = 1, maximum = 300)]
    ready_seconds: u32,
    /// How long before a restart players are told, in seconds.
    #[serde(default = "usual_warn")]
    #[schema(maximum = 600)]
    warn_seconds: u32,
    /// Its remote console, by which players are told and the world is saved before a restart.
    rcon: Option<RconAsked>,
    /// Who answers for it while it sleeps.
    doorman: Option<Doorman>,
    /// What every user may do with it, beside what its host or its project allows.
    #[serde(default)]
    users_may: Vec<Ability>,
}

fn english() -> Language {
    Language::En
}

fn usual_ready() -> u32 {
    300
}

fn usual_warn() -> u32 {
    10
}

/// What to change of a service; what is left out stays. Where it runs and what it is do not change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "warn_seconds": 30 }))]
#[expect(clippy::option_option, reason = "null and left out say different things")]
pub(crate) struct ServiceChanged {
    /// Another name.
    name: Option<Hostname>,
    /// The language of what players read.
    language: Option<Language>,
    /// Its address; null for that which its instance reports.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>)]
    address: Option<Option<String>>,
    /// What people enter to reach it; null to tell nobody.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>)]
    join_address: Option<Option<String>>,
    /// Its port.
    port: Option<u16>,
    /// What is asked for over HTTP; null for nothing.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>)]
    path: Option<Option<String>>,
    /// Whether its guest goes to sleep and wakes with the host.
    rests: Option<bool>,
    /// How long it may take to be ready, in seconds.
    #[schema(minimum = 1, maximum = 300)]
    ready_seconds: Option<u32>,
    /// How long before a restart players are told, in seconds.
    #[schema(maximum = 600)]
    warn_seconds: Option<u32>,
    /// Its remote console; null for none.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<RconAsked>)]
    rcon: Option<Option<RconAsked>>,
    /// Who answers for it while it sleeps; null for nobody.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<Doorman>)]
    doorman: Option<Option<Doorman>>,
    /// What every user may do with it.
    users_may: Option<Vec<Ability>>,
}

/// The services that you may see, by name.
#[utoipa::path(get, path = "/services", tag = "services", params(Paging), responses(
    (status = 200, description = "A page of them", body = Page<Service>),
))]
pub(crate) async fn list_services(
    caller: Caller,
    State(engine): State<Engine>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Service>>, Problem> {
    let mut rows = Vec::new();
    for watched in engine.services(&caller.actor).await? {
        rows.push(Service::of(&engine, &caller, watched).await?);
    }
    Page::within(rows, paging, Service::identity, |service| service).map(Json)
}

/// Have a service looked after. For staff.
#[utoipa::path(post, path = "/services", tag = "services", params(IdempotencyKey), request_body = ServiceAsked, responses(
    (status = 201, description = "It is looked after from now on", body = Service),
    (status = 409, description = "Another service has the name (`name_taken`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn add_service(
    caller: Caller,
    State(engine): State<Engine>,
    Keyed { body, key }: Keyed<ServiceAsked>,
) -> Result<(StatusCode, Json<Service>), Problem> {
    let new = NewService {
        name: body.name,
        at: body.at,
        kind: body.kind,
        language: body.language,
        address: body.address,
        join_address: body.join_address,
        port: body.port,
        path: body.path,
        rests: body.rests,
        ready_seconds: body.ready_seconds,
        warn_seconds: body.warn_seconds,
        rcon: body.rcon.map(Into::into),
        doorman: body.doorman,
        users_may: body.users_may,
    };
    let watched = engine.add_service(&caller.actor, new, key.as_ref()).await?;
    Ok((StatusCode::CREATED, Json(Service::of(&engine, &caller, watched).await?)))
}

/// One service, with what was last seen of it.
#[utoipa::path(get, path = "/services/{id}", tag = "services",
    params(("id" = ServiceId, Path, description = "The service")),
    responses((status = 200, description = "The service", body = Service)),
)]
pub(crate) async fn get_service(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ServiceId>,
) -> Result<Json<Service>, Problem> {
    let watched = engine.service(&caller.actor, id).await?;
    Ok(Json(Service::of(&engine, &caller, watched).await?))
}

/// Change how a service is looked after. For staff.
#[utoipa::path(patch, path = "/services/{id}", tag = "services", request_body = ServiceChanged,
    params(("id" = ServiceId, Path, description = "The service")),
    responses(
        (status = 200, description = "The service as it is now", body = Service),
        (status = 409, description = "Another service has the name (`name_taken`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn change_service(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ServiceId>,
    Asked(body): Asked<ServiceChanged>,
) -> Result<Json<Service>, Problem> {
    let change = ServiceChange {
        name: body.name,
        language: body.language,
        address: body.address,
        join_address: body.join_address,
        port: body.port,
        path: body.path,
        rests: body.rests,
        ready_seconds: body.ready_seconds,
        warn_seconds: body.warn_seconds,
        rcon: body.rcon.map(|rcon| rcon.map(Into::into)),
        doorman: body.doorman,
        users_may: body.users_may,
    };
    let watched = engine.change_service(&caller.actor, id, change).await?;
    Ok(Json(Service::of(&engine, &caller, watched).await?))
}

/// Look after a service no longer. It stays as it is. For staff.
#[utoipa::path(delete, path = "/services/{id}", tag = "services",
    params(("id" = ServiceId, Path, description = "The service")),
    responses(
        (status = 204, description = "It is looked after no longer"),
        (status = 409, description = "It is being restarted (`restart_under_way`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn remove_service(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ServiceId>,
) -> Result<StatusCode, Problem> {
    engine.remove_service(&caller.actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who plays on a service, as it last said.
#[utoipa::path(get, path = "/services/{id}/players", tag = "services",
    params(("id" = ServiceId, Path, description = "The service")),
    responses(
        (status = 200, description = "What it answered", body = ServiceAnswer),
        (status = 409, description = "It does not answer at the moment (`service_not_up`), or does not say who is there (`not_counted`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn get_service_players(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ServiceId>,
) -> Result<Json<ServiceAnswer>, Problem> {
    Ok(Json(engine.service_players(&caller.actor, id).await?.into()))
}
