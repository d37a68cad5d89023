//! A cluster that is known by its rows alone: nobody has been asked for it.

use innkeeper_domain::clusters::{Cluster, Endpoint, Health, Node, Storage, VmidRange};
use innkeeper_domain::ids::ClusterId;
use innkeeper_domain::time::Timestamp;
use innkeeper_store::{Db, KeyRing, clusters, nodes};

use crate::SECRET;

/// One that answered a moment ago, where nobody does.
pub fn cluster(now: Timestamp) -> Cluster {
    Cluster {
        id: ClusterId::new(),
        name: "Cellar".parse().unwrap(),
        endpoints: vec![Endpoint { url: "https://127.0.0.1:9".into(), fingerprint: None }],
        token_id: "root@pam!inn".into(),
        bridge: "vmbr0".into(),
        pool: None,
        vmids: VmidRange { first: 10_000, last: 10_999 },
        priority: 0,
        open: true,
        health: Health::Healthy,
        problem: None,
        version: Some("9.0.3".into()),
        seen_at: Some(now),
        created_at: now,
    }
}

/// A node of it with a TiB of memory.
pub fn node(cluster_id: ClusterId, name: &str, now: Timestamp) -> Node {
    Node {
        cluster_id,
        name: name.parse().unwrap(),
        online: true,
        maintenance: false,
        cores: 64,
        memory_total: 1 << 40,
        memory_used: 0,
        seen_at: now,
    }
}

/// A storage of the node that holds everything, 16 TiB of it.
pub fn storage(node: &Node) -> Storage {
    Storage {
        cluster_id: node.cluster_id,
        node: node.name.clone(),
        name: "local-lvm".parse().unwrap(),
        holds_containers: true,
        holds_disks: true,
        holds_backups: true,
        shared: false,
        available: true,
        total: 1 << 44,
        used: 0,
        seen_at: node.seen_at,
    }
}

/// Writes it down with this node, which has one storage.
pub async fn furnish(db: &Db, keys: &KeyRing, cluster: &Cluster, node: &Node) {
    let sealed = keys.seal(SECRET.as_bytes(), &format!("clusters/token_secret/{}", cluster.id));
    let mut tx = db.begin().await.unwrap();
    clusters::insert(&mut tx, cluster, &sealed).await.unwrap();
    nodes::replace(&mut tx, cluster.id, std::slice::from_ref(node), &[storage(node)]).await.unwrap();
    tx.commit().await.unwrap();
}
