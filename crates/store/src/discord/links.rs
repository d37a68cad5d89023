//! Links between accounts of the house and accounts at Discord: one of either belongs to at most one of the other.

use innkeeper_domain::discord::Snowflake;
use innkeeper_domain::ids::UserId;
use innkeeper_domain::mails::Language;
use innkeeper_domain::time::Timestamp;
use uuid::Uuid;

use crate::columns::Columns;
use crate::{Db, Error, Tx};

/// A link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Their number at Discord.
    pub discord_id: Snowflake,
    /// Their account here.
    pub user_id: UserId,
    /// As they were called there when they were linked.
    pub name: String,
    /// Since when.
    pub linked_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    discord_id: String,
    user_id: Uuid,
    name: String,
    linked_at: i64,
}

impl Row {
    fn read(self) -> Result<Link, Error> {
        Ok(Link {
            discord_id: Columns("discord_links").word("discord_id", &self.discord_id)?,
            user_id: UserId(self.user_id),
            name: self.name,
            linked_at: Timestamp(self.linked_at),
        })
    }
}

/// Links two accounts; false when either is linked already.
pub async fn link(tx: &mut Tx, link: &Link) -> Result<bool, Error> {
    let sql = "insert into discord_links (discord_id, user_id, name, linked_at) values ($1, $2, $3, $4)
        on conflict do nothing";
    let n = on!(tx, c => sqlx::query(sql)
        .bind(link.discord_id.to_string()).bind(link.user_id.0).bind(link.name.as_str()).bind(link.linked_at.0)
        .execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n == 1)
}

/// The link of somebody at Discord.
pub async fn of_discord(db: &Db, id: Snowflake) -> Result<Option<Link>, Error> {
    let sql = "select * from discord_links where discord_id = $1";
    let row: Option<Row> = on_db!(db, c => sqlx::query_as(sql).bind(id.to_string()).fetch_optional(c).await)?;
    row.map(Row::read).transpose()
}

/// The same within a transaction.
pub async fn of_discord_tx(tx: &mut Tx, id: Snowflake) -> Result<Option<Link>, Error> {
    let sql = "select * from discord_links where discord_id = $1";
    let row: Option<Row> = on!(tx, c => sqlx::query_as(sql).bind(id.to_string()).fetch_optional(c).await)?;
    row.map(Row::read).transpose()
}

/// The link of a user.
pub async fn of_user(db: &Db, id: UserId) -> Result<Option<Link>, Error> {
    let sql = "select * from discord_links where user_id = $1";
    let row: Option<Row> = on_db!(db, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    row.map(Row::read).transpose()
}

/// The same within a transaction.
pub async fn link_of_tx(tx: &mut Tx, id: UserId) -> Result<Option<Link>, Error> {
    let sql = "select * from discord_links where user_id = $1";
    let row: Option<Row> = on!(tx, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    row.map(Row::read).transpose()
}

/// Ends the link of somebody at Discord; whether there was one.
pub async fn unlink_discord(tx: &mut Tx, id: Snowflake) -> Result<bool, Error> {
    let sql = "delete from discord_links where discord_id = $1";
    let n = on!(tx, c => sqlx::query(sql).bind(id.to_string()).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n == 1)
}

/// Ends the link of a user; whether there was one.
pub async fn unlink_user(tx: &mut Tx, id: UserId) -> Result<bool, Error> {
    let sql = "delete from discord_links where user_id = $1";
    let n = on!(tx, c => sqlx::query(sql).bind(id.0).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n == 1)
}

/// Staff whose account is linked, and in which language they are written to.
pub async fn linked_staff(tx: &mut Tx) -> Result<Vec<(UserId, Language)>, Error> {
    let sql =
        "select users.id, users.language from users join discord_links on discord_links.user_id = users.id
        where users.role in ('operator', 'admin') order by users.id";
    let rows: Vec<(Uuid, String)> = on!(tx, c => sqlx::query_as(sql).fetch_all(c).await)?;
    let read =
        |(id, language): (Uuid, String)| Ok((UserId(id), Columns("users").word("language", &language)?));
    rows.into_iter().map(read).collect()
}
