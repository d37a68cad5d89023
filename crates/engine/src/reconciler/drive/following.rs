//! Following: what became of a call whose answer was lost, and how a running task goes.

use std::time::Duration;

use innkeeper_domain::instances::{Act, Task};
use innkeeper_domain::operations::StepState;
use innkeeper_domain::retry::Failure;
use innkeeper_store::operations;
use pve::{TaskOutcome, TaskStatus, Upid};
use tracing::warn;

use super::super::faults;
use super::super::find::{Found, find};
use super::{Drive, Flow, NAP};
use crate::Error;
use crate::connections::CallError;

/// The shortest and the longest pause between two questions about a running task.
const SOONEST_POLL: Duration = Duration::from_millis(20);
const LATEST_POLL: Duration = Duration::from_secs(2);

impl Drive<'_> {
    pub(super) async fn find(&mut self, act: Act) -> Result<Flow, Error> {
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
            Found::NoTrace if matches!(act, Act::Configure | Act::Guard) => self.not_found(act).await,
            Found::NoTrace | Found::Nothing if settled => self.not_found(act).await,
            Found::NoTrace | Found::Nothing => {
                let patience = self.engine.options().settle / 8;
                Ok(Flow::Later(self.now().after(patience.clamp(Duration::from_millis(10), NAP))))
            }
        }
    }

    pub(super) async fn not_found(&mut self, act: Act) -> Result<Flow, Error> {
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

    pub(super) async fn follow(&mut self) -> Result<Flow, Error> {
        let Task::Running { act, cancelled } = self.instance.course.task else { return Ok(Flow::On) };
        let Some(upid) = self.instance.upid.as_deref().and_then(|text| text.parse::<Upid>().ok()) else {
            // A row that says «running» without saying what cannot be followed: what is there must tell.
            return self.not_found(act).await;
        };
        let asked = upid.clone();
        let status = self.connection.call(|client| async move { client.task(&asked).status().await }).await;
        match status {
            // Begun by an earlier operation: whoever follows this one is shown what it waits for.
            Ok(TaskStatus::Running) if self.step.is_none() => {
                let mut tx = self.engine.db().begin().await?;
                let seq = self.open_step(&mut tx, act).await?;
                operations::step_upid(&mut tx, self.operation.id, seq, &upid.to_string()).await?;
                self.tell_operation(&mut tx, act.as_str()).await?;
                self.save(tx).await
            }
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

    pub(super) async fn cancel(&mut self) -> Result<Flow, Error> {
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
            Err(CallError::Pve(error)) if faults::failure(&error) == Failure::Permanent => {
                warn!(%error, "the task cannot be told to stop; waiting for its end");
                self.instance.course.cancelled();
                let tx = self.engine.db().begin().await?;
                self.save(tx).await
            }
            Err(error) => self.no_answer(error).await,
        }
    }
}
