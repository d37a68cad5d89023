//! Projects that are shared, and keys for one of them.

use std::time::Duration;

use innkeeper_domain::backups::Backup;
use innkeeper_store::backups;
use serde_json::{Value, json};

use crate::house::{Client, House};
use crate::matrix::backup_of;

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

async fn id_of(client: &Client<'_>) -> String {
    text(&client.get("/api/v1/me").await.expect(200)["user"]["id"])
}

#[tokio::test]
async fn a_team_is_made_joined_changed_and_left() {
    let house = House::new().await;
    let admin = house.admin().await;
    let grace = house.user(&admin, "grace", "user").await;
    let linus = house.user(&admin, "linus", "user").await;
    let (grace_id, linus_id) = (id_of(&grace).await, id_of(&linus).await);
    let team = text(&grace.post("/api/v1/projects", &json!({ "name": "Band" })).await.expect(201)["id"]);
    let path = format!("/api/v1/projects/{team}");
    assert_eq!(linus.get(&path).await.problem(404), "not_found");

    let asked = json!({ "email": "LINUS@example.org", "membership": "viewer" });
    let invite = format!("{path}/invitations");
    let made = grace.post_keyed(&invite, "k1", &asked).await.expect(201);
    let again = grace.post_keyed(&invite, "k1", &asked).await.expect(201);
    assert_eq!((&again["token"], &again["invitation"]), (&Value::Null, &made["invitation"]));
    let received = linus.get("/api/v1/invitations").await.expect(200);
    assert_eq!(received["items"][0]["project_name"], "Band");
    assert_eq!(grace.get("/api/v1/invitations").await.expect(200)["items"], json!([]));
    let invitation = text(&made["invitation"]["id"]);
    let accept = format!("/api/v1/invitations/{invitation}/accept");
    assert_eq!(grace.post(&accept, &json!({})).await.problem(404), "not_found", "not theirs");
    linus.post(&accept, &json!({})).await.expect(200);
    assert_eq!(linus.post(&accept, &json!({})).await.problem(404), "not_found", "used up");
    linus.get(&path).await.expect(200);
    assert_eq!(linus.patch(&path, &json!({ "name": "x" })).await.problem(403), "forbidden");
    assert_eq!(grace.post(&invite, &asked).await.problem(409), "already_member");

    let member = |id: &str| format!("{path}/members/{id}");
    let to = |membership: &str| json!({ "membership": membership });
    assert_eq!(grace.patch(&member(&grace_id), &to("member")).await.problem(409), "last_owner");
    grace.patch(&member(&linus_id), &to("owner")).await.expect(204);
    linus.patch(&path, &json!({ "name": "Trio" })).await.expect(200);
    grace.patch(&member(&grace_id), &to("viewer")).await.expect(204);
    assert_eq!(grace.patch(&path, &json!({ "name": "x" })).await.problem(403), "forbidden");
    let members = linus.get(&format!("{path}/members")).await.expect(200);
    assert_eq!(members["items"].as_array().unwrap().len(), 2);
    assert_eq!(linus.delete(&format!("{path}/membership")).await.problem(409), "last_owner");
    linus.delete(&member(&grace_id)).await.expect(204);
    assert_eq!(grace.get(&path).await.problem(404), "not_found");
    linus.delete(&path).await.expect(204);
    assert_eq!(linus.get(&path).await.problem(404), "not_found");
    assert_eq!(admin.get(&path).await.problem(404), "not_found");
}

