//! Writing: the row, its steps, its place at the gates, and the events; always under the fence of the claim.

use innkeeper_domain::events::Subject;
use innkeeper_domain::instances::Act;
use innkeeper_domain::operations::StepState;
use innkeeper_domain::time::Timestamp;
use innkeeper_store::{Tx, events, instances, operations, slots};

use super::{Drive, Flow};
use crate::{Error, usage};

impl Drive<'_> {
    /// Writes the instance and gives the claim back until `at`.
    pub(super) async fn rest(&mut self, at: Timestamp) -> Result<(), Error> {
        let now = self.now();
        let mut tx = self.engine.db().begin().await?;
        if usage::save(&mut tx, &mut self.instance, now).await? {
            instances::schedule(&mut tx, self.instance.id, self.instance.fence, Some(at), None).await?;
        }
        Ok(tx.commit().await?)
    }

    pub(super) async fn save(&mut self, mut tx: Tx) -> Result<Flow, Error> {
        let now = self.now();
        if usage::save(&mut tx, &mut self.instance, now).await? {
            tx.commit().await?;
            Ok(Flow::On)
        } else {
            tx.rollback().await?;
            Ok(Flow::Lost)
        }
    }

    /// The number of the open step; a task that an earlier operation began gets a step of its own here.
    pub(super) async fn open_step(&mut self, tx: &mut Tx, act: Act) -> Result<i32, Error> {
        if let Some((seq, _)) = self.step {
            return Ok(seq);
        }
        let now = self.now();
        let seq = operations::begin_step(tx, self.operation.id, act, now).await?;
        self.step = Some((seq, now));
        Ok(seq)
    }

    pub(super) async fn end_step(
        &mut self,
        tx: &mut Tx,
        act: Act,
        state: StepState,
        detail: Option<&str>,
    ) -> Result<(), Error> {
        let seq = self.open_step(tx, act).await?;
        self.step = None;
        operations::end_step(tx, self.operation.id, seq, state, detail, self.now()).await?;
        self.tell_operation(tx, &format!("{act} {state}")).await
    }

    /// Gives the place at the gates to whoever waits there.
    pub(super) async fn free_slot(&self, tx: &mut Tx) -> Result<(), Error> {
        const WAKE: i64 = 4;
        let Some((cluster, node, storage)) = slots::give_back(tx, self.instance.id).await? else {
            return Ok(());
        };
        let mut gates = vec![node.as_str()];
        gates.extend(storage.as_deref());
        if instances::open_gate(tx, cluster, &gates, self.now(), WAKE).await? > 0 {
            tx.wake(innkeeper_store::Topic::Work);
        }
        Ok(())
    }

    pub(super) async fn tell_operation(&self, tx: &mut Tx, what: &str) -> Result<(), Error> {
        let id = self.operation.id.to_string();
        let project = Some(self.operation.project_id);
        Ok(events::append(tx, self.now(), project, Subject::Operation, &id, what).await?)
    }
}
