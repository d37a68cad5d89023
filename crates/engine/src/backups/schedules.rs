//! Schedules: what people ask for, and the loop that makes what is due. A schedule is claimed with a fence, and each
//! backup is asked for under a key of its own, so that several processes make one.

use std::time::Duration;

use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::backups::{BackupMaker, BackupState};
use innkeeper_domain::ids::{InstanceId, ScheduleId};
use innkeeper_domain::instances::{BackupMode, Instance};
use innkeeper_domain::mails::Letter;
use innkeeper_domain::names::StorageName;
use innkeeper_domain::operations::Verb;
use innkeeper_domain::retention::{Keep, Kept, gone};
use innkeeper_domain::schedules::{Schedule, When};
use innkeeper_domain::time::Timestamp;
use innkeeper_store::{backups, instances, projects, schedules};
use tracing::{info, warn};

use super::{NewBackup, allow_storage};
use crate::audit::shown;
use crate::error::allow;
use crate::restrictions::in_the_way;
use crate::{Engine, Error, Idempotency};

/// The most schedules that an instance has.
const MOST: i64 = 8;

/// Schedules claimed in one go, and how long a claim lasts.
const BATCH: i64 = 50;
const CLAIM: Duration = Duration::from_mins(2);

/// Owners are told of failures at most this often per instance; older ones are no news.
const TOLD_EVERY: Duration = Duration::from_hours(24);

/// A schedule to be made.
#[derive(Clone, Debug)]
pub struct NewSchedule {
    /// When.
    pub when: When,
    /// Where to; for staff.
    pub storage: Option<StorageName>,
    /// What happens to the guest meanwhile.
    pub mode: BackupMode,
    /// Which of its backups are kept.
    pub keep: Keep,
    /// Whether it makes any.
    pub enabled: bool,
}

/// What is to be changed of a schedule; what is none stays.
#[derive(Clone, Debug, Default)]
pub struct ScheduleChange {
    /// Other times.
    pub when: Option<When>,
    /// Another storage; for staff.
    pub storage: Option<StorageName>,
    /// What happens to the guest meanwhile.
    pub mode: Option<BackupMode>,
    /// Which of its backups are kept.
    pub keep: Option<Keep>,
    /// Whether it makes any.
    pub enabled: Option<bool>,
}

impl Engine {
    /// The schedules of an instance.
    pub async fn schedules(&self, actor: &Actor, id: InstanceId) -> Result<Vec<Schedule>, Error> {
        self.instance(actor, id).await?;
        Ok(schedules::of_instance(self.db(), id).await?)
    }

    /// Makes a schedule.
    pub async fn create_schedule(
        &self,
        actor: &Actor,
        id: InstanceId,
        new: NewSchedule,
        key: Option<&Idempotency>,
    ) -> Result<Schedule, Error> {
        let instance = self.instance_to(actor, id, Verb::BackUp).await?;
        self.check_schedule(actor, &new.when, new.keep, new.storage.as_ref())?;
        if instance.deleted_at.is_some() {
            return Err(Error::conflict("deleted", "the instance is deleted"));
        }
        let now = self.clock().now();
        let next = new.when.next(now);
        let schedule = Schedule {
            id: ScheduleId::new(),
            instance_id: id,
            when: new.when,
            storage: new.storage,
            mode: new.mode,
            keep: new.keep,
            enabled: new.enabled,
            next_at: next,
            due_at: next,
            trying_since: None,
            problem: None,
            last_run_at: None,
            last_backup_id: None,
            failed_at: None,
            created_at: now,
            fence: 0,
        };
        let mut tx = self.db().begin().await?;
        if let Some(before) = self.replay(&mut tx, actor, key).await? {
            return Ok(before);
        }
        if let Some(restriction) = in_the_way(&mut tx, instance.project_id).await? {
            return Err(Error::Restricted(restriction));
        }
        // Nobody else adds one to the instance meanwhile.
        instances::by_id_tx(&mut tx, id).await?;
        if schedules::count(&mut tx, id).await? >= MOST {
            let message = format!("an instance has at most {MOST} schedules; remove or change one");
            return Err(Error::conflict("too_many_schedules", message));
        }
        schedules::insert(&mut tx, &schedule).await?;
        let deed = Deed::done("schedule.create", schedule.id).of(instance.project_id);
        self.record(&mut tx, actor, deed.after(told(&schedule)));
        self.remember(&mut tx, actor, key, &schedule).await?;
        tx.commit().await?;
        Ok(schedule)
    }

