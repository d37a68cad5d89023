//! Why here, and why not there: what placement finds about every node, with the figures that it goes by.

use serde::{Deserialize, Serialize};

use super::{NodeOffer, StorageOffer};
use crate::clusters::Node;
use crate::ids::ClusterId;
use crate::instances::Kind;
use crate::names::{NodeName, StorageName};
use crate::sizes::Size;
use crate::templates::Source;

words! {
    /// What came of a node.
    pub enum Fate as "PlacementFate" {
        /// It is the best of the candidates.
        Chosen = "chosen",
        /// It could take the instance, but another is better.
        Candidate = "candidate",
        /// It cannot take it; the reason says why.
        Refused = "refused",
    }
}

words! {
    /// Why a node cannot take an instance. The order is that in which they are looked at.
    pub enum Unfit as "PlacementRefusal" {
        /// Its cluster has no source of the template for this node.
        NoTemplate = "no_template",
        /// An operator has closed its cluster to new instances.
        ClusterClosed = "cluster_closed",
        /// Its cluster does not answer, or refuses our token.
        ClusterSilent = "cluster_silent",
        /// It is not online.
        Offline = "offline",
        /// An operator keeps new instances off it.
        Maintenance = "maintenance",
        /// It is to be avoided this time: the instance has just failed there.
        Avoided = "avoided",
        /// It has too little memory free.
        Memory = "memory",
        /// No storage of it may hold such a disk and has the space.
        Storage = "storage",
    }
}

words! {
    /// Why a storage cannot take a disk.
    pub enum UnfitStorage as "PlacementStorageRefusal" {
        /// It is not available.
        Unavailable = "unavailable",
        /// It may not hold disks of this kind of guest.
        Content = "content",
        /// It has too little space free.
        Space = "space",
    }
}

/// How much of something there is. What is free is what neither Proxmox reports as used nor we have promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = PlacementRoom))]
pub struct Room {
    /// Bytes that the instance needs.
    pub needed: u64,
    /// Bytes that are free.
    pub free: u64,
    /// Bytes in all.
    pub total: u64,
    /// Bytes that Proxmox reports as used.
    pub used: u64,
    /// Bytes that are promised to our instances.
    pub promised: u64,
}

impl Room {
    fn new(needed: u64, total: u64, used: u64, promised: u64) -> Self {
        Self { needed, free: total.saturating_sub(used.max(promised)), total, used, promised }
    }

    fn fits(self) -> bool {
        self.free >= self.needed
    }

    /// What would be left, in thousandths of all there is.
    fn left_per_mille(self) -> u64 {
        let left = u128::from(self.free.saturating_sub(self.needed)) * 1000 / u128::from(self.total.max(1));
        u64::try_from(left).unwrap_or(u64::MAX)
    }
}

/// How good a node is; compared part by part, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = PlacementScore))]
pub struct Score {
    /// It is awake; one that sleeps is woken only when none that is awake will do.
    pub awake: bool,
    /// Of its cluster; higher is preferred.
    pub priority: i32,
    /// Memory that would be left, in thousandths of all.
    pub memory_per_mille: u64,
    /// Space that would be left on the storage, in thousandths of all.
    pub disk_per_mille: u64,
}

/// What was found about one storage of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = PlacementStorage))]
pub struct StorageVerdict {
    /// Its name.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub name: StorageName,
    /// Why it cannot take the disk; none when it can.
    pub reason: Option<UnfitStorage>,
    /// Its space.
    pub space: Room,
}

/// What was found about one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = PlacementVerdict))]
pub struct Verdict {
    /// Its cluster.
    pub cluster_id: ClusterId,
    /// The node.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub node: NodeName,
    /// What came of it.
    pub fate: Fate,
    /// Why it was refused.
    pub reason: Option<Unfit>,
    /// How good it is; none when it was refused.
    pub score: Option<Score>,
    /// The storage on which the disk would lie; none when it was refused.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub storage: Option<StorageName>,
    /// Its memory.
    pub memory: Room,
    /// Its storages.
    pub storages: Vec<StorageVerdict>,
}

/// What is to be placed.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Container or virtual machine.
    pub kind: Kind,
    /// How big.
    pub size: Size,
    /// Where its template is; none when only its kind and size matter.
    pub sources: Option<&'a [Source]>,
    /// Nodes that must not be taken this time.
    pub avoid: &'a [(ClusterId, NodeName)],
}

impl Wanted<'_> {
    /// What it would be made from on this node.
    pub(super) fn source_on(&self, node: &Node) -> Option<&Source> {
        self.sources?.iter().find(|s| {
            s.cluster_id == node.cluster_id && s.node.as_ref().is_none_or(|name| *name == node.name)
        })
    }
}

/// Looks at every node, and says of each what came of it. At most one is chosen; equal ones are decided by name, so
/// that the answer is always the same.
pub fn survey(wanted: Wanted<'_>, nodes: &[NodeOffer], storages: &[StorageOffer]) -> Vec<Verdict> {
    let mut verdicts: Vec<Verdict> = nodes.iter().map(|offer| judge(wanted, offer, storages)).collect();
    let best = verdicts
        .iter_mut()
        .filter(|verdict| verdict.score.is_some())
        .max_by(|a, b| (a.score, (&b.node, b.cluster_id)).cmp(&(b.score, (&a.node, a.cluster_id))));
    if let Some(best) = best {
        best.fate = Fate::Chosen;
    }
    verdicts
}

