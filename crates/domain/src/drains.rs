//! Drains: a node is emptied by moving its instances to other nodes of its cluster. The plan is made first and shown;
//! each move is an operation of its own.

use serde::{Deserialize, Serialize};

use crate::ids::{ClusterId, DrainId, InstanceId, OperationId, UserId};
use crate::instances::{self, Action, Instance, Kind, Power, Seen};
use crate::names::{NodeName, StorageName};
use crate::placement::{NodeOffer, StorageOffer};
use crate::time::Timestamp;

words! {
    /// How an instance is moved.
    pub enum Manner as "MoveManner" {
        /// A running machine goes on running.
        Live = "live",
        /// A running container is stopped, moved and started again.
        Restart = "restart",
        /// It does not run.
        Cold = "cold",
    }
}

words! {
    /// How a drain stands.
    pub enum DrainState {
        /// Instances are being moved.
        Running = "running",
        /// All have been moved.
        Done = "done",
        /// Some remain that could not be moved; each says why.
        Incomplete = "incomplete",
        /// Somebody stopped it; what was being moved then was moved.
        Stopped = "stopped",
    }
}

words! {
    /// How the move of one instance stands.
    pub enum MoveState {
        /// Waiting for its turn.
        Waiting = "waiting",
        /// Being moved.
        Moving = "moving",
        /// It is elsewhere now.
        Moved = "moved",
        /// It remains; the reason says why.
        Remains = "remains",
    }
}

/// Where an instance can go, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// The node.
    pub node: NodeName,
    /// Where its disks go there, when not to a storage of the same name.
    pub storage: Option<StorageName>,
    /// How.
    pub manner: Manner,
}

/// The move of one instance within a drain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// Which one.
    pub instance_id: InstanceId,
    /// How it stands.
    pub state: MoveState,
    /// Where to, as planned or as it was.
    pub to: Option<Destination>,
    /// The latest operation.
    pub operation_id: Option<OperationId>,
    /// How often it has been tried.
    pub tries: u32,
    /// Why it remains, or why it waits.
    pub reason: Option<String>,
}

/// A node that is being emptied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drain {
    /// Identity.
    pub id: DrainId,
    /// Which cluster.
    pub cluster_id: ClusterId,
    /// Which node.
    pub node: NodeName,
    /// How it stands.
    pub state: DrainState,
    /// Who asked; none when the house did.
    pub asked_by: Option<UserId>,
    /// When it was asked.
    pub created_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// How often a move is tried before the instance is left where it is.
pub const MOST_TRIES: u32 = 2;

/// Moves under way at once in one drain: each copies memory or disks over the same network.
pub const AT_ONCE: usize = 2;

/// How an instance would be moved as it is now.
pub fn manner(instance: &Instance) -> Manner {
    let runs = matches!(instance.course.seen, Seen::Present(guest) if guest.power != Power::Stopped);
    match (runs, instance.kind) {
        (false, _) => Manner::Cold,
        (true, Kind::Qemu) => Manner::Live,
        (true, Kind::Lxc) => Manner::Restart,
    }
}

/// The best place for an instance on another node of its cluster, or why there is none. `towards` names the node that
/// it has to be.
pub fn destination(
    instance: &Instance,
    towards: Option<&NodeName>,
    nodes: &[NodeOffer],
    storages: &[StorageOffer],
) -> Result<Destination, String> {
    if let Some(bar) = instances::bar(Action::Migrate, instance) {
        return Err(bar.reason.to_owned());
    }
    let mut closest = "there is no other node in the cluster that is online and not in maintenance";
    let mut best: Option<(u64, Destination)> = None;
    for offer in nodes {
        let node = &offer.node;
        let elsewhere = node.cluster_id == instance.cluster_id && node.name != instance.node;
        let wanted = towards.is_none_or(|name| *name == node.name);
        if !(elsewhere && wanted && node.online && !node.maintenance) {
            continue;
        }
        let free = node.memory_total.saturating_sub(node.memory_used.max(offer.memory_promised));
        if free < instance.size.memory_bytes() {
            closest = "no other node has this much memory free";
            continue;
        }
        let storage = match storage_there(instance, &node.name, storages) {
            Some(Room::Same) => None,
            Some(Room::Other(name)) => Some(name),
            None => {
                closest = "no storage of another node has this much space free";
                continue;
            }
        };
        let destination = Destination { node: node.name.clone(), storage, manner: manner(instance) };
        // Equal nodes are told apart by name, so that the answer is always the same.
        let better =
            best.as_ref().is_none_or(|(most, chosen)| (free, &chosen.node) > (*most, &destination.node));
        if better {
            best = Some((free, destination));
        }
    }
    best.map(|(_, destination)| destination).ok_or_else(|| closest.to_owned())
}

