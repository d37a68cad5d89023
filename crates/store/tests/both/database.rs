//! Opening, migrating, transactions.

use innkeeper_store::{Db, Engine, Error, instances, settings};
use sqlx::{Connection, SqliteConnection};

use crate::house::{House, NOW, at};

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

#[tokio::test]
async fn a_row_edited_by_hand_is_named_and_does_not_stop_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/test.db", folder.path().display());
    let db = Db::open(&url).await.unwrap();
    db.migrate().await.unwrap();
    let made = House::build(&db).await.fill(&db, 2).await;
    let mut hand = SqliteConnection::connect(&url).await.unwrap();
    let sql = "update instances set seen = 'nonsense' where id = $1";
    sqlx::query(sql).bind(made[0].id.0).execute(&mut hand).await.unwrap();

    let error = instances::by_id(&db, made[0].id).await.unwrap_err();
    assert_eq!(error.to_string(), "instances.seen holds `nonsense`, which cannot be read");
    let mut tx = db.begin().await.unwrap();
    let claimed = instances::claim_due(&mut tx, "worker", NOW, at(10), 9).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(claimed.iter().map(|instance| instance.id).collect::<Vec<_>>(), [made[1].id]);
}

#[tokio::test]
async fn debugging_shows_no_address() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&format!("sqlite:{}/test.db", folder.path().display())).await.unwrap();
    let tx = db.begin().await.unwrap();
    assert_eq!(format!("{db:?} {tx:?}"), "Db(Sqlite) Tx(Sqlite)");
    // Nor does the error of an address that cannot be read, and holds a password.
    let error = Db::open("postgres://house:hunter2@127.0.0.1:port/house").await.unwrap_err();
    assert!(!format!("{error:?} {error}").contains("hunter2"), "{error:?}");
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/test.db", folder.path().display());
    let db = Db::open(&url).await.unwrap();
    db.migrate().await.unwrap();
    let mut later = SqliteConnection::connect(&url).await.unwrap();
    let sql =
        "insert into _sqlx_migrations select 9999, 'later', installed_on, success, checksum, execution_time
        from _sqlx_migrations limit 1";
    sqlx::query(sql).execute(&mut later).await.unwrap();
    assert!(matches!(db.check_migrated().await, Err(Error::Newer)));
    assert!(matches!(db.migrate().await, Err(Error::Newer)));
    assert!(matches!(db.is_new().await, Err(Error::Newer)));
}

#[cfg(unix)]
#[tokio::test]
async fn a_new_file_can_be_read_by_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&format!("sqlite:{}/test.db", folder.path().display())).await.unwrap();
    db.migrate().await.unwrap();
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap()).collect();
    assert!(files.len() >= 2, "{files:?}");
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0, "{file:?}");
    }
}
