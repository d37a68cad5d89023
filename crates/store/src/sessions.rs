//! Rows of sessions and of their access tokens, found by the SHA-256 of what their holder shows: no token is kept.
//!
//! Every refresh token of a session begins with the same random part. Its hash finds the session, so that a token that
//! was replaced long ago is still recognised as one of this family, and nobody can name a family that they are not in.

use std::net::IpAddr;

use innkeeper_domain::ids::{SessionId, UserId};
use innkeeper_domain::sessions::{Link, Session};
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::users::User;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::columns::Columns;
use crate::{Db, Error, Tx, users};

#[derive(sqlx::FromRow)]
struct SessionRow {
    id: Uuid,
    user_id: Uuid,
    method: String,
    address: Option<String>,
    user_agent: Option<String>,
    newest_hash: Vec<u8>,
    replaced_hash: Option<Vec<u8>>,
    replaced_at: Option<i64>,
    salt: Option<Vec<u8>>,
    created_at: i64,
    last_used_at: i64,
    expires_at: i64,
}

impl SessionRow {
    fn read(&self) -> Result<Session, Error> {
        let columns = Columns("sessions");
        Ok(Session {
            id: SessionId(self.id),
            user_id: UserId(self.user_id),
            method: columns.word("method", &self.method)?,
            address: columns.word_if("address", self.address.as_deref())?,
            user_agent: self.user_agent.clone(),
            created_at: Timestamp(self.created_at),
            last_used_at: Timestamp(self.last_used_at),
            expires_at: Timestamp(self.expires_at),
        })
    }
}

/// The hashes of a family's first tokens.
#[derive(Clone, Copy, Debug)]
pub struct FirstTokens<'a> {
    /// Of the part that all refresh tokens of the family share.
    pub family: &'a [u8],
    /// Of the first refresh token.
    pub refresh: &'a [u8],
}

