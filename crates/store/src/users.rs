//! Rows of people and machines that sign in. Password hashes leave only through [`by_email`].

use innkeeper_domain::ids::{ProjectId, UserId};
use innkeeper_domain::mails::Language;
use innkeeper_domain::names::{Email, Title};
use innkeeper_domain::standing::{Ban, Measures, Suspension};
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::users::{Role, Standing, User};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::columns::Columns;
use crate::db::Lock;
use crate::error::{Unique, explain};
use crate::{Db, Error, Tx};

const UNIQUE: &[Unique] = &[Unique { index: "users_email", columns: "index 'users_email'", what: "email" }];

#[derive(sqlx::FromRow)]
struct UserRow {
    id: Uuid,
    email: String,
    name: String,
    role: String,
    personal_project_id: Uuid,
    password_hash: Option<String>,
    email_verified_at: Option<i64>,
    language: String,
    suspended_at: Option<i64>,
    suspended_reason: Option<String>,
    banned_at: Option<i64>,
    banned_until: Option<i64>,
    banned_reason: Option<String>,
    created_at: i64,
}

impl UserRow {
    fn read(self) -> Result<(User, Option<String>), Error> {
        let columns = Columns("users");
        let suspended_reason = columns.word_if("suspended_reason", self.suspended_reason.as_deref())?;
        let suspension = self.suspended_at.map(Timestamp).zip(suspended_reason);
        let banned_reason = columns.word_if("banned_reason", self.banned_reason.as_deref())?;
        let ban = self.banned_at.map(Timestamp).zip(banned_reason);
        let until = self.banned_until.map(Timestamp);
        let measures = Measures {
            suspension: suspension.map(|(since, reason)| Suspension { since, reason }),
            ban: ban.map(|(since, reason)| Ban { since, until, reason }),
        };
        let user = User {
            id: UserId(self.id),
            email: columns.word("email", &self.email)?,
            name: columns.word("name", &self.name)?,
            role: columns.word("role", &self.role)?,
            personal_project: ProjectId(self.personal_project_id),
            email_verified_at: self.email_verified_at.map(Timestamp),
            language: columns.word("language", &self.language)?,
            measures,
            created_at: Timestamp(self.created_at),
        };
        Ok((user, self.password_hash))
    }
}

