//! Who holds a lease: its token, the wallet that bought it once it has signed in, and nobody else.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, header};
use innkeeper_connectors::x402::siwx::{Challenge, Info};
use innkeeper_connectors::x402::wallet::Wallet;
use innkeeper_domain::ids::ProjectId;
use innkeeper_domain::leases::Lease;
use innkeeper_domain::projects::Membership;
use innkeeper_domain::wallets::Network;
use innkeeper_store::projects;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::access::{document, operations};
use crate::house::{Client, Furniture, House, LEASES_URL};
use crate::leases::{open, small};
use crate::matrix::held;

const HERS: &str = "ikl_hers-and-nobody-elses";
const HIS: &str = "ikl_his-and-nobody-elses";

/// Asks for a challenge.
async fn challenge(house: &House) -> Challenge {
    let asked = house.anybody().post("/api/v1/leases/challenge", &json!({})).await.expect(200);
    assert_eq!(asked["supportedChains"][0]["chainId"], "eip155:84532");
    serde_json::from_value(asked).unwrap()
}

/// Asks for a challenge, and has the wallet sign it.
async fn proof(house: &House, wallet: &Wallet) -> String {
    signed(wallet, &challenge(house).await, LEASES_URL)
}

fn signed(wallet: &Wallet, challenge: &Challenge, server: &str) -> String {
    let server = server.parse().unwrap();
    wallet.sign_in(challenge, Network::BASE_SEPOLIA, &server).unwrap().expose_secret().to_owned()
}

async fn signed_in<'a>(house: &'a House, wallet: &Wallet) -> Client<'a> {
    house.proving(proof(house, wallet).await)
}

/// A lease in a project of its own.
async fn lease(
    admin: &Client<'_>,
    house: &House,
    furniture: &Furniture,
    token: &str,
    wallet: &Wallet,
) -> Lease {
    let project = admin.post("/api/v1/projects", &json!({ "name": "Lease" })).await.expect(201);
    let project: ProjectId = project["id"].as_str().unwrap().parse().unwrap();
    let name = format!("web-{}", &project.to_string()[20..30]);
    let new = json!({ "name": name, "template_id": furniture.template, "project_id": project });
    let made = admin.post("/api/v1/instances", &new).await.expect(202);
    let instance = made["instance_id"].as_str().unwrap();
    held(house, project, instance, &furniture.template, (token, Some(wallet.address()))).await
}

#[tokio::test]
async fn every_operation_of_holders_opens_to_its_token_and_its_wallet_and_to_no_others() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let (alice, bob) = (Wallet::random(), Wallet::random());
    let hers = lease(&admin, &house, &furniture, HERS, &alice).await;
    let his = lease(&admin, &house, &furniture, HIS, &bob).await;
    let document = document();
    let operations = operations(&document);
    let mut of_leases = 0;
    // What ends a lease comes last.
    let mut holders: Vec<_> = operations.iter().filter(|operation| operation.is_for_holders()).collect();
    holders.sort_by_key(|operation| operation.method == Method::DELETE);
    for operation in holders {
        let named = operation.path.contains('{');
        of_leases += usize::from(named);
        let things = BTreeMap::from([("LeaseId", hers.id.to_string())]);
        let ask = async |client: Client<'_>, things: &BTreeMap<&str, String>| {
            operation.ask(&house, &client, &document, things, None).await
        };
        if operation.path.ends_with("/credits") {
            assert_eq!(ask(house.holding(HERS), &things).await.problem(401), "unauthenticated");
            let credits = ask(signed_in(&house, &alice).await, &things).await.expect(200);
            assert_eq!(credits["wallet"], json!(alice.address()));
            continue;
        }
        // A new token is the only one that is good; it is put back.
        let put_back = async || {
            let mut tx = house.db.begin().await.unwrap();
            let hash = <sha2::Sha256 as sha2::Digest>::digest(HERS);
            innkeeper_store::leases::set_token(&mut tx, hers.id, &hash).await.unwrap();
            tx.commit().await.unwrap();
        };
        for client in [house.holding(HERS), signed_in(&house, &alice).await] {
            let answer = ask(client, &things).await;
            let status = answer.status.as_u16();
            assert!(![401, 403, 404, 500].contains(&status), "{}: {}", operation.name, answer.text());
            put_back().await;
        }
        let unknown = house.holding("ikl_of-nothing-at-all");
        for client in [house.holding(HIS), unknown, signed_in(&house, &bob).await] {
            let by_wallet = client.proof.is_some();
            let answer = ask(client.clone(), &things).await;
            if named {
                assert_eq!(answer.problem(404), "not_found", "{}", operation.name);
                // Told exactly like what does not exist.
                let again = if by_wallet { signed_in(&house, &bob).await } else { client };
                let nothing = ask(again, &BTreeMap::new()).await;
                assert_eq!(answer.body, nothing.body, "{}", operation.name);
            } else {
                let text = answer.text();
                assert!(!text.contains(&hers.id.to_string()), "{}: {text}", operation.name);
            }
        }
        assert_eq!(ask(house.anybody(), &things).await.problem(401), "unauthenticated", "{}", operation.name);
    }
    assert!(of_leases >= 8, "{of_leases} operations only");
    let list = house.holding(HIS).get("/api/v1/leases").await.expect(200);
    assert_eq!(list["items"][0]["id"], json!(his.id), "each sees their own");
    // Nothing else of the house opens to the token of a lease.
    for path in
        ["/api/v1/instances", "/api/v1/me", "/api/v1/projects", "/api/v1/leases/orders", "/api/v1/events"]
    {
        assert_eq!(house.holding(HERS).get(path).await.problem(401), "unauthenticated", "{path}");
    }
}

