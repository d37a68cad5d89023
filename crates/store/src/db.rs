//! The database and its transactions: two engines behind one type each, so that callers need no generics.
//!
//! SQLite has one writing connection (every transaction begins with `BEGIN IMMEDIATE`, so that writers queue up
//! fairly instead of failing with "busy") and a few that only read. A task that holds a [`Tx`] must not begin a second
//! one: on SQLite it would wait for itself.
//!
//! PostgreSQL runs at its default isolation, read committed; what must not run side by side takes a [`Lock`].
//! Events and the audit log are written, and the lock that orders them is taken, when a transaction commits: last of all
//! locks, so it never closes a circle.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use tokio::sync::watch;
use uuid::Uuid;

use crate::audit::NewEntry;
use crate::error::Error;
use crate::events::NewEvent;
use crate::wake::{CHANNEL, Topic, Topics, Wake};

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
const READERS: u32 = 6;
const CONNECTIONS: u32 = 16;

/// Runs the body on the transaction's connection; compiled once per engine.
macro_rules! on {
    ($tx:expr, $c:ident => $body:expr) => {
        match &mut $tx.inner {
            $crate::db::TxInner::Sqlite(t) => {
                let $c = &mut **t;
                $body
            }
            $crate::db::TxInner::Postgres(t) => {
                let $c = &mut **t;
                $body
            }
        }
    };
}

/// Runs the reading body on a connection of the pool; compiled once per engine.
macro_rules! on_db {
    ($db:expr, $c:ident => $body:expr) => {
        match &$db.inner {
            $crate::db::DbInner::Sqlite { reader: $c, .. } => $body,
            $crate::db::DbInner::Postgres($c) => $body,
        }
    };
}

/// Which database this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// A file beside the program.
    Sqlite,
    /// A server, shared by several processes.
    Postgres,
}

#[derive(Clone)]
pub(crate) enum DbInner {
    Sqlite { writer: SqlitePool, reader: SqlitePool },
    Postgres(PgPool),
}

/// An open database; cheap to clone.
#[derive(Clone)]
pub struct Db {
    pub(crate) inner: DbInner,
    wake: Arc<Wake>,
}

pub(crate) enum TxInner {
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>),
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>),
}

/// A transaction. Dropped without [`Tx::commit`], it is rolled back.
pub struct Tx {
    pub(crate) inner: TxInner,
    wake: Arc<Wake>,
    topics: Topics,
    events: Vec<NewEvent>,
    deeds: Vec<NewEntry>,
}

/// What at most one transaction does at a time. Held until the transaction ends; SQLite needs none of it, since it has
/// one writer.
#[derive(Clone, Copy)]
pub(crate) enum Lock {
    /// Choosing a place by what is promised.
    Placement,
    /// Counting and taking the slots of a cluster.
    Slots(Uuid),
    /// Setting a seal under the audit log.
    Seals,
    /// Deciding about people: their roles, what stands against them, and who owns a project.
    People,
    /// Issuing an invoice.
    Invoices,
    /// Counting consoles and opening one.
    Consoles,
    /// Counting the leases of a wallet and taking on another.
    Leases,
    /// Giving events and the entries of the audit log their numbers.
    Events,
}

impl Lock {
    fn key(self) -> i64 {
        match self {
            Self::Placement => 1,
            Self::Events => 2,
            Self::Seals => 3,
            Self::People => 60,
            Self::Invoices => 4,
            Self::Consoles => 61,
            Self::Leases => 62,
            // The low half of a version 7 id is random: two clusters hardly ever share it, and if so, they only wait.
            Self::Slots(cluster) => cluster.as_u64_pair().1.cast_signed(),
        }
    }
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Db").field(&self.engine()).finish()
    }
}

impl std::fmt::Debug for Tx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Tx").field(&self.engine()).finish()
    }
}

impl Db {
    /// Opens `sqlite:/path/file.db` (made if it is not there) or `postgres://user@host/name`. Does not migrate.
    /// Must be called within a Tokio runtime.
    pub async fn open(url: &str) -> Result<Self, Error> {
        if url.starts_with("sqlite:") {
            open_sqlite(url).await
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let options = url.parse::<PgConnectOptions>()?.application_name("innkeeper");
            let pool = PgPoolOptions::new().max_connections(CONNECTIONS);
            let pool = match pool.connect_with(options.clone()).await {
                // The pool waits for a server that is just starting, but does not say what it waited for.
                Err(sqlx::Error::PoolTimedOut) => {
                    sqlx::ConnectOptions::connect(&options).await?;
                    return Err(sqlx::Error::PoolTimedOut.into());
                }
                other => other?,
            };
            let wake = Arc::new(Wake::listening(url).await?);
            Ok(Self { inner: DbInner::Postgres(pool), wake })
        } else {
            Err(Error::Address("a database address begins with `sqlite:` or `postgres://`"))
        }
    }

