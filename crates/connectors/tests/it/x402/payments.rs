//! Offers and payments: both generations understand each other, and nothing that is not exactly right is a payment.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use innkeeper_connectors::x402::eip712::{BadSignature, checksummed};
use innkeeper_connectors::x402::wallet::{Wallet, nonce};
use innkeeper_connectors::x402::{
    Atomic, BadPayment, Mismatch, Offer, Payment, Requirements, Signature, Version,
};
use innkeeper_domain::wallets::{Address, Network, Nonce};
use proptest::prelude::*;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{NOW, asked, offer, wallet};

fn decoded(text: &str) -> Value {
    serde_json::from_slice(&STANDARD.decode(text).unwrap()).unwrap()
}

fn encoded(json: &Value) -> String {
    STANDARD.encode(json.to_string())
}

/// What a buyer of the second generation sends, open.
fn v2() -> Value {
    decoded(wallet().pay(&offer(), &asked(), NOW, Nonce([7; 32])).expose_secret())
}

/// What one of the first sends.
fn v1() -> Value {
    json!({"x402Version": 1, "scheme": "exact", "network": "base-sepolia", "payload": v2()["payload"]})
}

#[test]
fn an_offer_says_the_same_to_both_generations() {
    let two = Offer {
        requirements: vec![asked(), Requirements { network: Network { chain_id: 10 }, ..asked() }],
        ..offer()
    };
    let json = decoded(&two.header("Payment required"));
    assert_eq!(
        json["accepts"][0],
        json!({
            "scheme": "exact",
            "network": "eip155:84532",
            "amount": "75000",
            "asset": "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
            "payTo": "0x16FB872ad757d3F272356984ab5Ee9ef0aaFfc0b",
            "maxTimeoutSeconds": 120,
            "extra": {"name": "USDC", "version": "2", "paymentFlow": "upfront"},
        })
    );
    assert_eq!(json["resource"]["url"], "https://inn.example/api/v1/leases");
    assert_eq!(json["extensions"]["quote"]["info"]["id"], "q1");
    assert_eq!(Offer::from_header(&two.header("Payment required")).unwrap(), two);

    let body = two.body_v1("Payment required");
    // The second chain has no name there.
    assert_eq!(
        body,
        json!({"x402Version": 1, "error": "Payment required", "accepts": [{
            "scheme": "exact",
            "network": "base-sepolia",
            "maxAmountRequired": "75000",
            "resource": "https://inn.example/api/v1/leases",
            "description": "A lease, 3 h",
            "mimeType": "application/json",
            "payTo": "0x16FB872ad757d3F272356984ab5Ee9ef0aaFfc0b",
            "maxTimeoutSeconds": 120,
            "asset": "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
            "extra": {"name": "USDC", "version": "2"},
        }]})
    );
}

#[test]
fn a_payment_answers_the_offer_that_it_was_made_for() {
    let wallet = wallet();
    let header = wallet.pay(&offer(), &asked(), NOW, Nonce([7; 32]));
    let payment = Payment::from_v2(header.expose_secret()).unwrap();
    assert_eq!((payment.version, payment.network), (Version::V2, Network::BASE_SEPOLIA));
    assert_eq!(payment.authorization.from, wallet.address());
    assert_eq!(payment.authorization.valid_before, 1_795_222_003);
    assert_eq!(payment.extensions, offer().extensions);
    assert_eq!(payment.answers(&asked()), Ok(()));
    assert_eq!(payment.check_signature(&asked()), Ok(()));

    let first = Payment::from_v1(&encoded(&v1())).unwrap();
    assert_eq!((first.version, first.authorization), (Version::V1, payment.authorization));
    assert_eq!(first.answers(&asked()), Ok(()));
    assert_eq!(first.check_signature(&asked()), Ok(()));
}

