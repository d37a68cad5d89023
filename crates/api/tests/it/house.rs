//! A house for one test: a fresh database, an engine over it, and the API as a function from requests to answers.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::http::request::Builder;
use axum::http::{HeaderMap, Method, Request, Response, StatusCode, header};
use innkeeper_api::{Options, router_until};
use innkeeper_connectors::mail::{Mailer, Route};
use innkeeper_connectors::x402::chain;
use innkeeper_connectors::x402::facilitator::{self, Facilitator};
use innkeeper_domain::invitations::Registration;
use innkeeper_domain::leases::Terms;
use innkeeper_domain::time::{Clock, Timestamp};
use innkeeper_domain::wallets::Network;
use innkeeper_engine::{Access, Desk, Egress, Engine, LeaseOptions};
use innkeeper_store::Db;
use innkeeper_store::seal::{KeyRing, SealKey};
use innkeeper_testing::{cluster, furnish, node};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use url::Url;

pub(crate) use innkeeper_testing::PASSWORD;

/// Where buyers of leases reach the house.
pub(crate) const LEASES_URL: &str = "https://rooms.example.org";

pub(crate) struct House {
    pub(crate) db: Db,
    pub(crate) clock: Clock,
    pub(crate) stop: CancellationToken,
    pub(crate) engine: Engine,
    /// Where the database is.
    pub(crate) url: String,
    keys: KeyRing,
    pub(crate) router: Router,
    folder: TempDir,
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {:?}", self.body))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body, if the status is this.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        if self.body.is_empty() { Value::Null } else { self.json() }
    }

    /// The code of the problem, if it is one.
    pub(crate) fn problem_code(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The code of the problem, if the status is this.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16) -> String {
        let body = self.expect(status);
        assert_eq!(self.header(header::CONTENT_TYPE), "application/problem+json");
        assert_eq!(body["status"], status);
        body["code"].as_str().unwrap().to_owned()
    }
}

/// A mail as its reader sees it.
#[derive(Debug)]
pub(crate) struct Mail {
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) text: String,
}

impl Mail {
    fn read(file: &str) -> Self {
        let (head, body) = file.split_once("\r\n\r\n").unwrap();
        let header = |name: &str| {
            let line = head.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_default().trim().to_owned()
        };
        let quoted = header("Content-Transfer-Encoding:") == "quoted-printable";
        let text = if quoted { unquoted(body) } else { body.to_owned() };
        Self { to: header("To:"), subject: header("Subject:"), text: text.replace("\r\n", "\n") }
    }

    /// The token in the link.
    pub(crate) fn token(&self) -> String {
        let (_, token) = self.text.split_once("token=").or(self.text.split_once("invitation=")).unwrap();
        token.lines().next().unwrap().to_owned()
    }
}

