//! A node of the chain and a facilitator, at the other end of a wire: both share one chain, and fall ill on demand.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use innkeeper_connectors::x402::{Authorization, Signature};
use innkeeper_domain::time::Clock;
use innkeeper_domain::wallets::TxHash;
use serde_json::{Value, json};
use tokio::sync::watch;
use url::Url;

use crate::chain::{Chain, NETWORK, TOKEN, authorization};

/// A call on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Call {
    Verify,
    Settle,
    /// Any question to the node.
    Node,
}

/// What befalls a call.
pub(crate) enum Fault {
    /// It has no effect, and 500 is answered.
    Broken,
    /// It has no effect, and no answer ever comes.
    Silent,
    /// It has its effect, and the connection breaks in the middle of the answer.
    AnswerLost,
    /// It has its effect, and no answer ever comes.
    AnswerNever,
    /// It has no effect, and yes is said.
    LieYes,
    /// It has its effect, and no is said.
    LieNo,
    /// It is sent, and not mined.
    Pending,
    /// It has no effect, and what is answered is nothing that anybody agreed on.
    Garbage,
    /// The node knows no block after this one.
    Stands(u64),
    /// Something happens just before it, and then it goes well.
    Meanwhile(Box<dyn FnOnce(&mut Chain) + Send>),
}

/// By what each call's fault is chosen where none was chosen by hand.
pub(crate) type Fate = Box<dyn FnMut(Call) -> Option<Fault> + Send>;

#[derive(Default)]
struct Plan {
    faults: HashMap<Call, VecDeque<Fault>>,
    fate: Option<Fate>,
    /// How many calls there were.
    calls: usize,
    of: HashMap<Call, usize>,
    /// At which call everything comes to a halt, and whether after its effect.
    halt: Option<(usize, bool)>,
}

/// Both, and what they share.
#[derive(Clone)]
pub(crate) struct Double {
    shared: Arc<Shared>,
    pub(crate) node: Url,
    pub(crate) facilitator: Url,
}

struct Shared {
    chain: Mutex<Chain>,
    plan: Mutex<Plan>,
    halted: watch::Sender<bool>,
}

impl Double {
    pub(crate) async fn start(clock: Clock) -> Self {
        let shared = Arc::new(Shared {
            chain: Mutex::new(Chain::new(clock)),
            plan: Mutex::default(),
            halted: watch::Sender::new(false),
        });
        let router = Router::new()
            .route("/node", post(node))
            .route("/facilitator/verify", post(verify))
            .route("/facilitator/settle", post(settle))
            .with_state(Arc::clone(&shared));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let (node, facilitator) = (base.join("node").unwrap(), base.join("facilitator").unwrap());
        Self { shared, node, facilitator }
    }

    pub(crate) fn chain<T>(&self, look: impl FnOnce(&mut Chain) -> T) -> T {
        look(&mut self.shared.chain.lock().unwrap())
    }

    /// The fault of the next call of a kind that has none yet.
    pub(crate) fn next(&self, call: Call, fault: Fault) {
        self.shared.plan.lock().unwrap().faults.entry(call).or_default().push_back(fault);
    }

    /// From now on faults are chosen so.
    pub(crate) fn fate(&self, fate: Option<Fate>) {
        self.shared.plan.lock().unwrap().fate = fate;
    }

    /// How many calls of a kind there were.
    pub(crate) fn calls(&self, call: Call) -> usize {
        self.shared.plan.lock().unwrap().of.get(&call).copied().unwrap_or_default()
    }

    /// How many calls there were.
    pub(crate) fn all_calls(&self) -> usize {
        self.shared.plan.lock().unwrap().calls
    }

    /// From the call of this number on, counted from now, nothing is answered any more; that call itself has its effect
    /// or not.
    pub(crate) fn halt(&self, at: Option<(usize, bool)>) {
        let mut plan = self.shared.plan.lock().unwrap();
        (plan.calls, plan.halt) = (0, at);
        self.shared.halted.send_replace(false);
    }

    /// Waits until it was reached.
    pub(crate) async fn halted(&self) {
        self.shared.halted.subscribe().wait_for(|halted| *halted).await.unwrap();
    }
}

/// What a halt makes of a call.
enum Halt {
    No,
    Before,
    After,
}

impl Shared {
    fn plan(&self, call: Call) -> (Halt, Option<Fault>) {
        let mut plan = self.plan.lock().unwrap();
        let number = plan.calls;
        plan.calls += 1;
        *plan.of.entry(call).or_default() += 1;
        let halt = match plan.halt {
            Some((at, true)) if number == at => Halt::After,
            Some((at, _)) if number >= at => Halt::Before,
            _ => Halt::No,
        };
        let chosen = plan.faults.get_mut(&call).and_then(VecDeque::pop_front);
        let fault = chosen.or_else(|| plan.fate.as_mut().and_then(|fate| fate(call)));
        (halt, fault)
    }