#[test]
fn a_signature_is_that_of_other_peoples_libraries() {
    // Made once with viem 2.57.1, for Base's own token.
    let vector = "0x1b41a77bfdc5a61b2f5d22af7cf577cf60be137eb3c4809786df986d4bfe57d532de21a29ac9e8cdc493dfb0d3193148e8cbd0f38d731ff99262f038eeaf30cf1b";
    let base = Requirements {
        network: Network::BASE,
        asset: "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913".parse().unwrap(),
        pay_to: "0x209693Bc6afc0C5328bA36FaF03C514EF312287C".parse().unwrap(),
        token_name: "USD Coin".to_owned(),
        ..asked()
    };
    let payment = wallet().authorize(&offer(), &base, NOW, Nonce([0xab; 32]));
    assert_eq!(checksummed(payment.authorization.from), "0x66d7fCDA962D60FedA1737dC8765E5d85Ff6354f");
    assert_eq!(payment.signature.expose_hex(), vector);
}

#[test]
fn the_case_of_addresses_is_all_that_may_differ() {
    let mut json = v2();
    for field in ["asset", "payTo"] {
        json["accepted"][field] = json["accepted"][field].as_str().unwrap().to_lowercase().into();
    }
    let from = json["payload"]["authorization"]["from"].as_str().unwrap().to_lowercase();
    json["payload"]["authorization"]["from"] = from.into();
    assert_eq!(Payment::from_v2(&encoded(&json)).unwrap().answers(&asked()), Ok(()));

    for (field, other) in [
        ("amount", json!("74999")),
        ("maxTimeoutSeconds", json!(121)),
        ("maxTimeoutSeconds", json!("120")),
        ("payTo", json!("0x24D4D4bAaC81F5CBB23DEA7aEc11Ca166b27e18A")),
        ("extra", json!({"name": "USDC", "version": "2"})),
        ("extra", json!(null)),
        ("more", json!(1)),
    ] {
        let mut json = v2();
        json["accepted"][field] = other;
        let payment = Payment::from_v2(&encoded(&json)).unwrap();
        assert_eq!(payment.answers(&asked()), Err(Mismatch::Accepted), "{field}");
    }
    let mut less = v2();
    less["accepted"].as_object_mut().unwrap().remove("extra");
    assert_eq!(Payment::from_v2(&encoded(&less)).unwrap().answers(&asked()), Err(Mismatch::Accepted));
}

#[test]
fn more_less_or_something_else_is_no_answer() {
    let payment = Payment::from_v2(&encoded(&v2())).unwrap();
    let other: Address = "0x24D4D4bAaC81F5CBB23DEA7aEc11Ca166b27e18A".parse().unwrap();
    for (changed, mismatch) in [
        (Requirements { amount: Atomic(74_999), ..asked() }, Mismatch::Value),
        (Requirements { amount: Atomic(75_001), ..asked() }, Mismatch::Value),
        (Requirements { pay_to: other, ..asked() }, Mismatch::To),
        (Requirements { network: Network::BASE, ..asked() }, Mismatch::Network),
        (Requirements { asset: other, ..asked() }, Mismatch::Asset),
        (Requirements { max_timeout_s: 60, ..asked() }, Mismatch::Accepted),
    ] {
        assert_eq!(payment.answers(&changed), Err(mismatch));
    }
    // The first generation does not name the token; whoever signed for another did not sign for this one.
    let first = Payment::from_v1(&encoded(&v1())).unwrap();
    let token = Requirements { asset: other, ..asked() };
    assert_eq!(first.answers(&token), Ok(()));
    assert_eq!(first.check_signature(&token), Err(BadSignature::Other));
    let mut stolen = payment;
    stolen.authorization.from = other;
    assert_eq!(stolen.check_signature(&asked()), Err(BadSignature::Other));
}

