//! Backups. Where one lies, and what Proxmox says of it, is shown to staff only.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use innkeeper_domain::backups::{self as domain, BackupMaker, BackupState, Verified};
use innkeeper_domain::ids::{BackupId, ClusterId, InstanceId, ProjectId, ScheduleId};
use innkeeper_domain::instances::{BackupMode, Kind};
use innkeeper_domain::names::{NodeName, StorageName};
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::{BackupChange, BackupFilter, Engine, NewBackup};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::auth::Caller;
use crate::docs::IdempotencyKey;
use crate::extract::{Asked, At, Keyed, Query};
use crate::operations::{Accepted, Operation};
use crate::page::{Cursor, Limit, Page, Paging};
use crate::problem::{MEDIA_TYPE, Problem};

/// A backup of an instance.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Backup {
    /// Identity.
    id: BackupId,
    /// Of what; the instance may be deleted by now.
    instance_id: InstanceId,
    /// Whose.
    project_id: ProjectId,
    /// Of a container or a virtual machine.
    kind: Kind,
    /// How it stands.
    state: BackupState,
    /// By whom it was made.
    made_by: BackupMaker,
    /// The schedule that made it, if one did.
    schedule_id: Option<ScheduleId>,
    /// What happened to the guest meanwhile, where that is known.
    mode: Option<BackupMode>,
    /// How many bytes it takes, where that is known.
    size: Option<u64>,
    /// How large a disk must be for it, in GiB.
    disk_gib: u32,
    /// It may not be removed.
    protected: bool,
    /// What a backup server found when it last verified it, where one did.
    verified: Option<Verified>,
    /// What people say of it.
    note: Option<String>,
    /// What is wrong with it, if anything.
    problem: Option<String>,
    /// When it was asked for, or made by somebody else.
    created_at: Timestamp,
    /// When it was there, or had failed.
    ended_at: Option<Timestamp>,
    /// Where it is; for staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    placement: Option<BackupPlacement>,
}

/// Where a backup is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BackupPlacement {
    /// The cluster.
    cluster_id: ClusterId,
    /// The node that alone has it, if it is not shared.
    node: Option<NodeName>,
    /// The storage.
    storage: StorageName,
    /// What Proxmox calls it.
    volume: Option<String>,
    /// The number that the guest had.
    vmid: u32,
    /// Its notes in Proxmox.
    notes: Option<String>,
    /// Whether it is protected in Proxmox.
    held: bool,
}

impl Backup {
    fn new(backup: domain::Backup, staff: bool) -> Self {
        let problem = match (backup.problem, backup.state) {
            (Some(text), _) if staff => Some(text),
            // It names volumes and nodes.
            (Some(_), BackupState::Failed) => {
                Some("it could not be made; try again, or ask an operator".into())
            }
            (Some(_), BackupState::Lost) => Some("it is not there any more; an operator can tell why".into()),
            (Some(_), _) => Some("something is wrong with it; an operator can see what".into()),
            (None, _) => None,
        };
        let placement = staff.then_some(BackupPlacement {
            cluster_id: backup.cluster_id,
            node: backup.node,
            storage: backup.storage,
            volume: backup.volume,
            vmid: backup.vmid,
            notes: backup.notes,
            held: backup.held,
        });
        Self {
            id: backup.id,
            instance_id: backup.instance_id,
            project_id: backup.project_id,
            kind: backup.kind,
            state: backup.state,
            made_by: backup.maker,
            schedule_id: backup.schedule_id,
            mode: backup.mode,
            size: backup.size,
            disk_gib: backup.disk_gib,
            protected: backup.protected || backup.held,
            verified: backup.verified,
            note: backup.note,
            problem,
            created_at: backup.created_at,
            ended_at: backup.ended_at,
            placement,
        }
    }
}

/// A backup to be made. Everything may be left out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "note": "before the upgrade" }))]
pub(crate) struct BackupAsked {
    /// The storage; for staff. Without it, the one with the most room.
    storage: Option<StorageName>,
    /// What happens to a running guest meanwhile; it goes on (`snapshot`) where nothing is said.
    mode: Option<BackupMode>,
    /// What people say of it: one line.
    #[schema(max_length = 200)]
    note: Option<String>,
}

/// A backup to be put in the place of its instance.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "backup_id": "bkp_0190b2c35d5e7cc0a1b2c3d4e5f60718", "confirm": "web-1" }))]
pub(crate) struct RestoreAsked {
    /// Which one.
    backup_id: BackupId,
    /// The name of the instance: all that is on it now will be lost.
    confirm: String,
}

/// What is to be changed of a backup.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "protected": true }))]
pub(crate) struct BackupChanged {
    /// What people say of it: one line; an empty one is none.
    #[schema(max_length = 200)]
    note: Option<String>,
    /// Whether it is kept from being removed, by people and by the rules of its schedule.
    protected: Option<bool>,
}

/// Which backups, and which page of them.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// Only those of this project.
    project_id: Option<ProjectId>,
    /// How many items at most.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// The backups that you may see, newest first: those of deleted instances, too.
