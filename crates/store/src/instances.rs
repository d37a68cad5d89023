//! Rows of instances, and the claims by which workers take turns at them.
//!
//! A worker claims instances that are due; the claim ends at a time, and carries a number (the fence) that grows with
//! each claim. Whoever writes shows their fence: one that is too old changes nothing. A claim is over at the very
//! moment of `claimed_until`.

use innkeeper_domain::ids::{ClusterId, HostId, InstanceId, OperationId, PlanId, ProjectId, TemplateId};
use innkeeper_domain::instances::{Act, Course, Instance, Kind, Seen, Settings, Task, Wish};
use innkeeper_domain::money::Micros;
use innkeeper_domain::names::{Hostname, NodeName, SshKey};
use innkeeper_domain::prices::Rate;
use innkeeper_domain::sizes::Size;
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::usage::Tariff;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::columns::{Columns, count, id_list, json};
use crate::error::{Unique, explain};
use crate::{Db, Error, Topic, Tx};

const UNIQUE: &[Unique] = &[
    Unique { index: "instances_vmid", columns: "instances.cluster_id, instances.vmid", what: "vmid" },
    Unique { index: "instances_name", columns: "instances.project_id, instances.name", what: "name" },
];

#[derive(sqlx::FromRow)]
struct InstanceRow {
    id: Uuid,
    project_id: Uuid,
    name: String,
    kind: String,
    template_id: Option<Uuid>,
    plan_id: Option<Uuid>,
    cores: i64,
    memory_mib: i64,
    disk_gib: i64,
    rate_running: i64,
    rate_stopped: i64,
    tariff: Option<String>,
    ssh_keys: String,
    cluster_id: Uuid,
    node: String,
    storage: String,
    vmid: i64,
    origin: String,
    wish_goal: String,
    wish_gentle_until: Option<i64>,
    wish_restart: bool,
    wish_address: bool,
    wish_refit: bool,
    born: bool,
    seen: String,
    task: Option<String>,
    attempts: i64,
    upid: Option<String>,
    operation_id: Option<Uuid>,
    operation_verb: Option<String>,
    address: Option<String>,
    awaits: Option<Uuid>,
    problem: Option<String>,
    seen_at: Option<i64>,
    created_at: i64,
    deleted_at: Option<i64>,
    due_at: Option<i64>,
    resize_from: Option<String>,
    wish_once: Option<String>,
    settings: String,
    pending: String,
    protected: bool,
    trashed_until: Option<i64>,
    fence: i64,
}

impl InstanceRow {
    fn read(self) -> Result<Instance, Error> {
        let columns = Columns("instances");
        let verb = columns.word_if("operation_verb", self.operation_verb.as_deref())?;
        let course = Course {
            wish: Wish {
                goal: columns.word("wish_goal", &self.wish_goal)?,
                gentle_until: self.wish_gentle_until.map(Timestamp),
                restart: self.wish_restart,
                address: self.wish_address,
                refit: self.wish_refit,
                once: columns.word_if("wish_once", self.wish_once.as_deref())?,
            },
            born: self.born,
            seen: columns.json("seen", &self.seen)?,
            task: self.task.map_or(Ok(Task::None), |text| columns.json("task", &text))?,
            attempts: columns.number("attempts", self.attempts)?,
        };
        Ok(Instance {
            id: InstanceId(self.id),
            project_id: ProjectId(self.project_id),
            name: columns.word("name", &self.name)?,
            kind: columns.word("kind", &self.kind)?,
            template_id: self.template_id.map(TemplateId),
            plan_id: self.plan_id.map(PlanId),
            size: Size {
                cores: columns.number("cores", self.cores)?,
                memory_mib: columns.number("memory_mib", self.memory_mib)?,
                disk_gib: columns.number("disk_gib", self.disk_gib)?,
            },
            rate: Rate {
                running_micros: Micros(self.rate_running),
                stopped_micros: Micros(self.rate_stopped),
            },
            tariff: columns.word_if("tariff", self.tariff.as_deref())?,
            ssh_keys: columns.json("ssh_keys", &self.ssh_keys)?,
            cluster_id: ClusterId(self.cluster_id),
            node: columns.word("node", &self.node)?,
            storage: columns.word("storage", &self.storage)?,
            vmid: columns.number("vmid", self.vmid)?,
            origin: columns.json("origin", &self.origin)?,
            course,
            upid: self.upid,
            operation: self.operation_id.map(OperationId).zip(verb),
            address: self.address,
            awaits: self.awaits.map(HostId),
            problem: self.problem,
            seen_at: self.seen_at.map(Timestamp),
            created_at: Timestamp(self.created_at),
            deleted_at: self.deleted_at.map(Timestamp),
            resize_from: self.resize_from.map(|text| columns.json("resize_from", &text)).transpose()?,
            settings: columns.json("settings", &self.settings)?,
            pending: columns.json("pending", &self.pending)?,
            protected: self.protected,
            trashed_until: self.trashed_until.map(Timestamp),
            fence: self.fence,
        })
    }
}

