//! Rows of invitations into projects, found by the SHA-256 of their token, or by whom they invite. A row is an open
//! invitation; an answered one is gone.

use innkeeper_domain::ids::{InvitationId, ProjectId, UserId};
use innkeeper_domain::names::Email;
use innkeeper_domain::projects::Invitation;
use innkeeper_domain::time::Timestamp;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::columns::Columns;
use crate::{Db, Error, Tx};

#[derive(sqlx::FromRow)]
struct InvitationRow {
    id: Uuid,
    project_id: Uuid,
    email: String,
    membership: String,
    invited_by: Option<Uuid>,
    created_at: i64,
    expires_at: i64,
}

impl InvitationRow {
    fn read(self) -> Result<Invitation, Error> {
        let columns = Columns("project_invitations");
        Ok(Invitation {
            id: InvitationId(self.id),
            project_id: ProjectId(self.project_id),
            email: columns.word("email", &self.email)?,
            membership: columns.word("membership", &self.membership)?,
            invited_by: self.invited_by.map(UserId),
            created_at: Timestamp(self.created_at),
            expires_at: Timestamp(self.expires_at),
        })
    }
}

/// Adds an invitation under the hash of its token, in place of any other of the same address into the same project.
pub async fn replace(tx: &mut Tx, new: &Invitation, token_hash: &[u8]) -> Result<(), Error> {
    let sql = "delete from project_invitations where project_id = $1 and lower(email) = lower($2)";
    on!(tx, c => sqlx::query(sql)
        .bind(new.project_id.0).bind(new.email.as_str()).execute(c).await.map(drop))?;
    let sql = "insert into project_invitations
            (id, project_id, email, membership, token_hash, invited_by, created_at, expires_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8)";
    on!(tx, c => sqlx::query(sql)
        .bind(new.id.0).bind(new.project_id.0).bind(new.email.as_str()).bind(new.membership.as_str())
        .bind(token_hash).bind(new.invited_by.map(|id| id.0)).bind(new.created_at.0).bind(new.expires_at.0)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// The open invitations into a project, newest first.
pub async fn of_project(db: &Db, project: ProjectId, now: Timestamp) -> Result<Vec<Invitation>, Error> {
    let sql = "select * from project_invitations where project_id = $1 and expires_at > $2 order by id desc";
    let rows: Vec<InvitationRow> =
        on_db!(db, c => sqlx::query_as(sql).bind(project.0).bind(now.0).fetch_all(c).await)?;
    rows.into_iter().map(InvitationRow::read).collect()
}

/// The open invitations of an address, newest first.
pub async fn of_address(db: &Db, email: &Email, now: Timestamp) -> Result<Vec<Invitation>, Error> {
    let sql = "select * from project_invitations
        where lower(email) = lower($1) and expires_at > $2 order by id desc";
    let rows: Vec<InvitationRow> =
        on_db!(db, c => sqlx::query_as(sql).bind(email.as_str()).bind(now.0).fetch_all(c).await)?;
    rows.into_iter().map(InvitationRow::read).collect()
}

/// How many open invitations a project has.
pub async fn count_of_project(tx: &mut Tx, project: ProjectId, now: Timestamp) -> Result<i64, Error> {
    let sql = "select count(*) from project_invitations where project_id = $1 and expires_at > $2";
    Ok(on!(tx, c => sqlx::query_scalar(sql).bind(project.0).bind(now.0).fetch_one(c).await)?)
}

/// The open invitation with this id, locked until the transaction ends.
pub async fn by_id(tx: &mut Tx, id: InvitationId, now: Timestamp) -> Result<Option<Invitation>, Error> {
    let lock = tx.for_update();
    let sql = format!("select * from project_invitations where id = $1 and expires_at > $2 {lock}");
    let row: Option<InvitationRow> =
        on!(tx, c => sqlx::query_as(AssertSqlSafe(sql)).bind(id.0).bind(now.0).fetch_optional(c).await)?;
    row.map(InvitationRow::read).transpose()
}

/// The open invitation with this token, locked until the transaction ends.
pub async fn by_token(tx: &mut Tx, token_hash: &[u8], now: Timestamp) -> Result<Option<Invitation>, Error> {
    let lock = tx.for_update();
    let sql = format!("select * from project_invitations where token_hash = $1 and expires_at > $2 {lock}");
    let row: Option<InvitationRow> = on!(tx, c => sqlx::query_as(AssertSqlSafe(sql))
        .bind(token_hash).bind(now.0).fetch_optional(c).await)?;
    row.map(InvitationRow::read).transpose()
}

/// Takes an invitation away, answered or not; false when somebody was faster.
pub async fn delete(tx: &mut Tx, id: InvitationId) -> Result<bool, Error> {
    let sql = "delete from project_invitations where id = $1";
    let n = on!(tx, c => sqlx::query(sql).bind(id.0).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n == 1)
}

/// Removes invitations that are over and says how many.
pub async fn delete_expired(tx: &mut Tx, now: Timestamp) -> Result<u64, Error> {
    let sql = "delete from project_invitations where expires_at <= $1";
    Ok(on!(tx, c => sqlx::query(sql).bind(now.0).execute(c).await.map(|r| r.rows_affected()))?)
}
