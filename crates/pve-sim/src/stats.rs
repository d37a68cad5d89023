//! Counters of what the simulator was asked to do, so that tests can check how a client behaves.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// What was counted since the start, or since the last [`reset`](Counters::reset).
#[derive(Clone, Debug, Default, Serialize, PartialEq, Eq)]
pub struct Stats {
    /// API calls answered or dropped.
    pub total: u64,
    /// Calls per `METHOD /path/{template}`.
    pub calls: BTreeMap<String, u64>,
    /// Calls per status code; dropped answers count as 0.
    pub answers: BTreeMap<u16, u64>,
    /// TLS connections accepted.
    pub connections: u64,
    /// Calls being answered now.
    pub in_flight: u64,
    /// Most calls being answered at once.
    pub max_in_flight: u64,
    /// Most POST, PUT and DELETE calls being answered at once, per node named in the path.
    pub max_mutating_per_node: BTreeMap<String, u64>,
    /// Most create, restore and clone tasks at work at once, per target storage.
    pub max_allocating_per_storage: BTreeMap<String, u64>,
    /// Most tasks at work at once, per node.
    pub max_tasks_per_node: BTreeMap<String, u64>,
    /// Tasks started, per type.
    pub tasks: BTreeMap<String, u64>,
}

#[derive(Debug, Default)]
struct Inner {
    stats: Stats,
    mutating: BTreeMap<String, u64>,
    allocating: BTreeMap<String, u64>,
    tasks: BTreeMap<String, u64>,
}

/// The live counters of one cluster.
#[derive(Debug, Default)]
pub struct Counters(Mutex<Inner>);

fn up(now: &mut BTreeMap<String, u64>, max: &mut BTreeMap<String, u64>, key: &str) {
    let count = now.entry(key.to_owned()).or_default();
    *count += 1;
    let most = max.entry(key.to_owned()).or_default();
    *most = (*most).max(*count);
}

fn down(now: &mut BTreeMap<String, u64>, key: &str) {
    if let Some(count) = now.get_mut(key) {
        *count = count.saturating_sub(1);
    }
}

impl Counters {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The counters now.
    pub fn read(&self) -> Stats {
        self.lock().stats.clone()
    }

    /// Starts counting from zero; what is under way stays counted.
    pub fn reset(&self) {
        let mut inner = self.lock();
        let in_flight = inner.stats.in_flight;
        inner.stats = Stats { in_flight, ..Stats::default() };
    }

    pub(crate) fn connected(&self) {
        self.lock().stats.connections += 1;
    }

    /// Counts a call as under way until [`call_ended`](Self::call_ended).
    pub(crate) fn call_began(&self, template: &str, mutating_node: Option<&str>) {
        let inner = &mut *self.lock();
        inner.stats.total += 1;
        *inner.stats.calls.entry(template.to_owned()).or_default() += 1;
        inner.stats.in_flight += 1;
        inner.stats.max_in_flight = inner.stats.max_in_flight.max(inner.stats.in_flight);
        if let Some(node) = mutating_node {
            up(&mut inner.mutating, &mut inner.stats.max_mutating_per_node, node);
        }
    }

    pub(crate) fn call_ended(&self, mutating_node: Option<&str>, status: u16) {
        let inner = &mut *self.lock();
        inner.stats.in_flight = inner.stats.in_flight.saturating_sub(1);
        *inner.stats.answers.entry(status).or_default() += 1;
        if let Some(node) = mutating_node {
            down(&mut inner.mutating, node);
        }
    }

    pub(crate) fn task_began(&self, node: &str, kind: &str, storage: Option<&str>) {
        let inner = &mut *self.lock();
        *inner.stats.tasks.entry(kind.to_owned()).or_default() += 1;
        up(&mut inner.tasks, &mut inner.stats.max_tasks_per_node, node);
        if let Some(storage) = storage {
            up(&mut inner.allocating, &mut inner.stats.max_allocating_per_storage, storage);
        }
    }

    pub(crate) fn task_ended(&self, node: &str, storage: Option<&str>) {
        let inner = &mut *self.lock();
        down(&mut inner.tasks, node);
        if let Some(storage) = storage {
            down(&mut inner.allocating, storage);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_at_once_is_kept() {
        let counters = Counters::default();
        for _ in 0..2 {
            counters.call_began("POST /x", Some("pve"));
        }
        counters.call_ended(Some("pve"), 200);
        counters.call_began("POST /x", Some("pve"));
        let stats = counters.read();
        assert_eq!((stats.total, stats.in_flight, stats.max_in_flight), (3, 2, 2));
        assert_eq!(stats.max_mutating_per_node["pve"], 2);
    }
}
