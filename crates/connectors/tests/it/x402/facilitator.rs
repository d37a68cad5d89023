//! A facilitator: whatever it answers is told apart, and nothing that it says goes further than it should.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use innkeeper_connectors::Error;
use innkeeper_connectors::x402::facilitator::{CdpKey, Facilitator, Settings, Settled, Verified};
use innkeeper_connectors::x402::{Payment, Version};
use innkeeper_domain::time::Clock;
use innkeeper_domain::wallets::{Network, Nonce, TxHash};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde_json::{Value, json};

use super::{NOW, asked, offer, wallet};
use crate::doubles::Fault;
use crate::doubles::facilitator::{Answer, Asked, Double, json as answers};

const HASH: TxHash = TxHash([0xfd; 32]);

fn settings(double: &Double) -> Settings {
    Settings {
        url: double.base.clone(),
        timeout: Some(Duration::from_millis(500)),
        cdp: None,
        strip: false,
        extra_ca: None,
        clock: Clock::manual(NOW),
    }
}

fn payment() -> Payment {
    wallet().authorize(&offer(), &asked(), NOW, Nonce([7; 32]))
}

async fn start() -> (Double, Facilitator) {
    let double = Double::start().await;
    let facilitator = Facilitator::new(settings(&double)).unwrap();
    (double, facilitator)
}

#[tokio::test]
async fn every_shape_of_a_verification_is_understood() {
    let (double, facilitator) = start().await;
    let payer = wallet().address();
    let ok = Verified { valid: true, payer: Some(payer), reason: None };
    let no = |reason: &str| Verified { valid: false, payer: None, reason: Some(reason.to_owned()) };
    for (answer, understood) in [
        (answers(200, json!({"isValid": true, "payer": payer})), ok.clone()),
        (
            answers(
                200,
                json!({"isValid": true, "payer": payer.to_string(), "invalidReason": null, "more": {}}),
            ),
            ok,
        ),
        (
            answers(200, json!({"isValid": true, "payer": ""})),
            Verified { valid: true, payer: None, reason: None },
        ),
        (
            answers(200, json!({"isValid": false, "invalidReason": "insufficient_funds"})),
            no("insufficient_funds"),
        ),
        // x402-rs answers so, with the same JSON.
        (
            answers(400, json!({"isValid": false, "invalidReason": "unexpected_error", "payer": null})),
            no("unexpected_error"),
        ),
        (
            answers(412, json!({"isValid": false, "invalidReason": "permit2_allowance_required"})),
            no("permit2_allowance_required"),
        ),
        (
            answers(500, json!({"isValid": false, "invalidReason": "unexpected_error"})),
            no("unexpected_error"),
        ),
        (
            answers(200, json!({"isValid": false, "invalidReason": "a\u{1b}[31m\nb\u{202e}é<c>"})),
            no("a[31mb<c>"),
        ),
        (answers(200, json!({"isValid": false, "invalidReason": "x".repeat(5000)})), no(&"x".repeat(200))),
    ] {
        double.will(answer);
        assert_eq!(facilitator.verify(&payment(), &asked()).await.unwrap(), understood);
    }
}

#[tokio::test]
async fn every_shape_of_a_settlement_is_understood() {
    let (double, facilitator) = start().await;
    let settled = |success, pending, transaction, reason: Option<&str>| Settled {
        success,
        pending,
        transaction,
        reason: reason.map(str::to_owned),
    };
    for (answer, understood) in [
        (
            answers(
                200,
                json!({"success": true, "payer": wallet().address(), "transaction": HASH, "network": "eip155:84532"}),
            ),
            settled(true, false, Some(HASH), None),
        ),
        (
            answers(
                200,
                json!({"success": false, "errorReason": "settlement_pending", "transaction": HASH, "network": "eip155:84532"}),
            ),
            settled(false, true, Some(HASH), Some("settlement_pending")),
        ),
        (
            answers(200, json!({"success": false, "errorReason": "transaction_failed", "transaction": HASH})),
            settled(false, false, Some(HASH), Some("transaction_failed")),
        ),
        (
            answers(
                500,
                json!({"success": false, "errorReason": "unexpected_error", "transaction": "", "network": "", "payer": ""}),
            ),
            settled(false, false, None, Some("unexpected_error")),
        ),
        (
            answers(
                400,
                json!({"success": false, "errorReason": "invalid_exact_evm_nonce_already_used", "transaction": ""}),
            ),
            settled(false, false, None, Some("invalid_exact_evm_nonce_already_used")),
        ),
        // A success that also names a reason is not pending.
        (
            answers(
                200,
                json!({"success": true, "errorReason": "settlement_pending", "transaction": "garbage"}),
            ),
            settled(true, false, None, Some("settlement_pending")),
        ),
    ] {
        double.will(answer);
        assert_eq!(facilitator.settle(&payment(), &asked()).await.unwrap(), understood);
    }
}

