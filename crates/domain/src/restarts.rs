//! Restarts of services: players are told, the world is saved, the guest is rebooted, and it is waited until the service
//! answers. What comes next is a pure question about the row, so that a crash at any moment loses and repeats nothing.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{OperationId, RestartId, ServiceId};
use crate::mails::Language;
use crate::reports::{Fault, Report};
use crate::restraint::Person;
use crate::services::{QUICK_LOOK, Service};
use crate::time::Timestamp;

words! {
    /// How a restart stands.
    pub enum RestartState {
        /// Players are told how long they have.
        Announcing = "announcing",
        /// The world is written to the disk.
        Saving = "saving",
        /// The guest is rebooted.
        Rebooting = "rebooting",
        /// The service is awaited.
        Waiting = "waiting",
        /// The service answers again.
        Done = "done",
        /// It came to no good end; the error says why.
        Failed = "failed",
    }
}

impl RestartState {
    /// Whether nothing more will happen.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed)
    }
}

words! {
    /// What the guest is asked to do.
    pub enum Push {
        /// Shut down and start.
        Reboot = "reboot",
        /// Start: it did not run.
        Start = "start",
    }
}

/// One restart of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restart {
    /// Identity.
    pub id: RestartId,
    /// What is restarted.
    pub service_id: ServiceId,
    /// Who asked.
    pub person: Person,
    /// How they are called, for people.
    pub asked_name: String,
    /// When they asked.
    pub asked_at: Timestamp,
    /// How it stands.
    pub state: RestartState,
    /// When the present state ends at the latest.
    pub due_at: Timestamp,
    /// Players were last told that so many seconds are left.
    pub told: Option<u32>,
    /// What the guest is asked to do, and since when: written before it is asked.
    pub pushed: Option<(Push, Timestamp)>,
    /// The operation that reboots the instance.
    pub operation_id: Option<OperationId>,
    /// The task that reboots a guest that is not ours. For staff.
    pub upid: Option<String>,
    /// When the guest had been rebooted.
    pub rebooted_at: Option<Timestamp>,
    /// How long it took from the asking to the first answer, in seconds.
    pub seconds: Option<u32>,
    /// Why it failed.
    pub fault: Option<Fault>,
    /// What each part of it brought.
    pub reports: Vec<Report>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Tell the players that so many seconds are left.
    Tell(u32),
    /// Save the world, then go on, whether it could be saved or not.
    Save,
    /// Ask the guest to reboot.
    Push,
    /// It was asked, and what became of that is not known: look for it, and do not ask again before.
    Find,
    /// See how far the reboot is.
    Follow,
    /// Go on to this state.
    Enter(RestartState),
    /// Nothing before this time.
    Wait(Timestamp),
    /// It has ended well, after so many seconds.
    Finish(u32),
    /// It has failed.
    Fail(Fault),
}

/// How long the world may take to be saved.
const SAVING: Duration = Duration::from_mins(1);

/// How long a reboot may take: longer than its operation, which says better why it failed.
const REBOOTING: Duration = Duration::from_mins(16);

/// When players are told again, in seconds before the restart.
const MARKS: [u32; 10] = [600, 300, 120, 60, 30, 10, 5, 3, 2, 1];

impl Restart {
    /// One that was just asked for.
    pub fn new(service: &Service, person: Person, asked_name: String, now: Timestamp) -> Self {
        Self {
            id: RestartId::new(),
            service_id: service.id,
            person,
            asked_name,
            asked_at: now,
            state: RestartState::Announcing,
            due_at: now.after(Duration::from_secs(service.warn_seconds.into())),
            told: None,
            pushed: None,
            operation_id: None,
            upid: None,
            rebooted_at: None,
            seconds: None,
            fault: None,
            reports: Vec::new(),
            ended_at: None,
        }
    }

    /// Goes on to a state, which ends in time.
    pub fn enter(&mut self, state: RestartState, service: &Service, now: Timestamp) {
        let lasts = match state {
            RestartState::Saving => SAVING,
            RestartState::Rebooting => REBOOTING,
            RestartState::Waiting => {
                self.rebooted_at = Some(now);
                Duration::from_secs(service.ready_seconds.into())
            }
            RestartState::Announcing | RestartState::Done | RestartState::Failed => Duration::ZERO,
        };
        self.state = state;
        self.due_at = now.after(lasts);
        if state.is_final() {
            self.ended_at = Some(now);
        }
    }

