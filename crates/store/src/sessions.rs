//! Rows of sessions, found by the SHA-256 of their token: the token itself is kept nowhere.

use innkeeper_domain::ids::{SessionId, UserId};
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::users::{Session, User};
use uuid::Uuid;

use crate::{Db, Error, Tx, users};

#[derive(sqlx::FromRow)]
struct SessionRow {
    id: Uuid,
    user_id: Uuid,
    created_at: i64,
    expires_at: i64,
}

impl SessionRow {
    fn read(self) -> Session {
        Session {
            id: SessionId(self.id),
            user_id: UserId(self.user_id),
            created_at: Timestamp(self.created_at),
            expires_at: Timestamp(self.expires_at),
        }
    }
}

/// Adds a session under the hash of its token.
pub async fn insert(tx: &mut Tx, session: &Session, token_hash: &[u8]) -> Result<(), Error> {
    let sql =
        "insert into sessions (id, user_id, token_hash, created_at, expires_at) values ($1, $2, $3, $4, $5)";
    on!(tx, c => sqlx::query(sql)
        .bind(session.id.0).bind(session.user_id.0).bind(token_hash)
        .bind(session.created_at.0).bind(session.expires_at.0)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// The session with this token and its user, unless it has expired.
pub async fn by_token(db: &Db, token_hash: &[u8], now: Timestamp) -> Result<Option<(Session, User)>, Error> {
    let sql = "select * from sessions where token_hash = $1 and expires_at > $2";
    let row: Option<SessionRow> =
        on_db!(db, c => sqlx::query_as(sql).bind(token_hash).bind(now.0).fetch_optional(c).await)?;
    let Some(session) = row.map(SessionRow::read) else { return Ok(None) };
    Ok(users::by_id(db, session.user_id).await?.map(|user| (session, user)))
}

/// A user's sessions that have not expired, newest first.
pub async fn list_of(db: &Db, user: UserId, now: Timestamp) -> Result<Vec<Session>, Error> {
    let sql = "select * from sessions where user_id = $1 and expires_at > $2 order by id desc";
    let rows: Vec<SessionRow> =
        on_db!(db, c => sqlx::query_as(sql).bind(user.0).bind(now.0).fetch_all(c).await)?;
    Ok(rows.into_iter().map(SessionRow::read).collect())
}

/// Ends a session of this user; false when they have no such session.
pub async fn delete(tx: &mut Tx, user: UserId, session: SessionId) -> Result<bool, Error> {
    let sql = "delete from sessions where id = $1 and user_id = $2";
    let n = on!(tx, c => sqlx::query(sql).bind(session.0).bind(user.0).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n > 0)
}

/// Ends the session with this token; false when there is none.
pub async fn delete_by_token(tx: &mut Tx, token_hash: &[u8]) -> Result<bool, Error> {
    let sql = "delete from sessions where token_hash = $1";
    let n = on!(tx, c => sqlx::query(sql).bind(token_hash).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n > 0)
}

/// Removes sessions that have expired and says how many.
pub async fn delete_expired(tx: &mut Tx, now: Timestamp) -> Result<u64, Error> {
    let sql = "delete from sessions where expires_at <= $1";
    Ok(on!(tx, c => sqlx::query(sql).bind(now.0).execute(c).await.map(|r| r.rows_affected()))?)
}

/// Ends the sessions of this user that were opened until then.
pub async fn delete_until(tx: &mut Tx, user: UserId, at: Timestamp) -> Result<(), Error> {
    let sql = "delete from sessions where user_id = $1 and created_at <= $2";
    on!(tx, c => sqlx::query(sql).bind(user.0).bind(at.0).execute(c).await.map(drop))?;
    Ok(())
}
