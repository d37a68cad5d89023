//! Rows of payments.

use innkeeper_domain::ids::{PaymentId, ProjectId, UserId};
use innkeeper_domain::money::Micros;
use innkeeper_domain::payments::{Amount, Payment, PaymentState, Provider};
use innkeeper_domain::time::Timestamp;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::columns::Columns;
use crate::error::{Unique, explain};
use crate::{Db, Error, Tx};

const UNIQUE: &[Unique] = &[Unique {
    index: "payments_reference",
    columns: "payments.provider, payments.reference",
    what: "payment reference",
}];

#[derive(sqlx::FromRow)]
struct PaymentRow {
    id: Uuid,
    project_id: Uuid,
    provider: String,
    state: String,
    amount_minor: i64,
    currency: String,
    credits: i64,
    reference: Option<String>,
    redirect: Option<String>,
    receipt: Option<String>,
    problem: Option<String>,
    asked_by: Option<Uuid>,
    created_at: i64,
    expires_at: i64,
    paid_at: Option<i64>,
    refunded_minor: i64,
    due_at: Option<i64>,
}

impl PaymentRow {
    fn read(self) -> Result<Payment, Error> {
        let columns = Columns("payments");
        Ok(Payment {
            id: PaymentId(self.id),
            project_id: ProjectId(self.project_id),
            provider: columns.word("provider", &self.provider)?,
            state: columns.word("state", &self.state)?,
            amount: Amount::new(self.amount_minor, columns.word("currency", &self.currency)?),
            credits: Micros(self.credits),
            reference: self.reference,
            redirect: self.redirect,
            receipt: self.receipt,
            problem: self.problem,
            asked_by: self.asked_by.map(UserId),
            created_at: Timestamp(self.created_at),
            expires_at: Timestamp(self.expires_at),
            paid_at: self.paid_at.map(Timestamp),
            refunded_minor: self.refunded_minor,
            due_at: self.due_at.map(Timestamp),
        })
    }
}

/// Which payments.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this project only.
    pub project_id: Option<ProjectId>,
    /// In this state only.
    pub state: Option<PaymentState>,
}

/// Adds an order.
pub async fn insert(tx: &mut Tx, payment: &Payment) -> Result<(), Error> {
    let sql =
        "insert into payments (id, project_id, provider, state, amount_minor, currency, credits, reference,
            redirect, receipt, problem, asked_by, created_at, expires_at, paid_at, refunded_minor, due_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
    let p = payment;
    on!(tx, c => sqlx::query(sql)
        .bind(p.id.0).bind(p.project_id.0).bind(p.provider.as_str()).bind(p.state.as_str())
        .bind(p.amount.minor).bind(p.amount.currency.as_str()).bind(p.credits.0).bind(p.reference.as_deref())
        .bind(p.redirect.as_deref()).bind(p.receipt.as_deref()).bind(p.problem.as_deref())
        .bind(p.asked_by.map(|user| user.0)).bind(p.created_at.0).bind(p.expires_at.0)
        .bind(p.paid_at.map(|at| at.0)).bind(p.refunded_minor).bind(p.due_at.map(|at| at.0))
        .execute(c).await.map(drop))
    .map_err(|error| explain(error, UNIQUE))
}

/// Writes what may change of a payment. Read it with [`by_id_tx`] in the same transaction. [`Error::Conflict`]
/// `payment reference` when another payment has that reference.
pub async fn save(tx: &mut Tx, payment: &Payment) -> Result<(), Error> {
    let sql = "update payments set state = $2, reference = $3, redirect = $4, receipt = $5, problem = $6, paid_at = $7,
        refunded_minor = $8, due_at = $9 where id = $1";
    let p = payment;
    on!(tx, c => sqlx::query(sql)
        .bind(p.id.0).bind(p.state.as_str()).bind(p.reference.as_deref()).bind(p.redirect.as_deref())
        .bind(p.receipt.as_deref()).bind(p.problem.as_deref()).bind(p.paid_at.map(|at| at.0))
        .bind(p.refunded_minor).bind(p.due_at.map(|at| at.0))
        .execute(c).await.map(drop))
    .map_err(|error| explain(error, UNIQUE))
}

