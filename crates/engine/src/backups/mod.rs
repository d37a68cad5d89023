//! Backups: asking for one, restoring one, keeping and removing them. Nothing here talks to Proxmox: rows and
//! operations are written, the reconciler makes and restores, and the loops look at what is there and remove.

mod anew;
mod looking;
mod removing;
mod schedules;

pub use anew::NewFromBackup;
pub(crate) use looking::list;
pub use schedules::{NewSchedule, ScheduleChange};

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::Duration;

use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::backups::{Backup, BackupMaker, BackupState, check_note, expected_bytes};
use innkeeper_domain::clusters::Storage;
use innkeeper_domain::ids::{BackupId, ClusterId, InstanceId, ProjectId, ScheduleId};
use innkeeper_domain::instances::{BackupMode, Errand, Instance};
use innkeeper_domain::names::StorageName;
use innkeeper_domain::operations::{Operation, Verb};
use innkeeper_store::{Topic, Tx, backups, clusters, nodes};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::error::allow;
use crate::instances::Change;
use crate::projects::scope;
use crate::{Engine, Error, Idempotency};

/// How backups are kept.
#[derive(Clone, Copy, Debug)]
pub struct BackupOptions {
    /// So many may be made of one instance; what Proxmox made by itself does not count.
    pub per_instance: u32,
    /// How long those that we made outlive their instance.
    pub kept_after: Duration,
    /// How often we look what there is.
    pub look_every: Duration,
}

impl Default for BackupOptions {
    fn default() -> Self {
        Self {
            per_instance: 10,
            kept_after: Duration::from_hours(7 * 24),
            look_every: Duration::from_mins(5),
        }
    }
}

/// A backup to be made.
#[derive(Clone, Debug, Default)]
pub struct NewBackup {
    /// Where to; for staff. Without it, the one with the most room.
    pub storage: Option<StorageName>,
    /// What happens to the guest meanwhile.
    pub mode: Option<BackupMode>,
    /// What people say of it.
    pub note: Option<String>,
}

/// Which backups to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    /// Only those of this project.
    pub project_id: Option<ProjectId>,
    /// Only those of this instance.
    pub instance_id: Option<InstanceId>,
}

/// What is to be changed of a backup; what is none stays.
#[derive(Clone, Debug, Default)]
pub struct BackupChange {
    /// Another note; an empty one is none.
    pub note: Option<String>,
    /// Whether it may be removed.
    pub protected: Option<bool>,
}

/// Volumes that are none of ours, as far as was found out: cluster, place, volume and time.
#[derive(Debug, Default)]
pub(crate) struct Strangers(Mutex<HashSet<(ClusterId, String, String, i64)>>);

impl Engine {
    /// Asks for a backup of an instance.
    pub async fn make_backup(
        &self,
        actor: &Actor,
        id: InstanceId,
        new: NewBackup,
        key: Option<&Idempotency>,
    ) -> Result<(Backup, Operation), Error> {
        self.make_backup_for(actor, id, new, None, key).await
    }

