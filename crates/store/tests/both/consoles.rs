//! Consoles are counted, also by many at once; one of which nothing is heard any more does not count.

use innkeeper_domain::consoles::{Console, Count, Kind};
use innkeeper_domain::ids::ConsoleId;
use innkeeper_domain::instances::Instance;
use innkeeper_domain::time::Timestamp;
use innkeeper_store::{Db, consoles};

use crate::house::{House, NOW, at};

fn console(house: &House, instance: &Instance, node: &str) -> Console {
    Console {
        id: ConsoleId::new(),
        user_id: Some(house.user.id),
        project_id: house.project.id,
        instance_id: instance.id,
        cluster_id: house.cluster.id,
        node: node.parse().unwrap(),
        kind: Kind::Text,
        opened_at: NOW,
        seen_at: NOW,
        bytes_in: 0,
        bytes_out: 0,
    }
}

async fn counted(db: &Db, house: &House, since: Timestamp) -> Count {
    let mut tx = db.begin().await.unwrap();
    let node = "pve1".parse().unwrap();
    consoles::open(&mut tx, Some(house.user.id), house.project.id, house.cluster.id, &node, since)
        .await
        .unwrap()
}

both! {
    async fn what_is_relayed_counts_and_what_is_silent_does_not(db: Db) {
        let house = House::build(&db).await;
        let instance = house.fill(&db, 1).await.remove(0);
        let (here, there) = (console(&house, &instance, "pve1"), console(&house, &instance, "pve2"));
        assert_eq!(counted(&db, &house, NOW).await, Count::default());
        let mut tx = db.begin().await.unwrap();
        consoles::insert(&mut tx, &here).await.unwrap();
        consoles::insert(&mut tx, &there).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(counted(&db, &house, NOW).await, Count { of_user: 2, of_node: 1, in_house: 2 });
        let mut tx = db.begin().await.unwrap();
        assert!(consoles::tell(&mut tx, here.id, 7, 9, at(60)).await.unwrap());
        assert!(!consoles::tell(&mut tx, ConsoleId::new(), 7, 9, at(60)).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(counted(&db, &house, at(30)).await, Count { of_user: 1, of_node: 1, in_house: 1 });
        let mut tx = db.begin().await.unwrap();
        assert_eq!(consoles::remove_silent(&mut tx, at(30)).await.unwrap(), [there.clone()]);
        let told = Console { seen_at: at(60), bytes_in: 7, bytes_out: 9, ..here };
        assert_eq!(consoles::remove(&mut tx, told.id).await.unwrap(), Some(told.clone()));
        assert_eq!(consoles::remove(&mut tx, told.id).await.unwrap(), None);
        tx.commit().await.unwrap();
        assert_eq!(counted(&db, &house, NOW).await, Count::default());
    }

    async fn thirty_at_once_never_exceed_a_limit(db: Db) {
        let house = House::build(&db).await;
        let instance = house.fill(&db, 1).await.remove(0);
        let mut openers = Vec::new();
        for _ in 0..30 {
            let (db, house, new) = (db.clone(), house.clone(), console(&house, &instance, "pve1"));
            openers.push(tokio::spawn(async move {
                let mut tx = db.begin().await.unwrap();
                let open = consoles::open(&mut tx, Some(house.user.id), house.project.id, house.cluster.id, &new.node, NOW).await.unwrap();
                if open.of_node >= 20 {
                    return 0;
                }
                consoles::insert(&mut tx, &new).await.unwrap();
                tx.commit().await.unwrap();
                1
            }));
        }
        let mut opened = 0;
        for opener in openers {
            opened += opener.await.unwrap();
        }
        assert_eq!(opened, 20);
        assert_eq!(counted(&db, &house, NOW).await.of_node, 20);
    }
}
