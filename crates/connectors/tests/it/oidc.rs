//! Signing in: the whole way through a provider written by others (oidc-provider), with its forms; and every kind of
//! bad ID token from a provider that lies.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use innkeeper_connectors::Error;
use innkeeper_connectors::oidc::{Begun, Oidc, Settings};
use innkeeper_domain::time::{Clock, Timestamp};
use rcgen::SigningKey;
use regex::Regex;
use reqwest::header::LOCATION;
use serde_json::{Value, json};
use tokio::process::Command;
use url::Url;

use crate::doubles::serve;
use crate::foreign::{Server, ready, script};

const REDIRECT: &str = "http://127.0.0.1:8080/signin/inn";

fn settings(issuer: &Url, client: &str) -> Settings {
    Settings {
        issuer: issuer.clone(),
        client_id: client.to_owned(),
        client_secret: "s3cret".into(),
        redirect: REDIRECT.parse().unwrap(),
        scopes: Vec::new(),
        extra_ca: None,
        timeout: Some(Duration::from_secs(5)),
    }
}

async fn provider(conform: bool) -> Option<(Server, Url)> {
    let folder = ready("node/node_modules/.package-lock.json")?;
    let mut command = Command::new("node");
    command
        .arg(script("idp.mjs"))
        .arg(REDIRECT)
        .env("FOREIGN_MODULES", folder.join("node"))
        .env("CONFORM", if conform { "1" } else { "0" })
        .stderr(std::process::Stdio::null());
    let mut server = Server::start(&mut command);
    let issuer = server.line().await.parse().unwrap();
    Some((server, issuer))
}