    /// The same, for a schedule perhaps.
    pub(crate) async fn make_backup_for(
        &self,
        actor: &Actor,
        id: InstanceId,
        new: NewBackup,
        schedule: Option<ScheduleId>,
        key: Option<&Idempotency>,
    ) -> Result<(Backup, Operation), Error> {
        let instance = self.instance_to(actor, id, Verb::BackUp).await?;
        if new.storage.is_some() {
            allow_storage(actor)?;
        }
        let note = new.note.as_deref().map(check_note).transpose();
        let note = note.map_err(|error| Error::invalid("note", error))?.flatten();
        let storage = self.backup_storage(&instance, new.storage.as_ref()).await?;
        let mode = new.mode.unwrap_or(BackupMode::Snapshot);
        let backup = Backup {
            id: BackupId::new(),
            instance_id: id,
            project_id: instance.project_id,
            cluster_id: instance.cluster_id,
            node: (!storage.shared).then(|| instance.node.clone()),
            storage: storage.name.clone(),
            volume: None,
            kind: instance.kind,
            vmid: instance.vmid,
            disk_gib: instance.size.disk_gib,
            size: None,
            mode: Some(mode),
            maker: if schedule.is_some() { BackupMaker::Schedule } else { BackupMaker::Operation },
            schedule_id: schedule,
            state: BackupState::Pending,
            protected: false,
            held: false,
            verified: None,
            note,
            problem: None,
            notes: None,
            taken_at: None,
            created_at: self.clock().now(),
            ended_at: None,
            due_at: None,
        };
        let errand = Errand::BackUp { backup_id: backup.id, storage: storage.name, mode };
        let operation = self.change(actor, id, &Change::BackUp(errand, Box::new(backup)), key).await?;
        // A repeated request is answered with the operation of the first, and so with its backup.
        let Some(Errand::BackUp { backup_id, .. }) = operation.errand else {
            return Err(Error::Internal("a backup without its errand".into()));
        };
        let backup = backups::by_id(self.db(), backup_id).await?.ok_or(Error::NotFound("backup"))?;
        Ok((backup, operation))
    }

    /// Writes the row of a backup that is about to be made, if the instance may have one more.
    pub(crate) async fn begin_backup(&self, tx: &mut Tx, backup: &Backup) -> Result<(), Error> {
        let before = backups::of_instance_tx(tx, backup.instance_id).await?;
        let most = self.options().backups.per_instance;
        // A schedule removes what is too much once it has the new one.
        let allowed = most as usize + usize::from(backup.schedule_id.is_some());
        if before.iter().filter(|backup| backup.counts()).count() >= allowed {
            let message = format!("an instance may have {most} backups; remove one first");
            return Err(Error::conflict("too_many_backups", message));
        }
        let storages = nodes::storages_tx(tx, backup.cluster_id).await?;
        let last = before.iter().find(|b| b.state == BackupState::Ready).and_then(|b| b.size);
        let expected = expected_bytes(backup.disk_gib, last);
        let there = storages.iter().find(|storage| {
            storage.name == backup.storage && backup.node.as_ref().is_none_or(|node| *node == storage.node)
        });
        if there.is_none_or(|storage| free(storage) < expected) {
            return Err(Error::conflict(
                "no_backup_room",
                "there is no room for a backup at present; remove one, or ask an operator",
            ));
        }
        backups::insert(tx, backup).await?;
        Ok(())
    }

    /// Where a backup of the instance goes: a storage that its node reaches, the one with the most room.
    async fn backup_storage(
        &self,
        instance: &Instance,
        wanted: Option<&StorageName>,
    ) -> Result<Storage, Error> {
        let all = nodes::storages(self.db(), Some(instance.cluster_id)).await?;
        let mut good: Vec<Storage> = all
            .into_iter()
            .filter(|s| s.node == instance.node && s.holds_backups && s.available)
            .filter(|s| wanted.is_none_or(|name| *name == s.name))
            .collect();
        // Where two have the same room, one that outlives the node.
        good.sort_by_key(|storage| (free(storage), storage.shared));
        match (good.pop(), wanted) {
            (Some(storage), _) => Ok(storage),
            (None, Some(name)) => {
                let message = format!("node {} reaches no storage {name} that holds backups", instance.node);
                Err(Error::invalid("storage", message))
            }
            (None, None) => Err(Error::conflict(
                "no_backup_storage",
                "the host of the instance reaches no storage for backups; ask an operator",
            )),
        }
    }

    /// One backup.
    pub async fn backup(&self, actor: &Actor, id: BackupId) -> Result<Backup, Error> {
        let backup = backups::by_id(self.db(), id).await?.filter(|b| b.state != BackupState::Deleted);
        let backup = backup.ok_or(Error::NotFound("backup"))?;
        allow(may(actor, Action::SeeProject(backup.project_id)), "backup")?;
        Ok(backup)
    }

