//! Sealed secrets are listed by key and sealed anew, in every column that holds some.

use innkeeper_store::secrets::{self, COLUMNS, Row};
use innkeeper_store::{KeyRing, SealKey, audit};

use crate::house::{House, NOW};

both! {
    async fn what_another_key_sealed_is_found_and_replaced_once(db: Db) {
        let house = House::build(&db).await;
        let (old, new) = (SealKey::generate(), SealKey::generate());
        let ring = KeyRing::new(old.clone(), Vec::new());
        let seal = innkeeper_domain::audit::Seal { first: 1, last: 3, count: 3, hash: vec![1; 32], at: NOW };
        let mut tx = db.begin().await.unwrap();
        audit::set_seal(&mut tx, &seal, &ring.seal(b"hash", "audit_seals/mac/1")).await.unwrap();
        tx.commit().await.unwrap();
        for column in COLUMNS {
            // Every one of them can be asked, whatever names its rows.
            let all = secrets::page(&db, column, None, None, 10).await.unwrap();
            let expected = match column.table {
                "clusters" => vec![format!("clusters/token_secret/{}", house.cluster.id)],
                "audit_seals" => vec!["audit_seals/mac/1".to_owned()],
                _ => Vec::new(),
            };
            let places: Vec<_> = all.iter().map(|kept| column.place(&kept.row)).collect();
            assert_eq!(places, expected, "{column}");
            for kept in &all {
                assert!(secrets::page(&db, column, None, Some(&kept.row), 10).await.unwrap().is_empty());
                let sealed = KeyRing::new(new.clone(), Vec::new()).seal(b"x", "y");
                let mut tx = db.begin().await.unwrap();
                assert!(secrets::reseal(&mut tx, column, kept, &sealed).await.unwrap());
                assert!(!secrets::reseal(&mut tx, column, kept, &sealed).await.unwrap(), "it has changed");
                tx.commit().await.unwrap();
                assert!(secrets::page(&db, column, Some(new.id()), None, 10).await.unwrap().is_empty());
                assert_eq!(secrets::page(&db, column, Some(old.id()), None, 10).await.unwrap().len(), 1);
            }
        }
        let tickets = COLUMNS.iter().find(|column| column.table == "tickets").unwrap();
        assert_eq!(tickets.place(&Row::Hash(vec![0xab, 1])), "tickets/body/ab01");
    }
}