/// Where its disks go on another node.
enum Room {
    /// To the storage of the same name.
    Same,
    /// To this one.
    Other(StorageName),
}

/// Where its disks go on that node, if there is room for them.
fn storage_there(instance: &Instance, node: &NodeName, storages: &[StorageOffer]) -> Option<Room> {
    let fits = |offer: &&StorageOffer| {
        let storage = &offer.storage;
        let holds = match instance.kind {
            Kind::Lxc => storage.holds_containers,
            Kind::Qemu => storage.holds_disks,
        };
        storage.cluster_id == instance.cluster_id && storage.node == *node && storage.available && holds
    };
    let free = |offer: &StorageOffer| {
        offer.storage.total.saturating_sub(offer.storage.used.max(offer.disk_promised))
    };
    let there: Vec<&StorageOffer> = storages.iter().filter(fits).collect();
    if let Some(same) = there.iter().find(|offer| offer.storage.name == instance.storage)
        // What is shared is there already.
        && (same.storage.shared || free(same) >= instance.size.disk_bytes())
    {
        return Some(Room::Same);
    }
    there
        .into_iter()
        .filter(|offer| !offer.storage.shared && free(offer) >= instance.size.disk_bytes())
        .max_by(|a, b| free(a).cmp(&free(b)).then_with(|| b.storage.name.cmp(&a.storage.name)))
        .map(|offer| Room::Other(offer.storage.name.clone()))
}

/// The whole plan of a drain: the largest first, each taking its room on the node that it goes to.
pub fn plan(
    on_node: &[Instance],
    mut nodes: Vec<NodeOffer>,
    mut storages: Vec<StorageOffer>,
) -> Vec<(InstanceId, Result<Destination, String>)> {
    let mut order: Vec<&Instance> = on_node.iter().collect();
    order.sort_by_key(|instance| (std::cmp::Reverse(instance.size.memory_mib), instance.id));
    let mut moves = Vec::with_capacity(order.len());
    for instance in order {
        let found = destination(instance, None, &nodes, &storages);
        if let Ok(to) = &found {
            for offer in nodes.iter_mut().filter(|offer| offer.node.name == to.node) {
                let promised = offer.memory_promised.max(offer.node.memory_used);
                offer.memory_promised = promised.saturating_add(instance.size.memory_bytes());
            }
            let name = to.storage.as_ref().unwrap_or(&instance.storage);
            let taken = |offer: &&mut StorageOffer| {
                offer.storage.node == to.node && offer.storage.name == *name && !offer.storage.shared
            };
            for offer in storages.iter_mut().filter(taken) {
                let promised = offer.disk_promised.max(offer.storage.used);
                offer.disk_promised = promised.saturating_add(instance.size.disk_bytes());
            }
        }
        moves.push((instance.id, found));
    }
    moves
}

/// How a drain stands when its moves stand so.
pub fn standing(moves: &[Move]) -> DrainState {
    let any = |state| moves.iter().any(|one| one.state == state);
    if any(MoveState::Waiting) || any(MoveState::Moving) {
        DrainState::Running
    } else if any(MoveState::Remains) {
        DrainState::Incomplete
    } else {
        DrainState::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(state: MoveState) -> Move {
        Move { instance_id: InstanceId::new(), state, to: None, operation_id: None, tries: 0, reason: None }
    }

    #[test]
    fn a_drain_is_done_when_nothing_waits_and_nothing_remains() {
        use MoveState::{Moved, Moving, Remains, Waiting};
        for (states, expected) in [
            (&[][..], DrainState::Done),
            (&[Moved, Moved], DrainState::Done),
            (&[Moved, Waiting, Remains], DrainState::Running),
            (&[Moving], DrainState::Running),
            (&[Moved, Remains], DrainState::Incomplete),
        ] {
            let moves: Vec<Move> = states.iter().map(|&state| one(state)).collect();
            assert_eq!(standing(&moves), expected, "{states:?}");
        }
    }
}
