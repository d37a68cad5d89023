//! A service is restarted: players are told, the world is saved, its guest is rebooted once, and it is up again when it
//! answers.

use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::ids::{HostId, RestartId};
use innkeeper_domain::reports::Report;
use innkeeper_domain::restarts::RestartState;
use innkeeper_domain::services::{Place, ServiceState};
use innkeeper_domain::time::{Clock, Timestamp};
use innkeeper_engine::{Error, Idempotency};
use innkeeper_store::services;
use pve_sim::{Count, Effect, Rule};

use crate::house::{House, until};

fn said(reports: &[Report]) -> Vec<(bool, &str)> {
    reports.iter().map(|report| (report.success, report.message.as_str())).collect()
}

/// Lets the reboot of a guest wait until the game has been closed.
fn hold_reboots(house: &House) {
    let lodge = house.sim.cluster("lodge");
    lodge.faults().add(Rule::on_task("vzreboot", Effect::TaskHolds).count(Count::Always)).unwrap();
    lodge.faults().add(Rule::on_task("vzshutdown", Effect::TaskHolds).count(Count::Always)).unwrap();
}

/// Lets them go on, once the guest has been asked: a task that begins meanwhile could be held for ever.
async fn let_reboots_go(house: &House, id: RestartId) {
    until("the guest was asked", async || {
        let now = house.engine.restart(&Actor::house(), id).await.unwrap();
        let begun = house.tasks("vzreboot") + house.tasks("vzshutdown") > 0;
        (begun && (now.upid.is_some() || now.operation_id.is_some())).then_some(())
    })
    .await;
    let lodge = house.sim.cluster("lodge");
    lodge.faults().clear();
    lodge.release_tasks();
}

async fn is_restarted_at(house: &House, place: Place) {
    let id = house.service(place).await;
    hold_reboots(house);
    let restart = house.engine.restart_service(&Actor::house(), id, None).await.unwrap();
    assert_eq!(restart.state, RestartState::Announcing);
    house.stands(restart.id, RestartState::Rebooting).await;
    assert_eq!(house.game.commands(), ["say Le serveur redémarre dans 1 seconde.", "save-all flush"]);
    house.game.close().await;
    let_reboots_go(house, restart.id).await;
    let waiting = house.stands(restart.id, RestartState::Waiting).await;
    house.seen(id, ServiceState::Starting).await;
    house.game.open().await;
    let done = house.stands(restart.id, RestartState::Done).await;
    assert_eq!(done.fault, None);
    let took = done.ended_at.unwrap().since(done.asked_at).as_secs();
    assert_eq!(done.seconds.map(u64::from), Some(took), "counted from the asking");
    assert!(done.rebooted_at == waiting.rebooted_at && done.rebooted_at.is_some());
    let told = said(&done.reports);
    assert_eq!(told[0], (true, "Players were told that 1 s are left."));
    assert_eq!(told[1], (true, "The world was saved."));
    assert_eq!(told[2], (true, "The guest was rebooted."));
    assert!(told[3].0 && told[3].1.starts_with("The service answers again"), "{told:?}");
    assert_eq!(house.seen(id, ServiceState::Up).await.sighting.unwrap().answer.players, Some(0));
}