    async fn never(&self) -> Response {
        self.halted.send_replace(true);
        std::future::pending().await
    }
}

fn reply(status: u16, body: &Value) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (StatusCode::from_u16(status).unwrap(), kind, body.to_string()).into_response()
}

fn cut(body: &Value) -> Response {
    let half = Bytes::from(body.to_string().into_bytes()[..8].to_vec());
    Body::from_stream(tokio_stream::iter(vec![Ok(half), Err(std::io::Error::other("cut"))])).into_response()
}

/// Reads what facilitators are sent; its signature is over exactly what is asked.
fn asked(body: &Value) -> Option<(Authorization, Signature)> {
    let (payload, asked) = (body.get("paymentPayload")?, body.get("paymentRequirements")?);
    let (a, signature) = authorization(payload.get("payload")?)?;
    let text = |key: &str| asked.get(key)?.as_str();
    let fits = body["x402Version"] == 2
        && payload.get("accepted")? == asked
        && text("network")? == NETWORK.to_string()
        && text("asset")?.parse() == Ok(TOKEN)
        && text("payTo")?.parse() == Ok(a.to)
        && text("amount")? == a.value.to_string();
    fits.then_some((a, signature))
}

async fn verify(State(shared): State<Arc<Shared>>, body: String) -> Response {
    let (halt, fault) = shared.plan(Call::Verify);
    let body: Value = serde_json::from_str(&body).unwrap();
    let look = |chain: &mut Chain| match asked(&body) {
        None => json!({"isValid": false, "invalidReason": "invalid_payload"}),
        Some((a, signature)) => match chain.check(&a, &signature) {
            Ok(()) => json!({"isValid": true, "payer": a.from}),
            Err(why) => json!({"isValid": false, "invalidReason": why.reason(), "payer": a.from}),
        },
    };
    if !matches!(halt, Halt::No) {
        return shared.never().await;
    }
    match fault {
        Some(Fault::Silent | Fault::AnswerNever) => std::future::pending().await,
        Some(Fault::LieYes) => reply(200, &json!({"isValid": true})),
        Some(Fault::LieNo | Fault::Pending) => {
            reply(200, &json!({"isValid": false, "invalidReason": "unexpected_verify_error"}))
        }
        Some(Fault::AnswerLost) => cut(&json!({"isValid": true})),
        Some(other) => odd(&shared, other, look),
        None => reply(200, &look(&mut shared.chain.lock().unwrap())),
    }
}

async fn settle(State(shared): State<Arc<Shared>>, body: String) -> Response {
    let (halt, fault) = shared.plan(Call::Settle);
    let body: Value = serde_json::from_str(&body).unwrap();
    let failed =
        |why: &str| json!({"success": false, "errorReason": why, "transaction": "", "network": NETWORK});
    let done = |transaction: TxHash| json!({"success": true, "transaction": transaction, "network": NETWORK});
    let act = |chain: &mut Chain| match asked(&body) {
        None => failed("invalid_payload"),
        Some((a, signature)) => match chain.pay(&a, &signature) {
            Ok(transaction) => done(transaction),
            Err(why) => failed(why.reason()),
        },
    };
    match halt {
        Halt::No => {}
        Halt::Before => return shared.never().await,
        Halt::After => {
            act(&mut shared.chain.lock().unwrap());
            return shared.never().await;
        }
    }
    match fault {
        Some(Fault::Silent) => std::future::pending().await,
        Some(Fault::AnswerNever) => {
            act(&mut shared.chain.lock().unwrap());
            std::future::pending().await
        }
        Some(Fault::AnswerLost) => {
            act(&mut shared.chain.lock().unwrap());
            cut(&failed("cut"))
        }
        Some(Fault::LieYes) => reply(200, &done(TxHash([0xab; 32]))),
        Some(Fault::LieNo) => {
            act(&mut shared.chain.lock().unwrap());
            reply(200, &failed("unexpected_error"))
        }
        Some(Fault::Pending) => {
            if let Some(one) = asked(&body) {
                shared.chain.lock().unwrap().waiting.push(one);
            }
            reply(200, &failed("settlement_pending"))
        }
        Some(other) => odd(&shared, other, act),
        None => reply(200, &act(&mut shared.chain.lock().unwrap())),
    }
}

/// What is the same for everybody.
fn odd(shared: &Shared, fault: Fault, act: impl FnOnce(&mut Chain) -> Value) -> Response {
    match fault {
        Fault::Garbage => reply(200, &json!({"answer": 42})),
        Fault::Meanwhile(first) => {
            let mut chain = shared.chain.lock().unwrap();
            first(&mut chain);
            reply(200, &act(&mut chain))
        }
        _ => reply(500, &json!({"error": "we are sorry"})),
    }
}

