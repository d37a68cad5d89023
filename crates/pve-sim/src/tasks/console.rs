//! Tasks of consoles, which end when their client leaves rather than when their work is done.

use super::job::Job;
use super::task::{State, Task};
use crate::auth::Caller;
use crate::clock::Micros;
use crate::world::{Event, World};

impl World {
    /// Starts the task of a console. It fails with `abandoned` after `wait` microseconds unless somebody connects.
    pub(crate) fn spawn_console(
        &mut self,
        node: &str,
        caller: &Caller,
        job: Job,
        wait: Micros,
        abandoned: String,
    ) -> String {
        let job = Job { exactly: Some(wait), ..job.effect(move |_, _| Err(abandoned)) };
        self.spawn(node, caller, job)
    }

    /// Somebody has connected to the console: its task goes on.
    pub(crate) fn hold_console(&mut self, upid: &str) {
        if let Some(task) = self.tasks.by_upid.get_mut(upid).filter(|t| t.state == State::Working) {
            task.state = State::Open;
        }
    }

    /// The console's client has left: its task ends well after `wait` microseconds.
    pub(crate) fn linger_console(&mut self, upid: &str, wait: Micros) {
        let now = self.now();
        if let Some(task) = self.tasks.by_upid.get_mut(upid).filter(|t| t.state == State::Open) {
            task.state = State::Working;
            task.effect = Some(Box::new(|_, _| Ok(())));
            self.schedule(now + wait, Event::TaskEnd(upid.to_owned()));
        }
    }

    /// Ends the task of a console, if it has not ended yet.
    pub(crate) fn end_console(&mut self, upid: &str, outcome: Result<(), String>) {
        if self.tasks.by_upid.get(upid).is_some_and(Task::is_running) {
            self.end_task(upid, outcome);
        }
    }
}
