//! A ticket opens one console, once, for half a minute, for one person.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};

use super::inn::{Inn, Refused, Wanted};

fn refused() -> Refused {
    Refused::with(401, "ticket_refused")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_good_once_for_its_console_and_for_its_owner() {
    let inn = Inn::open(Wanted::default()).await;
    let (grace, alan) = (inn.user("grace").await, inn.user("alan").await);
    let guest = inn.guest(&grace, "web-1", &inn.container).await;
    let other = inn.guest(&grace, "web-2", &inn.container).await;
    let offer = async || inn.ask(&grace, &guest, "text").await.expect(201);
    let text = |value: &Value, name: &str| value[name].as_str().unwrap().to_owned();

    let offered = offer().await;
    assert_eq!(offered["url"], format!("/api/v1/consoles/{}", text(&offered, "id")));
    assert!(!text(&offered, "url").contains(&text(&offered, "ticket")), "addresses stand in logs");
    assert_eq!(offered["protocol"], "innkeeper.console");

    // Wrong, and none.
    let url = text(&offered, "url");
    assert_eq!(inn.enter_with(&url, "ikt_wrong", &[]).await.err(), Some(refused()));
    assert_eq!(inn.enter_with(&url, "innkeeper.console", &[]).await.err(), Some(refused()));
    // Twice.
    let mut wire = inn.enter(&offered, &[]).await.unwrap();
    wire.until("login: ").await;
    assert_eq!(inn.enter(&offered, &[]).await.err(), Some(refused()));

    // Of another instance, and of another kind: each has a console of its own, and the ticket is gone then.
    let elsewhere = inn.ask(&grace, &other, "text").await.expect(201);
    let graphics = inn.ask(&grace, &guest, "graphics").await.expect(201);
    for wrong in [&elsewhere, &graphics] {
        let ticket = text(&offer().await, "ticket");
        assert_eq!(inn.enter_with(&text(wrong, "url"), &ticket, &[]).await.err(), Some(refused()));
    }
    let used = offer().await;
    let ticket = text(&used, "ticket");
    assert_eq!(inn.enter_with(&text(&graphics, "url"), &ticket, &[]).await.err(), Some(refused()));
    assert_eq!(inn.enter(&used, &[]).await.err(), Some(refused()), "used up by the first try");

    // Somebody else's, shown with their session; and one's own.
    let bearer = |token: &Option<String>| format!("Bearer {}", token.as_ref().unwrap());
    let theirs = bearer(&alan.token);
    assert_eq!(inn.enter(&offer().await, &[("authorization", &theirs)]).await.err(), Some(refused()));
    let cookie = format!("innkeeper_session={}", alan.token.as_ref().unwrap());
    assert_eq!(inn.enter(&offer().await, &[("cookie", &cookie)]).await.err(), Some(refused()));
    let own = bearer(&grace.token);
    inn.enter(&offer().await, &[("authorization", &own)]).await.unwrap().until("login: ").await;
    let nobody = Refused::with(401, "unauthenticated");
    let ended = [("authorization", "Bearer ink_ended")];
    assert_eq!(inn.enter(&offer().await, &ended).await.err(), Some(nobody));

    // Too late.
    let offered = offer().await;
    inn.house.clock.advance(Duration::from_secs(31));
    assert_eq!(inn.enter(&offered, &[]).await.err(), Some(refused()));
    inn.check(&wire);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_others_and_those_that_are_no_websocket_are_refused() {
    let inn = Inn::open(Wanted::default()).await;
    let grace = inn.user("grace").await;
    let guest = inn.guest(&grace, "web-1", &inn.container).await;
    let offered = inn.ask(&grace, &guest, "text").await.expect(201);
    let cross_site = Refused::with(403, "cross_site");
    for origin in ["https://evil.example", "null"] {
        assert_eq!(inn.enter(&offered, &[("origin", origin)]).await.err(), Some(cross_site.clone()));
    }
    let answer = grace.get(offered["url"].as_str().unwrap()).await;
    assert_eq!(answer.problem(426), "upgrade_required");
    let request = grace.request(Method::POST, "/api/v1/consoles/x").body(axum::body::Body::empty()).unwrap();
    assert_eq!(inn.house.send(request).await.status, 405);
    // None of it has used the ticket up.
    let origin = format!("http://{}", inn.address);
    inn.enter(&offered, &[("origin", &origin)]).await.unwrap().until("login: ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn others_cannot_ask() {
    let inn = Inn::open(Wanted::default()).await;
    let (grace, alan) = (inn.user("grace").await, inn.user("alan").await);
    let guest = inn.guest(&grace, "web-1", &inn.container).await;
    assert_eq!(inn.ask(&alan, &guest, "text").await.problem(404), "not_found");
    let path = format!("/api/v1/instances/{}/consoles", guest.instance);
    assert_eq!(grace.post(&path, &json!({ "kind": "smell" })).await.problem(422), "invalid_field");
    let key = json!({ "name": "k", "scopes": ["read"] });
    let key = grace.post("/api/v1/keys", &key).await.expect(201);
    let key = inn.house.holding(key["token"].as_str().unwrap());
    assert_eq!(inn.ask(&key, &guest, "text").await.problem(403), "missing_scope");
}
