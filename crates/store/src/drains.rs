//! Rows of drains and their moves. One process at a time looks after a drain: it claims it for a while.

use innkeeper_domain::drains::{Drain, Move};
use innkeeper_domain::ids::{ClusterId, DrainId, InstanceId, OperationId, UserId};
use innkeeper_domain::names::NodeName;
use innkeeper_domain::time::Timestamp;
use uuid::Uuid;

use crate::columns::{Columns, json};
use crate::error::{Unique, explain};
use crate::{Db, Error, Tx};

const UNIQUE: &[Unique] =
    &[Unique { index: "drains_running", columns: "drains.cluster_id, drains.node", what: "drain" }];

#[derive(sqlx::FromRow)]
struct DrainRow {
    id: Uuid,
    cluster_id: Uuid,
    node: String,
    state: String,
    asked_by: Option<Uuid>,
    created_at: i64,
    ended_at: Option<i64>,
}

impl DrainRow {
    fn read(self) -> Result<Drain, Error> {
        let columns = Columns("drains");
        Ok(Drain {
            id: DrainId(self.id),
            cluster_id: ClusterId(self.cluster_id),
            node: columns.word("node", &self.node)?,
            state: columns.word("state", &self.state)?,
            asked_by: self.asked_by.map(UserId),
            created_at: Timestamp(self.created_at),
            ended_at: self.ended_at.map(Timestamp),
        })
    }
}

#[derive(sqlx::FromRow)]
struct MoveRow {
    instance_id: Uuid,
    state: String,
    destination: Option<String>,
    operation_id: Option<Uuid>,
    tries: i64,
    reason: Option<String>,
}

impl MoveRow {
    fn read(self) -> Result<Move, Error> {
        let columns = Columns("drain_moves");
        Ok(Move {
            instance_id: InstanceId(self.instance_id),
            state: columns.word("state", &self.state)?,
            to: self.destination.map(|text| columns.json("destination", &text)).transpose()?,
            operation_id: self.operation_id.map(OperationId),
            tries: columns.number("tries", self.tries)?,
            reason: self.reason,
        })
    }
}

/// Adds a drain. [`Error::Conflict`] `drain` when that node is being emptied already.
pub async fn insert(tx: &mut Tx, drain: &Drain, moves: &[Move]) -> Result<(), Error> {
    let sql = "insert into drains (id, cluster_id, node, state, asked_by, created_at, ended_at)
        values ($1, $2, $3, $4, $5, $6, $7)";
    on!(tx, c => sqlx::query(sql)
        .bind(drain.id.0).bind(drain.cluster_id.0).bind(drain.node.as_str()).bind(drain.state.as_str())
        .bind(drain.asked_by.map(|user| user.0)).bind(drain.created_at.0).bind(drain.ended_at.map(|at| at.0))
        .execute(c).await.map(drop))
    .map_err(|e| explain(e, UNIQUE))?;
    for one in moves {
        save_move(tx, drain.id, one).await?;
    }
    Ok(())
}

/// Writes how the move of one instance stands.
pub async fn save_move(tx: &mut Tx, drain: DrainId, one: &Move) -> Result<(), Error> {
    let sql =
        "insert into drain_moves (drain_id, instance_id, state, destination, operation_id, tries, reason)
        values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (drain_id, instance_id) do update set state = excluded.state,
            destination = excluded.destination, operation_id = excluded.operation_id, tries = excluded.tries,
            reason = excluded.reason";
    let to = one.to.as_ref().map(json).transpose()?;
    on!(tx, c => sqlx::query(sql)
        .bind(drain.0).bind(one.instance_id.0).bind(one.state.as_str()).bind(to.as_deref())
        .bind(one.operation_id.map(|id| id.0)).bind(i64::from(one.tries)).bind(one.reason.as_deref())
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Sets how a drain stands, unless it has ended; false then.
pub async fn end(tx: &mut Tx, drain: &Drain) -> Result<bool, Error> {
    let sql = "update drains set state = $2, ended_at = $3 where id = $1 and state = 'running'";
    let n = on!(tx, c => sqlx::query(sql)
        .bind(drain.id.0).bind(drain.state.as_str()).bind(drain.ended_at.map(|at| at.0))
        .execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n > 0)
}

/// The drain with this id.
pub async fn by_id(db: &Db, id: DrainId) -> Result<Option<Drain>, Error> {
    let sql = "select * from drains where id = $1";
    let row: Option<DrainRow> = on_db!(db, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    row.map(DrainRow::read).transpose()
}

/// Drains, newest first, those before (older than) `after`.
pub async fn list(db: &Db, after: Option<DrainId>, limit: i64) -> Result<Vec<Drain>, Error> {
    let sql = "select * from drains where ($1 is null or id < $1) order by id desc limit $2";
    let rows: Vec<DrainRow> = on_db!(db, c => sqlx::query_as(sql)
        .bind(after.map(|id| id.0)).bind(limit).fetch_all(c).await)?;
    rows.into_iter().map(DrainRow::read).collect()
}

/// The moves of a drain.
pub async fn moves(db: &Db, id: DrainId) -> Result<Vec<Move>, Error> {
    let sql = "select * from drain_moves where drain_id = $1 order by instance_id";
    let rows: Vec<MoveRow> = on_db!(db, c => sqlx::query_as(sql).bind(id.0).fetch_all(c).await)?;
    rows.into_iter().map(MoveRow::read).collect()
}

/// Claims the drains that run and that nobody else looks after.
pub async fn claim(tx: &mut Tx, now: Timestamp, until: Timestamp) -> Result<Vec<Drain>, Error> {
    let sql = "update drains set claimed_until = $2
        where state = 'running' and (claimed_until is null or claimed_until <= $1) returning *";
    let rows: Vec<DrainRow> = on!(tx, c => sqlx::query_as(sql).bind(now.0).bind(until.0).fetch_all(c).await)?;
    rows.into_iter().map(DrainRow::read).collect()
}

/// Gives a claim back.
pub async fn release(tx: &mut Tx, id: DrainId) -> Result<(), Error> {
    let sql = "update drains set claimed_until = null where id = $1";
    on!(tx, c => sqlx::query(sql).bind(id.0).execute(c).await.map(drop))?;
    Ok(())
}

/// The instances on a node that are not deleted.
pub async fn on_node(db: &Db, cluster: ClusterId, node: &NodeName) -> Result<Vec<InstanceId>, Error> {
    let sql =
        "select id from instances where cluster_id = $1 and node = $2 and deleted_at is null order by id";
    let ids: Vec<Uuid> =
        on_db!(db, c => sqlx::query_scalar(sql).bind(cluster.0).bind(node.as_str()).fetch_all(c).await)?;
    Ok(ids.into_iter().map(InstanceId).collect())
}
