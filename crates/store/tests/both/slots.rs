//! Gates let through at most so many.

use innkeeper_domain::ids::InstanceId;
use innkeeper_store::slots::{Taken, give_back, take};
use innkeeper_store::{Db, instances};

use sqlx::{Connection, PgConnection};

use crate::house::{House, NOW, at};

async fn try_take(db: &Db, house: &House, id: InstanceId, node: &str, storage: Option<&str>) -> Taken {
    let mut tx = db.begin().await.unwrap();
    let storage = storage.map(|gate| (gate, 2));
    let taken = take(&mut tx, id, house.cluster.id, node, 3, storage).await.unwrap();
    tx.commit().await.unwrap();
    taken
}

both! {
    async fn a_gate_lets_through_as_many_as_its_limit(db: Db) {
        let house = House::build(&db).await;
        let made = house.fill(&db, 6).await;
        let id = |n: usize| made[n].id;
        assert_eq!(try_take(&db, &house, id(0), "pve1", Some("nas")).await, Taken::Yes);
        assert_eq!(try_take(&db, &house, id(1), "pve1", Some("nas")).await, Taken::Yes);
        assert_eq!(try_take(&db, &house, id(2), "pve1", Some("nas")).await, Taken::StorageFull);
        assert_eq!(try_take(&db, &house, id(2), "pve1", None).await, Taken::Yes);
        assert_eq!(try_take(&db, &house, id(3), "pve1", Some("other")).await, Taken::NodeFull);
        assert_eq!(try_take(&db, &house, id(3), "pve2", Some("other")).await, Taken::Yes);
        // Again, although the gates are full.
        assert_eq!(try_take(&db, &house, id(0), "pve1", Some("nas")).await, Taken::Yes);

        let mut tx = db.begin().await.unwrap();
        let back = give_back(&mut tx, id(0)).await.unwrap();
        assert_eq!(back, Some((house.cluster.id, "pve1".into(), Some("nas".into()))));
        assert_eq!(give_back(&mut tx, id(0)).await.unwrap(), None);
        tx.commit().await.unwrap();
        assert_eq!(try_take(&db, &house, id(4), "pve1", Some("nas")).await, Taken::Yes);
        // One that asks elsewhere moves there, or stays where it is when there is no room.
        assert_eq!(try_take(&db, &house, id(3), "pve1", None).await, Taken::NodeFull);
        assert_eq!(try_take(&db, &house, id(4), "pve2", None).await, Taken::Yes);
        assert_eq!(try_take(&db, &house, id(5), "pve1", Some("nas")).await, Taken::Yes);
    }

    async fn fifty_takers_at_once_never_exceed_a_limit(db: Db) {
        let house = House::build(&db).await;
        let made = house.fill(&db, 50).await;
        let mut takers = Vec::new();
        for instance in made {
            let (db, house) = (db.clone(), house.clone());
            takers.push(tokio::spawn(async move {
                let taken = try_take(&db, &house, instance.id, "pve1", Some("nas")).await;
                if taken == Taken::Yes {
                    let mut tx = db.begin().await.unwrap();
                    let held = give_back(&mut tx, instance.id).await.unwrap().is_some();
                    // It keeps it after all.
                    tx.rollback().await.unwrap();
                    assert!(held);
                }
                taken
            }));
        }
        let mut taken = Vec::new();
        for taker in takers {
            taken.push(taker.await.unwrap());
        }
        assert_eq!(taken.iter().filter(|t| **t == Taken::Yes).count(), 2);
        assert_eq!(taken.iter().filter(|t| **t == Taken::StorageFull).count(), 48);
    }

    async fn nobody_waits_at_a_gate_that_has_room(db: Db) {
        // Each takes a place or waits, in one transaction; each who is done gives it back and wakes the next, in
        // another. All must get through, with no timer to rescue those who were forgotten.
        let house = House::build(&db).await;
        let made = house.fill(&db, 24).await;
        let mut workers = Vec::new();
        for _ in 0..6 {
            let (db, house) = (db.clone(), house.clone());
            workers.push(tokio::spawn(async move {
                let mut through = 0;
                loop {
                    let mut tx = db.begin().await.unwrap();
                    let mine = instances::claim_due(&mut tx, "w", NOW, at(60), 1).await.unwrap().pop();
                    tx.commit().await.unwrap();
                    let Some(mine) = mine else { break through };
                    let mut tx = db.begin().await.unwrap();
                    let cluster = house.cluster.id;
                    let taken = take(&mut tx, mine.id, cluster, "pve1", 1, None).await.unwrap();
                    let gate = (taken != Taken::Yes).then_some("pve1");
                    let due = gate.map(|_| at(3600));
                    assert!(instances::schedule(&mut tx, mine.id, mine.fence, due, gate).await.unwrap());
                    tx.commit().await.unwrap();
                    if taken == Taken::Yes {
                        tokio::task::yield_now().await;
                        let mut tx = db.begin().await.unwrap();
                        give_back(&mut tx, mine.id).await.unwrap().unwrap();
                        instances::open_gate(&mut tx, cluster, &["pve1"], NOW, 1).await.unwrap();
                        tx.commit().await.unwrap();
                        through += 1;
                    }
                }
            }));
        }
        let mut through = 0;
        for worker in workers {
            through += worker.await.unwrap();
        }
        assert_eq!(through, made.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_who_gives_back_waits_for_those_who_are_about_to_wait() {
    crate::engines::on_postgres_at(|url| async move {
        let db = Db::open(&url).await.unwrap();
        db.migrate().await.unwrap();
        let house = House::build(&db).await;
        let made = house.fill(&db, 2).await;
        let (holder, late, cluster) = (made[0].id, made[1].id, house.cluster.id);
        let mut tx = db.begin().await.unwrap();
        assert_eq!(take(&mut tx, holder, cluster, "pve1", 1, None).await.unwrap(), Taken::Yes);
        tx.commit().await.unwrap();

        let mut waiting = db.begin().await.unwrap();
        assert_eq!(take(&mut waiting, late, cluster, "pve1", 1, None).await.unwrap(), Taken::NodeFull);
        let giver = tokio::spawn({
            let db = db.clone();
            async move {
                let mut tx = db.begin().await.unwrap();
                give_back(&mut tx, holder).await.unwrap().unwrap();
                let woken = instances::open_gate(&mut tx, cluster, &["pve1"], NOW, 1).await.unwrap();
                tx.commit().await.unwrap();
                woken
            }
        });
        // Until the giver is through, or stands in line.
        let mut eye = PgConnection::connect(&url).await.unwrap();
        let sql = "select count(*) from pg_locks
            where not granted and database = (select oid from pg_database where datname = current_database())";
        while !giver.is_finished() && sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut eye).await.unwrap() == 0 {}
        assert!(instances::schedule(&mut waiting, late, 0, Some(at(3600)), Some("pve1")).await.unwrap());
        waiting.commit().await.unwrap();
        assert_eq!(giver.await.unwrap(), 1, "nobody was woken");
    })
    .await;
}
