//! Users, what is decided against them, and those who act for them.

use axum::http::header;
use serde_json::{Value, json};

use crate::house::{Client, House, PASSWORD};

async fn id_of(client: &Client<'_>) -> String {
    let me = client.get("/api/v1/me").await.expect(200);
    me["user"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn users_are_found_and_changed() {
    let house = House::new().await;
    let admin = house.admin().await;
    let grace = house.user(&admin, "grace", "user").await;
    let id = id_of(&grace).await;
    let found = async |query: &str| {
        let page = admin.get(&format!("/api/v1/users?{query}")).await.expect(200);
        page["items"].as_array().unwrap().len()
    };
    assert_eq!(found("text=GRAC").await, 1);
    assert_eq!(found("text=nobody").await, 0);
    assert_eq!(found("role=admin").await, 1);
    assert_eq!(found("standing=good").await, 2);
    let changed = json!({ "name": "Grace Hopper", "role": "operator" });
    let user = admin.patch(&format!("/api/v1/users/{id}"), &changed).await.expect(200);
    assert_eq!((&user["name"], &user["role"]), (&json!("Grace Hopper"), &json!("operator")));
    // Computed at use: the same session may more now.
    grace.get("/api/v1/clusters").await.expect(200);
    assert_eq!(admin.get(&format!("/api/v1/users/{id}")).await.expect(200), user);
    let nobody = id.replace(|c: char| c.is_ascii_digit(), "0");
    assert_eq!(admin.get(&format!("/api/v1/users/{nobody}")).await.problem(404), "not_found");
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let house = House::new().await;
    let admin = house.admin().await;
    let me = id_of(&admin).await;
    let demoted = admin.patch(&format!("/api/v1/users/{me}"), &json!({ "role": "user" })).await;
    assert_eq!(demoted.problem(409), "last_admin");
    let why = json!({ "reason": "x" });
    for verb in ["suspend", "ban"] {
        let path = format!("/api/v1/users/{me}/{verb}");
        assert_eq!(admin.post(&path, &why).await.problem(409), "yourself");
    }
    let other = house.user(&admin, "olga", "admin").await;
    let other_id = id_of(&other).await;
    admin.post(&format!("/api/v1/users/{other_id}/suspend"), &why).await.expect(200);
    assert_eq!(
        admin.patch(&format!("/api/v1/users/{me}"), &json!({ "role": "user" })).await.problem(409),
        "last_admin",
        "one who is suspended does not count"
    );
    admin.post(&format!("/api/v1/users/{other_id}/unsuspend"), &json!({})).await.expect(200);
    admin.patch(&format!("/api/v1/users/{me}"), &json!({ "role": "user" })).await.expect(200);
    assert_eq!(admin.get("/api/v1/users").await.problem(403), "forbidden");
    assert_eq!(
        other.patch(&format!("/api/v1/users/{other_id}"), &json!({ "role": "user" })).await.problem(409),
        "last_admin"
    );
}

#[tokio::test]
async fn whoever_is_suspended_looks_and_leaves() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let grace = house.user(&admin, "grace", "user").await;
    let id = id_of(&grace).await;
    let user = admin.post(&format!("/api/v1/users/{id}/suspend"), &json!({ "reason": "debt" })).await;
    assert_eq!(user.expect(200)["suspension"]["reason"], "debt");
    grace.get("/api/v1/instances").await.expect(200);
    assert_eq!(grace.get("/api/v1/me").await.expect(200)["standing"], "suspended");
    let new = json!({ "name": "web-1", "template_id": furniture.template });
    assert_eq!(grace.post("/api/v1/instances", &new).await.problem(403), "suspended");
    assert_eq!(grace.post("/api/v1/projects", &json!({ "name": "x" })).await.problem(403), "suspended");
    let key = json!({ "name": "k", "scopes": ["read"] });
    assert_eq!(grace.post("/api/v1/keys", &key).await.problem(403), "suspended");
    // Somebody else cannot start anything there either: what is restricted is the project.
    let project = grace.get("/api/v1/me").await.expect(200)["user"]["personal_project"].clone();
    let there = json!({ "name": "web-1", "template_id": furniture.template, "project_id": project });
    assert_eq!(admin.post("/api/v1/instances", &there).await.problem(409), "suspended");
    admin.post(&format!("/api/v1/users/{id}/unsuspend"), &json!({})).await.expect(200);
    grace.post("/api/v1/instances", &new).await.expect(202);
    grace.delete("/api/v1/sessions/current").await.expect(204);
}

#[tokio::test]
async fn a_ban_ends_sessions_says_why_and_ends_by_itself() {
    let house = House::new().await;
    let admin = house.admin().await;
    let grace = house.user(&admin, "grace", "user").await;
    let id = id_of(&grace).await;
    let key = json!({ "name": "k", "scopes": ["read"] });
    let key = grace.post("/api/v1/keys", &key).await.expect(201)["token"].as_str().unwrap().to_owned();
    let program = house.holding(&key);
    program.get("/api/v1/instances").await.expect(200);

    let until = house.clock.now().after(std::time::Duration::from_hours(2));
    let ban = |until: Value| json!({ "reason": "spam", "until": until });
    let path = format!("/api/v1/users/{id}/ban");
    assert_eq!(admin.post(&path, &ban(json!("2020-01-01T00:00:00Z"))).await.problem(422), "invalid_field");
    admin.post(&path, &ban(json!(until))).await.expect(200);
    for client in [&grace, &program] {
        let answer = client.get("/api/v1/me").await;
        assert_eq!(answer.problem(403), "banned");
        let body = answer.json();
        assert!(body["detail"].as_str().unwrap().contains("spam"), "{body}");
        assert_eq!(body["until"], json!(until));
    }
    let sign_in = async |password: &str| {
        let given = json!({ "email": "grace@example.org", "password": password });
        house.anybody().post("/api/v1/sessions", &given).await
    };
    assert_eq!(sign_in("something else").await.problem(401), "wrong_credentials");
    assert_eq!(sign_in(PASSWORD).await.problem(403), "banned");

    house.clock.advance(std::time::Duration::from_hours(2));
    let admin = house.sign_in("ada@example.org").await;
    assert_eq!(grace.get("/api/v1/me").await.problem(401), "unauthenticated", "sessions end with a ban");
    program.get("/api/v1/instances").await.expect(200);
    assert_eq!(sign_in(PASSWORD).await.expect(201)["user"]["ban"], Value::Null);
    assert_eq!(admin.get("/api/v1/users?standing=banned").await.expect(200)["items"], json!([]));

    admin.post(&path, &json!({ "reason": "again" })).await.expect(200);
    assert_eq!(program.get("/api/v1/me").await.problem(403), "banned");
    admin.post(&format!("/api/v1/users/{id}/unban"), &json!({})).await.expect(200);
    program.get("/api/v1/me").await.expect(200);
    assert_eq!(grace.get("/api/v1/me").await.problem(401), "unauthenticated");
}

#[tokio::test]
async fn an_administrator_acts_for_a_user_openly_and_briefly() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let grace = house.user(&admin, "grace", "user").await;
    let (boss, id) = (id_of(&admin).await, id_of(&grace).await);
    let why = json!({ "reason": "ticket 12" });
    let path = format!("/api/v1/users/{id}/impersonate");
    assert_eq!(admin.post(&format!("/api/v1/users/{boss}/impersonate"), &why).await.problem(409), "is_admin");
    let opened = admin.post(&path, &why).await.expect(201);
    let acting = house.holding(opened["token"].as_str().unwrap());
    let me = acting.get("/api/v1/me").await.expect(200);
    assert_eq!((&me["user"]["id"], &me["impersonation"]["by"]), (&json!(id), &json!(boss)));
    assert_eq!(me["session"], Value::Null);
    furniture.instance(&acting, "web-1").await;
    grace.get("/api/v1/instances").await.expect(200);
    let log = admin.get("/api/v1/audit?action=instance.create").await.expect(200);
    let entry = &log["items"][0];
    assert_eq!((&entry["user_id"], &entry["impersonator"]), (&json!(id), &json!(boss)));
    assert_eq!(entry["means"], "impersonation");
    let key = json!({ "name": "k", "scopes": ["read"] });
    assert_eq!(acting.post("/api/v1/keys", &key).await.problem(403), "impersonated");
    let session = grace.get("/api/v1/me").await.expect(200)["session"]["id"].as_str().unwrap().to_owned();
    assert_eq!(acting.delete(&format!("/api/v1/sessions/{session}")).await.problem(403), "impersonated");
    // It ends what was shown by the token; the administrator's own cookies stay in their browser.
    let left = acting.delete("/api/v1/sessions/current").await;
    left.expect(204);
    assert!(!left.headers.contains_key(header::SET_COOKIE), "{:?}", left.headers);
    assert_eq!(acting.get("/api/v1/me").await.problem(401), "unauthenticated");
    admin.get("/api/v1/me").await.expect(200);

    // It ends by an administrator, by itself, and with the administrator's own rights.
    let opened = admin.post(&path, &why).await.expect(201);
    let acting = house.holding(opened["token"].as_str().unwrap());
    let listed = admin.get("/api/v1/impersonations").await.expect(200);
    assert_eq!(listed["items"], json!([opened["session"]]));
    let one = format!("/api/v1/impersonations/{}", opened["session"]["id"].as_str().unwrap());
    assert_eq!(acting.delete(&one).await.status, 204, "whoever is in it may end it");
    assert_eq!(admin.delete(&one).await.problem(404), "not_found");
    let opened = admin.post(&path, &why).await.expect(201);
    let acting = house.holding(opened["token"].as_str().unwrap());
    house.clock.advance(std::time::Duration::from_mins(30));
    assert_eq!(acting.get("/api/v1/me").await.problem(401), "unauthenticated");
    let admin = house.sign_in("ada@example.org").await;
    let opened = admin.post(&path, &why).await.expect(201);
    let acting = house.holding(opened["token"].as_str().unwrap());
    acting.get("/api/v1/me").await.expect(200);
    let other = house.user(&admin, "olga", "admin").await;
    other.patch(&format!("/api/v1/users/{boss}"), &json!({ "role": "operator" })).await.expect(200);
    assert_eq!(acting.get("/api/v1/me").await.problem(401), "unauthenticated");
}
