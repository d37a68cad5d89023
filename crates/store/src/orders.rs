//! Rows of orders: what is bought for leases. What the buyer entrusted to us for it (a payment that is not settled yet, a
//! script) is sealed.

use innkeeper_domain::ids::{LeaseId, OrderId, ProjectId};
use innkeeper_domain::money::Micros;
use innkeeper_domain::orders::{Authorization, Order, OrderState};
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::wallets::{Address, Network, Nonce};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::columns::{Columns, count, json};
use crate::db::Lock;
use crate::error::{Unique, explain};
use crate::seal::Sealed;
use crate::{Db, Error, Tx};

const UNIQUE: &[Unique] = &[
    Unique {
        index: "orders_payment",
        columns: "orders.network, orders.asset, orders.payer, orders.nonce",
        what: "payment",
    },
    Unique { index: "orders_key", columns: "orders.key_hash", what: "key" },
];

#[derive(sqlx::FromRow)]
struct OrderRow {
    id: Uuid,
    lease_id: Uuid,
    goods: String,
    state: String,
    price: i64,
    network: Option<String>,
    asset: Option<String>,
    payer: Option<String>,
    nonce: Option<String>,
    pay_to: Option<String>,
    amount: Option<String>,
    valid_before: Option<i64>,
    from_block: Option<i64>,
    buyer: Option<Uuid>,
    fingerprint: Vec<u8>,
    key_hash: Option<Vec<u8>>,
    token_hash: Option<Vec<u8>>,
    transaction_hash: Option<String>,
    problem: Option<String>,
    created_at: i64,
    paid_at: Option<i64>,
    ended_at: Option<i64>,
    due_at: Option<i64>,
    tries: i64,
}

impl OrderRow {
    fn payment(&self) -> Result<Option<Authorization>, Error> {
        let columns = Columns("orders");
        let text =
            |column: &'static str, value: &Option<String>| value.clone().ok_or(columns.missing(column));
        if self.network.is_none() {
            return Ok(None);
        }
        Ok(Some(Authorization {
            network: columns.word("network", &text("network", &self.network)?)?,
            asset: columns.word("asset", &text("asset", &self.asset)?)?,
            payer: columns.word("payer", &text("payer", &self.payer)?)?,
            nonce: columns.word("nonce", &text("nonce", &self.nonce)?)?,
            pay_to: columns.word("pay_to", &text("pay_to", &self.pay_to)?)?,
            amount: columns.word("amount", &text("amount", &self.amount)?)?,
            valid_before: Timestamp(self.valid_before.ok_or(columns.missing("valid_before"))?),
            from_block: columns
                .number("from_block", self.from_block.ok_or(columns.missing("from_block"))?)?,
        }))
    }

    fn read(self) -> Result<Order, Error> {
        let columns = Columns("orders");
        Ok(Order {
            id: OrderId(self.id),
            lease_id: LeaseId(self.lease_id),
            goods: columns.json("goods", &self.goods)?,
            state: columns.word("state", &self.state)?,
            price: Micros(self.price),
            payment: self.payment()?,
            buyer: self.buyer.map(ProjectId),
            fingerprint: self.fingerprint,
            key_hash: self.key_hash,
            token_hash: self.token_hash,
            transaction: columns.word_if("transaction_hash", self.transaction_hash.as_deref())?,
            problem: self.problem,
            created_at: Timestamp(self.created_at),
            paid_at: self.paid_at.map(Timestamp),
            ended_at: self.ended_at.map(Timestamp),
            due_at: self.due_at.map(Timestamp),
            tries: columns.number("tries", self.tries)?,
        })
    }
}

