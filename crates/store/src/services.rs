//! Rows of services, with what was last seen of each. One process at a time looks at a service: it claims it for a while.

use innkeeper_domain::hosts::Host;
use innkeeper_domain::ids::{HostId, InstanceId, ServiceId};
use innkeeper_domain::services::{Place, Service, Sighting};
use innkeeper_domain::time::Timestamp;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::columns::{Columns, json};
use crate::error::{Unique, explain};
use crate::{Db, Error, Sealed, Tx};

const UNIQUE: &[Unique] =
    &[Unique { index: "services_name", columns: "services.name", what: "service name" }];

/// A service, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// The service.
    pub service: Service,
    /// What was last seen of it; none before the first look.
    pub sighting: Option<Sighting>,
    /// Why its doorman does not stand at his door; none where he does, or where there is none.
    pub door_problem: Option<String>,
    /// Grows with every claim: writes with an old one change nothing.
    pub fence: i64,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    name: String,
    instance_id: Option<Uuid>,
    host_id: Option<Uuid>,
    vmid: Option<i64>,
    kind: String,
    language: String,
    address: Option<String>,
    port: i64,
    join_address: Option<String>,
    path: Option<String>,
    rests: bool,
    ready_seconds: i64,
    warn_seconds: i64,
    rcon_port: Option<i64>,
    doorman: Option<String>,
    users_may: String,
    created_at: i64,
    sighting: Option<String>,
    door_problem: Option<String>,
    fence: i64,
}

impl Row {
    fn read(self) -> Result<Watched, Error> {
        let columns = Columns("services");
        let at = match (self.instance_id, self.host_id, self.vmid) {
            (Some(instance), _, _) => Place::Instance(InstanceId(instance)),
            (None, Some(host), Some(vmid)) => {
                Place::Guest { host: HostId(host), vmid: columns.number("vmid", vmid)? }
            }
            (None, Some(host), None) => Place::Host(HostId(host)),
            (None, None, _) => return Err(columns.missing("host_id")),
        };
        let service = Service {
            id: ServiceId(self.id),
            name: columns.word("name", &self.name)?,
            at,
            kind: columns.word("kind", &self.kind)?,
            language: columns.word("language", &self.language)?,
            address: self.address,
            port: columns.number("port", self.port)?,
            join_address: self.join_address,
            path: self.path,
            rests: self.rests,
            ready_seconds: columns.number("ready_seconds", self.ready_seconds)?,
            warn_seconds: columns.number("warn_seconds", self.warn_seconds)?,
            rcon_port: self.rcon_port.map(|port| columns.number("rcon_port", port)).transpose()?,
            doorman: self.doorman.map(|text| columns.json("doorman", &text)).transpose()?,
            users_may: columns.json("users_may", &self.users_may)?,
            created_at: Timestamp(self.created_at),
        };
        let sighting = self.sighting.map(|text| columns.json("sighting", &text)).transpose()?;
        Ok(Watched { service, sighting, door_problem: self.door_problem, fence: self.fence })
    }
}

/// Adds a service, to be looked at at once. [`Error::Conflict`] `service name` when there is one of that name.
pub async fn insert(tx: &mut Tx, service: &Service, rcon: Option<&Sealed>) -> Result<(), Error> {
    let sql = "insert into services (id, name, instance_id, host_id, vmid, kind, language, address, port, path, rests,
            ready_seconds, warn_seconds, rcon_port, rcon_password, doorman, users_may, created_at, due_at, fence,
            join_address)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $18, 0, $19)";
    write(tx, sql, service, rcon).await.map(drop)
}

/// Writes the settings of a service, and has it looked at at once; its place and kind stay. `rcon` is the whole truth
/// about the password of its console.
pub async fn update(
    tx: &mut Tx,
    service: &Service,
    rcon: Option<&Sealed>,
    now: Timestamp,
) -> Result<(), Error> {
    let sql =
        "update services set name = $2, language = $7, address = $8, port = $9, path = $10, rests = $11,
            ready_seconds = $12, warn_seconds = $13, rcon_port = $14, rcon_password = $15, doorman = $16,
            users_may = $17, join_address = $19
        where id = $1 and instance_id is not distinct from $3 and host_id is not distinct from $4
            and vmid is not distinct from $5 and kind = $6 and created_at = $18";
    write(tx, sql, service, rcon).await?;
    hurry(tx, service.id, now).await
}

async fn write(
    tx: &mut Tx,
    sql: &'static str,
    service: &Service,
    rcon: Option<&Sealed>,
) -> Result<u64, Error> {
    let (instance, host, vmid) = match service.at {
        Place::Instance(id) => (Some(id.0), None, None),
        Place::Guest { host, vmid } => (None, Some(host.0), Some(i64::from(vmid))),
        Place::Host(host) => (None, Some(host.0), None),
    };
    let doorman = service.doorman.as_ref().map(json).transpose()?;
    let users_may = json(&service.users_may)?;
    on!(tx, c => sqlx::query(sql)
        .bind(service.id.0).bind(service.name.as_str()).bind(instance).bind(host).bind(vmid)
        .bind(service.kind.as_str()).bind(service.language.as_str()).bind(service.address.as_deref())
        .bind(i64::from(service.port)).bind(service.path.as_deref()).bind(service.rests)
        .bind(i64::from(service.ready_seconds)).bind(i64::from(service.warn_seconds))
        .bind(service.rcon_port.map(i64::from)).bind(rcon.map(Sealed::as_str)).bind(doorman.as_deref())
        .bind(users_may.as_str()).bind(service.created_at.0).bind(service.join_address.as_deref())
        .execute(c).await.map(|r| r.rows_affected()))
    .map_err(|e| explain(e, UNIQUE))
}

