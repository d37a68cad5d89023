//! What one is told, and how.

use innkeeper_domain::invitations::Registration;
use serde_json::{Value, json};

use crate::house::House;

const PATH: &str = "/api/v1/me/notifications";

#[tokio::test]
async fn everybody_chooses_for_themselves_and_cannot_switch_the_last_warning_off() {
    let house = House::with_mail(Registration::Open).await;
    let admin = house.admin().await;
    let user = house.user(&admin, "grace", "user").await;
    let found = user.get(PATH).await.expect(200);
    assert_eq!((&found["mails"], &found["discord_linked"]), (&json!(true), &json!(false)));
    let kinds = ["credits", "stopped", "deletion", "leases", "backups", "webhooks"];
    let usual: Vec<Value> = kinds
        .iter()
        .map(|kind| json!({ "kind": kind, "email": true, "discord": false, "must_arrive": *kind == "deletion" }))
        .collect();
    assert_eq!(found["choices"], json!(usual));

    let off = user.patch(&format!("{PATH}/credits"), &json!({ "email": false })).await.expect(200);
    assert_eq!(off, json!({ "kind": "credits", "email": false, "discord": false, "must_arrive": false }));
    assert_eq!(user.get(PATH).await.expect(200)["choices"][0], off);
    assert_eq!(admin.get(PATH).await.expect(200)["choices"], json!(usual), "the others are told as before");
    // Nothing said, nothing changed.
    assert_eq!(user.patch(&format!("{PATH}/credits"), &json!({})).await.expect(200), off);

    for (kind, body, field) in [
        ("deletion", json!({ "email": false }), "email"),
        ("leases", json!({ "discord": true }), "discord"),
        ("leases", json!({ "pigeon": true }), "pigeon"),
    ] {
        let answer = user.patch(&format!("{PATH}/{kind}"), &body).await;
        assert_eq!((answer.problem(422).as_str(), &answer.json()["field"]), ("invalid_field", &json!(field)));
    }
    let unknown = user.patch(&format!("{PATH}/weather"), &json!({ "email": true })).await;
    assert_eq!(
        (unknown.problem(400).as_str(), &unknown.json()["field"]),
        ("invalid_parameter", &json!("kind"))
    );
}
