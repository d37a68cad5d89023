//! Services over HTTP: what staff and users see of them, and who may have one restarted how often.

use std::time::Duration;

use axum::http::header;
use innkeeper_domain::abilities::Ability;
use innkeeper_domain::reports::{Fault, Report};
use innkeeper_domain::restarts::{Restart, RestartState};
use innkeeper_domain::services::{Answer, ServiceState, Sighting};
use innkeeper_domain::time::Timestamp;
use innkeeper_store::{Topic, restarts, services};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::hosts::put;
use crate::house::{Client, Furniture, House};

/// Far less than anybody waits below, far more than an answer takes.
const SOON: Duration = Duration::from_secs(15);

/// What users must not learn of a service: where it runs, how it is reached, what else is there.
const HIDDEN: [&str; 6] = ["192.0.2.77", "25575", "105", "hunter2", "UPID", "0.0.0.0"];

/// Adds a service on a guest of a host with which every user may do this.
async fn add(
    house: &House,
    admin: &Client<'_>,
    furniture: &Furniture,
    name: &str,
    users_may: &[Ability],
) -> Value {
    let host = put(house, furniture, &format!("host-of-{name}"), &[]).await;
    let asked = json!({
        "name": name, "at": { "guest": { "host": host, "vmid": 105 } }, "kind": "minecraft_java",
        "address": "192.0.2.77", "port": 25565, "rcon": { "port": 25575, "password": "hunter2" },
        "doorman": { "listen": "0.0.0.0:25599", "way": "forward" }, "users_may": users_may,
    });
    admin.post("/api/v1/services", &asked).await.expect(201)
}

fn path(service: &Value) -> String {
    format!("/api/v1/services/{}", service["id"].as_str().unwrap())
}

/// Two play there.
async fn seen(house: &House, service: &Value) {
    let now = house.clock.now();
    let mut tx = house.db.begin().await.unwrap();
    let id = service["id"].as_str().unwrap().parse().unwrap();
    let claimed = services::claim(&mut tx, now, now.after(SOON), 10).await.unwrap();
    let fence = claimed.iter().find(|watched| watched.service.id == id).unwrap().fence;
    let names = vec!["Grace".to_owned(), "Linus".to_owned()];
    let answer = Answer { players: Some(2), most: Some(20), names, ..Answer::default() };
    let report = Report::success(now, "192.0.2.77:25565 answers");
    let state = ServiceState::Up;
    let sighting = Sighting { state, answer, guest: Some(true), awaited_since: None, report, seen_at: now };
    services::saw(&mut tx, id, fence, &sighting, now, now.after(SOON)).await.unwrap();
    tx.commit().await.unwrap();
}

/// Ends the restart that is under way.
async fn end(house: &House, restart: &Value, how: impl FnOnce(&mut Restart)) {
    let id = restart["id"].as_str().unwrap().parse().unwrap();
    let mut restart = restarts::by_id(&house.db, id).await.unwrap().unwrap();
    let service = services::by_id(&house.db, restart.service_id).await.unwrap().unwrap().service;
    restart.enter(RestartState::Done, &service, house.clock.now());
    how(&mut restart);
    let mut tx = house.db.begin().await.unwrap();
    assert!(restarts::save(&mut tx, &restart, 0).await.unwrap());
    tx.wake(Topic::Guardian);
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn users_see_what_is_open_to_them_and_nothing_behind_it() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let user = house.user(&admin, "grace", "user").await;
    let shut = add(&house, &admin, &furniture, "shut", &[]).await;
    let open = add(&house, &admin, &furniture, "open", &[Ability::Restart]).await;

    let before = user.get(&format!("{}/players", path(&open))).await;
    assert_eq!(before.problem(409), "service_not_up");
    seen(&house, &open).await;
    let list = user.get("/api/v1/services").await;
    assert_eq!(list.expect(200)["items"].as_array().unwrap().len(), 1);
    let one = user.get(&path(&open)).await;
    let shown = one.expect(200);
    assert_eq!((&shown["state"], &shown["answer"]["players"]), (&json!("up"), &json!(2)));
    assert_eq!(shown["can"], json!(["see", "restart"]));
    let players = user.get(&format!("{}/players", path(&open))).await;
    assert_eq!(players.expect(200)["names"], json!(["Grace", "Linus"]));
    for answer in [&list, &one, &players] {
        for hidden in HIDDEN {
            // Identities and times are made of digits, too.
            let text = answer.text().replace(shown["id"].as_str().unwrap(), "");
            let times = [&shown["seen_at"], &shown["created_at"]];
            let text = times.iter().fold(text, |text, time| text.replace(time.as_str().unwrap(), ""));
            assert!(!text.contains(hidden), "{hidden} is shown: {text}");
        }
    }
    assert_eq!(user.get(&path(&shut)).await.problem(404), "not_found");
    assert_eq!(user.post(&format!("{}/restart", path(&shut)), &json!({})).await.problem(404), "not_found");
    assert_eq!(user.patch(&path(&open), &json!({ "port": 1 })).await.problem(403), "forbidden");

    let full = admin.get(&path(&open)).await.expect(200);
    assert_eq!(full["staff"]["at"]["guest"]["vmid"], 105);
    assert_eq!(full["staff"]["rcon_port"], 25575);
    assert_eq!(full["staff"]["doorman"]["listen"], "0.0.0.0:25599");
    assert_eq!(full["staff"]["report"]["message"], "192.0.2.77:25565 answers");
}

