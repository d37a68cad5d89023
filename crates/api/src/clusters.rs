//! Clusters; for staff. The token's secret goes in and never comes out.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use innkeeper_domain::clusters::{self as domain, Health};
use innkeeper_domain::ids::ClusterId;
use innkeeper_domain::names::Title;
use innkeeper_domain::time::Timestamp;
use innkeeper_engine as engine;
use innkeeper_engine::Engine;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::docs::IdempotencyKey;
use crate::extract::{Asked, At, Keyed, Query};
use crate::page::{Page, Paging};
use crate::problem::{MEDIA_TYPE, Problem};
use crate::secret::Secret;

/// Where to look for a certificate.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "url": "https://pve.example.org:8006" }))]
pub(crate) struct Probe {
    /// `https://host:8006`.
    url: String,
}

/// The certificate that a server shows.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Probed {
    /// As asked.
    url: String,
    /// SHA-256 of the certificate as colon-separated hexadecimal. Compare it with what the node itself shows
    /// (`pvenode cert info`) before giving it back when adding the cluster: until then it proves nothing.
    fingerprint: String,
}

/// One API address of a cluster.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Endpoint {
    /// `https://host:8006`.
    url: String,
    /// SHA-256 of the certificate that we shall insist on; leave it out when a public authority vouches for it.
    fingerprint: Option<String>,
}

impl From<Endpoint> for domain::Endpoint {
    fn from(endpoint: Endpoint) -> Self {
        Self { url: endpoint.url, fingerprint: endpoint.fingerprint }
    }
}

/// A range of VMIDs, both ends included.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VmidRange {
    /// The first.
    #[schema(minimum = 100, maximum = 999_999_999)]
    first: u32,
    /// The last.
    #[schema(minimum = 100, maximum = 999_999_999)]
    last: u32,
}

fn default_bridge() -> String {
    "vmbr0".to_owned()
}

/// A cluster to be tried or added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Cellar",
    "endpoints": [{ "url": "https://pve.example.org:8006", "fingerprint": "12:34:…:EF" }],
    "token_id": "innkeeper@pve!desk",
    "token_secret": "6fcc3d26-6f6e-4f5b-9d5c-3b8f1d6f8f0a",
    "bridge": "vmbr0",
    "pool": "innkeeper",
    "vmids": { "first": 10000, "last": 19999 },
}))]
pub(crate) struct ClusterAsked {
    /// As shown: 1 to 64 characters, unique.
    name: Title,
    /// Where it answers; tried in order.
    #[schema(min_items = 1)]
    endpoints: Vec<Endpoint>,
    /// `user@realm!token`.
    token_id: String,
    /// The token's secret. It is sealed before it is kept, and never shown.
    token_secret: Secret,
    /// The bridge that guests are connected to.
    #[serde(default = "default_bridge")]
    bridge: String,
    /// The Proxmox pool that our guests are put into.
    pool: Option<String>,
    /// The VMIDs that are ours to give out. Keep others out of it.
    vmids: VmidRange,
    /// Higher is preferred by placement.
    #[serde(default)]
    priority: i32,
}

impl From<ClusterAsked> for engine::NewCluster {
    fn from(asked: ClusterAsked) -> Self {
        let endpoints = asked.endpoints.into_iter();
        Self {
            name: asked.name,
            endpoints: endpoints.map(domain::Endpoint::from).collect(),
            token_id: asked.token_id,
            token_secret: asked.token_secret.0,
            bridge: asked.bridge,
            pool: asked.pool,
            vmids: domain::VmidRange { first: asked.vmids.first, last: asked.vmids.last },
            priority: asked.priority,
        }
    }
}

/// A Proxmox VE installation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Cluster {
    /// Identity.
    id: ClusterId,
    /// As shown.
    name: Title,
    /// Where it answers; tried in order.
    endpoints: Vec<Endpoint>,
    /// `user@realm!token`.
    token_id: String,
    /// The bridge that guests are connected to.
    bridge: String,
    /// The Proxmox pool that our guests are put into.
    pool: Option<String>,
    /// The VMIDs that are ours to give out.
    vmids: VmidRange,
    /// Higher is preferred by placement.
    priority: i32,
    /// Whether new instances may be placed here.
    open: bool,
    /// As last observed.
    health: Health,
    /// What is wrong, if anything.
    problem: Option<String>,
    /// The version of Proxmox VE.
    version: Option<String>,
    /// When it was last observed.
    seen_at: Option<Timestamp>,
    /// When it was added.
    created_at: Timestamp,
}

impl From<domain::Cluster> for Cluster {
    fn from(cluster: domain::Cluster) -> Self {
        let endpoints = cluster.endpoints.into_iter();
        Self {
            id: cluster.id,
            name: cluster.name,
            endpoints: endpoints.map(|e| Endpoint { url: e.url, fingerprint: e.fingerprint }).collect(),
            token_id: cluster.token_id,
            bridge: cluster.bridge,
            pool: cluster.pool,
            vmids: VmidRange { first: cluster.vmids.first, last: cluster.vmids.last },
            priority: cluster.priority,
            open: cluster.open,
            health: cluster.health,
            problem: cluster.problem,
            version: cluster.version,
            seen_at: cluster.seen_at,
            created_at: cluster.created_at,
        }
    }
}

/// What to change of a cluster; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "open": false }))]
pub(crate) struct ClusterChange {
    /// Whether new instances may be placed here.
    open: Option<bool>,
    /// Where it answers, for example after a certificate was renewed. Tried before it is kept.
    #[schema(min_items = 1)]
    endpoints: Option<Vec<Endpoint>>,
    /// Another token; needs its secret.
    token_id: Option<String>,
    /// The secret of the new token. It is sealed before it is kept, and never shown.
    token_secret: Option<Secret>,
}