#[test]
fn what_is_wrong_is_named() {
    let cases: [(&str, Value, &str); 21] = [
        ("/x402Version", json!(1), "`x402Version` must be 2"),
        ("/x402Version", json!("2"), "`x402Version` must be 2"),
        ("/accepted", json!(null), "`accepted` is missing"),
        ("/accepted/scheme", json!("upto"), "`accepted.scheme` must be `exact`"),
        ("/accepted/network", json!("solana:1"), "`accepted.network` must be a network"),
        ("/accepted/network", json!("base"), "`accepted.network` must be a network"),
        ("/payload", json!([]), "`payload` must be an object"),
        ("/payload/signature", json!("2d6a"), "`payload.signature` must be"),
        ("/payload/signature", json!("0x"), "`payload.signature` must be"),
        ("/payload/signature", json!(null), "`payload.signature` is missing"),
        (
            "/payload/permit2Authorization",
            json!({}),
            "`payload` must be `signature` and `authorization` and nothing",
        ),
        ("/payload/authorization/more", json!(1), "`payload.authorization` must be `from`"),
        ("/payload/authorization/from", json!("0x12"), "`payload.authorization.from` must be an address"),
        ("/payload/authorization/to", json!(7), "`payload.authorization.to` must be an address"),
        ("/payload/authorization/nonce", json!("0x12"), "`payload.authorization.nonce` must be `0x` and 64"),
        ("/payload/authorization/value", json!("-1"), "`payload.authorization.value` must be a whole number"),
        (
            "/payload/authorization/value",
            json!(75000),
            "`payload.authorization.value` must be a whole number",
        ),
        (
            "/payload/authorization/validAfter",
            json!("-1"),
            "`payload.authorization.validAfter` must be seconds",
        ),
        ("/payload/authorization/validBefore", json!("18446744073709551616"), "validBefore` must be seconds"),
        ("/payload/authorization/validBefore", json!(1.5), "validBefore` must be seconds"),
        ("/extensions", json!([]), "`extensions` must be an object"),
    ];
    for (at, value, words) in cases {
        let mut json = v2();
        let (parent, key) = at.rsplit_once('/').unwrap();
        json.pointer_mut(parent).unwrap()[key] = value;
        let error = Payment::from_v2(&encoded(&json)).unwrap_err().to_string();
        assert!(error.contains(words), "{at}: {error}");
    }
    for (at, value, words) in [
        ("network", json!("eip155:84532"), "`network` must be `base` or `base-sepolia`"),
        ("network", json!("ethereum"), "`network` must be `base` or `base-sepolia`"),
        ("scheme", json!("upto"), "`scheme` must be `exact`"),
        ("x402Version", json!(2), "`x402Version` must be 1"),
    ] {
        let mut json = v1();
        json[at] = value;
        let error = Payment::from_v1(&encoded(&json)).unwrap_err().to_string();
        assert!(error.contains(words), "{at}: {error}");
    }
    for (text, error) in [
        ("{}", BadPayment::Base64("PAYMENT-SIGNATURE")),
        ("bm90IGpzb24=", BadPayment::Json("PAYMENT-SIGNATURE")),
        ("W10=", BadPayment::Json("PAYMENT-SIGNATURE")),
        ("e30=", BadPayment::Missing("x402Version")),
        ("", BadPayment::Json("PAYMENT-SIGNATURE")),
    ] {
        assert_eq!(Payment::from_v2(text), Err(error), "{text}");
    }
    let mut huge = v2();
    huge["extensions"]["more"] = "x".repeat(8 * 1024).into();
    assert_eq!(Payment::from_v2(&encoded(&huge)), Err(BadPayment::TooLong("PAYMENT-SIGNATURE")));
    let deep = format!("{}{}", "{\"a\":".repeat(1000), "}".repeat(1000));
    assert_eq!(Payment::from_v2(&STANDARD.encode(deep)), Err(BadPayment::Json("PAYMENT-SIGNATURE")));
}

