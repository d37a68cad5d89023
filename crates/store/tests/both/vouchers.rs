//! Vouchers: each as often as it says, once per project.

use innkeeper_domain::ids::VoucherId;
use innkeeper_domain::money::Micros;
use innkeeper_domain::vouchers::Voucher;
use innkeeper_store::{Error, projects, users, vouchers};

use crate::house::{House, NOW, at, person};

fn voucher(uses: i64) -> Voucher {
    Voucher {
        id: VoucherId::new(),
        hint: "CDEF".into(),
        amount: Micros(5),
        uses,
        used: 0,
        expires_at: Some(at(60)),
        note: Some("fair".into()),
        withdrawn_at: None,
        created_by: None,
        created_at: NOW,
    }
}

both! {
    async fn a_voucher_reads_back_by_its_code_and_is_withdrawn_once(db: Db) {
        let (one, two) = (voucher(1), voucher(2));
        let mut tx = db.begin().await.unwrap();
        vouchers::insert(&mut tx, &one, b"one").await.unwrap();
        vouchers::insert(&mut tx, &two, b"two").await.unwrap();
        assert_eq!(vouchers::by_code_tx(&mut tx, b"one").await.unwrap().unwrap(), one);
        assert!(vouchers::by_code_tx(&mut tx, b"three").await.unwrap().is_none());
        tx.commit().await.unwrap();
        assert_eq!(vouchers::list(&db, None, 10).await.unwrap(), [two.clone(), one.clone()]);
        assert_eq!(vouchers::list(&db, Some(two.id), 10).await.unwrap(), [one.clone()]);
        let mut tx = db.begin().await.unwrap();
        let refused = vouchers::insert(&mut tx, &voucher(1), b"one").await;
        assert!(matches!(refused, Err(Error::Conflict("voucher code"))), "{refused:?}");
        drop(tx);
        let mut tx = db.begin().await.unwrap();
        assert!(vouchers::withdraw(&mut tx, one.id, at(5)).await.unwrap());
        assert!(!vouchers::withdraw(&mut tx, one.id, at(6)).await.unwrap());
        assert!(!vouchers::withdraw(&mut tx, VoucherId::new(), at(6)).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(vouchers::by_id(&db, one.id).await.unwrap().unwrap().withdrawn_at, Some(at(5)));
    }

    async fn a_voucher_is_used_once_per_project_and_no_more_than_it_says(db: Db) {
        let house = House::build(&db).await;
        let voucher = voucher(2);
        let mut people = vec![house.project.id];
        let mut tx = db.begin().await.unwrap();
        vouchers::insert(&mut tx, &voucher, b"one").await.unwrap();
        for n in 0..3 {
            let (user, project) = person(&format!("p{n}@example.org"));
            users::insert(&mut tx, &user, None).await.unwrap();
            projects::insert(&mut tx, &project).await.unwrap();
            people.push(project.id);
        }
        tx.commit().await.unwrap();
        let mut at_once = tokio::task::JoinSet::new();
        for project in people.iter().chain(&people).copied() {
            let (db, id) = (db.clone(), voucher.id);
            at_once.spawn(async move {
                let mut tx = db.begin().await.unwrap();
                let redeemed = vouchers::redeem(&mut tx, id, project, None, at(1)).await.unwrap();
                if redeemed {
                    tx.commit().await.unwrap();
                }
                redeemed
            });
        }
        let redeemed = at_once.join_all().await.into_iter().filter(|redeemed| *redeemed).count();
        assert_eq!(redeemed, 2);
        assert_eq!(vouchers::by_id(&db, voucher.id).await.unwrap().unwrap().used, 2);
        let who = vouchers::redemptions(&db, voucher.id).await.unwrap();
        assert!(who.len() == 2 && who[0].0 != who[1].0, "{who:?}");
    }

    async fn wrong_codes_are_counted_and_forgotten(db: Db) {
        let house = House::build(&db).await;
        let mut tx = db.begin().await.unwrap();
        for n in 0..3 {
            vouchers::missed(&mut tx, house.user.id, at(n), at(-60)).await.unwrap();
        }
        tx.commit().await.unwrap();
        assert_eq!(vouchers::misses(&db, house.user.id, at(1)).await.unwrap(), 2);
        let mut tx = db.begin().await.unwrap();
        vouchers::missed(&mut tx, house.user.id, at(100), at(50)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(vouchers::misses(&db, house.user.id, at(0)).await.unwrap(), 1);
    }
}