/// Adds a user; [`Error::Conflict`] `email` when the address is taken. Their personal project may follow in the same
/// transaction.
pub async fn insert(tx: &mut Tx, user: &User, password_hash: Option<&str>) -> Result<(), Error> {
    let sql = "insert into users
            (id, email, name, role, personal_project_id, password_hash, email_verified_at, language, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    on!(tx, c => sqlx::query(sql)
        .bind(user.id.0).bind(user.email.as_str()).bind(user.name.as_str()).bind(user.role.as_str())
        .bind(user.personal_project.0).bind(password_hash)
        .bind(user.email_verified_at.map(|at| at.0)).bind(user.language.as_str()).bind(user.created_at.0)
        .execute(c).await.map(drop))
    .map_err(|e| explain(e, UNIQUE))
}

/// The user with this id.
pub async fn by_id(db: &Db, id: UserId) -> Result<Option<User>, Error> {
    let sql = "select * from users where id = $1";
    let row: Option<UserRow> = on_db!(db, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    Ok(row.map(UserRow::read).transpose()?.map(|(user, _)| user))
}

/// The same within a transaction, for reading only.
pub async fn by_id_in(tx: &mut Tx, id: UserId) -> Result<Option<User>, Error> {
    let sql = "select * from users where id = $1";
    let row: Option<UserRow> = on!(tx, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    Ok(row.map(UserRow::read).transpose()?.map(|(user, _)| user))
}

/// The same within a transaction that decides about people; nobody else decides about people until it ends.
pub async fn by_id_tx(tx: &mut Tx, id: UserId) -> Result<Option<User>, Error> {
    lock_people(tx).await?;
    let sql = format!("select * from users where id = $1 {}", tx.for_update());
    let row: Option<UserRow> =
        on!(tx, c => sqlx::query_as(AssertSqlSafe(sql)).bind(id.0).fetch_optional(c).await)?;
    Ok(row.map(UserRow::read).transpose()?.map(|(user, _)| user))
}

/// Keeps everybody else from deciding about people and who belongs where, until the transaction ends. Whoever takes it
/// takes it first: before projects and invitations.
pub async fn lock_people(tx: &mut Tx) -> Result<(), Error> {
    tx.lock(Lock::People).await
}

/// The user with this address, and the hash of their password if they have one.
pub async fn by_email(db: &Db, email: &Email) -> Result<Option<(User, Option<String>)>, Error> {
    let sql = "select * from users where lower(email) = lower($1)";
    let row: Option<UserRow> =
        on_db!(db, c => sqlx::query_as(sql).bind(email.as_str()).fetch_optional(c).await)?;
    row.map(UserRow::read).transpose()
}

/// The user with this address, within a transaction.
pub async fn by_email_tx(tx: &mut Tx, email: &Email) -> Result<Option<User>, Error> {
    let sql = "select * from users where lower(email) = lower($1)";
    let row: Option<UserRow> =
        on!(tx, c => sqlx::query_as(sql).bind(email.as_str()).fetch_optional(c).await)?;
    Ok(row.map(UserRow::read).transpose()?.map(|(user, _)| user))
}

/// How many users there are.
pub async fn count(db: &Db) -> Result<i64, Error> {
    Ok(on_db!(db, c => sqlx::query_scalar("select count(*) from users").fetch_one(c).await)?)
}

/// Which users to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only those whose name or address contains this.
    pub text: Option<String>,
    /// Only those of this role.
    pub role: Option<Role>,
    /// Only those who stand like this; what ends by itself counts until it ends.
    pub standing: Option<Standing>,
}

/// Users in the order in which they came, those after the given one.
pub async fn list(
    db: &Db,
    filter: &Filter,
    now: Timestamp,
    after: Option<UserId>,
    limit: i64,
) -> Result<Vec<User>, Error> {
    // What people type is no pattern: `replace` takes it as it is.
    let sql = "select * from users
        where ($1 is null or id > $1) and ($2 is null or role = $2)
            and ($3 is null or replace(lower(name), $3, '') <> lower(name)
                or replace(lower(email), $3, '') <> lower(email))
            and ($4 is null or $4 = case
                when banned_at is not null and (banned_until is null or banned_until > $5) then 'banned'
                when suspended_at is not null then 'suspended'
                else 'good' end)
        order by id limit $6";
    let text = filter.text.as_deref().map(str::to_lowercase).filter(|text| !text.is_empty());
    let rows: Vec<UserRow> = on_db!(db, c => sqlx::query_as(sql)
        .bind(after.map(|id| id.0)).bind(filter.role.map(Role::as_str)).bind(text.as_deref())
        .bind(filter.standing.map(Standing::as_str)).bind(now.0).bind(limit)
        .fetch_all(c).await)?;
    rows.into_iter().map(|row| row.read().map(|(user, _)| user)).collect()
}

/// Sets how a user is called and what they may do.
pub async fn change(tx: &mut Tx, id: UserId, name: &Title, role: Role) -> Result<(), Error> {
    let sql = "update users set name = $2, role = $3 where id = $1";
    on!(tx, c => sqlx::query(sql)
        .bind(id.0).bind(name.as_str()).bind(role.as_str()).execute(c).await.map(drop))?;
    Ok(())
}

/// Sets what is decided against a user.
pub async fn set_measures(tx: &mut Tx, id: UserId, measures: &Measures) -> Result<(), Error> {
    let sql = "update users set suspended_at = $2, suspended_reason = $3, banned_at = $4, banned_until = $5,
            banned_reason = $6
        where id = $1";
    let Measures { suspension, ban } = measures;
    on!(tx, c => sqlx::query(sql)
        .bind(id.0).bind(suspension.as_ref().map(|s| s.since.0)).bind(suspension.as_ref().map(|s| s.reason.as_str()))
        .bind(ban.as_ref().map(|b| b.since.0)).bind(ban.as_ref().and_then(|b| b.until).map(|at| at.0))
        .bind(ban.as_ref().map(|b| b.reason.as_str()))
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Users whose ban is over and still written down.
pub async fn bans_over(db: &Db, now: Timestamp, limit: i64) -> Result<Vec<UserId>, Error> {
    let sql = "select id from users where banned_until <= $1 order by banned_until limit $2";
    let ids: Vec<Uuid> = on_db!(db, c => sqlx::query_scalar(sql).bind(now.0).bind(limit).fetch_all(c).await)?;
    Ok(ids.into_iter().map(UserId).collect())
}

/// How many administrators beside this one nothing stands against. Ask it after [`by_id_tx`], so that it stays true.
pub async fn other_admins(tx: &mut Tx, but: UserId, now: Timestamp) -> Result<i64, Error> {
    let sql = "select count(*) from users where role = 'admin' and id <> $1 and suspended_at is null
        and (banned_at is null or banned_until <= $2)";
    Ok(on!(tx, c => sqlx::query_scalar(sql).bind(but.0).bind(now.0).fetch_one(c).await)?)
}

/// Sets the hash of a user's password.
pub async fn set_password(tx: &mut Tx, id: UserId, hash: &str) -> Result<(), Error> {
    let sql = "update users set password_hash = $2 where id = $1";
    on!(tx, c => sqlx::query(sql).bind(id.0).bind(hash).execute(c).await.map(drop))?;
    Ok(())
}

/// Whether this is still the hash of the user's password; it stays so until the transaction ends.
pub async fn has_password(tx: &mut Tx, id: UserId, hash: &str) -> Result<bool, Error> {
    let sql = format!("select id from users where id = $1 and password_hash = $2 {}", tx.for_update());
    let found: Option<Uuid> =
        on!(tx, c => sqlx::query_scalar(AssertSqlSafe(sql)).bind(id.0).bind(hash).fetch_optional(c).await)?;
    Ok(found.is_some())
}

/// Replaces the hash of a user's password, unless it has been replaced since it was read.
pub async fn upgrade_password(tx: &mut Tx, id: UserId, old: &str, new: &str) -> Result<bool, Error> {
    let sql = "update users set password_hash = $3 where id = $1 and password_hash = $2";
    let n = on!(tx, c => sqlx::query(sql).bind(id.0).bind(old).bind(new).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n == 1)
}

/// The hash of a user's password, if they have one.
pub async fn password_of(db: &Db, id: UserId) -> Result<Option<String>, Error> {
    let sql = "select password_hash from users where id = $1";
    let hash: Option<Option<String>> =
        on_db!(db, c => sqlx::query_scalar(sql).bind(id.0).fetch_optional(c).await)?;
    Ok(hash.flatten())
}

/// Any password hash that came from elsewhere (bcrypt), while there are some.
pub async fn an_imported_password(db: &Db) -> Result<Option<String>, Error> {
    let sql =
        "select password_hash from users where password_hash like '$2%' order by password_hash desc limit 1";
    let hash: Option<Option<String>> = on_db!(db, c => sqlx::query_scalar(sql).fetch_optional(c).await)?;
    Ok(hash.flatten())
}

/// Sets a user's address, known to be theirs; [`Error::Conflict`] `email` when it is taken.
pub async fn set_email(tx: &mut Tx, id: UserId, email: &Email, verified_at: Timestamp) -> Result<(), Error> {
    let sql = "update users set email = $2, email_verified_at = $3 where id = $1";
    on!(tx, c => sqlx::query(sql).bind(id.0).bind(email.as_str()).bind(verified_at.0).execute(c).await.map(drop))
        .map_err(|e| explain(e, UNIQUE))
}

/// Sets how to greet a user, and in which language to write to them.
pub async fn set_profile(tx: &mut Tx, id: UserId, name: &Title, language: Language) -> Result<bool, Error> {
    let sql = "update users set name = $2, language = $3 where id = $1";
    let n = on!(tx, c => sqlx::query(sql)
        .bind(id.0).bind(name.as_str()).bind(language.as_str()).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n == 1)
}
