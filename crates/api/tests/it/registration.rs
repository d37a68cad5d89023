//! Coming into the house: nobody learns who has an account, and nobody makes anything with an address that may not be
//! theirs.

use axum::http::Method;
use innkeeper_domain::invitations::Registration;
use serde_json::{Value, json};

use crate::house::{Answer, House, PASSWORD, with_json};

const REGISTER: &str = "/api/v1/registrations";
const CONFIRM: &str = "/api/v1/email-verifications";

fn registrant(email: &str) -> Value {
    json!({ "email": email, "name": "Grace", "password": PASSWORD })
}

async fn confirm(house: &House, token: &str) -> Answer {
    house.anybody().post(CONFIRM, &json!({ "token": token })).await
}

#[tokio::test]
async fn a_house_is_closed_unless_it_says_otherwise() {
    let house = House::new().await;
    let admin = house.admin().await;
    let answer = house.anybody().post(REGISTER, &registrant("grace@example.org")).await;
    assert_eq!(answer.problem(409), "registration_closed");
    assert_eq!(admin.post("/api/v1/house-invitations", &json!({})).await.problem(409), "registration_closed");
    let house = House::with_mail(Registration::Invitation).await;
    let answer = house.anybody().post(REGISTER, &registrant("grace@example.org")).await;
    assert_eq!(answer.problem(409), "invitation_needed");
    let setup = house.anybody().get("/api/v1/setup").await.expect(200);
    assert_eq!((&setup["registration"], &setup["mail"]), (&json!("invitation"), &json!(true)));
}

