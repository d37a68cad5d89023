//! What keeps a project's guests from running, and which of its instances that concerns.

use std::collections::HashMap;

use innkeeper_domain::ids::{InstanceId, ProjectId};
use innkeeper_domain::projects::Restriction;
use innkeeper_domain::time::Timestamp;
use uuid::Uuid;

use crate::columns::{Columns, id_list};
use crate::{Db, Error, Topic, Tx};

fn read(rows: Vec<(String, i64)>) -> Result<Vec<(Restriction, Timestamp)>, Error> {
    let columns = Columns("restrictions");
    rows.iter().map(|(word, since)| Ok((columns.word("restriction", word)?, Timestamp(*since)))).collect()
}

const OF: &str = "select restriction, since from restrictions where project_id = $1 order by restriction";

/// What stands against a project, and since when.
pub async fn of(db: &Db, project: ProjectId) -> Result<Vec<(Restriction, Timestamp)>, Error> {
    read(on_db!(db, c => sqlx::query_as(OF).bind(project.0).fetch_all(c).await)?)
}

/// The same, within a transaction.
pub async fn of_tx(tx: &mut Tx, project: ProjectId) -> Result<Vec<(Restriction, Timestamp)>, Error> {
    read(on!(tx, c => sqlx::query_as(OF).bind(project.0).fetch_all(c).await)?)
}

/// What stands against each of these projects, the worst where it is more than one thing.
pub async fn among(db: &Db, projects: &[ProjectId]) -> Result<HashMap<ProjectId, Restriction>, Error> {
    let sql = "select project_id, restriction from restrictions
        where project_id in (select unhex(value) from json_each($1))";
    let ids = id_list(projects.iter().map(|id| id.0));
    let rows: Vec<(Uuid, String)> =
        on_db!(db, c => sqlx::query_as(sql).bind(ids.as_str()).fetch_all(c).await)?;
    let columns = Columns("restrictions");
    let mut worst = HashMap::new();
    for (project, word) in rows {
        let restriction: Restriction = columns.word("restriction", &word)?;
        let known = worst.entry(ProjectId(project)).or_insert(restriction);
        *known = restriction.max(*known);
    }
    Ok(worst)
}

/// Restricts a project; false when it was restricted in this way already. Its guests are stopped once the transaction
/// has committed.
pub async fn impose(
    tx: &mut Tx,
    project: ProjectId,
    restriction: Restriction,
    now: Timestamp,
) -> Result<bool, Error> {
    let sql = "insert into restrictions (project_id, restriction, since) values ($1, $2, $3)
        on conflict (project_id, restriction) do nothing";
    let n = on!(tx, c => sqlx::query(sql)
        .bind(project.0).bind(restriction.as_str()).bind(now.0).execute(c).await.map(|r| r.rows_affected()))?;
    tx.wake(Topic::Restrictions);
    Ok(n > 0)
}

/// Takes a restriction away; false when there was none.
pub async fn lift(tx: &mut Tx, project: ProjectId, restriction: Restriction) -> Result<bool, Error> {
    let sql = "delete from restrictions where project_id = $1 and restriction = $2";
    let n = on!(tx, c => sqlx::query(sql)
        .bind(project.0).bind(restriction.as_str()).execute(c).await.map(|r| r.rows_affected()))?;
    tx.wake(Topic::Restrictions);
    Ok(n > 0)
}

/// Instances of restricted projects that were seen to run, and for which nothing is under way.
pub async fn to_stop(db: &Db, limit: i64) -> Result<Vec<InstanceId>, Error> {
    // The words that `Seen` is written in; a guest that is not known to be ours is not touched.
    let sql = "select id from instances
        where project_id in (select project_id from restrictions)
            and deleted_at is null and operation_id is null and born
            and seen like '%\"owner\":\"ours\"%'
            and (seen like '%\"power\":\"running\"%' or seen like '%\"power\":\"paused\"%')
        order by id limit $1";
    let ids: Vec<Uuid> = on_db!(db, c => sqlx::query_scalar(sql).bind(limit).fetch_all(c).await)?;
    Ok(ids.into_iter().map(InstanceId).collect())
}

/// Instances that ran when their project was restricted, now that nothing stands against that any more.
pub async fn to_resume(db: &Db, limit: i64) -> Result<Vec<InstanceId>, Error> {
    let sql = "select id from instances
        where resumes and deleted_at is null and operation_id is null
            and project_id not in (select project_id from restrictions)
        order by id limit $1";
    let ids: Vec<Uuid> = on_db!(db, c => sqlx::query_scalar(sql).bind(limit).fetch_all(c).await)?;
    Ok(ids.into_iter().map(InstanceId).collect())
}

/// Remembers whether an instance is to run again when its project's restrictions end.
pub async fn set_resumes(tx: &mut Tx, id: InstanceId, resumes: bool) -> Result<(), Error> {
    let sql = "update instances set resumes = $2 where id = $1 and resumes <> $2";
    on!(tx, c => sqlx::query(sql).bind(id.0).bind(resumes).execute(c).await.map(drop))?;
    Ok(())
}
