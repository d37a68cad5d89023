//! Rows of mails on their way. A mail is written in the transaction of what it tells of, so that it is sent if and only
//! if that happened. Its words are sealed, since links in them are secrets, and forgotten once it is sent.

use innkeeper_domain::ids::MailId;
use innkeeper_domain::mails::{Language, Letter};
use innkeeper_domain::names::Email;
use innkeeper_domain::time::Timestamp;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::columns::Columns;
use crate::{Db, Error, Sealed, Topic, Tx};

/// A mail that is to be sent.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Identity.
    pub id: MailId,
    /// To whom.
    pub recipient: Email,
    /// What it is about.
    pub letter: Letter,
    /// In which language.
    pub language: Language,
    /// What it is told.
    pub words: Sealed,
    /// When it was written.
    pub created_at: Timestamp,
    /// How often it was claimed, this time included. A write with an older number changes nothing.
    pub attempts: i64,
}

#[derive(sqlx::FromRow)]
struct MailRow {
    id: Uuid,
    recipient: String,
    letter: String,
    language: String,
    words: String,
    created_at: i64,
    attempts: i64,
}

impl MailRow {
    fn read(self) -> Result<Mail, Error> {
        let columns = Columns("mails");
        Ok(Mail {
            id: MailId(self.id),
            recipient: columns.word("recipient", &self.recipient)?,
            letter: columns.word("letter", &self.letter)?,
            language: columns.word("language", &self.language)?,
            words: Sealed::from_text(self.words),
            created_at: Timestamp(self.created_at),
            attempts: self.attempts,
        })
    }
}

/// Adds a mail, due at once, and wakes whoever sends mails once the transaction commits.
pub async fn insert(tx: &mut Tx, mail: &Mail) -> Result<(), Error> {
    let sql = "insert into mails (id, recipient, letter, language, words, created_at, due_at, attempts)
        values ($1, $2, $3, $4, $5, $6, $6, 0)";
    on!(tx, c => sqlx::query(sql)
        .bind(mail.id.0).bind(mail.recipient.as_str()).bind(mail.letter.as_str()).bind(mail.language.as_str())
        .bind(mail.words.as_str()).bind(mail.created_at.0)
        .execute(c).await.map(drop))?;
    tx.wake(Topic::Mails);
    Ok(())
}

/// Claims mails that are due, until then: whoever dies with one leaves it to the next. One that cannot be read is
/// logged and left for a newer program.
pub async fn claim_due(
    tx: &mut Tx,
    now: Timestamp,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<Mail>, Error> {
    let lock = tx.for_update_skip_locked();
    let sql = AssertSqlSafe(format!(
        "with picked as materialized (
            select id as picked_id from mails where due_at <= $1 order by due_at limit $3 {lock})
        update mails set due_at = $2, attempts = attempts + 1 from picked where mails.id = picked.picked_id
        returning id, recipient, letter, language, words, created_at, attempts"
    ));
    let rows: Vec<MailRow> =
        on!(tx, c => sqlx::query_as(sql).bind(now.0).bind(until.0).bind(limit).fetch_all(c).await)?;
    let read = |row: MailRow| {
        let id = MailId(row.id);
        row.read().inspect_err(|error| tracing::error!(%id, %error, "a mail cannot be read")).ok()
    };
    Ok(rows.into_iter().filter_map(read).collect())
}

/// Writes down that a claimed mail was sent, and forgets what it told.
pub async fn sent(tx: &mut Tx, mail: &Mail, now: Timestamp) -> Result<bool, Error> {
    let sql = "update mails set due_at = null, sent_at = $3, words = '', problem = null
        where id = $1 and attempts = $2 and sent_at is null";
    let n = on!(tx, c => sqlx::query(sql)
        .bind(mail.id.0).bind(mail.attempts).bind(now.0).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n == 1)
}

/// Writes down that a claimed mail was not sent, and when to try again; without that, it is given up and forgotten.
pub async fn failed(
    tx: &mut Tx,
    mail: &Mail,
    problem: &str,
    again: Option<Timestamp>,
) -> Result<bool, Error> {
    let sql =
        "update mails set due_at = $3, problem = $4, words = case when $3 is null then '' else words end
        where id = $1 and attempts = $2 and sent_at is null";
    let n = on!(tx, c => sqlx::query(sql)
        .bind(mail.id.0).bind(mail.attempts).bind(again.map(|at| at.0)).bind(problem)
        .execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n == 1)
}

/// When the next mail is due.
pub async fn next_due(db: &Db) -> Result<Option<Timestamp>, Error> {
    let at: Option<i64> =
        on_db!(db, c => sqlx::query_scalar("select min(due_at) from mails").fetch_one(c).await)?;
    Ok(at.map(Timestamp))
}

/// Removes mails that are done with and older than this, and says how many.
pub async fn prune(tx: &mut Tx, before: Timestamp) -> Result<u64, Error> {
    let sql = "delete from mails where due_at is null and created_at < $1";
    Ok(on!(tx, c => sqlx::query(sql).bind(before.0).execute(c).await.map(|r| r.rows_affected()))?)
}