    /// Changes a schedule. While something stands against the project, it may be switched off, and nothing else.
    pub async fn change_schedule(
        &self,
        actor: &Actor,
        id: ScheduleId,
        change: ScheduleChange,
    ) -> Result<Schedule, Error> {
        let instance = self.scheduled(actor, id).await?;
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        let mut schedule = schedules::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("schedule"))?;
        let before = schedule.clone();
        if let Some(when) = change.when {
            schedule.when = when;
        }
        schedule.keep = change.keep.unwrap_or(schedule.keep);
        schedule.mode = change.mode.unwrap_or(schedule.mode);
        schedule.enabled = change.enabled.unwrap_or(schedule.enabled);
        self.check_schedule(actor, &schedule.when, schedule.keep, change.storage.as_ref())?;
        if schedule.enabled
            && let Some(restriction) = in_the_way(&mut tx, instance.project_id).await?
        {
            return Err(Error::Restricted(restriction));
        }
        schedule.storage = change.storage.or(schedule.storage);
        if schedule.when != before.when || schedule.enabled && !before.enabled {
            (schedule.trying_since, schedule.problem) = (None, None);
            schedule.next_at = schedule.when.next(now);
            schedule.due_at = schedule.next_at;
        }
        if !schedules::save(&mut tx, &schedule).await? {
            return Err(Error::Internal("a schedule changed while its row was locked".into()));
        }
        if schedule.keep != before.keep {
            schedules::set_weighed(&mut tx, id, false).await?;
        }
        let deed = Deed::done("schedule.change", id).of(instance.project_id);
        self.record(&mut tx, actor, deed.before(told(&before)).after(told(&schedule)));
        tx.commit().await?;
        Ok(schedule)
    }

    /// Removes a schedule. Its backups stay.
    pub async fn delete_schedule(&self, actor: &Actor, id: ScheduleId) -> Result<(), Error> {
        let instance = self.scheduled(actor, id).await?;
        let mut tx = self.db().begin().await?;
        if schedules::delete(&mut tx, id).await? {
            self.record(&mut tx, actor, Deed::done("schedule.delete", id).of(instance.project_id));
        }
        Ok(tx.commit().await?)
    }

    /// The instance of a schedule that the actor may change.
    async fn scheduled(&self, actor: &Actor, id: ScheduleId) -> Result<Instance, Error> {
        let schedule = schedules::by_id(self.db(), id).await?.ok_or(Error::NotFound("schedule"))?;
        let instance = instances::by_id(self.db(), schedule.instance_id).await?;
        let instance = instance.ok_or(Error::NotFound("schedule"))?;
        allow(may(actor, Action::UseProject(instance.project_id)), "schedule")?;
        Ok(instance)
    }

    fn check_schedule(
        &self,
        actor: &Actor,
        when: &When,
        keep: Keep,
        storage: Option<&StorageName>,
    ) -> Result<(), Error> {
        if storage.is_some() {
            allow_storage(actor)?;
        }
        when.check().map_err(|(field, message)| Error::invalid(field, message))?;
        let most = self.options().backups.per_instance;
        if !(1..=most).contains(&keep.total()) {
            let message = format!("keep 1 to {most} backups altogether, for example `\"last\": 3`");
            return Err(Error::invalid("keep", message));
        }
        Ok(())
    }

    /// Makes the backups that are due, and applies the rules to those that were made.
    pub(super) async fn run_schedules(&self) -> Result<(), Error> {
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        let due = schedules::claim_due(&mut tx, now, now.after(CLAIM), BATCH).await?;
        tx.commit().await?;
        for schedule in due {
            self.run_schedule(schedule).await?;
        }
        for schedule in schedules::unweighed(self.db(), BATCH).await? {
            self.weigh(&schedule).await?;
        }
        self.tell_failures().await
    }

    async fn run_schedule(&self, mut schedule: Schedule) -> Result<(), Error> {
        let house = Actor::house();
        // Whoever else has claimed this time asks under the same key, and is answered with the same backup.
        let key = Idempotency::new(&format!("{}@{}", schedule.id, schedule.next_at.0), &[b"backup"])?;
        let new = NewBackup { storage: schedule.storage.clone(), mode: Some(schedule.mode), note: None };
        let asked =
            self.make_backup_for(&house, schedule.instance_id, new, Some(schedule.id), Some(&key)).await;
        let now = self.clock().now();
        match asked {
            Ok((backup, _)) => {
                info!(schedule = %schedule.id, backup = %backup.id, "a scheduled backup was begun");
                schedule.began(backup.id, now);
            }
            Err(error @ (Error::Store(_) | Error::Internal(_))) => return Err(error),
            Err(error) => {
                let reason = reason(&error);
                info!(schedule = %schedule.id, reason, "a scheduled backup cannot be made now");
                schedule.hindered(&reason, now);
            }
        }
        let mut tx = self.db().begin().await?;
        if !schedules::save(&mut tx, &schedule).await? {
            info!(schedule = %schedule.id, "the schedule was changed or claimed meanwhile");
        }
        Ok(tx.commit().await?)
    }

    /// Has those backups of a schedule removed that its rules no longer keep: none but its own, none that are protected.
    async fn weigh(&self, schedule: &Schedule) -> Result<(), Error> {
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        let all = backups::of_instance_tx(&mut tx, schedule.instance_id).await?;
        let mine = all.iter().filter(|backup| {
            backup.schedule_id == Some(schedule.id)
                && backup.maker == BackupMaker::Schedule
                && backup.state == BackupState::Ready
                && !backup.protected
                && !backup.held
        });
        let mine: Vec<_> = mine.collect();
        let at = |backup: &innkeeper_domain::backups::Backup| {
            backup.taken_at.map_or(backup.created_at, |seconds| Timestamp(seconds.saturating_mul(1_000_000)))
        };
        let weighed: Vec<Kept> = mine.iter().map(|backup| Kept { id: backup.id, at: at(backup) }).collect();
        let gone = gone(&weighed, schedule.keep, &schedule.when.zone());
        for backup in mine.into_iter().filter(|backup| gone.contains(&backup.id)) {
            let mut after = backup.clone();
            (after.state, after.due_at) = (BackupState::Deleting, Some(now));
            // Somebody may have protected it since it was read.
            let current = backups::by_id_tx(&mut tx, backup.id).await?;
            if current.is_some_and(|current| !current.protected) {
                backups::learn(&mut tx, &after, BackupState::Ready).await?;
                let deed = Deed::done("backup.expire", backup.id).of(backup.project_id);
                self.record(&mut tx, &Actor::house(), deed);
            }
        }
        schedules::set_weighed(&mut tx, schedule.id, true).await?;
        Ok(tx.commit().await?)
    }

    /// Tells the owners of scheduled backups that failed, once a day per instance at most.
    async fn tell_failures(&self) -> Result<(), Error> {
        if !self.tells_anybody().await? {
            return Ok(());
        }
        let now = self.clock().now();
        let before = now.before(TOLD_EVERY);
        for id in schedules::untold(self.db(), before, before, BATCH).await? {
            let Some(instance) = instances::by_id(self.db(), id).await? else { continue };
            let project = projects::by_id(self.db(), instance.project_id).await?;
            let project = project.map(|project| project.name.to_string()).unwrap_or_default();
            let readers = self.readers_of(instance.project_id).await?;
            let link = self.link(&format!("/instances/{id}/backups"));
            let mut tx = self.db().begin().await?;
            if !schedules::told(&mut tx, id, now, before).await? {
                continue;
            }
            let told = [
                ("instance", instance.name.as_str()),
                ("project", project.as_str()),
                ("link", link.as_str()),
            ];
            for reader in &readers {
                self.write_to(&mut tx, reader, Letter::BackupFailed, &told).await?;
            }
            warn!(instance = %id, "its scheduled backups fail");
            tx.commit().await?;
        }
        Ok(())
    }
}

/// What is in the way, for its owner: an operation's number is of no use to them here.
fn reason(error: &Error) -> String {
    match error {
        Error::Busy(_) => "something else is being done to the instance".to_owned(),
        // It names a node.
        Error::Invalid { .. } => "its storage cannot be reached; ask an operator".to_owned(),
        other => other.to_string(),
    }
}

/// What a schedule says, for the audit log.
fn told(schedule: &Schedule) -> serde_json::Value {
    serde_json::json!({
        "instance": schedule.instance_id,
        "when": shown(&schedule.when),
        "keep": shown(&schedule.keep),
        "mode": schedule.mode,
        "storage": schedule.storage,
        "enabled": schedule.enabled,
    })
}
