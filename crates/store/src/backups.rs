//! Rows of backups, and when each cluster's backups are looked at next.

use innkeeper_domain::backups::{Backup, BackupMaker, BackupState, Verified};
use innkeeper_domain::ids::{BackupId, ClusterId, InstanceId, ProjectId, ScheduleId};
use innkeeper_domain::instances::BackupMode;
use innkeeper_domain::names::NodeName;
use innkeeper_domain::time::Timestamp;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::columns::{Columns, count, id_list};
use crate::error::{Unique, explain};
use crate::{Db, Error, Topic, Tx};

const UNIQUE: &[Unique] = &[Unique {
    index: "backups_volume",
    columns: "backups.cluster_id, backups.place, backups.volume",
    what: "volume",
}];

#[derive(sqlx::FromRow)]
struct BackupRow {
    id: Uuid,
    instance_id: Uuid,
    project_id: Uuid,
    cluster_id: Uuid,
    place: String,
    storage: String,
    volume: Option<String>,
    kind: String,
    vmid: i64,
    disk_gib: i64,
    size: Option<i64>,
    mode: Option<String>,
    maker: String,
    schedule_id: Option<Uuid>,
    state: String,
    protected: bool,
    held: bool,
    verified: Option<String>,
    note: Option<String>,
    problem: Option<String>,
    notes: Option<String>,
    taken_at: Option<i64>,
    created_at: i64,
    ended_at: Option<i64>,
    due_at: Option<i64>,
}

impl BackupRow {
    fn read(self) -> Result<Backup, Error> {
        let columns = Columns("backups");
        let place = Some(self.place.as_str()).filter(|place| !place.is_empty());
        Ok(Backup {
            id: BackupId(self.id),
            instance_id: InstanceId(self.instance_id),
            project_id: ProjectId(self.project_id),
            cluster_id: ClusterId(self.cluster_id),
            node: columns.word_if("place", place)?,
            storage: columns.word("storage", &self.storage)?,
            volume: self.volume,
            kind: columns.word("kind", &self.kind)?,
            vmid: columns.number("vmid", self.vmid)?,
            disk_gib: columns.number("disk_gib", self.disk_gib)?,
            size: self.size.map(|size| columns.number("size", size)).transpose()?,
            mode: columns.word_if("mode", self.mode.as_deref())?,
            maker: columns.word("maker", &self.maker)?,
            schedule_id: self.schedule_id.map(ScheduleId),
            state: columns.word("state", &self.state)?,
            protected: self.protected,
            held: self.held,
            verified: columns.word_if("verified", self.verified.as_deref())?,
            note: self.note,
            problem: self.problem,
            notes: self.notes,
            taken_at: self.taken_at,
            created_at: Timestamp(self.created_at),
            ended_at: self.ended_at.map(Timestamp),
            due_at: self.due_at.map(Timestamp),
        })
    }
}

fn place(backup: &Backup) -> &str {
    backup.node.as_ref().map_or("", NodeName::as_str)
}

/// Which backups to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only those of these projects.
    pub project_ids: Option<Vec<ProjectId>>,
    /// Only those of this instance.
    pub instance_id: Option<InstanceId>,
}

/// Adds a backup. [`Error::Conflict`] `volume` when there is a row for its volume already.
pub async fn insert(tx: &mut Tx, backup: &Backup) -> Result<(), Error> {
    let sql = "insert into backups (id, instance_id, project_id, cluster_id, place, storage, volume, kind, vmid,
            disk_gib, size, mode, maker, schedule_id, state, protected, held, verified, note, problem, notes,
            taken_at, created_at, ended_at, due_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
            $23, $24, $25)";
    let b = backup;
    on!(tx, c => sqlx::query(sql)
        .bind(b.id.0).bind(b.instance_id.0).bind(b.project_id.0).bind(b.cluster_id.0).bind(place(b))
        .bind(b.storage.as_str()).bind(b.volume.as_deref()).bind(b.kind.as_str()).bind(i64::from(b.vmid))
        .bind(i64::from(b.disk_gib)).bind(b.size.map(count)).bind(b.mode.map(BackupMode::as_str))
        .bind(b.maker.as_str()).bind(b.schedule_id.map(|id| id.0)).bind(b.state.as_str()).bind(b.protected)
        .bind(b.held).bind(b.verified.map(Verified::as_str)).bind(b.note.as_deref()).bind(b.problem.as_deref())
        .bind(b.notes.as_deref()).bind(b.taken_at).bind(b.created_at.0).bind(b.ended_at.map(|at| at.0))
        .bind(b.due_at.map(|at| at.0)).execute(c).await.map(drop))
    .map_err(|error| explain(error, UNIQUE))
}

