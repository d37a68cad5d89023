//! Clusters: adding one (with the certificate that a person has confirmed), testing it for real, and looking at them.
//! These are the only use cases that talk to Proxmox while somebody waits, because the person wants that answer.

mod test;

use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::clusters::{Cluster, Endpoint, Health, Node, Storage, VmidRange};
use innkeeper_domain::events::Subject;
use innkeeper_domain::ids::ClusterId;
use innkeeper_domain::names::{NodeName, Title};
use innkeeper_store::{Sealed, clusters, events, nodes};
use pve::Resource;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use self::test::test;
use crate::audit::shown;
use crate::connections::{CallError, client, secret_place};
use crate::error::allow;
use crate::{Engine, Error, Idempotency};

pub use self::test::{Check, ClusterTest};

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

    /// Tries a cluster, and fails with the first thing that did not work.
    async fn demand_working(&self, actor: &Actor, new: &NewCluster) -> Result<(), Error> {
        let test = self.test_new_cluster(actor, new).await?;
        match test.checks.iter().find(|check| !check.ok) {
            Some(failed) => Err(Error::Cluster(format!("{}: {}", failed.name, failed.message))),
            None => Ok(()),
        }
    }

    /// Adds a cluster, after a test that really connects with the confirmed certificate and the token.
    pub async fn add_cluster(
        &self,
        actor: &Actor,
        new: NewCluster,
        key: Option<&Idempotency>,
    ) -> Result<Cluster, Error> {
        self.demand_working(actor, &new).await?;
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
        if clusters::names(&mut tx).await?.iter().any(|other| other.eq_ignore_ascii_case(name)) {
            return Err(Error::conflict("name_taken", format!("a cluster named {name} exists already")));
        }
        clusters::insert(&mut tx, &cluster, &sealed).await?;
        let id = cluster.id.to_string();
        events::append(&mut tx, now, None, Subject::Cluster, &id, "added").await?;
        self.record(&mut tx, actor, Deed::done("cluster.add", &id).after(shown(&cluster)));
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
        let before = clusters::by_id(self.db(), id).await?.ok_or(Error::NotFound("cluster"))?;
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
        let after = json!({
            "open": change.open.unwrap_or(before.open),
            "endpoints": access.as_ref().map_or(&before.endpoints, |(endpoints, ..)| endpoints),
            "token_id": access.as_ref().map_or(&before.token_id, |(_, token, _)| token),
        });
        let before =
            json!({ "open": before.open, "endpoints": before.endpoints, "token_id": before.token_id });
        self.record(&mut tx, actor, Deed::done("cluster.change", id).before(before).after(after));
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
        self.demand_working(actor, &tried).await?;
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
        let deed =
            Deed::done("node.maintain", id).before(json!({ "node": node, "maintenance": !maintenance }));
        self.record(&mut tx, actor, deed.after(json!({ "node": node, "maintenance": maintenance })));
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