/// Adds an order with what was entrusted to us for it. [`Error::Conflict`] `payment` when its authorization pays for
/// another, and `key` when another was asked for under its key.
pub async fn insert(tx: &mut Tx, order: &Order, secret: Option<&Sealed>) -> Result<(), Error> {
    let sql =
        "insert into orders (id, lease_id, goods, state, price, network, asset, payer, nonce, pay_to, amount, valid_before,
            from_block, buyer, fingerprint, key_hash, token_hash, secret, transaction_hash, problem, created_at, paid_at, ended_at,
            due_at, tries)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23,
            $24, $25)";
    let (o, p) = (order, order.payment.as_ref());
    let goods = json(&o.goods)?;
    on!(tx, c => sqlx::query(sql)
        .bind(o.id.0).bind(o.lease_id.0).bind(goods.as_str()).bind(o.state.as_str()).bind(o.price.0)
        .bind(p.map(|p| p.network.to_string())).bind(p.map(|p| p.asset.to_string()))
        .bind(p.map(|p| p.payer.to_string())).bind(p.map(|p| p.nonce.to_string()))
        .bind(p.map(|p| p.pay_to.to_string())).bind(p.map(|p| p.amount.to_string()))
        .bind(p.map(|p| p.valid_before.0)).bind(p.map(|p| count(p.from_block))).bind(o.buyer.map(|id| id.0)).bind(o.fingerprint.as_slice())
        .bind(o.key_hash.as_deref()).bind(o.token_hash.as_deref()).bind(secret.map(Sealed::as_str))
        .bind(o.transaction.map(|hash| hash.to_string())).bind(o.problem.as_deref()).bind(o.created_at.0)
        .bind(o.paid_at.map(|at| at.0)).bind(o.ended_at.map(|at| at.0)).bind(o.due_at.map(|at| at.0))
        .bind(i64::from(o.tries)).execute(c).await.map(drop))
    .map_err(|error| explain(error, UNIQUE))
}

/// Writes what may change of an order. Read it with [`by_id_tx`] in the same transaction. What was entrusted to us is
/// forgotten when the order is over.
pub async fn save(tx: &mut Tx, order: &Order) -> Result<(), Error> {
    let sql = "update orders set state = $2, token_hash = $3, transaction_hash = $4, problem = $5, paid_at = $6,
            ended_at = $7, due_at = $8, tries = $9, key_hash = $10, secret = case when $11 then null else secret end
        where id = $1";
    let o = order;
    on!(tx, c => sqlx::query(sql)
        .bind(o.id.0).bind(o.state.as_str()).bind(o.token_hash.as_deref())
        .bind(o.transaction.map(|hash| hash.to_string())).bind(o.problem.as_deref()).bind(o.paid_at.map(|at| at.0))
        .bind(o.ended_at.map(|at| at.0)).bind(o.due_at.map(|at| at.0)).bind(i64::from(o.tries))
        .bind(o.key_hash.as_deref()).bind(o.state.is_over()).execute(c).await.map(drop))
    .map_err(|error| explain(error, UNIQUE))
}

