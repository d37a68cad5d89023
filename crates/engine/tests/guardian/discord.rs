//! What the bot has of the house: who somebody is, what is told once, and what is done once.

use std::time::Duration;

use innkeeper_domain::abilities::Ability;
use innkeeper_domain::access::Actor;
use innkeeper_domain::discord::{AlertKind, Settings, Snowflake};
use innkeeper_domain::hosts::State;
use innkeeper_domain::users::Role;
use innkeeper_engine::{
    DueNotice, Error, HostDeed, HostOutcome, Idempotency, NoticeDelivery, NoticeMatter, UserChange,
};
use innkeeper_testing::person;
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::house::{House, SECOND};

fn number(number: u64) -> Snowflake {
    Snowflake::new(number).unwrap()
}

/// Somebody with an account that is linked.
async fn linked(house: &House, email: &str, role: Role, discord_id: u64) -> Actor {
    let (_, actor) = person(&house.engine, email, role).await;
    let begun = house.engine.begin_discord_link(number(discord_id), "ada").await.unwrap();
    house.engine.complete_discord_link(&actor, begun.code.expose_secret()).await.unwrap();
    actor
}

async fn settings(house: &House, set: serde_json::Value) {
    let set: Settings = serde_json::from_value(set).unwrap();
    house.engine.set_discord_settings(&Actor::house(), set).await.unwrap();
}

async fn settle(house: &House, due: &DueNotice, delivery: NoticeDelivery) {
    let (id, created_at) = (due.notice.id, due.notice.created_at);
    house.engine.settle_discord_notice(id, due.tries, created_at, delivery).await.unwrap();
}