/// The task as kept: none is null, so that SQL can ask for it.
fn task_text(task: &Task) -> Result<Option<String>, Error> {
    match task {
        Task::None => Ok(None),
        task => json(task).map(Some),
    }
}

/// Which instances to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only those of these projects.
    pub project_ids: Option<Vec<ProjectId>>,
    /// Only those in this cluster.
    pub cluster_id: Option<ClusterId>,
    /// Only those of this kind.
    pub kind: Option<Kind>,
    /// Only those whose name contains this.
    pub name_contains: Option<String>,
    /// Those that were deleted, too.
    pub include_deleted: bool,
}

/// The text of [`list`], beginning with the condition that an index serves.
macro_rules! list_sql {
    ($first:literal) => {
        concat!(
            "select * from instances where ",
            $first,
            " and ($1 is null or project_id in (select unhex(value) from json_each($1)))
                and ($2 is null or cluster_id = $2)
                and ($3 is null or kind = $3)
                and ($4 is null or replace(name, $4, '') <> name)
                and ($5 or deleted_at is null)
                and ($6 is null or id < $6)
            order by id desc limit $7"
        )
    };
}

/// Adds an instance, due at once, later or not at all. [`Error::Conflict`] `name` when its project has one of that
/// name, `vmid` when its cluster has one of that number. The active operation may follow in the same transaction.
pub async fn insert(tx: &mut Tx, instance: &Instance, due_at: Option<Timestamp>) -> Result<(), Error> {
    let sql = "insert into instances (id, project_id, name, kind, template_id, plan_id, cores, memory_mib, disk_gib,
            ssh_keys, cluster_id, node, storage, vmid, origin, wish_goal, wish_gentle_until, wish_restart,
            wish_address, born, seen, task, attempts, upid, operation_id, operation_verb, address, problem, seen_at,
            created_at, deleted_at, due_at, fence, rate_running, rate_stopped, tariff, wish_refit, resize_from,
            wish_once, settings, pending, protected, trashed_until, extra_disk_gib)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
            $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40,
            $41, $42, $43, $44)";
    let i = instance;
    let (ssh_keys, origin) = (json(&i.ssh_keys)?, json(&i.origin)?);
    let (settings, pending) = (json(&i.settings)?, json(&i.pending)?);
    let (seen, task) = (json(&i.course.seen)?, task_text(&i.course.task)?);
    let resize_from = i.resize_from.as_ref().map(json).transpose()?;
    let wish = &i.course.wish;
    on!(tx, c => sqlx::query(sql)
        .bind(i.id.0).bind(i.project_id.0).bind(i.name.as_str()).bind(i.kind.as_str()).bind(i.template_id.map(|id| id.0))
        .bind(i.plan_id.map(|id| id.0)).bind(i64::from(i.size.cores)).bind(i64::from(i.size.memory_mib))
        .bind(i64::from(i.size.disk_gib)).bind(ssh_keys.as_str()).bind(i.cluster_id.0).bind(i.node.as_str())
        .bind(i.storage.as_str()).bind(i64::from(i.vmid)).bind(origin.as_str())
        .bind(wish.goal.as_str()).bind(wish.gentle_until.map(|at| at.0)).bind(wish.restart).bind(wish.address)
        .bind(i.course.born).bind(seen.as_str()).bind(task.as_deref()).bind(i64::from(i.course.attempts))
        .bind(i.upid.as_deref()).bind(i.operation.map(|(id, _)| id.0))
        .bind(i.operation.map(|(_, verb)| verb.as_str())).bind(i.address.as_deref()).bind(i.problem.as_deref())
        .bind(i.seen_at.map(|at| at.0)).bind(i.created_at.0).bind(i.deleted_at.map(|at| at.0))
        .bind(due_at.map(|at| at.0)).bind(i.fence)
        .bind(i.rate.running_micros.0).bind(i.rate.stopped_micros.0).bind(i.tariff.map(Tariff::as_str))
        .bind(wish.refit).bind(resize_from.as_deref()).bind(wish.once.map(Act::as_str))
        .bind(settings.as_str()).bind(pending.as_str()).bind(i.protected).bind(i.trashed_until.map(|at| at.0))
        .bind(count(i.settings.extra_disk_gib()))
        .execute(c).await.map(drop))
    .map_err(|e| explain(e, UNIQUE))?;
    if due_at.is_some() {
        tx.wake(Topic::Work);
    }
    Ok(())
}

