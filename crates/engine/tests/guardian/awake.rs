//! Waking, and not waking.

use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::hosts::{State, Wake};
use tokio::net::TcpListener;

use crate::house::{House, MAC, SECOND, code};

both! {
    async fn a_host_is_called_boots_and_is_ready(db: Db) {
        let house = House::open_asleep(db).await;
        assert_eq!(house.packets().await.len(), 0, "nobody asked");
        house.wake().await;
        let host = house.look(SECOND).await;
        assert_eq!(host.course.state, State::Waking);
        assert_eq!(host.course.deadline, Some(house.clock.now().after(Duration::from_mins(10))));
        let packets = house.packets().await;
        let packet = [[0xff; 6].as_slice(), &MAC.repeat(16), &[1, 2, 3, 4, 5, 6]].concat();
        assert_eq!(packets, vec![packet; 3], "three packets with the SecureOn password");

        // Packets get lost: it is called again after a while, and not at every look.
        house.look(SECOND).await;
        assert_eq!(house.packets().await.len(), 0);
        house.look(20 * SECOND).await;
        assert_eq!(house.packets().await.len(), 3);

        // Something of it answers, and its API does not yet. The time to start up counts from the call.
        let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = door.local_addr().unwrap().port();
        house.change(|profile| (profile.address, profile.port) = (Some("127.0.0.1".into()), Some(port))).await;
        let booting = house.look(SECOND).await;
        assert_eq!(booting.course.state, State::Booting);
        assert_eq!(booting.course.deadline, host.course.deadline);
        house.power_on();
        let ready = house.until(State::Ready).await;
        assert_eq!((ready.course.asked, ready.course.deadline), (None, None));
        let way = [State::Unknown, State::Off, State::Waking, State::Booting, State::Ready];
        assert_eq!(house.way().await, way);
    }

    async fn a_host_that_does_not_wake_says_so_and_can_be_asked_again(db: Db) {
        let house = House::open_asleep(db).await;
        house.wake().await;
        house.until(State::Waking).await;
        let failed = house.until(State::Error).await;
        let asked_for = failed.course.since.since(house.host().await.created_at);
        assert!(asked_for >= Duration::from_mins(10), "{asked_for:?}");
        assert_eq!(failed.course.reason.as_deref(), Some("it did not answer within 600 s of being called"));
        assert_eq!(failed.course.asked, None);
        // Nobody asks any more: it is called no more, whatever time passes.
        house.packets().await;
        house.wait().await;
        assert_eq!(house.packets().await.len(), 0);
        house.wake().await;
        house.until(State::Waking).await;
        house.power_on();
        house.until(State::Ready).await;
    }

    async fn an_error_is_left_by_hand(db: Db) {
        let house = House::open_asleep(db).await;
        house.wake().await;
        house.until(State::Error).await;
        house.engine.clear_host(&Actor::house(), house.id).await.unwrap();
        assert_eq!(house.host().await.course.state, State::Unknown);
        assert_eq!(code(house.engine.clear_host(&Actor::house(), house.id).await), "no_error");
        house.power_on();
        house.until(State::Ready).await;
    }

    async fn a_host_that_is_switched_on_by_hand_is_ready(db: Db) {
        let house = House::open_asleep(db).await;
        house.power_on();
        let ready = house.until(State::Ready).await;
        assert_eq!(ready.course.reason.as_deref(), Some("it woke by itself"));
        assert_eq!(house.packets().await.len(), 0);
    }

    async fn a_host_without_a_way_to_wake_it_is_refused(db: Db) {
        let house = House::open_asleep(db).await;
        house.change(|profile| profile.wake = Wake::None).await;
        house.until(State::Off).await;
        let asked = house.engine.wake_host(&Actor::house(), house.id, None).await;
        assert_eq!(code(asked), "cannot_be_woken");
    }

    async fn maintenance_keeps_our_hands_off(db: Db) {
        let house = House::open(db).await;
        let (engine, actor) = (&house.engine, Actor::house());
        engine.maintain_host(&actor, house.id, true).await.unwrap();
        assert_eq!(house.wait().await, [State::Maintenance]);
        assert_eq!(code(engine.wake_host(&actor, house.id, None).await), "host_maintenance");
        assert_eq!(code(engine.sleep_host(&actor, house.id).await), "host_maintenance");
        house.cut_power();
        assert_eq!(house.wait().await, [State::Maintenance]);
        engine.maintain_host(&actor, house.id, false).await.unwrap();
        house.until(State::Off).await;
        assert_eq!(house.told_off(), 0);
    }
}
