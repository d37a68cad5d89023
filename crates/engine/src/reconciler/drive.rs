//! Driving one instance: ask the planner for the next step, take it, write down what came of it, and again.
//!
//! The order of writes is what makes a crash harmless: before a call its intent is committed; after it, the task or
//! the outcome. Every write carries the fence of the claim, and changes nothing once another has claimed the
//! instance.

use std::sync::Arc;
use std::time::Duration;

use innkeeper_domain::events::Subject;
use innkeeper_domain::instances::{Act, Goal, Instance, Seen, Step, Task};
use innkeeper_domain::operations::{Fault, Operation, State, StepState, Verb};
use innkeeper_domain::retry::{self, Failure, Verdict};
use innkeeper_domain::time::Timestamp;
use innkeeper_store::slots::Taken;
use innkeeper_store::{Tx, events, instances, operations, slots, vmids};
use pve::{TaskOutcome, TaskStatus, Upid};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::acts::{self, Reply};
use super::find::{Found, find};
use super::{faults, look};
use crate::connections::{CallError, Connection};
use crate::instances::tell;
use crate::{Engine, Error};

/// What to do after a step.
enum Flow {
    /// Plan the next one.
    On,
    /// Nothing to do before this time.
    Later(Timestamp),
    /// The claim was given back.
    Resting,
    /// The operation has ended.
    Ended,
    /// Another has claimed the instance.
    Lost,
}

/// Pauses up to this long are slept through; longer ones give the claim back.
const NAP: Duration = Duration::from_secs(1);

/// Looks for an address before we say that there is none: with the pauses below, about a minute and a half.
const ADDRESS_LOOKS: u32 = 35;

/// The longest pause between two looks for something that is about to come.
const AWAIT_PAUSE: Duration = Duration::from_secs(3);

/// The shortest and the longest pause between two questions about a running task.
const SOONEST_POLL: Duration = Duration::from_millis(20);
const LATEST_POLL: Duration = Duration::from_secs(2);

/// A full gate is looked at again after this long even if nobody wakes us.
const GATE_SWEEP: Duration = Duration::from_secs(30);

/// How long an undo rests after an answer that would end any other operation.
const UNDO_PAUSE: Duration = Duration::from_mins(1);

/// Drives an instance that was just claimed.
pub(super) async fn drive(
    engine: &Engine,
    mut instance: Instance,
    stop: &CancellationToken,
) -> Result<(), Error> {
    let operation = match instance.operation {
        Some((id, _)) => operations::by_id(engine.db(), id).await?,
        None => None,
    };
    let Some(operation) = operation else {
        // Nobody asked for anything: nothing is due.
        let mut tx = engine.db().begin().await?;
        instances::schedule(&mut tx, instance.id, instance.fence, None, None).await?;
        return Ok(tx.commit().await?);
    };
    let connection = engine.connection(instance.cluster_id).await?;
    instance.course.resumed();
    let open = operation.steps.iter().rev().find(|step| step.state == StepState::Running);
    let step = open.map(|step| (step.seq, step.started_at));
    let mut drive = Drive { engine, connection, instance, operation, step };
    loop {
        let flow = if stop.is_cancelled() { Flow::Later(engine.clock().now()) } else { drive.step().await? };
        match flow {
            Flow::On => {}
            Flow::Later(at) if !stop.is_cancelled() && at.since(drive.now()) <= NAP => {
                let nap = tokio::time::sleep(at.since(drive.now()));
                tokio::select! { () = nap => {}, () = stop.cancelled() => {} }
            }
            Flow::Later(at) => return drive.rest(at).await,
            Flow::Resting | Flow::Ended | Flow::Lost => return Ok(()),
        }
    }
}

struct Drive<'a> {
    engine: &'a Engine,
    connection: Arc<Connection>,
    instance: Instance,
    operation: Operation,
    /// The number of the step that is open, if any, and when it began.
    step: Option<(i32, Timestamp)>,
}

