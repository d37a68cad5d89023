//! Rows of second factors: secrets of codes by the clock (sealed), recovery codes (hashed), passkeys (public keys).

use innkeeper_domain::factors::{Factors, Passkey};
use innkeeper_domain::ids::{PasskeyId, UserId};
use innkeeper_domain::names::Title;
use innkeeper_domain::time::Timestamp;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::columns::Columns;
use crate::error::{Unique, explain};
use crate::{Db, Error, Sealed, Tx};

const UNIQUE: &[Unique] =
    &[Unique { index: "passkeys_credential", columns: "passkeys.credential_id", what: "passkey" }];

const COUNT: &str = "select
    (select count(*) from totp where user_id = $1 and confirmed_at is not null),
    (select count(*) from recovery_codes where user_id = $1 and used_at is null),
    (select count(*) from passkeys where user_id = $1)";

/// Which second factors a user has.
pub async fn of(db: &Db, user: UserId) -> Result<Factors, Error> {
    let (totp, recovery_codes, passkeys): (i64, i64, i64) =
        on_db!(db, c => sqlx::query_as(COUNT).bind(user.0).fetch_one(c).await)?;
    Ok(Factors { totp: totp > 0, recovery_codes, passkeys })
}

/// The same within a transaction.
pub async fn of_tx(tx: &mut Tx, user: UserId) -> Result<Factors, Error> {
    let (totp, recovery_codes, passkeys): (i64, i64, i64) =
        on!(tx, c => sqlx::query_as(COUNT).bind(user.0).fetch_one(c).await)?;
    Ok(Factors { totp: totp > 0, recovery_codes, passkeys })
}

/// Whether anybody has a sealed secret for codes by the clock.
pub async fn any_totp(db: &Db) -> Result<bool, Error> {
    let n: i64 = on_db!(db, c => sqlx::query_scalar("select count(*) from totp").fetch_one(c).await)?;
    Ok(n > 0)
}

/// What codes by the clock are made from.
#[derive(Clone, Debug)]
pub struct Totp {
    /// The secret.
    pub secret: Sealed,
    /// The last step whose code was taken; 0 when none was.
    pub last_step: i64,
    /// Whether its owner has shown that they can make codes with it.
    pub confirmed: bool,
}

/// The secret of a user, if there is one; locked until the transaction ends.
pub async fn totp(tx: &mut Tx, user: UserId) -> Result<Option<Totp>, Error> {
    let lock = tx.for_update();
    let sql =
        AssertSqlSafe(format!("select secret, last_step, confirmed_at from totp where user_id = $1 {lock}"));
    let row: Option<(String, i64, Option<i64>)> =
        on!(tx, c => sqlx::query_as(sql).bind(user.0).fetch_optional(c).await)?;
    Ok(row.map(|(secret, last_step, confirmed_at)| Totp {
        secret: Sealed::from_text(secret),
        last_step,
        confirmed: confirmed_at.is_some(),
    }))
}

/// Keeps a new secret, in place of one that was never confirmed; false when a confirmed one is there.
pub async fn offer_totp(tx: &mut Tx, user: UserId, secret: &Sealed, now: Timestamp) -> Result<bool, Error> {
    let sql = "insert into totp (user_id, secret, last_step, created_at) values ($1, $2, 0, $3)
        on conflict (user_id) do update set secret = excluded.secret, created_at = excluded.created_at
        where totp.confirmed_at is null";
    let n = on!(tx, c => sqlx::query(sql)
        .bind(user.0).bind(secret.as_str()).bind(now.0).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n == 1)
}

/// Spends a step: its code, and those before it, are worth nothing from now on. False when it was spent already.
pub async fn spend_step(tx: &mut Tx, user: UserId, step: i64) -> Result<bool, Error> {
    let sql = "update totp set last_step = $2 where user_id = $1 and last_step < $2";
    let n =
        on!(tx, c => sqlx::query(sql).bind(user.0).bind(step).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n == 1)
}