/// Goes through the forms as a browser does; answers what the redirect back to us carried.
async fn browse(begun: &Begun, login: &str) -> BTreeMap<String, String> {
    let browser = reqwest::Client::builder()
        .tls_backend_preconfigured(rustls_of_nobody())
        .cookie_store(true)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let action = Regex::new(r#"<form[^>]* action="([^"]+)""#).unwrap();
    let prompt = Regex::new(r#"name="prompt" value="([^"]+)""#).unwrap();
    let mut url = begun.url.clone();
    let mut answer = browser.get(url.clone()).send().await.unwrap();
    for _ in 0..12 {
        if let Some(location) = answer.headers().get(LOCATION) {
            url = url.join(location.to_str().unwrap()).unwrap();
            if url.as_str().starts_with(REDIRECT) {
                return url.query_pairs().into_owned().collect();
            }
            answer = browser.get(url.clone()).send().await.unwrap();
            continue;
        }
        let page = answer.text().await.unwrap();
        let target = action.captures(&page).unwrap_or_else(|| panic!("no form in {page}"))[1].to_owned();
        let prompt = prompt.captures(&page).unwrap()[1].to_owned();
        let form = [("prompt", prompt.as_str()), ("login", login), ("password", "anything")];
        url = url.join(&target).unwrap();
        answer = browser.post(url.clone()).form(&form).send().await.unwrap();
    }
    panic!("the forms have no end");
}

/// The browser of these tests speaks plain HTTP only.
fn rustls_of_nobody() -> rustls::ClientConfig {
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}

fn now() -> Timestamp {
    Clock::system().now()
}

#[tokio::test]
async fn somebody_signs_in_through_the_forms_of_a_foreign_provider() {
    for conform in [false, true] {
        let Some((_server, issuer)) = provider(conform).await else { return };
        for client in ["desk", "ec"] {
            let oidc = Oidc::new(settings(&issuer, client)).unwrap();
            let begun = oidc.begin().await.unwrap();
            let back = browse(&begun, "zoe").await;
            assert_eq!(back["state"], begun.state);
            let who = oidc.finish(&back["code"], &begun.nonce, &begun.verifier, now()).await.unwrap();
            assert_eq!(who.issuer.trim_end_matches('/'), issuer.as_str().trim_end_matches('/'));
            assert_eq!((who.subject.as_str(), who.name.as_deref()), ("zoe", Some("Zoé zoe")));
            assert_eq!((who.email.as_deref(), who.email_verified), (Some("zoe@guests.example"), true));
            // A code works once.
            let again = oidc.finish(&back["code"], &begun.nonce, &begun.verifier, now()).await.unwrap_err();
            assert!(matches!(again, Error::Refused { .. }), "{again}");
        }
        let oidc = Oidc::new(settings(&issuer, "desk")).unwrap();
        let begun = oidc.begin().await.unwrap();
        let back = browse(&begun, "mallory").await;
        let who = oidc.finish(&back["code"], &begun.nonce, &begun.verifier, now()).await.unwrap();
        assert!(!who.email_verified, "{who:?}");
    }
}

#[tokio::test]
async fn a_foreign_providers_answer_is_worth_nothing_to_another_sign_in() {
    let Some((_server, issuer)) = provider(false).await else { return };
    let oidc = Oidc::new(settings(&issuer, "desk")).unwrap();
    let other = oidc.begin().await.unwrap();

    let begun = oidc.begin().await.unwrap();
    let back = browse(&begun, "zoe").await;
    let stolen = oidc.finish(&back["code"], &begun.nonce, &other.verifier, now()).await.unwrap_err();
    assert!(matches!(stolen, Error::Refused { .. }), "{stolen}");

    let begun = oidc.begin().await.unwrap();
    let back = browse(&begun, "zoe").await;
    let swapped = oidc.finish(&back["code"], &other.nonce, &begun.verifier, now()).await.unwrap_err();
    assert!(swapped.to_string().contains("another sign-in"), "{swapped}");

    let begun = oidc.begin().await.unwrap();
    let back = browse(&begun, "zoe").await;
    let late = now().after(Duration::from_hours(3));
    let expired = oidc.finish(&back["code"], &begun.nonce, &begun.verifier, late).await.unwrap_err();
    assert!(expired.to_string().contains("expired"), "{expired}");

    // Signed with the secret that we share, so it could be signed by anybody who verifies.
    let shared = Oidc::new(settings(&issuer, "shared")).unwrap();
    let begun = shared.begin().await.unwrap();
    let back = browse(&begun, "zoe").await;
    let refused = shared.finish(&back["code"], &begun.nonce, &begun.verifier, now()).await.unwrap_err();
    assert!(matches!(refused, Error::Forged { .. }), "{refused}");

    let wrong = Oidc::new(Settings { client_secret: "no".into(), ..settings(&issuer, "desk") }).unwrap();
    let begun = wrong.begin().await.unwrap();
    let back = browse(&begun, "zoe").await;
    let refused = wrong.finish(&back["code"], &begun.nonce, &begun.verifier, now()).await.unwrap_err();
    assert!(matches!(refused, Error::Refused { .. }), "{refused}");
}

/// A provider whose next ID token says whatever a test wants.
#[derive(Clone)]
struct Liar {
    issuer: Url,
    /// The keys that it shows, and the one that it signs with.
    keys: Arc<Mutex<Vec<Value>>>,
    token: Arc<Mutex<String>>,
    looked: Arc<Mutex<usize>>,
}

fn base(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn key() -> rcgen::KeyPair {
    rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap()
}

fn public(key: &rcgen::KeyPair, kid: &str) -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid,
        "x": URL_SAFE_NO_PAD.encode(key.public_key_raw())})
}

impl Liar {
    async fn start() -> Self {
        let mut liar = Self {
            issuer: "http://127.0.0.1/".parse().unwrap(),
            keys: Arc::default(),
            token: Arc::default(),
            looked: Arc::default(),
        };
        let shared = Arc::new(Mutex::new(liar.clone()));
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(document))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .with_state(shared.clone());
        liar.issuer = serve(router).await;
        shared.lock().unwrap().issuer = liar.issuer.clone();
        liar
    }

    fn say(&self, key: &rcgen::KeyPair, kid: &str, claims: &Value) {
        let text = format!("{}.{}", base(&json!({"alg": "EdDSA", "kid": kid})), base(claims));
        let signature = URL_SAFE_NO_PAD.encode(key.sign(text.as_bytes()).unwrap());
        *self.token.lock().unwrap() = format!("{text}.{signature}");
    }
}

