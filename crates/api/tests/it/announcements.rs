//! Announcements: staff write them, and everybody sees those whose time it is.

use std::time::Duration;

use serde_json::{Value, json};

use crate::events::Stream;
use crate::house::{Client, House};

const SHOWN: &str = "/api/v1/announcements/shown";

fn ids(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

async fn announce(admin: &Client<'_>, body: Value) -> String {
    admin.post("/api/v1/announcements", &body).await.expect(201)["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn everybody_sees_what_is_shown_and_nobody_what_is_planned_or_over() {
    let house = House::new().await;
    let admin = house.admin().await;
    let user = house.user(&admin, "grace", "user").await;
    let now = house.clock.now();
    let (soon, later) = (now.after(Duration::from_secs(60)), now.after(Duration::from_secs(120)));
    let open = announce(&admin, json!({ "text_fr": "Bonjour" })).await;
    let brief =
        announce(&admin, json!({ "text_en": "Fire", "level": "critical", "until": soon.to_string() })).await;
    let planned = announce(
        &admin,
        json!({ "text_en": "x", "level": "warning", "from": soon.to_string(), "until": later.to_string() }),
    )
    .await;

    let shown = user.get(SHOWN).await.expect(200);
    assert_eq!(ids(&shown), [brief.as_str(), open.as_str()], "what matters most comes first");
    assert_eq!((&shown[0]["level"], &shown[0]["text_fr"]), (&json!("critical"), &Value::Null));
    // Who wrote it is not told to everybody.
    assert!(shown[0].get("created_by").is_none());
    let states = async || -> Vec<(String, String)> {
        let page = admin.get("/api/v1/announcements").await.expect(200);
        let items = page["items"].as_array().unwrap().clone();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        items.iter().map(|one| (text(&one["id"]), text(&one["state"]))).collect()
    };
    let expected = |of: [(&String, &str); 3]| of.map(|(id, state)| (id.clone(), state.to_owned()));
    assert_eq!(states().await, expected([(&planned, "planned"), (&brief, "shown"), (&open, "shown")]));

    house.clock.advance(Duration::from_secs(60));
    assert_eq!(ids(&user.get(SHOWN).await.expect(200)), [planned.as_str(), open.as_str()]);
    assert_eq!(states().await, expected([(&planned, "shown"), (&brief, "over"), (&open, "shown")]));
    house.clock.advance(Duration::from_secs(60));
    assert_eq!(ids(&user.get(SHOWN).await.expect(200)), [open.as_str()]);
}

#[tokio::test]
async fn an_announcement_is_changed_ended_and_deleted() {
    let house = House::new().await;
    let admin = house.admin().await;
    let now = house.clock.now();
    let id = announce(&admin, json!({ "text_en": "Hello", "text_fr": "Bonjour" })).await;
    let path = format!("/api/v1/announcements/{id}");
    // Only other words bring it back to those who have put it away.
    let until = now.after(Duration::from_secs(60)).to_string();
    let longer = admin.patch(&path, &json!({ "until": until })).await.expect(200);
    assert_eq!((&longer["revision"], &longer["until"]), (&json!(1), &json!(until)));
    let other = admin.patch(&path, &json!({ "text_fr": null, "until": null })).await.expect(200);
    assert_eq!(
        (&other["revision"], &other["until"], &other["text_fr"]),
        (&json!(2), &Value::Null, &Value::Null)
    );
    assert_eq!(other["text_en"], "Hello", "what is left out stays");

    house.clock.advance(Duration::from_secs(1));
    let ended = admin.post(&format!("{path}/end"), &json!({})).await.expect(200);
    assert_eq!((&ended["state"], &ended["until"]), (&json!("over"), &json!(house.clock.now().to_string())));
    house.clock.advance(Duration::from_secs(1));
    let again = admin.post(&format!("{path}/end"), &json!({})).await.expect(200);
    assert_eq!(again["until"], ended["until"], "what is over stays as it is");
    assert_eq!(ids(&admin.get(SHOWN).await.expect(200)), [""; 0]);
    // Made longer, it is shown again.
    admin.patch(&path, &json!({ "until": null })).await.expect(200);
    assert_eq!(ids(&admin.get(SHOWN).await.expect(200)), [id.as_str()]);

    let later = house.clock.now().after(Duration::from_secs(60)).to_string();
    admin.patch(&path, &json!({ "from": later })).await.expect(200);
    assert_eq!(admin.post(&format!("{path}/end"), &json!({})).await.problem(409), "announcement_planned");
    admin.delete(&path).await.expect(204);
    assert_eq!(admin.delete(&path).await.problem(404), "not_found");
    assert_eq!(admin.patch(&path, &json!({ "level": "info" })).await.problem(404), "not_found");
    let log = admin.get("/api/v1/audit?action=announcement.delete").await.expect(200);
    assert_eq!(log["items"][0]["before"]["text_en"], "Hello");
}

#[tokio::test]
async fn what_cannot_be_announced_is_refused_by_its_field() {
    let house = House::new().await;
    let admin = house.admin().await;
    let at = |seconds| house.clock.now().after(Duration::from_secs(seconds)).to_string();
    let past = house.clock.now().before(Duration::from_secs(60)).to_string();
    for (body, field) in [
        (json!({}), "text_en"),
        (json!({ "text_en": "" }), "text_en"),
        (json!({ "text_en": "x", "text_fr": "y".repeat(1001) }), "text_fr"),
        (json!({ "text_en": "x", "level": "loud" }), "level"),
        (json!({ "text_en": "x", "from": at(60), "until": at(60) }), "until"),
        (json!({ "text_en": "x", "until": house.clock.now().to_string() }), "until"),
        (json!({ "text_en": "x", "from": past, "until": at(0) }), "until"),
    ] {
        let answer = admin.post("/api/v1/announcements", &body).await;
        assert_eq!(
            (answer.problem(422).as_str(), &answer.json()["field"]),
            ("invalid_field", &json!(field)),
            "{body}"
        );
    }
    let id = announce(&admin, json!({ "text_en": "Hello" })).await;
    let answer = admin.patch(&format!("/api/v1/announcements/{id}"), &json!({ "text_en": null })).await;
    assert_eq!((answer.problem(422).as_str(), &answer.json()["field"]), ("invalid_field", &json!("text_en")));
}

#[tokio::test]
async fn everybody_is_told_of_it_at_once_and_of_what_is_planned_only_the_staff() {
    let house = House::new().await;
    let admin = house.admin().await;
    let user = house.user(&admin, "grace", "user").await;
    let mut live = Stream::open(&house, &user, Some(0)).await;
    let soon = house.clock.now().after(Duration::from_secs(60)).to_string();
    let planned = announce(&admin, json!({ "text_en": "x", "from": soon })).await;
    let shown = announce(&admin, json!({ "text_en": "y" })).await;
    let sent = live.next().await.unwrap();
    assert_eq!((sent.event.as_str(), &sent.data["subject_id"]), ("announcement", &json!(shown)));
    assert_eq!(sent.data["what"], "shown");
    admin.delete(&format!("/api/v1/announcements/{shown}")).await.expect(204);
    assert_eq!(live.next().await.unwrap().data["what"], "gone");
    let mut staff = Stream::open(&house, &admin, Some(0)).await;
    assert_eq!(staff.next().await.unwrap().data["subject_id"], planned);
}
