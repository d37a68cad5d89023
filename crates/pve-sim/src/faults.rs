//! Faults on demand: rules that match a call or a task and spoil it, switchable while the simulator runs.

use std::sync::{Mutex, MutexGuard, PoisonError};

use regex::Regex;
use serde::{Deserialize, Serialize};

/// Which calls or tasks a fault meets. Fields left out match everything.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Matcher {
    /// HTTP method.
    pub method: Option<String>,
    /// Regular expression over the path below `/api2/json`, found anywhere in it.
    pub path: Option<String>,
    /// VMID in path or body (`vmid`, `newid`).
    pub vmid: Option<u32>,
    /// Task type such as `vzcreate`. Only tasks have one.
    pub task: Option<String>,
    /// Node named in the path, or the node of the task.
    pub node: Option<String>,
}

/// What happens to a matched call or task.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The call is answered this many milliseconds later.
    Latency(u64),
    /// The connection closes without an answer, nothing having happened.
    DropBefore,
    /// The call takes effect, then the connection closes without an answer.
    DropAfter,
    /// The connection stays open and no answer ever comes; nothing happened.
    Hang,
    /// The call takes effect, no answer ever comes.
    HangAfter,
    /// The call is answered with this status and reason, nothing having happened. For 595, 596, 599, or a 500.
    Answer {
        /// Status code.
        status: u16,
        /// Reason phrase and message.
        text: String,
    },
    /// The call takes effect, then is answered with this status and reason.
    AnswerAfter {
        /// Status code.
        status: u16,
        /// Reason phrase and message.
        text: String,
    },
    /// Every credential is refused, as if the ticket had expired or the token were revoked.
    Unauthorized,
    /// A foreign guest appears on the VMID of a create or clone just before the call.
    ForeignGuest,
    /// The task fails with this text, having changed nothing.
    TaskFails(String),
    /// The task does its work, then fails with this text.
    TaskFailsAfter(String),
    /// The task ends with warnings.
    TaskWarns(String),
    /// The task runs until [`Cluster::release_tasks`](crate::Cluster::release_tasks), or until the rule is cleared.
    TaskHolds,
    /// The task waits ten seconds for its lock in vain.
    LockTimeout,
    /// The task finds its storage full.
    StorageFull,
}

impl Effect {
    fn is_for_tasks(&self) -> bool {
        matches!(
            self,
            Self::TaskFails(_)
                | Self::TaskFailsAfter(_)
                | Self::TaskWarns(_)
                | Self::TaskHolds
                | Self::LockTimeout
                | Self::StorageFull
        )
    }
}

/// How often a fault strikes.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Count {
    /// The first match only.
    #[default]
    Once,
    /// The first so many matches.
    Times(u32),
    /// Every match.
    Always,
}

/// One fault.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What it meets.
    #[serde(default)]
    pub matcher: Matcher,
    /// What it does.
    pub effect: Effect,
    /// How often.
    #[serde(default)]
    pub count: Count,
    /// Matches let through first.
    #[serde(default)]
    pub skip: u32,
}

impl Rule {
    /// A fault that strikes the first call matching `method` and the regular expression `path`.
    pub fn on_call(method: &str, path: &str, effect: Effect) -> Self {
        let matcher = Matcher { method: Some(method.into()), path: Some(path.into()), ..Matcher::default() };
        Self { matcher, effect, count: Count::Once, skip: 0 }
    }

    /// A fault that strikes the first task of type `task`.
    pub fn on_task(task: &str, effect: Effect) -> Self {
        let matcher = Matcher { task: Some(task.into()), ..Matcher::default() };
        Self { matcher, effect, count: Count::Once, skip: 0 }
    }

    /// The same fault, striking so often.
    #[must_use]
    pub fn count(mut self, count: Count) -> Self {
        self.count = count;
        self
    }

    /// The same fault, after letting `skip` matches pass.
    #[must_use]
    pub fn skip(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    /// The same fault, only for this guest.
    #[must_use]
    pub fn vmid(mut self, vmid: u32) -> Self {
        self.matcher.vmid = Some(vmid);
        self
    }

    /// The same fault, only on this node.
    #[must_use]
    pub fn node(mut self, node: &str) -> Self {
        self.matcher.node = Some(node.into());
        self
    }
}

/// A rule in force.
#[derive(Clone, Debug, Serialize)]
pub struct Armed {
    /// Its id, for clearing it.
    pub id: u64,
    /// The rule.
    pub rule: Rule,
    /// How often it has struck.
    pub struck: u32,
    #[serde(skip)]
    path: Option<Regex>,
    #[serde(skip)]
    skipped: u32,
}

/// A rule that cannot be set.
#[derive(Debug, thiserror::Error)]
#[error("the path of a fault is a regular expression: {0}")]
pub struct BadRule(#[from] regex::Error);

/// The faults of one cluster.
#[derive(Debug, Default)]
pub struct Faults {
    rules: Mutex<(u64, Vec<Armed>)>,
}

/// What a call or task is known by.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Subject<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) vmid: Option<u32>,
    pub(crate) task: Option<&'a str>,
    pub(crate) node: Option<&'a str>,
}

impl Faults {
    fn lock(&self) -> MutexGuard<'_, (u64, Vec<Armed>)> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a rule in force and tells its id.
    pub fn add(&self, rule: Rule) -> Result<u64, BadRule> {
        let path = rule.matcher.path.as_deref().map(Regex::new).transpose()?;
        let mut rules = self.lock();
        rules.0 += 1;
        let id = rules.0;
        rules.1.push(Armed { id, rule, struck: 0, path, skipped: 0 });
        Ok(id)
    }