both! {
    async fn linked_staff_are_told_what_failed_and_nobody_else_is(db: Db) {
        let house = House::open_asleep(db).await;
        let keeper = linked(&house, "ada@inn.example", Role::Operator, 7).await;
        linked(&house, "bob@inn.example", Role::User, 8).await;
        house.wake().await;
        house.until(State::Error).await;
        let due = house.engine.claim_discord_notices(10).await.unwrap();
        assert_eq!(due.len(), 1, "{due:?}");
        assert_eq!((due[0].discord_id, due[0].told.last), (Some(7), None));
        let NoticeMatter::Alert { kind, subject, detail } = &due[0].notice.matter else { panic!("{due:?}") };
        assert_eq!((*kind, subject.as_str()), (AlertKind::HostStartFailed, "shed"));
        assert!(detail.contains("did not answer"), "{detail}");
        assert!(house.engine.claim_discord_notices(10).await.unwrap().is_empty(), "somebody has it");
        settle(&house, &due[0], NoticeDelivery::Later("no route".into())).await;
        house.clock.advance(31 * SECOND);
        let again = house.engine.claim_discord_notices(10).await.unwrap();
        settle(&house, &due[0], NoticeDelivery::Told).await;
        settle(&house, &again[0], NoticeDelivery::Told).await;

        // The same once more: it is known when it was told last.
        house.wake().await;
        house.until(State::Waking).await;
        house.until(State::Error).await;
        let due = house.engine.claim_discord_notices(10).await.unwrap();
        assert!(due[0].told.last.is_some());
        settle(&house, &due[0], NoticeDelivery::HeldBack).await;

        // Who is no staff any more learns nothing, not even what was written before.
        house.wake().await;
        house.until(State::Waking).await;
        house.until(State::Error).await;
        let change = UserChange { role: Some(Role::User), ..UserChange::default() };
        house.engine.change_user(&Actor::house(), keeper.user_id.unwrap(), change).await.unwrap();
        assert!(house.engine.claim_discord_notices(10).await.unwrap().is_empty());
    }

    async fn a_report_is_told_once_at_its_hour(db: Db) {
        let house = House::open(db).await;
        // The house opens on a Saturday, shortly after midnight in UTC.
        settings(&house, json!({ "reports": [
            { "channel": "5", "period": "daily", "hour": 3, "time_zone": "UTC", "language": "fr" },
            { "channel": "5", "period": "weekly", "hour": 3, "time_zone": "UTC", "language": "fr" },
        ] }))
        .await;
        let engine = &house.engine;
        engine.write_discord_reports().await.unwrap();
        assert!(engine.claim_discord_notices(10).await.unwrap().is_empty(), "yesterday's is too late");
        house.clock.advance(Duration::from_hours(3));
        engine.write_discord_reports().await.unwrap();
        house.another().write_discord_reports().await.unwrap();
        let due = engine.claim_discord_notices(10).await.unwrap();
        assert_eq!(due.len(), 1, "of two processes, one: {due:?}");
        let NoticeMatter::Report(digest) = due[0].notice.matter else { panic!("{due:?}") };
        assert_eq!(digest.to.since(digest.from), Duration::from_hours(24));
        assert_eq!(due[0].discord_id, None);
    }

    async fn one_process_at_a_time_has_the_gateway(db: Db) {
        let house = House::open(db).await;
        let other = house.another();
        assert!(house.engine.hold_discord_gateway().await.unwrap());
        assert!(!other.hold_discord_gateway().await.unwrap());
        house.clock.advance(20 * SECOND);
        assert!(house.engine.hold_discord_gateway().await.unwrap(), "kept");
        house.clock.advance(20 * SECOND);
        assert!(!other.hold_discord_gateway().await.unwrap());
        house.clock.advance(11 * SECOND);
        assert!(other.hold_discord_gateway().await.unwrap(), "the first is silent");
        house.engine.leave_discord_gateway().await.unwrap();
        assert!(!house.engine.hold_discord_gateway().await.unwrap(), "nobody gives back what another has");
        other.leave_discord_gateway().await.unwrap();
        assert!(house.engine.hold_discord_gateway().await.unwrap());
    }

    async fn what_was_pressed_once_is_done_once(db: Db) {
        let house = House::open(db).await;
        settings(&house, json!({ "everyone": ["see"], "roles": { "9": ["wake", "sleep"] } })).await;
        let ada = house.engine.discord_actor(7, &[9]).await.unwrap();
        let bob = house.engine.discord_actor(8, &[]).await.unwrap();
        let key = |word: &str| Idempotency::new("discord:0011", &[word.as_bytes()]).unwrap();
        let refused = house.engine.ask_host_once(&bob, house.id, HostDeed::Sleep, &key("sleep")).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
        let slept = house.engine.ask_host_once(&ada, house.id, HostDeed::Sleep, &key("sleep")).await.unwrap();
        assert!(matches!(slept, HostOutcome::UnderWay(_)));
        house.until(State::Idle).await;
        let wake = Idempotency::new("discord:0022", &[b"wake"]).unwrap();
        let woken = house.engine.ask_host_once(&ada, house.id, HostDeed::Wake, &wake).await.unwrap();
        assert_eq!(woken, HostOutcome::Done, "the countdown is off");
        let late = house.engine.ask_host_once(&ada, house.id, HostDeed::Sleep, &key("sleep")).await.unwrap();
        assert_eq!(late, slept, "the answer of the first time");
        let host = house.host().await;
        assert_eq!((host.course.state, host.course.sleep), (State::Ready, None), "and nothing was done");
        // Another's key of the same name is another key.
        settings(&house, json!({ "everyone": ["see", "sleep"] })).await;
        let bob = house.engine.discord_actor(8, &[]).await.unwrap();
        let bobs = house.engine.ask_host_once(&bob, house.id, HostDeed::Sleep, &key("sleep")).await.unwrap();
        assert_ne!(bobs, late);
        assert!(house.host().await.course.sleep.is_some());
    }

    async fn roles_count_as_they_are_and_the_account_as_it_stands(db: Db) {
        let house = House::open(db).await;
        settings(&house, json!({ "roles": { "9": ["wake"] } })).await;
        let sees = async |roles: &[u64]| {
            let actor = house.engine.discord_actor(7, roles).await.unwrap();
            house.engine.hosts(&actor).await.unwrap().len()
        };
        assert_eq!((sees(&[]).await, sees(&[9]).await), (0, 1));
        let keeper = linked(&house, "ada@inn.example", Role::Operator, 7).await;
        assert_eq!(sees(&[]).await, 1, "staff, wherever they ask");
        let actor = house.engine.discord_actor(7, &[]).await.unwrap();
        let host = house.host().await;
        assert!(house.engine.host_abilities(&actor, &host).contains(&Ability::Maintain));
        let refused = house.engine.set_discord_settings(&actor, Settings::default()).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))), "not by Discord: {refused:?}");
        assert!(house.engine.unlink_discord(&keeper).await.unwrap());
        assert_eq!(sees(&[]).await, 0);
    }
}