type Shared = State<Arc<Mutex<Liar>>>;

async fn document(State(liar): Shared) -> Json<Value> {
    let issuer = liar.lock().unwrap().issuer.clone();
    Json(json!({
        // Without the slash, as most providers have it.
        "issuer": issuer.as_str().trim_end_matches('/'),
        "authorization_endpoint": issuer.join("auth").unwrap(),
        "token_endpoint": issuer.join("token").unwrap(),
        "jwks_uri": issuer.join("keys").unwrap(),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA"],
    }))
}

async fn keys(State(liar): Shared) -> Json<Value> {
    let liar = liar.lock().unwrap();
    *liar.looked.lock().unwrap() += 1;
    Json(json!({"keys": *liar.keys.lock().unwrap()}))
}

async fn token(State(liar): Shared) -> Json<Value> {
    let token = liar.lock().unwrap().token.lock().unwrap().clone();
    Json(json!({"access_token": "at", "token_type": "Bearer", "expires_in": 60, "id_token": token}))
}

/// What it is, and how it is told.
type Lie<'a> = (&'a str, &'a dyn Fn(&mut Value));

#[tokio::test]
async fn every_lie_in_an_id_token_is_refused() {
    let liar = Liar::start().await;
    let (honest, stranger) = (key(), key());
    liar.keys.lock().unwrap().push(public(&honest, "one"));
    let oidc = Oidc::new(settings(&liar.issuer, "desk")).unwrap();
    let begun = oidc.begin().await.unwrap();
    let query: BTreeMap<_, _> = begun.url.query_pairs().into_owned().collect();
    assert_eq!(
        (query["code_challenge_method"].as_str(), query["scope"].as_str()),
        ("S256", "openid email profile")
    );
    let at = now().0 / 1_000_000;
    let claims = |change: &dyn Fn(&mut Value)| {
        let mut claims = json!({
            "iss": liar.issuer.as_str().trim_end_matches('/'), "aud": "desk", "sub": "zoe", "iat": at,
            "exp": at + 300, "nonce": query["nonce"], "email": "zoe@guests.example", "email_verified": true,
        });
        change(&mut claims);
        claims
    };
    let finish = async || oidc.finish("code", &begun.nonce, &begun.verifier, now()).await;

    liar.say(&honest, "one", &claims(&|_| {}));
    assert_eq!(finish().await.unwrap().subject, "zoe");
    let lies: [Lie<'_>; 8] = [
        ("issuer", &|c| c["iss"] = json!("https://evil.example")),
        ("audience", &|c| c["aud"] = json!("somebody-else")),
        ("two audiences", &|c| c["aud"] = json!(["desk", "somebody-else"])),
        ("nonce", &|c| c["nonce"] = json!("another")),
        ("no nonce", &|c| drop(c.as_object_mut().unwrap().remove("nonce"))),
        ("expired", &|c| c["exp"] = json!(at - 1)),
        ("no expiry", &|c| drop(c.as_object_mut().unwrap().remove("exp"))),
        ("no subject", &|c| drop(c.as_object_mut().unwrap().remove("sub"))),
    ];
    for (what, lie) in lies {
        liar.say(&honest, "one", &claims(lie));
        let refused = finish().await;
        assert!(
            matches!(refused, Err(Error::Forged { .. } | Error::Unreadable { .. })),
            "{what}: {refused:?}"
        );
    }
    liar.say(&stranger, "one", &claims(&|_| {}));
    assert!(finish().await.unwrap_err().to_string().contains("signature"));

    let unsigned = format!("{}.{}.", base(&json!({"alg": "none"})), base(&claims(&|_| {})));
    *liar.token.lock().unwrap() = unsigned;
    assert!(matches!(finish().await, Err(Error::Forged { .. } | Error::Unreadable { .. })));
    liar.say(&honest, "one", &claims(&|_| {}));
    let token = liar.token.lock().unwrap().clone();
    let mut parts: Vec<&str> = token.split('.').collect();
    let other = base(&claims(&|c| c["sub"] = json!("admin")));
    parts[1] = &other;
    *liar.token.lock().unwrap() = parts.join(".");
    assert!(matches!(finish().await, Err(Error::Forged { .. })));

    // An address that is not verified, and one that is "verified" without being there.
    liar.say(&honest, "one", &claims(&|c| c["email_verified"] = json!(false)));
    assert!(!finish().await.unwrap().email_verified);
    liar.say(&honest, "one", &claims(&|c| drop(c.as_object_mut().unwrap().remove("email"))));
    let who = finish().await.unwrap();
    assert_eq!((who.email, who.email_verified), (None, false));
}

