//! What is seen of a service: what an answer, or silence, means together with what is known of its guest; and what
//! that says about its host's going to sleep.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Service;
use crate::reports::Report;
use crate::time::Timestamp;

/// How often a service is looked at.
pub const LOOK_EVERY: Duration = Duration::from_secs(15);

/// How often it is looked at while somebody waits for it to be ready.
pub const QUICK_LOOK: Duration = Duration::from_millis(500);

/// A sighting that is older says nothing any more: three looks went by.
pub const FRESH: Duration = Duration::from_secs(45);

words! {
    /// How a service was last seen.
    pub enum ServiceState {
        /// It answers.
        Up = "up",
        /// It does not answer yet, and its guest has started not long ago.
        Starting = "starting",
        /// Its guest does not run, or nothing listens there.
        Down = "down",
        /// Its guest may run, but no answer came that we understand.
        Unreadable = "unreadable",
    }
}

/// What an answer told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Answer {
    /// How many play; none where it does not say.
    pub players: Option<u32>,
    /// How many may.
    pub most: Option<u32>,
    /// The version, as it calls itself.
    pub version: Option<String>,
    /// Some of the players.
    pub names: Vec<String>,
    /// Its message.
    pub motd: Option<String>,
    /// How long the answer took, in microseconds.
    pub latency_us: Option<u64>,
}

/// What a look brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It answered by its own protocol.
    Answer(Answer),
    /// Nothing listens there.
    Refused,
    /// No answer, or none that is understood.
    Nothing,
    /// Nobody looked: its guest is known not to run.
    Unasked,
}

/// What was last seen of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// How it is.
    pub state: ServiceState,
    /// What it answered, as long as it is up.
    pub answer: Answer,
    /// Whether its guest ran, as far as known.
    pub guest: Option<bool>,
    /// Since when it is awaited; none when it is not.
    pub awaited_since: Option<Timestamp>,
    /// The look, for people.
    pub report: Report,
    /// When the look began: what answers was there no earlier.
    pub seen_at: Timestamp,
}

impl Sighting {
    /// What is now to be thought of a service, after what was thought before. `awaited`: its guest is being restarted.
    pub fn judge(
        service: &Service,
        before: Option<&Self>,
        heard: Heard,
        guest: Option<bool>,
        awaited: bool,
        report: Report,
        began: Timestamp,
    ) -> Self {
        let since = match before {
            None => Some(began),
            Some(before) if before.guest == Some(false) => Some(began),
            Some(before) if awaited => before.awaited_since.or(Some(began)),
            Some(before) => before.awaited_since,
        };
        let patience = Duration::from_secs(service.ready_seconds.into());
        let since = since.filter(|since| awaited || began.since(*since) < patience);
        let (state, answer, awaited_since) = match (heard, guest) {
            (Heard::Answer(answer), _) => (ServiceState::Up, answer, None),
            (_, Some(false)) | (Heard::Unasked, _) => (ServiceState::Down, Answer::default(), None),
            (_, _) if since.is_some() => (ServiceState::Starting, Answer::default(), since),
            (Heard::Refused, _) => (ServiceState::Down, Answer::default(), None),
            (Heard::Nothing, _) => (ServiceState::Unreadable, Answer::default(), None),
        };
        // What answers runs, whatever was believed of its guest.
        let guest = if state == ServiceState::Up { Some(true) } else { guest };
        Self { state, answer, guest, awaited_since, report, seen_at: began }
    }

    /// When to look again.
    pub fn next_look(&self, awaited: bool) -> Timestamp {
        let quick = awaited || self.state == ServiceState::Starting;
        self.seen_at.after(if quick { QUICK_LOOK } else { LOOK_EVERY })
    }

    /// Whether people would be told something else than before. How long the answer took is nothing to tell.
    pub fn tells_more_than(&self, before: Option<&Self>) -> bool {
        before.is_none_or(|before| {
            let quiet = |answer: &Answer| Answer { latency_us: None, ..answer.clone() };
            before.state != self.state || quiet(&before.answer) != quiet(&self.answer)
        })
    }
}

