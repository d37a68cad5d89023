//! Vouchers: each as often as it says, and once per project.

use std::time::Duration;

use innkeeper_domain::money::Micros;
use innkeeper_domain::users::Role;
use innkeeper_engine::{AuditFilter, Error, Minted, NewVouchers};
use innkeeper_store::vouchers;
use secrecy::{ExposeSecret, SecretString};

use crate::house::{House, credits, key};

async fn mint(house: &House, uses: i64) -> Minted {
    let new =
        NewVouchers { count: 1, amount: credits(10), uses, expires_at: None, note: Some("fair".into()) };
    house.engine.create_vouchers(&house.admin, new, None).await.unwrap().pop().unwrap()
}

both! {
    async fn a_voucher_is_redeemed_once_per_project_however_many_try(db: Db) {
        let house = House::open(db).await;
        let minted = mint(&house, 5).await;
        let mut at_once = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (house, code) = (house.clone(), minted.code.clone());
            at_once.spawn(async move {
                house.engine.redeem_voucher(&house.payer, house.project, &code, None).await.is_ok()
            });
        }
        let done = at_once.join_all().await.into_iter().filter(|done| *done).count();
        assert_eq!((done, house.balance().await), (1, credits(10)));
        // A repeated request gets the answer again, and no credits.
        let (other, project) = house.person("eve", Role::User).await;
        let typed = SecretString::from(minted.code.expose_secret().to_lowercase().replace('-', " "));
        let first = house.engine.redeem_voucher(&other, project, &typed, Some(&key("a"))).await.unwrap();
        let again = house.engine.redeem_voucher(&other, project, &typed, Some(&key("a"))).await.unwrap();
        assert_eq!(first, again);
        let redemptions = vouchers::redemptions(&house.db, minted.voucher.id).await.unwrap();
        assert_eq!(redemptions.len(), 2);
        assert_eq!(vouchers::by_id(&house.db, minted.voucher.id).await.unwrap().unwrap().used, 2);
        house.check().await;
    }

    async fn a_voucher_serves_no_more_projects_than_it_says(db: Db) {
        let house = House::open(db).await;
        let minted = mint(&house, 3).await;
        let mut at_once = tokio::task::JoinSet::new();
        for n in 0..6 {
            let (person, project) = house.person(&format!("p{n}"), Role::User).await;
            let (house, code) = (house.clone(), minted.code.clone());
            at_once.spawn(async move { house.engine.redeem_voucher(&person, project, &code, None).await.is_ok() });
        }
        assert_eq!(at_once.join_all().await.into_iter().filter(|done| *done).count(), 3);
        house.check().await;
    }

    async fn what_has_expired_was_withdrawn_or_never_was_is_refused(db: Db) {
        let house = House::open(db).await;
        let redeem = async |code: &SecretString| {
            house.engine.redeem_voucher(&house.payer, house.project, code, None).await.unwrap_err()
        };
        let end = house.clock.now().after(Duration::from_hours(1));
        let new = NewVouchers { count: 2, amount: credits(1), uses: 1, expires_at: Some(end), note: None };
        let brief = house.engine.create_vouchers(&house.admin, new, None).await.unwrap();
        house.engine.withdraw_voucher(&house.admin, brief[1].voucher.id).await.unwrap();
        let error = redeem(&brief[1].code).await;
        assert!(matches!(error, Error::Conflict { code: "voucher_used", .. }), "{error}");
        house.clock.advance(Duration::from_hours(1));
        let error = redeem(&brief[0].code).await;
        assert!(matches!(error, Error::Conflict { code: "voucher_used", .. }), "{error}");
        assert_eq!(house.balance().await, Micros::ZERO);

        let good = mint(&house, 1).await;
        for n in 0..10 {
            let error = redeem(&format!("AAAA-BBBB-CCCC-000{n}").into()).await;
            assert!(matches!(error, Error::Invalid { field: "code", .. }), "{error}");
        }
        // Guessing has an end, even with a good code.
        assert!(matches!(redeem(&good.code).await, Error::TooMany(_)));
        house.clock.advance(Duration::from_hours(1) + Duration::from_secs(1));
        house.engine.redeem_voucher(&house.payer, house.project, &good.code, None).await.unwrap();
    }

    async fn codes_are_shown_once_and_kept_nowhere(db: Db) {
        let house = House::open(db).await;
        let new = NewVouchers { count: 3, amount: credits(1), uses: 1, expires_at: None, note: None };
        let minted = house.engine.create_vouchers(&house.admin, new.clone(), Some(&key("v"))).await.unwrap();
        let codes: std::collections::BTreeSet<_> =
            minted.iter().map(|minted| minted.code.expose_secret().to_owned()).collect();
        assert_eq!(codes.len(), 3);
        let again = house.engine.create_vouchers(&house.admin, new, Some(&key("v"))).await.unwrap_err();
        assert!(matches!(again, Error::Conflict { code: "codes_shown_once", .. }), "{again}");
        assert_eq!(house.engine.vouchers(&house.admin, None, 10).await.unwrap().len(), 3);
        let log = house.engine.audit_log(&house.admin, &AuditFilter::default(), None, 200).await.unwrap();
        assert!(codes.iter().all(|code| !format!("{log:?}").contains(code.as_str())));
        let user = house.engine.vouchers(&house.payer, None, 10).await;
        assert!(matches!(user, Err(Error::Forbidden(_))));
    }
}
