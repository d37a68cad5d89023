//! Second factors.

use innkeeper_domain::factors::{Factors, Passkey};
use innkeeper_domain::ids::{PasskeyId, UserId};
use innkeeper_store::{Error, Sealed, factors};

use crate::house::{House, NOW, at};

fn sealed(text: &str) -> Sealed {
    Sealed::from_text(text.to_owned())
}

both! {
    async fn a_secret_is_offered_confirmed_and_then_stays(db: Db) {
        let house = House::build(&db).await;
        let user = house.user.id;
        let mut tx = db.begin().await.unwrap();
        assert!(factors::totp(&mut tx, user).await.unwrap().is_none());
        assert!(!factors::confirm_totp(&mut tx, user, NOW).await.unwrap());
        assert!(factors::offer_totp(&mut tx, user, &sealed("one"), NOW).await.unwrap());
        assert!(factors::offer_totp(&mut tx, user, &sealed("two"), NOW).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(factors::of(&db, user).await.unwrap(), Factors::default(), "not on yet");
        assert!(factors::any_totp(&db).await.unwrap());
        let mut tx = db.begin().await.unwrap();
        assert!(factors::confirm_totp(&mut tx, user, NOW).await.unwrap());
        assert!(!factors::confirm_totp(&mut tx, user, NOW).await.unwrap());
        assert!(!factors::offer_totp(&mut tx, user, &sealed("three"), NOW).await.unwrap());
        let kept = factors::totp(&mut tx, user).await.unwrap().unwrap();
        assert_eq!((kept.secret.as_str(), kept.last_step, kept.confirmed), ("two", 0, true));
        tx.commit().await.unwrap();
        assert!(factors::of(&db, user).await.unwrap().second_needed());
        assert!(!factors::of(&db, UserId::new()).await.unwrap().second_needed());
        let mut tx = db.begin().await.unwrap();
        assert!(factors::remove_totp(&mut tx, user).await.unwrap());
        assert!(!factors::remove_totp(&mut tx, user).await.unwrap());
        tx.commit().await.unwrap();
        assert!(!factors::any_totp(&db).await.unwrap());
    }

    async fn of_ten_who_show_a_code_at_once_one_spends_it(db: Db) {
        let house = House::build(&db).await;
        let user = house.user.id;
        let mut tx = db.begin().await.unwrap();
        factors::offer_totp(&mut tx, user, &sealed("one"), NOW).await.unwrap();
        factors::set_recovery_codes(&mut tx, user, &[vec![1; 32], vec![2; 32]], NOW).await.unwrap();
        tx.commit().await.unwrap();
        let mut tries = Vec::new();
        for _ in 0..10 {
            let db = db.clone();
            tries.push(tokio::spawn(async move {
                let mut tx = db.begin().await.unwrap();
                let step = factors::spend_step(&mut tx, user, 50).await.unwrap();
                let code = factors::spend_recovery_code(&mut tx, user, &[1; 32], NOW).await.unwrap();
                tx.commit().await.unwrap();
                (u32::from(step), u32::from(code))
            }));
        }
        let mut spent = (0, 0);
        for one in tries {
            let (step, code) = one.await.unwrap();
            spent = (spent.0 + step, spent.1 + code);
        }
        assert_eq!(spent, (1, 1));
        let mut tx = db.begin().await.unwrap();
        assert!(!factors::spend_step(&mut tx, user, 49).await.unwrap(), "an older one");
        assert!(factors::spend_step(&mut tx, user, 51).await.unwrap());
        assert!(!factors::spend_recovery_code(&mut tx, UserId::new(), &[2; 32], NOW).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(factors::of(&db, user).await.unwrap().recovery_codes, 1);
        let mut tx = db.begin().await.unwrap();
        factors::set_recovery_codes(&mut tx, user, &[vec![3; 32]], NOW).await.unwrap();
        assert!(!factors::spend_recovery_code(&mut tx, user, &[2; 32], NOW).await.unwrap(), "replaced");
        assert!(factors::spend_recovery_code(&mut tx, user, &[3; 32], NOW).await.unwrap());
        tx.commit().await.unwrap();
    }

    async fn passkeys_are_kept_renamed_used_and_removed(db: Db) {
        let house = House::build(&db).await;
        let user = house.user.id;
        let passkey = |name: &str| Passkey {
            id: PasskeyId::new(), user_id: user, name: name.parse().unwrap(), created_at: NOW, last_used_at: None,
        };
        let (phone, stick) = (passkey("Phone"), passkey("Stick"));
        let mut tx = db.begin().await.unwrap();
        factors::insert_passkey(&mut tx, &phone, "cred-1", "{1}").await.unwrap();
        factors::insert_passkey(&mut tx, &stick, "cred-2", "{2}").await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = db.begin().await.unwrap();
        let taken = factors::insert_passkey(&mut tx, &passkey("Again"), "cred-1", "{}").await.unwrap_err();
        assert!(matches!(taken, Error::Conflict("passkey")), "{taken:?}");
        tx.rollback().await.unwrap();
        assert_eq!(factors::passkeys_of(&db, user).await.unwrap(), [
            (phone.clone(), "{1}".to_owned()), (stick.clone(), "{2}".to_owned()),
        ]);
        assert_eq!(factors::of(&db, user).await.unwrap().passkeys, 2);
        let mut tx = db.begin().await.unwrap();
        assert_eq!(factors::of_tx(&mut tx, user).await.unwrap(), factors::of(&db, user).await.unwrap());
        tx.rollback().await.unwrap();

        let mut tx = db.begin().await.unwrap();
        let found = factors::passkey_by_credential(&mut tx, "cred-2").await.unwrap();
        assert_eq!(found, Some((stick.clone(), "{2}".to_owned())));
        assert_eq!(factors::passkey_by_credential(&mut tx, "cred-3").await.unwrap(), None);
        factors::passkey_used(&mut tx, stick.id, "{3}", at(7)).await.unwrap();
        let name = "Key ring".parse().unwrap();
        assert!(!factors::rename_passkey(&mut tx, UserId::new(), stick.id, &name).await.unwrap(), "not theirs");
        assert!(factors::rename_passkey(&mut tx, user, stick.id, &name).await.unwrap());
        assert!(!factors::delete_passkey(&mut tx, UserId::new(), phone.id).await.unwrap(), "not theirs");
        assert!(factors::delete_passkey(&mut tx, user, phone.id).await.unwrap());
        tx.commit().await.unwrap();
        let changed = Passkey { name, last_used_at: Some(at(7)), ..stick };
        assert_eq!(factors::passkeys_of(&db, user).await.unwrap(), [(changed, "{3}".to_owned())]);
        let mut tx = db.begin().await.unwrap();
        assert_eq!(factors::delete_passkeys(&mut tx, user).await.unwrap(), 1);
        tx.commit().await.unwrap();
    }
}
