//! What is told, when, and how often.

use std::time::Duration;

use innkeeper_domain::events::Subject;
use innkeeper_domain::webhooks::{Fault, Off, State};
use innkeeper_engine::WebhookOptions;
use innkeeper_store::webhooks;
use innkeeper_testing::run;
use tokio_util::sync::CancellationToken;

use crate::house::House;
use crate::receiver::Receiver;

const MINUTE: Duration = Duration::from_mins(1);

both! {
    async fn what_happens_is_told_once_by_two_processes(db: Db) {
        let house = House::open(db).await;
        let (all, some) = (Receiver::open().await, Receiver::open().await);
        house.happens(Some(house.project), Subject::Instance, "before").await;
        house.webhook(&all, &[]).await;
        house.webhook(&some, &[Subject::Lease]).await;
        let stop = CancellationToken::new();
        let loops = [run(&house.engine, &stop), run(&house.another(), &stop)];
        for n in 0..30 {
            house.happens(Some(house.project), Subject::Instance, &format!("turn_{n}")).await;
            house.happens(None, Subject::Host, "off").await;
        }
        house.happens(Some(house.project), Subject::Lease, "active").await;
        let told = all.hears(31).await;
        some.hears(1).await;
        stop.cancel();
        for ended in loops {
            ended.await.unwrap();
        }
        let mut ids: Vec<_> = told.iter().map(|(id, _)| id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!((all.told().len(), ids.len()), (31, 31));
        let expected: Vec<_> = (0..30).map(|n| format!("instance.turn_{n}")).chain(["lease.active".into()]).collect();
        assert_eq!(all.kinds(), expected, "in their order");
        assert_eq!(some.kinds(), ["lease.active"]);
        let data = &told[0].1["data"];
        assert_eq!((&data["project_id"], &data["subject_id"]), (&house.project.to_string().into(), &"ins_1".into()));
    }

    async fn a_receiver_that_fails_is_told_again_until_it_works(db: Db) {
        let house = House::open(db).await;
        let receiver = Receiver::open().await;
        let hook = house.webhook(&receiver, &[]).await;
        receiver.will(500);
        house.tells("running").await;
        let failing = house.look(hook.id).await;
        assert_eq!((failing.failures, failing.failing_since), (1, Some(house.clock.now())));
        house.later(Duration::from_secs(1)).await;
        assert_eq!(receiver.told().len(), 1, "it is not due yet");
        house.later(Duration::from_secs(9)).await;
        receiver.will(204);
        house.later(2 * MINUTE).await;
        house.later(2 * MINUTE).await;
        let told = receiver.told();
        assert_eq!(told.len(), 3);
        assert!(told.iter().all(|one| *one == told[0]), "the same id and the same body");
        let delivery = house.deliveries(hook.id).await.remove(0);
        assert_eq!((delivery.state, delivery.due_at), (State::Delivered, None));
        let tries: Vec<_> = delivery.tries.iter().map(|tried| (tried.status, tried.fault)).collect();
        let failed = (Some(500), Some(Fault::Status));
        assert_eq!(tries, [failed, failed, (Some(204), None)]);
        assert_eq!(house.look(hook.id).await.failing_since, None);
    }

    async fn who_dies_while_telling_leaves_it_to_the_next(db: Db) {
        let house = House::open(db).await;
        let receiver = Receiver::open().await;
        let hook = house.webhook(&receiver, &[]).await;
        house.happens(Some(house.project), Subject::Instance, "running").await;
        house.engine.hand_out_events().await.unwrap();
        // One dies after it has claimed, another when the receiver has heard it and has not answered.
        let mut tx = house.db.begin().await.unwrap();
        let now = house.clock.now();
        assert_eq!(webhooks::claim(&mut tx, now, now.after(MINUTE), 5).await.unwrap().len(), 1);
        tx.commit().await.unwrap();
        house.later(MINUTE / 2).await;
        assert!(receiver.told().is_empty(), "it is claimed");
        house.clock.advance(MINUTE / 2);
        receiver.answers(false);
        let other = house.another();
        let dying = tokio::spawn(async move { other.tell_webhooks().await });
        receiver.hears(1).await;
        dying.abort();
        assert!(dying.await.unwrap_err().is_cancelled());
        receiver.answers(true);
        house.later(MINUTE / 2).await;
        assert_eq!(receiver.told().len(), 1, "it is claimed");
        house.later(MINUTE / 2).await;
        let told = receiver.told();
        assert_eq!((told.len(), told[0].clone()), (2, told[1].clone()));
        assert_eq!(house.deliveries(hook.id).await[0].state, State::Delivered);
    }

    async fn who_wants_nothing_more_is_switched_off_at_once_and_its_owners_are_told(db: Db) {
        let house = House::open(db).await;
        let receiver = Receiver::open().await;
        let hook = house.webhook(&receiver, &[]).await;
        house.happens(Some(house.project), Subject::Instance, "stopped").await;
        receiver.will(410);
        house.tells("running").await;
        assert_eq!(house.look(hook.id).await.off, Some((Off::Gone, house.clock.now())));
        let states: Vec<_> = house.deliveries(hook.id).await.iter().map(|one| one.state).collect();
        assert_eq!((states, receiver.told().len()), (vec![State::Failed; 2], 1));
        let mails = house.mails().await;
        assert_eq!(mails.len(), 1);
        let link = format!("https://inn.example/webhooks/{}", hook.id);
        let mail = mails[0].replace("=\r\n", "").replace("=3D", "=");
        assert!(mail.contains("ada@inn.example") && mail.contains(&link), "{mail}");
        assert!(!mail.contains("s3cret"));
        receiver.will(200);
        house.tells("deleted").await;
        assert_eq!(receiver.told().len(), 1, "it is told nothing while it is off");
    }

    async fn after_five_days_of_failures_it_is_switched_off(db: Db) {
        let house = House::open(db).await;
        let receiver = Receiver::open().await;
        let hook = house.webhook(&receiver, &[]).await;
        receiver.will(503);
        house.tells("day_0").await;
        for day in 1..=4 {
            house.clock.advance(Duration::from_hours(24));
            house.tells(&format!("day_{day}")).await;
        }
        assert!(house.look(hook.id).await.is_on());
        house.clock.advance(Duration::from_hours(24));
        house.tells("day_5").await;
        assert_eq!(house.look(hook.id).await.off.unwrap().0, Off::Failing);
        assert!(house.deliveries(hook.id).await.iter().all(|one| one.state == State::Failed));
        assert_eq!(house.mails().await.len(), 1);
    }

    async fn a_redirect_is_not_followed_and_what_is_the_houses_own_is_not_called(db: Db) {
        let house = House::open(db).await;
        let receiver = Receiver::open().await;
        let hook = house.webhook(&receiver, &[]).await;
        receiver.will(307);
        house.tells("running").await;
        let tried = house.deliveries(hook.id).await[0].tries[0].clone();
        assert_eq!((receiver.told().len(), tried.status, tried.fault), (1, Some(307), Some(Fault::Redirected)));
        // The operator has thought better of it.
        let strict = house.another_with(WebhookOptions::default());
        house.clock.advance(MINUTE);
        strict.tell_webhooks().await.unwrap();
        let tried = house.deliveries(hook.id).await[0].tries[1].clone();
        assert_eq!((receiver.told().len(), tried.status, tried.fault), (1, None, Some(Fault::NotAllowed)));
    }

    async fn who_does_not_answer_keeps_nobody_else_waiting(db: Db) {
        let house = House::open(db).await;
        let (dead, fine) = (Receiver::open().await, Receiver::open().await);
        let hook = house.webhook(&dead, &[]).await;
        house.webhook(&fine, &[]).await;
        dead.answers(false);
        let stop = CancellationToken::new();
        let loops = run(&house.engine, &stop);
        for n in 0..40 {
            house.happens(Some(house.project), Subject::Instance, &format!("turn_{n}")).await;
        }
        fine.hears(40).await;
        assert!(dead.told().len() <= 1, "one at a time");
        dead.answers(true);
        dead.hears(40).await;
        stop.cancel();
        loops.await.unwrap();
        assert_eq!(house.deliveries(hook.id).await.len(), 40);
    }

    async fn one_that_nobody_can_open_is_told_nothing_and_says_so(db: Db) {
        let house = House::open(db).await;
        let receiver = Receiver::open().await;
        let hook = house.webhook(&receiver, &[]).await;
        let mut tx = house.db.begin().await.unwrap();
        let torn = innkeeper_store::Sealed::from_text("v1:gone:AAAA".to_owned());
        webhooks::set_secret(&mut tx, hook.id, &torn).await.unwrap();
        tx.commit().await.unwrap();
        house.tells("running").await;
        assert!(receiver.told().is_empty());
        assert_eq!(house.deliveries(hook.id).await[0].tries[0].fault, Some(Fault::Unsigned));
    }
}
