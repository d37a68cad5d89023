//! A host is never switched off under somebody's feet, nor twice, nor never: not because people come and go at the wrong
//! moment, nor because the process ends, nor because Discord is away.

use innkeeper_domain::hosts::{Reading, SignalKind, State};

use crate::fake::{ANN, BEA};
use crate::house::{House, SECOND};

#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_during_start_up_leaves_a_host_that_sleeps_again() {
    let house = House::open_asleep().await;
    house.joins(ANN, 1).await;
    house.until(State::Waking).await;
    house.leaves(ANN, 0).await;
    assert_eq!(house.look(SECOND).await.course.state, State::Waking, "what was begun is brought to its end");
    assert_eq!(house.told_off(), 0);
    house.power_on();
    house.until(State::Ready).await;
    house.until(State::Off).await;
    assert_eq!(house.told_off(), 1);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_joins_during_the_countdown_ends_it() {
    let house = House::open().await;
    house.until(State::Idle).await;
    house.joins(ANN, 1).await;
    assert_eq!(house.look(SECOND).await.course.state, State::Ready);
    assert!(house.wait().await.iter().all(|state| *state == State::Ready));
    assert_eq!(house.told_off(), 0);
    house.leaves(ANN, 0).await;
    house.until(State::Off).await;
    assert_eq!(house.told_off(), 1);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn join_leave_join_within_a_minute_is_one_timer() {
    let house = House::open().await;
    house.joins(ANN, 1).await;
    house.look(SECOND).await;
    house.leaves(ANN, 0).await;
    house.look(10 * SECOND).await;
    house.joins(BEA, 1).await;
    house.look(10 * SECOND).await;
    // The quiet of the first leaving counts no more: whoever is there now is there.
    assert!(house.wait().await.iter().all(|state| *state == State::Ready));
    house.leaves(BEA, 0).await;
    let quiet_from = house.clock.now();
    let idle = house.until(State::Idle).await;
    assert!(idle.course.since.since(quiet_from) >= 60 * SECOND, "a whole minute of quiet, counted anew");
    house.until(State::Off).await;
    assert_eq!(house.told_off(), 1, "one timer, one command");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_dies_forgets_nothing_in_any_state() {
    let mut house = House::open_asleep().await;
    house.joins(ANN, 1).await;
    house.until(State::Waking).await;
    house.packets().await;
    house.die_and_begin().await;
    assert_eq!(house.look(SECOND).await.course.state, State::Waking);
    assert_eq!(house.packets().await.len(), 0, "it is not called again for that");
    house.power_on();
    house.until(State::Ready).await;
    house.die_and_begin().await;
    house.there(1).await;
    assert!(house.wait().await.iter().all(|state| *state == State::Ready), "she is still there");
    house.leaves(ANN, 0).await;
    house.until(State::Idle).await;
    house.die_and_begin().await;
    // Who came while nobody looked was not known for a moment: the quiet may be counted anew, and is not forgotten.
    house.there(0).await;
    house.until(State::ShuttingDown).await;
    house.die_and_begin().await;
    house.until(State::Off).await;
    assert_eq!(house.told_off(), 1, "told once, whoever told it");
    house.die_and_begin().await;
    assert!(house.wait().await.iter().all(|state| *state == State::Off));
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_gone_after_a_failed_start_leaves_nothing_stuck() {
    let house = House::open_asleep().await;
    house.joins(ANN, 1).await;
    house.until(State::Waking).await;
    house.until(State::Error).await;
    house.leaves(ANN, 0).await;
    house.packets().await;
    house.wait().await;
    assert_eq!(house.packets().await.len(), 0, "nobody is there: it is not called");
    assert_eq!(house.told_off(), 0);
    // Somebody switches it on by hand: it is ready, and as nobody is there, it sleeps.
    house.power_on();
    house.until(State::Ready).await;
    house.until(State::Off).await;
    assert_eq!(house.told_off(), 1);
    house.joins(BEA, 1).await;
    house.until(State::Waking).await;
    house.power_on();
    house.until(State::Ready).await;
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_discord_is_away_nobody_knows_who_is_there_and_the_host_stays_awake() {
    let house = House::open().await;
    house.until(State::Idle).await;
    house.discord.slam(Some(1001));
    house.discord.close(1000);
    house.readable(false).await;
    let awake = house.look(SECOND).await;
    assert_eq!(awake.course.state, State::Ready, "the countdown is off");
    let voice = awake.signals.iter().find(|signal| signal.kind == SignalKind::Voice).unwrap();
    assert_eq!(voice.reading, Reading::Unreadable);
    assert!(house.wait().await.iter().all(|state| *state == State::Ready));
    assert_eq!(house.told_off(), 0);
    // It is back, and somebody came meanwhile who leaves again.
    house.discord.voice(BEA, Some(crate::fake::VOICE));
    house.discord.slam(None);
    house.there(1).await;
    house.leaves(BEA, 0).await;
    house.until(State::Off).await;
    assert_eq!(house.told_off(), 1);
    house.end().await;
}
