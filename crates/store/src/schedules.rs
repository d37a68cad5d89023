//! Rows of schedules of backups, and the claims by which processes take turns at them.

use innkeeper_domain::ids::{BackupId, InstanceId, ScheduleId};
use innkeeper_domain::names::StorageName;
use innkeeper_domain::schedules::Schedule;
use innkeeper_domain::time::Timestamp;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::columns::{Columns, json};
use crate::{Db, Error, Topic, Tx};

#[derive(sqlx::FromRow)]
struct ScheduleRow {
    id: Uuid,
    instance_id: Uuid,
    timing: String,
    keep: String,
    storage: Option<String>,
    mode: String,
    enabled: bool,
    next_at: i64,
    due_at: i64,
    trying_since: Option<i64>,
    problem: Option<String>,
    last_run_at: Option<i64>,
    last_backup_id: Option<Uuid>,
    failed_at: Option<i64>,
    created_at: i64,
    fence: i64,
}

impl ScheduleRow {
    fn read(self) -> Result<Schedule, Error> {
        let columns = Columns("backup_schedules");
        Ok(Schedule {
            id: ScheduleId(self.id),
            instance_id: InstanceId(self.instance_id),
            when: columns.json("timing", &self.timing)?,
            storage: columns.word_if("storage", self.storage.as_deref())?,
            mode: columns.word("mode", &self.mode)?,
            keep: columns.json("keep", &self.keep)?,
            enabled: self.enabled,
            next_at: Timestamp(self.next_at),
            due_at: Timestamp(self.due_at),
            trying_since: self.trying_since.map(Timestamp),
            problem: self.problem,
            last_run_at: self.last_run_at.map(Timestamp),
            last_backup_id: self.last_backup_id.map(BackupId),
            failed_at: self.failed_at.map(Timestamp),
            created_at: Timestamp(self.created_at),
            fence: self.fence,
        })
    }
}

/// Adds a schedule.
pub async fn insert(tx: &mut Tx, schedule: &Schedule) -> Result<(), Error> {
    let sql = "insert into backup_schedules (id, instance_id, timing, keep, storage, mode, enabled, next_at, due_at,
            trying_since, problem, last_run_at, last_backup_id, failed_at, created_at, fence)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
    let s = schedule;
    let (timing, keep) = (json(&s.when)?, json(&s.keep)?);
    on!(tx, c => sqlx::query(sql)
        .bind(s.id.0).bind(s.instance_id.0).bind(timing.as_str()).bind(keep.as_str())
        .bind(s.storage.as_ref().map(StorageName::as_str)).bind(s.mode.as_str()).bind(s.enabled).bind(s.next_at.0)
        .bind(s.due_at.0).bind(s.trying_since.map(|at| at.0)).bind(s.problem.as_deref())
        .bind(s.last_run_at.map(|at| at.0)).bind(s.last_backup_id.map(|id| id.0)).bind(s.failed_at.map(|at| at.0))
        .bind(s.created_at.0).bind(s.fence).execute(c).await.map(drop))?;
    tx.wake(Topic::Backups);
    Ok(())
}

/// Writes a schedule, unless somebody has claimed or written it since it was read: then false, and nothing changes.
/// With a new fence, so that whoever has claimed it writes no more.
pub async fn save(tx: &mut Tx, schedule: &Schedule) -> Result<bool, Error> {
    let sql = "update backup_schedules set timing = $3, keep = $4, storage = $5, mode = $6, enabled = $7, next_at = $8,
            due_at = $9, trying_since = $10, problem = $11, last_run_at = $12, last_backup_id = $13, failed_at = $14,
            fence = fence + 1
        where id = $1 and fence = $2";
    let s = schedule;
    let (timing, keep) = (json(&s.when)?, json(&s.keep)?);
    let n = on!(tx, c => sqlx::query(sql)
        .bind(s.id.0).bind(s.fence).bind(timing.as_str()).bind(keep.as_str())
        .bind(s.storage.as_ref().map(StorageName::as_str)).bind(s.mode.as_str()).bind(s.enabled).bind(s.next_at.0)
        .bind(s.due_at.0).bind(s.trying_since.map(|at| at.0)).bind(s.problem.as_deref())
        .bind(s.last_run_at.map(|at| at.0)).bind(s.last_backup_id.map(|id| id.0)).bind(s.failed_at.map(|at| at.0))
        .execute(c).await.map(|r| r.rows_affected()))?;
    tx.wake(Topic::Backups);
    Ok(n > 0)
}

/// Removes a schedule; its backups stay. False when there is none.
pub async fn delete(tx: &mut Tx, id: ScheduleId) -> Result<bool, Error> {
    let sql = "delete from backup_schedules where id = $1";
    let n = on!(tx, c => sqlx::query(sql).bind(id.0).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n > 0)
}

