//! Hosts over HTTP: what staff and users see of them, and what they may do.

use std::time::Duration;

use innkeeper_domain::abilities::Ability;
use innkeeper_domain::hosts::{
    Course, Host, Probe, Probed, Profile, Reading, Seen, Signal, SignalKind, State, Wake, presence,
};
use innkeeper_domain::ids::HostId;
use innkeeper_domain::reports::Report;
use innkeeper_store::hosts;
use serde_json::json;

use crate::house::{Furniture, House};

/// A host that is ready, with which every user may do this; its id.
pub(crate) async fn put(house: &House, furniture: &Furniture, name: &str, users_may: &[Ability]) -> String {
    let now = house.clock.now();
    let report = Report::failure(now, "no echo", "timeout", "192.0.2.77 does not answer");
    let probes = vec![Probed { probe: Probe::Ping, answers: Some(false), report }];
    let mut course = Course::new(now);
    course.state = State::Ready;
    course.reason = Some("stays awake: instance hidden-1 runs".into());
    let host = Host {
        id: HostId::new(),
        name: name.parse().unwrap(),
        cluster_id: furniture.cluster.parse().unwrap(),
        node: format!("node-{name}").parse().unwrap(),
        profile: Profile {
            address: Some("192.0.2.77".into()),
            wake: Wake::Cluster,
            users_may: users_may.to_vec(),
            watts: Some(60),
            ..Profile::default()
        },
        course,
        seen: Seen { presence: presence(&probes), probes, at: Some(now) },
        signals: vec![Signal::new(SignalKind::Instances, Reading::Busy, "instance hidden-1 runs")],
        created_at: now,
        fence: 0,
    };
    let mut tx = house.db.begin().await.unwrap();
    hosts::insert(&mut tx, &host, None).await.unwrap();
    tx.commit().await.unwrap();
    host.id.to_string()
}

#[tokio::test]
async fn users_see_what_is_open_to_them_and_nothing_behind_it() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let user = house.user(&admin, "grace", "user").await;
    put(&house, &furniture, "shut", &[]).await;
    let open = put(&house, &furniture, "open", &[Ability::Wake]).await;
    let path = format!("/api/v1/hosts/{open}");

    let list = user.get("/api/v1/hosts").await.expect(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert_eq!(list["items"][0]["id"], open);
    let shown = user.get(&path).await.expect(200);
    for hidden in ["hidden-1", "192.0.2.77", "node-open", &furniture.cluster, "watts", "reason\":\"stays"] {
        assert!(!shown.to_string().contains(hidden), "{hidden} is shown: {shown}");
    }
    assert_eq!(shown["signals"][0]["reason"], "instances run or are to run");
    assert_eq!(shown["probes"][0], json!({ "probe": "ping", "answers": false }));
    let possible = |ability: &str| {
        let can = shown["can"].as_array().unwrap();
        can.iter().find(|can| can["ability"] == ability).unwrap()["possible"] == true
    };
    assert!(possible("see") && possible("wake") && !possible("sleep") && !possible("maintain"));

    let full = admin.get(&path).await.expect(200);
    assert_eq!(full["profile"]["address"], "192.0.2.77");
    assert_eq!(full["reason"], "stays awake: instance hidden-1 runs");
    assert_eq!(full["probes"][0]["report"]["error"]["code"], "timeout");
    assert_eq!(full["secrets"], json!({ "secure_on": false, "webhook": false }));

    user.post(&format!("{path}/wake"), &json!({ "reason": "game night" })).await.expect(200);
    let wished = admin.get(&path).await.expect(200);
    assert_eq!(wished["asked"]["by"], "grace");
    assert_eq!(wished["asked"]["why"], "game night");
    assert_eq!(user.post(&format!("{path}/sleep"), &json!({})).await.problem(403), "forbidden");
    assert_eq!(user.get(&format!("{path}/check")).await.problem(403), "forbidden");
    // What keeps it awake is refused by its kind; its name is for the signals that staff see.
    let refused = admin.post(&format!("{path}/sleep"), &json!({})).await;
    assert!(!refused.text().contains("hidden-1"), "{}", refused.text());
    assert_eq!(refused.problem(409), "host_needed");
    let past = user.get(&format!("{path}/history")).await.expect(200);
    assert_eq!(past[0], json!({ "at": shown["since"], "state": "ready" }));
    assert_eq!(user.get("/api/v1/host-reports").await.expect(200), json!([]));
}