#[tokio::test]
async fn invitations_end_and_are_accepted_by_token_whatever_the_address() {
    let house = House::new().await;
    let admin = house.admin().await;
    let grace = house.user(&admin, "grace", "user").await;
    let team = text(&grace.post("/api/v1/projects", &json!({ "name": "Band" })).await.expect(201)["id"]);
    let invite = format!("/api/v1/projects/{team}/invitations");
    let asked = json!({ "email": "eve@example.org", "membership": "member" });
    let first = grace.post(&invite, &asked).await.expect(201);
    let second = grace.post(&invite, &asked).await.expect(201);
    let linus = house.user(&admin, "linus", "user").await;
    let accept = async |made: &Value| {
        linus.post("/api/v1/invitations/accept", &json!({ "token": made["token"] })).await
    };
    assert_eq!(accept(&first).await.problem(404), "not_found", "replaced");
    let one = format!("{invite}/{}", text(&second["invitation"]["id"]));
    grace.delete(&one).await.expect(204);
    assert_eq!(accept(&second).await.problem(404), "not_found", "taken back");
    let third = grace.post(&invite, &asked).await.expect(201);
    // Whoever comes later finds it.
    let eve = house.user(&admin, "eve", "user").await;
    assert_eq!(eve.get("/api/v1/invitations").await.expect(200)["items"].as_array().unwrap().len(), 1);
    let declined = format!("/api/v1/invitations/{}", text(&third["invitation"]["id"]));
    eve.delete(&declined).await.expect(204);
    assert_eq!(accept(&third).await.problem(404), "not_found", "declined");
    let fourth = grace.post(&invite, &asked).await.expect(201);
    accept(&fourth).await.expect(200);
    assert_eq!(accept(&fourth).await.problem(404), "not_found", "used up");
    let fifth = grace.post(&invite, &asked).await.expect(201);
    house.clock.advance(Duration::from_hours(24 * 7));
    let eve = house.sign_in("eve@example.org").await;
    let answer = eve.post("/api/v1/invitations/accept", &json!({ "token": fifth["token"] })).await;
    assert_eq!(answer.problem(404), "not_found", "over");
}

#[tokio::test]
async fn a_personal_project_stays_with_its_person_and_one_with_instances_stays() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let grace = house.user(&admin, "grace", "user").await;
    let me = grace.get("/api/v1/me").await.expect(200);
    let (id, own) = (text(&me["user"]["id"]), text(&me["user"]["personal_project"]));
    let path = format!("/api/v1/projects/{own}");
    assert_eq!(grace.delete(&path).await.problem(409), "personal_project");
    assert_eq!(admin.delete(&format!("{path}/members/{id}")).await.problem(409), "personal_project");
    assert_eq!(grace.delete(&format!("{path}/membership")).await.problem(409), "personal_project");
    let team = text(&grace.post("/api/v1/projects", &json!({ "name": "Band" })).await.expect(201)["id"]);
    let new = json!({ "name": "web-1", "template_id": furniture.template, "project_id": team });
    grace.post("/api/v1/instances", &new).await.expect(202);
    assert_eq!(grace.delete(&format!("/api/v1/projects/{team}")).await.problem(409), "project_not_empty");
    for n in 1..5 {
        grace.post("/api/v1/projects", &json!({ "name": format!("Band {n}") })).await.expect(201);
    }
    let too_many = grace.post("/api/v1/projects", &json!({ "name": "Band 6" })).await;
    assert_eq!(too_many.problem(409), "too_many_projects");
}

#[tokio::test]
async fn a_project_goes_without_leaving_anything_to_nobody() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let grace = house.user(&admin, "grace", "user").await;
    let team = text(&grace.post("/api/v1/projects", &json!({ "name": "Band" })).await.expect(201)["id"]);
    let path = format!("/api/v1/projects/{team}");
    let instance = text(&furniture.instance(&admin, "web-1").await["instance_id"]);
    let shares = format!("/api/v1/instances/{instance}/shares");
    admin.put(&format!("{shares}/{team}"), &json!({ "right": "use" })).await.expect(200);
    // What she keeps of an instance that is gone.
    let (project, of) = (team.parse().unwrap(), instance.parse().unwrap());
    let kept = Backup { protected: true, ..backup_of(project, of, &furniture.cluster, house.clock.now()) };
    let mut tx = house.db.begin().await.unwrap();
    backups::insert(&mut tx, &kept).await.unwrap();
    tx.commit().await.unwrap();
    let refused = grace.delete(&path).await;
    assert_eq!(refused.problem(409), "project_not_empty");
    assert!(refused.text().contains("protected"), "{}", refused.text());
    let open = json!({ "protected": false });
    grace.patch(&format!("/api/v1/backups/{}", kept.id), &open).await.expect(200);
    let own = json!({
        "cluster_id": furniture.cluster, "name": "Own", "bridge": "vmbr0", "vlan": 7, "project_id": team,
    });
    let network = text(&admin.post("/api/v1/networks", &own).await.expect(201)["id"]);
    let refused = grace.delete(&path).await;
    assert_eq!(refused.problem(409), "project_not_empty");
    assert!(refused.text().contains("network"), "{}", refused.text());
    assert_eq!(admin.delete(&format!("/api/v1/networks/{network}")).await.status.as_u16(), 204);
    assert_eq!(grace.delete(&path).await.status.as_u16(), 204);
    assert_eq!(admin.get(&shares).await.expect(200), json!([]));
    // Nothing is made for a project that is gone.
    assert_eq!(admin.post("/api/v1/networks", &own).await.problem(422), "invalid_field");
}

