//! Rows of plans.

use innkeeper_domain::ids::PlanId;
use innkeeper_domain::money::Micros;
use innkeeper_domain::plans::Plan;
use innkeeper_domain::prices::Rate;
use innkeeper_domain::sizes::Size;
use innkeeper_domain::time::Timestamp;
use uuid::Uuid;

use crate::columns::Columns;
use crate::{Db, Error, Tx};

#[derive(sqlx::FromRow)]
struct PlanRow {
    id: Uuid,
    name: String,
    cores: i64,
    memory_mib: i64,
    disk_gib: i64,
    price_running: Option<i64>,
    price_stopped: Option<i64>,
    offered: bool,
    created_at: i64,
}

impl PlanRow {
    fn read(self) -> Result<Plan, Error> {
        let columns = Columns("plans");
        Ok(Plan {
            id: PlanId(self.id),
            name: columns.word("name", &self.name)?,
            size: Size {
                cores: columns.number("cores", self.cores)?,
                memory_mib: columns.number("memory_mib", self.memory_mib)?,
                disk_gib: columns.number("disk_gib", self.disk_gib)?,
            },
            price: self.price_running.zip(self.price_stopped).map(|(running, stopped)| Rate {
                running_micros: Micros(running),
                stopped_micros: Micros(stopped),
            }),
            offered: self.offered,
            created_at: Timestamp(self.created_at),
        })
    }
}

/// Adds a plan.
pub async fn insert(tx: &mut Tx, plan: &Plan) -> Result<(), Error> {
    let sql = "insert into plans (id, name, cores, memory_mib, disk_gib, price_running, price_stopped,
            offered, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    on!(tx, c => sqlx::query(sql)
        .bind(plan.id.0).bind(plan.name.as_str()).bind(i64::from(plan.size.cores))
        .bind(i64::from(plan.size.memory_mib)).bind(i64::from(plan.size.disk_gib))
        .bind(plan.price.map(|rate| rate.running_micros.0)).bind(plan.price.map(|rate| rate.stopped_micros.0))
        .bind(plan.offered).bind(plan.created_at.0)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Plans, smallest first; all of them, or only those offered.
pub async fn list(db: &Db, only_offered: bool) -> Result<Vec<Plan>, Error> {
    let sql = "select * from plans where offered or not $1 order by memory_mib, cores, disk_gib, name, id";
    let rows: Vec<PlanRow> = on_db!(db, c => sqlx::query_as(sql).bind(only_offered).fetch_all(c).await)?;
    rows.into_iter().map(PlanRow::read).collect()
}

/// The plan with this id.
pub async fn by_id(db: &Db, id: PlanId) -> Result<Option<Plan>, Error> {
    let sql = "select * from plans where id = $1";
    let row: Option<PlanRow> = on_db!(db, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    row.map(PlanRow::read).transpose()
}

/// Offers the plan, or stops offering it; false when there is none.
pub async fn set_offered(tx: &mut Tx, id: PlanId, offered: bool) -> Result<bool, Error> {
    let sql = "update plans set offered = $2 where id = $1";
    let n =
        on!(tx, c => sqlx::query(sql).bind(id.0).bind(offered).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n > 0)
}

/// Gives the plan a price of its own, or leaves it to the price list; false when there is no such plan.
pub async fn set_price(tx: &mut Tx, id: PlanId, price: Option<Rate>) -> Result<bool, Error> {
    let sql = "update plans set price_running = $2, price_stopped = $3 where id = $1";
    let (running, stopped) = price.map(|rate| (rate.running_micros.0, rate.stopped_micros.0)).unzip();
    let n = on!(tx, c => sqlx::query(sql)
        .bind(id.0).bind(running).bind(stopped).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n > 0)
}
