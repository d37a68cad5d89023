//! Rows of what webhooks are told.

use innkeeper_domain::ids::{DeliveryId, WebhookId};
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::webhooks::{Delivery, State};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::columns::{Columns, json};
use crate::{Db, Error, Topic, Tx};

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    webhook_id: Uuid,
    seq: Option<i64>,
    at: i64,
    subject: String,
    subject_id: String,
    what: String,
    state: String,
    due_at: Option<i64>,
    attempts: i64,
    tries: String,
    created_at: i64,
    ended_at: Option<i64>,
}

impl Row {
    fn read(self) -> Result<Delivery, Error> {
        let columns = Columns("webhook_deliveries");
        Ok(Delivery {
            id: DeliveryId(self.id),
            webhook_id: WebhookId(self.webhook_id),
            seq: self.seq,
            at: Timestamp(self.at),
            subject: self.subject,
            subject_id: self.subject_id,
            what: self.what,
            state: columns.word("state", &self.state)?,
            due_at: self.due_at.map(Timestamp),
            attempts: columns.number("attempts", self.attempts)?,
            tries: columns.json("tries", &self.tries)?,
            created_at: Timestamp(self.created_at),
            ended_at: self.ended_at.map(Timestamp),
        })
    }
}

/// Adds a delivery, unless the webhook was told of this event already; says whether it did.
pub async fn insert(tx: &mut Tx, delivery: &Delivery) -> Result<bool, Error> {
    let sql = "insert into webhook_deliveries
            (id, webhook_id, seq, at, subject, subject_id, what, state, due_at, attempts, tries, created_at, ended_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        on conflict (webhook_id, seq) do nothing";
    let tries = json(&delivery.tries)?;
    let n = on!(tx, c => sqlx::query(sql)
        .bind(delivery.id.0).bind(delivery.webhook_id.0).bind(delivery.seq).bind(delivery.at.0)
        .bind(delivery.subject.as_str()).bind(delivery.subject_id.as_str()).bind(delivery.what.as_str())
        .bind(delivery.state.as_str()).bind(delivery.due_at.map(|at| at.0)).bind(i64::from(delivery.attempts))
        .bind(tries.as_str()).bind(delivery.created_at.0).bind(delivery.ended_at.map(|at| at.0))
        .execute(c).await.map(|r| r.rows_affected()))?;
    tx.wake(Topic::Webhooks);
    Ok(n == 1)
}

/// Writes how a delivery stands.
pub async fn update(tx: &mut Tx, delivery: &Delivery) -> Result<(), Error> {
    let sql =
        "update webhook_deliveries set state = $2, due_at = $3, attempts = $4, tries = $5, ended_at = $6
        where id = $1";
    let tries = json(&delivery.tries)?;
    on!(tx, c => sqlx::query(sql)
        .bind(delivery.id.0).bind(delivery.state.as_str()).bind(delivery.due_at.map(|at| at.0))
        .bind(i64::from(delivery.attempts)).bind(tries.as_str()).bind(delivery.ended_at.map(|at| at.0))
        .execute(c).await.map(drop))?;
    Ok(())
}

/// A delivery of this webhook.
pub async fn by_id(db: &Db, webhook: WebhookId, id: DeliveryId) -> Result<Option<Delivery>, Error> {
    let sql = "select * from webhook_deliveries where id = $1 and webhook_id = $2";
    let row: Option<Row> =
        on_db!(db, c => sqlx::query_as(sql).bind(id.0).bind(webhook.0).fetch_optional(c).await)?;
    row.map(Row::read).transpose()
}

/// The same, locked until the end of the transaction.
pub async fn by_id_tx(tx: &mut Tx, webhook: WebhookId, id: DeliveryId) -> Result<Option<Delivery>, Error> {
    let sql = "select * from webhook_deliveries where id = $1 and webhook_id = $2";
    let sql = AssertSqlSafe(format!("{sql} {}", tx.for_update()));
    let row: Option<Row> =
        on!(tx, c => sqlx::query_as(sql).bind(id.0).bind(webhook.0).fetch_optional(c).await)?;
    row.map(Row::read).transpose()
}

/// The deliveries of a webhook, newest first, those before (older than) `before`; all, or those in this state.
pub async fn list(
    db: &Db,
    webhook: WebhookId,
    state: Option<State>,
    before: Option<DeliveryId>,
    limit: i64,
) -> Result<Vec<Delivery>, Error> {
    let sql = "select * from webhook_deliveries
        where webhook_id = $1 and ($2 is null or state = $2) and ($3 is null or id < $3)
        order by id desc limit $4";
    let rows: Vec<Row> = on_db!(db, c => sqlx::query_as(sql)
        .bind(webhook.0).bind(state.map(State::as_str)).bind(before.map(|id| id.0)).bind(limit)
        .fetch_all(c).await)?;
    rows.into_iter().map(Row::read).collect()
}

/// The delivery of a webhook that has waited longest for its turn.
pub async fn next_of(db: &Db, webhook: WebhookId, now: Timestamp) -> Result<Option<Delivery>, Error> {
    let sql = "select * from webhook_deliveries where webhook_id = $1 and due_at <= $2
        order by due_at, id limit 1";
    let row: Option<Row> =
        on_db!(db, c => sqlx::query_as(sql).bind(webhook.0).bind(now.0).fetch_optional(c).await)?;
    row.map(Row::read).transpose()
}

/// Gives up what a webhook was still to be told.
pub async fn give_up(tx: &mut Tx, webhook: WebhookId, now: Timestamp) -> Result<u64, Error> {
    let sql = "update webhook_deliveries set state = 'failed', due_at = null, ended_at = $2
        where webhook_id = $1 and due_at is not null";
    Ok(on!(tx, c => sqlx::query(sql)
        .bind(webhook.0).bind(now.0).execute(c).await.map(|r| r.rows_affected()))?)
}

/// Removes deliveries that are over and older than this, and says how many.
pub async fn prune(tx: &mut Tx, before: Timestamp) -> Result<u64, Error> {
    let sql = "delete from webhook_deliveries where due_at is null and created_at < $1";
    Ok(on!(tx, c => sqlx::query(sql).bind(before.0).execute(c).await.map(|r| r.rows_affected()))?)
}
