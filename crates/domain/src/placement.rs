//! Where a new instance goes: the best node and storage by free memory, free disk and the cluster's priority.
//!
//! Capacity is the greater of what Proxmox reports as used and what we have promised: a thousand instances asked
//! for within one polling cycle must not all land on the node that looked empty.

use crate::clusters::{Node, Storage};
use crate::ids::ClusterId;
use crate::instances::Kind;
use crate::names::{NodeName, StorageName};
use crate::sizes::Size;
use crate::templates::{Origin, Source};

/// A node that could take an instance, with what is already promised on it.
#[derive(Clone, Debug)]
pub struct NodeOffer {
    /// The node as observed.
    pub node: Node,
    /// Higher is preferred; from its cluster.
    pub priority: i32,
    /// Whether its cluster takes new instances and answers.
    pub open: bool,
    /// Memory in bytes promised to our instances there.
    pub memory_promised: u64,
}

/// A storage that could take a disk, with what is already promised on it.
#[derive(Clone, Debug)]
pub struct StorageOffer {
    /// The storage as observed.
    pub storage: Storage,
    /// Disk in bytes promised to our instances there.
    pub disk_promised: u64,
}

/// Where an instance goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The cluster.
    pub cluster_id: ClusterId,
    /// The node.
    pub node: NodeName,
    /// The storage for its disk.
    pub storage: StorageName,
    /// What it is made from there.
    pub origin: Origin,
}

/// Nowhere to go, with the reason that came closest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPlace {
    /// No cluster has the template.
    #[error("no cluster has this template; an operator must add a source to it")]
    NoSource,
    /// Nodes have it, but none is online and open.
    #[error("no node that has this template is online and taking new instances")]
    NoNode,
    /// Nodes are there, but none has the memory.
    #[error("no node has this much memory free")]
    NoMemory,
    /// Nodes have memory, but no storage has the space.
    #[error("no storage has this much space free")]
    NoDisk,
}

/// Chooses the place, leaving out the nodes in `avoid`. Equal offers are decided by name, so that the answer is
/// always the same.
pub fn place(
    kind: Kind,
    size: Size,
    sources: &[Source],
    nodes: &[NodeOffer],
    storages: &[StorageOffer],
    avoid: &[(ClusterId, NodeName)],
) -> Result<Placement, NoPlace> {
    if sources.is_empty() {
        return Err(NoPlace::NoSource);
    }
    let mut failure = NoPlace::NoNode;
    let mut best: Option<(Score, Placement)> = None;
    for offer in nodes {
        let node = &offer.node;
        let usable = offer.open && node.online && !node.maintenance;
        let avoided = avoid.iter().any(|(cluster, name)| *cluster == node.cluster_id && *name == node.name);
        let source = sources.iter().find(|s| {
            s.cluster_id == node.cluster_id && s.node.as_ref().is_none_or(|name| *name == node.name)
        });
        let Some(source) = source.filter(|_| usable && !avoided) else { continue };
        let memory_free = node.memory_total.saturating_sub(node.memory_used.max(offer.memory_promised));
        if memory_free < size.memory_bytes() {
            failure = failure.max_by_progress(NoPlace::NoMemory);
            continue;
        }
        let Some(storage) = roomiest(kind, size, node, storages) else {
            failure = failure.max_by_progress(NoPlace::NoDisk);
            continue;
        };
        let score = Score {
            priority: offer.priority,
            memory_per_mille: per_mille(memory_free - size.memory_bytes(), node.memory_total),
            disk_per_mille: per_mille(storage.1 - size.disk_bytes(), storage.0.storage.total),
        };
        let placement = Placement {
            cluster_id: node.cluster_id,
            node: node.name.clone(),
            storage: storage.0.storage.name.clone(),
            origin: source.origin.clone(),
        };
        let better = best.as_ref().is_none_or(|(top, chosen)| {
            let name = |placed: &Placement| std::cmp::Reverse((placed.node.clone(), placed.cluster_id));
            (score, name(&placement)) > (*top, name(chosen))
        });
        if better {
            best = Some((score, placement));
        }
    }
    best.map(|(_, placement)| placement).ok_or(failure)
}

/// Whether an instance can become larger where it is. What it has already is part of what is promised there.
pub fn room_to_grow(
    place: (ClusterId, &NodeName, &StorageName),
    from: Size,
    to: Size,
    nodes: &[NodeOffer],
    storages: &[StorageOffer],
) -> Result<(), NoPlace> {
    let (cluster, node, storage) = place;
    let memory = to.memory_bytes().saturating_sub(from.memory_bytes());
    let disk = to.disk_bytes().saturating_sub(from.disk_bytes());
    if memory > 0 {
        let offer = nodes.iter().find(|offer| offer.node.cluster_id == cluster && offer.node.name == *node);
        let offer = offer.filter(|offer| offer.node.online).ok_or(NoPlace::NoNode)?;
        if offer.node.memory_total.saturating_sub(offer.node.memory_used.max(offer.memory_promised)) < memory
        {
            return Err(NoPlace::NoMemory);
        }
    }
    if disk > 0 {
        let here =
            |s: &Storage| s.cluster_id == cluster && s.node == *node && s.name == *storage && s.available;
        let offer = storages.iter().find(|offer| here(&offer.storage)).ok_or(NoPlace::NoDisk)?;
        if offer.storage.total.saturating_sub(offer.storage.used.max(offer.disk_promised)) < disk {
            return Err(NoPlace::NoDisk);
        }
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Score {
    priority: i32,
    memory_per_mille: u64,
    disk_per_mille: u64,
}

fn roomiest<'a>(
    kind: Kind,
    size: Size,
    node: &Node,
    storages: &'a [StorageOffer],
) -> Option<(&'a StorageOffer, u64)> {
    storages
        .iter()
        .filter(|offer| offer.storage.cluster_id == node.cluster_id && offer.storage.node == node.name)
        .filter(|offer| offer.storage.available)
        .filter(|offer| match kind {
            Kind::Lxc => offer.storage.holds_containers,
            Kind::Qemu => offer.storage.holds_disks,
        })
        .map(|offer| (offer, offer.storage.total.saturating_sub(offer.storage.used.max(offer.disk_promised))))
        .filter(|(_, free)| *free >= size.disk_bytes())
        .max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.storage.name.cmp(&a.0.storage.name)))
}

