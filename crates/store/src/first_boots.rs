//! Rows of scripts that run in instances at their first start. The script itself is sealed.

use innkeeper_domain::first_boots::FirstBoot;
use innkeeper_domain::ids::InstanceId;
use innkeeper_domain::time::Timestamp;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::columns::Columns;
use crate::seal::Sealed;
use crate::{Db, Error, Tx};

#[derive(sqlx::FromRow)]
struct Row {
    instance_id: Uuid,
    script: String,
    state: String,
    exit_code: Option<i64>,
    log: String,
    problem: Option<String>,
    created_at: i64,
    tried_at: Option<i64>,
    began_at: Option<i64>,
    ended_at: Option<i64>,
    attempts: i64,
}

/// One that was claimed.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// How it stands.
    pub boot: FirstBoot,
    /// What is to be run.
    pub script: Sealed,
    /// The number of the claim.
    pub attempts: i64,
}

impl Row {
    fn read(self) -> Result<Claimed, Error> {
        let columns = Columns("first_boots");
        let boot = FirstBoot {
            instance_id: InstanceId(self.instance_id),
            state: columns.word("state", &self.state)?,
            exit_code: self.exit_code.map(|code| columns.number("exit_code", code)).transpose()?,
            log: self.log,
            problem: self.problem,
            created_at: Timestamp(self.created_at),
            tried_at: self.tried_at.map(Timestamp),
            began_at: self.began_at.map(Timestamp),
            ended_at: self.ended_at.map(Timestamp),
        };
        Ok(Claimed { boot, script: Sealed::from_text(self.script), attempts: self.attempts })
    }
}

/// Adds the script of a new instance, due at once.
pub async fn insert(tx: &mut Tx, boot: &FirstBoot, script: &Sealed) -> Result<(), Error> {
    let sql = "insert into first_boots (instance_id, script, state, log, created_at, due_at, attempts)
        values ($1, $2, $3, $4, $5, $5, 0)";
    on!(tx, c => sqlx::query(sql)
        .bind(boot.instance_id.0).bind(script.as_str()).bind(boot.state.as_str()).bind(boot.log.as_str())
        .bind(boot.created_at.0).execute(c).await.map(drop))?;
    Ok(())
}

/// How the script of an instance stands, if it has one.
pub async fn of(db: &Db, id: InstanceId) -> Result<Option<FirstBoot>, Error> {
    let sql = "select * from first_boots where instance_id = $1";
    let row: Option<Row> = on_db!(db, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    row.map(|row| row.read().map(|claimed| claimed.boot)).transpose()
}

/// Claims scripts that are due, until then: whoever dies with one leaves it to the next. One that cannot be read is
/// logged and left for a newer program.
pub async fn claim_due(
    tx: &mut Tx,
    now: Timestamp,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<Claimed>, Error> {
    let lock = tx.for_update_skip_locked();
    let sql = AssertSqlSafe(format!(
        "with picked as materialized (
            select instance_id as picked_id from first_boots where due_at <= $1 order by due_at limit $3 {lock})
        update first_boots set due_at = $2, attempts = attempts + 1
        from picked where first_boots.instance_id = picked.picked_id
        returning instance_id, script, state, exit_code, log, problem, created_at, tried_at, began_at, ended_at, attempts"
    ));
    let rows: Vec<Row> =
        on!(tx, c => sqlx::query_as(sql).bind(now.0).bind(until.0).bind(limit).fetch_all(c).await)?;
    let read = |row: Row| {
        let id = InstanceId(row.instance_id);
        row.read()
            .inspect_err(|error| tracing::error!(%id, %error, "a first-boot script cannot be read"))
            .ok()
    };
    Ok(rows.into_iter().filter_map(read).collect())
}

/// Writes down how a claimed script stands, and when to look again, if at all. False, and nothing changes, when another
/// has claimed it since.
pub async fn save(tx: &mut Tx, claimed: &Claimed, due_at: Option<Timestamp>) -> Result<bool, Error> {
    let sql = "update first_boots set state = $3, exit_code = $4, log = $5, problem = $6, tried_at = $7, began_at = $8,
            ended_at = $9, due_at = $10
        where instance_id = $1 and attempts = $2";
    let boot = &claimed.boot;
    let n = on!(tx, c => sqlx::query(sql)
        .bind(boot.instance_id.0).bind(claimed.attempts).bind(boot.state.as_str()).bind(boot.exit_code.map(i64::from))
        .bind(boot.log.as_str()).bind(boot.problem.as_deref()).bind(boot.tried_at.map(|at| at.0))
        .bind(boot.began_at.map(|at| at.0)).bind(boot.ended_at.map(|at| at.0)).bind(due_at.map(|at| at.0))
        .execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n > 0)
}

/// When the next one is due.
pub async fn next_due(db: &Db) -> Result<Option<Timestamp>, Error> {
    let sql = "select min(due_at) from first_boots where due_at is not null";
    let at: Option<i64> = on_db!(db, c => sqlx::query_scalar(sql).fetch_one(c).await)?;
    Ok(at.map(Timestamp))
}

/// The guest is made anew, so that its first start is yet to come.
pub async fn begin_anew(tx: &mut Tx, id: InstanceId, now: Timestamp) -> Result<(), Error> {
    let sql = "update first_boots set state = 'waiting', exit_code = null, log = '', problem = null, tried_at = null,
            began_at = null, ended_at = null, due_at = $2, attempts = attempts + 1
        where instance_id = $1 and state <> 'waiting'";
    on!(tx, c => sqlx::query(sql).bind(id.0).bind(now.0).execute(c).await.map(drop))?;
    Ok(())
}

/// Removes the scripts of instances that are gone.
pub async fn prune(tx: &mut Tx) -> Result<u64, Error> {
    let sql = "delete from first_boots
        where exists (select 1 from instances i where i.id = instance_id and i.deleted_at is not null)";
    Ok(on!(tx, c => sqlx::query(sql).execute(c).await.map(|r| r.rows_affected()))?)
}