#[tokio::test]
async fn a_service_is_added_changed_and_removed_and_its_password_stays_inside() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let made = furniture.instance(&admin, "web-1").await;
    let asked = json!({
        "name": "survival", "at": { "instance": made["instance_id"] }, "kind": "minecraft_java", "port": 25565,
        "rcon": { "port": 25575, "password": "hunter2" },
    });
    let service = admin.post_keyed("/api/v1/services", "once", &asked).await.expect(201);
    assert_eq!((&service["warn_seconds"], &service["ready_seconds"]), (&json!(10), &json!(300)));
    let mut again = asked.clone();
    again["rcon"]["password"] = json!("what is secret is not compared");
    assert_eq!(admin.post_keyed("/api/v1/services", "once", &again).await.expect(201)["id"], service["id"]);
    assert_eq!(admin.post("/api/v1/services", &asked).await.problem(409), "name_taken");

    let path = path(&service);
    let changed = admin.patch(&path, &json!({ "address": "192.0.2.9", "warn_seconds": 0 })).await.expect(200);
    assert_eq!((&changed["staff"]["address"], &changed["warn_seconds"]), (&json!("192.0.2.9"), &json!(0)));
    assert_eq!(changed["staff"]["rcon_port"], 25575, "what is left out stays");
    let cleared = admin.patch(&path, &json!({ "address": null, "rcon": null })).await.expect(200);
    assert_eq!((&cleared["staff"]["address"], &cleared["staff"]["rcon_port"]), (&json!(null), &json!(null)));
    let rcon = json!({ "rcon": { "port": 25576, "password": "hunter2" } });
    assert_eq!(admin.patch(&path, &rcon).await.expect(200)["staff"]["rcon_port"], 25576);
    for place in [&path, "/api/v1/services", "/api/v1/audit"] {
        let answer = admin.get(place).await;
        assert!(!answer.text().contains("hunter2"), "{place}: {}", answer.text());
    }
    admin.delete(&path).await.expect(204);
    assert_eq!(admin.get(&path).await.problem(404), "not_found");
}

#[tokio::test]
async fn what_cannot_be_is_refused_by_its_field() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let host = put(&house, &furniture, "barn", &[]).await;
    let field = async |change: Value| {
        let mut asked = json!({
            "name": "survival", "at": { "host": host }, "kind": "minecraft_java", "address": "192.0.2.77",
            "port": 25565,
        });
        for (name, value) in change.as_object().unwrap() {
            asked[name] = value.clone();
        }
        let answer = admin.post("/api/v1/services", &asked).await;
        assert_eq!(answer.status, 422, "{}", answer.text());
        answer.json()["field"].as_str().unwrap().to_owned()
    };
    assert_eq!(field(json!({ "at": { "guest": { "host": host, "vmid": 7 } } })).await, "at");
    assert_eq!(field(json!({ "at": { "instance": "ins_0190b2c35d5e7cc0a1b2c3d4e5f60718" } })).await, "at");
    assert_eq!(field(json!({ "address": null })).await, "address");
    assert_eq!(field(json!({ "port": 0 })).await, "port");
    assert_eq!(field(json!({ "kind": "http", "path": "health" })).await, "path");
    assert_eq!(field(json!({ "ready_seconds": 301 })).await, "ready_seconds");
    assert_eq!(field(json!({ "rcon": { "port": 25575, "password": "" } })).await, "rcon");
    assert_eq!(field(json!({ "doorman": { "listen": "0.0.0.0:0", "way": "forward" } })).await, "doorman");
    assert_eq!(field(json!({ "sleepy": true })).await, "sleepy");
}

