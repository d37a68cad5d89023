//! Random timelines of a host: people who come and go, tasks, leases, failures, restarts of the process. Whatever happens,
//! a busy host is never switched off, an idle one sleeps in the end, a needed one wakes, and each sleep has one command.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use innkeeper_domain::hosts::{
    Act, Asked, Course, Fallback, Mac, Presence, Profile, Reading, Resting, Signal, SignalKind, State, Wake,
    Way, next, pause,
};
use innkeeper_domain::time::Timestamp;
use proptest::prelude::*;

const START: Timestamp = Timestamp(1_795_000_000_000_000);

/// The machine itself, as it would be.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Machine {
    Off,
    /// Comes up: silent at first, then it stirs, then it serves.
    Booting(u32),
    On,
    /// Goes down: still answers for a while.
    Stopping(u32),
}

#[derive(Clone, Debug)]
enum Event {
    /// Somebody joins (or leaves) the voice channel.
    Voice(bool),
    Players(bool),
    Task(bool),
    Lease(bool),
    Foreign(bool),
    /// What players do cannot be read.
    Blind(bool),
    Ask,
    Sleep,
    Cancel,
    KeepAwake(u32),
    /// The process is killed and goes on from what was written.
    Restart,
    /// Packets do not arrive; commands have no effect; the API refuses to be told; nobody hears by SSH.
    Deaf(bool),
    Stubborn(bool),
    Refuses(bool),
    /// The API does not answer though the machine runs.
    Mute(bool),
    /// The machine is switched on or off by hand.
    PowerCut,
    ByHand,
    Wait(u16),
    /// Time passes until it stands there, if it comes to that.
    Until(State),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        any::<bool>().prop_map(Event::Voice),
        any::<bool>().prop_map(Event::Players),
        any::<bool>().prop_map(Event::Task),
        any::<bool>().prop_map(Event::Lease),
        any::<bool>().prop_map(Event::Foreign),
        any::<bool>().prop_map(Event::Blind),
        Just(Event::Ask),
        Just(Event::Sleep),
        Just(Event::Cancel),
        (1_u32..3_600).prop_map(Event::KeepAwake),
        Just(Event::Restart),
        any::<bool>().prop_map(Event::Deaf),
        any::<bool>().prop_map(Event::Stubborn),
        any::<bool>().prop_map(Event::Refuses),
        any::<bool>().prop_map(Event::Mute),
        Just(Event::PowerCut),
        Just(Event::ByHand),
        (1_u16..1_200).prop_map(Event::Wait),
        (1_u16..20).prop_map(Event::Wait),
        prop::sample::select(vec![State::Waking, State::Booting, State::Ready]).prop_map(Event::Until),
        prop::sample::select(vec![State::Idle, State::Draining, State::ShuttingDown, State::Off])
            .prop_map(Event::Until),
    ];
    prop::collection::vec(event, 1..60)
}

struct World {
    now: Timestamp,
    machine: Machine,
    profile: Profile,
    course: Course,
    voice: bool,
    players: bool,
    task: bool,
    lease: bool,
    foreign: bool,
    blind: bool,
    deaf: bool,
    stubborn: bool,
    refuses: bool,
    mute: bool,
    /// Guests that sleep with it and still run.
    guests: u32,
    rests: bool,
    /// Commands since it was last seen ready: by API, by SSH.
    commands: (u32, u32),
    calls: u32,
}

impl World {
    fn new(fallback: bool) -> Self {
        let wake = Wake::Packet {
            mac: "00:23:7d:fd:c0:5c".parse::<Mac>().unwrap(),
            interface: None,
            address: None,
            ports: vec![9, 7],
        };
        let ssh = Fallback { user: "root".into(), port: 22, host_key: "ssh-ed25519 A".into() };
        let profile = Profile {
            address: Some("192.0.2.7".into()),
            wake,
            fallback: fallback.then_some(ssh),
            automatic: true,
            ..Profile::default()
        };
        assert_eq!(profile.check(), Ok(()));
        Self {
            now: START,
            machine: Machine::Off,
            profile,
            course: Course::new(START),
            voice: false,
            players: false,
            task: false,
            lease: false,
            foreign: false,
            blind: false,
            deaf: false,
            stubborn: false,
            refuses: false,
            mute: false,
            guests: 0,
            rests: false,
            commands: (0, 0),
            calls: 0,
        }
    }

