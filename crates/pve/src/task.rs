//! Tasks: what Proxmox VE does after it has answered. Status, log, waiting, stopping, lists.

use std::time::Duration;

use serde::{Deserialize, Deserializer};
use tokio::time::Instant;

use crate::call::Call;
use crate::client::Client;
use crate::error::{Class, Error, answer};
use crate::ids::{NodeName, Vmid};
use crate::lenient;
use crate::operations as ops;
use crate::upid::Upid;

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskOutcome {
    /// Success.
    Ok,
    /// Success with this many warnings in the log.
    Warnings(u32),
    /// Failure, with its text.
    Failed(String),
}

impl TaskOutcome {
    /// Reads an `exitstatus`.
    pub fn parse(text: &str) -> Self {
        let warnings = text.strip_prefix("WARNINGS: ").and_then(|n| n.trim().parse().ok());
        match (text, warnings) {
            ("OK", _) => Self::Ok,
            (_, Some(count)) => Self::Warnings(count),
            _ => Self::Failed(text.to_owned()),
        }
    }

    /// Whether it did what it should; warnings do not matter.
    pub fn succeeded(&self) -> bool {
        !matches!(self, Self::Failed(_))
    }

    /// The failure as an error, with the same names as an immediate refusal: what is refused at once in one version
    /// fails in the task in another.
    pub fn into_result(self) -> Result<(), Error> {
        match self {
            Self::Ok | Self::Warnings(_) => Ok(()),
            Self::Failed(text) => Err(answer::from_text(500, text)),
        }
    }
}

/// Where a task stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskStatus {
    /// Not ended.
    Running,
    /// Ended.
    Ended(TaskOutcome),
}

impl<'de> Deserialize<'de> for TaskStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Wire {
            status: String,
            #[serde(default, deserialize_with = "lenient::optional")]
            exitstatus: Option<String>,
        }
        let wire = Wire::deserialize(deserializer)?;
        Ok(match (wire.status.as_str(), wire.exitstatus) {
            ("running", _) => Self::Running,
            (_, Some(text)) => Self::Ended(TaskOutcome::parse(&text)),
            (status, None) => Self::Ended(TaskOutcome::Failed(format!("{status} without an exit status"))),
        })
    }
}

/// One line of a task's log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LogLine {
    /// From 1.
    #[serde(rename = "n", deserialize_with = "lenient::required")]
    pub number: u64,
    /// The text. The last line of an ended task is `TASK OK`, `TASK WARNINGS: n` or `TASK ERROR: …`.
    #[serde(rename = "t", deserialize_with = "lenient::or_default")]
    pub text: String,
}

/// A part of a task's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPage {
    /// The lines asked for.
    pub lines: Vec<LogLine>,
    /// How many lines there are in all, as far as known.
    pub total: u64,
}

/// How long and how often to ask while waiting for a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// The whole wait.
    pub deadline: Duration,
    /// The pause after the first look; each following one is half as long again.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
}

impl Patience {
    /// Waits up to `deadline`, asking often at first and every 2 s at last.
    pub fn until(deadline: Duration) -> Self {
        Self { deadline, first_pause: Duration::from_millis(10), longest_pause: Duration::from_secs(2) }
    }
}

/// One task; see [`Client::task`].
#[derive(Debug, Clone, Copy)]
pub struct Task<'a> {
    client: &'a Client,
    upid: &'a Upid,
}

impl Client {
    /// A task to look at. Requests go to the node that the task's name tells.
    pub fn task<'a>(&'a self, upid: &'a Upid) -> Task<'a> {
        Task { client: self, upid }
    }

    /// Tasks of one node, running and ended, newest first.
    pub async fn tasks(&self, node: &NodeName, filter: &TaskFilter) -> Result<Vec<TaskInfo>, Error> {
        let call = Call::new(&ops::NODE_TASKS)
            .at("node", node)
            .param_some("vmid", filter.vmid)
            .param_some("typefilter", filter.kind.as_deref())
            .param("source", filter.source.as_str())
            .param_some("since", filter.since)
            .param_some("until", filter.until)
            .param_some("start", filter.start)
            .param_some("limit", filter.limit)
            .param_some("userfilter", filter.user.as_deref())
            .param_some("errors", filter.errors_only.then_some(true));
        self.send(call).await
    }

    /// Recent tasks of the whole cluster: few per node, some seconds old, without those of other users unless the
    /// caller may see them. A hint, not a record.
    pub async fn cluster_tasks(&self) -> Result<Vec<TaskInfo>, Error> {
        self.send(Call::new(&ops::CLUSTER_TASKS)).await
    }
}