#[tokio::test]
async fn a_restart_is_followed_and_the_next_one_has_to_wait() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let grace = house.user(&admin, "grace", "user").await;
    let linus = house.user(&admin, "linus", "user").await;
    let service = add(&house, &admin, &furniture, "open", &[Ability::Restart]).await;
    let ask = format!("{}/restart", path(&service));

    let begun = grace.post_keyed(&ask, "once", &json!({})).await;
    let restart = begun.expect(202);
    assert_eq!(restart["state"], "announcing");
    assert!(restart["asked_by"].is_null() && restart["reports"].is_null());
    let one = format!("/api/v1/restarts/{}", restart["id"].as_str().unwrap());
    assert_eq!(begun.header(axum::http::header::LOCATION), one);
    assert_eq!(grace.post_keyed(&ask, "once", &json!({})).await.expect(202)["id"], restart["id"]);
    let refused = linus.post(&ask, &json!({})).await;
    assert_eq!(refused.problem(409), "restart_under_way");
    assert!(refused.json()["until"].is_string());
    assert_eq!(admin.delete(&path(&service)).await.problem(409), "restart_under_way");

    let waited = format!("{one}?wait=60s");
    let waiting = grace.get(&waited);
    let mut waiting = std::pin::pin!(waiting);
    assert!(timeout(Duration::from_millis(200), &mut waiting).await.is_err(), "it has not ended");
    end(&house, &restart, |restart| restart.seconds = Some(42)).await;
    let ended = timeout(SOON, waiting).await.unwrap().expect(200);
    assert_eq!((&ended["state"], &ended["seconds"]), (&json!("done"), &json!(42)));
    assert_eq!(admin.get(&one).await.expect(200)["asked_by"], "grace");
    let past = grace.get(&format!("{}/restarts", path(&service))).await.expect(200);
    assert_eq!(past["items"][0]["id"], restart["id"]);

    house.clock.advance(Duration::from_mins(5));
    let early = grace.post(&ask, &json!({})).await;
    assert_eq!(early.problem(429), "cooldown");
    let asked: innkeeper_domain::time::Timestamp =
        serde_json::from_value(restart["asked_at"].clone()).unwrap();
    assert_eq!(early.json()["until"], json!(asked.after(Duration::from_mins(10))));
    // The one who hurries waits; another does not.
    let second = linus.post(&ask, &json!({})).await.expect(202);
    let fault =
        || Fault { code: "not_ready".into(), message: "192.0.2.77:25565 refuses; UPID:pve1:1".into() };
    let report = Report::success(house.clock.now(), "guest 105 was told to reboot");
    end(&house, &second, |restart| {
        restart.state = RestartState::Failed;
        restart.fault = Some(fault());
        restart.upid = Some("UPID:pve1:1".into());
        restart.reports.push(report);
    })
    .await;
    let one = format!("/api/v1/restarts/{}", second["id"].as_str().unwrap());
    let failed = linus.get(&one).await.expect(200);
    assert_eq!(failed["error"]["code"], "not_ready");
    assert!(!failed.to_string().contains("192.0.2.77") && !failed.to_string().contains("UPID"), "{failed}");
    assert!(failed["reports"].is_null() && failed["asked_by"].is_null());
    let told = admin.get(&one).await.expect(200);
    assert_eq!(told["error"]["message"], fault().message);
    assert_eq!(told["reports"][0]["message"], "guest 105 was told to reboot");
}

#[tokio::test]
async fn who_keeps_asking_is_warned_and_then_banned_for_an_hour() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let grace = house.user(&admin, "grace", "user").await;
    let service = add(&house, &admin, &furniture, "open", &[Ability::Restart]).await;
    let ask = format!("{}/restart", path(&service));
    let restart = grace.post(&ask, &json!({})).await.expect(202);
    end(&house, &restart, |_| {}).await;
    let mut codes = Vec::new();
    for _ in 0..9 {
        let refused = grace.post(&ask, &json!({})).await;
        codes.push(refused.problem(429));
        // Whoever waits as told is not refused for what they were refused for.
        let wait: u64 = refused.header(header::RETRY_AFTER).parse().unwrap();
        assert_eq!(refused.json()["retry_after"], wait);
        let until: Timestamp = serde_json::from_value(refused.json()["until"].clone()).unwrap();
        let then = house.clock.now().after(Duration::from_secs(wait));
        assert!(until <= then && then.since(until) <= Duration::from_secs(1), "{until}, {wait} s");
    }
    assert_eq!(codes.iter().filter(|code| *code == "cooldown").count(), 7, "{codes:?}");
    assert_eq!(codes[7..], ["restart_banned", "restart_banned"]);
    house.clock.advance(Duration::from_hours(1));
    // The session has ended meanwhile, too.
    let grace = house.sign_in("grace@example.org").await;
    grace.post(&ask, &json!({})).await.expect(202);
}
