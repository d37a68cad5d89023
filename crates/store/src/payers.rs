//! Wallets that have credits: what they paid and did not get.

use innkeeper_domain::ids::ProjectId;
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::wallets::Address;
use uuid::Uuid;

use crate::{Db, Error, Tx};

/// The project that holds a wallet's credits, if it has any.
pub async fn project_of(db: &Db, wallet: Address) -> Result<Option<ProjectId>, Error> {
    let sql = "select project_id from payers where wallet = $1";
    let id: Option<Uuid> =
        on_db!(db, c => sqlx::query_scalar(sql).bind(wallet.to_string()).fetch_optional(c).await)?;
    Ok(id.map(ProjectId))
}

/// The same, within a transaction.
pub async fn project_of_tx(tx: &mut Tx, wallet: Address) -> Result<Option<ProjectId>, Error> {
    let sql = "select project_id from payers where wallet = $1";
    let id: Option<Uuid> =
        on!(tx, c => sqlx::query_scalar(sql).bind(wallet.to_string()).fetch_optional(c).await)?;
    Ok(id.map(ProjectId))
}

/// Says which project holds a wallet's credits; false when it has one already.
pub async fn insert(tx: &mut Tx, wallet: Address, project: ProjectId, now: Timestamp) -> Result<bool, Error> {
    let sql = "insert into payers (wallet, project_id, created_at) values ($1, $2, $3) on conflict (wallet) do nothing";
    let n = on!(tx, c => sqlx::query(sql)
        .bind(wallet.to_string()).bind(project.0).bind(now.0).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n == 1)
}