#[tokio::test]
async fn a_refused_change_of_a_lease_stands_in_the_log() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let hers = lease(&admin, &house, &furniture, HERS, &Wallet::random()).await;
    let grace = house.user(&admin, "grace", "user").await;
    let id = grace.get("/api/v1/me").await.expect(200)["user"]["id"].as_str().unwrap().to_owned();
    let mut tx = house.db.begin().await.unwrap();
    projects::add_member(&mut tx, hers.project_id, id.parse().unwrap(), Membership::Viewer).await.unwrap();
    tx.commit().await.unwrap();
    let command = json!({ "command": ["true"] });
    let earlier = json!({ "command": "true" });
    let path = format!("/api/v1/leases/{}", hers.id);
    grace.get(&path).await.expect(200);
    assert_eq!(grace.delete(&path).await.problem(403), "forbidden");
    assert_eq!(grace.post(&format!("{path}/exec"), &command).await.problem(403), "forbidden");
    assert_eq!(
        grace.post(&format!("/management/exec/{}", hers.id), &earlier).await.problem(403),
        "forbidden"
    );
    // What tells the one who asks nothing is none of the log's business.
    house.holding(HIS).delete(&path).await.problem(404);
    house.anybody().delete(&path).await.problem(401);
    let log = admin.get("/api/v1/audit?limit=200").await.expect(200);
    let mut refused: Vec<_> = log["items"].as_array().unwrap().iter().collect();
    refused.retain(|entry| entry["outcome"] == "refused");
    let actions: Vec<_> = refused.iter().rev().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(
        actions,
        ["DELETE /api/v1/leases/{id}", "POST /api/v1/leases/{id}/exec", "POST /management/exec/{ctid}"]
    );
    for entry in refused {
        assert_eq!(entry["user_id"], json!(id), "{entry}");
    }
}

#[tokio::test]
async fn a_wallet_signs_in_once_for_this_house_and_in_time() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let (alice, bob) = (Wallet::random(), Wallet::random());
    let hers = lease(&admin, &house, &furniture, HERS, &alice).await;
    let path = format!("/api/v1/leases/{}", hers.id);
    let with = |proof: String| house.proving(proof);
    let changed = async |change: &dyn Fn(&mut Info)| {
        let mut challenge = challenge(&house).await;
        change(&mut challenge.info);
        challenge
    };

    let good = proof(&house, &alice).await;
    assert_eq!(with(good.clone()).get(&path).await.expect(200)["id"], json!(hers.id));
    let again = with(good.clone()).get(&path).await;
    assert_eq!(again.problem(401), "wallet_refused", "once");
    assert!(!again.text().contains(&good[..60]), "what was signed is not repeated");
    // Both at once: it is good for one of them.
    let twice = with(proof(&house, &alice).await);
    let (one, other) = tokio::join!(twice.get(&path), twice.get(&path));
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);

    // Made for another house, which had it signed there.
    let elsewhere = changed(&|info| {
        info.domain = "evil.example".into();
        info.uri = "https://evil.example/".into();
    });
    let elsewhere = signed(&alice, &elsewhere.await, "https://evil.example");
    assert_eq!(with(elsewhere).get(&path).await.problem(401), "wallet_refused");
    // A challenge that nobody here made.
    let own = changed(&|info| info.nonce = "0123456789abcdef".into()).await;
    assert_eq!(with(signed(&alice, &own, LEASES_URL)).get(&path).await.problem(401), "wallet_refused");
    // Too late.
    let late = proof(&house, &alice).await;
    house.clock.advance(Duration::from_mins(6));
    assert_eq!(with(late).get(&path).await.problem(401), "wallet_refused");
    // Longer than it was given: what is signed is the wallet's word, what is kept is ours.
    let longer = changed(&|info| info.expiration_time = Some("2099-01-01T00:00:00.000Z".into())).await;
    let longer = signed(&alice, &longer, LEASES_URL);
    house.clock.advance(Duration::from_mins(6));
    assert_eq!(with(longer).get(&path).await.problem(401), "wallet_refused");
    // Another wallet has signed in, and has no such lease.
    assert_eq!(with(proof(&house, &bob).await).get(&path).await.problem(404), "not_found");
    for junk in ["junk", "", "e30="] {
        assert_eq!(with(junk.to_owned()).get(&path).await.problem(401), "wallet_refused", "{junk}");
    }
    // An address alone is nobody.
    let claimed = house.anybody().request(Method::GET, &path).header("X-Wallet", alice.address().to_string());
    assert_eq!(house.send(claimed.body(Body::empty()).unwrap()).await.problem(401), "unauthenticated");
}

