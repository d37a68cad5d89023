//! Opening, migrating, transactions.

use innkeeper_store::{Db, Engine, Error, settings};

use crate::house::House;

both! {
    async fn a_second_migration_does_nothing(db: Db) {
        assert_eq!(db.pending_migrations().await.unwrap(), 0);
        assert_eq!(db.migrate().await.unwrap(), 0);
        db.check_migrated().await.unwrap();
        db.ping().await.unwrap();
        House::build(&db).await;
        assert_eq!(db.migrate().await.unwrap(), 0);
    }

    async fn settings_are_kept_when_committed_and_only_then(db: Db) {
        let mut tx = db.begin().await.unwrap();
        settings::put(&mut tx, "house.name", "Inn").await.unwrap();
        settings::put(&mut tx, "house.name", "The Inn").await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = db.begin().await.unwrap();
        settings::put(&mut tx, "house.name", "lost").await.unwrap();
        tx.rollback().await.unwrap();
        let mut tx = db.begin().await.unwrap();
        settings::put(&mut tx, "other", "lost").await.unwrap();
        drop(tx);
        assert_eq!(settings::get(&db, "house.name").await.unwrap().as_deref(), Some("The Inn"));
        assert_eq!(settings::get(&db, "other").await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_fresh_database_says_what_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&format!("sqlite:{}/new.db", folder.path().display())).await.unwrap();
    assert_eq!(db.engine(), Engine::Sqlite);
    let pending = db.pending_migrations().await.unwrap();
    assert!(pending > 0);
    assert!(matches!(db.check_migrated().await, Err(Error::Migrations { pending: p }) if p == pending));
    assert_eq!(db.migrate().await.unwrap(), pending);
    assert_eq!(db.migrate().await.unwrap(), 0);
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_in_plain_words() {
    for bad in ["", "mysql://x/y", "sqlite::memory:", "file.db"] {
        assert!(matches!(Db::open(bad).await, Err(Error::Address(_))), "{bad}");
    }
}
