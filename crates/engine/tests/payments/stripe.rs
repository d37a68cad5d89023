//! Credits by Stripe: one payment, one credit, whatever happens to the messages about it.

use std::time::Duration;

use http::HeaderMap;
use innkeeper_domain::money::Micros;
use innkeeper_domain::payments::{Amount, Currency, PaymentState, Provider};
use innkeeper_engine::{Error, PaymentFilter};
use innkeeper_store::payments;
use serde_json::json;

use crate::doubles::Fault;
use crate::doubles::stripe::Double;
use crate::house::{House, NOW, credits, key};

fn reference(payment: &innkeeper_domain::payments::Payment) -> &str {
    payment.reference.as_deref().unwrap()
}

both! {
    async fn a_webhook_credits_once_however_often_it_comes(db: Db) {
        let house = House::open(db).await;
        let payment = house.begin(Provider::Stripe, 12).await;
        assert_eq!(payment.amount, Amount::new(1200, Currency::Eur));
        assert!(payment.redirect.as_deref().unwrap().contains(reference(&payment)));
        assert_eq!(house.balance().await, Micros::ZERO);
        let event = house.stripe.pay(reference(&payment));
        let mut at_once = tokio::task::JoinSet::new();
        for _ in 0..6 {
            let (house, event) = (house.clone(), event.clone());
            at_once.spawn(async move { house.stripe_says(&event).await.unwrap() });
        }
        at_once.join_all().await;
        house.stripe_says(&event).await.unwrap();
        assert_eq!(house.balance().await, credits(12));
        let postings = house.postings().await;
        assert_eq!(postings.len(), 1);
        assert_eq!(postings[0].key, format!("payment:{}", payment.id));
        let payment = house.payment(&payment).await;
        assert_eq!((payment.state, payment.due_at), (PaymentState::Paid, None));
        assert!(payment.receipt.is_some() && payment.paid_at.is_some() && payment.redirect.is_none());
        assert_eq!(house.refusals().await, [""; 0]);
        house.check().await;
    }

    async fn what_is_forged_stale_or_strange_credits_nothing(db: Db) {
        let house = House::open(db).await;
        let payment = house.begin(Provider::Stripe, 12).await;
        let event = house.stripe.pay(reference(&payment));
        let body = event.to_string();
        let send = async |headers: HeaderMap, body: &str| {
            house.engine.payment_webhook(Provider::Stripe, &headers, body.as_bytes()).await
        };
        let other_key = {
            let mut headers = HeaderMap::new();
            let signature = crate::doubles::stripe::sign("whsec_other", NOW, &body);
            headers.insert("stripe-signature", format!("t={NOW},v1={signature}").parse().unwrap());
            headers
        };
        for (headers, body) in [
            (HeaderMap::new(), body.clone()),
            (other_key, body.clone()),
            (Double::headers(&body, NOW - 301), body.clone()),
            (Double::headers(&body, NOW), body.replace("1200", "120000")),
            (Double::headers("{}", NOW), "{}".to_owned()),
        ] {
            let refused = send(headers, &body).await.unwrap_err();
            assert!(matches!(refused, Error::Untrusted(_)), "{refused}");
        }
        assert_eq!(house.balance().await, Micros::ZERO);
        // An order that is not ours, and one of the other provider's name: heard, told, not credited.
        let stranger = json!({"id": "evt_9", "type": "checkout.session.completed", "data": {"object": {
            "id": "cs_9", "client_reference_id": "pay_00000000000000000000000000000000", "amount_total": 1200,
            "currency": "eur", "payment_status": "paid", "status": "complete", "payment_intent": "pi_9"}}});
        house.stripe_says(&stranger).await.unwrap();
        let by_paypal = house.begin(Provider::Paypal, 12).await;
        let mut crossed = stranger.clone();
        crossed["data"]["object"]["client_reference_id"] = json!(by_paypal.id);
        house.stripe_says(&crossed).await.unwrap();
        assert_eq!(house.refusals().await.len(), 2, "{:?}", house.refusals().await);
        assert_eq!(house.balance().await, Micros::ZERO);
        house.stripe_says(&event).await.unwrap();
        assert_eq!(house.balance().await, credits(12));
    }

    async fn another_amount_or_currency_is_refused_kept_and_told_once(db: Db) {
        let house = House::open(db).await;
        for (field, value, words) in [
            ("amount_total", json!(1), "0.01 EUR"),
            ("amount_total", json!(1_200_000), "12000.00 EUR"),
            ("currency", json!("usd"), "12.00 USD"),
            ("currency", json!("xxx"), "cannot read"),
        ] {
            let payment = house.begin(Provider::Stripe, 12).await;
            let before = house.refusals().await.len();
            house.stripe.pay(reference(&payment));
            let event = house.stripe.change(reference(&payment), "checkout.session.completed", |session| {
                session[field] = value;
            });
            house.stripe_says(&event).await.unwrap();
            house.stripe_says(&event).await.unwrap();
            let payment = house.payment(&payment).await;
            assert_eq!(payment.state, PaymentState::Disputed);
            assert!(payment.problem.as_deref().unwrap().contains(words), "{:?}", payment.problem);
            assert_eq!(house.refusals().await.len(), before + 1);
        }
        assert_eq!(house.balance().await, Micros::ZERO);
        assert_eq!(house.postings().await.len(), 0);
    }

    async fn a_lost_webhook_still_credits(db: Db) {
        let house = House::open(db).await;
        let payment = house.begin(Provider::Stripe, 12).await;
        assert_eq!(house.later(Duration::from_secs(61)).await, 1);
        assert_eq!(house.payment(&payment).await.state, PaymentState::Open);
        house.stripe.pay(reference(&payment));
        // The provider is down at first.
        house.stripe.faults.next(Fault::Broken);
        house.later(Duration::from_mins(1)).await;
        assert_eq!(house.balance().await, Micros::ZERO);
        house.later(Duration::from_mins(10)).await;
        assert_eq!(house.balance().await, credits(12));
        // And the webhook that was late does not credit again.
        let event = house.stripe.pay(reference(&payment));
        house.stripe_says(&event).await.unwrap();
        assert_eq!(house.balance().await, credits(12));
        assert_eq!(house.later(Duration::from_hours(1)).await, 0);
        house.check().await;
    }

    async fn money_that_comes_after_its_time_is_still_credited(db: Db) {
        let house = House::open(db).await;
        let payment = house.begin(Provider::Stripe, 12).await;
        house.later(Duration::from_hours(2)).await;
        assert_eq!(house.payment(&payment).await.state, PaymentState::Expired);
        house.clock.advance(Duration::from_hours(24 * 10));
        house.later(Duration::from_hours(1)).await;
        let event = house.stripe.pay(reference(&payment));
        house.stripe_says(&event).await.unwrap();
        assert_eq!(house.payment(&payment).await.state, PaymentState::Paid);
        assert_eq!(house.balance().await, credits(12));
    }

    async fn money_on_its_way_is_waited_for_and_what_fails_is_told(db: Db) {
        let house = House::open(db).await;
        let (slow, bad) = (house.begin(Provider::Stripe, 12).await, house.begin(Provider::Stripe, 20).await);
        for payment in [&slow, &bad] {
            let event = house.stripe.change(reference(payment), "checkout.session.completed", |session| {
                session["status"] = json!("complete");
            });
            house.stripe_says(&event).await.unwrap();
            assert_eq!(house.payment(payment).await.state, PaymentState::Pending);
        }
        assert_eq!(house.balance().await, Micros::ZERO);
        house.clock.advance(Duration::from_hours(48));
        let mut event = house.stripe.pay(reference(&slow));
        event["type"] = json!("checkout.session.async_payment_succeeded");
        house.stripe_says(&event).await.unwrap();
        let event = house.stripe.change(reference(&bad), "checkout.session.async_payment_failed", |_| {});
        house.stripe_says(&event).await.unwrap();
        assert_eq!(house.payment(&slow).await.state, PaymentState::Paid);
        assert_eq!(house.payment(&bad).await.state, PaymentState::Failed);
        assert_eq!(house.balance().await, credits(12));
    }

    async fn a_lost_answer_to_an_order_is_looked_up_and_not_repeated(db: Db) {
        let house = House::open(db).await;
        for fault in [Fault::AnswerLost, Fault::Silent, Fault::Broken] {
            house.stripe.faults.next(fault);
            let order = house.order(Provider::Stripe, 12);
            let request = key(&format!("{fault:?}"));
            let error = house.engine.begin_payment(&house.payer, order.clone(), Some(&request)).await.unwrap_err();
            assert!(matches!(error, Error::Provider(_)), "{error}");
            let again = house.engine.begin_payment(&house.payer, order.clone(), Some(&request)).await.unwrap();
            assert!(again.redirect.is_some());
            let third = house.engine.begin_payment(&house.payer, order, Some(&request)).await.unwrap();
            assert_eq!((third.id, third.redirect), (again.id, again.redirect));
        }
        assert_eq!(house.stripe.world.lock().unwrap().sessions.len(), 3);
        assert_eq!(payments::list(&house.db, &PaymentFilter::default(), None, 10).await.unwrap().len(), 3);
    }

    async fn a_crash_between_the_providers_answer_and_our_commit_loses_nothing(db: Db) {
        let house = House::open(db).await;
        // The session is made, and we die before we write down what it is called.
        house.stripe.faults.next(Fault::AnswerLost);
        let order = house.order(Provider::Stripe, 12);
        house.engine.begin_payment(&house.payer, order, None).await.unwrap_err();
        let mut orders = payments::list(&house.db, &PaymentFilter::default(), None, 10).await.unwrap();
        let payment = orders.pop().unwrap();
        assert_eq!((payment.reference.as_deref(), payment.state), (None, PaymentState::Open));
        // Its webhook is matched by our own id.
        let session = house.stripe.session_of(&payment.id.to_string()).unwrap();
        let event = house.stripe.pay(session["id"].as_str().unwrap());
        house.stripe_says(&event).await.unwrap();
        assert_eq!(house.balance().await, credits(12));

        // The same with nobody telling us: looked for, found, looked at, credited.
        house.stripe.faults.next(Fault::AnswerLost);
        let order = house.order(Provider::Stripe, 8);
        house.engine.begin_payment(&house.payer, order, None).await.unwrap_err();
        let second = payments::list(&house.db, &PaymentFilter::default(), None, 1).await.unwrap().pop().unwrap();
        house.later(Duration::from_secs(61)).await;
        let second = house.payment(&second).await;
        house.stripe.pay(reference(&second));
        house.later(Duration::from_mins(2)).await;
        assert_eq!(house.balance().await, credits(20));
        assert_eq!(house.stripe.world.lock().unwrap().sessions.len(), 2);

        // And with nobody paying: let go after its time.
        house.stripe.faults.next(Fault::Broken);
        let order = house.order(Provider::Stripe, 9);
        house.engine.begin_payment(&house.payer, order, None).await.unwrap_err();
        let third = payments::list(&house.db, &PaymentFilter::default(), None, 1).await.unwrap().pop().unwrap();
        house.later(Duration::from_hours(2)).await;
        assert_eq!(house.payment(&third).await.state, PaymentState::Expired);
        house.check().await;
    }

    async fn an_order_that_the_provider_refuses_has_failed(db: Db) {
        let house = House::open(db).await;
        let order = house.order(Provider::Stripe, 12);
        // A second session under the same key with other parameters, as if the provider knew the order as another one.
        house.stripe.world.lock().unwrap().refuse_next = true;
        let error = house.engine.begin_payment(&house.payer, order, None).await.unwrap_err();
        assert!(matches!(error, Error::Provider(_)), "{error}");
        let payment = payments::list(&house.db, &PaymentFilter::default(), None, 1).await.unwrap().pop().unwrap();
        assert_eq!((payment.state, payment.due_at), (PaymentState::Failed, None));
        assert!(payment.problem.is_some());
    }

    async fn a_second_payment_of_one_order_is_told_and_not_credited(db: Db) {
        let house = House::open(db).await;
        let payment = house.begin(Provider::Stripe, 12).await;
        let event = house.stripe.pay(reference(&payment));
        house.stripe_says(&event).await.unwrap();
        let mut other = event.clone();
        (other["data"]["object"]["id"], other["data"]["object"]["payment_intent"]) = (json!("cs_2"), json!("pi_2"));
        house.stripe_says(&other).await.unwrap();
        house.stripe_says(&other).await.unwrap();
        assert_eq!(house.balance().await, credits(12));
        let refusals = house.refusals().await;
        assert!(refusals.len() == 1 && refusals[0].contains("paid twice"), "{refusals:?}");
    }

    async fn the_price_is_ours_and_what_is_asked_is_checked(db: Db) {
        let house = House::open(db).await;
        let order = house.order(Provider::Stripe, 12);
        for (wrong, field) in [(4, "credits"), (1001, "credits"), (-12, "credits"), (0, "credits"), (i64::MAX, "credits")] {
            let order = innkeeper_engine::NewPayment { credits: wrong, ..order.clone() };
            let error = house.engine.begin_payment(&house.payer, order, None).await.unwrap_err();
            assert!(matches!(error, Error::Invalid { field: named, .. } if named == field), "{error}");
        }
        let dollars = innkeeper_engine::NewPayment { currency: Currency::Usd, ..order.clone() };
        let error = house.engine.begin_payment(&house.payer, dollars, None).await.unwrap_err();
        assert!(error.to_string().contains("EUR, JPY"), "{error}");
        let yen = innkeeper_engine::NewPayment { currency: Currency::Jpy, ..order.clone() };
        let payment = house.engine.begin_payment(&house.payer, yen, None).await.unwrap();
        assert_eq!(payment.amount, Amount::new(1920, Currency::Jpy));

        // Somebody else's project is not there, and neither are its payments.
        let (stranger, _) = house.person("eve", innkeeper_domain::users::Role::User).await;
        let error = house.engine.begin_payment(&stranger, order, None).await.unwrap_err();
        assert!(matches!(error, Error::NotFound(_)), "{error}");
        assert!(matches!(house.engine.payment(&stranger, payment.id).await, Err(Error::NotFound(_))));
        let all = house.engine.payments(&stranger, &PaymentFilter::default(), None, 10).await;
        assert!(matches!(all, Err(Error::Forbidden(_))));
    }

    async fn orders_that_nobody_pays_do_not_pile_up(db: Db) {
        let house = House::open(db).await;
        for _ in 0..20 {
            house.begin(Provider::Stripe, 12).await;
        }
        let order = house.order(Provider::Stripe, 12);
        let error = house.engine.begin_payment(&house.payer, order, None).await.unwrap_err();
        assert!(matches!(error, Error::Conflict { code: "too_many_open_payments", .. }), "{error}");
        house.later(Duration::from_hours(2)).await;
        house.begin(Provider::Stripe, 12).await;
    }
}
