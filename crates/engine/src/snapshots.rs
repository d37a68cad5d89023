//! Snapshots of instances: asking for them, going back to them, and which there are as last seen in Proxmox.

use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::events::Subject;
use innkeeper_domain::ids::InstanceId;
use innkeeper_domain::instances::{Errand, Instance, Kind, State};
use innkeeper_domain::names::SnapshotName;
use innkeeper_domain::operations::{Operation, Verb};
use innkeeper_domain::snapshots::{MOST, Snapshot};
use innkeeper_domain::time::Timestamp;
use innkeeper_store::{events, snapshots};

use crate::connections::CallError;
use crate::reconciler::guest_ref;
use crate::{Engine, Error, Idempotency};

/// How long somebody who insists on a fresh look waits for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest description.
const LONGEST: usize = 500;

/// A snapshot to be made.
#[derive(Clone, Debug)]
pub struct NewSnapshot {
    /// Its name, unique in the instance; none means one by the date.
    pub name: Option<SnapshotName>,
    /// What people say of it.
    pub description: String,
    /// What is in memory, too.
    pub memory: bool,
}

impl Engine {
    /// The snapshots of an instance, and when they were last read. With `fresh` they are read now, unless the cluster
    /// does not answer in time; what was read last is answered then.
    pub async fn snapshots(
        &self,
        actor: &Actor,
        id: InstanceId,
        fresh: bool,
    ) -> Result<(Vec<Snapshot>, Option<Timestamp>), Error> {
        let instance = self.instance(actor, id).await?;
        if fresh {
            self.look_at_snapshots(&instance).await?;
        }
        Ok(snapshots::of_instance(self.db(), id).await?)
    }

    /// Asks for a snapshot.
    pub async fn create_snapshot(
        &self,
        actor: &Actor,
        id: InstanceId,
        new: NewSnapshot,
        key: Option<&Idempotency>,
    ) -> Result<Operation, Error> {
        let instance = self.instance_to(actor, id, Verb::Snapshot).await?;
        if new.memory && instance.kind == Kind::Lxc {
            return Err(Error::invalid(
                "memory",
                "what a container has in memory cannot be kept; leave it out",
            ));
        }
        if new.memory && !matches!(instance.state(), State::Running | State::Paused) {
            return Err(Error::invalid(
                "memory",
                "the machine does not run and has nothing in memory; leave it out",
            ));
        }
        if new.description.len() > LONGEST || new.description.chars().any(|c| c.is_control() && c != '\n') {
            return Err(Error::invalid(
                "description",
                format!("give at most {LONGEST} printable characters"),
            ));
        }
        let name = match new.name {
            Some(name) => name,
            None => self.name_by_date()?,
        };
        let (known, _) = snapshots::of_instance(self.db(), id).await?;
        if let Some(before) = self.answered(actor, key).await? {
            return Ok(before);
        }
        check_room(&known, &name)?;
        let errand = Errand::Snapshot { name, description: new.description, memory: new.memory };
        self.once(actor, id, Verb::Snapshot, errand, key).await
    }

    /// Asks for an instance to be brought back to a snapshot.
    pub async fn roll_back(
        &self,
        actor: &Actor,
        id: InstanceId,
        name: SnapshotName,
        key: Option<&Idempotency>,
    ) -> Result<Operation, Error> {
        let instance = self.instance_to(actor, id, Verb::Rollback).await?;
        if let Some(before) = self.answered(actor, key).await? {
            return Ok(before);
        }
        self.known_snapshot(&instance, &name).await?;
        self.once(actor, id, Verb::Rollback, Errand::Rollback { name }, key).await
    }

    /// Asks for a snapshot to be removed.
    pub async fn delete_snapshot(
        &self,
        actor: &Actor,
        id: InstanceId,
        name: SnapshotName,
        key: Option<&Idempotency>,
    ) -> Result<Operation, Error> {
        let instance = self.instance_to(actor, id, Verb::DropSnapshot).await?;
        if let Some(before) = self.answered(actor, key).await? {
            return Ok(before);
        }
        self.known_snapshot(&instance, &name).await?;
        self.once(actor, id, Verb::DropSnapshot, Errand::DropSnapshot { name }, key).await
    }

