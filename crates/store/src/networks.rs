//! Rows of networks, pools and taken addresses.
//!
//! Whoever takes addresses of several pools takes them in the order of the pools' ids, so that nobody waits in a
//! circle.

use std::net::IpAddr;

use innkeeper_domain::ids::{ClusterId, InstanceId, NetworkId, PoolId, ProjectId};
use innkeeper_domain::networks::{Network, Pool, Reservation};
use innkeeper_domain::time::Timestamp;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::columns::{Columns, count, json};
use crate::error::{Unique, explain};
use crate::{Db, Error, Tx};

const UNIQUE: &[Unique] = &[
    Unique { index: "networks_name", columns: "index 'networks_name'", what: "name" },
    Unique { index: "addresses_pkey", columns: "addresses.pool_id, addresses.place", what: "address" },
];

#[derive(sqlx::FromRow)]
struct NetworkRow {
    id: Uuid,
    cluster_id: Uuid,
    name: String,
    bridge: String,
    vlan: Option<i64>,
    project_id: Option<Uuid>,
    is_default: bool,
    mtu: Option<i64>,
    rate_mbps: Option<i64>,
    created_at: i64,
}

impl NetworkRow {
    fn read(self) -> Result<Network, Error> {
        let columns = Columns("networks");
        Ok(Network {
            id: NetworkId(self.id),
            cluster_id: ClusterId(self.cluster_id),
            name: columns.word("name", &self.name)?,
            bridge: columns.word("bridge", &self.bridge)?,
            vlan: self.vlan.map(|tag| columns.number("vlan", tag)).transpose()?,
            project_id: self.project_id.map(ProjectId),
            default: self.is_default,
            mtu: self.mtu.map(|mtu| columns.number("mtu", mtu)).transpose()?,
            rate_mbps: self.rate_mbps.map(|rate| columns.number("rate_mbps", rate)).transpose()?,
            created_at: Timestamp(self.created_at),
        })
    }
}

#[derive(sqlx::FromRow)]
struct PoolRow {
    id: Uuid,
    network_id: Uuid,
    cidr: String,
    gateway: Option<String>,
    first_address: String,
    last_address: String,
    excluded: String,
    dns: String,
    created_at: i64,
}

impl PoolRow {
    fn read(self) -> Result<Pool, Error> {
        let columns = Columns("address_pools");
        Ok(Pool {
            id: PoolId(self.id),
            network_id: NetworkId(self.network_id),
            range: columns.word("cidr", &self.cidr)?,
            gateway: columns.word_if("gateway", self.gateway.as_deref())?,
            first: columns.word("first_address", &self.first_address)?,
            last: columns.word("last_address", &self.last_address)?,
            excluded: columns.json("excluded", &self.excluded)?,
            dns: columns.json("dns", &self.dns)?,
            created_at: Timestamp(self.created_at),
        })
    }
}

#[derive(sqlx::FromRow)]
struct AddressRow {
    pool_id: Uuid,
    address: String,
    instance_id: Option<Uuid>,
    note: Option<String>,
    created_at: i64,
}

impl AddressRow {
    fn read(self) -> Result<Reservation, Error> {
        Ok(Reservation {
            pool_id: PoolId(self.pool_id),
            address: Columns("addresses").word("address", &self.address)?,
            instance_id: self.instance_id.map(InstanceId),
            note: self.note,
            created_at: Timestamp(self.created_at),
        })
    }
}

/// Adds a network. [`Error::Conflict`] `name` when its cluster has one of that name.
pub async fn insert(tx: &mut Tx, network: &Network) -> Result<(), Error> {
    let sql =
        "insert into networks (id, cluster_id, name, bridge, vlan, project_id, is_default, mtu, rate_mbps,
            created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let n = network;
    on!(tx, c => sqlx::query(sql)
        .bind(n.id.0).bind(n.cluster_id.0).bind(n.name.as_str()).bind(n.bridge.as_str())
        .bind(n.vlan.map(i64::from)).bind(n.project_id.map(|id| id.0)).bind(n.default)
        .bind(n.mtu.map(i64::from)).bind(n.rate_mbps.map(i64::from)).bind(n.created_at.0)
        .execute(c).await.map(drop))
    .map_err(|e| explain(e, UNIQUE))
}

