//! Rows of invoices. The database itself refuses to change one, and to put a posting on two.

use std::collections::BTreeMap;

use innkeeper_domain::ids::{InstanceId, InvoiceId, PaymentId, PostingId, ProjectId, RefundId};
use innkeeper_domain::invoices::{Invoice, MoneyLine, Month, OtherLine, UsageLine};
use innkeeper_domain::ledger::Cause;
use innkeeper_domain::money::Micros;
use innkeeper_domain::payments::Amount;
use innkeeper_domain::time::Timestamp;
use uuid::Uuid;

use crate::columns::{Columns, id_list, json};
use crate::db::Lock;
use crate::error::{Unique, explain};
use crate::{Db, Error, Tx};

const UNIQUE: &[Unique] = &[
    Unique { index: "invoices_month", columns: "invoices.project_id, invoices.month", what: "invoice month" },
    Unique { index: "invoices_number", columns: "invoices.number", what: "invoice number" },
];

/// What is not on an invoice yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uninvoiced {
    /// The postings.
    pub postings: Vec<PostingId>,
    /// What was charged, by instance.
    pub usage: Vec<UsageLine>,
    /// What was paid and given back.
    pub money: Vec<MoneyLine>,
    /// Other credits, by cause.
    pub others: Vec<OtherLine>,
}

#[derive(sqlx::FromRow)]
struct LineRow {
    id: Uuid,
    at: i64,
    cause: String,
    cause_id: String,
    amount: i64,
}

/// Everything of a project that was posted for a time before `until` and is on no invoice. Nobody else issues an
/// invoice until the transaction ends.
pub async fn uninvoiced(tx: &mut Tx, project: ProjectId, until: Timestamp) -> Result<Uninvoiced, Error> {
    tx.lock(Lock::Invoices).await?;
    // What accounts of the house gained: credits that only moved within the project are nobody's business.
    let sql =
        "select postings.id, postings.at, cause, cause_id, cast(sum(entries.amount) as bigint) as amount
        from postings join entries on entries.posting_id = postings.id
            join accounts on accounts.id = entries.account_id
        where postings.project_id = $1 and postings.at < $2 and accounts.project_id is null
            and not exists (select 1 from invoiced where invoiced.posting_id = postings.id)
        group by postings.id, postings.at, cause, cause_id order by postings.id";
    let rows: Vec<LineRow> =
        on!(tx, c => sqlx::query_as(sql).bind(project.0).bind(until.0).fetch_all(c).await)?;
    let mut found = Uninvoiced::default();
    let (mut usage, mut others) = (BTreeMap::new(), BTreeMap::new());
    for row in rows {
        found.postings.push(PostingId(row.id));
        match Columns("postings").word("cause", &row.cause)? {
            Cause::Charge => *usage.entry(row.cause_id).or_insert(0_i64) += row.amount,
            Cause::Payment | Cause::Refund => {
                if let Some(line) = money_line(tx, &row).await? {
                    found.money.push(line);
                }
            }
            cause => *others.entry(cause.as_str()).or_insert(0_i64) -= row.amount,
        }
    }
    let names = names(tx, usage.keys()).await?;
    found.usage = usage
        .into_iter()
        .map(|(id, credits)| {
            let name = names.get(&id).cloned().unwrap_or_else(|| id.clone());
            UsageLine { instance_id: id, name, credits: Micros(credits) }
        })
        .collect();
    found.others = others
        .into_iter()
        .map(|(cause, credits)| OtherLine { cause: cause.to_owned(), credits: Micros(credits) })
        .collect();
    Ok(found)
}

/// The money behind a posting.
async fn money_line(tx: &mut Tx, row: &LineRow) -> Result<Option<MoneyLine>, Error> {
    let (sql, id) = match (row.cause_id.parse::<PaymentId>(), row.cause_id.parse::<RefundId>()) {
        (Ok(id), _) => ("select provider, currency, amount_minor from payments where id = $1", id.0),
        (_, Ok(id)) => (
            "select provider, refunds.currency, refunds.amount_minor from refunds
                join payments on payments.id = refunds.payment_id where refunds.id = $1",
            id.0,
        ),
        // A refund of something else than money.
        _ => return Ok(None),
    };
    let money: Option<(String, String, i64)> =
        on!(tx, c => sqlx::query_as(sql).bind(id).fetch_optional(c).await)?;
    let Some((provider, currency, minor)) = money else { return Ok(None) };
    let columns = Columns("payments");
    // The house's account loses the credits that it gives.
    let came = row.amount < 0;
    Ok(Some(MoneyLine {
        at: Timestamp(row.at),
        id: row.cause_id.clone(),
        provider: columns.word("provider", &provider)?,
        amount: Amount::new(if came { minor } else { -minor }, columns.word("currency", &currency)?),
        credits: Micros(-row.amount),
    }))
}

