//! Restraint, and who may see and restart what.

use std::time::Duration;

use innkeeper_domain::abilities::Ability;
use innkeeper_domain::access::Actor;
use innkeeper_domain::ids::{SessionId, UserId};
use innkeeper_domain::restarts::{Restart, RestartState};
use innkeeper_domain::restraint::{Person, Refusal, Why};
use innkeeper_domain::services::Place;
use innkeeper_domain::time::{Clock, Timestamp};
use innkeeper_domain::users::Role;
use innkeeper_engine::{Engine, Error, ServiceChange};
use innkeeper_store::restarts;

use crate::house::{House, on_discord, options};

fn restrained(outcome: Result<Restart, Error>) -> Refusal {
    match outcome {
        Err(Error::Restrained { refusal, .. }) => refusal,
        other => panic!("not restrained: {other:?}"),
    }
}

fn player(id: u64) -> Actor {
    on_discord(id, &[Ability::Restart])
}

/// Everything that is under way has failed.
async fn all_over(house: &House, at: Timestamp) {
    let mut tx = house.db.begin().await.unwrap();
    for (mut restart, fence) in restarts::claim(&mut tx, Timestamp(i64::MAX), at).await.unwrap() {
        (restart.state, restart.ended_at) = (RestartState::Failed, Some(at));
        assert!(restarts::save(&mut tx, &restart, fence).await.unwrap());
    }
    tx.commit().await.unwrap();
}

