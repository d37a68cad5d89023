//! Worker tasks: their UPIDs, locks, logs and ends.
//!
//! Nothing runs in the background. A task's work is a pair of steps: one when it gets its guest's lock, one when its
//! time is over; both happen when the world is next looked at after they are due.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};

use crate::auth::Caller;
use crate::clock::{Micros, SECOND};
use crate::faults::{Effect, Subject};
use crate::world::{Event, World};

/// Finished tasks kept per node; a real node's index holds about as many.
const KEPT: usize = 2000;

/// How long a worker waits for its guest's lock.
const LOCK_WAIT: Micros = 10 * SECOND;

/// What a task writes.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) lines: Vec<String>,
    pub(crate) warnings: u32,
}

impl Log {
    pub(crate) fn say(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    pub(crate) fn warn(&mut self, line: impl std::fmt::Display) {
        self.lines.push(format!("WARN: {line}"));
        self.warnings += 1;
    }
}

/// One step of a task; its error is the task's exit status.
pub(crate) type Step = Box<dyn FnOnce(&mut World, &mut Log) -> Result<(), String> + Send>;

/// Puts back what the first step did, when the task fails before its effect.
pub(crate) type Undo = Box<dyn FnOnce(&mut World) + Send>;

/// The work of a task.
pub(crate) struct Job {
    kind: &'static str,
    id: String,
    vmid: Option<u32>,
    lock: Option<u32>,
    storage: Option<String>,
    took: (f64, f64),
    /// Microseconds it takes whatever the latency.
    exactly: Option<Micros>,
    begin: Step,
    effect: Step,
    undo: Undo,
    /// Text put before a failure, as creates do.
    prefix: String,
}

impl Job {
    /// A task of type `kind` about `id`, doing nothing yet.
    pub(crate) fn new(kind: &'static str, id: impl ToString) -> Self {
        Self {
            kind,
            id: id.to_string(),
            vmid: None,
            lock: None,
            storage: None,
            took: usual(kind),
            exactly: None,
            begin: Box::new(|_, _| Ok(())),
            effect: Box::new(|_, _| Ok(())),
            undo: Box::new(|_| {}),
            prefix: String::new(),
        }
    }

    /// A task about a guest, under that guest's lock.
    pub(crate) fn on_guest(kind: &'static str, vmid: u32) -> Self {
        Self { vmid: Some(vmid), lock: Some(vmid), ..Self::new(kind, vmid) }
    }

    /// Takes another guest's lock (a clone locks its new guest's).
    pub(crate) fn locking(mut self, vmid: Option<u32>) -> Self {
        self.lock = vmid;
        self
    }

    /// The guest faults and filters know the task by, where it is not the one locked.
    pub(crate) fn about(mut self, vmid: u32) -> Self {
        self.vmid = Some(vmid);
        self
    }

    /// The storage space is taken from, for the counters.
    pub(crate) fn allocating(mut self, storage: Option<String>) -> Self {
        self.storage = storage;
        self
    }

    /// The step done as soon as the lock is held.
    pub(crate) fn begin(
        mut self,
        step: impl FnOnce(&mut World, &mut Log) -> Result<(), String> + Send + 'static,
    ) -> Self {
        self.begin = Box::new(step);
        self
    }

    /// The step done at the end.
    pub(crate) fn effect(
        mut self,
        step: impl FnOnce(&mut World, &mut Log) -> Result<(), String> + Send + 'static,
    ) -> Self {
        self.effect = Box::new(step);
        self
    }

    /// What puts the first step back.
    pub(crate) fn undo(mut self, undo: impl FnOnce(&mut World) + Send + 'static) -> Self {
        self.undo = Box::new(undo);
        self
    }

