//! Rows of the sessions in which administrators act for users, found by the SHA-256 of their token.

use innkeeper_domain::ids::{SessionId, UserId};
use innkeeper_domain::impersonations::Impersonation;
use innkeeper_domain::time::Timestamp;
use uuid::Uuid;

use crate::columns::Columns;
use crate::{Db, Error, Tx};

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    user_id: Uuid,
    by_user: Uuid,
    reason: String,
    created_at: i64,
    expires_at: i64,
}

impl Row {
    fn read(self) -> Result<Impersonation, Error> {
        Ok(Impersonation {
            id: SessionId(self.id),
            user_id: UserId(self.user_id),
            by: UserId(self.by_user),
            reason: Columns("impersonations").word("reason", &self.reason)?,
            created_at: Timestamp(self.created_at),
            expires_at: Timestamp(self.expires_at),
        })
    }
}

/// Adds one under the hash of its token.
pub async fn insert(tx: &mut Tx, new: &Impersonation, token_hash: &[u8]) -> Result<(), Error> {
    let sql = "insert into impersonations (id, user_id, by_user, reason, token_hash, created_at, expires_at)
        values ($1, $2, $3, $4, $5, $6, $7)";
    on!(tx, c => sqlx::query(sql)
        .bind(new.id.0).bind(new.user_id.0).bind(new.by.0).bind(new.reason.as_str()).bind(token_hash)
        .bind(new.created_at.0).bind(new.expires_at.0)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// The one with this token, unless it has expired.
pub async fn by_token(db: &Db, token_hash: &[u8], now: Timestamp) -> Result<Option<Impersonation>, Error> {
    let sql = "select * from impersonations where token_hash = $1 and expires_at > $2";
    let row: Option<Row> =
        on_db!(db, c => sqlx::query_as(sql).bind(token_hash).bind(now.0).fetch_optional(c).await)?;
    row.map(Row::read).transpose()
}

/// One, unless it has expired.
pub async fn by_id(db: &Db, id: SessionId, now: Timestamp) -> Result<Option<Impersonation>, Error> {
    let sql = "select * from impersonations where id = $1 and expires_at > $2";
    let row: Option<Row> =
        on_db!(db, c => sqlx::query_as(sql).bind(id.0).bind(now.0).fetch_optional(c).await)?;
    row.map(Row::read).transpose()
}

/// Those that have not ended, newest first.
pub async fn list(db: &Db, now: Timestamp) -> Result<Vec<Impersonation>, Error> {
    let sql = "select * from impersonations where expires_at > $1 order by id desc";
    let rows: Vec<Row> = on_db!(db, c => sqlx::query_as(sql).bind(now.0).fetch_all(c).await)?;
    rows.into_iter().map(Row::read).collect()
}

/// Ends one and gives what it was; none when there is no such.
pub async fn delete(tx: &mut Tx, id: SessionId) -> Result<Option<Impersonation>, Error> {
    let sql = "delete from impersonations where id = $1 returning *";
    let row: Option<Row> = on!(tx, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    row.map(Row::read).transpose()
}

/// Ends all in which this user acts, or is acted for.
pub async fn delete_of(tx: &mut Tx, user: UserId) -> Result<u64, Error> {
    let sql = "delete from impersonations where user_id = $1 or by_user = $1";
    Ok(on!(tx, c => sqlx::query(sql).bind(user.0).execute(c).await.map(|r| r.rows_affected()))?)
}

/// Ends all in which this administrator acts for somebody.
pub async fn delete_by(tx: &mut Tx, admin: UserId) -> Result<(), Error> {
    let sql = "delete from impersonations where by_user = $1";
    on!(tx, c => sqlx::query(sql).bind(admin.0).execute(c).await.map(drop))?;
    Ok(())
}

/// Removes those that have expired and says how many.
pub async fn delete_expired(tx: &mut Tx, now: Timestamp) -> Result<u64, Error> {
    let sql = "delete from impersonations where expires_at <= $1";
    Ok(on!(tx, c => sqlx::query(sql).bind(now.0).execute(c).await.map(|r| r.rows_affected()))?)
}
