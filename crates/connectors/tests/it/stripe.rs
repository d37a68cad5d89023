//! Stripe: the same order is one payment whatever is lost, and a webhook is believed only when it is theirs and new.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use innkeeper_connectors::Error;
use innkeeper_connectors::payments::{News, Order, PaymentProvider, Refund, State};
use innkeeper_connectors::stripe::{Settings, Stripe};
use innkeeper_domain::payments::{Amount, Currency};
use innkeeper_domain::time::Timestamp;
use serde_json::json;

use crate::doubles::Fault;
use crate::doubles::stripe::{Double, KEY, WEBHOOK_SECRET, sign};

const NOW: i64 = 1_795_221_883;

fn now() -> Timestamp {
    Timestamp(NOW * 1_000_000)
}

fn settings(double: &Double) -> Settings {
    Settings {
        secret_key: KEY.into(),
        webhook_secret: WEBHOOK_SECRET.into(),
        base: Some(double.base.clone()),
        timeout: Some(Duration::from_millis(500)),
    }
}

pub(crate) fn order(id: &str, amount: Amount) -> Order {
    Order {
        id: id.to_owned(),
        amount,
        description: "12.5 crédits «Innkeeper»".to_owned(),
        success_url: "https://inn.example/wallet?paid=1".parse().unwrap(),
        cancel_url: "https://inn.example/wallet".parse().unwrap(),
        expires_at: Some(now().after(Duration::from_hours(1))),
    }
}

const TWELVE_FIFTY: Amount = Amount::new(1250, Currency::Eur);

#[tokio::test]
async fn a_payment_is_begun_paid_seen_and_refunded() {
    let double = Double::start().await;
    let stripe = Stripe::new(settings(&double)).unwrap();
    let begun = stripe.begin(&order("pay_1", TWELVE_FIFTY)).await.unwrap();
    assert!(begun.redirect.path().ends_with(&begun.reference));
    let seen = stripe.look(&begun.reference).await.unwrap();
    assert_eq!(
        (seen.state, seen.order.as_deref(), seen.amount),
        (State::Open, Some("pay_1"), Some(TWELVE_FIFTY))
    );
    assert_eq!(seen.receipt, None);

    double.pay(&begun.reference);
    let seen = stripe.capture(&begun.reference, "pay_1").await.unwrap();
    assert_eq!(seen.state, State::Paid);
    let receipt = seen.receipt.unwrap();
    let refund = |key: &str, minor| Refund {
        key: key.to_owned(),
        receipt: receipt.clone(),
        amount: Amount::new(minor, Currency::Eur),
    };
    let first = stripe.refund(&refund("r1", 1000)).await.unwrap();
    assert!(first.done);
    assert_eq!(stripe.refund(&refund("r1", 1000)).await.unwrap(), first);
    assert_eq!(double.world.lock().unwrap().refunds.len(), 1);
    let refused = stripe.refund(&refund("r2", 251)).await.unwrap_err();
    assert!(
        matches!(&refused, Error::Refused { message, .. } if message.contains("unrefunded")),
        "{refused}"
    );
}

#[tokio::test]
async fn a_lost_answer_and_a_repeated_request_make_one_session() {
    let double = Double::start().await;
    let stripe = Stripe::new(settings(&double)).unwrap();
    let order = order("pay_1", TWELVE_FIFTY);
    for fault in [Fault::AnswerLost, Fault::Silent] {
        double.faults.next(fault);
        let error = stripe.begin(&order).await.unwrap_err();
        assert!(matches!(error, Error::Lost { .. }) && error.is_passing(), "{fault:?}: {error}");
    }
    for fault in [Fault::Broken, Fault::TooFast] {
        double.faults.next(fault);
        let error = stripe.begin(&order).await.unwrap_err();
        assert!(matches!(error, Error::Failing { .. }) && error.is_passing(), "{fault:?}: {error}");
    }
    let begun = stripe.begin(&order).await.unwrap();
    assert_eq!(double.world.lock().unwrap().sessions.len(), 1);
    assert_eq!(stripe.begin(&order).await.unwrap(), begun);
}

