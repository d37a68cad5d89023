//! Running one job by the ways that are open: the next one is taken only while nothing has run yet.

use std::time::Instant;

use innkeeper_domain::commands::{By, choose, shell_text};
use innkeeper_domain::instances::Instance;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tracing::{info, warn};

use crate::{Engine, Error};

/// What is to be run, checked.
#[derive(Clone)]
pub(crate) struct Job {
    /// The program and its arguments.
    pub(crate) words: Vec<String>,
    /// As whom; root when not said.
    pub(crate) user: Option<String>,
    /// What it reads.
    pub(crate) input: Vec<u8>,
    /// How long it may run.
    pub(crate) seconds: u32,
    /// How much of each output is kept.
    pub(crate) most_output: usize,
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// By which way it ran.
    pub by: By,
    /// Its exit code, when it ended by itself.
    pub exit_code: Option<i64>,
    /// The signal that ended it: its name without `SIG`, or its number.
    pub signal: Option<String>,
    /// What it wrote.
    pub stdout: Vec<u8>,
    /// What it wrote as errors.
    pub stderr: Vec<u8>,
    /// More was written than is kept.
    pub stdout_truncated: bool,
    /// More was written as errors than is kept.
    pub stderr_truncated: bool,
    /// It ran for too long and was killed.
    pub timed_out: bool,
    /// Nobody waited for it any more, and it was killed.
    pub cancelled: bool,
    /// How long it took, in milliseconds, with the way there.
    pub duration_ms: u64,
}

impl Ran {
    pub(super) fn by(by: By) -> Self {
        Self {
            by,
            exit_code: None,
            signal: None,
            stdout: Vec::new(),
            stderr: Vec::new(),
            stdout_truncated: false,
            stderr_truncated: false,
            timed_out: false,
            cancelled: false,
            duration_ms: 0,
        }
    }

    /// The exit code of a script of ours that should have ended well.
    pub(crate) fn succeeded(&self) -> bool {
        self.exit_code == Some(0) && !self.timed_out && !self.cancelled
    }
}

/// Why a way did not lead into the instance.
#[derive(Debug)]
pub(crate) enum Unreached {
    /// Nothing has run; another way may be tried.
    Before {
        /// Stable, snake_case.
        code: &'static str,
        /// For the customer: nothing of Proxmox or of the node.
        message: String,
    },
    /// It must be told, and nothing else be tried: something may have run, or somebody may be in between.
    Stop(Error),
}

impl Unreached {
    pub(super) fn before(code: &'static str, message: impl Into<String>) -> Self {
        Self::Before { code, message: message.into() }
    }

    pub(super) fn stop(code: &'static str, message: impl Into<String>) -> Self {
        Self::Stop(Error::conflict(code, message))
    }
}

impl From<Error> for Unreached {
    fn from(error: Error) -> Self {
        Self::Stop(error)
    }
}

impl From<innkeeper_store::Error> for Unreached {
    fn from(error: innkeeper_store::Error) -> Self {
        Self::Stop(error.into())
    }
}

impl Job {
    /// A script of ours with its arguments.
    pub(crate) fn script(text: &str, arguments: &[&str], input: Vec<u8>) -> Self {
        let mut words = ["/bin/sh", "-c", text, "sh"].map(str::to_owned).to_vec();
        words.extend(arguments.iter().map(|word| (*word).to_owned()));
        Self { words, user: None, input, seconds: 30, most_output: 64 * 1024 }
    }

    /// The program, for the audit log.
    pub(super) fn program(&self) -> String {
        self.words.first().map_or("", String::as_str).chars().take(100).collect()
    }

    /// The words by which somebody who has become this user runs the job as whom it is meant for.
    pub(super) fn words_as(&self, already: &str) -> Vec<String> {
        match self.user.as_deref() {
            Some(user) if user != already => {
                // The one that is found in the smallest systems as well.
                let line = shell_text(&self.words);
                ["su", "-s", "/bin/sh", user, "-c", &line].map(str::to_owned).to_vec()
            }
            _ => self.words.clone(),
        }
    }
}

impl Engine {
    /// Runs a job by the way that is asked for, or by the first that leads into the instance.
    pub(crate) async fn run_job(
        &self,
        instance: &Instance,
        asked: Option<By>,
        job: &Job,
        cancelled: WaitForCancellationFutureOwned,
    ) -> Result<Ran, Error> {
        let began = Instant::now();
        tokio::pin!(cancelled);
        let ways = self.ways_into(instance).await?;
        let open =
            choose(&ways, asked).map_err(|unable| Error::conflict(unable.as_str(), unable.message()))?;
        let mut first = None;
        for by in open {
            let tried = match by {
                By::Agent => self.by_agent(instance, job, cancelled.as_mut()).await,
                By::Ssh => self.by_ssh(instance, job, cancelled.as_mut()).await,
                By::Node => self.by_node(instance, job, cancelled.as_mut()).await,
            };
            match tried {
                Ok(mut ran) => {
                    ran.duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
                    return Ok(ran);
                }
                Err(Unreached::Stop(error)) => {
                    warn!(instance = %instance.id, %by, %error, "a command was broken off");
                    return Err(error);
                }
                Err(Unreached::Before { code, message }) => {
                    info!(instance = %instance.id, %by, code, message, "no way into the instance");
                    first.get_or_insert(Error::conflict(code, message));
                }
            }
        }
        Err(first.unwrap_or_else(|| Error::Internal("no way was tried".into())))
    }
}
