//! What can go wrong between the product and its database.

use innkeeper_domain::ledger::BadPosting;
use innkeeper_domain::money::Micros;

/// Why a row could not be read or written. After any error inside a transaction, roll it back: PostgreSQL refuses
/// everything that follows.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else has what must be unique; the word says what (`email`, `name`, `vmid`, …).
    #[error("this {0} is taken")]
    Conflict(&'static str),
    /// A row holds what we never write.
    #[error("{table}.{column} holds `{text}`, which cannot be read")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// What it holds, cut to 80 characters.
        text: String,
    },
    /// An account would fall below its floor. Amounts are micro-credits.
    #[error("{needed} credits are needed, and {available} are there")]
    Insufficient {
        /// What was to be taken.
        needed: Micros,
        /// What is there.
        available: Micros,
    },
    /// A posting that cannot be.
    #[error("the ledger takes no such posting: {0}")]
    Posting(#[from] BadPosting),
    /// The database is older than this program.
    #[error("the database lacks {pending} migration(s); run `innkeeper migrate`")]
    Migrations {
        /// How many have not been applied.
        pending: usize,
    },
    /// The database is newer than this program.
    #[error(
        "a newer version of this program has migrated the database; run that version, or restore a backup from before"
    )]
    Newer,
    /// A migration failed, or the database was migrated by another version of this program.
    #[error("cannot migrate the database: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The address names no database that we speak.
    #[error("{0}")]
    Address(&'static str),
    /// The database refused, or did not answer.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
}

/// A unique index and what a violation of it means to the caller.
pub(crate) struct Unique {
    /// The index, as PostgreSQL names it.
    pub(crate) index: &'static str,
    /// The columns, as SQLite names them; or the index, where it covers an expression.
    pub(crate) columns: &'static str,
    /// What is taken.
    pub(crate) what: &'static str,
}

/// Turns a violation of one of these indexes into a conflict.
pub(crate) fn explain(error: sqlx::Error, unique: &[Unique]) -> Error {
    let found = error.as_database_error().filter(|e| e.is_unique_violation()).and_then(|e| {
        let text = e.message();
        unique.iter().find(|u| e.constraint() == Some(u.index) || text.ends_with(u.columns))
    });
    match found {
        Some(unique) => Error::Conflict(unique.what),
        None => error.into(),
    }
}
