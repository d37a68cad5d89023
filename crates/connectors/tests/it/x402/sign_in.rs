//! Signing in: what other people's wallets sign is understood, and nothing signed for anybody or anything else.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use innkeeper_connectors::x402::Signature;
use innkeeper_connectors::x402::eip712::BadSignature;
use innkeeper_connectors::x402::siwx::{BadSignIn, Challenge, SignIn, challenge, domain_of};
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::wallets::{Address, Network};
use proptest::prelude::*;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use url::Url;

use super::{NOW, wallet};

const NONCE: &str = "a1b2c3d4e5f67890a1b2c3d4e5f67890";

/// Made once with @x402/extensions 2.27.0 and viem 2.57.1, by the wallet of these tests.
const BARE: &str = "eyJkb21haW4iOiJpbm4uZXhhbXBsZTo4NDQzIiwiYWRkcmVzcyI6IjB4NjZkN2ZDREE5NjJENjBGZWRBMTczN2RDODc2NUU1ZDg1RmY2MzU0ZiIsInVyaSI6Imh0dHBzOi8vaW5uLmV4YW1wbGU6ODQ0My9hcGkvdjEvbGVhc2VzIiwidmVyc2lvbiI6IjEiLCJjaGFpbklkIjoiZWlwMTU1Ojg0NTMyIiwidHlwZSI6ImVpcDE5MSIsIm5vbmNlIjoiYTFiMmMzZDRlNWY2Nzg5MGExYjJjM2Q0ZTVmNjc4OTAiLCJpc3N1ZWRBdCI6IjIwMjYtMTEtMjFUMDA6NDQ6NDMuMDAwWiIsInNpZ25hdHVyZSI6IjB4NmE2NTE5OWUzNDkyYzMxMGI4MTdmNzNkYmE4MmM2YTRmYzRlOWQ3NDA4NWQ4OGNkYWVlMjIxNTgzMWVlNTVkZTc5N2MzMjAwNmNlYjEwN2E0YjFiNmVkYjkwNWE2ZTgwZWM1NDU4MTgyZDhhZTE5MTc0ZDllMjczMWZlNWRiNTYxYiJ9";
/// The same with all fields that there are.
const FULL: &str = "eyJkb21haW4iOiJpbm4uZXhhbXBsZTo4NDQzIiwiYWRkcmVzcyI6IjB4NjZkN2ZDREE5NjJENjBGZWRBMTczN2RDODc2NUU1ZDg1RmY2MzU0ZiIsInN0YXRlbWVudCI6IlNpZ24gaW4gdG8gbWFuYWdlIHlvdXIgbGVhc2VzLiIsInVyaSI6Imh0dHBzOi8vaW5uLmV4YW1wbGU6ODQ0My9hcGkvdjEvbGVhc2VzIiwidmVyc2lvbiI6IjEiLCJjaGFpbklkIjoiZWlwMTU1Ojg0NTMyIiwidHlwZSI6ImVpcDE5MSIsIm5vbmNlIjoiYTFiMmMzZDRlNWY2Nzg5MGExYjJjM2Q0ZTVmNjc4OTAiLCJpc3N1ZWRBdCI6IjIwMjYtMTEtMjFUMDA6NDQ6NDMuMDAwWiIsImV4cGlyYXRpb25UaW1lIjoiMjAyNi0xMS0yMVQwMDo0OTo0My4wMDBaIiwibm90QmVmb3JlIjoiMjAyNi0xMS0yMVQwMDo0NDo0My4wMDBaIiwicmVxdWVzdElkIjoicmVxLTEiLCJyZXNvdXJjZXMiOlsiaHR0cHM6Ly9pbm4uZXhhbXBsZTo4NDQzL2EiLCJodHRwczovL2lubi5leGFtcGxlOjg0NDMvYiJdLCJzaWduYXR1cmUiOiIweDI0M2IzZmJmM2VjZWI0ZDQ2MWY0NTljMTY0YTdlZmUxM2NhZTdmYTU2MThlMTQ4ZjE3OTc3ZGQ5OWQ2ZjVmZTg1MDhlOTZjMzNhMTlkMmM2ZTZmMDI5MDk2NjE2NmRkMDg0YzAyNDU0MjYyYjI5NDcyODBhYTczZGQ4YjYwNmIyMWIifQ==";

