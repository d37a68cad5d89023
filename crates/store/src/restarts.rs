//! Rows of restarts. One process at a time goes on with a restart: it claims it for a while, and writes with the number
//! of its claim.

use innkeeper_domain::ids::{OperationId, RestartId, ServiceId};
use innkeeper_domain::restarts::{Push, Restart};
use innkeeper_domain::time::Timestamp;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::columns::{Columns, json};
use crate::error::{Unique, explain};
use crate::{Db, Error, Tx};

const UNIQUE: &[Unique] =
    &[Unique { index: "restarts_running", columns: "restarts.service_id", what: "restart" }];

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    service_id: Uuid,
    person: String,
    asked_name: String,
    asked_at: i64,
    state: String,
    due_at: i64,
    told: Option<i64>,
    push: Option<String>,
    pushed_at: Option<i64>,
    operation_id: Option<Uuid>,
    upid: Option<String>,
    rebooted_at: Option<i64>,
    seconds: Option<i64>,
    fault: Option<String>,
    reports: String,
    ended_at: Option<i64>,
    fence: i64,
}

impl Row {
    fn read(self) -> Result<Restart, Error> {
        let columns = Columns("restarts");
        let push = columns.word_if("push", self.push.as_deref())?;
        Ok(Restart {
            id: RestartId(self.id),
            service_id: ServiceId(self.service_id),
            person: columns.word("person", &self.person)?,
            asked_name: self.asked_name,
            asked_at: Timestamp(self.asked_at),
            state: columns.word("state", &self.state)?,
            due_at: Timestamp(self.due_at),
            told: self.told.map(|told| columns.number("told", told)).transpose()?,
            pushed: push.zip(self.pushed_at.map(Timestamp)),
            operation_id: self.operation_id.map(OperationId),
            upid: self.upid,
            rebooted_at: self.rebooted_at.map(Timestamp),
            seconds: self.seconds.map(|seconds| columns.number("seconds", seconds)).transpose()?,
            fault: self.fault.map(|text| columns.json("fault", &text)).transpose()?,
            reports: columns.json("reports", &self.reports)?,
            ended_at: self.ended_at.map(Timestamp),
        })
    }
}

/// Adds a restart, to be begun at once. [`Error::Conflict`] `restart` when the service is being restarted already.
pub async fn insert(tx: &mut Tx, restart: &Restart) -> Result<(), Error> {
    let sql =
        "insert into restarts (id, service_id, person, asked_name, asked_at, state, due_at, reports, next_at, fence)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $5, 0)";
    let reports = json(&restart.reports)?;
    on!(tx, c => sqlx::query(sql)
        .bind(restart.id.0).bind(restart.service_id.0).bind(restart.person.to_string())
        .bind(restart.asked_name.as_str()).bind(restart.asked_at.0).bind(restart.state.as_str())
        .bind(restart.due_at.0).bind(reports.as_str())
        .execute(c).await.map(drop))
    .map_err(|e| explain(e, UNIQUE))
}

