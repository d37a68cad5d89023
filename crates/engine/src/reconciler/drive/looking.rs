//! Looking: at the guest, and what to do when there was no answer.

use std::time::Duration;

use innkeeper_domain::instances::{Act, Seen, Task};
use innkeeper_domain::operations::{State, Verb};
use innkeeper_domain::retry::{self, Failure, Verdict};
use innkeeper_domain::time::Timestamp;
use tracing::info;

use super::super::{faults, look};
use super::{BEFORE_MOVING, Drive, Flow, UNDO_PAUSE};
use crate::Error;
use crate::connections::CallError;

/// Looks for an address before we say that there is none: with the pauses below, about a minute and a half.
const ADDRESS_LOOKS: u32 = 35;

/// The longest pause between two looks for something that is about to come.
const AWAIT_PAUSE: Duration = Duration::from_secs(3);

impl Drive<'_> {
    pub(super) async fn look(&mut self) -> Result<Flow, Error> {
        match look::look(&self.connection, &self.instance).await {
            Ok(sight) => {
                self.instance.course.saw(sight.seen);
                self.instance.seen_at = Some(self.now());
                self.measured = sight.size.or(self.measured);
                self.measure_disks(sight.disks);
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
    pub(super) async fn no_answer(&mut self, error: CallError) -> Result<Flow, Error> {
        let error = match error {
            CallError::Resting(until) => return Ok(Flow::Later(until)),
            CallError::Pve(error) => error,
        };
        self.instance.course.learnt_nothing();
        self.instance.problem = Some(error.to_string());
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
            Verdict::LookAt(at) => self.again(&error, at).await,
        }
    }

    /// Tries again at this time; elsewhere, when the node cannot be reached. Only the first change of nodes happens at
    /// once: with all of them away, we would go round without a pause.
    pub(super) async fn again(&mut self, error: &pve::Error, at: Timestamp) -> Result<Flow, Error> {
        let moves = matches!(error, pve::Error::NodeUnreachable { .. }) && self.try_elsewhere().await?;
        Ok(if moves && self.instance.course.attempts <= BEFORE_MOVING { Flow::On } else { Flow::Later(at) })
    }

    pub(super) fn act_of_verb(&self) -> Act {
        if let Some(errand) = &self.operation.errand {
            return errand.act();
        }
        match self.operation.verb {
            Verb::Create | Verb::Rebuild => Act::Create,
            Verb::Start => Act::Start,
            Verb::Shutdown | Verb::Trash => Act::Shutdown,
            Verb::Stop => Act::Stop,
            Verb::Pause => Act::Pause,
            Verb::Resume => Act::Resume,
            Verb::Reboot => Act::Reboot,
            Verb::Resize | Verb::Update => Act::Configure,
            Verb::Snapshot => Act::Snapshot,
            Verb::Rollback => Act::Rollback,
            Verb::DropSnapshot => Act::DropSnapshot,
            Verb::BackUp => Act::BackUp,
            Verb::Restore => Act::Restore,
            Verb::Migrate => Act::Migrate,
            Verb::Delete => Act::Delete,
        }
    }

    /// Nothing to do but to look again: a lock, or an address that is not there yet.
    pub(super) async fn wait(&mut self) -> Result<Flow, Error> {
        let now = self.now();
        let locked = !matches!(self.instance.course.seen, Seen::Present(guest) if !guest.locked);
        let late = self.operation.deadline.is_some_and(|deadline| now >= deadline);
        let undoing = self.operation.state == State::Undoing;
        if !locked && !undoing && !self.operation.verb.starts() {
            // It ran all the while: whether it says where is none of this operation's business.
            return self.finish().await;
        }
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

    pub(super) fn pause(&self) -> Flow {
        let pause =
            retry::pause(self.instance.course.attempts.saturating_sub(1), rand::random()).min(AWAIT_PAUSE);
        Flow::Later(self.now().after(pause))
    }

    pub(super) fn verdict(&self, failure: Failure) -> Verdict {
        let deadline = if self.operation.state == State::Undoing { None } else { self.operation.deadline };
        retry::after(failure, self.instance.course.attempts, rand::random(), self.now(), deadline)
    }
}