#[tokio::test]
async fn a_host_is_added_changed_and_removed_and_its_secrets_stay_inside() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let asked = json!({
        "name": "barn", "cluster_id": furniture.cluster, "node": "pve1",
        "profile": { "wake": { "by": "webhook" }, "idle_seconds": 900 },
        "secrets": {
            "secure_on": "0a:0b:0c:0d:0e:0f",
            "webhook": { "url": "https://plug.example/on?key=hunter2", "headers": { "x-key": "hunter3" } },
        },
    });
    let made = admin.post_keyed("/api/v1/hosts", "once", &asked).await.expect(201);
    assert_eq!(admin.post_keyed("/api/v1/hosts", "once", &asked).await.expect(201), made);
    assert_eq!(made["state"], "unknown");
    assert_eq!(made["secrets"], json!({ "secure_on": true, "webhook": true }));
    assert_eq!(made["profile"]["idle_seconds"], 900);
    assert_eq!(made["profile"]["countdown_seconds"], 120);
    let path = format!("/api/v1/hosts/{}", made["id"].as_str().unwrap());
    let mut again = asked.clone();
    again["name"] = json!("attic");
    assert_eq!(
        admin.post_keyed("/api/v1/hosts", "once", &again).await.problem(409),
        "idempotency_key_reused"
    );
    assert_eq!(admin.post("/api/v1/hosts", &again).await.problem(409), "node_taken");

    let key = admin.get(&format!("{path}/key")).await.expect(200);
    assert_eq!(key["line"], json!(null));
    let host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIuxQsbVTNiNvH4vBLrFz1Fv3KCHW3c0j0S7rW9yVGkl";
    let profile = json!({
        "address": "192.0.2.10", "wake": { "by": "webhook" },
        "fallback": { "user": "root", "host_key": host_key },
    });
    let changed = admin.patch(&path, &json!({ "name": "shed", "profile": profile })).await.expect(200);
    assert_eq!((&changed["name"], &changed["profile"]["fallback"]["port"]), (&json!("shed"), &json!(22)));
    // What is left out of a profile has its usual value again; secrets that are not given are kept.
    assert_eq!(changed["profile"]["idle_seconds"], 600);
    assert_eq!(changed["secrets"]["webhook"], true);
    let line = admin.get(&format!("{path}/key")).await.expect(200)["line"].as_str().unwrap().to_owned();
    assert!(line.starts_with("restrict,command=\"/usr/local/sbin/innkeeper-host\" ssh-ed25519 "), "{line}");
    admin.patch(&path, &json!({ "new_key": true })).await.expect(200);
    assert_ne!(admin.get(&format!("{path}/key")).await.expect(200)["line"], line);

    for answer in [admin.get(&path).await, admin.get("/api/v1/hosts").await, admin.get("/api/v1/audit").await]
    {
        for secret in ["hunter", "0a:0b:0c", "plug.example"] {
            assert!(!answer.text().contains(secret), "{secret}: {}", answer.text());
        }
    }
    admin.delete(&path).await.expect(204);
    assert_eq!(admin.get(&path).await.problem(404), "not_found");
}

#[tokio::test]
async fn what_cannot_be_is_refused_by_its_field() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let field = async |change: serde_json::Value| {
        let mut asked = json!({ "name": "barn", "cluster_id": furniture.cluster, "node": "pve1" });
        for (name, value) in change.as_object().unwrap() {
            asked[name] = value.clone();
        }
        let answer = admin.post("/api/v1/hosts", &asked).await;
        assert_eq!(answer.status, 422, "{}", answer.text());
        answer.json()["field"].as_str().unwrap().to_owned()
    };
    assert_eq!(field(json!({ "node": "nowhere" })).await, "node");
    assert_eq!(
        field(json!({ "profile": { "wake": { "by": "packet", "mac": "12" } } })).await,
        "profile.wake.mac"
    );
    assert_eq!(field(json!({ "profile": { "idle_seconds": 1 } })).await, "idle_seconds");
    assert_eq!(field(json!({ "profile": { "sleepy": true } })).await, "profile.sleepy");
    assert_eq!(field(json!({ "profile": { "wake": { "by": "webhook" } } })).await, "webhook");
    let open = put(&house, &furniture, "open", &[]).await;
    let keep = format!("/api/v1/hosts/{open}/keep-awake");
    let until = |after| json!({ "until": house.clock.now().after(after) });
    assert_eq!(admin.put(&keep, &until(Duration::ZERO)).await.problem(422), "invalid_field");
    assert_eq!(admin.put(&keep, &until(Duration::from_hours(24 * 8))).await.problem(422), "invalid_field");
    let kept = admin.put(&keep, &until(Duration::from_hours(2))).await.expect(200);
    assert!(kept["awake_until"].is_string());
    assert_eq!(admin.delete(&keep).await.expect(200)["awake_until"], json!(null));
    let backwards = format!("/api/v1/hosts/{open}/history?from=2026-11-21T00:00:00Z&to=2026-11-20T00:00:00Z");
    assert_eq!(admin.get(&backwards).await.problem(422), "invalid_field");
}