#[tokio::test]
async fn what_cannot_be_reached_or_is_refused_is_said() {
    let double = Double::start().await;
    let nobody = Settings { base: Some("http://127.0.0.1:9/".parse().unwrap()), ..settings(&double) };
    let error = Stripe::new(nobody).unwrap().look("cs_1").await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");

    let stranger = Settings { secret_key: "sk_wrong".into(), ..settings(&double) };
    let error = Stripe::new(stranger).unwrap().look("cs_1").await.unwrap_err();
    assert!(matches!(error, Error::Refused { status: 401, .. }) && !error.is_passing(), "{error}");
    assert!(!error.to_string().contains("sk_wrong"));

    let stripe = Stripe::new(settings(&double)).unwrap();
    // A reference is one segment of the address, whatever is in it.
    let error = stripe.look("../../v1/refunds").await.unwrap_err();
    assert!(matches!(error, Error::Refused { status: 404, .. }), "{error}");
    let error = stripe.begin(&order("pay_1", Amount::new(1, Currency::Eur))).await.unwrap_err();
    assert!(error.to_string().contains("at least 50 cents"), "{error}");
}

#[test]
fn half_a_configuration_is_refused() {
    let whole =
        Settings { secret_key: KEY.into(), webhook_secret: WEBHOOK_SECRET.into(), base: None, timeout: None };
    assert!(Stripe::new(whole.clone()).is_ok());
    assert!(Stripe::new(Settings { secret_key: "".into(), ..whole.clone() }).is_err());
    assert!(Stripe::new(Settings { webhook_secret: " ".into(), ..whole.clone() }).is_err());
    let plain = Some("http://api.stripe.com/".parse().unwrap());
    assert!(Stripe::new(Settings { base: plain, ..whole.clone() }).is_err());
    let shown = format!("{:?}", Stripe::new(whole).unwrap());
    assert!(!shown.contains(KEY) && !shown.contains(WEBHOOK_SECRET), "{shown}");
}

/// Computed with `openssl dgst -sha256 -hmac`, not with our code.
#[tokio::test]
async fn a_known_signature_is_accepted_and_every_change_to_it_refused() {
    const BODY: &str = r#"{"id":"evt_1","object":"event","type":"checkout.session.completed","data":{"object":{"id":"cs_1","object":"checkout.session","client_reference_id":"pay_1","amount_total":1250,"currency":"eur","payment_status":"paid","status":"complete","payment_intent":"pi_1"}}}"#;
    const SIGNATURE: &str = "ba95ccfd18dd6e00f24fd7ebfd62ec66bc4942e2d0cf7c6e786e1f533fee021b";
    let stripe = Stripe::new(Settings {
        secret_key: KEY.into(),
        webhook_secret: "whsec_known_vector".into(),
        base: None,
        timeout: None,
    })
    .unwrap();
    let verify = async |header: String, body: &str, at: i64| {
        let mut headers = HeaderMap::new();
        headers.insert("stripe-signature", HeaderValue::from_str(&header).unwrap());
        stripe.verify_webhook(&headers, body.as_bytes(), Timestamp(at * 1_000_000)).await
    };
    let event = verify(format!("t={NOW},v1={SIGNATURE}"), BODY, NOW).await.unwrap();
    let News::Payment(seen) = event.news else { panic!("{event:?}") };
    assert_eq!((event.id.as_str(), seen.reference.as_str(), seen.state), ("evt_1", "cs_1", State::Paid));
    assert_eq!((seen.order.as_deref(), seen.amount), (Some("pay_1"), Some(TWELVE_FIFTY)));
    assert_eq!(seen.receipt.as_deref(), Some("pi_1"));

    // One of several signatures is enough, wherever it stands; the clock may differ by five minutes either way.
    let several = format!("t={NOW},v1={},v0={SIGNATURE},v1={SIGNATURE},v1=zz", "0".repeat(64));
    for at in [NOW - 300, NOW + 300] {
        verify(several.clone(), BODY, at).await.unwrap();
    }
    for (header, body, at) in [
        (format!("t={NOW},v1={SIGNATURE}"), BODY, NOW + 301),
        (format!("t={NOW},v1={SIGNATURE}"), BODY, NOW - 301),
        (format!("t={},v1={SIGNATURE}", NOW + 1), BODY, NOW),
        (format!("t={NOW},v1={SIGNATURE}"), &BODY.replace("1250", "9999"), NOW),
        (format!("t={NOW},v1={SIGNATURE}"), &format!("{BODY} "), NOW),
        (format!("t={NOW},v0={SIGNATURE}"), BODY, NOW),
        (format!("t={NOW},v1="), BODY, NOW),
        (format!("t={NOW},v1={}", &SIGNATURE[..62]), BODY, NOW),
        (format!("v1={SIGNATURE}"), BODY, NOW),
        (String::new(), BODY, NOW),
    ] {
        let refused = verify(header.clone(), body, at).await.unwrap_err();
        assert!(matches!(refused, Error::Forged { .. }), "{header}: {refused}");
    }
    let without = stripe.verify_webhook(&HeaderMap::new(), BODY.as_bytes(), now()).await.unwrap_err();
    assert!(matches!(without, Error::Forged { .. }), "{without}");
}

