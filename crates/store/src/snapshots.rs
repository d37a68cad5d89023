//! Rows of snapshots: what an instance's guest has, as last seen in Proxmox.

use innkeeper_domain::ids::InstanceId;
use innkeeper_domain::names::SnapshotName;
use innkeeper_domain::snapshots::Snapshot;
use innkeeper_domain::time::Timestamp;
use uuid::Uuid;

use crate::columns::Columns;
use crate::{Db, Error, Tx};

#[derive(sqlx::FromRow)]
struct SnapshotRow {
    instance_id: Uuid,
    name: String,
    description: String,
    memory: bool,
    parent: Option<String>,
    made_at: Option<i64>,
}

impl SnapshotRow {
    fn read(self) -> Result<Snapshot, Error> {
        Ok(Snapshot {
            instance_id: InstanceId(self.instance_id),
            name: Columns("snapshots").word("name", &self.name)?,
            description: self.description,
            memory: self.memory,
            parent: self.parent,
            made_at: self.made_at.map(Timestamp),
        })
    }
}

/// The snapshots of an instance, the oldest first, and when they were last read.
pub async fn of_instance(db: &Db, id: InstanceId) -> Result<(Vec<Snapshot>, Option<Timestamp>), Error> {
    let sql = "select * from snapshots where instance_id = $1 order by made_at, name";
    let rows: Vec<SnapshotRow> = on_db!(db, c => sqlx::query_as(sql).bind(id.0).fetch_all(c).await)?;
    let sql = "select snapshots_seen_at from instances where id = $1";
    let seen: Option<Option<i64>> =
        on_db!(db, c => sqlx::query_scalar(sql).bind(id.0).fetch_optional(c).await)?;
    let snapshots: Result<_, _> = rows.into_iter().map(SnapshotRow::read).collect();
    Ok((snapshots?, seen.flatten().map(Timestamp)))
}

/// Writes down what an instance has now; what is not among them is gone. True when that is news.
pub async fn replace(tx: &mut Tx, id: InstanceId, now: &[Snapshot], at: Timestamp) -> Result<bool, Error> {
    let sql = "select * from snapshots where instance_id = $1 order by made_at, name";
    let rows: Vec<SnapshotRow> = on!(tx, c => sqlx::query_as(sql).bind(id.0).fetch_all(c).await)?;
    let before: Vec<Snapshot> = rows.into_iter().map(SnapshotRow::read).collect::<Result<_, _>>()?;
    let sql = "update instances set snapshots_seen_at = $2 where id = $1";
    on!(tx, c => sqlx::query(sql).bind(id.0).bind(at.0).execute(c).await.map(drop))?;
    let same = before.len() == now.len() && before.iter().all(|snapshot| now.contains(snapshot));
    if same {
        return Ok(false);
    }
    let sql = "delete from snapshots where instance_id = $1";
    on!(tx, c => sqlx::query(sql).bind(id.0).execute(c).await.map(drop))?;
    let sql = "insert into snapshots (instance_id, name, description, memory, parent, made_at)
        values ($1, $2, $3, $4, $5, $6)";
    for snapshot in now {
        on!(tx, c => sqlx::query(sql)
            .bind(id.0).bind(snapshot.name.as_str()).bind(snapshot.description.as_str()).bind(snapshot.memory)
            .bind(snapshot.parent.as_deref()).bind(snapshot.made_at.map(|at| at.0))
            .execute(c).await.map(drop))?;
    }
    Ok(true)
}

/// Whether an instance has a snapshot of this name, as far as known.
pub async fn has(db: &Db, id: InstanceId, name: &SnapshotName) -> Result<bool, Error> {
    let sql = "select count(*) from snapshots where instance_id = $1 and name = $2";
    let n: i64 = on_db!(db, c => sqlx::query_scalar(sql).bind(id.0).bind(name.as_str()).fetch_one(c).await)?;
    Ok(n > 0)
}
