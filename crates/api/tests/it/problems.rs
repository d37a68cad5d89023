use std::fmt::Write as _;

use axum::body::Body;
use axum::http::{Method, header};
use serde_json::{Value, json};

use crate::house::{Answer, Client, House, template, with_json};

fn raw(client: &Client<'_>, media: &str, body: impl Into<Body>) -> axum::http::Request<Body> {
    let request = client.request(Method::POST, "/api/v1/templates").header(header::CONTENT_TYPE, media);
    request.body(body.into()).unwrap()
}

#[tokio::test]
async fn everything_that_goes_wrong_is_told_in_one_form() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let user = house.user(&admin, "grace", "user").await;
    let operation = furniture.instance(&user, "web-1").await;
    let (operation, instance) =
        (operation["id"].as_str().unwrap(), operation["instance_id"].as_str().unwrap());
    let with = |name: &str, value: Value| {
        let mut body = template("Debian 13");
        body[name] = value;
        body
    };
    let without = |name: &str| {
        let mut body = template("Debian 13");
        body.as_object_mut().unwrap().remove(name);
        body
    };
    let templates = "/api/v1/templates";
    let big = json!({ "name": "x".repeat(300 * 1024) });
    let huge = json!({ "name": "huge", "template_id": furniture.template,
        "size": { "cores": 256, "memory_mib": 16, "disk_gib": 1 } });
    let again = json!({ "name": "web-1", "template_id": furniture.template });
    let nowhere = json!({ "url": "http://pve.example.org" });
    let instance_path = format!("/api/v1/instances/{instance}");
    let told: Vec<(&str, Answer)> = vec![
        ("unknown route", admin.get("/api/v1/nothing").await),
        ("unknown route outside the API", admin.get("/nothing").await),
        ("method that is not taken", admin.delete("/api/v1/me").await),
        ("nobody signed in", house.anybody().get("/api/v1/me").await),
        ("role too small", user.get("/api/v1/clusters").await),
        ("unknown thing", user.get("/api/v1/instances/ins_00000000000000000000000000000000").await),
        ("id of another kind", user.get(&format!("/api/v1/instances/{operation}")).await),
        ("unreadable query", user.get("/api/v1/instances?limit=many").await),
        ("limit out of range", user.get("/api/v1/instances?limit=201").await),
        ("unknown parameter", user.get("/api/v1/instances?colour=red").await),
        ("unknown word", user.get("/api/v1/instances?kind=chroot").await),
        ("bad cursor", user.get("/api/v1/instances?cursor=!").await),
        ("cursor of another list", user.get("/api/v1/instances?cursor=b3BfMQ").await),
        ("bad wait", user.get(&format!("/api/v1/operations/{operation}?wait=61s")).await),
        ("filter for staff", user.get(&format!("/api/v1/instances?cluster_id={}", furniture.cluster)).await),
        ("not JSON", house.send(raw(&admin, "application/json", "{\"name\":")).await),
        ("a list", house.send(raw(&admin, "application/json", " [\"Debian 13\"]")).await),
        (
            "more than one JSON",
            house.send(raw(&admin, "application/json", template("Debian 13").to_string() + "{}")).await,
        ),
        ("another media type", house.send(raw(&admin, "text/plain", "{}")).await),
        ("body too large", admin.post(templates, &big).await),
        ("missing field", admin.post(templates, &without("kind")).await),
        (
            "missing field inside",
            admin.post(templates, &with("least", json!({ "cores": 1, "disk_gib": 1 }))).await,
        ),
        ("unknown field", admin.post(templates, &with("colour", json!("red"))).await),
        ("unknown field inside", admin.post(templates, &with("most", json!({ "cpus": 1 }))).await),
        ("wrong type", admin.post(templates, &with("most", json!([1, "two"]))).await),
        ("wrong word", admin.post(templates, &with("kind", json!("chroot"))).await),
        ("bad name", admin.post(templates, &with("name", json!(""))).await),
        (
            "sizes out of order",
            admin
                .post(templates, &with("least", json!({ "cores": 9, "memory_mib": 64, "disk_gib": 1 })))
                .await,
        ),
        ("size out of bounds", user.post("/api/v1/instances", &huge).await),
        ("bad key", user.post_keyed("/api/v1/instances", "a b", &again).await),
        ("name taken", user.post("/api/v1/instances", &again).await),
        ("operation in progress", user.post(&format!("{instance_path}/start"), &json!({})).await),
        (
            "body where none is expected",
            user.post(&format!("{instance_path}/start"), &json!({ "force": true })).await,
        ),
        ("not a way to a cluster", admin.post("/api/v1/clusters/probe", &nowhere).await),
    ];
    let mut text = String::new();
    for (name, answer) in &told {
        assert_eq!(
            answer.header(header::CONTENT_TYPE),
            "application/problem+json",
            "{name}: {}",
            answer.text()
        );
        assert_eq!(answer.json()["status"], answer.status.as_u16(), "{name}");
        let body = serde_json::to_string_pretty(&answer.json()).unwrap().replace(operation, "op_…");
        write!(text, "## {name}\n{body}\n\n").unwrap();
    }
    insta::assert_snapshot!("problems", text);
    assert_eq!(told[2].1.header(header::ALLOW), "GET,HEAD,PATCH");
    assert_eq!(told[3].1.header(header::WWW_AUTHENTICATE), "Bearer");
}

