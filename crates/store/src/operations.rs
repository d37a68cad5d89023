//! Rows of operations and their steps. An operation that has ended never changes again.

use std::collections::HashMap;

use innkeeper_domain::ids::{InstanceId, OperationId, ProjectId, UserId};
use innkeeper_domain::instances::Act;
use innkeeper_domain::operations::{Fault, Operation, State, StepRecord, StepState};
use innkeeper_domain::time::Timestamp;
use uuid::Uuid;

use crate::columns::{Columns, id_list, json};
use crate::{Db, Error, Tx};

#[derive(sqlx::FromRow)]
struct OperationRow {
    id: Uuid,
    instance_id: Uuid,
    project_id: Uuid,
    verb: String,
    state: String,
    asked_by: Option<Uuid>,
    created_at: i64,
    ended_at: Option<i64>,
    deadline: Option<i64>,
    fault_code: Option<String>,
    fault_message: Option<String>,
    errand: Option<String>,
}

impl OperationRow {
    fn read(self, steps: Vec<StepRecord>) -> Result<Operation, Error> {
        let columns = Columns("operations");
        Ok(Operation {
            id: OperationId(self.id),
            instance_id: InstanceId(self.instance_id),
            project_id: ProjectId(self.project_id),
            verb: columns.word("verb", &self.verb)?,
            errand: self.errand.map(|text| columns.json("errand", &text)).transpose()?,
            state: columns.word("state", &self.state)?,
            asked_by: self.asked_by.map(UserId),
            created_at: Timestamp(self.created_at),
            ended_at: self.ended_at.map(Timestamp),
            deadline: self.deadline.map(Timestamp),
            fault: self.fault_code.zip(self.fault_message).map(|(code, message)| Fault { code, message }),
            steps,
        })
    }
}

#[derive(sqlx::FromRow)]
struct StepRow {
    operation_id: Uuid,
    seq: i64,
    act: String,
    state: String,
    upid: Option<String>,
    detail: Option<String>,
    started_at: i64,
    ended_at: Option<i64>,
}

impl StepRow {
    fn read(self) -> Result<StepRecord, Error> {
        let columns = Columns("operation_steps");
        Ok(StepRecord {
            seq: columns.number("seq", self.seq)?,
            act: columns.word("act", &self.act)?,
            state: columns.word("state", &self.state)?,
            upid: self.upid,
            detail: self.detail,
            started_at: Timestamp(self.started_at),
            ended_at: self.ended_at.map(Timestamp),
        })
    }
}

/// Which operations to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only those of these projects.
    pub project_ids: Option<Vec<ProjectId>>,
    /// Only those of this instance.
    pub instance_id: Option<InstanceId>,
    /// Only those that have not ended.
    pub active_only: bool,
}

/// The text of [`list`], beginning with the condition that an index serves.
macro_rules! list_sql {
    ($first:literal) => {
        concat!(
            "select * from operations where ",
            $first,
            " and ($1 is null or project_id in (select unhex(value) from json_each($1)))
                and ($2 is null or instance_id = $2)
                and (not $3 or state in ('pending', 'running', 'undoing'))
                and ($4 is null or id < $4)
            order by id desc limit $5"
        )
    };
}

/// Adds an operation; its steps come by [`begin_step`].
pub async fn insert(tx: &mut Tx, operation: &Operation) -> Result<(), Error> {
    let sql =
        "insert into operations (id, instance_id, project_id, verb, state, asked_by, created_at, ended_at,
            deadline, fault_code, fault_message, errand)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    let fault = operation.fault.as_ref();
    let errand = operation.errand.as_ref().map(json).transpose()?;
    on!(tx, c => sqlx::query(sql)
        .bind(operation.id.0).bind(operation.instance_id.0).bind(operation.project_id.0)
        .bind(operation.verb.as_str()).bind(operation.state.as_str())
        .bind(operation.asked_by.map(|user| user.0)).bind(operation.created_at.0)
        .bind(operation.ended_at.map(|at| at.0)).bind(operation.deadline.map(|at| at.0))
        .bind(fault.map(|f| f.code.as_str())).bind(fault.map(|f| f.message.as_str())).bind(errand.as_deref())
        .execute(c).await.map(drop))?;
    Ok(())
}

