//! Rows of price lists. The newest holds; the others stay, for those who ask what held before.

use innkeeper_domain::ids::{PriceListId, UserId};
use innkeeper_domain::money::Micros;
use innkeeper_domain::prices::{PriceList, UnitPrices};
use innkeeper_domain::time::Timestamp;
use uuid::Uuid;

use crate::{Db, Error, Tx};

#[derive(sqlx::FromRow)]
struct PriceListRow {
    id: Uuid,
    running_core: i64,
    running_memory_gib: i64,
    running_disk_gib: i64,
    stopped_core: i64,
    stopped_memory_gib: i64,
    stopped_disk_gib: i64,
    created_at: i64,
    created_by: Option<Uuid>,
}

impl PriceListRow {
    fn read(self) -> PriceList {
        let prices = |core, memory, disk| UnitPrices {
            core_micros: Micros(core),
            memory_gib_micros: Micros(memory),
            disk_gib_micros: Micros(disk),
        };
        PriceList {
            id: PriceListId(self.id),
            running: prices(self.running_core, self.running_memory_gib, self.running_disk_gib),
            stopped: prices(self.stopped_core, self.stopped_memory_gib, self.stopped_disk_gib),
            created_at: Timestamp(self.created_at),
            created_by: self.created_by.map(UserId),
        }
    }
}

/// Adds a price list, which holds from now on.
pub async fn insert(tx: &mut Tx, list: &PriceList) -> Result<(), Error> {
    let sql = "insert into price_lists (id, running_core, running_memory_gib, running_disk_gib, stopped_core,
            stopped_memory_gib, stopped_disk_gib, created_at, created_by)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let (run, stop) = (&list.running, &list.stopped);
    on!(tx, c => sqlx::query(sql)
        .bind(list.id.0).bind(run.core_micros.0).bind(run.memory_gib_micros.0).bind(run.disk_gib_micros.0)
        .bind(stop.core_micros.0).bind(stop.memory_gib_micros.0).bind(stop.disk_gib_micros.0)
        .bind(list.created_at.0).bind(list.created_by.map(|user| user.0))
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Price lists, newest first, those before (older than) `after`.
pub async fn list(db: &Db, after: Option<PriceListId>, limit: i64) -> Result<Vec<PriceList>, Error> {
    let sql = "select * from price_lists where $1 is null or id < $1 order by id desc limit $2";
    let rows: Vec<PriceListRow> = on_db!(db, c => sqlx::query_as(sql)
        .bind(after.map(|id| id.0)).bind(limit).fetch_all(c).await)?;
    Ok(rows.into_iter().map(PriceListRow::read).collect())
}

/// The price list that holds; none in a free house.
pub async fn current(db: &Db) -> Result<Option<PriceList>, Error> {
    Ok(list(db, None, 1).await?.pop())
}