impl Task<'_> {
    fn call(&self, operation: &'static ops::Operation) -> Call {
        Call::new(operation).at("node", self.upid.node()).at("upid", self.upid)
    }

    /// Whether it runs, or how it ended.
    pub async fn status(&self) -> Result<TaskStatus, Error> {
        self.client.send(self.call(&ops::TASK_STATUS)).await
    }

    /// Up to `limit` lines of the log, after the first `start`.
    pub async fn log(&self, start: u64, limit: u64) -> Result<LogPage, Error> {
        let call = self.call(&ops::TASK_LOG).param("start", start).param("limit", limit);
        let answer = self.client.send_whole::<Vec<LogLine>>(call).await?;
        let seen = start + answer.data.len() as u64;
        Ok(LogPage { total: answer.total.unwrap_or(seen), lines: answer.data })
    }

    /// The whole log, fetched in pages.
    pub async fn whole_log(&self) -> Result<Vec<LogLine>, Error> {
        const PAGE: u64 = 500;
        let mut lines: Vec<LogLine> = Vec::new();
        loop {
            let mut page = self.log(lines.len() as u64, PAGE).await?;
            let count = page.lines.len() as u64;
            lines.append(&mut page.lines);
            if count < PAGE {
                return Ok(lines);
            }
        }
    }

    /// Asks it to stop; it then ends with a failure and undoes what it can. Nothing happens if it has ended.
    pub async fn stop(&self) -> Result<(), Error> {
        self.client.send_unit(self.call(&ops::TASK_STOP)).await
    }

    /// Waits for its end. Passing trouble (an unreachable node, a lost connection) does not end the wait.
    pub async fn wait(&self, patience: Patience) -> Result<TaskOutcome, Error> {
        let end = Instant::now() + patience.deadline;
        let mut pause = patience.first_pause.max(Duration::from_millis(1));
        loop {
            let looked = self.status().await;
            match looked {
                Ok(TaskStatus::Ended(TaskOutcome::Failed(text))) if text == "unexpected status" => {
                    return Ok(self.outcome_by_log(text).await);
                }
                Ok(TaskStatus::Ended(outcome)) => return Ok(outcome),
                Ok(TaskStatus::Running) => {}
                Err(ref error) if error.class() == Class::Transient => {}
                Err(error) => return Err(error),
            }
            if Instant::now() + pause >= end {
                return Err(looked
                    .err()
                    .unwrap_or_else(|| Error::TaskStillRunning { upid: Box::new(self.upid.clone()) }));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(patience.longest_pause);
        }
    }

    /// A look just before the last log line is written is remembered by the server; the log itself tells.
    async fn outcome_by_log(&self, text: String) -> TaskOutcome {
        let last_line = async {
            let total = self.log(0, 1).await?.total;
            self.log(total.saturating_sub(1), 1).await
        };
        let Ok(page) = last_line.await else { return TaskOutcome::Failed(text) };
        match page.lines.last().and_then(|line| line.text.strip_prefix("TASK ")) {
            Some(end) => TaskOutcome::parse(end.strip_prefix("ERROR: ").unwrap_or(end)),
            None => TaskOutcome::Failed(text),
        }
    }
}

/// Which tasks to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TaskSource {
    /// Running and ended.
    #[default]
    All,
    /// Running.
    Active,
    /// Ended.
    Archive,
}

impl TaskSource {
    fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Active => "active",
            Self::Archive => "archive",
        }
    }
}

/// Filters of [`Client::tasks`]; by default everything, 50 at most (the server's default).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskFilter {
    /// Of this guest.
    pub vmid: Option<Vmid>,
    /// Of this type, for example `vzcreate`.
    pub kind: Option<String>,
    /// Running, ended, or both.
    pub source: TaskSource,
    /// Started at or after, seconds since 1970.
    pub since: Option<i64>,
    /// Started at or before, seconds since 1970.
    pub until: Option<i64>,
    /// Skip so many.
    pub start: Option<u32>,
    /// At most so many.
    pub limit: Option<u32>,
    /// Users whose name contains this.
    pub user: Option<String>,
    /// Failed ones, and those with warnings.
    pub errors_only: bool,
}

/// A task in a list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TaskInfo {
    /// Its name.
    pub upid: Upid,
    /// Start, seconds since 1970.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub starttime: Option<i64>,
    /// End, seconds since 1970.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub endtime: Option<i64>,
    /// How it ended; none while it runs.
    #[serde(default, rename = "status", deserialize_with = "listed_outcome")]
    pub outcome: Option<TaskOutcome>,
}

fn listed_outcome<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<TaskOutcome>, D::Error> {
    let text: Option<String> = lenient::optional(deserializer)?;
    Ok(text.filter(|t| !t.is_empty() && !t.eq_ignore_ascii_case("running")).map(|t| TaskOutcome::parse(&t)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_success_and_other_texts_are_not() {
        assert_eq!(TaskOutcome::parse("OK"), TaskOutcome::Ok);
        assert_eq!(TaskOutcome::parse("WARNINGS: 2"), TaskOutcome::Warnings(2));
        assert!(TaskOutcome::parse("WARNINGS: 2").succeeded());
        assert!(!TaskOutcome::parse("snapshot feature is not available").succeeded());
        let error = TaskOutcome::parse("can't lock file '/run/lock/lxc/pve-config-100.lock' - got timeout")
            .into_result();
        assert!(matches!(error, Err(Error::LockTimeout { .. })));
    }

    #[test]
    fn recorded_statuses_are_read() {
        let read = |text: &str| serde_json::from_str::<TaskStatus>(text).unwrap();
        let running = r#"{"pid":2197,"type":"vzcreate","status":"running","node":"pve","user":"root@pam","tokenid":"lab"}"#;
        assert_eq!(read(running), TaskStatus::Running);
        let ended = r#"{"exitstatus":"WARNINGS: 1","status":"stopped","pstart":"283000"}"#;
        assert_eq!(read(ended), TaskStatus::Ended(TaskOutcome::Warnings(1)));
        assert!(matches!(read(r#"{"status":"stopped"}"#), TaskStatus::Ended(TaskOutcome::Failed(_))));
    }

    #[test]
    fn a_list_tells_running_from_ended() {
        let row = |status: &str| {
            let upid = "UPID:pve:00000895:00046412:6B00EB98:vzstart:103:root@pam!lab:";
            let json = format!(r#"{{"upid":"{upid}","starttime":1795222424,"saved":"1"{status}}}"#);
            serde_json::from_str::<TaskInfo>(&json).unwrap().outcome
        };
        assert_eq!(row(""), None);
        assert_eq!(row(r#","status":"RUNNING""#), None);
        assert_eq!(row(r#","status":"OK""#), Some(TaskOutcome::Ok));
        assert_eq!(
            row(r#","status":"migration aborted""#),
            Some(TaskOutcome::Failed("migration aborted".to_owned()))
        );
    }
}
