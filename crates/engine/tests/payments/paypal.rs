//! Credits by PayPal, which must be told to take the money.

use std::time::Duration;

use innkeeper_domain::money::Micros;
use innkeeper_domain::payments::{PaymentState, Provider};
use innkeeper_engine::Error;
use serde_json::json;

use crate::doubles::Fault;
use crate::house::{House, credits};

both! {
    async fn an_approved_order_is_captured_and_credited_once(db: Db) {
        let house = House::open(db).await;
        let payment = house.begin(Provider::Paypal, 12).await;
        let id = payment.reference.clone().unwrap();
        let approved = house.paypal.approve(&id);
        let mut at_once = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let (house, approved) = (house.clone(), approved.clone());
            at_once.spawn(async move { house.paypal_says(&approved).await.unwrap() });
        }
        at_once.join_all().await;
        house.paypal_says(&house.paypal.captured(&id)).await.unwrap();
        assert_eq!(house.balance().await, credits(12));
        assert_eq!(house.postings().await.len(), 1);
        assert_eq!(house.payment(&payment).await.receipt, Some(format!("CAP{id}")));
        house.check().await;
    }

    async fn a_lost_capture_is_looked_at(db: Db) {
        let house = House::open(db).await;
        let payment = house.begin(Provider::Paypal, 12).await;
        let id = payment.reference.clone().unwrap();
        let approved = house.paypal.approve(&id);
        // Taken there, and the answer does not arrive. The judge of the webhook answers first.
        house.paypal.world.lock().unwrap().lose_captures = 1;
        house.paypal_says(&approved).await.unwrap();
        assert_eq!(house.balance().await, Micros::ZERO);
        house.later(Duration::from_secs(10)).await;
        assert_eq!(house.balance().await, credits(12));
        house.check().await;
    }

    async fn an_approval_that_nobody_tells_is_found(db: Db) {
        let house = House::open(db).await;
        let payment = house.begin(Provider::Paypal, 12).await;
        let id = payment.reference.clone().unwrap();
        house.paypal.approve(&id);
        house.later(Duration::from_secs(61)).await;
        assert_eq!(house.payment(&payment).await.state, PaymentState::Paid);
        assert_eq!(house.balance().await, credits(12));
    }

    async fn an_approval_of_another_amount_is_not_captured(db: Db) {
        let house = House::open(db).await;
        let payment = house.begin(Provider::Paypal, 12).await;
        let id = payment.reference.clone().unwrap();
        house.paypal.alter(&id, |order| order["purchase_units"][0]["amount"]["value"] = json!("1.00"));
        house.paypal_says(&house.paypal.approve(&id)).await.unwrap();
        assert_eq!(house.payment(&payment).await.state, PaymentState::Disputed);
        assert!(!house.paypal.world.lock().unwrap().calls.contains(&"capture".to_owned()));
        assert_eq!(house.refusals().await.len(), 1);
    }

    async fn a_webhook_that_cannot_be_judged_is_asked_for_again(db: Db) {
        let house = House::open(db).await;
        let payment = house.begin(Provider::Paypal, 12).await;
        let approved = house.paypal.approve(payment.reference.as_deref().unwrap());
        house.paypal.faults.next(Fault::Broken);
        let error = house.paypal_says(&approved).await.unwrap_err();
        assert!(matches!(error, Error::Provider(_)), "{error}");
        let mut forged = approved.clone();
        forged["resource"]["purchase_units"][0]["amount"]["value"] = json!("1.00");
        let headers = crate::doubles::paypal::Double::headers(&approved.to_string());
        let body = forged.to_string();
        let error = house.engine.payment_webhook(Provider::Paypal, &headers, body.as_bytes()).await.unwrap_err();
        assert!(matches!(error, Error::Untrusted(_)), "{error}");
        assert_eq!(house.balance().await, Micros::ZERO);
        house.paypal_says(&approved).await.unwrap();
        assert_eq!(house.balance().await, credits(12));
    }
}
