//! Turns at instances: nobody's turn twice, no turn forgotten, an old turn changes nothing.

use std::collections::HashSet;

use innkeeper_domain::ids::{ClusterId, InstanceId};
use innkeeper_domain::instances::{Act, Goal, Instance, Power, Seen, Task};
use innkeeper_domain::operations::Verb;
use innkeeper_domain::time::Timestamp;
use innkeeper_store::instances::{
    by_id, by_id_tx, claim_due, insert, keep_claim, next_due, observed, open_gate, rewish, save, schedule,
};
use innkeeper_store::{Db, operations};

use crate::house::{House, NOW, at};

async fn claim(db: &Db, now: Timestamp, until: Timestamp, limit: i64) -> Vec<Instance> {
    let mut tx = db.begin().await.unwrap();
    let claimed = claim_due(&mut tx, "worker", now, until, limit).await.unwrap();
    tx.commit().await.unwrap();
    claimed
}

async fn rest(db: &Db, instance: &Instance, due_at: Option<Timestamp>, gate: Option<&str>) -> bool {
    let mut tx = db.begin().await.unwrap();
    let done = schedule(&mut tx, instance.id, instance.fence, due_at, gate).await.unwrap();
    tx.commit().await.unwrap();
    done
}

async fn open(db: &Db, cluster: ClusterId, gates: &[&str], now: Timestamp, limit: i64) -> u64 {
    let mut tx = db.begin().await.unwrap();
    let opened = open_gate(&mut tx, cluster, gates, now, limit).await.unwrap();
    tx.commit().await.unwrap();
    opened
}

fn ids(instances: &[Instance]) -> Vec<InstanceId> {
    instances.iter().map(|instance| instance.id).collect()
}