impl Drive<'_> {
    fn now(&self) -> Timestamp {
        self.engine.clock().now()
    }

    /// Takes the next step.
    async fn step(&mut self) -> Result<Flow, Error> {
        let step = self.instance.course.next(self.now());
        debug!(?step, "next");
        match step {
            Step::Nothing => self.finish().await,
            Step::Look => self.look().await,
            Step::Find(act) => self.find(act).await,
            Step::Follow => self.follow().await,
            Step::Cancel => self.cancel().await,
            Step::Await => self.wait().await,
            Step::Do(act) => self.act(act).await,
            Step::Renumber => self.renumber().await,
            Step::Refuse(refusal) => self.give_up(faults::refused(refusal, self.instance.vmid)).await,
        }
    }

    async fn look(&mut self) -> Result<Flow, Error> {
        match look::look(&self.connection, &self.instance).await {
            Ok(sight) => {
                self.instance.course.saw(sight.seen);
                self.instance.seen_at = Some(self.now());
                if let Some(node) = sight.moved_to {
                    info!(from = %self.instance.node, to = %node, "the guest has moved");
                    self.instance.node = node;
                }
                if sight.address.is_some() {
                    self.instance.address = sight.address;
                }
                if sight.seen == Seen::Unknown {
                    self.instance.course.learnt_nothing();
                    return Ok(self.pause());
                }
                Ok(Flow::On)
            }
            Err(error) => self.no_answer(error).await,
        }
    }

    /// A reading call failed: nothing was learnt.
    async fn no_answer(&mut self, error: CallError) -> Result<Flow, Error> {
        let error = match error {
            CallError::Resting(until) => return Ok(Flow::Later(until)),
            CallError::Pve(error) => error,
        };
        self.instance.course.learnt_nothing();
        self.instance.problem = Some(error.to_string());
        if matches!(error, pve::Error::NodeUnreachable { .. }) && self.try_elsewhere().await? {
            return Ok(Flow::On);
        }
        let act = match self.instance.course.task {
            Task::Asked { act, .. } | Task::Running { act, .. } => act,
            Task::None => self.act_of_verb(),
        };
        match self.verdict(faults::failure(&error)) {
            // While a task may be running, its end must be seen: no giving up before that.
            Verdict::GiveUp if self.instance.course.task == Task::None => {
                self.give_up(faults::fault(act, &error)).await
            }
            Verdict::GiveUp => Ok(Flow::Later(self.now().after(UNDO_PAUSE))),
            Verdict::LookAt(at) => Ok(Flow::Later(at)),
        }
    }

    fn act_of_verb(&self) -> Act {
        match self.operation.verb {
            Verb::Create => Act::Create,
            Verb::Start => Act::Start,
            Verb::Shutdown => Act::Shutdown,
            Verb::Stop => Act::Stop,
            Verb::Reboot => Act::Reboot,
            Verb::Delete => Act::Delete,
        }
    }

    async fn find(&mut self, act: Act) -> Result<Flow, Error> {
        let Task::Asked { at: asked, .. } = self.instance.course.task else { return Ok(Flow::On) };
        let known = {
            let mut tx = self.engine.db().begin().await?;
            operations::upids(&mut tx, self.instance.id).await?
        };
        let found = match find(&self.connection, &self.instance, act, asked, &known).await {
            Ok(found) => found,
            Err(error) => return self.no_answer(error).await,
        };
        let settled = self.now() >= asked.after(self.engine.options().settle);
        match found {
            Found::Task(upid) => self.accepted(act, &upid).await,
            // A setting is there or it is not: the next look tells.
            Found::NoTrace if act == Act::Configure => self.not_found(act).await,
            Found::NoTrace | Found::Nothing if settled => self.not_found(act).await,
            Found::NoTrace | Found::Nothing => {
                let patience = self.engine.options().settle / 8;
                Ok(Flow::Later(self.now().after(patience.clamp(Duration::from_millis(10), NAP))))
            }
        }
    }

    async fn not_found(&mut self, act: Act) -> Result<Flow, Error> {
        let mut tx = self.engine.db().begin().await?;
        self.end_step(
            &mut tx,
            act,
            StepState::Failed,
            Some("the answer was lost, and there is no trace of the task"),
        )
        .await?;
        self.instance.course.not_found();
        self.instance.upid = None;
        self.free_slot(&mut tx).await?;
        self.save(tx).await
    }

    async fn follow(&mut self) -> Result<Flow, Error> {
        let Task::Running { act, cancelled } = self.instance.course.task else { return Ok(Flow::On) };
        let Some(upid) = self.instance.upid.as_deref().and_then(|text| text.parse::<Upid>().ok()) else {
            // A row that says «running» without saying what cannot be followed: what is there must tell.
            return self.not_found(act).await;
        };
        let asked = upid.clone();
        let status = self.connection.call(|client| async move { client.task(&asked).status().await }).await;
        match status {
            Ok(TaskStatus::Running) => {
                // A quarter of the time it has taken so far: quick tasks end quickly, long ones are not pestered.
                let begun = self.step.map_or(self.now(), |(_, at)| at);
                let pause = (self.now().since(begun) / 4).clamp(SOONEST_POLL, LATEST_POLL);
                Ok(Flow::Later(self.now().after(pause)))
            }
            Ok(TaskStatus::Ended(TaskOutcome::Ok)) => self.done(act, None).await,
            Ok(TaskStatus::Ended(TaskOutcome::Warnings(count))) => {
                self.done(act, Some(&format!("{count} warnings"))).await
            }
            Ok(TaskStatus::Ended(TaskOutcome::Failed(text))) if cancelled => {
                let mut tx = self.engine.db().begin().await?;
                self.end_step(&mut tx, act, StepState::Cancelled, Some(&text)).await?;
                self.instance.course.failed();
                self.instance.course.attempts = 0;
                self.instance.upid = None;
                self.free_slot(&mut tx).await?;
                self.save(tx).await
            }
            Ok(TaskStatus::Ended(outcome)) => {
                let Err(error) = outcome.into_result() else { return self.done(act, None).await };
                let failure = faults::task_failure(act, &error, self.instance.course.attempts);
                self.failed(act, failure, &error).await
            }
            Err(CallError::Pve(pve::Error::NotFound { .. })) => self.not_found(act).await,
            Err(error) => self.no_answer(error).await,
        }
    }

    async fn cancel(&mut self) -> Result<Flow, Error> {
        let Some(upid) = self.instance.upid.as_deref().and_then(|text| text.parse::<Upid>().ok()) else {
            self.instance.course.cancelled();
            return Ok(Flow::On);
        };
        let stopped = self.connection.call(|client| async move { client.task(&upid).stop().await }).await;
        match stopped {
            // A task that is gone has ended; following it tells how.
            Ok(()) | Err(CallError::Pve(pve::Error::NotFound { .. })) => {
                self.instance.course.cancelled();
                let tx = self.engine.db().begin().await?;
                self.save(tx).await
            }
            Err(error) => self.no_answer(error).await,
        }
    }

    /// Nothing to do but to look again: a lock, or an address that is not there yet.
    async fn wait(&mut self) -> Result<Flow, Error> {
        let now = self.now();
        let locked = !matches!(self.instance.course.seen, Seen::Present(guest) if !guest.locked);
        let late = self.operation.deadline.is_some_and(|deadline| now >= deadline);
        let undoing = self.operation.state == State::Undoing;
        if !undoing && (late || !locked && self.instance.course.attempts >= ADDRESS_LOOKS) {
            if !locked {
                // Everything but the address is as asked: the instance is complete, and it says what is missing.
                self.instance.course.born = true;
            }
            return self.give_up(faults::waited(locked)).await;
        }
        self.instance.course.learnt_nothing();
        self.instance.course.saw(Seen::Unknown);
        Ok(self.pause())
    }

    fn pause(&self) -> Flow {
        let pause =
            retry::pause(self.instance.course.attempts.saturating_sub(1), rand::random()).min(AWAIT_PAUSE);
        Flow::Later(self.now().after(pause))
    }

    async fn act(&mut self, act: Act) -> Result<Flow, Error> {
        if let Some(until) = self.connection.resting() {
            return Ok(Flow::Later(until));
        }
        if let Some(flow) = self.ask(act).await? {
            return Ok(flow);
        }
        match acts::perform(&self.connection, &self.instance, act).await {
            Ok(Reply::Task(upid)) => self.accepted(act, &upid).await,
            Ok(Reply::Done) => self.done(act, None).await,
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
            Err(CallError::Pve(error)) => match faults::failure(&error) {
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
    async fn ask(&mut self, act: Act) -> Result<Option<Flow>, Error> {
        let now = self.now();
        let limits = self.engine.options().limits;
        let node_gate = format!("node/{}", self.instance.node);
        let storage_gate = format!("storage/{}", self.instance.storage);
        let storage = (act == Act::Create).then_some((storage_gate.as_str(), limits.creates_per_storage));
        let mut tx = self.engine.db().begin().await?;
        let (id, cluster) = (self.instance.id, self.instance.cluster_id);
        let gate = match slots::take(&mut tx, id, cluster, &node_gate, limits.per_node, storage).await? {
            Taken::Yes => None,
            Taken::NodeFull => Some(node_gate),
            Taken::StorageFull => Some(storage_gate),
        };
        if let Some(gate) = gate {
            // In the transaction that found the gate full: whoever frees a place afterwards sees us waiting.
            if !instances::save(&mut tx, &self.instance).await? {
                tx.rollback().await?;
                return Ok(Some(Flow::Lost));
            }
            let (id, fence) = (self.instance.id, self.instance.fence);
            instances::schedule(&mut tx, id, fence, Some(now.after(GATE_SWEEP)), Some(&gate)).await?;
            tx.commit().await?;
            return Ok(Some(Flow::Resting));
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

    async fn accepted(&mut self, act: Act, upid: &Upid) -> Result<Flow, Error> {
        let text = upid.to_string();
        let mut tx = self.engine.db().begin().await?;
        let seq = self.open_step(&mut tx, act).await?;
        operations::step_upid(&mut tx, self.operation.id, seq, &text).await?;
        self.instance.course.accepted(act);
        self.instance.upid = Some(text);
        self.save(tx).await
    }

    async fn done(&mut self, act: Act, detail: Option<&str>) -> Result<Flow, Error> {
        let mut tx = self.engine.db().begin().await?;
        self.end_step(&mut tx, act, StepState::Done, detail).await?;
        self.instance.course.done(act);
        self.instance.upid = None;
        self.instance.problem = None;
        if matches!(act, Act::Stop | Act::Shutdown | Act::Delete) {
            self.instance.address = None;
        }
        self.free_slot(&mut tx).await?;
        self.save(tx).await
    }

    /// It was refused, or its task failed.
    async fn failed(&mut self, act: Act, failure: Failure, error: &pve::Error) -> Result<Flow, Error> {
        let mut tx = self.engine.db().begin().await?;
        self.end_step(&mut tx, act, StepState::Failed, Some(&error.to_string())).await?;
        self.instance.course.failed();
        self.instance.upid = None;
        self.instance.problem = Some(error.to_string());
        self.free_slot(&mut tx).await?;
        if let lost @ Flow::Lost = self.save(tx).await? {
            return Ok(lost);
        }
        if matches!(error, pve::Error::NodeUnreachable { .. }) && self.try_elsewhere().await? {
            return Ok(Flow::On);
        }
        match self.verdict(failure) {
            Verdict::GiveUp => self.give_up(faults::fault(act, error)).await,
            Verdict::LookAt(at) => Ok(Flow::Later(at)),
        }
    }

    fn verdict(&self, failure: Failure) -> Verdict {
        let deadline = if self.operation.state == State::Undoing { None } else { self.operation.deadline };
        retry::after(failure, self.instance.course.attempts, rand::random(), self.now(), deadline)
    }

    /// A new instance whose node cannot be reached is placed on another one, once it is certain that nothing of it
    /// exists: the cluster's list knows every guest, on dead nodes too.
    async fn try_elsewhere(&mut self) -> Result<bool, Error> {
        let course = &self.instance.course;
        let fresh = !course.born && course.wish.goal == Goal::Running && course.task == Task::None;
        if !fresh || course.attempts < 2 {
            return Ok(false);
        }
        let Ok(vmid) = pve::Vmid::new(self.instance.vmid) else { return Ok(false) };
        match self.connection.call(|client| async move { client.find_guest(vmid).await }).await {
            Ok(None) => {}
            Ok(Some(_)) | Err(_) => return Ok(false),
        }
        let (tx, placement) = match self.engine.place_elsewhere(&self.instance).await {
            Ok(found) => found,
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
    async fn renumber(&mut self) -> Result<Flow, Error> {
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

    /// Wish and world agree.
    async fn finish(&mut self) -> Result<Flow, Error> {
        let now = self.now();
        let undone = self.operation.state == State::Undoing;
        let state = if undone { State::Failed } else { State::Succeeded };
        let mut tx = self.engine.db().begin().await?;
        operations::set_state(&mut tx, self.operation.id, state, self.operation.fault.as_ref(), Some(now))
            .await?;
        self.operation.state = state;
        if self.instance.course.wish.goal == Goal::Absent {
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
    async fn give_up(&mut self, fault: Fault) -> Result<Flow, Error> {
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
    async fn end(&mut self, mut tx: Tx, now: Timestamp) -> Result<Flow, Error> {
        self.instance.operation = None;
        self.free_slot(&mut tx).await?;
        self.tell_operation(&mut tx, self.operation.state.as_str()).await?;
        if !instances::save(&mut tx, &self.instance).await? {
            tx.rollback().await?;
            return Ok(Flow::Lost);
        }
        tell(&mut tx, &self.instance, now).await?;
        instances::schedule(&mut tx, self.instance.id, self.instance.fence, None, None).await?;
        tx.commit().await?;
        info!(verb = %self.operation.verb, state = %self.operation.state, "operation ended");
        Ok(Flow::Ended)
    }

    /// Writes the instance and gives the claim back until `at`.
    async fn rest(&mut self, at: Timestamp) -> Result<(), Error> {
        let mut tx = self.engine.db().begin().await?;
        if instances::save(&mut tx, &self.instance).await? {
            instances::schedule(&mut tx, self.instance.id, self.instance.fence, Some(at), None).await?;
        }
        Ok(tx.commit().await?)
    }

    async fn save(&self, mut tx: Tx) -> Result<Flow, Error> {
        if instances::save(&mut tx, &self.instance).await? {
            tx.commit().await?;
            Ok(Flow::On)
        } else {
            tx.rollback().await?;
            Ok(Flow::Lost)
        }
    }

    /// The number of the open step; a task that an earlier operation began gets a step of its own here.
    async fn open_step(&mut self, tx: &mut Tx, act: Act) -> Result<i32, Error> {
        if let Some((seq, _)) = self.step {
            return Ok(seq);
        }
        let now = self.now();
        let seq = operations::begin_step(tx, self.operation.id, act, now).await?;
        self.step = Some((seq, now));
        Ok(seq)
    }

    async fn end_step(
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
    async fn free_slot(&self, tx: &mut Tx) -> Result<(), Error> {
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

    async fn tell_operation(&self, tx: &mut Tx, what: &str) -> Result<(), Error> {
        let id = self.operation.id.to_string();
        let project = Some(self.operation.project_id);
        Ok(events::append(tx, self.now(), project, Subject::Operation, &id, what).await?)
    }
}