#[tokio::test]
async fn what_it_gets_is_built_anew_in_one_form() {
    let (double, _) = start().await;
    double.will(answers(200, json!({"isValid": true})));
    let mut first = payment();
    (first.version, first.accepted, first.resource) = (Version::V1, None, None);
    first.extensions.clear();
    for (strip, payment, rest) in [(false, payment(), true), (true, payment(), false), (false, first, false)]
    {
        let mut settings = settings(&double);
        settings.strip = strip;
        settings.url = double.base.join("platform/v2/x402/").unwrap();
        Facilitator::new(settings).unwrap().verify(&payment, &asked()).await.unwrap();
        let Asked { uri, body, .. } = double.last();
        assert_eq!(uri.path(), "/platform/v2/x402/verify");
        assert_eq!(body["x402Version"], 2);
        assert_eq!(body["paymentRequirements"], asked().to_v2());
        let payload = &body["paymentPayload"];
        assert_eq!((&payload["x402Version"], &payload["accepted"]), (&json!(2), &asked().to_v2()));
        assert_eq!(payload["payload"]["signature"], payment.signature.expose_hex());
        assert_eq!(
            payload["payload"]["authorization"],
            json!({
                "from": "0x66d7fCDA962D60FedA1737dC8765E5d85Ff6354f",
                "to": "0x16FB872ad757d3F272356984ab5Ee9ef0aaFfc0b",
                "value": "75000",
                "validAfter": "0",
                "validBefore": "1795222003",
                "nonce": format!("0x{}", "07".repeat(32)),
            })
        );
        assert_eq!((payload.get("resource").is_some(), payload.get("extensions").is_some()), (rest, rest));
    }
}

#[tokio::test]
async fn what_is_no_answer_is_an_error_that_says_whether_it_may_have_had_an_effect() {
    let (double, facilitator) = start().await;
    let settle = async || facilitator.settle(&payment(), &asked()).await.unwrap_err();
    double.will(answers(200, json!({"success": true, "transaction": HASH})));
    for fault in [Fault::Silent, Fault::AnswerLost] {
        double.faults.next(fault);
        let error = settle().await;
        assert!(matches!(error, Error::Lost { .. }) && error.is_passing(), "{fault:?}: {error}");
    }
    for fault in [Fault::Broken, Fault::TooFast] {
        double.faults.next(fault);
        let error = settle().await;
        assert!(matches!(error, Error::Failing { .. }) && error.is_passing(), "{fault:?}: {error}");
    }
    for (status, text) in [(502, "<html>bad gateway</html>"), (500, "{\"error\": \"no\"}"), (503, "")] {
        double.will(Answer::Raw(status, text.to_owned()));
        let error = settle().await;
        assert!(matches!(error, Error::Failing { status: same, .. } if same == status), "{error}");
    }
    for text in [
        "",
        "null",
        "[]",
        "{}",
        "{\"success\": \"true\"}",
        "{\"success\": 1}",
        "\u{fffd}",
        "{\"success\":true",
    ] {
        double.will(Answer::Raw(200, text.to_owned()));
        assert!(matches!(settle().await, Error::Unreadable { .. }), "{text}");
    }
    double.will(answers(401, json!({"errorType": "unauthorized", "errorMessage": "no\u{7} key"})));
    let error = settle().await;
    assert!(matches!(&error, Error::Refused { status: 401, message, .. } if message == "no key"), "{error}");
    double.will(Answer::Endless);
    assert!(settle().await.to_string().contains("larger than"));

    let stranger = Double::start().await;
    stranger.will(answers(200, json!({"success": true})));
    double.will(Answer::Redirect(stranger.base.clone()));
    assert!(settle().await.to_string().contains("redirect"));
    assert!(stranger.asked.lock().unwrap().is_empty());

    let nobody = Settings { url: "http://127.0.0.1:9/".parse().unwrap(), ..settings(&double) };
    let error = Facilitator::new(nobody).unwrap().settle(&payment(), &asked()).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert!(!error.to_string().contains(&payment().signature.expose_hex()[2..20]));
}

