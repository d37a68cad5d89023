//! Worker tasks: their UPIDs, locks, logs and ends.
//!
//! Nothing runs in the background. A task's work is a pair of steps: one when it gets its guest's lock, one when its
//! time is over; both happen when the world is next looked at after they are due.

mod console;
mod job;
mod task;

use std::time::Duration;

pub(crate) use job::{Job, Log};
use task::State;
pub(crate) use task::{Task, Tasks, is_upid};

use crate::auth::Caller;
use crate::clock::{Micros, SECOND};
use crate::faults::{Effect, Subject};
use crate::world::{Event, World};

/// How long a worker waits for its guest's lock.
const LOCK_WAIT: Micros = 10 * SECOND;

impl World {
    /// Starts a task on `node` and tells its UPID.
    pub(crate) fn spawn(&mut self, node: &str, caller: &Caller, job: Job) -> String {
        let now = self.now();
        let (pid, pstart) = self.fork(node);
        let starttime = now / SECOND;
        let upid = format!(
            "UPID:{node}:{pid:08X}:{pstart:08X}:{starttime:08X}:{}:{}:{}:",
            job.kind,
            job.id,
            caller.authid()
        );
        let subject =
            Subject { vmid: job.vmid, task: Some(job.kind), node: Some(node), ..Subject::default() };
        let effects = self.faults.strike_task(subject);
        self.counters.task_began(node, job.kind, job.storage.as_deref());
        let took = job.exactly.unwrap_or_else(|| self.duration(job.took));
        let task = Task {
            upid: upid.clone(),
            node: node.to_owned(),
            kind: job.kind,
            id: job.id,
            vmid: job.vmid,
            caller: caller.clone(),
            pid,
            pstart,
            starttime,
            endtime: 0,
            exit: None,
            state: State::Queued,
            log: Log::default(),
            lock: job.lock,
            storage: job.storage,
            prefix: job.prefix,
            effects,
            took,
            begin: Some(job.begin),
            effect: Some(job.effect),
            undo: Some(job.undo),
        };
        self.tasks.keep(task);
        self.log_cluster(node, &caller.authid(), 6, format!("starting task {upid}"));
        self.queue(&upid);
        upid
    }

    fn duration(&mut self, (low, high): (f64, f64)) -> Micros {
        let factor = self.latency.factor();
        let seconds = low + (high - low) * self.random_unit();
        (seconds * factor * SECOND as f64) as Micros
    }

    /// Gets the task its lock, or has it wait.
    fn queue(&mut self, upid: &str) {
        let now = self.now();
        let Some(task) = self.tasks.by_upid.get_mut(upid) else { return };
        let in_vain = task.effects.contains(&Effect::LockTimeout);
        let Some(vmid) = task.lock else { return self.work(upid) };
        let queue = self.tasks.locks.entry(vmid).or_default();
        if queue.is_empty() && !in_vain {
            queue.push_back(upid.to_owned());
            return self.work(upid);
        }
        task.log.say("trying to acquire lock...");
        let deadline = if in_vain && self.latency.factor() == 0.0 { now } else { now + LOCK_WAIT };
        if !in_vain {
            queue.push_back(upid.to_owned());
        }
        self.schedule(deadline, Event::LockTimeout(upid.to_owned()));
    }

    /// The task holds its lock: does the first step and plans its end.
    fn work(&mut self, upid: &str) {
        let now = self.now();
        let Some(task) = self.tasks.by_upid.get_mut(upid) else { return };
        task.state = State::Working;
        let Some(begin) = task.begin.take() else { return };
        let mut log = std::mem::take(&mut task.log);
        let begun = begin(self, &mut log);
        let Some(task) = self.tasks.by_upid.get_mut(upid) else { return };
        task.log = log;
        match begun {
            Ok(()) => {
                let due = now.saturating_add(task.took);
                self.schedule(due, Event::TaskEnd(upid.to_owned()));
            }
            Err(text) => self.end_task(upid, Err(text)),
        }
    }

