//! The VMIDs of our ranges that are in use: by our instances, or by guests that are not ours.
//!
//! A number that comes free rests until the range has gone round, so that an old task or backup is not taken for
//! the new guest's.

use innkeeper_domain::ids::{ClusterId, InstanceId};

use crate::columns::{Columns, json};
use crate::{Error, Tx};

/// Takes the next free number of the cluster's range for an instance; none when the range is full. The instance's
/// row may follow in the same transaction.
pub async fn claim(tx: &mut Tx, cluster: ClusterId, instance: InstanceId) -> Result<Option<u32>, Error> {
    // Whoever claims next waits here for this transaction to end.
    let sql =
        "update clusters set last_vmid = last_vmid where id = $1 returning vmid_first, vmid_last, last_vmid";
    let range: Option<(i64, i64, i64)> =
        on!(tx, c => sqlx::query_as(sql).bind(cluster.0).fetch_optional(c).await)?;
    let Some((first, end, last)) = range else { return Err(sqlx::Error::RowNotFound.into()) };
    let last = last.clamp(first - 1, end);
    loop {
        let found = match free_after(tx, cluster, last, end).await? {
            Some(vmid) => Some(vmid),
            None => free_after(tx, cluster, first - 1, last).await?,
        };
        let Some(vmid) = found else { return Ok(None) };
        let sql = "insert into vmids (cluster_id, vmid, holder, instance_id) values ($1, $2, 'ours', $3)
            on conflict (cluster_id, vmid) do nothing";
        let taken = on!(tx, c => sqlx::query(sql)
            .bind(cluster.0).bind(vmid).bind(instance.0).execute(c).await.map(|r| r.rows_affected()))?;
        if taken == 1 {
            let sql = "update clusters set last_vmid = $2 where id = $1";
            on!(tx, c => sqlx::query(sql).bind(cluster.0).bind(vmid).execute(c).await.map(drop))?;
            return Columns("vmids").number("vmid", vmid).map(Some);
        }
        // Seen as somebody else's in this very moment; look again.
    }
}

/// The smallest number in `after+1 ..= end` that nobody holds: either the first, or one that follows a held one.
async fn free_after(tx: &mut Tx, cluster: ClusterId, after: i64, end: i64) -> Result<Option<i64>, Error> {
    let sql = "select min(candidate) from (
            select $2 + 1 as candidate
            union all
            select vmid + 1 from vmids where cluster_id = $1 and vmid > $2 and vmid < $3
        ) candidates
        where candidate <= $3
            and not exists (select 1 from vmids held where held.cluster_id = $1 and held.vmid = candidate)";
    Ok(on!(tx, c => sqlx::query_scalar(sql).bind(cluster.0).bind(after).bind(end).fetch_one(c).await)?)
}

/// This number belongs to somebody else now.
pub async fn foreign(tx: &mut Tx, cluster: ClusterId, vmid: u32) -> Result<(), Error> {
    let sql = "insert into vmids (cluster_id, vmid, holder, instance_id) values ($1, $2, 'foreign', null)
        on conflict (cluster_id, vmid) do update set holder = 'foreign', instance_id = null";
    on!(tx, c => sqlx::query(sql).bind(cluster.0).bind(i64::from(vmid)).execute(c).await.map(drop))?;
    Ok(())
}

/// This number, of our range or not, belongs to an instance of ours that was adopted. False when another instance has
/// it.
pub async fn hold(tx: &mut Tx, cluster: ClusterId, vmid: u32, instance: InstanceId) -> Result<bool, Error> {
    let sql = "insert into vmids (cluster_id, vmid, holder, instance_id) values ($1, $2, 'ours', $3)
        on conflict (cluster_id, vmid) do update set holder = 'ours', instance_id = excluded.instance_id
            where vmids.holder = 'foreign'";
    let n = on!(tx, c => sqlx::query(sql)
        .bind(cluster.0).bind(i64::from(vmid)).bind(instance.0).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n > 0)
}

/// Nobody holds this number any more.
pub async fn release(tx: &mut Tx, cluster: ClusterId, vmid: u32) -> Result<(), Error> {
    let sql = "delete from vmids where cluster_id = $1 and vmid = $2";
    on!(tx, c => sqlx::query(sql).bind(cluster.0).bind(i64::from(vmid)).execute(c).await.map(drop))?;
    Ok(())
}

/// These numbers, and no others, were seen to belong to somebody else. Numbers that we hold stay ours.
pub async fn set_foreign(tx: &mut Tx, cluster: ClusterId, vmids: &[u32]) -> Result<(), Error> {
    let mut vmids: Vec<u32> = vmids.to_vec();
    vmids.sort_unstable();
    vmids.dedup();
    let list = json(&vmids)?;
    let sql = "delete from vmids where cluster_id = $1 and holder = 'foreign'
        and vmid not in (select cast(value as bigint) from json_each($2))";
    on!(tx, c => sqlx::query(sql).bind(cluster.0).bind(list.as_str()).execute(c).await.map(drop))?;
    // `where true` keeps SQLite from reading `on` as the beginning of a join.
    let sql = "insert into vmids (cluster_id, vmid, holder, instance_id)
        select $1, cast(value as bigint), 'foreign', null from json_each($2) where true order by 2
        on conflict (cluster_id, vmid) do nothing";
    on!(tx, c => sqlx::query(sql).bind(cluster.0).bind(list.as_str()).execute(c).await.map(drop))?;
    Ok(())
}
