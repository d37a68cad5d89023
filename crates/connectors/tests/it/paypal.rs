//! PayPal: an order is created, approved, captured and refunded once each, and PayPal itself judges webhooks.

use std::time::Duration;

use http::HeaderMap;
use innkeeper_connectors::Error;
use innkeeper_connectors::payments::{News, PaymentProvider, Refund, State};
use innkeeper_connectors::paypal::{Paypal, Settings};
use innkeeper_domain::payments::{Amount, Currency};
use innkeeper_domain::time::Timestamp;
use serde_json::json;

use crate::doubles::Fault;
use crate::doubles::paypal::{CLIENT, Double, SECRET, WEBHOOK_ID};
use crate::stripe::order;

const TWELVE_FIFTY: Amount = Amount::new(1250, Currency::Eur);
const NOW: Timestamp = Timestamp(1_795_221_883_000_000);

fn settings(double: &Double) -> Settings {
    Settings {
        client_id: CLIENT.to_owned(),
        client_secret: SECRET.into(),
        webhook_id: WEBHOOK_ID.to_owned(),
        base: Some(double.base.clone()),
        timeout: Some(Duration::from_millis(500)),
    }
}

#[tokio::test]
async fn an_order_is_approved_captured_and_refunded_with_one_token() {
    let double = Double::start().await;
    let paypal = Paypal::new(settings(&double)).unwrap();
    let begun = paypal.begin(&order("pay_1", TWELVE_FIFTY)).await.unwrap();
    assert!(begun.redirect.query().unwrap().ends_with(&begun.reference));
    let seen = paypal.look(&begun.reference).await.unwrap();
    assert_eq!(
        (seen.state, seen.order.as_deref(), seen.amount),
        (State::Open, Some("pay_1"), Some(TWELVE_FIFTY))
    );
    // Too early: it is looked at instead.
    assert_eq!(paypal.capture(&begun.reference, "pay_1").await.unwrap().state, State::Open);

    double.approve(&begun.reference);
    assert_eq!(paypal.look(&begun.reference).await.unwrap().state, State::Approved);
    let seen = paypal.capture(&begun.reference, "pay_1").await.unwrap();
    assert_eq!((seen.state, seen.amount), (State::Paid, Some(TWELVE_FIFTY)));
    // Another key, as after a restored backup: captured already, so it is looked at.
    assert_eq!(paypal.capture(&begun.reference, "pay_x").await.unwrap(), seen);

    let refund = Refund { key: "r1".into(), receipt: seen.receipt.unwrap(), amount: TWELVE_FIFTY };
    let first = paypal.refund(&refund).await.unwrap();
    assert_eq!(paypal.refund(&refund).await.unwrap(), first);
    let more = paypal.refund(&Refund { key: "r2".into(), ..refund }).await.unwrap_err();
    assert!(more.to_string().contains("REFUND_AMOUNT_EXCEEDED"), "{more}");
    let world = double.world.lock().unwrap();
    assert_eq!((world.refunds.len(), world.orders.len(), world.tokens), (1, 1, 1));
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_without_a_second_effect() {
    let double = Double::start().await;
    let paypal = Paypal::new(settings(&double)).unwrap();
    // The token first: losing it loses no payment.
    double.faults.next(Fault::AnswerLost);
    let error = paypal.begin(&order("pay_1", TWELVE_FIFTY)).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    paypal.look("nothing").await.unwrap_err();

    double.faults.next(Fault::AnswerLost);
    let error = paypal.begin(&order("pay_1", TWELVE_FIFTY)).await.unwrap_err();
    assert!(matches!(error, Error::Lost { .. }), "{error}");
    let begun = paypal.begin(&order("pay_1", TWELVE_FIFTY)).await.unwrap();
    double.approve(&begun.reference);
    double.faults.next(Fault::Silent);
    let error = paypal.capture(&begun.reference, "pay_1").await.unwrap_err();
    assert!(matches!(error, Error::Lost { .. }), "{error}");
    assert_eq!(paypal.capture(&begun.reference, "pay_1").await.unwrap().state, State::Paid);
    assert_eq!(double.world.lock().unwrap().orders.len(), 1);
}

#[tokio::test]
async fn a_revoked_token_is_replaced_and_many_calls_fetch_one() {
    let double = Double::start().await;
    let paypal = std::sync::Arc::new(Paypal::new(settings(&double)).unwrap());
    let orders: Vec<_> = (0..8).map(|n| order(&format!("pay_{n}"), TWELVE_FIFTY)).collect();
    let mut asked = tokio::task::JoinSet::new();
    for order in orders {
        let paypal = paypal.clone();
        asked.spawn(async move { paypal.begin(&order).await.unwrap() });
    }
    assert_eq!(asked.join_all().await.len(), 8);
    let tokens =
        |double: &Double| double.world.lock().unwrap().calls.iter().filter(|call| *call == "token").count();
    assert_eq!(tokens(&double), 1);
    double.revoke_tokens();
    paypal.begin(&order("pay_9", TWELVE_FIFTY)).await.unwrap();
    assert_eq!(tokens(&double), 2);
}

#[tokio::test]
async fn amounts_are_written_with_the_digits_of_their_currency() {
    let double = Double::start().await;
    let paypal = Paypal::new(settings(&double)).unwrap();
    for (id, amount, text) in [
        ("pay_1", Amount::new(5, Currency::Usd), "0.05"),
        ("pay_2", Amount::new(1250, Currency::Jpy), "1250"),
        ("pay_3", Amount::new(100_000, Currency::Chf), "1000.00"),
    ] {
        paypal.begin(&order(id, amount)).await.unwrap();
        assert_eq!(double.order_of(id).unwrap()["purchase_units"][0]["amount"]["value"], text);
    }
}

#[tokio::test]
async fn webhooks_are_believed_only_when_paypal_says_so() {
    let double = Double::start().await;
    let paypal = Paypal::new(settings(&double)).unwrap();
    let begun = paypal.begin(&order("pay_1", TWELVE_FIFTY)).await.unwrap();
    // Spaces and escapes must reach PayPal as they came to us.
    let body = format!(" {} ", serde_json::to_string_pretty(&double.approve(&begun.reference)).unwrap());
    let headers = Double::headers(body.trim());
    let event = paypal.verify_webhook(&headers, body.as_bytes(), NOW).await.unwrap();
    let News::Payment(seen) = event.news else { panic!("{event:?}") };
    assert_eq!(
        (seen.state, seen.order.as_deref(), seen.amount),
        (State::Approved, Some("pay_1"), Some(TWELVE_FIFTY))
    );

    paypal.capture(&begun.reference, "pay_1").await.unwrap();
    let body = double.captured(&begun.reference).to_string();
    let event = paypal.verify_webhook(&Double::headers(&body), body.as_bytes(), NOW).await.unwrap();
    let News::Payment(seen) = event.news else { panic!("{event:?}") };
    assert_eq!((seen.state, seen.reference), (State::Paid, begun.reference));
    assert_eq!((seen.order.as_deref(), seen.amount), (Some("pay_1"), Some(TWELVE_FIFTY)));

    let refund = json!({"id": "WH-R", "event_type": "PAYMENT.CAPTURE.REFUNDED", "resource": {"id": "R1",
        "status": "COMPLETED", "amount": {"currency_code": "EUR", "value": "2.50"}, "links": [
            {"rel": "up", "href": "https://api.paypal.com/v2/payments/captures/CAP1"}]}})
    .to_string();
    let event = paypal.verify_webhook(&Double::headers(&refund), refund.as_bytes(), NOW).await.unwrap();
    let amount = Some(Amount::new(250, Currency::Eur));
    assert_eq!(event.news, News::Refund { order: None, receipt: "CAP1".into(), amount });

    let changed = body.replace("12.50", "99.50");
    let mut incomplete = Double::headers(&body);
    incomplete.remove("paypal-transmission-sig");
    let mut elsewhere = Double::headers(&body);
    elsewhere.insert("paypal-cert-url", "https://evil.example/cert".parse().unwrap());
    for (headers, body) in [
        (Double::headers(&body), changed.as_str()),
        (incomplete, &body),
        (elsewhere, &body),
        (HeaderMap::new(), &body),
        (Double::headers("{"), "{"),
        // Not two documents in one.
        (Double::headers(&body), r#"{},"webhook_id":"WH-OTHER","x":{}"#),
    ] {
        let refused = paypal.verify_webhook(&headers, body.as_bytes(), NOW).await.unwrap_err();
        assert!(matches!(refused, Error::Forged { .. }), "{body}: {refused}");
    }
    // Nobody to ask is not a no.
    double.faults.next(Fault::Broken);
    let unknown = paypal.verify_webhook(&Double::headers(&body), body.as_bytes(), NOW).await.unwrap_err();
    assert!(unknown.is_passing(), "{unknown}");
}

#[test]
fn half_a_configuration_is_refused() {
    let whole = Settings {
        client_id: CLIENT.to_owned(),
        client_secret: SECRET.into(),
        webhook_id: WEBHOOK_ID.to_owned(),
        base: None,
        timeout: None,
    };
    let shown = format!("{:?}", Paypal::new(whole.clone()).unwrap());
    assert!(!shown.contains(SECRET), "{shown}");
    assert!(Paypal::new(Settings { client_id: String::new(), ..whole.clone() }).is_err());
    assert!(Paypal::new(Settings { client_secret: "".into(), ..whole.clone() }).is_err());
    assert!(Paypal::new(Settings { webhook_id: " ".into(), ..whole.clone() }).is_err());
    let plain = Some("http://api-m.paypal.com/".parse().unwrap());
    assert!(Paypal::new(Settings { base: plain, ..whole }).is_err());
}
