//! A chain's node that is not there: blocks every two seconds, one token, and logs that a test writes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use serde_json::{Value, json};
use url::Url;

use super::{Faults, reply, serve};

pub const ASSET: &str = "0x036cbd53842c5426634e7929541ec2318f3dcf7e";
pub const USED: &str = "0x98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5";
pub const CANCELED: &str = "0x1cdd46ff242716cdaa72d159d339a485b3438398348d68f09d7c8c0a59353d81";
pub const TRANSFER: &str = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";

/// When the first block was built.
pub const GENESIS: u64 = 1_795_000_000;

pub struct World {
    pub chain_id: u64,
    pub head: u64,
    /// Whether `authorizationState` says yes, whoever asks.
    pub used: bool,
    /// Transactions: their block, and their logs (address, topics, data).
    pub transactions: BTreeMap<String, (u64, Vec<Log>)>,
    /// What a method answers instead, once each.
    pub instead: BTreeMap<String, Value>,
    /// Ranges of blocks that were searched.
    pub searched: Vec<(u64, u64)>,
    /// More blocks at once are refused, as public nodes do.
    pub most: u64,
}

pub type Log = (String, Vec<String>, String);

#[derive(Clone)]
pub struct Double {
    pub base: Url,
    pub world: Arc<Mutex<World>>,
    pub faults: Arc<Faults>,
}

/// A word of 32 bytes with the hexadecimal digits on the right.
pub fn word(digits: &str) -> String {
    format!("0x{:0>64}", digits.trim_start_matches("0x"))
}

pub fn hash(of: u64) -> String {
    format!("0xb{of:063x}")
}

fn text(text: &str) -> String {
    format!("0x{:064x}{:064x}{:0<64}", 32, text.len(), hex::encode(text))
}

impl Double {
    pub async fn start() -> Self {
        let world = World {
            chain_id: 84532,
            head: 50_000,
            used: false,
            transactions: BTreeMap::new(),
            instead: BTreeMap::new(),
            searched: Vec::new(),
            most: 9_000,
        };
        let mut double = Self {
            base: "http://127.0.0.1/".parse().unwrap(),
            world: Arc::new(Mutex::new(world)),
            faults: Arc::default(),
        };
        double.base = serve(Router::new().route("/v3/{key}", post(answer)).with_state(double.clone())).await;
        double
    }

    pub fn change(&self, change: impl FnOnce(&mut World)) {
        change(&mut self.world.lock().unwrap());
    }
}

impl World {
    fn logs(&self, transaction: &str) -> Vec<Value> {
        let (block, logs) = &self.transactions[transaction];
        let all = logs.iter().enumerate().map(|(at, (address, topics, data))| {
            json!({
                "address": address, "topics": topics, "data": data,
                "blockNumber": format!("{block:#x}"), "blockHash": hash(*block),
                "transactionHash": transaction, "transactionIndex": "0x0",
                // A block's logs are counted through: other transactions came before.
                "logIndex": format!("{:#x}", at + 40), "removed": false,
            })
        });
        all.collect()
    }

    fn call(&self, data: &str) -> Value {
        match &data[..10] {
            "0x06fdde03" => json!(text("USDC")),
            "0x54fd4d50" => json!(text("2")),
            "0x313ce567" => json!(word("6")),
            "0x3644e515" => json!("0x71f17a3b2ff373b803d70a5a07c046c1a2bc8e89c09ef722fcb047abe94c9818"),
            "0x70a08231" => json!(word(&format!("{:x}", 12_345_678))),
            "0xe94a0102" => json!(word(if self.used { "1" } else { "0" })),
            _ => json!("0x"),
        }
    }

    fn get_logs(&mut self, filter: &Value) -> Result<Value, String> {
        let number = |key: &str| u64::from_str_radix(&filter[key].as_str().unwrap()[2..], 16).unwrap();
        let (from, to) = (number("fromBlock"), number("toBlock"));
        assert!(from <= to && filter["address"] == ASSET, "{filter}");
        if to - from >= self.most {
            return Err("query exceeds max block range".to_owned());
        }
        self.searched.push((from, to));
        let fits = |log: &Value| {
            let topics = filter["topics"].as_array().unwrap();
            log["address"] == ASSET
                && topics.iter().enumerate().all(|(at, want)| match want {
                    Value::Array(any) => any.contains(&log["topics"][at]),
                    one => *one == log["topics"][at],
                })
        };
        let inside = self.transactions.iter().filter(|(_, (block, _))| (from..=to).contains(block));
        Ok(inside.flat_map(|(hash, _)| self.logs(hash)).filter(fits).collect())
    }

    fn result(&mut self, method: &str, params: &Value) -> Result<Value, String> {
        if let Some(instead) = self.instead.remove(method) {
            return Ok(instead);
        }
        Ok(match method {
            "eth_chainId" => json!(format!("{:#x}", self.chain_id)),
            "eth_blockNumber" => json!(format!("{:#x}", self.head)),
            "eth_call" => self.call(params[0]["data"].as_str().unwrap()),
            "eth_getLogs" => self.get_logs(&params[0])?,
            "eth_getBlockByNumber" => {
                let number = u64::from_str_radix(&params[0].as_str().unwrap()[2..], 16).unwrap();
                let timestamp = format!("{:#x}", GENESIS + 2 * number);
                json!({"number": params[0], "hash": hash(number), "timestamp": timestamp, "transactions": []})
            }
            "eth_getTransactionReceipt" => {
                let hash_of = params[0].as_str().unwrap();
                let block = self.transactions[hash_of].0;
                json!({
                    "transactionHash": hash_of, "blockNumber": format!("{block:#x}"), "blockHash": hash(block),
                    "status": "0x1", "logs": self.logs(hash_of),
                })
            }
            other => return Err(format!("the method {other} does not exist")),
        })
    }
}

async fn answer(State(double): State<Double>, body: String) -> Response {
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["jsonrpc"], "2.0");
    let answer = double.world.lock().unwrap().result(body["method"].as_str().unwrap(), &body["params"]);
    let whole = match answer {
        Ok(Value::Object(raw)) if raw.contains_key("raw") => return reply(200, &raw["raw"]),
        Ok(result) => json!({"jsonrpc": "2.0", "id": body["id"], "result": result}),
        Err(message) => {
            json!({"jsonrpc": "2.0", "id": body["id"], "error": {"code": -32000, "message": message}})
        }
    };
    double.faults.answer(|| (200, whole)).await
}
