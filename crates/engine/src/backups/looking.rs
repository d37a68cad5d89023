//! Looking at what backups there are: what lies on each storage of a cluster is held against our rows.
//!
//! A backup that we did not make is given to an instance only when it is certain whose it is: our mark in the
//! configuration inside it, and the number that the instance has. The number alone says nothing: it may have been
//! another's when the backup was made.

use std::collections::{BTreeSet, HashSet};

use innkeeper_domain::backups::{Backup, BackupMaker, BackupState, Verified};
use innkeeper_domain::ids::{BackupId, ClusterId};
use innkeeper_domain::instances::Instance;
use innkeeper_domain::mark;
use innkeeper_domain::names::{NodeName, StorageName};
use innkeeper_domain::operations::Verb;
use innkeeper_domain::time::Timestamp;
use innkeeper_store::{Tx, backups, instances, nodes};
use pve::{StorageId, Volume};
use tracing::{info, warn};

use crate::connections::{CallError, Connection};
use crate::{Engine, Error};

/// Archives opened in one look to see whose they are; the others wait for the next.
const OPENED: usize = 40;

/// What lies on one storage.
struct Shelf {
    /// The node that alone has it.
    place: Option<NodeName>,
    /// A node through which it is seen.
    by: pve::NodeName,
    storage: StorageName,
    volumes: Vec<Volume>,
}

impl Engine {
    /// Holds what lies on the storages of a cluster against our rows.
    pub(super) async fn look_at_backups(&self, cluster: ClusterId) -> Result<(), Error> {
        // In this order: what is made or removed while we look is left for the next look.
        let rows = backups::in_cluster(self.db(), cluster).await?;
        let mut idle = HashSet::new();
        for row in rows.iter().filter(|row| row.state == BackupState::Pending) {
            if !backups::in_use(self.db(), row).await? {
                idle.insert(row.id);
            }
        }
        let connection = self.connection(cluster).await?;
        let (shelves, unread) = self.shelves(&connection, cluster).await?;
        let mut opened = 0;
        let mut seen: HashSet<BackupId> = HashSet::new();
        for shelf in &shelves {
            for volume in &shelf.volumes {
                if let Some(row) = self.known(&rows, shelf, volume).await? {
                    seen.insert(row.id);
                    self.take_in_backup(&row, shelf, volume).await?;
                } else if opened < OPENED && self.open_stranger(&connection, shelf, volume).await? {
                    opened += 1;
                }
            }
        }
        for row in rows.iter().filter(|row| !seen.contains(&row.id)) {
            // A storage that did not answer, or is not there at all, says nothing of what lies on it.
            let place = (row.node.clone(), row.storage.clone());
            let read = shelves.iter().any(|s| s.storage == row.storage && s.place == row.node);
            if !read || unread.contains(&place) || unread.iter().any(|(_, storage)| *storage == row.storage) {
                continue;
            }
            self.not_there(row, idle.contains(&row.id)).await?;
        }
        Ok(())
    }

    /// Everything that lies on the storages for backups: each shared one is asked once. And those that did not answer.
    async fn shelves(
        &self,
        connection: &Connection,
        cluster: ClusterId,
    ) -> Result<(Vec<Shelf>, BTreeSet<(Option<NodeName>, StorageName)>), Error> {
        let mut asked: HashSet<(Option<NodeName>, StorageName)> = HashSet::new();
        let (mut shelves, mut unread) = (Vec::new(), BTreeSet::new());
        let storages = nodes::storages(self.db(), Some(cluster)).await?;
        for storage in storages.iter().filter(|s| s.holds_backups) {
            let place = (!storage.shared).then(|| storage.node.clone());
            let key = (place.clone(), storage.name.clone());
            if !storage.available {
                // A shared one may be seen by another node.
                if place.is_some() {
                    unread.insert(key);
                }
                continue;
            }
            if !asked.insert(key.clone()) {
                continue;
            }
            match list(connection, &storage.node, &storage.name, None).await {
                Ok((by, volumes)) => {
                    shelves.push(Shelf { place, by, storage: storage.name.clone(), volumes });
                }
                Err(CallError::Resting(_)) => {
                    unread.insert(key);
                }
                Err(CallError::Pve(error)) => {
                    warn!(%error, storage = %storage.name, "its backups cannot be listed");
                    unread.insert(key);
                }
            }
        }
        Ok((shelves, unread))
    }