/// What the players of a service say about its host's going to sleep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Players {
    /// Nobody plays, for this reason.
    Nobody(String),
    /// So many play.
    Playing(u32),
    /// Nobody knows, for this reason; it counts as if somebody played.
    Unreadable(String),
    /// The service does not say who is there; it neither keeps its host awake nor lets it sleep.
    NotCounted,
}

impl Players {
    /// Whether they keep the host awake.
    pub fn busy(&self) -> bool {
        matches!(self, Self::Playing(_) | Self::Unreadable(_))
    }
}

/// What the players of a service say about its host's going to sleep. `guest_running` is what is known of its guest, or
/// of the host where it has none: that it does not run is the only thing besides its own answer that shows that nobody
/// plays. A port that refuses does not: something else may stand in between.
pub fn signal(
    service: &Service,
    sighting: Option<&Sighting>,
    guest_running: Option<bool>,
    now: Timestamp,
) -> Players {
    let name = &service.name;
    if !service.kind.counts_players() {
        return Players::NotCounted;
    }
    if guest_running == Some(false) {
        return Players::Nobody(format!("the guest of {name} does not run"));
    }
    let Some(sighting) = sighting else {
        return Players::Unreadable(format!("{name} has not been looked at yet"));
    };
    let age = now.since(sighting.seen_at);
    if age > FRESH {
        return Players::Unreadable(format!("{name} was last seen {} s ago", age.as_secs()));
    }
    match (sighting.state, sighting.answer.players) {
        (ServiceState::Up, Some(0)) => Players::Nobody(format!("nobody plays on {name}")),
        (ServiceState::Up, Some(players)) => Players::Playing(players),
        (ServiceState::Up, None) => Players::Unreadable(format!("{name} does not say how many play")),
        (ServiceState::Starting, _) => Players::Unreadable(format!("{name} is starting")),
        (ServiceState::Down | ServiceState::Unreadable, _) => {
            Players::Unreadable(format!("{name} does not answer, and its guest is not known to be stopped"))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::ServiceKind;
    use super::super::tests::service;
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_221_883_000_000);

    fn at(seconds: u64) -> Timestamp {
        NOW.after(Duration::from_secs(seconds))
    }

    fn looked(before: Option<&Sighting>, heard: Heard, guest: Option<bool>, seconds: u64) -> Sighting {
        let service = service(ServiceKind::MinecraftJava);
        let report = Report::success(at(seconds), "looked");
        Sighting::judge(&service, before, heard, guest, false, report, at(seconds))
    }

    fn up(players: Option<u32>) -> Heard {
        Heard::Answer(Answer { players, ..Answer::default() })
    }

    #[test]
    fn it_starts_with_its_guest_is_up_when_it_answers_and_is_given_up_in_the_end() {
        let asleep = looked(None, Heard::Unasked, Some(false), 0);
        assert_eq!((asleep.state, asleep.next_look(false)), (ServiceState::Down, at(15)));
        let booted = looked(Some(&asleep), Heard::Nothing, Some(true), 100);
        assert_eq!((booted.state, booted.awaited_since), (ServiceState::Starting, Some(at(100))));
        assert_eq!(booted.next_look(false), at(100).after(QUICK_LOOK));
        let still = looked(Some(&booted), Heard::Refused, Some(true), 399);
        assert_eq!(still.state, ServiceState::Starting);
        assert_eq!(looked(Some(&still), Heard::Refused, Some(true), 400).state, ServiceState::Down);
        assert_eq!(looked(Some(&still), Heard::Nothing, Some(true), 400).state, ServiceState::Unreadable);
        let ready = looked(Some(&still), up(Some(2)), Some(true), 300);
        assert_eq!((ready.state, ready.next_look(false)), (ServiceState::Up, at(315)));
        // It was there and falls silent: nobody waits for that.
        assert_eq!(looked(Some(&ready), Heard::Nothing, Some(true), 315).state, ServiceState::Unreadable);
        assert_eq!(looked(Some(&ready), Heard::Refused, None, 315).state, ServiceState::Down);
    }

    #[test]
    fn one_that_is_restarted_is_awaited_and_looked_at_often() {
        let ready = looked(None, up(Some(0)), Some(true), 0);
        let service = service(ServiceKind::MinecraftJava);
        let report = Report::success(at(1), "looked");
        let gone =
            Sighting::judge(&service, Some(&ready), Heard::Refused, Some(true), true, report.clone(), at(1));
        assert_eq!((gone.state, gone.next_look(true)), (ServiceState::Starting, at(1).after(QUICK_LOOK)));
        assert_eq!(ready.next_look(true), at(0).after(QUICK_LOOK));
    }

    #[test]
    fn only_an_answer_or_a_stopped_guest_shows_that_nobody_plays() {
        let service = service(ServiceKind::MinecraftJava);
        let empty = looked(None, up(Some(0)), Some(true), 0);
        let said =
            |sighting: Option<&Sighting>, guest, seconds| signal(&service, sighting, guest, at(seconds));
        assert!(matches!(said(Some(&empty), Some(true), 45), Players::Nobody(_)));
        assert!(matches!(said(Some(&empty), None, 45), Players::Nobody(_)));
        assert!(matches!(said(Some(&empty), Some(true), 46), Players::Unreadable(_)), "too old");
        assert!(matches!(said(None, Some(true), 0), Players::Unreadable(_)));
        assert!(matches!(said(None, Some(false), 0), Players::Nobody(_)));
        let full = looked(None, up(Some(3)), Some(true), 0);
        assert_eq!(said(Some(&full), Some(true), 0), Players::Playing(3));
        // What we know of the guest for certain is newer than what was seen of the service.
        assert!(matches!(said(Some(&full), Some(false), 0), Players::Nobody(_)));
        let mute = looked(None, up(None), Some(true), 0);
        assert!(said(Some(&mute), Some(true), 0).busy());
        let refused = looked(Some(&full), Heard::Refused, Some(true), 1);
        assert!(said(Some(&refused), Some(true), 1).busy(), "a refusal is no proof");
        let tcp = super::super::tests::service(ServiceKind::Tcp);
        assert_eq!(signal(&tcp, None, None, NOW), Players::NotCounted);
    }

    #[test]
    fn a_slower_answer_is_no_news() {
        let one = looked(None, up(Some(1)), None, 0);
        let mut slower = one.clone();
        slower.answer.latency_us = Some(9);
        assert!(!slower.tells_more_than(Some(&one)) && one.tells_more_than(None));
        assert!(looked(Some(&one), up(Some(2)), None, 1).tells_more_than(Some(&one)));
    }

    fn heard() -> impl Strategy<Value = Heard> {
        prop_oneof![
            prop::option::of(0u32..3).prop_map(up),
            Just(Heard::Refused),
            Just(Heard::Nothing),
            Just(Heard::Unasked),
        ]
    }

    proptest! {
        /// Over any course of looks: nobody plays only where the last fresh answer says so or the guest does not run,
        /// and nothing is awaited for longer than it may take.
        #[test]
        fn busy_is_what_is_not_known(
            looks in prop::collection::vec((heard(), prop::option::of(any::<bool>()), 1u64..200), 1..40),
            known in prop::option::of(any::<bool>()),
            later in 0u64..100,
        ) {
            let service = service(ServiceKind::MinecraftJava);
            let (mut before, mut seconds, mut last) = (None::<Sighting>, 0, Heard::Nothing);
            for (heard, guest, pause) in looks {
                seconds += pause;
                last = heard.clone();
                let seen = looked(before.as_ref(), heard, guest, seconds);
                if let Some(since) = seen.awaited_since {
                    prop_assert!(seen.seen_at.since(since) < Duration::from_mins(5));
                }
                prop_assert_eq!(seen.state == ServiceState::Starting, seen.awaited_since.is_some());
                before = Some(seen);
            }
            let busy = signal(&service, before.as_ref(), known, at(seconds + later)).busy();
            let empty = last == up(Some(0)) && later <= 45;
            prop_assert_eq!(busy, !(empty || known == Some(false)));
        }
    }
}
