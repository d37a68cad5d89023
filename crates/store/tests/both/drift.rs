//! Where guests differ, and what is held of them.

use innkeeper_domain::drift::{Drift, Held, Kind};
use innkeeper_domain::ids::InstanceId;
use innkeeper_domain::operations::{State, Verb};
use innkeeper_store::{drift, instances, operations};

use crate::house::{House, NOW, at};

both! {
    async fn what_differs_and_what_is_held_read_back(db: Db) {
        let house = House::build(&db).await;
        let made = house.fill(&db, 2).await;
        let (one, other) = (made[0].id, made[1].id);
        let moved = Drift { kind: Kind::Moved, what: "node".into(), expected: Some("pve1".into()),
            found: Some("pve2".into()), since: NOW };
        let locked = Drift { kind: Kind::ForeignLock, what: "lock".into(), expected: None,
            found: Some("backup".into()), since: at(3) };
        let held = Held { node: "pve1".into(), tags: ["innkeeper".to_owned()].into(), nets: [("net0".to_owned(),
            [("bridge".to_owned(), "vmbr0".to_owned())].into())].into(), disk_gib: 9, at: NOW, fence: 4 };
        let mut tx = db.begin().await.unwrap();
        drift::replace(&mut tx, one, &[(moved.clone(), true), (moved.clone(), true)][..1]).await.unwrap();
        let both = [(locked.clone(), false), (moved.clone(), true)];
        drift::replace(&mut tx, one, &both).await.unwrap();
        drift::hold(&mut tx, one, &Held::default()).await.unwrap();
        drift::hold(&mut tx, one, &held).await.unwrap();
        tx.commit().await.unwrap();
        let told = drift::of(&db, [one, other, InstanceId::new()]).await.unwrap();
        assert_eq!(told, [(one, both.to_vec())].into());
        assert_eq!(drift::in_cluster(&db, house.cluster.id).await.unwrap(), told);
        assert_eq!(drift::baseline(&db, one).await.unwrap(), Some(held.clone()));
        assert_eq!(drift::baseline(&db, other).await.unwrap(), None);
        assert_eq!(drift::baselines(&db, house.cluster.id).await.unwrap(), [(one, held)].into());
        let mut tx = db.begin().await.unwrap();
        drift::replace(&mut tx, one, &[]).await.unwrap();
        tx.commit().await.unwrap();
        assert!(drift::of(&db, [one]).await.unwrap().is_empty());
        assert!(drift::of(&db, []).await.unwrap().is_empty());
    }

    async fn what_was_asked_since_is_told(db: Db) {
        let house = House::build(&db).await;
        let (instance, operation) = house.busy(&db, "web-1", 100).await;
        assert_eq!(drift::verbs_since(&db, instance.id, at(9)).await.unwrap(), [Verb::Create], "it goes on");
        let mut tx = db.begin().await.unwrap();
        operations::set_state(&mut tx, operation.id, State::Succeeded, None, Some(at(5))).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(drift::verbs_since(&db, instance.id, at(5)).await.unwrap(), [Verb::Create]);
        assert_eq!(drift::verbs_since(&db, instance.id, at(6)).await.unwrap(), []);
    }

    async fn a_name_and_settings_given_elsewhere_are_taken_over(db: Db) {
        let house = House::build(&db).await;
        let made = house.fill(&db, 2).await;
        let mut settings = made[0].settings.clone();
        settings.retag(["blue".parse().unwrap()].into());
        let mut tx = db.begin().await.unwrap();
        instances::adjust(&mut tx, made[0].id, &"www".parse().unwrap(), &settings).await.unwrap();
        tx.commit().await.unwrap();
        let after = instances::by_id(&db, made[0].id).await.unwrap().unwrap();
        assert_eq!((after.name.as_str(), after.settings), ("www", settings.clone()));
        let mut tx = db.begin().await.unwrap();
        let taken = instances::adjust(&mut tx, made[1].id, &"www".parse().unwrap(), &settings).await;
        assert!(matches!(taken, Err(innkeeper_store::Error::Conflict("name"))), "{taken:?}");
    }
}
