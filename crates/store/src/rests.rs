//! Guests that were stopped for the sleep of a host.

use innkeeper_domain::ids::{HostId, InstanceId};
use innkeeper_domain::time::Timestamp;
use uuid::Uuid;

use crate::columns::Columns;
use crate::{Db, Error, Tx};

/// A guest that was asked to stop for the sleep of its host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rest {
    /// Whose sleep.
    pub host_id: HostId,
    /// Its number.
    pub vmid: u32,
    /// The instance, where it is one of ours.
    pub instance_id: Option<InstanceId>,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// Until when it is waited for; afterwards it is cut off.
    pub deadline: Timestamp,
    /// It is to be started again when the host is awake.
    pub rouse: bool,
}

#[derive(sqlx::FromRow)]
struct Row {
    host_id: Uuid,
    vmid: i64,
    instance_id: Option<Uuid>,
    asked_at: i64,
    deadline: i64,
    rouse: bool,
}

/// Those of a host, by number.
pub async fn of(db: &Db, host: HostId) -> Result<Vec<Rest>, Error> {
    let sql = "select * from rests where host_id = $1 order by vmid";
    let rows: Vec<Row> = on_db!(db, c => sqlx::query_as(sql).bind(host.0).fetch_all(c).await)?;
    let read = |row: Row| {
        Ok(Rest {
            host_id: HostId(row.host_id),
            vmid: Columns("rests").number("vmid", row.vmid)?,
            instance_id: row.instance_id.map(InstanceId),
            asked_at: Timestamp(row.asked_at),
            deadline: Timestamp(row.deadline),
            rouse: row.rouse,
        })
    };
    rows.into_iter().map(read).collect()
}

/// Writes that a guest is about to be asked to stop, unless that is written already.
pub async fn insert(tx: &mut Tx, rest: &Rest) -> Result<(), Error> {
    let sql = "insert into rests (host_id, vmid, instance_id, asked_at, deadline, rouse)
        values ($1, $2, $3, $4, $5, $6) on conflict (host_id, vmid) do nothing";
    on!(tx, c => sqlx::query(sql)
        .bind(rest.host_id.0).bind(i64::from(rest.vmid)).bind(rest.instance_id.map(|id| id.0))
        .bind(rest.asked_at.0).bind(rest.deadline.0).bind(rest.rouse).execute(c).await.map(drop))?;
    Ok(())
}

/// Forgets one: it was started again, or is nobody's any more.
pub async fn remove(tx: &mut Tx, host: HostId, vmid: u32) -> Result<(), Error> {
    let sql = "delete from rests where host_id = $1 and vmid = $2";
    on!(tx, c => sqlx::query(sql).bind(host.0).bind(i64::from(vmid)).execute(c).await.map(drop))?;
    Ok(())
}
