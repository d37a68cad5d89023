//! Rows of invitations into the house, found by the SHA-256 of their token.

use innkeeper_domain::ids::{HouseInvitationId, UserId};
use innkeeper_domain::invitations::HouseInvitation;
use innkeeper_domain::names::Email;
use innkeeper_domain::time::Timestamp;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::columns::Columns;
use crate::{Db, Error, Tx};

#[derive(sqlx::FromRow)]
struct InvitationRow {
    id: Uuid,
    email: Option<String>,
    role: String,
    invited_by: Option<Uuid>,
    created_at: i64,
    expires_at: i64,
    used_at: Option<i64>,
    used_by: Option<Uuid>,
}

impl InvitationRow {
    fn read(self) -> Result<HouseInvitation, Error> {
        let columns = Columns("house_invitations");
        Ok(HouseInvitation {
            id: HouseInvitationId(self.id),
            email: columns.word_if("email", self.email.as_deref())?,
            role: columns.word("role", &self.role)?,
            invited_by: self.invited_by.map(UserId),
            created_at: Timestamp(self.created_at),
            expires_at: Timestamp(self.expires_at),
            used_at: self.used_at.map(Timestamp),
            used_by: self.used_by.map(UserId),
        })
    }
}

/// Adds an invitation under the hash of its token.
pub async fn insert(tx: &mut Tx, new: &HouseInvitation, token_hash: &[u8]) -> Result<(), Error> {
    let sql =
        "insert into house_invitations (id, token_hash, email, role, invited_by, created_at, expires_at)
        values ($1, $2, $3, $4, $5, $6, $7)";
    on!(tx, c => sqlx::query(sql)
        .bind(new.id.0).bind(token_hash).bind(new.email.as_ref().map(Email::as_str))
        .bind(new.role.as_str()).bind(new.invited_by.map(|id| id.0))
        .bind(new.created_at.0).bind(new.expires_at.0)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// The invitation with this token that was neither used nor has ended; locked until the transaction ends.
pub async fn open(tx: &mut Tx, token_hash: &[u8], now: Timestamp) -> Result<Option<HouseInvitation>, Error> {
    let lock = tx.for_update();
    let sql = AssertSqlSafe(format!(
        "select * from house_invitations where token_hash = $1 and used_at is null and expires_at > $2 {lock}"
    ));
    let row: Option<InvitationRow> =
        on!(tx, c => sqlx::query_as(sql).bind(token_hash).bind(now.0).fetch_optional(c).await)?;
    row.map(InvitationRow::read).transpose()
}

/// Uses an invitation up; false when somebody has.
pub async fn spend(tx: &mut Tx, id: HouseInvitationId, by: UserId, now: Timestamp) -> Result<bool, Error> {
    let sql = "update house_invitations set used_at = $3, used_by = $2 where id = $1 and used_at is null";
    let n = on!(tx, c => sqlx::query(sql)
        .bind(id.0).bind(by.0).bind(now.0).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n == 1)
}

/// Invitations in the order in which they were made, those after the given one.
pub async fn list(
    db: &Db,
    after: Option<HouseInvitationId>,
    limit: i64,
) -> Result<Vec<HouseInvitation>, Error> {
    let sql = "select * from house_invitations where $1 is null or id > $1 order by id limit $2";
    let after = after.map(|id| id.0);
    let rows: Vec<InvitationRow> =
        on_db!(db, c => sqlx::query_as(sql).bind(after).bind(limit).fetch_all(c).await)?;
    rows.into_iter().map(InvitationRow::read).collect()
}

/// Takes an invitation back; false when there is none, or somebody has used it.
pub async fn delete(tx: &mut Tx, id: HouseInvitationId) -> Result<bool, Error> {
    let sql = "delete from house_invitations where id = $1 and used_at is null";
    let n = on!(tx, c => sqlx::query(sql).bind(id.0).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n == 1)
}