#[utoipa::path(get, path = "/backups", tag = "backups", params(Wanted), responses(
    (status = 200, description = "A page of them", body = Page<Backup>),
))]
pub(crate) async fn list_backups(
    caller: Caller,
    State(engine): State<Engine>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Page<Backup>>, Problem> {
    let filter = BackupFilter { project_id: wanted.project_id, instance_id: None };
    let after = Cursor::read(wanted.cursor)?;
    let rows = engine.backups(&caller.actor, filter, after, wanted.limit.rows()).await?;
    let staff = caller.is_staff();
    Ok(Json(Page::of(rows, wanted.limit, |b| b.id.to_string(), |b| Backup::new(b, staff))))
}

/// The backups of an instance, newest first: those that somebody asked for, those of its schedules, and those that
/// the house made for itself.
#[utoipa::path(get, path = "/instances/{id}/backups", tag = "backups",
    params(("id" = InstanceId, Path, description = "The instance"), Paging),
    responses((status = 200, description = "A page of them", body = Page<Backup>)),
)]
pub(crate) async fn list_instance_backups(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Backup>>, Problem> {
    let filter = BackupFilter { project_id: None, instance_id: Some(id) };
    let (limit, after) = (paging.limit(), paging.after()?);
    let rows = engine.backups(&caller.actor, filter, after, limit.rows()).await?;
    let staff = caller.is_staff();
    Ok(Json(Page::of(rows, limit, |b| b.id.to_string(), |b| Backup::new(b, staff))))
}

/// Make a backup of an instance.
#[utoipa::path(post, path = "/instances/{id}/backups", tag = "backups", request_body = BackupAsked,
    params(("id" = InstanceId, Path, description = "The instance"), IdempotencyKey),
    responses(
        (status = 202, description = "It is being made; follow the operation", body = Operation,
         headers(("Location" = String, description = "The operation"))),
        (status = 409, description = "Another operation has not ended (`operation_in_progress`), the instance has as many backups as it may (`too_many_backups`), there is no room (`no_backup_room`) or no storage for them (`no_backup_storage`), it makes no sense in the present state, nothing of the project may run (`billing_hold`, `suspended`, `banned`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn make_backup(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
    Keyed { body, key }: Keyed<BackupAsked>,
) -> Result<Accepted, Problem> {
    let new = NewBackup { storage: body.storage, mode: body.mode, note: body.note };
    let (_, operation) = engine.make_backup(&caller.actor, id, new, key.as_ref()).await?;
    Ok(Accepted::new(operation, &caller))
}

/// Put a backup in the place of its instance. All that is on the instance now is lost.
///
/// A running one is stopped first, and started again. Size, name and settings stay as they are now.
#[utoipa::path(post, path = "/instances/{id}/restore", tag = "backups", request_body = RestoreAsked,
    params(("id" = InstanceId, Path, description = "The instance"), IdempotencyKey),
    responses(
        (status = 202, description = "Asked; follow the operation. When the same is under way already, this is that operation", body = Operation,
         headers(("Location" = String, description = "The operation"))),
        (status = 409, description = "Another operation has not ended (`operation_in_progress`), the backup is not there (`backup_pending`, `backup_unusable`) or cannot be reached from where the instance is (`backup_out_of_reach`), it makes no sense in the present state, nothing of the project may run (`billing_hold`, `suspended`, `banned`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn restore_instance(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
    Keyed { body, key }: Keyed<RestoreAsked>,
) -> Result<Accepted, Problem> {
    let asked = engine.restore_backup(&caller.actor, id, body.backup_id, &body.confirm, key.as_ref()).await?;
    Ok(Accepted::new(asked, &caller))
}

/// One backup.
#[utoipa::path(get, path = "/backups/{id}", tag = "backups",
    params(("id" = BackupId, Path, description = "The backup")),
    responses((status = 200, description = "The backup", body = Backup)),
)]
pub(crate) async fn get_backup(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<BackupId>,
) -> Result<Json<Backup>, Problem> {
    Ok(Json(Backup::new(engine.backup(&caller.actor, id).await?, caller.is_staff())))
}

/// Change what is said of a backup, and whether it may be removed.
#[utoipa::path(patch, path = "/backups/{id}", tag = "backups", request_body = BackupChanged,
    params(("id" = BackupId, Path, description = "The backup")),
    responses(
        (status = 200, description = "As it is now", body = Backup),
        (status = 409, description = "It is being removed (`backup_deleting`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn change_backup(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<BackupId>,
    Asked(body): Asked<BackupChanged>,
) -> Result<Json<Backup>, Problem> {
    let change = BackupChange { note: body.note, protected: body.protected };
    Ok(Json(Backup::new(engine.change_backup(&caller.actor, id, change).await?, caller.is_staff())))
}

/// Remove a backup for good.
#[utoipa::path(delete, path = "/backups/{id}", tag = "backups",
    params(("id" = BackupId, Path, description = "The backup")),
    responses(
        (status = 202, description = "It is being removed", body = Backup),
        (status = 409, description = "It is protected (`protected`), the house made it for itself (`backup_of_the_house`), or it is being made (`backup_pending`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn delete_backup(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<BackupId>,
) -> Result<(StatusCode, Json<Backup>), Problem> {
    let backup = engine.delete_backup(&caller.actor, id).await?;
    Ok((StatusCode::ACCEPTED, Json(Backup::new(backup, caller.is_staff()))))
}