/// Writes what the loops and the reconciler learn of a backup, if it still stands as `from`. What people decide, its
/// note and protection, is left alone. False, and nothing changes, when it stands otherwise by now.
pub async fn learn(tx: &mut Tx, backup: &Backup, from: BackupState) -> Result<bool, Error> {
    let sql = "update backups set state = $3, place = $4, storage = $5, volume = $6, size = $7, held = $8,
            verified = $9, problem = $10, notes = $11, taken_at = $12, ended_at = $13, due_at = $14
        where id = $1 and state = $2";
    let b = backup;
    let n = on!(tx, c => sqlx::query(sql)
        .bind(b.id.0).bind(from.as_str()).bind(b.state.as_str()).bind(place(b)).bind(b.storage.as_str())
        .bind(b.volume.as_deref()).bind(b.size.map(count)).bind(b.held).bind(b.verified.map(Verified::as_str))
        .bind(b.problem.as_deref()).bind(b.notes.as_deref()).bind(b.taken_at)
        .bind(b.ended_at.map(|at| at.0)).bind(b.due_at.map(|at| at.0))
        .execute(c).await.map(|r| r.rows_affected()))
    .map_err(|error| explain(error, UNIQUE))?;
    if b.due_at.is_some() {
        tx.wake(Topic::Backups);
    }
    Ok(n > 0)
}

/// Whether another row tells of the volume of this one.
pub async fn is_taken(tx: &mut Tx, backup: &Backup) -> Result<bool, Error> {
    let sql = "select count(*) from backups where cluster_id = $1 and place = $2 and volume = $3 and id <> $4
        and state <> 'deleted' and state <> 'lost'";
    let n: i64 = on!(tx, c => sqlx::query_scalar(sql)
        .bind(backup.cluster_id.0).bind(place(backup)).bind(backup.volume.as_deref()).bind(backup.id.0)
        .fetch_one(c).await)?;
    Ok(n > 0)
}

/// Writes what people decide: note and protection.
pub async fn set_words(tx: &mut Tx, id: BackupId, note: Option<&str>, protected: bool) -> Result<(), Error> {
    let sql = "update backups set note = $2, protected = $3 where id = $1";
    on!(tx, c => sqlx::query(sql).bind(id.0).bind(note).bind(protected).execute(c).await.map(drop))?;
    Ok(())
}

