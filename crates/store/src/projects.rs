//! Rows of projects and of who is a member.

use innkeeper_domain::ids::{ProjectId, UserId};
use innkeeper_domain::names::Title;
use innkeeper_domain::projects::{Member, Membership, Project};
use innkeeper_domain::time::Timestamp;
use sqlx::AssertSqlSafe;
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
        where deleted_at is null
            and ($1 is null or id in (select project_id from memberships where user_id = $1))
        order by id";
    let rows: Vec<ProjectRow> =
        on_db!(db, c => sqlx::query_as(sql).bind(user.map(|u| u.0)).fetch_all(c).await)?;
    rows.into_iter().map(ProjectRow::read).collect()
}

/// The project with this id, unless it was deleted.
pub async fn by_id(db: &Db, id: ProjectId) -> Result<Option<Project>, Error> {
    let sql = "select * from projects where id = $1 and deleted_at is null";
    let row: Option<ProjectRow> = on_db!(db, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    row.map(ProjectRow::read).transpose()
}

/// The project with this id, deleted or not.
pub async fn by_id_ever(db: &Db, id: ProjectId) -> Result<Option<Project>, Error> {
    let sql = "select * from projects where id = $1";
    let row: Option<ProjectRow> = on_db!(db, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    row.map(ProjectRow::read).transpose()
}

/// The project with this id, within a transaction that decides about the project; nobody else changes its row until it ends.
pub async fn by_id_tx(tx: &mut Tx, id: ProjectId) -> Result<Option<Project>, Error> {
    let sql = format!("select * from projects where id = $1 and deleted_at is null {}", tx.for_update());
    let row: Option<ProjectRow> =
        on!(tx, c => sqlx::query_as(AssertSqlSafe(sql)).bind(id.0).fetch_optional(c).await)?;
    row.map(ProjectRow::read).transpose()
}

/// Renames a project.
pub async fn rename(tx: &mut Tx, id: ProjectId, name: &Title) -> Result<(), Error> {
    let sql = "update projects set name = $2 where id = $1";
    on!(tx, c => sqlx::query(sql).bind(id.0).bind(name.as_str()).execute(c).await.map(drop))?;
    Ok(())
}

/// How many instances a project has that are not deleted.
pub async fn instances_of(tx: &mut Tx, id: ProjectId) -> Result<i64, Error> {
    let sql = "select count(*) from instances where project_id = $1 and deleted_at is null";
    Ok(on!(tx, c => sqlx::query_scalar(sql).bind(id.0).fetch_one(c).await)?)
}

/// How many backups of a project somebody has protected: unlike others, they do not go by themselves.
pub async fn protected_backups_of(tx: &mut Tx, id: ProjectId) -> Result<i64, Error> {
    let sql = "select count(*) from backups where project_id = $1 and protected = $2
        and state in ('pending', 'ready')";
    Ok(on!(tx, c => sqlx::query_scalar(sql).bind(id.0).bind(true).fetch_one(c).await)?)
}

/// How many networks are for a project alone.
pub async fn networks_of(tx: &mut Tx, id: ProjectId) -> Result<i64, Error> {
    let sql = "select count(*) from networks where project_id = $1";
    Ok(on!(tx, c => sqlx::query_scalar(sql).bind(id.0).fetch_one(c).await)?)
}

/// Deletes a project: nobody is a member any more, nobody is invited, no key is good for it, nothing is shared with it.
/// Its row stays, since what it once had points at it.
pub async fn delete(tx: &mut Tx, id: ProjectId, now: Timestamp) -> Result<(), Error> {
    for sql in [
        "delete from memberships where project_id = $1",
        "delete from project_invitations where project_id = $1",
        "delete from api_keys where project_id = $1",
        "delete from restrictions where project_id = $1",
        "delete from instance_shares where project_id = $1",
        "delete from webhooks where project_id = $1",
    ] {
        on!(tx, c => sqlx::query(sql).bind(id.0).execute(c).await.map(drop))?;
    }
    let sql = "update projects set deleted_at = $2 where id = $1";
    on!(tx, c => sqlx::query(sql).bind(id.0).bind(now.0).execute(c).await.map(drop))?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct MemberRow {
    user_id: Uuid,
    name: String,
    email: String,
    membership: String,
}

impl MemberRow {
    fn read(self) -> Result<Member, Error> {
        Ok(Member {
            user_id: UserId(self.user_id),
            name: Columns("users").word("name", &self.name)?,
            email: Columns("users").word("email", &self.email)?,
            membership: Columns("memberships").word("membership", &self.membership)?,
        })
    }
}

/// Who belongs to a project, in the order in which they were made.
pub async fn members(db: &Db, id: ProjectId) -> Result<Vec<Member>, Error> {
    let sql = "select m.user_id, u.name, u.email, m.membership
        from memberships m join users u on u.id = m.user_id where m.project_id = $1 order by m.user_id";
    let rows: Vec<MemberRow> = on_db!(db, c => sqlx::query_as(sql).bind(id.0).fetch_all(c).await)?;
    rows.into_iter().map(MemberRow::read).collect()
}

/// What a user is in a project, as a transaction sees it that decides about that; nobody else decides about people
/// until it ends.
pub async fn membership(tx: &mut Tx, project: ProjectId, user: UserId) -> Result<Option<Membership>, Error> {
    crate::users::lock_people(tx).await?;
    let sql = "select membership from memberships where project_id = $1 and user_id = $2";
    let word: Option<String> =
        on!(tx, c => sqlx::query_scalar(sql).bind(project.0).bind(user.0).fetch_optional(c).await)?;
    Columns("memberships").word_if("membership", word.as_deref())
}

/// Ends a membership; the keys that the user had for that project end with it.
pub async fn remove_member(tx: &mut Tx, project: ProjectId, user: UserId) -> Result<(), Error> {
    for sql in [
        "delete from memberships where project_id = $1 and user_id = $2",
        "delete from api_keys where project_id = $1 and user_id = $2",
    ] {
        on!(tx, c => sqlx::query(sql).bind(project.0).bind(user.0).execute(c).await.map(drop))?;
    }
    Ok(())
}

/// The owners of a project.
pub async fn owners(tx: &mut Tx, project: ProjectId) -> Result<Vec<UserId>, Error> {
    let sql =
        "select user_id from memberships where project_id = $1 and membership = 'owner' order by user_id";
    let ids: Vec<Uuid> = on!(tx, c => sqlx::query_scalar(sql).bind(project.0).fetch_all(c).await)?;
    Ok(ids.into_iter().map(UserId).collect())
}

/// The projects that a user owns.
pub async fn owned_by(tx: &mut Tx, user: UserId) -> Result<Vec<ProjectId>, Error> {
    let sql =
        "select project_id from memberships where user_id = $1 and membership = 'owner' order by project_id";
    let ids: Vec<Uuid> = on!(tx, c => sqlx::query_scalar(sql).bind(user.0).fetch_all(c).await)?;
    Ok(ids.into_iter().map(ProjectId).collect())
}

/// How many projects a user owns that are nobody's own.
pub async fn shared_of(tx: &mut Tx, user: UserId) -> Result<i64, Error> {
    let sql = "select count(*) from memberships m join projects p on p.id = m.project_id
        where m.user_id = $1 and m.membership = 'owner' and p.personal_of is null
            and p.id not in (select project_id from leases) and p.id not in (select project_id from payers)";
    Ok(on!(tx, c => sqlx::query_scalar(sql).bind(user.0).fetch_one(c).await)?)
}
