//! Who tries too often is told to wait, and does not keep the owner out.

use std::time::Duration;

use axum::http::header;
use serde_json::json;

use crate::house::{Answer, Client, House, PASSWORD};

const PATH: &str = "/api/v1/sessions";

async fn try_password(client: &Client<'_>, email: &str, password: &str) -> Answer {
    client.post(PATH, &json!({ "email": email, "password": password })).await
}

#[tokio::test]
async fn after_six_wrong_passwords_one_waits_whether_the_account_exists_or_not() {
    let house = House::new().await;
    house.admin().await;
    let mut told = Vec::new();
    for (address, email) in [("203.0.113.1", "ada@example.org"), ("203.0.113.2", "nobody@example.org")] {
        let stranger = house.from(address);
        let mut answers = Vec::new();
        for _ in 0..8 {
            let answer = try_password(&stranger, email, "not the password").await;
            answers.push((answer.status, answer.header(header::RETRY_AFTER).to_owned(), answer.body));
        }
        told.push(answers);
    }
    assert_eq!(told[0], told[1]);
    let statuses: Vec<u16> = told[0].iter().map(|(status, ..)| status.as_u16()).collect();
    assert_eq!(statuses, [401, 401, 401, 401, 401, 401, 429, 429]);
    assert_eq!(told[0][6].1, "61");
    // Even the right one waits, or guessing would go on.
    let stranger = house.from("203.0.113.1");
    let answer = try_password(&stranger, "ada@example.org", PASSWORD).await;
    assert_eq!(
        (answer.problem(429).as_str(), &answer.json()["retry_after"]),
        ("too_many_attempts", &json!(61))
    );
    house.clock.advance(Duration::from_secs(60));
    try_password(&stranger, "ada@example.org", PASSWORD).await.expect(201);
}

#[tokio::test]
async fn many_at_once_do_not_slip_through_together() {
    let house = House::new().await;
    house.admin().await;
    let stranger = house.from("203.0.113.1");
    let tries = (0..40).map(|_| try_password(&stranger, "ada@example.org", "not the password"));
    let answers = futures_util::future::join_all(tries).await;
    let looked_at = answers.iter().filter(|answer| answer.status.as_u16() == 401).count();
    let told = answers.iter().filter(|answer| answer.status.as_u16() == 429).count();
    assert_eq!((looked_at, told), (6, 34));
}

#[tokio::test]
async fn whoever_hammers_an_account_from_everywhere_keeps_strangers_out_and_not_its_owner() {
    let house = House::new().await;
    house.admin().await;
    let home = house.from("2001:db8:1:2::7");
    try_password(&home, "ada@example.org", PASSWORD).await.expect(201);
    let mut refused = 0;
    for n in 0..30 {
        let stranger = house.from(&format!("203.0.113.{n}"));
        let answer = try_password(&stranger, "ada@example.org", "not the password").await;
        refused += u32::from(answer.status.as_u16() == 429);
    }
    assert_eq!(refused, 10, "twenty strangers together, then one a minute");
    let stranger = house.from("198.51.100.1");
    assert_eq!(try_password(&stranger, "ada@example.org", PASSWORD).await.problem(429), "too_many_attempts");
    // The owner comes from where they came before: the same network, whatever its last digits are.
    let home = house.from("2001:db8:1:2::8");
    try_password(&home, "ada@example.org", PASSWORD).await.expect(201);
    house.clock.advance(Duration::from_mins(1));
    try_password(&stranger, "ada@example.org", PASSWORD).await.expect(201);
}

#[tokio::test]
async fn one_address_cannot_try_every_account() {
    let house = House::new().await;
    house.admin().await;
    let stranger = house.from("2001:db8::1");
    for n in 0..30 {
        let email = format!("somebody{n}@example.org");
        assert_eq!(try_password(&stranger, &email, "password1234").await.problem(401), "wrong_credentials");
    }
    // Another address of the same network is the same guesser.
    let neighbour = house.from("2001:db8::ffff:1");
    for email in ["somebody31@example.org", "not an address"] {
        let answer = try_password(&neighbour, email, "password1234").await;
        assert_eq!(answer.problem(429), "too_many_attempts", "{email}");
    }
    let elsewhere = house.from("2001:db8:0:1::1");
    try_password(&elsewhere, "ada@example.org", PASSWORD).await.expect(201);
}

#[tokio::test]
async fn who_is_right_is_not_counted() {
    let house = House::new().await;
    house.admin().await;
    let owner = house.from("203.0.113.1");
    for _ in 0..40 {
        try_password(&owner, "ada@example.org", PASSWORD).await.expect(201);
    }
}

#[tokio::test]
async fn the_present_password_cannot_be_guessed_with_a_stolen_session() {
    let house = House::new().await;
    let thief = house.admin().await;
    let guess = json!({ "password": "not the password", "new_password": "another pass phrase" });
    for _ in 0..6 {
        thief.post("/api/v1/me/password", &guess).await.expect(422);
    }
    let right = json!({ "password": PASSWORD, "new_password": "another pass phrase" });
    assert_eq!(thief.post("/api/v1/me/password", &right).await.problem(429), "too_many_attempts");
}