    /// Our row of a volume: by its name, or by our notes on it.
    async fn known(&self, rows: &[Backup], shelf: &Shelf, volume: &Volume) -> Result<Option<Backup>, Error> {
        let (name, notes) = (volume.volid.to_string(), volume.notes.as_deref());
        let here = |row: &&Backup| row.node == shelf.place && row.is_volume(&name, volume.made_at, notes);
        if let Some(row) = rows.iter().find(here) {
            return Ok(Some(row.clone()));
        }
        let Some((id, instance)) = notes.and_then(mark::read_backup_notes) else { return Ok(None) };
        // Removed ones, too: a storage that was away may come back with what we thought was gone.
        let row = backups::by_id(self.db(), id).await?.filter(|row| row.instance_id == instance);
        Ok(row.filter(|row| {
            let same = row.volume.as_deref().is_none_or(|volume| volume == name);
            same && row.maker != BackupMaker::Proxmox
        }))
    }

    /// Brings a row up to date with its volume.
    pub(crate) async fn take_in_backup_tx(
        &self,
        tx: &mut Tx,
        row: &Backup,
        place: Option<NodeName>,
        volume: &Volume,
    ) -> Result<bool, Error> {
        let now = self.clock().now();
        let mut after = row.clone();
        after.node = place;
        after.storage = volume.volid.storage().as_str().parse().unwrap_or(after.storage);
        after.volume = Some(volume.volid.to_string());
        after.size = volume.size.or(row.size);
        after.held = volume.protected;
        after.verified = verified(volume).or(row.verified);
        after.notes.clone_from(&volume.notes);
        after.taken_at = volume.made_at.or(row.taken_at);
        match row.state {
            BackupState::Pending | BackupState::Failed | BackupState::Lost => {
                (after.state, after.problem) = (BackupState::Ready, None);
                after.ended_at = Some(now);
            }
            // We thought that it was gone; it is to be.
            BackupState::Deleted => (after.state, after.due_at) = (BackupState::Deleting, Some(now)),
            BackupState::Ready | BackupState::Deleting => {}
        }
        if after == *row {
            return Ok(true);
        }
        // Where another row has this very volume, it is left to that one.
        Ok(!backups::is_taken(tx, &after).await? && backups::learn(tx, &after, row.state).await?)
    }

    async fn take_in_backup(&self, row: &Backup, shelf: &Shelf, volume: &Volume) -> Result<(), Error> {
        let mut tx = self.db().begin().await?;
        if self.take_in_backup_tx(&mut tx, row, shelf.place.clone(), volume).await? {
            tx.commit().await?;
        }
        Ok(())
    }

