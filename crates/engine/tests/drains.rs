//! A node is emptied: its instances go elsewhere, each once, and what cannot go says why.
#![allow(clippy::unwrap_used, missing_docs)]

mod house;

use std::collections::BTreeMap;
use std::time::Duration;

use house::House;
use innkeeper_domain::access::Actor;
use innkeeper_domain::drains::{Drain, DrainState, Manner, Move, MoveState};
use innkeeper_domain::ids::{DrainId, InstanceId};
use innkeeper_domain::instances::{Instance, State as InstanceState};
use innkeeper_domain::mark;
use innkeeper_domain::operations::{State, Verb};
use innkeeper_domain::sizes::Size;
use innkeeper_engine::{Error, NewInstance, WantedSize};
use pve_sim::{Count, Effect, Rule};

impl House {
    /// So many small containers on one node, every fourth stopped.
    async fn crowd(&self, node: &str, count: usize) -> Vec<InstanceId> {
        // Nothing is placed elsewhere meanwhile.
        let other = if node == "oak" { "elm" } else { "oak" };
        let house = Actor::house();
        self.engine.maintain_node(&house, self.cluster.id, &other.parse().unwrap(), true).await.unwrap();
        let mut asked = Vec::new();
        for n in 0..count {
            let new = NewInstance {
                project_id: None,
                name: format!("guest-{n}").parse().unwrap(),
                template_id: self.container,
                size: WantedSize::Custom(Size { cores: 1, memory_mib: 64, disk_gib: 1 }),
                ssh_keys: Vec::new(),
                fittings: innkeeper_engine::Fittings::default(),
            };
            asked.push(self.engine.create_instance(&self.owner, new, None).await.unwrap());
        }
        let mut ids = Vec::new();
        for (n, operation) in asked.into_iter().enumerate() {
            let made = self
                .engine
                .await_operation(&self.owner, operation.id, Duration::from_secs(120))
                .await
                .unwrap();
            assert_eq!(made.state, State::Succeeded, "{made:#?}");
            if n % 4 == 3 {
                self.change(&made, Verb::Stop).await;
            }
            ids.push(made.instance_id);
        }
        self.engine.maintain_node(&house, self.cluster.id, &other.parse().unwrap(), false).await.unwrap();
        ids
    }

