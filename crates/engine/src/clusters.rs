//! Clusters: adding one (with the certificate that a person has confirmed), testing it for real, and looking at them.
//! These are the only use cases that talk to Proxmox while somebody waits, because the person wants that answer.

use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::clusters::{Cluster, Endpoint, Health, Node, Storage, VmidRange};
use innkeeper_domain::events::Subject;
use innkeeper_domain::ids::ClusterId;
use innkeeper_domain::names::{NodeName, Title};
use innkeeper_store::{Sealed, clusters, events, nodes};
use pve::{Client, Permissions, Resource};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::connections::{CallError, client, secret_place};
use crate::error::allow;
use crate::{Engine, Error, Idempotency};

/// A cluster to be added.
#[derive(Clone, Debug)]
pub struct NewCluster {
    /// As shown.
    pub name: Title,
    /// Where it answers, each with the fingerprint that was confirmed.
    pub endpoints: Vec<Endpoint>,
    /// `user@realm!token`.
    pub token_id: String,
    /// The token's secret, sealed before it is kept.
    pub token_secret: SecretString,
    /// The bridge that guests are connected to.
    pub bridge: String,
    /// The Proxmox pool that our guests are put into.
    pub pool: Option<String>,
    /// The VMIDs that are ours.
    pub vmids: VmidRange,
    /// Higher is preferred.
    pub priority: i32,
}

/// What to change of a cluster; what is none stays.
#[derive(Clone, Debug, Default)]
pub struct ClusterChange {
    /// Whether new instances may be placed on it.
    pub open: Option<bool>,
    /// Where it answers, each with the fingerprint that was confirmed: after a certificate was renewed, say.
    pub endpoints: Option<Vec<Endpoint>>,
    /// Another token, `user@realm!token` and its secret.
    pub token: Option<(String, SecretString)>,
}

/// One thing that was tried at a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was tried, in a word.
    pub name: String,
    /// Whether it worked.
    pub ok: bool,
    /// What was found; when it did not work, what to do.
    pub message: String,
}

/// What a test of a cluster found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterTest {
    /// Whether everything worked.
    pub ok: bool,
    /// Each thing that was tried.
    pub checks: Vec<Check>,
}

impl Engine {
    /// The fingerprint of the certificate that a server shows. It proves nothing until a person has compared it.
    pub async fn probe_fingerprint(&self, actor: &Actor, url: &str) -> Result<String, Error> {
        allow(may(actor, Action::RunHouse), "cluster")?;
        match pve::probe_fingerprint(url).await {
            Ok(print) => Ok(print.to_string()),
            Err(error @ pve::Error::Configuration(_)) => Err(Error::invalid("url", error)),
            Err(error) => Err(Error::Cluster(format!("{url} does not answer: {error}"))),
        }
    }

    /// Tries a cluster that is not added yet.
    pub async fn test_new_cluster(&self, actor: &Actor, new: &NewCluster) -> Result<ClusterTest, Error> {
        allow(may(actor, Action::RunHouse), "cluster")?;
        check_form(new)?;
        let client = client(&new.endpoints, &new.token_id, new.token_secret.clone(), self.options())?;
        Ok(test(&client, &new.bridge, new.pool.as_deref()).await)
    }