/// The schedule with this id.
pub async fn by_id(db: &Db, id: ScheduleId) -> Result<Option<Schedule>, Error> {
    let sql = "select * from backup_schedules where id = $1";
    let row: Option<ScheduleRow> = on_db!(db, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    row.map(ScheduleRow::read).transpose()
}

/// The same; nobody else changes it until the transaction ends.
pub async fn by_id_tx(tx: &mut Tx, id: ScheduleId) -> Result<Option<Schedule>, Error> {
    let sql = format!("select * from backup_schedules where id = $1 {}", tx.for_update());
    let row: Option<ScheduleRow> =
        on!(tx, c => sqlx::query_as(AssertSqlSafe(sql)).bind(id.0).fetch_optional(c).await)?;
    row.map(ScheduleRow::read).transpose()
}

/// The schedules of an instance, oldest first.
pub async fn of_instance(db: &Db, instance: InstanceId) -> Result<Vec<Schedule>, Error> {
    let sql = "select * from backup_schedules where instance_id = $1 order by id";
    let rows: Vec<ScheduleRow> = on_db!(db, c => sqlx::query_as(sql).bind(instance.0).fetch_all(c).await)?;
    rows.into_iter().map(ScheduleRow::read).collect()
}

/// How many schedules an instance has.
pub async fn count(tx: &mut Tx, instance: InstanceId) -> Result<i64, Error> {
    let sql = "select count(*) from backup_schedules where instance_id = $1";
    Ok(on!(tx, c => sqlx::query_scalar(sql).bind(instance.0).fetch_one(c).await)?)
}

/// Claims schedules that are due, until then; they come with their new fence. Those of deleted instances are not.
pub async fn claim_due(
    tx: &mut Tx,
    now: Timestamp,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<Schedule>, Error> {
    let sql = format!(
        "with picked as materialized (
            select id as picked_id from backup_schedules
            where enabled and due_at <= $1 and instance_id in (select id from instances where deleted_at is null)
            order by due_at limit $2 {}
        )
        update backup_schedules set due_at = $3, fence = fence + 1
        from picked where backup_schedules.id = picked.picked_id returning *",
        tx.for_update_skip_locked()
    );
    let rows: Vec<ScheduleRow> = on!(tx, c => sqlx::query_as(AssertSqlSafe(sql))
        .bind(now.0).bind(limit).bind(until.0).fetch_all(c).await)?;
    let readable = rows.into_iter().filter_map(|row| {
        let id = ScheduleId(row.id);
        row.read().inspect_err(|error| tracing::error!(%id, %error, "a schedule cannot be read")).ok()
    });
    Ok(readable.collect())
}

/// Schedules with backups that their rules have not looked at yet.
pub async fn unweighed(db: &Db, limit: i64) -> Result<Vec<Schedule>, Error> {
    let sql = "select * from backup_schedules where id in (
            select schedule_id from backups where schedule_id is not null and not weighed and state = 'ready')
        order by id limit $1";
    let rows: Vec<ScheduleRow> = on_db!(db, c => sqlx::query_as(sql).bind(limit).fetch_all(c).await)?;
    rows.into_iter().map(ScheduleRow::read).collect()
}

/// Notes whether the rules of a schedule have looked at its backups as they are now.
pub async fn set_weighed(tx: &mut Tx, id: ScheduleId, weighed: bool) -> Result<(), Error> {
    let sql = "update backups set weighed = $2 where schedule_id = $1 and state = 'ready'";
    on!(tx, c => sqlx::query(sql).bind(id.0).bind(weighed).execute(c).await.map(drop))?;
    Ok(())
}

/// Instances of which a scheduled backup has failed or was left out since their owners were told last, and since
/// `since`; but not those told after `told_before`.
pub async fn untold(
    db: &Db,
    since: Timestamp,
    told_before: Timestamp,
    limit: i64,
) -> Result<Vec<InstanceId>, Error> {
    let sql = "select failures.instance_id from (
            select instance_id, ended_at as at from backups where state = 'failed' and maker = 'schedule'
            union all
            select instance_id, failed_at from backup_schedules where failed_at is not null
        ) failures
        left join backup_tellings on backup_tellings.instance_id = failures.instance_id
        where failures.at >= $1 and (told_at is null or (told_at <= $2 and failures.at > told_at))
        group by failures.instance_id limit $3";
    let ids: Vec<Uuid> = on_db!(db, c => sqlx::query_scalar(sql)
        .bind(since.0).bind(told_before.0).bind(limit).fetch_all(c).await)?;
    Ok(ids.into_iter().map(InstanceId).collect())
}

/// Notes that the owners of an instance are being told; false when somebody told them after `told_before`.
pub async fn told(
    tx: &mut Tx,
    instance: InstanceId,
    now: Timestamp,
    told_before: Timestamp,
) -> Result<bool, Error> {
    let sql = "insert into backup_tellings (instance_id, told_at) values ($1, $2)
        on conflict (instance_id) do update set told_at = excluded.told_at where backup_tellings.told_at <= $3";
    let n = on!(tx, c => sqlx::query(sql)
        .bind(instance.0).bind(now.0).bind(told_before.0).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n > 0)
}
