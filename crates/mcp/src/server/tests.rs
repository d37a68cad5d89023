use innkeeper_connectors::x402::siwx;
use innkeeper_connectors::x402::wallet::Wallet;
use innkeeper_domain::money::Micros;
use innkeeper_domain::time::Clock;

use super::*;
use crate::double::{Double, answer, delivered, demand, offer, with};
use crate::purse::Limits;

const LEASE: &str = "lea_0190b2c30190b2c30190b2c30190b2c3";

fn keeper() -> Keeper {
    let house: url::Url = "https://inn.example".parse().unwrap();
    Keeper { tokens: Tokens::new(house.clone()), house, purse: None, session: None }
}

fn http(double: &Double) -> Server<Double> {
    Server::new(double.clone(), None)
}

fn stdio(double: &Double) -> Server<Double> {
    Server::new(double.clone(), Some(keeper()))
}

async fn call(server: &Server<Double>, tool: &str, arguments: Value) -> CallToolResult {
    call_with(server, tool, arguments, None, &Caller::default()).await
}

async fn call_with(
    server: &Server<Double>,
    tool: &str,
    arguments: Value,
    payment: Option<&Value>,
    caller: &Caller,
) -> CallToolResult {
    let Value::Object(arguments) = arguments else { panic!("no arguments") };
    server.call(tools::named(tool).unwrap(), arguments, payment, caller).await
}

fn content(result: &CallToolResult) -> &Value {
    result.structured_content.as_ref().unwrap()
}