    fn presence(&self) -> Presence {
        match self.machine {
            Machine::Off => Presence::Silent,
            Machine::Booting(left) if left > 20 => Presence::Silent,
            Machine::On | Machine::Stopping(_) if self.mute => Presence::Stirs,
            Machine::On => Presence::Serves,
            Machine::Stopping(left) if left > 5 => Presence::Serves,
            Machine::Booting(_) | Machine::Stopping(_) => Presence::Stirs,
        }
    }

    fn signals(&self) -> Vec<Signal> {
        let signal = |kind, busy| {
            Signal::new(kind, if busy { Reading::Busy } else { Reading::Quiet }, format!("{kind}"))
        };
        let kept = self.course.awake_until.is_some_and(|until| self.now < until);
        let mut signals = vec![
            signal(SignalKind::Asked, self.course.asked.is_some()),
            signal(SignalKind::KeepAwake, kept),
            signal(SignalKind::Voice, self.voice),
            signal(SignalKind::Leases, self.lease),
        ];
        if self.presence() == Presence::Serves {
            signals.push(signal(SignalKind::Tasks, self.task));
            signals.push(signal(SignalKind::Guests, self.foreign));
            let players = signal(SignalKind::Players, self.players);
            let blind = Signal::new(SignalKind::Players, Reading::Unreadable, "no answer");
            signals.push(if self.blind { blind } else { players });
        }
        signals
    }

    fn needed(&self) -> bool {
        self.signals().iter().any(|signal| signal.reading != Reading::Quiet)
    }

    fn tick(&mut self, seconds: u32) {
        self.now = self.now.after(Duration::from_secs(seconds.into()));
        self.machine = match self.machine {
            Machine::Booting(left) if left <= seconds => {
                self.guests = 5;
                Machine::On
            }
            Machine::Booting(left) => Machine::Booting(left - seconds),
            Machine::Stopping(left) if left <= seconds => Machine::Off,
            Machine::Stopping(left) => Machine::Stopping(left - seconds),
            same => same,
        };
    }

    /// One look, and what comes of it.
    fn look(&mut self) {
        let signals = self.signals();
        let resting = Resting { running: self.guests > 0, tasks: self.task, stopped: self.rests };
        let before = self.course.state;
        let (course, act) = next(&self.profile, &self.course, self.presence(), &signals, resting, self.now);
        self.course = course;
        if self.course.state == State::Ready && before != State::Ready {
            self.commands = (0, 0);
        }
        match act {
            None => {}
            Some(Act::Call) => {
                self.calls += 1;
                if !self.deaf && self.machine == Machine::Off {
                    self.machine = Machine::Booting(60);
                }
            }
            Some(Act::Stop) => {
                assert!(!self.needed(), "a guest is stopped while the host is needed: {signals:?}");
                self.guests -= 1;
                self.rests = true;
            }
            Some(Act::Rouse) => {
                assert_eq!(self.course.state, State::Ready);
                self.rests = false;
                self.guests = 5;
            }
            Some(Act::Off(way)) => self.told(way, &signals),
        }
        // Nobody waits for ever: a state that is passed through has its deadline.
        if matches!(
            self.course.state,
            State::Waking | State::Booting | State::Idle | State::Draining | State::ShuttingDown
        ) {
            assert!(self.course.deadline.is_some(), "{:?} has no deadline", self.course.state);
        }
    }

