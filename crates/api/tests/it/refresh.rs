//! Refresh tokens: good once, and whoever copies one ends the session for both.

use std::time::Duration;

use axum::http::{Method, header};
use serde_json::{Value, json};

use crate::house::{Answer, House, PASSWORD, with_json};

const PATH: &str = "/api/v1/sessions/refresh";

async fn sign_in(house: &House) -> Value {
    let given = json!({ "email": "ada@example.org", "password": PASSWORD });
    house.anybody().post("/api/v1/sessions", &given).await.expect(201)
}

async fn refresh(house: &House, answer: &Value) -> Answer {
    house.anybody().post(PATH, &json!({ "refresh_token": answer["refresh_token"] })).await
}

#[tokio::test]
async fn a_session_goes_on_by_refreshing_and_ends_when_nobody_does() {
    let house = House::new().await;
    house.admin().await;
    let mut held = sign_in(&house).await;
    for _ in 0..5 {
        house.clock.advance(Duration::from_mins(14));
        let next = refresh(&house, &held).await.expect(201);
        assert_eq!(next["session"]["id"], held["session"]["id"]);
        // The one before goes on to its end, so that requests under way are not cut off.
        house.with_token(&held).get("/api/v1/me").await.expect(200);
        house.with_token(&next).get("/api/v1/me").await.expect(200);
        assert_ne!(next["token"], held["token"]);
        assert_ne!(next["refresh_token"], held["refresh_token"]);
        held = next;
    }
    house.clock.advance(Duration::from_mins(15));
    assert_eq!(house.with_token(&held).get("/api/v1/me").await.problem(401), "unauthenticated");
    house.clock.advance(Duration::from_hours(24 * 30));
    assert_eq!(refresh(&house, &held).await.problem(401), "session_ended");
}

#[tokio::test]
async fn a_token_used_again_ends_the_session_for_whoever_holds_it() {
    let house = House::new().await;
    let admin = house.admin().await;
    let stolen = sign_in(&house).await;
    house.clock.advance(Duration::from_mins(1));
    let kept = refresh(&house, &stolen).await.expect(201);
    house.clock.advance(Duration::from_mins(1));
    assert_eq!(refresh(&house, &stolen).await.problem(401), "session_ended");
    // Neither has anything any more.
    assert_eq!(refresh(&house, &kept).await.problem(401), "session_ended");
    for tokens in [&stolen, &kept] {
        assert_eq!(house.with_token(tokens).get("/api/v1/me").await.problem(401), "unauthenticated");
    }
    // The others of this user go on.
    admin.get("/api/v1/me").await.expect(200);
}

#[tokio::test]
async fn a_lost_answer_is_given_again_but_not_once_its_successor_was_used() {
    let house = House::new().await;
    house.admin().await;
    let first = sign_in(&house).await;
    let second = refresh(&house, &first).await.expect(201);
    house.clock.advance(Duration::from_secs(20));
    let again = refresh(&house, &first).await.expect(201);
    assert_eq!(again["refresh_token"], second["refresh_token"]);
    assert_eq!(again["token"], second["token"]);
    house.with_token(&again).get("/api/v1/me").await.expect(200);
    let third = refresh(&house, &second).await.expect(201);
    assert_eq!(refresh(&house, &first).await.problem(401), "session_ended");
    assert_eq!(refresh(&house, &third).await.problem(401), "session_ended");
}

#[tokio::test]
async fn two_windows_that_refresh_at_once_get_the_same() {
    let house = House::new().await;
    house.admin().await;
    let first = sign_in(&house).await;
    let many = futures_util::future::join_all((0..10).map(|_| refresh(&house, &first))).await;
    let answers: Vec<Value> = many.iter().map(|answer| answer.expect(201)).collect();
    for answer in &answers {
        assert_eq!(answer["refresh_token"], answers[0]["refresh_token"]);
        assert_eq!(answer["token"], answers[0]["token"]);
    }
    refresh(&house, &answers[3]).await.expect(201);
}

#[tokio::test]
async fn what_is_no_token_of_ours_ends_nothing() {
    let house = House::new().await;
    house.admin().await;
    let held = sign_in(&house).await;
    let token = held["refresh_token"].as_str().unwrap();
    // Of a family that does not exist, malformed, or of another kind.
    let other_family = format!("inr_AAAA{}", &token[8..]);
    let access = held["token"].as_str().unwrap();
    for bad in ["", "inr_", "x", other_family.as_str(), access, &token[..60], &format!("{token}A")] {
        let answer = house.anybody().post(PATH, &json!({ "refresh_token": bad })).await;
        assert_eq!(answer.problem(401), "session_ended", "{bad}");
    }
    assert_eq!(house.anybody().post(PATH, &json!({})).await.problem(401), "session_ended");
    // A refresh token is no access token.
    let wrong = json!({ "token": token });
    assert_eq!(house.with_token(&wrong).get("/api/v1/me").await.problem(401), "unauthenticated");
    refresh(&house, &held).await.expect(201);
}

#[tokio::test]
async fn a_browser_refreshes_by_its_cookie_from_our_own_pages_only() {
    let house = House::new().await;
    house.admin().await;
    let held = sign_in(&house).await;
    let cookie = format!("theme=dark; innkeeper_refresh={}", held["refresh_token"].as_str().unwrap());
    let post = async |headers: &[(&str, &str)]| {
        let request = house.anybody().request(Method::POST, PATH).header(header::COOKIE, &cookie);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        house.send(with_json(request, &json!({}))).await
    };
    for headers in [
        &[][..],
        &[("Origin", "https://evil.example")],
        &[("Sec-Fetch-Site", "same-site")],
        &[("Sec-Fetch-Site", "same-origin"), ("Origin", "https://evil.example")],
    ] {
        assert_eq!(post(headers).await.problem(403), "cross_site", "{headers:?}");
    }
    let answer = post(&[("Sec-Fetch-Site", "same-origin")]).await;
    let next = answer.expect(201);
    let set: Vec<_> = answer.headers.get_all(header::SET_COOKIE).iter().collect();
    assert!(set[1].to_str().unwrap().contains(next["refresh_token"].as_str().unwrap()), "{set:?}");
    // What is worth nothing any more is taken from the browser.
    house.clock.advance(Duration::from_mins(1));
    let ended = post(&[("Sec-Fetch-Site", "same-origin")]).await;
    assert_eq!(ended.problem(401), "session_ended");
    assert!(ended.header(header::SET_COOKIE).starts_with("innkeeper_session=; "));
}
