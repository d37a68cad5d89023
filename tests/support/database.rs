//! The database of one test: a file in the house's folder, or a database of its own on the PostgreSQL for tests.

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::Executor as _;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

#[derive(Clone)]
pub struct TestDatabase {
    url: Option<String>,
}

impl TestDatabase {
    /// None when there is no PostgreSQL here: the caller says that it skips.
    pub async fn make(kind: Kind) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        if kind == Kind::Sqlite {
            return Some(Self { url: None });
        }
        let Ok(server) = std::env::var("INNKEEPER_TEST_POSTGRES") else {
            assert!(
                std::env::var_os("CI").is_none(),
                "CI must have PostgreSQL: run the tests by scripts/test"
            );
            eprintln!("skipped: INNKEEPER_TEST_POSTGRES is not set; run the tests by scripts/test");
            return None;
        };
        let name = format!("system_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let admin = sqlx::PgPool::connect(&server).await.unwrap();
        admin.execute(sqlx::AssertSqlSafe(format!("create database {name}"))).await.unwrap();
        let (base, _) = server.rsplit_once('/').unwrap();
        Some(Self { url: Some(format!("{base}/{name}")) })
    }

    /// The address; none means the default of the house.
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }
}
