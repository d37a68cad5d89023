//! What the end of an operation means for the backup that it was to make, and what a failed restore leaves.

use innkeeper_domain::backups::BackupState;
use innkeeper_domain::instances::{Errand, Owner, Power, Seen};
use innkeeper_domain::operations::{Fault, State, Verb};
use innkeeper_domain::time::Timestamp;
use innkeeper_store::{Tx, backups};
use tracing::warn;

use super::super::acts::errands;
use super::Drive;
use crate::Error;

impl Drive<'_> {
    /// Looks for the volume of the backup that was made. Where it cannot be seen now, the loop that looks at backups
    /// will find it.
    pub(super) async fn find_backup(&mut self) {
        let Some(Errand::BackUp { backup_id, storage, .. }) = &self.operation.errand else { return };
        match errands::made(&self.connection, &self.instance, *backup_id, storage).await {
            Ok(found) => self.made = found,
            Err(error) => warn!(?error, "the backup was made, but cannot be seen at the moment"),
        }
    }

    /// Writes what became of the backup that the operation was to make, in the transaction that ends it.
    pub(super) async fn settle_backup(&mut self, tx: &mut Tx, now: Timestamp) -> Result<(), Error> {
        let Some(Errand::BackUp { backup_id, .. }) = self.operation.errand else { return Ok(()) };
        let row = backups::by_id_tx(tx, backup_id).await?.filter(|row| row.state == BackupState::Pending);
        let Some(row) = row else { return Ok(()) };
        if self.operation.state == State::Failed {
            let mut failed = row.clone();
            failed.state = BackupState::Failed;
            failed.problem = self.operation.fault.as_ref().map(|fault| fault.message.clone());
            failed.ended_at = Some(now);
            backups::learn(tx, &failed, row.state).await?;
        } else if let Some(volume) = self.made.take() {
            let place = row.node.as_ref().map(|_| self.instance.node.clone());
            self.engine.take_in_backup_tx(tx, &row, place, &volume).await?;
        }
        Ok(backups::look_soon(tx, row.cluster_id, now).await?)
    }

    /// Says what a restore that failed has left.
    pub(super) fn own_up(&self, fault: Fault) -> Fault {
        if self.operation.verb != Verb::Restore {
            return fault;
        }
        let left = match self.instance.course.seen {
            // Whether Proxmox had begun to replace it is told by whether it still waits to be restored.
            Seen::Present(guest) if guest.owner == Owner::Ours => match guest.power {
                Power::Stopped => {
                    "the guest is there and stopped; look at what is on it before you rely on it"
                }
                Power::Running | Power::Paused => "the guest is there and runs",
            },
            Seen::Present(_) => "what is there now cannot be told to be this guest",
            Seen::Absent => "the guest is gone; restore again, this backup or another",
            Seen::Unknown => "what is left of the guest could not be seen",
        };
        Fault { message: format!("{}; {left}", fault.message), ..fault }
    }
}
