use axum::body::Body;
use axum::http::Method;
use innkeeper_domain::operations::State;
use innkeeper_store::{instances, operations};
use serde_json::json;

use crate::house::{House, template};

#[tokio::test]
async fn the_same_request_again_gets_the_same_answer_and_changes_nothing() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let new = json!({ "name": "web-1", "template_id": furniture.template });
    let first = admin.post_keyed("/api/v1/instances", "k1", &new).await;
    let second = admin.post_keyed("/api/v1/instances", "k1", &new).await;
    assert_eq!(first.expect(202), second.expect(202));
    assert_eq!(first.headers.get("location"), second.headers.get("location"));
    let page = admin.get("/api/v1/instances").await.expect(200);
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    // The same key says the same of another request only by mistake.
    let other = json!({ "name": "web-2", "template_id": furniture.template });
    let answer = admin.post_keyed("/api/v1/instances", "k1", &other).await;
    assert_eq!(answer.problem(409), "idempotency_key_reused");
    let answer = admin.post_keyed("/api/v1/templates", "k1", &template("Debian 13")).await;
    assert_eq!(answer.problem(409), "idempotency_key_reused");
    // Somebody else's key is another key.
    let user = house.user(&admin, "grace", "user").await;
    user.post_keyed("/api/v1/instances", "k1", &other).await.expect(202);
}

#[tokio::test]
async fn a_key_works_on_everything_that_makes_something() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let made = furniture.instance(&admin, "web-1").await;
    let user =
        json!({ "email": "grace@example.org", "name": "Grace", "role": "user", "password": "0123456789" });
    let plan = json!({ "name": "Small", "size": { "cores": 1, "memory_mib": 512, "disk_gib": 5 } });
    let sources = format!("/api/v1/templates/{}/sources", furniture.template);
    let source =
        json!({ "cluster_id": furniture.cluster, "node": "pve1", "volume": "local:vztmpl/x.tar.zst" });
    let start = format!("/api/v1/instances/{}/start", made["instance_id"].as_str().unwrap());
    for (path, body, status) in [
        ("/api/v1/users", user, 201),
        ("/api/v1/plans", plan, 201),
        ("/api/v1/templates", template("Debian 13"), 201),
        (&sources, source, 201),
        // Refused both times: what failed is not kept.
        (&start, json!({}), 409),
    ] {
        let first = admin.post_keyed(path, &format!("key:{path}"), &body).await;
        let second = admin.post_keyed(path, &format!("key:{path}"), &body).await;
        assert_eq!(first.expect(status), second.expect(status), "{path}");
    }
    assert_eq!(admin.get("/api/v1/users").await.expect(200)["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn spacing_and_order_do_not_make_another_request() {
    let house = House::new().await;
    let admin = house.admin().await;
    let bodies = [
        r#"{"name":"Small","size":{"cores":1,"memory_mib":512,"disk_gib":5}}"#,
        r#"{ "size": {"disk_gib": 5, "cores": 1, "memory_mib": 512}, "name": "Small" }"#,
    ];
    let mut answers = Vec::new();
    for body in bodies {
        let request = admin.request(axum::http::Method::POST, "/api/v1/plans").header("Idempotency-Key", "k");
        let request = request.header("Content-Type", "application/json; charset=utf-8");
        answers.push(house.send(request.body(body.into()).unwrap()).await.expect(201));
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn a_retry_of_what_was_already_under_way_does_not_ask_for_it_again() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let made = furniture.instance(&admin, "web-1").await;
    let path = format!("/api/v1/instances/{}", made["instance_id"].as_str().unwrap());
    let asked = admin.delete(&path).await.expect(202);
    let keyed = || async {
        let request = admin.request(Method::DELETE, &path).header("Idempotency-Key", "k1");
        house.send(request.body(Body::empty()).unwrap()).await
    };
    assert_eq!(keyed().await.expect(202)["id"], asked["id"]);
    // It ends; then the retry of a client that never got its answer comes in.
    let id = asked["id"].as_str().unwrap().parse().unwrap();
    let mut tx = house.db.begin().await.unwrap();
    let instance = made["instance_id"].as_str().unwrap().parse().unwrap();
    let mut instance = instances::by_id_tx(&mut tx, instance).await.unwrap().unwrap();
    instance.operation = None;
    assert!(instances::save(&mut tx, &instance).await.unwrap());
    operations::set_state(&mut tx, id, State::Failed, None, Some(house.clock.now())).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(keyed().await.expect(202)["id"], asked["id"]);
    let all = admin.get("/api/v1/operations").await.expect(200);
    assert_eq!(all["items"].as_array().unwrap().len(), 2, "the create and one delete: {all:#}");
}
