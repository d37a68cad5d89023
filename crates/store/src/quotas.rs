//! What is set for single projects in place of the default quotas, and what projects use.

use innkeeper_domain::ids::ProjectId;
use innkeeper_domain::quotas::{Amounts, Overrides};

use crate::columns::{Columns, count};
use crate::{Db, Error, Tx};

/// A row of four numbers.
type Four = (Option<i64>, Option<i64>, Option<i64>, Option<i64>);

const SET: &str = "select instances, cores, memory_mib, disk_gib from quotas where project_id = $1";

// Sums of integers are numerics on PostgreSQL unless they are told otherwise.
const USED: &str = "select count(*), cast(sum(cores) as bigint), cast(sum(memory_mib) as bigint),
        cast(sum(disk_gib + extra_disk_gib) as bigint)
    from instances where project_id = $1 and deleted_at is null";

fn read_set(row: Option<Four>) -> Result<Overrides, Error> {
    let Some((instances, cores, memory_mib, disk_gib)) = row else { return Ok(Overrides::default()) };
    let columns = Columns("quotas");
    let number = |name, value: Option<i64>| value.map(|value| columns.number(name, value)).transpose();
    Ok(Overrides {
        instances: number("instances", instances)?,
        cores: number("cores", cores)?,
        memory_mib: number("memory_mib", memory_mib)?,
        disk_gib: number("disk_gib", disk_gib)?,
    })
}

fn read_used((instances, cores, memory_mib, disk_gib): Four) -> Result<Amounts, Error> {
    let columns = Columns("instances");
    Ok(Amounts {
        instances: columns.number("id", instances.unwrap_or(0))?,
        cores: columns.number("cores", cores.unwrap_or(0))?,
        memory_mib: columns.number("memory_mib", memory_mib.unwrap_or(0))?,
        disk_gib: columns.number("disk_gib", disk_gib.unwrap_or(0))?,
    })
}

/// What is set for a project.
pub async fn of(db: &Db, project: ProjectId) -> Result<Overrides, Error> {
    read_set(on_db!(db, c => sqlx::query_as(SET).bind(project.0).fetch_optional(c).await)?)
}

/// The same, within a transaction.
pub async fn of_tx(tx: &mut Tx, project: ProjectId) -> Result<Overrides, Error> {
    read_set(on!(tx, c => sqlx::query_as(SET).bind(project.0).fetch_optional(c).await)?)
}

/// What a project uses: instances that are deleted use nothing.
pub async fn used(db: &Db, project: ProjectId) -> Result<Amounts, Error> {
    read_used(on_db!(db, c => sqlx::query_as(USED).bind(project.0).fetch_one(c).await)?)
}

/// The same, within a transaction that holds the row of the project, so that it stays true until that ends.
pub async fn used_tx(tx: &mut Tx, project: ProjectId) -> Result<Amounts, Error> {
    read_used(on!(tx, c => sqlx::query_as(USED).bind(project.0).fetch_one(c).await)?)
}

/// Sets what a project may have in place of the defaults.
pub async fn set(tx: &mut Tx, project: ProjectId, set: Overrides) -> Result<(), Error> {
    let sql = "insert into quotas (project_id, instances, cores, memory_mib, disk_gib)
        values ($1, $2, $3, $4, $5)
        on conflict (project_id) do update set instances = excluded.instances, cores = excluded.cores,
            memory_mib = excluded.memory_mib, disk_gib = excluded.disk_gib";
    on!(tx, c => sqlx::query(sql)
        .bind(project.0).bind(set.instances.map(count)).bind(set.cores.map(count))
        .bind(set.memory_mib.map(count)).bind(set.disk_gib.map(count))
        .execute(c).await.map(drop))?;
    Ok(())
}
