//! Every column that holds sealed secrets, and how its rows are sealed anew under another key.
//!
//! A secret is bound to `table/column/row`. A new column of that kind belongs into [`COLUMNS`]: a test walks the tables
//! and names what is missing.

use std::fmt;

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::seal::Sealed;
use crate::{Db, Error, Tx};

/// A column that holds sealed secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The column that names the row.
    row: &'static str,
    kind: Kind,
}

/// How a row is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// By an id that is shown with this prefix.
    Id(&'static str),
    /// By a number.
    Number,
    /// By the hash of a token.
    Hash,
}

/// All of them.
pub const COLUMNS: &[Column] = &[
    Column { table: "clusters", column: "token_secret", row: "id", kind: Kind::Id("clu") },
    Column { table: "totp", column: "secret", row: "user_id", kind: Kind::Id("usr") },
    Column { table: "mails", column: "words", row: "id", kind: Kind::Id("mai") },
    Column { table: "tickets", column: "body", row: "token_hash", kind: Kind::Hash },
    Column { table: "management", column: "private_key", row: "instance_id", kind: Kind::Id("ins") },
    Column { table: "first_boots", column: "script", row: "instance_id", kind: Kind::Id("ins") },
    Column { table: "node_access", column: "private_key", row: "cluster_id", kind: Kind::Id("clu") },
    Column { table: "orders", column: "secret", row: "id", kind: Kind::Id("ord") },
    Column { table: "hosts", column: "wake_secret", row: "id", kind: Kind::Id("hst") },
    Column { table: "hosts", column: "private_key", row: "id", kind: Kind::Id("hst") },
    Column { table: "services", column: "rcon_password", row: "id", kind: Kind::Id("svc") },
    Column { table: "webhooks", column: "secret", row: "id", kind: Kind::Id("whk") },
    Column { table: "audit_seals", column: "mac", row: "first", kind: Kind::Number },
];

/// A row of such a column.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Row {
    /// By id.
    Id(Uuid),
    /// By number.
    Number(i64),
    /// By hash.
    Hash(Vec<u8>),
}

/// A secret where it is kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The row.
    pub row: Row,
    /// The secret.
    pub sealed: Sealed,
}

impl Column {
    /// To what the secret of a row is bound.
    pub fn place(&self, row: &Row) -> String {
        let (table, column) = (self.table, self.column);
        match (row, self.kind) {
            (Row::Id(id), Kind::Id(prefix)) => format!("{table}/{column}/{prefix}_{}", id.simple()),
            (Row::Id(id), _) => format!("{table}/{column}/{}", id.simple()),
            (Row::Hash(hash), _) => format!("{table}/{column}/{}", hex::encode(hash)),
            (Row::Number(number), _) => format!("{table}/{column}/{number}"),
        }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.table, self.column)
    }
}

/// Secrets of a column that are sealed by any other key than this one (by any at all, when none is given), those after
/// the given row. Where there is no secret, or none any more, there is nothing to list.
pub async fn page(
    db: &Db,
    column: &Column,
    but: Option<&str>,
    after: Option<&Row>,
    limit: i64,
) -> Result<Vec<Kept>, Error> {
    let Column { table, column: secret, row, kind } = column;
    // The ids of keys are letters, digits and hyphens, so that they are no pattern.
    let sql = format!(
        "select {row}, {secret} from {table}
        where {secret} <> '' and ($1 is null or {row} > $1) and ($2 is null or {secret} not like 'v1:' || $2 || ':%')
        order by {row} limit $3"
    );
    let kept = |row, text| Kept { row, sealed: Sealed::from_text(text) };
    if *kind == Kind::Number {
        let after = after.and_then(|row| if let Row::Number(number) = row { Some(*number) } else { None });
        let rows: Vec<(i64, String)> = on_db!(db, c => sqlx::query_as(AssertSqlSafe(sql))
            .bind(after).bind(but).bind(limit).fetch_all(c).await)?;
        return Ok(rows.into_iter().map(|(number, text)| kept(Row::Number(number), text)).collect());
    }
    if *kind == Kind::Hash {
        let after =
            after.and_then(|row| if let Row::Hash(hash) = row { Some(hash.as_slice()) } else { None });
        let rows: Vec<(Vec<u8>, String)> = on_db!(db, c => sqlx::query_as(AssertSqlSafe(sql))
            .bind(after).bind(but).bind(limit).fetch_all(c).await)?;
        return Ok(rows.into_iter().map(|(hash, text)| kept(Row::Hash(hash), text)).collect());
    }
    let after = after.and_then(|row| if let Row::Id(id) = row { Some(*id) } else { None });
    let rows: Vec<(Uuid, String)> = on_db!(db, c => sqlx::query_as(AssertSqlSafe(sql))
        .bind(after).bind(but).bind(limit).fetch_all(c).await)?;
    Ok(rows.into_iter().map(|(id, text)| kept(Row::Id(id), text)).collect())
}

/// Keeps the same secret under another seal, unless it has been changed since it was read; says whether it did.
pub async fn reseal(tx: &mut Tx, column: &Column, kept: &Kept, sealed: &Sealed) -> Result<bool, Error> {
    let Column { table, column: secret, row, .. } = column;
    let sql = AssertSqlSafe(format!("update {table} set {secret} = $3 where {row} = $1 and {secret} = $2"));
    let n = match &kept.row {
        Row::Id(id) => on!(tx, c => sqlx::query(sql)
            .bind(*id).bind(kept.sealed.as_str()).bind(sealed.as_str())
            .execute(c).await.map(|r| r.rows_affected()))?,
        Row::Hash(hash) => on!(tx, c => sqlx::query(sql)
            .bind(hash.as_slice()).bind(kept.sealed.as_str()).bind(sealed.as_str())
            .execute(c).await.map(|r| r.rows_affected()))?,
        Row::Number(number) => on!(tx, c => sqlx::query(sql)
            .bind(*number).bind(kept.sealed.as_str()).bind(sealed.as_str())
            .execute(c).await.map(|r| r.rows_affected()))?,
    };
    Ok(n == 1)
}