    async fn drained(&self, id: DrainId) -> (Drain, Vec<Move>) {
        for _ in 0..600 {
            let (drain, moves) = self.engine.drain(&Actor::house(), id).await.unwrap();
            if drain.state != DrainState::Running {
                return (drain, moves);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("the drain does not end: {:#?}", self.engine.drain(&Actor::house(), id).await.unwrap());
    }

    async fn instance(&self, id: InstanceId) -> Instance {
        self.engine.instance(&self.owner, id).await.unwrap()
    }

    /// Every guest that carries the mark of one of ours, by instance.
    fn marked(&self) -> BTreeMap<InstanceId, Vec<(u32, String)>> {
        let mut found: BTreeMap<InstanceId, Vec<(u32, String)>> = BTreeMap::new();
        self.sim.cluster("lodge").with(|w| {
            for guest in w.guests() {
                if let Some(id) = guest.config.get("description").and_then(|text| mark::read(text)) {
                    found.entry(id).or_default().push((guest.vmid, guest.node.clone()));
                }
            }
        });
        found
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_fifty_guests_is_emptied_though_moves_fail_and_nothing_is_lost_or_doubled() {
    let house = House::open().await;
    let staff = Actor::house();
    let ids = house.crowd("oak", 50).await;
    let (cluster, oak) = (house.cluster.id, "oak".parse().unwrap());
    let plan = house.engine.plan_drain(&staff, cluster, &oak).await.unwrap();
    assert_eq!(plan.len(), 50);
    assert!(plan.iter().all(|one| one.to.as_ref().is_some_and(|to| to.node.as_str() == "elm")), "{plan:#?}");
    let cold = plan.iter().filter(|one| one.to.as_ref().unwrap().manner == Manner::Cold).count();
    assert_eq!(cold, 12, "every fourth does not run");

    // Some tasks fail, some answers are lost after the effect; two guests cannot be moved at all.
    let lodge = house.sim.cluster("lodge");
    lodge.faults().add(Rule::on_call("POST", "/migrate$", Effect::DropAfter).count(Count::Times(5))).unwrap();
    let fails = Effect::TaskFails("storage migration failed".into());
    lodge.faults().add(Rule::on_task("vzmigrate", fails.clone()).count(Count::Times(6)).skip(3)).unwrap();
    let stuck: Vec<u32> = vec![house.instance(ids[7]).await.vmid, house.instance(ids[20]).await.vmid];
    for vmid in &stuck {
        lodge.with(|w| w.guest_mut(*vmid).unwrap().config.insert("lock".into(), "backup".into()));
    }
    let before: BTreeMap<InstanceId, InstanceState> = {
        let mut states = BTreeMap::new();
        for id in &ids {
            states.insert(*id, house.instance(*id).await.state());
        }
        states
    };
    let drain = house.engine.drain_node(&staff, cluster, &oak, None).await.unwrap();
    let again = house.engine.drain_node(&staff, cluster, &oak, None).await;
    assert!(matches!(again, Err(Error::Conflict { code: "already_draining", .. })), "{again:?}");
    // A locked guest would keep its operation waiting for hours; somebody stops waiting for it.
    tokio::time::sleep(Duration::from_secs(2)).await;
    for vmid in &stuck {
        lodge.with(|w| w.guest_mut(*vmid).unwrap().config.remove("lock"));
    }
    let (ended, moves) = house.drained(drain.id).await;

    let marked = house.marked();
    assert_eq!(marked.len(), 50, "nothing is lost");
    for id in &ids {
        let [(vmid, node)] = &marked[id][..] else { panic!("doubled: {:?}", marked[id]) };
        let instance = house.instance(*id).await;
        assert_eq!((*vmid, node.as_str()), (instance.vmid, instance.node.as_str()));
        assert_eq!(instance.state(), before[id], "as it was");
        let one = moves.iter().find(|one| one.instance_id == *id).unwrap();
        match one.state {
            MoveState::Moved => assert_eq!(node, "elm"),
            MoveState::Remains => {
                assert_eq!(node, "oak");
                assert!(one.reason.is_some(), "what remains says why: {one:?}");
            }
            state => panic!("{state} after the end"),
        }
    }
    let remains = moves.iter().any(|one| one.state == MoveState::Remains);
    assert_eq!(ended.state, if remains { DrainState::Incomplete } else { DrainState::Done });
    let left = house.engine.plan_drain(&staff, cluster, &oak).await.unwrap();
    let remaining = moves.iter().filter(|one| one.state == MoveState::Remains).count();
    assert_eq!(left.len(), remaining, "the plan says what remains");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_no_room_elsewhere_all_remain_and_say_so() {
    let house = House::open().await;
    let staff = Actor::house();
    let ids = house.crowd("oak", 2).await;
    let (cluster, oak, elm) = (house.cluster.id, "oak".parse().unwrap(), "elm".parse().unwrap());
    house.engine.maintain_node(&staff, cluster, &elm, true).await.unwrap();
    let drain = house.engine.drain_node(&staff, cluster, &oak, None).await.unwrap();
    let (ended, moves) = house.drained(drain.id).await;
    assert_eq!(ended.state, DrainState::Incomplete);
    assert!(moves.iter().all(|one| one.reason.as_deref().unwrap().contains("no other node")), "{moves:#?}");
    for id in ids {
        assert_eq!(house.instance(id).await.node.as_str(), "oak");
    }
    let stopped = house.engine.stop_drain(&staff, drain.id).await;
    assert!(matches!(stopped, Err(Error::Conflict { code: "drain_ended", .. })), "{stopped:?}");
    let refused = house.engine.plan_drain(&house.owner, cluster, &oak).await;
    assert!(refused.is_err(), "drains are for staff");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_instance_is_moved_by_staff_and_goes_on_as_it_was() {
    let house = House::open().await;
    let staff = Actor::house();
    let made = house.create("box", house.machine).await;
    let before = house.instance(made.instance_id).await;
    let other = if before.node.as_str() == "oak" { "elm" } else { "oak" };
    let asked =
        house.engine.migrate_instance(&staff, made.instance_id, Some(other.parse().unwrap()), None).await;
    let done = house.settled(asked.unwrap().id).await;
    assert_eq!(done.state, State::Succeeded, "{done:#?}");
    let after = house.instance(made.instance_id).await;
    assert_eq!(
        (after.node.as_str(), after.state(), after.vmid),
        (other, InstanceState::Running, before.vmid)
    );
    let here =
        house.engine.migrate_instance(&staff, made.instance_id, Some(other.parse().unwrap()), None).await;
    assert!(matches!(here, Err(Error::Invalid { .. })), "{here:?}");
    let theirs = house.engine.migrate_instance(&house.owner, made.instance_id, None, None).await;
    assert!(theirs.is_err(), "where it is, is none of theirs");
}