    /// Backups, newest first; those of deleted instances, too.
    pub async fn backups(
        &self,
        actor: &Actor,
        filter: Filter,
        after: Option<BackupId>,
        limit: i64,
    ) -> Result<Vec<Backup>, Error> {
        let project_ids = match (filter.instance_id, filter.project_id) {
            (Some(id), _) => {
                let project = self.instance(actor, id).await?.project_id;
                allow(may(actor, Action::SeeProject(project)), "instance")?;
                Some(vec![project])
            }
            (None, Some(id)) => {
                allow(may(actor, Action::SeeProject(id)), "project")?;
                Some(vec![id])
            }
            (None, None) => scope(actor)?,
        };
        let filter = backups::Filter { project_ids, instance_id: filter.instance_id };
        Ok(backups::list(self.db(), &filter, after, limit).await?)
    }

    /// Changes what people say of a backup, and whether it may be removed.
    pub async fn change_backup(
        &self,
        actor: &Actor,
        id: BackupId,
        change: BackupChange,
    ) -> Result<Backup, Error> {
        let mut tx = self.db().begin().await?;
        let mut backup = self.backup_to_change(&mut tx, actor, id).await?;
        let before = json!({ "note": backup.note, "protected": backup.protected });
        if let Some(note) = &change.note {
            backup.note = check_note(note).map_err(|error| Error::invalid("note", error))?;
        }
        backup.protected = change.protected.unwrap_or(backup.protected);
        if backup.state == BackupState::Deleting {
            return Err(Error::conflict("backup_deleting", "the backup is being removed"));
        }
        backups::set_words(&mut tx, id, backup.note.as_deref(), backup.protected).await?;
        let after = json!({ "note": backup.note, "protected": backup.protected });
        let deed = Deed::done("backup.change", id).of(backup.project_id).before(before).after(after);
        self.record(&mut tx, actor, deed);
        tx.commit().await?;
        Ok(backup)
    }

    /// Has a backup removed for good.
    pub async fn delete_backup(&self, actor: &Actor, id: BackupId) -> Result<Backup, Error> {
        let mut tx = self.db().begin().await?;
        let mut backup = self.backup_to_change(&mut tx, actor, id).await?;
        let from = backup.state;
        if backup.maker == BackupMaker::Proxmox
            && may(actor, Action::RunHouse) != innkeeper_domain::access::Answer::Yes
        {
            return Err(Error::conflict(
                "backup_of_the_house",
                "the house made this backup for itself; only staff may remove it",
            ));
        }
        if backup.protected || backup.held {
            return Err(Error::conflict(
                "protected",
                "the backup is protected; take the protection off first (or ask an operator, if they set it)",
            ));
        }
        let now = self.clock().now();
        match from {
            BackupState::Pending => {
                return Err(Error::conflict("backup_pending", "the backup is being made; wait for its end"));
            }
            BackupState::Deleting | BackupState::Deleted => return Ok(backup),
            BackupState::Failed | BackupState::Lost => {
                (backup.state, backup.ended_at) = (BackupState::Deleted, Some(now));
            }
            BackupState::Ready => (backup.state, backup.due_at) = (BackupState::Deleting, Some(now)),
        }
        backups::learn(&mut tx, &backup, from).await?;
        self.record(&mut tx, actor, Deed::done("backup.delete", id).of(backup.project_id));
        tx.commit().await?;
        Ok(backup)
    }

    async fn backup_to_change(&self, tx: &mut Tx, actor: &Actor, id: BackupId) -> Result<Backup, Error> {
        let backup = backups::by_id_tx(tx, id).await?.filter(|b| b.state != BackupState::Deleted);
        let backup = backup.ok_or(Error::NotFound("backup"))?;
        allow(may(actor, Action::UseProject(backup.project_id)), "backup")?;
        Ok(backup)
    }

