//! What is typed, and what is told.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use clap::Parser;
use innkeeper_connectors::x402::wallet::Wallet;
use innkeeper_connectors::x402::{Atomic, OFFER_HEADER, Offer, Requirements};
use innkeeper_domain::wallets::{Address, Network};
use serde_json::json;

use super::buying::{decimal, parse};
use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(subcommand)]
    lease: Lease,
}

fn typed(words: &str) -> Result<Lease, String> {
    let words = ["lease"].into_iter().chain(words.split_whitespace());
    Line::try_parse_from(words).map(|line| line.lease).map_err(|error| error.to_string())
}

#[test]
fn every_command_can_be_typed() {
    for words in [
        "catalogue",
        "quote --minutes 60",
        "quote --minutes 60 --lease lse_1",
        "rent --minutes 60 --plan Small --name web --ssh-key k --wallet-key-file f --max-price 0.25 --save",
        "rent --minutes 60 --cores 1 --memory-mib 512 --disk-gib 4 --credits home --yes",
        "rent --minutes 60 --wallet-credits --wallet-key-file f --yes",
        "list --wallet-key-file f",
        "show lse_1 --token-file f",
        "renew lse_1 --minutes 60 --wallet-key-file f --yes --pay-network eip155:8453",
        "resize lse_1 --plan Small",
        "exec lse_1 --timeout 5 -- uname -a",
        "console lse_1",
        "log lse_1 --json",
        "end lse_1 --yes",
        "token lse_1 --save",
        "claim lse_1",
        "orders ord_1 ord_2",
    ] {
        typed(words).unwrap_or_else(|error| panic!("{words}: {error}"));
    }
}

#[test]
fn what_contradicts_itself_is_refused() {
    for words in [
        "rent",
        "rent --minutes 60 --plan a --cores 1 --memory-mib 1 --disk-gib 1",
        "rent --minutes 60 --cores 1",
        "rent --minutes 60 --credits a --wallet-key-file f",
        "rent --minutes 60 --credits a --wallet-credits",
        "quote --minutes 1 --lease l --plan p",
        "renew lse_1 --minutes 1 --pay-network base",
        "exec lse_1",
        "orders",
    ] {
        assert!(typed(words).is_err(), "{words}");
    }
}

#[test]
fn no_key_can_be_given_as_an_argument() {
    use clap::CommandFactory as _;
    let line = Line::command();
    for command in line.get_subcommands() {
        for argument in command.get_arguments() {
            let name = argument.get_id().as_str();
            let secret = name == "wallet_key" || name == "lease_token" || name == "private_key";
            assert!(!secret, "{} --{name}", command.get_name());
        }
    }
}

#[test]
fn amounts_are_read_as_they_are_written() {
    for (amount, digits, text) in
        [(75_000, 6, "0.075"), (1_000_000, 6, "1"), (6_000_001, 6, "6.000001"), (0, 6, "0"), (42, 0, "42")]
    {
        assert_eq!(decimal(amount, digits), text);
        assert_eq!(parse(text, digits), Some(amount));
    }
    for bad in ["", ".5", "1.0000001", "-1", "1,5", "1e3", " 1"] {
        assert_eq!(parse(bad, 6), None, "{bad}");
    }
}

#[test]
fn what_was_bought_is_told_with_its_token_once() {
    let order = json!({"id": "ord_1", "state": "delivered", "price_micros": 65_000, "lease_id": "lse_1",
        "transaction": "0xab", "payer": "0xcd"});
    let answer = json!({"order": order, "lease": null, "token": "ikl_x"});
    let told = shown::bought(&answer, false);
    assert!(told.contains("token ikl_x") && told.contains("0xab") && told.contains("this once"), "{told}");
    assert!(shown::must_be_delivered(&answer).is_ok());
    let lost = json!({"order": {"state": "credited", "problem": "no room"}});
    let error = shown::must_be_delivered(&lost).unwrap_err().to_string();
    assert!(error.contains("no room") && error.contains("--wallet-credits"), "{error}");
    assert!(shown::must_be_delivered(&json!({"order": {"state": "lapsed"}})).is_err());
}