/// Writes what may change of a network: its name, whether it is the default, packets and speed.
pub async fn update(tx: &mut Tx, network: &Network) -> Result<(), Error> {
    let sql = "update networks set name = $2, is_default = $3, mtu = $4, rate_mbps = $5 where id = $1";
    let n = network;
    on!(tx, c => sqlx::query(sql)
        .bind(n.id.0).bind(n.name.as_str()).bind(n.default)
        .bind(n.mtu.map(i64::from)).bind(n.rate_mbps.map(i64::from)).execute(c).await.map(drop))
    .map_err(|e| explain(e, UNIQUE))
}

/// No other network of its cluster, for the same project or for all, is the default beside this one.
pub async fn only_default(tx: &mut Tx, network: &Network) -> Result<(), Error> {
    let sql = "update networks set is_default = $4 where cluster_id = $1 and id <> $2
        and ($3 is null and project_id is null or project_id = $3)";
    on!(tx, c => sqlx::query(sql)
        .bind(network.cluster_id.0).bind(network.id.0).bind(network.project_id.map(|id| id.0)).bind(false)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Removes a network with its pools.
pub async fn remove(tx: &mut Tx, id: NetworkId) -> Result<(), Error> {
    let sql = "delete from networks where id = $1";
    on!(tx, c => sqlx::query(sql).bind(id.0).execute(c).await.map(drop))?;
    Ok(())
}

/// Whether instances that are not deleted have cards on this network. Their settings name it.
pub async fn in_use(tx: &mut Tx, id: NetworkId) -> Result<bool, Error> {
    // Ids are of one form, so that what names it holds this text.
    let sql = "select count(*) from instances
        where deleted_at is null and replace(settings, $1, '') <> settings";
    let n: i64 = on!(tx, c => sqlx::query_scalar(sql).bind(id.to_string()).fetch_one(c).await)?;
    Ok(n > 0)
}

/// All networks, by name.
pub async fn list(db: &Db) -> Result<Vec<Network>, Error> {
    let sql = "select * from networks order by name, id";
    let rows: Vec<NetworkRow> = on_db!(db, c => sqlx::query_as(sql).fetch_all(c).await)?;
    rows.into_iter().map(NetworkRow::read).collect()
}

/// The network with this id.
pub async fn by_id(db: &Db, id: NetworkId) -> Result<Option<Network>, Error> {
    let sql = "select * from networks where id = $1";
    let row: Option<NetworkRow> = on_db!(db, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    row.map(NetworkRow::read).transpose()
}

/// The same; nobody else changes it until the transaction ends.
pub async fn by_id_tx(tx: &mut Tx, id: NetworkId) -> Result<Option<Network>, Error> {
    let sql = format!("select * from networks where id = $1 {}", tx.for_update());
    let row: Option<NetworkRow> =
        on!(tx, c => sqlx::query_as(AssertSqlSafe(sql)).bind(id.0).fetch_optional(c).await)?;
    row.map(NetworkRow::read).transpose()
}

/// The network of a cluster that a project's instances get when they ask for none: its own before everybody's.
pub async fn default_for(
    tx: &mut Tx,
    cluster: ClusterId,
    project: ProjectId,
) -> Result<Option<Network>, Error> {
    let sql = "select * from networks where cluster_id = $1 and is_default
            and (project_id is null or project_id = $2)
        order by case when project_id is null then 1 else 0 end, id limit 1";
    let row: Option<NetworkRow> =
        on!(tx, c => sqlx::query_as(sql).bind(cluster.0).bind(project.0).fetch_optional(c).await)?;
    row.map(NetworkRow::read).transpose()
}

/// Adds a pool; what it never gives out is taken at once.
pub async fn insert_pool(tx: &mut Tx, pool: &Pool) -> Result<(), Error> {
    let sql = "insert into address_pools (id, network_id, cidr, gateway, first_address, last_address, excluded, dns,
            last_place, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, -1, $9)";
    let (excluded, dns) = (json(&pool.excluded)?, json(&pool.dns)?);
    on!(tx, c => sqlx::query(sql)
        .bind(pool.id.0).bind(pool.network_id.0).bind(pool.range.to_string())
        .bind(pool.gateway.map(|a| a.to_string())).bind(pool.first.to_string()).bind(pool.last.to_string())
        .bind(excluded.as_str()).bind(dns.as_str()).bind(pool.created_at.0).execute(c).await.map(drop))?;
    for place in pool.never() {
        put(tx, pool, place, "nobody", None, None, pool.created_at).await?;
    }
    Ok(())
}

/// Removes a pool; false when there is none.
pub async fn remove_pool(tx: &mut Tx, id: PoolId) -> Result<bool, Error> {
    let sql = "delete from address_pools where id = $1";
    let n = on!(tx, c => sqlx::query(sql).bind(id.0).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n > 0)
}

/// The pools of a network, oldest first.
pub async fn pools(db: &Db, network: NetworkId) -> Result<Vec<Pool>, Error> {
    let sql = "select * from address_pools where network_id = $1 order by id";
    let rows: Vec<PoolRow> = on_db!(db, c => sqlx::query_as(sql).bind(network.0).fetch_all(c).await)?;
    rows.into_iter().map(PoolRow::read).collect()
}

/// The same, within a transaction.
pub async fn pools_tx(tx: &mut Tx, network: NetworkId) -> Result<Vec<Pool>, Error> {
    let sql = "select * from address_pools where network_id = $1 order by id";
    let rows: Vec<PoolRow> = on!(tx, c => sqlx::query_as(sql).bind(network.0).fetch_all(c).await)?;
    rows.into_iter().map(PoolRow::read).collect()
}

/// The pools of all networks of a cluster that share a bridge and a tag with this one: what must not overlap.
pub async fn neighbouring_pools(tx: &mut Tx, network: &Network) -> Result<Vec<Pool>, Error> {
    let sql = "select address_pools.* from address_pools
        join networks on networks.id = address_pools.network_id
        where networks.cluster_id = $1 and networks.bridge = $2
            and coalesce(networks.vlan, 0) = coalesce($3, 0)
        order by address_pools.id";
    let rows: Vec<PoolRow> = on!(tx, c => sqlx::query_as(sql)
        .bind(network.cluster_id.0).bind(network.bridge.as_str()).bind(network.vlan.map(i64::from))
        .fetch_all(c).await)?;
    rows.into_iter().map(PoolRow::read).collect()
}

/// How many addresses of a pool instances and people have.
pub async fn taken(db: &Db, pool: PoolId) -> Result<u64, Error> {
    let sql = "select count(*) from addresses where pool_id = $1 and holder <> 'nobody'";
    let n: i64 = on_db!(db, c => sqlx::query_scalar(sql).bind(pool.0).fetch_one(c).await)?;
    Columns("addresses").number("place", n)
}

/// Whether instances have addresses of a pool.
pub async fn pool_in_use(tx: &mut Tx, pool: PoolId) -> Result<bool, Error> {
    let sql = "select count(*) from addresses where pool_id = $1 and holder = 'instance'";
    let n: i64 = on!(tx, c => sqlx::query_scalar(sql).bind(pool.0).fetch_one(c).await)?;
    Ok(n > 0)
}

/// Addresses of a network that instances and people have, in the order of pools and places.
pub async fn reservations(db: &Db, network: NetworkId) -> Result<Vec<Reservation>, Error> {
    let sql = "select addresses.* from addresses join address_pools on address_pools.id = addresses.pool_id
        where address_pools.network_id = $1 and holder <> 'nobody' order by addresses.pool_id, place";
    let rows: Vec<AddressRow> = on_db!(db, c => sqlx::query_as(sql).bind(network.0).fetch_all(c).await)?;
    rows.into_iter().map(AddressRow::read).collect()
}

/// Takes the next free address of a pool for an instance, whose row may follow in the same transaction; none when the
/// pool is exhausted.
pub async fn claim_next(
    tx: &mut Tx,
    pool: &Pool,
    instance: InstanceId,
    now: Timestamp,
) -> Result<Option<IpAddr>, Error> {
    // Whoever claims next waits here for this transaction to end.
    let sql = "update address_pools set last_place = last_place where id = $1 returning last_place";
    let last: Option<i64> = on!(tx, c => sqlx::query_scalar(sql).bind(pool.id.0).fetch_optional(c).await)?;
    let Some(last) = last else { return Ok(None) };
    let end = count(pool.places() - 1);
    let found = match free_after(tx, pool.id, last, end).await? {
        Some(place) => Some(place),
        None => free_after(tx, pool.id, -1, last.min(end)).await?,
    };
    let Some(found) = found else { return Ok(None) };
    let place = Columns("addresses").number("place", found)?;
    put(tx, pool, place, "instance", Some(instance), None, now).await?;
    let sql = "update address_pools set last_place = $2 where id = $1";
    on!(tx, c => sqlx::query(sql).bind(pool.id.0).bind(found).execute(c).await.map(drop))?;
    Ok(Some(pool.at(place)))
}

/// The smallest place in `after+1 ..= end` that nobody holds: either the first, or one that follows a held one.
async fn free_after(tx: &mut Tx, pool: PoolId, after: i64, end: i64) -> Result<Option<i64>, Error> {
    let sql = "select min(candidate) from (
            select $2 + 1 as candidate
            union all
            select place + 1 from addresses where pool_id = $1 and place > $2 and place < $3
        ) candidates
        where candidate <= $3
            and not exists (select 1 from addresses held where held.pool_id = $1 and held.place = candidate)";
    Ok(on!(tx, c => sqlx::query_scalar(sql).bind(pool.0).bind(after).bind(end).fetch_one(c).await)?)
}

/// Takes one address, for an instance or, with a note, for a person. [`Error::Conflict`] `address` when it is taken;
/// the address must be one that the pool gives out.
pub async fn claim(
    tx: &mut Tx,
    pool: &Pool,
    address: IpAddr,
    instance: Option<InstanceId>,
    note: Option<&str>,
    now: Timestamp,
) -> Result<(), Error> {
    let Some(place) = pool.place_of(address) else { return Err(sqlx::Error::RowNotFound.into()) };
    let holder = if instance.is_some() { "instance" } else { "person" };
    // As above: who takes the next free one must not meet this one half-way.
    let sql = "update address_pools set last_place = last_place where id = $1";
    on!(tx, c => sqlx::query(sql).bind(pool.id.0).execute(c).await.map(drop))?;
    put(tx, pool, place, holder, instance, note, now).await
}

async fn put(
    tx: &mut Tx,
    pool: &Pool,
    place: u64,
    holder: &'static str,
    instance: Option<InstanceId>,
    note: Option<&str>,
    now: Timestamp,
) -> Result<(), Error> {
    let sql = "insert into addresses (pool_id, place, address, holder, instance_id, note, created_at)
        values ($1, $2, $3, $4, $5, $6, $7)";
    let address = pool.at(place).to_string();
    on!(tx, c => sqlx::query(sql)
        .bind(pool.id.0).bind(count(place)).bind(address.as_str()).bind(holder)
        .bind(instance.map(|id| id.0)).bind(note).bind(now.0).execute(c).await.map(drop))
    .map_err(|e| explain(e, UNIQUE))
}

/// The addresses that an instance has.
pub async fn of_instance(tx: &mut Tx, instance: InstanceId) -> Result<Vec<Reservation>, Error> {
    let sql = "select * from addresses where instance_id = $1 order by pool_id, place";
    let rows: Vec<AddressRow> = on!(tx, c => sqlx::query_as(sql).bind(instance.0).fetch_all(c).await)?;
    rows.into_iter().map(AddressRow::read).collect()
}

/// Gives back the addresses of an instance, all but these.
pub async fn release(tx: &mut Tx, instance: InstanceId, but: &[(PoolId, IpAddr)]) -> Result<(), Error> {
    for held in of_instance(tx, instance).await? {
        if !but.contains(&(held.pool_id, held.address)) {
            give_back(tx, held.pool_id, held.address, "instance").await?;
        }
    }
    Ok(())
}

/// Gives back an address that a person keeps; false when none does.
pub async fn release_kept(tx: &mut Tx, pool: PoolId, address: IpAddr) -> Result<bool, Error> {
    give_back(tx, pool, address, "person").await
}

async fn give_back(tx: &mut Tx, pool: PoolId, address: IpAddr, holder: &str) -> Result<bool, Error> {
    let sql = "delete from addresses where pool_id = $1 and address = $2 and holder = $3";
    let n = on!(tx, c => sqlx::query(sql)
        .bind(pool.0).bind(address.to_string()).bind(holder).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n > 0)
}
