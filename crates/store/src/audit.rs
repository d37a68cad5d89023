//! The audit log and its seals.
//!
//! Like events, entries get their numbers when their transaction commits, under one lock: whoever seals up to the
//! newest number leaves nothing behind that commits later with a smaller one.

use innkeeper_domain::audit::{Deed, Doer, Entry, Seal};
use innkeeper_domain::ids::{ProjectId, UserId};
use innkeeper_domain::time::Timestamp;
use uuid::Uuid;

use crate::columns::{Columns, json};
use crate::seal::Sealed;
use crate::{Db, Error, Tx};

/// An entry that has no number yet.
pub(crate) struct NewEntry {
    at: Timestamp,
    doer: Doer,
    deed: Deed,
}

#[derive(sqlx::FromRow)]
struct EntryRow {
    seq: i64,
    at: i64,
    user_id: Option<Uuid>,
    means: String,
    proof_id: Option<String>,
    impersonator: Option<Uuid>,
    address: Option<String>,
    action: String,
    object: String,
    project_id: Option<Uuid>,
    before: String,
    after: String,
    outcome: String,
}

impl EntryRow {
    fn read(self) -> Result<Entry, Error> {
        let columns = Columns("audit");
        Ok(Entry {
            seq: self.seq,
            at: Timestamp(self.at),
            doer: Doer {
                user_id: self.user_id.map(UserId),
                means: columns.word("means", &self.means)?,
                proof_id: self.proof_id,
                impersonator: self.impersonator.map(UserId),
                address: columns.word_if("address", self.address.as_deref())?,
            },
            deed: Deed {
                action: self.action,
                object: self.object,
                project_id: self.project_id.map(ProjectId),
                before: columns.json("before", &self.before)?,
                after: columns.json("after", &self.after)?,
                outcome: columns.word("outcome", &self.outcome)?,
            },
        })
    }
}

/// Says who did what. The row is written by the commit, which fails if it cannot be: nothing is done unrecorded.
pub fn append(tx: &mut Tx, at: Timestamp, doer: &Doer, deed: Deed) {
    tx.remember_deed(NewEntry { at, doer: doer.clone(), deed });
}

/// Writes what was appended; the caller holds the lock.
pub(crate) async fn write(tx: &mut Tx, entries: &[NewEntry]) -> Result<(), Error> {
    let sql =
        "insert into audit (at, user_id, means, proof_id, impersonator, address, action, object, project_id,
            before, after, outcome)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    for NewEntry { at, doer, deed } in entries {
        let address = doer.address.map(|address| address.to_string());
        let (before, after) = (json(&deed.before)?, json(&deed.after)?);
        on!(tx, c => sqlx::query(sql)
            .bind(at.0).bind(doer.user_id.map(|id| id.0)).bind(doer.means.as_str()).bind(doer.proof_id.as_deref())
            .bind(doer.impersonator.map(|id| id.0)).bind(address.as_deref()).bind(deed.action.as_str())
            .bind(deed.object.as_str()).bind(deed.project_id.map(|id| id.0)).bind(before.as_str())
            .bind(after.as_str()).bind(deed.outcome.as_str())
            .execute(c).await.map(drop))?;
    }
    Ok(())
}

/// Which entries to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only those by this user, or by an administrator who acted for them.
    pub user_id: Option<UserId>,
    /// Only those about what is this project's.
    pub project_id: Option<ProjectId>,
    /// Only those about this thing.
    pub object: Option<String>,
    /// Only those of this action, or of this noun (`instance` for `instance.start`).
    pub action: Option<String>,
}

/// Entries, newest first, those with a smaller number than `before`.
pub async fn list(db: &Db, filter: &Filter, before: Option<i64>, limit: i64) -> Result<Vec<Entry>, Error> {
    let sql = "select * from audit
        where ($1 is null or user_id = $1 or impersonator = $1) and ($2 is null or project_id = $2)
            and ($3 is null or object = $3)
            and ($4 is null or action = $4 or substr(action, 1, length($4) + 1) = $4 || '.')
            and ($5 is null or seq < $5)
        order by seq desc limit $6";
    let rows: Vec<EntryRow> = on_db!(db, c => sqlx::query_as(sql)
        .bind(filter.user_id.map(|id| id.0)).bind(filter.project_id.map(|id| id.0))
        .bind(filter.object.as_deref()).bind(filter.action.as_deref()).bind(before).bind(limit)
        .fetch_all(c).await)?;
    rows.into_iter().map(EntryRow::read).collect()
}