/// Removes a service and all that is known of it; false when there was none.
pub async fn remove(tx: &mut Tx, id: ServiceId) -> Result<bool, Error> {
    let sql = "delete from services where id = $1";
    let n = on!(tx, c => sqlx::query(sql).bind(id.0).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n > 0)
}

/// The service with this id.
pub async fn by_id(db: &Db, id: ServiceId) -> Result<Option<Watched>, Error> {
    let sql = "select * from services where id = $1";
    let row: Option<Row> = on_db!(db, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    row.map(Row::read).transpose()
}

/// The service with this id, which nobody else changes or has restarted until the transaction ends.
pub async fn by_id_tx(tx: &mut Tx, id: ServiceId) -> Result<Option<Watched>, Error> {
    let sql = format!("select * from services where id = $1 {}", tx.for_update());
    let row: Option<Row> =
        on!(tx, c => sqlx::query_as(AssertSqlSafe(sql)).bind(id.0).fetch_optional(c).await)?;
    row.map(Row::read).transpose()
}

/// All services, by name.
pub async fn list(db: &Db) -> Result<Vec<Watched>, Error> {
    let rows: Vec<Row> =
        on_db!(db, c => sqlx::query_as("select * from services order by name").fetch_all(c).await)?;
    rows.into_iter().map(Row::read).collect()
}

/// The services on a host: on itself, on its guests, and on instances that are on its node now.
pub async fn on_host(db: &Db, host: &Host) -> Result<Vec<Watched>, Error> {
    let sql = "select * from services where host_id = $1 or instance_id in (
            select id from instances where cluster_id = $2 and node = $3 and deleted_at is null)
        order by name";
    let rows: Vec<Row> = on_db!(db, c => sqlx::query_as(sql)
        .bind(host.id.0).bind(host.cluster_id.0).bind(host.node.as_str()).fetch_all(c).await)?;
    rows.into_iter().map(Row::read).collect()
}

/// The sealed password of the console of a service.
pub async fn rcon_password(db: &Db, id: ServiceId) -> Result<Option<Sealed>, Error> {
    let sql = "select rcon_password from services where id = $1";
    let text: Option<Option<String>> =
        on_db!(db, c => sqlx::query_scalar(sql).bind(id.0).fetch_optional(c).await)?;
    Ok(text.flatten().map(Sealed::from_text))
}

/// Claims services that are due and that nobody else looks at. They come with their new fence.
pub async fn claim(tx: &mut Tx, now: Timestamp, until: Timestamp, limit: i64) -> Result<Vec<Watched>, Error> {
    let sql = format!(
        "with picked as materialized (
            select id as picked_id from services
            where due_at <= $1 and (claimed_until is null or claimed_until <= $1) order by due_at limit $3 {}
        )
        update services set claimed_until = $2, fence = fence + 1
        from picked where services.id = picked.picked_id
        returning *",
        tx.for_update_skip_locked()
    );
    let rows: Vec<Row> = on!(tx, c => sqlx::query_as(AssertSqlSafe(sql))
        .bind(now.0).bind(until.0).bind(limit).fetch_all(c).await)?;
    let readable = rows.into_iter().filter_map(|row| {
        let id = ServiceId(row.id);
        row.read().inspect_err(|error| tracing::error!(%id, %error, "a service cannot be looked at")).ok()
    });
    Ok(readable.collect())
}

/// Writes what a look brought, gives the claim back, and says when to look again. Somebody may have wanted an earlier
/// look meanwhile; that stays. False, and nothing changes, when another has claimed it since.
pub async fn saw(
    tx: &mut Tx,
    id: ServiceId,
    fence: i64,
    sighting: &Sighting,
    claimed_at: Timestamp,
    next: Timestamp,
) -> Result<bool, Error> {
    let sql = "update services set sighting = $3, claimed_until = null,
            due_at = case when due_at > $4 then due_at else $5 end
        where id = $1 and fence = $2";
    let text = json(sighting)?;
    let n = on!(tx, c => sqlx::query(sql)
        .bind(id.0).bind(fence).bind(text.as_str()).bind(claimed_at.0).bind(next.0)
        .execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n > 0)
}

/// Has a service looked at at once.
pub async fn hurry(tx: &mut Tx, id: ServiceId, now: Timestamp) -> Result<(), Error> {
    // Also while it is being looked at: that look may have begun too early.
    let sql = "update services set due_at = $2 where id = $1";
    on!(tx, c => sqlx::query(sql).bind(id.0).bind(now.0).execute(c).await.map(drop))?;
    Ok(())
}

/// Has every service on a host looked at at once.
pub async fn hurry_on(tx: &mut Tx, host: &Host, now: Timestamp) -> Result<(), Error> {
    let sql = "update services set due_at = $4 where host_id = $1 or instance_id in (
            select id from instances where cluster_id = $2 and node = $3 and deleted_at is null)";
    on!(tx, c => sqlx::query(sql)
        .bind(host.id.0).bind(host.cluster_id.0).bind(host.node.as_str()).bind(now.0)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// When the next service is due.
pub async fn next_due(db: &Db) -> Result<Option<Timestamp>, Error> {
    let sql = "select min(due_at) from services where claimed_until is null";
    let at: Option<i64> = on_db!(db, c => sqlx::query_scalar(sql).fetch_one(c).await)?;
    Ok(at.map(Timestamp))
}

/// Writes why the doorman of a service does not stand at his door, or that he does.
pub async fn set_door_problem(tx: &mut Tx, id: ServiceId, problem: Option<&str>) -> Result<(), Error> {
    let sql = "update services set door_problem = $2 where id = $1";
    on!(tx, c => sqlx::query(sql).bind(id.0).bind(problem).execute(c).await.map(drop))?;
    Ok(())
}