    /// The answer to a retry of what has been done meanwhile: as it was then.
    async fn answered(&self, actor: &Actor, key: Option<&Idempotency>) -> Result<Option<Operation>, Error> {
        if key.is_none() {
            return Ok(None);
        }
        let mut tx = self.db().begin().await?;
        let before = self.replay(&mut tx, actor, key).await?;
        tx.rollback().await?;
        Ok(before)
    }

    /// That the instance has this snapshot; one that we do not know may have been made in Proxmox since the last look.
    pub(crate) async fn known_snapshot(&self, instance: &Instance, name: &SnapshotName) -> Result<(), Error> {
        if !snapshots::has(self.db(), instance.id, name).await? {
            self.look_at_snapshots(instance).await?;
            if !snapshots::has(self.db(), instance.id, name).await? {
                return Err(Error::NotFound("snapshot"));
            }
        }
        Ok(())
    }

    /// Reads which snapshots there are. A cluster that does not answer is no failure: what was read last stays.
    pub(crate) async fn look_at_snapshots(&self, instance: &Instance) -> Result<(), Error> {
        if instance.deleted_at.is_some() {
            return Ok(());
        }
        let connection = self.connection(instance.cluster_id).await?;
        let Ok(at) = guest_ref(instance) else { return Ok(()) };
        let read = connection.call(|client| async move { client.guest(&at).snapshots().await });
        match tokio::time::timeout(PATIENCE, read).await {
            Ok(Ok(found)) => self.note_snapshots(instance, &found).await,
            // There is no guest, and so there are no snapshots of it.
            Ok(Err(CallError::Pve(pve::Error::GuestMissing { .. }))) => {
                self.note_snapshots(instance, &[]).await
            }
            Ok(Err(_)) | Err(_) => Ok(()),
        }
    }

    async fn note_snapshots(&self, instance: &Instance, found: &[pve::Snapshot]) -> Result<(), Error> {
        let now = self.clock().now();
        let found: Vec<Snapshot> = found.iter().filter_map(|snapshot| read(instance, snapshot)).collect();
        let mut tx = self.db().begin().await?;
        if snapshots::replace(&mut tx, instance.id, &found, now).await? {
            let id = instance.id.to_string();
            events::append(&mut tx, now, Some(instance.project_id), Subject::Instance, &id, "snapshots")
                .await?;
        }
        Ok(tx.commit().await?)
    }

    fn name_by_date(&self) -> Result<SnapshotName, Error> {
        let now = self.clock().now().to_string();
        let digits: String = now.chars().filter(char::is_ascii_digit).take(14).collect();
        format!("snap-{digits}")
            .parse()
            .map_err(|error: innkeeper_domain::names::BadName| Error::Internal(error.to_string()))
    }
}

fn check_room(known: &[Snapshot], name: &SnapshotName) -> Result<(), Error> {
    if known.iter().any(|snapshot| snapshot.name == *name) {
        return Err(Error::conflict(
            "name_taken",
            format!("the instance has a snapshot named {name} already"),
        ));
    }
    if known.len() >= MOST {
        let message = format!("an instance keeps at most {MOST} snapshots; delete one first");
        return Err(Error::conflict("too_many_snapshots", message));
    }
    Ok(())
}

/// A snapshot whose name we would not give cannot be named in a request either, and is left out.
fn read(instance: &Instance, snapshot: &pve::Snapshot) -> Option<Snapshot> {
    Some(Snapshot {
        instance_id: instance.id,
        name: snapshot.name.parse().ok()?,
        description: snapshot.description.clone(),
        memory: snapshot.with_memory,
        parent: snapshot.parent.clone(),
        made_at: snapshot.made_at.map(|seconds| Timestamp(seconds.saturating_mul(1_000_000))),
    })
}