/// Entries from this number to that one, oldest first, for sealing and for checking seals.
pub async fn between(db: &Db, first: i64, last: i64, limit: i64) -> Result<Vec<Entry>, Error> {
    let sql = "select * from audit where seq between $1 and $2 order by seq limit $3";
    let rows: Vec<EntryRow> =
        on_db!(db, c => sqlx::query_as(sql).bind(first).bind(last).bind(limit).fetch_all(c).await)?;
    rows.into_iter().map(EntryRow::read).collect()
}

/// The same, within a transaction.
pub async fn between_tx(tx: &mut Tx, first: i64, last: i64, limit: i64) -> Result<Vec<Entry>, Error> {
    let sql = "select * from audit where seq between $1 and $2 order by seq limit $3";
    let rows: Vec<EntryRow> =
        on!(tx, c => sqlx::query_as(sql).bind(first).bind(last).bind(limit).fetch_all(c).await)?;
    rows.into_iter().map(EntryRow::read).collect()
}

/// A seal as kept: with its hash once more under the house's key, so that nobody without that key can make one.
#[derive(Clone, Debug)]
pub struct KeptSeal {
    /// The seal.
    pub seal: Seal,
    /// Its hash, sealed by the key ring.
    pub mac: Sealed,
    /// When the entries under it were removed for their age; none while they are there.
    pub removed_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct SealRow {
    first: i64,
    last: i64,
    count: i64,
    hash: Vec<u8>,
    mac: String,
    at: i64,
    removed_at: Option<i64>,
}

impl SealRow {
    fn read(self) -> KeptSeal {
        let Self { first, last, count, hash, mac, at, removed_at } = self;
        let seal = Seal { first, last, count, hash, at: Timestamp(at) };
        KeptSeal { seal, mac: Sealed::from_text(mac), removed_at: removed_at.map(Timestamp) }
    }
}

/// The newest seal, held so that nobody else sets one until the transaction ends.
pub async fn last_seal(tx: &mut Tx) -> Result<Option<KeptSeal>, Error> {
    tx.lock(crate::db::Lock::Seals).await?;
    let sql = "select * from audit_seals order by first desc limit 1";
    let row: Option<SealRow> = on!(tx, c => sqlx::query_as(sql).fetch_optional(c).await)?;
    Ok(row.map(SealRow::read))
}

/// Sets a seal.
pub async fn set_seal(tx: &mut Tx, seal: &Seal, mac: &Sealed) -> Result<(), Error> {
    let sql = "insert into audit_seals (first, last, count, hash, mac, at) values ($1, $2, $3, $4, $5, $6)";
    on!(tx, c => sqlx::query(sql)
        .bind(seal.first).bind(seal.last).bind(seal.count).bind(seal.hash.as_slice()).bind(mac.as_str())
        .bind(seal.at.0).execute(c).await.map(drop))?;
    Ok(())
}

/// Seals after this number, oldest first.
pub async fn seals(db: &Db, after: i64, limit: i64) -> Result<Vec<KeptSeal>, Error> {
    let sql = "select * from audit_seals where first > $1 order by first limit $2";
    let rows: Vec<SealRow> = on_db!(db, c => sqlx::query_as(sql).bind(after).bind(limit).fetch_all(c).await)?;
    Ok(rows.into_iter().map(SealRow::read).collect())
}

/// Keeps the same hash under another key.
pub async fn reseal(tx: &mut Tx, first: i64, mac: &Sealed) -> Result<(), Error> {
    let sql = "update audit_seals set mac = $2 where first = $1";
    on!(tx, c => sqlx::query(sql).bind(first).bind(mac.as_str()).execute(c).await.map(drop))?;
    Ok(())
}

/// Removes the entries under seals that were set before this, and says how many. The seals stay, so that the chain
/// does.
pub async fn prune(tx: &mut Tx, before: Timestamp, now: Timestamp) -> Result<u64, Error> {
    tx.lock(crate::db::Lock::Seals).await?;
    let sql = "update audit_seals set removed_at = $2 where at < $1 and removed_at is null";
    on!(tx, c => sqlx::query(sql).bind(before.0).bind(now.0).execute(c).await.map(drop))?;
    let sql = "delete from audit
        where seq <= (select coalesce(max(last), 0) from audit_seals where removed_at is not null)";
    Ok(on!(tx, c => sqlx::query(sql).execute(c).await.map(|r| r.rows_affected()))?)
}
