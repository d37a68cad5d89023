//! Rows of hosts. One process at a time looks after a host: it claims it for a while. What people wish of one is written
//! beside that, and makes what was about to be written by the claim void.

use innkeeper_domain::hosts::{Change, Course, Host, Profile, Seen, Signal, State, Wake};
use innkeeper_domain::ids::{ClusterId, HostId};
use innkeeper_domain::names::NodeName;
use innkeeper_domain::time::Timestamp;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::columns::{Columns, json};
use crate::error::{Unique, explain};
use crate::seal::Sealed;
use crate::{Db, Error, Tx};

const UNIQUE: &[Unique] = &[
    Unique { index: "hosts_name", columns: "hosts.name", what: "host name" },
    Unique { index: "hosts_node", columns: "hosts.cluster_id, hosts.node", what: "host node" },
];

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    name: String,
    cluster_id: Uuid,
    node: String,
    profile: String,
    course: String,
    seen: String,
    signals: String,
    created_at: i64,
    fence: i64,
}

impl Row {
    fn read(self) -> Result<Host, Error> {
        let columns = Columns("hosts");
        let profile: Profile = columns.json("profile", &self.profile)?;
        let course: Course = columns.json("course", &self.course)?;
        let seen: Seen = columns.json("seen", &self.seen)?;
        let signals: Vec<Signal> = columns.json("signals", &self.signals)?;
        Ok(Host {
            id: HostId(self.id),
            name: columns.word("name", &self.name)?,
            cluster_id: ClusterId(self.cluster_id),
            node: columns.word("node", &self.node)?,
            profile,
            course,
            seen,
            signals,
            created_at: Timestamp(self.created_at),
            fence: self.fence,
        })
    }
}

/// Our key pair for a host.
pub struct Keys {
    /// The public part, as a line of `authorized_keys`.
    pub public: String,
    /// The private part.
    pub private: Sealed,
}

/// Adds a host, to be looked at at once. [`Error::Conflict`] `host name` or `host node` when there is one already.
pub async fn insert(tx: &mut Tx, host: &Host, secret: Option<&Sealed>) -> Result<(), Error> {
    let sql =
        "insert into hosts (id, name, cluster_id, node, profile, wake_secret, state, course, seen, signals, created_at, due_at, fence)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, 0)";
    let (profile, course) = (json(&host.profile)?, json(&host.course)?);
    let (seen, signals) = (json(&host.seen)?, json(&host.signals)?);
    on!(tx, c => sqlx::query(sql)
        .bind(host.id.0).bind(host.name.as_str()).bind(host.cluster_id.0).bind(host.node.as_str())
        .bind(profile.as_str()).bind(secret.map(Sealed::as_str)).bind(host.course.state.as_str())
        .bind(course.as_str()).bind(seen.as_str()).bind(signals.as_str()).bind(host.created_at.0)
        .execute(c).await.map(drop))
    .map_err(|e| explain(e, UNIQUE))?;
    note(tx, host).await
}

