//! Rows of nodes and storages as last observed, and what placement chooses from.

use innkeeper_domain::clusters::{Node, Storage};
use innkeeper_domain::ids::ClusterId;
use innkeeper_domain::names::NodeName;
use innkeeper_domain::placement::{NodeOffer, StorageOffer};
use innkeeper_domain::time::Timestamp;
use uuid::Uuid;

use crate::columns::{Columns, count, json};
use crate::db::Lock;
use crate::{Db, Error, Tx, hosts};

#[derive(sqlx::FromRow)]
struct NodeRow {
    cluster_id: Uuid,
    name: String,
    online: bool,
    maintenance: bool,
    cores: i64,
    memory_total: i64,
    memory_used: i64,
    seen_at: i64,
}

impl NodeRow {
    fn read(self) -> Result<Node, Error> {
        let columns = Columns("nodes");
        Ok(Node {
            cluster_id: ClusterId(self.cluster_id),
            name: columns.word("name", &self.name)?,
            online: self.online,
            maintenance: self.maintenance,
            cores: columns.number("cores", self.cores)?,
            memory_total: columns.number("memory_total", self.memory_total)?,
            memory_used: columns.number("memory_used", self.memory_used)?,
            seen_at: Timestamp(self.seen_at),
        })
    }
}

#[derive(sqlx::FromRow)]
struct StorageRow {
    cluster_id: Uuid,
    node: String,
    name: String,
    holds_containers: bool,
    holds_disks: bool,
    holds_backups: bool,
    shared: bool,
    available: bool,
    total: i64,
    used: i64,
    seen_at: i64,
}

impl StorageRow {
    fn read(self) -> Result<Storage, Error> {
        let columns = Columns("storages");
        Ok(Storage {
            cluster_id: ClusterId(self.cluster_id),
            node: columns.word("node", &self.node)?,
            name: columns.word("name", &self.name)?,
            holds_containers: self.holds_containers,
            holds_disks: self.holds_disks,
            holds_backups: self.holds_backups,
            shared: self.shared,
            available: self.available,
            total: columns.number("total", self.total)?,
            used: columns.number("used", self.used)?,
            seen_at: Timestamp(self.seen_at),
        })
    }
}

/// Records what was seen of a cluster: those given are added or brought up to date, the others are forgotten. A
/// node that we know keeps its maintenance flag.
pub async fn replace(
    tx: &mut Tx,
    cluster: ClusterId,
    nodes: &[Node],
    storages: &[Storage],
) -> Result<(), Error> {
    // In one order everywhere, so that two who do this at once wait for each other instead of locking each other out.
    let mut nodes: Vec<&Node> = nodes.iter().collect();
    nodes.sort_by(|a, b| a.name.cmp(&b.name));
    let mut storages: Vec<&Storage> = storages.iter().collect();
    storages.sort_by(|a, b| (&a.node, &a.name).cmp(&(&b.node, &b.name)));

    let names = json(&nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>())?;
    let sql = "delete from nodes where cluster_id = $1 and name not in (select value from json_each($2))";
    on!(tx, c => sqlx::query(sql).bind(cluster.0).bind(names.as_str()).execute(c).await.map(drop))?;
    // Neither name can hold a slash.
    let places = json(&storages.iter().map(|s| format!("{}/{}", s.node, s.name)).collect::<Vec<_>>())?;
    let sql = "delete from storages where cluster_id = $1
        and node || '/' || name not in (select value from json_each($2))";
    on!(tx, c => sqlx::query(sql).bind(cluster.0).bind(places.as_str()).execute(c).await.map(drop))?;

    for node in nodes {
        put_node(tx, cluster, node).await?;
    }
    for storage in storages {
        put_storage(tx, cluster, storage).await?;
    }
    Ok(())
}

/// Proxmox says nothing of the size of a node that is off: it is as it was.
async fn put_node(tx: &mut Tx, cluster: ClusterId, node: &Node) -> Result<(), Error> {
    let sql = "insert into nodes (cluster_id, name, online, maintenance, cores, memory_total, memory_used, seen_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        on conflict (cluster_id, name) do update set online = excluded.online,
            cores = case when excluded.cores > 0 then excluded.cores else nodes.cores end,
            memory_total = case when excluded.memory_total > 0 then excluded.memory_total else nodes.memory_total end,
            memory_used = excluded.memory_used, seen_at = excluded.seen_at";
    on!(tx, c => sqlx::query(sql)
        .bind(cluster.0).bind(node.name.as_str()).bind(node.online).bind(node.maintenance)
        .bind(i64::from(node.cores)).bind(count(node.memory_total)).bind(count(node.memory_used))
        .bind(node.seen_at.0).execute(c).await.map(drop))?;
    Ok(())
}

