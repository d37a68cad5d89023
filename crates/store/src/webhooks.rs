//! Rows of webhooks. One process at a time tells one: it claims it for a while, and writes with the number of its claim.

use innkeeper_domain::events::Event;
use innkeeper_domain::ids::{ProjectId, WebhookId};
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::webhooks::{Delivery, Off, Webhook};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::columns::{Columns, json};
use crate::{Db, Error, Sealed, Topic, Tx, deliveries, events};

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    project_id: Uuid,
    name: String,
    url: String,
    subjects: String,
    off_reason: Option<String>,
    off_at: Option<i64>,
    since: i64,
    failures: i64,
    failing_since: Option<i64>,
    rests_until: Option<i64>,
    created_at: i64,
}

impl Row {
    fn read(self) -> Result<Webhook, Error> {
        let columns = Columns("webhooks");
        let reason: Option<Off> = columns.word_if("off_reason", self.off_reason.as_deref())?;
        Ok(Webhook {
            id: WebhookId(self.id),
            project_id: ProjectId(self.project_id),
            name: columns.word("name", &self.name)?,
            url: self.url,
            subjects: columns.json("subjects", &self.subjects)?,
            off: reason.zip(self.off_at.map(Timestamp)),
            since: self.since,
            failures: columns.number("failures", self.failures)?,
            failing_since: self.failing_since.map(Timestamp),
            rests_until: self.rests_until.map(Timestamp),
            created_at: Timestamp(self.created_at),
        })
    }
}

