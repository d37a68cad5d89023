//! Walks the OpenAPI document: whatever is added to it is tried here without being mentioned here.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{Method, header};
use innkeeper_domain::projects::Membership;
use innkeeper_store::projects;
use serde_json::Value;

use crate::house::{Answer, Client, House, with_json};

/// What anybody may ask.
const PUBLIC: &[&str] = &[
    "GET /api/v1/openapi.json",
    "GET /api/v1/setup",
    "GET /healthz",
    "GET /readyz",
    "POST /api/v1/payment-webhooks/{provider}",
    "POST /api/v1/sessions",
    "POST /api/v1/setup",
];

struct Documented {
    name: String,
    method: Method,
    path: String,
    operation: Value,
}

fn document() -> Value {
    serde_json::to_value(innkeeper_api::openapi()).unwrap()
}

fn operations(document: &Value) -> Vec<Documented> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let (name, path, operation) = (format!("{method} {path}"), path.clone(), operation.clone());
            found.push(Documented { name, method, path, operation });
        }
    }
    assert!(found.len() > 30, "the document lists {} operations only", found.len());
    found
}

fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => value,
    }
}

impl Documented {
    fn is_public(&self) -> bool {
        PUBLIC.contains(&self.name.as_str())
    }

    /// The path with these values in place of what varies, by the name of the type.
    fn path(&self, document: &Value, values: &BTreeMap<&str, String>) -> String {
        let mut path = self.path.clone();
        for parameter in self.operation["parameters"].as_array().into_iter().flatten() {
            if parameter["in"] != "path" {
                continue;
            }
            let schema = &parameter["schema"];
            let kind = schema["$ref"].as_str().unwrap_or_default().rsplit('/').next().unwrap();
            let value = values.get(kind).cloned().unwrap_or_else(|| {
                // Well-formed, but of nothing that exists.
                let pattern = resolve(document, schema)["pattern"].as_str().unwrap_or("^none$");
                pattern.trim_matches(['^', '$']).replace("[0-9a-f]{32}", &"0".repeat(32))
            });
            path = path.replace(&format!("{{{}}}", parameter["name"].as_str().unwrap()), &value);
        }
        assert!(!path.contains('{'), "{path}");
        path
    }

    /// Sends the operation with the example that its document gives.
    async fn send(
        &self,
        house: &House,
        client: &Client<'_>,
        document: &Value,
        values: &BTreeMap<&str, String>,
    ) -> Answer {
        let request = client.request(self.method.clone(), &self.path(document, values));
        let body = &self.operation["requestBody"]["content"]["application/json"]["schema"];
        let request = if body.is_null() {
            request.body(Body::empty()).unwrap()
        } else {
            let example = &resolve(document, body)["example"];
            assert!(example.is_object(), "{} has no example of its body", self.name);
            with_json(request, example)
        };
        house.send(request).await
    }
}

#[test]
fn every_operation_says_who_may_ask() {
    let document = document();
    let mut public = Vec::new();
    for operation in operations(&document) {
        match operation.operation["security"].as_array() {
            Some(ways) => assert_eq!(ways.len(), 2, "{}", operation.name),
            None => public.push(operation.name),
        }
    }
    public.sort();
    assert_eq!(public, PUBLIC);
}

#[tokio::test]
async fn nobody_gets_in_without_a_session() {
    let house = House::new().await;
    let document = document();
    let mut stranger = house.anybody();
    for token in [None, Some("ink_never-given-out".to_owned())] {
        stranger.token = token;
        for operation in operations(&document).iter().filter(|operation| !operation.is_public()) {
            let answer = operation.send(&house, &stranger, &document, &BTreeMap::new()).await;
            assert_eq!(answer.problem(401), "unauthenticated", "{}", operation.name);
            assert_eq!(answer.header(header::WWW_AUTHENTICATE), "Bearer", "{}", operation.name);
        }
    }
}

