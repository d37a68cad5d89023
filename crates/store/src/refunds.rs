//! Rows of refunds.

use innkeeper_domain::ids::{PaymentId, ProjectId, RefundId, UserId};
use innkeeper_domain::money::Micros;
use innkeeper_domain::payments::{Amount, Refund};
use innkeeper_domain::time::Timestamp;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::columns::Columns;
use crate::{Db, Error, Tx};

#[derive(sqlx::FromRow)]
struct RefundRow {
    id: Uuid,
    payment_id: Uuid,
    project_id: Uuid,
    state: String,
    amount_minor: i64,
    currency: String,
    credits: i64,
    reason: String,
    reference: Option<String>,
    problem: Option<String>,
    by_user: Option<Uuid>,
    created_at: i64,
    ended_at: Option<i64>,
    due_at: Option<i64>,
}

impl RefundRow {
    fn read(self) -> Result<Refund, Error> {
        let columns = Columns("refunds");
        Ok(Refund {
            id: RefundId(self.id),
            payment_id: PaymentId(self.payment_id),
            project_id: ProjectId(self.project_id),
            state: columns.word("state", &self.state)?,
            amount: Amount::new(self.amount_minor, columns.word("currency", &self.currency)?),
            credits: Micros(self.credits),
            reason: self.reason,
            reference: self.reference,
            problem: self.problem,
            by: self.by_user.map(UserId),
            created_at: Timestamp(self.created_at),
            ended_at: self.ended_at.map(Timestamp),
            due_at: self.due_at.map(Timestamp),
        })
    }
}

/// Adds a refund. Lock its payment first.
pub async fn insert(tx: &mut Tx, refund: &Refund) -> Result<(), Error> {
    let sql =
        "insert into refunds (id, payment_id, project_id, state, amount_minor, currency, credits, reason,
            reference, problem, by_user, created_at, ended_at, due_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    let r = refund;
    on!(tx, c => sqlx::query(sql)
        .bind(r.id.0).bind(r.payment_id.0).bind(r.project_id.0).bind(r.state.as_str()).bind(r.amount.minor)
        .bind(r.amount.currency.as_str()).bind(r.credits.0).bind(r.reason.as_str())
        .bind(r.reference.as_deref()).bind(r.problem.as_deref()).bind(r.by.map(|user| user.0))
        .bind(r.created_at.0).bind(r.ended_at.map(|at| at.0)).bind(r.due_at.map(|at| at.0))
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Writes what may change of a refund. Read it with [`by_id_tx`] in the same transaction.
pub async fn save(tx: &mut Tx, refund: &Refund) -> Result<(), Error> {
    let sql = "update refunds set state = $2, reference = $3, problem = $4, ended_at = $5, due_at = $6 where id = $1";
    let r = refund;
    on!(tx, c => sqlx::query(sql)
        .bind(r.id.0).bind(r.state.as_str()).bind(r.reference.as_deref()).bind(r.problem.as_deref())
        .bind(r.ended_at.map(|at| at.0)).bind(r.due_at.map(|at| at.0))
        .execute(c).await.map(drop))?;
    Ok(())
}

/// The refund with this id; nobody else changes it until the transaction ends. Lock its payment first.
pub async fn by_id_tx(tx: &mut Tx, id: RefundId) -> Result<Option<Refund>, Error> {
    let sql = format!("select * from refunds where id = $1 {}", tx.for_update());
    let row: Option<RefundRow> =
        on!(tx, c => sqlx::query_as(AssertSqlSafe(sql)).bind(id.0).fetch_optional(c).await)?;
    row.map(RefundRow::read).transpose()
}

/// The refund with this id.
pub async fn by_id(db: &Db, id: RefundId) -> Result<Option<Refund>, Error> {
    let sql = "select * from refunds where id = $1";
    let row: Option<RefundRow> = on_db!(db, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    row.map(RefundRow::read).transpose()
}

/// The refunds of a payment, oldest first.
pub async fn of_payment(db: &Db, payment: PaymentId) -> Result<Vec<Refund>, Error> {
    let sql = "select * from refunds where payment_id = $1 order by id";
    let rows: Vec<RefundRow> = on_db!(db, c => sqlx::query_as(sql).bind(payment.0).fetch_all(c).await)?;
    rows.into_iter().map(RefundRow::read).collect()
}

/// Refunds that the provider is to be asked for. They are not due again before `until`.
pub async fn claim_due(
    tx: &mut Tx,
    now: Timestamp,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<Refund>, Error> {
    let sql = format!(
        "with picked as materialized (
            select id as picked_id from refunds where due_at <= $1 order by due_at limit $3 {}
        ) update refunds set due_at = $2 from picked where refunds.id = picked.picked_id returning *",
        tx.for_update_skip_locked()
    );
    let rows: Vec<RefundRow> = on!(tx, c => sqlx::query_as(AssertSqlSafe(sql))
        .bind(now.0).bind(until.0).bind(limit).fetch_all(c).await)?;
    rows.into_iter().map(RefundRow::read).collect()
}
