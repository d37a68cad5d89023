//! Signing in with an account at another house, played by a small provider that says what it is told to say.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Method, header};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use innkeeper_api::Options;
use innkeeper_connectors::oidc::{Oidc, Settings};
use innkeeper_domain::invitations::Registration;
use innkeeper_engine::{Access, Provider};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::elliptic_curve::sec1::ToSec1Point as _;
use serde_json::{Value, json};
use url::Url;

use crate::house::{Answer, Client, House, PASSWORD, with_json};

const BEGIN: &str = "/api/v1/sessions/oidc/lodge";
const CALLBACK: &str = "/api/v1/sessions/oidc/lodge/callback";

/// The other house.
#[derive(Clone)]
struct Lodge {
    issuer: String,
    key: SigningKey,
    /// What its next token says.
    token: Arc<Mutex<String>>,
}

fn b64(value: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(value)
}

async fn document(State(lodge): State<Lodge>) -> Json<Value> {
    Json(json!({
        "issuer": lodge.issuer,
        "authorization_endpoint": format!("{}/auth", lodge.issuer),
        "token_endpoint": format!("{}/token", lodge.issuer),
        "jwks_uri": format!("{}/keys", lodge.issuer),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    }))
}

async fn keys(State(lodge): State<Lodge>) -> Json<Value> {
    let point = lodge.key.verifying_key().as_affine().to_sec1_point(false);
    let (x, y) = (b64(point.x().unwrap()), b64(point.y().unwrap()));
    Json(
        json!({ "keys": [{ "kty": "EC", "crv": "P-256", "kid": "k", "alg": "ES256", "use": "sig", "x": x, "y": y }] }),
    )
}

async fn token(State(lodge): State<Lodge>) -> Json<Value> {
    let token = lodge.token.lock().unwrap().clone();
    Json(json!({ "access_token": "at", "token_type": "Bearer", "expires_in": 60, "id_token": token }))
}

impl Lodge {
    async fn open() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let key = SigningKey::from_slice(&[3; 32]).unwrap();
        let lodge = Self { issuer, key, token: Arc::default() };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(document))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .with_state(lodge.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        lodge
    }

    /// A house by which one signs in with accounts of this one.
    async fn house(&self, registration: Registration, link_verified_email: bool) -> House {
        let settings = Settings {
            issuer: self.issuer.parse().unwrap(),
            client_id: "inn".into(),
            client_secret: "not-a-default".into(),
            redirect: format!("https://rooms.example.org{CALLBACK}").parse().unwrap(),
            scopes: Vec::new(),
            extra_ca: None,
            timeout: Some(Duration::from_secs(5)),
        };
        let client = Arc::new(Oidc::new(settings).unwrap());
        let provider =
            Provider { name: "lodge".into(), title: "The Lodge".into(), link_verified_email, client };
        let access = Access { registration, providers: vec![provider], ..Access::default() };
        let engine = innkeeper_engine::Options { access, ..innkeeper_engine::Options::default() };
        House::run(Options::default(), engine).await
    }

    /// Makes its next token say who signed in.
    fn says(&self, house: &House, away: &Away, subject: &str, email: &str, verified: bool) {
        let at = house.clock.now().0 / 1_000_000;
        let claims = json!({
            "iss": self.issuer, "aud": "inn", "sub": subject, "iat": at, "exp": at + 300, "nonce": away.query("nonce"),
            "email": email, "email_verified": verified, "name": "Zoé",
        });
        let head = json!({ "alg": "ES256", "kid": "k" });
        let text = format!("{}.{}", b64(head.to_string().as_bytes()), b64(claims.to_string().as_bytes()));
        let signature: Signature = self.key.sign(text.as_bytes());
        *self.token.lock().unwrap() = format!("{text}.{}", b64(&signature.to_bytes()));
    }
}

/// A browser that was sent away.
struct Away {
    url: Url,
    cookie: String,
}

impl Away {
    fn of(answer: &Answer) -> Self {
        let url = answer.expect(201)["url"].as_str().unwrap().parse().unwrap();
        let set = answer.header(header::SET_COOKIE);
        assert!(set.contains("HttpOnly; SameSite=Lax; Path=/api/v1/sessions/oidc; Max-Age=600"), "{set}");
        Self { url, cookie: set.split(';').next().unwrap().to_owned() }
    }

    fn query(&self, name: &str) -> String {
        self.url.query_pairs().find(|(n, _)| n == name).unwrap().1.into_owned()
    }
}

async fn begin(house: &House) -> Away {
    Away::of(&house.anybody().post(BEGIN, &json!({ "return_to": "/instances?state=running" })).await)
}

