//! Rows of keys, found by the SHA-256 of their token: the token itself is kept nowhere.

use innkeeper_domain::ids::{KeyId, ProjectId, UserId};
use innkeeper_domain::keys::Key;
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::users::User;
use uuid::Uuid;

use crate::columns::{Columns, json};
use crate::{Db, Error, Tx, users};

#[derive(sqlx::FromRow)]
struct KeyRow {
    id: Uuid,
    user_id: Uuid,
    name: String,
    scopes: String,
    project_id: Option<Uuid>,
    ranges: String,
    created_at: i64,
    expires_at: Option<i64>,
    last_used_at: Option<i64>,
}

impl KeyRow {
    fn read(self) -> Result<Key, Error> {
        let columns = Columns("api_keys");
        Ok(Key {
            id: KeyId(self.id),
            user_id: UserId(self.user_id),
            name: columns.word("name", &self.name)?,
            scopes: columns.json("scopes", &self.scopes)?,
            project_id: self.project_id.map(ProjectId),
            ranges: columns.json("ranges", &self.ranges)?,
            created_at: Timestamp(self.created_at),
            expires_at: self.expires_at.map(Timestamp),
            last_used_at: self.last_used_at.map(Timestamp),
        })
    }
}

/// Adds a key under the hash of its token.
pub async fn insert(tx: &mut Tx, key: &Key, token_hash: &[u8]) -> Result<(), Error> {
    let sql = "insert into api_keys
            (id, user_id, name, token_hash, scopes, project_id, ranges, created_at, expires_at, last_used_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let (scopes, ranges) = (json(&key.scopes)?, json(&key.ranges)?);
    on!(tx, c => sqlx::query(sql)
        .bind(key.id.0).bind(key.user_id.0).bind(key.name.as_str()).bind(token_hash).bind(scopes.as_str())
        .bind(key.project_id.map(|id| id.0)).bind(ranges.as_str()).bind(key.created_at.0)
        .bind(key.expires_at.map(|at| at.0)).bind(key.last_used_at.map(|at| at.0))
        .execute(c).await.map(drop))?;
    Ok(())
}

/// The key with this token and its user, unless it has expired.
pub async fn by_token(db: &Db, token_hash: &[u8], now: Timestamp) -> Result<Option<(Key, User)>, Error> {
    let sql = "select * from api_keys where token_hash = $1 and (expires_at is null or expires_at > $2)";
    let row: Option<KeyRow> =
        on_db!(db, c => sqlx::query_as(sql).bind(token_hash).bind(now.0).fetch_optional(c).await)?;
    let Some(key) = row.map(KeyRow::read).transpose()? else { return Ok(None) };
    Ok(users::by_id(db, key.user_id).await?.map(|user| (key, user)))
}

/// A key and its user, unless it has expired.
pub async fn by_id(db: &Db, id: KeyId, now: Timestamp) -> Result<Option<(Key, User)>, Error> {
    let sql = "select * from api_keys where id = $1 and (expires_at is null or expires_at > $2)";
    let row: Option<KeyRow> =
        on_db!(db, c => sqlx::query_as(sql).bind(id.0).bind(now.0).fetch_optional(c).await)?;
    let Some(key) = row.map(KeyRow::read).transpose()? else { return Ok(None) };
    Ok(users::by_id(db, key.user_id).await?.map(|user| (key, user)))
}

/// A user's keys, newest first; those that have expired are among them until they are removed.
pub async fn list_of(db: &Db, user: UserId) -> Result<Vec<Key>, Error> {
    let sql = "select * from api_keys where user_id = $1 order by id desc";
    let rows: Vec<KeyRow> = on_db!(db, c => sqlx::query_as(sql).bind(user.0).fetch_all(c).await)?;
    rows.into_iter().map(KeyRow::read).collect()
}

/// How many keys a user has.
pub async fn count_of(tx: &mut Tx, user: UserId) -> Result<i64, Error> {
    let sql = "select count(*) from api_keys where user_id = $1";
    Ok(on!(tx, c => sqlx::query_scalar(sql).bind(user.0).fetch_one(c).await)?)
}

/// Writes down that a key was used.
pub async fn note_use(tx: &mut Tx, id: KeyId, now: Timestamp) -> Result<(), Error> {
    let sql = "update api_keys set last_used_at = $2
        where id = $1 and (last_used_at is null or last_used_at < $2)";
    on!(tx, c => sqlx::query(sql).bind(id.0).bind(now.0).execute(c).await.map(drop))?;
    Ok(())
}

/// Ends a key of this user; false when they have no such key.
pub async fn delete(tx: &mut Tx, user: UserId, id: KeyId) -> Result<bool, Error> {
    let sql = "delete from api_keys where id = $1 and user_id = $2";
    let n =
        on!(tx, c => sqlx::query(sql).bind(id.0).bind(user.0).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n == 1)
}

/// Ends all keys of a user.
pub async fn delete_of(tx: &mut Tx, user: UserId) -> Result<(), Error> {
    let sql = "delete from api_keys where user_id = $1";
    on!(tx, c => sqlx::query(sql).bind(user.0).execute(c).await.map(drop))?;
    Ok(())
}

/// Removes keys that expired before this and says how many.
pub async fn delete_expired(tx: &mut Tx, before: Timestamp) -> Result<u64, Error> {
    let sql = "delete from api_keys where expires_at <= $1";
    Ok(on!(tx, c => sqlx::query(sql).bind(before.0).execute(c).await.map(|r| r.rows_affected()))?)
}
