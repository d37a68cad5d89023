//! Why instances were placed where they were placed: the verdicts of that moment.

use innkeeper_domain::ids::InstanceId;
use innkeeper_domain::placement::Verdict;
use innkeeper_domain::time::Timestamp;

use crate::columns::{Columns, json};
use crate::{Db, Error, Tx};

/// Keeps what was found when an instance was placed; an older finding gives way.
pub async fn put(
    tx: &mut Tx,
    instance: InstanceId,
    verdicts: &[Verdict],
    at: Timestamp,
) -> Result<(), Error> {
    let sql = "insert into placements (instance_id, at, verdicts) values ($1, $2, $3)
        on conflict (instance_id) do update set at = excluded.at, verdicts = excluded.verdicts";
    let verdicts = json(&verdicts)?;
    on!(tx, c => sqlx::query(sql)
        .bind(instance.0).bind(at.0).bind(verdicts.as_str()).execute(c).await.map(drop))?;
    Ok(())
}

/// What was found when the instance was placed, and when; none for one that was not placed by us.
pub async fn of(db: &Db, instance: InstanceId) -> Result<Option<(Timestamp, Vec<Verdict>)>, Error> {
    let sql = "select at, verdicts from placements where instance_id = $1";
    let row: Option<(i64, String)> =
        on_db!(db, c => sqlx::query_as(sql).bind(instance.0).fetch_optional(c).await)?;
    row.map(|(at, text)| Ok((Timestamp(at), Columns("placements").json("verdicts", &text)?))).transpose()
}
