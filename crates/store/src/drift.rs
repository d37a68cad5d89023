//! Where guests differ from what we hold of them, and what that is.

use std::collections::HashMap;

use innkeeper_domain::drift::{Drift, Held};
use innkeeper_domain::ids::{ClusterId, InstanceId};
use innkeeper_domain::operations::Verb;
use innkeeper_domain::time::Timestamp;
use uuid::Uuid;

use crate::columns::{Columns, id_list, json};
use crate::{Db, Error, Tx};

#[derive(sqlx::FromRow)]
struct DriftRow {
    instance_id: Uuid,
    kind: String,
    what: String,
    expected: Option<String>,
    found: Option<String>,
    since: i64,
    told: bool,
}

/// One way in which a guest differs, and whether people were told.
pub type Told = (Drift, bool);

fn grouped(rows: Vec<DriftRow>) -> Result<HashMap<InstanceId, Vec<Told>>, Error> {
    let mut all: HashMap<InstanceId, Vec<Told>> = HashMap::new();
    for row in rows {
        let drift = Drift {
            kind: Columns("drifts").word("kind", &row.kind)?,
            what: row.what,
            expected: row.expected,
            found: row.found,
            since: Timestamp(row.since),
        };
        all.entry(InstanceId(row.instance_id)).or_default().push((drift, row.told));
    }
    Ok(all)
}

/// Where these instances differ.
pub async fn of(
    db: &Db,
    instances: impl IntoIterator<Item = InstanceId>,
) -> Result<HashMap<InstanceId, Vec<Told>>, Error> {
    let sql = "select * from drifts where instance_id in (select unhex(value) from json_each($1))
        order by instance_id, kind, what";
    let ids = id_list(instances.into_iter().map(|id| id.0));
    let rows: Vec<DriftRow> = on_db!(db, c => sqlx::query_as(sql).bind(ids.as_str()).fetch_all(c).await)?;
    grouped(rows)
}

/// Where the instances of a cluster differ.
pub async fn in_cluster(db: &Db, cluster: ClusterId) -> Result<HashMap<InstanceId, Vec<Told>>, Error> {
    let sql = "select drifts.* from drifts join instances on instances.id = drifts.instance_id
        where instances.cluster_id = $1 and instances.deleted_at is null
        order by drifts.instance_id, drifts.kind, drifts.what";
    let rows: Vec<DriftRow> = on_db!(db, c => sqlx::query_as(sql).bind(cluster.0).fetch_all(c).await)?;
    grouped(rows)
}

/// Writes down where an instance differs now, in place of what was written before.
pub async fn replace(tx: &mut Tx, instance: InstanceId, drifts: &[Told]) -> Result<(), Error> {
    let sql = "delete from drifts where instance_id = $1";
    on!(tx, c => sqlx::query(sql).bind(instance.0).execute(c).await.map(drop))?;
    let sql = "insert into drifts (instance_id, kind, what, expected, found, since, told)
        values ($1, $2, $3, $4, $5, $6, $7)";
    for (drift, told) in drifts {
        on!(tx, c => sqlx::query(sql)
            .bind(instance.0).bind(drift.kind.as_str()).bind(drift.what.as_str())
            .bind(drift.expected.as_deref()).bind(drift.found.as_deref()).bind(drift.since.0).bind(*told)
            .execute(c).await.map(drop))?;
    }
    Ok(())
}

/// What is held of the guests of a cluster beside their sizes.
pub async fn baselines(db: &Db, cluster: ClusterId) -> Result<HashMap<InstanceId, Held>, Error> {
    let sql = "select baselines.instance_id, baselines.held from baselines
        join instances on instances.id = baselines.instance_id
        where instances.cluster_id = $1 and instances.deleted_at is null";
    let rows: Vec<(Uuid, String)> = on_db!(db, c => sqlx::query_as(sql).bind(cluster.0).fetch_all(c).await)?;
    rows.into_iter()
        .map(|(id, text)| Ok((InstanceId(id), Columns("baselines").json("held", &text)?)))
        .collect()
}

/// What is held of one guest beside its size.
pub async fn baseline(db: &Db, instance: InstanceId) -> Result<Option<Held>, Error> {
    let sql = "select held from baselines where instance_id = $1";
    let text: Option<String> =
        on_db!(db, c => sqlx::query_scalar(sql).bind(instance.0).fetch_optional(c).await)?;
    text.map(|text| Columns("baselines").json("held", &text)).transpose()
}

/// What was asked of an instance and ended at that time or later, or has not ended.
pub async fn verbs_since(db: &Db, instance: InstanceId, at: Timestamp) -> Result<Vec<Verb>, Error> {
    let sql = "select distinct verb from operations where instance_id = $1 and (ended_at is null or ended_at >= $2)";
    let words: Vec<String> =
        on_db!(db, c => sqlx::query_scalar(sql).bind(instance.0).bind(at.0).fetch_all(c).await)?;
    words.iter().map(|word| Columns("operations").word("verb", word)).collect()
}

/// Holds this of a guest from now on.
pub async fn hold(tx: &mut Tx, instance: InstanceId, held: &Held) -> Result<(), Error> {
    let sql = "insert into baselines (instance_id, held) values ($1, $2)
        on conflict (instance_id) do update set held = excluded.held";
    let held = json(held)?;
    on!(tx, c => sqlx::query(sql).bind(instance.0).bind(held.as_str()).execute(c).await.map(drop))?;
    Ok(())
}