/// The backup with this id, whatever became of it.
pub async fn by_id(db: &Db, id: BackupId) -> Result<Option<Backup>, Error> {
    let sql = "select * from backups where id = $1";
    let row: Option<BackupRow> = on_db!(db, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    row.map(BackupRow::read).transpose()
}

/// The same; nobody else changes it until the transaction ends.
pub async fn by_id_tx(tx: &mut Tx, id: BackupId) -> Result<Option<Backup>, Error> {
    let sql = format!("select * from backups where id = $1 {}", tx.for_update());
    let row: Option<BackupRow> =
        on!(tx, c => sqlx::query_as(AssertSqlSafe(sql)).bind(id.0).fetch_optional(c).await)?;
    row.map(BackupRow::read).transpose()
}

/// The text of [`list`], beginning with the condition that an index serves.
macro_rules! list_sql {
    ($first:literal) => {
        concat!(
            "select * from backups where ",
            $first,
            " and ($1 is null or project_id in (select unhex(value) from json_each($1)))
                and ($2 is null or instance_id = $2) and state <> 'deleted' and ($3 is null or id < $3)
            order by id desc limit $4"
        )
    };
}

/// Backups that are not removed, newest first, those before (older than) `after`.
pub async fn list(
    db: &Db,
    filter: &Filter,
    after: Option<BackupId>,
    limit: i64,
) -> Result<Vec<Backup>, Error> {
    let sql = match filter {
        Filter { instance_id: Some(_), .. } => list_sql!("instance_id = $2"),
        Filter { project_ids: Some(_), .. } => {
            list_sql!("project_id in (select unhex(value) from json_each($1))")
        }
        _ => list_sql!("$1 is null"),
    };
    let projects = filter.project_ids.as_ref().map(|ids| id_list(ids.iter().map(|id| id.0)));
    let rows: Vec<BackupRow> = on_db!(db, c => sqlx::query_as(sql)
        .bind(projects.as_deref()).bind(filter.instance_id.map(|id| id.0)).bind(after.map(|id| id.0)).bind(limit)
        .fetch_all(c).await)?;
    rows.into_iter().map(BackupRow::read).collect()
}

/// The backups of an instance that are not removed, newest first.
pub async fn of_instance_tx(tx: &mut Tx, instance: InstanceId) -> Result<Vec<Backup>, Error> {
    let sql = "select * from backups where instance_id = $1 and state <> 'deleted' order by id desc";
    let rows: Vec<BackupRow> = on!(tx, c => sqlx::query_as(sql).bind(instance.0).fetch_all(c).await)?;
    rows.into_iter().map(BackupRow::read).collect()
}

/// The backups in a cluster that are not removed.
pub async fn in_cluster(db: &Db, cluster: ClusterId) -> Result<Vec<Backup>, Error> {
    let sql = "select * from backups where cluster_id = $1 and state <> 'deleted' order by id";
    let rows: Vec<BackupRow> = on_db!(db, c => sqlx::query_as(sql).bind(cluster.0).fetch_all(c).await)?;
    rows.into_iter().map(BackupRow::read).collect()
}

/// Whether an operation that has not ended makes this backup or restores from it.
pub async fn in_use(db: &Db, backup: &Backup) -> Result<bool, Error> {
    let sql = "select count(*) from operations join instances on instances.operation_id = operations.id
        where operations.state in ('pending', 'running', 'undoing') and (
            (operations.errand is not null and replace(operations.errand, $1, '') <> operations.errand)
            or (operations.verb = 'create' and instances.cluster_id = $2 and $3 <> ''
                and replace(instances.origin, $3, '') <> instances.origin))";
    let (id, volume) = (backup.id.to_string(), backup.volume.as_deref().unwrap_or_default());
    let n: i64 = on_db!(db, c => sqlx::query_scalar(sql)
        .bind(id.as_str()).bind(backup.cluster_id.0).bind(volume).fetch_one(c).await)?;
    Ok(n > 0)
}

/// Claims backups that are to be removed and due, until then.
pub async fn claim_removals(
    tx: &mut Tx,
    now: Timestamp,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<Backup>, Error> {
    let sql = format!(
        "with picked as materialized (
            select id as picked_id from backups where due_at <= $1 and state = 'deleting'
            order by due_at limit $2 {}
        )
        update backups set due_at = $3 from picked where backups.id = picked.picked_id returning *",
        tx.for_update_skip_locked()
    );
    let rows: Vec<BackupRow> = on!(tx, c => sqlx::query_as(AssertSqlSafe(sql))
        .bind(now.0).bind(limit).bind(until.0).fetch_all(c).await)?;
    rows.into_iter().map(BackupRow::read).collect()
}

/// Has those removed that we made of instances that were gone before `gone`, unless they are protected. Says how many.
pub async fn expire(tx: &mut Tx, gone: Timestamp, now: Timestamp) -> Result<u64, Error> {
    let sql = "update backups set state = 'deleting', due_at = $2
        where state = 'ready' and not protected and maker <> $3 and instance_id in (
            select id from instances where deleted_at is not null and deleted_at < $1)";
    let n = on!(tx, c => sqlx::query(sql)
        .bind(gone.0).bind(now.0).bind(BackupMaker::Proxmox.as_str())
        .execute(c).await.map(|r| r.rows_affected()))?;
    if n > 0 {
        tx.wake(Topic::Backups);
    }
    Ok(n)
}

/// Forgets those that were removed, failed or were lost before then.
pub async fn prune(tx: &mut Tx, before: Timestamp) -> Result<(), Error> {
    let sql = "delete from backups where state in ('deleted', 'failed', 'lost') and ended_at < $1";
    on!(tx, c => sqlx::query(sql).bind(before.0).execute(c).await.map(drop))?;
    Ok(())
}

/// Claims the next look at a cluster's backups, the one after being due then; false when it is not due yet.
pub async fn claim_look(
    tx: &mut Tx,
    cluster: ClusterId,
    now: Timestamp,
    next: Timestamp,
) -> Result<bool, Error> {
    let sql = "insert into backup_looks (cluster_id, due_at) values ($1, $3)
        on conflict (cluster_id) do update set due_at = excluded.due_at where backup_looks.due_at <= $2";
    let n = on!(tx, c => sqlx::query(sql)
        .bind(cluster.0).bind(now.0).bind(next.0).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n > 0)
}

/// Has a cluster's backups looked at soon.
pub async fn look_soon(tx: &mut Tx, cluster: ClusterId, at: Timestamp) -> Result<(), Error> {
    let sql = "update backup_looks set due_at = $2 where cluster_id = $1 and due_at > $2";
    on!(tx, c => sqlx::query(sql).bind(cluster.0).bind(at.0).execute(c).await.map(drop))?;
    tx.wake(Topic::Backups);
    Ok(())
}
