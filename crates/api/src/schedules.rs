//! Schedules of backups.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use innkeeper_domain::ids::{BackupId, InstanceId, ScheduleId};
use innkeeper_domain::instances::BackupMode;
use innkeeper_domain::names::StorageName;
use innkeeper_domain::retention::Keep;
use innkeeper_domain::schedules::{self as domain, Every, Weekday, When};
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::{Engine, NewSchedule, ScheduleChange};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::docs::IdempotencyKey;
use crate::extract::{Asked, At, Keyed, Query};
use crate::page::{Page, Paging};
use crate::problem::{MEDIA_TYPE, Problem};

/// When backups are made, by a clock on the wall.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "every": "week", "at": "03:30", "weekday": "sunday", "time_zone": "Europe/Paris" }))]
pub(crate) struct Timing {
    /// How often.
    every: Every,
    /// The time, `HH:MM`; for every hour the minute alone, as in `00:15`.
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    at: String,
    /// The day, for those of every week.
    #[serde(default)]
    weekday: Option<Weekday>,
    /// The day, for those of every month; shorter months take their last.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 31)]
    day: Option<i8>,
    /// The name of the time zone, for example `Europe/Paris`.
    time_zone: String,
}

impl Timing {
    fn read(self) -> Result<When, Problem> {
        let number = |text: &str| {
            let digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
            text.parse::<i8>().ok().filter(|_| digits)
        };
        let time = self.at.split_once(':').and_then(|(hour, minute)| Some((number(hour)?, number(minute)?)));
        let (hour, minute) =
            time.ok_or_else(|| Problem::invalid_field("at", "give a time from 00:00 to 23:59"))?;
        Ok(When {
            every: self.every,
            hour,
            minute,
            weekday: self.weekday,
            day: self.day,
            time_zone: self.time_zone,
        })
    }
}

/// A schedule of backups of one instance.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Schedule {
    /// Identity.
    id: ScheduleId,
    /// Of what.
    instance_id: InstanceId,
    /// When.
    when: Timing,
    /// What happens to a running guest meanwhile.
    mode: BackupMode,
    /// Which of its backups are kept.
    keep: Keep,
    /// Whether it makes any.
    enabled: bool,
    /// When the next one is due.
    next_at: Timestamp,
    /// Why the one that is due, or was due last, was not made.
    problem: Option<String>,
    /// When the last one was begun.
    last_run_at: Option<Timestamp>,
    /// The last one.
    last_backup_id: Option<BackupId>,
    /// When it was made.
    created_at: Timestamp,
    /// The storage; for staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    storage: Option<StorageName>,
}

impl Schedule {
    fn new(schedule: domain::Schedule, staff: bool) -> Self {
        let When { every, hour, minute, weekday, day, time_zone } = schedule.when;
        Self {
            id: schedule.id,
            instance_id: schedule.instance_id,
            when: Timing { every, at: format!("{hour:02}:{minute:02}"), weekday, day, time_zone },
            mode: schedule.mode,
            keep: schedule.keep,
            enabled: schedule.enabled,
            next_at: schedule.next_at,
            problem: schedule.problem,
            last_run_at: schedule.last_run_at,
            last_backup_id: schedule.last_backup_id,
            created_at: schedule.created_at,
            storage: schedule.storage.filter(|_| staff),
        }
    }
}

/// A schedule to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "when": { "every": "day", "at": "03:30", "time_zone": "Europe/Paris" },
    "keep": { "last": 1, "daily": 5, "weekly": 2 },
}))]
pub(crate) struct ScheduleAsked {
    /// When.
    when: Timing,
    /// Which of its backups are kept, as Proxmox prunes; at least one.
    keep: Keep,
    /// What happens to a running guest meanwhile; it goes on (`snapshot`) where nothing is said.
    mode: Option<BackupMode>,
    /// The storage; for staff. Without it, the one with the most room each time.
    storage: Option<StorageName>,
    /// Whether it makes any; true where nothing is said.
    enabled: Option<bool>,
}

/// What is to be changed of a schedule; what is not given stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "enabled": false }))]
pub(crate) struct ScheduleChanged {
    /// When.
    when: Option<Timing>,
    /// Which of its backups are kept.
    keep: Option<Keep>,
    /// What happens to a running guest meanwhile.
    mode: Option<BackupMode>,
    /// The storage; for staff.
    storage: Option<StorageName>,
    /// Whether it makes any.
    enabled: Option<bool>,
}

/// The schedules of an instance, oldest first.
#[utoipa::path(get, path = "/instances/{id}/backup-schedules", tag = "backups",
    params(("id" = InstanceId, Path, description = "The instance"), Paging),
    responses((status = 200, description = "A page of them", body = Page<Schedule>)),
)]
pub(crate) async fn list_schedules(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Schedule>>, Problem> {
    let all = engine.schedules(&caller.actor, id).await?;
    let staff = caller.is_staff();
    Page::within(all, paging, |s| s.id.to_string(), |s| Schedule::new(s, staff)).map(Json)
}

/// Have backups made of an instance again and again. A time at which nobody was there to make one is made up for, once.
#[utoipa::path(post, path = "/instances/{id}/backup-schedules", tag = "backups", request_body = ScheduleAsked,
    params(("id" = InstanceId, Path, description = "The instance"), IdempotencyKey),
    responses(
        (status = 201, description = "The schedule", body = Schedule),
        (status = 409, description = "The instance has as many schedules as it may (`too_many_schedules`), is deleted (`deleted`), nothing of the project may run (`billing_hold`, `suspended`, `banned`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn create_schedule(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
    Keyed { body, key }: Keyed<ScheduleAsked>,
) -> Result<(StatusCode, Json<Schedule>), Problem> {
    let new = NewSchedule {
        when: body.when.read()?,
        storage: body.storage,
        mode: body.mode.unwrap_or(BackupMode::Snapshot),
        keep: body.keep,
        enabled: body.enabled.unwrap_or(true),
    };
    let schedule = engine.create_schedule(&caller.actor, id, new, key.as_ref()).await?;
    Ok((StatusCode::CREATED, Json(Schedule::new(schedule, caller.is_staff()))))
}

/// Change a schedule. While nothing of the project may run, it can be switched off, and nothing else.
#[utoipa::path(patch, path = "/backup-schedules/{id}", tag = "backups", request_body = ScheduleChanged,
    params(("id" = ScheduleId, Path, description = "The schedule")),
    responses(
        (status = 200, description = "As it is now", body = Schedule),
        (status = 409, description = "Nothing of the project may run (`billing_hold`, `suspended`, `banned`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn change_schedule(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ScheduleId>,
    Asked(body): Asked<ScheduleChanged>,
) -> Result<Json<Schedule>, Problem> {
    let change = ScheduleChange {
        when: body.when.map(Timing::read).transpose()?,
        storage: body.storage,
        mode: body.mode,
        keep: body.keep,
        enabled: body.enabled,
    };
    let schedule = engine.change_schedule(&caller.actor, id, change).await?;
    Ok(Json(Schedule::new(schedule, caller.is_staff())))
}

/// Remove a schedule. The backups that it made stay.
#[utoipa::path(delete, path = "/backup-schedules/{id}", tag = "backups",
    params(("id" = ScheduleId, Path, description = "The schedule")),
    responses((status = 204, description = "It is gone")),
)]
pub(crate) async fn delete_schedule(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ScheduleId>,
) -> Result<StatusCode, Problem> {
    engine.delete_schedule(&caller.actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
