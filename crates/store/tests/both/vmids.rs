//! Numbers: never given twice, resting after use, found without trying each one.

use std::collections::BTreeSet;

use innkeeper_domain::ids::ClusterId;
use innkeeper_domain::instances::Instance;
use innkeeper_store::{Db, KeyRing, SealKey, clusters, instances, vmids};

use crate::house::{House, NOW, cluster};

/// A house whose cluster has the numbers from 100 to `last`.
async fn house(db: &Db, last: u32) -> House {
    let mut house = House::build(db).await;
    house.cluster = cluster(last);
    let secret = KeyRing::new(SealKey::generate(), Vec::new()).seal(b"", "");
    let mut tx = db.begin().await.unwrap();
    clusters::insert(&mut tx, &house.cluster, &secret).await.unwrap();
    tx.commit().await.unwrap();
    house
}

/// Claims a number for a new instance, which is gone again at once: only the number counts here.
async fn claim(db: &Db, house: &House) -> Option<u32> {
    let mut instance: Instance = house.instance("guest", 100);
    instance.deleted_at = Some(NOW);
    let mut tx = db.begin().await.unwrap();
    let vmid = vmids::claim(&mut tx, house.cluster.id, instance.id).await.unwrap();
    if let Some(vmid) = vmid {
        instance.vmid = vmid;
        instances::insert(&mut tx, &instance, None).await.unwrap();
    }
    tx.commit().await.unwrap();
    vmid
}

async fn release(db: &Db, cluster: ClusterId, vmid: u32) {
    let mut tx = db.begin().await.unwrap();
    vmids::release(&mut tx, cluster, vmid).await.unwrap();
    tx.commit().await.unwrap();
}

both! {
    async fn a_freed_number_rests_until_the_range_has_gone_round(db: Db) {
        let house = house(&db, 103).await;
        let c = house.cluster.id;
        assert_eq!(claim(&db, &house).await, Some(100));
        release(&db, c, 100).await;
        for expected in [101, 102, 103, 100] {
            assert_eq!(claim(&db, &house).await, Some(expected));
        }
        assert_eq!(claim(&db, &house).await, None, "the range is full");
        release(&db, c, 102).await;
        assert_eq!(claim(&db, &house).await, Some(102));
        assert_eq!(claim(&db, &house).await, None);
    }

    async fn a_claim_that_is_rolled_back_frees_its_number(db: Db) {
        let house = house(&db, 110).await;
        let mut tx = db.begin().await.unwrap();
        let claimed = vmids::claim(&mut tx, house.cluster.id, house.instance("x", 100).id).await.unwrap();
        assert_eq!(claimed, Some(100));
        tx.rollback().await.unwrap();
        assert_eq!(claim(&db, &house).await, Some(100));
    }

    async fn numbers_of_others_are_left_out(db: Db) {
        let house = house(&db, 105).await;
        let c = house.cluster.id;
        let mut tx = db.begin().await.unwrap();
        vmids::set_foreign(&mut tx, c, &[104, 101, 101]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(claim(&db, &house).await, Some(100));
        assert_eq!(claim(&db, &house).await, Some(102));
        // 101 is free again; 102 is ours whatever the poller thinks; 103 and 104 are others'.
        let mut tx = db.begin().await.unwrap();
        vmids::set_foreign(&mut tx, c, &[102, 103, 104]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(claim(&db, &house).await, Some(105));
        assert_eq!(claim(&db, &house).await, Some(101));
        assert_eq!(claim(&db, &house).await, None);
        let mut tx = db.begin().await.unwrap();
        vmids::set_foreign(&mut tx, c, &[]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(claim(&db, &house).await, Some(103));
        assert_eq!(claim(&db, &house).await, Some(104));
        assert_eq!(claim(&db, &house).await, None, "102 stayed ours");
        // A number of ours that turned out to be somebody else's goes to them.
        let mut tx = db.begin().await.unwrap();
        vmids::foreign(&mut tx, c, 102).await.unwrap();
        vmids::foreign(&mut tx, c, 102).await.unwrap();
        vmids::set_foreign(&mut tx, c, &[]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(claim(&db, &house).await, Some(102));
    }

    async fn fifty_who_claim_at_once_all_get_different_numbers(db: Db) {
        let house = house(&db, 149).await;
        // Half way round, so that the claims wrap.
        for expected in 100..120 {
            assert_eq!(claim(&db, &house).await, Some(expected));
        }
        for vmid in 100..120 {
            release(&db, house.cluster.id, vmid).await;
        }
        let mut claimers = Vec::new();
        for n in 0..53 {
            let (db, house) = (db.clone(), house.clone());
            claimers.push(tokio::spawn(async move {
                if n % 10 == 0 {
                    // The poller writes beside them.
                    let mut tx = db.begin().await.unwrap();
                    vmids::set_foreign(&mut tx, house.cluster.id, &[105]).await.unwrap();
                    tx.commit().await.unwrap();
                }
                claim(&db, &house).await
            }));
        }
        let (mut claimed, mut full) = (BTreeSet::new(), 0);
        for claimer in claimers {
            match claimer.await.unwrap() {
                Some(vmid) => assert!(claimed.insert(vmid), "{vmid} was given twice"),
                None => full += 1,
            }
        }
        let ours = claimed.len();
        assert!(claimed.iter().all(|vmid| (100..=149).contains(vmid)));
        // 105 went to the poller or to one of them, whoever came first.
        assert!((ours == 50 && full == 3) || (ours == 49 && full == 4 && !claimed.contains(&105)), "{ours} {full}");
    }

    async fn a_nearly_full_range_gives_its_last_number(db: Db) {
        let house = house(&db, 20_099).await;
        let taken: Vec<u32> = (100..=20_099).filter(|vmid| *vmid != 7_777).collect();
        let mut tx = db.begin().await.unwrap();
        vmids::set_foreign(&mut tx, house.cluster.id, &taken).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(claim(&db, &house).await, Some(7_777));
        assert_eq!(claim(&db, &house).await, None);
    }
}
