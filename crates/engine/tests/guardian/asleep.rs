//! Falling asleep, and being called back.

use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::hosts::State;
use innkeeper_engine::ClusterChange;
use innkeeper_store::rests;
use pve_sim::{Effect, Rule};

use crate::house::{House, SECOND, SECRET, code};

both! {
    async fn what_nothing_needs_counts_down_stops_its_guests_and_is_switched_off_once(db: Db) {
        let house = House::open_with(db, |profile| profile.may_stop = vec![105, 104]).await;
        house.stranger(104);
        house.stranger(105);
        let quiet = house.look(3 * SECOND).await.course.quiet_since.unwrap();
        let idle = house.until(State::Idle).await;
        assert!(idle.course.since.since(quiet) >= Duration::from_secs(60));
        assert_eq!(idle.course.quiet_since, Some(quiet));
        assert_eq!(idle.course.deadline, Some(idle.course.since.after(Duration::from_secs(30))));
        assert_eq!(house.look(29 * SECOND).await.course.state, State::Idle);
        assert!(house.runs(104) && house.runs(105));

        let draining = house.look(SECOND).await;
        assert_eq!((draining.course.state, draining.course.quiet_since), (State::Draining, Some(quiet)));
        let off = house.until(State::Off).await;
        assert_eq!(off.course.reason.as_deref(), Some("it sleeps"));
        assert_eq!(house.told_off(), 1);
        assert!(!house.runs(104) && !house.runs(105));
        let stopped = rests::of(&house.db, house.id).await.unwrap();
        let (first, second) = (&stopped[0], &stopped[1]);
        assert_eq!((first.vmid, second.vmid), (104, 105));
        assert!(second.asked_at < first.asked_at, "in the order of the profile");
        let way = [State::Unknown, State::Ready, State::Idle, State::Draining, State::ShuttingDown, State::Off];
        assert_eq!(house.way().await, way);

        // Asleep, it stays asleep; awake again, its guests are, too.
        assert_eq!(house.wait().await, [State::Off]);
        house.power_on();
        house.until(State::Ready).await;
        house.look(SECOND).await;
        assert!(house.runs(104) && house.runs(105));
        assert!(rests::of(&house.db, house.id).await.unwrap().is_empty());
        assert_eq!(house.told_off(), 1);
    }

    async fn a_countdown_is_called_off(db: Db) {
        let house = House::open(db).await;
        house.until(State::Idle).await;
        house.engine.cancel_sleep(&Actor::house(), house.id).await.unwrap();
        assert_eq!(house.host().await.course.state, State::Ready);
        // The time of quiet begins anew.
        assert_eq!(house.look(31 * SECOND).await.course.state, State::Ready);
        assert_eq!(house.told_off(), 0);
        assert_eq!(code(house.engine.cancel_sleep(&Actor::house(), house.id).await), "not_going_to_sleep");
        house.until(State::Off).await;
        assert_eq!(house.told_off(), 1);
    }

    async fn a_host_is_called_back_while_its_guests_stop_and_they_start_again(db: Db) {
        let house = House::open_with(db, |profile| profile.may_stop = vec![104, 105]).await;
        house.stranger(104);
        house.stranger(105);
        let hold = Rule::on_task("vzshutdown", Effect::TaskHolds).vmid(105);
        let hold = house.sim.cluster("annex").faults().add(hold).unwrap();
        house.until(State::Draining).await;
        for _ in 0..5 {
            house.look(SECOND).await;
        }
        assert!(!house.runs(104) && house.runs(105));
        house.engine.cancel_sleep(&Actor::house(), house.id).await.unwrap();
        assert_eq!(house.look(SECOND).await.course.state, State::Ready);
        house.sim.cluster("annex").faults().remove(hold);
        house.sim.cluster("annex").release_tasks();
        for _ in 0..5 {
            house.look(SECOND).await;
        }
        assert!(house.runs(104));
        assert_eq!(house.told_off(), 0);
    }

    async fn a_command_without_effect_is_an_error_and_is_not_repeated(db: Db) {
        let house = House::open(db).await;
        let lost = Rule::on_call("POST", "/nodes/barn/status$", Effect::DropBefore);
        house.sim.cluster("annex").faults().add(lost).unwrap();
        house.until(State::ShuttingDown).await;
        let told = house.told_off();
        let actor = Actor::house();
        assert_eq!(code(house.engine.cancel_sleep(&actor, house.id).await), "too_late");
        assert_eq!(code(house.engine.remove_host(&actor, house.id).await), "host_going_to_sleep");
        let failed = house.until(State::Error).await;
        assert!(failed.course.reason.unwrap().starts_with("it still answers 300 s after"));
        assert_eq!(house.told_off(), told);
        // It is left by itself: it answers.
        let ready = house.until(State::Ready).await;
        assert_eq!(ready.course.reason.as_deref(), Some("it answers again"));
    }

    async fn a_refusal_is_told_in_proxmoxs_words(db: Db) {
        let house = House::open(db).await;
        let refusal = Effect::Answer { status: 403, text: "Permission check failed".into() };
        house.sim.cluster("annex").faults().add(Rule::on_call("POST", "/nodes/barn/status$", refusal)).unwrap();
        let failed = house.until(State::Error).await;
        assert!(failed.course.reason.unwrap().contains("Permission check failed"));
    }

    async fn who_asks_for_sleep_need_not_wait_for_quiet(db: Db) {
        let house = House::open_with(db, |profile| profile.automatic = false).await;
        assert_eq!(house.wait().await, [State::Ready], "it does not sleep by itself");
        house.engine.sleep_host(&Actor::house(), house.id).await.unwrap();
        assert_eq!(house.look(SECOND).await.course.state, State::Idle);
        house.until(State::Off).await;
        assert_eq!(house.told_off(), 1);
        // Asking for the sleep of what sleeps changes nothing.
        house.engine.sleep_host(&Actor::house(), house.id).await.unwrap();
        assert_eq!(house.wait().await, [State::Off]);
    }

    async fn who_wants_it_while_it_switches_itself_off_gets_it_when_it_is_off(db: Db) {
        let house = House::open(db).await;
        house.until(State::ShuttingDown).await;
        house.wake().await;
        house.until(State::Waking).await;
        assert_eq!(house.packets().await.len(), 3);
        assert_eq!(house.told_off(), 1);
        house.power_on();
        house.until(State::Ready).await;
    }

    async fn the_role_in_the_guides_is_enough(db: Db) {
        let house = House::open(db).await;
        let guide = include_str!("../../../../docs/operator.md");
        let (_, from) = guide.split_once("--privs \"").unwrap();
        let (listed, _) = from.split_once('"').unwrap();
        let privileges: Vec<&str> = listed.split_whitespace().filter(|word| *word != "\\").collect();
        let barn = house.sim.cluster("annex").endpoint("barn");
        let trust = pve::Trust::pin(barn.fingerprint.parse().unwrap());
        let endpoint = pve::Endpoint::new(&barn.url, trust).unwrap();
        let root = pve::Credentials::token("root@pam!inn", SECRET.to_owned()).unwrap();
        let root = pve::Client::builder(endpoint, root).build().unwrap();
        root.create_role(&pve::RoleId::new("Innkeeper").unwrap(), &privileges).await.unwrap();
        house.sim.cluster("annex").with(|world| {
            world.add_token("innkeeper@pve", "desk", false, SECRET);
            world.grant("/", "innkeeper@pve", "Innkeeper");
        });
        let token = Some(("innkeeper@pve!desk".to_owned(), SECRET.to_owned().into()));
        let change = ClusterChange { token, ..ClusterChange::default() };
        house.engine.change_cluster(&Actor::house(), house.cluster, change).await.unwrap();
        house.stranger(104);
        let links = house.engine.check_host(&Actor::house(), house.id).await.unwrap();
        let power = links.iter().find(|link| link.name == "power_privilege").unwrap();
        assert_eq!(power.holds, Some(true), "{power:?}");
        let host = house.look(3 * SECOND).await;
        assert!(host.signals.iter().any(|signal| signal.reason.contains("104")), "it sees guests of others");
        house.sim.cluster("annex").with(|world| world.remove_guest(104));
        house.until(State::Off).await;
        assert_eq!(house.told_off(), 1);
    }
}
