//! What somebody, or a channel, is to be told. Written in the transaction of what it tells of; claimed by whoever speaks
//! for the bot, for a while.

use innkeeper_domain::discord::{AlertKind, Digest, Outcome, Period, Snowflake};
use innkeeper_domain::ids::{AlertId, UserId};
use innkeeper_domain::mails::{Language, Letter, Words};
use innkeeper_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::columns::{Columns, json};
use crate::{Db, Error, Tx};

/// Whom to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// A user, wherever they are linked.
    User(UserId),
    /// Everybody in a channel.
    Channel(Snowflake),
}

/// What to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Matter {
    /// Something that staff should know.
    Alert {
        /// Which kind.
        kind: AlertKind,
        /// What it is about.
        subject: String,
        /// More.
        detail: String,
    },
    /// Something that a person has chosen to be told here.
    Letter {
        /// Which one.
        letter: Letter,
        /// What it is told.
        words: Words,
        /// Whether it was mailed as well.
        mailed: bool,
    },
    /// What happened in a day or a week.
    Report(Digest),
}

/// In place of the kind of an alert.
const LETTER: &str = "letter";

/// What is kept of a letter beside its name.
#[derive(Serialize, Deserialize)]
struct Enclosed {
    words: Words,
    mailed: bool,
}

/// Something to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Identity.
    pub id: AlertId,
    /// Whom.
    pub to: Recipient,
    /// In which language.
    pub language: Language,
    /// What.
    pub matter: Matter,
    /// When it was written.
    pub created_at: Timestamp,
}

/// A notice that somebody has taken upon them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The notice.
    pub notice: Notice,
    /// How often it was claimed, this time included. A write with an older number changes nothing.
    pub tries: i64,
}

/// How the same alert was told to the same person before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// When the last time.
    pub last: Option<Timestamp>,
    /// How many were held back since.
    pub held_back: u32,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    user_id: Option<Uuid>,
    channel: Option<String>,
    language: String,
    kind: String,
    subject: String,
    detail: String,
    created_at: i64,
    tries: i64,
}

impl Row {
    fn read(self) -> Result<Claimed, Error> {
        let columns = Columns("discord_notices");
        let channel = columns.word_if("channel", self.channel.as_deref())?;
        let to = match (self.user_id, channel) {
            (Some(user), None) => Recipient::User(UserId(user)),
            (None, Some(channel)) => Recipient::Channel(channel),
            _ => return Err(columns.missing("channel")),
        };
        let matter = match to {
            Recipient::User(_) if self.kind == LETTER => {
                let Enclosed { words, mailed } = columns.json("detail", &self.detail)?;
                Matter::Letter { letter: columns.word("subject", &self.subject)?, words, mailed }
            }
            Recipient::User(_) => Matter::Alert {
                kind: columns.word("kind", &self.kind)?,
                subject: self.subject,
                detail: self.detail,
            },
            Recipient::Channel(_) => Matter::Report(columns.json("detail", &self.detail)?),
        };
        let notice = Notice {
            id: AlertId(self.id),
            to,
            language: columns.word("language", &self.language)?,
            matter,
            created_at: Timestamp(self.created_at),
        };
        Ok(Claimed { notice, tries: self.tries })
    }
}

/// Adds a notice, due at once; false when this report was written before.
pub async fn insert(tx: &mut Tx, notice: &Notice) -> Result<bool, Error> {
    let (user, channel) = match notice.to {
        Recipient::User(user) => (Some(user.0), None),
        Recipient::Channel(channel) => (None, Some(channel.to_string())),
    };
    let (kind, subject, detail, once) = match &notice.matter {
        Matter::Alert { kind, subject, detail } => (kind.as_str(), subject.clone(), detail.clone(), None),
        Matter::Letter { letter, words, mailed } => {
            let enclosed = Enclosed { words: words.clone(), mailed: *mailed };
            (LETTER, letter.to_string(), json(&enclosed)?, None)
        }
        Matter::Report(digest) => {
            let period: Period = digest.period;
            let once = format!("{}:{period}:{}", channel.as_deref().unwrap_or_default(), digest.to.0);
            (period.as_str(), String::new(), json(digest)?, Some(once))
        }
    };
    let sql = "insert into discord_notices
            (id, user_id, channel, language, kind, subject, detail, once, created_at, due_at, tries)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, 0) on conflict do nothing";
    let n = on!(tx, c => sqlx::query(sql)
        .bind(notice.id.0).bind(user).bind(channel).bind(notice.language.as_str()).bind(kind).bind(subject)
        .bind(detail).bind(once).bind(notice.created_at.0)
        .execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n == 1)
}

/// Claims notices that are due, oldest first, until then: whoever dies with one leaves it to the next.
pub async fn claim(tx: &mut Tx, now: Timestamp, until: Timestamp, limit: i64) -> Result<Vec<Claimed>, Error> {
    let lock = tx.for_update_skip_locked();
    let sql = AssertSqlSafe(format!(
        "with picked as materialized (
            select id as picked_id from discord_notices where due_at <= $1 order by id limit $3 {lock})
        update discord_notices set due_at = $2, tries = tries + 1 from picked
        where discord_notices.id = picked.picked_id
        returning id, user_id, channel, language, kind, subject, detail, created_at, tries"
    ));
    let rows: Vec<Row> =
        on!(tx, c => sqlx::query_as(sql).bind(now.0).bind(until.0).bind(limit).fetch_all(c).await)?;
    let read = |row: Row| {
        let id = AlertId(row.id);
        row.read().inspect_err(|error| tracing::error!(%id, %error, "a notice cannot be read")).ok()
    };
    let mut claimed: Vec<Claimed> = rows.into_iter().filter_map(read).collect();
    // What `returning` gives is in no order.
    claimed.sort_by_key(|claimed| claimed.notice.id);
    Ok(claimed)
}

