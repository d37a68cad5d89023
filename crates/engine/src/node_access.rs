//! The way into containers through their nodes, which an administrator sets up per cluster. The key is made here; its
//! private part never leaves, and its public part comes as the line that the nodes are to have.

use std::collections::BTreeMap;

use innkeeper_connectors::ssh::{HostKey, KeyPair};
use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::commands::{KEY_COMMENT, check_user};
use innkeeper_domain::ids::ClusterId;
use innkeeper_domain::names::NodeName;
use innkeeper_domain::node_access::{Door, NodeAccess};
use innkeeper_store::{clusters, node_access};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::error::allow;
use crate::{Engine, Error};

/// The most nodes of a cluster that can be named.
const MOST_NODES: usize = 100;

/// What the sealed key for the nodes of a cluster is bound to.
pub(crate) fn place(id: ClusterId) -> String {
    format!("node_access/private_key/{id}")
}

/// How the nodes of a cluster may be reached.
#[derive(Clone, Debug)]
pub struct NewNodeAccess {
    /// The account on each node.
    pub user: String,
    /// Where each node answers.
    pub doors: BTreeMap<NodeName, Door>,
    /// Make a new key in place of the one that is there.
    pub new_key: bool,
}

impl Engine {
    /// How the nodes of a cluster may be reached, with the line that they are to have; none where they may not.
    pub async fn node_access(
        &self,
        actor: &Actor,
        id: ClusterId,
    ) -> Result<Option<(NodeAccess, String)>, Error> {
        allow(may(actor, Action::RunPeople), "cluster")?;
        let cluster = clusters::by_id(self.db(), id).await?.ok_or(Error::NotFound("cluster"))?;
        let found = node_access::of(self.db(), id).await?;
        Ok(found.map(|(access, _)| {
            let line = access.authorized_line(cluster.vmids);
            (access, line)
        }))
    }

    /// Sets how the nodes of a cluster may be reached.
    pub async fn set_node_access(
        &self,
        actor: &Actor,
        id: ClusterId,
        new: NewNodeAccess,
    ) -> Result<(NodeAccess, String), Error> {
        allow(may(actor, Action::RunPeople), "cluster")?;
        check_user(&new.user).map_err(|why| Error::invalid("user", why))?;
        if new.doors.is_empty() || new.doors.len() > MOST_NODES {
            return Err(Error::invalid("nodes", format!("name 1 to {MOST_NODES} nodes")));
        }
        for door in new.doors.values() {
            door.host_key.parse::<HostKey>().map_err(|error| Error::invalid("nodes", error))?;
        }
        let cluster = clusters::by_id(self.db(), id).await?.ok_or(Error::NotFound("cluster"))?;
        let before = node_access::of(self.db(), id).await?;
        let (public_key, sealed) = match before {
            Some((before, sealed)) if !new.new_key => (before.public_key, sealed),
            _ => {
                let failed = |error: &dyn std::fmt::Display| Error::Internal(format!("a new key: {error}"));
                let pair = KeyPair::generate(KEY_COMMENT).map_err(|error| failed(&error))?;
                let private = pair.private_part().map_err(|error| failed(&error))?;
                let sealed = self.0.keys.seal(private.expose_secret().as_bytes(), &place(id));
                (pair.public_part().map_err(|error| failed(&error))?, sealed)
            }
        };
        let access = NodeAccess {
            cluster_id: id,
            user: new.user,
            public_key,
            doors: new.doors.into_iter().map(|(name, door)| (name.to_string(), door)).collect(),
            changed_at: self.clock().now(),
        };
        let mut tx = self.db().begin().await?;
        node_access::set(&mut tx, &access, &sealed).await?;
        let told = json!({ "user": access.user, "nodes": access.doors, "public_key": access.public_key });
        self.record(&mut tx, actor, Deed::done("cluster.node_access", id).after(told));
        tx.commit().await?;
        let line = access.authorized_line(cluster.vmids);
        Ok((access, line))
    }

    /// Takes the way through the nodes of a cluster away.
    pub async fn remove_node_access(&self, actor: &Actor, id: ClusterId) -> Result<(), Error> {
        allow(may(actor, Action::RunPeople), "cluster")?;
        clusters::by_id(self.db(), id).await?.ok_or(Error::NotFound("cluster"))?;
        let mut tx = self.db().begin().await?;
        node_access::remove(&mut tx, id).await?;
        self.record(&mut tx, actor, Deed::done("cluster.remove_node_access", id));
        Ok(tx.commit().await?)
    }
}
