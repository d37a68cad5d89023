//! Rows of what was tried, and of the networks from which accounts have signed in.

use innkeeper_domain::addresses::AddressRange;
use innkeeper_domain::ids::UserId;
use innkeeper_domain::limits::Limit;
use innkeeper_domain::names::Email;
use innkeeper_domain::time::Timestamp;

use crate::{Db, Error, Tx};

/// A bucket: its key, and how much it holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bucket {
    /// Names it.
    pub key: String,
    /// How much is let through.
    pub limit: Limit,
}

/// Takes a try from every one of these buckets, or tells how long to wait: then roll back. Tries at the same bucket wait
/// for each other; give the buckets sorted, so that two never wait for each other crosswise.
pub async fn take(
    tx: &mut Tx,
    buckets: &[Bucket],
    now: Timestamp,
) -> Result<Result<(), std::time::Duration>, Error> {
    debug_assert!(buckets.is_sorted(), "buckets are taken in one order");
    for Bucket { key, limit } in buckets {
        // Changes nothing of a row that is there, but locks it.
        let sql = "insert into attempts (key, empty_at) values ($1, 0)
            on conflict (key) do update set empty_at = attempts.empty_at returning empty_at";
        let empty_at: i64 = on!(tx, c => sqlx::query_scalar(sql).bind(key).fetch_one(c).await)?;
        match limit.take(Timestamp(empty_at), now) {
            Ok(then) => {
                let sql = "update attempts set empty_at = $2 where key = $1";
                on!(tx, c => sqlx::query(sql).bind(key).bind(then.0).execute(c).await.map(drop))?;
            }
            Err(wait) => return Ok(Err(wait)),
        }
    }
    Ok(Ok(()))
}

/// Gives a try back to every one of these buckets, sorted as for [`take`].
pub async fn give_back(tx: &mut Tx, buckets: &[Bucket]) -> Result<(), Error> {
    debug_assert!(buckets.is_sorted(), "buckets are given back in one order");
    for Bucket { key, limit } in buckets {
        let every = i64::try_from(limit.every.as_micros()).unwrap_or(i64::MAX);
        let sql = "update attempts set empty_at = empty_at - $2 where key = $1";
        on!(tx, c => sqlx::query(sql).bind(key).bind(every).execute(c).await.map(drop))?;
    }
    Ok(())
}

/// Whether the account of this address has signed in from this network since then.
pub async fn is_known(
    db: &Db,
    email: &Email,
    network: AddressRange,
    since: Timestamp,
) -> Result<bool, Error> {
    let sql = "select count(*) from known_networks k join users u on u.id = k.user_id
        where lower(u.email) = lower($1) and k.network = $2 and k.seen_at >= $3";
    let n: i64 = on_db!(db, c => sqlx::query_scalar(sql)
        .bind(email.as_str()).bind(network.to_string()).bind(since.0).fetch_one(c).await)?;
    Ok(n > 0)
}

/// Remembers that this user has signed in from this network.
pub async fn remember(tx: &mut Tx, user: UserId, network: AddressRange, now: Timestamp) -> Result<(), Error> {
    let sql = "insert into known_networks (user_id, network, seen_at) values ($1, $2, $3)
        on conflict (user_id, network) do update set seen_at = excluded.seen_at";
    on!(tx, c => sqlx::query(sql)
        .bind(user.0).bind(network.to_string()).bind(now.0).execute(c).await.map(drop))?;
    Ok(())
}

/// Removes buckets that are empty and networks not seen since then; says how many buckets.
pub async fn prune(tx: &mut Tx, now: Timestamp, known_since: Timestamp) -> Result<u64, Error> {
    let sql = "delete from known_networks where seen_at < $1";
    on!(tx, c => sqlx::query(sql).bind(known_since.0).execute(c).await.map(drop))?;
    let sql = "delete from attempts where empty_at <= $1";
    Ok(on!(tx, c => sqlx::query(sql).bind(now.0).execute(c).await.map(|r| r.rows_affected()))?)
}
