//! Hosts: nodes that are woken when somebody needs them and laid to rest when nobody does. Who may do what with one is its
//! own matter; what it is in Proxmox, and how it is woken, is for staff.

mod asking;
mod past;
mod profile;
mod shown;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use innkeeper_domain::ids::{ClusterId, HostId};
use innkeeper_domain::names::{Hostname, NodeName};
use innkeeper_engine::{Engine, HostChange, NewHost};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) use asking::*;
pub(crate) use past::*;

use self::profile::{HostProfile, HostSecrets};
use self::shown::Host;
use crate::auth::Caller;
use crate::docs::IdempotencyKey;
use crate::extract::{Asked, At, Keyed, Query};
use crate::page::{Page, Paging};
use crate::problem::{MEDIA_TYPE, Problem};
use crate::reports::Report;

/// A node to look after.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "barn", "cluster_id": "clu_0190b2c35d5e7cc0a1b2c3d4e5f60718", "node": "pve1",
    "profile": {
        "address": "192.0.2.10", "port": 22, "wake": { "by": "packet", "mac": "00:23:7d:fd:c0:5c" },
        "automatic": true, "users_may": ["see", "wake"],
    },
    "secrets": { "secure_on": "01:02:03:04:05:06" },
}))]
pub(crate) struct HostAsked {
    /// What people call it; unique.
    name: Hostname,
    /// Its cluster.
    cluster_id: ClusterId,
    /// Its node.
    node: NodeName,
    /// How it is woken and switched off, and when it may sleep.
    #[serde(default)]
    profile: HostProfile,
    /// What is secret about waking it.
    #[serde(default)]
    secrets: HostSecrets,
}

/// What to change of a host; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "shed" }))]
pub(crate) struct HostChanged {
    /// Another name.
    name: Option<Hostname>,
    /// Another profile, in place of the whole one before.
    profile: Option<HostProfile>,
    /// Other secrets, in place of all before.
    secrets: Option<HostSecrets>,
    /// Make a new key for telling it by SSH to switch itself off; the one before is forgotten at once.
    #[serde(default)]
    new_key: bool,
}

/// One link of the chain by which a host is woken, watched and switched off.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HostLink {
    /// Which: `api`, `ping`, `tcp`, `wake`, `power_privilege` or `ssh`.
    name: &'static str,
    /// Whether it holds; null where that cannot be said now.
    holds: Option<bool>,
    /// What was found.
    report: Report,
}

/// The key by which a host is told by SSH to switch itself off.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HostKey {
    /// The line that `authorized_keys` of the account on the host is to have; null where its profile names no way by SSH.
    line: Option<String>,
}

/// The hosts that you may see, by name.
#[utoipa::path(get, path = "/hosts", tag = "hosts", params(Paging), responses(
    (status = 200, description = "A page of them", body = Page<Host>),
))]
pub(crate) async fn list_hosts(
    caller: Caller,
    State(engine): State<Engine>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Host>>, Problem> {
    let hosts = engine.hosts(&caller.actor).await?;
    let mut rows = Vec::with_capacity(hosts.len());
    for host in hosts {
        rows.push(Host::of(&engine, &caller, host).await?);
    }
    Page::within(rows, paging, Host::identity, |host| host).map(Json)
}

/// Have a node looked after. For staff.
#[utoipa::path(post, path = "/hosts", tag = "hosts", params(IdempotencyKey), request_body = HostAsked, responses(
    (status = 201, description = "It is looked after from now on", body = Host),
    (status = 404, description = "There is no such cluster (`not_found`)", body = Problem, content_type = MEDIA_TYPE),
    (status = 409, description = "Another host has the name (`name_taken`), the node is looked after already (`node_taken`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn add_host(
    caller: Caller,
    State(engine): State<Engine>,
    Keyed { body, key }: Keyed<HostAsked>,
) -> Result<(StatusCode, Json<Host>), Problem> {
    let new = NewHost {
        name: body.name,
        cluster_id: body.cluster_id,
        node: body.node,
        profile: body.profile.read()?,
        secrets: body.secrets.into(),
    };
    let host = engine.add_host(&caller.actor, new, key.as_ref()).await?;
    Ok((StatusCode::CREATED, Json(Host::of(&engine, &caller, host).await?)))
}

/// One host.
#[utoipa::path(get, path = "/hosts/{id}", tag = "hosts",
    params(("id" = HostId, Path, description = "The host")),
    responses((status = 200, description = "The host", body = Host)),
)]
pub(crate) async fn get_host(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<HostId>,
) -> Result<Json<Host>, Problem> {
    let host = engine.host(&caller.actor, id).await?;
    Ok(Json(Host::of(&engine, &caller, host).await?))
}

/// Change how a host is looked after. For staff.
#[utoipa::path(patch, path = "/hosts/{id}", tag = "hosts", request_body = HostChanged,
    params(("id" = HostId, Path, description = "The host")),
    responses(
        (status = 200, description = "The host as it is now", body = Host),
        (status = 409, description = "Another host has the name (`name_taken`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn change_host(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<HostId>,
    Asked(body): Asked<HostChanged>,
) -> Result<Json<Host>, Problem> {
    let change = HostChange {
        name: body.name,
        profile: body.profile.map(HostProfile::read).transpose()?,
        secrets: body.secrets.map(Into::into),
        new_key: body.new_key,
    };
    let host = engine.change_host(&caller.actor, id, change).await?;
    Ok(Json(Host::of(&engine, &caller, host).await?))
}

/// Look after a host no longer. It stays as it is: awake, or asleep. For staff.
#[utoipa::path(delete, path = "/hosts/{id}", tag = "hosts",
    params(("id" = HostId, Path, description = "The host")),
    responses(
        (status = 204, description = "It is looked after no longer"),
        (status = 409, description = "It is on its way to sleep (`host_going_to_sleep`), or services are on it (`host_in_use`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn remove_host(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<HostId>,
) -> Result<StatusCode, Problem> {
    engine.remove_host(&caller.actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Try every link of the chain by which a host is woken, watched and switched off, as far as that is possible without
/// doing it. For staff.
#[utoipa::path(get, path = "/hosts/{id}/check", tag = "hosts",
    params(("id" = HostId, Path, description = "The host")),
    responses((status = 200, description = "Each link", body = Vec<HostLink>)),
)]
pub(crate) async fn check_host(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<HostId>,
) -> Result<Json<Vec<HostLink>>, Problem> {
    let links = engine.check_host(&caller.actor, id).await?;
    let show = |link: innkeeper_engine::Link| HostLink {
        name: link.name,
        holds: link.holds,
        report: link.report.into(),
    };
    Ok(Json(links.into_iter().map(show).collect()))
}

/// The key by which a host is told by SSH to switch itself off. For staff.
#[utoipa::path(get, path = "/hosts/{id}/key", tag = "hosts",
    params(("id" = HostId, Path, description = "The host")),
    responses((status = 200, description = "Its public part, ready for the host", body = HostKey)),
)]
pub(crate) async fn get_host_key(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<HostId>,
) -> Result<Json<HostKey>, Problem> {
    let line = engine.host_key_line(&caller.actor, id).await?;
    Ok(Json(HostKey { line }))
}