/// The operation with this id and its steps.
pub async fn by_id(db: &Db, id: OperationId) -> Result<Option<Operation>, Error> {
    let sql = "select * from operations where id = $1";
    let row: Option<OperationRow> = on_db!(db, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    Ok(with_steps(db, row.into_iter().collect()).await?.pop())
}

/// The operation with this id, without its steps, as a transaction sees it.
pub async fn by_id_tx(tx: &mut Tx, id: OperationId) -> Result<Option<Operation>, Error> {
    let sql = "select * from operations where id = $1";
    let row: Option<OperationRow> = on!(tx, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    row.map(|row| row.read(Vec::new())).transpose()
}

/// Operations with their steps, newest first, those before (older than) `after`.
pub async fn list(
    db: &Db,
    filter: &Filter,
    after: Option<OperationId>,
    limit: i64,
) -> Result<Vec<Operation>, Error> {
    let sql = match filter {
        Filter { instance_id: Some(_), .. } => list_sql!("instance_id = $2"),
        Filter { active_only: true, .. } => list_sql!("state in ('pending', 'running', 'undoing')"),
        Filter { project_ids: Some(_), .. } => {
            list_sql!("project_id in (select unhex(value) from json_each($1))")
        }
        _ => list_sql!("$1 is null"),
    };
    let projects = filter.project_ids.as_ref().map(|ids| id_list(ids.iter().map(|id| id.0)));
    let rows: Vec<OperationRow> = on_db!(db, c => sqlx::query_as(sql)
        .bind(projects.as_deref()).bind(filter.instance_id.map(|id| id.0)).bind(filter.active_only)
        .bind(after.map(|id| id.0)).bind(limit).fetch_all(c).await)?;
    with_steps(db, rows).await
}

async fn with_steps(db: &Db, rows: Vec<OperationRow>) -> Result<Vec<Operation>, Error> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let sql = "select * from operation_steps where operation_id in (select unhex(value) from json_each($1))
        order by operation_id, seq";
    let ids = id_list(rows.iter().map(|row| row.id));
    let steps: Vec<StepRow> = on_db!(db, c => sqlx::query_as(sql).bind(ids.as_str()).fetch_all(c).await)?;
    let mut by_operation: HashMap<Uuid, Vec<StepRecord>> = HashMap::new();
    for step in steps {
        by_operation.entry(step.operation_id).or_default().push(step.read()?);
    }
    rows.into_iter()
        .map(|row| {
            let steps = by_operation.remove(&row.id).unwrap_or_default();
            row.read(steps)
        })
        .collect()
}

/// Sets how an operation stands; false, and nothing changes, when it has ended before. A fault once given stays
/// unless another takes its place.
pub async fn set_state(
    tx: &mut Tx,
    id: OperationId,
    state: State,
    fault: Option<&Fault>,
    ended_at: Option<Timestamp>,
) -> Result<bool, Error> {
    let sql = "update operations set state = $2, fault_code = coalesce($3, fault_code),
            fault_message = coalesce($4, fault_message), ended_at = $5
        where id = $1 and state not in ('succeeded', 'failed', 'superseded')";
    let n = on!(tx, c => sqlx::query(sql)
        .bind(id.0).bind(state.as_str())
        .bind(fault.map(|f| f.code.as_str())).bind(fault.map(|f| f.message.as_str()))
        .bind(ended_at.map(|at| at.0))
        .execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n > 0)
}

/// Gives an operation that could not go on more time.
pub async fn postpone(tx: &mut Tx, id: OperationId, deadline: Option<Timestamp>) -> Result<(), Error> {
    let sql = "update operations set deadline = $2 where id = $1";
    on!(tx, c => sqlx::query(sql).bind(id.0).bind(deadline.map(|at| at.0)).execute(c).await.map(drop))?;
    Ok(())
}

/// Begins the next step and returns its number, counting from 1.
pub async fn begin_step(tx: &mut Tx, id: OperationId, act: Act, at: Timestamp) -> Result<i32, Error> {
    let sql = "insert into operation_steps (operation_id, seq, act, state, started_at)
        values ($1, (select coalesce(max(seq), 0) + 1 from operation_steps where operation_id = $1), $2, 'running', $3)
        returning seq";
    let seq: i64 = on!(tx, c => sqlx::query_scalar(sql)
        .bind(id.0).bind(act.as_str()).bind(at.0).fetch_one(c).await)?;
    Columns("operation_steps").number("seq", seq)
}

/// Records the Proxmox task of a step.
pub async fn step_upid(tx: &mut Tx, id: OperationId, seq: i32, upid: &str) -> Result<(), Error> {
    let sql = "update operation_steps set upid = $3 where operation_id = $1 and seq = $2";
    on!(tx, c => sqlx::query(sql).bind(id.0).bind(i64::from(seq)).bind(upid).execute(c).await.map(drop))?;
    Ok(())
}

/// Ends a step.
pub async fn end_step(
    tx: &mut Tx,
    id: OperationId,
    seq: i32,
    state: StepState,
    detail: Option<&str>,
    at: Timestamp,
) -> Result<(), Error> {
    let sql = "update operation_steps set state = $3, detail = $4, ended_at = $5
        where operation_id = $1 and seq = $2";
    on!(tx, c => sqlx::query(sql)
        .bind(id.0).bind(i64::from(seq)).bind(state.as_str()).bind(detail).bind(at.0)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Ends the steps that still run as cancelled: a later operation took over.
pub async fn abandon_steps(tx: &mut Tx, id: OperationId, at: Timestamp) -> Result<(), Error> {
    let sql = "update operation_steps set state = 'cancelled', ended_at = $2
        where operation_id = $1 and state = 'running'";
    on!(tx, c => sqlx::query(sql).bind(id.0).bind(at.0).execute(c).await.map(drop))?;
    Ok(())
}

/// The last step that is still running, if any.
pub async fn open_step(tx: &mut Tx, id: OperationId) -> Result<Option<StepRecord>, Error> {
    let sql = "select * from operation_steps where operation_id = $1 and state = 'running'
        order by seq desc limit 1";
    let row: Option<StepRow> = on!(tx, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    row.map(StepRow::read).transpose()
}

/// Every Proxmox task ever recorded for an instance, oldest first.
pub async fn upids(tx: &mut Tx, instance: InstanceId) -> Result<Vec<String>, Error> {
    let sql = "select operation_steps.upid from operation_steps
        join operations on operations.id = operation_steps.operation_id
        where operations.instance_id = $1 and operation_steps.upid is not null
        order by operations.id, operation_steps.seq";
    Ok(on!(tx, c => sqlx::query_scalar(sql).bind(instance.0).fetch_all(c).await)?)
}
