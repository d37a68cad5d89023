//! Money goes back once, with its credits, and never more than is there.

use std::time::Duration;

use innkeeper_domain::money::Micros;
use innkeeper_domain::payments::{Payment, Provider, RefundState};
use innkeeper_engine::{Adjustment, Error, NewRefund};
use serde_json::json;

use crate::doubles::Fault;
use crate::house::{House, credits, key};

async fn paid(house: &House, provider: Provider) -> Payment {
    let payment = house.begin(provider, 12).await;
    let reference = payment.reference.as_deref().unwrap();
    match provider {
        Provider::Stripe => house.stripe_says(&house.stripe.pay(reference)).await.unwrap(),
        Provider::Paypal => house.paypal_says(&house.paypal.approve(reference)).await.unwrap(),
    }
    house.payment(&payment).await
}

fn refund(payment: &Payment, amount_minor: Option<i64>) -> NewRefund {
    NewRefund { payment_id: payment.id, amount_minor, reason: "asked for it".into() }
}

both! {
    async fn a_refund_takes_credits_back_and_money_goes_back_once(db: Db) {
        let house = House::open(db).await;
        for provider in [Provider::Stripe, Provider::Paypal] {
            let payment = paid(&house, provider).await;
            let first = refund(&payment, Some(500));
            let done = house.engine.refund_payment(&house.admin, first.clone(), Some(&key(provider.as_str()))).await.unwrap();
            assert_eq!((done.state, done.credits), (RefundState::Done, credits(5)));
            let again = house.engine.refund_payment(&house.admin, first, Some(&key(provider.as_str()))).await.unwrap();
            assert_eq!(again, done);
            let rest = house.engine.refund_payment(&house.admin, refund(&payment, None), None).await.unwrap();
            assert_eq!((rest.amount.minor, rest.credits), (700, credits(7)));
            assert_eq!(house.balance().await, Micros::ZERO);
            let more = house.engine.refund_payment(&house.admin, refund(&payment, Some(1)), None).await.unwrap_err();
            assert!(matches!(more, Error::Conflict { code: "already_refunded", .. }), "{more}");
            assert_eq!(house.engine.refunds(&house.payer, payment.id).await.unwrap().len(), 2);
        }
        assert_eq!(house.stripe.world.lock().unwrap().refunds.len(), 2);
        assert_eq!(house.paypal.world.lock().unwrap().refunds.len(), 2);
        house.check().await;
    }

    async fn credits_that_were_spent_cannot_be_given_back(db: Db) {
        let house = House::open(db).await;
        let payment = paid(&house, Provider::Stripe).await;
        let spent = Adjustment { amount: Micros(-credits(8).0), correction: true, reason: "spent".into() };
        house.engine.post_adjustment(&house.admin, house.project, spent, None).await.unwrap();
        let error = house.engine.refund_payment(&house.admin, refund(&payment, None), None).await.unwrap_err();
        assert!(matches!(error, Error::InsufficientCredits { .. }), "{error}");
        assert_eq!(house.payment(&payment).await.refunded_minor, 0);
        assert_eq!(house.stripe.world.lock().unwrap().refunds.len(), 0);
        house.engine.refund_payment(&house.admin, refund(&payment, Some(400)), None).await.unwrap();
        assert_eq!(house.balance().await, Micros::ZERO);
        house.check().await;
    }

    async fn many_refunds_at_once_give_back_no_more_than_was_paid(db: Db) {
        let house = House::open(db).await;
        let payment = paid(&house, Provider::Stripe).await;
        let mut at_once = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (house, refund) = (house.clone(), refund(&payment, Some(500)));
            at_once.spawn(async move { house.engine.refund_payment(&house.admin, refund, None).await.is_ok() });
        }
        let done = at_once.join_all().await.into_iter().filter(|done| *done).count();
        assert_eq!(done, 2);
        assert_eq!(house.balance().await, credits(2));
        assert_eq!(house.payment(&payment).await.refunded_minor, 1000);
        house.check().await;
    }

    async fn a_refund_whose_answer_is_lost_is_asked_for_again_under_its_key(db: Db) {
        let house = House::open(db).await;
        let payment = paid(&house, Provider::Stripe).await;
        house.stripe.faults.next(Fault::AnswerLost);
        let waiting = house.engine.refund_payment(&house.admin, refund(&payment, None), None).await.unwrap();
        assert_eq!(waiting.state, RefundState::Pending);
        assert_eq!(house.balance().await, Micros::ZERO);
        house.stripe.faults.next(Fault::Broken);
        house.later(Duration::from_mins(2)).await;
        house.later(Duration::from_hours(2)).await;
        let refunds = house.engine.refunds(&house.payer, payment.id).await.unwrap();
        assert_eq!(refunds[0].state, RefundState::Done);
        assert_eq!(house.stripe.world.lock().unwrap().refunds.len(), 1);
        assert_eq!(house.balance().await, Micros::ZERO);
    }

    async fn a_refund_that_the_provider_refuses_brings_the_credits_back(db: Db) {
        let house = House::open(db).await;
        let payment = paid(&house, Provider::Stripe).await;
        // Somebody gave it back at the provider before.
        let receipt = payment.receipt.clone().unwrap();
        house.stripe.world.lock().unwrap().refunds.push(json!({"payment_intent": receipt, "amount": 1000}));
        let failed = house.engine.refund_payment(&house.admin, refund(&payment, None), None).await.unwrap();
        assert_eq!(failed.state, RefundState::Failed);
        assert_eq!(house.balance().await, credits(12));
        assert_eq!(house.payment(&payment).await.refunded_minor, 0);
        // What they say of their own refund is told, ours is known.
        let charge = |minor: i64| {
            json!({"id": "evt_r", "type": "charge.refunded", "data": {"object": {"id": "ch_1",
                "payment_intent": receipt, "amount_refunded": minor, "currency": "eur"}}})
        };
        let before = house.refusals().await.len();
        house.stripe_says(&charge(1000)).await.unwrap();
        house.stripe_says(&charge(1000)).await.unwrap();
        assert_eq!(house.refusals().await.len(), before + 1);
        house.check().await;
    }

    async fn only_administrators_give_back(db: Db) {
        let house = House::open(db).await;
        let payment = paid(&house, Provider::Stripe).await;
        let error = house.engine.refund_payment(&house.payer, refund(&payment, None), None).await.unwrap_err();
        assert!(matches!(error, Error::Forbidden(_)), "{error}");
        let open = house.begin(Provider::Stripe, 12).await;
        let error = house.engine.refund_payment(&house.admin, refund(&open, None), None).await.unwrap_err();
        assert!(matches!(error, Error::Conflict { code: "not_paid", .. }), "{error}");
    }
}
