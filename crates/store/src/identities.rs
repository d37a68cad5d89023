//! Rows of accounts at other houses (OIDC) by which our users sign in.

use innkeeper_domain::identities::Identity;
use innkeeper_domain::ids::UserId;
use innkeeper_domain::time::Timestamp;
use uuid::Uuid;

use crate::error::{Unique, explain};
use crate::{Db, Error, Tx};

const UNIQUE: &[Unique] = &[
    Unique { index: "identities_user", columns: "identities.user_id, identities.provider", what: "provider" },
    Unique { index: "identities_pkey", columns: "identities.provider, identities.subject", what: "identity" },
];

#[derive(sqlx::FromRow)]
struct IdentityRow {
    provider: String,
    subject: String,
    user_id: Uuid,
    email: Option<String>,
    created_at: i64,
    last_used_at: i64,
}

impl IdentityRow {
    fn read(self) -> Identity {
        Identity {
            provider: self.provider,
            subject: self.subject,
            user_id: UserId(self.user_id),
            email: self.email,
            created_at: Timestamp(self.created_at),
            last_used_at: Timestamp(self.last_used_at),
        }
    }
}

/// Adds an identity; [`Error::Conflict`] `identity` when it is somebody's already, `provider` when the user has another
/// one there.
pub async fn insert(tx: &mut Tx, new: &Identity) -> Result<(), Error> {
    let sql = "insert into identities (provider, subject, user_id, email, created_at, last_used_at)
        values ($1, $2, $3, $4, $5, $6)";
    on!(tx, c => sqlx::query(sql)
        .bind(&new.provider).bind(&new.subject).bind(new.user_id.0).bind(new.email.as_deref())
        .bind(new.created_at.0).bind(new.last_used_at.0)
        .execute(c).await.map(drop))
    .map_err(|e| explain(e, UNIQUE))
}

/// Whose identity this is.
pub async fn find(db: &Db, provider: &str, subject: &str) -> Result<Option<Identity>, Error> {
    let sql = "select * from identities where provider = $1 and subject = $2";
    let row: Option<IdentityRow> =
        on_db!(db, c => sqlx::query_as(sql).bind(provider).bind(subject).fetch_optional(c).await)?;
    Ok(row.map(IdentityRow::read))
}

/// A user's identities.
pub async fn list_of(db: &Db, user: UserId) -> Result<Vec<Identity>, Error> {
    let sql = "select * from identities where user_id = $1 order by provider";
    let rows: Vec<IdentityRow> = on_db!(db, c => sqlx::query_as(sql).bind(user.0).fetch_all(c).await)?;
    Ok(rows.into_iter().map(IdentityRow::read).collect())
}

/// Writes down that an identity was used, and the address that its provider tells now.
pub async fn used(
    tx: &mut Tx,
    provider: &str,
    subject: &str,
    email: Option<&str>,
    now: Timestamp,
) -> Result<(), Error> {
    let sql = "update identities set last_used_at = $4, email = $3 where provider = $1 and subject = $2";
    on!(tx, c => sqlx::query(sql)
        .bind(provider).bind(subject).bind(email).bind(now.0).execute(c).await.map(drop))?;
    Ok(())
}

/// Removes all identities of a user elsewhere.
pub async fn delete_of(tx: &mut Tx, user: UserId) -> Result<(), Error> {
    let sql = "delete from identities where user_id = $1";
    on!(tx, c => sqlx::query(sql).bind(user.0).execute(c).await.map(drop))?;
    Ok(())
}

/// Removes a user's identity at this provider; false when there is none.
pub async fn delete(tx: &mut Tx, user: UserId, provider: &str) -> Result<bool, Error> {
    let sql = "delete from identities where user_id = $1 and provider = $2";
    let n = on!(tx, c => sqlx::query(sql).bind(user.0).bind(provider).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n == 1)
}