#[tokio::test]
async fn owners_who_come_and_go_decide_whether_a_project_runs() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let grace = house.user(&admin, "grace", "user").await;
    let linus = house.user(&admin, "linus", "user").await;
    let (grace_id, linus_id) = (id_of(&grace).await, id_of(&linus).await);
    let team = text(&grace.post("/api/v1/projects", &json!({ "name": "Band" })).await.expect(201)["id"]);
    let asked = json!({ "email": "linus@example.org", "membership": "owner" });
    let made = grace.post(&format!("/api/v1/projects/{team}/invitations"), &asked).await.expect(201);
    let token = json!({ "token": made["token"] });
    let create = async |name: &str| {
        let new = json!({ "name": name, "template_id": furniture.template, "project_id": team });
        admin.post("/api/v1/instances", &new).await
    };
    let why = json!({ "reason": "x" });
    admin.post(&format!("/api/v1/users/{grace_id}/ban"), &why).await.expect(200);
    assert_eq!(create("a").await.problem(409), "banned");
    linus.post("/api/v1/invitations/accept", &token).await.expect(200);
    create("a").await.expect(202);
    admin.post(&format!("/api/v1/users/{linus_id}/suspend"), &why).await.expect(200);
    assert_eq!(create("b").await.problem(409), "suspended", "as the best of them");
    admin.post(&format!("/api/v1/users/{grace_id}/unban"), &json!({})).await.expect(200);
    create("b").await.expect(202);
    admin.delete(&format!("/api/v1/projects/{team}/members/{grace_id}")).await.expect(204);
    assert_eq!(create("c").await.problem(409), "suspended");
    admin.post(&format!("/api/v1/users/{linus_id}/unsuspend"), &json!({})).await.expect(200);
    create("c").await.expect(202);
}

#[tokio::test]
async fn a_key_does_what_it_was_made_for_where_it_was_made_for() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let grace = house.user(&admin, "grace", "user").await;
    let team = text(&grace.post("/api/v1/projects", &json!({ "name": "Band" })).await.expect(201)["id"]);
    let own = furniture.instance(&grace, "own").await;
    let there = json!({ "name": "theirs", "template_id": furniture.template, "project_id": team });
    let theirs = grace.post("/api/v1/instances", &there).await.expect(202);
    let make = async |key: Value| grace.post("/api/v1/keys", &key).await;
    assert_eq!(make(json!({ "name": "k", "scopes": [] })).await.problem(422), "invalid_field");
    let foreign = text(&admin.get("/api/v1/me").await.expect(200)["user"]["personal_project"]);
    let key = json!({ "name": "k", "scopes": ["read"], "project_id": foreign });
    assert_eq!(make(key).await.problem(404), "not_found");

    let made =
        make(json!({ "name": "k", "scopes": ["read", "instances"], "project_id": team })).await.expect(201);
    let token = text(&made["token"]);
    assert!(token.starts_with("ink_key_"));
    let program = house.holding(&token);
    let at = |operation: &Value| format!("/api/v1/instances/{}", text(&operation["instance_id"]));
    program.get(&at(&theirs)).await.expect(200);
    assert_eq!(program.get(&at(&own)).await.problem(404), "not_found");
    assert_eq!(program.get("/api/v1/instances").await.expect(200)["items"].as_array().unwrap().len(), 1);
    assert_eq!(program.get("/api/v1/projects").await.expect(200)["items"].as_array().unwrap().len(), 1);
    let here = json!({ "name": "more", "template_id": furniture.template, "project_id": team });
    program.post("/api/v1/instances", &here).await.expect(202);
    let elsewhere = json!({ "name": "more", "template_id": furniture.template });
    assert_eq!(program.post("/api/v1/instances", &elsewhere).await.problem(404), "not_found");
    let path = format!("/api/v1/projects/{team}");
    assert_eq!(program.patch(&path, &json!({ "name": "x" })).await.problem(403), "missing_scope");
    let key = json!({ "name": "k", "scopes": ["read"] });
    assert_eq!(program.post("/api/v1/keys", &key).await.problem(403), "missing_scope");
    assert_eq!(program.delete("/api/v1/sessions/current").await.problem(403), "missing_scope");
    let me = program.get("/api/v1/me").await.expect(200);
    assert_eq!((&me["key"]["name"], &me["session"]), (&json!("k"), &Value::Null));

    let listed = grace.get("/api/v1/keys").await.expect(200);
    assert_eq!(listed["items"][0]["last_used_at"], json!(house.clock.now()));
    assert!(!listed.to_string().contains(&token), "a token is shown once");
    grace.delete(&format!("/api/v1/keys/{}", text(&made["key"]["id"]))).await.expect(204);
    assert_eq!(program.get("/api/v1/me").await.problem(401), "unauthenticated");

    let read_only = make(json!({ "name": "r", "scopes": ["billing"] })).await.expect(201);
    let program = house.holding(&text(&read_only["token"]));
    for list in ["instances", "projects", "operations", "plans", "templates", "sessions"] {
        assert_eq!(program.get(&format!("/api/v1/{list}")).await.problem(403), "missing_scope", "{list}");
    }
    let until = house.clock.now().after(Duration::from_secs(60));
    let short = json!({ "name": "s", "scopes": ["read"], "expires_at": until });
    let short = house.holding(&text(&make(short).await.expect(201)["token"])).token.clone();
    let program = house.holding(&short.unwrap());
    program.get("/api/v1/instances").await.expect(200);
    house.clock.advance(Duration::from_secs(60));
    assert_eq!(program.get("/api/v1/instances").await.problem(401), "unauthenticated");
    let near = json!({ "name": "n", "scopes": ["read"], "ranges": ["192.0.2.0/24"] });
    let near = make(near).await.expect(201);
    // An address that nobody knows lies in no range.
    assert_eq!(
        house.holding(&text(&near["token"])).get("/api/v1/instances").await.problem(403),
        "address_not_allowed"
    );
}