/// The browser comes back with this cookie and state.
async fn back(house: &House, cookie: &str, state: &str) -> Answer {
    let path = format!("{CALLBACK}?code=c&state={state}");
    let request = house.anybody().request(Method::GET, &path).header(header::COOKIE, cookie);
    let answer = house.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status.as_u16(), 303, "{}", answer.text());
    answer
}

async fn come_back(house: &House, away: &Away) -> Answer {
    back(house, &away.cookie, &away.query("state")).await
}

fn location(answer: &Answer) -> &str {
    answer.header(header::LOCATION)
}

/// Whoever the cookies of this answer sign in.
fn signed_in<'a>(house: &'a House, answer: &Answer) -> Client<'a> {
    let mut cookies =
        answer.headers.get_all(header::SET_COOKIE).iter().map(|cookie| cookie.to_str().unwrap());
    let token = cookies.find_map(|cookie| cookie.strip_prefix("innkeeper_session="));
    let token = token.expect("a session").split(';').next().unwrap();
    house.with_token(&json!({ "token": token }))
}

async fn email_of(client: &Client<'_>) -> String {
    client.get("/api/v1/me").await.expect(200)["user"]["email"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn who_comes_for_the_first_time_registers_and_who_comes_again_is_known() {
    let lodge = Lodge::open().await;
    let house = lodge.house(Registration::Open, false).await;
    let listed = house.anybody().get("/api/v1/sessions/oidc").await.expect(200);
    assert_eq!(listed, json!({ "items": [{ "name": "lodge", "title": "The Lodge" }] }));
    let away = begin(&house).await;
    lodge.says(&house, &away, "zoe", "zoe@guests.example", true);
    let answer = come_back(&house, &away).await;
    assert_eq!(location(&answer), "/instances?state=running");
    let zoe = signed_in(&house, &answer);
    let me = zoe.get("/api/v1/me").await.expect(200);
    assert_eq!((&me["user"]["name"], &me["user"]["email_verified"]), (&json!("Zoé"), &json!(true)));
    assert_eq!(me["session"]["method"], "oidc");
    // The address has changed there; who they are has not.
    let away = begin(&house).await;
    lodge.says(&house, &away, "zoe", "other@guests.example", true);
    let again = signed_in(&house, &come_back(&house, &away).await);
    assert_eq!(email_of(&again).await, "zoe@guests.example");
    let identities = again.get("/api/v1/me/identities").await.expect(200);
    assert_eq!(identities["items"][0]["email"], "other@guests.example");
    let only = again.post("/api/v1/me/identities/lodge/remove", &json!({})).await;
    assert_eq!(only.problem(409), "only_way_in");
}

#[tokio::test]
async fn what_comes_back_must_be_what_this_browser_was_sent_away_with_and_only_once() {
    let lodge = Lodge::open().await;
    let house = lodge.house(Registration::Open, false).await;
    let (mine, other) = (begin(&house).await, begin(&house).await);
    lodge.says(&house, &mine, "zoe", "zoe@guests.example", true);
    let failed = "/sign-in#problem=oidc_failed";
    // Somebody else's state, or no cookie, or one that nobody gave out.
    for (cookie, state) in [
        ("", mine.query("state")),
        ("innkeeper_oidc=ikt_never", mine.query("state")),
        (other.cookie.as_str(), mine.query("state")),
    ] {
        let answer = back(&house, cookie, &state).await;
        assert_eq!(location(&answer), failed);
        assert!(
            !answer
                .headers
                .get_all(header::SET_COOKIE)
                .iter()
                .any(|cookie| cookie.to_str().unwrap().contains("session="))
        );
    }
    signed_in(&house, &come_back(&house, &mine).await);
    assert_eq!(location(&come_back(&house, &mine).await), failed, "used");
    let late = begin(&house).await;
    lodge.says(&house, &late, "zoe", "zoe@guests.example", true);
    house.clock.advance(Duration::from_mins(10));
    assert_eq!(location(&come_back(&house, &late).await), failed, "late");
    // A token of another sign-in.
    let (mine, other) = (begin(&house).await, begin(&house).await);
    lodge.says(&house, &other, "zoe", "zoe@guests.example", true);
    assert_eq!(location(&come_back(&house, &mine).await), failed, "another nonce");
}

#[tokio::test]
async fn an_account_here_is_not_opened_by_an_address_alone() {
    let lodge = Lodge::open().await;
    let house = lodge.house(Registration::Open, false).await;
    house.admin().await;
    for (verified, problem) in [(true, "link_first"), (false, "no_verified_email")] {
        let away = begin(&house).await;
        lodge.says(&house, &away, "mallory", "ada@example.org", verified);
        assert_eq!(location(&come_back(&house, &away).await), format!("/sign-in#problem={problem}"));
    }
    // Nor is anybody let in whose address nobody vouches for.
    let away = begin(&house).await;
    lodge.says(&house, &away, "mallory", "new@example.org", false);
    assert_eq!(location(&come_back(&house, &away).await), "/sign-in#problem=no_verified_email");
}

#[tokio::test]
async fn where_the_operator_says_so_a_verified_address_opens_a_confirmed_account() {
    let lodge = Lodge::open().await;
    let house = lodge.house(Registration::Closed, true).await;
    let admin = house.admin().await;
    let away = begin(&house).await;
    lodge.says(&house, &away, "ada", "Ada@Example.org", true);
    assert_eq!(email_of(&signed_in(&house, &come_back(&house, &away).await)).await, "ada@example.org");
    // And nobody else comes in while registration is closed.
    let away = begin(&house).await;
    lodge.says(&house, &away, "zoe", "zoe@guests.example", true);
    assert_eq!(location(&come_back(&house, &away).await), "/sign-in#problem=registration_closed");
    // Unlinked, it is worth nothing until it is trusted again.
    admin.post("/api/v1/me/identities/lodge/remove", &json!({ "password": PASSWORD })).await.expect(204);
    assert_eq!(admin.get("/api/v1/me/identities").await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn an_account_there_is_linked_by_its_owner_here() {
    let lodge = Lodge::open().await;
    let house = lodge.house(Registration::Closed, false).await;
    let admin = house.admin().await;
    let link = "/api/v1/me/identities/lodge";
    assert_eq!(admin.post(link, &json!({})).await.expect(422)["field"], "password");
    let away = Away::of(&admin.post(link, &json!({ "password": PASSWORD, "return_to": "/account" })).await);
    lodge.says(&house, &away, "lovelace", "somebody@else.example", false);
    assert_eq!(location(&come_back(&house, &away).await), "/account");
    let away = begin(&house).await;
    lodge.says(&house, &away, "lovelace", "somebody@else.example", false);
    assert_eq!(email_of(&signed_in(&house, &come_back(&house, &away).await)).await, "ada@example.org");
    // It is hers: nobody else links it.
    let eve = house.user(&admin, "eve", "user").await;
    let away = Away::of(&eve.post(link, &json!({ "password": PASSWORD })).await);
    lodge.says(&house, &away, "lovelace", "somebody@else.example", false);
    assert_eq!(location(&come_back(&house, &away).await), "/sign-in#problem=identity_taken");
    // A session that has ended meanwhile links nothing.
    let away = Away::of(&eve.post(link, &json!({ "password": PASSWORD })).await);
    eve.delete("/api/v1/sessions/current").await.expect(204);
    lodge.says(&house, &away, "eve", "eve@lodge.example", false);
    assert_eq!(location(&come_back(&house, &away).await), "/sign-in#problem=oidc_failed");
}

#[tokio::test]
async fn a_second_factor_that_is_on_here_is_asked_for_here() {
    let lodge = Lodge::open().await;
    let house = lodge.house(Registration::Closed, true).await;
    let admin = house.admin().await;
    crate::factors::switch_on(&house, &admin).await;
    let away = begin(&house).await;
    lodge.says(&house, &away, "ada", "ada@example.org", true);
    let answer = come_back(&house, &away).await;
    let to = location(&answer);
    assert!(to.starts_with("/sign-in#ticket=ikt_") && to.contains("&totp=true&"), "{to}");
    assert_eq!(answer.headers.get_all(header::SET_COOKIE).iter().count(), 1, "no session yet");
}

#[tokio::test]
async fn nobody_is_sent_to_another_site() {
    let lodge = Lodge::open().await;
    let house = lodge.house(Registration::Open, false).await;
    for bad in
        ["https://evil.example", "//evil.example", "/\\evil.example", "/a\r\nSet-Cookie: x=y", "javascript:x"]
    {
        let answer = house.anybody().post(BEGIN, &json!({ "return_to": bad })).await;
        assert_eq!(answer.expect(422)["field"], "return_to", "{bad}");
    }
    let request = house.anybody().request(Method::POST, BEGIN).header("Origin", "https://evil.example");
    assert_eq!(house.send(with_json(request, &json!({}))).await.problem(403), "cross_site");
    assert_eq!(
        house.anybody().post("/api/v1/sessions/oidc/annex", &json!({})).await.problem(404),
        "not_found"
    );
    assert_eq!(begin(&house).await.query("redirect_uri"), format!("https://rooms.example.org{CALLBACK}"));
}