    /// When it will have ended at the latest.
    pub fn ends_by(&self, service: &Service) -> Timestamp {
        let ready = Duration::from_secs(service.ready_seconds.into());
        let after = match self.state {
            RestartState::Announcing => SAVING + REBOOTING + ready,
            RestartState::Saving => REBOOTING + ready,
            RestartState::Rebooting => ready,
            RestartState::Waiting | RestartState::Done | RestartState::Failed => Duration::ZERO,
        };
        self.due_at.after(after)
    }
}

/// What comes next of a restart. `answered` is when the latest look began that the service answered.
pub fn next(restart: &Restart, service: &Service, answered: Option<Timestamp>, now: Timestamp) -> Step {
    let late = now >= restart.due_at;
    match restart.state {
        // Nobody can be told, so there is nothing to wait for.
        RestartState::Announcing | RestartState::Saving if service.rcon_port.is_none() => {
            Step::Enter(RestartState::Rebooting)
        }
        RestartState::Announcing => announce(restart, now),
        RestartState::Saving if late => Step::Enter(RestartState::Rebooting),
        RestartState::Saving => Step::Save,
        RestartState::Rebooting if late => fail("reboot_timeout", "The guest was not rebooted in time."),
        RestartState::Rebooting => match (restart.pushed, &restart.operation_id, &restart.upid) {
            (_, Some(_), _) | (_, _, Some(_)) => Step::Follow,
            (Some(_), None, None) => Step::Find,
            (None, None, None) => Step::Push,
        },
        RestartState::Waiting => {
            // An answer from before the reboot says nothing, nor does one from the same instant.
            let ready = restart.rebooted_at.zip(answered).is_some_and(|(since, seen)| seen > since);
            let seconds = now.since(restart.asked_at).as_secs();
            match ready {
                true => Step::Finish(u32::try_from(seconds).unwrap_or(u32::MAX)),
                false if late => {
                    fail("not_ready", "The guest runs again, and the service did not answer in time.")
                }
                false => Step::Wait(now.after(QUICK_LOOK).min(restart.due_at)),
            }
        }
        RestartState::Done | RestartState::Failed => Step::Wait(Timestamp(i64::MAX)),
    }
}

fn announce(restart: &Restart, now: Timestamp) -> Step {
    let left = restart.due_at.since(now).as_millis().div_ceil(1000);
    let left = u32::try_from(left).unwrap_or(u32::MAX);
    if left == 0 {
        return Step::Enter(RestartState::Saving);
    }
    let Some(told) = restart.told else { return Step::Tell(left) };
    // Those that a pause has skipped are not told any more.
    if MARKS.iter().any(|mark| *mark < told && *mark >= left) {
        return Step::Tell(left);
    }
    let next = MARKS.into_iter().find(|mark| *mark < told && *mark < left).unwrap_or(0);
    Step::Wait(restart.due_at.before(Duration::from_secs(next.into())))
}

fn fail(code: &str, message: &str) -> Step {
    Step::Fail(Fault { code: code.to_owned(), message: message.to_owned() })
}