    /// Takes a rule out of force. Tasks it holds go on when next looked at.
    pub fn remove(&self, id: u64) -> bool {
        let mut rules = self.lock();
        let before = rules.1.len();
        rules.1.retain(|r| r.id != id);
        rules.1.len() < before
    }

    /// Takes all rules out of force.
    pub fn clear(&self) {
        self.lock().1.clear();
    }

    /// All rules, spent ones included.
    pub fn list(&self) -> Vec<Armed> {
        self.lock().1.clone()
    }

    /// The effects that strike a call.
    pub(crate) fn strike_call(&self, subject: Subject<'_>) -> Vec<Effect> {
        self.strike(subject, false)
    }

    /// The effects that strike a task.
    pub(crate) fn strike_task(&self, subject: Subject<'_>) -> Vec<Effect> {
        self.strike(subject, true)
    }

    /// Whether any rule in force holds tasks back.
    pub(crate) fn holds_tasks(&self) -> bool {
        self.lock().1.iter().any(|r| r.rule.effect == Effect::TaskHolds)
    }

    fn strike(&self, subject: Subject<'_>, task: bool) -> Vec<Effect> {
        let mut rules = self.lock();
        let fitting =
            rules.1.iter_mut().filter(|r| r.rule.effect.is_for_tasks() == task && r.matches(subject));
        fitting.filter_map(Armed::strike).collect()
    }
}

impl Armed {
    fn matches(&self, subject: Subject<'_>) -> bool {
        let matcher = &self.rule.matcher;
        matcher.method.as_deref().is_none_or(|m| m.eq_ignore_ascii_case(subject.method))
            && self.path.as_ref().is_none_or(|p| p.is_match(subject.path))
            && matcher.vmid.is_none_or(|v| subject.vmid == Some(v))
            && matcher.task.as_deref().is_none_or(|t| subject.task == Some(t))
            && matcher.node.as_deref().is_none_or(|n| subject.node == Some(n))
    }

    fn strike(&mut self) -> Option<Effect> {
        let left = match self.rule.count {
            Count::Once => self.struck < 1,
            Count::Times(times) => self.struck < times,
            Count::Always => true,
        };
        if !left {
            return None;
        }
        if self.skipped < self.rule.skip {
            self.skipped += 1;
            return None;
        }
        self.struck += 1;
        Some(self.rule.effect.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call<'a>(method: &'a str, path: &'a str) -> Subject<'a> {
        Subject { method, path, ..Subject::default() }
    }

    #[test]
    fn a_rule_skips_then_strikes_so_often() {
        let faults = Faults::default();
        let rule = Rule::on_call("POST", r"/lxc$", Effect::DropAfter).count(Count::Times(2)).skip(1);
        faults.add(rule).unwrap();
        let hits: Vec<usize> =
            (0..5).map(|_| faults.strike_call(call("POST", "/nodes/pve/lxc")).len()).collect();
        assert_eq!(hits, [0, 1, 1, 0, 0]);
        assert!(faults.strike_call(call("GET", "/nodes/pve/lxc")).is_empty());
    }

    #[test]
    fn task_effects_never_strike_calls() {
        let faults = Faults::default();
        faults.add(Rule::on_task("vzcreate", Effect::TaskFails("no".into()))).unwrap();
        assert!(faults.strike_call(call("POST", "/nodes/pve/lxc")).is_empty());
        let task = Subject { task: Some("vzcreate"), ..Subject::default() };
        assert_eq!(faults.strike_task(task), [Effect::TaskFails("no".into())]);
    }

    #[test]
    fn rules_are_read_from_json() {
        let rule: Rule =
            serde_json::from_str(r#"{"matcher":{"path":"x"},"effect":{"latency":5},"count":{"times":3}}"#)
                .unwrap();
        assert_eq!(rule.count, Count::Times(3));
        assert!(serde_json::from_str::<Rule>(r#"{"matcher":{"pth":"x"},"effect":"hang"}"#).is_err());
        assert!(serde_json::from_str::<Rule>(r#"{"cluster":"lab","effect":"hang"}"#).is_err());
    }
}
