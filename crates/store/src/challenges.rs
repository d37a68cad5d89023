//! What wallets are asked to sign: each is good once, and for a while.

use innkeeper_domain::time::Timestamp;

use crate::{Error, Tx};

/// Remembers a challenge.
pub async fn insert(tx: &mut Tx, nonce_hash: &[u8], expires_at: Timestamp) -> Result<(), Error> {
    let sql = "insert into challenges (nonce_hash, expires_at) values ($1, $2)";
    on!(tx, c => sqlx::query(sql).bind(nonce_hash).bind(expires_at.0).execute(c).await.map(drop))?;
    Ok(())
}

/// Uses a challenge up; false when it is not one, was used before, or has ended.
pub async fn redeem(tx: &mut Tx, nonce_hash: &[u8], now: Timestamp) -> Result<bool, Error> {
    let sql = "delete from challenges where nonce_hash = $1 and expires_at > $2";
    let n = on!(tx, c => sqlx::query(sql)
        .bind(nonce_hash).bind(now.0).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n == 1)
}

/// Removes those that have ended.
pub async fn prune(tx: &mut Tx, now: Timestamp) -> Result<u64, Error> {
    let sql = "delete from challenges where expires_at <= $1";
    Ok(on!(tx, c => sqlx::query(sql).bind(now.0).execute(c).await.map(|r| r.rows_affected()))?)
}
