//! Ending: with success, or with a reason; a create that failed is undone first.

use innkeeper_domain::instances::{Goal, Seen};
use innkeeper_domain::operations::{Fault, State, Verb};
use innkeeper_domain::time::Timestamp;
use innkeeper_store::{Tx, instances, operations, vmids};
use tracing::{info, warn};

use super::{Drive, Flow, UNDO_PAUSE};
use crate::instances::tell;
use crate::{Error, usage};

impl Drive<'_> {
    /// Wish and world agree.
    pub(super) async fn finish(&mut self) -> Result<Flow, Error> {
        let now = self.now();
        let undone = self.operation.state == State::Undoing;
        let state = if undone { State::Failed } else { State::Succeeded };
        let mut tx = self.engine.db().begin().await?;
        operations::set_state(&mut tx, self.operation.id, state, self.operation.fault.as_ref(), Some(now))
            .await?;
        self.operation.state = state;
        if self.instance.course.wish.goal == Goal::Absent {
            if let Seen::Present(_) = self.instance.course.seen {
                // Perhaps it is ours after all, and somebody has edited its description: only a person can tell.
                let (vmid, node) = (self.instance.vmid, &self.instance.node);
                warn!(vmid, %node, "the guest does not carry our mark and was left as it is; an operator should look at it");
            }
            self.instance.address = None;
            // Whatever has the number now is not ours, or there is nothing.
            self.instance.course.saw(Seen::Absent);
        } else {
            self.instance.course.born = true;
        }
        if self.operation.verb == Verb::Delete {
            self.instance.deleted_at = Some(now);
            vmids::release(&mut tx, self.instance.cluster_id, self.instance.vmid).await?;
        }
        self.instance.problem =
            self.operation.fault.as_ref().filter(|_| undone).map(|fault| fault.message.clone());
        self.end(tx, now).await
    }

    /// It will not work: what was begun is undone, and the reason is kept.
    pub(super) async fn give_up(&mut self, fault: Fault) -> Result<Flow, Error> {
        let now = self.now();
        self.instance.problem = Some(fault.message.clone());
        if self.operation.state == State::Undoing {
            // An undo is never given up: it would leave an orphan behind.
            warn!(fault = fault.message, "undoing is held up");
            return Ok(Flow::Later(now.after(UNDO_PAUSE)));
        }
        info!(verb = %self.operation.verb, code = fault.code, message = fault.message, "giving up");
        let mut tx = self.engine.db().begin().await?;
        if self.operation.verb == Verb::Create && !self.instance.course.born {
            operations::set_state(&mut tx, self.operation.id, State::Undoing, Some(&fault), None).await?;
            self.operation.state = State::Undoing;
            self.operation.fault = Some(fault);
            self.instance.course.wish_for(Verb::Delete.wish(now, false));
            self.tell_operation(&mut tx, State::Undoing.as_str()).await?;
            return self.save(tx).await;
        }
        operations::set_state(&mut tx, self.operation.id, State::Failed, Some(&fault), Some(now)).await?;
        self.operation.state = State::Failed;
        self.end(tx, now).await
    }

    /// Closes the operation: nothing is due for the instance any more.
    pub(super) async fn end(&mut self, mut tx: Tx, now: Timestamp) -> Result<Flow, Error> {
        self.instance.operation = None;
        self.free_slot(&mut tx).await?;
        self.tell_operation(&mut tx, self.operation.state.as_str()).await?;
        if !usage::save(&mut tx, &mut self.instance, now).await? {
            tx.rollback().await?;
            return Ok(Flow::Lost);
        }
        if self.instance.course.wish.goal == Goal::Absent && self.instance.course.seen == Seen::Absent {
            self.engine.settle(&mut tx, self.instance.id, now).await?;
        }
        tell(&mut tx, &self.instance, now).await?;
        instances::schedule(&mut tx, self.instance.id, self.instance.fence, None, None).await?;
        tx.commit().await?;
        info!(verb = %self.operation.verb, state = %self.operation.state, "operation ended");
        Ok(Flow::Ended)
    }
}