    fn told(&mut self, way: Way, signals: &[Signal]) {
        match way {
            Way::Api => {
                assert!(!self.needed(), "a busy host is switched off: {signals:?}");
                assert_eq!(self.guests, 0, "guests still run");
                self.commands.0 += 1;
                if self.refuses {
                    let command = self.course.commanded.as_mut().unwrap();
                    command.refused = Some("403".into());
                    return;
                }
            }
            Way::Ssh => self.commands.1 += 1,
        }
        assert!(self.commands.0 <= 1 && self.commands.1 <= 1, "told twice: {:?}", self.commands);
        if !self.stubborn && matches!(self.machine, Machine::On) {
            self.machine = Machine::Stopping(30);
        }
    }

    fn run(&mut self, seconds: u32) {
        let until = self.now.after(Duration::from_secs(seconds.into()));
        while self.now < until {
            self.look();
            let wait = pause(&self.course, self.now).as_secs().clamp(1, 10) as u32;
            self.tick(wait);
        }
    }

    fn asked(&self) -> Asked {
        Asked { at: self.now, by: "Alice".into(), why: "asked for".into() }
    }

    fn happen(&mut self, event: &Event) {
        match *event {
            Event::Voice(on) => self.voice = on,
            Event::Players(on) => self.players = on,
            Event::Task(on) => self.task = on,
            Event::Lease(on) => self.lease = on,
            Event::Foreign(on) => self.foreign = on,
            Event::Blind(on) => self.blind = on,
            Event::Ask => self.course.want(self.asked()),
            Event::Sleep if self.course.state == State::Ready => self.course.lay_to_rest(self.asked()),
            Event::Cancel if matches!(self.course.state, State::Idle | State::Draining) => {
                self.course.want(self.asked());
            }
            Event::KeepAwake(seconds) => {
                let until = self.now.after(Duration::from_secs(seconds.into()));
                self.course.keep_awake(Some(until), self.asked());
            }
            Event::Restart => {
                let text = serde_json::to_string(&self.course).unwrap();
                self.course = serde_json::from_str(&text).unwrap();
                self.tick(7);
            }
            Event::Deaf(on) => self.deaf = on,
            Event::Stubborn(on) => self.stubborn = on,
            Event::Refuses(on) => self.refuses = on,
            Event::Mute(on) => self.mute = on,
            Event::PowerCut => (self.machine, self.guests) = (Machine::Off, 0),
            Event::ByHand if self.machine == Machine::Off => self.machine = Machine::Booting(40),
            Event::Wait(seconds) => self.run(seconds.into()),
            Event::Until(state) => {
                for _ in 0..900 {
                    if self.course.state == state {
                        break;
                    }
                    self.look();
                    self.tick(1);
                }
            }
            Event::Sleep | Event::Cancel | Event::ByHand => {}
        }
    }