/// The order with this id.
pub async fn by_id(db: &Db, id: OrderId) -> Result<Option<Order>, Error> {
    let sql = "select * from orders where id = $1";
    let row: Option<OrderRow> = on_db!(db, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    row.map(OrderRow::read).transpose()
}

/// The order with this id; nobody else changes it until the transaction ends.
pub async fn by_id_tx(tx: &mut Tx, id: OrderId) -> Result<Option<Order>, Error> {
    let sql = format!("select * from orders where id = $1 {}", tx.for_update());
    let row: Option<OrderRow> =
        on!(tx, c => sqlx::query_as(AssertSqlSafe(sql)).bind(id.0).fetch_optional(c).await)?;
    row.map(OrderRow::read).transpose()
}

/// The order that this authorization pays for.
pub async fn by_payment(
    db: &Db,
    network: Network,
    asset: Address,
    payer: Address,
    nonce: Nonce,
) -> Result<Option<Order>, Error> {
    let sql = "select * from orders where network = $1 and asset = $2 and payer = $3 and nonce = $4";
    let row: Option<OrderRow> = on_db!(db, c => sqlx::query_as(sql)
        .bind(network.to_string()).bind(asset.to_string()).bind(payer.to_string()).bind(nonce.to_string())
        .fetch_optional(c).await)?;
    row.map(OrderRow::read).transpose()
}

/// The order that was asked for under this key.
pub async fn by_key(db: &Db, key_hash: &[u8]) -> Result<Option<Order>, Error> {
    let sql = "select * from orders where key_hash = $1";
    let row: Option<OrderRow> = on_db!(db, c => sqlx::query_as(sql).bind(key_hash).fetch_optional(c).await)?;
    row.map(OrderRow::read).transpose()
}

/// The same; nobody else changes it until the transaction ends.
pub async fn by_key_tx(tx: &mut Tx, key_hash: &[u8]) -> Result<Option<Order>, Error> {
    let sql = format!("select * from orders where key_hash = $1 {}", tx.for_update());
    let row: Option<OrderRow> =
        on!(tx, c => sqlx::query_as(AssertSqlSafe(sql)).bind(key_hash).fetch_optional(c).await)?;
    row.map(OrderRow::read).transpose()
}

/// What was entrusted to us for an order, as long as it is not over.
pub async fn secret(db: &Db, id: OrderId) -> Result<Option<Sealed>, Error> {
    let sql = "select secret from orders where id = $1";
    let found: Option<Option<String>> =
        on_db!(db, c => sqlx::query_scalar(sql).bind(id.0).fetch_optional(c).await)?;
    Ok(found.flatten().map(Sealed::from_text))
}

/// The orders of a lease, oldest first.
pub async fn of_lease(db: &Db, lease: LeaseId) -> Result<Vec<Order>, Error> {
    let sql = "select * from orders where lease_id = $1 order by id";
    let rows: Vec<OrderRow> = on_db!(db, c => sqlx::query_as(sql).bind(lease.0).fetch_all(c).await)?;
    rows.into_iter().map(OrderRow::read).collect()
}

/// Orders, newest first, those before (older than) `after`, in this state only or in any.
pub async fn list(
    db: &Db,
    state: Option<OrderState>,
    after: Option<OrderId>,
    limit: i64,
) -> Result<Vec<Order>, Error> {
    let sql = "select * from orders where ($1 is null or state = $1) and ($2 is null or id < $2)
        order by id desc limit $3";
    let rows: Vec<OrderRow> = on_db!(db, c => sqlx::query_as(sql)
        .bind(state.map(OrderState::as_str)).bind(after.map(|id| id.0)).bind(limit).fetch_all(c).await)?;
    rows.into_iter().map(OrderRow::read).collect()
}

/// How many orders of a lease were paid, or may be, and are not delivered.
pub async fn open_of_lease(tx: &mut Tx, lease: LeaseId) -> Result<i64, Error> {
    let sql = "select count(*) from orders where lease_id = $1 and state in ('settling', 'paid')";
    Ok(on!(tx, c => sqlx::query_scalar(sql).bind(lease.0).fetch_one(c).await)?)
}

/// How many leases a wallet has, and how many it is buying. Nobody else counts until the transaction ends.
pub async fn count_of_wallet(tx: &mut Tx, wallet: Address) -> Result<i64, Error> {
    tx.lock(Lock::Leases).await?;
    let sql = "select (select count(*) from leases where wallet = $1 and state not in ('ended', 'failed'))
        + (select count(*) from orders where payer = $1 and state = 'settling' and goods like '%\"kind\":\"lease\"%')";
    Ok(on!(tx, c => sqlx::query_scalar(sql).bind(wallet.to_string()).fetch_one(c).await)?)
}

/// Orders that are due to be looked at. They are not due again before `until`, so that nobody else looks meanwhile;
/// whoever dies over them is followed by another then.
pub async fn claim_due(
    tx: &mut Tx,
    now: Timestamp,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<OrderId>, Error> {
    let sql = format!(
        "with picked as materialized (
            select id as picked_id from orders where due_at <= $1 order by due_at limit $3 {}
        ) update orders set due_at = $2 from picked where orders.id = picked.picked_id returning orders.id",
        tx.for_update_skip_locked()
    );
    let ids: Vec<Uuid> = on!(tx, c => sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(now.0).bind(until.0).bind(limit).fetch_all(c).await)?;
    Ok(ids.into_iter().map(OrderId).collect())
}

/// When the next order or lease is due, if one is.
pub async fn next_due(db: &Db) -> Result<Option<Timestamp>, Error> {
    let sql = "select min(due_at) from (select min(due_at) as due_at from orders where due_at is not null
        union all select min(due_at) from leases where due_at is not null) as due";
    let at: Option<i64> = on_db!(db, c => sqlx::query_scalar(sql).fetch_one(c).await)?;
    Ok(at.map(Timestamp))
}

/// Removes orders that were never paid and were over by then.
pub async fn prune(tx: &mut Tx, before: Timestamp) -> Result<u64, Error> {
    let sql = "delete from orders where state = 'lapsed' and ended_at < $1";
    Ok(on!(tx, c => sqlx::query(sql).bind(before.0).execute(c).await.map(|r| r.rows_affected()))?)
}
