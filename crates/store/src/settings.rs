//! Settings of the house: one text per key.

use crate::{Db, Error, Tx};

/// The value under this key, if it was ever set.
pub async fn get(db: &Db, key: &str) -> Result<Option<String>, Error> {
    let sql = "select value from settings where key = $1";
    Ok(on_db!(db, c => sqlx::query_scalar(sql).bind(key).fetch_optional(c).await)?)
}

/// Sets the value under this key.
pub async fn put(tx: &mut Tx, key: &str, value: &str) -> Result<(), Error> {
    let sql = "insert into settings (key, value) values ($1, $2)
        on conflict (key) do update set value = excluded.value";
    on!(tx, c => sqlx::query(sql).bind(key).bind(value).execute(c).await.map(drop))?;
    Ok(())
}

/// Sets the value under this key unless one is there; says whether it did.
pub async fn put_new(tx: &mut Tx, key: &str, value: &str) -> Result<bool, Error> {
    let sql = "insert into settings (key, value) values ($1, $2) on conflict (key) do nothing";
    let n = on!(tx, c => sqlx::query(sql).bind(key).bind(value).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n == 1)
}
