//! What happened, numbered in the order in which it was committed.
//!
//! A reader that follows [`after`] must never see number 8 before 7 exists: it would not come back for 7. Therefore
//! [`append`] only remembers, and the transaction writes its events when it commits, under one lock that is held
//! until the commit is visible (SQLite has one writer and needs no lock). Numbers may have gaps.

use innkeeper_domain::events::{Event, Subject};
use innkeeper_domain::ids::ProjectId;
use innkeeper_domain::time::Timestamp;
use uuid::Uuid;

use crate::columns::{Columns, id_list, json};
use crate::{Db, Error, Tx};

/// An event that has no number yet.
pub(crate) struct NewEvent {
    at: Timestamp,
    project_id: Option<ProjectId>,
    subject: Subject,
    subject_id: String,
    what: String,
}

#[derive(sqlx::FromRow)]
struct EventRow {
    seq: i64,
    at: i64,
    project_id: Option<Uuid>,
    subject: String,
    subject_id: String,
    what: String,
}

impl EventRow {
    fn read(self) -> Result<Event, Error> {
        Ok(Event {
            seq: self.seq,
            at: Timestamp(self.at),
            project_id: self.project_id.map(ProjectId),
            subject: Columns("events").word("subject", &self.subject)?,
            subject_id: self.subject_id,
            what: self.what,
        })
    }
}

/// Says that something happened, and wakes those who watch once the transaction commits. The row is written by the
/// commit, which fails if it cannot be.
#[expect(clippy::unused_async, reason = "a write like all others to its callers")]
pub async fn append(
    tx: &mut Tx,
    at: Timestamp,
    project_id: Option<ProjectId>,
    subject: Subject,
    subject_id: &str,
    what: &str,
) -> Result<(), Error> {
    let (subject_id, what) = (subject_id.to_owned(), what.to_owned());
    tx.remember(NewEvent { at, project_id, subject, subject_id, what });
    Ok(())
}

/// Writes what was appended; the caller holds the lock.
pub(crate) async fn write(tx: &mut Tx, events: &[NewEvent]) -> Result<(), Error> {
    let sql = "insert into events (at, project_id, subject, subject_id, what) values ($1, $2, $3, $4, $5)";
    for event in events {
        on!(tx, c => sqlx::query(sql)
            .bind(event.at.0).bind(event.project_id.map(|id| id.0)).bind(event.subject.as_str())
            .bind(event.subject_id.as_str()).bind(event.what.as_str())
            .execute(c).await.map(drop))?;
    }
    Ok(())
}

/// What a reader may see who does not see everything.
#[derive(Clone, Debug, Default)]
pub struct Sight {
    /// What happened to these projects.
    pub projects: Vec<ProjectId>,
    /// What happened to these hosts and services, by their ids, as far as it is nobody's.
    pub things: Vec<String>,
}

/// Events after this number, oldest first: all of them, or only those that this reader may see. What is announced is
/// for everybody, once it is no longer planned.
pub async fn after(db: &Db, seq: i64, sight: Option<&Sight>, limit: i64) -> Result<Vec<Event>, Error> {
    let sql = "select * from events
        where seq > $1 and ($2 is null or project_id in (select unhex(value) from json_each($2))
            or project_id is null and subject in ('host', 'service')
                and subject_id in (select value from json_each($3))
            or subject = 'announcement' and what <> 'planned')
        order by seq limit $4";
    let projects = sight.map(|sight| id_list(sight.projects.iter().map(|id| id.0)));
    let things = sight.map(|sight| json(&sight.things)).transpose()?;
    let rows: Vec<EventRow> = on_db!(db, c => sqlx::query_as(sql)
        .bind(seq).bind(projects.as_deref()).bind(things.as_deref()).bind(limit).fetch_all(c).await)?;
    rows.into_iter().map(EventRow::read).collect()
}

/// Events after this number, oldest first, as the transaction sees them.
pub(crate) async fn after_tx(tx: &mut Tx, seq: i64, limit: i64) -> Result<Vec<Event>, Error> {
    let sql = "select * from events where seq > $1 order by seq limit $2";
    let rows: Vec<EventRow> = on!(tx, c => sqlx::query_as(sql).bind(seq).bind(limit).fetch_all(c).await)?;
    rows.into_iter().map(EventRow::read).collect()
}

/// The number of the newest event; 0 when there is none.
pub async fn latest(db: &Db) -> Result<i64, Error> {
    let sql = "select coalesce(max(seq), 0) from events";
    Ok(on_db!(db, c => sqlx::query_scalar(sql).fetch_one(c).await)?)
}

/// The number of the newest event from before this time; 0 when there is none.
pub async fn latest_before(db: &Db, time: Timestamp) -> Result<i64, Error> {
    // Walked from the end: those that are newer are few.
    let sql = "select coalesce((select seq from events where at < $1 order by seq desc limit 1), 0)";
    Ok(on_db!(db, c => sqlx::query_scalar(sql).bind(time.0).fetch_one(c).await)?)
}

/// Removes events older than this and says how many.
pub async fn prune(tx: &mut Tx, before: Timestamp) -> Result<u64, Error> {
    let sql = "delete from events where at < $1";
    Ok(on!(tx, c => sqlx::query(sql).bind(before.0).execute(c).await.map(|r| r.rows_affected()))?)
}
