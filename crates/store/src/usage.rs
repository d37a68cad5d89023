//! Rows of the meter: per instance what goes on and what was charged, and the segments of time behind it.
//!
//! A meter is locked before any account. Whoever charges takes meters in batches and leaves out those that another has
//! locked: several processes share the work, and what was charged stands in the meter, in the same transaction.

use std::collections::BTreeMap;

use innkeeper_domain::ids::{InstanceId, ProjectId, SegmentId};
use innkeeper_domain::money::Micros;
use innkeeper_domain::prices::Rate;
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::usage::{Meter, Segment, Tariff, Uncharged};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::columns::{Columns, id_list, json};
use crate::db::TxInner;
use crate::ledger::hex;
use crate::{Db, Error, Tx};

/// An instance's meter, with what has not been charged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metered {
    /// Whose.
    pub instance_id: InstanceId,
    /// Who pays.
    pub project_id: ProjectId,
    /// What is held for it.
    pub held: Micros,
    /// What was charged, exactly.
    pub meter: Meter,
    /// All before this was charged, or belongs to `parts`: nothing begins earlier, wherever the clock was set to.
    pub until: Timestamp,
    /// The parts of its segments that have not been charged, in the order of time. The last may go on.
    pub parts: Vec<Uncharged>,
}

#[derive(sqlx::FromRow)]
struct MeterRow {
    instance_id: Uuid,
    project_id: Uuid,
    held: i64,
    segment_id: Option<Uuid>,
    rate: i64,
    charged_until: i64,
    charged: i64,
    carry: i64,
    closed_from: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct PartRow {
    id: Uuid,
    instance_id: Uuid,
    rate: i64,
    uncharged_from: i64,
    to_at: i64,
}

#[derive(sqlx::FromRow)]
struct SegmentRow {
    id: Uuid,
    instance_id: Uuid,
    project_id: Uuid,
    tariff: String,
    rate: i64,
    from_at: i64,
    to_at: Option<i64>,
}

impl SegmentRow {
    fn read(self) -> Result<Segment, Error> {
        Ok(Segment {
            id: SegmentId(self.id),
            instance_id: InstanceId(self.instance_id),
            project_id: ProjectId(self.project_id),
            tariff: Columns("usage_segments").word("tariff", &self.tariff)?,
            rate: Micros(self.rate),
            from: Timestamp(self.from_at),
            to: self.to_at.map(Timestamp),
        })
    }
}

const METER: &str =
    "select instance_id, project_id, held, segment_id, rate, charged_until, charged, carry, closed_from
    from meters";

/// Gives an instance a meter, which stands still, and notes what is held for it.
pub async fn begin(
    tx: &mut Tx,
    instance: InstanceId,
    project: ProjectId,
    held: Micros,
    now: Timestamp,
) -> Result<(), Error> {
    let sql = "insert into meters (instance_id, project_id, held, rate, charged_until, charged, carry)
        values ($1, $2, $3, 0, $4, 0, 0)";
    on!(tx, c => sqlx::query(sql)
        .bind(instance.0).bind(project.0).bind(held.0).bind(now.0).execute(c).await.map(drop))?;
    Ok(())
}

/// The meter of an instance, if it has one still; nobody else changes it until the transaction ends.
pub async fn of_instance(tx: &mut Tx, instance: InstanceId) -> Result<Option<Metered>, Error> {
    let sql = format!("{METER} where instance_id = $1 {}", tx.for_update());
    let rows: Vec<MeterRow> =
        on!(tx, c => sqlx::query_as(AssertSqlSafe(sql)).bind(instance.0).fetch_all(c).await)?;
    Ok(with_parts(tx, rows).await?.pop())
}

/// The meters of a project's instances, in the order of their ids; nobody else changes them until the transaction ends.
pub async fn of_project_tx(tx: &mut Tx, project: ProjectId) -> Result<Vec<Metered>, Error> {
    let sql = format!("{METER} where project_id = $1 order by instance_id {}", tx.for_update());
    let rows: Vec<MeterRow> =
        on!(tx, c => sqlx::query_as(AssertSqlSafe(sql)).bind(project.0).fetch_all(c).await)?;
    with_parts(tx, rows).await
}

/// The rates of a project's instances that have a meter.
pub async fn rates(tx: &mut Tx, project: ProjectId) -> Result<BTreeMap<InstanceId, Rate>, Error> {
    let sql = "select instances.id, rate_running, rate_stopped from instances
        join meters on meters.instance_id = instances.id where meters.project_id = $1";
    let rows: Vec<(Uuid, i64, i64)> = on!(tx, c => sqlx::query_as(sql).bind(project.0).fetch_all(c).await)?;
    let rate = |(id, running, stopped)| {
        (InstanceId(id), Rate { running_micros: Micros(running), stopped_micros: Micros(stopped) })
    };
    Ok(rows.into_iter().map(rate).collect())
}

/// Meters after `after` that have something to charge before `until`, in the order of their instances. Those that
/// another works on are left out.
pub async fn due(
    tx: &mut Tx,
    until: Timestamp,
    after: Option<InstanceId>,
    limit: i64,
) -> Result<Vec<Metered>, Error> {
    let sql = format!(
        "{METER} where instance_id > $1
            and ((rate > 0 and charged_until < $2) or closed_from < $2)
        order by instance_id limit $3 {}",
        tx.for_update_skip_locked()
    );
    let rows: Vec<MeterRow> = on!(tx, c => sqlx::query_as(AssertSqlSafe(sql))
        .bind(after.map_or(Uuid::nil(), |id| id.0)).bind(until.0).bind(limit).fetch_all(c).await)?;
    with_parts(tx, rows).await
}

async fn with_parts(tx: &mut Tx, rows: Vec<MeterRow>) -> Result<Vec<Metered>, Error> {
    let pending: Vec<Uuid> =
        rows.iter().filter(|row| row.closed_from.is_some()).map(|row| row.instance_id).collect();
    let mut closed: Vec<PartRow> = Vec::new();
    if !pending.is_empty() {
        let sql = "select id, instance_id, rate, uncharged_from, to_at from usage_segments
            where uncharged_from is not null and instance_id in (select unhex(value) from json_each($1))
            order by instance_id, uncharged_from, id";
        closed = on!(tx, c => sqlx::query_as(sql).bind(id_list(pending)).fetch_all(c).await)?;
    }
    let mut closed = closed.into_iter().peekable();
    let mut metered = Vec::with_capacity(rows.len());
    let mut rows = rows;
    rows.sort_by_key(|row| row.instance_id);
    for row in rows {
        let mut parts = Vec::new();
        while let Some(part) = closed.next_if(|part| part.instance_id == row.instance_id) {
            parts.push(Uncharged {
                segment: SegmentId(part.id),
                rate: Micros(part.rate),
                from: Timestamp(part.uncharged_from),
                to: Some(Timestamp(part.to_at)),
            });
        }
        if let Some(id) = row.segment_id {
            let (segment, from) = (SegmentId(id), Timestamp(row.charged_until));
            parts.push(Uncharged { segment, rate: Micros(row.rate), from, to: None });
        }
        metered.push(Metered {
            instance_id: InstanceId(row.instance_id),
            project_id: ProjectId(row.project_id),
            held: Micros(row.held),
            meter: Meter { charged: Micros(row.charged), carry: row.carry },
            until: Timestamp(row.charged_until),
            parts,
        });
    }
    Ok(metered)
}

/// Ends the segment that goes on, and begins one at another tariff and rate, or none. Nothing that was charged is
/// undone: where the clock was set back, the segment ends where it was charged to. Lock the meter first, with
/// [`of_instance`]; the segment that goes on becomes the last closed part of `metered`.
pub async fn switch(
    tx: &mut Tx,
    metered: &mut Metered,
    next: Option<(Tariff, Micros)>,
    now: Timestamp,
) -> Result<(), Error> {
    let mut begins = now.max(metered.until);
    if let Some(open) = metered.parts.last_mut().filter(|part| part.to.is_none()) {
        begins = begins.max(open.from);
        open.to = Some(begins);
        let uncharged = (open.rate.is_positive() && open.from < begins).then_some(open.from);
        let sql = "update usage_segments set to_at = $2, uncharged_from = $3 where id = $1";
        on!(tx, c => sqlx::query(sql)
            .bind(open.segment.0).bind(begins.0).bind(uncharged.map(|at| at.0)).execute(c).await.map(drop))?;
    }
    metered.until = begins;
    if let Some((tariff, rate)) = next {
        let segment = SegmentId::new();
        let sql = "insert into usage_segments (id, instance_id, project_id, tariff, rate, from_at)
            values ($1, $2, $3, $4, $5, $6)";
        on!(tx, c => sqlx::query(sql)
            .bind(segment.0).bind(metered.instance_id.0).bind(metered.project_id.0).bind(tariff.as_str())
            .bind(rate.0).bind(begins.0).execute(c).await.map(drop))?;
        metered.parts.push(Uncharged { segment, rate, from: begins, to: None });
    }
    write(tx, std::slice::from_ref(metered), false).await
}

/// Writes down what was charged of these, which this transaction has locked.
pub async fn charged(tx: &mut Tx, metered: &[Metered]) -> Result<(), Error> {
    write(tx, metered, true).await
}

async fn write(tx: &mut Tx, metered: &[Metered], segments: bool) -> Result<(), Error> {
    struct Row {
        id: Uuid,
        held: i64,
        segment: Option<Uuid>,
        rate: i64,
        until: i64,
        charged: i64,
        carry: i64,
        closed_from: Option<i64>,
    }
    let row = |m: &Metered| {
        let open = m.parts.last().filter(|part| part.to.is_none());
        let left =
            m.parts.iter().find(|part| part.rate.is_positive() && part.to.is_some_and(|to| part.from < to));
        Row {
            id: m.instance_id.0,
            held: m.held.0,
            segment: open.map(|part| part.segment.0),
            rate: open.map_or(0, |part| part.rate.0),
            until: open.map_or(m.until, |part| part.from.max(m.until)).0,
            charged: m.meter.charged.0,
            carry: m.meter.carry,
            closed_from: left.map(|part| part.from.0),
        }
    };
    let rows: Vec<Row> = metered.iter().map(row).collect();
    let changed = match &mut tx.inner {
        TxInner::Sqlite(t) => {
            let sql = "update meters set held = n.held, segment_id = n.segment, rate = n.rate,
                    charged_until = n.until, charged = n.charged, carry = n.carry,
                    closed_from = n.closed_from
                from (select unhex(value ->> 0) as id, value ->> 1 as held, unhex(value ->> 2) as segment,
                    value ->> 3 as rate, value ->> 4 as until, value ->> 5 as charged, value ->> 6 as carry,
                    value ->> 7 as closed_from from json_each($1)) n
                where instance_id = n.id";
            let texts = rows.iter().map(|r| {
                (hex(r.id), r.held, r.segment.map(hex), r.rate, r.until, r.charged, r.carry, r.closed_from)
            });
            sqlx::query(sql).bind(json(&texts.collect::<Vec<_>>())?).execute(&mut **t).await?.rows_affected()
        }
        TxInner::Postgres(t) => {
            let sql = "update meters set held = n.held, segment_id = n.segment, rate = n.rate,
                    charged_until = n.until, charged = n.charged, carry = n.carry,
                    closed_from = n.closed_from
                from unnest(cast($1 as uuid[]), cast($2 as bigint[]), cast($3 as uuid[]), cast($4 as bigint[]),
                    cast($5 as bigint[]), cast($6 as bigint[]), cast($7 as bigint[]), cast($8 as bigint[]))
                    n (id, held, segment, rate, until, charged, carry, closed_from)
                where instance_id = n.id";
            sqlx::query(sql)
                .bind(rows.iter().map(|r| r.id).collect::<Vec<_>>())
                .bind(rows.iter().map(|r| r.held).collect::<Vec<_>>())
                .bind(rows.iter().map(|r| r.segment).collect::<Vec<_>>())
                .bind(rows.iter().map(|r| r.rate).collect::<Vec<_>>())
                .bind(rows.iter().map(|r| r.until).collect::<Vec<_>>())
                .bind(rows.iter().map(|r| r.charged).collect::<Vec<_>>())
                .bind(rows.iter().map(|r| r.carry).collect::<Vec<_>>())
                .bind(rows.iter().map(|r| r.closed_from).collect::<Vec<_>>())
                .execute(&mut **t)
                .await?
                .rows_affected()
        }
    };
    if changed != metered.len() as u64 {
        return Err(Error::Conflict("meter"));
    }
    if segments {
        write_segments(tx, metered).await?;
    }
    Ok(())
}

/// Closed segments are few beside those that go on: a statement each will do.
async fn write_segments(tx: &mut Tx, metered: &[Metered]) -> Result<(), Error> {
    let sql = "update usage_segments set uncharged_from = $2 where id = $1";
    for part in metered.iter().flat_map(|m| &m.parts) {
        let Some(to) = part.to else { continue };
        let left = (part.from < to && part.rate.is_positive()).then_some(part.from.0);
        on!(tx, c => sqlx::query(sql).bind(part.segment.0).bind(left).execute(c).await.map(drop))?;
    }
    Ok(())
}

/// Takes the meter away from an instance that is gone, after all was charged and nothing is held.
pub async fn end(tx: &mut Tx, instance: InstanceId) -> Result<(), Error> {
    let sql = "delete from meters where instance_id = $1";
    on!(tx, c => sqlx::query(sql).bind(instance.0).execute(c).await.map(drop))?;
    Ok(())
}

/// Segments of a project, or of one of its instances, newest first, those before (older than) `after`.
pub async fn segments(
    db: &Db,
    project: ProjectId,
    instance: Option<InstanceId>,
    after: Option<SegmentId>,
    limit: i64,
) -> Result<Vec<Segment>, Error> {
    let sql = "select id, instance_id, project_id, tariff, rate, from_at, to_at from usage_segments
        where project_id = $1 and ($2 is null or instance_id = $2) and ($3 is null or id < $3)
        order by id desc limit $4";
    let rows: Vec<SegmentRow> = on_db!(db, c => sqlx::query_as(sql)
        .bind(project.0).bind(instance.map(|id| id.0)).bind(after.map(|id| id.0)).bind(limit)
        .fetch_all(c).await)?;
    rows.into_iter().map(SegmentRow::read).collect()
}

/// What a project spends, and what it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spending {
    /// The project.
    pub project_id: ProjectId,
    /// What its instances cost per hour at present.
    pub per_hour: Micros,
    /// What they have used and not been charged yet, to the second.
    pub accrued: Micros,
    /// What it has.
    pub wallet: Micros,
    /// What is held for its instances.
    pub held: Micros,
    /// What it owes, as a number that is not above zero.
    pub debt: Micros,
}

