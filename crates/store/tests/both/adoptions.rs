//! Guests that were there before.

use std::time::Duration;

use innkeeper_domain::adoptions::{Adoption, Draft, State};
use innkeeper_domain::ids::{AdoptionId, InstanceId};
use innkeeper_domain::instances::Kind;
use innkeeper_domain::prices::Rate;
use innkeeper_domain::templates::Origin;
use innkeeper_store::adoptions::{self, again, by_id, claim_due, go_on, holding, insert, list, next_due};
use innkeeper_store::{instances, vmids};

use crate::house::{House, NOW, SIZE, at};

fn adoption(house: &House, vmid: u32) -> Adoption {
    let draft = Draft {
        name: "old".parse().unwrap(),
        kind: Kind::Lxc,
        node: "pve1".parse().unwrap(),
        storage: "local-lvm".parse().unwrap(),
        size: SIZE,
        rate: Rate::FREE,
        plan_id: None,
        address: true,
        own_name: Some("Old.Box".into()),
        onboot: false,
        protected: true,
        adds_tag: true,
    };
    Adoption {
        id: AdoptionId::new(),
        cluster_id: house.cluster.id,
        vmid,
        instance_id: InstanceId::new(),
        project_id: house.project.id,
        state: State::Wished,
        draft,
        problem: None,
        asked_by: Some(house.user.id),
        created_at: NOW,
        over_at: None,
        attempts: 0,
    }
}

both! {
    async fn a_guest_is_taken_in_once_and_again_only_when_it_was_let_go(db: Db) {
        let house = House::build(&db).await;
        let first = adoption(&house, 5000);
        let mut tx = db.begin().await.unwrap();
        insert(&mut tx, &first).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(by_id(&db, first.id).await.unwrap(), Some(first.clone()));
        let mut tx = db.begin().await.unwrap();
        let twice = insert(&mut tx, &adoption(&house, 5000)).await;
        assert!(matches!(twice, Err(innkeeper_store::Error::Conflict("vmid"))), "{twice:?}");
        tx.rollback().await.unwrap();
        let mut tx = db.begin().await.unwrap();
        let (id, over) = (first.id, Some(at(9)));
        assert!(!go_on(&mut tx, id, State::Releasing, State::Released, None, None, over).await.unwrap());
        assert!(go_on(&mut tx, id, State::Wished, State::Failed, Some("locked"), None, over).await.unwrap());
        let second = adoption(&house, 5000);
        insert(&mut tx, &second).await.unwrap();
        let found = adoptions::of_instance_tx(&mut tx, second.instance_id).await.unwrap();
        assert_eq!(found, Some(second.clone()));
        tx.commit().await.unwrap();
        assert_eq!(holding(&db, house.cluster.id).await.unwrap(), [second.clone()]);
        let all = list(&db, house.cluster.id, None, 9).await.unwrap();
        assert_eq!(all.iter().map(|one| one.id).collect::<Vec<_>>(), [second.id, first.id]);
        assert_eq!(list(&db, house.cluster.id, Some(second.id), 9).await.unwrap().len(), 1);
        assert_eq!(all[1].problem.as_deref(), Some("locked"));
    }

    async fn work_on_it_is_claimed_and_given_back(db: Db) {
        let house = House::build(&db).await;
        let wish = adoption(&house, 5000);
        let mut tx = db.begin().await.unwrap();
        insert(&mut tx, &wish).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(next_due(&db).await.unwrap(), Some(NOW));
        let until = NOW.after(Duration::from_secs(30));
        let mut tx = db.begin().await.unwrap();
        assert_eq!(claim_due(&mut tx, NOW, until, 4).await.unwrap().len(), 1);
        assert!(claim_due(&mut tx, NOW, until, 4).await.unwrap().is_empty(), "another has it");
        tx.commit().await.unwrap();
        assert_eq!(next_due(&db).await.unwrap(), Some(until));
        let mut tx = db.begin().await.unwrap();
        let taken_over = claim_due(&mut tx, until, at(99), 4).await.unwrap();
        assert_eq!(taken_over.len(), 1, "whoever had it is gone");
        again(&mut tx, wish.id, State::Wished, "busy", at(60)).await.unwrap();
        tx.commit().await.unwrap();
        let kept = by_id(&db, wish.id).await.unwrap().unwrap();
        assert_eq!((kept.attempts, kept.problem.as_deref()), (1, Some("busy")));
        assert_eq!(next_due(&db).await.unwrap(), Some(at(60)));
        let mut tx = db.begin().await.unwrap();
        assert!(go_on(&mut tx, wish.id, State::Wished, State::Adopted, None, None, None).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(next_due(&db).await.unwrap(), None);
    }

    async fn an_adopted_instance_has_no_template_and_any_number(db: Db) {
        let house = House::build(&db).await;
        // The cluster's range ends at 999.
        let mut instance = house.instance("old", 5000);
        instance.template_id = None;
        instance.origin = Origin::Adopted { own_name: Some("Old.Box".into()), our_name: instance.name.clone() };
        let other = house.instance("other", 500);
        let mut tx = db.begin().await.unwrap();
        assert!(vmids::hold(&mut tx, house.cluster.id, 5000, instance.id).await.unwrap());
        instances::insert(&mut tx, &instance, None).await.unwrap();
        vmids::foreign(&mut tx, house.cluster.id, 500).await.unwrap();
        assert!(vmids::hold(&mut tx, house.cluster.id, 500, other.id).await.unwrap(), "it was another's so far");
        instances::insert(&mut tx, &other, None).await.unwrap();
        assert!(!vmids::hold(&mut tx, house.cluster.id, 500, instance.id).await.unwrap());
        // The poll sees it as ours, whatever it says of others.
        vmids::set_foreign(&mut tx, house.cluster.id, &[500, 600]).await.unwrap();
        assert!(!vmids::hold(&mut tx, house.cluster.id, 500, instance.id).await.unwrap());
        tx.commit().await.unwrap();
        let kept = instances::by_id(&db, instance.id).await.unwrap().unwrap();
        assert_eq!((kept.template_id, &kept.origin, kept.guest_name()), (None, &instance.origin, Some("Old.Box")));
    }
}
