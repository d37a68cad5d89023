//! Rows of the ledger: postings, their entries, and the accounts whose balances are the sums of these.
//!
//! [`post`] and [`post_all`] are the only ways by which a balance changes, and nothing changes what was posted. A
//! project's accounts are locked in the order of their ids, the house's last, so that nobody waits in a circle; a
//! meter, where one is needed, is locked before any account.

use std::collections::{BTreeMap, BTreeSet};

use innkeeper_domain::ids::{PostingId, ProjectId, UserId};
use innkeeper_domain::ledger::{Account, BadPosting, Cause, Entry, HouseAccount, Posting, Purse};
use innkeeper_domain::money::Micros;
use innkeeper_domain::time::Timestamp;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::columns::{Columns, id_list, json};
use crate::db::TxInner;
use crate::error::{Unique, explain};
use crate::{Db, Error, Tx};

const UNIQUE: &[Unique] = &[
    Unique { index: "postings_key", columns: "postings.key", what: "posting key" },
    Unique { index: "postings_pkey", columns: "postings.id", what: "posting key" },
];

/// What became of a posting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Posted {
    /// It was made.
    Now,
    /// One with its key was made earlier, and nothing has changed. This is it.
    Before(Posting),
}

/// What a project has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purses {
    /// What can be spent.
    pub wallet: Micros,
    /// What is held for its instances.
    pub held: Micros,
    /// What is owed, as a number that is not above zero.
    pub debt: Micros,
}

#[derive(sqlx::FromRow)]
struct PostingRow {
    id: Uuid,
    key: String,
    at: i64,
    cause: String,
    cause_id: String,
    project_id: Uuid,
    memo: Option<String>,
    by_user: Option<Uuid>,
}

#[derive(sqlx::FromRow)]
struct EntryRow {
    posting_id: Uuid,
    amount: i64,
    project_id: Option<Uuid>,
    kind: String,
}

impl PostingRow {
    fn read(self, entries: Vec<Entry>) -> Result<Posting, Error> {
        Ok(Posting {
            id: PostingId(self.id),
            key: self.key,
            at: Timestamp(self.at),
            cause: Columns("postings").word("cause", &self.cause)?,
            cause_id: self.cause_id,
            project_id: ProjectId(self.project_id),
            memo: self.memo,
            by: self.by_user.map(UserId),
            entries,
        })
    }
}

impl EntryRow {
    fn read(&self) -> Result<Entry, Error> {
        let columns = Columns("accounts");
        let account = match self.project_id {
            Some(id) => Account::Of(ProjectId(id), columns.word("kind", &self.kind)?),
            None => Account::House(columns.word("kind", &self.kind)?),
        };
        Ok(Entry { account, amount: Micros(self.amount) })
    }
}

/// Makes a posting, unless one with its key was made before. [`Error::Insufficient`] when an account would fall below
/// its floor; then, as after any error, roll back.
pub async fn post(tx: &mut Tx, posting: &Posting) -> Result<Posted, Error> {
    posting.check()?;
    let sql = "insert into postings (id, key, at, cause, cause_id, project_id, memo, by_user)
        values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (key) do nothing";
    let p = posting;
    let n = on!(tx, c => sqlx::query(sql)
        .bind(p.id.0).bind(p.key.as_str()).bind(p.at.0).bind(p.cause.as_str()).bind(p.cause_id.as_str())
        .bind(p.project_id.0).bind(p.memo.as_deref()).bind(p.by.map(|user| user.0))
        .execute(c).await.map(|r| r.rows_affected()))?;
    if n == 0 {
        return by_key(tx, &posting.key).await?.map(Posted::Before).ok_or(Error::Conflict("posting key"));
    }
    move_credits(tx, std::slice::from_ref(posting)).await?;
    Ok(Posted::Now)
}

