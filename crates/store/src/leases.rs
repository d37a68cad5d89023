//! Rows of leases.

use innkeeper_domain::ids::{ClusterId, InstanceId, LeaseId, PlanId, ProjectId, TemplateId};
use innkeeper_domain::leases::{Lease, LeaseState};
use innkeeper_domain::money::Micros;
use innkeeper_domain::names::NodeName;
use innkeeper_domain::sizes::Size;
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::wallets::Address;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::columns::{Columns, id_list};
use crate::{Db, Error, Tx};

#[derive(sqlx::FromRow)]
struct LeaseRow {
    id: Uuid,
    project_id: Uuid,
    instance_id: Option<Uuid>,
    wallet: Option<String>,
    state: String,
    name: String,
    template_id: Uuid,
    plan_id: Option<Uuid>,
    cores: i64,
    memory_mib: i64,
    disk_gib: i64,
    hourly: i64,
    minutes: i64,
    started_at: Option<i64>,
    expires_at: Option<i64>,
    notices: i64,
    created_at: i64,
    ended_at: Option<i64>,
    due_at: Option<i64>,
}

impl LeaseRow {
    fn read(self) -> Result<Lease, Error> {
        let columns = Columns("leases");
        Ok(Lease {
            id: LeaseId(self.id),
            project_id: ProjectId(self.project_id),
            instance_id: self.instance_id.map(InstanceId),
            wallet: columns.word_if("wallet", self.wallet.as_deref())?,
            state: columns.word("state", &self.state)?,
            name: columns.word("name", &self.name)?,
            template_id: TemplateId(self.template_id),
            plan_id: self.plan_id.map(PlanId),
            size: Size {
                cores: columns.number("cores", self.cores)?,
                memory_mib: columns.number("memory_mib", self.memory_mib)?,
                disk_gib: columns.number("disk_gib", self.disk_gib)?,
            },
            hourly: Micros(self.hourly),
            minutes: columns.number("minutes", self.minutes)?,
            started_at: self.started_at.map(Timestamp),
            expires_at: self.expires_at.map(Timestamp),
            notices: columns.number("notices", self.notices)?,
            created_at: Timestamp(self.created_at),
            ended_at: self.ended_at.map(Timestamp),
            due_at: self.due_at.map(Timestamp),
        })
    }
}

/// Which leases.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Those that this wallet bought.
    pub wallet: Option<Address>,
    /// Those of one of these projects; none for all.
    pub project_ids: Option<Vec<ProjectId>>,
    /// In this state only.
    pub state: Option<LeaseState>,
}