/// What instances are called, by their ids with prefix.
async fn names(tx: &mut Tx, ids: impl Iterator<Item = &String>) -> Result<BTreeMap<String, String>, Error> {
    let list = id_list(ids.filter_map(|id| id.parse::<InstanceId>().ok()).map(|id| id.0));
    let sql = "select id, name from instances where id in (select unhex(value) from json_each($1))";
    let rows: Vec<(Uuid, String)> = on!(tx, c => sqlx::query_as(sql).bind(list).fetch_all(c).await)?;
    Ok(rows.into_iter().map(|(id, name)| (InstanceId(id).to_string(), name)).collect())
}

/// The next number of a year, which is taken if the transaction commits, and only then.
pub async fn next_number(tx: &mut Tx, year: i16) -> Result<i64, Error> {
    let sql = "insert into invoice_numbers (year, last) values ($1, 1)
        on conflict (year) do update set last = invoice_numbers.last + 1 returning last";
    Ok(on!(tx, c => sqlx::query_scalar(sql).bind(i64::from(year)).fetch_one(c).await)?)
}

/// Issues an invoice for these postings. [`Error::Conflict`] `invoice month` when the project has one for that month.
pub async fn insert(tx: &mut Tx, invoice: &Invoice, postings: &[PostingId]) -> Result<(), Error> {
    let sql = "insert into invoices (id, number, project_id, month, issued_at, content)
        values ($1, $2, $3, $4, $5, $6)";
    let content = json(invoice)?;
    on!(tx, c => sqlx::query(sql)
        .bind(invoice.id.0).bind(invoice.number.as_str()).bind(invoice.project_id.0)
        .bind(invoice.month.to_string()).bind(invoice.issued_at.0).bind(content)
        .execute(c).await.map(drop))
    .map_err(|error| explain(error, UNIQUE))?;
    let sql = "insert into invoiced (posting_id, invoice_id)
        select unhex(value), $2 from json_each($1)";
    let list = id_list(postings.iter().map(|id| id.0));
    on!(tx, c => sqlx::query(sql).bind(list).bind(invoice.id.0).execute(c).await.map(drop))?;
    Ok(())
}

/// The invoice with this id.
pub async fn by_id(db: &Db, id: InvoiceId) -> Result<Option<Invoice>, Error> {
    let sql = "select content from invoices where id = $1";
    let row: Option<String> = on_db!(db, c => sqlx::query_scalar(sql).bind(id.0).fetch_optional(c).await)?;
    row.map(|content| Columns("invoices").json("content", &content)).transpose()
}

/// The invoice of a project for a month.
pub async fn of_month(tx: &mut Tx, project: ProjectId, month: Month) -> Result<Option<Invoice>, Error> {
    let sql = "select content from invoices where project_id = $1 and month = $2";
    let row: Option<String> = on!(tx, c => sqlx::query_scalar(sql)
        .bind(project.0).bind(month.to_string()).fetch_optional(c).await)?;
    row.map(|content| Columns("invoices").json("content", &content)).transpose()
}

/// Invoices, newest first, those before (older than) `after`; of a project, or all.
pub async fn list(
    db: &Db,
    project: Option<ProjectId>,
    after: Option<InvoiceId>,
    limit: i64,
) -> Result<Vec<Invoice>, Error> {
    let sql = "select content from invoices where ($1 is null or project_id = $1) and ($2 is null or id < $2)
        order by id desc limit $3";
    let rows: Vec<String> = on_db!(db, c => sqlx::query_scalar(sql)
        .bind(project.map(|id| id.0)).bind(after.map(|id| id.0)).bind(limit).fetch_all(c).await)?;
    rows.iter().map(|content| Columns("invoices").json("content", content)).collect()
}

/// Projects that something was posted for before `until` which is on no invoice, and that have none for that month.
pub async fn lacking(db: &Db, month: Month, limit: i64) -> Result<Vec<ProjectId>, Error> {
    let sql = "select distinct postings.project_id from postings
            join entries on entries.posting_id = postings.id
            join accounts on accounts.id = entries.account_id and accounts.project_id is null
        where postings.at < $1
            and not exists (select 1 from invoiced where invoiced.posting_id = postings.id)
            and not exists (select 1 from invoices
                where invoices.project_id = postings.project_id and invoices.month = $2)
        limit $3";
    let rows: Vec<Uuid> = on_db!(db, c => sqlx::query_scalar(sql)
        .bind(month.ends().0).bind(month.to_string()).bind(limit).fetch_all(c).await)?;
    Ok(rows.into_iter().map(ProjectId).collect())
}