    /// Asks for a backup to be put in the place of its instance. All that is on the instance now is lost, so that its
    /// name is asked for.
    pub async fn restore_backup(
        &self,
        actor: &Actor,
        id: InstanceId,
        backup_id: BackupId,
        confirm: &str,
        key: Option<&Idempotency>,
    ) -> Result<Operation, Error> {
        let instance = self.instance_to(actor, id, Verb::Restore).await?;
        let backup = backups::by_id(self.db(), backup_id).await?;
        let Some(backup) = backup.filter(|b| b.instance_id == id && b.state != BackupState::Deleted) else {
            return Err(Error::invalid("backup_id", "the instance has no such backup"));
        };
        if confirm != instance.name.as_str() {
            let message = "give the name of the instance: all that is on it now will be lost";
            return Err(Error::invalid("confirm", message));
        }
        let volume = restorable(&backup)?;
        let reached = nodes::storages(self.db(), Some(instance.cluster_id)).await?;
        if !reaches(&reached, &backup, &instance.node) {
            return Err(Error::conflict(
                "backup_out_of_reach",
                "the host of the instance does not reach this backup at present; make a new instance from it, or ask \
                 an operator to move the instance",
            ));
        }
        let errand = Errand::Restore { backup_id, volume };
        self.change(actor, id, &Change::Once(Verb::Restore, errand), key).await
    }
}

/// Whether this node reaches the backup.
pub(crate) fn reaches(
    storages: &[Storage],
    backup: &Backup,
    node: &innkeeper_domain::names::NodeName,
) -> bool {
    let there = |s: &&Storage| {
        s.cluster_id == backup.cluster_id && s.node == *node && s.name == backup.storage && s.available
    };
    backup.node.as_ref().is_none_or(|alone| alone == node) && storages.iter().any(|s| there(&s))
}

/// Only staff say where backups lie: customers know of no storages.
pub(crate) fn allow_storage(actor: &Actor) -> Result<(), Error> {
    allow(may(actor, Action::RunHouse), "storage")
}

fn free(storage: &Storage) -> u64 {
    storage.total.saturating_sub(storage.used)
}

/// How long a row tells of a backup that is no more.
const ROWS_KEPT: Duration = Duration::from_hours(30 * 24);

/// Looks at what there is, removes what is to be removed, until `stop`.
pub(crate) async fn run(engine: Engine, stop: CancellationToken) {
    let mut hints = engine.db().wakeups(Topic::Backups);
    loop {
        hints.mark_unchanged();
        if let Err(error) = engine.tend_backups().await {
            error!(%error, "looking after backups failed; will try again");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            _ = hints.changed() => {}
            () = tokio::time::sleep(engine.options().sweep_every) => {}
        }
    }
}

impl Engine {
    async fn tend_backups(&self) -> Result<(), Error> {
        self.remove_backups().await?;
        self.run_schedules().await?;
        let now = self.clock().now();
        let every = self.options().backups.look_every;
        let mut looked = false;
        for cluster in clusters::list(self.db()).await? {
            let mut tx = self.db().begin().await?;
            let mine = backups::claim_look(&mut tx, cluster.id, now, now.after(every)).await?;
            tx.commit().await?;
            if mine {
                looked = true;
                if let Err(error) = self.look_at_backups(cluster.id).await {
                    error!(%error, cluster = %cluster.id, "looking at its backups failed; will try again");
                }
            }
        }
        if looked {
            let mut tx = self.db().begin().await?;
            backups::expire(&mut tx, now.before(self.options().backups.kept_after), now).await?;
            backups::prune(&mut tx, now.before(ROWS_KEPT)).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}

/// Asks once more, in the transaction that begins a restore: from here on the backup is in use, and not removed.
pub(crate) async fn still_restorable(tx: &mut Tx, id: BackupId) -> Result<(), Error> {
    let backup = backups::by_id_tx(tx, id).await?.ok_or(Error::NotFound("backup"))?;
    restorable(&backup).map(drop)
}

/// The volume to restore from, when the backup is there and well.
pub(crate) fn restorable(backup: &Backup) -> Result<String, Error> {
    match (backup.state, &backup.volume) {
        (BackupState::Ready, Some(volume)) => Ok(volume.clone()),
        (BackupState::Pending, _) => {
            Err(Error::conflict("backup_pending", "the backup is being made; wait for its end"))
        }
        _ => Err(Error::conflict("backup_unusable", "the backup is not there, or is being removed")),
    }
}