#[tokio::test]
async fn what_is_wrong_with_us_is_told_without_detail() {
    let house = House::new().await;
    let admin = house.admin().await;
    admin.get("/readyz").await.expect(200);
    house.db.close().await;
    let answer = admin.get("/api/v1/me").await;
    assert_eq!(answer.problem(500), "internal");
    assert!(!answer.text().contains("pool") && !answer.text().contains("sql"), "{}", answer.text());
    assert_eq!(house.anybody().get("/readyz").await.problem(503), "not_ready");
    house.anybody().get("/healthz").await.expect(200);
}

#[tokio::test]
async fn a_refused_password_is_not_repeated() {
    let house = House::new().await;
    let admin = house.admin().await;
    let new = json!({ "email": "eve@example.org", "name": "Eve", "role": "user", "password": 12_345_678 });
    let answer = house.send(with_json(admin.request(Method::POST, "/api/v1/users"), &new)).await;
    assert_eq!(answer.problem(422), "invalid_field");
    assert_eq!(answer.json()["field"], "password");
    assert!(!answer.text().contains("12345678"), "{}", answer.text());
}

#[tokio::test]
async fn a_template_with_bad_sizes_names_the_one_at_fault() {
    let house = House::new().await;
    let admin = house.admin().await;
    for (field, cores) in [("least", 0), ("least", 257), ("most", 257), ("default_size", 9)] {
        let mut body = template("Debian 13");
        body[field]["cores"] = cores.into();
        let answer = admin.post("/api/v1/templates", &body).await;
        assert_eq!((answer.problem(422).as_str(), &answer.json()["field"]), ("invalid_field", &field.into()));
    }
    let mut body = template("Debian 13");
    body["most"]["cores"] = 0.into();
    assert_eq!(admin.post("/api/v1/templates", &body).await.expect(422)["field"], "most");
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_not_waited_for_for_ever() {
    let house = House::new().await;
    let begun = futures_util::stream::iter([Ok::<_, std::io::Error>("{\"email\":")]);
    let body = Body::from_stream(futures_util::StreamExt::chain(begun, futures_util::stream::pending()));
    let request = house.anybody().request(Method::POST, "/api/v1/sessions");
    let request = request.header(header::CONTENT_TYPE, "application/json").body(body).unwrap();
    // Nothing but the body is waited for, so that the clock jumps to the end of our patience.
    tokio::time::pause();
    assert_eq!(house.send(request).await.problem(408), "body_too_slow");
}

#[tokio::test]
async fn a_character_that_no_database_takes_is_refused_at_the_door() {
    let house = House::new().await;
    let admin = house.admin().await;
    for path in ["instances?name=%00", "users?text=a%00", "audit?object=%00", "me/identities/%00/remove"] {
        let path = format!("/api/v1/{path}");
        let answer = if path.ends_with("/remove") {
            admin.post(&path, &json!({ "password": "x" })).await
        } else {
            admin.get(&path).await
        };
        assert_eq!(answer.problem(400), "invalid_parameter", "{path}");
    }
}
