//! Whoever loses the right to a console loses the console, at once.

use serde_json::{Value, json};

use super::inn::{Inn, Wanted, Wire};
use crate::house::Client;

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

async fn me(client: &Client<'_>) -> String {
    text(&client.get("/api/v1/me").await.expect(200)["user"]["id"])
}

/// The minute between two looks is far away: what ends a console here is the hint.
#[tokio::test(flavor = "multi_thread")]
async fn rights_that_end_close_consoles() {
    let inn = Inn::open(Wanted::default()).await;
    let admin = inn.admin();
    let grace = inn.user("grace").await;
    let guest = inn.guest(&grace, "web-1", &inn.container).await;
    let open = async |client: &Client<'_>, kind: &str| -> Wire {
        let mut wire = inn.console(client, &guest, kind).await;
        if kind == "text" {
            wire.until("login: ").await;
        } else {
            wire.begin_rfb().await;
        }
        wire
    };
    let not_allowed = (4001, "not_allowed".to_owned());

    // The session that asked for it ends; the other one does not.
    let elsewhere = inn.house.sign_in("grace@example.org").await;
    let (mut wire, mut stays) = (open(&elsewhere, "text").await, open(&grace, "graphics").await);
    elsewhere.delete("/api/v1/sessions/current").await.expect(204);
    assert_eq!(wire.end().await, not_allowed);
    inn.check(&wire);
    stays.picture(640, 400, false).await;
    drop(stays);

    // A key ends.
    let key = json!({ "name": "k", "scopes": ["instances"] });
    let key = grace.post("/api/v1/keys", &key).await.expect(201);
    let mut wire = open(&inn.house.holding(&text(&key["token"])), "text").await;
    grace.delete(&format!("/api/v1/keys/{}", text(&key["key"]["id"]))).await.expect(204);
    assert_eq!(wire.end().await, not_allowed);

    // An administrator acts for somebody, and stops doing so.
    let acts = json!({ "reason": "helping" });
    let acts =
        admin.post(&format!("/api/v1/users/{}/impersonate", me(&grace).await), &acts).await.expect(201);
    let mut wire = open(&inn.house.holding(&text(&acts["token"])), "text").await;
    let path = format!("/api/v1/impersonations/{}", text(&acts["session"]["id"]));
    admin.delete(&path).await.expect(204);
    assert_eq!(wire.end().await, not_allowed);

    // An operator is one no more.
    let olga = inn.house.user(&admin, "olga", "operator").await;
    let mut wire = open(&olga, "text").await;
    let path = format!("/api/v1/users/{}", me(&olga).await);
    admin.patch(&path, &json!({ "role": "user" })).await.expect(200);
    assert_eq!(wire.end().await, not_allowed);

    // Its user is suspended, which the project is with them; then banned.
    let path = format!("/api/v1/users/{}", me(&grace).await);
    let mut wire = open(&grace, "text").await;
    admin.post(&format!("{path}/suspend"), &json!({ "reason": "x" })).await.expect(200);
    assert_eq!(wire.end().await, not_allowed);
    inn.all_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_that_is_left_or_restricted_and_an_instance_that_is_deleted_close_consoles() {
    let inn = Inn::open(Wanted::default()).await;
    let admin = inn.admin();
    let (grace, alan) = (inn.user("grace").await, inn.user("alan").await);
    let band = grace.post("/api/v1/projects", &json!({ "name": "Band" })).await.expect(201);
    let band = text(&band["id"]);
    let invited = json!({ "email": "alan@example.org", "membership": "member" });
    let invited = grace.post(&format!("/api/v1/projects/{band}/invitations"), &invited).await.expect(201);
    let path = format!("/api/v1/invitations/{}/accept", text(&invited["invitation"]["id"]));
    alan.post(&path, &json!({})).await.expect(200);
    let guest = inn.guest_in(&grace, "web-1", &inn.container, &json!(band)).await;
    let open = async |client: &Client<'_>| -> Wire {
        let mut wire = inn.console(client, &guest, "text").await;
        wire.until("login: ").await;
        wire
    };

    let (mut wire, mut stays) = (open(&alan).await, open(&grace).await);
    let alans = me(&alan).await;
    grace.delete(&format!("/api/v1/projects/{band}/members/{alans}")).await.expect(204);
    assert_eq!(wire.end().await, (4001, "not_allowed".to_owned()));
    stays.say("root\n").await;
    stays.until("Password: ").await;

    // The administrator may still look, but nothing of the project may run.
    let mut wire = open(&admin).await;
    let path = format!("/api/v1/users/{}/suspend", me(&grace).await);
    admin.post(&path, &json!({ "reason": "x" })).await.expect(200);
    let ended = wire.end().await;
    assert_eq!(ended, (4002, "restricted".to_owned()));
    assert_eq!(stays.end().await, (4001, "not_allowed".to_owned()));
    inn.check(&wire);

    let guest = inn.guest(&admin, "web-2", &inn.container).await;
    let mut wire = inn.console(&admin, &guest, "text").await;
    wire.until("login: ").await;
    admin.delete(&format!("/api/v1/instances/{}", guest.instance)).await.expect(202);
    assert_eq!(wire.end().await, (4003, "deleted".to_owned()));
    inn.all_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_ended_before_the_socket_opens_opens_nothing() {
    let inn = Inn::open(Wanted::default()).await;
    let grace = inn.user("grace").await;
    let guest = inn.guest(&grace, "web-1", &inn.container).await;
    let elsewhere = inn.house.sign_in("grace@example.org").await;
    let offered = inn.ask(&elsewhere, &guest, "text").await.expect(201);
    elsewhere.delete("/api/v1/sessions/current").await.expect(204);
    let mut wire = inn.enter(&offered, &[]).await.unwrap();
    assert_eq!(wire.end().await, (4001, "not_allowed".to_owned()));
    let asked = inn.sim.cluster("lodge").stats().calls;
    assert!(!asked.keys().any(|call| call.contains("termproxy")), "{asked:?}");
    assert_eq!(inn.told().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn consoles_say_goodbye_when_the_server_stops() {
    let inn = Inn::open(Wanted::default()).await;
    let grace = inn.user("grace").await;
    let guest = inn.guest(&grace, "web-1", &inn.container).await;
    let mut wire = inn.console(&grace, &guest, "text").await;
    wire.until("login: ").await;
    inn.house.stop.cancel();
    assert_eq!(wire.end().await, (1001, "server_stops".to_owned()));
    inn.all_quiet().await;
}
