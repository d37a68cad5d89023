//! Backups: making them, finding them. Restoring one is creating a guest: [`LxcCreate::from_backup`],
//! [`QemuCreate::from_backup`].
//!
//! [`LxcCreate::from_backup`]: crate::LxcCreate::from_backup
//! [`QemuCreate::from_backup`]: crate::QemuCreate::from_backup

use crate::call::{Call, Params};
use crate::client::Client;
use crate::error::Error;
use crate::ids::{NodeName, StorageId, Vmid, VolumeId};
use crate::operations as ops;
use crate::storage::{Content, Volume};
use crate::upid::Upid;

/// What happens to a running guest while it is saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BackupMode {
    /// It goes on.
    #[default]
    Snapshot,
    /// It pauses.
    Suspend,
    /// It is stopped, and started again.
    Stop,
}

/// A backup to be made. A node makes one at a time; others wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// The guests, all on the node that is asked.
    pub guests: Vec<Vmid>,
    /// Where it goes.
    pub storage: StorageId,
    /// What happens to running guests.
    pub mode: BackupMode,
    /// `zstd`, `gzip`, `lzo`, or `0` for none; the storage's or server's choice without.
    pub compress: Option<String>,
    /// Notes; `{{guestname}}` and others are filled in.
    pub notes: Option<String>,
    /// Protect it against removal.
    pub protected: bool,
    /// Remove older backups by the storage's rules. The server would by default.
    pub prune: bool,
    /// Any other parameter of the call.
    pub extra: Params,
}

impl Backup {
    /// A backup of one guest while it runs; older ones stay.
    pub fn new(guest: Vmid, storage: StorageId) -> Self {
        Self {
            guests: vec![guest],
            storage,
            mode: BackupMode::default(),
            compress: None,
            notes: None,
            protected: false,
            prune: false,
            extra: Params::new(),
        }
    }
}

impl Client {
    /// Makes a backup. None when no such guest is on that node: the server says a plain `OK` and does nothing.
    pub async fn backup(&self, node: &NodeName, backup: &Backup) -> Result<Option<Upid>, Error> {
        let guests: Vec<String> = backup.guests.iter().map(ToString::to_string).collect();
        let mode = match backup.mode {
            BackupMode::Snapshot => "snapshot",
            BackupMode::Suspend => "suspend",
            BackupMode::Stop => "stop",
        };
        let call = Call::new(&ops::VZDUMP)
            .at("node", node)
            .param("vmid", guests.join(","))
            .param("storage", &backup.storage)
            .param("mode", mode)
            .param("remove", backup.prune)
            .param_some("compress", backup.compress.as_ref())
            .param_some("notes-template", backup.notes.as_ref())
            .param_some("protected", backup.protected.then_some(true))
            .params(&backup.extra);
        let path = call.template().to_owned();
        match self.send::<String>(call).await?.as_str() {
            "OK" => Ok(None),
            text => text.parse().map(Some).map_err(|e: crate::ids::InvalidName| Error::Decode {
                method: ops::Method::Post,
                path,
                message: e.to_string(),
            }),
        }
    }

    /// The configuration of the guest inside a backup, as the text of its file: comments are the description, with `:`
    /// and others as percent signs and digits.
    pub async fn backup_config(&self, node: &NodeName, volume: &VolumeId) -> Result<String, Error> {
        self.send(Call::new(&ops::VZDUMP_CONFIG).at("node", node).param("volume", volume)).await
    }

    /// Backups on a storage, of one guest or of all.
    pub async fn backups(
        &self,
        node: &NodeName,
        storage: &StorageId,
        guest: Option<Vmid>,
    ) -> Result<Vec<Volume>, Error> {
        self.volumes(node, storage, Some(Content::Backup), guest).await
    }
}