/// The host with this id.
pub async fn by_id(db: &Db, id: HostId) -> Result<Option<Host>, Error> {
    let sql = "select * from hosts where id = $1";
    let row: Option<Row> = on_db!(db, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    row.map(Row::read).transpose()
}

/// The host with this id, which nobody else changes until the transaction ends.
pub async fn by_id_tx(tx: &mut Tx, id: HostId) -> Result<Option<Host>, Error> {
    let sql = format!("select * from hosts where id = $1 {}", tx.for_update());
    let row: Option<Row> =
        on!(tx, c => sqlx::query_as(AssertSqlSafe(sql)).bind(id.0).fetch_optional(c).await)?;
    row.map(Row::read).transpose()
}

/// The host that this node is, if the guardian looks after it; nobody else changes it until the transaction ends.
pub async fn of_node_tx(tx: &mut Tx, cluster: ClusterId, node: &NodeName) -> Result<Option<Host>, Error> {
    let sql = format!("select * from hosts where cluster_id = $1 and node = $2 {}", tx.for_update());
    let row: Option<Row> = on!(tx, c => sqlx::query_as(AssertSqlSafe(sql))
        .bind(cluster.0).bind(node.as_str()).fetch_optional(c).await)?;
    row.map(Row::read).transpose()
}

/// The host that this node is, if the guardian looks after it.
pub async fn of_node(db: &Db, cluster: ClusterId, node: &NodeName) -> Result<Option<Host>, Error> {
    let sql = "select * from hosts where cluster_id = $1 and node = $2";
    let row: Option<Row> = on_db!(db, c => sqlx::query_as(sql)
        .bind(cluster.0).bind(node.as_str()).fetch_optional(c).await)?;
    row.map(Row::read).transpose()
}

/// All hosts, by name.
pub async fn list(db: &Db) -> Result<Vec<Host>, Error> {
    let rows: Vec<Row> =
        on_db!(db, c => sqlx::query_as("select * from hosts order by name").fetch_all(c).await)?;
    rows.into_iter().map(Row::read).collect()
}

/// The nodes that sleep and can be woken.
pub async fn asleep(tx: &mut Tx) -> Result<Vec<(ClusterId, NodeName)>, Error> {
    let sql = "select * from hosts where state in ('off', 'waking', 'booting', 'shutting_down', 'draining')";
    let rows: Vec<Row> = on!(tx, c => sqlx::query_as(sql).fetch_all(c).await)?;
    let hosts: Vec<Host> = rows.into_iter().map(Row::read).collect::<Result<_, Error>>()?;
    let wakeable = hosts.into_iter().filter(|host| host.profile.wake != Wake::None);
    Ok(wakeable.map(|host| (host.cluster_id, host.node)).collect())
}

/// What is secret about waking a host.
pub async fn wake_secret(db: &Db, id: HostId) -> Result<Option<Sealed>, Error> {
    let sql = "select wake_secret from hosts where id = $1";
    let text: Option<Option<String>> =
        on_db!(db, c => sqlx::query_scalar(sql).bind(id.0).fetch_optional(c).await)?;
    Ok(text.flatten().map(Sealed::from_text))
}

/// Our key pair for a host, where one was made.
pub async fn keys(db: &Db, id: HostId) -> Result<Option<Keys>, Error> {
    let sql = "select public_key, private_key from hosts where id = $1";
    let row: Option<(Option<String>, Option<String>)> =
        on_db!(db, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    Ok(match row {
        Some((Some(public), Some(private))) => Some(Keys { public, private: Sealed::from_text(private) }),
        _ => None,
    })
}

/// Keeps our key pair for a host.
pub async fn set_keys(tx: &mut Tx, id: HostId, keys: &Keys) -> Result<(), Error> {
    let sql = "update hosts set public_key = $2, private_key = $3 where id = $1";
    on!(tx, c => sqlx::query(sql)
        .bind(id.0).bind(keys.public.as_str()).bind(keys.private.as_str()).execute(c).await.map(drop))?;
    Ok(())
}

/// Sets what is secret about waking a host.
pub async fn set_wake_secret(tx: &mut Tx, id: HostId, secret: Option<&Sealed>) -> Result<(), Error> {
    let sql = "update hosts set wake_secret = $2 where id = $1";
    on!(tx, c => sqlx::query(sql).bind(id.0).bind(secret.map(Sealed::as_str)).execute(c).await.map(drop))?;
    Ok(())
}

/// Takes a host away; false when there was none.
pub async fn remove(tx: &mut Tx, id: HostId) -> Result<bool, Error> {
    let sql = "delete from hosts where id = $1";
    let n = on!(tx, c => sqlx::query(sql).bind(id.0).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n > 0)
}

/// Claims the hosts that are due and that nobody else looks after. They come with their new fence.
pub async fn claim(tx: &mut Tx, now: Timestamp, until: Timestamp) -> Result<Vec<Host>, Error> {
    let sql = format!(
        "with picked as materialized (
            select id as picked_id from hosts
            where due_at <= $1 and (claimed_until is null or claimed_until <= $1) order by due_at limit 100 {}
        )
        update hosts set claimed_until = $2, fence = fence + 1
        from picked where hosts.id = picked.picked_id
        returning *",
        tx.for_update_skip_locked()
    );
    let rows: Vec<Row> =
        on!(tx, c => sqlx::query_as(AssertSqlSafe(sql)).bind(now.0).bind(until.0).fetch_all(c).await)?;
    let readable = rows.into_iter().filter_map(|row| {
        let id = HostId(row.id);
        row.read().inspect_err(|error| tracing::error!(%id, %error, "a host cannot be looked after")).ok()
    });
    Ok(readable.collect())
}

/// Writes what a look brought: where it stands, what was seen, what needs it. False, and nothing changes, when somebody
/// else has claimed it or wished something of it since.
pub async fn save(tx: &mut Tx, host: &Host) -> Result<bool, Error> {
    let sql =
        "update hosts set state = $3, course = $4, seen = $5, signals = $6 where id = $1 and fence = $2";
    let (course, seen, signals) = (json(&host.course)?, json(&host.seen)?, json(&host.signals)?);
    let n = on!(tx, c => sqlx::query(sql)
        .bind(host.id.0).bind(host.fence).bind(host.course.state.as_str()).bind(course.as_str())
        .bind(seen.as_str()).bind(signals.as_str()).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n > 0)
}

/// Gives the claim back until `at`, unless it was lost.
pub async fn rest(tx: &mut Tx, id: HostId, fence: i64, at: Timestamp) -> Result<(), Error> {
    let sql = "update hosts set claimed_until = null, due_at = $3 where id = $1 and fence = $2";
    on!(tx, c => sqlx::query(sql).bind(id.0).bind(fence).bind(at.0).execute(c).await.map(drop))?;
    Ok(())
}

/// Writes what somebody wished of it. Whoever has claimed it writes nothing any more; it is looked at at once.
pub async fn wish(tx: &mut Tx, host: &Host, now: Timestamp) -> Result<(), Error> {
    let sql = "update hosts set name = $2, profile = $3, state = $4, course = $5, fence = fence + 1,
            claimed_until = null, due_at = $6
        where id = $1";
    let (profile, course) = (json(&host.profile)?, json(&host.course)?);
    on!(tx, c => sqlx::query(sql)
        .bind(host.id.0).bind(host.name.as_str()).bind(profile.as_str()).bind(host.course.state.as_str())
        .bind(course.as_str()).bind(now.0).execute(c).await.map(drop))
    .map_err(|e| explain(e, UNIQUE))
}

/// Has these hosts looked at at once: something that may need them has changed.
pub async fn hurry(tx: &mut Tx, id: HostId, now: Timestamp) -> Result<(), Error> {
    let sql = "update hosts set due_at = $2 where id = $1 and due_at > $2";
    on!(tx, c => sqlx::query(sql).bind(id.0).bind(now.0).execute(c).await.map(drop))?;
    Ok(())
}

/// Has all hosts looked at at once.
pub async fn hurry_all(tx: &mut Tx, now: Timestamp) -> Result<(), Error> {
    let sql = "update hosts set due_at = $1 where due_at > $1";
    on!(tx, c => sqlx::query(sql).bind(now.0).execute(c).await.map(drop))?;
    Ok(())
}

/// When the next host is due.
pub async fn next_due(db: &Db) -> Result<Option<Timestamp>, Error> {
    let sql = "select min(due_at) from hosts where claimed_until is null";
    let at: Option<i64> = on_db!(db, c => sqlx::query_scalar(sql).fetch_one(c).await)?;
    Ok(at.map(Timestamp))
}

/// Writes down where a host stands from now on.
pub async fn note(tx: &mut Tx, host: &Host) -> Result<(), Error> {
    let sql = "insert into host_changes (host_id, at, state, reason) values ($1, $2, $3, $4)";
    let course = &host.course;
    on!(tx, c => sqlx::query(sql)
        .bind(host.id.0).bind(course.since.0).bind(course.state.as_str()).bind(course.reason.as_deref())
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Where a host stood between two times, oldest first, beginning with where it stood at the first.
pub async fn changes(
    db: &Db,
    id: HostId,
    from: Timestamp,
    to: Timestamp,
    limit: i64,
) -> Result<Vec<Change>, Error> {
    let sql = "select at, state, reason from (
            select seq, at, state, reason from host_changes where host_id = $1 and at < $3 and seq >= coalesce(
                (select max(seq) from host_changes where host_id = $1 and at <= $2), 0)
            order by seq desc limit $4
        ) newest order by seq";
    let rows: Vec<(i64, String, Option<String>)> = on_db!(db, c => sqlx::query_as(sql)
        .bind(id.0).bind(from.0).bind(to.0).bind(limit).fetch_all(c).await)?;
    let change = |(at, state, reason): (i64, String, Option<String>)| {
        let state: State = Columns("host_changes").word("state", &state)?;
        Ok(Change { at: Timestamp(at), state, reason })
    };
    rows.into_iter().map(change).collect()
}

/// Forgets where hosts stood before this time, except the last of each.
pub async fn prune(tx: &mut Tx, before: Timestamp) -> Result<u64, Error> {
    let sql = "delete from host_changes where at < $1 and seq < (
        select max(later.seq) from host_changes later where later.host_id = host_changes.host_id and later.at < $1)";
    Ok(on!(tx, c => sqlx::query(sql).bind(before.0).execute(c).await.map(|r| r.rows_affected()))?)
}
