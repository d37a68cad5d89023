//! What comes next for a host: a pure function of its profile, its course, what was seen and what needs it. It is asked at
//! every look; what it answers is written down before anything is done.
//!
//! Two rules stand above the others: nothing switches a host off while a signal is busy or cannot be read, and between
//! two times of being awake it is told once to switch itself off; a second way is taken only when the first certainly
//! failed or had no effect in the time allowed.

use std::time::Duration;

use super::Presence;
use super::course::{Command, Course, State, Way};
use super::profile::{Profile, Wake};
use super::signals::{Signal, busy, wanted};
use crate::time::Timestamp;

/// Looks in a row without an answer before we believe that it is so.
const BELIEVED: u32 = 3;

/// A call that was not heard is repeated after this long: packets get lost.
const CALL_AGAIN: Duration = Duration::from_secs(20);

/// How long an error stands before what is seen or wanted ends it.
const ERROR_RESTS: Duration = Duration::from_mins(5);

/// How long the guests of a host may take to stop, all together.
const DRAINED: Duration = Duration::from_mins(30);

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Call it.
    Call,
    /// Stop the next of its guests.
    Stop,
    /// Tell it to switch itself off.
    Off(Way),
    /// Start the guests that were stopped for its sleep.
    Rouse,
}

/// The guests that sleep with the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Resting {
    /// Some still run.
    pub running: bool,
    /// Some task still runs on the node.
    pub tasks: bool,
    /// Some were stopped for the sleep and are to be started again.
    pub stopped: bool,
}

/// What becomes of a host, and what is to be done once that is written down.
pub fn next(
    profile: &Profile,
    course: &Course,
    presence: Presence,
    signals: &[Signal],
    resting: Resting,
    now: Timestamp,
) -> (Course, Option<Act>) {
    let mut next = Next { profile, course: course.clone(), presence, now };
    next.count();
    let act = match course.state {
        State::Maintenance => None,
        State::Unknown => next.unknown(signals, resting),
        State::Off => next.off(signals, resting),
        State::Waking => next.waking(resting),
        State::Booting => next.booting(resting),
        State::Ready => next.ready(signals, resting),
        State::Idle => next.idle(signals, resting),
        State::Draining => next.draining(signals, resting),
        State::ShuttingDown => next.shutting_down(),
        State::Error => next.error(signals, resting),
    };
    (next.course, act)
}

/// How long until the next look, when nothing else brings one about.
pub fn pause(course: &Course, now: Timestamp) -> Duration {
    let pause = match course.state {
        State::Waking | State::Booting | State::ShuttingDown | State::Draining => Duration::from_secs(1),
        State::Unknown | State::Idle => Duration::from_secs(3),
        State::Ready if course.missed > 0 => Duration::from_secs(3),
        State::Ready | State::Off | State::Maintenance | State::Error => Duration::from_secs(10),
    };
    match course.deadline {
        Some(deadline) if deadline > now => pause.min(deadline.since(now)),
        _ => pause,
    }
}

struct Next<'a> {
    profile: &'a Profile,
    course: Course,
    presence: Presence,
    now: Timestamp,
}