/// Adds a webhook and the secret by which it knows us.
pub async fn insert(tx: &mut Tx, webhook: &Webhook, secret: &Sealed) -> Result<(), Error> {
    let sql = "insert into webhooks (id, project_id, name, url, secret, subjects, off_reason, off_at, since, failures,
            failing_since, rests_until, created_at, fence, turn_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, 0)";
    let subjects = json(&webhook.subjects)?;
    let (off, off_at) = webhook.off.unzip();
    on!(tx, c => sqlx::query(sql)
        .bind(webhook.id.0).bind(webhook.project_id.0).bind(webhook.name.as_str()).bind(webhook.url.as_str())
        .bind(secret.as_str()).bind(subjects.as_str()).bind(off.map(Off::as_str)).bind(off_at.map(|at| at.0))
        .bind(webhook.since).bind(i64::from(webhook.failures)).bind(webhook.failing_since.map(|at| at.0))
        .bind(webhook.rests_until.map(|at| at.0)).bind(webhook.created_at.0)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Writes what can change of a webhook, but its secret.
pub async fn update(tx: &mut Tx, webhook: &Webhook) -> Result<(), Error> {
    let sql =
        "update webhooks set name = $2, url = $3, subjects = $4, off_reason = $5, off_at = $6, since = $7,
            failures = $8, failing_since = $9, rests_until = $10
        where id = $1";
    let subjects = json(&webhook.subjects)?;
    let (off, off_at) = webhook.off.unzip();
    on!(tx, c => sqlx::query(sql)
        .bind(webhook.id.0).bind(webhook.name.as_str()).bind(webhook.url.as_str()).bind(subjects.as_str())
        .bind(off.map(Off::as_str)).bind(off_at.map(|at| at.0)).bind(webhook.since)
        .bind(i64::from(webhook.failures)).bind(webhook.failing_since.map(|at| at.0))
        .bind(webhook.rests_until.map(|at| at.0))
        .execute(c).await.map(drop))?;
    tx.wake(Topic::Webhooks);
    Ok(())
}

/// The webhook with this id.
pub async fn by_id(db: &Db, id: WebhookId) -> Result<Option<Webhook>, Error> {
    let sql = "select * from webhooks where id = $1";
    let row: Option<Row> = on_db!(db, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    row.map(Row::read).transpose()
}

/// The same, locked until the end of the transaction.
pub async fn by_id_tx(tx: &mut Tx, id: WebhookId) -> Result<Option<Webhook>, Error> {
    let sql = AssertSqlSafe(format!("select * from webhooks where id = $1 {}", tx.for_update()));
    let row: Option<Row> = on!(tx, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    row.map(Row::read).transpose()
}

/// The webhooks of a project, oldest first.
pub async fn of_project(db: &Db, project: ProjectId) -> Result<Vec<Webhook>, Error> {
    let sql = "select * from webhooks where project_id = $1 order by id";
    let rows: Vec<Row> = on_db!(db, c => sqlx::query_as(sql).bind(project.0).fetch_all(c).await)?;
    rows.into_iter().map(Row::read).collect()
}

/// How many webhooks a project has.
pub async fn count_of(tx: &mut Tx, project: ProjectId) -> Result<i64, Error> {
    let sql = "select count(*) from webhooks where project_id = $1";
    Ok(on!(tx, c => sqlx::query_scalar(sql).bind(project.0).fetch_one(c).await)?)
}

/// The secret by which a webhook knows us.
pub async fn secret(db: &Db, id: WebhookId) -> Result<Option<Sealed>, Error> {
    let sql = "select secret from webhooks where id = $1";
    let text: Option<String> = on_db!(db, c => sqlx::query_scalar(sql).bind(id.0).fetch_optional(c).await)?;
    Ok(text.map(Sealed::from_text))
}

/// Sets the secret by which a webhook knows us.
pub async fn set_secret(tx: &mut Tx, id: WebhookId, secret: &Sealed) -> Result<(), Error> {
    let sql = "update webhooks set secret = $2 where id = $1";
    on!(tx, c => sqlx::query(sql).bind(id.0).bind(secret.as_str()).execute(c).await.map(drop))?;
    Ok(())
}

/// Removes a webhook and all that it was told; false when there is none.
pub async fn delete(tx: &mut Tx, id: WebhookId) -> Result<bool, Error> {
    let sql = "delete from webhooks where id = $1";
    let n = on!(tx, c => sqlx::query(sql).bind(id.0).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n == 1)
}

/// Whether any webhook is on: where none is, nobody needs to look at events.
pub async fn any_on(db: &Db) -> Result<bool, Error> {
    let sql = "select count(*) from (select 1 from webhooks where off_reason is null limit 1) as found";
    let found: i64 = on_db!(db, c => sqlx::query_scalar(sql).fetch_one(c).await)?;
    Ok(found > 0)
}

/// What came of looking at events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HandedOut {
    /// Events that were looked at.
    pub events: usize,
    /// Deliveries that were written.
    pub deliveries: usize,
}

/// Writes a delivery of each event that nobody has looked at yet for each webhook that hears of it, and remembers how far
/// it got: all in this transaction, so that each is written once. One process at a time; another looks at nothing. What
/// happens while all owners of a project are banned is told nobody.
pub async fn hand_out(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<HandedOut, Error> {
    let lock = tx.for_update_skip_locked();
    let sql = AssertSqlSafe(format!("select seq from webhook_cursor {lock}"));
    let cursor: Option<i64> = on!(tx, c => sqlx::query_scalar(sql).fetch_optional(c).await)?;
    let Some(cursor) = cursor else { return Ok(HandedOut::default()) };
    let new = events::after_tx(tx, cursor, limit).await?;
    let Some(last) = new.last() else { return Ok(HandedOut::default()) };
    let sql = "select * from webhooks where off_reason is null and project_id in
            (select project_id from events where seq > $1 and seq <= $2)
            and not exists (select 1 from restrictions r
                where r.project_id = webhooks.project_id and r.restriction = 'banned')
        order by id";
    let rows: Vec<Row> = on!(tx, c => sqlx::query_as(sql).bind(cursor).bind(last.seq).fetch_all(c).await)?;
    let mut out = HandedOut { events: new.len(), deliveries: 0 };
    for row in rows {
        let id = WebhookId(row.id);
        // One that cannot be read keeps nobody else from being told.
        let Ok(webhook) =
            row.read().inspect_err(|error| tracing::error!(%id, %error, "a webhook cannot be read"))
        else {
            continue;
        };
        for event in new.iter().filter(|event: &&Event| webhook.hears(event)) {
            let delivery = Delivery::of_event(webhook.id, event.clone(), now);
            out.deliveries += usize::from(deliveries::insert(tx, &delivery).await?);
        }
    }
    let sql = "update webhook_cursor set seq = $1";
    on!(tx, c => sqlx::query(sql).bind(last.seq).execute(c).await.map(drop))?;
    Ok(out)
}

/// Claims webhooks that are on, do not rest, and have something to be told, each with the number of the claim; those whose
/// last turn is longest ago first, so that nobody waits for all that others are still to be told.
pub async fn claim(
    tx: &mut Tx,
    now: Timestamp,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<(WebhookId, i64)>, Error> {
    let sql = format!(
        "with picked as materialized (
            select id as picked_id from webhooks
            where off_reason is null and (claimed_until is null or claimed_until <= $1)
                and (rests_until is null or rests_until <= $1)
                and exists (select 1 from webhook_deliveries d where d.webhook_id = webhooks.id and d.due_at <= $1)
            order by turn_at, id
            limit $3 {}
        )
        update webhooks set claimed_until = $2, fence = fence + 1, turn_at = $1
        from picked where webhooks.id = picked.picked_id
        returning id, fence",
        tx.for_update_skip_locked()
    );
    let rows: Vec<(Uuid, i64)> = on!(tx, c => sqlx::query_as(AssertSqlSafe(sql))
        .bind(now.0).bind(until.0).bind(limit).fetch_all(c).await)?;
    Ok(rows.into_iter().map(|(id, fence)| (WebhookId(id), fence)).collect())
}

/// Prolongs a claim, and locks the webhook until the end of the transaction; none when the claim was lost.
pub async fn held(
    tx: &mut Tx,
    id: WebhookId,
    fence: i64,
    until: Timestamp,
) -> Result<Option<Webhook>, Error> {
    let sql = "update webhooks set claimed_until = $3 where id = $1 and fence = $2 returning *";
    let row: Option<Row> = on!(tx, c => sqlx::query_as(sql)
        .bind(id.0).bind(fence).bind(until.0).fetch_optional(c).await)?;
    row.map(Row::read).transpose()
}

/// Gives a claim back, unless it was lost.
pub async fn release(tx: &mut Tx, id: WebhookId, fence: i64) -> Result<(), Error> {
    let sql = "update webhooks set claimed_until = null where id = $1 and fence = $2";
    on!(tx, c => sqlx::query(sql).bind(id.0).bind(fence).execute(c).await.map(drop))?;
    tx.wake(Topic::Webhooks);
    Ok(())
}

/// When the next webhook is to be told something: when that is due, its rest is over, and the claim on it, as whoever
/// has it may have died.
pub async fn next_due(db: &Db) -> Result<Option<Timestamp>, Error> {
    let sql = "select min(case when coalesce(claimed_until, 0) > due then claimed_until else due end) from (
            select w.claimed_until,
                case when coalesce(w.rests_until, 0) > d.due_at then w.rests_until else d.due_at end as due
            from webhook_deliveries d join webhooks w on w.id = d.webhook_id
            where d.due_at is not null and w.off_reason is null) as waiting";
    let at: Option<i64> = on_db!(db, c => sqlx::query_scalar(sql).fetch_one(c).await)?;
    Ok(at.map(Timestamp))
}
