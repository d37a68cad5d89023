//! Webhooks: an event is told once, by one process at a time, and only what concerns them.

use std::time::Duration;

use innkeeper_domain::events::Subject;
use innkeeper_domain::ids::{ProjectId, WebhookId};
use innkeeper_domain::projects::Restriction;
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::webhooks::{Delivery, Off, State, Try, Webhook};
use innkeeper_store::webhooks::HandedOut;
use innkeeper_store::{Db, Sealed, Topic, deliveries, events, projects, restrictions, users, webhooks};

use crate::house::{House, NOW, at, person};

fn webhook(project_id: ProjectId, subjects: &[Subject]) -> Webhook {
    Webhook {
        id: WebhookId::new(),
        project_id,
        name: "build".parse().unwrap(),
        url: "https://hooks.example/in?key=1".into(),
        subjects: subjects.to_vec(),
        off: None,
        since: 0,
        failures: 0,
        failing_since: None,
        rests_until: None,
        created_at: NOW,
    }
}

async fn put(db: &Db, webhook: &Webhook) {
    let mut tx = db.begin().await.unwrap();
    webhooks::insert(&mut tx, webhook, &Sealed::from_text("sealed".into())).await.unwrap();
    tx.commit().await.unwrap();
}

async fn happens(db: &Db, project: Option<ProjectId>, subject: Subject, what: &str) {
    let mut tx = db.begin().await.unwrap();
    events::append(&mut tx, NOW, project, subject, "x_1", what).await.unwrap();
    tx.commit().await.unwrap();
}

async fn hand_out(db: &Db, limit: i64) -> HandedOut {
    let mut tx = db.begin().await.unwrap();
    let out = webhooks::hand_out(&mut tx, NOW, limit).await.unwrap();
    tx.commit().await.unwrap();
    out
}

async fn claim(db: &Db, now: Timestamp, until: Timestamp) -> Vec<(WebhookId, i64)> {
    let mut tx = db.begin().await.unwrap();
    let claimed = webhooks::claim(&mut tx, now, until, 5).await.unwrap();
    tx.commit().await.unwrap();
    claimed
}

async fn told(db: &Db, webhook: WebhookId) -> Vec<String> {
    let all = deliveries::list(db, webhook, None, None, 100).await.unwrap();
    all.iter().rev().map(Delivery::kind).collect()
}