/// Makes many postings with as few statements as it takes. All of them must be new: [`Error::Conflict`] `posting key`
/// when one was made before.
pub async fn post_all(tx: &mut Tx, postings: &[Posting]) -> Result<(), Error> {
    for posting in postings {
        posting.check()?;
    }
    if postings.is_empty() {
        return Ok(());
    }
    let done = match &mut tx.inner {
        TxInner::Sqlite(t) => {
            let sql = "insert into postings (id, key, at, cause, cause_id, project_id, memo, by_user)
                select unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3, value ->> 4, unhex(value ->> 5),
                    value ->> 6, unhex(value ->> 7) from json_each($1)";
            let row = |p: &Posting| {
                let (id, project) = (hex(p.id.0), hex(p.project_id.0));
                (
                    id,
                    p.key.clone(),
                    p.at.0,
                    p.cause,
                    p.cause_id.clone(),
                    project,
                    p.memo.clone(),
                    p.by.map(|user| hex(user.0)),
                )
            };
            let rows = json(&postings.iter().map(row).collect::<Vec<_>>())?;
            sqlx::query(sql).bind(rows).execute(&mut **t).await.map(drop)
        }
        TxInner::Postgres(t) => {
            let sql = "insert into postings (id, key, at, cause, cause_id, project_id, memo, by_user)
                select * from unnest(cast($1 as uuid[]), cast($2 as text[]), cast($3 as bigint[]), cast($4 as text[]),
                    cast($5 as text[]), cast($6 as uuid[]), cast($7 as text[]), cast($8 as uuid[]))";
            sqlx::query(sql)
                .bind(postings.iter().map(|p| p.id.0).collect::<Vec<_>>())
                .bind(postings.iter().map(|p| p.key.as_str()).collect::<Vec<_>>())
                .bind(postings.iter().map(|p| p.at.0).collect::<Vec<_>>())
                .bind(postings.iter().map(|p| p.cause.as_str()).collect::<Vec<_>>())
                .bind(postings.iter().map(|p| p.cause_id.as_str()).collect::<Vec<_>>())
                .bind(postings.iter().map(|p| p.project_id.0).collect::<Vec<_>>())
                .bind(postings.iter().map(|p| p.memo.as_deref()).collect::<Vec<_>>())
                .bind(postings.iter().map(|p| p.by.map(|user| user.0)).collect::<Vec<_>>())
                .execute(&mut **t)
                .await
                .map(drop)
        }
    };
    done.map_err(|error| explain(error, UNIQUE))?;
    move_credits(tx, postings).await
}

/// Writes the entries and changes the balances by their sums. The postings are there already.
async fn move_credits(tx: &mut Tx, postings: &[Posting]) -> Result<(), Error> {
    let mut changes: BTreeMap<Uuid, (Account, Micros)> = BTreeMap::new();
    for entry in postings.iter().flat_map(|posting| &posting.entries) {
        let change = changes.entry(entry.account.id()).or_insert((entry.account, Micros::ZERO));
        change.1 = change.1.plus(entry.amount).map_err(BadPosting::from)?;
    }
    let accounts: Vec<Account> = changes.values().map(|(account, _)| *account).collect();
    let (house, projects): (Vec<_>, Vec<_>) =
        accounts.iter().partition(|account| account.project().is_none());
    let balances = lock(tx, &projects).await?;
    for (id, (account, change)) in &changes {
        let Some(balance) = balances.get(id) else { continue };
        let after = balance.plus(*change).map_err(BadPosting::from)?;
        if account.floor().is_some_and(|floor| after < floor) {
            return Err(Error::Insufficient {
                needed: change.negated().map_err(BadPosting::from)?,
                available: *balance,
            });
        }
    }
    // Balances before entries: an entry points at its account, and many that point at a house's account and only then want
    // to change it bring PostgreSQL's row locks into a state that it refuses ("new multixact has more than one updating
    // member").
    for group in [projects, house] {
        let group: Vec<(Uuid, i64)> =
            group.iter().map(|account| (account.id(), changes[&account.id()].1.0)).collect();
        change_balances(tx, &group).await?;
    }
    write_entries(tx, postings).await
}

/// Locks accounts of projects in the order of their ids. A project gets all its accounts at once: two that make them
/// at the same time wait for each other before they hold any.
async fn lock(tx: &mut Tx, accounts: &[Account]) -> Result<BTreeMap<Uuid, Micros>, Error> {
    let found = lock_existing(tx, accounts).await?;
    let missing = accounts.iter().filter(|account| !found.contains_key(&account.id()));
    let projects: BTreeSet<ProjectId> = missing.filter_map(|account| account.project()).collect();
    if projects.is_empty() {
        return Ok(found);
    }
    let sql = "insert into accounts (id, project_id, kind, balance, floor, ceiling)
        values ($1, $2, $3, 0, $4, $5) on conflict do nothing";
    for project in projects {
        let mut purses: Vec<Account> = Purse::ALL.iter().map(|&purse| Account::Of(project, purse)).collect();
        purses.sort_by_key(|account| account.id());
        for account in purses {
            on!(tx, c => sqlx::query(sql)
                .bind(account.id()).bind(project.0).bind(account.kind())
                .bind(account.floor().map(|m| m.0)).bind(account.ceiling().map(|m| m.0))
                .execute(c).await.map(drop))?;
        }
    }
    lock_existing(tx, accounts).await
}