/// What players read before a restart.
pub fn announcement(language: Language, seconds: u32) -> String {
    let (count, unit) = match language {
        _ if seconds.is_multiple_of(60) => (seconds / 60, "minute"),
        Language::En => (seconds, "second"),
        Language::Fr => (seconds, "seconde"),
    };
    let many = if count > 1 { "s" } else { "" };
    match language {
        Language::En => format!("The server restarts in {count} {unit}{many}."),
        Language::Fr => format!("Le serveur redémarre dans {count} {unit}{many}."),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::services::{Service, ServiceKind, tests};

    const NOW: Timestamp = Timestamp(1_795_221_883_000_000);

    fn at(seconds: u64) -> Timestamp {
        NOW.after(Duration::from_secs(seconds))
    }

    fn service(rcon: bool) -> Service {
        Service { rcon_port: rcon.then_some(25575), ..tests::service(ServiceKind::MinecraftJava) }
    }

    fn asked(service: &Service) -> Restart {
        Restart::new(service, Person::House, "the house".into(), NOW)
    }

    #[test]
    fn players_are_told_at_the_marks_and_once_each() {
        let service = service(true);
        let mut restart = asked(&service);
        let mut told = Vec::new();
        for tenth in 0..100 {
            let now = NOW.after(Duration::from_millis(100 * tenth));
            if let Step::Tell(left) = next(&restart, &service, None, now) {
                told.push(left);
                restart.told = Some(left);
            }
        }
        assert_eq!(told, [10, 5, 3, 2, 1]);
        assert_eq!(next(&restart, &service, None, at(10)), Step::Enter(RestartState::Saving));
        // After a pause, only what is still true is told.
        restart.told = Some(10);
        assert_eq!(next(&restart, &service, None, at(1)), Step::Wait(at(5)));
        assert_eq!(next(&restart, &service, None, at(8)), Step::Tell(2));
    }

    #[test]
    fn without_a_console_nobody_is_told_and_nothing_is_waited_for() {
        let service = service(false);
        let restart = asked(&service);
        assert_eq!(next(&restart, &service, None, NOW), Step::Enter(RestartState::Rebooting));
    }

    #[test]
    fn the_guest_is_asked_once_then_looked_for_then_followed() {
        let service = service(true);
        let mut restart = asked(&service);
        restart.enter(RestartState::Rebooting, &service, at(10));
        assert_eq!(next(&restart, &service, None, at(10)), Step::Push);
        restart.pushed = Some((Push::Reboot, at(10)));
        assert_eq!(next(&restart, &service, None, at(11)), Step::Find);
        restart.upid = Some("UPID:…".into());
        assert_eq!(next(&restart, &service, None, at(12)), Step::Follow);
        let late = next(&restart, &service, None, at(10 + 16 * 60));
        assert!(matches!(late, Step::Fail(fault) if fault.code == "reboot_timeout"));
    }

    #[test]
    fn only_an_answer_after_the_reboot_ends_it_and_the_seconds_count_from_the_asking() {
        let service = service(true);
        let mut restart = asked(&service);
        restart.enter(RestartState::Waiting, &service, at(40));
        for before in [39, 40] {
            let step = next(&restart, &service, Some(at(before)), at(41));
            assert_eq!(step, Step::Wait(at(41).after(QUICK_LOOK)), "{before}");
        }
        assert_eq!(next(&restart, &service, Some(at(47)), at(47)), Step::Finish(47));
        assert_eq!(next(&restart, &service, None, at(340).before(QUICK_LOOK / 2)), Step::Wait(at(340)));
        let late = next(&restart, &service, Some(at(39)), at(340));
        assert!(matches!(late, Step::Fail(fault) if fault.code == "not_ready"));
    }

    #[test]
    fn announcements_read_well() {
        assert_eq!(announcement(Language::Fr, 10), "Le serveur redémarre dans 10 secondes.");
        assert_eq!(announcement(Language::En, 1), "The server restarts in 1 second.");
        assert_eq!(announcement(Language::En, 300), "The server restarts in 5 minutes.");
        assert_eq!(announcement(Language::Fr, 60), "Le serveur redémarre dans 1 minute.");
    }

    proptest! {
        /// Whatever fails and wherever the process dies, a restart ends by its deadline and asks its guest once.
        #[test]
        fn it_always_ends_in_time_and_pushes_once(
            rcon: bool,
            ready_seconds in 1u32..300,
            warn_seconds in 0u32..600,
            dice in prop::collection::vec((0u32..10, 1u64..60_000), 2000),
        ) {
            let service = Service { ready_seconds, warn_seconds, ..service(rcon) };
            let mut restart = asked(&service);
            let (mut now, mut pushes, mut answered) = (NOW, 0, None);
            for (die, pause) in dice {
                prop_assert!(restart.ends_by(&service) <= asked(&service).ends_by(&service).after(Duration::from_mins(4)));
                match next(&restart, &service, answered, now) {
                    // A crash before the row is written: nothing has changed.
                    _ if die == 0 => {}
                    Step::Tell(left) => {
                        prop_assert!(restart.told.is_none_or(|told| left < told));
                        restart.told = Some(left);
                    }
                    Step::Save => restart.enter(RestartState::Rebooting, &service, now),
                    Step::Push => {
                        pushes += 1;
                        restart.pushed = Some((Push::Reboot, now));
                        // A crash after the intent: the task is not known.
                        if die > 4 { restart.upid = Some("UPID".into()); }
                    }
                    Step::Find if die > 4 => restart.upid = Some("UPID".into()),
                    Step::Follow if die > 6 => restart.enter(RestartState::Waiting, &service, now),
                    Step::Find | Step::Follow => {}
                    Step::Enter(state) => restart.enter(state, &service, now),
                    Step::Wait(until) => {
                        prop_assert!(until > now);
                        if restart.state == RestartState::Waiting && die > 7 { answered = Some(now); }
                    }
                    Step::Finish(_) => restart.enter(RestartState::Done, &service, now),
                    Step::Fail(fault) => {
                        restart.fault = Some(fault);
                        restart.enter(RestartState::Failed, &service, now);
                    }
                }
                if restart.state.is_final() { break; }
                now = now.after(Duration::from_millis(pause));
            }
            prop_assert!(restart.state.is_final(), "{restart:?}");
            prop_assert!(pushes <= 1);
            prop_assert_eq!(restart.state == RestartState::Failed, restart.fault.is_some());
        }
    }
}