/// The instance with this id, deleted or not.
pub async fn by_id(db: &Db, id: InstanceId) -> Result<Option<Instance>, Error> {
    let sql = "select * from instances where id = $1";
    let row: Option<InstanceRow> = on_db!(db, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    row.map(InstanceRow::read).transpose()
}

/// The same; nobody else changes it until the transaction ends.
pub async fn by_id_tx(tx: &mut Tx, id: InstanceId) -> Result<Option<Instance>, Error> {
    let sql = format!("select * from instances where id = $1 {}", tx.for_update());
    let row: Option<InstanceRow> =
        on!(tx, c => sqlx::query_as(AssertSqlSafe(sql)).bind(id.0).fetch_optional(c).await)?;
    row.map(InstanceRow::read).transpose()
}

/// Instances, newest first, those before (older than) `after`.
pub async fn list(
    db: &Db,
    filter: &Filter,
    after: Option<InstanceId>,
    limit: i64,
) -> Result<Vec<Instance>, Error> {
    let sql = match filter {
        Filter { project_ids: Some(_), .. } => {
            list_sql!("project_id in (select unhex(value) from json_each($1))")
        }
        Filter { cluster_id: Some(_), .. } => list_sql!("cluster_id = $2"),
        _ => list_sql!("$1 is null"),
    };
    let projects = filter.project_ids.as_ref().map(|ids| id_list(ids.iter().map(|id| id.0)));
    // Names are lower case; an empty needle is in every name.
    let needle = filter.name_contains.as_deref().map(str::to_lowercase).filter(|text| !text.is_empty());
    let rows: Vec<InstanceRow> = on_db!(db, c => sqlx::query_as(sql)
        .bind(projects.as_deref()).bind(filter.cluster_id.map(|id| id.0))
        .bind(filter.kind.map(Kind::as_str)).bind(needle.as_deref()).bind(filter.include_deleted)
        .bind(after.map(|id| id.0)).bind(limit).fetch_all(c).await)?;
    rows.into_iter().map(InstanceRow::read).collect()
}

/// The instance that was made first in a project, whether it is there or not.
pub async fn first_of_project(tx: &mut Tx, project: ProjectId) -> Result<Option<InstanceId>, Error> {
    let sql = "select id from instances where project_id = $1 order by id limit 1";
    let id: Option<Uuid> = on!(tx, c => sqlx::query_scalar(sql).bind(project.0).fetch_optional(c).await)?;
    Ok(id.map(InstanceId))
}

/// The instances in a cluster that are not deleted.
pub async fn in_cluster(db: &Db, cluster: ClusterId) -> Result<Vec<Instance>, Error> {
    let sql = "select * from instances where cluster_id = $1 and deleted_at is null order by id";
    let rows: Vec<InstanceRow> = on_db!(db, c => sqlx::query_as(sql).bind(cluster.0).fetch_all(c).await)?;
    rows.into_iter().map(InstanceRow::read).collect()
}

/// The instances on a node that are not deleted.
pub async fn on_node(db: &Db, cluster: ClusterId, node: &NodeName) -> Result<Vec<Instance>, Error> {
    let sql =
        "select * from instances where cluster_id = $1 and node = $2 and deleted_at is null order by id";
    let rows: Vec<InstanceRow> = on_db!(db, c => sqlx::query_as(sql)
        .bind(cluster.0).bind(node.as_str()).fetch_all(c).await)?;
    rows.into_iter().map(InstanceRow::read).collect()
}

/// Whether an operation is under way for some instance on a node.
pub async fn under_way(tx: &mut Tx, cluster: ClusterId, node: &NodeName) -> Result<bool, Error> {
    let sql = "select count(*) from instances
        where cluster_id = $1 and node = $2 and deleted_at is null and operation_id is not null";
    let n: i64 = on!(tx, c => sqlx::query_scalar(sql)
        .bind(cluster.0).bind(node.as_str()).fetch_one(c).await)?;
    Ok(n > 0)
}

/// Has the instances on a node that have something to do looked at at once.
pub async fn hurry(tx: &mut Tx, cluster: ClusterId, node: &NodeName, now: Timestamp) -> Result<(), Error> {
    let sql = "update instances set due_at = $3
        where cluster_id = $1 and node = $2 and due_at > $3 and operation_id is not null";
    on!(tx, c => sqlx::query(sql).bind(cluster.0).bind(node.as_str()).bind(now.0).execute(c).await.map(drop))?;
    Ok(())
}

/// The instances that have or had this number in a cluster.
pub async fn numbered(db: &Db, cluster: ClusterId, vmid: u32) -> Result<Vec<Instance>, Error> {
    let sql = "select * from instances where cluster_id = $1 and vmid = $2 order by id desc";
    let rows: Vec<InstanceRow> =
        on_db!(db, c => sqlx::query_as(sql).bind(cluster.0).bind(i64::from(vmid)).fetch_all(c).await)?;
    rows.into_iter().map(InstanceRow::read).collect()
}

/// Sets the keys that may sign in; workers do not write them.
pub async fn set_ssh_keys(tx: &mut Tx, id: InstanceId, keys: &[SshKey]) -> Result<(), Error> {
    let sql = "update instances set ssh_keys = $2 where id = $1";
    let keys = json(&keys)?;
    on!(tx, c => sqlx::query(sql).bind(id.0).bind(keys.as_str()).execute(c).await.map(drop))?;
    Ok(())
}

/// Whether the project has an instance of that name that is not deleted.
pub async fn active_names(tx: &mut Tx, project: ProjectId, name: &Hostname) -> Result<bool, Error> {
    let sql = "select count(*) from instances where project_id = $1 and name = $2 and deleted_at is null";
    let n: i64 =
        on!(tx, c => sqlx::query_scalar(sql).bind(project.0).bind(name.as_str()).fetch_one(c).await)?;
    Ok(n > 0)
}

/// Claims instances that are due, the longest due first, leaving out those that others have claimed. They come with
/// their new fence, and wait at no gate any more: a place that comes free goes to those who still wait. A row that cannot be read is logged and rests until its claim ends: it must not stop the others.
pub async fn claim_due(
    tx: &mut Tx,
    worker: &str,
    now: Timestamp,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<Instance>, Error> {
    let sql = format!(
        "with picked as materialized (
            select id as picked_id from instances
            where due_at <= $1 and (claimed_until is null or claimed_until <= $1)
            order by due_at limit $2 {}
        )
        update instances set claimed_by = $3, claimed_until = $4, fence = fence + 1, gate = null
        from picked where instances.id = picked.picked_id
        returning *",
        tx.for_update_skip_locked()
    );
    let mut rows: Vec<InstanceRow> = on!(tx, c => sqlx::query_as(AssertSqlSafe(sql))
        .bind(now.0).bind(limit).bind(worker).bind(until.0).fetch_all(c).await)?;
    rows.sort_by_key(|row| (row.due_at, row.id));
    let readable = rows.into_iter().filter_map(|row| {
        let id = InstanceId(row.id);
        row.read().inspect_err(|error| tracing::error!(%id, %error, "an instance cannot be worked on")).ok()
    });
    Ok(readable.collect())
}

/// Prolongs a claim; false when it was lost or given back.
pub async fn keep_claim(tx: &mut Tx, id: InstanceId, fence: i64, until: Timestamp) -> Result<bool, Error> {
    let sql = "update instances set claimed_until = $3
        where id = $1 and fence = $2 and claimed_until is not null";
    let n = on!(tx, c => sqlx::query(sql)
        .bind(id.0).bind(fence).bind(until.0).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n > 0)
}

/// Writes what a worker may change: where the instance is, how big, what is known of its disks, wish and course, task, operation, address, what it
/// waits for, problem, tariff, when it was seen and when it was gone. False, and nothing changes, when the fence is old.
pub async fn save(tx: &mut Tx, instance: &Instance) -> Result<bool, Error> {
    let sql = "update instances set cluster_id = $3, node = $4, storage = $5, vmid = $6, origin = $7,
            wish_goal = $8, wish_gentle_until = $9, wish_restart = $10, wish_address = $11, born = $12, seen = $13,
            task = $14, attempts = $15, upid = $16, operation_id = $17, operation_verb = $18, address = $19,
            problem = $20, seen_at = $21, deleted_at = $22, wish_refit = $23, resize_from = $24, cores = $25,
            memory_mib = $26, disk_gib = $27, plan_id = $28, tariff = $29,
            wish_once = $30, pending = $31, settings = $32, extra_disk_gib = $33, awaits = $34
        where id = $1 and fence = $2";
    let i = instance;
    let (origin, pending, settings) = (json(&i.origin)?, json(&i.pending)?, json(&i.settings)?);
    let (seen, task) = (json(&i.course.seen)?, task_text(&i.course.task)?);
    let resize_from = i.resize_from.as_ref().map(json).transpose()?;
    let wish = &i.course.wish;
    let n = on!(tx, c => sqlx::query(sql)
        .bind(i.id.0).bind(i.fence)
        .bind(i.cluster_id.0).bind(i.node.as_str()).bind(i.storage.as_str()).bind(i64::from(i.vmid))
        .bind(origin.as_str()).bind(wish.goal.as_str()).bind(wish.gentle_until.map(|at| at.0))
        .bind(wish.restart).bind(wish.address).bind(i.course.born).bind(seen.as_str()).bind(task.as_deref())
        .bind(i64::from(i.course.attempts)).bind(i.upid.as_deref()).bind(i.operation.map(|(id, _)| id.0))
        .bind(i.operation.map(|(_, verb)| verb.as_str())).bind(i.address.as_deref()).bind(i.problem.as_deref())
        .bind(i.seen_at.map(|at| at.0)).bind(i.deleted_at.map(|at| at.0)).bind(wish.refit)
        .bind(resize_from.as_deref()).bind(i64::from(i.size.cores)).bind(i64::from(i.size.memory_mib))
        .bind(i64::from(i.size.disk_gib)).bind(i.plan_id.map(|id| id.0)).bind(i.tariff.map(Tariff::as_str))
        .bind(wish.once.map(Act::as_str)).bind(pending.as_str()).bind(settings.as_str())
        .bind(count(i.settings.extra_disk_gib())).bind(i.awaits.map(|id| id.0))
        .execute(c).await.map(|r| r.rows_affected()))
    .map_err(|e| explain(e, UNIQUE))?;
    Ok(n > 0)
}

/// Gives a claim back and says when the instance is due again, and at which gate it waits, if at any. False when the
/// fence is old.
pub async fn schedule(
    tx: &mut Tx,
    id: InstanceId,
    fence: i64,
    due_at: Option<Timestamp>,
    gate: Option<&str>,
) -> Result<bool, Error> {
    let sql = "update instances set due_at = $3, gate = $4, claimed_by = null, claimed_until = null
        where id = $1 and fence = $2";
    let n = on!(tx, c => sqlx::query(sql)
        .bind(id.0).bind(fence).bind(due_at.map(|at| at.0)).bind(gate)
        .execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n > 0)
}

/// Sets a new wish, size, name, settings, origin and operation and makes the instance due; whoever has claimed it loses the claim. Read it with
/// [`by_id_tx`] in the same transaction. The task under way is left as it is in the row. False, and nothing changes,
/// when somebody was faster.
pub async fn rewish(tx: &mut Tx, instance: &Instance, due_at: Timestamp) -> Result<bool, Error> {
    let sql =
        "update instances set wish_goal = $3, wish_gentle_until = $4, wish_restart = $5, wish_address = $6,
            seen = $7, attempts = $8, operation_id = $9, operation_verb = $10, problem = $11, due_at = $12,
            wish_refit = $13, resize_from = $14, cores = $15, memory_mib = $16, disk_gib = $17, plan_id = $18,
            wish_once = $19, settings = $20, name = $21, ssh_keys = $22, template_id = $23, origin = $24,
            trashed_until = $25, extra_disk_gib = $26, fence = fence + 1, gate = null, claimed_by = null, claimed_until = null
        where id = $1 and fence = $2";
    let i = instance;
    let wish = &i.course.wish;
    let (seen, settings) = (json(&i.course.seen)?, json(&i.settings)?);
    let (ssh_keys, origin) = (json(&i.ssh_keys)?, json(&i.origin)?);
    let resize_from = i.resize_from.as_ref().map(json).transpose()?;
    let n = on!(tx, c => sqlx::query(sql)
        .bind(i.id.0).bind(i.fence).bind(wish.goal.as_str()).bind(wish.gentle_until.map(|at| at.0))
        .bind(wish.restart).bind(wish.address).bind(seen.as_str()).bind(i64::from(i.course.attempts))
        .bind(i.operation.map(|(id, _)| id.0)).bind(i.operation.map(|(_, verb)| verb.as_str()))
        .bind(i.problem.as_deref()).bind(due_at.0).bind(wish.refit).bind(resize_from.as_deref())
        .bind(i64::from(i.size.cores)).bind(i64::from(i.size.memory_mib)).bind(i64::from(i.size.disk_gib))
        .bind(i.plan_id.map(|id| id.0)).bind(wish.once.map(Act::as_str)).bind(settings.as_str())
        .bind(i.name.as_str()).bind(ssh_keys.as_str()).bind(i.template_id.map(|id| id.0)).bind(origin.as_str())
        .bind(i.trashed_until.map(|at| at.0)).bind(count(i.settings.extra_disk_gib()))
        .execute(c).await.map(|r| r.rows_affected()))
    .map_err(|e| explain(e, UNIQUE))?;
    tx.wake(Topic::Work);
    Ok(n > 0)
}

/// Gives an instance the name and settings that its guest was given elsewhere. [`Error::Conflict`] `name` when its
/// project has another of that name.
pub async fn adjust(tx: &mut Tx, id: InstanceId, name: &Hostname, settings: &Settings) -> Result<(), Error> {
    let sql = "update instances set name = $2, settings = $3 where id = $1";
    let settings = json(settings)?;
    on!(tx, c => sqlx::query(sql)
        .bind(id.0).bind(name.as_str()).bind(settings.as_str()).execute(c).await.map(drop))
    .map_err(|e| explain(e, UNIQUE))
}

/// Keeps an instance from being removed, or no longer.
pub async fn set_protected(tx: &mut Tx, id: InstanceId, protected: bool) -> Result<(), Error> {
    let sql = "update instances set protected = $2 where id = $1";
    on!(tx, c => sqlx::query(sql).bind(id.0).bind(protected).execute(c).await.map(drop))?;
    Ok(())
}

/// Puts an instance into the trash until this time, or takes it out.
pub async fn set_trashed(tx: &mut Tx, id: InstanceId, until: Option<Timestamp>) -> Result<(), Error> {
    let sql = "update instances set trashed_until = $2 where id = $1";
    on!(tx, c => sqlx::query(sql).bind(id.0).bind(until.map(|at| at.0)).execute(c).await.map(drop))?;
    Ok(())
}

/// Instances whose time in the trash is over, and that nothing is done to.
pub async fn trash_over(db: &Db, now: Timestamp, limit: i64) -> Result<Vec<InstanceId>, Error> {
    let sql = "select id from instances
        where trashed_until is not null and trashed_until <= $1 and operation_id is null and deleted_at is null
        order by trashed_until limit $2";
    let ids: Vec<Uuid> = on_db!(db, c => sqlx::query_scalar(sql).bind(now.0).bind(limit).fetch_all(c).await)?;
    Ok(ids.into_iter().map(InstanceId).collect())
}

/// When there is something to do next: the smallest time at which an instance is due and not claimed.
pub async fn next_due(db: &Db) -> Result<Option<Timestamp>, Error> {
    let sql = "select min(at) from (
            select min(due_at) as at from instances where due_at is not null and claimed_until is null
            union all
            select min(case when due_at > claimed_until then due_at else claimed_until end)
            from instances where due_at is not null and claimed_until is not null
        ) earliest";
    let at: Option<i64> = on_db!(db, c => sqlx::query_scalar(sql).fetch_one(c).await)?;
    Ok(at.map(Timestamp))
}

