//! Discord over HTTP: links, settings, texts, and the door at which Discord knocks.

use axum::body::{Body, Bytes};
use axum::http::{Method, Request};
use innkeeper_api::{DiscordDoor, Options};
use innkeeper_domain::discord::Snowflake;
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::house::House;

const SETTINGS: &str = "/api/v1/discord/settings";

#[tokio::test]
async fn settings_are_checked_whole_and_texts_show_what_is_said() {
    let house = House::new().await;
    let admin = house.admin().await;
    let before = admin.get(SETTINGS).await.expect(200);
    assert_eq!(before["everyone"], json!([]), "nobody may do anything before somebody says so");
    let bad = json!({ "texts": [{ "key": "ask.wake", "language": "fr", "text": "Debout {nmae} ?" }] });
    let refused = admin.put(SETTINGS, &bad).await;
    assert_eq!(refused.problem(422), "invalid_field");
    assert!(refused.text().contains("{nmae}") && refused.text().contains("texts"), "{}", refused.text());
    admin.put(SETTINGS, &json!({ "roles": { "keeper": ["wake"] } })).await.problem(422);
    let good = json!({
        "everyone": ["see"], "roles": { "80351110224678912": ["wake"] },
        "texts": [{ "key": "ask.wake", "language": "fr", "text": "Debout, {name} ?" }],
    });
    admin.put(SETTINGS, &good).await.expect(200);
    let texts = admin.get("/api/v1/discord/texts").await.expect(200);
    let text = texts.as_array().unwrap().iter().find(|text| text["key"] == "ask.wake").unwrap();
    assert_eq!((&text["places"], &text["own_fr"]), (&json!(["name"]), &json!("Debout, {name} ?")));
    assert_eq!(text["own_en"], json!(null));
}

#[tokio::test]
async fn an_account_is_linked_by_the_code_and_unlinked() {
    let house = House::new().await;
    let admin = house.admin().await;
    let grace = house.user(&admin, "grace", "user").await;
    assert_eq!(grace.get("/api/v1/discord/links").await.expect(200), json!(null));
    let wrong = grace.post("/api/v1/discord/links", &json!({ "token": "ikt_wrong" })).await;
    assert_eq!(wrong.problem(422), "invalid_field");
    let id = Snowflake::new(80_351_110_224_678_912).unwrap();
    let begun = house.engine.begin_discord_link(id, "gr\u{7}ace").await.unwrap();
    let body = json!({ "token": begun.code.expose_secret() });
    let link = grace.post("/api/v1/discord/links", &body).await.expect(201);
    assert_eq!((&link["discord_id"], &link["name"]), (&json!("80351110224678912"), &json!("grace")));
    admin.post("/api/v1/discord/links", &body).await.problem(422);
    assert_eq!(grace.get("/api/v1/discord/links").await.expect(200)["discord_id"], "80351110224678912");
    let begun = house.engine.begin_discord_link(id, "grace").await.unwrap();
    let body = json!({ "token": begun.code.expose_secret() });
    let taken = admin.post("/api/v1/discord/links", &body).await;
    assert_eq!(taken.problem(409), "linked_elsewhere");
    for _ in 0..2 {
        grace.delete("/api/v1/discord/links").await.expect(204);
    }
    let entries = admin.get("/api/v1/audit?action=discord.unlink").await.expect(200);
    assert_eq!(entries["items"].as_array().unwrap().len(), 1, "nothing was done the second time");
}

#[tokio::test]
async fn discord_knocks_with_its_signature_and_gets_the_bots_answer() {
    let knock = |signature: &str| {
        let request = Request::builder().method(Method::POST).uri("/api/v1/discord/interactions");
        request
            .header("x-signature-ed25519", signature)
            .header("x-signature-timestamp", "1795221883")
            .body(Body::from("{ \"type\": 1 }"))
            .unwrap()
    };
    let house = House::new().await;
    assert_eq!(house.send(knock("good")).await.problem(404), "not_found", "no bot, no door");

    let door =
        DiscordDoor::new(|signature: Option<String>, timestamp: Option<String>, body: Bytes| async move {
            assert_eq!((timestamp.as_deref(), &body[..]), (Some("1795221883"), &b"{ \"type\": 1 }"[..]));
            match signature.as_deref() {
                Some("good") => (200, b"{\"type\":1}".to_vec()),
                Some("again") => (409, Vec::new()),
                _ => (401, Vec::new()),
            }
        });
    let house = House::with(Options { discord: Some(door), ..Options::default() }).await;
    assert_eq!(house.send(knock("good")).await.expect(200), json!({ "type": 1 }));
    assert_eq!(house.send(knock("bad")).await.problem(401), "discord_refused");
    assert_eq!(house.send(knock("again")).await.problem(409), "discord_refused");
}
