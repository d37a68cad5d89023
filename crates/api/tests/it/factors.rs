//! Second factors: each code is good once.

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha1::Sha1;

use crate::house::{Answer, Client, House, PASSWORD};

const SECOND: &str = "/api/v1/sessions/second-factor";

/// The code of this time, by RFC 6238 and nobody else's program.
fn code(secret: &str, seconds: i64) -> String {
    let bits: Vec<u8> = secret
        .bytes()
        .map(|letter| b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|l| *l == letter).unwrap() as u8)
        .flat_map(|five| (0..5).rev().map(move |n| five >> n & 1))
        .collect();
    let key: Vec<u8> = bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |b, bit| b << 1 | bit)).collect();
    let mut mac = Hmac::<Sha1>::new_from_slice(&key).unwrap();
    mac.update(&(seconds / 30).to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let at = usize::from(digest[19] & 15);
    let number = u32::from_be_bytes(digest[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

fn now(house: &House) -> i64 {
    house.clock.now().0 / 1_000_000
}

/// Switches codes on; gives the secret and the recovery codes.
pub(crate) async fn switch_on(house: &House, client: &Client<'_>) -> (String, Vec<String>) {
    let offer = client.post("/api/v1/me/totp", &json!({ "password": PASSWORD })).await.expect(201);
    let secret = offer["secret"].as_str().unwrap().to_owned();
    let uri = offer["uri"].as_str().unwrap();
    assert!(uri.starts_with("otpauth://totp/Innkeeper:") && uri.contains(&secret), "{uri}");
    let given = json!({ "code": code(&secret, now(house)) });
    let answer = client.post("/api/v1/me/totp/confirm", &given).await.expect(200);
    let codes = answer["recovery_codes"].as_array().unwrap();
    let codes = codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect();
    // Confirming has spent that code.
    house.clock.advance(Duration::from_secs(90));
    (secret, codes)
}

/// The ticket of a first half.
async fn first_half(house: &House, email: &str) -> Value {
    let given = json!({ "email": email, "password": PASSWORD });
    let answer = house.anybody().post("/api/v1/sessions", &given).await;
    assert!(answer.headers.get("set-cookie").is_none(), "no session yet");
    answer.expect(202)
}

async fn second_half(house: &House, ticket: &Value, name: &str, code: &str) -> Answer {
    house.anybody().post(SECOND, &json!({ "ticket": ticket["ticket"], name: code })).await
}

#[tokio::test]
async fn with_codes_on_a_password_is_only_half_a_sign_in() {
    let house = House::new().await;
    let admin = house.admin().await;
    let (secret, codes) = switch_on(&house, &admin).await;
    assert_eq!(codes.len(), 10);
    let factors = admin.get("/api/v1/me/factors").await.expect(200);
    assert_eq!(factors, json!({ "totp": true, "recovery_codes": 10, "passkeys": 0, "password": true }));
    let half = first_half(&house, "ada@example.org").await;
    assert_eq!((&half["totp"], &half["passkey"]), (&json!(true), &json!(false)));
    // A ticket is no session.
    let not_in = house.with_token(&json!({ "token": half["ticket"] }));
    assert_eq!(not_in.get("/api/v1/me").await.problem(401), "unauthenticated");
    let wrong = code(&secret, now(&house) + 3000);
    assert_eq!(second_half(&house, &half, "code", &wrong).await.problem(401), "wrong_code");
    let right = code(&secret, now(&house));
    let signed_in = second_half(&house, &half, "code", &right).await.expect(201);
    house.with_token(&signed_in).get("/api/v1/me").await.expect(200);
    // Neither the ticket nor the code is good again.
    assert_eq!(second_half(&house, &half, "code", &right).await.problem(401), "ticket_ended");
    let half = first_half(&house, "ada@example.org").await;
    assert_eq!(second_half(&house, &half, "code", &right).await.problem(401), "wrong_code");
    // Nor are those before it.
    let before = code(&secret, now(&house) - 30);
    assert_eq!(second_half(&house, &half, "code", &before).await.problem(401), "wrong_code");
    house.clock.advance(Duration::from_secs(30));
    second_half(&house, &half, "code", &code(&secret, now(&house))).await.expect(201);
}

#[tokio::test]
async fn of_ten_who_show_one_code_at_once_one_gets_in() {
    let house = House::new().await;
    let admin = house.admin().await;
    let (secret, _) = switch_on(&house, &admin).await;
    let right = code(&secret, now(&house));
    let mut halves = Vec::new();
    for _ in 0..4 {
        halves.push(first_half(&house, "ada@example.org").await);
    }
    let tries = halves.iter().map(|half| second_half(&house, half, "code", &right));
    let answers = futures_util::future::join_all(tries).await;
    assert_eq!(answers.iter().filter(|answer| answer.status.as_u16() == 201).count(), 1);
}

#[tokio::test]
async fn a_recovery_code_is_good_once_and_new_ones_replace_it() {
    let house = House::new().await;
    let admin = house.admin().await;
    let (_, codes) = switch_on(&house, &admin).await;
    let half = first_half(&house, "ada@example.org").await;
    let typed = codes[0].to_uppercase().replace('-', " ");
    let signed_in = second_half(&house, &half, "recovery_code", &typed).await.expect(201);
    let client = house.with_token(&signed_in);
    assert_eq!(client.get("/api/v1/me/factors").await.expect(200)["recovery_codes"], 9);
    let half = first_half(&house, "ada@example.org").await;
    assert_eq!(second_half(&house, &half, "recovery_code", &codes[0]).await.problem(401), "wrong_code");
    let renewed =
        client.post("/api/v1/me/recovery-codes", &json!({ "password": PASSWORD })).await.expect(201);
    let renewed = renewed["recovery_codes"].as_array().unwrap();
    assert_eq!(renewed.len(), 10);
    assert_eq!(second_half(&house, &half, "recovery_code", &codes[1]).await.problem(401), "wrong_code");
    second_half(&house, &half, "recovery_code", renewed[0].as_str().unwrap()).await.expect(201);
}

#[tokio::test]
async fn codes_cannot_be_guessed() {
    let house = House::new().await;
    let admin = house.admin().await;
    let (secret, _) = switch_on(&house, &admin).await;
    let wrong = code(&secret, now(&house) + 3000);
    let half = first_half(&house, "ada@example.org").await;
    for _ in 0..5 {
        assert_eq!(second_half(&house, &half, "code", &wrong).await.problem(401), "wrong_code");
    }
    // A new ticket does not help: the account waits.
    let another = first_half(&house, "ada@example.org").await;
    let right = code(&secret, now(&house));
    assert_eq!(second_half(&house, &another, "code", &right).await.problem(429), "too_many_attempts");
    // And the ticket that was tried too often is worth nothing, even after waiting.
    house.clock.advance(Duration::from_secs(299));
    let half = first_half(&house, "ada@example.org").await;
    house.clock.advance(Duration::from_secs(30));
    let right = code(&secret, now(&house));
    second_half(&house, &half, "code", &right).await.expect(201);
    let late = first_half(&house, "ada@example.org").await;
    house.clock.advance(Duration::from_mins(6));
    assert_eq!(second_half(&house, &late, "code", &right).await.problem(401), "ticket_ended");
}

#[tokio::test]
async fn switching_off_and_asking_for_a_secret_want_the_password() {
    let house = House::new().await;
    let admin = house.admin().await;
    for path in ["/api/v1/me/totp", "/api/v1/me/totp/remove", "/api/v1/me/recovery-codes"] {
        for body in [json!({}), json!({ "password": "not the password" })] {
            let answer = admin.post(path, &body).await;
            assert_eq!(answer.expect(422)["field"], "password", "{path}");
        }
        house.clock.advance(Duration::from_mins(5));
        let fresh = house.sign_in("ada@example.org").await;
        fresh.get("/api/v1/me").await.expect(200);
    }
    let admin = house.sign_in("ada@example.org").await;
    let given = json!({ "password": PASSWORD });
    assert_eq!(admin.post("/api/v1/me/recovery-codes", &given).await.problem(409), "no_second_factor");
    assert_eq!(admin.post("/api/v1/me/totp/remove", &given).await.problem(404), "not_found");
    let confirm = json!({ "code": "123456" });
    assert_eq!(admin.post("/api/v1/me/totp/confirm", &confirm).await.problem(409), "no_totp_offered");
    switch_on(&house, &admin).await;
    assert_eq!(admin.post("/api/v1/me/totp", &given).await.problem(409), "totp_on");
    admin.post("/api/v1/me/totp/remove", &given).await.expect(204);
    let factors = admin.get("/api/v1/me/factors").await.expect(200);
    assert_eq!((&factors["totp"], &factors["recovery_codes"]), (&json!(false), &json!(0)));
    house.sign_in("ada@example.org").await;
}

#[tokio::test]
async fn an_administrator_takes_lost_factors_away() {
    let house = House::new().await;
    let admin = house.admin().await;
    let user = house.user(&admin, "grace", "user").await;
    let id = user.get("/api/v1/me").await.expect(200)["user"]["id"].as_str().unwrap().to_owned();
    switch_on(&house, &user).await;
    let path = format!("/api/v1/users/{id}/factors");
    assert_eq!(user.delete(&path).await.problem(403), "forbidden");
    admin.delete(&path).await.expect(204);
    assert_eq!(user.get("/api/v1/me").await.problem(401), "unauthenticated");
    house.sign_in("grace@example.org").await;
    let nobody = "/api/v1/users/usr_00000000000000000000000000000000/factors";
    assert_eq!(admin.delete(nobody).await.problem(404), "not_found");
}
