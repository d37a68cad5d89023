//! What is kept of people who have services restarted: their tries, and what stands against them.

use innkeeper_domain::restraint::{Person, Record};
use innkeeper_domain::time::Timestamp;
use sqlx::AssertSqlSafe;

use crate::columns::{Columns, json};
use crate::{Error, Tx};

#[derive(sqlx::FromRow)]
struct Row {
    asked_at: Option<i64>,
    warnings: String,
    banned_until: Option<i64>,
}

/// What is kept of somebody; nobody else judges them until the transaction ends.
pub async fn of(tx: &mut Tx, person: Person, now: Timestamp) -> Result<Record, Error> {
    let who = person.to_string();
    let sql = "insert into restraints (person, warnings, seen_at) values ($1, '[]', $2)
        on conflict (person) do nothing";
    on!(tx, c => sqlx::query(sql).bind(who.as_str()).bind(now.0).execute(c).await.map(drop))?;
    let sql = format!(
        "select asked_at, warnings, banned_until from restraints where person = $1 {}",
        tx.for_update()
    );
    let row: Row = on!(tx, c => sqlx::query_as(AssertSqlSafe(sql)).bind(who.as_str()).fetch_one(c).await)?;
    let sql = "select at from tries where person = $1 order by at, seq";
    let tries: Vec<i64> = on!(tx, c => sqlx::query_scalar(sql).bind(who.as_str()).fetch_all(c).await)?;
    let warnings: Vec<i64> = Columns("restraints").json("warnings", &row.warnings)?;
    Ok(Record {
        asked_at: row.asked_at.map(Timestamp),
        tries: tries.into_iter().map(Timestamp).collect(),
        warnings: warnings.into_iter().map(Timestamp).collect(),
        banned_until: row.banned_until.map(Timestamp),
    })
}

/// Keeps this of somebody.
pub async fn keep(tx: &mut Tx, person: Person, record: &Record, now: Timestamp) -> Result<(), Error> {
    let who = person.to_string();
    let warnings: Vec<i64> = record.warnings.iter().map(|at| at.0).collect();
    let warnings = json(&warnings)?;
    let sql = "update restraints set asked_at = $2, warnings = $3, banned_until = $4, seen_at = $5
        where person = $1";
    on!(tx, c => sqlx::query(sql)
        .bind(who.as_str()).bind(record.asked_at.map(|at| at.0)).bind(warnings.as_str())
        .bind(record.banned_until.map(|at| at.0)).bind(now.0)
        .execute(c).await.map(drop))?;
    let sql = "delete from tries where person = $1";
    on!(tx, c => sqlx::query(sql).bind(who.as_str()).execute(c).await.map(drop))?;
    for at in &record.tries {
        let sql = "insert into tries (person, at) values ($1, $2)";
        on!(tx, c => sqlx::query(sql).bind(who.as_str()).bind(at.0).execute(c).await.map(drop))?;
    }
    Ok(())
}

/// Forgets who has not been seen since then, and says how many they were.
pub async fn prune(tx: &mut Tx, before: Timestamp) -> Result<u64, Error> {
    let sql = "delete from tries where at < $1";
    on!(tx, c => sqlx::query(sql).bind(before.0).execute(c).await.map(drop))?;
    let sql = "delete from restraints where seen_at < $1 and (banned_until is null or banned_until < $1)";
    Ok(on!(tx, c => sqlx::query(sql).bind(before.0).execute(c).await.map(|r| r.rows_affected()))?)
}
