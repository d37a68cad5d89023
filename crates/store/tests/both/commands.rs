//! Our keys in instances, scripts of the first boot, and the way through the nodes.

use std::collections::BTreeMap;

use innkeeper_domain::commands::Management;
use innkeeper_domain::first_boots::{FirstBoot, Report, ScriptState};
use innkeeper_domain::ids::InstanceId;
use innkeeper_domain::node_access::{Door, NodeAccess};
use innkeeper_store::{Db, Sealed, first_boots, instances, management, node_access};

use crate::house::{House, NOW, at};

fn sealed(text: &str) -> Sealed {
    Sealed::from_text(text.to_owned())
}

async fn instance(db: &Db, house: &House, vmid: u32) -> InstanceId {
    let instance = house.instance(&format!("web-{vmid}"), vmid);
    let mut tx = db.begin().await.unwrap();
    instances::insert(&mut tx, &instance, None).await.unwrap();
    tx.commit().await.unwrap();
    instance.id
}

async fn delete(db: &Db, id: InstanceId) {
    let mut tx = db.begin().await.unwrap();
    let mut instance = instances::by_id_tx(&mut tx, id).await.unwrap().unwrap();
    instance.deleted_at = Some(NOW);
    assert!(instances::save(&mut tx, &instance).await.unwrap());
    tx.commit().await.unwrap();
}

