//! Rows of ISO images.

use innkeeper_domain::ids::{ClusterId, IsoId};
use innkeeper_domain::isos::Iso;
use innkeeper_domain::time::Timestamp;
use uuid::Uuid;

use crate::columns::Columns;
use crate::error::{Unique, explain};
use crate::{Db, Error, Tx};

const UNIQUE: &[Unique] =
    &[Unique { index: "isos_volume", columns: "isos.cluster_id, isos.volume", what: "volume" }];

#[derive(sqlx::FromRow)]
struct IsoRow {
    id: Uuid,
    cluster_id: Uuid,
    name: String,
    volume: String,
    rescue: bool,
    created_at: i64,
}

impl IsoRow {
    fn read(self) -> Result<Iso, Error> {
        Ok(Iso {
            id: IsoId(self.id),
            cluster_id: ClusterId(self.cluster_id),
            name: Columns("isos").word("name", &self.name)?,
            volume: self.volume,
            rescue: self.rescue,
            created_at: Timestamp(self.created_at),
        })
    }
}

/// Adds an image. [`Error::Conflict`] `volume` when its cluster offers that one already.
pub async fn insert(tx: &mut Tx, iso: &Iso) -> Result<(), Error> {
    let sql = "insert into isos (id, cluster_id, name, volume, rescue, created_at)
        values ($1, $2, $3, $4, $5, $6)";
    on!(tx, c => sqlx::query(sql)
        .bind(iso.id.0).bind(iso.cluster_id.0).bind(iso.name.as_str()).bind(iso.volume.as_str())
        .bind(iso.rescue).bind(iso.created_at.0).execute(c).await.map(drop))
    .map_err(|e| explain(e, UNIQUE))
}

/// All images, by name.
pub async fn list(db: &Db) -> Result<Vec<Iso>, Error> {
    let sql = "select * from isos order by name, id";
    let rows: Vec<IsoRow> = on_db!(db, c => sqlx::query_as(sql).fetch_all(c).await)?;
    rows.into_iter().map(IsoRow::read).collect()
}

/// The image with this id.
pub async fn by_id(db: &Db, id: IsoId) -> Result<Option<Iso>, Error> {
    let sql = "select * from isos where id = $1";
    let row: Option<IsoRow> = on_db!(db, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    row.map(IsoRow::read).transpose()
}

/// Offers an image no longer; false when there is none. Discs that are in drives stay there.
pub async fn delete(tx: &mut Tx, id: IsoId) -> Result<bool, Error> {
    let sql = "delete from isos where id = $1";
    let n = on!(tx, c => sqlx::query(sql).bind(id.0).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n > 0)
}
