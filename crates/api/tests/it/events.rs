use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::{Method, header};
use futures_util::StreamExt;
use innkeeper_domain::abilities::Ability;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::hosts;
use crate::house::{Client, House};

const SOON: Duration = Duration::from_secs(15);

/// A stream of server-sent events, read one by one.
pub(crate) struct Stream {
    body: BodyDataStream,
    text: String,
}

#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) id: i64,
    pub(crate) event: String,
    pub(crate) data: Value,
}

impl Stream {
    pub(crate) async fn open(house: &House, client: &Client<'_>, after: Option<i64>) -> Self {
        Self::open_at(house, client, "/api/v1/events", after).await
    }

    async fn open_at(house: &House, client: &Client<'_>, path: &str, after: Option<i64>) -> Self {
        let request = client.request(Method::GET, path).header(header::ACCEPT_ENCODING, "gzip");
        let request = match after {
            Some(id) => request.header("Last-Event-ID", id),
            None => request,
        };
        let response = house.begin(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        // Compression would hold events back.
        assert!(response.headers().get(header::CONTENT_ENCODING).is_none());
        Self { body: response.into_body().into_data_stream(), text: String::new() }
    }

    /// The next event; none when the stream has ended.
    pub(crate) async fn next(&mut self) -> Option<Sent> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    let line = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                    line.unwrap_or_else(|| panic!("no {name} in {block}")).to_owned()
                };
                let data = serde_json::from_str(&field("data")).unwrap();
                let sent = Sent { id: field("id").parse().unwrap(), event: field("event"), data };
                let read = self.text.len() - rest.len();
                self.text.drain(..read);
                return Some(sent);
            }
            let chunk = timeout(SOON, self.body.next()).await.expect("an event, or the end")?;
            self.text += std::str::from_utf8(&chunk.unwrap()).unwrap();
        }
    }
}

#[tokio::test]
async fn what_happens_is_told_and_can_be_caught_up_with() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let mut live = Stream::open(&house, &admin, None).await;
    let first = furniture.instance(&admin, "web-1").await;
    let sent = live.next().await.unwrap();
    assert_eq!(sent.event, "instance");
    assert_eq!(sent.data["seq"], sent.id);
    assert_eq!(sent.data["subject_id"], first["instance_id"]);
    assert_eq!(sent.data["what"], "provisioning");
    drop(live);
    // Somebody who lost the connection misses nothing and gets nothing twice.
    let second = furniture.instance(&admin, "web-2").await;
    let mut resumed = Stream::open(&house, &admin, Some(sent.id)).await;
    let sent = resumed.next().await.unwrap();
    assert_eq!(sent.data["subject_id"], second["instance_id"]);
    let mut from_start = Stream::open(&house, &admin, Some(0)).await;
    assert_eq!(from_start.next().await.unwrap().data["subject_id"], first["instance_id"]);
    assert_eq!(from_start.next().await.unwrap().data["subject_id"], second["instance_id"]);
}

#[tokio::test]
async fn somebody_elses_events_are_not_told() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let user = house.user(&admin, "grace", "user").await;
    let mut live = Stream::open(&house, &user, Some(0)).await;
    furniture.instance(&admin, "web-1").await;
    let own = furniture.instance(&user, "web-2").await;
    assert_eq!(live.next().await.unwrap().data["subject_id"], own["instance_id"]);
}

#[tokio::test]
async fn what_happens_to_a_host_is_told_to_those_who_may_see_it() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let user = house.user(&admin, "grace", "user").await;
    let shut = hosts::put(&house, &furniture, "shut", &[]).await;
    let open = hosts::put(&house, &furniture, "open", &[Ability::See]).await;
    let mut live = Stream::open(&house, &user, Some(0)).await;
    admin.post(&format!("/api/v1/hosts/{shut}/wake"), &json!({})).await.expect(200);
    admin.post(&format!("/api/v1/hosts/{open}/wake"), &json!({})).await.expect(200);
    let sent = live.next().await.unwrap();
    assert_eq!(sent.event, "host");
    assert_eq!((sent.data["subject_id"].as_str().unwrap(), &sent.data["project_id"]), (&*open, &Value::Null));
    // The staff is told of both.
    let mut staff = Stream::open(&house, &admin, Some(0)).await;
    assert_eq!(staff.next().await.unwrap().data["subject_id"], shut);
    assert_eq!(staff.next().await.unwrap().data["subject_id"], open);
    // Closed again, it is told no more, although the stream goes on.
    let change = json!({ "profile": { "users_may": [] } });
    admin.patch(&format!("/api/v1/hosts/{open}"), &change).await.expect(200);
    admin.post(&format!("/api/v1/hosts/{open}/wake"), &json!({ "reason": "again" })).await.expect(200);
    let own = furniture.instance(&user, "web-1").await;
    assert_eq!(live.next().await.unwrap().data["subject_id"], own["instance_id"]);
}

#[tokio::test]
async fn who_has_signed_out_is_told_nothing_more() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let elsewhere = house.sign_in("ada@example.org").await;
    let mut live = Stream::open(&house, &elsewhere, None).await;
    elsewhere.delete("/api/v1/sessions/current").await.expect(204);
    furniture.instance(&admin, "web-1").await;
    assert!(live.next().await.is_none());
}

#[tokio::test]
async fn the_stream_ends_when_the_server_stops() {
    let house = House::new().await;
    let admin = house.admin().await;
    let mut live = Stream::open(&house, &admin, None).await;
    house.stop.cancel();
    assert!(live.next().await.is_none());
}

#[tokio::test]
async fn what_has_just_happened_is_told_to_whoever_asks_for_it() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let made = async |name: &str| furniture.instance(&admin, name).await["instance_id"].clone();
    made("web-1").await;
    house.clock.advance(Duration::from_secs(20));
    let (second, back) = (made("web-2").await, "/api/v1/events?back=10");
    let mut late = Stream::open_at(&house, &admin, back, None).await;
    let sent = late.next().await.unwrap();
    assert_eq!(sent.data["subject_id"], second);
    // Whoever has heard something goes on from there.
    let third = made("web-3").await;
    let mut resumed = Stream::open_at(&house, &admin, back, Some(sent.id)).await;
    assert_eq!(resumed.next().await.unwrap().data["subject_id"], third);
    for bad in ["-1", "256", "x", ""] {
        let path = format!("/api/v1/events?back={bad}");
        assert_eq!(admin.get(&path).await.problem(400), "invalid_parameter", "{bad}");
    }
}

#[tokio::test]
async fn a_place_that_makes_no_sense_is_refused() {
    let house = House::new().await;
    let admin = house.admin().await;
    for bad in ["x", "-1", ""] {
        let request = admin.request(Method::GET, "/api/v1/events").header("Last-Event-ID", bad);
        let answer = house.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.problem(400), "invalid_parameter", "{bad}");
    }
}