both! {
    async fn a_webhook_reads_back_and_goes_with_what_it_was_told(db: Db) {
        let house = House::build(&db).await;
        let mut hook = webhook(house.project.id, &[Subject::Instance, Subject::Lease]);
        put(&db, &hook).await;
        assert_eq!(webhooks::of_project(&db, house.project.id).await.unwrap(), [hook.clone()]);
        assert_eq!(webhooks::secret(&db, hook.id).await.unwrap().unwrap().as_str(), "sealed");
        let fail = Try::of(Ok(500), NOW, Duration::from_millis(7));
        hook.name = "deploy".parse().unwrap();
        hook.note(&fail, 0, NOW);
        hook.off = Some((Off::Failing, at(1)));
        let mut delivery = Delivery::test(hook.id, NOW);
        let mut tx = db.begin().await.unwrap();
        assert_eq!(webhooks::count_of(&mut tx, house.project.id).await.unwrap(), 1);
        webhooks::update(&mut tx, &hook).await.unwrap();
        webhooks::set_secret(&mut tx, hook.id, &Sealed::from_text("other".into())).await.unwrap();
        assert!(deliveries::insert(&mut tx, &delivery).await.unwrap());
        delivery.note(fail, 0, NOW);
        deliveries::update(&mut tx, &delivery).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(webhooks::by_id(&db, hook.id).await.unwrap().unwrap(), hook);
        assert_eq!(webhooks::secret(&db, hook.id).await.unwrap().unwrap().as_str(), "other");
        assert_eq!(deliveries::by_id(&db, hook.id, delivery.id).await.unwrap().unwrap(), delivery);
        assert!(deliveries::by_id(&db, WebhookId::new(), delivery.id).await.unwrap().is_none());
        let failed = deliveries::list(&db, hook.id, Some(State::Failed), None, 10).await.unwrap();
        assert!(failed.is_empty());
        let mut tx = db.begin().await.unwrap();
        assert!(webhooks::delete(&mut tx, hook.id).await.unwrap());
        assert!(!webhooks::delete(&mut tx, hook.id).await.unwrap());
        tx.commit().await.unwrap();
        assert!(told(&db, hook.id).await.is_empty());
    }

    async fn each_hears_once_of_its_own_project_what_it_asked_for(db: Db) {
        let house = House::build(&db).await;
        let (ada, bob) = (house.project.id, {
            let (user, project) = person("bob@example.org");
            let mut tx = db.begin().await.unwrap();
            projects::insert(&mut tx, &project).await.unwrap();
            users::insert(&mut tx, &user, None).await.unwrap();
            tx.commit().await.unwrap();
            project.id
        });
        happens(&db, Some(ada), Subject::Instance, "before").await;
        let since = events::latest(&db).await.unwrap();
        let all = Webhook { since, ..webhook(ada, &[]) };
        let some = Webhook { since, ..webhook(ada, &[Subject::Lease]) };
        let off = Webhook { since, off: Some((Off::Asked, NOW)), ..webhook(ada, &[]) };
        let other = Webhook { since, ..webhook(bob, &[]) };
        assert!(!webhooks::any_on(&db).await.unwrap());
        for hook in [&all, &some, &off, &other] {
            put(&db, hook).await;
        }
        assert!(webhooks::any_on(&db).await.unwrap());
        happens(&db, Some(ada), Subject::Instance, "running").await;
        happens(&db, Some(ada), Subject::Lease, "active").await;
        happens(&db, None, Subject::Host, "off").await;
        happens(&db, Some(bob), Subject::Project, "credited").await;
        let mut woken = db.wakeups(Topic::Webhooks);
        woken.mark_unchanged();
        let mut written = 0;
        // Two at a time, by two at once: a delivery is written once.
        loop {
            let (one, two) = tokio::join!(hand_out(&db, 2), hand_out(&db, 2));
            written += one.deliveries + two.deliveries;
            if one.events + two.events == 0 {
                break;
            }
        }
        assert_eq!(written, 4);
        assert!(woken.has_changed().unwrap());
        assert_eq!(told(&db, all.id).await, ["instance.running", "lease.active"]);
        assert_eq!(told(&db, some.id).await, ["lease.active"]);
        assert_eq!(told(&db, off.id).await, [""; 0]);
        assert_eq!(told(&db, other.id).await, ["project.credited"]);
        assert_eq!(hand_out(&db, 10).await, HandedOut::default());
    }

    async fn an_event_is_one_delivery_and_tests_are_as_many_as_one_likes(db: Db) {
        let house = House::build(&db).await;
        let hook = webhook(house.project.id, &[]);
        put(&db, &hook).await;
        let first = Delivery { seq: Some(5), ..Delivery::test(hook.id, NOW) };
        let again = Delivery { seq: Some(5), ..Delivery::test(hook.id, NOW) };
        let mut tx = db.begin().await.unwrap();
        assert!(deliveries::insert(&mut tx, &first).await.unwrap());
        assert!(!deliveries::insert(&mut tx, &again).await.unwrap());
        for _ in 0..2 {
            assert!(deliveries::insert(&mut tx, &Delivery::test(hook.id, NOW)).await.unwrap());
        }
        tx.commit().await.unwrap();
        let all = deliveries::list(&db, hook.id, None, None, 2).await.unwrap();
        assert_eq!(all.len(), 2);
        let rest = deliveries::list(&db, hook.id, None, Some(all[1].id), 2).await.unwrap();
        assert_eq!(rest, [first]);
    }

    async fn one_process_tells_a_webhook_until_its_claim_runs_out(db: Db) {
        let house = House::build(&db).await;
        let hook = webhook(house.project.id, &[]);
        put(&db, &hook).await;
        assert!(claim(&db, NOW, at(30)).await.is_empty(), "there is nothing to tell");
        let delivery = Delivery { due_at: Some(at(1)), ..Delivery::test(hook.id, NOW) };
        let mut tx = db.begin().await.unwrap();
        deliveries::insert(&mut tx, &delivery).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(webhooks::next_due(&db).await.unwrap(), Some(at(1)));
        assert!(claim(&db, NOW, at(30)).await.is_empty(), "it is not due yet");
        let (one, two) = tokio::join!(claim(&db, at(1), at(31)), claim(&db, at(1), at(31)));
        assert_eq!(one.len() + two.len(), 1);
        let first = one.first().or(two.first()).unwrap().1;
        assert_eq!(webhooks::next_due(&db).await.unwrap(), Some(at(31)), "whoever has it may die");
        // The process dies; another takes it up, and what the first one still says changes nothing.
        let second = claim(&db, at(31), at(61)).await[0].1;
        let mut tx = db.begin().await.unwrap();
        assert!(webhooks::held(&mut tx, hook.id, first, at(90)).await.unwrap().is_none());
        assert!(webhooks::held(&mut tx, hook.id, second, at(90)).await.unwrap().is_some());
        webhooks::release(&mut tx, hook.id, first).await.unwrap();
        tx.commit().await.unwrap();
        assert!(claim(&db, at(89), at(99)).await.is_empty());
        let mut tx = db.begin().await.unwrap();
        webhooks::release(&mut tx, hook.id, second).await.unwrap();
        let resting = Webhook { rests_until: Some(at(200)), ..hook.clone() };
        webhooks::update(&mut tx, &resting).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(webhooks::next_due(&db).await.unwrap(), Some(at(200)));
        assert!(claim(&db, at(199), at(300)).await.is_empty(), "it rests");
        assert_eq!(claim(&db, at(200), at(300)).await.len(), 1);
        assert_eq!(deliveries::next_of(&db, hook.id, at(200)).await.unwrap().unwrap().id, delivery.id);
    }

    async fn whoever_has_waited_longest_is_next_however_much_others_are_to_be_told(db: Db) {
        let house = House::build(&db).await;
        let (busy, late) = (webhook(house.project.id, &[]), webhook(house.project.id, &[]));
        put(&db, &busy).await;
        put(&db, &late).await;
        let mut tx = db.begin().await.unwrap();
        for second in 0..5 {
            deliveries::insert(&mut tx, &Delivery::test(busy.id, at(second))).await.unwrap();
        }
        deliveries::insert(&mut tx, &Delivery::test(late.id, at(9))).await.unwrap();
        tx.commit().await.unwrap();
        let mut turns = Vec::new();
        for second in 10..14 {
            let mut tx = db.begin().await.unwrap();
            let [(id, fence)] = webhooks::claim(&mut tx, at(second), at(60), 1).await.unwrap()[..] else { panic!() };
            webhooks::release(&mut tx, id, fence).await.unwrap();
            tx.commit().await.unwrap();
            turns.push(id);
        }
        assert_eq!(turns, [busy.id, late.id, busy.id, late.id]);
    }

    async fn while_its_owners_are_banned_a_project_tells_nobody(db: Db) {
        let project = House::build(&db).await.project.id;
        let hook = webhook(project, &[]);
        put(&db, &hook).await;
        let banned = async |yes: bool| {
            let mut tx = db.begin().await.unwrap();
            if yes {
                restrictions::impose(&mut tx, project, Restriction::Banned, NOW).await.unwrap();
            } else {
                restrictions::lift(&mut tx, project, Restriction::Banned).await.unwrap();
            }
            tx.commit().await.unwrap();
        };
        for (yes, what) in [(false, "before"), (true, "meanwhile"), (false, "after")] {
            banned(yes).await;
            happens(&db, Some(project), Subject::Instance, what).await;
            while hand_out(&db, 10).await.events > 0 {}
        }
        assert_eq!(told(&db, hook.id).await, ["instance.before", "instance.after"]);
    }

    async fn what_is_over_goes_after_a_while_and_what_is_given_up_is_over(db: Db) {
        let house = House::build(&db).await;
        let hook = webhook(house.project.id, &[]);
        put(&db, &hook).await;
        let mut tx = db.begin().await.unwrap();
        let mut done = Delivery::test(hook.id, NOW);
        done.end(State::Delivered, NOW);
        let pending = Delivery::test(hook.id, NOW);
        deliveries::insert(&mut tx, &done).await.unwrap();
        deliveries::insert(&mut tx, &pending).await.unwrap();
        assert_eq!(deliveries::prune(&mut tx, NOW).await.unwrap(), 0);
        assert_eq!(deliveries::prune(&mut tx, at(1)).await.unwrap(), 1);
        assert_eq!(deliveries::give_up(&mut tx, hook.id, at(2)).await.unwrap(), 1);
        tx.commit().await.unwrap();
        let left = deliveries::by_id(&db, hook.id, pending.id).await.unwrap().unwrap();
        assert_eq!((left.state, left.due_at, left.ended_at), (State::Failed, None, Some(at(2))));
        let mut tx = db.begin().await.unwrap();
        assert_eq!(deliveries::prune(&mut tx, at(1)).await.unwrap(), 1);
        tx.commit().await.unwrap();
    }
}