    /// A volume that none of our rows tells of: it is given to an instance of ours if it is certainly its own. Says
    /// whether the archive had to be opened.
    async fn open_stranger(
        &self,
        connection: &Connection,
        shelf: &Shelf,
        volume: &Volume,
    ) -> Result<bool, Error> {
        let cluster = connection.cluster.id;
        let Some(vmid) = volume.vmid.map(pve::Vmid::get) else { return Ok(false) };
        let made = volume.made_at.unwrap_or_default();
        let place = shelf.place.as_ref().map(ToString::to_string).unwrap_or_default();
        let key = (cluster, place, volume.volid.to_string(), made);
        if self.0.strangers.knows(&key) {
            return Ok(false);
        }
        // No instance ever had the number here: it cannot be one of ours, and need not be opened.
        let numbered = instances::numbered(self.db(), cluster, vmid).await?;
        if numbered.is_empty() {
            return Ok(false);
        }
        for instance in &numbered {
            // Proxmox writes the notes of a backup last: one that we make right now may not have them yet.
            let filter = backups::Filter { instance_id: Some(instance.id), project_ids: None };
            let newest = backups::list(self.db(), &filter, None, 20).await?;
            let making = instance.operation.is_some_and(|(_, verb)| verb == Verb::BackUp);
            if making || newest.iter().any(|backup| backup.state == BackupState::Pending) {
                return Ok(false);
            }
        }
        let (node, volid) = (shelf.by.clone(), volume.volid.clone());
        let inside = connection.call(|c| async move { c.backup_config(&node, &volid).await }).await;
        let config = match inside {
            Ok(config) => config,
            Err(CallError::Resting(_)) => return Ok(true),
            Err(CallError::Pve(error)) => {
                info!(%error, volume = %volume.volid, "the backup cannot be opened to see whose it is");
                return Ok(true);
            }
        };
        let owner = mark::read_archived(&config);
        let Some(instance) = numbered.into_iter().find(|instance| {
            Some(instance.id) == owner
                && volume.subtype.as_deref().is_none_or(|kind| kind == instance.kind.as_str())
        }) else {
            self.0.strangers.note(key);
            return Ok(true);
        };
        let found = found(&instance, shelf, volume, self.clock().now());
        let mut tx = self.db().begin().await?;
        match backups::insert(&mut tx, &found).await {
            Ok(()) => {
                info!(backup = %found.id, instance = %instance.id, "a backup made in Proxmox was found");
                tx.commit().await?;
            }
            // Another process found it too.
            Err(innkeeper_store::Error::Conflict(_)) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(true)
    }

    /// The volume of this row was not on its storage. `idle`: nothing was about to make it when we began to look.
    async fn not_there(&self, row: &Backup, idle: bool) -> Result<(), Error> {
        let now = self.clock().now();
        let mut after = row.clone();
        after.ended_at = Some(now);
        match row.state {
            BackupState::Pending if idle => {
                after.state = BackupState::Failed;
                after.problem = Some("nothing of it is on the storage".into());
            }
            BackupState::Ready => {
                after.state = BackupState::Lost;
                after.problem = Some("it is no longer on the storage; somebody has removed it there".into());
                warn!(backup = %row.id, instance = %row.instance_id, "a backup is no longer there");
            }
            // Whoever removes it sees for itself.
            _ => return Ok(()),
        }
        let mut tx = self.db().begin().await?;
        backups::learn(&mut tx, &after, row.state).await?;
        Ok(tx.commit().await?)
    }
}

impl super::Strangers {
    fn knows(&self, key: &(ClusterId, String, String, i64)) -> bool {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).contains(key)
    }

    fn note(&self, key: (ClusterId, String, String, i64)) {
        const MOST: usize = 100_000;
        let mut known = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(key);
    }
}

fn verified(volume: &Volume) -> Option<Verified> {
    volume.verification.as_ref().and_then(|found| found.state.parse().ok())
}

/// The row of a backup that was made in Proxmox.
fn found(instance: &Instance, shelf: &Shelf, volume: &Volume, now: Timestamp) -> Backup {
    let made = volume.made_at.map_or(now, |seconds| Timestamp(seconds.saturating_mul(1_000_000)));
    Backup {
        id: BackupId::new(),
        instance_id: instance.id,
        project_id: instance.project_id,
        cluster_id: instance.cluster_id,
        node: shelf.place.clone(),
        storage: shelf.storage.clone(),
        volume: Some(volume.volid.to_string()),
        kind: instance.kind,
        vmid: instance.vmid,
        // A disk never becomes smaller, so that this is enough whenever it was made.
        disk_gib: instance.size.disk_gib,
        size: volume.size,
        mode: None,
        maker: BackupMaker::Proxmox,
        schedule_id: None,
        state: BackupState::Ready,
        protected: false,
        held: volume.protected,
        verified: verified(volume),
        note: None,
        problem: None,
        notes: volume.notes.clone(),
        taken_at: volume.made_at,
        created_at: made,
        ended_at: Some(now),
        due_at: None,
    }
}

/// What lies on a storage, as this node sees it: of one guest, or of all.
pub(crate) async fn list(
    connection: &Connection,
    node: &NodeName,
    storage: &StorageName,
    guest: Option<pve::Vmid>,
) -> Result<(pve::NodeName, Vec<Volume>), CallError> {
    let node = pve::NodeName::new(node.as_str()).map_err(pve::Error::from)?;
    let storage = StorageId::new(storage.as_str()).map_err(pve::Error::from)?;
    let by = node.clone();
    let volumes = connection.call(|client| async move { client.backups(&by, &storage, guest).await }).await?;
    Ok((node, volumes.into_iter().filter(|volume| volume.content == "backup").collect()))
}
