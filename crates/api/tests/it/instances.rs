use innkeeper_domain::abilities::Ability;
use innkeeper_domain::instances::Act;
use innkeeper_domain::operations::{Fault, State, StepState};
use innkeeper_store::{instances, operations};
use serde_json::{Value, json};

use crate::hosts;
use crate::house::House;

#[tokio::test]
async fn asking_for_a_change_is_answered_with_an_operation_to_follow() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let user = house.user(&admin, "grace", "user").await;
    let created = furniture.instance(&user, "web-1").await;
    let path = format!("/api/v1/instances/{}", created["instance_id"].as_str().unwrap());
    let answer = user.delete(&path).await;
    let deleted = answer.expect(202);
    assert_eq!(
        answer.headers["location"],
        format!("/api/v1/operations/{}", deleted["id"].as_str().unwrap()).as_str()
    );
    assert_eq!(deleted["verb"], "delete");
    let before =
        user.get(&format!("/api/v1/operations/{}", created["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(before["state"], "superseded");
    let instance = user.get(&path).await.expect(200);
    assert_eq!(instance["state"], "deleting");
    assert_eq!(instance["operation"]["id"], deleted["id"]);
    // Asking again changes nothing.
    assert_eq!(user.delete(&path).await.expect(202)["id"], deleted["id"]);
    let active = user.get("/api/v1/operations?active=true").await.expect(200);
    assert_eq!(active["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn customers_see_nothing_of_proxmox_and_staff_do() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let user = house.user(&admin, "grace", "user").await;
    let made = furniture.instance(&user, "web-1").await;
    let (operation, instance) = (made["id"].as_str().unwrap(), made["instance_id"].as_str().unwrap());
    let id = operation.parse().unwrap();
    let upid = "UPID:pve1:0000C0DE:00ABCDEF:6920D0FB:vzcreate:10000:innkeeper@pve!desk:";
    let fault =
        Fault { code: "proxmox_error".into(), message: "create failed: pve1 says no to 10000".into() };
    let now = house.clock.now();
    let mut tx = house.db.begin().await.unwrap();
    let step = operations::begin_step(&mut tx, id, Act::Create, now).await.unwrap();
    operations::step_upid(&mut tx, id, step, upid).await.unwrap();
    operations::end_step(&mut tx, id, step, StepState::Failed, Some("pve1: no space on local-lvm"), now)
        .await
        .unwrap();
    operations::set_state(&mut tx, id, State::Failed, Some(&fault), Some(now)).await.unwrap();
    tx.commit().await.unwrap();
    let paths = [
        format!("/api/v1/instances/{instance}"),
        format!("/api/v1/operations/{operation}"),
        "/api/v1/instances".to_owned(),
        "/api/v1/operations".to_owned(),
    ];
    for path in &paths {
        let seen = user.get(path).await;
        seen.expect(200);
        for word in
            ["pve1", "10000", "UPID", "local-lvm", "Cellar", furniture.cluster.as_str(), "placement", "upid"]
        {
            assert!(!seen.text().contains(word), "{path} shows {word}: {}", seen.text());
        }
    }
    let seen = admin.get(&paths[0]).await.expect(200);
    assert_eq!(seen["placement"]["node"], "pve1");
    assert_eq!(seen["placement"]["vmid"], 10_000);
    let seen = admin.get(&paths[1]).await.expect(200);
    assert_eq!(seen["steps"][0]["upid"], upid);
    assert_eq!(seen["error"]["message"], "create failed: pve1 says no to 10000");
}

#[tokio::test]
async fn a_node_in_maintenance_or_a_closed_cluster_takes_nothing_new() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let cluster = format!("/api/v1/clusters/{}", furniture.cluster);
    let new = serde_json::json!({ "name": "web-1", "template_id": furniture.template });
    admin
        .patch(&format!("{cluster}/nodes/pve1"), &serde_json::json!({ "maintenance": true }))
        .await
        .expect(204);
    let nodes = admin.get(&format!("{cluster}/nodes")).await.expect(200);
    assert_eq!(nodes["items"][0]["maintenance"], true);
    assert_eq!(nodes["items"][0]["storages"][0]["name"], "local-lvm");
    assert_eq!(admin.post("/api/v1/instances", &new).await.problem(409), "no_capacity");
    admin
        .patch(&format!("{cluster}/nodes/pve1"), &serde_json::json!({ "maintenance": false }))
        .await
        .expect(204);
    let seen = admin.patch(&cluster, &serde_json::json!({ "open": false })).await.expect(200);
    assert_eq!(seen["open"], false);
    assert!(seen.get("token_secret").is_none());
    assert_eq!(admin.post("/api/v1/instances", &new).await.problem(409), "no_capacity");
    admin.patch(&cluster, &serde_json::json!({ "open": true })).await.expect(200);
    admin.post("/api/v1/instances", &new).await.expect(202);
}

#[tokio::test]
async fn what_stands_against_a_project_is_told_with_what_can_be_done() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let user = house.user(&admin, "grace", "user").await;
    let made = furniture.instance(&user, "web-1").await;
    let path = format!("/api/v1/instances/{}", made["instance_id"].as_str().unwrap());
    let code = |instance: &Value, action: &str| {
        let mut all = instance["actions"].as_array().unwrap().iter();
        all.find(|one| one["action"] == action).unwrap()["code"].as_str().map(str::to_owned)
    };
    let free = user.get(&path).await.expect(200);
    assert_eq!((code(&free, "start"), code(&free, "shutdown")), (None, None));

    let id = user.get("/api/v1/me").await.expect(200)["user"]["id"].as_str().unwrap().to_owned();
    admin.post(&format!("/api/v1/users/{id}/suspend"), &json!({ "reason": "debt" })).await.expect(200);
    let alone = user.get(&path).await.expect(200);
    let listed = user.get("/api/v1/instances").await.expect(200)["items"][0].clone();
    for bound in [&alone, &listed] {
        assert_eq!(code(bound, "start").as_deref(), Some("suspended"));
        assert_eq!(code(bound, "snapshot").as_deref(), Some("suspended"));
        assert_eq!((code(bound, "shutdown"), code(bound, "delete")), (None, None), "one may always leave");
    }
    admin.post(&format!("/api/v1/users/{id}/unsuspend"), &json!({})).await.expect(200);
    assert_eq!(code(&user.get(&path).await.expect(200), "start"), None);
}

#[tokio::test]
async fn the_host_that_an_instance_waits_for_is_named_to_those_who_may_see_it() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let user = house.user(&admin, "grace", "user").await;
    for (name, users_may, seen) in [("shut", &[][..], false), ("open", &[Ability::See][..], true)] {
        let host = hosts::put(&house, &furniture, name, users_may).await;
        let made = furniture.instance(&user, name).await;
        let id = made["instance_id"].as_str().unwrap();
        let mut tx = house.db.begin().await.unwrap();
        let mut waiting = instances::by_id_tx(&mut tx, id.parse().unwrap()).await.unwrap().unwrap();
        waiting.awaits = Some(host.parse().unwrap());
        assert!(instances::save(&mut tx, &waiting).await.unwrap());
        tx.commit().await.unwrap();
        let path = format!("/api/v1/instances/{id}");
        let named = |seen: bool| json!({ "host_id": seen.then_some(host.as_str()) });
        assert_eq!(user.get(&path).await.expect(200)["awaits"], named(seen), "{name}");
        assert_eq!(admin.get(&path).await.expect(200)["awaits"], named(true), "{name}");
        let listed = user.get("/api/v1/instances").await;
        assert_eq!(listed.text().contains(&host), seen, "{name}");
    }
}