both! {
    async fn an_instance_is_rebooted_by_an_operation_of_its_own(db: Db) {
        let house = House::open(db).await;
        let instance = house.instance("box").await;
        is_restarted_at(&house, Place::Instance(instance.id)).await;
        let done = house.engine.restarts(&house.owner, house.only().await, None, 10).await.unwrap();
        let operation = house.engine.operation(&house.owner, done[0].operation_id.unwrap()).await.unwrap();
        assert_eq!(operation.instance_id, instance.id);
        assert_eq!(done[0].upid, None);
    }

    async fn a_guest_that_is_not_ours_is_rebooted_once(db: Db) {
        let house = House::open(db).await;
        is_restarted_at(&house, house.guest()).await;
        assert_eq!(house.tasks("vzreboot"), 1);
        let id = house.only().await;
        let done = house.engine.restarts(&Actor::house(), id, None, 10).await.unwrap();
        assert!(done[0].upid.as_deref().unwrap().contains(":vzreboot:105:"), "{done:?}");
    }

    async fn an_answer_that_was_lost_is_looked_up_and_the_guest_rebooted_once(db: Db) {
        let house = House::open(db).await;
        let id = house.service(house.guest()).await;
        let lodge = house.sim.cluster("lodge");
        lodge.faults().add(Rule::on_call("POST", "/status/reboot$", Effect::DropAfter)).unwrap();
        let restart = house.engine.restart_service(&Actor::house(), id, None).await.unwrap();
        house.stands(restart.id, RestartState::Done).await;
        assert_eq!(house.tasks("vzreboot"), 1);
    }

    async fn a_call_that_never_arrived_is_made_again(db: Db) {
        let house = House::open(db).await;
        let id = house.service(house.guest()).await;
        let lodge = house.sim.cluster("lodge");
        lodge.faults().add(Rule::on_call("POST", "/status/reboot$", Effect::DropBefore)).unwrap();
        let restart = house.engine.restart_service(&Actor::house(), id, None).await.unwrap();
        house.stands(restart.id, RestartState::Done).await;
        assert_eq!(house.tasks("vzreboot"), 1);
    }

    async fn a_reboot_that_fails_says_why(db: Db) {
        let house = House::open(db).await;
        let id = house.service(house.guest()).await;
        let fails = Effect::TaskFails("container did not stop".into());
        house.sim.cluster("lodge").faults().add(Rule::on_task("vzreboot", fails)).unwrap();
        let restart = house.engine.restart_service(&Actor::house(), id, None).await.unwrap();
        let failed = house.stands(restart.id, RestartState::Failed).await;
        let fault = failed.fault.unwrap();
        assert_eq!(fault.code, "reboot_failed");
        assert!(fault.message.contains("container did not stop"), "{fault:?}");
    }

    async fn a_console_that_cannot_be_reached_holds_nothing_up_and_is_told_of(db: Db) {
        let house = House::open(db).await;
        let mut new = house.new_service("survival", house.guest());
        new.rcon.as_mut().unwrap().password = "wrong".to_owned().into();
        new.warn_seconds = 600;
        let id = house.engine.add_service(&Actor::house(), new, None).await.unwrap().service.id;
        let restart = house.engine.restart_service(&Actor::house(), id, None).await.unwrap();
        let done = house.stands(restart.id, RestartState::Done).await;
        let failed: Vec<&str> =
            done.reports.iter().filter(|r| !r.success).map(|r| r.error.as_ref().unwrap().code.as_str()).collect();
        assert_eq!(failed, ["wrong_password", "wrong_password"]);
        let text = serde_json::to_string(&done).unwrap();
        assert!(!text.contains("wrong\""), "the password is told to nobody: {text}");
    }

    async fn one_that_does_not_answer_in_time_has_failed(db: Db) {
        let clock = Clock::manual(Timestamp(1_795_221_883_000_000));
        let house = House::open_at(db, clock.clone()).await;
        let id = house.service(house.guest()).await;
        hold_reboots(&house);
        let restart = house.engine.restart_service(&Actor::house(), id, None).await.unwrap();
        let advance = async |state: RestartState, step: u64| {
            until(&format!("the restart is {state}"), async || {
                let now = house.engine.restart(&Actor::house(), restart.id).await.unwrap();
                if now.state == state {
                    return Some(now);
                }
                assert!(!now.state.is_final(), "{now:#?}");
                clock.advance(Duration::from_millis(step));
                None
            })
            .await
        };
        advance(RestartState::Rebooting, 100).await;
        house.game.close().await;
        let_reboots_go(&house, restart.id).await;
        let waiting = advance(RestartState::Waiting, 100).await;
        assert_eq!(waiting.due_at, waiting.rebooted_at.unwrap().after(Duration::from_mins(5)));
        let failed = advance(RestartState::Failed, 1000).await;
        assert_eq!(failed.fault.unwrap().code, "not_ready");
        assert!(failed.ended_at.unwrap() >= waiting.due_at);
        assert_eq!(house.tasks("vzreboot"), 1);
    }

    async fn what_cannot_be_restarted_is_refused_with_the_reason(db: Db) {
        let house = House::open(db).await;
        let staff = Actor::house();
        let new = house.new_service("survival", Place::Host(house.host.id));
        let on_host = house.engine.add_service(&staff, new, None).await.unwrap().service.id;
        let refused = house.engine.restart_service(&staff, on_host, None).await;
        assert!(matches!(refused, Err(Error::Conflict { code: "no_guest", .. })), "{refused:?}");
        for (place, field) in [
            (Place::Host(HostId::new()), "at"),
            (Place::Guest { host: house.host.id, vmid: 99 }, "at"),
        ] {
            let new = house.new_service("other", place);
            let refused = house.engine.add_service(&staff, new, None).await;
            assert!(matches!(&refused, Err(Error::Invalid { field: f, .. }) if *f == field), "{refused:?}");
        }
        let again = house.new_service("survival", house.guest());
        let taken = house.engine.add_service(&staff, again, None).await;
        assert!(matches!(taken, Err(Error::Conflict { code: "name_taken", .. })), "{taken:?}");
        let theirs = house.engine.add_service(&house.owner, house.new_service("mine", house.guest()), None).await;
        assert!(matches!(theirs, Err(Error::Forbidden(_))), "{theirs:?}");
        let used = house.engine.remove_host(&staff, house.host.id).await;
        assert!(matches!(used, Err(Error::Conflict { code: "host_in_use", .. })), "{used:?}");
        house.engine.remove_service(&staff, on_host).await.unwrap();
        assert!(services::list(&house.db).await.unwrap().is_empty());
    }

    async fn asked_twice_with_one_key_it_is_restarted_once(db: Db) {
        let house = House::open(db).await;
        let id = house.service(house.guest()).await;
        let key = Idempotency::new("again", &[b"restart"]).unwrap();
        let first = house.engine.restart_service(&house.staff(), id, Some(&key)).await.unwrap();
        let again = house.engine.restart_service(&house.staff(), id, Some(&key)).await.unwrap();
        assert_eq!(first.id, again.id);
        house.stands(first.id, RestartState::Done).await;
        let later = house.engine.restart_service(&house.staff(), id, Some(&key)).await.unwrap();
        assert_eq!(first.id, later.id);
        assert_eq!(house.tasks("vzreboot"), 1);
    }
}
