//! Rows of projects and of who is a member.

use innkeeper_domain::ids::{ProjectId, UserId};
use innkeeper_domain::projects::{Membership, Project};
use innkeeper_domain::time::Timestamp;
use uuid::Uuid;

use crate::columns::Columns;
use crate::{Db, Error, Tx};

#[derive(sqlx::FromRow)]
struct ProjectRow {
    id: Uuid,
    name: String,
    personal_of: Option<Uuid>,
    created_at: i64,
}

impl ProjectRow {
    fn read(self) -> Result<Project, Error> {
        Ok(Project {
            id: ProjectId(self.id),
            name: Columns("projects").word("name", &self.name)?,
            personal_of: self.personal_of.map(UserId),
            created_at: Timestamp(self.created_at),
        })
    }
}

/// Adds a project. Its user, if it is a personal one, may follow in the same transaction.
pub async fn insert(tx: &mut Tx, project: &Project) -> Result<(), Error> {
    let sql = "insert into projects (id, name, personal_of, created_at) values ($1, $2, $3, $4)";
    on!(tx, c => sqlx::query(sql)
        .bind(project.id.0).bind(project.name.as_str()).bind(project.personal_of.map(|user| user.0))
        .bind(project.created_at.0).execute(c).await.map(drop))?;
    Ok(())
}

/// Makes the user a member, or changes what kind of member they are.
pub async fn add_member(
    tx: &mut Tx,
    project: ProjectId,
    user: UserId,
    membership: Membership,
) -> Result<(), Error> {
    let sql = "insert into memberships (project_id, user_id, membership) values ($1, $2, $3)
        on conflict (project_id, user_id) do update set membership = excluded.membership";
    on!(tx, c => sqlx::query(sql).bind(project.0).bind(user.0).bind(membership.as_str()).execute(c).await.map(drop))?;
    Ok(())
}

/// What the user is in each of their projects.
pub async fn memberships_of(db: &Db, user: UserId) -> Result<Vec<(ProjectId, Membership)>, Error> {
    let sql = "select project_id, membership from memberships where user_id = $1 order by project_id";
    let rows: Vec<(Uuid, String)> = on_db!(db, c => sqlx::query_as(sql).bind(user.0).fetch_all(c).await)?;
    let read =
        |(id, word): (Uuid, String)| Ok((ProjectId(id), Columns("memberships").word("membership", &word)?));
    rows.into_iter().map(read).collect()
}

/// The projects of a user, or all of them, in the order in which they were made.
pub async fn list_of(db: &Db, user: Option<UserId>) -> Result<Vec<Project>, Error> {
    let sql = "select * from projects
        where $1 is null or id in (select project_id from memberships where user_id = $1) order by id";
    let rows: Vec<ProjectRow> =
        on_db!(db, c => sqlx::query_as(sql).bind(user.map(|u| u.0)).fetch_all(c).await)?;
    rows.into_iter().map(ProjectRow::read).collect()
}

/// The project with this id.
pub async fn by_id(db: &Db, id: ProjectId) -> Result<Option<Project>, Error> {
    let sql = "select * from projects where id = $1";
    let row: Option<ProjectRow> = on_db!(db, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    row.map(ProjectRow::read).transpose()
}