fn text(result: &CallToolResult) -> String {
    serde_json::to_value(&result.content).unwrap()[0]["text"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_answer_is_told_as_it_is() {
    let double = Double::answering([answer(200, json!({ "plans": [] }))]);
    let result = call(&http(&double), "catalogue", json!({})).await;
    assert_eq!((result.is_error, content(&result)), (Some(false), &json!({ "plans": [] })));
    assert_eq!(serde_json::from_str::<Value>(&text(&result)).unwrap(), json!({ "plans": [] }));
    assert!(double.asked()[0].headers.is_empty());
}

#[tokio::test]
async fn what_must_be_paid_is_told_as_x402_says_it() {
    let double = Double::answering([demand(&offer(5_000), 5_000)]);
    let result = call(&http(&double), "lease", json!({ "minutes": 60 })).await;
    assert_eq!(result.is_error, Some(true));
    let demand = content(&result);
    assert_eq!((&demand["x402Version"], &demand["accepts"][0]["amount"]), (&json!(2), &json!("5000")));
    assert_eq!(demand["resource"]["url"], "https://inn.example/api/v1/leases");
    let wrapped: Value = serde_json::from_str(&text(&result)).unwrap();
    assert_eq!(wrapped["x402/error"]["code"], 402);
    assert_eq!(&wrapped["x402/error"]["data"], demand);
}

#[tokio::test]
async fn a_payment_goes_on_however_it_came_and_its_receipt_comes_back() {
    let receipt = STANDARD.encode(r#"{"success":true,"transaction":"0x1"}"#);
    let double = Double::answering([
        with(delivered(LEASE), "payment-response", &receipt),
        delivered(LEASE),
        delivered(LEASE),
    ]);
    let server = http(&double);
    let payment = json!({ "x402Version": 2, "payload": {} });
    let none = Caller::default();
    let result = call_with(&server, "lease", json!({ "minutes": 5 }), Some(&payment), &none).await;
    assert_eq!(result.meta.unwrap()["x402/payment-response"]["transaction"], "0x1");
    call(&server, "lease", json!({ "minutes": 5, "payment": "e30=" })).await;
    let v1 = json!({ "x402Version": 1 });
    call_with(&server, "renew", json!({ "lease_id": LEASE, "minutes": 5 }), Some(&v1), &none).await;
    let asked = double.asked();
    let sent = STANDARD.decode(asked[0].headers["payment-signature"].as_bytes()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&sent).unwrap(), payment);
    assert!(asked[0].headers["payment-signature"].is_sensitive());
    assert_eq!(asked[1].headers["payment-signature"], "e30=");
    assert!(asked[2].headers.contains_key("x-payment"));

    let both = json!({ "minutes": 5, "payment": "e30=" });
    let result = call_with(&server, "lease", both, Some(&payment), &none).await;
    assert_eq!(content(&result)["code"], "invalid_arguments");
    assert_eq!(double.asked().len(), 3, "nothing was asked");
}

#[tokio::test]
async fn a_settlement_that_failed_comes_with_its_receipt() {
    let receipt = STANDARD.encode(r#"{"success":false,"errorReason":"insufficient_funds"}"#);
    let double = Double::answering([with(demand(&offer(1), 1), "payment-response", &receipt)]);
    let result = call(&http(&double), "lease", json!({ "minutes": 5, "payment": "e30=" })).await;
    assert_eq!(content(&result)["x402/payment-response"]["errorReason"], "insufficient_funds");
    assert_eq!(result.is_error, Some(true));
}

#[tokio::test]
async fn problems_are_told_with_code_and_remedy() {
    let problem = json!({
        "type": "about:blank", "title": "No room", "code": "no_capacity", "detail": "nothing is available",
        "remedy": "try again later",
    });
    let credited = json!({ "order": { "state": "credited", "problem": "it could not be made" }, "lease": null, "token": null });
    let credits_only = json!({
        "x402Version": 1, "accepts": [], "error": "Payment required", "code": "payment_required", "remedy": "sign in",
    });
    let empty = crate::double::offer(1);
    let empty = innkeeper_connectors::x402::Offer { requirements: Vec::new(), ..empty };
    let double = Double::answering([
        answer(409, problem),
        answer(409, credited),
        with(answer(402, credits_only), "payment-required", &empty.header("Payment required")),
    ]);
    let server = http(&double);
    let result = call(&server, "lease", json!({ "minutes": 5 })).await;
    assert_eq!(text(&result), "no_capacity: nothing is available (try again later)");
    assert_eq!(
        (&content(&result)["code"], &content(&result)["status"]),
        (&json!("no_capacity"), &json!(409))
    );
    let result = call(&server, "lease", json!({ "minutes": 5 })).await;
    assert_eq!(text(&result), "order_credited: it could not be made");
    assert_eq!(content(&result)["order"]["state"], "credited");
    let result = call(&server, "lease", json!({ "minutes": 5 })).await;
    assert_eq!(text(&result), "payment_required: Payment required (sign in)");
    assert!(content(&result).get("x402Version").is_none(), "no wallet is asked for what it cannot pay");
    let result = call(&server, "destroy", json!({ "lease_id": LEASE })).await;
    assert_eq!((result.is_error, &content(&result)["code"]), (Some(true), &json!("unreachable")));
}

#[tokio::test]
async fn over_http_who_calls_is_passed_on_and_shown_their_token() {
    let double = Double::answering([delivered(LEASE), answer(200, json!({})), answer(200, json!({}))]);
    let server = http(&double);
    let mut caller = Caller::default();
    caller.headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer ikl_theirs"));
    let result = call_with(&server, "lease", json!({ "minutes": 5 }), None, &caller).await;
    assert_eq!(content(&result)["token"], "ikl_secret");
    call_with(&server, "status", json!({ "lease_id": LEASE }), None, &caller).await;
    call_with(&server, "status", json!({ "lease_id": LEASE, "token": "ikl_b" }), None, &caller).await;
    let by: Vec<_> = double.asked().iter().map(|ask| ask.headers[header::AUTHORIZATION].clone()).collect();
    assert_eq!(by, ["Bearer ikl_theirs", "Bearer ikl_theirs", "Bearer ikl_b"]);
}

#[tokio::test]
async fn on_a_buyers_machine_tokens_are_kept_and_not_shown() {
    let item = json!({ "items": [{ "id": LEASE }] });
    let double = Double::answering([
        delivered(LEASE),
        answer(200, json!({ "exit_code": 0 })),
        answer(200, item),
        delivered(LEASE),
    ]);
    let server = stdio(&double);
    let result = call(&server, "lease", json!({ "minutes": 5 })).await;
    assert_eq!((content(&result).get("token"), &content(&result)["token_kept"]), (None, &json!(true)));
    assert!(!text(&result).contains("ikl_"));
    call(&server, "exec", json!({ "lease_id": LEASE, "command": ["id"] })).await;
    let result = call(&server, "list", json!({})).await;
    assert_eq!(content(&result)["items"][0]["id"], LEASE);
    for ask in &double.asked()[1..] {
        assert_eq!(ask.headers[header::AUTHORIZATION], "Bearer ikl_secret");
    }
    let result = call(&server, "lease", json!({ "minutes": 5, "show_token": true })).await;
    assert_eq!(content(&result)["token"], "ikl_secret");
}

#[tokio::test]
async fn credits_are_paid_with_by_the_session_and_others_do_not_see_it() {
    let double = Double::answering([delivered(LEASE), answer(200, json!({}))]);
    let session = Some(SecretString::from("ik_key".to_owned()));
    let server = Server::new(double.clone(), Some(Keeper { session, ..keeper() }));
    let credits = json!({ "minutes": 5, "pay_with": "credits", "project_id": "prj_1" });
    call(&server, "lease", credits).await;
    call(&server, "quote", json!({ "minutes": 5 })).await;
    let asked = double.asked();
    assert_eq!(asked[0].headers[header::AUTHORIZATION], "Bearer ik_key");
    assert!(asked[1].headers.is_empty());
}

#[tokio::test]
async fn a_wallet_pays_and_a_free_command_asks_it_nothing() {
    let double = Double::answering([
        demand(&offer(5_000), 5_000),
        delivered(LEASE),
        answer(200, json!({ "exit_code": 0 })),
        demand(&offer(50_001), 50_001),
    ]);
    let limits = Limits { most: Micros(50_000), per_credit: 1_000_000, network: None };
    let purse = Some(Purse::new(Wallet::random(), limits, Clock::system()));
    let server = Server::new(double.clone(), Some(Keeper { purse, ..keeper() }));
    let result = call(&server, "lease", json!({ "minutes": 5 })).await;
    assert_eq!(content(&result)["order"]["state"], "delivered", "{result:?}");
    call(&server, "exec", json!({ "lease_id": LEASE, "command": ["id"] })).await;
    let asked = double.asked();
    assert!(asked[1].headers.contains_key("payment-signature"));
    assert!(!asked[2].headers.contains_key("payment-signature"));
    let result = call(&server, "lease", json!({ "minutes": 500 })).await;
    assert_eq!(
        (&content(&result)["code"], &content(&result)["price_micros"]),
        (&json!("price_above_limit"), &json!(50_001))
    );
    assert_eq!(double.asked().len(), 4);
}

#[tokio::test]
async fn a_wallet_without_a_token_signs_in_anew_for_each_request() {
    let house: url::Url = "https://inn.example".parse().unwrap();
    let challenge = |nonce: &str| {
        let networks = ["eip155:84532".parse().unwrap()];
        let now = Clock::system().now();
        let end = now.after(std::time::Duration::from_secs(300));
        answer(200, siwx::challenge("inn.example", &house, &networks, nonce, now, end).extension())
    };
    let call_price = || demand(&offer(1_000), 1_000);
    let double = Double::answering([
        challenge("aaaaaaaa1"),
        call_price(),
        challenge("aaaaaaaa2"),
        call_price(),
        challenge("aaaaaaaa3"),
        answer(200, json!({ "exit_code": 0 })),
    ]);
    let limits = Limits { most: Micros(50_000), per_credit: 1_000_000, network: None };
    let purse = Some(Purse::new(Wallet::random(), limits, Clock::system()));
    let server = Server::new(double.clone(), Some(Keeper { purse, ..keeper() }));
    let result = call(&server, "exec", json!({ "lease_id": LEASE, "command": ["id"] })).await;
    assert_eq!(content(&result)["exit_code"], 0, "{result:?}");
    let asked = double.asked();
    let mut signed: Vec<_> = asked.iter().filter_map(|ask| ask.headers.get(SIGN_IN).cloned()).collect();
    signed.dedup();
    assert_eq!(signed.len(), 3, "none is good twice");
    // Another house's challenge is not signed: whoever had it would be signed in there.
    let stranger: url::Url = "https://other.example".parse().unwrap();
    let now = Clock::system().now();
    let networks = ["eip155:84532".parse().unwrap()];
    let theirs = siwx::challenge("other.example", &stranger, &networks, "aaaaaaaa4", now, now).extension();
    let double = Double::answering([answer(200, theirs), answer(401, json!({ "code": "unauthenticated" }))]);
    let purse = Some(Purse::new(Wallet::random(), limits, Clock::system()));
    let server = Server::new(double.clone(), Some(Keeper { purse, ..keeper() }));
    call(&server, "status", json!({ "lease_id": LEASE })).await;
    assert!(double.asked().iter().all(|ask| !ask.headers.contains_key(SIGN_IN)));
}