impl Next<'_> {
    fn count(&mut self) {
        let course = &mut self.course;
        match self.presence {
            Presence::Serves => (course.missed, course.silent) = (0, 0),
            Presence::Stirs => (course.missed, course.silent) = (course.missed.saturating_add(1), 0),
            Presence::Silent => {
                course.missed = course.missed.saturating_add(1);
                course.silent = course.silent.saturating_add(1);
            }
            // It could not be asked: that says nothing about it.
            Presence::Unknown => {}
        }
    }

    fn enter(&mut self, state: State, reason: impl Into<Option<String>>) {
        self.course.enter(state, reason.into(), self.now);
    }

    fn until(&mut self, seconds: u32) {
        self.course.deadline = Some(self.now.after(Duration::from_secs(seconds.into())));
    }

    fn late(&self) -> bool {
        self.course.deadline.is_some_and(|deadline| self.now >= deadline)
    }

    /// It serves: whoever wanted it has it now, and its guests are started again.
    fn awake(&mut self, reason: impl Into<Option<String>>, resting: Resting) -> Option<Act> {
        self.enter(State::Ready, reason);
        self.course.asked = None;
        resting.stopped.then_some(Act::Rouse)
    }

    fn boots(&mut self) -> Option<Act> {
        let (called_at, deadline) = (self.course.called_at, self.course.deadline);
        self.enter(State::Booting, "something answers; its API does not yet".to_owned());
        self.course.called_at = called_at;
        self.until(self.profile.startup_seconds);
        // The time to start up counts from the call.
        if called_at.is_some() && deadline.is_some() {
            self.course.deadline = deadline;
        }
        None
    }

    fn call(&mut self, why: String) -> Option<Act> {
        if self.profile.wake == Wake::None {
            self.course.asked = None;
            self.course.reason = Some(format!("{why}, and its profile names no way to wake it"));
            return None;
        }
        self.enter(State::Waking, why);
        self.until(self.profile.startup_seconds);
        self.course.called_at = Some(self.now);
        Some(Act::Call)
    }

    fn unknown(&mut self, signals: &[Signal], resting: Resting) -> Option<Act> {
        match self.presence {
            Presence::Serves => self.awake(None, resting),
            Presence::Stirs => self.boots(),
            Presence::Silent if self.course.silent >= BELIEVED => {
                self.enter(State::Off, "nothing answers".to_owned());
                self.off(signals, resting)
            }
            Presence::Silent | Presence::Unknown => None,
        }
    }

    fn off(&mut self, signals: &[Signal], resting: Resting) -> Option<Act> {
        match self.presence {
            Presence::Serves => self.awake("it woke by itself".to_owned(), resting),
            Presence::Stirs => self.boots(),
            Presence::Silent | Presence::Unknown => {
                // Asking for the sleep of what sleeps is answered.
                self.course.sleep = None;
                wanted(signals).map(|signal| signal.reason.clone()).and_then(|why| self.call(why))
            }
        }
    }

    fn waking(&mut self, resting: Resting) -> Option<Act> {
        match self.presence {
            Presence::Serves => self.awake(None, resting),
            Presence::Stirs => self.boots(),
            Presence::Silent | Presence::Unknown if self.late() => {
                let seconds = self.profile.startup_seconds;
                self.fail(format!("it did not answer within {seconds} s of being called"));
                None
            }
            Presence::Silent | Presence::Unknown => {
                let again = self.course.called_at.is_none_or(|at| self.now >= at.after(CALL_AGAIN));
                again.then(|| {
                    self.course.called_at = Some(self.now);
                    Act::Call
                })
            }
        }
    }

    fn booting(&mut self, resting: Resting) -> Option<Act> {
        if self.presence == Presence::Serves {
            return self.awake(None, resting);
        }
        if self.course.silent >= BELIEVED && self.course.called_at.is_none() {
            self.enter(State::Off, "it answered for a moment, and is silent again".to_owned());
        } else if self.late() {
            let seconds = self.profile.startup_seconds;
            self.fail(format!("it answers, but its API did not within {seconds} s"));
        }
        None
    }

    fn ready(&mut self, signals: &[Signal], resting: Resting) -> Option<Act> {
        if self.presence != Presence::Serves {
            return self.away();
        }
        if let Some(signal) = busy(signals) {
            self.course.quiet_since = None;
            if self.course.sleep.take().is_some() {
                self.course.reason = Some(format!("stays awake: {}", signal.reason));
            }
        } else {
            let quiet_since = *self.course.quiet_since.get_or_insert(self.now);
            let idle = Duration::from_secs(self.profile.idle_seconds.into());
            let asked = self.course.sleep.take().map(|asked| format!("{} asked for its sleep", asked.by));
            let idles = self.profile.automatic && self.now >= quiet_since.after(idle);
            let why = asked.or_else(|| {
                idles.then(|| format!("nothing has needed it for {}", minutes(self.profile.idle_seconds)))
            });
            if let Some(why) = why {
                self.enter(State::Idle, why);
                self.until(self.profile.countdown_seconds);
                return None;
            }
        }
        // Whoever wanted it has it: from here on, what needs it speaks for itself.
        self.course.asked = None;
        resting.stopped.then_some(Act::Rouse)
    }

    /// Awake as far as we knew, and its API does not answer.
    fn away(&mut self) -> Option<Act> {
        self.course.quiet_since = None;
        if self.course.silent >= BELIEVED {
            self.enter(State::Off, "it went off by itself".to_owned());
        } else if self.course.missed >= BELIEVED && self.presence == Presence::Stirs {
            return self.boots();
        } else if self.course.state != State::Ready {
            self.enter(State::Ready, "its API does not answer".to_owned());
        }
        None
    }

    fn idle(&mut self, signals: &[Signal], resting: Resting) -> Option<Act> {
        if self.presence != Presence::Serves {
            return self.away();
        }
        if let Some(signal) = busy(signals) {
            self.enter(State::Ready, format!("the countdown was broken off: {}", signal.reason));
            return resting.stopped.then_some(Act::Rouse);
        }
        if self.late() {
            self.enter(State::Draining, "its guests are being stopped".to_owned());
            self.course.deadline = Some(self.now.after(DRAINED));
            return self.draining(signals, resting);
        }
        None
    }

    fn draining(&mut self, signals: &[Signal], resting: Resting) -> Option<Act> {
        if self.presence != Presence::Serves {
            if self.course.silent >= BELIEVED {
                self.enter(State::Off, "it went off by itself".to_owned());
            } else if self.course.missed >= BELIEVED && self.presence == Presence::Stirs {
                return self.boots();
            }
            return None;
        }
        if let Some(signal) = busy(signals) {
            let why = format!("called back: {}", signal.reason);
            return self.awake(why, resting);
        }
        if !resting.running && !resting.tasks {
            return self.command(Way::Api);
        }
        if self.late() {
            self.fail("its guests could not be stopped in time; see what runs on it".to_owned());
            return None;
        }
        resting.running.then_some(Act::Stop)
    }

    fn command(&mut self, way: Way) -> Option<Act> {
        let reason = match way {
            Way::Api => "told to switch itself off",
            Way::Ssh => "told by SSH to switch itself off",
        };
        self.enter(State::ShuttingDown, reason.to_owned());
        self.until(self.profile.shutdown_seconds);
        self.course.commanded = Some(Command { way, at: self.now, refused: None });
        Some(Act::Off(way))
    }

    fn shutting_down(&mut self) -> Option<Act> {
        if self.course.silent >= BELIEVED {
            self.enter(State::Off, "it sleeps".to_owned());
            return None;
        }
        let Some(command) = self.course.commanded.clone() else {
            self.fail("it is not known how it was told to switch itself off".to_owned());
            return None;
        };
        let problem = match command.refused {
            Some(refused) => refused,
            None if self.late() && self.presence != Presence::Silent => {
                format!(
                    "it still answers {} s after it was told to switch itself off",
                    self.profile.shutdown_seconds
                )
            }
            None => return None,
        };
        if command.way == Way::Api && self.profile.fallback.is_some() {
            return self.command(Way::Ssh);
        }
        self.fail(problem);
        None
    }

    /// What somebody asked for cannot be had; they are told by the state, and asking again tries again.
    fn fail(&mut self, reason: String) {
        self.enter(State::Error, reason);
        (self.course.asked, self.course.sleep) = (None, None);
    }

    fn error(&mut self, signals: &[Signal], resting: Resting) -> Option<Act> {
        let rested = self.now >= self.course.since.after(ERROR_RESTS);
        let asked = self.course.asked.is_some();
        match self.presence {
            Presence::Serves if rested || asked => self.awake("it answers again".to_owned(), resting),
            Presence::Stirs if rested || asked => self.boots(),
            Presence::Silent if self.course.silent >= BELIEVED => match wanted(signals) {
                None => {
                    let was = self.course.reason.clone();
                    self.enter(State::Off, was);
                    None
                }
                Some(signal) if rested || asked => {
                    let why = signal.reason.clone();
                    self.call(why)
                }
                Some(_) => None,
            },
            _ => None,
        }
    }
}

fn minutes(seconds: u32) -> String {
    if seconds.is_multiple_of(60) { format!("{} min", seconds / 60) } else { format!("{seconds} s") }
}
