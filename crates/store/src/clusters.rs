//! Rows of clusters. The token secret is sealed and leaves only through [`secret`].

use innkeeper_domain::clusters::{Cluster, Endpoint, Health, VmidRange};
use innkeeper_domain::ids::ClusterId;
use innkeeper_domain::time::Timestamp;
use uuid::Uuid;

use crate::columns::{Columns, json};
use crate::seal::Sealed;
use crate::{Db, Error, Tx};

#[derive(sqlx::FromRow)]
struct ClusterRow {
    id: Uuid,
    name: String,
    endpoints: String,
    token_id: String,
    bridge: String,
    pool: Option<String>,
    vmid_first: i64,
    vmid_last: i64,
    priority: i64,
    open: bool,
    health: String,
    problem: Option<String>,
    version: Option<String>,
    seen_at: Option<i64>,
    created_at: i64,
}

impl ClusterRow {
    fn read(self) -> Result<Cluster, Error> {
        let columns = Columns("clusters");
        Ok(Cluster {
            id: ClusterId(self.id),
            name: columns.word("name", &self.name)?,
            endpoints: columns.json("endpoints", &self.endpoints)?,
            token_id: self.token_id,
            bridge: self.bridge,
            pool: self.pool,
            vmids: VmidRange {
                first: columns.number("vmid_first", self.vmid_first)?,
                last: columns.number("vmid_last", self.vmid_last)?,
            },
            priority: columns.number("priority", self.priority)?,
            open: self.open,
            health: columns.word("health", &self.health)?,
            problem: self.problem,
            version: self.version,
            seen_at: self.seen_at.map(Timestamp),
            created_at: Timestamp(self.created_at),
        })
    }
}

/// Adds a cluster with its sealed token secret.
pub async fn insert(tx: &mut Tx, cluster: &Cluster, secret: &Sealed) -> Result<(), Error> {
    let sql = "insert into clusters (id, name, endpoints, token_id, token_secret, bridge, pool, vmid_first,
            vmid_last, last_vmid, priority, open, health, problem, version, seen_at, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $8 - 1, $10, $11, $12, $13, $14, $15, $16)";
    let endpoints = json(&cluster.endpoints)?;
    on!(tx, c => sqlx::query(sql)
        .bind(cluster.id.0).bind(cluster.name.as_str()).bind(endpoints.as_str())
        .bind(cluster.token_id.as_str()).bind(secret.as_str())
        .bind(cluster.bridge.as_str()).bind(cluster.pool.as_deref())
        .bind(i64::from(cluster.vmids.first)).bind(i64::from(cluster.vmids.last))
        .bind(i64::from(cluster.priority)).bind(cluster.open).bind(cluster.health.as_str())
        .bind(cluster.problem.as_deref()).bind(cluster.version.as_deref())
        .bind(cluster.seen_at.map(|at| at.0)).bind(cluster.created_at.0)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// All clusters by name.
pub async fn list(db: &Db) -> Result<Vec<Cluster>, Error> {
    let sql = "select * from clusters order by name, id";
    let rows: Vec<ClusterRow> = on_db!(db, c => sqlx::query_as(sql).fetch_all(c).await)?;
    rows.into_iter().map(ClusterRow::read).collect()
}

/// The names of all clusters, as the transaction sees them.
pub async fn names(tx: &mut Tx) -> Result<Vec<String>, Error> {
    let sql = "select name from clusters";
    Ok(on!(tx, c => sqlx::query_scalar(sql).fetch_all(c).await)?)
}

/// The cluster with this id.
pub async fn by_id(db: &Db, id: ClusterId) -> Result<Option<Cluster>, Error> {
    let sql = "select * from clusters where id = $1";
    let row: Option<ClusterRow> = on_db!(db, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    row.map(ClusterRow::read).transpose()
}

/// The sealed token secret of a cluster.
pub async fn secret(db: &Db, id: ClusterId) -> Result<Option<Sealed>, Error> {
    let sql = "select token_secret from clusters where id = $1";
    let text: Option<String> = on_db!(db, c => sqlx::query_scalar(sql).bind(id.0).fetch_optional(c).await)?;
    Ok(text.map(Sealed::from_text))
}

/// Sets how the cluster is reached; false when there is none.
pub async fn set_access(
    tx: &mut Tx,
    id: ClusterId,
    endpoints: &[Endpoint],
    token_id: &str,
    secret: &Sealed,
) -> Result<bool, Error> {
    let sql = "update clusters set endpoints = $2, token_id = $3, token_secret = $4 where id = $1";
    let endpoints = json(&endpoints)?;
    let n = on!(tx, c => sqlx::query(sql)
        .bind(id.0).bind(endpoints.as_str()).bind(token_id).bind(secret.as_str())
        .execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n > 0)
}

/// Opens the cluster for new instances, or closes it; false when there is none.
pub async fn set_open(tx: &mut Tx, id: ClusterId, open: bool) -> Result<bool, Error> {
    let sql = "update clusters set open = $2 where id = $1";
    let n = on!(tx, c => sqlx::query(sql).bind(id.0).bind(open).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n > 0)
}

/// Records how the cluster was when we looked. A look that failed keeps the version that was known.
pub async fn observed(
    tx: &mut Tx,
    id: ClusterId,
    health: Health,
    problem: Option<&str>,
    version: Option<&str>,
    at: Timestamp,
) -> Result<(), Error> {
    let sql = "update clusters set health = $2, problem = $3, version = coalesce($4, version), seen_at = $5
        where id = $1";
    on!(tx, c => sqlx::query(sql)
        .bind(id.0).bind(health.as_str()).bind(problem).bind(version).bind(at.0)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Takes the turn to look at the cluster, until the given time; false while somebody else has it.
pub async fn claim_poll(tx: &mut Tx, id: ClusterId, now: Timestamp, until: Timestamp) -> Result<bool, Error> {
    let sql = "update clusters set poll_claimed_until = $3
        where id = $1 and (poll_claimed_until is null or poll_claimed_until <= $2)";
    let n = on!(tx, c => sqlx::query(sql)
        .bind(id.0).bind(now.0).bind(until.0).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n > 0)
}
