//! Draining a node: the plan is shown first; then the node takes nothing new, and its instances are moved one after
//! another, each by an operation of its own. A loop follows them; whatever cannot be moved remains, with the reason.

use std::time::Duration;

use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::drains::{
    AT_ONCE, Destination, Drain, DrainState, MOST_TRIES, Move, MoveState, destination, plan, standing,
};
use innkeeper_domain::events::Subject;
use innkeeper_domain::ids::{ClusterId, DrainId, InstanceId};
use innkeeper_domain::instances::{Errand, Instance};
use innkeeper_domain::names::NodeName;
use innkeeper_domain::operations::{Operation, State, Verb};
use innkeeper_store::{drains, events, instances, nodes, operations};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::error::allow;
use crate::{Engine, Error, Idempotency};

/// How often drains are looked at.
const PERIOD: Duration = Duration::from_secs(1);

/// How long a process looks after a drain without a word.
const CLAIM: Duration = Duration::from_secs(30);

/// Looks after drains until `stop`.
pub(crate) async fn run(engine: Engine, stop: CancellationToken) {
    loop {
        if let Err(error) = engine.look_after_drains().await {
            error!(%error, "looking after drains failed; will try again");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}

impl Engine {
    /// What a drain of this node would do: where each instance would go and how, or why it would remain.
    pub async fn plan_drain(
        &self,
        actor: &Actor,
        cluster: ClusterId,
        node: &NodeName,
    ) -> Result<Vec<Move>, Error> {
        allow(may(actor, Action::RunHouse), "node")?;
        self.known_node(cluster, node).await?;
        let on_node = self.on_node(cluster, node).await?;
        let mut tx = self.db().begin().await?;
        let (nodes, storages) = nodes::offers(&mut tx).await?;
        drop(tx);
        let moves = plan(&on_node, nodes, storages);
        Ok(moves.into_iter().map(|(id, found)| planned(id, found)).collect())
    }

    /// Begins to empty a node: it takes nothing new from now on.
    pub async fn drain_node(
        &self,
        actor: &Actor,
        cluster: ClusterId,
        node: &NodeName,
        key: Option<&Idempotency>,
    ) -> Result<Drain, Error> {
        let moves = self.plan_drain(actor, cluster, node).await?;
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        if let Some(before) = self.replay(&mut tx, actor, key).await? {
            return Ok(before);
        }
        nodes::set_maintenance(&mut tx, cluster, node, true).await?;
        let drain = Drain {
            id: DrainId::new(),
            cluster_id: cluster,
            node: node.clone(),
            state: DrainState::Running,
            asked_by: actor.user_id,
            created_at: now,
            ended_at: None,
        };
        // What would remain now may find a place while others move.
        let moves: Vec<Move> =
            moves.into_iter().map(|one| Move { state: MoveState::Waiting, ..one }).collect();
        drains::insert(&mut tx, &drain, &moves).await.map_err(|error| match error {
            innkeeper_store::Error::Conflict(_) => Error::conflict(
                "already_draining",
                "this node is being emptied already; see the drains that run",
            ),
            other => other.into(),
        })?;
        let deed = Deed::done("node.drain", drain.id).before(json!({ "maintenance": false }));
        let after =
            json!({ "cluster": cluster, "node": node, "maintenance": true, "instances": moves.len() });
        self.record(&mut tx, actor, deed.after(after));
        self.remember(&mut tx, actor, key, &drain).await?;
        tx.commit().await?;
        Ok(drain)
    }

    /// Drains, newest first.
    pub async fn drains(
        &self,
        actor: &Actor,
        after: Option<DrainId>,
        limit: i64,
    ) -> Result<Vec<Drain>, Error> {
        allow(may(actor, Action::SeeHouse), "drain")?;
        Ok(drains::list(self.db(), after, limit).await?)
    }

    /// One drain, with what became of each instance.
    pub async fn drain(&self, actor: &Actor, id: DrainId) -> Result<(Drain, Vec<Move>), Error> {
        allow(may(actor, Action::SeeHouse), "drain")?;
        let drain = drains::by_id(self.db(), id).await?.ok_or(Error::NotFound("drain"))?;
        Ok((drain, drains::moves(self.db(), id).await?))
    }

    /// Stops a drain: what is being moved is moved, the rest remains. The node stays in maintenance.
    pub async fn stop_drain(&self, actor: &Actor, id: DrainId) -> Result<Drain, Error> {
        allow(may(actor, Action::RunHouse), "drain")?;
        let mut drain = drains::by_id(self.db(), id).await?.ok_or(Error::NotFound("drain"))?;
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        drain.state = DrainState::Stopped;
        drain.ended_at = Some(now);
        if !drains::end(&mut tx, &drain).await? {
            return Err(Error::conflict("drain_ended", "this drain has ended already"));
        }
        self.record(&mut tx, actor, Deed::done("node.drain_stop", id).after(json!({ "node": drain.node })));
        tx.commit().await?;
        Ok(drain)
    }

    /// Asks for an instance to be moved to another node of its cluster, or to the best one.
    pub async fn migrate_instance(
        &self,
        actor: &Actor,
        id: InstanceId,
        to: Option<NodeName>,
        key: Option<&Idempotency>,
    ) -> Result<Operation, Error> {
        allow(may(actor, Action::RunHouse), "instance")?;
        let instance = instances::by_id(self.db(), id).await?.ok_or(Error::NotFound("instance"))?;
        if to.as_ref() == Some(&instance.node) {
            return Err(Error::invalid("node", "the instance is on this node already"));
        }
        let found = self.destination(&instance, to.as_ref()).await?;
        let found = found.map_err(|reason| Error::Conflict { code: "no_destination", message: reason })?;
        self.once(actor, id, Verb::Migrate, errand(&instance, found), key).await
    }

    async fn destination(
        &self,
        instance: &Instance,
        towards: Option<&NodeName>,
    ) -> Result<Result<Destination, String>, Error> {
        let mut tx = self.db().begin().await?;
        let (nodes, storages) = nodes::offers(&mut tx).await?;
        drop(tx);
        Ok(destination(instance, towards, &nodes, &storages))
    }

    async fn known_node(&self, cluster: ClusterId, node: &NodeName) -> Result<(), Error> {
        let known = nodes::list(self.db(), Some(cluster)).await?;
        if known.iter().any(|known| known.name == *node) { Ok(()) } else { Err(Error::NotFound("node")) }
    }

    async fn on_node(&self, cluster: ClusterId, node: &NodeName) -> Result<Vec<Instance>, Error> {
        let mut found = Vec::new();
        for id in drains::on_node(self.db(), cluster, node).await? {
            found.extend(instances::by_id(self.db(), id).await?);
        }
        Ok(found)
    }

    pub(crate) async fn look_after_drains(&self) -> Result<(), Error> {
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        let claimed = drains::claim(&mut tx, now, now.after(CLAIM)).await?;
        tx.commit().await?;
        for drain in claimed {
            let looked = self.go_on_with(&drain).await;
            let mut tx = self.db().begin().await?;
            drains::release(&mut tx, drain.id).await?;
            tx.commit().await?;
            looked?;
        }
        Ok(())
    }

    /// Looks at what moves, and begins what waits, as far as there is room for it.
    async fn go_on_with(&self, drain: &Drain) -> Result<(), Error> {
        let mut moves = drains::moves(self.db(), drain.id).await?;
        // What came to the node all the same, started there by the house before it knew.
        for id in drains::on_node(self.db(), drain.cluster_id, &drain.node).await? {
            if !moves.iter().any(|one| one.instance_id == id) {
                let new = Move {
                    instance_id: id,
                    state: MoveState::Waiting,
                    to: None,
                    operation_id: None,
                    tries: 0,
                    reason: None,
                };
                moves.push(new);
            }
        }
        for one in &mut moves {
            if one.state == MoveState::Moving {
                let before = one.clone();
                self.follow_move(drain, one).await?;
                self.note_move(drain, &before, one).await?;
            }
        }
        for n in 0..moves.len() {
            let moving = moves.iter().filter(|one| one.state == MoveState::Moving).count();
            if moving >= AT_ONCE {
                break;
            }
            if moves[n].state == MoveState::Waiting {
                let before = moves[n].clone();
                // While others move, room may come free; alone, it is now or never.
                self.begin_move(drain, &mut moves[n], moving > 0).await?;
                self.note_move(drain, &before, &moves[n]).await?;
            }
        }
        let state = standing(&moves);
        if state != DrainState::Running {
            let now = self.clock().now();
            let mut tx = self.db().begin().await?;
            let ended = Drain { state, ended_at: Some(now), ..drain.clone() };
            if drains::end(&mut tx, &ended).await? {
                info!(node = %drain.node, %state, "the drain has ended");
                let cluster = drain.cluster_id.to_string();
                events::append(&mut tx, now, None, Subject::Cluster, &cluster, &format!("drain {state}"))
                    .await?;
            }
            tx.commit().await?;
        }
        Ok(())
    }

    async fn follow_move(&self, drain: &Drain, one: &mut Move) -> Result<(), Error> {
        let Some(id) = one.operation_id else {
            one.state = MoveState::Waiting;
            return Ok(());
        };
        let operation = operations::by_id(self.db(), id).await?;
        let Some(operation) = operation.filter(|operation| operation.state.is_final()) else { return Ok(()) };
        // Where it is decides, not what the operation says.
        let instance = instances::by_id(self.db(), one.instance_id).await?;
        let left = instance.is_none_or(|i| i.deleted_at.is_some() || i.node != drain.node);
        if left {
            one.state = MoveState::Moved;
            one.reason = None;
            return Ok(());
        }
        one.tries += 1;
        one.reason = operation.fault.map(|fault| fault.message);
        one.state = if operation.state == State::Failed && one.tries >= MOST_TRIES {
            MoveState::Remains
        } else {
            MoveState::Waiting
        };
        Ok(())
    }

    async fn begin_move(&self, drain: &Drain, one: &mut Move, others_move: bool) -> Result<(), Error> {
        let instance = instances::by_id(self.db(), one.instance_id).await?;
        let Some(instance) = instance.filter(|i| i.deleted_at.is_none() && i.node == drain.node) else {
            one.state = MoveState::Moved;
            return Ok(());
        };
        if let Some((id, verb)) = instance.operation {
            if verb == Verb::Migrate {
                // Ours, of which we were told by nobody, or somebody else's: it serves either way.
                (one.state, one.operation_id) = (MoveState::Moving, Some(id));
            } else {
                one.reason = Some(format!("waits for another operation to end ({verb})"));
            }
            return Ok(());
        }
        let found = match self.destination(&instance, None).await? {
            Ok(found) => found,
            Err(reason) => {
                one.reason = Some(reason);
                if !others_move {
                    one.state = MoveState::Remains;
                }
                return Ok(());
            }
        };
        let (house, errand) = (Actor::house(), errand(&instance, found.clone()));
        let asked = self.once(&house, instance.id, Verb::Migrate, errand, None);
        match asked.await {
            Ok(operation) => {
                one.state = MoveState::Moving;
                one.to = Some(found);
                one.operation_id = Some(operation.id);
                one.reason = None;
            }
            // Somebody was faster; the next look tells.
            Err(Error::Busy(_)) => {}
            Err(error) => {
                one.reason = Some(error.to_string());
                one.state = MoveState::Remains;
            }
        }
        Ok(())
    }

    async fn note_move(&self, drain: &Drain, before: &Move, after: &Move) -> Result<(), Error> {
        if before == after {
            return Ok(());
        }
        let mut tx = self.db().begin().await?;
        drains::save_move(&mut tx, drain.id, after).await?;
        Ok(tx.commit().await?)
    }
}

fn planned(instance_id: InstanceId, found: Result<Destination, String>) -> Move {
    let (state, to, reason) = match found {
        Ok(to) => (MoveState::Waiting, Some(to), None),
        Err(reason) => (MoveState::Remains, None, Some(reason)),
    };
    Move { instance_id, state, to, operation_id: None, tries: 0, reason }
}

fn errand(instance: &Instance, to: Destination) -> Errand {
    Errand::Migrate { cluster_id: instance.cluster_id, to: to.node, storage: to.storage }
}
