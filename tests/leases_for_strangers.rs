//! Buyers of x402 that others wrote pay the real program, on a real chain, and get containers that run; those who mean
//! harm get nothing, and nobody pays twice or for nothing.

use pve_sim::Latency;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::support::{Chain, DatabaseKind, Lab, Server, TestDatabase, in_repository};

/// 1 core, 256 MiB and 4 GiB: 4,900 an hour; and 5,000 for every order.
const HOUR: u128 = 9_900;

struct Story {
    chain: Chain,
    lab: Lab,
    server: Server,
    http: reqwest::Client,
}

impl Story {
    /// A house that leases, for payments on a chain of its own; `None` where no chain can be had.
    async fn begin(more: &[(&'static str, &str)]) -> Option<Self> {
        let chain = Chain::start()?;
        let database = TestDatabase::make(DatabaseKind::Sqlite).await?;
        let lab = Lab::start(1, 1, Latency::Zero).await;
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (listen, url) = (format!("127.0.0.1:{port}"), format!("http://127.0.0.1:{port}"));
        let settings = [
            ("SERVER__LISTEN", listen.as_str()),
            ("SERVER__PUBLIC_URL", url.as_str()),
            ("LEASES__LOOK_EVERY_S", "1"),
            ("LEASES__PAY__0__NETWORK", "eip155:84532"),
            ("LEASES__PAY__0__PAY_TO", chain.address("seller")),
            ("LEASES__PAY__0__RPC_URL", chain.rpc_url()),
            ("LEASES__PAY__0__FACILITATOR_URL", chain.facilitator()),
        ];
        let server = Server::start(database, &[&settings, more].concat()).await;
        server.furnish(&lab).await;
        let running = json!({ "core_micros": 4_000, "memory_gib_micros": 2_000, "disk_gib_micros": 100 });
        server.post("/price-lists", json!({ "running": running })).await;
        Some(Self { chain, lab, server, http: reqwest::Client::new() })
    }

    fn address(&self, path: &str) -> String {
        format!("{}{path}", self.server.url)
    }

    /// Asks as a stranger does.
    async fn ask(
        &self,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> (StatusCode, HeaderMap, Value) {
        let mut request = self.http.post(self.address(path)).json(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        (status, headers, response.json().await.unwrap_or_default())
    }

    async fn get(&self, path: &str, token: Option<&str>) -> (StatusCode, Value) {
        let mut request = self.http.get(self.address(path));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.unwrap();
        (response.status(), response.json().await.unwrap_or_default())
    }

    /// What a 402 asks for.
    async fn offer(&self, body: &Value) -> Value {
        let (status, headers, told) = self.ask("/api/v1/leases", body, &[]).await;
        assert_eq!(status, 402, "{told}");
        decoded(&headers, "payment-required")
    }

    async fn pay(&self, body: &Value, payment: &str) -> (StatusCode, HeaderMap, Value) {
        self.ask("/api/v1/leases", body, &[("PAYMENT-SIGNATURE", payment)]).await
    }

    /// An order once it is over.
    async fn settled(&self, order: &Value) -> Value {
        let path = order["url"].as_str().unwrap();
        for _ in 0..40 {
            let (_, seen) = self.get(&format!("{path}?wait=5s"), None).await;
            if ["delivered", "credited", "lapsed"].contains(&seen["order"]["state"].as_str().unwrap()) {
                return seen["order"].clone();
            }
            self.chain.build_block().await;
        }
        panic!("the order did not end: {:#}", self.get(path, None).await.1);
    }

    /// Whether the simulator has a container of this name, and it runs.
    fn runs(&self, name: &str) -> bool {
        let named = |guest: &&pve_sim::Guest| guest.config.get("hostname").is_some_and(|is| is == name);
        self.lab
            .sim
            .cluster("c1")
            .with(|world| world.guests().find(named).is_some_and(|found| found.run.is_some()))
    }

    /// What the wallet has to its credit, for which it signs in.
    async fn credits(&self, who: &str) -> Value {
        let proof = self.sign_in(who).await;
        let request = self.http.get(self.address("/api/v1/leases/credits")).header("SIGN-IN-WITH-X", proof);
        request.send().await.unwrap().json::<Value>().await.unwrap()["balance_micros"].clone()
    }

    async fn sign_in(&self, who: &str) -> String {
        let (_, _, challenge) = self.ask("/api/v1/leases/challenge", &json!({}), &[]).await;
        let mut command = std::process::Command::new("node");
        command.arg(in_repository("tests/foreign/x402/siwx.mjs"));
        command.args([self.address("/api/v1/leases"), challenge.to_string()]);
        let (well, said) = self.chain.line(command, who).await;
        assert!(well, "{said}");
        said["header"].as_str().unwrap().to_owned()
    }
}

fn decoded(headers: &HeaderMap, name: &str) -> Value {
    use base64::Engine as _;
    let text = headers.get(name).unwrap_or_else(|| panic!("no {name} in {headers:?}")).to_str().unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::STANDARD.decode(text).unwrap()).unwrap()
}

fn wanted(name: &str) -> Value {
    json!({ "minutes": 60, "name": name })
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_wrote_the_buyer_it_pays_once_and_gets_a_container_that_runs() {
    let Some(story) = Story::begin(&[("LOG__FILTER", "trace")]).await else { return };
    let chain = &story.chain;
    let mut secrets = Vec::new();
    let mut sold = 0;
    for (client, who) in [
        ("fetch", "alice"),
        ("axios", "alice"),
        ("httpx", "bob"),
        ("requests", "bob"),
        ("reqwest", "alice"),
        ("v1", "bob"),
    ] {
        let name = format!("by-{client}");
        let had = (chain.dollars(who).await, chain.ether(who).await);
        let said = chain.buy(client, who, &story.address("/api/v1/leases"), &wanted(&name)).await;
        assert_eq!(
            (&said["status"], &said["payment_response"]["success"]),
            (&json!(201), &json!(true)),
            "{said:#}"
        );
        assert!(story.runs(&name), "{client}: no container runs");
        sold += HOUR;
        assert_eq!(chain.dollars(who).await, had.0 - HOUR, "{client}");
        assert_eq!((had.1, chain.ether(who).await), (0, 0), "{client}: a buyer needs no ether");
        assert_eq!(chain.dollars("seller").await, sold, "{client}");
        let body = &said["body"];
        assert_eq!(
            (&body["order"]["state"], &body["lease"]["state"]),
            (&json!("delivered"), &json!("active"))
        );
        assert_eq!(body["order"]["transaction"], said["payment_response"]["transaction"], "{client}");
        let token = body["token"].as_str().unwrap();
        let lease = format!("/api/v1/leases/{}", body["lease"]["id"].as_str().unwrap());
        assert_eq!(story.get(&lease, Some(token)).await.1["name"], name);
        assert_eq!(story.get(&lease, None).await.0, 401);
        secrets.push(token.to_owned());
    }

    // The names of the server that came before, in the generation of its days.
    let earlier = json!({ "runtimeMinutes": 60, "hostname": "by-earlier", "diskGB": 4 });
    let said = chain.buy("v1", "bob", &story.address("/lease/container"), &earlier).await;
    assert_eq!(
        (&said["status"], &said["payment_response"]["success"]),
        (&json!(201), &json!(true)),
        "{said:#}"
    );
    assert!(story.runs("by-earlier"));
    // 512 MiB, which it has where nothing is said of it.
    sold += HOUR + 500;
    assert_eq!(chain.dollars("seller").await, sold);

    // Eight copies of one payment at once: one container, one charge, one token.
    let body = wanted("by-many");
    let payment = chain.sign("alice", &story.offer(&body).await, &[]).await;
    let copies = (0..8).map(|_| story.pay(&body, &payment));
    let answers = futures_util::future::join_all(copies).await;
    let tokens: Vec<_> = answers.iter().filter_map(|(_, _, body)| body["token"].as_str()).collect();
    assert_eq!(tokens.len(), 1, "{answers:#?}");
    secrets.push(tokens[0].to_owned());
    sold += HOUR;
    assert_eq!(chain.dollars("seller").await, sold);
    let order = story.settled(&answers[0].2["order"]).await;
    assert_eq!(order["state"], "delivered");

    // Whoever reads the payment off the chain has all of it, and gets neither token nor lease for it.
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), story.offer(&body).await.to_string()).unwrap();
    let transaction = order["transaction"].as_str().unwrap();
    let copy = chain.attack("mallory", &["from-chain", transaction, file.path().to_str().unwrap()]).await;
    let copy = copy["header"].as_str().unwrap();
    let (status, headers, told) = story.pay(&body, copy).await;
    assert_eq!(
        (status, &told["token"], &told["lease"]),
        (StatusCode::CREATED, &Value::Null, &Value::Null),
        "{told:#}"
    );
    assert_eq!(headers["cache-control"], "private, no-store");
    let (status, _, told) = story.pay(&wanted("mallory"), copy).await;
    assert_eq!((status, &told["code"]), (StatusCode::CONFLICT, &json!("payment_used")), "{told:#}");
    let (status, _, told) =
        story.ask("/lease/container", &json!({ "runtimeMinutes": 60 }), &[("PAYMENT-SIGNATURE", copy)]).await;
    assert_eq!((status, &told["code"]), (StatusCode::CONFLICT, &json!("payment_used")), "{told:#}");
    assert_eq!(chain.dollars("seller").await, sold);
    assert!(!story.runs("mallory"));

    // Headers that nobody means well with.
    let long = "A".repeat(9_000);
    assert_eq!(story.pay(&body, &long).await.0, 400);
    let (first, second) = (("PAYMENT-SIGNATURE", copy), ("X-PAYMENT", copy));
    assert_eq!(story.ask("/api/v1/leases", &body, &[first, second]).await.0, 400);

    // Everything that was logged, in every detail, and nothing of it opens or pays anything.
    let log = std::fs::read_to_string(story.server.log()).unwrap();
    assert!(log.len() > 10_000, "{log}");
    secrets.push(payment[payment.len() / 2..].to_owned());
    secrets.push(copy[copy.len() / 2..].to_owned());
    for secret in secrets {
        assert!(!log.contains(&secret[..secret.len().min(60)]), "{secret} is in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_facilitator_says_what_moved_is_delivered_once_and_what_did_not_is_not() {
    let Some(story) = Story::begin(&[]).await else { return };
    let chain = &story.chain;
    let mut sold = 0;
    for fault in ["drop-after", "lie-no", "pending", "500", "garbage"] {
        let body = wanted(&format!("after-{fault}"));
        let payment = chain.sign("alice", &story.offer(&body).await, &[]).await;
        chain.spoil(json!({ "settle": [fault] })).await;
        let (status, headers, told) = story.pay(&body, &payment).await;
        assert!([201, 202].contains(&status.as_u16()), "{fault}: {status} {told:#}");
        assert!(told["token"].is_string(), "{fault}: {told:#}");
        if status == 202 {
            assert_eq!(headers["location"], *told["order"]["url"].as_str().unwrap());
            assert_eq!(decoded(&headers, "payment-response")["errorReason"], "settlement_pending", "{fault}");
        }
        // Nobody who asks again with the same payment pays again.
        assert!([201, 202].contains(&story.pay(&body, &payment).await.0.as_u16()), "{fault}");
        assert_eq!(story.settled(&told["order"]).await["state"], "delivered", "{fault}");
        assert!(story.runs(&format!("after-{fault}")), "{fault}");
        sold += HOUR;
        assert_eq!(chain.dollars("seller").await, sold, "{fault}");
    }

    // Payments of something else than what is asked are not taken, not even of more.
    let body = wanted("wrongly-paid");
    let offer = story.offer(&body).await;
    for changes in [
        ["--value", "9901"],
        ["--value", "9899"],
        ["--to", chain.address("alice")],
        ["--from", chain.address("bob")],
        ["--validBefore", "1"],
        ["--validAfter", "9999999999"],
        ["--key", chain.key("mallory")],
    ] {
        let payment = chain.sign("alice", &offer, &changes).await;
        let (status, headers, told) = story.pay(&body, &payment).await;
        assert_eq!(status, 402, "{changes:?}: {told:#}");
        let again = decoded(&headers, "payment-required");
        assert_ne!(again["error"], "Payment required", "{changes:?}: it says why");
        assert_eq!(again["accepts"], offer["accepts"], "{changes:?}");
        assert_eq!(chain.dollars("seller").await, sold, "{changes:?}");
    }
    assert!(!story.runs("wrongly-paid"));

    // It says that nothing can be verified: nothing is charged, and the same payment is good afterwards.
    for fault in ["500", "garbage"] {
        let body = wanted(&format!("unsure-{fault}"));
        let payment = chain.sign("alice", &story.offer(&body).await, &[]).await;
        chain.spoil(json!({ "verify": [fault] })).await;
        let (status, _, told) = story.pay(&body, &payment).await;
        assert_eq!(
            (status, &told["code"]),
            (StatusCode::SERVICE_UNAVAILABLE, &json!("provider_unavailable"))
        );
        assert_eq!(chain.dollars("seller").await, sold, "{fault}");
        let (status, _, told) = story.pay(&body, &payment).await;
        assert_eq!(status, 201, "{fault}: {told:#}");
        sold += HOUR;
        assert_eq!(chain.dollars("seller").await, sold, "{fault}");
    }

    // Somebody sends it to the chain before it is settled: we are paid, and the payer has the credit, and spends it.
    let body = wanted("early");
    let payment = chain.sign("bob", &story.offer(&body).await, &[]).await;
    assert_eq!(chain.attack("mallory", &["broadcast", &payment]).await["status"], "success");
    let (status, _, told) = story.pay(&body, &payment).await;
    assert_eq!((status, &told["order"]["state"]), (StatusCode::CONFLICT, &json!("credited")), "{told:#}");
    assert_eq!(told["token"], Value::Null, "{told:#}");
    assert!(!story.runs("early"));
    sold += HOUR;
    assert_eq!(chain.dollars("seller").await, sold);
    assert_eq!(story.credits("bob").await, json!(HOUR));
    let proof = story.sign_in("bob").await;
    let by_credits = json!({ "minutes": 60, "name": "early", "pay_with": "credits" });
    let (status, _, told) = story.ask("/api/v1/leases", &by_credits, &[("SIGN-IN-WITH-X", &proof)]).await;
    assert_eq!(status, 201, "{told:#}");
    assert!(story.runs("early"));
    assert_eq!(story.credits("bob").await, json!(0));
    assert_eq!(chain.dollars("seller").await, sold);

    // It says yes where there is nothing: to the verification, and for as long as the payment could be settled.
    let soon = (innkeeper_domain::time::Clock::system().now().0 / 1_000_000 + 20).to_string();
    let body = wanted("for-nothing");
    let payment = chain.sign("bob", &story.offer(&body).await, &["--validBefore", &soon]).await;
    assert_eq!(chain.attack("bob", &["empty"]).await["status"], "success");
    let (status, headers, told) = story.pay(&body, &payment).await;
    assert_eq!(status, 402, "an empty wallet is refused: {told:#}");
    assert!(headers.contains_key("payment-required"));
    chain.spoil(json!({ "verify": ["lie-yes"], "settle": vec!["lie-yes"; 50] })).await;
    let (status, _, told) = story.pay(&body, &payment).await;
    assert_eq!((status, &told["order"]["state"]), (StatusCode::ACCEPTED, &json!("settling")), "{told:#}");
    let order = story.settled(&told["order"]).await;
    assert_eq!((&order["state"], &order["transaction"]), (&json!("lapsed"), &Value::Null), "{order:#}");
    assert!(!story.runs("for-nothing"));
    let token = told["token"].as_str().unwrap();
    let lease = format!("/api/v1/leases/{}", order["lease_id"].as_str().unwrap());
    assert_eq!(story.get(&lease, Some(token)).await.0, 404);
    assert_eq!(chain.dollars("seller").await, sold);
    assert_eq!(chain.dollars("bob").await, 0);
}
