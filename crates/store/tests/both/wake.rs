//! Hints reach those who wait, within a process and, on PostgreSQL, between processes.

use std::time::Duration;

use innkeeper_domain::events::Subject;
use innkeeper_store::{Db, Topic, events, instances};
use tokio::sync::watch::Receiver;

use sqlx::{Connection, PgConnection};

use crate::house::{House, NOW};

/// A hint that never comes is a failure, not a hanging test.
async fn woken(hints: &mut Receiver<u64>) {
    tokio::time::timeout(Duration::from_secs(30), hints.changed()).await.expect("no hint came").unwrap();
    hints.borrow_and_update();
}

both! {
    async fn only_a_commit_wakes_and_only_those_who_wait_for_it(db: Db) {
        let (mut work, mut changes) = (db.wakeups(Topic::Work), db.wakeups(Topic::Events));
        let mut tx = db.begin().await.unwrap();
        tx.wake(Topic::Work);
        tx.rollback().await.unwrap();
        assert!(!work.has_changed().unwrap());
        let mut tx = db.begin().await.unwrap();
        tx.wake(Topic::Work);
        assert!(!work.has_changed().unwrap());
        tx.commit().await.unwrap();
        woken(&mut work).await;
        assert!(!changes.has_changed().unwrap());
        let mut tx = db.begin().await.unwrap();
        events::append(&mut tx, NOW, None, Subject::Cluster, "clu_1", "healthy").await.unwrap();
        tx.commit().await.unwrap();
        woken(&mut changes).await;
        assert!(!work.has_changed().unwrap());
    }

    async fn an_instance_that_is_due_wakes_the_workers(db: Db) {
        let house = House::build(&db).await;
        let mut work = db.wakeups(Topic::Work);
        let mut tx = db.begin().await.unwrap();
        instances::insert(&mut tx, &house.instance("rests", 200), None).await.unwrap();
        tx.commit().await.unwrap();
        assert!(!work.has_changed().unwrap());
        let made = house.fill(&db, 1).await;
        woken(&mut work).await;
        let mut tx = db.begin().await.unwrap();
        instances::rewish(&mut tx, &made[0], NOW).await.unwrap();
        tx.commit().await.unwrap();
        woken(&mut work).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_another_process_is_woken() {
    crate::engines::on_postgres_twice(|here: Db, there: Db| async move {
        let (mut work, mut changes) = (there.wakeups(Topic::Work), there.wakeups(Topic::Events));
        let mut tx = here.begin().await.unwrap();
        tx.wake(Topic::Work);
        tx.commit().await.unwrap();
        woken(&mut work).await;
        assert!(!changes.has_changed().unwrap());
        let mut tx = here.begin().await.unwrap();
        tx.wake(Topic::Events);
        tx.commit().await.unwrap();
        woken(&mut changes).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_a_lost_connection_wakes_everybody_and_listening_goes_on() {
    crate::engines::on_postgres_at(|url| async move {
        let (here, there) = (Db::open(&url).await.unwrap(), Db::open(&url).await.unwrap());
        let (mut work, mut changes) = (there.wakeups(Topic::Work), there.wakeups(Topic::Events));
        let mut admin = PgConnection::connect(&url).await.unwrap();
        let sql = "select count(pg_terminate_backend(pid)) from pg_stat_activity
            where datname = current_database() and query ilike 'listen%'";
        let ended: i64 = sqlx::query_scalar(sql).fetch_one(&mut admin).await.unwrap();
        assert_eq!(ended, 2);
        woken(&mut work).await;
        woken(&mut changes).await;
        let mut tx = here.begin().await.unwrap();
        tx.wake(Topic::Work);
        tx.commit().await.unwrap();
        woken(&mut work).await;
        assert!(!changes.has_changed().unwrap());
    })
    .await;
}
