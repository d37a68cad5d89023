//! What cannot be done with a host now, and why: asked by those who do it and by those who only show it.

use super::course::State;
use super::profile::Wake;
use super::signals::{SignalKind, busy};
use super::{Host, Signal};
use crate::abilities::Ability;

/// Why something cannot be done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// For programs; stable, snake_case.
    pub code: &'static str,
    /// For people; without anybody's names.
    pub message: String,
}

impl Bar {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl Host {
    /// What stands against doing this now, whoever asks.
    pub fn bar(&self, ability: Ability) -> Option<Bar> {
        let state = self.course.state;
        match ability {
            Ability::See | Ability::Report => None,
            Ability::Wake => self.hands_off().or_else(|| self.cannot_be_woken()),
            Ability::Sleep => self.hands_off().or_else(|| self.needed()),
            Ability::Restart => (!state.serves())
                .then(|| Bar::new("host_asleep", format!("the host is {state}; wake it first"))),
            Ability::Maintain => matches!(state, State::Draining | State::ShuttingDown).then(|| {
                Bar::new(
                    "host_going_to_sleep",
                    "the host is on its way to sleep; wait until it is off, or call it back first",
                )
            }),
        }
    }

    /// The guardian keeps its hands off a host that is under maintenance.
    pub fn hands_off(&self) -> Option<Bar> {
        (self.course.state == State::Maintenance)
            .then(|| Bar::new("host_maintenance", "the host is under maintenance; end that first"))
    }

    fn cannot_be_woken(&self) -> Option<Bar> {
        let sleeps = matches!(self.course.state, State::Off | State::Error | State::ShuttingDown);
        (sleeps && self.profile.wake == Wake::None).then(|| {
            Bar::new(
                "cannot_be_woken",
                "the host's profile names no way to wake it; an operator must add one",
            )
        })
    }

    fn needed(&self) -> Option<Bar> {
        match self.course.state {
            State::Off | State::Draining | State::ShuttingDown | State::Idle => {
                return Some(Bar::new("sleeps_already", "the host sleeps, or is on its way there"));
            }
            State::Ready => {}
            state => {
                return Some(Bar::new(
                    "host_not_ready",
                    format!("the host is {state}; wait until it is ready"),
                ));
            }
        }
        // What keeps it awake only because somebody wished so is ended by wishing otherwise.
        let wished = |signal: &&Signal| matches!(signal.kind, SignalKind::Asked | SignalKind::KeepAwake);
        let signals: Vec<Signal> = self.signals.iter().filter(|signal| !wished(signal)).cloned().collect();
        busy(&signals).map(|signal| Bar::new("host_needed", format!("the host is needed: {}", signal.told())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hosts::{Course, Profile, Reading, Seen};
    use crate::ids::{ClusterId, HostId};
    use crate::time::Timestamp;

    fn host(state: State) -> Host {
        let mut course = Course::new(Timestamp(0));
        course.state = state;
        Host {
            id: HostId::new(),
            name: "barn".parse().unwrap(),
            cluster_id: ClusterId::new(),
            node: "barn".parse().unwrap(),
            profile: Profile::default(),
            course,
            seen: Seen::default(),
            signals: Vec::new(),
            created_at: Timestamp(0),
            fence: 0,
        }
    }

    fn code(host: &Host, ability: Ability) -> Option<&'static str> {
        host.bar(ability).map(|bar| bar.code)
    }

    #[test]
    fn what_is_seen_and_read_is_never_barred() {
        for state in State::ALL {
            assert_eq!(code(&host(*state), Ability::See), None);
            assert_eq!(code(&host(*state), Ability::Report), None);
        }
    }

    #[test]
    fn maintenance_bars_waking_and_sleeping_and_nothing_else() {
        let host = host(State::Maintenance);
        let barred: Vec<Ability> =
            Ability::ALL.iter().copied().filter(|ability| host.bar(*ability).is_some()).collect();
        assert_eq!(barred, [Ability::Wake, Ability::Sleep]);
    }

    #[test]
    fn a_host_without_a_way_to_wake_it_is_barred_from_waking_only_while_it_sleeps() {
        assert_eq!(code(&host(State::Off), Ability::Wake), Some("cannot_be_woken"));
        assert_eq!(code(&host(State::Idle), Ability::Wake), None);
        let mut woken = host(State::Off);
        woken.profile.wake = Wake::Cluster;
        assert_eq!(code(&woken, Ability::Wake), None);
    }

    #[test]
    fn what_is_needed_does_not_sleep_and_names_of_others_are_not_told() {
        let mut host = host(State::Ready);
        assert_eq!(code(&host, Ability::Sleep), None);
        let wish = |kind| Signal::new(kind, Reading::Busy, "Ada: asked for");
        host.signals = vec![wish(SignalKind::Asked), wish(SignalKind::KeepAwake)];
        assert_eq!(code(&host, Ability::Sleep), None);
        host.signals.push(Signal::new(SignalKind::Instances, Reading::Busy, "instance secret-1 runs"));
        let bar = host.bar(Ability::Sleep).unwrap();
        assert_eq!(bar.code, "host_needed");
        assert!(!bar.message.contains("secret-1"), "{}", bar.message);
        host.course.state = State::Waking;
        assert_eq!(code(&host, Ability::Sleep), Some("host_not_ready"));
        host.course.state = State::Off;
        assert_eq!(code(&host, Ability::Sleep), Some("sleeps_already"));
    }

    #[test]
    fn services_are_restarted_only_where_guests_can_start() {
        for state in State::ALL {
            assert_eq!(code(&host(*state), Ability::Restart).is_none(), state.serves(), "{state}");
        }
    }
}