const USED: &str = "0x98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5";
const CANCELED: &str = "0x1cdd46ff242716cdaa72d159d339a485b3438398348d68f09d7c8c0a59353d81";
const TRANSFER: &str = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";

async fn node(State(shared): State<Arc<Shared>>, body: String) -> Response {
    let (halt, fault) = shared.plan(Call::Node);
    if !matches!(halt, Halt::No) {
        return shared.never().await;
    }
    let body: Value = serde_json::from_str(&body).unwrap();
    let answer = |chain: &mut Chain, newest: u64| {
        let result = rpc(chain, body["method"].as_str().unwrap(), &body["params"], newest);
        json!({"jsonrpc": "2.0", "id": body["id"], "result": result})
    };
    match fault {
        Some(Fault::Silent | Fault::AnswerNever) => std::future::pending().await,
        Some(Fault::AnswerLost) => cut(&answer(&mut shared.chain.lock().unwrap(), u64::MAX)),
        Some(Fault::Stands(block)) => reply(200, &answer(&mut shared.chain.lock().unwrap(), block)),
        Some(other) => odd(&shared, other, |chain| answer(chain, u64::MAX)),
        None => reply(200, &answer(&mut shared.chain.lock().unwrap(), u64::MAX)),
    }
}

fn quantity(number: u64) -> Value {
    format!("{number:#x}").into()
}

fn number(value: &Value) -> u64 {
    u64::from_str_radix(value.as_str().unwrap().strip_prefix("0x").unwrap(), 16).unwrap()
}

fn hash_of(block: u64) -> Value {
    format!("0x{block:064x}").into()
}

fn word(address: innkeeper_domain::wallets::Address) -> String {
    format!("0x{}{}", "0".repeat(24), &address.to_string()[2..])
}

/// The methods that are asked of a node.
fn rpc(chain: &mut Chain, method: &str, params: &Value, newest: u64) -> Value {
    let head = chain.head().min(newest);
    let log = |used: &crate::chain::Use, first: bool| {
        let (topics, data) = match (first, used.canceled) {
            (true, canceled) => {
                let what = if canceled { CANCELED } else { USED };
                (json!([what, word(used.payer), used.nonce]), "0x".to_owned())
            }
            (false, _) => {
                (json!([TRANSFER, word(used.payer), word(used.to)]), format!("0x{:064x}", used.value))
            }
        };
        json!({
            "address": TOKEN, "topics": topics, "data": data, "blockNumber": quantity(used.block),
            "blockHash": hash_of(used.block), "transactionHash": used.transaction,
            "logIndex": quantity(if first { 4 } else { 5 }), "removed": false,
        })
    };
    match method {
        "eth_chainId" => quantity(NETWORK.chain_id),
        "eth_blockNumber" => quantity(head),
        "eth_call" => {
            let data = params[0]["data"].as_str().unwrap();
            assert!(data.starts_with("0xe94a0102"), "nothing else is asked of the token");
            let payer = format!("0x{}", &data[10 + 24..10 + 64]).parse().unwrap();
            let nonce = format!("0x{}", &data[10 + 64..]).parse().unwrap();
            let used = chain.used(payer, nonce, number(&params[1]).min(head)).is_some();
            format!("0x{:064x}", u8::from(used)).into()
        }
        "eth_getBlockByNumber" => {
            let block = number(&params[0]);
            match chain.time_of(block).filter(|_| block <= head) {
                Some(time) => {
                    json!({"number": quantity(block), "hash": hash_of(block), "timestamp": quantity(time)})
                }
                None => Value::Null,
            }
        }
        "eth_getLogs" => {
            let filter = &params[0];
            let payer = format!("0x{}", &filter["topics"][1].as_str().unwrap()[26..]).parse().unwrap();
            let nonce = filter["topics"][2].as_str().unwrap().parse().unwrap();
            let (from, to) = (number(&filter["fromBlock"]), number(&filter["toBlock"]));
            let found = chain.used(payer, nonce, head).filter(|used| (from..=to).contains(&used.block));
            json!(found.iter().map(|used| log(used, true)).collect::<Vec<_>>())
        }
        "eth_getTransactionReceipt" => {
            let Some(used) =
                params[0].as_str().unwrap().parse().ok().and_then(|hash| chain.by_transaction(hash))
            else {
                return Value::Null;
            };
            let mut logs = vec![log(&used, true)];
            if !used.canceled {
                logs.push(log(&used, false));
            }
            json!({
                "transactionHash": used.transaction, "blockNumber": quantity(used.block),
                "blockHash": hash_of(used.block), "status": "0x1", "logs": logs,
            })
        }
        other => panic!("nobody asks for {other}"),
    }
}