fn judge(wanted: Wanted<'_>, offer: &NodeOffer, storages: &[StorageOffer]) -> Verdict {
    let node = &offer.node;
    let needed = wanted.size.memory_bytes();
    let memory = Room::new(needed, node.memory_total, node.memory_used, offer.memory_promised);
    let storages: Vec<StorageVerdict> = storages
        .iter()
        .filter(|offer| offer.storage.cluster_id == node.cluster_id && offer.storage.node == node.name)
        .map(|storage| judge_storage(wanted, storage, offer.asleep))
        .collect();
    let roomiest = storages
        .iter()
        .filter(|storage| storage.reason.is_none())
        .max_by(|a, b| (a.space.free, &b.name).cmp(&(b.space.free, &a.name)));
    let here = |(cluster, name): &(ClusterId, NodeName)| *cluster == node.cluster_id && *name == node.name;
    let obstacles = [
        (wanted.sources.is_some() && wanted.source_on(node).is_none(), Unfit::NoTemplate),
        (!offer.open, Unfit::ClusterClosed),
        (!offer.answers && !offer.asleep, Unfit::ClusterSilent),
        (!node.online && !offer.asleep, Unfit::Offline),
        (node.maintenance, Unfit::Maintenance),
        (wanted.avoid.iter().any(here), Unfit::Avoided),
        (!memory.fits(), Unfit::Memory),
        (roomiest.is_none(), Unfit::Storage),
    ];
    let reason = obstacles.into_iter().find_map(|(stands, reason)| stands.then_some(reason));
    let taken = roomiest.filter(|_| reason.is_none());
    Verdict {
        cluster_id: node.cluster_id,
        node: node.name.clone(),
        fate: if reason.is_some() { Fate::Refused } else { Fate::Candidate },
        reason,
        score: taken.map(|storage| Score {
            awake: !offer.asleep,
            priority: offer.priority,
            memory_per_mille: memory.left_per_mille(),
            disk_per_mille: storage.space.left_per_mille(),
        }),
        storage: taken.map(|storage| storage.name.clone()),
        memory,
        storages,
    }
}

/// The storages of a node that sleeps are as they were seen last.
fn judge_storage(wanted: Wanted<'_>, offer: &StorageOffer, asleep: bool) -> StorageVerdict {
    let storage = &offer.storage;
    let space = Room::new(wanted.size.disk_bytes(), storage.total, storage.used, offer.disk_promised);
    let holds = match wanted.kind {
        Kind::Lxc => storage.holds_containers,
        Kind::Qemu => storage.holds_disks,
    };
    let reason = if !storage.available && !asleep {
        Some(UnfitStorage::Unavailable)
    } else if !holds {
        Some(UnfitStorage::Content)
    } else if space.fits() {
        None
    } else {
        Some(UnfitStorage::Space)
    };
    StorageVerdict { name: storage.name.clone(), reason, space }
}

impl Verdict {
    /// The verdict in a sentence, for staff.
    pub fn sentence(&self) -> String {
        let mib = |bytes: u64| bytes >> 20;
        let gib = |bytes: u64| bytes >> 30;
        let Some(reason) = self.reason else {
            let score = self.score.map(|score| {
                let Score { awake, priority, memory_per_mille, disk_per_mille } = score;
                let asleep = if awake { "" } else { "asleep and to be woken, " };
                format!(
                    "{asleep}priority {priority}, {memory_per_mille} ‰ of memory and {disk_per_mille} ‰ of disk left"
                )
            });
            let storage = self.storage.as_ref().map_or("", StorageName::as_str);
            let word = if self.fate == Fate::Chosen { "chosen" } else { "would do" };
            return format!("{word}, with its disk on {storage}: {}", score.unwrap_or_default());
        };
        match reason {
            Unfit::NoTemplate => "the template is not there".to_owned(),
            Unfit::ClusterClosed => "its cluster is closed to new instances".to_owned(),
            Unfit::ClusterSilent => "its cluster does not answer".to_owned(),
            Unfit::Offline => "it is not online".to_owned(),
            Unfit::Maintenance => "it is in maintenance".to_owned(),
            Unfit::Avoided => "the instance has just failed there".to_owned(),
            Unfit::Memory => {
                let Room { needed, free, total, used, promised } = self.memory;
                format!(
                    "too little memory: {} MiB needed, {} of {} MiB free ({} used, {} promised)",
                    mib(needed),
                    mib(free),
                    mib(total),
                    mib(used),
                    mib(promised)
                )
            }
            Unfit::Storage => {
                let why = self.storages.iter().map(|storage| {
                    let name = &storage.name;
                    let Room { needed, free, .. } = storage.space;
                    match storage.reason {
                        Some(UnfitStorage::Unavailable) => format!("{name} is not available"),
                        Some(UnfitStorage::Content) => format!("{name} does not take such disks"),
                        _ => format!("{name} has {} GiB free of {} needed", gib(free), gib(needed)),
                    }
                });
                let why: Vec<String> = why.collect();
                let why = if why.is_empty() { "none was seen".to_owned() } else { why.join(", ") };
                format!("no storage takes the disk: {why}")
            }
        }
    }
}
