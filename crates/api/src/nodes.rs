//! The nodes of a cluster with their storages, as last observed; for staff.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use innkeeper_domain::clusters as domain;
use innkeeper_domain::ids::ClusterId;
use innkeeper_domain::names::{NodeName, StorageName};
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::Engine;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::extract::{Asked, At, Query};
use crate::page::{Page, Paging};
use crate::problem::Problem;

/// A Proxmox host, as last observed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Node {
    /// Its name in the cluster.
    name: NodeName,
    /// Whether the cluster said that it is online.
    online: bool,
    /// Why nothing new is placed on it, if so.
    problem: Option<&'static str>,
    /// Whether an operator keeps new instances off it.
    maintenance: bool,
    /// Cores.
    cores: u32,
    /// Memory in bytes.
    memory_total: u64,
    /// Memory in use, in bytes.
    memory_used: u64,
    /// Its storages.
    storages: Vec<Storage>,
    /// When it was observed.
    seen_at: Timestamp,
}

/// A storage as one node sees it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Storage {
    /// Its id.
    name: StorageName,
    /// May hold container disks.
    holds_containers: bool,
    /// May hold VM disks.
    holds_disks: bool,
    /// Whether it is one storage that all nodes see.
    shared: bool,
    /// Whether it was available.
    available: bool,
    /// Capacity in bytes.
    total: u64,
    /// Used bytes.
    used: u64,
    /// When it was observed.
    seen_at: Timestamp,
}

impl From<domain::Storage> for Storage {
    fn from(s: domain::Storage) -> Self {
        let domain::Storage {
            name,
            holds_containers,
            holds_disks,
            shared,
            available,
            total,
            used,
            seen_at,
            ..
        } = s;
        Self { name, holds_containers, holds_disks, shared, available, total, used, seen_at }
    }
}

impl Node {
    fn new(node: domain::Node, storages: &[domain::Storage]) -> Self {
        let problem = match (node.online, node.maintenance) {
            (false, _) => {
                Some("asleep or offline: its figures are the last ones seen, and nothing is placed on it")
            }
            (true, true) => Some("in maintenance: nothing new is placed on it"),
            (true, false) => None,
        };
        let storages = storages.iter().filter(|storage| storage.node == node.name);
        Self {
            problem,
            storages: storages.cloned().map(Storage::from).collect(),
            name: node.name,
            online: node.online,
            maintenance: node.maintenance,
            cores: node.cores,
            memory_total: node.memory_total,
            memory_used: node.memory_used,
            seen_at: node.seen_at,
        }
    }
}

/// What to change of a node.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "maintenance": true }))]
pub(crate) struct NodeChange {
    /// Whether to keep new instances off it.
    maintenance: bool,
}

/// Which node of which cluster.
#[derive(Debug, Deserialize)]
pub(crate) struct NodePath {
    pub(crate) id: ClusterId,
    pub(crate) name: NodeName,
}

/// The nodes of a cluster with their storages, as last observed.
#[utoipa::path(get, path = "/clusters/{id}/nodes", tag = "clusters",
    params(("id" = ClusterId, Path, description = "The cluster"), Paging),
    responses((status = 200, description = "A page of them", body = Page<Node>)),
)]
pub(crate) async fn list_nodes(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ClusterId>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Node>>, Problem> {
    let (nodes, storages) = engine.cluster_nodes(&caller.actor, id).await?;
    Page::within(nodes, paging, |node| node.name.to_string(), |node| Node::new(node, &storages)).map(Json)
}

/// Keep new instances off a node, or let them on again.
#[utoipa::path(patch, path = "/clusters/{id}/nodes/{name}", tag = "clusters", request_body = NodeChange,
    params(("id" = ClusterId, Path, description = "The cluster"), ("name" = NodeName, Path, description = "The node")),
    responses((status = 204, description = "It is so")),
)]
pub(crate) async fn change_node(
    caller: Caller,
    State(engine): State<Engine>,
    At(NodePath { id, name }): At<NodePath>,
    Asked(change): Asked<NodeChange>,
) -> Result<StatusCode, Problem> {
    engine.maintain_node(&caller.actor, id, &name, change.maintenance).await?;
    Ok(StatusCode::NO_CONTENT)
}
