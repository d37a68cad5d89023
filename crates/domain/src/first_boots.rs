//! The script that an instance is given at its making, and that is run in it once, after its first start.
//!
//! That it runs at most once is ensured in the guest: whoever begins makes a folder there, which can be made only once.
//! Whatever we forget by dying in between is found again by looking at that folder.

use std::time::Duration;

use crate::ids::InstanceId;
use crate::time::Timestamp;

words! {
    /// How the script stands.
    pub enum ScriptState as "FirstBootState" {
        /// It has not begun: the instance does not run yet, or cannot be entered yet.
        Waiting = "waiting",
        /// It runs.
        Running = "running",
        /// It has ended, with exit code 0.
        Done = "done",
        /// It has ended otherwise, or nobody knows how, or it could not be begun.
        Failed = "failed",
    }
}

/// The largest script, in bytes: what can be given to a command to read.
pub const LARGEST: usize = crate::commands::MOST_INPUT;

/// How much is kept of the end of what it says, in bytes.
pub const LOG_KEPT: usize = 8 * 1024;

/// How long it is tried to get into a running instance.
pub const PATIENCE: Duration = Duration::from_hours(1);

/// How long the script may run until nobody looks any more.
pub const LONGEST: Duration = Duration::from_hours(1);

/// The script of one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstBoot {
    /// Of which instance.
    pub instance_id: InstanceId,
    /// How it stands.
    pub state: ScriptState,
    /// Its exit code, when it has ended by itself.
    pub exit_code: Option<i32>,
    /// The end of what it said.
    pub log: String,
    /// What is in the way, or why it failed.
    pub problem: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When the instance was first seen to run: from then on it is tried to begin.
    pub tried_at: Option<Timestamp>,
    /// When it began.
    pub began_at: Option<Timestamp>,
    /// When it ended, or was given up.
    pub ended_at: Option<Timestamp>,
}

/// What the guest says about the script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// It was never begun there.
    Absent,
    /// It runs, and has said this so far.
    Running(String),
    /// It has ended.
    Ended(i32, String),
    /// It was begun, does not run, and has left no exit code: it was cut off.
    CutOff(String),
}

impl Report {
    /// Reads what our script in the guest prints: one line with the state, then the end of the log.
    pub fn read(text: &str) -> Option<Self> {
        let (state, log) = text.split_once('\n')?;
        let log = tail(log);
        match state.split(' ').collect::<Vec<_>>()[..] {
            ["absent"] => Some(Self::Absent),
            ["running"] => Some(Self::Running(log)),
            ["cut-off"] => Some(Self::CutOff(log)),
            ["ended", code] => code.parse().ok().map(|code| Self::Ended(code, log)),
            _ => None,
        }
    }
}

/// The end of a text, not more than is kept.
fn tail(text: &str) -> String {
    let mut start = text.len().saturating_sub(LOG_KEPT);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    // What a database would not take.
    text[start..].replace('\0', "\u{fffd}")
}

impl FirstBoot {
    /// A script that has not begun.
    pub fn new(instance_id: InstanceId, now: Timestamp) -> Self {
        Self {
            instance_id,
            state: ScriptState::Waiting,
            exit_code: None,
            log: String::new(),
            problem: None,
            created_at: now,
            tried_at: None,
            began_at: None,
            ended_at: None,
        }
    }

    /// What the guest says becomes what we know.
    pub fn heard(&mut self, report: Report, now: Timestamp) {
        match report {
            // Once it was seen to run, nothing makes it begin again.
            Report::Absent if self.began_at.is_some() => {
                self.fail("no trace of it is left in the instance; it is not run again", now);
            }
            Report::Absent => {}
            Report::Running(log) => {
                self.state = ScriptState::Running;
                self.began_at.get_or_insert(now);
                (self.log, self.problem) = (log, None);
                if self.began_at.is_some_and(|began| now.since(began) >= LONGEST) {
                    self.fail(
                        "it has not ended within an hour; it may still run, and nobody looks any more",
                        now,
                    );
                }
            }
            Report::Ended(code, log) => {
                let state = if code == 0 { ScriptState::Done } else { ScriptState::Failed };
                (self.state, self.exit_code, self.log, self.problem) = (state, Some(code), log, None);
                self.began_at.get_or_insert(now);
                self.ended_at = Some(now);
            }
            Report::CutOff(log) => {
                self.log = log;
                self.began_at.get_or_insert(now);
                self.fail("it was cut off before its end, and is not run again", now);
            }
        }
    }