#[tokio::test]
async fn it_says_what_it_can_do() {
    let (double, facilitator) = start().await;
    let kind = |version: u8, scheme: &str, network: &str| json!({"x402Version": version, "scheme": scheme, "network": network});
    double.will(answers(
        200,
        json!({"kinds": [
            kind(1, "exact", "base-sepolia"), kind(2, "exact", "eip155:84532"), kind(2, "upto", "eip155:10"),
            kind(2, "exact", "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"), kind(2, "exact", "eip155:8453"),
            kind(2, "exact", "eip155:84532"),
        ], "extensions": [], "signers": {"eip155:*": ["0x00"]}}),
    ));
    let networks = facilitator.supported().await.unwrap().networks;
    assert_eq!(networks, [Network::BASE, Network::BASE_SEPOLIA]);
    assert_eq!((double.last().method.as_str(), double.last().uri.path()), ("GET", "/supported"));
}

fn key(pair: &str) -> CdpKey {
    CdpKey { id: "11111111-2222-3333-4444-555555555555".to_owned(), secret: pair.to_owned().into() }
}

/// A key as Coinbase gives it: base64 of the seed and the public half.
fn secret() -> (String, Vec<u8>) {
    let seed = [9; 32];
    let public = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap().public_key().as_ref().to_vec();
    (STANDARD.encode([&seed[..], &public].concat()), public)
}

/// What the platform does with a token: checks the signature, then reads it.
fn opened(asked: &Asked, public: &[u8]) -> (Value, Value) {
    let token = asked.headers["authorization"].to_str().unwrap().strip_prefix("Bearer ").unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    UnparsedPublicKey::new(&ED25519, public).verify(signed.as_bytes(), &signature).unwrap();
    let part = |text| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    (part(header), part(claims))
}

#[tokio::test]
async fn coinbase_gets_a_fresh_token_for_each_request() {
    let double = Double::start().await;
    double.will(answers(200, json!({"isValid": true, "success": true, "kinds": []})));
    let (secret, public) = secret();
    let clock = Clock::manual(NOW);
    let mut settings = settings(&double);
    settings.url = double.base.join("platform/v2/x402").unwrap();
    settings.cdp = Some(key(&secret));
    settings.clock = clock.clone();
    assert!(!format!("{settings:?}").contains(&secret));
    let facilitator = Facilitator::new(settings).unwrap();
    assert!(!format!("{facilitator:?}").contains(&secret));

    facilitator.verify(&payment(), &asked()).await.unwrap();
    clock.advance(Duration::from_secs(10));
    facilitator.settle(&payment(), &asked()).await.unwrap();
    facilitator.supported().await.unwrap();
    let all: Vec<_> = double.asked.lock().unwrap().iter().map(|asked| opened(asked, &public)).collect();
    for ((header, claims), (uri, at)) in all.iter().zip([
        ("POST 127.0.0.1/platform/v2/x402/verify", 0),
        ("POST 127.0.0.1/platform/v2/x402/settle", 10),
        ("GET 127.0.0.1/platform/v2/x402/supported", 10),
    ]) {
        let now = NOW.0 / 1_000_000 + at;
        let id = "11111111-2222-3333-4444-555555555555";
        assert_eq!(
            (&header["alg"], &header["typ"], &header["kid"]),
            (&json!("EdDSA"), &json!("JWT"), &json!(id))
        );
        assert_eq!(
            claims,
            &json!({"sub": id, "iss": "cdp", "iat": now, "nbf": now, "exp": now + 120, "uris": [uri]})
        );
    }
    let nonces: std::collections::BTreeSet<_> =
        all.iter().map(|(header, _)| header["nonce"].to_string()).collect();
    assert_eq!(nonces.len(), 3);
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused() {
    let double = Double::start().await;
    let (secret, _) = secret();
    let mut halves = STANDARD.decode(&secret).unwrap();
    halves[40] ^= 1;
    for (bad, words) in [
        (key(""), "base64"),
        (key("c2hvcnQ="), "64 bytes"),
        (key("-----BEGIN EC PRIVATE KEY-----"), "Ed25519"),
        (key(&STANDARD.encode(halves)), "do not belong together"),
        (CdpKey { id: " ".to_owned(), ..key(&secret) }, "id is empty"),
    ] {
        let error = Facilitator::new(Settings { cdp: Some(bad), ..settings(&double) }).unwrap_err();
        assert!(matches!(&error, Error::Settings(text) if text.contains(words)), "{error}");
    }
    for url in [
        "http://facilitator.example/",
        "https://user:pw@facilitator.example/",
        "https://facilitator.example/?key=1",
    ] {
        let settings = Settings { url: url.parse().unwrap(), ..settings(&double) };
        assert!(matches!(Facilitator::new(settings), Err(Error::Settings(_))), "{url}");
    }
}
