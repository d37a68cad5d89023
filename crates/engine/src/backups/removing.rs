//! Removing backups: a volume goes only when it is still the one that the row tells of, and the row goes when the volume
//! is seen to be gone. However often it is interrupted, the next try begins by looking.

use std::time::Duration;

use innkeeper_domain::backups::{Backup, BackupState};
use innkeeper_domain::clusters::Storage;
use innkeeper_store::{backups, nodes};
use pve::{Vmid, VolumeId};
use tracing::{info, warn};

use super::looking::list;
use crate::connections::CallError;
use crate::{Engine, Error};

/// Backups looked after in one go.
const BATCH: i64 = 20;

/// A try that ends nowhere, with its process perhaps, is taken up again after this long.
const CLAIM: Duration = Duration::from_mins(2);

/// Until we look whether it is gone, until we ask again whether it is still in use, and after a refusal.
const SOON: Duration = Duration::from_secs(2);
const IN_USE: Duration = Duration::from_secs(15);
const REFUSED: Duration = Duration::from_mins(5);

/// What came of one try.
enum Try {
    /// It is gone.
    Gone,
    /// Something else has its name; ours is gone.
    Another,
    /// Look again after this long; what is wrong, if anything.
    Again(Duration, Option<String>),
}

impl Engine {
    /// Goes on with removing what is to be removed and due.
    pub(super) async fn remove_backups(&self) -> Result<(), Error> {
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        let due = backups::claim_removals(&mut tx, now, now.after(CLAIM), BATCH).await?;
        tx.commit().await?;
        for backup in due {
            let came = self.try_to_remove(&backup).await?;
            let now = self.clock().now();
            let mut after = backup.clone();
            match came {
                Try::Gone => {
                    info!(backup = %backup.id, "a backup is removed");
                    (after.state, after.due_at, after.ended_at) = (BackupState::Deleted, None, Some(now));
                }
                Try::Another => {
                    warn!(backup = %backup.id, "another volume has the name of a backup; it was not touched");
                    (after.state, after.due_at, after.ended_at) = (BackupState::Lost, None, Some(now));
                    after.problem = Some("another volume has its name now; it was not touched".into());
                }
                Try::Again(pause, problem) => {
                    after.due_at = Some(now.after(pause));
                    after.problem = problem;
                }
            }
            let mut tx = self.db().begin().await?;
            backups::learn(&mut tx, &after, BackupState::Deleting).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    async fn try_to_remove(&self, backup: &Backup) -> Result<Try, Error> {
        let Some(name) = &backup.volume else { return Ok(Try::Gone) };
        if backups::in_use(self.db(), backup).await? {
            return Ok(Try::Again(IN_USE, None));
        }
        let storages = nodes::storages(self.db(), Some(backup.cluster_id)).await?;
        let sees = |s: &&Storage| {
            let here = backup.node.as_ref().is_none_or(|node| *node == s.node);
            s.name == backup.storage && s.available && here
        };
        let Some(storage) = storages.iter().find(sees) else {
            return Ok(Try::Again(REFUSED, Some("no node reaches its storage".into())));
        };
        let connection = self.connection(backup.cluster_id).await?;
        let vmid = Vmid::new(backup.vmid).ok();
        let (node, volumes) = match list(&connection, &storage.node, &storage.name, vmid).await {
            Ok(found) => found,
            Err(error) => return Ok(self.not_now(error)),
        };
        let Some(volume) = volumes.iter().find(|volume| volume.volid.to_string() == *name) else {
            return Ok(Try::Gone);
        };
        if !backup.is_volume(name, volume.made_at, volume.notes.as_deref()) {
            return Ok(Try::Another);
        }
        let volid = match VolumeId::new(name) {
            Ok(volid) => volid,
            Err(error) => return Ok(Try::Again(REFUSED, Some(error.to_string()))),
        };
        match connection.call(|client| async move { client.delete_volume(&node, &volid).await }).await {
            Ok(_) => Ok(Try::Again(SOON, None)),
            Err(error) => Ok(self.not_now(error)),
        }
    }

    fn not_now(&self, error: CallError) -> Try {
        match error {
            CallError::Resting(until) => Try::Again(until.since(self.clock().now()).max(SOON), None),
            CallError::Pve(error) if matches!(error.class(), pve::Class::Permanent) => {
                warn!(%error, "a backup cannot be removed; will try again");
                Try::Again(REFUSED, Some(error.to_string()))
            }
            CallError::Pve(error) => Try::Again(IN_USE, Some(error.to_string())),
        }
    }
}