both! {
    async fn the_cooldown_counts_from_the_asking_whatever_became_of_it(db: Db) {
        let clock = Clock::manual(Timestamp(1_795_221_883_000_000));
        let house = House::open_at(db, clock.clone()).await;
        let id = house.service(house.guest()).await;
        house.rest();
        let asked = clock.now();
        let first = house.engine.restart_service(&player(1), id, None).await.unwrap();
        assert_eq!((first.person, first.asked_at), (Person::Discord(1), asked));
        // While it goes on, everybody waits, and is told until when at the latest.
        clock.advance(Duration::from_secs(90));
        let busy = restrained(house.engine.restart_service(&player(2), id, None).await);
        assert!(busy.why == Why::UnderWay && busy.until > clock.now(), "{busy:?}");
        all_over(&house, clock.now()).await;
        let wait = restrained(house.engine.restart_service(&player(1), id, None).await);
        assert_eq!((wait.why, wait.until), (Why::Cooldown, asked.after(Duration::from_mins(10))));
        // Another may, and so may the first when the time has come.
        house.engine.restart_service(&player(2), id, None).await.unwrap();
        all_over(&house, clock.now()).await;
        clock.set(asked.after(Duration::from_mins(10)));
        house.engine.restart_service(&player(1), id, None).await.unwrap();
        // The house itself waits for nothing but a restart that goes on.
        assert_eq!(restrained(house.engine.restart_service(&Actor::house(), id, None).await).why, Why::UnderWay);
        all_over(&house, clock.now()).await;
        for _ in 0..5 {
            house.engine.restart_service(&Actor::house(), id, None).await.unwrap();
            all_over(&house, clock.now()).await;
        }
    }

    async fn of_two_at_once_one_is_let_through(db: Db) {
        let house = House::open(db).await;
        let id = house.service(house.guest()).await;
        let (one, other) = (player(1), player(2));
        let (one, other) = tokio::join!(
            house.engine.restart_service(&one, id, None),
            house.engine.restart_service(&other, id, None),
        );
        let (won, lost) = if one.is_ok() { (one, other) } else { (other, one) };
        let won = won.unwrap();
        assert_eq!(restrained(lost).why, Why::UnderWay);
        house.stands(won.id, RestartState::Done).await;
        assert_eq!(house.tasks("vzreboot"), 1);
        assert_eq!(house.engine.restarts(&Actor::house(), id, None, 10).await.unwrap(), [
            house.engine.restart(&Actor::house(), won.id).await.unwrap()
        ]);
    }

    async fn twenty_a_day_and_no_more(db: Db) {
        let clock = Clock::manual(Timestamp(1_795_221_883_000_000));
        let house = House::open_at(db, clock.clone()).await;
        let id = house.service(house.guest()).await;
        house.rest();
        let begun = clock.now();
        for n in 0..20 {
            house.engine.restart_service(&player(n), id, None).await.unwrap();
            all_over(&house, clock.now()).await;
            clock.advance(Duration::from_secs(60));
        }
        let full = restrained(house.engine.restart_service(&player(99), id, None).await);
        assert_eq!((full.why, full.until), (Why::DailyLimit, begun.after(Duration::from_hours(24))));
        clock.set(full.until);
        house.engine.restart_service(&player(99), id, None).await.unwrap();
    }

    async fn warnings_and_a_ban_outlive_the_process(db: Db) {
        let clock = Clock::manual(Timestamp(1_795_221_883_000_000));
        let house = House::open_at(db, clock.clone()).await;
        let id = house.service(house.guest()).await;
        house.rest();
        house.engine.restart_service(&player(1), id, None).await.unwrap();
        all_over(&house, clock.now()).await;
        let mut warnings = Vec::new();
        for n in 0..8 {
            // A new process each time: nothing is kept but in the database.
            let engine = Engine::new(house.db.clone(), house.keys.clone(), clock.clone(), options());
            clock.advance(Duration::from_secs(5));
            let refusal = restrained(engine.restart_service(&player(1), id, None).await);
            if let Some(warning) = refusal.warning {
                warnings.push((n, warning, refusal.why));
            }
        }
        assert_eq!(warnings, [(1, 1, Why::Cooldown), (4, 2, Why::Cooldown), (7, 3, Why::Banned)]);
        let banned_at = clock.now();
        let engine = Engine::new(house.db.clone(), house.keys.clone(), clock.clone(), options());
        clock.advance(Duration::from_mins(59));
        let ban = restrained(engine.restart_service(&player(1), id, None).await);
        assert_eq!((ban.why, ban.until), (Why::Banned, banned_at.after(Duration::from_hours(1))));
        // Others are none the worse for it.
        engine.restart_service(&player(2), id, None).await.unwrap();
        all_over(&house, clock.now()).await;
        clock.set(ban.until);
        engine.restart_service(&player(1), id, None).await.unwrap();
    }

    async fn a_service_is_seen_and_restarted_by_those_who_may_and_is_nothing_to_others(db: Db) {
        let house = House::open(db).await;
        let instance = house.instance("box").await;
        let staff = Actor::house();
        let new = house.new_service("survival", Place::Instance(instance.id));
        let id = house.engine.add_service(&staff, new, None).await.unwrap().service.id;
        let stranger = Actor::user(UserId::new(), Role::User, Vec::new(), SessionId::new());
        let (nobody, looker) = (on_discord(8, &[]), on_discord(9, &[Ability::See]));
        for hidden in [&stranger, &nobody] {
            assert!(matches!(house.engine.service(hidden, id).await, Err(Error::NotFound("service"))));
            let refused = house.engine.restart_service(hidden, id, None).await;
            assert!(matches!(refused, Err(Error::NotFound("service"))), "{refused:?}");
            let refused = house.engine.restarts(hidden, id, None, 10).await;
            assert!(matches!(refused, Err(Error::NotFound("service"))), "{refused:?}");
            assert!(house.engine.services(hidden).await.unwrap().is_empty());
        }
        assert!(matches!(house.engine.restart_service(&looker, id, None).await, Err(Error::Forbidden(_))));
        for sees in [&looker, &house.owner, &staff] {
            assert_eq!(house.engine.services(sees).await.unwrap().len(), 1);
        }
        let service = house.engine.service(&house.owner, id).await.unwrap().service;
        let able = house.engine.service_abilities(&house.owner, &service).await.unwrap();
        assert_eq!(able, [Ability::See, Ability::Restart]);
        let change = ServiceChange { users_may: Some(vec![Ability::See]), ..ServiceChange::default() };
        let changed = house.engine.change_service(&staff, id, change).await.unwrap();
        assert_eq!(changed.service.rcon_port, Some(house.game.console), "what is not named stays");
        assert!(house.engine.service(&stranger, id).await.is_ok());
        assert!(matches!(house.engine.restart_service(&stranger, id, None).await, Err(Error::Forbidden(_))));
        let restart = house.engine.restart_service(&house.owner, id, None).await.unwrap();
        assert_eq!(restart.asked_name, "Owner");
        let kept = house.engine.remove_service(&staff, id).await;
        assert!(matches!(kept, Err(Error::Conflict { code: "restart_under_way", .. })), "{kept:?}");
        house.stands(restart.id, RestartState::Done).await;
        assert!(house.engine.restart(&stranger, restart.id).await.is_ok());
        assert!(matches!(house.engine.restart(&nobody, restart.id).await, Err(Error::NotFound("restart"))));
    }
}