#[tokio::test]
async fn a_lease_and_its_order_show_strangers_nothing_of_each_other() {
    let house = House::new().await;
    let (admin, _) = open(&house).await;
    let me = admin.get("/api/v1/me").await.expect(200);
    let project = me["user"]["personal_project"].as_str().unwrap();
    let gift = json!({ "kind": "grant", "amount_micros": 1_000_000, "reason": "welcome" });
    admin.post(&format!("/api/v1/projects/{project}/adjustments"), &gift).await.expect(201);
    let mut body = small();
    (body["pay_with"], body["project_id"]) = (json!("credits"), json!(project));
    body["user_data"] = json!("#!/bin/sh\necho hush-hush\n");
    let key = "a-key-of-sixteen-and-more";
    let made = admin.post_keyed("/api/v1/leases", key, &body).await;
    let ordered = made.expect(202);
    let token = ordered["token"].as_str().unwrap();
    let order = made.header(header::LOCATION).to_owned();
    assert_eq!(order, ordered["order"]["url"].as_str().unwrap());
    // The same request under the same key again buys nothing, and tells no token.
    let again = admin.post_keyed("/api/v1/leases", key, &body).await.expect(202);
    assert_eq!((&again["order"]["id"], &again["token"]), (&ordered["order"]["id"], &Value::Null));
    let mut other = body.clone();
    other["minutes"] = json!(61);
    assert_eq!(admin.post_keyed("/api/v1/leases", key, &other).await.problem(409), "idempotency_key_reused");
    assert_eq!(admin.post_keyed("/api/v1/leases", "short", &body).await.problem(400), "invalid_parameter");
    let orders = admin.get("/api/v1/leases/orders").await.expect(200);
    assert_eq!(orders["items"].as_array().unwrap().len(), 1);

    let stranger = house.anybody().get(&order).await;
    let seen = stranger.expect(200);
    assert_eq!((&seen["lease"], &seen["token"]), (&Value::Null, &Value::Null));
    for secret in [token, "hush-hush", key, project] {
        assert!(!stranger.text().contains(secret), "{}", stranger.text());
    }
    let holder = house.holding(token).get(&order).await.expect(200);
    assert_eq!(holder["lease"]["id"], seen["order"]["lease_id"]);
    assert_eq!(holder["token"], Value::Null, "told once");

    // A wrong token of a lease is not repeated either.
    let lease = format!("/api/v1/leases/{}", seen["order"]["lease_id"].as_str().unwrap());
    assert_eq!(house.holding(token).get(&lease).await.expect(200)["state"], "making");
    let wrong = house.holding("ikl_wrong-wrong-wrong").get(&lease).await;
    assert!(wrong.problem(404) == "not_found" && !wrong.text().contains("wrong-wrong"), "{}", wrong.text());
    let log = house.holding(token).get(&format!("{lease}/log")).await;
    log.expect(200);
    assert!(!log.text().contains(token) && !log.text().contains("hush-hush"), "{}", log.text());

    // Anybody may pay for more time, and sees no more of the lease for that.
    let grace = house.user(&admin, "grace", "user").await;
    let hers = grace.get("/api/v1/me").await.expect(200)["user"]["personal_project"].clone();
    admin.post(&format!("/api/v1/projects/{}/adjustments", hers.as_str().unwrap()), &gift).await.expect(201);
    let more = json!({ "minutes": 60, "pay_with": "credits", "project_id": hers });
    let paid = grace.post(&format!("{lease}/renew"), &more).await;
    assert!(paid.status.is_success(), "{}", paid.text());
    assert_eq!((&paid.json()["lease"], &paid.json()["token"]), (&Value::Null, &Value::Null));
    assert_eq!(paid.json()["order"]["kind"], "time");
    let own = json!({ "minutes": 60, "pay_with": "credits", "project_id": project });
    let own = admin.post(&format!("{lease}/renew"), &own).await;
    assert_eq!(own.json()["lease"]["id"], seen["order"]["lease_id"], "{}", own.text());

    // A new token, and the old one is good no more.
    let renewed = house.holding(token).post(&format!("{lease}/token"), &json!({})).await.expect(201);
    house.holding(token).get(&lease).await.problem(404);
    house.with_token(&renewed).get(&lease).await.expect(200);
    // Somebody with an account takes it, by its token alone.
    grace.get(&lease).await.problem(404);
    let old = json!({ "token": token });
    assert_eq!(grace.post(&format!("{lease}/claim"), &old).await.problem(404), "not_found");
    let new = json!({ "token": renewed["token"] });
    grace.post(&format!("{lease}/claim"), &new).await.expect(200);
    grace.get(&lease).await.expect(200);
}