/// A house that answers the first payment with trouble, and keeps what it was sent.
async fn house(amount: u128) -> (String, Arc<Mutex<Vec<(Option<String>, String)>>>) {
    let seen = Arc::<Mutex<Vec<(Option<String>, String)>>>::default();
    let kept = Arc::clone(&seen);
    let sell = async move |headers: HeaderMap| -> Response {
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        let payment = text("payment-signature");
        let mut seen = kept.lock().unwrap();
        seen.push((payment.clone(), text("idempotency-key").unwrap()));
        let Some(_) = payment else {
            let asked = Requirements {
                network: Network::BASE_SEPOLIA,
                asset: "0x036CbD53842c5426634e7929541eC2318f3dCF7e".parse().unwrap(),
                amount: Atomic(amount),
                pay_to: Address([7; 20]),
                max_timeout_s: 120,
                token_name: "USDC".to_owned(),
                token_version: "2".to_owned(),
            };
            let offer = Offer {
                resource: "http://localhost/api/v1/leases".parse().unwrap(),
                description: "a lease".to_owned(),
                requirements: vec![asked],
                extensions: serde_json::Map::new(),
            };
            let body = axum::Json(json!({ "price_micros": 1 }));
            return (StatusCode::PAYMENT_REQUIRED, [(OFFER_HEADER, offer.header("pay"))], body)
                .into_response();
        };
        if seen.len() == 2 {
            return (StatusCode::SERVICE_UNAVAILABLE, "").into_response();
        }
        axum::Json(json!({ "order": { "id": "ord_1", "state": "delivered" } })).into_response()
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/api/v1/leases", axum::routing::post(sell));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, seen)
}

async fn rent(url: &str, limit: &str) -> anyhow::Result<Value> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("key");
    wallet::write_new(&file, &Wallet::random())?;
    let words = format!("rent --minutes 10 --wallet-key-file {} {limit}", file.display());
    let Ok(Lease::Rent(rent)) = typed(&words) else { panic!("{words}") };
    let remote = Remote { url: Some(url.to_owned()), token: None, json: false };
    let server = Server::find(&remote)?;
    Ok(rent.paying.buy(&server, "/api/v1/leases", rent.wanted.body(), None).await?.answer)
}

#[tokio::test]
async fn when_an_answer_is_lost_the_same_payment_is_sent_again_and_no_other_is_signed() {
    let (url, seen) = house(6_334).await;
    let answer = rent(&url, "--yes").await.unwrap();
    assert_eq!(answer["order"]["id"], "ord_1");
    let seen = seen.lock().unwrap();
    let [(None, key), (Some(first), second_key), (Some(again), third_key)] = &seen[..] else {
        panic!("{} requests", seen.len())
    };
    assert_eq!(first, again, "one payment for one order");
    assert!(key == second_key && key == third_key && key.len() >= 16, "and one key");
}

#[tokio::test]
async fn more_than_was_agreed_to_is_not_signed() {
    for (amount, limit, good) in [
        (1_000_000, "--yes", true),
        (1_000_001, "--yes", false),
        (1_000_001, "--yes --max-price 2", true),
        (250_001, "--max-price 0.25", false),
        (1, "--max-price lots", false),
    ] {
        let (url, seen) = house(amount).await;
        assert_eq!(rent(&url, limit).await.is_ok(), good, "{amount} {limit}");
        assert_eq!(seen.lock().unwrap().iter().any(|(payment, _)| payment.is_some()), good);
    }
}

#[test]
fn a_key_that_others_can_read_is_not_used() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    wallet::write_new(&file, &Wallet::random()).unwrap();
    let of = wallet::WalletOf { wallet_key_file: Some(file.clone()) };
    assert!(of.in_file().unwrap().is_some());
    assert!(wallet::write_new(&file, &Wallet::random()).is_err(), "what is there is not overwritten");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    let error = of.in_file().unwrap_err().to_string();
    assert!(error.contains("chmod 600"), "{error}");
}
