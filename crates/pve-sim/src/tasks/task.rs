//! Tasks as they are kept and shown, and the grammar of their ids.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde_json::{Value, json};

use super::job::{Log, Step, Undo};
use crate::auth::Caller;
use crate::clock::Micros;
use crate::faults::Effect;

/// Finished tasks kept per node; a real node's index holds about as many.
const KEPT: usize = 2000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
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
    pub(super) pid: u32,
    pub(super) pstart: u64,
    pub(super) starttime: u64,
    pub(super) endtime: u64,
    pub(super) exit: Option<String>,
    pub(super) state: State,
    pub(super) log: Log,
    pub(super) lock: Option<u32>,
    pub(super) storage: Option<String>,
    pub(super) prefix: String,
    pub(super) effects: Vec<Effect>,
    pub(super) took: Micros,
    pub(super) begin: Option<Step>,
    pub(super) effect: Option<Step>,
    pub(super) undo: Option<Undo>,
}

/// All tasks of a cluster.
#[derive(Default)]
pub(crate) struct Tasks {
    pub(super) by_upid: HashMap<String, Task>,
    /// UPIDs per node, oldest first.
    pub(super) order: BTreeMap<String, VecDeque<String>>,
    /// Holder of each guest's lock, and who waits for it.
    pub(super) locks: HashMap<u32, VecDeque<String>>,
    /// Tasks a fault holds back.
    pub(super) held: usize,
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

    pub(super) fn keep(&mut self, task: Task) {
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
}