    /// Adds a cluster, after a test that really connects with the confirmed certificate and the token.
    pub async fn add_cluster(
        &self,
        actor: &Actor,
        new: NewCluster,
        key: Option<&Idempotency>,
    ) -> Result<Cluster, Error> {
        let test = self.test_new_cluster(actor, &new).await?;
        if let Some(failed) = test.checks.iter().find(|check| !check.ok) {
            return Err(Error::Cluster(format!("{}: {}", failed.name, failed.message)));
        }
        let now = self.clock().now();
        let cluster = Cluster {
            id: ClusterId::new(),
            name: new.name,
            endpoints: new.endpoints,
            token_id: new.token_id,
            bridge: new.bridge,
            pool: new.pool,
            vmids: new.vmids,
            priority: new.priority,
            open: true,
            health: Health::Unknown,
            problem: None,
            version: None,
            seen_at: None,
            created_at: now,
        };
        let sealed = self.0.keys.seal(new.token_secret.expose_secret().as_bytes(), &secret_place(cluster.id));
        let mut tx = self.db().begin().await?;
        if let Some(before) = self.replay(&mut tx, actor, key).await? {
            return Ok(before);
        }
        // Two of one name could not be told apart on the command line.
        let name = cluster.name.as_str();
        if clusters::list(self.db()).await?.iter().any(|other| other.name.as_str().eq_ignore_ascii_case(name))
        {
            return Err(Error::conflict("name_taken", format!("a cluster named {name} exists already")));
        }
        clusters::insert(&mut tx, &cluster, &sealed).await?;
        let id = cluster.id.to_string();
        events::append(&mut tx, now, None, Subject::Cluster, &id, "added").await?;
        self.remember(&mut tx, actor, key, &cluster).await?;
        tx.commit().await?;
        // Know its nodes before the first person asks for an instance.
        self.poll(cluster.id).await?;
        self.0.connections.announce();
        self.cluster(actor, cluster.id).await
    }

    /// Tries a cluster that is there.
    pub async fn test_cluster(&self, actor: &Actor, id: ClusterId) -> Result<ClusterTest, Error> {
        allow(may(actor, Action::RunHouse), "cluster")?;
        let connection = self.connection(id).await?;
        let (bridge, pool) = (connection.cluster.bridge.clone(), connection.cluster.pool.clone());
        let result =
            connection.probe(|client| async move { Ok(test(&client, &bridge, pool.as_deref()).await) }).await;
        result.map_err(|error| match error {
            CallError::Resting(_) => Error::Cluster("the cluster does not answer".into()),
            CallError::Pve(error) => Error::Cluster(error.to_string()),
        })
    }

    /// All clusters.
    pub async fn clusters(&self, actor: &Actor) -> Result<Vec<Cluster>, Error> {
        allow(may(actor, Action::SeeHouse), "cluster")?;
        Ok(clusters::list(self.db()).await?)
    }

    /// One cluster.
    pub async fn cluster(&self, actor: &Actor, id: ClusterId) -> Result<Cluster, Error> {
        allow(may(actor, Action::SeeHouse), "cluster")?;
        clusters::by_id(self.db(), id).await?.ok_or(Error::NotFound("cluster"))
    }

    /// The nodes of a cluster and their storages, as last observed.
    pub async fn cluster_nodes(
        &self,
        actor: &Actor,
        id: ClusterId,
    ) -> Result<(Vec<Node>, Vec<Storage>), Error> {
        self.cluster(actor, id).await?;
        Ok((nodes::list(self.db(), Some(id)).await?, nodes::storages(self.db(), Some(id)).await?))
    }

    /// Changes a cluster. Another way to reach it is tried for real first, and must lead to the same nodes.
    pub async fn change_cluster(
        &self,
        actor: &Actor,
        id: ClusterId,
        change: ClusterChange,
    ) -> Result<Cluster, Error> {
        allow(may(actor, Action::RunHouse), "cluster")?;
        let access = match change {
            ClusterChange { endpoints: None, token: None, .. } => None,
            ClusterChange { endpoints, token, .. } => {
                Some(self.try_access(actor, id, endpoints, token).await?)
            }
        };
        let mut tx = self.db().begin().await?;
        if let Some(open) = change.open
            && !clusters::set_open(&mut tx, id, open).await?
        {
            return Err(Error::NotFound("cluster"));
        }
        if let Some((endpoints, token_id, sealed)) = &access {
            clusters::set_access(&mut tx, id, endpoints, token_id, sealed).await?;
            let now = self.clock().now();
            events::append(&mut tx, now, None, Subject::Cluster, &id.to_string(), "changed").await?;
        }
        tx.commit().await?;
        if access.is_some() {
            self.0.connections.forget(id);
            self.poll(id).await?;
        }
        self.cluster(actor, id).await
    }

