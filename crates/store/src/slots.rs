//! Who holds a place at a gate while a task of theirs runs: at most so many tasks per node and per storage.

use innkeeper_domain::ids::{ClusterId, InstanceId};
use uuid::Uuid;

use crate::db::Lock;
use crate::{Error, Tx};

/// Whether a place was to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The instance holds its places.
    Yes,
    /// The node's gate is full.
    NodeFull,
    /// The storage's gate is full.
    StorageFull,
}

/// Takes a place at the node's gate and, if given, at the storage's: both or none. Taken again, nothing changes;
/// asked for at other gates, the place moves there if there is room. Nobody else takes a place in this cluster until
/// the transaction ends.
pub async fn take(
    tx: &mut Tx,
    instance: InstanceId,
    cluster: ClusterId,
    node_gate: &str,
    node_limit: i64,
    storage: Option<(&str, i64)>,
) -> Result<Taken, Error> {
    tx.lock(Lock::Slots(cluster.0)).await?;
    let storage_gate = storage.map(|(gate, _)| gate);
    let held = held_by(tx, instance).await?;
    if held.is_some_and(|(c, node, storage)| {
        c == cluster && node == node_gate && storage.as_deref() == storage_gate
    }) {
        return Ok(Taken::Yes);
    }
    let sql = "select count(*) from slots where cluster_id = $1 and node_gate = $2 and instance_id <> $3";
    let used: i64 = on!(tx, c => sqlx::query_scalar(sql)
        .bind(cluster.0).bind(node_gate).bind(instance.0).fetch_one(c).await)?;
    if used >= node_limit {
        return Ok(Taken::NodeFull);
    }
    if let Some((gate, limit)) = storage {
        let sql =
            "select count(*) from slots where cluster_id = $1 and storage_gate = $2 and instance_id <> $3";
        let used: i64 = on!(tx, c => sqlx::query_scalar(sql)
            .bind(cluster.0).bind(gate).bind(instance.0).fetch_one(c).await)?;
        if used >= limit {
            return Ok(Taken::StorageFull);
        }
    }
    let sql = "insert into slots (instance_id, cluster_id, node_gate, storage_gate) values ($1, $2, $3, $4)
        on conflict (instance_id) do update set cluster_id = excluded.cluster_id,
            node_gate = excluded.node_gate, storage_gate = excluded.storage_gate";
    on!(tx, c => sqlx::query(sql)
        .bind(instance.0).bind(cluster.0).bind(node_gate).bind(storage_gate)
        .execute(c).await.map(drop))?;
    Ok(Taken::Yes)
}

async fn held_by(
    tx: &mut Tx,
    instance: InstanceId,
) -> Result<Option<(ClusterId, String, Option<String>)>, Error> {
    let sql = "select cluster_id, node_gate, storage_gate from slots where instance_id = $1";
    let row: Option<(Uuid, String, Option<String>)> =
        on!(tx, c => sqlx::query_as(sql).bind(instance.0).fetch_optional(c).await)?;
    Ok(row.map(|(cluster, node, storage)| (ClusterId(cluster), node, storage)))
}

/// Gives the instance's places back and says which they were: the cluster, the node's gate and the storage's. Wake
/// those who wait ([`crate::instances::open_gate`]) in the same transaction: who found the gate full has by then said
/// that they wait, if they did so in the transaction in which they asked.
pub async fn give_back(
    tx: &mut Tx,
    instance: InstanceId,
) -> Result<Option<(ClusterId, String, Option<String>)>, Error> {
    let Some(held) = held_by(tx, instance).await? else { return Ok(None) };
    tx.lock(Lock::Slots(held.0.0)).await?;
    let sql = "delete from slots where instance_id = $1";
    let n = on!(tx, c => sqlx::query(sql).bind(instance.0).execute(c).await.map(|r| r.rows_affected()))?;
    Ok((n > 0).then_some(held))
}