/// Adds a lease. Whoever shows the token with this hash holds it.
pub async fn insert(tx: &mut Tx, lease: &Lease, token_hash: Option<&[u8]>) -> Result<(), Error> {
    let sql = "insert into leases (id, project_id, instance_id, wallet, token_hash, state, name, template_id, plan_id,
            cores, memory_mib, disk_gib, hourly, minutes, started_at, expires_at, notices, created_at, ended_at, due_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)";
    let l = lease;
    on!(tx, c => sqlx::query(sql)
        .bind(l.id.0).bind(l.project_id.0).bind(l.instance_id.map(|id| id.0))
        .bind(l.wallet.map(|wallet| wallet.to_string())).bind(token_hash).bind(l.state.as_str())
        .bind(l.name.as_str()).bind(l.template_id.0).bind(l.plan_id.map(|id| id.0))
        .bind(i64::from(l.size.cores)).bind(i64::from(l.size.memory_mib)).bind(i64::from(l.size.disk_gib))
        .bind(l.hourly.0).bind(i64::from(l.minutes)).bind(l.started_at.map(|at| at.0))
        .bind(l.expires_at.map(|at| at.0)).bind(i64::from(l.notices)).bind(l.created_at.0)
        .bind(l.ended_at.map(|at| at.0)).bind(l.due_at.map(|at| at.0))
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Writes what may change of a lease. Read it with [`by_id_tx`] in the same transaction.
pub async fn save(tx: &mut Tx, lease: &Lease) -> Result<(), Error> {
    let sql = "update leases set instance_id = $2, state = $3, plan_id = $4, cores = $5, memory_mib = $6, disk_gib = $7,
            hourly = $8, minutes = $9, started_at = $10, expires_at = $11, notices = $12, ended_at = $13, due_at = $14
        where id = $1";
    let l = lease;
    on!(tx, c => sqlx::query(sql)
        .bind(l.id.0).bind(l.instance_id.map(|id| id.0)).bind(l.state.as_str()).bind(l.plan_id.map(|id| id.0))
        .bind(i64::from(l.size.cores)).bind(i64::from(l.size.memory_mib)).bind(i64::from(l.size.disk_gib))
        .bind(l.hourly.0).bind(i64::from(l.minutes)).bind(l.started_at.map(|at| at.0))
        .bind(l.expires_at.map(|at| at.0)).bind(i64::from(l.notices)).bind(l.ended_at.map(|at| at.0))
        .bind(l.due_at.map(|at| at.0)).execute(c).await.map(drop))?;
    Ok(())
}

/// The lease with this id.
pub async fn by_id(db: &Db, id: LeaseId) -> Result<Option<Lease>, Error> {
    let sql = "select * from leases where id = $1";
    let row: Option<LeaseRow> = on_db!(db, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    row.map(LeaseRow::read).transpose()
}

/// The lease with this id; nobody else changes it until the transaction ends.
pub async fn by_id_tx(tx: &mut Tx, id: LeaseId) -> Result<Option<Lease>, Error> {
    let sql = format!("select * from leases where id = $1 {}", tx.for_update());
    let row: Option<LeaseRow> =
        on!(tx, c => sqlx::query_as(AssertSqlSafe(sql)).bind(id.0).fetch_optional(c).await)?;
    row.map(LeaseRow::read).transpose()
}

/// The lease whose instance lies in this project, if it is one of a lease.
pub async fn of_project(tx: &mut Tx, project: ProjectId) -> Result<Option<Lease>, Error> {
    let sql = "select * from leases where project_id = $1";
    let row: Option<LeaseRow> = on!(tx, c => sqlx::query_as(sql).bind(project.0).fetch_optional(c).await)?;
    row.map(LeaseRow::read).transpose()
}

/// The lease that is held by this token.
pub async fn by_token(db: &Db, token_hash: &[u8]) -> Result<Option<Lease>, Error> {
    let sql = "select * from leases where token_hash = $1";
    let row: Option<LeaseRow> =
        on_db!(db, c => sqlx::query_as(sql).bind(token_hash).fetch_optional(c).await)?;
    row.map(LeaseRow::read).transpose()
}

/// From now on the lease is held by this token, and by no other.
pub async fn set_token(tx: &mut Tx, id: LeaseId, token_hash: &[u8]) -> Result<(), Error> {
    let sql = "update leases set token_hash = $2 where id = $1";
    on!(tx, c => sqlx::query(sql).bind(id.0).bind(token_hash).execute(c).await.map(drop))?;
    Ok(())
}

/// Leases, newest first, those before (older than) `after`.
pub async fn list(db: &Db, filter: &Filter, after: Option<LeaseId>, limit: i64) -> Result<Vec<Lease>, Error> {
    let projects = filter.project_ids.as_ref().map(|ids| id_list(ids.iter().map(|id| id.0)));
    let sql = "select * from leases where ($1 is null or wallet = $1)
            and ($2 is null or project_id in (select unhex(value) from json_each($2)))
            and ($3 is null or state = $3) and ($4 is null or id < $4) order by id desc limit $5";
    let rows: Vec<LeaseRow> = on_db!(db, c => sqlx::query_as(sql)
        .bind(filter.wallet.map(|wallet| wallet.to_string())).bind(projects.as_deref())
        .bind(filter.state.map(LeaseState::as_str)).bind(after.map(|id| id.0)).bind(limit).fetch_all(c).await)?;
    rows.into_iter().map(LeaseRow::read).collect()
}

/// Leases that are due to be looked at. They are not due again before `until`, so that nobody else looks meanwhile.
pub async fn claim_due(
    tx: &mut Tx,
    now: Timestamp,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<LeaseId>, Error> {
    let sql = format!(
        "with picked as materialized (
            select id as picked_id from leases where due_at <= $1 order by due_at limit $3 {}
        ) update leases set due_at = $2 from picked where leases.id = picked.picked_id returning leases.id",
        tx.for_update_skip_locked()
    );
    let ids: Vec<Uuid> = on!(tx, c => sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(now.0).bind(until.0).bind(limit).fetch_all(c).await)?;
    Ok(ids.into_iter().map(LeaseId).collect())
}

/// The instances of leases on a node.
pub async fn on_node(db: &Db, cluster: ClusterId, node: &NodeName) -> Result<Vec<InstanceId>, Error> {
    let sql = "select instances.id from leases join instances on instances.id = leases.instance_id
        where instances.cluster_id = $1 and instances.node = $2 and instances.deleted_at is null";
    let ids: Vec<Uuid> = on_db!(db, c => sqlx::query_scalar(sql)
        .bind(cluster.0).bind(node.as_str()).fetch_all(c).await)?;
    Ok(ids.into_iter().map(InstanceId).collect())
}
