//! Where a new instance goes: the best node and storage by free memory, free disk and the cluster's priority.
//!
//! Capacity is the greater of what Proxmox reports as used and what we have promised: a thousand instances asked
//! for within one polling cycle must not all land on the node that looked empty.

mod verdicts;

pub use verdicts::{Fate, Room, Score, StorageVerdict, Unfit, UnfitStorage, Verdict, Wanted, survey};

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
    /// Whether its cluster takes new instances.
    pub open: bool,
    /// Whether its cluster answers.
    pub answers: bool,
    /// Whether it sleeps, and is woken when somebody needs it.
    pub asleep: bool,
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

/// Chooses the place, leaving out the nodes in `avoid`: the one that [`survey`] finds best.
pub fn place(
    kind: Kind,
    size: Size,
    sources: &[Source],
    nodes: &[NodeOffer],
    storages: &[StorageOffer],
    avoid: &[(ClusterId, NodeName)],
) -> Result<Placement, NoPlace> {
    let wanted = Wanted { kind, size, sources: Some(sources), avoid };
    chosen(wanted, nodes, &survey(wanted, nodes, storages))
}

/// The place that these verdicts chose.
pub fn chosen(wanted: Wanted<'_>, nodes: &[NodeOffer], verdicts: &[Verdict]) -> Result<Placement, NoPlace> {
    let placement = verdicts.iter().find(|verdict| verdict.fate == Fate::Chosen).and_then(|best| {
        let here =
            |offer: &&NodeOffer| (offer.node.cluster_id, &offer.node.name) == (best.cluster_id, &best.node);
        let source = wanted.source_on(&nodes.iter().find(here)?.node)?;
        Some(Placement {
            cluster_id: best.cluster_id,
            node: best.node.clone(),
            storage: best.storage.clone()?,
            origin: source.origin.clone(),
        })
    });
    placement.ok_or_else(|| no_place(wanted, verdicts))
}

/// The reason of the candidate that came furthest is the one worth telling.
fn no_place(wanted: Wanted<'_>, verdicts: &[Verdict]) -> NoPlace {
    if wanted.sources.is_some_and(<[_]>::is_empty) {
        return NoPlace::NoSource;
    }
    match verdicts.iter().filter_map(|verdict| verdict.reason).max() {
        Some(Unfit::Storage) => NoPlace::NoDisk,
        Some(Unfit::Memory) => NoPlace::NoMemory,
        _ => NoPlace::NoNode,
    }
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
        let offer = offer.filter(|offer| offer.node.online || offer.asleep).ok_or(NoPlace::NoNode)?;
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
        NodeOffer { node, priority: 0, open: true, answers: true, asleep: false, memory_promised: promised }
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

    #[test]
    fn every_node_is_told_why() {
        let c = ClusterId::new();
        let closed = ClusterId::new();
        let mut nodes = [
            node(c, "a", 64 * GIB, 8 * GIB, 0),
            node(c, "b", 64 * GIB, 40 * GIB, 0),
            node(c, "c", GIB, GIB / 2, 0),
            node(c, "d", 64 * GIB, 0, 0),
            node(c, "e", 64 * GIB, 0, 0),
            node(c, "f", 64 * GIB, 0, 0),
            node(closed, "g", 64 * GIB, 0, 0),
            node(closed, "h", 64 * GIB, 0, 0),
            node(ClusterId::new(), "i", 64 * GIB, 0, 0),
            node(c, "j", 64 * GIB, 0, 0),
        ];
        nodes[3].node.online = false;
        nodes[4].node.maintenance = true;
        nodes[6].open = false;
        nodes[7].answers = false;
        let mut storages: Vec<_> = ["a", "b", "c"].map(|name| storage(c, name, 100 * GIB)).into();
        storages.push(storage(c, "j", GIB));
        let sources = [source(c), source(closed)];
        let avoid = [(c, "f".parse().unwrap())];
        let wanted = Wanted { kind: Kind::Lxc, size: SIZE, sources: Some(&sources), avoid: &avoid };
        let verdicts = survey(wanted, &nodes, &storages);
        let told: Vec<_> = verdicts.iter().map(|v| (v.node.as_str(), v.fate, v.reason)).collect();
        let refused = |name, reason| (name, Fate::Refused, Some(reason));
        let expected = [
            ("a", Fate::Chosen, None),
            ("b", Fate::Candidate, None),
            refused("c", Unfit::Memory),
            refused("d", Unfit::Offline),
            refused("e", Unfit::Maintenance),
            refused("f", Unfit::Avoided),
            refused("g", Unfit::ClusterClosed),
            refused("h", Unfit::ClusterSilent),
            refused("i", Unfit::NoTemplate),
            refused("j", Unfit::Storage),
        ];
        assert_eq!(told, expected);
        assert_eq!(
            verdicts[2].sentence(),
            "too little memory: 1024 MiB needed, 512 of 1024 MiB free (512 used, 0 promised)"
        );
        assert_eq!(
            verdicts[9].sentence(),
            "no storage takes the disk: local-lvm has 1 GiB free of 10 needed"
        );
        assert!(verdicts[0].sentence().starts_with("chosen, with its disk on local-lvm: priority 0, 859 ‰"));
        // Where only kind and size matter, the template keeps nobody out.
        let anything = Wanted { sources: None, ..wanted };
        assert_eq!(survey(anything, &nodes, &storages)[8].reason, Some(Unfit::Storage));
        // The place is the one that the verdicts chose.
        let placed = place(Kind::Lxc, SIZE, &sources, &nodes, &storages, &avoid).unwrap();
        assert_eq!(placed.node.as_str(), "a");
    }
}