    /// The instance cannot be entered at the moment; after a while it is given up.
    pub fn shut_out(&mut self, problem: &str, now: Timestamp) {
        let since = *self.tried_at.get_or_insert(now);
        let patience = if self.state == ScriptState::Running { LONGEST + PATIENCE } else { PATIENCE };
        if now.since(since) >= patience {
            self.fail(&format!("given up: {problem}"), now);
        } else {
            self.problem = Some(problem.to_owned());
        }
    }

    /// It failed.
    pub fn fail(&mut self, problem: &str, now: Timestamp) {
        self.state = ScriptState::Failed;
        self.problem = Some(problem.to_owned());
        self.ended_at = Some(now);
    }

    /// Whether there is nothing more to do.
    pub fn is_over(&self) -> bool {
        matches!(self.state, ScriptState::Done | ScriptState::Failed)
    }

    /// How long to wait before the next look: short ones first.
    pub fn pause(&self, now: Timestamp) -> Duration {
        let since = self.began_at.or(self.tried_at).unwrap_or(now);
        (now.since(since) / 8).clamp(Duration::from_secs(1), Duration::from_secs(15))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

    fn fresh() -> FirstBoot {
        FirstBoot::new(InstanceId::new(), NOW)
    }

    #[test]
    fn reports_are_read_strictly() {
        assert_eq!(Report::read("absent\n"), Some(Report::Absent));
        assert_eq!(Report::read("ended 7\nlast\nwords\n"), Some(Report::Ended(7, "last\nwords\n".into())));
        assert_eq!(Report::read("running\n\0"), Some(Report::Running("\u{fffd}".into())));
        let long = format!("cut-off\n{}", "é".repeat(LOG_KEPT));
        let Some(Report::CutOff(log)) = Report::read(&long) else { panic!() };
        assert!(log.len() <= LOG_KEPT && log.chars().all(|c| c == 'é'));
        for bad in ["", "absent", "ended\n", "ended x\n", "Please login as debian\n"] {
            assert_eq!(Report::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_outcome_is_kept_and_what_was_cut_off_is_never_begun_again() {
        let mut boot = fresh();
        boot.heard(Report::Running("a".into()), NOW);
        assert_eq!((boot.state, boot.began_at), (ScriptState::Running, Some(NOW)));
        boot.heard(Report::Ended(0, "b".into()), NOW);
        assert_eq!((boot.state, boot.exit_code, boot.log.as_str()), (ScriptState::Done, Some(0), "b"));
        let mut boot = fresh();
        boot.heard(Report::Ended(3, String::new()), NOW);
        assert!(boot.is_over() && boot.state == ScriptState::Failed && boot.exit_code == Some(3));
        let mut boot = fresh();
        boot.heard(Report::CutOff(String::new()), NOW);
        assert!(boot.is_over() && boot.exit_code.is_none() && boot.problem.is_some());
    }

    #[test]
    fn what_has_run_does_not_begin_again_when_its_traces_are_gone() {
        let mut boot = fresh();
        boot.heard(Report::Absent, NOW);
        assert_eq!(boot.state, ScriptState::Waiting);
        boot.heard(Report::Running(String::new()), NOW);
        boot.heard(Report::Absent, NOW);
        assert_eq!((boot.state, boot.is_over()), (ScriptState::Failed, true));
    }

    #[test]
    fn patience_ends() {
        let mut boot = fresh();
        boot.shut_out("no address", NOW);
        assert_eq!((boot.state, boot.problem.as_deref()), (ScriptState::Waiting, Some("no address")));
        boot.shut_out("no address", NOW.after(PATIENCE));
        assert_eq!(boot.state, ScriptState::Failed);
        let mut boot = fresh();
        boot.heard(Report::Running(String::new()), NOW);
        boot.heard(Report::Running(String::new()), NOW.after(LONGEST));
        assert_eq!(boot.state, ScriptState::Failed);
    }
}