#[tokio::test]
async fn every_kind_of_event_says_what_it_means() {
    let stripe = Stripe::new(Settings {
        secret_key: KEY.into(),
        webhook_secret: WEBHOOK_SECRET.into(),
        base: None,
        timeout: None,
    })
    .unwrap();
    let session = |paid: &str, status: &str| {
        json!({"id": "cs_1", "client_reference_id": "pay_1", "amount_total": 700, "currency": "jpy",
            "payment_status": paid, "status": status, "payment_intent": {"id": "pi_1", "object": "payment_intent"}})
    };
    for (kind, object, state) in [
        ("checkout.session.completed", session("paid", "complete"), State::Paid),
        ("checkout.session.completed", session("unpaid", "complete"), State::Pending),
        ("checkout.session.async_payment_succeeded", session("paid", "complete"), State::Paid),
        ("checkout.session.async_payment_failed", session("unpaid", "complete"), State::Failed),
        ("checkout.session.expired", session("unpaid", "expired"), State::Failed),
    ] {
        let body = json!({"id": "evt_1", "type": kind, "data": {"object": object}}).to_string();
        let event =
            stripe.verify_webhook(&Double::headers(&body, NOW), body.as_bytes(), now()).await.unwrap();
        let News::Payment(seen) = event.news else { panic!("{kind}: {event:?}") };
        assert_eq!((seen.state, seen.amount), (state, Some(Amount::new(700, Currency::Jpy))), "{kind}");
        assert_eq!(seen.receipt.as_deref(), Some("pi_1"));
    }
    let charge = json!({"id": "ch_1", "payment_intent": "pi_1", "amount_refunded": 300, "currency": "eur",
        "metadata": {"order": "pay_1"}});
    for (kind, expected) in [
        (
            "charge.refunded",
            News::Refund {
                order: Some("pay_1".into()),
                receipt: "pi_1".into(),
                amount: Some(Amount::new(300, Currency::Eur)),
            },
        ),
        ("customer.created", News::Other),
    ] {
        let body = json!({"id": "evt_2", "type": kind, "data": {"object": charge}}).to_string();
        let event =
            stripe.verify_webhook(&Double::headers(&body, NOW), body.as_bytes(), now()).await.unwrap();
        assert_eq!(event.news, expected);
    }
    // Signed, but not what was agreed.
    for body in [
        "",
        "[]",
        "{\"id\":\"evt\"}",
        r#"{"id":"e","type":"checkout.session.completed","data":{"object":{}}}"#,
    ] {
        let refused =
            stripe.verify_webhook(&Double::headers(body, NOW), body.as_bytes(), now()).await.unwrap_err();
        assert!(matches!(refused, Error::Unreadable { .. }), "{body}: {refused}");
    }
    // A currency that we do not know is no amount, rather than a wrong one.
    let body = json!({"id": "e", "type": "checkout.session.completed", "data": {"object": {"id": "cs_1",
        "amount_total": 1250, "currency": "xxx", "payment_status": "paid"}}});
    let (body, header) = (body.to_string(), sign(WEBHOOK_SECRET, NOW, &body.to_string()));
    let mut headers = HeaderMap::new();
    headers.insert("stripe-signature", format!("t={NOW},v1={header}").parse().unwrap());
    let event = stripe.verify_webhook(&headers, body.as_bytes(), now()).await.unwrap();
    assert!(matches!(event.news, News::Payment(seen) if seen.amount.is_none()));
}
