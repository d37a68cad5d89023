//! Walks the OpenAPI document: whatever is added to it is tried here without being mentioned here.

use std::collections::BTreeMap;

use axum::body::{Body, Bytes};
use axum::http::{Method, header};
use serde_json::Value;

use crate::house::{Answer, Client, House, with_json};

/// What anybody may ask.
const PUBLIC: &[&str] = &[
    "GET /api/v1/consoles/{id}",
    "GET /api/v1/leases/catalogue",
    "GET /api/v1/leases/orders/{id}",
    "GET /api/v1/openapi.json",
    "GET /api/v1/sessions/oidc",
    "GET /api/v1/sessions/oidc/{provider}/callback",
    "GET /api/v1/setup",
    "GET /healthz",
    "GET /readyz",
    "POST /api/v1/discord/interactions",
    "POST /api/v1/email-verifications",
    "POST /api/v1/leases",
    "POST /api/v1/leases/challenge",
    "POST /api/v1/leases/quote",
    "POST /api/v1/leases/{id}/quote",
    "POST /api/v1/leases/{id}/renew",
    "POST /api/v1/password-recoveries",
    "POST /api/v1/password-recoveries/finish",
    "POST /api/v1/payment-webhooks/{provider}",
    "POST /api/v1/registrations",
    "POST /api/v1/sessions",
    "POST /api/v1/sessions/oidc/{provider}",
    "POST /api/v1/sessions/passkey",
    "POST /api/v1/sessions/passkey/begin",
    "POST /api/v1/sessions/refresh",
    "POST /api/v1/sessions/second-factor",
    "POST /api/v1/setup",
    "POST /lease/container",
    "POST /lease/{ctid}/renew",
];

pub(crate) struct Documented {
    pub(crate) name: String,
    pub(crate) method: Method,
    pub(crate) path: String,
    operation: Value,
}

pub(crate) fn document() -> Value {
    serde_json::to_value(innkeeper_api::openapi()).unwrap()
}

pub(crate) fn operations(document: &Value) -> Vec<Documented> {
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
    pub(crate) fn is_public(&self) -> bool {
        PUBLIC.contains(&self.name.as_str())
    }

    /// Whether the token of a lease, or a wallet that signs, opens it as well.
    pub(crate) fn is_for_holders(&self) -> bool {
        let ways = self.operation["security"].as_array().into_iter().flatten();
        ways.flat_map(|way| way.as_object().unwrap().keys()).any(|way| way == "lease")
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
        self.ask(house, client, document, values, None).await
    }

    /// The same with another body, if one is given. Of an answer that goes on and on, only the head is read.
    pub(crate) async fn ask(
        &self,
        house: &House,
        client: &Client<'_>,
        document: &Value,
        values: &BTreeMap<&str, String>,
        given: Option<Value>,
    ) -> Answer {
        let request = client.request(self.method.clone(), &self.path(document, values));
        let body = &self.operation["requestBody"]["content"]["application/json"]["schema"];
        let request = if body.is_null() {
            request.body(Body::empty()).unwrap()
        } else {
            let example = &resolve(document, body)["example"];
            assert!(example.is_object(), "{} has no example of its body", self.name);
            with_json(request, given.as_ref().unwrap_or(example))
        };
        if self.path.ends_with("/events") {
            let (head, body) = house.begin(request).await.into_parts();
            if head.status.is_success() {
                return Answer { status: head.status, headers: head.headers, body: Bytes::new() };
            }
            let body = axum::body::to_bytes(body, 10_000).await.unwrap();
            return Answer { status: head.status, headers: head.headers, body };
        }
        house.send(request).await
    }
}

#[test]
fn every_operation_says_who_may_ask() {
    let document = document();
    let mut public = Vec::new();
    for operation in operations(&document) {
        match operation.operation["security"].as_array() {
            Some(ways) => {
                let expected = if operation.is_for_holders() { 4 } else { 2 };
                assert_eq!(ways.len(), expected, "{}", operation.name);
            }
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