/// Of the storages of a node that is off, too, what was seen last stays.
async fn put_storage(tx: &mut Tx, cluster: ClusterId, storage: &Storage) -> Result<(), Error> {
    let sql =
        "insert into storages (cluster_id, node, name, holds_containers, holds_disks, shared, available,
            total, used, seen_at, holds_backups)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        on conflict (cluster_id, node, name) do update set
            holds_containers = case when excluded.available then excluded.holds_containers else storages.holds_containers end,
            holds_disks = case when excluded.available then excluded.holds_disks else storages.holds_disks end,
            holds_backups = case when excluded.available then excluded.holds_backups else storages.holds_backups end,
            shared = excluded.shared, available = excluded.available,
            total = case when excluded.total > 0 then excluded.total else storages.total end,
            used = case when excluded.total > 0 then excluded.used else storages.used end,
            seen_at = excluded.seen_at";
    on!(tx, c => sqlx::query(sql)
        .bind(cluster.0).bind(storage.node.as_str()).bind(storage.name.as_str())
        .bind(storage.holds_containers).bind(storage.holds_disks).bind(storage.shared).bind(storage.available)
        .bind(count(storage.total)).bind(count(storage.used)).bind(storage.seen_at.0).bind(storage.holds_backups)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Nodes by cluster and name, of one cluster or of all.
pub async fn list(db: &Db, cluster: Option<ClusterId>) -> Result<Vec<Node>, Error> {
    let sql = "select * from nodes where $1 is null or cluster_id = $1 order by cluster_id, name";
    let rows: Vec<NodeRow> =
        on_db!(db, c => sqlx::query_as(sql).bind(cluster.map(|id| id.0)).fetch_all(c).await)?;
    rows.into_iter().map(NodeRow::read).collect()
}

/// Storages by cluster, node and name, of one cluster or of all.
pub async fn storages(db: &Db, cluster: Option<ClusterId>) -> Result<Vec<Storage>, Error> {
    let sql = "select * from storages where $1 is null or cluster_id = $1 order by cluster_id, node, name";
    let rows: Vec<StorageRow> =
        on_db!(db, c => sqlx::query_as(sql).bind(cluster.map(|id| id.0)).fetch_all(c).await)?;
    rows.into_iter().map(StorageRow::read).collect()
}

/// Storages of a cluster as they are in this transaction.
pub async fn storages_tx(tx: &mut Tx, cluster: ClusterId) -> Result<Vec<Storage>, Error> {
    let sql = "select * from storages where cluster_id = $1 order by node, name";
    let rows: Vec<StorageRow> = on!(tx, c => sqlx::query_as(sql).bind(cluster.0).fetch_all(c).await)?;
    rows.into_iter().map(StorageRow::read).collect()
}

/// Keeps new instances off a node, or lets them in again; false when there is no such node.
pub async fn set_maintenance(
    tx: &mut Tx,
    cluster: ClusterId,
    node: &NodeName,
    maintenance: bool,
) -> Result<bool, Error> {
    let sql = "update nodes set maintenance = $3 where cluster_id = $1 and name = $2";
    let n = on!(tx, c => sqlx::query(sql)
        .bind(cluster.0).bind(node.as_str()).bind(maintenance).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n > 0)
}

#[derive(sqlx::FromRow)]
struct NodeOfferRow {
    #[sqlx(flatten)]
    node: NodeRow,
    priority: i64,
    takes: bool,
    answers: bool,
    memory_mib_promised: i64,
}

#[derive(sqlx::FromRow)]
struct StorageOfferRow {
    #[sqlx(flatten)]
    storage: StorageRow,
    disk_gib_promised: i64,
}

/// What placement chooses from: every node and storage with what is promised on it to instances that are not
/// deleted. Until the transaction ends nobody else can choose, so that no room is given away twice.
pub async fn offers(tx: &mut Tx) -> Result<(Vec<NodeOffer>, Vec<StorageOffer>), Error> {
    tx.lock(Lock::Placement).await?;
    let sql = "select nodes.*, clusters.priority as priority,
            clusters.open as takes, clusters.health in ('healthy', 'degraded') as answers,
            coalesce(promised.memory_mib, 0) as memory_mib_promised
        from nodes
        join clusters on clusters.id = nodes.cluster_id
        left join (
            select cluster_id, node, cast(sum(memory_mib) as bigint) as memory_mib
            from instances where deleted_at is null and (born or operation_id is not null) group by cluster_id, node
        ) promised on promised.cluster_id = nodes.cluster_id and promised.node = nodes.name
        order by nodes.cluster_id, nodes.name";
    let rows: Vec<NodeOfferRow> = on!(tx, c => sqlx::query_as(sql).fetch_all(c).await)?;
    let asleep = hosts::asleep(tx).await?;
    let nodes = rows.into_iter().map(|row| {
        let node = row.node.read()?;
        Ok(NodeOffer {
            asleep: asleep.contains(&(node.cluster_id, node.name.clone())),
            node,
            priority: Columns("clusters").number("priority", row.priority)?,
            open: row.takes,
            answers: row.answers,
            memory_promised: Columns("instances").number::<u64>("memory_mib", row.memory_mib_promised)? << 20,
        })
    });
    let nodes = nodes.collect::<Result<_, Error>>()?;

    // What is promised on a shared storage counts on every node that sees it.
    let sql = "select storages.*, coalesce((
            select cast(sum(promised.disk_gib) as bigint) from (
                select cluster_id, storage, node, sum(disk_gib + extra_disk_gib) as disk_gib
                from instances where deleted_at is null and (born or operation_id is not null) group by cluster_id, storage, node
            ) promised
            where promised.cluster_id = storages.cluster_id and promised.storage = storages.name
                and (storages.shared or promised.node = storages.node)
        ), 0) as disk_gib_promised
        from storages order by storages.cluster_id, storages.node, storages.name";
    let rows: Vec<StorageOfferRow> = on!(tx, c => sqlx::query_as(sql).fetch_all(c).await)?;
    let storages = rows.into_iter().map(|row| {
        Ok(StorageOffer {
            storage: row.storage.read()?,
            disk_promised: Columns("instances").number::<u64>("disk_gib", row.disk_gib_promised)? << 30,
        })
    });
    Ok((nodes, storages.collect::<Result<_, Error>>()?))
}
