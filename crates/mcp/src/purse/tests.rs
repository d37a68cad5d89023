use axum::http::{Extensions, HeaderMap, Method};

use super::*;
use crate::double::{Double, answer, delivered, demand, offer};

const START: Timestamp = Timestamp(1_795_221_883_000_000);

struct Buyer {
    purse: Purse,
    clock: Clock,
}

impl Buyer {
    fn with(most: i64) -> Self {
        let clock = Clock::manual(START);
        let limits = Limits { most: Micros(most), per_credit: 1_000_000, network: None };
        Self { purse: Purse::new(Wallet::random(), limits, clock.clone()), clock }
    }

    async fn buy(&self, door: &Double) -> Result<Answer, Silence> {
        match self.purse.buy(door, &house(), order(), None).await? {
            Paid::Answered(answer) => Ok(answer),
            Paid::Closed(closed) => panic!("{closed:?}"),
        }
    }

    async fn refusal(&self, door: &Double) -> Closed {
        match self.purse.buy(door, &house(), order(), None).await {
            Ok(Paid::Closed(closed)) => closed,
            Ok(Paid::Answered(answer)) => panic!("{answer:?}"),
            Err(silence) => panic!("{silence}"),
        }
    }
}

fn house() -> Url {
    "https://inn.example".parse().unwrap()
}

fn order() -> Ask {
    Ask {
        method: Method::POST,
        path: "/api/v1/leases".into(),
        headers: HeaderMap::new(),
        extensions: Extensions::new(),
        body: Some(json!({ "minutes": 60 })),
    }
}

/// The payments that were sent, and the keys.
fn sent(door: &Double) -> (Vec<String>, Vec<String>) {
    let texts = |name: &HeaderName| {
        let asked = door.asked();
        let found = asked.iter().filter_map(|ask| ask.headers.get(name));
        let mut texts: Vec<String> = found.map(|value| value.to_str().unwrap().to_owned()).collect();
        texts.dedup();
        texts
    };
    (texts(&PAYMENT), texts(&KEY))
}

fn lost() -> Result<Answer, Silence> {
    Err(Silence::Lost("the connection broke".into()))
}

#[tokio::test]
async fn a_price_below_the_limit_is_paid() {
    let buyer = Buyer::with(50_000);
    let door = Double::answering([demand(&offer(50_000), 50_000), delivered("lea_1")]);
    assert_eq!(buyer.buy(&door).await.unwrap().status, 201);
    let asked = door.asked();
    assert_eq!(asked.len(), 2);
    assert!(asked[0].headers.get(PAYMENT).is_none() && asked[1].headers[PAYMENT].is_sensitive());
    let (payments, keys) = sent(&door);
    let payment = innkeeper_connectors::x402::Payment::from_v2(&payments[0]).unwrap();
    assert_eq!((payment.authorization.from, payment.authorization.value.0), (buyer.purse.address(), 50_000));
    assert_eq!(keys.len(), 1, "one key for both");
    assert!((16..=200).contains(&keys[0].len()));
}

#[tokio::test]
async fn what_is_too_dear_is_not_signed() {
    let buyer = Buyer::with(50_000);
    let door = Double::answering([demand(&offer(50_001), 50_001)]);
    let closed = buyer.refusal(&door).await;
    assert_eq!((closed.code, closed.price), ("price_above_limit", Some(Micros(50_001))));
    assert!(closed.detail.contains("0.050001") && closed.detail.contains("0.05"), "{}", closed.detail);
    // A house that says one price and asks another is believed in neither.
    let door = Double::answering([demand(&offer(50_001), 1)]);
    assert_eq!(buyer.refusal(&door).await.code, "price_above_limit");
    let mut long = offer(1);
    long.requirements[0].max_timeout_s = 86_400;
    let door = Double::answering([demand(&long, 1)]);
    assert_eq!(buyer.refusal(&door).await.code, "payment_too_long");
    assert!(sent(&door).0.is_empty());
}

#[tokio::test]
async fn only_the_wanted_chain_is_paid_on() {
    let mut buyer = Buyer::with(50_000);
    buyer.purse.limits.network = Some("eip155:8453".parse().unwrap());
    let door = Double::answering([demand(&offer(1), 1)]);
    let closed = buyer.refusal(&door).await;
    assert_eq!(closed.code, "other_network");
    assert!(closed.detail.contains("eip155:84532"), "{}", closed.detail);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_asked_for_with_the_same_payment() {
    let buyer = Buyer::with(50_000);
    let trouble = answer(503, json!({ "code": "provider_unavailable" }));
    let door = Double::answering([demand(&offer(1), 1), lost(), trouble, delivered("lea_1")]);
    assert_eq!(buyer.buy(&door).await.unwrap().status, 201);
    let (payments, keys) = sent(&door);
    assert_eq!((door.asked().len(), payments.len(), keys.len()), (4, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_never_heard_pays_with_the_same_payment_when_it_is_made_again() {
    let buyer = Buyer::with(50_000);
    let mut answers = vec![demand(&offer(1), 1)];
    answers.extend((0..4).map(|_| lost()));
    answers.push(delivered("lea_1"));
    let door = Double::answering(answers);
    assert_eq!(buyer.buy(&door).await.unwrap_err(), Silence::Lost("the connection broke".into()));
    assert_eq!(buyer.buy(&door).await.unwrap().status, 201);
    let (payments, keys) = sent(&door);
    assert_eq!((payments.len(), keys.len()), (1, 1), "signed once, for one order");
}

#[tokio::test(start_paused = true)]
async fn what_may_have_been_paid_is_asked_by_its_key_before_another_is_signed() {
    let buyer = Buyer::with(50_000);
    let mut answers = vec![demand(&offer(1), 1)];
    answers.extend((0..4).map(|_| lost()));
    answers.push(delivered("lea_1"));
    let door = Double::answering(answers);
    buyer.buy(&door).await.unwrap_err();
    buyer.clock.advance(Duration::from_secs(600));
    assert_eq!(buyer.buy(&door).await.unwrap().status, 201);
    let (payments, keys) = sent(&door);
    assert_eq!((payments.len(), keys.len()), (1, 1));
    assert!(door.asked().last().unwrap().headers.get(PAYMENT).is_none(), "it cannot be settled any more");
}

#[tokio::test]
async fn a_refused_payment_is_not_signed_again_while_it_is_good() {
    let buyer = Buyer::with(50_000);
    let again = || demand(&offer(1), 1);
    let door = Double::answering([again(), again(), again(), again(), delivered("lea_1")]);
    assert_eq!(buyer.buy(&door).await.unwrap().status, 402);
    assert_eq!(buyer.buy(&door).await.unwrap().status, 402);
    assert_eq!(sent(&door).0.len(), 1);
    buyer.clock.advance(Duration::from_secs(181));
    assert_eq!(buyer.buy(&door).await.unwrap().status, 201);
    let (payments, keys) = sent(&door);
    assert_eq!((payments.len(), keys.len()), (2, 2), "the first is good no more");
}

#[tokio::test]
async fn two_orders_are_two_payments() {
    let buyer = Buyer::with(50_000);
    let door = Double::answering([
        demand(&offer(1), 1),
        delivered("lea_1"),
        demand(&offer(1), 1),
        delivered("lea_2"),
    ]);
    buyer.buy(&door).await.unwrap();
    buyer.buy(&door).await.unwrap();
    let (payments, keys) = sent(&door);
    assert_eq!((payments.len(), keys.len()), (2, 2));
    assert!(!format!("{:?}", buyer.purse).contains("SigningKey"));
}
