//! The process ends at any time, and there may be two of them: a host is woken all the same, and told once to sleep.

use std::time::Duration;

use innkeeper_domain::hosts::State;
use pve_sim::{Effect, Latency, Rule};

use crate::house::{House, SECOND};

both! {
    async fn a_process_that_ends_after_every_look_forgets_nothing(db: Db) {
        let mut house = House::open_with(db, |profile| profile.may_stop = vec![104]).await;
        house.stranger(104);
        let mut states = Vec::new();
        for _ in 0..60 {
            house.restart();
            let host = house.look(3 * SECOND).await;
            states.push(host.course.state);
            if host.course.state == State::Off {
                break;
            }
        }
        states.dedup();
        let down = [State::Ready, State::Idle, State::Draining, State::ShuttingDown, State::Off];
        assert_eq!(states, down);
        assert_eq!(house.told_off(), 1);

        house.wake().await;
        let mut states = Vec::new();
        for look in 0..10 {
            house.restart();
            if look == 4 {
                house.power_on();
            }
            states.push(house.look(3 * SECOND).await.course.state);
        }
        states.dedup();
        assert_eq!(states, [State::Waking, State::Ready]);
        assert_eq!(house.packets().await.len(), 3, "one call, by whatever process");
        assert!(house.runs(104));
        assert_eq!(house.told_off(), 1);
    }

    async fn a_countdown_and_a_watch_outlive_the_process(db: Db) {
        let mut house = House::open(db).await;
        let idle = house.until(State::Idle).await;
        house.restart();
        assert_eq!(house.look(SECOND).await.course.deadline, idle.course.deadline);
        house.wake().await;
        house.restart();
        assert_eq!(house.look(SECOND).await.course.state, State::Ready);
        assert_eq!(house.told_off(), 0);
    }

    async fn an_error_outlives_the_process_and_is_left(db: Db) {
        let mut house = House::open_asleep(db).await;
        house.wake().await;
        house.until(State::Error).await;
        house.restart();
        house.power_on();
        house.until(State::Ready).await;
    }

    async fn a_process_killed_while_it_tells_the_host_to_sleep_does_not_tell_it_twice(db: Db) {
        let mut house = House::open(db).await;
        let annex = house.sim.cluster("annex");
        // A node takes seconds to go off, or the call that hangs may end with it before we do.
        annex.with(|world| world.set_latency(Latency::Realistic));
        annex.faults().add(Rule::on_call("POST", "/nodes/barn/status$", Effect::HangAfter)).unwrap();
        house.until(State::Idle).await;
        house.clock.advance(30 * SECOND);
        let engine = house.engine.clone();
        let look = tokio::spawn(async move { engine.watch_hosts().await });
        let said = async {
            while house.told_off() == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), said).await.unwrap();
        look.abort();
        assert!(look.await.unwrap_err().is_cancelled());
        assert_eq!(house.host().await.course.state, State::ShuttingDown, "written down before it was said");
        house.cut_power();
        house.restart();
        house.until(State::Off).await;
        assert_eq!(house.wait().await, [State::Off]);
        assert_eq!(house.told_off(), 1);
    }

    async fn two_processes_look_after_one_host_as_one(db: Db) {
        let house = House::open_with(db, |profile| profile.may_stop = vec![104]).await;
        house.stranger(104);
        let other = house.another();
        for _ in 0..60 {
            house.clock.advance(3 * SECOND);
            let (one, two) = tokio::join!(house.engine.watch_hosts(), other.watch_hosts());
            one.and(two).unwrap();
        }
        assert_eq!(house.host().await.course.state, State::Off);
        assert_eq!(house.told_off(), 1);
        let way = [State::Unknown, State::Ready, State::Idle, State::Draining, State::ShuttingDown, State::Off];
        assert_eq!(house.way().await, way);
    }
}