/// The payment with this id.
pub async fn by_id(db: &Db, id: PaymentId) -> Result<Option<Payment>, Error> {
    let sql = "select * from payments where id = $1";
    let row: Option<PaymentRow> = on_db!(db, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    row.map(PaymentRow::read).transpose()
}

/// The payment with this id; nobody else changes it until the transaction ends.
pub async fn by_id_tx(tx: &mut Tx, id: PaymentId) -> Result<Option<Payment>, Error> {
    let sql = format!("select * from payments where id = $1 {}", tx.for_update());
    let row: Option<PaymentRow> =
        on!(tx, c => sqlx::query_as(AssertSqlSafe(sql)).bind(id.0).fetch_optional(c).await)?;
    row.map(PaymentRow::read).transpose()
}

/// The payment that a provider knows by this reference.
pub async fn by_reference(db: &Db, provider: Provider, reference: &str) -> Result<Option<Payment>, Error> {
    let sql = "select * from payments where provider = $1 and reference = $2";
    let row: Option<PaymentRow> = on_db!(db, c => sqlx::query_as(sql)
        .bind(provider.as_str()).bind(reference).fetch_optional(c).await)?;
    row.map(PaymentRow::read).transpose()
}

/// The payment that a provider gave this receipt for.
pub async fn by_receipt(db: &Db, provider: Provider, receipt: &str) -> Result<Option<Payment>, Error> {
    let sql = "select * from payments where provider = $1 and receipt = $2 order by id limit 1";
    let row: Option<PaymentRow> = on_db!(db, c => sqlx::query_as(sql)
        .bind(provider.as_str()).bind(receipt).fetch_optional(c).await)?;
    row.map(PaymentRow::read).transpose()
}

/// Payments, newest first, those before (older than) `after`.
pub async fn list(
    db: &Db,
    filter: &Filter,
    after: Option<PaymentId>,
    limit: i64,
) -> Result<Vec<Payment>, Error> {
    let sql = "select * from payments where ($1 is null or project_id = $1) and ($2 is null or state = $2)
        and ($3 is null or id < $3) order by id desc limit $4";
    let rows: Vec<PaymentRow> = on_db!(db, c => sqlx::query_as(sql)
        .bind(filter.project_id.map(|id| id.0)).bind(filter.state.map(PaymentState::as_str))
        .bind(after.map(|id| id.0)).bind(limit).fetch_all(c).await)?;
    rows.into_iter().map(PaymentRow::read).collect()
}

/// Payments that are due to be looked at. They are not due again before `until`, so that nobody else looks meanwhile;
/// whoever dies over them is followed by another then.
pub async fn claim_due(
    tx: &mut Tx,
    now: Timestamp,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<Payment>, Error> {
    let sql = format!(
        "with picked as materialized (
            select id as picked_id from payments where due_at <= $1 order by due_at limit $3 {}
        ) update payments set due_at = $2 from picked where payments.id = picked.picked_id returning *",
        tx.for_update_skip_locked()
    );
    let rows: Vec<PaymentRow> = on!(tx, c => sqlx::query_as(AssertSqlSafe(sql))
        .bind(now.0).bind(until.0).bind(limit).fetch_all(c).await)?;
    rows.into_iter().map(PaymentRow::read).collect()
}

/// How many payments of a project wait for their payer.
pub async fn open_of(tx: &mut Tx, project: ProjectId) -> Result<i64, Error> {
    let sql = "select count(*) from payments where project_id = $1 and state = 'open'";
    Ok(on!(tx, c => sqlx::query_scalar(sql).bind(project.0).fetch_one(c).await)?)
}

/// How many payments of a project may still bring credits.
pub async fn unsettled_of(tx: &mut Tx, project: ProjectId) -> Result<i64, Error> {
    let sql = "select count(*) from payments where project_id = $1 and state in ('open', 'pending')";
    Ok(on!(tx, c => sqlx::query_scalar(sql).bind(project.0).fetch_one(c).await)?)
}

/// One state's payments in one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// The state.
    pub state: PaymentState,
    /// How much in all.
    pub amount: Amount,
    /// How much of it was given back, in the currency's smallest unit.
    pub refunded_minor: i64,
    /// How many.
    pub count: i64,
}

/// All payments, by state and currency.
pub async fn tally(db: &Db) -> Result<Vec<Tally>, Error> {
    let sql = "select state, currency, cast(sum(amount_minor) as bigint), cast(sum(refunded_minor) as bigint), count(*)
        from payments group by state, currency order by currency, state";
    let rows: Vec<(String, String, i64, i64, i64)> = on_db!(db, c => sqlx::query_as(sql).fetch_all(c).await)?;
    let columns = Columns("payments");
    let read = |(state, currency, minor, refunded_minor, count): (String, String, i64, i64, i64)| {
        Ok(Tally {
            state: columns.word("state", &state)?,
            amount: Amount::new(minor, columns.word("currency", &currency)?),
            refunded_minor,
            count,
        })
    };
    rows.into_iter().map(read).collect()
}