/// Records what the poller saw of an instance that rests: no operation, no task, and nobody has claimed it since it
/// was read. False, and nothing changes, when it does not.
pub async fn observed(
    tx: &mut Tx,
    id: InstanceId,
    seen: &Seen,
    node: &NodeName,
    problem: Option<&str>,
    at: Timestamp,
    fence: i64,
) -> Result<bool, Error> {
    let sql = "update instances set seen = $3, node = $4, problem = $5, seen_at = coalesce($6, seen_at)
        where id = $1 and fence = $2 and operation_id is null and task is null and deleted_at is null";
    let seen_at = matches!(seen, Seen::Present(_)).then_some(at.0);
    let seen = json(seen)?;
    let n = on!(tx, c => sqlx::query(sql)
        .bind(id.0).bind(fence).bind(seen.as_str()).bind(node.as_str()).bind(problem).bind(seen_at)
        .execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n > 0)
}

/// Notes which tariff an instance pays now. Its meter is switched in the same transaction.
pub async fn set_tariff(tx: &mut Tx, id: InstanceId, tariff: Option<Tariff>) -> Result<(), Error> {
    let sql = "update instances set tariff = $2 where id = $1";
    on!(tx, c => sqlx::query(sql).bind(id.0).bind(tariff.map(Tariff::as_str)).execute(c).await.map(drop))?;
    Ok(())
}

