//! Placement never promises what is not there, and gives equal answers to equal questions.

#![allow(clippy::unwrap_used)]

use innkeeper_domain::clusters::{Node, Storage};
use innkeeper_domain::ids::{ClusterId, TemplateId};
use innkeeper_domain::instances::Kind;
use innkeeper_domain::names::NodeName;
use innkeeper_domain::placement::{NoPlace, NodeOffer, Placement, StorageOffer, place};
use innkeeper_domain::sizes::Size;
use innkeeper_domain::templates::{Origin, Source};
use innkeeper_domain::time::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;

const GIB: u64 = 1 << 30;

#[derive(Clone, Debug)]
struct House {
    kind: Kind,
    size: Size,
    sources: Vec<Source>,
    nodes: Vec<NodeOffer>,
    storages: Vec<StorageOffer>,
    avoid: Vec<(ClusterId, NodeName)>,
}

impl House {
    fn place(&self) -> Result<Placement, NoPlace> {
        place(self.kind, self.size, &self.sources, &self.nodes, &self.storages, &self.avoid)
    }
}

fn name(n: usize) -> NodeName {
    format!("pve{n}").parse().unwrap()
}

/// Up to two clusters with up to six nodes in all and up to two storages on each; figures are small, so that many are
/// equal and many are too small.
fn houses() -> impl Strategy<Value = House> {
    let flags = || vec(prop::bool::weighted(0.8), 5);
    let node = (0..2_usize, 0..5_u64, 0..5_u64, 0..5_u64, 0..2_i32, flags());
    let storage = (0..6_usize, 0..2_usize, 0..30_u64, 0..30_u64, 0..30_u64, flags());
    let size = (1..4_u32, 1..25_u32);
    let sources = vec((0..2_usize, prop::option::of(0..6_usize)), 0..3);
    let avoid = vec(0..6_usize, 0..2);
    (prop::sample::select(Kind::ALL), size, sources, vec(node, 0..6), vec(storage, 0..12), avoid).prop_map(
        |(kind, (memory, disk_gib), sources, nodes, storages, avoid)| {
            let clusters = [ClusterId::new(), ClusterId::new()];
            let size = Size { cores: 1, memory_mib: memory * 1024, disk_gib };
            let origin = Origin::Vm(9000);
            let sources = sources.into_iter().map(|(cluster, node)| Source {
                template_id: TemplateId::new(),
                cluster_id: clusters[cluster],
                node: node.map(name),
                origin: origin.clone(),
            });
            let cluster_of: Vec<usize> = nodes.iter().map(|node| node.0).collect();
            let nodes =
                nodes.into_iter().enumerate().map(|(n, (cluster, total, used, promised, priority, yes))| {
                    let node = Node {
                        cluster_id: clusters[cluster],
                        name: name(n),
                        online: yes[0],
                        maintenance: !yes[1],
                        cores: 4,
                        memory_total: total * GIB,
                        memory_used: used * GIB,
                        seen_at: Timestamp(0),
                    };
                    NodeOffer {
                        node,
                        priority,
                        open: yes[2],
                        answers: yes[3],
                        asleep: false,
                        memory_promised: promised * GIB,
                    }
                });
            let mut taken = std::collections::BTreeSet::new();
            let storages = storages
                .into_iter()
                .filter(|storage| storage.0 < cluster_of.len() && taken.insert((storage.0, storage.1)))
                .map(|(node, n, total, used, promised, yes)| {
                    let storage = Storage {
                        cluster_id: clusters[cluster_of[node]],
                        node: name(node),
                        name: format!("store{n}").parse().unwrap(),
                        holds_containers: yes[0],
                        holds_disks: yes[1],
                        holds_backups: false,
                        shared: false,
                        available: yes[2],
                        total: total * GIB,
                        used: used * GIB,
                        seen_at: Timestamp(0),
                    };
                    StorageOffer { storage, disk_promised: promised * GIB }
                })
                .collect();
            let avoid =
                avoid.into_iter().filter_map(|n| Some((clusters[*cluster_of.get(n)?], name(n)))).collect();
            House { kind, size, sources: sources.collect(), nodes: nodes.collect(), storages, avoid }
        },
    )
}

/// Every node and storage on which the instance could go, said plainly.
fn possible(house: &House) -> Vec<(&NodeOffer, &StorageOffer)> {
    let mut all = Vec::new();
    for offer in &house.nodes {
        let node = &offer.node;
        let has_source = house.sources.iter().any(|source| {
            source.cluster_id == node.cluster_id && source.node.as_ref().is_none_or(|name| *name == node.name)
        });
        let used = node.memory_used.max(offer.memory_promised);
        let fits = used + house.size.memory_bytes() <= node.memory_total;
        let avoided = house.avoid.contains(&(node.cluster_id, node.name.clone()));
        if !(offer.open && offer.answers && node.online && has_source && fits) || node.maintenance || avoided
        {
            continue;
        }
        for store in &house.storages {
            let storage = &store.storage;
            let holds = match house.kind {
                Kind::Lxc => storage.holds_containers,
                Kind::Qemu => storage.holds_disks,
            };
            let used = storage.used.max(store.disk_promised);
            let fits = used + house.size.disk_bytes() <= storage.total;
            let here = storage.cluster_id == node.cluster_id && storage.node == node.name;
            if here && holds && storage.available && fits {
                all.push((offer, store));
            }
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_instance_goes_where_there_is_room_or_nowhere(house in houses()) {
        let possible = possible(&house);
        match house.place() {
            Ok(placed) => {
                let chosen = possible.iter().find(|(offer, store)| {
                    offer.node.cluster_id == placed.cluster_id
                        && offer.node.name == placed.node
                        && store.storage.name == placed.storage
                });
                prop_assert!(chosen.is_some(), "no room at {:?}", placed);
                let best = possible.iter().map(|(offer, _)| offer.priority).max();
                prop_assert_eq!(chosen.map(|(offer, _)| offer.priority), best);
            }
            Err(NoPlace::NoSource) => prop_assert!(house.sources.is_empty()),
            Err(_) => prop_assert!(possible.is_empty(), "there was room at {:?}", possible),
        }
    }

    #[test]
    fn the_order_of_the_offers_makes_no_difference(house in houses()) {
        let mut turned = house.clone();
        turned.nodes.reverse();
        turned.storages.reverse();
        prop_assert_eq!(house.place(), turned.place());
        prop_assert_eq!(house.place(), house.place());
    }

    #[test]
    fn filling_a_house_ends_and_never_overfills_it(mut house in houses()) {
        let mut placed = 0;
        while let Ok(place) = house.place() {
            placed += 1;
            prop_assert!(placed <= 200, "a house of this size never fills");
            for offer in &mut house.nodes {
                if offer.node.cluster_id == place.cluster_id && offer.node.name == place.node {
                    offer.memory_promised += house.size.memory_bytes();
                    prop_assert!(offer.memory_promised <= offer.node.memory_total);
                }
            }
            for store in &mut house.storages {
                let storage = &store.storage;
                if storage.cluster_id == place.cluster_id
                    && storage.node == place.node
                    && storage.name == place.storage
                {
                    store.disk_promised += house.size.disk_bytes();
                    prop_assert!(store.disk_promised <= storage.total);
                }
            }
        }
    }
}