/// Adds a session under the hashes of its first tokens.
pub async fn insert(tx: &mut Tx, session: &Session, tokens: FirstTokens<'_>) -> Result<(), Error> {
    let sql = "insert into sessions
            (id, user_id, method, address, user_agent, family_hash, newest_hash, created_at, last_used_at, expires_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    on!(tx, c => sqlx::query(sql)
        .bind(session.id.0).bind(session.user_id.0).bind(session.method.as_str())
        .bind(session.address.map(|address| address.to_string())).bind(session.user_agent.as_deref())
        .bind(tokens.family).bind(tokens.refresh)
        .bind(session.created_at.0).bind(session.last_used_at.0).bind(session.expires_at.0)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Lets an access token stand for the session until then. Giving out the same one again changes nothing.
pub async fn insert_access(
    tx: &mut Tx,
    session: SessionId,
    token_hash: &[u8],
    expires_at: Timestamp,
) -> Result<(), Error> {
    let sql = "insert into access_tokens (token_hash, session_id, expires_at) values ($1, $2, $3)
        on conflict (token_hash) do nothing";
    on!(tx, c => sqlx::query(sql)
        .bind(token_hash).bind(session.0).bind(expires_at.0).execute(c).await.map(drop))?;
    Ok(())
}

/// A session as its refresh tokens see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// The session.
    pub session: Session,
    /// Which link the token shown is.
    pub link: Link,
    /// From what the successor of the token shown was made, if that is [`Link::Replaced`].
    pub salt: Option<Vec<u8>>,
}

/// The session of this family, unless it has expired; locked until the transaction ends.
pub async fn family(
    tx: &mut Tx,
    family_hash: &[u8],
    refresh_hash: &[u8],
    now: Timestamp,
) -> Result<Option<Family>, Error> {
    let lock = tx.for_update();
    let sql = AssertSqlSafe(format!(
        "select id, user_id, method, address, user_agent, newest_hash, replaced_hash, replaced_at, salt,
            created_at, last_used_at, expires_at
        from sessions where family_hash = $1 and expires_at > $2 {lock}"
    ));
    let row: Option<SessionRow> =
        on!(tx, c => sqlx::query_as(sql).bind(family_hash).bind(now.0).fetch_optional(c).await)?;
    let Some(row) = row else { return Ok(None) };
    let session = row.read()?;
    let link = match row.replaced_at {
        _ if row.newest_hash == refresh_hash => Link::Newest,
        Some(at) if row.replaced_hash.as_deref() == Some(refresh_hash) => Link::Replaced(Timestamp(at)),
        _ => Link::Old,
    };
    Ok(Some(Family { session, link, salt: row.salt }))
}

/// Whether a session that has not expired is of this family.
pub async fn is_family(db: &Db, family_hash: &[u8], now: Timestamp) -> Result<bool, Error> {
    let sql = "select count(*) from sessions where family_hash = $1 and expires_at > $2";
    let n: i64 = on_db!(db, c => sqlx::query_scalar(sql).bind(family_hash).bind(now.0).fetch_one(c).await)?;
    Ok(n > 0)
}

/// What a refresh changes.
#[derive(Clone, Copy, Debug)]
pub struct Rotation<'a> {
    /// Hash of the token that was shown.
    pub shown: &'a [u8],
    /// Hash of its successor.
    pub successor: &'a [u8],
    /// From what the successor was made, together with the token itself.
    pub salt: &'a [u8],
    /// Now.
    pub at: Timestamp,
    /// When the session ends unless it is refreshed again.
    pub expires_at: Timestamp,
    /// Whence it came.
    pub address: Option<IpAddr>,
    /// What the client says it is.
    pub user_agent: Option<&'a str>,
}

/// Replaces the newest refresh token of a session that [`family`] has locked; false when it is not the newest.
pub async fn rotate(tx: &mut Tx, session: SessionId, new: &Rotation<'_>) -> Result<bool, Error> {
    let sql = "update sessions set newest_hash = $3, replaced_hash = $2, replaced_at = $5, salt = $4,
            last_used_at = $5, expires_at = $6, address = coalesce($7, address), user_agent = coalesce($8, user_agent)
        where id = $1 and newest_hash = $2";
    let n = on!(tx, c => sqlx::query(sql)
        .bind(session.0).bind(new.shown).bind(new.successor).bind(new.salt).bind(new.at.0)
        .bind(new.expires_at.0).bind(new.address.map(|address| address.to_string())).bind(new.user_agent)
        .execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n == 1)
}

/// The session for which this access token stands, and its user, unless either has expired.
pub async fn by_access(db: &Db, token_hash: &[u8], now: Timestamp) -> Result<Option<(Session, User)>, Error> {
    let sql = "select s.* from access_tokens a join sessions s on s.id = a.session_id
        where a.token_hash = $1 and a.expires_at > $2 and s.expires_at > $2";
    let row: Option<SessionRow> =
        on_db!(db, c => sqlx::query_as(sql).bind(token_hash).bind(now.0).fetch_optional(c).await)?;
    let Some(session) = row.map(|row| row.read()).transpose()? else { return Ok(None) };
    Ok(users::by_id(db, session.user_id).await?.map(|user| (session, user)))
}

/// The session with this id and its user, unless it has expired.
pub async fn by_id(db: &Db, id: SessionId, now: Timestamp) -> Result<Option<(Session, User)>, Error> {
    let sql = "select * from sessions where id = $1 and expires_at > $2";
    let row: Option<SessionRow> =
        on_db!(db, c => sqlx::query_as(sql).bind(id.0).bind(now.0).fetch_optional(c).await)?;
    let Some(session) = row.map(|row| row.read()).transpose()? else { return Ok(None) };
    Ok(users::by_id(db, session.user_id).await?.map(|user| (session, user)))
}

/// A user's sessions that have not expired, newest first.
pub async fn list_of(db: &Db, user: UserId, now: Timestamp) -> Result<Vec<Session>, Error> {
    let sql = "select * from sessions where user_id = $1 and expires_at > $2 order by id desc";
    let rows: Vec<SessionRow> =
        on_db!(db, c => sqlx::query_as(sql).bind(user.0).bind(now.0).fetch_all(c).await)?;
    rows.iter().map(SessionRow::read).collect()
}

/// Ends a session of this user; false when they have no such session.
pub async fn delete(tx: &mut Tx, user: UserId, session: SessionId) -> Result<bool, Error> {
    let sql = "delete from sessions where id = $1 and user_id = $2";
    let n = on!(tx, c => sqlx::query(sql).bind(session.0).bind(user.0).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n > 0)
}

/// Ends all sessions of this user but the one to be kept, and says how many.
pub async fn delete_of(tx: &mut Tx, user: UserId, keep: Option<SessionId>) -> Result<u64, Error> {
    let sql = "delete from sessions where user_id = $1 and ($2 is null or id <> $2)";
    let keep = keep.map(|id| id.0);
    Ok(on!(tx, c => sqlx::query(sql).bind(user.0).bind(keep).execute(c).await.map(|r| r.rows_affected()))?)
}

/// Removes sessions and access tokens that have expired and says how many sessions.
pub async fn delete_expired(tx: &mut Tx, now: Timestamp) -> Result<u64, Error> {
    let sql = "delete from access_tokens where expires_at <= $1";
    on!(tx, c => sqlx::query(sql).bind(now.0).execute(c).await.map(drop))?;
    let sql = "delete from sessions where expires_at <= $1";
    Ok(on!(tx, c => sqlx::query(sql).bind(now.0).execute(c).await.map(|r| r.rows_affected()))?)
}

/// Ends the sessions of this user that were opened until then.
pub async fn delete_until(tx: &mut Tx, user: UserId, at: Timestamp) -> Result<(), Error> {
    let sql = "delete from sessions where user_id = $1 and created_at <= $2";
    on!(tx, c => sqlx::query(sql).bind(user.0).bind(at.0).execute(c).await.map(drop))?;
    Ok(())
}
