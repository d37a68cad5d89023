//! Rows of adoptions: guests that were in Proxmox before they became instances.

use innkeeper_domain::adoptions::{Adoption, State};
use innkeeper_domain::ids::{AdoptionId, ClusterId, InstanceId, ProjectId, UserId};
use innkeeper_domain::time::Timestamp;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::columns::{Columns, json};
use crate::error::{Unique, explain};
use crate::{Db, Error, Tx};

const UNIQUE: &[Unique] =
    &[Unique { index: "adoptions_guest", columns: "adoptions.cluster_id, adoptions.vmid", what: "vmid" }];

#[derive(sqlx::FromRow)]
struct AdoptionRow {
    id: Uuid,
    cluster_id: Uuid,
    vmid: i64,
    instance_id: Uuid,
    project_id: Uuid,
    state: String,
    draft: String,
    problem: Option<String>,
    asked_by: Option<Uuid>,
    created_at: i64,
    over_at: Option<i64>,
    attempts: i64,
}

impl AdoptionRow {
    fn read(self) -> Result<Adoption, Error> {
        let columns = Columns("adoptions");
        Ok(Adoption {
            id: AdoptionId(self.id),
            cluster_id: ClusterId(self.cluster_id),
            vmid: columns.number("vmid", self.vmid)?,
            instance_id: InstanceId(self.instance_id),
            project_id: ProjectId(self.project_id),
            state: columns.word("state", &self.state)?,
            draft: columns.json("draft", &self.draft)?,
            problem: self.problem,
            asked_by: self.asked_by.map(UserId),
            created_at: Timestamp(self.created_at),
            over_at: self.over_at.map(Timestamp),
            attempts: columns.number("attempts", self.attempts)?,
        })
    }
}

/// Adds a wish to adopt a guest, due at once. [`Error::Conflict`] `vmid` when there is one for that guest that is not
/// over.
pub async fn insert(tx: &mut Tx, adoption: &Adoption) -> Result<(), Error> {
    let sql = "insert into adoptions (id, cluster_id, vmid, instance_id, project_id, state, draft, problem, asked_by,
            created_at, over_at, due_at, attempts)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $10, $12)";
    let a = adoption;
    let draft = json(&a.draft)?;
    on!(tx, c => sqlx::query(sql)
        .bind(a.id.0).bind(a.cluster_id.0).bind(i64::from(a.vmid)).bind(a.instance_id.0).bind(a.project_id.0)
        .bind(a.state.as_str()).bind(draft.as_str()).bind(a.problem.as_deref()).bind(a.asked_by.map(|id| id.0))
        .bind(a.created_at.0).bind(a.over_at.map(|at| at.0)).bind(i64::from(a.attempts))
        .execute(c).await.map(drop))
    .map_err(|e| explain(e, UNIQUE))
}

/// One adoption.
pub async fn by_id(db: &Db, id: AdoptionId) -> Result<Option<Adoption>, Error> {
    let sql = "select * from adoptions where id = $1";
    let row: Option<AdoptionRow> = on_db!(db, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    row.map(AdoptionRow::read).transpose()
}

/// The adoption that made this instance, if one did; nobody else changes it until the transaction ends.
pub async fn of_instance_tx(tx: &mut Tx, instance: InstanceId) -> Result<Option<Adoption>, Error> {
    let sql = format!("select * from adoptions where instance_id = $1 {}", tx.for_update());
    let row: Option<AdoptionRow> =
        on!(tx, c => sqlx::query_as(AssertSqlSafe(sql)).bind(instance.0).fetch_optional(c).await)?;
    row.map(AdoptionRow::read).transpose()
}

/// The adoptions in a cluster that are not over.
pub async fn holding(db: &Db, cluster: ClusterId) -> Result<Vec<Adoption>, Error> {
    let sql = "select * from adoptions where cluster_id = $1 and over_at is null order by id";
    let rows: Vec<AdoptionRow> = on_db!(db, c => sqlx::query_as(sql).bind(cluster.0).fetch_all(c).await)?;
    rows.into_iter().map(AdoptionRow::read).collect()
}

/// The adoptions in a cluster, newest first, those before (older than) `after`.
pub async fn list(
    db: &Db,
    cluster: ClusterId,
    after: Option<AdoptionId>,
    limit: i64,
) -> Result<Vec<Adoption>, Error> {
    let sql =
        "select * from adoptions where cluster_id = $1 and ($2 is null or id < $2) order by id desc limit $3";
    let rows: Vec<AdoptionRow> = on_db!(db, c => sqlx::query_as(sql)
        .bind(cluster.0).bind(after.map(|id| id.0)).bind(limit).fetch_all(c).await)?;
    rows.into_iter().map(AdoptionRow::read).collect()
}

/// Claims adoptions that are due, the longest due first, leaving out those that others have claimed.
pub async fn claim_due(
    tx: &mut Tx,
    now: Timestamp,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<Adoption>, Error> {
    let sql = format!(
        "with picked as materialized (
            select id as picked_id from adoptions
            where due_at <= $1 and (claimed_until is null or claimed_until <= $1)
            order by due_at limit $2 {}
        )
        update adoptions set claimed_until = $3 from picked where adoptions.id = picked.picked_id returning *",
        tx.for_update_skip_locked()
    );
    let rows: Vec<AdoptionRow> = on!(tx, c => sqlx::query_as(AssertSqlSafe(sql))
        .bind(now.0).bind(limit).bind(until.0).fetch_all(c).await)?;
    rows.into_iter().map(AdoptionRow::read).collect()
}

/// When there is something to do next.
pub async fn next_due(db: &Db) -> Result<Option<Timestamp>, Error> {
    let sql = "select min(case when claimed_until > due_at then claimed_until else due_at end)
        from adoptions where due_at is not null";
    let at: Option<i64> = on_db!(db, c => sqlx::query_scalar(sql).fetch_one(c).await)?;
    Ok(at.map(Timestamp))
}

/// Takes an adoption from one state to the next, gives its claim back, and says when it is due again, if ever. False,
/// and nothing changes, when it was in another state.
pub async fn go_on(
    tx: &mut Tx,
    id: AdoptionId,
    from: State,
    to: State,
    problem: Option<&str>,
    due_at: Option<Timestamp>,
    over_at: Option<Timestamp>,
) -> Result<bool, Error> {
    let sql =
        "update adoptions set state = $3, problem = $4, due_at = $5, over_at = $6, claimed_until = null,
            attempts = 0
        where id = $1 and state = $2";
    let n = on!(tx, c => sqlx::query(sql)
        .bind(id.0).bind(from.as_str()).bind(to.as_str()).bind(problem).bind(due_at.map(|at| at.0))
        .bind(over_at.map(|at| at.0)).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n > 0)
}

/// It could not go on this time: it is due again then.
pub async fn again(
    tx: &mut Tx,
    id: AdoptionId,
    state: State,
    problem: &str,
    due_at: Timestamp,
) -> Result<(), Error> {
    let sql = "update adoptions set problem = $3, due_at = $4, claimed_until = null, attempts = attempts + 1
        where id = $1 and state = $2";
    on!(tx, c => sqlx::query(sql)
        .bind(id.0).bind(state.as_str()).bind(problem).bind(due_at.0).execute(c).await.map(drop))?;
    Ok(())
}