    /// Text before every failure.
    pub(crate) fn failing_with(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Seconds it takes on a real server, between two bounds.
    pub(crate) fn taking(mut self, low: f64, high: f64) -> Self {
        self.took = (low, high);
        self
    }
}

/// Seconds a task of the type takes on a real server.
fn usual(kind: &str) -> (f64, f64) {
    match kind {
        "vzcreate" | "vzclone" => (2.0, 4.0),
        "vzrestore" | "qmrestore" => (4.0, 9.0),
        "qmclone" | "vzmigrate" | "qmigrate" => (3.0, 8.0),
        "vzdump" => (5.0, 12.0),
        "vzstart" | "qmstart" => (0.5, 1.5),
        "vzshutdown" | "qmshutdown" | "vzreboot" | "qmreboot" => (1.5, 4.0),
        "vzdestroy" | "qmdestroy" | "vzstop" | "qmstop" => (0.4, 1.2),
        "download" | "imgcopy" => (2.0, 6.0),
        _ => (0.1, 0.5),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Waiting for the guest's lock.
    Queued,
    Working,
    /// Kept from ending by a fault.
    Held,
    /// A console with a client: it ends when the client leaves.
    Open,
    Ended,
}

/// One task, running or finished.
pub(crate) struct Task {
    pub(crate) upid: String,
    pub(crate) node: String,
    pub(crate) kind: &'static str,
    pub(crate) id: String,
    pub(crate) vmid: Option<u32>,
    pub(crate) caller: Caller,
    pid: u32,
    pstart: u64,
    starttime: u64,
    endtime: u64,
    exit: Option<String>,
    state: State,
    log: Log,
    lock: Option<u32>,
    storage: Option<String>,
    prefix: String,
    effects: Vec<Effect>,
    took: Micros,
    begin: Option<Step>,
    effect: Option<Step>,
    undo: Option<Undo>,
}

/// All tasks of a cluster.
#[derive(Default)]
pub(crate) struct Tasks {
    by_upid: HashMap<String, Task>,
    /// UPIDs per node, oldest first.
    order: BTreeMap<String, VecDeque<String>>,
    /// Holder of each guest's lock, and who waits for it.
    locks: HashMap<u32, VecDeque<String>>,
    /// Tasks a fault holds back.
    held: usize,
}

impl Task {
    pub(crate) fn is_running(&self) -> bool {
        self.state != State::Ended
    }

    fn ids(&self) -> Value {
        let mut ids = json!({
            "upid": self.upid, "node": self.node, "pid": self.pid, "pstart": self.pstart,
            "starttime": self.starttime, "type": self.kind, "id": self.id, "user": self.caller.user,
        });
        if let Some(token) = &self.caller.token {
            ids["tokenid"] = json!(token);
        }
        ids
    }

    /// `GET .../tasks/{upid}/status`.
    pub(crate) fn status(&self) -> Value {
        let mut status = self.ids();
        status["status"] = json!(if self.is_running() { "running" } else { "stopped" });
        if let Some(exit) = &self.exit {
            status["exitstatus"] = json!(exit);
        }
        status
    }

    /// A row of a task list.
    pub(crate) fn row(&self) -> Value {
        let mut row = self.ids();
        if let Some(exit) = &self.exit {
            row["status"] = json!(exit);
            row["endtime"] = json!(self.endtime);
        }
        row
    }

    pub(crate) fn exit(&self) -> Option<&str> {
        self.exit.as_deref()
    }

    pub(crate) fn starttime(&self) -> u64 {
        self.starttime
    }

    /// The log; an empty one is the line `no content`.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = self.log.lines.clone();
        match self.exit.as_deref() {
            Some("OK") => lines.push("TASK OK".into()),
            Some(text) if text.starts_with("WARNINGS: ") => lines.push(format!("TASK {text}")),
            Some(text) => lines.push(format!("TASK ERROR: {text}")),
            None => {}
        }
        if lines.is_empty() {
            lines.push("no content".into());
        }
        lines
    }
}

impl Tasks {
    pub(crate) fn get(&self, node: &str, upid: &str) -> Option<&Task> {
        self.by_upid.get(upid).filter(|t| t.node == node)
    }

    /// Tasks of a node, newest first.
    pub(crate) fn of_node(&self, node: &str) -> impl Iterator<Item = &Task> {
        self.order.get(node).into_iter().flatten().rev().filter_map(|upid| self.by_upid.get(upid))
    }

    /// Whether a fault holds any task back.
    pub(crate) fn has_held(&self) -> bool {
        self.held > 0
    }

    /// Whether some task holds the guest's lock.
    pub(crate) fn holds_lock(&self, vmid: u32) -> bool {
        self.locks.get(&vmid).is_some_and(|q| !q.is_empty())
    }

    fn keep(&mut self, task: Task) {
        let order = self.order.entry(task.node.clone()).or_default();
        order.push_back(task.upid.clone());
        while order.len() > KEPT {
            let running = order.front().and_then(|u| self.by_upid.get(u)).is_some_and(Task::is_running);
            if running {
                break;
            }
            if let Some(old) = order.pop_front() {
                self.by_upid.remove(&old);
            }
        }
        self.by_upid.insert(task.upid.clone(), task);
    }
}

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
                let due = now + task.took;
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
        let text = self.lock_text(vmid);
        self.end_task(upid, Err(text));
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
        let is_vm = self.guests.get(&vmid).is_some_and(|g| g.kind == crate::guests::Kind::Qemu);
        let file = if is_vm {
            format!("/var/lock/qemu-server/lock-{vmid}.conf")
        } else {
            format!("/run/lock/lxc/pve-config-{vmid}.lock")
        };
        format!("can't lock file '{file}' - got timeout")
    }

    /// Microseconds a synchronous call waits for a lock before it gives up.
    pub(crate) fn lock_wait(&self) -> Duration {
        Duration::from_micros(LOCK_WAIT).mul_f64(self.latency.factor().min(1.0))
    }
}

/// Whether `text` is a UPID.
pub(crate) fn is_upid(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let hex = |s: &str, min: usize, max: usize| {
        (min..=max).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_hexdigit())
    };
    let word = |s: &str| !s.is_empty() && !s.contains(char::is_whitespace) && !s.contains('/');
    matches!(parts.as_slice(), ["UPID", node, pid, pstart, start, kind, id, user, ""]
        if word(node) && hex(pid, 8, 8) && hex(pstart, 8, 9) && hex(start, 8, 8) && word(kind)
            && (id.is_empty() || word(id)) && word(user))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upids_are_recognised() {
        assert!(is_upid("UPID:pve:00000126:0003389D:6B00E899:vzstart:4711:root@pam!lab:"));
        assert!(is_upid("UPID:pve:00000126:0003389D:6B00E899:imgcopy::root@pam:"));
        assert!(!is_upid("UPID:nope"));
        assert!(!is_upid("UPID:pve:126:0003389D:6B00E899:vzstart:4711:root@pam:"));
    }

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
