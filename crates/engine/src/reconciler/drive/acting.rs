//! Acting: the intent is committed, the call is made, and what came of it is written down.

use std::time::Duration;

use innkeeper_domain::instances::Act;
use innkeeper_domain::operations::{Fault, State, StepState, Verb};
use innkeeper_domain::retry::{Failure, Verdict};
use innkeeper_store::slots::Taken;
use innkeeper_store::{instances, operations, slots};
use pve::Upid;
use tracing::warn;

use super::super::acts::{self, Reply};
use super::super::{faults, guest_ref};
use super::{Drive, Flow};
use crate::connections::CallError;
use crate::{Error, restrictions, usage};

/// A full gate is looked at again after this long even if nobody wakes us.
const GATE_SWEEP: Duration = Duration::from_secs(30);

/// Longer than a nap, so that the claim is given back and the host is waited for.
const NODE_ASLEEP: Duration = Duration::from_secs(2);

impl Drive<'_> {
    pub(super) async fn act(&mut self, act: Act) -> Result<Flow, Error> {
        if let Some(until) = self.connection.resting() {
            return Ok(Flow::Later(until));
        }
        if let Some(flow) = self.ask(act).await? {
            return Ok(flow);
        }
        let dressed = self.engine.with_management_key(&self.instance, act).await?;
        match acts::perform(&self.connection, &dressed, act, self.operation.errand.as_ref()).await {
            Ok(Reply::Task(upid)) => self.accepted(act, &upid).await,
            Ok(Reply::Done) => self.done(act, None).await,
            Ok(Reply::Refused(fault)) => self.refused(act, fault).await,
            Err(CallError::Resting(until)) => {
                let mut tx = self.engine.db().begin().await?;
                self.end_step(
                    &mut tx,
                    act,
                    StepState::Failed,
                    Some("the cluster does not answer; nothing was asked"),
                )
                .await?;
                self.instance.course.not_found();
                self.free_slot(&mut tx).await?;
                Ok(match self.save(tx).await? {
                    Flow::On => Flow::Later(until),
                    other => other,
                })
            }
            Err(CallError::Pve(error)) => match faults::act_failure(act, &error) {
                Failure::Unknown => {
                    warn!(%act, %error, "the outcome is not known; looking for it");
                    self.instance.course.learnt_nothing();
                    self.instance.problem = Some(error.to_string());
                    Ok(Flow::On)
                }
                failure => self.failed(act, failure, &error).await,
            },
        }
    }

    /// Commits the intent and takes a place at the gates. Some flow when it cannot be done now.
    pub(super) async fn ask(&mut self, act: Act) -> Result<Option<Flow>, Error> {
        let now = self.now();
        let limits = self.engine.options().limits;
        // A node saves one guest at a time, for hours perhaps: those that wait must not keep others from being started.
        let (node_gate, per_node) = match act {
            Act::BackUp => (format!("backup/{}", self.instance.node), 1),
            _ => (format!("node/{}", self.instance.node), limits.per_node),
        };
        let storage_gate = format!("storage/{}", self.instance.storage);
        let storage = matches!(act, Act::Create | Act::Restore)
            .then_some((storage_gate.as_str(), limits.creates_per_storage));
        let mut tx = self.engine.db().begin().await?;
        if restrictions::binds_act(act) && self.operation.state != State::Undoing {
            // The last word before anything runs, whoever asked for it and when.
            if let Some(restriction) = restrictions::in_the_way(&mut tx, self.instance.project_id).await? {
                tx.rollback().await?;
                return self.give_up(faults::restricted(restriction)).await.map(Some);
            }
        }
        if !self.host_serves(&mut tx).await? {
            tx.rollback().await?;
            return Ok(Some(Flow::Later(now.after(NODE_ASLEEP))));
        }
        let (id, cluster) = (self.instance.id, self.instance.cluster_id);
        let gate = match slots::take(&mut tx, id, cluster, &node_gate, per_node, storage).await? {
            Taken::Yes => None,
            Taken::NodeFull => Some(node_gate),
            Taken::StorageFull => Some(storage_gate),
        };
        if let Some(gate) = gate {
            // In the transaction that found the gate full: whoever frees a place afterwards sees us waiting.
            if !usage::save(&mut tx, &mut self.instance, now).await? {
                tx.rollback().await?;
                return Ok(Some(Flow::Lost));
            }
            let (id, fence) = (self.instance.id, self.instance.fence);
            instances::schedule(&mut tx, id, fence, Some(now.after(GATE_SWEEP)), Some(&gate)).await?;
            tx.commit().await?;
            return Ok(Some(Flow::Resting));
        }
        if act == Act::Create {
            self.engine.forget_guest(&mut tx, id).await?;
        }
        self.instance.course.ask(act, now);
        self.instance.upid = None;
        self.step = Some((operations::begin_step(&mut tx, self.operation.id, act, now).await?, now));
        if self.operation.state == State::Pending {
            self.operation.state = State::Running;
            operations::set_state(&mut tx, self.operation.id, State::Running, None, None).await?;
        }
        self.tell_operation(&mut tx, act.as_str()).await?;
        match self.save(tx).await? {
            Flow::On => Ok(None),
            other => Ok(Some(other)),
        }
    }

    pub(super) async fn accepted(&mut self, act: Act, upid: &Upid) -> Result<Flow, Error> {
        let text = upid.to_string();
        let mut tx = self.engine.db().begin().await?;
        let seq = self.open_step(&mut tx, act).await?;
        operations::step_upid(&mut tx, self.operation.id, seq, &text).await?;
        self.instance.course.accepted(act);
        self.instance.upid = Some(text);
        self.save(tx).await
    }

    pub(super) async fn done(&mut self, act: Act, detail: Option<&str>) -> Result<Flow, Error> {
        let mut detail = detail.map(str::to_owned);
        let starts = matches!(act, Act::Start | Act::Reboot | Act::Stop | Act::Shutdown | Act::Restore);
        if act == Act::Configure || starts && !self.instance.pending.is_empty() {
            self.note_pending().await;
        }
        if act == Act::Configure && !self.instance.pending.is_empty() {
            let waiting = self.instance.pending.join(", ");
            detail = Some(format!("takes effect at the next start: {waiting}"));
        }
        if matches!(act, Act::Snapshot | Act::Rollback | Act::DropSnapshot | Act::Restore)
            || act == Act::Create && self.operation.verb == Verb::Rebuild
        {
            self.engine.look_at_snapshots(&self.instance).await?;
        }
        let mut tx = self.engine.db().begin().await?;
        self.end_step(&mut tx, act, StepState::Done, detail.as_deref()).await?;
        self.instance.course.done(act);
        self.instance.upid = None;
        self.instance.problem = None;
        if matches!(act, Act::Stop | Act::Shutdown | Act::Delete) {
            self.instance.address = None;
        }
        self.free_slot(&mut tx).await?;
        self.save(tx).await
    }

    /// It cannot be, as we found before asking for it.
    async fn refused(&mut self, act: Act, fault: Fault) -> Result<Flow, Error> {
        let mut tx = self.engine.db().begin().await?;
        self.end_step(&mut tx, act, StepState::Failed, Some(&fault.message)).await?;
        self.instance.course.failed();
        self.free_slot(&mut tx).await?;
        match self.save(tx).await? {
            Flow::On => self.give_up(fault).await,
            other => Ok(other),
        }
    }

    /// Which settings wait for the next start; what cannot be read now is left as it was known.
    pub(super) async fn note_pending(&mut self) {
        let Ok(at) = guest_ref(&self.instance) else { return };
        let asked = self.connection.call(|client| async move { client.guest(&at).pending().await }).await;
        if let Ok(options) = asked {
            self.instance.pending =
                options.into_iter().filter(pve::PendingOption::waits).map(|o| o.key).collect();
        }
    }

    /// It was refused, or its task failed.
    pub(super) async fn failed(
        &mut self,
        act: Act,
        failure: Failure,
        error: &pve::Error,
    ) -> Result<Flow, Error> {
        let mut tx = self.engine.db().begin().await?;
        self.end_step(&mut tx, act, StepState::Failed, Some(&error.to_string())).await?;
        self.instance.course.failed();
        self.instance.upid = None;
        self.instance.problem = Some(error.to_string());
        self.free_slot(&mut tx).await?;
        if let lost @ Flow::Lost = self.save(tx).await? {
            return Ok(lost);
        }
        match self.verdict(failure) {
            Verdict::GiveUp => self.give_up(faults::fault(act, error)).await,
            Verdict::LookAt(at) => self.again(error, at).await,
        }
    }
}