/// Text that was made fit for mail, as it was (RFC 2045).
fn unquoted(text: &str) -> String {
    let text = text.replace("=\r\n", "");
    let mut bytes = Vec::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('=') {
        bytes.extend_from_slice(before.as_bytes());
        bytes.push(u8::from_str_radix(&after[..2], 16).unwrap());
        rest = &after[2..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).unwrap()
}

/// A client that may be signed in.
#[derive(Clone)]
pub(crate) struct Client<'a> {
    house: &'a House,
    pub(crate) token: Option<String>,
    /// From where they come; not known when there is none.
    pub(crate) address: Option<IpAddr>,
    /// What a wallet has signed, if one is with them.
    pub(crate) proof: Option<String>,
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        Self::run(options, leasing()).await
    }

    /// A house that sends mails, into a folder, and lets register whom it says.
    pub(crate) async fn with_mail(registration: Registration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let route = Route::Folder(folder.path().join("mails"));
        let access = Access {
            registration,
            public_url: Some("https://rooms.example.org".to_owned()),
            mailer: Some(Mailer::new("The Inn <desk@inn.example>", route).unwrap()),
            ..Access::default()
        };
        let engine = innkeeper_engine::Options { access, ..leasing() };
        Self::build(folder, Options::default(), engine).await
    }

    pub(crate) async fn run(options: Options, engine: innkeeper_engine::Options) -> Self {
        Self::build(tempfile::tempdir().unwrap(), options, engine).await
    }

    async fn build(folder: TempDir, options: Options, engine: innkeeper_engine::Options) -> Self {
        Self::at(Clock::manual(Timestamp(1_795_221_883_000_000)), folder, options, engine).await
    }

    /// A house whose clock is this one.
    pub(crate) async fn at(
        clock: Clock,
        folder: TempDir,
        options: Options,
        engine: innkeeper_engine::Options,
    ) -> Self {
        let url = format!("sqlite:{}", folder.path().join("house.db").display());
        let db = Db::open(&url).await.unwrap();
        db.migrate().await.unwrap();
        let keys = KeyRing::new(SealKey::generate(), Vec::new());
        let engine = Engine::new(db.clone(), keys.clone(), clock.clone(), engine);
        let stop = CancellationToken::new();
        let router = router_until(engine.clone(), options, stop.clone());
        Self { db, clock, stop, engine, url, keys, router, folder }
    }

    /// Sends a request and gives the answer as soon as its head is there.
    pub(crate) async fn begin(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (head, body) = self.begin(request).await.into_parts();
        let body = axum::body::to_bytes(body, 10_000_000).await.unwrap();
        Answer { status: head.status, headers: head.headers, body }
    }

    /// Sends what is to be sent, and gives the mails that were sent since the last time, oldest first.
    pub(crate) async fn mails(&self) -> Vec<Mail> {
        while self.engine.send_mails().await.unwrap() > 0 {}
        let folder = self.folder.path().join("mails");
        let mut files: Vec<_> = std::fs::read_dir(&folder)
            .map(|files| files.map(|file| file.unwrap().path()).collect())
            .unwrap_or_default();
        files.sort();
        files
            .into_iter()
            .map(|file| {
                let mail = Mail::read(&std::fs::read_to_string(&file).unwrap());
                std::fs::remove_file(file).unwrap();
                mail
            })
            .collect()
    }

    pub(crate) fn anybody(&self) -> Client<'_> {
        Client { house: self, token: None, address: None, proof: None }
    }

    /// Somebody at this address.
    pub(crate) fn from(&self, address: &str) -> Client<'_> {
        Client { address: Some(address.parse().unwrap()), ..self.anybody() }
    }

    /// Whoever this answer signed in.
    pub(crate) fn with_token(&self, answer: &Value) -> Client<'_> {
        Client { token: Some(answer["token"].as_str().unwrap().to_owned()), ..self.anybody() }
    }

    /// Whoever holds this token.
    pub(crate) fn holding(&self, token: &str) -> Client<'_> {
        Client { token: Some(token.to_owned()), ..self.anybody() }
    }

    /// Whoever sends this along, which a wallet has signed.
    pub(crate) fn proving(&self, proof: String) -> Client<'_> {
        Client { proof: Some(proof), ..self.anybody() }
    }

    /// Sets the house up and signs its first administrator in.
    pub(crate) async fn admin(&self) -> Client<'_> {
        let new = json!({ "email": "ada@example.org", "name": "Ada", "password": PASSWORD });
        let body = self.anybody().post("/api/v1/setup", &new).await.expect(201);
        self.with_token(&body)
    }

    /// Makes a user and signs them in.
    pub(crate) async fn user(&self, admin: &Client<'_>, name: &str, role: &str) -> Client<'_> {
        let email = format!("{name}@example.org");
        let new = json!({ "email": email, "name": name, "role": role, "password": PASSWORD });
        admin.post("/api/v1/users", &new).await.expect(201);
        self.sign_in(&email).await
    }

    pub(crate) async fn sign_in(&self, email: &str) -> Client<'_> {
        let given = json!({ "email": email, "password": PASSWORD });
        let body = self.anybody().post("/api/v1/sessions", &given).await.expect(201);
        self.with_token(&body)
    }

    /// A cluster that answered a moment ago, with one node and plenty of room; and a template in it.
    pub(crate) async fn furnish(&self, admin: &Client<'_>) -> Furniture {
        let now = self.clock.now();
        let cluster = cluster(now);
        furnish(&self.db, &self.keys, &cluster, &node(cluster.id, "pve1", now)).await;
        let template = admin.post("/api/v1/templates", &template("Debian 12")).await.expect(201);
        let template = template["id"].as_str().unwrap().to_owned();
        let source = json!({ "cluster_id": cluster.id, "volume": "local:vztmpl/debian-12.tar.zst" });
        admin.post(&format!("/api/v1/templates/{template}/sources"), &source).await.expect(201);
        Furniture { cluster: cluster.id.to_string(), template }
    }
}