#[derive(sqlx::FromRow)]
struct SpendingRow {
    project_id: Uuid,
    per_hour: i64,
    accrued: i64,
    wallet: i64,
    held: i64,
    debt: i64,
}

/// What projects spend that have instances which cost something, or only this one, in the order of their ids.
pub async fn spending(
    db: &Db,
    project: Option<ProjectId>,
    now: Timestamp,
    after: Option<ProjectId>,
    limit: i64,
) -> Result<Vec<Spending>, Error> {
    // Whole seconds, so that no product leaves the range of a number. What closed segments left uncharged counts too.
    let sql = "select m.project_id, cast(m.per_hour as bigint) as per_hour,
            cast(m.accrued + coalesce((
                select sum(rate * ((to_at - uncharged_from) / 1000000) / 3600) from usage_segments s
                where uncharged_from is not null and s.instance_id in (
                    select instance_id from meters where meters.project_id = m.project_id and closed_from is not null)
            ), 0) as bigint) as accrued,
            coalesce((select balance from accounts a where a.project_id = m.project_id and kind = 'wallet'), 0) as wallet,
            coalesce((select balance from accounts a where a.project_id = m.project_id and kind = 'held'), 0) as held,
            coalesce((select balance from accounts a where a.project_id = m.project_id and kind = 'debt'), 0) as debt
        from (
            select project_id, sum(rate) as per_hour,
                sum(case when charged_until < $1 then rate * (($1 - charged_until) / 1000000) / 3600 else 0 end) as accrued
            from meters
            where project_id >= $2 and project_id <= $3 and project_id <> $4
                and (rate > 0 or closed_from is not null)
            group by project_id order by project_id limit $5
        ) m order by m.project_id";
    // From one project to another, so that an index serves.
    let first = project.or(after).map_or(Uuid::nil(), |id| id.0);
    let last = project.map_or(Uuid::max(), |id| id.0);
    let but = after.map_or(Uuid::nil(), |id| id.0);
    let rows: Vec<SpendingRow> = on_db!(db, c => sqlx::query_as(sql)
        .bind(now.0).bind(first).bind(last).bind(but).bind(limit).fetch_all(c).await)?;
    let read = |row: SpendingRow| Spending {
        project_id: ProjectId(row.project_id),
        per_hour: Micros(row.per_hour),
        accrued: Micros(row.accrued),
        wallet: Micros(row.wallet),
        held: Micros(row.held),
        debt: Micros(row.debt),
    };
    Ok(rows.into_iter().map(read).collect())
}
