//! Programs lease a container by our tools and pay for it on a real chain: the official MCP client with the official buyer
//! over HTTP, and `innkeeper mcp` with a wallet of its own over standard input and output.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use innkeeper_connectors::x402::chain::{self, Chain};
use innkeeper_connectors::x402::facilitator::{self, Facilitator};
use innkeeper_domain::access::Actor;
use innkeeper_domain::ids::InstanceId;
use innkeeper_domain::leases::Terms;
use innkeeper_domain::money::Micros;
use innkeeper_domain::prices::UnitPrices;
use innkeeper_domain::time::Clock;
use innkeeper_engine::{CommandOptions, Desk, Egress, Engine, LeaseOptions, NewPriceList, Options, Reach};
use innkeeper_store::{Db, KeyRing, SealKey, management};
use innkeeper_testing::{database, introduction, offer, run, simulate};
use pve_sim::{ClusterOptions, Latency, Sim};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use crate::support::lent;
use crate::support::sshd::Sshd;

/// Where `install.sh` put the chain and the foreign client, or none where this machine has none and need not.
fn foreign() -> Option<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"), PathBuf::from);
    let folder = target.join("foreign/x402");
    if ["chain", "node", "mcp"].iter().all(|part| folder.join(part).join("made-of").exists()) {
        return Some(std::fs::canonicalize(folder).unwrap());
    }
    let say = format!("{} is not complete: run tests/foreign/x402/install.sh", folder.display());
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{say}");
    println!("skipped: {say}");
    None
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A house that leases, on a port of its own, with a chain on which it is paid.
struct House {
    url: String,
    db: Db,
    stack: Value,
    reach: Arc<Mutex<Option<SocketAddr>>>,
    foreign: PathBuf,
    stop: CancellationToken,
    _chain: Child,
    _sim: Sim,
    _folder: tempfile::TempDir,
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn start_chain(foreign: &Path) -> (Child, Value) {
    let mut chain = Command::new("node")
        .arg(root().join("deploy/chain/stack.mjs"))
        .env("CHAIN_MODULES", foreign.join("chain"))
        .env("RPC_PORT", "0")
        .env("FAC_PORT", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(chain.stdout.take().unwrap()).read_line(&mut line).await.unwrap();
    (chain, serde_json::from_str(&line).unwrap())
}

fn desk(stack: &Value) -> Desk {
    let url = |name: &str| stack[name].as_str().unwrap().parse().unwrap();
    let network = stack["network"].as_str().unwrap().parse().unwrap();
    let facilitator = facilitator::Settings {
        url: url("facilitator"),
        timeout: None,
        cdp: None,
        strip: false,
        extra_ca: None,
        clock: Clock::system(),
    };
    let chain = chain::Settings { url: url("rpc"), network, timeout: None, extra_ca: None, range: None };
    Desk {
        network,
        asset: stack["usdc"].as_str().unwrap().parse().unwrap(),
        token_name: "USDC".into(),
        token_version: "2".into(),
        pay_to: stack["addresses"]["seller"].as_str().unwrap().parse().unwrap(),
        credit_price: 1_000_000,
        confirmations: 1,
        facilitator: Facilitator::new(facilitator).unwrap(),
        chain: Chain::new(chain).unwrap(),
    }
}

impl House {
    async fn open() -> Option<Self> {
        let foreign = foreign()?;
        let (chain, stack) = start_chain(&foreign).await;
        let clusters = vec![ClusterOptions::named("lodge", &["oak"])];
        let options = pve_sim::Options { clusters, latency: Latency::Zero, ..Default::default() };
        let sim = simulate(options).await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let leases = LeaseOptions {
            terms: Terms { base: Micros(5_000), ..Terms::default() },
            desks: vec![desk(&stack)],
            public_url: url.parse().unwrap(),
            network: None,
            egress: Egress::Open,
            wait: Duration::from_secs(20),
            payable: Duration::from_secs(120),
            look_every: Duration::from_secs(1),
        };
        let reach = Arc::<Mutex<Option<SocketAddr>>>::default();
        let found = Arc::clone(&reach);
        let options = Options {
            settle: Duration::from_millis(200),
            leases: Some(Arc::new(leases)),
            commands: CommandOptions {
                ssh_user: Sshd::user(),
                reach: Some(Reach::new(move |_| *found.lock().unwrap())),
                ..CommandOptions::default()
            },
            ..Options::default()
        };
        let (db, folder) = database().await;
        let keys = KeyRing::new(SealKey::generate(), Vec::new());
        let engine = Engine::new(db.clone(), keys, Clock::system(), options);
        let stop = CancellationToken::new();
        run(&engine, &stop);
        furnish(&engine, &sim).await;
        let router = innkeeper_api::router_until(engine, innkeeper_api::Options::default(), stop.clone());
        let router = innkeeper_mcp::mount(router, Some(&url), &stop);
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        Some(Self { url, db, stack, reach, foreign, stop, _chain: chain, _sim: sim, _folder: folder })
    }

    fn key(&self, name: &str) -> &str {
        self.stack["keys"][name].as_str().unwrap()
    }

    /// From now on the containers answer by SSH: this one lets in the key of the instance.
    async fn open_door(&self, sshd: &Sshd, instance: InstanceId) {
        sshd.authorize(&management::public_key(&self.db, instance).await.unwrap().unwrap());
        *self.reach.lock().unwrap() = Some(sshd.address);
    }
}

async fn furnish(engine: &Engine, sim: &Sim) {
    let house = Actor::house();
    let cluster = engine.add_cluster(&house, introduction(sim, "lodge"), None).await.unwrap();
    offer(engine, cluster.id, lent()).await;
    let running = UnitPrices {
        core_micros: Micros(4000),
        memory_gib_micros: Micros(4000),
        disk_gib_micros: Micros(100),
    };
    engine.create_price_list(&house, NewPriceList { running, stopped: None }, None).await.unwrap();
}

/// What a lease of an hour costs: its base, a core, a quarter of a GiB, four GiB.
const HOUR: i64 = 5_000 + 4_000 + 1_000 + 400;

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_client_and_a_foreign_buyer_lease_over_http() {
    let Some(house) = House::open().await else { return };
    let output = Command::new("node")
        .arg(root().join("tests/foreign/mcp/story.mjs"))
        .arg(format!("{}/mcp", house.url))
        .env("FOREIGN_X402", &house.foreign)
        .env("KEY", house.key("alice"))
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let good = |step: &str| {
        assert_ne!(told[step]["isError"], true, "{step}: {:#}", told[step]);
        &told[step]["structuredContent"]
    };
    assert_eq!(told["server"]["name"], "innkeeper");
    assert_eq!(told["tools"].as_array().unwrap().len(), 11);
    assert_eq!(good("catalogue")["templates"][0]["name"], "Debian 12");
    assert_eq!(good("quote")["price_micros"], HOUR);
    assert_eq!(told["bad"]["structuredContent"]["code"], "invalid_arguments");
    let asked = &told["asked"];
    assert_eq!((&asked["isError"], &asked["structuredContent"]["x402Version"]), (&json!(true), &json!(2)));
    assert_eq!(asked["structuredContent"]["accepts"][0]["amount"], HOUR.to_string());
    let wrapped: Value = serde_json::from_str(asked["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(wrapped["x402/error"]["data"], asked["structuredContent"]);

    let receipt = &told["leased"]["_meta"]["x402/payment-response"];
    assert_eq!(receipt["success"], true, "{:#}", told["leased"]);
    let payer = receipt["payer"].as_str().unwrap().to_lowercase();
    assert_eq!(payer, house.stack["addresses"]["alice"].as_str().unwrap().to_lowercase());
    let token = good("leased")["token"].as_str().unwrap();
    assert!(token.starts_with("ikl_"));
    assert_eq!(good("ordered")["order"]["state"], "delivered");
    assert_eq!(good("again")["order"]["id"], good("ordered")["order"]["id"]);
    assert_eq!(good("again")["token"], Value::Null);
    assert_eq!(good("status")["state"], "active", "{:#}", told["status"]);
    assert_eq!(told["stranger"]["structuredContent"]["code"], "unauthenticated");
    // Nothing answers in simulated containers, and that is said.
    assert!(told["exec"]["structuredContent"]["code"].is_string(), "{:#}", told["exec"]);
    assert_eq!(told["time"]["structuredContent"]["x402Version"], 2);
    assert_eq!(good("renewed")["order"]["state"], "delivered");
    assert_eq!(good("list")["items"].as_array().unwrap().len(), 1);
    assert_eq!(good("logs")["orders"].as_array().unwrap().len(), 2);
    assert_ne!(good("destroyed")["state"], "active");
}

/// `innkeeper mcp` and what is said to it.
struct Tools {
    child: Child,
    lines: tokio::io::Lines<BufReader<tokio::process::ChildStdout>>,
    last: u64,
}

impl Tools {
    async fn start(house: &House, more: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_innkeeper"))
            .args(["mcp", "--url", &house.url])
            .args(more)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut tools = Self { child, lines, last: 0 };
        let hello = json!({
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" },
        });
        let server = tools.ask("initialize", hello).await;
        assert_eq!(server["protocolVersion"], "2025-06-18");
        tools.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await;
        tools
    }

    async fn send(&mut self, message: &Value) {
        self.child.stdin.as_mut().unwrap().write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.last += 1;
        self.send(&json!({ "jsonrpc": "2.0", "id": self.last, "method": method, "params": params })).await;
        let line = self.lines.next_line().await.unwrap().expect("it ended");
        let answer: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(answer["id"], self.last, "{answer:#}");
        assert!(answer["error"].is_null(), "{answer:#}");
        answer["result"].clone()
    }

    async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        self.ask("tools/call", json!({ "name": tool, "arguments": arguments })).await
    }

    async fn good(&mut self, tool: &str, arguments: Value) -> Value {
        let result = self.call(tool, arguments).await;
        assert_ne!(result["isError"], true, "{tool}: {result:#}");
        assert!(!result.to_string().contains("ikl_"), "{tool} shows a token: {result:#}");
        result["structuredContent"].clone()
    }

    async fn code(&mut self, tool: &str, arguments: Value) -> Value {
        let result = self.call(tool, arguments).await;
        assert_eq!(result["isError"], true, "{tool}: {result:#}");
        result["structuredContent"]["code"].clone()
    }

    /// Ends as it does when its client goes.
    async fn end(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().await.unwrap().success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_on_a_buyers_machine_pays_by_itself_up_to_its_limit() {
    let Some(house) = House::open().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens.json");
    let wallet = [("INNKEEPER_WALLET_KEY", house.key("bob"))];
    let settings = ["--max-price", "0.05", "--tokens", file.to_str().unwrap()];
    let mut tools = Tools::start(&house, &settings, &wallet).await;
    let size = json!({ "cores": 1, "memory_mib": 256, "disk_gib": 4 });
    assert_eq!(tools.good("quote", json!({ "minutes": 60, "size": size })).await["price_micros"], HOUR);
    assert_eq!(tools.code("lease", json!({ "minutes": 1_000, "size": size })).await, "price_above_limit");
    let leased = tools.good("lease", json!({ "minutes": 60, "size": size })).await;
    assert_eq!(leased["token_kept"], true);
    let order = json!({ "order_id": leased["order"]["id"], "wait_seconds": 30 });
    assert_eq!(tools.good("order", order).await["order"]["state"], "delivered");
    let lease = json!({ "lease_id": leased["order"]["lease_id"] });
    let status = tools.good("status", lease.clone()).await;
    assert_eq!(status["state"], "active");
    if let Some(sshd) = Sshd::start() {
        house.open_door(&sshd, status["instance_id"].as_str().unwrap().parse().unwrap()).await;
        let mut command = lease.clone();
        command["command"] = json!(["echo", "here we are"]);
        let ran = tools.good("exec", command).await;
        assert_eq!((&ran["exit_code"], &ran["stdout"]), (&json!(0), &json!("here we are\n")));
    }
    let mut time = lease.clone();
    time["minutes"] = json!(30);
    let renewed = tools.good("renew", time).await;
    assert_eq!(renewed["order"]["state"], "delivered");
    tools.end().await;

    // The tokens are found again, and a wallet without them is known by its signature.
    let mut tools = Tools::start(&house, &settings[2..], &[]).await;
    assert_eq!(tools.good("list", json!({})).await["items"][0]["id"], lease["lease_id"]);
    tools.end().await;
    let mut tools = Tools::start(&house, &settings[..2], &wallet).await;
    assert_eq!(tools.good("list", json!({})).await["items"][0]["id"], lease["lease_id"]);
    assert_eq!(tools.good("logs", lease.clone()).await["orders"].as_array().unwrap().len(), 2);
    assert_ne!(tools.good("destroy", lease).await["state"], "active");
    tools.end().await;
}

#[tokio::test]
async fn a_wallet_without_a_limit_and_plain_text_over_a_network_are_refused() {
    let run = |arguments: &[&str], key: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_innkeeper"));
        let output = command.arg("mcp").args(arguments).env("INNKEEPER_WALLET_KEY", key).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let key = "ab".repeat(32);
    let said = run(&["--url", "http://127.0.0.1:1"], &key);
    assert!(said.contains("--max-price") && !said.contains(&key), "{said}");
    let said = run(&["--url", "http://127.0.0.1:1", "--max-price", "1"], "hunter2");
    assert!(said.contains("64 hexadecimal digits") && !said.contains("hunter2"), "{said}");
    let said = run(&["--url", "http://inn.example", "--max-price", "1"], &key);
    assert!(said.contains("https://"), "{said}");
}