    /// Which database this is.
    pub fn engine(&self) -> Engine {
        match self.inner {
            DbInner::Sqlite { .. } => Engine::Sqlite,
            DbInner::Postgres(_) => Engine::Postgres,
        }
    }

    fn migrator(&self) -> &'static Migrator {
        match self.engine() {
            Engine::Sqlite => &SQLITE,
            Engine::Postgres => &POSTGRES,
        }
    }

    /// Applies the migrations that are missing and says how many they were.
    pub async fn migrate(&self) -> Result<usize, Error> {
        let pending = self.pending_migrations().await?;
        match &self.inner {
            DbInner::Sqlite { writer, reader } => {
                self.migrator().run(writer).await?;
                look_again(reader).await?;
            }
            DbInner::Postgres(pool) => self.migrator().run(pool).await?,
        }
        Ok(pending)
    }

    /// How many migrations are missing; changes nothing. [`Error::Newer`] when some are applied that we do not know.
    pub async fn pending_migrations(&self) -> Result<usize, Error> {
        let begun: i64 = match &self.inner {
            // Not by a reader: it would remember the tables as they are, and after a migration take the first row that
            // it reads for one of before.
            DbInner::Sqlite { writer, .. } => {
                let sql = "select count(*) from sqlite_master where name = '_sqlx_migrations'";
                sqlx::query_scalar(sql).fetch_one(writer).await?
            }
            DbInner::Postgres(pool) => {
                let sql = "select count(to_regclass('_sqlx_migrations'))";
                sqlx::query_scalar(sql).fetch_one(pool).await?
            }
        };
        let mut applied: Vec<i64> = Vec::new();
        if begun > 0 {
            let sql = "select version from _sqlx_migrations where success";
            applied = match &self.inner {
                DbInner::Sqlite { writer, .. } => sqlx::query_scalar(sql).fetch_all(writer).await?,
                DbInner::Postgres(pool) => sqlx::query_scalar(sql).fetch_all(pool).await?,
            };
        }
        if applied.iter().any(|version| !self.migrator().version_exists(*version)) {
            return Err(Error::Newer);
        }
        Ok(self.migrator().iter().filter(|m| !applied.contains(&m.version)).count())
    }

    /// Whether no migration was ever applied, so that there is nothing to lose.
    pub async fn is_new(&self) -> Result<bool, Error> {
        Ok(self.pending_migrations().await? == self.migrator().iter().count())
    }

    /// Fails with [`Error::Migrations`] when migrations are missing.
    pub async fn check_migrated(&self) -> Result<(), Error> {
        match self.pending_migrations().await? {
            0 => Ok(()),
            pending => Err(Error::Migrations { pending }),
        }
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), Error> {
        on_db!(self, c => sqlx::query("select 1").execute(c).await.map(drop))?;
        Ok(())
    }

    /// Begins a transaction. On SQLite this waits for the one before it to end.
    pub async fn begin(&self) -> Result<Tx, Error> {
        let inner = match &self.inner {
            DbInner::Sqlite { writer, .. } => TxInner::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?),
            DbInner::Postgres(pool) => TxInner::Postgres(pool.begin().await?),
        };
        Ok(Tx {
            inner,
            wake: Arc::clone(&self.wake),
            topics: Topics::default(),
            events: Vec::new(),
            deeds: Vec::new(),
        })
    }

    /// Counts up whenever there is something to look at, be it from this process or, on PostgreSQL, from another.
    pub fn wakeups(&self, topic: Topic) -> watch::Receiver<u64> {
        self.wake.subscribe(topic)
    }

    /// Ends all connections, after those in use are given back.
    pub async fn close(&self) {
        match &self.inner {
            DbInner::Sqlite { writer, reader } => {
                reader.close().await;
                writer.close().await;
            }
            DbInner::Postgres(pool) => pool.close().await,
        }
    }
}

