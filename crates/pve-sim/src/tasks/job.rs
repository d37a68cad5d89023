//! The work of a task: what it is about, and its two steps.

use crate::world::World;

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
    pub(super) kind: &'static str,
    pub(super) id: String,
    pub(super) vmid: Option<u32>,
    pub(super) lock: Option<u32>,
    pub(super) storage: Option<String>,
    pub(super) took: (f64, f64),
    /// Microseconds it takes whatever the latency.
    pub(super) exactly: Option<u64>,
    pub(super) begin: Step,
    pub(super) effect: Step,
    pub(super) undo: Undo,
    /// Text put before a failure, as creates do.
    pub(super) prefix: String,
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