/// A notice that this claim of it is the last of, as long as nobody knows what became of it.
pub async fn claimed_tx(tx: &mut Tx, id: AlertId, tries: i64) -> Result<Option<Notice>, Error> {
    let sql = "select id, user_id, channel, language, kind, subject, detail, created_at, tries
        from discord_notices where id = $1 and tries = $2 and outcome is null";
    let row: Option<Row> = on!(tx, c => sqlx::query_as(sql).bind(id.0).bind(tries).fetch_optional(c).await)?;
    Ok(row.map(Row::read).transpose()?.map(|claimed| claimed.notice))
}

/// Whether one of these letters was written before this and nobody knows it to be told.
pub async fn letter_waits(db: &Db, letters: &[Letter], before: Timestamp) -> Result<bool, Error> {
    let sql = "select count(*) from (select 1 from discord_notices
        where due_at is not null and kind = $1 and created_at <= $2
            and subject in (select value from json_each($3)) limit 1) as found";
    let letters = json(&letters)?;
    let found: i64 = on_db!(db, c => sqlx::query_scalar(sql)
        .bind(LETTER).bind(before.0).bind(letters.as_str()).fetch_one(c).await)?;
    Ok(found > 0)
}

/// Those of these letters that were written before this and that nobody knows to be told, oldest first. Nobody else
/// settles them until the transaction ends.
pub async fn waiting_letters(
    tx: &mut Tx,
    letters: &[Letter],
    before: Timestamp,
    limit: i64,
) -> Result<Vec<Claimed>, Error> {
    let lock = tx.for_update_skip_locked();
    let sql = AssertSqlSafe(format!(
        "select id, user_id, channel, language, kind, subject, detail, created_at, tries from discord_notices
        where due_at is not null and kind = $1 and created_at <= $2
            and subject in (select value from json_each($3)) order by id limit $4 {lock}"
    ));
    let letters = json(&letters)?;
    let rows: Vec<Row> = on!(tx, c => sqlx::query_as(sql)
        .bind(LETTER).bind(before.0).bind(letters.as_str()).bind(limit).fetch_all(c).await)?;
    rows.into_iter().map(Row::read).collect()
}

/// How an alert of this kind about this was told to this person before.
pub async fn told_before(db: &Db, user: UserId, kind: AlertKind, subject: &str) -> Result<Told, Error> {
    let sql = "select max(ended_at) from discord_notices
        where user_id = $1 and kind = $2 and subject = $3 and outcome = 'told'";
    let last: Option<i64> = on_db!(db, c => sqlx::query_scalar(sql)
        .bind(user.0).bind(kind.as_str()).bind(subject).fetch_one(c).await)?;
    let sql = "select count(*) from discord_notices
        where user_id = $1 and kind = $2 and subject = $3 and outcome = 'held_back' and ended_at > $4";
    let held_back: i64 = on_db!(db, c => sqlx::query_scalar(sql)
        .bind(user.0).bind(kind.as_str()).bind(subject).bind(last.unwrap_or(0)).fetch_one(c).await)?;
    let held_back = Columns("discord_notices").number("held_back", held_back)?;
    Ok(Told { last: last.map(Timestamp), held_back })
}

/// Writes down what became of a claimed notice; false when somebody else has claimed it since.
pub async fn end(
    tx: &mut Tx,
    id: AlertId,
    tries: i64,
    outcome: Outcome,
    problem: Option<&str>,
    now: Timestamp,
) -> Result<bool, Error> {
    let sql = "update discord_notices set due_at = null, outcome = $3, ended_at = $4, problem = $5
        where id = $1 and tries = $2 and outcome is null";
    let n = on!(tx, c => sqlx::query(sql)
        .bind(id.0).bind(tries).bind(outcome.as_str()).bind(now.0).bind(problem)
        .execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n == 1)
}

/// Writes down that a claimed notice is to be told later; false when somebody else has claimed it since.
pub async fn again(
    tx: &mut Tx,
    id: AlertId,
    tries: i64,
    problem: &str,
    at: Timestamp,
) -> Result<bool, Error> {
    let sql = "update discord_notices set due_at = $3, problem = $4 where id = $1 and tries = $2 and outcome is null";
    let n = on!(tx, c => sqlx::query(sql)
        .bind(id.0).bind(tries).bind(at.0).bind(problem).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n == 1)
}

/// When the next notice is due.
pub async fn next_due(db: &Db) -> Result<Option<Timestamp>, Error> {
    let at: Option<i64> =
        on_db!(db, c => sqlx::query_scalar("select min(due_at) from discord_notices").fetch_one(c).await)?;
    Ok(at.map(Timestamp))
}

/// Removes notices that ended before this, and counts of players of as long ago.
pub async fn prune(tx: &mut Tx, before: Timestamp) -> Result<u64, Error> {
    let sql = "delete from player_peaks where hour < $1";
    let hour = before.0.div_euclid(3_600_000_000);
    on!(tx, c => sqlx::query(sql).bind(hour).execute(c).await.map(drop))?;
    let sql = "delete from discord_notices where ended_at < $1";
    Ok(on!(tx, c => sqlx::query(sql).bind(before.0).execute(c).await.map(|r| r.rows_affected()))?)
}