fn server() -> Url {
    "https://inn.example:8443/api".parse().unwrap()
}

fn given() -> Challenge {
    let uri = "https://inn.example:8443/api/v1/leases".parse().unwrap();
    let end = NOW.after(Duration::from_mins(5));
    challenge(&domain_of(&server()), &uri, &[Network::BASE_SEPOLIA, Network::BASE], NONCE, NOW, end)
}

fn at(now: Timestamp, header: &str) -> Result<Address, BadSignIn> {
    SignIn::from_header(header)?.verify(now, "inn.example:8443", &server(), &[Network::BASE_SEPOLIA])
}

fn answer() -> String {
    let header = wallet().sign_in(&given(), Network::BASE_SEPOLIA, &server()).unwrap();
    header.expose_secret().to_owned()
}

fn decoded(text: &str) -> Value {
    serde_json::from_slice(&STANDARD.decode(text).unwrap()).unwrap()
}

fn encoded(json: &Value) -> String {
    STANDARD.encode(json.to_string())
}

#[test]
fn what_other_peoples_clients_sign_is_understood() {
    for header in [BARE, FULL] {
        assert_eq!(at(NOW, header), Ok(wallet().address()));
        assert_eq!(SignIn::from_header(header).unwrap().nonce(), NONCE);
    }
}

#[test]
fn what_we_sign_is_what_other_peoples_clients_sign() {
    for vector in [BARE, FULL] {
        let vector = decoded(vector);
        let theirs: Challenge =
            serde_json::from_value(json!({"info": vector, "supportedChains": []})).unwrap();
        let header = wallet().sign_in(&theirs, Network::BASE_SEPOLIA, &server()).unwrap();
        assert_eq!(decoded(header.expose_secret()), vector);
    }
}

#[test]
fn a_challenge_is_answered_and_stands_in_an_offer() {
    let extension = given().extension();
    assert_eq!(extension["info"]["issuedAt"], "2026-11-21T00:44:43.000Z");
    assert_eq!(extension["info"]["expirationTime"], "2026-11-21T00:49:43.000Z");
    assert_eq!(extension["info"]["domain"], "inn.example:8443");
    assert_eq!(extension["supportedChains"][1], json!({"chainId": "eip155:8453", "type": "eip191"}));
    // A buyer reads it back as it was.
    assert_eq!(serde_json::from_value::<Challenge>(extension).unwrap(), given());
    assert_eq!(at(NOW, &answer()), Ok(wallet().address()));
    assert_eq!(domain_of(&"https://inn.example/x".parse().unwrap()), "inn.example");
}

#[test]
fn a_wallet_signs_for_nobody_else_than_the_server_that_it_spoke_to() {
    for other in ["https://evil.example:8443/", "https://inn.example/", "http://inn.example:8443/"] {
        let signed = wallet().sign_in(&given(), Network::BASE_SEPOLIA, &other.parse().unwrap());
        assert_eq!(signed.err(), Some(BadSignIn::Domain), "{other}");
    }
    let mut two_lines = given();
    two_lines.info.statement = Some("Hello\n\nURI: https://other.example".to_owned());
    assert!(wallet().sign_in(&two_lines, Network::BASE_SEPOLIA, &server()).is_err());
}

