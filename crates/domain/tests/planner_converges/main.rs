//! Drives `Course` and the planner as the engine does, against a small Proxmox with a finite number of faults, and
//! shows that every operation ends truly: done as wished, or refused for a reason that holds.

#![allow(clippy::unwrap_used)]

mod engine;
mod world;

use engine::{Engine, Luck};
use innkeeper_domain::instances::Power;
use innkeeper_domain::operations::Verb;
use proptest::collection::vec;
use proptest::prelude::*;
use world::{Event, Tick, World};

/// After the last fault and wish: a grace, a settling time, a handful of tasks.
const BOUND: Tick = 60;

#[derive(Clone, Debug)]
struct Story {
    foreign: u32,
    reports_address: bool,
    /// The guest ignores polite requests.
    stubborn: bool,
    answers: Vec<u8>,
    crashes: Vec<u8>,
    events: Vec<(Tick, Event)>,
    verbs: Vec<(Tick, Verb)>,
}

fn stories() -> impl Strategy<Value = Story> {
    let event = prop_oneof![
        3 => prop::sample::select(Power::ALL).prop_map(Event::Power),
        2 => (1..30_u64).prop_map(Event::Lock),
        2 => (1..40_u64).prop_map(Event::NodeDead),
        1 => Just(Event::Vanish),
        1 => Just(Event::Replace),
        1 => Just(Event::ForeignLeaves),
        2 => Just(Event::Deadline),
    ];
    let answer = prop_oneof![2 => Just(0_u8), 1 => any::<u8>()];
    let crash = prop_oneof![8 => Just(0_u8), 1 => 1..40_u8];
    (
        0..3_u32,
        any::<bool>(),
        any::<bool>(),
        vec(answer, 0..80),
        vec(crash, 0..120),
        vec((1..200_u64, event), 0..16),
        vec((1..240_u64, prop::sample::select(Verb::ALL)), 0..8),
    )
        .prop_map(|(foreign, reports_address, stubborn, answers, crashes, mut events, mut verbs)| {
            events.sort_by_key(|(at, _)| *at);
            verbs.sort_by_key(|(at, _)| *at);
            Story { foreign, reports_address, stubborn, answers, crashes, events, verbs }
        })
}