async fn lock_existing(tx: &mut Tx, accounts: &[Account]) -> Result<BTreeMap<Uuid, Micros>, Error> {
    if accounts.is_empty() {
        return Ok(BTreeMap::new());
    }
    let sql = format!(
        "select id, balance from accounts where id in (select unhex(value) from json_each($1)) order by id {}",
        tx.for_update()
    );
    let ids = id_list(accounts.iter().map(|account| account.id()));
    let rows: Vec<(Uuid, i64)> =
        on!(tx, c => sqlx::query_as(AssertSqlSafe(sql)).bind(ids).fetch_all(c).await)?;
    Ok(rows.into_iter().map(|(id, balance)| (id, Micros(balance))).collect())
}

async fn write_entries(tx: &mut Tx, postings: &[Posting]) -> Result<(), Error> {
    let entries = || postings.iter().flat_map(|p| p.entries.iter().map(move |entry| (p.id.0, entry)));
    match &mut tx.inner {
        TxInner::Sqlite(t) => {
            let sql = "insert into entries (posting_id, account_id, amount)
                select unhex(value ->> 0), unhex(value ->> 1), value ->> 2 from json_each($1)";
            let row = |(id, entry): (Uuid, &Entry)| (hex(id), hex(entry.account.id()), entry.amount.0);
            let rows = json(&entries().map(row).collect::<Vec<_>>())?;
            sqlx::query(sql).bind(rows).execute(&mut **t).await?;
        }
        TxInner::Postgres(t) => {
            let sql = "insert into entries (posting_id, account_id, amount)
                select * from unnest(cast($1 as uuid[]), cast($2 as uuid[]), cast($3 as bigint[]))";
            sqlx::query(sql)
                .bind(entries().map(|(id, _)| id).collect::<Vec<_>>())
                .bind(entries().map(|(_, entry)| entry.account.id()).collect::<Vec<_>>())
                .bind(entries().map(|(_, entry)| entry.amount.0).collect::<Vec<_>>())
                .execute(&mut **t)
                .await?;
        }
    }
    Ok(())
}

/// The one statement that changes balances. It says again what [`lock`] has shown, so that not even a mistake above
/// can take an account below its floor.
async fn change_balances(tx: &mut Tx, changes: &[(Uuid, i64)]) -> Result<(), Error> {
    if changes.is_empty() {
        return Ok(());
    }
    let changed = match &mut tx.inner {
        TxInner::Sqlite(t) => {
            let sql = "update accounts set balance = balance + change.amount
                from (select unhex(value ->> 0) as account_id, value ->> 1 as amount from json_each($1)) change
                where id = change.account_id and (floor is null or balance + change.amount >= floor)
                    and (ceiling is null or balance + change.amount <= ceiling)";
            let rows = json(&changes.iter().map(|(id, amount)| (hex(*id), amount)).collect::<Vec<_>>())?;
            sqlx::query(sql).bind(rows).execute(&mut **t).await?.rows_affected()
        }
        TxInner::Postgres(t) => {
            let sql = "update accounts set balance = balance + change.amount
                from unnest(cast($1 as uuid[]), cast($2 as bigint[])) change (account_id, amount)
                where id = change.account_id and (floor is null or balance + change.amount >= floor)
                    and (ceiling is null or balance + change.amount <= ceiling)";
            sqlx::query(sql)
                .bind(changes.iter().map(|(id, _)| *id).collect::<Vec<_>>())
                .bind(changes.iter().map(|(_, amount)| *amount).collect::<Vec<_>>())
                .execute(&mut **t)
                .await?
                .rows_affected()
        }
    };
    if changed == changes.len() as u64 { Ok(()) } else { Err(Error::Conflict("balance")) }
}

/// What these projects have; nobody else changes it until the transaction ends. Projects without accounts have nothing.
pub async fn purses_tx(tx: &mut Tx, projects: &[ProjectId]) -> Result<BTreeMap<ProjectId, Purses>, Error> {
    let all = |&project: &ProjectId| Purse::ALL.iter().map(move |&purse| Account::Of(project, purse));
    let accounts: Vec<Account> = projects.iter().flat_map(all).collect();
    let balances = lock(tx, &accounts).await?;
    let of = |project, purse| balances.get(&Account::Of(project, purse).id()).copied().unwrap_or_default();
    let purses = |&project: &ProjectId| {
        let (wallet, held) = (of(project, Purse::Wallet), of(project, Purse::Held));
        (project, Purses { wallet, held, debt: of(project, Purse::Debt) })
    };
    Ok(projects.iter().map(purses).collect())
}

/// What a project has.
pub async fn purses(db: &Db, project: ProjectId) -> Result<Purses, Error> {
    let sql = "select kind, balance from accounts where project_id = $1";
    let rows: Vec<(String, i64)> = on_db!(db, c => sqlx::query_as(sql).bind(project.0).fetch_all(c).await)?;
    let mut purses = Purses::default();
    for (kind, balance) in rows {
        match Columns("accounts").word("kind", &kind)? {
            Purse::Wallet => purses.wallet = Micros(balance),
            Purse::Held => purses.held = Micros(balance),
            Purse::Debt => purses.debt = Micros(balance),
        }
    }
    Ok(purses)
}

