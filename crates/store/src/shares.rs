//! Rows of shares: instances that other projects may see or use.

use innkeeper_domain::ids::{InstanceId, ProjectId};
use innkeeper_domain::shares::Share;
use innkeeper_domain::time::Timestamp;
use uuid::Uuid;

use crate::columns::{Columns, id_list};
use crate::{Db, Error, Tx};

#[derive(sqlx::FromRow)]
struct ShareRow {
    instance_id: Uuid,
    project_id: Uuid,
    may: String,
    created_at: i64,
}

impl ShareRow {
    fn read(self) -> Result<Share, Error> {
        Ok(Share {
            instance_id: InstanceId(self.instance_id),
            project_id: ProjectId(self.project_id),
            right: Columns("instance_shares").word("may", &self.may)?,
            created_at: Timestamp(self.created_at),
        })
    }
}

const OF_INSTANCE: &str =
    "select * from instance_shares where instance_id = $1 order by created_at, project_id";

/// With whom an instance is shared, the oldest first.
pub async fn of_instance(db: &Db, id: InstanceId) -> Result<Vec<Share>, Error> {
    let rows: Vec<ShareRow> = on_db!(db, c => sqlx::query_as(OF_INSTANCE).bind(id.0).fetch_all(c).await)?;
    rows.into_iter().map(ShareRow::read).collect()
}

/// The same, as a transaction sees it.
pub async fn of_instance_tx(tx: &mut Tx, id: InstanceId) -> Result<Vec<Share>, Error> {
    let rows: Vec<ShareRow> = on!(tx, c => sqlx::query_as(OF_INSTANCE).bind(id.0).fetch_all(c).await)?;
    rows.into_iter().map(ShareRow::read).collect()
}

/// What is shared with these projects and not deleted, the newest instance first.
pub async fn with_projects(db: &Db, projects: &[ProjectId]) -> Result<Vec<Share>, Error> {
    let sql = "select s.* from instance_shares s join instances i on i.id = s.instance_id
        where s.project_id in (select unhex(value) from json_each($1)) and i.deleted_at is null
        order by s.instance_id desc, s.project_id";
    let ids = id_list(projects.iter().map(|id| id.0));
    let rows: Vec<ShareRow> = on_db!(db, c => sqlx::query_as(sql).bind(ids.as_str()).fetch_all(c).await)?;
    rows.into_iter().map(ShareRow::read).collect()
}

/// Adds a share, or changes what it allows.
pub async fn put(tx: &mut Tx, share: &Share) -> Result<(), Error> {
    let sql = "insert into instance_shares (instance_id, project_id, may, created_at) values ($1, $2, $3, $4)
        on conflict (instance_id, project_id) do update set may = excluded.may";
    on!(tx, c => sqlx::query(sql).bind(share.instance_id.0).bind(share.project_id.0)
        .bind(share.right.as_str()).bind(share.created_at.0).execute(c).await.map(drop))?;
    Ok(())
}

/// Ends a share; false when there was none.
pub async fn remove(tx: &mut Tx, id: InstanceId, project: ProjectId) -> Result<bool, Error> {
    let sql = "delete from instance_shares where instance_id = $1 and project_id = $2";
    let n = on!(tx, c => sqlx::query(sql)
        .bind(id.0).bind(project.0).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n > 0)
}