async fn open_sqlite(url: &str) -> Result<Db, Error> {
    let options: SqliteConnectOptions = url.parse()?;
    if url.contains(":memory:") || url.contains("mode=memory") {
        return Err(Error::Address(
            "an SQLite database in memory cannot be shared by readers and the writer; use a file",
        ));
    }
    make_private(options.get_filename());
    let options = options.foreign_keys(true).busy_timeout(BUSY_TIMEOUT);
    let writer = options
        .clone()
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal);
    // The one connection stays open: a new one would find its place in the queue lost.
    let pool = SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
    let writer = pool.connect_with(writer).await?;
    let reader = options.pragma("query_only", "on");
    let reader = SqlitePoolOptions::new().max_connections(READERS).connect_with(reader).await?;
    Ok(Db { inner: DbInner::Sqlite { writer, reader }, wake: Arc::new(Wake::local()) })
}

/// Has every open reader see the new tables. A connection that knew the old ones prepares a `select *` by these, and
/// stumbles over rows with more columns.
async fn look_again(reader: &SqlitePool) -> Result<(), Error> {
    let mut seen = Vec::new();
    for _ in 0..reader.size() {
        let mut connection = reader.acquire().await?;
        sqlx::query("select count(*) from sqlite_master").fetch_one(&mut *connection).await?;
        seen.push(connection);
    }
    Ok(())
}

/// Makes the file for its owner alone: it holds hashes of passwords. SQLite gives the files beside it the same rights.
/// What cannot be made is reported by whoever opens it.
fn make_private(file: &Path) {
    let mut new = std::fs::OpenOptions::new();
    new.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut new, 0o600);
    let _ = new.open(file);
}

impl Tx {
    fn engine(&self) -> Engine {
        match self.inner {
            TxInner::Sqlite(_) => Engine::Sqlite,
            TxInner::Postgres(_) => Engine::Postgres,
        }
    }

    /// Makes everything true at once, then wakes whoever waits for it.
    pub async fn commit(mut self) -> Result<(), Error> {
        let (events, deeds) = (std::mem::take(&mut self.events), std::mem::take(&mut self.deeds));
        if !events.is_empty() || !deeds.is_empty() {
            self.lock(Lock::Events).await?;
            crate::audit::write(&mut self, &deeds).await?;
            crate::events::write(&mut self, &events).await?;
        }
        let topics = self.topics;
        match self.inner {
            TxInner::Sqlite(t) => t.commit().await?,
            TxInner::Postgres(mut t) => {
                for topic in topics.iter() {
                    let notify = sqlx::query("select pg_notify($1, $2)").bind(CHANNEL);
                    notify.bind(self.wake.message(topic)).execute(&mut *t).await?;
                }
                t.commit().await?;
            }
        }
        topics.iter().for_each(|topic| self.wake.raise(topic));
        Ok(())
    }

    /// Undoes everything.
    pub async fn rollback(self) -> Result<(), Error> {
        match self.inner {
            TxInner::Sqlite(t) => t.rollback().await?,
            TxInner::Postgres(t) => t.rollback().await?,
        }
        Ok(())
    }

    /// Remembers to wake whoever waits for this, once the transaction has committed.
    pub fn wake(&mut self, topic: Topic) {
        self.topics.add(topic);
    }

    /// Remembers an event, to be written when the transaction commits.
    pub(crate) fn remember(&mut self, event: NewEvent) {
        self.events.push(event);
        self.wake(Topic::Events);
    }

    /// Remembers an entry of the audit log, to be written when the transaction commits.
    pub(crate) fn remember_deed(&mut self, entry: NewEntry) {
        self.deeds.push(entry);
    }

    /// Waits until no other transaction holds this lock, and holds it until the end.
    pub(crate) async fn lock(&mut self, lock: Lock) -> Result<(), Error> {
        if let TxInner::Postgres(t) = &mut self.inner {
            let sql = "select pg_advisory_xact_lock($1)";
            sqlx::query(sql).bind(lock.key()).execute(&mut **t).await?;
        }
        Ok(())
    }

    /// The end of a `select` that locks its rows. Rows that others only point at stay free: the weaker lock is enough
    /// to keep writers out.
    pub(crate) fn for_update(&self) -> &'static str {
        match self.inner {
            TxInner::Sqlite(_) => "",
            TxInner::Postgres(_) => "for no key update",
        }
    }

    /// The same, leaving out rows that somebody else has locked.
    pub(crate) fn for_update_skip_locked(&self) -> &'static str {
        match self.inner {
            TxInner::Sqlite(_) => "",
            TxInner::Postgres(_) => "for no key update skip locked",
        }
    }
}