both! {
    async fn eight_workers_share_two_hundred_and_none_twice(db: Db) {
        let house = House::build(&db).await;
        let made = house.fill(&db, 200).await;
        let mut workers = Vec::new();
        for n in 0..8 {
            let db = db.clone();
            workers.push(tokio::spawn(async move {
                let (name, mut mine) = (format!("worker-{n}"), Vec::new());
                loop {
                    let mut tx = db.begin().await.unwrap();
                    let claimed = claim_due(&mut tx, &name, NOW, at(60), 5).await.unwrap();
                    tx.commit().await.unwrap();
                    if claimed.is_empty() {
                        break mine;
                    }
                    for mut instance in claimed {
                        assert_eq!(instance.fence, 1);
                        instance.problem = Some(name.clone());
                        let mut tx = db.begin().await.unwrap();
                        assert!(save(&mut tx, &instance).await.unwrap());
                        assert!(schedule(&mut tx, instance.id, 1, None, None).await.unwrap());
                        tx.commit().await.unwrap();
                        mine.push(instance.id);
                    }
                }
            }));
        }
        let mut seen = HashSet::new();
        for worker in workers {
            for id in worker.await.unwrap() {
                assert!(seen.insert(id), "{id} was claimed twice");
            }
        }
        assert_eq!(seen.len(), made.len());
        assert_eq!(next_due(&db).await.unwrap(), None);
    }

    async fn the_longest_due_comes_first_and_a_claim_ends_by_itself(db: Db) {
        let house = House::build(&db).await;
        let made = house.fill(&db, 3).await;
        let mut tx = db.begin().await.unwrap();
        insert(&mut tx, &house.instance("later", 200), Some(at(5))).await.unwrap();
        insert(&mut tx, &house.instance("never", 201), None).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(next_due(&db).await.unwrap(), Some(at(-2)));
        assert_eq!(ids(&claim(&db, NOW, at(10), 2).await), [made[2].id, made[1].id]);
        assert_eq!(next_due(&db).await.unwrap(), Some(at(0)));
        assert_eq!(ids(&claim(&db, NOW, at(20), 9).await), [made[0].id]);
        assert_eq!(next_due(&db).await.unwrap(), Some(at(5)));
        assert_eq!(claim(&db, at(4), at(20), 9).await, []);
        assert_eq!(claim(&db, at(5), at(30), 9).await.len(), 1);
        // The earliest claim is the next thing that can be had, at the very moment when it ends.
        assert_eq!(next_due(&db).await.unwrap(), Some(at(10)));
        assert_eq!(claim(&db, at(9), at(40), 9).await, []);
        let again = claim(&db, at(10), at(40), 9).await;
        assert_eq!(ids(&again), [made[2].id, made[1].id]);
        assert!(again.iter().all(|instance| instance.fence == 2));
    }

    async fn an_old_fence_changes_nothing(db: Db) {
        let house = House::build(&db).await;
        house.fill(&db, 1).await;
        let old = claim(&db, NOW, at(10), 1).await.pop().unwrap();
        let new = claim(&db, at(10), at(20), 1).await.pop().unwrap();
        assert_eq!((old.fence, new.fence), (1, 2));
        let before = by_id(&db, old.id).await.unwrap();

        let mut late = old.clone();
        late.problem = Some("too late".into());
        late.course.wish.goal = Goal::Absent;
        let mut tx = db.begin().await.unwrap();
        assert!(!save(&mut tx, &late).await.unwrap());
        assert!(!schedule(&mut tx, old.id, old.fence, None, Some("gate")).await.unwrap());
        assert!(!keep_claim(&mut tx, old.id, old.fence, at(99)).await.unwrap());
        assert!(!rewish(&mut tx, &late, at(99)).await.unwrap());
        assert!(!observed(&mut tx, old.id, &Seen::Absent, &old.node, None, NOW, old.fence).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(by_id(&db, old.id).await.unwrap(), before);
        assert_eq!(next_due(&db).await.unwrap(), Some(at(20)));

        let mut tx = db.begin().await.unwrap();
        assert!(keep_claim(&mut tx, new.id, new.fence, at(50)).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(next_due(&db).await.unwrap(), Some(at(50)));
        assert!(rest(&db, &new, Some(at(30)), None).await);
        assert_eq!(next_due(&db).await.unwrap(), Some(at(30)));
        let mut tx = db.begin().await.unwrap();
        assert!(!keep_claim(&mut tx, new.id, new.fence, at(60)).await.unwrap(), "it was given back");
        tx.commit().await.unwrap();
        assert_eq!(claim(&db, at(30), at(40), 9).await.len(), 1);
    }

    async fn a_new_wish_takes_the_turn_away_from_a_worker_but_not_the_task(db: Db) {
        let house = House::build(&db).await;
        let (_, _) = house.busy(&db, "web-1", 100).await;
        let mut worker = claim(&db, NOW, at(10), 1).await.pop().unwrap();
        worker.course.ask(Act::Create, NOW);
        worker.upid = Some("UPID:pve1:…".into());
        let mut tx = db.begin().await.unwrap();
        assert!(save(&mut tx, &worker).await.unwrap());
        tx.commit().await.unwrap();

        let delete = house.operation(worker.id, Verb::Delete);
        let mut tx = db.begin().await.unwrap();
        let mut current = by_id_tx(&mut tx, worker.id).await.unwrap().unwrap();
        current.course.wish_for(Verb::Delete.wish(NOW, false, Power::Running, None));
        current.operation = Some((delete.id, Verb::Delete));
        operations::insert(&mut tx, &delete).await.unwrap();
        assert!(rewish(&mut tx, &current, at(1)).await.unwrap());
        tx.commit().await.unwrap();

        let now = by_id(&db, worker.id).await.unwrap().unwrap();
        assert_eq!(now.fence, worker.fence + 1);
        assert_eq!(now.course.wish.goal, Goal::Absent);
        assert_eq!(now.operation, Some((delete.id, Verb::Delete)));
        assert_eq!((now.course.task, now.upid.as_deref()),
            (Task::Asked { act: Act::Create, at: NOW }, Some("UPID:pve1:…")));
        let mut tx = db.begin().await.unwrap();
        assert!(!save(&mut tx, &worker).await.unwrap());
        assert!(!schedule(&mut tx, worker.id, worker.fence, None, None).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(next_due(&db).await.unwrap(), Some(at(1)));
        assert_eq!(claim(&db, at(1), at(10), 1).await[0].fence, now.fence + 1);
    }

    async fn of_many_new_wishes_at_once_each_sees_the_one_before(db: Db) {
        let house = House::build(&db).await;
        let id = house.fill(&db, 1).await[0].id;
        let mut users = Vec::new();
        for _ in 0..10 {
            let db = db.clone();
            users.push(tokio::spawn(async move {
                let mut tx = db.begin().await.unwrap();
                let mut current = by_id_tx(&mut tx, id).await.unwrap().unwrap();
                current.course.attempts += 1;
                assert!(rewish(&mut tx, &current, NOW).await.unwrap());
                tx.commit().await.unwrap();
            }));
        }
        for user in users {
            user.await.unwrap();
        }
        let now = by_id(&db, id).await.unwrap().unwrap();
        assert_eq!((now.course.attempts, now.fence), (10, 10));
    }

    async fn an_open_gate_lets_the_oldest_through(db: Db) {
        let house = House::build(&db).await;
        let made = house.fill(&db, 5).await;
        let c = house.cluster.id;
        for (instance, gate) in claim(&db, NOW, at(10), 9).await.iter().rev().zip([
            Some("node pve1"), Some("storage nas"), Some("node pve1"), Some("node pve2"), None,
        ]) {
            assert!(rest(&db, instance, Some(at(100)), gate).await);
        }
        assert_eq!(claim(&db, at(99), at(110), 9).await, []);
        assert_eq!(open(&db, ClusterId::new(), &["node pve1"], NOW, 9).await, 0);
        assert_eq!(open(&db, c, &["node pve3"], NOW, 9).await, 0);
        assert_eq!(open(&db, c, &[], NOW, 9).await, 0);
        assert_eq!(open(&db, c, &["node pve1", "storage nas"], NOW, 2).await, 2);
        assert_eq!(next_due(&db).await.unwrap(), Some(NOW));
        let mut through = ids(&claim(&db, NOW, at(10), 9).await);
        through.sort();
        assert_eq!(through, [made[0].id, made[1].id]);
        assert_eq!(open(&db, c, &["node pve1", "storage nas"], NOW, 9).await, 1);
        assert_eq!(ids(&claim(&db, NOW, at(10), 9).await), [made[2].id]);
    }
}
