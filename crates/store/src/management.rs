//! Our keys in instances: one pair for each, and the host key that the instance showed when we first came. The private
//! part is sealed and leaves only through [`key`].

use innkeeper_domain::commands::Management;
use innkeeper_domain::ids::InstanceId;

use crate::seal::Sealed;
use crate::{Db, Error, Tx};

/// Our key in one instance.
#[derive(Clone, Debug)]
pub struct Key {
    /// The private part.
    pub private_key: Sealed,
    /// The host key that is known, if any.
    pub host_key: Option<String>,
}

/// Keeps the pair of a new instance: its public part as a line, and its private part.
pub async fn insert(
    tx: &mut Tx,
    id: InstanceId,
    public_key: &str,
    private_key: &Sealed,
) -> Result<(), Error> {
    let sql = "insert into management (instance_id, public_key, private_key) values ($1, $2, $3)";
    on!(tx, c => sqlx::query(sql).bind(id.0).bind(public_key).bind(private_key.as_str()).execute(c).await.map(drop))?;
    Ok(())
}

/// Remembers that a new instance is to have no key of ours.
pub async fn decline(tx: &mut Tx, id: InstanceId) -> Result<(), Error> {
    let sql = "insert into management (instance_id) values ($1)";
    on!(tx, c => sqlx::query(sql).bind(id.0).execute(c).await.map(drop))?;
    Ok(())
}

/// Whether an instance has a key of ours.
pub async fn of(db: &Db, id: InstanceId) -> Result<Management, Error> {
    let sql = "select public_key is not null from management where instance_id = $1";
    let found: Option<bool> = on_db!(db, c => sqlx::query_scalar(sql).bind(id.0).fetch_optional(c).await)?;
    Ok(match found {
        Some(true) => Management::Present,
        Some(false) => Management::Declined,
        None => Management::Missing,
    })
}

/// The public part of the key, as a line of `authorized_keys`.
pub async fn public_key(db: &Db, id: InstanceId) -> Result<Option<String>, Error> {
    let sql = "select public_key from management where instance_id = $1 and public_key is not null";
    Ok(on_db!(db, c => sqlx::query_scalar(sql).bind(id.0).fetch_optional(c).await)?)
}

/// The key of an instance, if it has one.
pub async fn key(db: &Db, id: InstanceId) -> Result<Option<Key>, Error> {
    let sql =
        "select private_key, host_key from management where instance_id = $1 and private_key is not null";
    let row: Option<(String, Option<String>)> =
        on_db!(db, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    Ok(row.map(|(private_key, host_key)| Key { private_key: Sealed::from_text(private_key), host_key }))
}

/// Pins the host key of an instance that has none yet, and answers with the one that is pinned now.
pub async fn pin(tx: &mut Tx, id: InstanceId, host_key: &str) -> Result<Option<String>, Error> {
    let sql =
        "update management set host_key = coalesce(host_key, $2) where instance_id = $1 returning host_key";
    let pinned: Option<Option<String>> =
        on!(tx, c => sqlx::query_scalar(sql).bind(id.0).bind(host_key).fetch_optional(c).await)?;
    Ok(pinned.flatten())
}

/// Forgets the host key, so that the next one that is shown is taken; false when none was known.
pub async fn forget_host_key(tx: &mut Tx, id: InstanceId) -> Result<bool, Error> {
    let sql = "update management set host_key = null where instance_id = $1 and host_key is not null";
    let n = on!(tx, c => sqlx::query(sql).bind(id.0).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n > 0)
}

/// Removes the keys of instances that are gone.
pub async fn prune(tx: &mut Tx) -> Result<u64, Error> {
    let sql = "delete from management
        where exists (select 1 from instances i where i.id = instance_id and i.deleted_at is not null)";
    Ok(on!(tx, c => sqlx::query(sql).execute(c).await.map(|r| r.rows_affected()))?)
}
