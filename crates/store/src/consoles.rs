//! Rows of consoles that are open. Whoever relays one says so from time to time; one of which nobody says so any more
//! does not count.

use innkeeper_domain::consoles::{Console, Count};
use innkeeper_domain::ids::{ClusterId, ConsoleId, InstanceId, ProjectId, UserId};
use innkeeper_domain::names::NodeName;
use innkeeper_domain::time::Timestamp;
use uuid::Uuid;

use crate::columns::{Columns, count};
use crate::db::Lock;
use crate::{Error, Tx};

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    user_id: Option<Uuid>,
    project_id: Uuid,
    instance_id: Uuid,
    cluster_id: Uuid,
    node: String,
    kind: String,
    opened_at: i64,
    seen_at: i64,
    bytes_in: i64,
    bytes_out: i64,
}

impl Row {
    fn read(self) -> Result<Console, Error> {
        let columns = Columns("consoles");
        Ok(Console {
            id: ConsoleId(self.id),
            user_id: self.user_id.map(UserId),
            project_id: ProjectId(self.project_id),
            instance_id: InstanceId(self.instance_id),
            cluster_id: ClusterId(self.cluster_id),
            node: columns.word("node", &self.node)?,
            kind: columns.word("kind", &self.kind)?,
            opened_at: Timestamp(self.opened_at),
            seen_at: Timestamp(self.seen_at),
            bytes_in: columns.number("bytes_in", self.bytes_in)?,
            bytes_out: columns.number("bytes_out", self.bytes_out)?,
        })
    }
}

/// How many are open and were heard of since then; without a user, those of whoever holds the lease in the project. Nobody else opens one until the transaction ends.
pub async fn open(
    tx: &mut Tx,
    user: Option<UserId>,
    project: ProjectId,
    cluster: ClusterId,
    node: &NodeName,
    since: Timestamp,
) -> Result<Count, Error> {
    tx.lock(Lock::Consoles).await?;
    let sql = "select coalesce(sum(case when user_id = $1 or ($1 is null and user_id is null and project_id = $5) then 1 else 0 end), 0),
            coalesce(sum(case when cluster_id = $2 and node = $3 then 1 else 0 end), 0), count(*)
        from consoles where seen_at >= $4";
    let (of_user, of_node, in_house): (i64, i64, i64) = on!(tx, c => sqlx::query_as(sql)
        .bind(user.map(|user| user.0)).bind(cluster.0).bind(node.as_str()).bind(since.0).bind(project.0).fetch_one(c).await)?;
    Ok(Count {
        of_user: of_user.unsigned_abs(),
        of_node: of_node.unsigned_abs(),
        in_house: in_house.unsigned_abs(),
    })
}

/// Adds one.
pub async fn insert(tx: &mut Tx, new: &Console) -> Result<(), Error> {
    let sql = "insert into consoles (id, user_id, project_id, instance_id, cluster_id, node, kind, opened_at, seen_at,
            bytes_in, bytes_out)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    on!(tx, c => sqlx::query(sql)
        .bind(new.id.0).bind(new.user_id.map(|user| user.0)).bind(new.project_id.0).bind(new.instance_id.0).bind(new.cluster_id.0)
        .bind(new.node.as_str()).bind(new.kind.as_str()).bind(new.opened_at.0).bind(new.seen_at.0)
        .bind(count(new.bytes_in)).bind(count(new.bytes_out))
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Says that one is still relayed, and what went through it; false when it is not there any more.
pub async fn tell(
    tx: &mut Tx,
    id: ConsoleId,
    bytes_in: u64,
    bytes_out: u64,
    now: Timestamp,
) -> Result<bool, Error> {
    let sql = "update consoles set seen_at = $2, bytes_in = $3, bytes_out = $4 where id = $1";
    let n = on!(tx, c => sqlx::query(sql)
        .bind(id.0).bind(now.0).bind(count(bytes_in)).bind(count(bytes_out))
        .execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n == 1)
}

/// Removes one and gives what it was; none when somebody else did.
pub async fn remove(tx: &mut Tx, id: ConsoleId) -> Result<Option<Console>, Error> {
    let sql = "delete from consoles where id = $1 returning *";
    let row: Option<Row> = on!(tx, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    row.map(Row::read).transpose()
}

/// Removes those that were not heard of since then, and gives what they were.
pub async fn remove_silent(tx: &mut Tx, since: Timestamp) -> Result<Vec<Console>, Error> {
    let sql = "delete from consoles where seen_at < $1 returning *";
    let rows: Vec<Row> = on!(tx, c => sqlx::query_as(sql).bind(since.0).fetch_all(c).await)?;
    rows.into_iter().map(Row::read).collect()
}
