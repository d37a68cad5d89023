//! Rows of notices, which somebody must tell the people of a project, and of what each project was told about its
//! credits running out.

use innkeeper_domain::ids::{NoticeId, ProjectId};
use innkeeper_domain::notices::{Kind, Notice};
use innkeeper_domain::time::Timestamp;
use uuid::Uuid;

use crate::columns::Columns;
use crate::{Db, Error, Tx};

#[derive(sqlx::FromRow)]
struct NoticeRow {
    id: Uuid,
    project_id: Uuid,
    kind: String,
    about: Option<String>,
    at: i64,
    told_at: Option<i64>,
}

impl NoticeRow {
    fn read(self) -> Result<Notice, Error> {
        Ok(Notice {
            id: NoticeId(self.id),
            project_id: ProjectId(self.project_id),
            kind: Columns("notices").word("kind", &self.kind)?,
            about: self.about,
            at: Timestamp(self.at),
            told_at: self.told_at.map(Timestamp),
        })
    }
}

/// Adds a notice.
pub async fn insert(tx: &mut Tx, notice: &Notice) -> Result<(), Error> {
    let sql =
        "insert into notices (id, project_id, kind, about, at, told_at) values ($1, $2, $3, $4, $5, $6)";
    on!(tx, c => sqlx::query(sql)
        .bind(notice.id.0).bind(notice.project_id.0).bind(notice.kind.as_str()).bind(notice.about.as_deref())
        .bind(notice.at.0).bind(notice.told_at.map(|at| at.0)).execute(c).await.map(drop))?;
    Ok(())
}

/// Notices that nobody has been told, oldest first.
pub async fn untold(db: &Db, limit: i64) -> Result<Vec<Notice>, Error> {
    let sql = "select * from notices where told_at is null order by id limit $1";
    let rows: Vec<NoticeRow> = on_db!(db, c => sqlx::query_as(sql).bind(limit).fetch_all(c).await)?;
    rows.into_iter().map(NoticeRow::read).collect()
}

/// Notes that it was told; false when it was before.
pub async fn told(tx: &mut Tx, id: NoticeId, at: Timestamp) -> Result<bool, Error> {
    let sql = "update notices set told_at = $2 where id = $1 and told_at is null";
    let n = on!(tx, c => sqlx::query(sql).bind(id.0).bind(at.0).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n > 0)
}

/// Notices of a project, newest first, those before (older than) `after`.
pub async fn list(
    db: &Db,
    project: ProjectId,
    after: Option<NoticeId>,
    limit: i64,
) -> Result<Vec<Notice>, Error> {
    let sql =
        "select * from notices where project_id = $1 and ($2 is null or id < $2) order by id desc limit $3";
    let rows: Vec<NoticeRow> = on_db!(db, c => sqlx::query_as(sql)
        .bind(project.0).bind(after.map(|id| id.0)).bind(limit).fetch_all(c).await)?;
    rows.into_iter().map(NoticeRow::read).collect()
}

/// What a project was told about its credits running out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Runway {
    /// The last warning, until the runway rises above it.
    pub warned: Option<Kind>,
    /// Since when its credits are used up.
    pub held_since: Option<Timestamp>,
    /// What it was last told of the time that it has left, and when.
    pub grace_told: Option<(Kind, Timestamp)>,
}

#[derive(sqlx::FromRow)]
struct RunwayRow {
    project_id: Uuid,
    warned: Option<String>,
    held_since: Option<i64>,
    grace_told: Option<String>,
    grace_told_at: Option<i64>,
}

impl RunwayRow {
    fn read(&self) -> Result<(ProjectId, Runway), Error> {
        let columns = Columns("runways");
        let told = columns.word_if("grace_told", self.grace_told.as_deref())?;
        let runway = Runway {
            warned: columns.word_if("warned", self.warned.as_deref())?,
            held_since: self.held_since.map(Timestamp),
            grace_told: told.zip(self.grace_told_at.map(Timestamp)),
        };
        Ok((ProjectId(self.project_id), runway))
    }
}

/// What this project was told; nobody else changes it until the transaction ends.
pub async fn runway_tx(tx: &mut Tx, project: ProjectId) -> Result<Runway, Error> {
    let sql = "insert into runways (project_id) values ($1) on conflict do nothing";
    on!(tx, c => sqlx::query(sql).bind(project.0).execute(c).await.map(drop))?;
    let sql = format!("select * from runways where project_id = $1 {}", tx.for_update());
    let row: RunwayRow =
        on!(tx, c => sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(project.0).fetch_one(c).await)?;
    Ok(row.read()?.1)
}

/// What this project was told.
pub async fn runway(db: &Db, project: ProjectId) -> Result<Runway, Error> {
    let sql = "select * from runways where project_id = $1";
    let row: Option<RunwayRow> =
        on_db!(db, c => sqlx::query_as(sql).bind(project.0).fetch_optional(c).await)?;
    row.map_or(Ok(Runway::default()), |row| Ok(row.read()?.1))
}

/// What these projects were told: those that were warned, or whose credits are used up.
pub async fn runways(db: &Db) -> Result<Vec<(ProjectId, Runway)>, Error> {
    let sql = "select * from runways where warned is not null or held_since is not null order by project_id";
    let rows: Vec<RunwayRow> = on_db!(db, c => sqlx::query_as(sql).fetch_all(c).await)?;
    rows.iter().map(RunwayRow::read).collect()
}

/// Notes what a project was told. Read it with [`runway_tx`] in the same transaction.
pub async fn set_runway(tx: &mut Tx, project: ProjectId, runway: &Runway) -> Result<(), Error> {
    let sql = "update runways set warned = $2, held_since = $3, grace_told = $4, grace_told_at = $5 where project_id = $1";
    let (told, told_at) = runway.grace_told.unzip();
    on!(tx, c => sqlx::query(sql)
        .bind(project.0).bind(runway.warned.map(Kind::as_str)).bind(runway.held_since.map(|at| at.0))
        .bind(told.map(Kind::as_str)).bind(told_at.map(|at| at.0)).execute(c).await.map(drop))?;
    Ok(())
}