/// What a test of a cluster found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClusterTest {
    /// Whether everything worked.
    ok: bool,
    /// Each thing that was tried.
    checks: Vec<Check>,
}

/// One thing that was tried.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Check {
    /// What was tried: `connection`, `nodes`, `privileges`, `guests`, `guest_agent`, `storage` or `bridge`.
    name: String,
    /// Whether it worked.
    ok: bool,
    /// What was found; when it did not work, what to do.
    message: String,
}

impl From<engine::ClusterTest> for ClusterTest {
    fn from(test: engine::ClusterTest) -> Self {
        let checks = test.checks.into_iter();
        Self {
            ok: test.ok,
            checks: checks.map(|c| Check { name: c.name, ok: c.ok, message: c.message }).collect(),
        }
    }
}

/// See the certificate of a server.
///
/// Compare the fingerprint with what the node itself shows before you give it back.
#[utoipa::path(post, path = "/clusters/probe", tag = "clusters", request_body = Probe, responses(
    (status = 200, description = "What it shows", body = Probed),
    (status = 502, description = "It does not answer (`cluster_problem`)", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn probe_cluster(
    caller: Caller,
    State(engine): State<Engine>,
    Asked(Probe { url }): Asked<Probe>,
) -> Result<Json<Probed>, Problem> {
    let fingerprint = engine.probe_fingerprint(&caller.actor, &url).await?;
    Ok(Json(Probed { url, fingerprint }))
}

/// Try a cluster without adding it.
///
/// Really connects, and checks every privilege that our work needs.
#[utoipa::path(post, path = "/clusters/test", tag = "clusters", request_body = ClusterAsked, responses(
    (status = 200, description = "What was found, good or bad", body = ClusterTest),
))]
pub(crate) async fn test_new_cluster(
    caller: Caller,
    State(engine): State<Engine>,
    Asked(new): Asked<ClusterAsked>,
) -> Result<Json<ClusterTest>, Problem> {
    Ok(Json(engine.test_new_cluster(&caller.actor, &new.into()).await?.into()))
}

/// All clusters, by name.
#[utoipa::path(get, path = "/clusters", tag = "clusters", params(Paging), responses(
    (status = 200, description = "A page of them", body = Page<Cluster>),
))]
pub(crate) async fn list_clusters(
    caller: Caller,
    State(engine): State<Engine>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Cluster>>, Problem> {
    let clusters = engine.clusters(&caller.actor).await?;
    Page::within(clusters, paging, |cluster| cluster.id.to_string(), Cluster::from).map(Json)
}

/// Add a cluster.
///
/// It is tried first, and not added unless everything works.
#[utoipa::path(post, path = "/clusters", tag = "clusters", params(IdempotencyKey), request_body = ClusterAsked, responses(
    (status = 201, description = "Added", body = Cluster, headers(("Location" = String, description = "The cluster"))),
    (status = 409, description = "The name is taken (`name_taken`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
    (status = 502, description = "It does not answer, or something is missing there; the detail says what (`cluster_problem`)", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn add_cluster(
    caller: Caller,
    State(engine): State<Engine>,
    Keyed { body, key }: Keyed<ClusterAsked>,
) -> Result<Response, Problem> {
    let cluster: Cluster = engine.add_cluster(&caller.actor, body.into(), key.as_ref()).await?.into();
    let location = format!("/api/v1/clusters/{}", cluster.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(cluster)).into_response())
}

/// One cluster.
#[utoipa::path(get, path = "/clusters/{id}", tag = "clusters",
    params(("id" = ClusterId, Path, description = "The cluster")),
    responses((status = 200, description = "The cluster", body = Cluster)),
)]
pub(crate) async fn get_cluster(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ClusterId>,
) -> Result<Json<Cluster>, Problem> {
    Ok(Json(engine.cluster(&caller.actor, id).await?.into()))
}

/// Change a cluster: open it for new instances or close it, or say how it is reached now.
///
/// Another way to reach it is tried first; it must lead to the same nodes.
#[utoipa::path(patch, path = "/clusters/{id}", tag = "clusters", request_body = ClusterChange,
    params(("id" = ClusterId, Path, description = "The cluster")),
    responses(
        (status = 200, description = "The cluster as it is now", body = Cluster),
        (status = 409, description = "Another cluster answers there (`another_cluster`)", body = Problem, content_type = MEDIA_TYPE),
        (status = 502, description = "It does not answer, or something is missing there (`cluster_problem`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn change_cluster(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ClusterId>,
    Asked(change): Asked<ClusterChange>,
) -> Result<Json<Cluster>, Problem> {
    let token = match (change.token_id, change.token_secret) {
        (Some(id), Some(secret)) => Some((id, secret.0)),
        (None, None) => None,
        (Some(_), None) => {
            return Err(Problem::invalid_field("token_secret", "give the secret of the new token too"));
        }
        (None, Some(_)) => return Err(Problem::invalid_field("token_id", "give the name of the token too")),
    };
    let endpoints =
        change.endpoints.map(|endpoints| endpoints.into_iter().map(domain::Endpoint::from).collect());
    let change = engine::ClusterChange { open: change.open, endpoints, token };
    Ok(Json(engine.change_cluster(&caller.actor, id, change).await?.into()))
}

/// Try a cluster that is there.
#[utoipa::path(post, path = "/clusters/{id}/test", tag = "clusters",
    params(("id" = ClusterId, Path, description = "The cluster")),
    responses(
        (status = 200, description = "What was found, good or bad", body = ClusterTest),
        (status = 502, description = "It does not answer (`cluster_problem`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn test_cluster(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ClusterId>,
) -> Result<Json<ClusterTest>, Problem> {
    Ok(Json(engine.test_cluster(&caller.actor, id).await?.into()))
}
