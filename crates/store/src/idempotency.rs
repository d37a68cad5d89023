//! Answers already given, so that a request sent twice takes effect once. The claim, the change and the answer belong
//! into one transaction: a second sender then waits for the first and reads its answer.

use innkeeper_domain::time::Timestamp;

use crate::{Error, Tx};

/// What is known of a request's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Nothing: it is yours, go ahead.
    Fresh,
    /// The request was answered before; this was the answer.
    Replay(String),
    /// The key was used for another request.
    Mismatch,
}

#[derive(sqlx::FromRow)]
struct KeyRow {
    request_hash: Vec<u8>,
    answer: Option<String>,
}

/// Claims a key of this actor for a request. [`Error::Conflict`] when the key was claimed but never answered.
pub async fn claim(
    tx: &mut Tx,
    actor: &str,
    key: &str,
    request_hash: &[u8],
    now: Timestamp,
) -> Result<Claim, Error> {
    let sql = "insert into idempotency_keys (actor, key, request_hash, created_at) values ($1, $2, $3, $4)
        on conflict (actor, key) do nothing";
    let n = on!(tx, c => sqlx::query(sql)
        .bind(actor).bind(key).bind(request_hash).bind(now.0).execute(c).await.map(|r| r.rows_affected()))?;
    if n == 1 {
        return Ok(Claim::Fresh);
    }
    let sql = "select request_hash, answer from idempotency_keys where actor = $1 and key = $2";
    let row: KeyRow = on!(tx, c => sqlx::query_as(sql).bind(actor).bind(key).fetch_one(c).await)?;
    if row.request_hash != request_hash {
        return Ok(Claim::Mismatch);
    }
    row.answer.map(Claim::Replay).ok_or(Error::Conflict("idempotency key"))
}

/// Keeps the answer for whoever asks again.
pub async fn answer(tx: &mut Tx, actor: &str, key: &str, answer: &str) -> Result<(), Error> {
    let sql = "update idempotency_keys set answer = $3 where actor = $1 and key = $2";
    on!(tx, c => sqlx::query(sql).bind(actor).bind(key).bind(answer).execute(c).await.map(drop))?;
    Ok(())
}

/// Removes keys older than this and says how many.
pub async fn prune(tx: &mut Tx, before: Timestamp) -> Result<u64, Error> {
    let sql = "delete from idempotency_keys where created_at < $1";
    Ok(on!(tx, c => sqlx::query(sql).bind(before.0).execute(c).await.map(|r| r.rows_affected()))?)
}
