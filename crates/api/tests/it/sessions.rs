use axum::body::Body;
use axum::http::{Method, header};
use innkeeper_api::Options;
use innkeeper_store::users;
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
    let cookie = format!("innkeeper_session={}", first.token.as_deref().unwrap());
    let request = house.anybody().request(Method::DELETE, "/api/v1/sessions/current");
    let request = request.header(header::COOKIE, cookie).header("Sec-Fetch-Site", "same-origin");
    let answer = house.send(request.body(Body::empty()).unwrap()).await;
    answer.expect(204);
    let taken: Vec<_> =
        answer.headers.get_all(header::SET_COOKIE).iter().map(|cookie| cookie.to_str().unwrap()).collect();
    assert!(taken[0].starts_with("innkeeper_session=; ") && taken[0].contains("Max-Age=0"), "{taken:?}");
    assert!(taken[1].starts_with("innkeeper_refresh=; ") && taken[1].contains("Max-Age=0"), "{taken:?}");
    assert_eq!(first.get("/api/v1/me").await.problem(401), "unauthenticated");
}

#[tokio::test]
async fn a_session_ends_by_itself() {
    let house = House::new().await;
    let admin = house.admin().await;
    house.clock.advance(innkeeper_domain::sessions::Lifetimes::default().access);
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
        let house = House::with(Options { secure_cookies: secure, ..Options::default() }).await;
        house.admin().await;
        let given = json!({ "email": "ada@example.org", "password": PASSWORD });
        let answer = house.anybody().post("/api/v1/sessions", &given).await;
        let body = answer.expect(201);
        let (token, refresh) = (body["token"].as_str().unwrap(), body["refresh_token"].as_str().unwrap());
        let cookies: Vec<_> = answer
            .headers
            .get_all(header::SET_COOKIE)
            .iter()
            .map(|cookie| cookie.to_str().unwrap())
            .collect();
        assert_eq!(
            cookies,
            [
                format!("innkeeper_session={token}; HttpOnly; SameSite=Lax; Path=/; Max-Age=900{end}"),
                format!(
                    "innkeeper_refresh={refresh}; HttpOnly; SameSite=Strict; Path=/api/v1/sessions/refresh; Max-Age=2592000{end}"
                ),
            ]
        );
    }
}

#[tokio::test]
async fn with_the_cookie_only_our_own_pages_may_change_anything() {
    let public_url = Some("https://desk.example.net".to_owned());
    let house = House::with(Options { secure_cookies: true, public_url, ..Options::default() }).await;
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
    // From so many places, and at so many accounts, that nobody is counted twice.
    let tries = (0..300).map(|n| {
        let client = house.from(&format!("203.0.{}.{}", n / 250, n % 250));
        let given = json!({ "email": format!("nobody{n}@example.org"), "password": "wrong password" });
        async move { client.post("/api/v1/sessions", &given).await }
    });
    let answers = futures_util::future::join_all(tries).await;
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
    assert!(refused >= 60 && told > 0, "{refused} refused, {told} turned away");
    house.sign_in("ada@example.org").await;
}

#[tokio::test]
async fn all_other_sessions_end_at_once_and_each_tells_where_it_is() {
    let house = House::new().await;
    house.admin().await;
    let given = json!({ "email": "ada@example.org", "password": PASSWORD });
    let there = house.from("2001:db8::7");
    let request = there.request(Method::POST, "/api/v1/sessions").header(header::USER_AGENT, "a\tbrowser");
    let there = house.with_token(&house.send(with_json(request, &given)).await.expect(201));
    let here = house.sign_in("ada@example.org").await;
    let listed = here.get("/api/v1/sessions").await.expect(200);
    let listed = listed["items"].as_array().unwrap();
    assert_eq!(listed.len(), 3);
    assert_eq!((&listed[1]["address"], &listed[1]["method"]), (&json!("2001:db8::7"), &json!("password")));
    assert_eq!(here.delete("/api/v1/sessions").await.expect(200), json!({ "ended": 2 }));
    assert_eq!(there.get("/api/v1/me").await.problem(401), "unauthenticated");
    here.get("/api/v1/me").await.expect(200);
    assert_eq!(here.delete("/api/v1/sessions").await.expect(200), json!({ "ended": 0 }));
}

#[tokio::test]
async fn a_changed_password_ends_the_other_sessions() {
    let house = House::new().await;
    let admin = house.admin().await;
    let user = house.user(&admin, "grace", "user").await;
    let other = house.sign_in("grace@example.org").await;
    let change = |present: &str, new: &str| json!({ "password": present, "new_password": new });
    let path = "/api/v1/me/password";
    let wrong = user.post(path, &change("not the password", "another pass phrase")).await;
    assert_eq!((wrong.problem(422).as_str(), &wrong.json()["field"]), ("invalid_field", &json!("password")));
    for new in ["short", PASSWORD] {
        let refused = user.post(path, &change(PASSWORD, new)).await;
        assert_eq!(refused.expect(422)["field"], "new_password", "{new}");
    }
    other.get("/api/v1/me").await.expect(200);
    user.post(path, &change(PASSWORD, "another pass phrase")).await.expect(204);
    user.get("/api/v1/me").await.expect(200);
    assert_eq!(other.get("/api/v1/me").await.problem(401), "unauthenticated");
    let old = json!({ "email": "grace@example.org", "password": PASSWORD });
    assert_eq!(house.anybody().post("/api/v1/sessions", &old).await.problem(401), "wrong_credentials");
    let new = json!({ "email": "grace@example.org", "password": "another pass phrase" });
    house.anybody().post("/api/v1/sessions", &new).await.expect(201);
}

#[tokio::test]
async fn an_imported_password_signs_in_and_is_hashed_anew() {
    let house = House::new().await;
    let admin = house.admin().await;
    house.user(&admin, "grace", "user").await;
    let email = "grace@example.org".parse().unwrap();
    let (user, _) = users::by_email(&house.db, &email).await.unwrap().unwrap();
    let mut tx = house.db.begin().await.unwrap();
    // From the test vectors of crypt_blowfish, as PHP writes it.
    let imported = "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    users::set_password(&mut tx, user.id, imported).await.unwrap();
    tx.commit().await.unwrap();
    for (password, status) in [("wrong", 401), ("U*U", 201), ("U*U", 201), ("wrong", 401)] {
        let given = json!({ "email": "grace@example.org", "password": password });
        house.anybody().post("/api/v1/sessions", &given).await.expect(status);
    }
    let hash = users::password_of(&house.db, user.id).await.unwrap().unwrap();
    assert!(hash.starts_with("$argon2id$"), "{hash}");
}