#[tokio::test]
async fn changed_keys_are_fetched_when_they_are_first_met() {
    let liar = Liar::start().await;
    let (old, new) = (key(), key());
    liar.keys.lock().unwrap().push(public(&old, "old"));
    let oidc = Oidc::new(settings(&liar.issuer, "desk")).unwrap();
    let begun = oidc.begin().await.unwrap();
    let query: BTreeMap<_, _> = begun.url.query_pairs().into_owned().collect();
    let claims = json!({"iss": liar.issuer.as_str().trim_end_matches('/'), "aud": "desk", "sub": "zoe",
        "iat": now().0 / 1_000_000, "exp": now().0 / 1_000_000 + 300, "nonce": query["nonce"]});
    liar.say(&old, "old", &claims);
    oidc.finish("code", &begun.nonce, &begun.verifier, now()).await.unwrap();
    let looked = *liar.looked.lock().unwrap();
    *liar.keys.lock().unwrap() = vec![public(&new, "new")];
    liar.say(&new, "new", &claims);
    oidc.finish("code", &begun.nonce, &begun.verifier, now()).await.unwrap();
    oidc.finish("code", &begun.nonce, &begun.verifier, now()).await.unwrap();
    assert_eq!(*liar.looked.lock().unwrap(), looked + 1);
}

#[tokio::test]
async fn a_provider_that_is_away_or_speaks_for_another_is_told() {
    let nobody = Oidc::new(settings(&"http://127.0.0.1:9".parse().unwrap(), "desk")).unwrap();
    assert!(matches!(nobody.begin().await, Err(Error::Unreachable { .. })));
    let liar = Liar::start().await;
    let elsewhere = liar.issuer.to_string().replace("127.0.0.1", "localhost");
    let oidc = Oidc::new(settings(&elsewhere.parse().unwrap(), "desk")).unwrap();
    let refused = oidc.begin().await.unwrap_err();
    assert!(matches!(refused, Error::Unreadable { .. }), "{refused}");
}

#[test]
fn half_a_configuration_is_refused() {
    let whole = settings(&"https://id.example".parse().unwrap(), "desk");
    let shown = format!("{:?}", Oidc::new(whole.clone()).unwrap());
    assert!(!shown.contains("s3cret"), "{shown}");
    assert!(Oidc::new(Settings { client_secret: "".into(), ..whole.clone() }).is_err());
    assert!(Oidc::new(Settings { client_id: String::new(), ..whole.clone() }).is_err());
    let plain = "http://id.example".parse().unwrap();
    assert!(Oidc::new(Settings { issuer: plain, ..whole.clone() }).is_err());
    let plain = "http://inn.example/signin".parse().unwrap();
    assert!(Oidc::new(Settings { redirect: plain, ..whole }).is_err());
}