    /// Tries another way to reach a cluster, and seals what is to be kept.
    async fn try_access(
        &self,
        actor: &Actor,
        id: ClusterId,
        endpoints: Option<Vec<Endpoint>>,
        token: Option<(String, SecretString)>,
    ) -> Result<(Vec<Endpoint>, String, Sealed), Error> {
        let cluster = self.cluster(actor, id).await?;
        let (token_id, token_secret) = if let Some(token) = token {
            token
        } else {
            let sealed = clusters::secret(self.db(), id).await?.ok_or(Error::NotFound("cluster"))?;
            (cluster.token_id, self.open_secret(id, &sealed)?)
        };
        let tried = NewCluster {
            name: cluster.name,
            endpoints: endpoints.unwrap_or(cluster.endpoints),
            token_id,
            token_secret,
            bridge: cluster.bridge,
            pool: cluster.pool,
            vmids: cluster.vmids,
            priority: cluster.priority,
        };
        let test = self.test_new_cluster(actor, &tried).await?;
        if let Some(failed) = test.checks.iter().find(|check| !check.ok) {
            return Err(Error::Cluster(format!("{}: {}", failed.name, failed.message)));
        }
        // Elsewhere, every guest of ours would look as if it were gone.
        let client = client(&tried.endpoints, &tried.token_id, tried.token_secret.clone(), self.options())?;
        let rows = client.resources().await.map_err(|error| Error::Cluster(error.to_string()))?;
        let known = nodes::list(self.db(), Some(id)).await?;
        let there = |name: &NodeName| {
            rows.iter().any(|row| matches!(row, Resource::Node(node) if node.node.as_str() == name.as_str()))
        };
        if !known.is_empty() && !known.iter().any(|node| there(&node.name)) {
            return Err(Error::conflict(
                "another_cluster",
                "none of the cluster's nodes is there; add it as a new one",
            ));
        }
        let sealed = self.0.keys.seal(tried.token_secret.expose_secret().as_bytes(), &secret_place(id));
        Ok((tried.endpoints, tried.token_id, sealed))
    }

    /// Keeps new instances off a node, or lets them on again.
    pub async fn maintain_node(
        &self,
        actor: &Actor,
        id: ClusterId,
        node: &NodeName,
        maintenance: bool,
    ) -> Result<(), Error> {
        allow(may(actor, Action::RunHouse), "node")?;
        let mut tx = self.db().begin().await?;
        if !nodes::set_maintenance(&mut tx, id, node, maintenance).await? {
            return Err(Error::NotFound("node"));
        }
        Ok(tx.commit().await?)
    }
}