#[test]
fn a_signature_is_nowhere_but_where_it_must_be() {
    let header = wallet().pay(&offer(), &asked(), NOW, Nonce([7; 32]));
    let payment = Payment::from_v2(header.expose_secret()).unwrap();
    let secret = payment.signature.expose_hex();
    assert!(!format!("{payment:?}").contains(&secret[2..20]));
    let shown = format!("{payment:?}");
    assert!(shown.contains("quote") && !shown.contains("q1"), "{shown}");
    assert!(!format!("{header:?}").contains(header.expose_secret()));
    let stored = payment.to_stored();
    assert!(!format!("{stored:?}").contains(&secret[2..20]));
    assert!(stored.expose_secret().contains(&secret));
    // An error does not repeat what was sent, even where it is the signature that is wrong.
    let mut json = v2();
    json["payload"]["signature"] = format!("{secret}zz").into();
    let error = Payment::from_v2(&encoded(&json)).unwrap_err();
    assert!(!format!("{error} {error:?}").contains(&secret[2..20]));
    let key = wallet().to_hex();
    assert!(!format!("{:?} {key:?}", wallet()).contains(&key.expose_secret()[2..20]));
}

#[test]
fn a_payment_is_kept_and_read_again() {
    let two = Payment::from_v2(&encoded(&v2())).unwrap();
    let one = Payment::from_v1(&encoded(&v1())).unwrap();
    for payment in [two, one] {
        assert_eq!(Payment::from_stored(&payment.to_stored()).unwrap(), payment);
    }
    assert!(Payment::from_stored(&"{}".to_owned().into()).is_err());
    assert!(Payment::from_stored(&"no".to_owned().into()).is_err());
}

#[test]
fn keys_are_read_as_wallets_export_them() {
    let new = Wallet::random();
    let hex = new.to_hex();
    assert_eq!(Wallet::from_hex(&hex).unwrap().address(), new.address());
    assert_ne!(Wallet::random().address(), new.address());
    assert_ne!(nonce(), nonce());
    let bare = hex.expose_secret().trim_start_matches("0x").to_owned();
    assert_eq!(Wallet::from_hex(&format!("{bare}\n").into()).unwrap().address(), new.address());
    for bad in ["", "0x", "zz", &"00".repeat(32), &"ff".repeat(32), &"01".repeat(31), &"01".repeat(33)] {
        assert!(Wallet::from_hex(&bad.to_owned().into()).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600), text in "\\PC{0,100}") {
        for text in [text, STANDARD.encode(&bytes)] {
            let _ = (Payment::from_v2(&text), Payment::from_v1(&text), Offer::from_header(&text));
            let _ = (Payment::from_stored(&text.clone().into()), text.parse::<Signature>());
        }
    }

    #[test]
    fn nothing_put_in_a_field_makes_a_reader_panic(at in 0..14_usize, text in "\\PC{0,80}", number: f64, kind in 0..4) {
        const FIELDS: [&str; 14] = [
            "/x402Version", "/accepted", "/accepted/scheme", "/accepted/network", "/accepted/asset", "/payload",
            "/payload/signature", "/payload/authorization", "/payload/authorization/from",
            "/payload/authorization/value", "/payload/authorization/validAfter",
            "/payload/authorization/validBefore", "/payload/authorization/nonce", "/extensions",
        ];
        let mut json = v2();
        *json.pointer_mut(FIELDS[at]).unwrap() = match kind {
            0 => json!(text),
            1 => json!(number),
            2 => json!([text]),
            _ => json!({ text: number }),
        };
        if let Ok(payment) = Payment::from_v2(&encoded(&json)) {
            let _ = (payment.answers(&asked()), payment.check_signature(&asked()));
        }
    }

    /// Every number that is not exactly one of ours in its one spelling is refused or is not ours.
    #[test]
    fn no_bad_number_is_a_payment(text in "[-+ 0-9.eExX_NaN]{0,45}") {
        let good = |most: u128| text.parse::<u128>().is_ok_and(|n| n <= most && n.to_string() == text);
        for (field, most) in [("value", u128::MAX), ("validAfter", u64::MAX.into()), ("validBefore", u64::MAX.into())] {
            let mut json = v2();
            json["payload"]["authorization"][field] = text.clone().into();
            prop_assert_eq!(Payment::from_v2(&encoded(&json)).is_ok(), good(most), "{} {}", field, text);
        }
    }
}
