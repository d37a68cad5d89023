//! Backups: what is known of each, and what may be done with it.

use serde::{Deserialize, Serialize};

use crate::ids::{BackupId, ClusterId, InstanceId, ProjectId, ScheduleId};
use crate::instances::{BackupMode, Kind};
use crate::names::{NodeName, StorageName};
use crate::time::Timestamp;

words! {
    /// How a backup stands.
    pub enum BackupState {
        /// Being made.
        Pending = "pending",
        /// There.
        Ready = "ready",
        /// Could not be made.
        Failed = "failed",
        /// Being removed.
        Deleting = "deleting",
        /// Removed.
        Deleted = "deleted",
        /// It was there, and is there no longer.
        Lost = "lost",
    }
}

words! {
    /// By whom a backup was made.
    pub enum BackupMaker {
        /// Somebody asked for it.
        Operation = "operation",
        /// A schedule.
        Schedule = "schedule",
        /// Somebody in Proxmox, or a job there.
        Proxmox = "proxmox",
    }
}

words! {
    /// What a backup server found when it last verified a backup.
    pub enum Verified {
        /// All is well.
        Ok = "ok",
        /// It is damaged.
        Failed = "failed",
    }
}

/// A backup of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// Identity; stands in the notes of those that we make.
    pub id: BackupId,
    /// Of what.
    pub instance_id: InstanceId,
    /// Whose.
    pub project_id: ProjectId,
    /// Where.
    pub cluster_id: ClusterId,
    /// The node that alone has it; none where several reach the storage.
    pub node: Option<NodeName>,
    /// The storage.
    pub storage: StorageName,
    /// What Proxmox calls it, once it is there.
    pub volume: Option<String>,
    /// Of a container or a virtual machine.
    pub kind: Kind,
    /// The number that the guest had.
    pub vmid: u32,
    /// How large the disk must be that it is restored to.
    pub disk_gib: u32,
    /// How many bytes it takes, where that is told.
    pub size: Option<u64>,
    /// What happened to the guest meanwhile, where we know.
    pub mode: Option<BackupMode>,
    /// By whom it was made.
    pub maker: BackupMaker,
    /// The schedule that made it.
    pub schedule_id: Option<ScheduleId>,
    /// How it stands.
    pub state: BackupState,
    /// It may not be removed.
    pub protected: bool,
    /// Somebody protected it in Proxmox.
    pub held: bool,
    /// What its verification found, where one was made.
    pub verified: Option<Verified>,
    /// What people say of it.
    pub note: Option<String>,
    /// What is wrong with it. For staff: it may name volumes.
    pub problem: Option<String>,
    /// Its notes in Proxmox, as last seen.
    pub notes: Option<String>,
    /// When it was taken, in seconds since 1970, as Proxmox tells.
    pub taken_at: Option<i64>,
    /// When it was asked for, or first seen.
    pub created_at: Timestamp,
    /// When it was there, or had failed.
    pub ended_at: Option<Timestamp>,
    /// When it is next tried to remove it.
    pub due_at: Option<Timestamp>,
}

/// The longest note.
pub const LONGEST_NOTE: usize = 200;

/// A note as it is kept: one line; an empty one is none.
pub fn check_note(note: &str) -> Result<Option<String>, crate::names::BadName> {
    let note = note.trim();
    if note.chars().count() > LONGEST_NOTE || note.chars().any(char::is_control) {
        return Err(crate::names::BadName("write one line of at most 200 characters"));
    }
    Ok((!note.is_empty()).then(|| note.to_owned()))
}

impl Backup {
    /// Whether a volume of that name and time is the one that this row tells of. Notes may have been rewritten by
    /// somebody, but not to name another backup of ours.
    pub fn is_volume(&self, volume: &str, taken_at: Option<i64>, notes: Option<&str>) -> bool {
        let named = notes.and_then(crate::mark::read_backup_notes);
        self.volume.as_deref() == Some(volume)
            && (self.taken_at.is_none() || self.taken_at == taken_at)
            && named.is_none_or(|(backup, instance)| {
                instance == self.instance_id && (backup == self.id || self.maker == BackupMaker::Proxmox)
            })
    }

    /// Whether it counts against what an instance may have: those that we made, or are about to.
    pub fn counts(&self) -> bool {
        self.maker != BackupMaker::Proxmox
            && matches!(self.state, BackupState::Pending | BackupState::Ready | BackupState::Deleting)
    }
}

/// How much room a backup may take: a quarter more than the one before; else half of its disk.
pub fn expected_bytes(disk_gib: u32, before: Option<u64>) -> u64 {
    let disk = u64::from(disk_gib) << 30;
    before.map_or(disk / 2, |size| size.saturating_add(size / 4)).min(disk)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mark::backup_notes;

    fn backup() -> Backup {
        Backup {
            id: BackupId::new(),
            instance_id: InstanceId::new(),
            project_id: ProjectId::new(),
            cluster_id: ClusterId::new(),
            node: None,
            storage: "vault".parse().unwrap(),
            volume: Some("vault:backup/a.tar.zst".into()),
            kind: Kind::Lxc,
            vmid: 10_000,
            disk_gib: 8,
            size: None,
            mode: None,
            maker: BackupMaker::Operation,
            schedule_id: None,
            state: BackupState::Ready,
            protected: false,
            held: false,
            verified: None,
            note: None,
            problem: None,
            notes: None,
            taken_at: Some(1_795_221_600),
            created_at: Timestamp(0),
            ended_at: None,
            due_at: None,
        }
    }

    #[test]
    fn a_volume_is_known_again_by_name_time_and_notes() {
        let backup = backup();
        let (name, at) = ("vault:backup/a.tar.zst", backup.taken_at);
        let ours = backup_notes(backup.id, backup.instance_id);
        assert!(backup.is_volume(name, at, Some(&ours)));
        // Somebody wrote something else there; it is the same all the same.
        assert!(backup.is_volume(name, at, Some("before the upgrade")) && backup.is_volume(name, at, None));
        assert!(!backup.is_volume(name, Some(1), Some(&ours)));
        assert!(!backup.is_volume("vault:backup/b.tar.zst", at, Some(&ours)));
        for other in
            [backup_notes(BackupId::new(), backup.instance_id), backup_notes(backup.id, InstanceId::new())]
        {
            assert!(!backup.is_volume(name, at, Some(&other)));
        }
    }

    #[test]
    fn room_is_judged_by_the_backup_before_and_never_above_the_disk() {
        assert_eq!(expected_bytes(8, None), 4 << 30);
        assert_eq!(expected_bytes(8, Some(1 << 30)), (1 << 30) + (1 << 28));
        assert_eq!(expected_bytes(8, Some(u64::MAX)), 8 << 30);
    }

    #[test]
    fn a_note_is_one_line() {
        assert_eq!(check_note("  before the upgrade "), Ok(Some("before the upgrade".into())));
        assert_eq!(check_note(" "), Ok(None));
        assert!(check_note("a\nb").is_err() && check_note(&"x".repeat(201)).is_err());
    }
}