fn check_form(new: &NewCluster) -> Result<(), Error> {
    new.vmids.check().map_err(|error| Error::invalid("vmids", error))?;
    let name = |text: &str| {
        (1..=40).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    if !name(&new.bridge) {
        return Err(Error::invalid(
            "bridge",
            "use the bridge's name as Proxmox lists it, for example `vmbr0`",
        ));
    }
    if let Some(pool) = &new.pool {
        pve::PoolId::new(pool.as_str()).map_err(|error| Error::invalid("pool", error))?;
    }
    for endpoint in &new.endpoints {
        // A pinned certificate or a public authority, and nothing else: a wrong scheme must not slip through.
        if !endpoint.url.starts_with("https://") {
            return Err(Error::invalid("url", "use an address like `https://pve.example.org:8006`"));
        }
    }
    Ok(())
}

/// What our work needs on a guest's path (or the pool's).
const ON_GUESTS: &[&str] = &[
    "VM.Allocate",
    "VM.Audit",
    "VM.Clone",
    "VM.Config.CPU",
    "VM.Config.Cloudinit",
    "VM.Config.Disk",
    "VM.Config.Memory",
    "VM.Config.Network",
    "VM.Config.Options",
    "VM.PowerMgmt",
];

/// Tries everything that our work needs, for real: connection, certificate, token, and each privilege.
async fn test(client: &Client, bridge: &str, pool: Option<&str>) -> ClusterTest {
    let mut checks = Vec::new();
    let mut note = |name: &str, result: Result<String, String>| {
        let ok = result.is_ok();
        let message = result.unwrap_or_else(|reason| reason);
        checks.push(Check { name: name.to_owned(), ok, message });
        ok
    };
    let version = client.version().await;
    let major = version.as_ref().map_or(0, |version| version.numbers().0);
    let connected =
        version.map(|version| format!("Proxmox VE {}", version.version)).map_err(|error| match error {
            pve::Error::Unauthorized { .. } => {
                format!("the token is refused; check its id and its secret ({error})")
            }
            pve::Error::FingerprintMismatch { .. } => {
                format!("{error}; compare with `pvenode cert info` on that node")
            }
            error => error.to_string(),
        });
    if !note("connection", connected) {
        return ClusterTest { ok: false, checks };
    }
    let nodes = client.resources().await.map_err(|error| error.to_string()).and_then(|rows| {
        let names: Vec<_> =
            rows.iter().filter_map(|row| matches!(row, Resource::Node(_)).then_some(())).collect();
        let sized = rows.iter().any(|row| matches!(row, Resource::Node(node) if node.maxmem.is_some()));
        match (names.len(), sized) {
            (0, _) => Err("the token sees no node".to_owned()),
            (_, false) => Err("the token sees no figures of the nodes; grant Sys.Audit on /nodes".to_owned()),
            (count, true) => Ok(format!("{count} nodes")),
        }
    });
    note("nodes", nodes);
    match client.permissions().await {
        Err(error) => {
            note("privileges", Err(error.to_string()));
        }
        Ok(permissions) if permissions.is_empty() => {
            let advice =
                "the token has no rights at all; grant it a role, or make it without privilege separation";
            note("privileges", Err(advice.to_owned()));
        }
        Ok(permissions) => {
            let guests = pool.map_or_else(|| "/vms".to_owned(), |pool| format!("/pool/{pool}"));
            note("guests", demand(&permissions, &guests, ON_GUESTS));
            let agent: &[&str] = if major >= 9 { &["VM.GuestAgent.Audit"] } else { &["VM.Monitor"] };
            note("guest_agent", demand(&permissions, &guests, agent));
            note(
                "storage",
                demand_somewhere(&permissions, "/storage", &["Datastore.AllocateSpace", "Datastore.Audit"]),
            );
            if major >= 8 {
                let zone = format!("/sdn/zones/localnetwork/{bridge}");
                note("bridge", demand(&permissions, &zone, &["SDN.Use"]));
            }
        }
    }
    ClusterTest { ok: checks.iter().all(|check| check.ok), checks }
}

fn demand(permissions: &Permissions, path: &str, wanted: &[&str]) -> Result<String, String> {
    let missing = permissions.missing(path, wanted);
    if missing.is_empty() {
        Ok(format!("all privileges on {path}"))
    } else {
        Err(format!("grant {} on {path} to the token and to its user", missing.join(", ")))
    }
}

/// Rights on one storage are enough: which ones we may use is the operator's choice.
fn demand_somewhere(permissions: &Permissions, root: &str, wanted: &[&str]) -> Result<String, String> {
    let below = permissions.paths().filter(|path| path.starts_with(root));
    let good = below.filter(|path| permissions.missing(path, wanted).is_empty()).count();
    if good > 0 || permissions.missing(root, wanted).is_empty() {
        Ok(format!("space can be allocated below {root}"))
    } else {
        Err(format!("grant {} on {root}, or on one storage, to the token and to its user", wanted.join(", ")))
    }
}
