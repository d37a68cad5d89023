//! What the owners of a project say of its webhooks.

use std::time::Duration;

use innkeeper_domain::access::{Actor, Refusal};
use innkeeper_domain::events::Subject;
use innkeeper_domain::ids::SessionId;
use innkeeper_domain::projects::Membership;
use innkeeper_domain::users::{Role, Standing};
use innkeeper_domain::webhooks::{MOST_WEBHOOKS, State};
use innkeeper_engine::{AuditFilter, Error, Idempotency, NewWebhook, WebhookChange};
use innkeeper_testing::person;
use secrecy::ExposeSecret;

use crate::house::House;
use crate::receiver::Receiver;

fn new(url: &str) -> NewWebhook {
    NewWebhook { name: "deploy".parse().unwrap(), url: url.to_owned(), subjects: Vec::new(), enabled: true }
}

fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> &'static str {
    match result.unwrap_err() {
        Error::Conflict { code, .. } => code,
        Error::Invalid { field, .. } => field,
        Error::NotFound(what) => what,
        other => panic!("{other:?}"),
    }
}

both! {
    async fn only_owners_see_them_and_to_others_there_are_none(db: Db) {
        let house = House::open(db).await;
        let engine = &house.engine;
        let hook = house.webhook(&Receiver::open().await, &[]).await;
        let (user, stranger) = person(engine, "eve@inn.example", Role::User).await;
        assert_eq!(code(engine.webhook(&stranger, hook.id).await), "webhook");
        assert_eq!(code(engine.webhooks(&stranger, house.project).await), "project");
        assert_eq!(code(engine.delete_webhook(&stranger, hook.id).await), "webhook");
        let within = vec![(house.project, Membership::Member)];
        let member = Actor::user(user.id, Role::User, within, SessionId::new());
        for refused in [engine.webhook(&member, hook.id).await.map(drop), engine.delete_webhook(&member, hook.id).await] {
            assert!(matches!(refused, Err(Error::Forbidden(Refusal::Role))), "{refused:?}");
        }
        assert_eq!(engine.webhooks(&house.owner, house.project).await.unwrap(), std::slice::from_ref(&hook));
        engine.delete_webhook(&house.owner, hook.id).await.unwrap();
        assert_eq!(code(engine.webhook(&house.owner, hook.id).await), "webhook");
    }

    async fn who_is_suspended_looks_and_takes_them_away_and_nothing_else(db: Db) {
        let house = House::open(db).await;
        let engine = &house.engine;
        let hook = house.webhook(&Receiver::open().await, &[]).await;
        let suspended = Actor { standing: Standing::Suspended, ..house.owner.clone() };
        let test = engine.test_webhook(&house.owner, hook.id, None).await.unwrap();
        for refused in [
            engine.create_webhook(&suspended, house.project, new("https://hooks.example"), None).await.map(drop),
            engine.change_webhook(&suspended, hook.id, WebhookChange::default()).await.map(drop),
            engine.rotate_webhook_secret(&suspended, hook.id).await.map(drop),
            engine.test_webhook(&suspended, hook.id, None).await.map(drop),
            engine.resend_delivery(&suspended, hook.id, test.id).await.map(drop),
        ] {
            assert!(matches!(refused, Err(Error::Forbidden(Refusal::Suspended))), "{refused:?}");
        }
        assert_eq!(engine.webhooks(&suspended, house.project).await.unwrap().len(), 1);
        assert_eq!(engine.delivery(&suspended, hook.id, test.id).await.unwrap().1.id, test.id);
        engine.delete_webhook(&suspended, hook.id).await.unwrap();
        assert!(engine.webhooks(&suspended, house.project).await.unwrap().is_empty());
    }

    async fn tests_and_what_is_sent_again_are_so_many_for_a_project(db: Db) {
        let house = House::open(db).await;
        let (engine, owner) = (&house.engine, &house.owner);
        let receiver = Receiver::open().await;
        let (one, two) = (house.webhook(&receiver, &[]).await, house.webhook(&receiver, &[]).await);
        let first = engine.test_webhook(owner, one.id, None).await.unwrap();
        for n in 1..30 {
            engine.test_webhook(owner, if n % 2 == 0 { one.id } else { two.id }, None).await.unwrap();
        }
        for refused in [
            engine.test_webhook(owner, two.id, None).await.map(drop),
            engine.resend_delivery(owner, one.id, first.id).await.map(drop),
        ] {
            assert!(matches!(refused, Err(Error::TooMany(_))), "{refused:?}");
        }
        house.clock.advance(Duration::from_secs(10));
        engine.resend_delivery(owner, one.id, first.id).await.unwrap();
        assert!(engine.test_webhook(owner, two.id, None).await.is_err());
    }

    async fn what_is_asked_for_is_checked_and_ten_are_enough(db: Db) {
        let house = House::open(db).await;
        let (engine, owner) = (&house.engine, &house.owner);
        for url in ["http://hooks.example", "https://10.0.0.1/in", "https://a:b@hooks.example", "nothing"] {
            assert_eq!(code(engine.create_webhook(owner, house.project, new(url), None).await), "url", "{url}");
        }
        let hosts = NewWebhook { subjects: vec![Subject::Host], ..new("https://hooks.example") };
        assert_eq!(code(engine.create_webhook(owner, house.project, hosts, None).await), "subjects");
        let many = (0..12).map(|_| engine.create_webhook(owner, house.project, new("https://hooks.example"), None));
        let made: Vec<_> = futures_util::future::join_all(many).await;
        let refused: Vec<_> = made.into_iter().filter_map(Result::err).collect();
        assert_eq!(refused.len(), 2);
        let all = engine.webhooks(owner, house.project).await.unwrap();
        assert_eq!(i64::try_from(all.len()).unwrap(), MOST_WEBHOOKS);
        assert_eq!(code(engine.create_webhook(owner, house.project, new("https://hooks.example"), None).await), "too_many_webhooks");
    }

    async fn a_secret_is_shown_once_and_nothing_of_it_is_written_down(db: Db) {
        let house = House::open(db).await;
        let (engine, owner) = (&house.engine, &house.owner);
        let receiver = Receiver::open().await;
        let key = Idempotency::new("once", &[b"x"]).unwrap();
        let (hook, secret) = engine.create_webhook(owner, house.project, new(&receiver.url), Some(&key)).await.unwrap();
        let (again, none) = engine.create_webhook(owner, house.project, new(&receiver.url), Some(&key)).await.unwrap();
        assert_eq!((again.id, none.is_none()), (hook.id, true));
        let secret = secret.unwrap().expose_secret().to_owned();
        receiver.knows(&secret);
        house.tells("running").await;
        let (_, other) = engine.rotate_webhook_secret(owner, hook.id).await.unwrap();
        assert_ne!(secret, other.expose_secret());
        house.tells("stopped").await;
        assert_eq!(receiver.kinds(), ["instance.running"], "the old secret is worth nothing");
        receiver.knows(other.expose_secret());
        house.later(Duration::from_secs(30)).await;
        assert_eq!(receiver.kinds(), ["instance.running", "instance.stopped"]);
        let filter = AuditFilter { project_id: Some(house.project), ..AuditFilter::default() };
        let log = engine.audit_log(owner, &filter, None, 50).await.unwrap();
        let deeds: Vec<_> = log.iter().map(|entry| entry.deed.action.as_str()).collect();
        assert_eq!(deeds, ["webhook.rotate", "webhook.create"]);
        let text = serde_json::to_string(&log).unwrap();
        assert!(text.contains("127.0.0.1") && !text.contains("s3cret") && !text.contains(&secret[6..]), "{text}");
    }

    async fn a_test_and_what_is_resent_arrive_at_once(db: Db) {
        let house = House::open(db).await;
        let (engine, owner) = (&house.engine, &house.owner);
        let receiver = Receiver::open().await;
        let hook = house.webhook(&receiver, &[Subject::Lease]).await;
        receiver.will(500);
        let test = engine.test_webhook(owner, hook.id, None).await.unwrap();
        engine.tell_webhooks().await.unwrap();
        receiver.will(200);
        // The receiver has just failed, so it would be left in peace for a moment.
        engine.resend_delivery(owner, hook.id, test.id).await.unwrap();
        engine.tell_webhooks().await.unwrap();
        engine.resend_delivery(owner, hook.id, test.id).await.unwrap();
        engine.tell_webhooks().await.unwrap();
        let told = receiver.told();
        assert_eq!(receiver.kinds(), ["webhook.test"; 3]);
        assert!(told.iter().all(|(id, _)| *id == test.id.to_string()));
        assert_eq!(house.deliveries(hook.id).await[0].tries.len(), 3);
        let other = house.webhook(&receiver, &[]).await;
        assert_eq!(code(engine.resend_delivery(owner, other.id, test.id).await), "delivery");
    }

    async fn while_it_is_off_it_is_told_nothing_and_later_only_what_comes(db: Db) {
        let house = House::open(db).await;
        let (engine, owner) = (&house.engine, &house.owner);
        let receiver = Receiver::open().await;
        let hook = house.webhook(&receiver, &[]).await;
        house.happens(Some(house.project), Subject::Instance, "one").await;
        engine.hand_out_events().await.unwrap();
        let switch = |on| WebhookChange { enabled: Some(on), ..WebhookChange::default() };
        engine.change_webhook(owner, hook.id, switch(false)).await.unwrap();
        let given_up = house.deliveries(hook.id).await.remove(0);
        assert_eq!(given_up.state, State::Failed);
        assert_eq!(code(engine.test_webhook(owner, hook.id, None).await), "webhook_off");
        assert_eq!(code(engine.resend_delivery(owner, hook.id, given_up.id).await), "webhook_off");
        house.tells("two").await;
        engine.change_webhook(owner, hook.id, switch(true)).await.unwrap();
        house.tells("three").await;
        engine.resend_delivery(owner, hook.id, given_up.id).await.unwrap();
        engine.tell_webhooks().await.unwrap();
        assert_eq!(receiver.kinds(), ["instance.three", "instance.one"]);
        let elsewhere = Receiver::open().await;
        let change = WebhookChange {
            name: Some("other".parse().unwrap()),
            url: Some(elsewhere.url.clone()),
            subjects: Some(vec![Subject::Lease, Subject::Lease]),
            enabled: None,
        };
        let changed = engine.change_webhook(owner, hook.id, change).await.unwrap();
        assert_eq!((changed.name.as_str(), changed.subjects), ("other", vec![Subject::Lease]));
        house.tells("four").await;
        assert!(elsewhere.told().is_empty());
    }
}
