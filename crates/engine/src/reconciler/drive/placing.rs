//! Placing: another node for an instance that has nothing yet, or another number.

use innkeeper_domain::instances::{Goal, Task};
use innkeeper_domain::operations::Fault;
use innkeeper_store::{templates, vmids};
use tracing::{info, warn};

use super::{BEFORE_MOVING, Drive, Flow};
use crate::Error;

impl Drive<'_> {
    /// A new instance whose node cannot be reached is placed on another one, once it is certain that nothing of it
    /// exists: the cluster's list knows every guest, on dead nodes too.
    pub(super) async fn try_elsewhere(&mut self) -> Result<bool, Error> {
        let course = &self.instance.course;
        let fresh = !course.born && course.wish.goal == Goal::Running && course.task == Task::None;
        if !fresh || course.attempts < BEFORE_MOVING {
            return Ok(false);
        }
        let Ok(vmid) = pve::Vmid::new(self.instance.vmid) else { return Ok(false) };
        match self.connection.call(|client| async move { client.find_guest(vmid).await }).await {
            Ok(None) => {}
            Ok(Some(_)) | Err(_) => return Ok(false),
        }
        let Some(template) = self.instance.template_id else { return Ok(false) };
        let sources = templates::sources(self.engine.db(), template).await?;
        let mut tx = self.engine.db().begin().await?;
        let placement = match self.engine.place_elsewhere(&mut tx, &self.instance, sources).await {
            Ok(placement) => placement,
            Err(Error::NoPlace(_)) => return Ok(false),
            Err(error) => return Err(error),
        };
        info!(from = %self.instance.node, to = %placement.node, "the node cannot be reached; placing elsewhere");
        self.instance.node = placement.node;
        self.instance.storage = placement.storage;
        self.instance.origin = placement.origin;
        self.instance.course.renumbered();
        Ok(matches!(self.save(tx).await?, Flow::On))
    }

    /// The number belongs to somebody else: leave it to them, and take the next.
    pub(super) async fn renumber(&mut self) -> Result<Flow, Error> {
        let mut tx = self.engine.db().begin().await?;
        let taken = self.instance.vmid;
        vmids::foreign(&mut tx, self.instance.cluster_id, taken).await?;
        let Some(vmid) = vmids::claim(&mut tx, self.instance.cluster_id, self.instance.id).await? else {
            tx.rollback().await?;
            let fault = Fault {
                code: "vmids_exhausted".into(),
                message: "the cluster has no free VMID left in its range; an operator must widen it".into(),
            };
            return self.give_up(fault).await;
        };
        warn!(taken, vmid, "the VMID belongs to another guest; taking the next");
        self.instance.vmid = vmid;
        self.instance.course.renumbered();
        self.save(tx).await
    }
}
