//! How we may get at the nodes of a cluster, where the operator has allowed it. The private key is sealed and leaves only
//! through [`of`].

use innkeeper_domain::ids::ClusterId;
use innkeeper_domain::node_access::{Door, NodeAccess};
use innkeeper_domain::time::Timestamp;
use std::collections::BTreeMap;
use uuid::Uuid;

use crate::columns::{Columns, json};
use crate::seal::Sealed;
use crate::{Db, Error, Tx};

#[derive(sqlx::FromRow)]
struct Row {
    cluster_id: Uuid,
    user_name: String,
    public_key: String,
    private_key: String,
    doors: String,
    changed_at: i64,
}

/// How we may get at the nodes of a cluster, with the private key; none where we may not.
pub async fn of(db: &Db, id: ClusterId) -> Result<Option<(NodeAccess, Sealed)>, Error> {
    let sql = "select * from node_access where cluster_id = $1";
    let row: Option<Row> = on_db!(db, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    let Some(row) = row else { return Ok(None) };
    let doors: BTreeMap<String, Door> = Columns("node_access").json("doors", &row.doors)?;
    let access = NodeAccess {
        cluster_id: ClusterId(row.cluster_id),
        user: row.user_name,
        public_key: row.public_key,
        doors,
        changed_at: Timestamp(row.changed_at),
    };
    Ok(Some((access, Sealed::from_text(row.private_key))))
}

/// Sets it.
pub async fn set(tx: &mut Tx, access: &NodeAccess, private_key: &Sealed) -> Result<(), Error> {
    let sql = "insert into node_access (cluster_id, user_name, public_key, private_key, doors, changed_at)
        values ($1, $2, $3, $4, $5, $6)
        on conflict (cluster_id) do update set user_name = excluded.user_name, public_key = excluded.public_key,
            private_key = excluded.private_key, doors = excluded.doors, changed_at = excluded.changed_at";
    let doors = json(&access.doors)?;
    on!(tx, c => sqlx::query(sql)
        .bind(access.cluster_id.0).bind(access.user.as_str()).bind(access.public_key.as_str())
        .bind(private_key.as_str()).bind(doors.as_str()).bind(access.changed_at.0).execute(c).await.map(drop))?;
    Ok(())
}

/// Takes it away; false when there was none.
pub async fn remove(tx: &mut Tx, id: ClusterId) -> Result<bool, Error> {
    let sql = "delete from node_access where cluster_id = $1";
    let n = on!(tx, c => sqlx::query(sql).bind(id.0).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n > 0)
}