/// A house that sells leases as well, at a desk where nobody answers.
pub(crate) fn leasing() -> innkeeper_engine::Options {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let nobody: Url = "http://127.0.0.1:9/".parse().unwrap();
    let asset = "0x036cbd53842c5426634e7929541ec2318f3dcf7e".parse().unwrap();
    let facilitator = facilitator::Settings {
        url: nobody.clone(),
        timeout: None,
        cdp: None,
        strip: false,
        extra_ca: None,
        clock: Clock::system(),
    };
    let node = chain::Settings {
        url: nobody,
        network: Network::BASE_SEPOLIA,
        timeout: None,
        extra_ca: None,
        range: None,
    };
    let desk = Desk {
        network: Network::BASE_SEPOLIA,
        asset,
        token_name: "USDC".into(),
        token_version: "2".into(),
        pay_to: "0x16fb872ad757d3f272356984ab5ee9ef0aaffc0b".parse().unwrap(),
        credit_price: 1_000_000,
        confirmations: 1,
        facilitator: Facilitator::new(facilitator).unwrap(),
        chain: chain::Chain::new(node).unwrap(),
    };
    let leases = LeaseOptions {
        terms: Terms::default(),
        desks: vec![desk],
        public_url: LEASES_URL.parse().unwrap(),
        network: None,
        egress: Egress::Internet,
        wait: Duration::ZERO,
        payable: Duration::from_mins(2),
        look_every: Duration::from_secs(1),
    };
    innkeeper_engine::Options { leases: Some(Arc::new(leases)), ..innkeeper_engine::Options::default() }
}

/// What is in a furnished house.
pub(crate) struct Furniture {
    pub(crate) cluster: String,
    pub(crate) template: String,
}

impl Furniture {
    /// Asks for an instance and gives the operation.
    pub(crate) async fn instance(&self, client: &Client<'_>, name: &str) -> Value {
        let new = json!({ "name": name, "template_id": self.template });
        client.post("/api/v1/instances", &new).await.expect(202)
    }
}

pub(crate) fn template(name: &str) -> Value {
    json!({
        "name": name,
        "kind": "lxc",
        "least": { "cores": 1, "memory_mib": 64, "disk_gib": 1 },
        "default_size": { "cores": 1, "memory_mib": 256, "disk_gib": 4 },
        "most": { "cores": 8, "memory_mib": 16384, "disk_gib": 100 },
    })
}

impl Client<'_> {
    pub(crate) fn request(&self, method: Method, path: &str) -> Builder {
        let mut builder =
            Request::builder().method(method).uri(path).header(header::HOST, "rooms.example.org");
        if let Some(address) = self.address {
            builder = builder.extension(ConnectInfo(SocketAddr::from((address, 4711))));
        }
        if let Some(proof) = &self.proof {
            builder = builder.header("SIGN-IN-WITH-X", proof);
        }
        match &self.token {
            Some(token) => builder.header(header::AUTHORIZATION, format!("Bearer {token}")),
            None => builder,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.house.send(self.request(Method::GET, path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.house.send(self.request(Method::DELETE, path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.house.send(with_json(self.request(Method::POST, path), body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.house.send(with_json(self.request(Method::PUT, path), body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.house.send(with_json(self.request(Method::PATCH, path), body)).await
    }

    /// Posts with an idempotency key.
    pub(crate) async fn post_keyed(&self, path: &str, key: &str, body: &Value) -> Answer {
        let request = self.request(Method::POST, path).header("Idempotency-Key", key);
        self.house.send(with_json(request, body)).await
    }
}

pub(crate) fn with_json(request: Builder, body: &Value) -> Request<Body> {
    request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_string())).unwrap()
}