#[tokio::test]
async fn a_quota_holds_and_says_what_is_missing() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let grace = house.user(&admin, "grace", "user").await;
    let own = text(&grace.get("/api/v1/me").await.expect(200)["user"]["personal_project"]);
    let path = format!("/api/v1/projects/{own}/quota");
    assert_eq!(grace.get(&path).await.expect(200)["allowed"]["instances"], 50);
    let put = async |client: &Client<'_>, body: Value| client.put(&path, &body).await;
    assert_eq!(put(&grace, json!({ "instances": 99 })).await.problem(403), "forbidden");
    let quota = put(&admin, json!({ "instances": 2, "memory_mib": 256 })).await.expect(200);
    assert_eq!((&quota["allowed"]["instances"], &quota["allowed"]["cores"]), (&json!(2), &json!(100)));
    furniture.instance(&grace, "a").await;
    let new = json!({ "name": "b", "template_id": furniture.template });
    let refused = grace.post("/api/v1/instances", &new).await;
    assert_eq!(refused.problem(409), "quota_exceeded");
    let body = refused.json();
    assert_eq!(body["field"], "memory_mib");
    assert!(
        body["detail"].as_str().unwrap().contains("may have 256 memory_mib, has 256, and 256 more"),
        "{body}"
    );
    put(&admin, json!({ "instances": 1 })).await.expect(200);
    assert_eq!(grace.post("/api/v1/instances", &new).await.json()["field"], "instances");
    put(&admin, json!({})).await.expect(200);
    grace.post("/api/v1/instances", &new).await.expect(202);
    let used = grace.get(&path).await.expect(200);
    assert_eq!(used["used"], json!({ "instances": 2, "cores": 2, "memory_mib": 512, "disk_gib": 8 }));
}

#[tokio::test]
async fn a_key_of_one_project_makes_and_joins_no_other() {
    let house = House::new().await;
    let admin = house.admin().await;
    let grace = house.user(&admin, "grace", "user").await;
    let own = grace.get("/api/v1/me").await.expect(200)["user"]["personal_project"].clone();
    let asked = json!({ "name": "ci", "scopes": ["read", "projects"], "project_id": own });
    let made = grace.post("/api/v1/keys", &asked).await.expect(201);
    let key = house.with_token(&made);
    assert_eq!(
        key.post("/api/v1/projects", &json!({ "name": "Another" })).await.problem(403),
        "missing_scope"
    );
    let accept = json!({ "token": "ink_inv_never-given-out" });
    assert_eq!(key.post("/api/v1/invitations/accept", &accept).await.problem(403), "missing_scope");
}