#[tokio::test]
async fn who_registers_looks_around_and_makes_things_once_the_address_is_confirmed() {
    let house = House::with_mail(Registration::Open).await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let answer = house.anybody().post(REGISTER, &registrant("grace@example.org")).await;
    assert_eq!(answer.expect(202), json!({ "confirm": true }));
    let grace = house.sign_in("grace@example.org").await;
    assert_eq!(grace.get("/api/v1/me").await.expect(200)["user"]["email_verified"], false);
    grace.get("/api/v1/templates").await.expect(200);
    let new = json!({ "name": "web-1", "template_id": furniture.template });
    assert_eq!(grace.post("/api/v1/instances", &new).await.problem(403), "email_unverified");
    let mails = house.mails().await;
    assert_eq!((mails.len(), mails[0].to.as_str()), (1, "grace@example.org"));
    assert_eq!(mails[0].subject, "Innkeeper: confirm your e-mail address");
    assert!(mails[0].text.contains("https://rooms.example.org/verify-email#token=ikt_"), "{:?}", mails[0]);
    assert_eq!(confirm(&house, "ikt_never-given-out").await.problem(409), "link_ended");
    let token = mails[0].token();
    confirm(&house, &token).await.expect(204);
    assert_eq!(confirm(&house, &token).await.problem(409), "link_ended");
    furniture.instance(&grace, "web-1").await;
    let again = grace.request(Method::POST, "/api/v1/me/email/verification");
    let again = house.send(again.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(again.problem(409), "already_verified");
}

#[tokio::test]
async fn a_taken_address_is_told_to_its_owner_and_to_nobody_else() {
    let house = House::with_mail(Registration::Open).await;
    house.admin().await;
    let fresh = house.from("203.0.113.1").post(REGISTER, &registrant("grace@example.org")).await;
    let taken = house.from("203.0.113.2").post(REGISTER, &registrant("Ada@Example.org")).await;
    assert_eq!(fresh.expect(202), taken.expect(202));
    assert_eq!(fresh.headers, taken.headers);
    let mails = house.mails().await;
    assert_eq!(mails[0].to, "grace@example.org");
    assert_eq!(
        (mails[1].to.as_str(), mails[1].subject.as_str()),
        ("ada@example.org", "Innkeeper: you have an account already")
    );
    // Ada is who she was.
    house.sign_in("ada@example.org").await;
    // And is not flooded.
    for n in 0..8 {
        let stranger = house.from(&format!("198.51.100.{n}"));
        stranger.post(REGISTER, &registrant("ada@example.org")).await.expect(202);
    }
    assert_eq!(house.mails().await.len(), 2);
}

#[tokio::test]
async fn one_address_registers_five_times_and_waits() {
    let house = House::with_mail(Registration::Open).await;
    let one = house.from("203.0.113.1");
    for n in 0..5 {
        one.post(REGISTER, &registrant(&format!("g{n}@example.org"))).await.expect(202);
    }
    assert_eq!(one.post(REGISTER, &registrant("g6@example.org")).await.problem(429), "too_many_attempts");
}

#[tokio::test]
async fn of_two_who_register_one_address_at_once_one_gets_it_and_both_are_told_the_same() {
    let house = House::with_mail(Registration::Open).await;
    house.admin().await;
    let anybody = house.anybody();
    let (a, b) = (registrant("grace@example.org"), registrant("grace@example.org"));
    let (a, b) = tokio::join!(anybody.post(REGISTER, &a), anybody.post(REGISTER, &b));
    assert_eq!(a.expect(202), b.expect(202));
    assert_eq!(house.mails().await.len(), 2);
}

#[tokio::test]
async fn an_invitation_is_good_once_and_for_the_address_that_it_names() {
    let house = House::with_mail(Registration::Invitation).await;
    let admin = house.admin().await;
    let user = house.user(&admin, "eve", "user").await;
    let named = json!({ "email": "grace@example.org", "role": "operator" });
    assert_eq!(user.post("/api/v1/house-invitations", &named).await.problem(403), "forbidden");
    let made = admin.post("/api/v1/house-invitations", &named).await.expect(201);
    assert_eq!((&made["link"], &made["token"]), (&Value::Null, &Value::Null), "it was mailed");
    let mails = house.mails().await;
    assert!(mails[0].text.contains("Ada invites you"), "{}", mails[0].text);
    let token = mails[0].token();
    let with = |email: &str| {
        let mut body = registrant(email);
        body["invitation"] = token.clone().into();
        body
    };
    let other = house.anybody().post(REGISTER, &with("eve2@example.org")).await;
    assert_eq!(other.expect(422)["field"], "email");
    let answer = house.anybody().post(REGISTER, &with("grace@example.org")).await.expect(202);
    assert_eq!(answer, json!({ "confirm": false }), "the link came by mail");
    let grace = house.sign_in("grace@example.org").await;
    let me = grace.get("/api/v1/me").await.expect(200);
    assert_eq!((&me["user"]["role"], &me["user"]["email_verified"]), (&json!("operator"), &json!(true)));
    let again = house.anybody().post(REGISTER, &with("grace@example.org")).await;
    assert_eq!(again.problem(409), "invitation_ended");
    let listed = admin.get("/api/v1/house-invitations").await.expect(200);
    assert_eq!(listed["items"][0]["used_by"], me["user"]["id"]);
    let id = listed["items"][0]["id"].as_str().unwrap();
    assert_eq!(admin.delete(&format!("/api/v1/house-invitations/{id}")).await.problem(404), "not_found");
}

#[tokio::test]
async fn an_invitation_for_anybody_is_shown_once_and_can_be_taken_back() {
    let house = House::with_mail(Registration::Invitation).await;
    let admin = house.admin().await;
    let made = admin.post("/api/v1/house-invitations", &json!({})).await.expect(201);
    let (token, id) = (made["token"].as_str().unwrap(), made["invitation"]["id"].as_str().unwrap());
    assert_eq!(made["link"], format!("https://rooms.example.org/register#invitation={token}"));
    let mut body = registrant("grace@example.org");
    body["invitation"] = token.into();
    assert_eq!(house.anybody().post(REGISTER, &body).await.expect(202), json!({ "confirm": true }));
    let second = admin.post("/api/v1/house-invitations", &json!({ "role": "user" })).await.expect(201);
    let second_id = second["invitation"]["id"].as_str().unwrap();
    assert_ne!(id, second_id);
    admin.delete(&format!("/api/v1/house-invitations/{second_id}")).await.expect(204);
    body["invitation"] = second["token"].clone();
    body["email"] = "other@example.org".into();
    assert_eq!(house.anybody().post(REGISTER, &body).await.problem(409), "invitation_ended");
}

#[tokio::test]
async fn without_mail_an_open_house_says_so_and_an_invitation_vouches() {
    let access = innkeeper_engine::Access { registration: Registration::Open, ..Default::default() };
    let options = innkeeper_engine::Options { access, ..Default::default() };
    let house = House::run(innkeeper_api::Options::default(), options).await;
    let admin = house.admin().await;
    let answer = house.anybody().post(REGISTER, &registrant("grace@example.org")).await;
    assert_eq!(answer.problem(409), "no_mail");
    let forgotten = json!({ "email": "ada@example.org" });
    assert_eq!(house.anybody().post("/api/v1/password-recoveries", &forgotten).await.problem(409), "no_mail");
    let made =
        admin.post("/api/v1/house-invitations", &json!({ "email": "grace@example.org" })).await.expect(201);
    let mut body = registrant("grace@example.org");
    body["invitation"] = made["token"].clone();
    assert_eq!(house.anybody().post(REGISTER, &body).await.expect(202), json!({ "confirm": false }));
    let grace = house.sign_in("grace@example.org").await;
    assert_eq!(grace.get("/api/v1/me").await.expect(200)["user"]["email_verified"], true);
    let change = json!({ "email": "g@example.org", "password": PASSWORD });
    assert_eq!(grace.post("/api/v1/me/email", &change).await.problem(409), "no_mail");
}

#[tokio::test]
async fn another_address_becomes_ones_own_when_its_link_is_opened() {
    let house = House::with_mail(Registration::Open).await;
    let admin = house.admin().await;
    house.user(&admin, "eve", "user").await;
    let change = |email: &str, password: &str| json!({ "email": email, "password": password });
    let path = "/api/v1/me/email";
    let wrong = admin.post(path, &change("new@example.org", "not the password")).await;
    assert_eq!(wrong.expect(422)["field"], "password");
    let free = admin.post(path, &change("new@example.org", PASSWORD)).await;
    let taken = admin.post(path, &change("eve@example.org", PASSWORD)).await;
    free.expect(202);
    taken.expect(202);
    assert_eq!(free.body, taken.body);
    let mails = house.mails().await;
    assert_eq!(mails[0].to, "new@example.org");
    assert_eq!(mails[1].subject, "Innkeeper: you have an account already");
    confirm(&house, &mails[0].token()).await.expect(204);
    let mails = house.mails().await;
    assert_eq!((mails.len(), mails[0].to.as_str()), (1, "ada@example.org"));
    house.sign_in("new@example.org").await;
    let old = json!({ "email": "ada@example.org", "password": PASSWORD });
    assert_eq!(house.anybody().post("/api/v1/sessions", &old).await.problem(401), "wrong_credentials");
}

#[tokio::test]
async fn the_language_is_that_of_the_browser_until_one_says_otherwise() {
    let house = House::with_mail(Registration::Open).await;
    let request =
        house.anybody().request(Method::POST, REGISTER).header("Accept-Language", "fr-CH, en;q=0.5");
    house.send(with_json(request, &registrant("grace@example.org"))).await.expect(202);
    let grace = house.sign_in("grace@example.org").await;
    assert!(house.mails().await[0].text.starts_with("Bonjour Grace"));
    let change = json!({ "language": "en", "name": "Grace H." });
    assert_eq!(grace.patch("/api/v1/me", &change).await.expect(200)["name"], "Grace H.");
    let again = grace.request(Method::POST, "/api/v1/me/email/verification");
    house.send(again.body(axum::body::Body::empty()).unwrap()).await.expect(202);
    assert!(house.mails().await[0].text.starts_with("Hello Grace H."));
}