/// What an instance costs.
pub async fn rate(tx: &mut Tx, id: InstanceId) -> Result<Option<Rate>, Error> {
    let sql = "select rate_running, rate_stopped from instances where id = $1";
    let row: Option<(i64, i64)> = on!(tx, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    Ok(row
        .map(|(running, stopped)| Rate { running_micros: Micros(running), stopped_micros: Micros(stopped) }))
}

/// Gives an instance another price. Its meter is switched in the same transaction.
pub async fn set_rate(tx: &mut Tx, id: InstanceId, rate: Rate) -> Result<(), Error> {
    let sql = "update instances set rate_running = $2, rate_stopped = $3 where id = $1";
    on!(tx, c => sqlx::query(sql)
        .bind(id.0).bind(rate.running_micros.0).bind(rate.stopped_micros.0).execute(c).await.map(drop))?;
    Ok(())
}

/// Makes the oldest instances of the cluster due that wait at one of these gates, and says how many.
pub async fn open_gate(
    tx: &mut Tx,
    cluster: ClusterId,
    gates: &[&str],
    now: Timestamp,
    limit: i64,
) -> Result<u64, Error> {
    let sql = format!(
        "with picked as materialized (
            select id as picked_id from instances
            where cluster_id = $1 and gate in (select value from json_each($2))
            order by id limit $3 {}
        )
        update instances set due_at = $4, gate = null
        from picked where instances.id = picked.picked_id",
        tx.for_update_skip_locked()
    );
    let gates = json(&gates)?;
    let n = on!(tx, c => sqlx::query(AssertSqlSafe(sql))
        .bind(cluster.0).bind(gates.as_str()).bind(limit).bind(now.0)
        .execute(c).await.map(|r| r.rows_affected()))?;
    if n > 0 {
        tx.wake(Topic::Work);
    }
    Ok(n)
}