/// The restart with this id.
pub async fn by_id(db: &Db, id: RestartId) -> Result<Option<Restart>, Error> {
    let sql = "select * from restarts where id = $1";
    let row: Option<Row> = on_db!(db, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    row.map(Row::read).transpose()
}

/// The restarts of a service, newest first, those before (older than) `after`.
pub async fn list(
    db: &Db,
    service: ServiceId,
    after: Option<RestartId>,
    limit: i64,
) -> Result<Vec<Restart>, Error> {
    let sql =
        "select * from restarts where service_id = $1 and ($2 is null or id < $2) order by id desc limit $3";
    let rows: Vec<Row> = on_db!(db, c => sqlx::query_as(sql)
        .bind(service.0).bind(after.map(|id| id.0)).bind(limit).fetch_all(c).await)?;
    rows.into_iter().map(Row::read).collect()
}

/// The restart of a service that is under way.
pub async fn under_way(db: &Db, service: ServiceId) -> Result<Option<Restart>, Error> {
    let sql = "select * from restarts where service_id = $1 and ended_at is null";
    let row: Option<Row> = on_db!(db, c => sqlx::query_as(sql).bind(service.0).fetch_optional(c).await)?;
    row.map(Row::read).transpose()
}

/// The same, as the transaction sees it.
pub async fn under_way_tx(tx: &mut Tx, service: ServiceId) -> Result<Option<Restart>, Error> {
    let sql = "select * from restarts where service_id = $1 and ended_at is null";
    let row: Option<Row> = on!(tx, c => sqlx::query_as(sql).bind(service.0).fetch_optional(c).await)?;
    row.map(Row::read).transpose()
}

/// When restarts of a service were asked for since then, oldest first.
pub async fn asked_since(tx: &mut Tx, service: ServiceId, since: Timestamp) -> Result<Vec<Timestamp>, Error> {
    let sql = "select asked_at from restarts where service_id = $1 and asked_at > $2 order by asked_at";
    let times: Vec<i64> =
        on!(tx, c => sqlx::query_scalar(sql).bind(service.0).bind(since.0).fetch_all(c).await)?;
    Ok(times.into_iter().map(Timestamp).collect())
}

/// The tasks by which other restarts than this one rebooted their guests, since then.
pub async fn tasks_of_others(db: &Db, id: RestartId, since: Timestamp) -> Result<Vec<String>, Error> {
    let sql = "select upid from restarts where id <> $1 and pushed_at > $2 and upid is not null";
    Ok(on_db!(db, c => sqlx::query_scalar(sql).bind(id.0).bind(since.0).fetch_all(c).await)?)
}

/// Claims the restarts that are due and that nobody else goes on with, each with the number of the claim.
pub async fn claim(tx: &mut Tx, now: Timestamp, until: Timestamp) -> Result<Vec<(Restart, i64)>, Error> {
    let sql = format!(
        "with picked as materialized (
            select id as picked_id from restarts
            where ended_at is null and next_at <= $1 and (claimed_until is null or claimed_until <= $1)
            order by next_at limit 100 {}
        )
        update restarts set claimed_until = $2, fence = fence + 1
        from picked where restarts.id = picked.picked_id
        returning *",
        tx.for_update_skip_locked()
    );
    let rows: Vec<Row> =
        on!(tx, c => sqlx::query_as(AssertSqlSafe(sql)).bind(now.0).bind(until.0).fetch_all(c).await)?;
    let readable = rows.into_iter().filter_map(|row| {
        let (id, fence) = (RestartId(row.id), row.fence);
        let read = row.read();
        read.inspect_err(|error| tracing::error!(%id, %error, "a restart cannot be gone on with"))
            .ok()
            .map(|restart| (restart, fence))
    });
    Ok(readable.collect())
}

/// Prolongs a claim; false when it was lost or given back.
pub async fn keep_claim(tx: &mut Tx, id: RestartId, fence: i64, until: Timestamp) -> Result<bool, Error> {
    let sql = "update restarts set claimed_until = $3
        where id = $1 and fence = $2 and claimed_until is not null";
    let n = on!(tx, c => sqlx::query(sql)
        .bind(id.0).bind(fence).bind(until.0).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n > 0)
}

/// Writes how a restart stands. False, and nothing changes, when another has claimed it since.
pub async fn save(tx: &mut Tx, restart: &Restart, fence: i64) -> Result<bool, Error> {
    let sql = "update restarts set state = $3, due_at = $4, told = $5, push = $6, pushed_at = $7, operation_id = $8,
            upid = $9, rebooted_at = $10, seconds = $11, fault = $12, reports = $13, ended_at = $14
        where id = $1 and fence = $2";
    let (push, pushed_at) = restart.pushed.unzip();
    let fault = restart.fault.as_ref().map(json).transpose()?;
    let reports = json(&restart.reports)?;
    let n = on!(tx, c => sqlx::query(sql)
        .bind(restart.id.0).bind(fence).bind(restart.state.as_str()).bind(restart.due_at.0)
        .bind(restart.told.map(i64::from)).bind(push.map(Push::as_str)).bind(pushed_at.map(|at| at.0))
        .bind(restart.operation_id.map(|id| id.0)).bind(restart.upid.as_deref())
        .bind(restart.rebooted_at.map(|at| at.0)).bind(restart.seconds.map(i64::from))
        .bind(fault.as_deref()).bind(reports.as_str()).bind(restart.ended_at.map(|at| at.0))
        .execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n > 0)
}

/// Gives a claim back until `at`, unless it was lost.
pub async fn rest(tx: &mut Tx, id: RestartId, fence: i64, at: Timestamp) -> Result<(), Error> {
    let sql = "update restarts set claimed_until = null, next_at = $3 where id = $1 and fence = $2";
    on!(tx, c => sqlx::query(sql).bind(id.0).bind(fence).bind(at.0).execute(c).await.map(drop))?;
    Ok(())
}

/// Has the restart of a service gone on with at once: something that it waits for has happened.
pub async fn hurry(tx: &mut Tx, service: ServiceId, now: Timestamp) -> Result<(), Error> {
    let sql = "update restarts set next_at = $2 where service_id = $1 and ended_at is null and next_at > $2";
    on!(tx, c => sqlx::query(sql).bind(service.0).bind(now.0).execute(c).await.map(drop))?;
    Ok(())
}

/// When the next restart is due.
pub async fn next_due(db: &Db) -> Result<Option<Timestamp>, Error> {
    let sql = "select min(next_at) from restarts where ended_at is null and claimed_until is null";
    let at: Option<i64> = on_db!(db, c => sqlx::query_scalar(sql).fetch_one(c).await)?;
    Ok(at.map(Timestamp))
}
