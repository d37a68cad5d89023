//! A fresh database per test, on either engine.

use std::future::Future;

use innkeeper_store::Db;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// Makes two tests of each story: one on SQLite, one on PostgreSQL.
macro_rules! both {
    ($($(#[$meta:meta])* async fn $name:ident($db:ident: Db) $body:block)+) => { $(
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn story($db: innkeeper_store::Db) $body

            #[tokio::test(flavor = "multi_thread")]
            async fn sqlite() {
                crate::engines::on_sqlite(story).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn postgres() {
                crate::engines::on_postgres(story).await;
            }
        }
    )+ };
}

/// The server for tests, or none, which is said aloud. In CI it must be there.
pub(crate) fn postgres_url() -> Option<String> {
    let url = std::env::var("INNKEEPER_TEST_POSTGRES").ok().filter(|url| !url.is_empty());
    if url.is_none() {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "INNKEEPER_TEST_POSTGRES is not set: the tests on PostgreSQL would be skipped"
        );
        println!(
            "skipped: INNKEEPER_TEST_POSTGRES is not set (scripts/test sets it where PostgreSQL is installed)"
        );
    }
    url
}

/// Runs the story on a migrated SQLite file of its own.
pub(crate) async fn on_sqlite<F>(story: fn(Db) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&format!("sqlite:{}/test.db", folder.path().display())).await.unwrap();
    db.migrate().await.unwrap();
    story(db.clone()).await;
    db.close().await;
}

/// Runs the story on a migrated PostgreSQL database of its own.
pub(crate) async fn on_postgres<F>(story: fn(Db) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    on_postgres_at(|url| async move {
        let db = Db::open(&url).await.unwrap();
        db.migrate().await.unwrap();
        story(db.clone()).await;
        db.close().await;
    })
    .await;
}

/// Runs the story with two programs that share a migrated PostgreSQL database.
pub(crate) async fn on_postgres_twice<F>(story: fn(Db, Db) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    on_postgres_at(|url| async move {
        let (one, other) = (Db::open(&url).await.unwrap(), Db::open(&url).await.unwrap());
        one.migrate().await.unwrap();
        story(one.clone(), other.clone()).await;
        one.close().await;
        other.close().await;
    })
    .await;
}

/// Runs the story with the address of an empty PostgreSQL database, which is dropped afterwards whatever comes of it.
pub(crate) async fn on_postgres_at<S, F>(story: S)
where
    S: FnOnce(String) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let Some(server) = postgres_url() else { return };
    let name = format!("test_{}", uuid::Uuid::now_v7().simple());
    let mut admin = PgConnection::connect(&server).await.unwrap();
    sqlx::query(AssertSqlSafe(format!("create database {name}"))).execute(&mut admin).await.unwrap();
    let outcome = tokio::spawn(story(in_database(&server, &name))).await;
    let drop = format!("drop database {name} with (force)");
    sqlx::query(AssertSqlSafe(drop)).execute(&mut admin).await.unwrap();
    if let Err(failure) = outcome {
        std::panic::resume_unwind(failure.into_panic());
    }
}

/// The server's address with another database name: `postgres://user@host:port/NAME?options`.
fn in_database(server: &str, name: &str) -> String {
    let (address, options) = server.split_once('?').map_or((server, None), |(a, o)| (a, Some(o)));
    let (host, _) = address.rsplit_once('/').unwrap();
    let options = options.map(|options| format!("?{options}")).unwrap_or_default();
    format!("{host}/{name}{options}")
}