fn per_mille(part: u64, whole: u64) -> u64 {
    u64::try_from(u128::from(part) * 1000 / u128::from(whole.max(1))).unwrap_or(u64::MAX)
}

impl NoPlace {
    /// The reason of the candidate that came furthest is the one worth telling.
    fn max_by_progress(self, other: Self) -> Self {
        let rank = |reason| match reason {
            Self::NoSource => 0,
            Self::NoNode => 1,
            Self::NoMemory => 2,
            Self::NoDisk => 3,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TemplateId;
    use crate::time::Timestamp;

    const GIB: u64 = 1 << 30;

    fn node(cluster_id: ClusterId, name: &str, total: u64, used: u64, promised: u64) -> NodeOffer {
        let node = Node {
            cluster_id,
            name: name.parse().unwrap(),
            online: true,
            maintenance: false,
            cores: 8,
            memory_total: total,
            memory_used: used,
            seen_at: Timestamp(0),
        };
        NodeOffer { node, priority: 0, open: true, memory_promised: promised }
    }

    fn storage(cluster_id: ClusterId, node: &str, free: u64) -> StorageOffer {
        let storage = Storage {
            cluster_id,
            node: node.parse().unwrap(),
            name: "local-lvm".parse().unwrap(),
            holds_containers: true,
            holds_disks: false,
            holds_backups: false,
            shared: false,
            available: true,
            total: 1000 * GIB,
            used: 1000 * GIB - free,
            seen_at: Timestamp(0),
        };
        StorageOffer { storage, disk_promised: 0 }
    }

    fn source(cluster_id: ClusterId) -> Source {
        let origin = Origin::Volume("local:vztmpl/debian.tar.zst".into());
        Source { template_id: TemplateId::new(), cluster_id, node: None, origin }
    }

    const SIZE: Size = Size { cores: 1, memory_mib: 1024, disk_gib: 10 };

    #[test]
    fn the_emptiest_node_wins_and_promises_count_as_use() {
        let c = ClusterId::new();
        let nodes = [node(c, "a", 64 * GIB, 40 * GIB, 0), node(c, "b", 64 * GIB, 8 * GIB, 50 * GIB)];
        let storages = [storage(c, "a", 100 * GIB), storage(c, "b", 100 * GIB)];
        let placed = place(Kind::Lxc, SIZE, &[source(c)], &nodes, &storages, &[]).unwrap();
        assert_eq!(placed.node.as_str(), "a");
        let avoid = [(c, "a".parse().unwrap())];
        let placed = place(Kind::Lxc, SIZE, &[source(c)], &nodes, &storages, &avoid).unwrap();
        assert_eq!(placed.node.as_str(), "b");
    }

    #[test]
    fn the_reason_is_the_one_of_the_candidate_that_came_furthest() {
        let c = ClusterId::new();
        let nodes = [node(c, "a", GIB / 2, 0, 0), node(c, "b", 64 * GIB, 0, 0)];
        let storages = [storage(c, "b", GIB)];
        assert_eq!(place(Kind::Lxc, SIZE, &[], &nodes, &storages, &[]), Err(NoPlace::NoSource));
        assert_eq!(place(Kind::Lxc, SIZE, &[source(c)], &nodes, &storages, &[]), Err(NoPlace::NoDisk));
        assert_eq!(place(Kind::Lxc, SIZE, &[source(c)], &nodes[..1], &storages, &[]), Err(NoPlace::NoMemory));
        assert_eq!(
            place(Kind::Lxc, SIZE, &[source(ClusterId::new())], &nodes, &storages, &[]),
            Err(NoPlace::NoNode)
        );
        assert_eq!(place(Kind::Qemu, SIZE, &[source(c)], &nodes, &storages, &[]), Err(NoPlace::NoDisk));
    }

    #[test]
    fn priority_goes_before_room() {
        let (c, d) = (ClusterId::new(), ClusterId::new());
        let mut nodes = [node(c, "a", 64 * GIB, 0, 0), node(d, "b", 64 * GIB, 60 * GIB, 0)];
        nodes[1].priority = 5;
        let storages = [storage(c, "a", 100 * GIB), storage(d, "b", 20 * GIB)];
        let placed = place(Kind::Lxc, SIZE, &[source(c), source(d)], &nodes, &storages, &[]).unwrap();
        assert_eq!(placed.node.as_str(), "b");
    }
}
