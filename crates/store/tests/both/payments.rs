//! Payments and refunds: kept whole, claimed by one at a time.

use innkeeper_domain::ids::{PaymentId, ProjectId, RefundId};
use innkeeper_domain::money::Micros;
use innkeeper_domain::payments::{Amount, Currency, Payment, PaymentState, Provider, Refund, RefundState};
use innkeeper_store::payments::{Filter, Tally};
use innkeeper_store::{Db, Error, payments, refunds};

use crate::house::{House, NOW, at};

fn payment(project_id: ProjectId) -> Payment {
    Payment {
        id: PaymentId::new(),
        project_id,
        provider: Provider::Stripe,
        state: PaymentState::Open,
        amount: Amount::new(1200, Currency::Eur),
        credits: Micros(12_000_000),
        reference: None,
        redirect: None,
        receipt: None,
        problem: None,
        asked_by: None,
        created_at: NOW,
        expires_at: at(3600),
        paid_at: None,
        refunded_minor: 0,
        due_at: Some(at(60)),
    }
}

async fn add(db: &Db, payment: &Payment) {
    let mut tx = db.begin().await.unwrap();
    payments::insert(&mut tx, payment).await.unwrap();
    tx.commit().await.unwrap();
}

both! {
    async fn a_payment_reads_back_and_changes(db: Db) {
        let house = House::build(&db).await;
        let mut order = payment(house.project.id);
        order.asked_by = Some(house.user.id);
        add(&db, &order).await;
        assert_eq!(payments::by_id(&db, order.id).await.unwrap().unwrap(), order);
        let mut tx = db.begin().await.unwrap();
        assert_eq!(payments::open_of(&mut tx, house.project.id).await.unwrap(), 1);
        let mut paid = payments::by_id_tx(&mut tx, order.id).await.unwrap().unwrap();
        (paid.state, paid.paid_at, paid.due_at) = (PaymentState::Paid, Some(at(5)), None);
        (paid.reference, paid.receipt) = (Some("cs_1".into()), Some("pi_1".into()));
        (paid.redirect, paid.problem) = (Some("https://pay.example".into()), Some("look".into()));
        paid.refunded_minor = 100;
        payments::save(&mut tx, &paid).await.unwrap();
        assert_eq!(payments::open_of(&mut tx, house.project.id).await.unwrap(), 0);
        tx.commit().await.unwrap();
        assert_eq!(payments::by_reference(&db, Provider::Stripe, "cs_1").await.unwrap().unwrap(), paid);
        assert_eq!(payments::by_receipt(&db, Provider::Stripe, "pi_1").await.unwrap().unwrap(), paid);
        assert!(payments::by_reference(&db, Provider::Paypal, "cs_1").await.unwrap().is_none());
        assert!(payments::by_receipt(&db, Provider::Paypal, "pi_1").await.unwrap().is_none());
        assert!(payments::by_id(&db, PaymentId::new()).await.unwrap().is_none());

        // One reference is one payment.
        let mut tx = db.begin().await.unwrap();
        let twice = Payment { reference: Some("cs_1".into()), ..payment(house.project.id) };
        let refused = payments::insert(&mut tx, &twice).await;
        assert!(matches!(refused, Err(Error::Conflict("payment reference"))), "{refused:?}");
        drop(tx);
        // The database itself refuses to give back more than was paid.
        let mut tx = db.begin().await.unwrap();
        let more = Payment { refunded_minor: 1201, ..paid };
        assert!(payments::save(&mut tx, &more).await.is_err());
    }

    async fn payments_are_listed_newest_first_and_added_up(db: Db) {
        let house = House::build(&db).await;
        let (own, paid) = (payment(house.project.id), payment(house.project.id));
        let paid = Payment { state: PaymentState::Paid, paid_at: Some(NOW), refunded_minor: 200, ..paid };
        add(&db, &own).await;
        add(&db, &paid).await;
        let all = Filter { project_id: Some(house.project.id), state: None };
        assert_eq!(payments::list(&db, &all, None, 10).await.unwrap(), [paid.clone(), own.clone()]);
        assert_eq!(payments::list(&db, &all, None, 1).await.unwrap(), [paid.clone()]);
        assert_eq!(payments::list(&db, &Filter::default(), Some(paid.id), 10).await.unwrap(), [own]);
        let only = Filter { project_id: None, state: Some(PaymentState::Paid) };
        assert_eq!(payments::list(&db, &only, None, 10).await.unwrap(), [paid]);
        let other = Filter { project_id: Some(ProjectId::new()), state: None };
        assert_eq!(payments::list(&db, &other, None, 10).await.unwrap(), []);
        let amount = Amount::new(1200, Currency::Eur);
        let tally = |state, refunded_minor| Tally { state, amount, refunded_minor, count: 1 };
        let expected = [tally(PaymentState::Open, 0), tally(PaymentState::Paid, 200)];
        assert_eq!(payments::tally(&db).await.unwrap(), expected);
    }

    async fn what_is_due_is_claimed_by_one_at_a_time(db: Db) {
        let house = House::build(&db).await;
        for _ in 0..6 {
            add(&db, &payment(house.project.id)).await;
        }
        let mut tx = db.begin().await.unwrap();
        assert_eq!(payments::claim_due(&mut tx, at(59), at(120), 10).await.unwrap(), []);
        tx.commit().await.unwrap();
        let mut at_once = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let db = db.clone();
            at_once.spawn(async move {
                let mut tx = db.begin().await.unwrap();
                let claimed = payments::claim_due(&mut tx, at(60), at(120), 2).await.unwrap();
                tx.commit().await.unwrap();
                claimed
            });
        }
        let mut claimed: Vec<PaymentId> = at_once.join_all().await.into_iter().flatten().map(|p| p.id).collect();
        claimed.sort();
        let before = claimed.len();
        claimed.dedup();
        assert_eq!((before, claimed.len()), (6, 6));
        // Whoever claimed them died: another takes them over.
        let mut tx = db.begin().await.unwrap();
        assert_eq!(payments::claim_due(&mut tx, at(120), at(180), 10).await.unwrap().len(), 6);
    }

    async fn a_refund_reads_back_changes_and_falls_due(db: Db) {
        let house = House::build(&db).await;
        let order = payment(house.project.id);
        add(&db, &order).await;
        let refund = Refund {
            id: RefundId::new(),
            payment_id: order.id,
            project_id: house.project.id,
            state: RefundState::Pending,
            amount: Amount::new(500, Currency::Eur),
            credits: Micros(5_000_000),
            reason: "nice".into(),
            reference: None,
            problem: None,
            by: Some(house.user.id),
            created_at: NOW,
            ended_at: None,
            due_at: Some(at(60)),
        };
        let mut tx = db.begin().await.unwrap();
        refunds::insert(&mut tx, &refund).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(refunds::by_id(&db, refund.id).await.unwrap().unwrap(), refund);
        let mut tx = db.begin().await.unwrap();
        let claimed = refunds::claim_due(&mut tx, at(60), at(120), 10).await.unwrap();
        assert_eq!(claimed, [Refund { due_at: Some(at(120)), ..refund.clone() }]);
        let mut done = refunds::by_id_tx(&mut tx, refund.id).await.unwrap().unwrap();
        (done.state, done.ended_at, done.due_at) = (RefundState::Done, Some(at(61)), None);
        (done.reference, done.problem) = (Some("re_1".into()), Some("late".into()));
        refunds::save(&mut tx, &done).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(refunds::of_payment(&db, order.id).await.unwrap(), [done]);
        let mut tx = db.begin().await.unwrap();
        assert_eq!(refunds::claim_due(&mut tx, at(9999), at(10_000), 10).await.unwrap(), []);
    }
}