both! {
    async fn an_instance_has_a_key_or_wanted_none_or_is_older(db: Db) {
        let house = House::build(&db).await;
        let (with, without, older) =
            (instance(&db, &house, 100).await, instance(&db, &house, 101).await, instance(&db, &house, 102).await);
        let mut tx = db.begin().await.unwrap();
        management::insert(&mut tx, with, "ssh-ed25519 A innkeeper", &sealed("v1:k:x")).await.unwrap();
        management::decline(&mut tx, without).await.unwrap();
        tx.commit().await.unwrap();
        for (id, expected) in
            [(with, Management::Present), (without, Management::Declined), (older, Management::Missing)]
        {
            assert_eq!(management::of(&db, id).await.unwrap(), expected);
            let present = expected == Management::Present;
            assert_eq!(management::public_key(&db, id).await.unwrap().is_some(), present);
            assert_eq!(management::key(&db, id).await.unwrap().is_some(), present);
        }

        let mut tx = db.begin().await.unwrap();
        assert_eq!(management::pin(&mut tx, with, "one").await.unwrap().as_deref(), Some("one"));
        assert_eq!(management::pin(&mut tx, with, "other").await.unwrap().as_deref(), Some("one"));
        assert_eq!(management::pin(&mut tx, older, "one").await.unwrap(), None);
        tx.commit().await.unwrap();
        let key = management::key(&db, with).await.unwrap().unwrap();
        assert_eq!((key.host_key.as_deref(), key.private_key.as_str()), (Some("one"), "v1:k:x"));
        let mut tx = db.begin().await.unwrap();
        assert!(management::forget_host_key(&mut tx, with).await.unwrap());
        assert!(!management::forget_host_key(&mut tx, with).await.unwrap());
        tx.commit().await.unwrap();

        delete(&db, with).await;
        let mut tx = db.begin().await.unwrap();
        assert_eq!(management::prune(&mut tx).await.unwrap(), 1);
        tx.commit().await.unwrap();
        assert_eq!(management::of(&db, with).await.unwrap(), Management::Missing);
        assert_eq!(management::of(&db, without).await.unwrap(), Management::Declined);
    }

    async fn a_script_is_claimed_by_one_and_old_claims_change_nothing(db: Db) {
        let house = House::build(&db).await;
        let id = instance(&db, &house, 100).await;
        assert_eq!(first_boots::of(&db, id).await.unwrap(), None);
        let boot = FirstBoot::new(id, NOW);
        let mut tx = db.begin().await.unwrap();
        first_boots::insert(&mut tx, &boot, &sealed("v1:k:x")).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(first_boots::of(&db, id).await.unwrap(), Some(boot));
        assert_eq!(first_boots::next_due(&db).await.unwrap(), Some(NOW));
        let claim = async |now, until| {
            let mut tx = db.begin().await.unwrap();
            let claimed = first_boots::claim_due(&mut tx, now, until, 5).await.unwrap();
            tx.commit().await.unwrap();
            claimed
        };
        assert!(claim(at(-1), at(10)).await.is_empty());
        let mut first = claim(NOW, at(10)).await.remove(0);
        assert_eq!(first.script.as_str(), "v1:k:x");
        assert!(claim(at(9), at(20)).await.is_empty(), "one has it");
        let mut second = claim(at(10), at(20)).await.remove(0);
        let save = async |claimed: &first_boots::Claimed, due| {
            let mut tx = db.begin().await.unwrap();
            let saved = first_boots::save(&mut tx, claimed, due).await.unwrap();
            tx.commit().await.unwrap();
            saved
        };
        first.boot.fail("too late", at(11));
        assert!(!save(&first, None).await, "its claim is over");
        second.boot.heard(Report::Ended(-3, "said".into()), at(12));
        assert!(save(&second, None).await);
        let kept = first_boots::of(&db, id).await.unwrap().unwrap();
        assert_eq!(kept, second.boot);
        assert_eq!((kept.state, kept.exit_code, kept.ended_at), (ScriptState::Failed, Some(-3), Some(at(12))));
        assert_eq!(first_boots::next_due(&db).await.unwrap(), None);

        let mut tx = db.begin().await.unwrap();
        first_boots::begin_anew(&mut tx, id, at(30)).await.unwrap();
        tx.commit().await.unwrap();
        let anew = first_boots::of(&db, id).await.unwrap().unwrap();
        assert_eq!((anew.state, anew.exit_code, anew.began_at, anew.log.as_str()), (ScriptState::Waiting, None, None, ""));
        assert_eq!(claim(at(30), at(40)).await.len(), 1);
        delete(&db, id).await;
        let mut tx = db.begin().await.unwrap();
        assert_eq!(first_boots::prune(&mut tx).await.unwrap(), 1);
        tx.commit().await.unwrap();
        assert_eq!(first_boots::of(&db, id).await.unwrap(), None);
    }

    async fn the_way_through_the_nodes_is_set_replaced_and_taken_away(db: Db) {
        let house = House::build(&db).await;
        let id = house.cluster.id;
        assert!(node_access::of(&db, id).await.unwrap().is_none());
        let door = Door { address: "192.0.2.1:22".parse().unwrap(), host_key: "ssh-ed25519 A".into() };
        let mut access = NodeAccess {
            cluster_id: id,
            user: "root".into(),
            public_key: "ssh-ed25519 B".into(),
            doors: BTreeMap::from([("oak".to_owned(), door)]),
            changed_at: NOW,
        };
        for user in ["root", "innkeeper"] {
            access.user = user.to_owned();
            let mut tx = db.begin().await.unwrap();
            node_access::set(&mut tx, &access, &sealed(user)).await.unwrap();
            tx.commit().await.unwrap();
            let (kept, key) = node_access::of(&db, id).await.unwrap().unwrap();
            assert_eq!((kept, key.as_str()), (access.clone(), user));
        }
        let mut tx = db.begin().await.unwrap();
        assert!(node_access::remove(&mut tx, id).await.unwrap());
        assert!(!node_access::remove(&mut tx, id).await.unwrap());
        tx.commit().await.unwrap();
    }

    async fn keys_are_replaced_without_a_claim(db: Db) {
        let house = House::build(&db).await;
        let id = instance(&db, &house, 100).await;
        let key = format!("ssh-ed25519 {} ada", "A".repeat(43)).parse().unwrap();
        let mut tx = db.begin().await.unwrap();
        instances::set_ssh_keys(&mut tx, id, std::slice::from_ref(&key)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(instances::by_id(&db, id).await.unwrap().unwrap().ssh_keys, [key]);
    }
}
