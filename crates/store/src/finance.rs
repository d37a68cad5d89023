//! Sums over the ledger: what projects spend, and how the house stands. Nothing here is kept; all of it is added up
//! from entries when asked for. Days are days in UTC.

use innkeeper_domain::ids::{InstanceId, ProjectId};
use innkeeper_domain::ledger::{HouseAccount, Purse};
use innkeeper_domain::money::Micros;
use innkeeper_domain::time::Timestamp;

use crate::columns::Columns;
use crate::{Db, Error};

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// What an instance was charged on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// Which instance.
    pub instance_id: InstanceId,
    /// When the day begins.
    pub day: Timestamp,
    /// What it was charged.
    pub credits: Micros,
}

/// What a project's instances were charged between two points in time, by instance and day, oldest first.
pub async fn spent(
    db: &Db,
    project: ProjectId,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<Spent>, Error> {
    let sql = "select cause_id, postings.at / $4 as day, cast(sum(entries.amount) as bigint)
        from postings join entries on entries.posting_id = postings.id
            join accounts on accounts.id = entries.account_id and accounts.kind = 'revenue'
        where postings.project_id = $1 and cause = 'charge' and postings.at >= $2 and postings.at < $3
        group by cause_id, postings.at / $4 order by day, cause_id";
    let rows: Vec<(String, i64, i64)> = on_db!(db, c => sqlx::query_as(sql)
        .bind(project.0).bind(from.0).bind(until.0).bind(DAY).fetch_all(c).await)?;
    let read = |(instance, day, credits): (String, i64, i64)| {
        Ok(Spent {
            instance_id: Columns("postings").word("cause_id", &instance)?,
            day: Timestamp(day * DAY),
            credits: Micros(credits),
        })
    };
    rows.into_iter().map(read).collect()
}

/// What an account of the house gained on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gained {
    /// When the day begins.
    pub day: Timestamp,
    /// Which account.
    pub account: HouseAccount,
    /// How much; what it gave is below zero.
    pub credits: Micros,
}

/// What the house's accounts gained between two points in time, by day, oldest first.
pub async fn gained(db: &Db, from: Timestamp, until: Timestamp) -> Result<Vec<Gained>, Error> {
    let sql = "select postings.at / $3 as day, accounts.kind, cast(sum(entries.amount) as bigint)
        from postings join entries on entries.posting_id = postings.id
            join accounts on accounts.id = entries.account_id and accounts.project_id is null
        where postings.at >= $1 and postings.at < $2
        group by postings.at / $3, accounts.kind order by day, accounts.kind";
    let rows: Vec<(i64, String, i64)> =
        on_db!(db, c => sqlx::query_as(sql).bind(from.0).bind(until.0).bind(DAY).fetch_all(c).await)?;
    let read = |(day, kind, credits): (i64, String, i64)| {
        let account = Columns("accounts").word("kind", &kind)?;
        Ok(Gained { day: Timestamp(day * DAY), account, credits: Micros(credits) })
    };
    rows.into_iter().map(read).collect()
}

/// What all projects together have, and what the house's accounts hold, summed from the entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// By purse.
    pub purses: Vec<(Purse, Micros)>,
    /// By account of the house.
    pub house: Vec<(HouseAccount, Micros)>,
}

/// How things stand.
pub async fn standing(db: &Db) -> Result<Standing, Error> {
    let sql =
        "select accounts.project_id is null as house, accounts.kind, cast(sum(entries.amount) as bigint)
        from entries join accounts on accounts.id = entries.account_id
        group by accounts.project_id is null, accounts.kind order by accounts.kind";
    let rows: Vec<(bool, String, i64)> = on_db!(db, c => sqlx::query_as(sql).fetch_all(c).await)?;
    let (mut standing, columns) = (Standing::default(), Columns("accounts"));
    for (house, kind, credits) in rows {
        if house {
            standing.house.push((columns.word("kind", &kind)?, Micros(credits)));
        } else {
            standing.purses.push((columns.word("kind", &kind)?, Micros(credits)));
        }
    }
    Ok(standing)
}
