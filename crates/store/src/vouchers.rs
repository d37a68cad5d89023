//! Rows of vouchers. A code is kept as a hash only.

use innkeeper_domain::ids::{ProjectId, UserId, VoucherId};
use innkeeper_domain::money::Micros;
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::vouchers::Voucher;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::error::{Unique, explain};
use crate::{Db, Error, Tx};

const UNIQUE: &[Unique] =
    &[Unique { index: "vouchers_code", columns: "vouchers.code_hash", what: "voucher code" }];

#[derive(sqlx::FromRow)]
struct VoucherRow {
    id: Uuid,
    hint: String,
    amount: i64,
    uses: i64,
    used: i64,
    expires_at: Option<i64>,
    note: Option<String>,
    withdrawn_at: Option<i64>,
    created_by: Option<Uuid>,
    created_at: i64,
}

impl From<VoucherRow> for Voucher {
    fn from(row: VoucherRow) -> Self {
        Self {
            id: VoucherId(row.id),
            hint: row.hint,
            amount: Micros(row.amount),
            uses: row.uses,
            used: row.used,
            expires_at: row.expires_at.map(Timestamp),
            note: row.note,
            withdrawn_at: row.withdrawn_at.map(Timestamp),
            created_by: row.created_by.map(UserId),
            created_at: Timestamp(row.created_at),
        }
    }
}

const COLUMNS: &str = "id, hint, amount, uses, used, expires_at, note, withdrawn_at, created_by, created_at";

/// Adds a voucher. [`Error::Conflict`] `voucher code` when there is one with that code.
pub async fn insert(tx: &mut Tx, voucher: &Voucher, code_hash: &[u8]) -> Result<(), Error> {
    let sql = "insert into vouchers (id, code_hash, hint, amount, uses, used, expires_at, note, withdrawn_at,
            created_by, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    let v = voucher;
    on!(tx, c => sqlx::query(sql)
        .bind(v.id.0).bind(code_hash).bind(v.hint.as_str()).bind(v.amount.0).bind(v.uses).bind(v.used)
        .bind(v.expires_at.map(|at| at.0)).bind(v.note.as_deref()).bind(v.withdrawn_at.map(|at| at.0))
        .bind(v.created_by.map(|user| user.0)).bind(v.created_at.0)
        .execute(c).await.map(drop))
    .map_err(|error| explain(error, UNIQUE))
}

/// The voucher with this code; nobody else redeems it until the transaction ends.
pub async fn by_code_tx(tx: &mut Tx, code_hash: &[u8]) -> Result<Option<Voucher>, Error> {
    let sql = format!("select {COLUMNS} from vouchers where code_hash = $1 {}", tx.for_update());
    let row: Option<VoucherRow> =
        on!(tx, c => sqlx::query_as(AssertSqlSafe(sql)).bind(code_hash).fetch_optional(c).await)?;
    Ok(row.map(Voucher::from))
}

/// Vouchers, newest first, those before (older than) `after`.
pub async fn list(db: &Db, after: Option<VoucherId>, limit: i64) -> Result<Vec<Voucher>, Error> {
    let sql = "select id, hint, amount, uses, used, expires_at, note, withdrawn_at, created_by, created_at
        from vouchers where $1 is null or id < $1 order by id desc limit $2";
    let rows: Vec<VoucherRow> = on_db!(db, c => sqlx::query_as(sql)
        .bind(after.map(|id| id.0)).bind(limit).fetch_all(c).await)?;
    Ok(rows.into_iter().map(Voucher::from).collect())
}

/// The voucher with this id.
pub async fn by_id(db: &Db, id: VoucherId) -> Result<Option<Voucher>, Error> {
    let sql = "select id, hint, amount, uses, used, expires_at, note, withdrawn_at, created_by, created_at
        from vouchers where id = $1";
    let row: Option<VoucherRow> = on_db!(db, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    Ok(row.map(Voucher::from))
}

/// Takes a voucher back; false when there is none, or it was taken back before.
pub async fn withdraw(tx: &mut Tx, id: VoucherId, at: Timestamp) -> Result<bool, Error> {
    let sql = "update vouchers set withdrawn_at = $2 where id = $1 and withdrawn_at is null";
    let n = on!(tx, c => sqlx::query(sql).bind(id.0).bind(at.0).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n > 0)
}

/// Uses a voucher once for a project; false when that project did before, and when all its uses are used. Whatever the
/// caller has checked, the row itself decides.
pub async fn redeem(
    tx: &mut Tx,
    id: VoucherId,
    project: ProjectId,
    by: Option<UserId>,
    at: Timestamp,
) -> Result<bool, Error> {
    let sql = "insert into voucher_redemptions (voucher_id, project_id, by_user, at) values ($1, $2, $3, $4)
        on conflict do nothing";
    let first = on!(tx, c => sqlx::query(sql).bind(id.0).bind(project.0).bind(by.map(|user| user.0)).bind(at.0)
        .execute(c).await.map(|r| r.rows_affected()))?;
    if first == 0 {
        return Ok(false);
    }
    let sql = "update vouchers set used = used + 1 where id = $1 and used < uses";
    let used = on!(tx, c => sqlx::query(sql).bind(id.0).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(used > 0)
}

/// Who redeemed a voucher, and when, oldest first.
pub async fn redemptions(
    db: &Db,
    id: VoucherId,
) -> Result<Vec<(ProjectId, Option<UserId>, Timestamp)>, Error> {
    let sql = "select project_id, by_user, at from voucher_redemptions where voucher_id = $1 order by at, project_id";
    let rows: Vec<(Uuid, Option<Uuid>, i64)> =
        on_db!(db, c => sqlx::query_as(sql).bind(id.0).fetch_all(c).await)?;
    Ok(rows.into_iter().map(|(p, by, at)| (ProjectId(p), by.map(UserId), Timestamp(at))).collect())
}

/// Notes that somebody typed what is no code, and forgets what they typed before `forget`.
pub async fn missed(tx: &mut Tx, user: UserId, at: Timestamp, forget: Timestamp) -> Result<(), Error> {
    let sql = "delete from voucher_misses where user_id = $1 and at < $2";
    on!(tx, c => sqlx::query(sql).bind(user.0).bind(forget.0).execute(c).await.map(drop))?;
    let sql = "insert into voucher_misses (id, user_id, at) values ($1, $2, $3)";
    on!(tx, c => sqlx::query(sql).bind(Uuid::now_v7()).bind(user.0).bind(at.0).execute(c).await.map(drop))?;
    Ok(())
}

/// How often somebody typed what is no code since then.
pub async fn misses(db: &Db, user: UserId, since: Timestamp) -> Result<i64, Error> {
    let sql = "select count(*) from voucher_misses where user_id = $1 and at >= $2";
    Ok(on_db!(db, c => sqlx::query_scalar(sql).bind(user.0).bind(since.0).fetch_one(c).await)?)
}
