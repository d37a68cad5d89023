//! The test chain with its dollars and its facilitator, and buyers of x402 that others wrote: processes that end with the
//! test.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use serde_json::{Value, json};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Where `tests/foreign/x402/install.sh` installs.
pub fn foreign() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    std::env::var_os("FOREIGN_X402").map_or_else(|| target.join("foreign/x402"), PathBuf::from)
}

/// A file of the repository.
pub fn in_repository(path: &str) -> PathBuf {
    Path::new(ROOT).join(path)
}

pub struct Chain {
    child: Child,
    /// It ends when nobody holds this any more.
    _hold: ChildStdin,
    said: Value,
    http: reqwest::Client,
}

impl Chain {
    /// A new chain; `None` where what it takes is not installed, and need not be.
    pub fn start() -> Option<Self> {
        let missing = ["chain", "node", "python", "rust"]
            .into_iter()
            .find(|part| !foreign().join(part).join("made-of").exists());
        if let Some(part) = missing {
            let say = format!(
                "{} is not there: tests/foreign/x402/install.sh makes it",
                foreign().join(part).display()
            );
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{say}");
            println!("skipped: {say}");
            return None;
        }
        let mut child = Command::new("node")
            .arg(in_repository("deploy/chain/stack.mjs"))
            .envs([("RPC_PORT", "0"), ("FAC_PORT", "0")])
            .env("CHAIN_MODULES", foreign().join("chain"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let hold = child.stdin.take().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("the chain did not start: {line:?}"));
        let _ = rustls::crypto::ring::default_provider().install_default();
        Some(Self { child, _hold: hold, said, http: reqwest::Client::new() })
    }

    fn text(&self, pointer: &str) -> &str {
        self.said.pointer(pointer).and_then(Value::as_str).unwrap()
    }

    pub fn rpc_url(&self) -> &str {
        self.text("/rpc")
    }

    pub fn facilitator(&self) -> &str {
        self.text("/facilitator")
    }

    pub fn address(&self, who: &str) -> &str {
        self.text(&format!("/addresses/{who}"))
    }

    pub fn key(&self, who: &str) -> &str {
        self.text(&format!("/keys/{who}"))
    }

    async fn rpc(&self, method: &str, params: Value) -> u128 {
        let asked = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answer = self.http.post(self.rpc_url()).json(&asked).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        let text = answer["result"].as_str().unwrap_or_else(|| panic!("{method}: {answer}"));
        u128::from_str_radix(text.trim_start_matches("0x"), 16).unwrap()
    }

    /// The test dollars of somebody, in their smallest unit.
    pub async fn dollars(&self, who: &str) -> u128 {
        let data = format!("0x70a08231{:0>64}", self.address(who)[2..].to_lowercase());
        self.rpc("eth_call", json!([{ "to": self.text("/usdc"), "data": data }, "latest"])).await
    }

    /// The ether of somebody.
    pub async fn ether(&self, who: &str) -> u128 {
        self.rpc("eth_getBalance", json!([self.address(who), "latest"])).await
    }

    /// Time passes on the chain with its blocks, and there are none where nobody sends anything.
    pub async fn build_block(&self) {
        self.rpc("evm_mine", json!([])).await;
    }

    /// Has the facilitator fail.
    pub async fn spoil(&self, faults: Value) {
        let url = format!("{}/fault", self.facilitator());
        let answer = self.http.post(url).json(&faults).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    /// Buys with a client that others wrote; answers its one line.
    pub async fn buy(&self, client: &str, who: &str, url: &str, body: &Value) -> Value {
        let mut command = Command::new("sh");
        command.arg(in_repository("tests/foreign/x402/run.sh"));
        command.args([client, "POST", url, &body.to_string()]);
        self.line(command, who).await.1
    }

    /// Runs a tool of those who mean harm, in the name of `who`.
    pub async fn attack(&self, who: &str, arguments: &[&str]) -> Value {
        let mut command = Command::new("node");
        command.arg(in_repository("tests/foreign/x402/attack.mjs")).args(arguments);
        let (well, said) = self.line(command, who).await;
        assert!(well, "{arguments:?}: {said}");
        said
    }

    /// A payment of an offer that is in a 402, as `who` signs it; `changes` say otherwise.
    pub async fn sign(&self, who: &str, offer: &Value, changes: &[&str]) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), offer.to_string()).unwrap();
        let arguments = [&["sign", file.path().to_str().unwrap()], changes].concat();
        self.attack(who, &arguments).await["header"].as_str().unwrap().to_owned()
    }

    /// A command in whose environment are the chain and the key of `who`.
    pub fn furnish(&self, command: &mut Command, who: &str) {
        command
            .env("KEY", self.key(who))
            .env("RPC", self.rpc_url())
            .env("FOREIGN_X402", foreign())
            .env("FOREIGN_MODULES", foreign().join("node"));
    }

    /// Runs a program that prints one line of JSON; answers whether it ended well, and what it said.
    pub async fn line(&self, mut command: Command, who: &str) -> (bool, Value) {
        self.furnish(&mut command, who);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = serde_json::from_str(&text)
            .unwrap_or_else(|_| panic!("it said {text:?} and {}", String::from_utf8_lossy(&output.stderr)));
        (output.status.success(), said)
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        // It ends its own children when it is asked to; it is asked by the end of its standard input as well.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}
