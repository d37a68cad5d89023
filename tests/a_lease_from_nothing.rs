//! Somebody comes with nothing but a wallet: the demo with a chain of its own, a lease that is paid there, a command in
//! it, more time, and its end. What moved on the chain is what was asked, to the last unit.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use innkeeper_connectors::x402::chain::{self, Chain};
use innkeeper_connectors::x402::wallet::Wallet;
use innkeeper_domain::wallets::{Address, Network};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_innkeeper");

struct Demo {
    child: Child,
    url: String,
    rpc: String,
    home: tempfile::TempDir,
}

impl Demo {
    /// None where there is no Node: the caller says that it skips.
    fn start() -> Option<Self> {
        let home = tempfile::tempdir().unwrap();
        let mut child = Command::new(BINARY)
            .env("TMPDIR", home.path())
            .args(["demo", "--latency", "0.05", "--listen", "127.0.0.1:0", "--guests", "process"])
            .arg("--folder")
            .arg(home.path().join("demo"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut url, mut rpc, mut lacks) = (String::new(), String::new(), None);
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            if line.starts_with("no wallets") {
                lacks = Some(line.clone());
            }
            if let Some((_, rest)) = line.split_once("lease rent --url ") {
                rest.split(' ').next().unwrap().clone_into(&mut url);
            }
            if let Some((_, rest)) = line.split_once("test chain on this machine (") {
                rest.split(')').next().unwrap().clone_into(&mut rpc);
            }
            if line.starts_with("Ctrl-C") {
                break;
            }
        }
        let demo = Self { child, url, rpc, home };
        let Some(lacks) = lacks else { return Some(demo) };
        assert!(std::env::var_os("CI").is_none(), "CI must have the chain: {lacks}");
        eprintln!("skipped: {lacks}");
        None
    }

    fn key(&self) -> PathBuf {
        self.home.path().join("demo").join("buyer.key")
    }

    /// Runs a command of somebody who has an empty home; answers its exit code, output and errors.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(BINARY);
        command.args(arguments).env_clear().env("HOME", self.home.path()).env("INNKEEPER_URL", &self.url);
        let output = command.stdin(Stdio::null()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    fn ok(&self, arguments: &[&str]) -> String {
        let (code, out, err) = self.run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {out}{err}");
        out
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.ok(&[arguments, &["--json"]].concat())).unwrap()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Looks until it is so.
async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !so().await {
        assert!(began.elapsed() < Duration::from_secs(60), "it never came to this: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_is_all_that_it_takes() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let Some(demo) = Demo::start() else { return };
    let network = Network::BASE_SEPOLIA;
    let settings = chain::Settings {
        url: demo.rpc.parse().unwrap(),
        network,
        timeout: None,
        extra_ca: None,
        range: None,
    };
    let chain = Chain::new(settings).unwrap();
    let catalogue = demo.json(&["lease", "catalogue"]);
    let address = |name: &str| -> Address { catalogue["pay"][0][name].as_str().unwrap().parse().unwrap() };
    let (asset, seller) = (address("asset"), address("pay_to"));
    let key = demo.key();
    let key = key.to_str().unwrap();
    let buyer = Wallet::from_hex(&std::fs::read_to_string(key).unwrap().into()).unwrap().address();
    let had = chain.balance(asset, buyer).await.unwrap();
    assert_eq!(chain.balance(asset, seller).await.unwrap(), 0);

    // Nothing is paid that nobody agreed to.
    let rent = ["lease", "rent", "--minutes", "10", "--plan", "Small", "--wallet-key-file", key];
    let (code, _, err) = demo.run(&rent);
    assert!(code != 0 && err.contains("--max-price"), "{err}");
    let (code, _, err) = demo.run(&[&rent[..], &["--max-price", "0.001"]].concat());
    assert!(code != 0 && err.contains("more than 0.001"), "{err}");
    assert_eq!(chain.balance(asset, buyer).await.unwrap(), had);

    let price = |quote: Value| u128::try_from(quote["price_micros"].as_i64().unwrap()).unwrap();
    let first = price(demo.json(&["lease", "quote", "--minutes", "10", "--plan", "Small"]));
    let rented = demo.json(&[&rent[..], &["--yes", "--save", "--name", "web-1"]].concat());
    assert_eq!(rented["order"]["state"], "delivered", "{rented:#}");
    assert_eq!(rented["lease"]["state"], "active", "{rented:#}");
    let lease = rented["lease"]["id"].as_str().unwrap();
    assert_eq!(chain.balance(asset, seller).await.unwrap(), first);
    assert_eq!(chain.balance(asset, buyer).await.unwrap(), had - first);

    // Its token was kept, and nobody else can read it.
    let kept = std::fs::metadata(demo.home.path().join(".config/innkeeper/leases.json")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&kept.permissions()) & 0o777, 0o600);
    let said = demo.ok(&["lease", "exec", lease, "--", "uname", "-s"]);
    assert_eq!(said, "Linux\n");
    let (code, _, err) = demo.run(&["lease", "exec", lease, "--script", "--", "echo no >&2; exit 7"]);
    assert_eq!((code, err.as_str()), (7, "no\n"));
    // So does the wallet, which signs in.
    let listed = demo.json(&["lease", "list", "--wallet-key-file", key]);
    assert_eq!(listed[0]["id"], lease, "{listed:#}");

    let more = price(demo.json(&["lease", "quote", "--minutes", "20", "--lease", lease]));
    let until_then = rented["lease"]["expires_at"].as_str().unwrap();
    let pay = ["--wallet-key-file", key, "--max-price", "0.5"];
    let renewed = demo.json(&[&["lease", "renew", lease, "--minutes", "20"], &pay[..]].concat());
    assert_eq!(renewed["order"]["state"], "delivered", "{renewed:#}");
    let shown = demo.json(&["lease", "show", lease]);
    assert!(shown["expires_at"].as_str().unwrap() > until_then, "{shown:#}");
    assert_eq!(chain.balance(asset, seller).await.unwrap(), first + more);
    assert_eq!(chain.balance(asset, buyer).await.unwrap(), had - first - more);

    // The same order again, as after a lost answer, is not paid again.
    let key_of_order = ["--idempotency-key", "0123456789abcdef0123456789abcdef"];
    let again = [&["lease", "renew", lease, "--minutes", "10"], &pay[..], &key_of_order[..]].concat();
    let (one, other) = (demo.json(&again), demo.json(&again));
    assert_eq!(one["order"]["id"], other["order"]["id"]);
    let third = u128::try_from(one["order"]["price_micros"].as_i64().unwrap()).unwrap();
    assert_eq!(chain.balance(asset, seller).await.unwrap(), first + more + third);

    demo.ok(&["lease", "end", lease, "--yes"]);
    until("the lease has ended", async || {
        demo.json(&["lease", "show", lease, "--wallet-key-file", key])["state"] == json!("ended")
    })
    .await;
    assert_eq!(chain.balance(asset, buyer).await.unwrap(), had - first - more - third);

    // The chain ends with the demo, also when that is killed.
    drop(demo);
    until("the chain has ended", async || chain.chain_id().await.is_err()).await;
}
