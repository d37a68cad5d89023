//! What services have to do with their host's sleep: who plays keeps it awake, and a game that rests goes to sleep with it.

use std::sync::atomic::Ordering;

use innkeeper_domain::access::Actor;
use innkeeper_domain::hosts::{Profile, Reading, SignalKind, State};
use innkeeper_domain::services::ServiceState;
use innkeeper_engine::{Error, HostChange};
use pve_sim::{Effect, Rule};

use crate::house::{House, until};

both! {
    async fn who_plays_keeps_the_host_awake_and_the_game_sleeps_with_it(db: Db) {
        let house = House::open(db).await;
        let staff = Actor::house();
        let profile = Profile { countdown_seconds: 10, ignores_quorum: true, ..Profile::default() };
        let change = HostChange { profile: Some(profile), ..HostChange::default() };
        house.engine.change_host(&staff, house.host.id, change).await.unwrap();
        house.game.players.store(2, Ordering::SeqCst);
        let id = house.service(house.guest()).await;
        let stands = async |state: State| {
            until(&format!("the host is {state}"), async || {
                let host = house.engine.host(&staff, house.host.id).await.unwrap();
                (host.course.state == state).then_some(host)
            })
            .await
        };
        until("two players are counted", async || {
            let host = house.engine.host(&staff, house.host.id).await.unwrap();
            let said = host.signals.iter().find(|signal| signal.kind == SignalKind::Players)?;
            (said.reading == Reading::Busy && said.reason == "2 players are on survival").then_some(())
        })
        .await;
        stands(State::Ready).await;
        let refused = house.engine.sleep_host(&staff, house.host.id).await;
        assert!(matches!(refused, Err(Error::Conflict { code: "host_needed", .. })), "{refused:?}");

        // They leave. The guest takes its time to stop, while the game is silent already.
        house.game.players.store(0, Ordering::SeqCst);
        let lodge = house.sim.cluster("lodge");
        lodge.faults().add(Rule::on_task("vzshutdown", Effect::TaskHolds)).unwrap();
        until("nobody needs it", async || house.engine.sleep_host(&staff, house.host.id).await.ok()).await;
        stands(State::Draining).await;
        house.game.close().await;
        house.seen(id, ServiceState::Down).await;
        let signals = until("its silence is seen", async || {
            let host = house.engine.host(&staff, house.host.id).await.unwrap();
            let said = host.signals.iter().find(|signal| signal.kind == SignalKind::Players)?;
            (said.reason == "survival is being stopped").then_some(host)
        })
        .await;
        assert_eq!(signals.course.state, State::Draining, "silence does not call it back");
        lodge.release_tasks();
        stands(State::Off).await;
        let asleep = house.engine.restart_service(&staff, id, None).await;
        assert!(matches!(asleep, Err(Error::Conflict { code: "host_asleep", .. })), "{asleep:?}");
        let call = "POST /nodes/{node}/status";
        assert_eq!(lodge.stats().calls.get(call), Some(&1), "once");
    }
}
