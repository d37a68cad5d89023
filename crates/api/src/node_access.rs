//! The way into containers through their nodes; for administrators. The private key never comes out.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use innkeeper_domain::ids::ClusterId;
use innkeeper_domain::names::NodeName;
use innkeeper_domain::node_access as domain;
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::{Engine, NewNodeAccess};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::extract::{Asked, At};
use crate::problem::{MEDIA_TYPE, Problem};

fn root() -> String {
    "root".to_owned()
}

/// Where a node answers by SSH.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NodeDoor {
    /// Address and port, for example `192.0.2.10:22`.
    #[schema(value_type = String)]
    address: SocketAddr,
    /// The key that it must show, `ssh-ed25519 AAAA…`, as `/etc/ssh/ssh_host_ed25519_key.pub` has it on the node.
    host_key: String,
}

/// How the nodes of a cluster may be reached.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "nodes": { "pve1": {
        "address": "192.0.2.10:22",
        "host_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKKUDlJeZUHUXsPZcqTLoYwLLgBNlB8EvUQOhZX8eR6K",
    } },
}))]
pub(crate) struct NodeAccessAsked {
    /// The account on each node; containers can be entered by root only.
    #[serde(default = "root")]
    user: String,
    /// Where each node answers, by its name.
    nodes: BTreeMap<String, NodeDoor>,
    /// Make a new key in place of the one that is there; the nodes must then have the new line.
    #[serde(default)]
    new_key: bool,
}

/// How the nodes of a cluster may be reached.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NodeAccess {
    /// The account on each node.
    user: String,
    /// Where each node answers, by its name.
    nodes: BTreeMap<String, NodeDoor>,
    /// The line that the account's `authorized_keys` is to have on each node, beside the program
    /// `deploy/innkeeper-pct-exec` at the place that it names.
    authorized_keys: String,
    /// When this was set.
    changed_at: Timestamp,
}

impl From<(domain::NodeAccess, String)> for NodeAccess {
    fn from((access, authorized_keys): (domain::NodeAccess, String)) -> Self {
        let show = |door: domain::Door| NodeDoor { address: door.address, host_key: door.host_key };
        let nodes = access.doors.into_iter().map(|(name, door)| (name, show(door))).collect();
        Self { user: access.user, nodes, authorized_keys, changed_at: access.changed_at }
    }
}

/// How the nodes of a cluster may be reached.
#[utoipa::path(get, path = "/clusters/{id}/node-access", tag = "clusters",
    params(("id" = ClusterId, Path, description = "The cluster")),
    responses((status = 200, description = "How, and what the nodes are to have", body = NodeAccess)),
)]
pub(crate) async fn get_node_access(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ClusterId>,
) -> Result<Json<NodeAccess>, Problem> {
    let found = engine.node_access(&caller.actor, id).await?;
    let found = found.ok_or(innkeeper_engine::Error::NotFound("way through the nodes of this cluster"))?;
    Ok(Json(found.into()))
}

/// Let commands be run in the containers of a cluster through their nodes.
///
/// A key is made; its private part is sealed. Put the line of the answer into `authorized_keys` on each node, and the
/// program that it names beside it. `docs/commands.md` says what this opens, and what it does not.
#[utoipa::path(put, path = "/clusters/{id}/node-access", tag = "clusters", request_body = NodeAccessAsked,
    params(("id" = ClusterId, Path, description = "The cluster")),
    responses(
        (status = 200, description = "It is set", body = NodeAccess),
        (status = 404, description = "No such cluster (`not_found`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn set_node_access(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ClusterId>,
    Asked(asked): Asked<NodeAccessAsked>,
) -> Result<Json<NodeAccess>, Problem> {
    let mut doors = BTreeMap::new();
    for (name, door) in asked.nodes {
        let node: NodeName = name.parse().map_err(|error: innkeeper_domain::names::BadName| {
            Problem::invalid_field("nodes", error.to_string())
        })?;
        doors.insert(node, domain::Door { address: door.address, host_key: door.host_key });
    }
    let new = NewNodeAccess { user: asked.user, doors, new_key: asked.new_key };
    Ok(Json(engine.set_node_access(&caller.actor, id, new).await?.into()))
}

/// Take the way through the nodes of a cluster away. Take the line off the nodes as well.
#[utoipa::path(delete, path = "/clusters/{id}/node-access", tag = "clusters",
    params(("id" = ClusterId, Path, description = "The cluster")),
    responses((status = 204, description = "It is gone")),
)]
pub(crate) async fn remove_node_access(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ClusterId>,
) -> Result<StatusCode, Problem> {
    engine.remove_node_access(&caller.actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