/// What an account of the house holds.
pub async fn house_balance(db: &Db, account: HouseAccount) -> Result<Micros, Error> {
    let sql = "select balance from accounts where id = $1";
    let id = Account::House(account).id();
    Ok(Micros(on_db!(db, c => sqlx::query_scalar(sql).bind(id).fetch_one(c).await)?))
}

const ENTRIES: &str = "select posting_id, amount, project_id, kind from entries
    join accounts on accounts.id = entries.account_id
    where posting_id in (select unhex(value) from json_each($1)) order by posting_id, account_id";

/// Postings with their entries: a project's accounts first.
fn joined(postings: Vec<PostingRow>, entries: &[EntryRow]) -> Result<Vec<Posting>, Error> {
    let read = |row: PostingRow| {
        let of = entries.iter().filter(|entry| entry.posting_id == row.id);
        let mut found: Vec<Entry> = of.map(EntryRow::read).collect::<Result<_, _>>()?;
        found.sort_by_key(|entry| entry.account);
        row.read(found)
    };
    postings.into_iter().map(read).collect()
}

/// The posting with this key.
pub async fn by_key(tx: &mut Tx, key: &str) -> Result<Option<Posting>, Error> {
    let sql = "select * from postings where key = $1";
    let row: Option<PostingRow> = on!(tx, c => sqlx::query_as(sql).bind(key).fetch_optional(c).await)?;
    let ids = id_list(row.iter().map(|row| row.id));
    let entries: Vec<EntryRow> = on!(tx, c => sqlx::query_as(ENTRIES).bind(ids).fetch_all(c).await)?;
    Ok(joined(row.into_iter().collect(), &entries)?.pop())
}

/// The posting with this id.
pub async fn by_id(db: &Db, id: PostingId) -> Result<Option<Posting>, Error> {
    let sql = "select * from postings where id = $1";
    let row: Option<PostingRow> = on_db!(db, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    let ids = id_list(row.iter().map(|row| row.id));
    let entries: Vec<EntryRow> = on_db!(db, c => sqlx::query_as(ENTRIES).bind(ids).fetch_all(c).await)?;
    Ok(joined(row.into_iter().collect(), &entries)?.pop())
}

/// The postings of a project, newest first, those before (older than) `after`; of one cause, or of all.
pub async fn list(
    db: &Db,
    project: ProjectId,
    cause: Option<Cause>,
    after: Option<PostingId>,
    limit: i64,
) -> Result<Vec<Posting>, Error> {
    let sql = "select * from postings where project_id = $1 and ($2 is null or cause = $2)
        and ($3 is null or id < $3) order by id desc limit $4";
    let rows: Vec<PostingRow> = on_db!(db, c => sqlx::query_as(sql)
        .bind(project.0).bind(cause.map(Cause::as_str)).bind(after.map(|id| id.0)).bind(limit).fetch_all(c).await)?;
    let ids = id_list(rows.iter().map(|row| row.id));
    let entries: Vec<EntryRow> = on_db!(db, c => sqlx::query_as(ENTRIES).bind(ids).fetch_all(c).await)?;
    joined(rows, &entries)
}

/// What a check of the whole ledger found. All of it is zero in a house that is in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// What all entries come to, which must be nothing.
    pub sum: i64,
    /// Postings whose own entries do not come to nothing.
    pub unbalanced: i64,
    /// Accounts that hold something else than the sum of their entries.
    pub drifted: i64,
    /// Projects whose held credits are not the sum of what is held for their instances.
    pub misheld: i64,
}

/// Adds everything up. Reads the whole ledger.
pub async fn audit(db: &Db) -> Result<Audit, Error> {
    let sql = "select
        (select cast(coalesce(sum(amount), 0) as bigint) from entries),
        (select count(*) from (
            select postings.id from postings left join entries on entries.posting_id = postings.id
            group by postings.id having coalesce(sum(amount), 1) <> 0
        ) odd),
        (select count(*) from accounts left join (
            select account_id, sum(amount) as amount from entries group by account_id
        ) sums on sums.account_id = accounts.id where balance <> coalesce(sums.amount, 0)),
        (select count(*) from accounts left join (
            select project_id, sum(held) as amount from meters group by project_id
        ) sums on sums.project_id = accounts.project_id where kind = 'held' and balance <> coalesce(sums.amount, 0))";
    let (sum, unbalanced, drifted, misheld) = on_db!(db, c => sqlx::query_as(sql).fetch_one(c).await)?;
    Ok(Audit { sum, unbalanced, drifted, misheld })
}

pub(crate) fn hex(id: Uuid) -> String {
    id.simple().to_string()
}