    /// The task's time is over: does its effect, as far as faults let it.
    pub(crate) fn complete(&mut self, upid: &str) {
        let Some(task) = self.tasks.by_upid.get_mut(upid) else { return };
        if !matches!(task.state, State::Working | State::Held) {
            return;
        }
        if task.state == State::Working && task.effects.contains(&Effect::TaskHolds) {
            task.state = State::Held;
            self.tasks.held += 1;
            return;
        }
        let effects = std::mem::take(&mut task.effects);
        let full = effects.contains(&Effect::StorageFull).then(|| "no space left on device".to_owned());
        let fails = effects.iter().find_map(|e| match e {
            Effect::TaskFails(text) => Some(text.clone()),
            _ => None,
        });
        if let Some(text) = full.or(fails) {
            return self.abort(upid, text);
        }
        let (Some(effect), mut log) = (task.effect.take(), std::mem::take(&mut task.log)) else { return };
        let mut outcome = effect(self, &mut log);
        for effect in effects {
            match effect {
                Effect::TaskFailsAfter(text) => outcome = Err(text),
                Effect::TaskWarns(text) => log.warn(text),
                _ => {}
            }
        }
        if let Some(task) = self.tasks.by_upid.get_mut(upid) {
            task.log = log;
        }
        match outcome {
            Ok(()) => self.end_task(upid, Ok(())),
            Err(text) => self.end_task(upid, Err(text)),
        }
    }

    /// Ends a task before its effect: what it began is put back.
    fn abort(&mut self, upid: &str, text: String) {
        let undo = self.tasks.by_upid.get_mut(upid).and_then(|t| t.undo.take());
        if let Some(undo) = undo {
            undo(self);
        }
        self.end_task(upid, Err(text));
    }

    /// A worker did not get its lock in time.
    pub(crate) fn lock_timeout(&mut self, upid: &str) {
        let Some(task) = self.tasks.by_upid.get_mut(upid).filter(|t| t.state == State::Queued) else {
            return;
        };
        let Some(vmid) = task.lock else { return };
        let is_vm = task.kind.starts_with('q');
        self.end_task(upid, Err(lock_text(is_vm, vmid)));
    }

    /// `DELETE .../tasks/{upid}`.
    pub(crate) fn interrupt(&mut self, upid: &str) {
        let Some(task) = self.tasks.by_upid.get_mut(upid).filter(|t| t.is_running()) else { return };
        if task.state == State::Queued {
            return self.end_task(upid, Err("received interrupt".into()));
        }
        let text = match (task.kind, task.vmid) {
            // The signal meets the program that unpacks the template.
            ("vzcreate", Some(vmid)) => format!(
                "command 'lxc-usernsexec -m u:0:100000:65536 -m g:0:100000:65536 -- tar xpf - --zstd --totals \
                 --one-file-system -p --sparse --numeric-owner --acls --xattrs '--xattrs-include=user.*' \
                 '--xattrs-include=security.capability' '--warning=no-file-ignored' '--warning=no-xattr-write' \
                 -C /var/lib/lxc/{vmid}/rootfs --skip-old-files --anchored --exclude './dev/*'' failed: received interrupt"
            ),
            _ => "received interrupt".into(),
        };
        self.abort(upid, text);
    }

    /// Lets go of every task a fault holds.
    pub(crate) fn release_held(&mut self) {
        let held: Vec<String> =
            self.tasks.by_upid.values().filter(|t| t.state == State::Held).map(|t| t.upid.clone()).collect();
        for upid in held {
            self.complete(&upid);
        }
    }

    /// Ends the tasks of a node that lost its power; nobody writes their last line.
    pub(crate) fn lose_tasks(&mut self, node: &str) {
        let lost: Vec<String> =
            self.tasks.of_node(node).filter(|t| t.is_running()).map(|t| t.upid.clone()).collect();
        for upid in lost {
            self.end_task(&upid, Err("unexpected status".into()));
        }
    }