#[tokio::test]
async fn what_belongs_to_somebody_else_is_not_there() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let owner = house.user(&admin, "grace", "user").await;
    let other = house.user(&admin, "eve", "user").await;
    let made = furniture.instance(&owner, "web-1").await;
    let session = owner.get("/api/v1/me").await.expect(200)["session"]["id"].clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let values = BTreeMap::from([
        ("InstanceId", text(&made["instance_id"])),
        ("OperationId", text(&made["id"])),
        ("SessionId", text(&session)),
        ("ClusterId", furniture.cluster.clone()),
        ("TemplateId", furniture.template.clone()),
        ("NodeName", "pve1".to_owned()),
        ("ProjectId", text(&made["project_id"])),
    ]);
    let document = document();
    let mut hidden = 0;
    for operation in operations(&document).iter().filter(|operation| operation.path.contains('{')) {
        let answer = operation.send(&house, &other, &document, &values).await;
        let of_the_house = ["clusters", "templates", "plans", "users", "impersonations", "vouchers/{id}"]
            .iter()
            .any(|noun| operation.path.contains(noun));
        if of_the_house {
            assert_eq!(answer.problem(403), "forbidden", "{}", operation.name);
        } else {
            assert_eq!(answer.problem(404), "not_found", "{}", operation.name);
            // And told exactly like what does not exist.
            let nothing = operation.send(&house, &other, &document, &BTreeMap::new()).await;
            assert_eq!(answer.body, nothing.body, "{}", operation.name);
            hidden += 1;
        }
    }
    assert!(hidden >= 13, "{hidden}");
    for list in ["instances", "operations"] {
        let page = other.get(&format!("/api/v1/{list}")).await.expect(200);
        assert_eq!(page["items"].as_array().unwrap().len(), 0, "{list}");
    }
    assert_eq!(
        other.get(&format!("/api/v1/instances?project_id={}", text(&made["project_id"]))).await.problem(404),
        "not_found"
    );
    // Nothing of it had an effect.
    let instance = owner.get(&format!("/api/v1/instances/{}", text(&made["instance_id"]))).await.expect(200);
    assert_eq!(instance["state"], "provisioning");
    owner.get("/api/v1/me").await.expect(200);
}

#[tokio::test]
async fn a_viewer_looks_and_a_member_acts() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let owner = house.user(&admin, "grace", "user").await;
    let made = furniture.instance(&owner, "web-1").await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let values =
        BTreeMap::from([("InstanceId", text(&made["instance_id"])), ("OperationId", text(&made["id"]))]);
    let document = document();
    for (name, membership) in [("vera", Membership::Viewer), ("max", Membership::Member)] {
        let client = house.user(&admin, name, "user").await;
        let me = text(&client.get("/api/v1/me").await.expect(200)["user"]["id"]);
        let mut tx = house.db.begin().await.unwrap();
        let project = text(&made["project_id"]).parse().unwrap();
        projects::add_member(&mut tx, project, me.parse().unwrap(), membership).await.unwrap();
        tx.commit().await.unwrap();
        for operation in operations(&document) {
            let ours =
                ["/instances/{id}", "/operations/{id}"].iter().any(|noun| operation.path.contains(noun));
            if !ours {
                continue;
            }
            if operation.path.ends_with("/price") {
                // Prices are an administrator's affair, whatever one is in the project.
                let answer = operation.send(&house, &client, &document, &values).await;
                assert_eq!(answer.problem(403), "forbidden", "{name}: {}", operation.name);
                continue;
            }
            let answer = operation.send(&house, &client, &document, &values).await;
            match (operation.method == Method::GET, membership) {
                (true, _) => assert_eq!(answer.status, 200, "{name}: {}", operation.name),
                (false, Membership::Viewer) => {
                    assert_eq!(answer.problem(403), "forbidden", "{}", operation.name);
                }
                // The instance is still being made, or being deleted by then.
                (false, _) => assert!([202, 409].contains(&answer.status.as_u16()), "{}", operation.name),
            }
        }
        let new = serde_json::json!({ "name": name, "template_id": furniture.template, "project_id": made["project_id"] });
        let answer = client.post("/api/v1/instances", &new).await;
        assert_eq!(
            answer.status,
            if membership == Membership::Viewer { 403 } else { 202 },
            "{}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn only_staff_look_after_the_house_and_only_administrators_make_users() {
    let house = House::new().await;
    let admin = house.admin().await;
    let operator = house.user(&admin, "olga", "operator").await;
    let user = house.user(&admin, "grace", "user").await;
    operator.get("/api/v1/clusters").await.expect(200);
    operator.get("/api/v1/users").await.expect(200);
    let new = serde_json::json!({ "email": "x@example.org", "name": "X", "role": "admin", "password": "0123456789" });
    assert_eq!(operator.post("/api/v1/users", &new).await.problem(403), "forbidden");
    assert_eq!(user.post("/api/v1/users", &new).await.problem(403), "forbidden");
    assert_eq!(user.get("/api/v1/users").await.problem(403), "forbidden");
    assert_eq!(user.get("/api/v1/projects").await.expect(200)["items"].as_array().unwrap().len(), 1);
    assert_eq!(operator.get("/api/v1/projects").await.expect(200)["items"].as_array().unwrap().len(), 3);
}
