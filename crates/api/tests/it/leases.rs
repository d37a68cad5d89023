//! Leases: what is asked to be paid, what is refused before anybody is asked about a payment, and the names of the
//! server that came before.

use axum::body::Body;
use axum::http::{Method, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use innkeeper_connectors::x402::Offer;
use innkeeper_connectors::x402::wallet::{Wallet, nonce};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::house::{Answer, Client, Furniture, House, with_json};

/// A house that leases, with prices.
pub(crate) async fn open(house: &House) -> (Client<'_>, Furniture) {
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let prices = json!({
        "running": { "core_micros": 4_000, "memory_gib_micros": 2_000, "disk_gib_micros": 100 },
    });
    admin.post("/api/v1/price-lists", &prices).await.expect(201);
    (admin, furniture)
}

pub(crate) fn small() -> Value {
    json!({ "minutes": 60, "size": { "cores": 1, "memory_mib": 512, "disk_gib": 4 } })
}

/// What is to be paid, as buyers of the second generation are told.
fn required(answer: &Answer) -> Value {
    let text = answer.headers["payment-required"].to_str().unwrap();
    serde_json::from_slice(&STANDARD.decode(text).unwrap()).unwrap()
}

/// A request with these headers.
async fn with(house: &House, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
    let mut request = house.anybody().request(Method::POST, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    house.send(with_json(request, body)).await
}

/// A payment of what this request asks for, as an honest buyer signs it.
async fn signed(house: &House, wallet: &Wallet, path: &str, body: &Value) -> String {
    let asked = with(house, path, body, &[]).await;
    assert_eq!(asked.status, 402, "{}", asked.text());
    let offer = Offer::from_header(asked.headers["payment-required"].to_str().unwrap()).unwrap();
    let payment = wallet.pay(&offer, &offer.requirements[0], house.clock.now(), nonce());
    payment.expose_secret().to_owned()
}

async fn nothing_ordered(admin: &Client<'_>) {
    let orders = admin.get("/api/v1/leases/orders").await.expect(200);
    assert_eq!(orders["items"], json!([]));
}

#[tokio::test]
async fn what_is_to_be_paid_is_told_to_both_generations_and_kept_by_no_cache() {
    let house = House::new().await;
    let (admin, _) = open(&house).await;
    let asked = house.anybody().post("/api/v1/leases", &small()).await;
    assert_eq!(asked.status, 402);
    assert_eq!(asked.header(header::CACHE_CONTROL), "no-store");
    // 4000 + 2000 / 2 + 4 * 100 for the hour, and 5000 for the order.
    let described = "60 minutes of a container with 1 core, 512 MiB of memory and 4 GiB of disk";
    let common = |extra: Value| {
        json!({
            "scheme": "exact",
            "asset": "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
            "payTo": "0x16FB872ad757d3F272356984ab5Ee9ef0aaFfc0b",
            "maxTimeoutSeconds": 120,
            "extra": extra,
        })
    };
    let mut v2 = common(json!({ "name": "USDC", "version": "2", "paymentFlow": "upfront" }));
    (v2["network"], v2["amount"]) = (json!("eip155:84532"), json!("10400"));
    let url = "https://rooms.example.org/api/v1/leases";
    let id = json!({ "type": "string", "pattern": "^[A-Za-z0-9_-]{16,128}$" });
    let whole = json!({
        "x402Version": 2,
        "error": "Payment required",
        "resource": { "url": url, "description": described, "mimeType": "application/json" },
        "accepts": [v2],
        "extensions": { "payment-identifier": {
            "info": { "required": false },
            "schema": { "type": "object", "properties": { "id": id } },
        } },
    });
    assert_eq!(required(&asked), whole);
    let mut v1 = common(json!({ "name": "USDC", "version": "2" }));
    (v1["network"], v1["maxAmountRequired"]) = (json!("base-sepolia"), json!("10400"));
    (v1["resource"], v1["description"]) = (json!(url), json!(described));
    v1["mimeType"] = json!("application/json");
    let body = json!({
        "x402Version": 1, "error": "Payment required", "accepts": [v1],
        "price_micros": 10_400, "code": "payment_required",
    });
    assert_eq!(asked.json(), body);
    // Proxies in front of us keep 4 KiB of headers.
    assert!(asked.headers["payment-required"].len() < 3_000);
    nothing_ordered(&admin).await;
}

#[tokio::test]
async fn the_price_follows_from_the_body_of_each_request() {
    let house = House::new().await;
    let (admin, furniture) = open(&house).await;
    let plan = json!({ "name": "Nook", "size": { "cores": 1, "memory_mib": 256, "disk_gib": 4 } });
    let plan = admin.post("/api/v1/plans", &plan).await.expect(201);
    let price = json!({ "price": { "running_micros": 60_000, "stopped_micros": 1_000 } });
    admin.put(&format!("/api/v1/plans/{}/price", plan["id"].as_str().unwrap()), &price).await.expect(200);
    let buyer = house.anybody();
    let template = &furniture.template;
    for (body, price) in [
        (small(), 10_400),
        (json!({ "minutes": 10, "size": { "cores": 1, "memory_mib": 512, "disk_gib": 4 } }), 5_900),
        // Rounded up: 11 minutes of 4,900 an hour, and the order.
        (json!({ "minutes": 11 }), 5_899),
        (json!({ "minutes": 60, "size": { "cores": 4, "memory_mib": 8192, "disk_gib": 64 } }), 43_400),
        (json!({ "minutes": 60 }), 9_900),
        (json!({ "minutes": 60, "plan": "nook", "template": "debian 12" }), 65_000),
        (json!({ "minutes": 30, "template": template }), 7_450),
    ] {
        let asked = buyer.post("/api/v1/leases", &body).await;
        assert_eq!(asked.status, 402, "{body}: {}", asked.text());
        assert_eq!(required(&asked)["accepts"][0]["amount"], price.to_string(), "{body}");
        assert_eq!(asked.json()["price_micros"], price, "{body}");
        let quote = buyer.post("/api/v1/leases/quote", &body).await.expect(200);
        assert_eq!(quote["price_micros"], price, "{body}");
    }
    nothing_ordered(&admin).await;
}

#[tokio::test]
async fn bad_wishes_name_the_field_and_ask_nobody_for_money() {
    let house = House::new().await;
    let (admin, _) = open(&house).await;
    let wallet = Wallet::random();
    let payment = signed(&house, &wallet, "/api/v1/leases", &small()).await;
    let size =
        |cores: Value| json!({ "minutes": 60, "size": { "cores": cores, "memory_mib": 512, "disk_gib": 4 } });
    for (body, field) in [
        (json!({ "minutes": -1 }), "minutes"),
        (json!({ "minutes": 0 }), "minutes"),
        (json!({ "minutes": 9 }), "minutes"),
        (json!({ "minutes": 43_201 }), "minutes"),
        (json!({ "minutes": 4_294_967_296_u64 }), "minutes"),
        (json!({ "minutes": 60.5 }), "minutes"),
        (json!({ "minutes": 1e300 }), "minutes"),
        (json!({ "minutes": "60" }), "minutes"),
        (json!({ "minutes": null }), "minutes"),
        (json!({}), "minutes"),
        (size(json!(-1)), "size.cores"),
        (size(json!(0)), "size"),
        (size(json!(5)), "size"),
        (size(json!(1.5)), "size.cores"),
        (size(json!("1")), "size.cores"),
        (
            json!({ "minutes": 60, "size": { "cores": 1, "memory_mib": 512, "disk_gib": 4 }, "plan": "S" }),
            "plan",
        ),
        (json!({ "minutes": 60, "plan": "no such" }), "plan"),
        (json!({ "minutes": 60, "template": "no such" }), "template"),
        (json!({ "minutes": 60, "name": "-bad-" }), "name"),
        (json!({ "minutes": 60, "ssh_keys": ["junk"] }), "ssh_keys[0]"),
        (json!({ "minutes": 60, "pay_with": "gold" }), "pay_with"),
        (json!({ "minutes": 60, "price": 1 }), "price"),
    ] {
        for headers in [&[][..], &[("PAYMENT-SIGNATURE", payment.as_str())][..]] {
            let answer = with(&house, "/api/v1/leases", &body, headers).await;
            assert_eq!(answer.problem(422), "invalid_field", "{body}");
            assert_eq!(answer.json()["field"], field, "{body}");
            assert!(!answer.json()["detail"].as_str().unwrap().is_empty(), "{body}");
            assert!(!answer.headers.contains_key("payment-required"), "{body}");
        }
    }
    // What no JSON can say, and what is too much of it.
    let raw = async |body: String| {
        let request = house.anybody().request(Method::POST, "/api/v1/leases");
        let request =
            request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body)).unwrap();
        house.send(request).await
    };
    assert_eq!(raw(r#"{"minutes":NaN}"#.into()).await.problem(400), "malformed_json");
    let twice = raw(r#"{"minutes":60,"minutes":10}"#.into()).await;
    assert_eq!((twice.problem(422), &twice.json()["field"]), ("invalid_field".into(), &json!("minutes")));
    let long = json!({ "minutes": 60, "user_data": "x".repeat(300 * 1024) });
    assert_eq!(raw(long.to_string()).await.problem(413), "body_too_large");
    let form = house.anybody().request(Method::POST, "/api/v1/leases");
    let form = form.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    assert_eq!(
        house.send(form.body("minutes=60".into()).unwrap()).await.problem(415),
        "unsupported_media_type"
    );
    nothing_ordered(&admin).await;
}

#[tokio::test]
async fn payments_that_cannot_be_read_are_refused_and_never_repeated() {
    let house = House::new().await;
    let (admin, _) = open(&house).await;
    let wallet = Wallet::random();
    let payment = signed(&house, &wallet, "/api/v1/leases", &small()).await;
    let json: Value = serde_json::from_slice(&STANDARD.decode(&payment).unwrap()).unwrap();
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut json = json.clone();
        change(&mut json);
        STANDARD.encode(json.to_string())
    };
    let signature = json["payload"]["signature"].as_str().unwrap();
    let permit = changed(&|json| json["payload"]["permit2Authorization"] = json!({}));
    let version = changed(&|json| json["x402Version"] = json!(3));
    let bare = changed(&|json| drop(json["payload"].as_object_mut().unwrap().remove("signature")));
    let huge = changed(&|json| json["payload"]["authorization"]["value"] = json!("9".repeat(100)));
    let negative = changed(&|json| json["payload"]["authorization"]["value"] = json!("-1"));
    let number = changed(&|json| json["payload"]["authorization"]["value"] = json!(10_400));
    let long = "A".repeat(9_000);
    let one = |value: &str| vec![("PAYMENT-SIGNATURE".to_owned(), value.to_owned())];
    let both =
        vec![("PAYMENT-SIGNATURE".to_owned(), payment.clone()), ("X-PAYMENT".to_owned(), payment.clone())];
    for (what, headers) in [
        ("too long", one(&long)),
        ("empty", one("")),
        ("no base64", one("%%%")),
        ("no JSON", one(&STANDARD.encode("junk"))),
        ("a list", one(&STANDARD.encode("[]"))),
        ("another method of payment beside it", one(&permit)),
        ("another version", one(&version)),
        ("unsigned", one(&bare)),
        ("more than a word holds", one(&huge)),
        ("negative", one(&negative)),
        ("a number, which JSON does not keep", one(&number)),
        ("two of one kind", [one(&payment), one(&payment)].concat()),
        ("one of each kind", both),
        ("a second version in the first one's header", vec![("X-PAYMENT".to_owned(), payment.clone())]),
    ] {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let answer = with(&house, "/api/v1/leases", &small(), &headers).await;
        assert_eq!(answer.problem(400), "bad_payment", "{what}");
        let remedy = answer.json()["remedy"].as_str().unwrap_or_default().to_owned();
        assert!(remedy.contains("nothing was charged"), "{what}: {}", answer.text());
        assert!(!answer.text().contains(&signature[2..40]), "{what}");
        assert!(!answer.text().contains(&payment[..40]), "{what}");
    }
    nothing_ordered(&admin).await;
}

#[tokio::test]
async fn payments_of_something_else_are_asked_for_again_and_nobody_hears_of_them() {
    let house = House::new().await;
    let (admin, _) = open(&house).await;
    let wallet = Wallet::random();
    let path = "/api/v1/leases";
    let cheap = signed(&house, &wallet, path, &json!({ "minutes": 10 })).await;
    // The price is that of the body that comes with it.
    let answer = with(&house, path, &small(), &[("PAYMENT-SIGNATURE", &cheap)]).await;
    assert_eq!(answer.status, 402, "{}", answer.text());
    assert_eq!(required(&answer)["accepts"][0]["amount"], "10400");
    assert_ne!(required(&answer)["error"], "Payment required", "it says why");
    // Signed by somebody else than it says.
    let good = signed(&house, &wallet, path, &small()).await;
    let mut json: Value = serde_json::from_slice(&STANDARD.decode(&good).unwrap()).unwrap();
    json["payload"]["authorization"]["from"] = json!(format!("0x{}", "ab".repeat(20)));
    let forged = STANDARD.encode(json.to_string());
    let answer = with(&house, path, &small(), &[("PAYMENT-SIGNATURE", &forged)]).await;
    assert_eq!(answer.status, 402);
    assert!(required(&answer)["error"].as_str().unwrap().contains("signature"), "{}", required(&answer));
    // Over, by the house's clock.
    house.clock.advance(std::time::Duration::from_mins(3));
    let answer = with(&house, path, &small(), &[("PAYMENT-SIGNATURE", &good)]).await;
    assert_eq!(answer.status, 402);
    assert!(required(&answer)["error"].as_str().unwrap().contains("validBefore"));
    nothing_ordered(&admin).await;
    // A good one, while nobody answers at the desk: nothing is charged, and the text says nothing of the payment.
    let good = signed(&house, &wallet, path, &small()).await;
    let answer = with(&house, path, &small(), &[("PAYMENT-SIGNATURE", &good)]).await;
    assert_eq!(answer.problem(503), "provider_unavailable");
    assert!(answer.json()["detail"].as_str().unwrap().contains("nothing was charged"));
    assert!(!answer.text().contains("127.0.0.1") && !answer.text().contains(&good[..40]));
    nothing_ordered(&admin).await;
}

#[tokio::test]
async fn the_earlier_names_lease_the_same() {
    let house = House::new().await;
    let _ = open(&house).await;
    let buyer = house.anybody();
    let body = json!({
        "sku": "standard-lxc", "runtimeMinutes": 60, "hostname": "demo-server", "cores": 1, "memoryMB": 512,
        "diskGB": 4, "password": "correct horse", "sshPublicKey":
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHZ0d2V0b3Jrc2FyZWp1c3RsaWtlZmFrZWtleXM ada",
    });
    let asked = buyer.post("/lease/container", &body).await;
    assert_eq!(asked.status, 402, "{}", asked.text());
    assert_eq!(required(&asked)["accepts"][0]["amount"], "10400");
    assert_eq!(required(&asked)["resource"]["url"], "https://rooms.example.org/lease/container");
    for (name, value, field) in [
        ("password", json!("short"), "password"),
        ("password", json!("new\nline and more"), "password"),
        ("cores", json!(-1), "cores"),
        ("sku", json!("gold"), "sku"),
        ("hostname", json!("no host"), "hostname"),
        ("sshPublicKey", json!("junk"), "sshPublicKey"),
        ("colour", json!("red"), "colour"),
    ] {
        let mut body = json!({ "runtimeMinutes": 60 });
        body[name] = value;
        let answer = buyer.post("/lease/container", &body).await;
        assert_eq!(answer.problem(422), "invalid_field", "{body}");
        assert_eq!(answer.json()["field"], field, "{body}");
    }
    // A container of nobody: none of these says whether there is one.
    let nothing = "/management/exec/lea_00000000000000000000000000000000";
    assert_eq!(buyer.post(nothing, &json!({ "command": "true" })).await.problem(401), "unauthenticated");
    assert_eq!(buyer.get("/management/list").await.problem(401), "unauthenticated");
    // A bare address proves nothing.
    let address = format!("/management/list?wallet=0x{}", "ab".repeat(20));
    assert_eq!(buyer.get(&address).await.problem(401), "unauthenticated");
}

#[tokio::test]
async fn pages_of_other_sites_spend_nobodys_credits() {
    let house = House::new().await;
    let (admin, _) = open(&house).await;
    let me = admin.get("/api/v1/me").await.expect(200);
    let project = me["user"]["personal_project"].as_str().unwrap();
    let gift = json!({ "kind": "grant", "amount_micros": 1_000_000, "reason": "welcome" });
    admin.post(&format!("/api/v1/projects/{project}/adjustments"), &gift).await.expect(201);
    let mut body = small();
    (body["pay_with"], body["project_id"]) = (json!("credits"), json!(project));
    let cookie = format!("innkeeper_session={}", admin.token.as_deref().unwrap());
    for origin in
        [&[][..], &[("Origin", "https://evil.example")][..], &[("Sec-Fetch-Site", "cross-site")][..]]
    {
        let headers = [&[("Cookie", cookie.as_str())], origin].concat();
        let answer = with(&house, "/api/v1/leases", &body, &headers).await;
        assert_eq!(answer.problem(403), "cross_site", "{origin:?}");
    }
    nothing_ordered(&admin).await;
    let headers = [("Cookie", cookie.as_str()), ("Origin", "http://rooms.example.org")];
    with(&house, "/api/v1/leases", &body, &headers).await.expect(202);
}

#[tokio::test]
async fn programs_find_everything_in_one_text() {
    let house = House::new().await;
    let _ = open(&house).await;
    let answer = house.anybody().get("/llms.txt").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header(header::CONTENT_TYPE), "text/plain; charset=utf-8");
    let text = answer.text();
    // What the text says in braces, and means so.
    let known = ["{id}", "{}"];
    let braces = in_braces(text);
    for word in &braces {
        assert!(known.contains(&word.as_str()), "{word} was left in the text");
    }
    assert!(text.contains("0x036c") || text.contains("0x036C"), "{text}");
    let document = crate::access::document();
    let paths = document["paths"].as_object().unwrap();
    let mut seen = 0;
    for (at, _) in text.match_indices("https://rooms.example.org") {
        let rest = &text[at + "https://rooms.example.org".len()..];
        let path: String =
            rest.chars().take_while(|c| c.is_alphanumeric() || "/._-{}".contains(*c)).collect();
        let path = path.trim_end_matches('.');
        // The one that is no part of this document.
        if path.is_empty() || path == "/mcp" {
            continue;
        }
        let item = paths.get(path).unwrap_or_else(|| panic!("{path} is in no document"));
        let line = text[..at].rsplit('\n').next().unwrap();
        if let Some(method) = line.rsplit(['`', ' ']).find(|word| ["GET", "POST", "DELETE"].contains(word)) {
            assert!(item.get(method.to_lowercase()).is_some(), "{method} {path}");
        }
        seen += 1;
    }
    assert!(seen >= 14, "{seen} addresses only");
}

/// Words in braces.
fn in_braces(text: &str) -> Vec<String> {
    let opened = text.match_indices('{');
    let closed = opened.filter_map(|(at, _)| text[at..].find('}').map(|end| &text[at..=at + end]));
    closed
        .filter(|word| word.chars().all(|c| c.is_ascii_lowercase() || "{}_".contains(c)))
        .map(str::to_owned)
        .collect()
}