fn play(story: &Story) -> Engine {
    let mut world = World::default();
    world.stubborn = story.stubborn;
    for n in 0..story.foreign {
        world.foreign(engine::FIRST + n);
    }
    let luck = Luck::new(&story.answers, &story.crashes);
    let mut engine = Engine::new(luck, story.reports_address, &world);
    let (mut events, mut verbs) = (story.events.iter().peekable(), story.verbs.iter().peekable());
    let mut disturbed = 0;
    loop {
        let now = world.now;
        while let Some((_, event)) = events.next_if(|(at, _)| *at <= now) {
            match event {
                Event::Deadline => engine.give_up(&world),
                event => world.suffer(*event),
            }
            let lasts = if let Event::Lock(ticks) | Event::NodeDead(ticks) = event { *ticks } else { 0 };
            disturbed = disturbed.max(now + lasts);
        }
        while let Some((_, verb)) = verbs.next_if(|(at, _)| *at <= now) {
            engine.asked(*verb, &mut world);
            disturbed = disturbed.max(now);
        }
        if engine.pass(&mut world) {
            disturbed = disturbed.max(engine.down_until).max(world.now);
        }
        if engine.idle() && events.peek().is_none() && verbs.peek().is_none() {
            return engine;
        }
        let last =
            disturbed.max(events.peek().map_or(0, |next| next.0)).max(verbs.peek().map_or(0, |next| next.0));
        assert!(now <= last + BOUND, "does not end: {engine:#?}\n{world:#?}");
        world.tick();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_operation_ends_truly(story in stories()) {
        play(&story);
    }
}

fn calm(verbs: Vec<(Tick, Verb)>) -> Story {
    Story {
        foreign: 0,
        reports_address: true,
        stubborn: false,
        answers: vec![],
        crashes: vec![],
        events: vec![],
        verbs,
    }
}

#[test]
fn without_faults_a_life_takes_one_call_per_change() {
    use innkeeper_domain::instances::Act::{
        Configure, Create, Delete, Grow, Guard, Reboot, Shutdown, Start, Stop,
    };
    let verbs = vec![(50, Verb::Reboot), (100, Verb::Shutdown), (150, Verb::Start), (200, Verb::Delete)];
    let engine = play(&calm(verbs));
    assert_eq!(engine.sent, [Create, Configure, Grow, Guard, Start, Reboot, Shutdown, Start, Stop, Delete]);
    assert_eq!(engine.done, [Verb::Create, Verb::Reboot, Verb::Shutdown, Verb::Start, Verb::Delete]);
    assert_eq!(engine.refused, []);
}

#[test]
fn a_taken_number_is_given_up_and_its_guest_left_alone() {
    let engine = play(&Story { foreign: 2, ..calm(vec![]) });
    assert_eq!(engine.done, [Verb::Create]);
    assert_eq!(engine.vmid(), engine::FIRST + 2);
}

#[test]
fn a_stubborn_guest_is_asked_for_a_grace_and_then_cut_off() {
    use innkeeper_domain::instances::Act;
    let stubborn = |verb| play(&Story { stubborn: true, ..calm(vec![(50, verb)]) });
    let engine = stubborn(Verb::Shutdown);
    assert!(engine.sent.contains(&Act::Shutdown));
    assert_eq!(engine.sent.last(), Some(&Act::Stop));
    let engine = stubborn(Verb::Reboot);
    assert!(engine.sent.contains(&Act::Reboot));
    assert!(engine.sent.ends_with(&[Act::Stop, Act::Start]));
}

#[test]
fn a_guest_started_by_somebody_in_the_middle_of_a_restart_is_restarted_once() {
    for at in 50..80 {
        for power in [Power::Running, Power::Stopped, Power::Paused] {
            let events = vec![(at, Event::Power(power))];
            let engine = play(&Story { stubborn: true, events, ..calm(vec![(50, Verb::Reboot)]) });
            assert_eq!(engine.done, [Verb::Create, Verb::Reboot]);
        }
    }
}

#[test]
fn what_stands_in_the_way_of_a_harder_wish_is_broken_off() {
    // Every task takes 16 steps.
    let slow = |verbs| play(&Story { answers: vec![0xF0; 400], ..calm(verbs) });
    let engine = slow(vec![(3, Verb::Delete)]);
    assert_eq!(engine.done, [Verb::Delete]);
    assert!(engine.ended_at <= 8, "waited for a guest that nobody wants: {}", engine.ended_at);
    for polite in [Verb::Shutdown, Verb::Reboot] {
        let engine = slow(vec![(80, polite), (82, Verb::Stop)]);
        assert_eq!(engine.done, [Verb::Create, Verb::Stop]);
        assert!(engine.ended_at <= 82 + 16 + 4, "waited for the {polite}: {}", engine.ended_at);
    }
}

#[test]
fn a_guest_whose_making_nobody_remembers_is_awaited_and_removed() {
    // A slow create, then "no such task" when it is asked about.
    let answers = vec![0xF0, 6];
    let engine = play(&Story { answers, ..calm(vec![(3, Verb::Delete)]) });
    assert_eq!(engine.done, [Verb::Delete]);
    assert_eq!(engine.sent.last(), Some(&innkeeper_domain::instances::Act::Delete));
}

#[test]
fn a_guest_that_vanished_is_reported_and_not_made_again() {
    let vanished = |verb| play(&Story { events: vec![(50, Event::Vanish)], ..calm(vec![(50, verb)]) });
    let engine = vanished(Verb::Stop);
    assert_eq!(engine.done, [Verb::Create]);
    assert_eq!(engine.refused, [innkeeper_domain::instances::Refusal::Vanished]);
    assert_eq!(vanished(Verb::Delete).done, [Verb::Create, Verb::Delete]);
}

#[test]
fn a_guest_replaced_during_a_long_crash_is_refused_and_not_removed() {
    // The crash comes right after the last look before the removal was stored; the number then changes hands.
    for crash_at in 0..40 {
        let mut crashes = vec![0; crash_at];
        crashes.push(100);
        let story = Story { crashes, events: vec![(60, Event::Replace)], ..calm(vec![(50, Verb::Delete)]) };
        let engine = play(&story);
        assert_eq!(engine.done.last(), Some(&Verb::Delete), "crash {crash_at}");
    }
}