    /// Everybody is gone and everything works again.
    fn calm(&mut self) {
        for event in [
            Event::Voice(false),
            Event::Players(false),
            Event::Task(false),
            Event::Lease(false),
            Event::Foreign(false),
            Event::Blind(false),
            Event::Deaf(false),
            Event::Stubborn(false),
            Event::Refuses(false),
            Event::Mute(false),
        ] {
            self.happen(&event);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_busy_host_is_never_switched_off_and_an_idle_one_sleeps_in_the_end(
        events in events(), fallback in any::<bool>()
    ) {
        let mut world = World::new(fallback);
        for event in &events {
            world.happen(event);
            world.look();
            world.tick(1);
        }
        world.calm();
        // Kept awake for an hour at most, an error rests, then it idles, counts down, drains.
        world.run(2 * 3_600);
        prop_assert_eq!(world.course.state, State::Off, "{:?}", world.course);
        prop_assert_eq!(world.machine, Machine::Off);
        // And whoever comes then finds it awake, with its guests.
        world.happen(&Event::Voice(true));
        world.run(900);
        prop_assert_eq!(world.course.state, State::Ready, "{:?}", world.course);
        prop_assert!(!world.rests, "its guests were not started again");
        prop_assert!(world.course.quiet_since.is_none());
    }

    #[test]
    fn a_needed_host_wakes_and_stays(events in events()) {
        let mut world = World::new(true);
        for event in &events {
            world.happen(event);
            world.look();
            world.tick(1);
        }
        world.calm();
        world.happen(&Event::Lease(true));
        world.run(3_600);
        prop_assert_eq!(world.course.state, State::Ready, "{:?}", world.course);
        let calls = world.calls;
        world.run(7_200);
        prop_assert_eq!((world.machine, world.calls), (Machine::On, calls));
    }
}

#[test]
fn an_unreadable_signal_keeps_it_awake_for_ever() {
    let mut world = World::new(true);
    world.happen(&Event::Ask);
    world.run(300);
    assert_eq!(world.course.state, State::Ready);
    world.happen(&Event::Blind(true));
    world.run(24 * 3_600);
    assert_eq!((world.course.state, world.machine), (State::Ready, Machine::On));
}

#[test]
fn the_api_fails_and_ssh_does_it_and_neither_is_an_error_that_is_left() {
    let mut world = World::new(true);
    world.happen(&Event::Ask);
    world.run(300);
    world.happen(&Event::Refuses(true));
    world.run(1_200);
    assert_eq!((world.course.state, world.commands), (State::Off, (1, 1)));

    let mut world = World::new(false);
    world.happen(&Event::Ask);
    world.run(300);
    world.happen(&Event::Refuses(true));
    let mut states = Vec::new();
    for _ in 0..1_500 {
        world.look();
        world.tick(1);
        if states.last() != Some(&world.course.state) {
            states.push(world.course.state);
        }
    }
    let passed =
        [State::Ready, State::Idle, State::Draining, State::ShuttingDown, State::Error, State::Ready];
    assert_eq!(states[..6], passed, "{states:?}");
}

#[test]
fn who_joins_while_it_counts_down_or_falls_asleep_has_it_back() {
    let mut world = World::new(true);
    world.happen(&Event::Ask);
    world.run(300);
    while world.course.state != State::Idle {
        world.run(1);
    }
    assert!(world.course.quiet_since.is_some_and(|since| since < world.course.since), "{:?}", world.course);
    world.happen(&Event::Voice(true));
    world.look();
    assert_eq!((world.course.state, world.course.quiet_since), (State::Ready, None));
    // They leave and join within a minute: one timer, begun anew.
    world.happen(&Event::Voice(false));
    world.run(20);
    let quiet = world.course.quiet_since.unwrap();
    world.happen(&Event::Voice(true));
    world.run(20);
    assert_eq!(world.course.quiet_since, None);
    world.happen(&Event::Voice(false));
    world.run(20);
    assert!(world.course.quiet_since.unwrap() > quiet);
    while world.course.state != State::ShuttingDown {
        world.run(1);
    }
    // Too late to call it back: it goes off and is woken.
    world.happen(&Event::Voice(true));
    world.run(600);
    assert_eq!((world.course.state, world.commands), (State::Ready, (0, 0)));
}

#[test]
fn everybody_gone_after_a_failed_start_leaves_it_off_and_in_no_error() {
    let mut world = World::new(true);
    world.run(60);
    world.happen(&Event::Deaf(true));
    world.happen(&Event::Voice(true));
    world.run(650);
    assert_eq!(world.course.state, State::Error);
    world.happen(&Event::Voice(false));
    world.run(30);
    assert_eq!(world.course.state, State::Off);
    // Who asks then is heard at once, though the last start has failed.
    world.happen(&Event::Deaf(false));
    world.happen(&Event::Ask);
    world.run(120);
    assert_eq!(world.course.state, State::Ready);
}

#[test]
fn a_call_that_got_lost_is_repeated() {
    let mut world = World::new(true);
    world.run(60);
    world.happen(&Event::Deaf(true));
    world.happen(&Event::Ask);
    world.run(30);
    assert_eq!(world.course.state, State::Waking);
    world.happen(&Event::Deaf(false));
    world.run(120);
    assert_eq!(world.course.state, State::Ready);
    assert!((2..6).contains(&world.calls), "{} calls", world.calls);
}
