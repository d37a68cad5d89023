//! A forgotten password: what is answered tells nothing, and the link is good once.

use std::time::Duration;

use innkeeper_domain::invitations::Registration;
use serde_json::json;

use crate::factors::switch_on;
use crate::house::{Answer, House, PASSWORD};

const ASK: &str = "/api/v1/password-recoveries";
const FINISH: &str = "/api/v1/password-recoveries/finish";
const NEW: &str = "another pass phrase";

async fn ask(house: &House, email: &str) -> Answer {
    house.anybody().post(ASK, &json!({ "email": email })).await
}

async fn finish(house: &House, token: &str, password: &str) -> Answer {
    house.anybody().post(FINISH, &json!({ "token": token, "password": password })).await
}

#[tokio::test]
async fn a_link_replaces_the_password_once_and_ends_all_sessions() {
    let house = House::with_mail(Registration::Closed).await;
    let admin = house.admin().await;
    ask(&house, "Ada@example.org").await.expect(202);
    ask(&house, "ada@example.org").await.expect(202);
    let mails = house.mails().await;
    assert_eq!(mails.len(), 2);
    let token = mails[0].token();
    assert!(mails[0].text.contains("https://rooms.example.org/recover#token=ikt_"), "{}", mails[0].text);
    assert_eq!(finish(&house, &token, "short").await.expect(422)["field"], "password");
    finish(&house, &token, NEW).await.expect(204);
    assert_eq!(admin.get("/api/v1/me").await.problem(401), "unauthenticated");
    assert_eq!(finish(&house, &token, NEW).await.problem(409), "link_ended");
    assert_eq!(finish(&house, &mails[1].token(), NEW).await.problem(409), "link_ended", "so do its sisters");
    let given = |password: &str| json!({ "email": "ada@example.org", "password": password });
    assert_eq!(
        house.anybody().post("/api/v1/sessions", &given(PASSWORD)).await.problem(401),
        "wrong_credentials"
    );
    house.anybody().post("/api/v1/sessions", &given(NEW)).await.expect(201);
    assert_eq!(house.mails().await[0].subject, "Innkeeper: your password was changed");
}

#[tokio::test]
async fn the_answer_is_the_same_for_every_address() {
    let house = House::with_mail(Registration::Closed).await;
    house.admin().await;
    let known = ask(&house, "ada@example.org").await;
    for other in ["nobody@example.org", "not an address", ""] {
        let unknown = ask(&house, other).await;
        assert_eq!(
            (unknown.status, &unknown.body, &unknown.headers),
            (known.status, &known.body, &known.headers)
        );
    }
    assert_eq!(house.mails().await.len(), 1);
    // Nobody is flooded, and that is not told either.
    for _ in 0..6 {
        ask(&house, "ada@example.org").await.expect(202);
    }
    assert_eq!(house.mails().await.len(), 2);
    assert_eq!(ask(&house, "ada@example.org").await.problem(429), "too_many_attempts", "this caller waits");
}

#[tokio::test]
async fn a_link_ends_after_half_an_hour_and_belongs_to_its_purpose() {
    let house = House::with_mail(Registration::Closed).await;
    house.admin().await;
    ask(&house, "ada@example.org").await.expect(202);
    let token = house.mails().await[0].token();
    let elsewhere = house.anybody().post("/api/v1/email-verifications", &json!({ "token": token })).await;
    assert_eq!(elsewhere.problem(409), "link_ended");
    house.clock.advance(Duration::from_mins(30));
    assert_eq!(finish(&house, &token, NEW).await.problem(409), "link_ended");
}

#[tokio::test]
async fn of_ten_who_use_a_link_at_once_one_replaces_the_password() {
    let house = House::with_mail(Registration::Closed).await;
    house.admin().await;
    ask(&house, "ada@example.org").await.expect(202);
    let token = house.mails().await[0].token();
    let tries = (0..10).map(|_| finish(&house, &token, NEW));
    let answers = futures_util::future::join_all(tries).await;
    assert_eq!(answers.iter().filter(|answer| answer.status.as_u16() == 204).count(), 1);
}

#[tokio::test]
async fn what_was_begun_with_the_old_password_ends_with_it() {
    let house = House::with_mail(Registration::Closed).await;
    let thief = house.admin().await;
    let change = json!({ "email": "evil@example.org", "password": PASSWORD });
    thief.post("/api/v1/me/email", &change).await.expect(202);
    let away = house.mails().await.iter().find(|mail| mail.to == "evil@example.org").unwrap().token();
    ask(&house, "ada@example.org").await.expect(202);
    let back = house.mails().await.iter().find(|mail| mail.to == "ada@example.org").unwrap().token();
    finish(&house, &back, NEW).await.expect(204);
    let taken = house.anybody().post("/api/v1/email-verifications", &json!({ "token": away })).await;
    assert_eq!(taken.problem(409), "link_ended");
}

#[tokio::test]
async fn whoever_registered_with_somebody_elses_address_keeps_no_door_to_it() {
    let house = House::with_mail(Registration::Open).await;
    house.admin().await;
    let new = json!({ "email": "grace@example.org", "name": "Eve", "password": PASSWORD });
    house.anybody().post("/api/v1/registrations", &new).await.expect(202);
    let stranger = house.sign_in("grace@example.org").await;
    switch_on(&house, &stranger).await;
    ask(&house, "grace@example.org").await.expect(202);
    let back = house.mails().await.iter().find(|mail| mail.text.contains("/recover#")).unwrap().token();
    finish(&house, &back, NEW).await.expect(204);
    let given = json!({ "email": "grace@example.org", "password": NEW });
    house.anybody().post("/api/v1/sessions", &given).await.expect(201);
    assert_eq!(stranger.get("/api/v1/me").await.problem(401), "unauthenticated");
}