    fn end_task(&mut self, upid: &str, outcome: Result<(), String>) {
        let now = self.now();
        let Some(task) = self.tasks.by_upid.get_mut(upid) else { return };
        if task.state == State::Held {
            self.tasks.held -= 1;
        }
        task.state = State::Ended;
        task.endtime = now / SECOND;
        (task.begin, task.effect, task.undo) = (None, None, None);
        let exit = match outcome {
            Ok(()) if task.log.warnings > 0 => format!("WARNINGS: {}", task.log.warnings),
            Ok(()) => "OK".to_owned(),
            Err(text) if text.contains("got timeout") || text == "unexpected status" => text,
            Err(text) => format!("{}{text}", task.prefix),
        };
        let exit = exit.trim_end().replace('\n', " ");
        task.exit = Some(exit.clone());
        let (node, authid, lock) = (task.node.clone(), task.caller.authid(), task.lock);
        self.counters.task_ended(&node, task.storage.as_deref());
        let severity = if exit == "OK" { 6 } else { 3 };
        self.log_cluster(&node, &authid, severity, format!("end task {upid} {exit}"));
        if let Some(vmid) = lock {
            self.unlock(vmid, upid);
        }
    }

    /// Takes the task off the lock's queue and lets the next one work.
    fn unlock(&mut self, vmid: u32, upid: &str) {
        let Some(queue) = self.tasks.locks.get_mut(&vmid) else { return };
        let held = queue.front().is_some_and(|u| u == upid);
        queue.retain(|u| u != upid);
        let next = if held { queue.front().cloned() } else { None };
        if queue.is_empty() {
            self.tasks.locks.remove(&vmid);
        }
        if let Some(next) = next {
            if let Some(task) = self.tasks.by_upid.get_mut(&next) {
                task.log.say(" OK");
            }
            self.work(&next);
        }
    }

    /// What one reads when a guest's lock is not to be had.
    pub(crate) fn lock_text(&self, vmid: u32) -> String {
        lock_text(self.guests.get(&vmid).is_some_and(|g| g.kind == crate::guests::Kind::Qemu), vmid)
    }

    /// Microseconds a synchronous call waits for a lock before it gives up.
    pub(crate) fn lock_wait(&self) -> Duration {
        Duration::from_micros(LOCK_WAIT).mul_f64(self.latency.factor().min(1.0))
    }
}

fn lock_text(is_vm: bool, vmid: u32) -> String {
    let file = if is_vm {
        format!("/var/lock/qemu-server/lock-{vmid}.conf")
    } else {
        format!("/run/lock/lxc/pve-config-{vmid}.lock")
    };
    format!("can't lock file '{file}' - got timeout")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_done_when_asked_about() {
        let mut world = World::for_test();
        let root = Caller::user("root@pam");
        let upid = world.spawn(
            "pve",
            &root,
            Job::new("test", "").effect(|_, log| {
                log.warn("hm");
                Ok(())
            }),
        );
        assert_eq!(world.tasks.get("pve", &upid).unwrap().status()["status"], "running");
        world.advance();
        let task = world.tasks.get("pve", &upid).unwrap();
        assert_eq!(task.status()["exitstatus"], "WARNINGS: 1");
        assert_eq!(task.lines(), ["WARN: hm", "TASK WARNINGS: 1"]);
    }

    #[test]
    fn tasks_on_one_guest_wait_for_each_other_and_give_up_after_ten_seconds() {
        let (mut world, clock) = World::for_test_with_clock();
        world.faults.add(crate::Rule::on_task("vzcreate", Effect::TaskHolds)).unwrap();
        let root = Caller::user("root@pam");
        let first = world.spawn("pve", &root, Job::on_guest("vzcreate", 100));
        let second = world.spawn("pve", &root, Job::on_guest("vzstart", 100));
        world.advance();
        assert!(world.tasks.get("pve", &second).unwrap().is_running());
        clock.advance(Duration::from_secs(11));
        world.advance();
        let lines = world.tasks.get("pve", &second).unwrap().lines();
        assert_eq!(lines[1], "TASK ERROR: can't lock file '/run/lock/lxc/pve-config-100.lock' - got timeout");
        let third = world.spawn("pve", &root, Job::on_guest("vzstop", 100));
        world.release_held();
        world.advance();
        assert_eq!(world.tasks.get("pve", &first).unwrap().exit(), Some("OK"));
        assert_eq!(
            world.tasks.get("pve", &third).unwrap().lines(),
            ["trying to acquire lock...", " OK", "TASK OK"]
        );
    }
}
