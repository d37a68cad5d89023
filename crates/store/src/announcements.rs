//! Rows of announcements.

use innkeeper_domain::announcements::Announcement;
use innkeeper_domain::ids::{AnnouncementId, UserId};
use innkeeper_domain::names::Told;
use innkeeper_domain::time::Timestamp;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::columns::Columns;
use crate::{Db, Error, Tx};

#[derive(sqlx::FromRow)]
struct AnnouncementRow {
    id: Uuid,
    level: String,
    text_en: Option<String>,
    text_fr: Option<String>,
    from_at: i64,
    until_at: Option<i64>,
    revision: i64,
    created_by: Option<Uuid>,
    created_at: i64,
}

impl AnnouncementRow {
    fn read(self) -> Result<Announcement, Error> {
        let columns = Columns("announcements");
        Ok(Announcement {
            id: AnnouncementId(self.id),
            level: columns.word("level", &self.level)?,
            text_en: columns.word_if("text_en", self.text_en.as_deref())?,
            text_fr: columns.word_if("text_fr", self.text_fr.as_deref())?,
            from: Timestamp(self.from_at),
            until: self.until_at.map(Timestamp),
            revision: self.revision,
            created_by: self.created_by.map(UserId),
            created_at: Timestamp(self.created_at),
        })
    }
}

/// Adds an announcement.
pub async fn insert(tx: &mut Tx, new: &Announcement) -> Result<(), Error> {
    let sql =
        "insert into announcements (id, level, text_en, text_fr, from_at, until_at, revision, created_by,
            created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    on!(tx, c => sqlx::query(sql)
        .bind(new.id.0).bind(new.level.as_str()).bind(new.text_en.as_ref().map(Told::as_str))
        .bind(new.text_fr.as_ref().map(Told::as_str)).bind(new.from.0).bind(new.until.map(|at| at.0))
        .bind(new.revision).bind(new.created_by.map(|user| user.0)).bind(new.created_at.0)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// The announcement with this id; nobody else changes it until the transaction ends.
pub async fn by_id_tx(tx: &mut Tx, id: AnnouncementId) -> Result<Option<Announcement>, Error> {
    let sql = format!("select * from announcements where id = $1 {}", tx.for_update());
    let row: Option<AnnouncementRow> =
        on!(tx, c => sqlx::query_as(AssertSqlSafe(sql)).bind(id.0).fetch_optional(c).await)?;
    row.map(AnnouncementRow::read).transpose()
}

/// Announcements, newest first, those before (older than) `after`.
pub async fn list(db: &Db, after: Option<AnnouncementId>, limit: i64) -> Result<Vec<Announcement>, Error> {
    let sql = "select * from announcements where $1 is null or id < $1 order by id desc limit $2";
    let rows: Vec<AnnouncementRow> = on_db!(db, c => sqlx::query_as(sql)
        .bind(after.map(|id| id.0)).bind(limit).fetch_all(c).await)?;
    rows.into_iter().map(AnnouncementRow::read).collect()
}

/// Those that are shown now: what matters most first, and of that the newest.
pub async fn shown(db: &Db, now: Timestamp, limit: i64) -> Result<Vec<Announcement>, Error> {
    let sql = "select * from announcements where from_at <= $1 and (until_at is null or until_at > $1)
        order by case level when 'critical' then 0 when 'warning' then 1 else 2 end, from_at desc, id desc
        limit $2";
    let rows: Vec<AnnouncementRow> =
        on_db!(db, c => sqlx::query_as(sql).bind(now.0).bind(limit).fetch_all(c).await)?;
    rows.into_iter().map(AnnouncementRow::read).collect()
}

/// Writes what can change of an announcement.
pub async fn save(tx: &mut Tx, now: &Announcement) -> Result<(), Error> {
    let sql = "update announcements set level = $2, text_en = $3, text_fr = $4, from_at = $5, until_at = $6,
            revision = $7
        where id = $1";
    on!(tx, c => sqlx::query(sql)
        .bind(now.id.0).bind(now.level.as_str()).bind(now.text_en.as_ref().map(Told::as_str))
        .bind(now.text_fr.as_ref().map(Told::as_str)).bind(now.from.0).bind(now.until.map(|at| at.0))
        .bind(now.revision).execute(c).await.map(drop))?;
    Ok(())
}

/// Removes an announcement.
pub async fn delete(tx: &mut Tx, id: AnnouncementId) -> Result<(), Error> {
    let sql = "delete from announcements where id = $1";
    on!(tx, c => sqlx::query(sql).bind(id.0).execute(c).await.map(drop))?;
    Ok(())
}