#[test]
fn it_is_good_for_one_server_and_a_while() {
    let header = answer();
    let sign_in = SignIn::from_header(&header).unwrap();
    let verify = |domain, prefix: &str, networks: &[Network]| {
        sign_in.verify(NOW, domain, &prefix.parse().unwrap(), networks)
    };
    let us = &[Network::BASE_SEPOLIA];
    assert!(verify("inn.example:8443", "https://inn.example:8443/", us).is_ok());
    assert_eq!(verify("inn.example", "https://inn.example:8443/", us), Err(BadSignIn::Domain));
    for prefix in [
        "https://inn.example:8443/ap",
        "https://inn.example:8443/api/v1/leases/x",
        "http://inn.example:8443/api",
        "https://inn.example/api",
        "https://other.example:8443/api",
    ] {
        assert_eq!(verify("inn.example:8443", prefix, us), Err(BadSignIn::Uri), "{prefix}");
    }
    assert_eq!(
        verify("inn.example:8443", "https://inn.example:8443/", &[Network::BASE]),
        Err(BadSignIn::Network)
    );

    let last = Timestamp(NOW.after(Duration::from_mins(5)).0 - 1);
    assert!(at(last, &header).is_ok());
    assert_eq!(at(Timestamp(last.0 + 1), &header), Err(BadSignIn::Expired));
    assert_eq!(at(NOW.before(Duration::from_mins(1)), &header), Err(BadSignIn::Early));
    // One without an end, or with a late one, ends all the same.
    assert_eq!(at(NOW.after(Duration::from_secs(301)), BARE), Err(BadSignIn::Expired));
}

#[test]
fn what_was_signed_is_what_counts() {
    for (field, other) in [
        ("statement", json!("Sign in to do something else.")),
        ("nonce", json!("b1b2c3d4e5f67890a1b2c3d4e5f67890")),
        ("uri", json!("https://inn.example:8443/api/v1/other")),
        ("issuedAt", json!("2026-11-21T00:44:44.000Z")),
        ("expirationTime", json!(null)),
        ("requestId", json!("x")),
        ("resources", json!([])),
        ("address", json!("0x24D4D4bAaC81F5CBB23DEA7aEc11Ca166b27e18A")),
        ("address", json!("0x66d7fcda962d60feda1737dc8765e5d85ff6354f")),
    ] {
        let mut json = decoded(&answer());
        json[field] = other;
        assert_eq!(at(NOW, &encoded(&json)), Err(BadSignIn::Signature(BadSignature::Other)), "{field}");
    }
    let mut json = decoded(&answer());
    json["signature"] = format!("0x{}", "ab".repeat(300)).into();
    let error = at(NOW, &encoded(&json)).unwrap_err();
    assert_eq!(error, BadSignIn::Signature(BadSignature::Length));
    assert!(error.to_string().contains("smart wallet"));
}

#[test]
fn what_is_wrong_is_named() {
    for (field, other, words) in [
        ("type", json!("ed25519"), "`type` must be `eip191`"),
        ("signatureScheme", json!("eip1271"), "smart wallets cannot"),
        ("chainId", json!("solana:1"), "`chainId` must be"),
        ("address", json!("inn"), "`address` must be"),
        ("signature", json!("xx"), "`signature` must be"),
        ("version", json!("2"), "`version` must be `1`"),
        ("nonce", json!("short"), "`nonce` must be"),
        ("nonce", json!("with space"), "`nonce` must be"),
        ("issuedAt", json!("yesterday"), "`issuedAt` must be"),
        ("expirationTime", json!("never"), "`expirationTime` must be"),
        ("statement", json!("a\nb"), "`statement` must be one line"),
        ("resources", json!(["a\rb"]), "`resources` must be one line"),
        ("domain", json!(7), "`SIGN-IN-WITH-X` must be"),
        ("uri", json!(null), "`SIGN-IN-WITH-X` must be"),
    ] {
        let mut json = decoded(&answer());
        json[field] = other;
        let error = at(NOW, &encoded(&json)).unwrap_err().to_string();
        assert!(error.contains(words), "{field}: {error}");
    }
    let secret = decoded(&answer())["signature"].as_str().unwrap().to_owned();
    let sign_in = SignIn::from_header(&answer()).unwrap();
    assert!(!format!("{sign_in:?}").contains(&secret[2..20]));
    assert!(secret.parse::<Signature>().is_ok());
}

proptest! {
    #[test]
    fn nothing_makes_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), field in "[a-zA-Z]{3,16}", text in "\\PC{0,60}") {
        let _ = at(NOW, &STANDARD.encode(&bytes));
        let mut json = decoded(FULL);
        json[field] = text.into();
        let _ = at(NOW, &encoded(&json));
    }
}
