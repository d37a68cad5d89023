use axum::body::Body;
use axum::http::{Method, header};
use innkeeper_api::Options;
use serde_json::json;

use crate::house::{House, PASSWORD, with_json};

#[tokio::test]
async fn a_session_begins_by_password_and_ends_on_request() {
    let house = House::new().await;
    let first = house.admin().await;
    let second = house.sign_in("Ada@Example.org").await;
    let sessions = first.get("/api/v1/sessions").await.expect(200);
    let sessions = sessions["items"].as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    let current: Vec<_> = sessions.iter().filter(|session| session["current"] == true).collect();
    assert_eq!(current.len(), 1);
    // Ends the other one by its id.
    let other = sessions.iter().find(|session| session["current"] == false).unwrap()["id"].as_str().unwrap();
    first.delete(&format!("/api/v1/sessions/{other}")).await.expect(204);
    assert_eq!(second.get("/api/v1/me").await.problem(401), "unauthenticated");
    // And its own.
    first.get("/api/v1/me").await.expect(200);
    let answer = first.delete("/api/v1/sessions/current").await;
    answer.expect(204);
    assert!(answer.header(header::SET_COOKIE).starts_with("innkeeper_session=; "));
    assert_eq!(first.get("/api/v1/me").await.problem(401), "unauthenticated");
}

#[tokio::test]
async fn a_session_ends_by_itself() {
    let house = House::new().await;
    let admin = house.admin().await;
    house.clock.advance(innkeeper_domain::users::SESSION_LIFETIME);
    assert_eq!(admin.get("/api/v1/me").await.problem(401), "unauthenticated");
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_are_told_alike() {
    let house = House::new().await;
    house.admin().await;
    let wrong = json!({ "email": "ada@example.org", "password": "not the password" });
    let unknown = json!({ "email": "eve@example.org", "password": PASSWORD });
    let wrong = house.anybody().post("/api/v1/sessions", &wrong).await;
    let unknown = house.anybody().post("/api/v1/sessions", &unknown).await;
    assert_eq!(wrong.problem(401), "wrong_credentials");
    assert_eq!(wrong.body, unknown.body);
}

#[tokio::test]
async fn the_cookie_is_for_this_host_only_and_out_of_reach_of_scripts() {
    for (secure, end) in [(true, "; Secure"), (false, "")] {
        let house = House::with(Options { secure_cookies: secure, public_url: None }).await;
        house.admin().await;
        let given = json!({ "email": "ada@example.org", "password": PASSWORD });
        let answer = house.anybody().post("/api/v1/sessions", &given).await;
        let token = answer.expect(201)["token"].as_str().unwrap().to_owned();
        let cookie =
            format!("innkeeper_session={token}; HttpOnly; SameSite=Lax; Path=/; Max-Age=604800{end}");
        assert_eq!(answer.header(header::SET_COOKIE), cookie);
    }
}

#[tokio::test]
async fn with_the_cookie_only_our_own_pages_may_change_anything() {
    let public_url = Some("https://desk.example.net".to_owned());
    let house = House::with(Options { secure_cookies: true, public_url }).await;
    let token = house.admin().await.token.unwrap();
    let plan = json!({ "name": "Small", "size": { "cores": 1, "memory_mib": 512, "disk_gib": 5 } });
    let cookie = format!("theme=dark; innkeeper_session={token}");
    let post = async |headers: &[(&str, &str)]| {
        let request = house.anybody().request(Method::POST, "/api/v1/plans").header(header::COOKIE, &cookie);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        house.send(with_json(request, &plan)).await
    };
    let refused: &[&[(&str, &str)]] = &[
        &[],
        &[("Origin", "https://evil.example")],
        &[("Origin", "null")],
        &[("Origin", "http://rooms.example.org")],
        &[("Origin", "https://rooms.example.org:8443")],
        &[("Origin", "https://rooms.example.org.evil.example")],
        &[("Sec-Fetch-Site", "cross-site")],
        &[("Sec-Fetch-Site", "same-site")],
        &[("Sec-Fetch-Site", "none")],
        &[("Sec-Fetch-Site", "cross-site"), ("Origin", "https://rooms.example.org")],
        &[("Sec-Fetch-Site", "same-origin"), ("Origin", "https://evil.example")],
    ];
    for headers in refused {
        assert_eq!(post(headers).await.problem(403), "cross_site", "{headers:?}");
    }
    let taken: &[&[(&str, &str)]] = &[
        &[("Origin", "https://rooms.example.org")],
        &[("Origin", "https://desk.example.net")],
        &[("Sec-Fetch-Site", "same-origin")],
        &[("Sec-Fetch-Site", "same-origin"), ("Origin", "https://rooms.example.org")],
    ];
    for headers in taken {
        post(headers).await.expect(201);
    }
    // Looking changes nothing, and a bearer token is not sent by accident.
    let look = house.anybody().request(Method::GET, "/api/v1/plans").header(header::COOKIE, &cookie);
    let plans = house.send(look.body(Body::empty()).unwrap()).await.expect(200);
    assert_eq!(plans["items"].as_array().unwrap().len(), taken.len());
    let bearer = house.anybody().request(Method::POST, "/api/v1/plans");
    let bearer = bearer
        .header(header::AUTHORIZATION, format!("bearer {token}"))
        .header("Origin", "https://evil.example");
    house.send(with_json(bearer, &plan)).await.expect(201);
}

#[tokio::test]
async fn another_site_cannot_sign_a_browser_in() {
    let house = House::new().await;
    house.admin().await;
    let given = json!({ "email": "ada@example.org", "password": PASSWORD });
    let request =
        house.anybody().request(Method::POST, "/api/v1/sessions").header("Origin", "https://evil.example");
    assert_eq!(house.send(with_json(request, &given)).await.problem(403), "cross_site");
}

#[tokio::test]
async fn a_flood_of_sign_ins_is_turned_away_instead_of_taking_all_memory() {
    let house = House::new().await;
    house.admin().await;
    let given = json!({ "email": "nobody@example.org", "password": "wrong password" });
    let anybody = house.anybody();
    let answers =
        futures_util::future::join_all((0..300).map(|_| anybody.post("/api/v1/sessions", &given))).await;
    let (mut refused, mut told) = (0, 0);
    for answer in &answers {
        if answer.status.as_u16() == 401 {
            refused += 1;
        } else {
            assert_eq!(answer.problem(503), "overloaded");
            told += 1;
        }
    }
    // Some wait for their turn, as many as there are processors have it, and nobody else is let in.
    assert!(refused >= 64 && told >= 100, "{refused} refused, {told} turned away");
    house.sign_in("ada@example.org").await;
}
