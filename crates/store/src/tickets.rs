//! Rows of tickets, found by the SHA-256 of what was given out.

use innkeeper_domain::ids::UserId;
use innkeeper_domain::tickets::{Purpose, Ticket};
use innkeeper_domain::time::Timestamp;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::columns::Columns;
use crate::{Error, Sealed, Tx};

#[derive(sqlx::FromRow)]
struct TicketRow {
    purpose: String,
    user_id: Option<Uuid>,
    body: String,
    created_at: i64,
    expires_at: i64,
}

impl TicketRow {
    fn read(self) -> Result<(Ticket, Sealed), Error> {
        let ticket = Ticket {
            purpose: Columns("tickets").word("purpose", &self.purpose)?,
            user_id: self.user_id.map(UserId),
            created_at: Timestamp(self.created_at),
            expires_at: Timestamp(self.expires_at),
        };
        Ok((ticket, Sealed::from_text(self.body)))
    }
}

/// Adds a ticket with what belongs to it.
pub async fn insert(tx: &mut Tx, token_hash: &[u8], ticket: &Ticket, body: &Sealed) -> Result<(), Error> {
    let sql = "insert into tickets (token_hash, purpose, user_id, body, tries, created_at, expires_at)
        values ($1, $2, $3, $4, 0, $5, $6)";
    on!(tx, c => sqlx::query(sql)
        .bind(token_hash).bind(ticket.purpose.as_str()).bind(ticket.user_id.map(|id| id.0)).bind(body.as_str())
        .bind(ticket.created_at.0).bind(ticket.expires_at.0)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Uses a ticket up, and gives what belongs to it; none when there is none for this purpose, or it has ended. Of several
/// who use it at once, one gets it.
pub async fn redeem(
    tx: &mut Tx,
    purpose: Purpose,
    token_hash: &[u8],
    now: Timestamp,
) -> Result<Option<(Ticket, Sealed)>, Error> {
    let sql = "delete from tickets where token_hash = $1 and purpose = $2 and expires_at > $3
        returning purpose, user_id, body, created_at, expires_at";
    let row: Option<TicketRow> = on!(tx, c => sqlx::query_as(sql)
        .bind(token_hash).bind(purpose.as_str()).bind(now.0).fetch_optional(c).await)?;
    row.map(TicketRow::read).transpose()
}

/// Looks at a ticket and locks it until the transaction ends.
pub async fn look(
    tx: &mut Tx,
    purpose: Purpose,
    token_hash: &[u8],
    now: Timestamp,
) -> Result<Option<(Ticket, Sealed)>, Error> {
    let lock = tx.for_update();
    let sql = AssertSqlSafe(format!(
        "select purpose, user_id, body, created_at, expires_at from tickets
        where token_hash = $1 and purpose = $2 and expires_at > $3 {lock}"
    ));
    let row: Option<TicketRow> = on!(tx, c => sqlx::query_as(sql)
        .bind(token_hash).bind(purpose.as_str()).bind(now.0).fetch_optional(c).await)?;
    row.map(TicketRow::read).transpose()
}

/// Counts a try with a ticket, before it is known whether it is right; none when there is no such ticket, or it has
/// been tried `most` times.
pub async fn try_once(
    tx: &mut Tx,
    purpose: Purpose,
    token_hash: &[u8],
    most: i64,
    now: Timestamp,
) -> Result<Option<(Ticket, Sealed)>, Error> {
    let sql = "update tickets set tries = tries + 1
        where token_hash = $1 and purpose = $2 and expires_at > $3 and tries < $4
        returning purpose, user_id, body, created_at, expires_at";
    let row: Option<TicketRow> = on!(tx, c => sqlx::query_as(sql)
        .bind(token_hash).bind(purpose.as_str()).bind(now.0).bind(most).fetch_optional(c).await)?;
    row.map(TicketRow::read).transpose()
}

/// Ends all tickets of a user that are good for this.
pub async fn delete_of(tx: &mut Tx, user: UserId, purpose: Purpose) -> Result<(), Error> {
    let sql = "delete from tickets where user_id = $1 and purpose = $2";
    on!(tx, c => sqlx::query(sql).bind(user.0).bind(purpose.as_str()).execute(c).await.map(drop))?;
    Ok(())
}

/// Removes tickets that have ended and says how many.
pub async fn delete_expired(tx: &mut Tx, now: Timestamp) -> Result<u64, Error> {
    let sql = "delete from tickets where expires_at <= $1";
    Ok(on!(tx, c => sqlx::query(sql).bind(now.0).execute(c).await.map(|r| r.rows_affected()))?)
}