/// Switches codes by the clock on; false when there is no secret, or they are on.
pub async fn confirm_totp(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<bool, Error> {
    let sql = "update totp set confirmed_at = $2 where user_id = $1 and confirmed_at is null";
    let n =
        on!(tx, c => sqlx::query(sql).bind(user.0).bind(now.0).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n == 1)
}

/// Switches codes by the clock off; false when there was no secret.
pub async fn remove_totp(tx: &mut Tx, user: UserId) -> Result<bool, Error> {
    let sql = "delete from totp where user_id = $1";
    let n = on!(tx, c => sqlx::query(sql).bind(user.0).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n == 1)
}

/// Replaces a user's recovery codes by these; none leaves them without.
pub async fn set_recovery_codes(
    tx: &mut Tx,
    user: UserId,
    hashes: &[Vec<u8>],
    now: Timestamp,
) -> Result<(), Error> {
    let sql = "delete from recovery_codes where user_id = $1";
    on!(tx, c => sqlx::query(sql).bind(user.0).execute(c).await.map(drop))?;
    let sql = "insert into recovery_codes (user_id, code_hash, created_at) values ($1, $2, $3)";
    for hash in hashes {
        on!(tx, c => sqlx::query(sql).bind(user.0).bind(hash.as_slice()).bind(now.0).execute(c).await.map(drop))?;
    }
    Ok(())
}

/// Spends a recovery code; false when the user has no such code, or it was spent.
pub async fn spend_recovery_code(
    tx: &mut Tx,
    user: UserId,
    hash: &[u8],
    now: Timestamp,
) -> Result<bool, Error> {
    let sql =
        "update recovery_codes set used_at = $3 where user_id = $1 and code_hash = $2 and used_at is null";
    let n = on!(tx, c => sqlx::query(sql)
        .bind(user.0).bind(hash).bind(now.0).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n == 1)
}

#[derive(sqlx::FromRow)]
struct PasskeyRow {
    id: Uuid,
    user_id: Uuid,
    name: String,
    credential: String,
    created_at: i64,
    last_used_at: Option<i64>,
}

impl PasskeyRow {
    fn read(self) -> Result<(Passkey, String), Error> {
        let passkey = Passkey {
            id: PasskeyId(self.id),
            user_id: UserId(self.user_id),
            name: Columns("passkeys").word("name", &self.name)?,
            created_at: Timestamp(self.created_at),
            last_used_at: self.last_used_at.map(Timestamp),
        };
        Ok((passkey, self.credential))
    }
}

/// Adds a passkey with its credential; [`Error::Conflict`] `passkey` when that is somebody's already.
pub async fn insert_passkey(
    tx: &mut Tx,
    passkey: &Passkey,
    credential_id: &str,
    credential: &str,
) -> Result<(), Error> {
    let sql = "insert into passkeys (id, user_id, name, credential_id, credential, created_at)
        values ($1, $2, $3, $4, $5, $6)";
    on!(tx, c => sqlx::query(sql)
        .bind(passkey.id.0).bind(passkey.user_id.0).bind(passkey.name.as_str())
        .bind(credential_id).bind(credential).bind(passkey.created_at.0)
        .execute(c).await.map(drop))
    .map_err(|e| explain(e, UNIQUE))
}

/// A user's passkeys with their credentials, oldest first.
pub async fn passkeys_of(db: &Db, user: UserId) -> Result<Vec<(Passkey, String)>, Error> {
    let sql = "select id, user_id, name, credential, created_at, last_used_at from passkeys
        where user_id = $1 order by id";
    let rows: Vec<PasskeyRow> = on_db!(db, c => sqlx::query_as(sql).bind(user.0).fetch_all(c).await)?;
    rows.into_iter().map(PasskeyRow::read).collect()
}

/// The credential of this id, locked until the transaction ends.
pub async fn passkey_by_credential(
    tx: &mut Tx,
    credential_id: &str,
) -> Result<Option<(Passkey, String)>, Error> {
    let lock = tx.for_update();
    let sql = AssertSqlSafe(format!(
        "select id, user_id, name, credential, created_at, last_used_at from passkeys
        where credential_id = $1 {lock}"
    ));
    let row: Option<PasskeyRow> =
        on!(tx, c => sqlx::query_as(sql).bind(credential_id).fetch_optional(c).await)?;
    row.map(PasskeyRow::read).transpose()
}

/// Writes down that a passkey was used, and what its credential has become (it may count).
pub async fn passkey_used(tx: &mut Tx, id: PasskeyId, credential: &str, now: Timestamp) -> Result<(), Error> {
    let sql = "update passkeys set credential = $2, last_used_at = $3 where id = $1";
    on!(tx, c => sqlx::query(sql).bind(id.0).bind(credential).bind(now.0).execute(c).await.map(drop))?;
    Ok(())
}

/// Renames a passkey of this user; false when they have no such one.
pub async fn rename_passkey(tx: &mut Tx, user: UserId, id: PasskeyId, name: &Title) -> Result<bool, Error> {
    let sql = "update passkeys set name = $3 where id = $1 and user_id = $2";
    let n = on!(tx, c => sqlx::query(sql)
        .bind(id.0).bind(user.0).bind(name.as_str()).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n == 1)
}

/// Removes a passkey of this user; false when they have no such one.
pub async fn delete_passkey(tx: &mut Tx, user: UserId, id: PasskeyId) -> Result<bool, Error> {
    let sql = "delete from passkeys where id = $1 and user_id = $2";
    let n =
        on!(tx, c => sqlx::query(sql).bind(id.0).bind(user.0).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n == 1)
}

/// Removes all passkeys of a user and says how many.
pub async fn delete_passkeys(tx: &mut Tx, user: UserId) -> Result<u64, Error> {
    let sql = "delete from passkeys where user_id = $1";
    Ok(on!(tx, c => sqlx::query(sql).bind(user.0).execute(c).await.map(|r| r.rows_affected()))?)
}

/// Takes all second factors from a user: codes by the clock, recovery codes, passkeys.
pub async fn delete_all(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<(), Error> {
    remove_totp(tx, user).await?;
    set_recovery_codes(tx, user, &[], now).await?;
    delete_passkeys(tx, user).await?;
    Ok(())
}
