//! A chain: what became of an authorization is told as it is, and a node that lags or lies is not believed.

use std::time::Duration;

use innkeeper_connectors::Error;
use innkeeper_connectors::x402::chain::{Chain, Fate, Paid, Question, Settings, Used};
use innkeeper_connectors::x402::eip712::Domain;
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::wallets::{Address, Network, Nonce, TxHash};
use serde_json::{Value, json};

use super::asked;
use crate::doubles::Fault;
use crate::doubles::node::{ASSET, CANCELED, Double, GENESIS, Log, TRANSFER, USED, word};

const PAYER: &str = "0x24d4d4baac81f5cbb23dea7aec11ca166b27e18a";
const SELLER: &str = "0x16fb872ad757d3f272356984ab5ee9ef0aaffc0b";
const THIEF: &str = "0x1111111111111111111111111111111111111111";
const TX: TxHash = TxHash([0xfd; 32]);

fn nonce(n: u8) -> String {
    Nonce([n; 32]).to_string()
}

fn settings(double: &Double) -> Settings {
    Settings {
        url: double.base.join("v3/very-secret-key").unwrap(),
        network: Network::BASE_SEPOLIA,
        timeout: Some(Duration::from_millis(500)),
        extra_ca: None,
        range: None,
    }
}

async fn start() -> (Double, Chain) {
    let double = Double::start().await;
    let chain = Chain::new(settings(&double)).unwrap();
    (double, chain)
}

fn question() -> Question {
    Question {
        asset: ASSET.parse().unwrap(),
        payer: PAYER.parse().unwrap(),
        nonce: Nonce([7; 32]),
        valid_before: GENESIS + 2 * 50_000,
        from_block: 20_000,
        confirmations: 1,
    }
}

fn used(payer: &str, n: u8) -> Log {
    (ASSET.to_owned(), vec![USED.to_owned(), word(payer), nonce(n)], "0x".to_owned())
}

fn moved(asset: &str, from: &str, to: &str, value: u128) -> Log {
    (asset.to_owned(), vec![TRANSFER.to_owned(), word(from), word(to)], word(&format!("{value:x}")))
}

fn holds(double: &Double, block: u64, logs: Vec<Log>) {
    double.change(|world| {
        world.used = true;
        world.transactions.insert(TX.to_string(), (block, logs));
    });
}

fn paid(block: u64, to: &str, value: u128, confirmations: u64) -> Fate {
    let at = Timestamp(i64::try_from(GENESIS + 2 * block).unwrap() * 1_000_000);
    Fate::Used(Used {
        transaction: TX,
        block,
        paid: Paid { to: to.parse().unwrap(), value, at },
        confirmations,
    })
}

#[tokio::test]
async fn a_token_says_what_it_is() {
    let (_double, chain) = start().await;
    let token = chain.token(ASSET.parse().unwrap()).await.unwrap();
    assert_eq!((token.name.as_str(), token.version.as_str(), token.decimals), ("USDC", "2", 6));
    let asked = asked();
    let domain =
        Domain { name: &token.name, version: &token.version, network: asked.network, asset: asked.asset };
    assert_eq!(domain.separator(), token.separator);
    assert_eq!(chain.balance(asked.asset, PAYER.parse().unwrap()).await.unwrap(), 12_345_678);
    assert_eq!((chain.chain_id().await.unwrap(), chain.head().await.unwrap()), (84532, 50_000));
}

#[tokio::test]
async fn unused_is_unused_until_nobody_can_use_it_any_more() {
    let (double, chain) = start().await;
    let fate = async |question: Question| chain.fate(&question).await.unwrap();
    // The newest block is of the second in which it ends.
    assert_eq!(fate(question()).await, Fate::Unused { expired: true });
    assert_eq!(
        fate(Question { valid_before: question().valid_before + 1, ..question() }).await,
        Fate::Unused { expired: false }
    );
    assert_eq!(fate(Question { confirmations: 2, ..question() }).await, Fate::Unused { expired: false });
    double.change(|world| world.head += 1);
    assert_eq!(fate(Question { confirmations: 2, ..question() }).await, Fate::Unused { expired: true });
    assert_eq!(
        fate(Question { confirmations: u64::MAX, ..question() }).await,
        Fate::Unused { expired: false }
    );
    assert!(double.world.lock().unwrap().searched.is_empty());
}

#[tokio::test]
async fn a_payment_is_found_wherever_it_lies() {
    for block in [50_000, 49_990, 41_001, 41_000, 30_000, 20_000] {
        let (double, chain) = start().await;
        holds(&double, block, vec![used(PAYER, 7), moved(ASSET, PAYER, SELLER, 75_000)]);
        assert_eq!(chain.fate(&question()).await.unwrap(), paid(block, SELLER, 75_000, 50_001 - block));
        let searched = double.world.lock().unwrap().searched.clone();
        // Without a gap, from the newest to where it was.
        assert_eq!(searched[0].1, 50_000);
        assert!(searched.windows(2).all(|two| two[1].1 + 1 == two[0].0), "{searched:?}");
        assert!(searched.last().is_some_and(|(from, to)| (from..=to).contains(&&block)));
    }
}

#[tokio::test]
async fn of_many_payments_in_one_transaction_each_has_its_own() {
    let (double, chain) = start().await;
    let other = "0x2222222222222222222222222222222222222222";
    let logs = vec![
        moved(other, PAYER, SELLER, 1),
        used(THIEF, 7),
        moved(ASSET, THIEF, SELLER, 2),
        used(PAYER, 6),
        moved(ASSET, PAYER, SELLER, 3),
        used(PAYER, 7),
        moved(ASSET, PAYER, SELLER, 4),
        used(PAYER, 8),
        moved(ASSET, PAYER, THIEF, u128::MAX),
        moved(ASSET, SELLER, THIEF, 5),
    ];
    holds(&double, 49_999, logs);
    assert_eq!(chain.fate(&question()).await.unwrap(), paid(49_999, SELLER, 4, 2));
    // It says whom it paid, whoever that is.
    let eighth = Question { nonce: Nonce([8; 32]), ..question() };
    assert_eq!(chain.fate(&eighth).await.unwrap(), paid(49_999, THIEF, u128::MAX, 2));
}

#[tokio::test]
async fn a_use_without_a_payment_right_after_it_is_no_payment() {
    let other = "0x2222222222222222222222222222222222222222";
    let too_much: Log = (
        ASSET.to_owned(),
        vec![TRANSFER.to_owned(), word(PAYER), word(SELLER)],
        format!("0x{}", "ff".repeat(32)),
    );
    let no_address: Log = (
        ASSET.to_owned(),
        vec![TRANSFER.to_owned(), word(PAYER), format!("0x{}", "ab".repeat(32))],
        word("1"),
    );
    for after in [
        vec![],
        vec![moved(other, PAYER, SELLER, 75_000)],
        vec![moved(ASSET, THIEF, SELLER, 75_000)],
        vec![moved(other, PAYER, SELLER, 1), moved(ASSET, PAYER, SELLER, 75_000)],
        vec![used(PAYER, 8), moved(ASSET, PAYER, SELLER, 75_000)],
        vec![too_much],
        vec![no_address],
    ] {
        let (double, chain) = start().await;
        let logs = [vec![moved(ASSET, PAYER, SELLER, 75_000), used(PAYER, 7)], after].concat();
        holds(&double, 49_999, logs);
        assert_eq!(chain.fate(&question()).await.unwrap(), Fate::UsedElsewhere);
    }
}

#[tokio::test]
async fn what_is_used_and_not_found_is_never_called_unused() {
    let (double, chain) = start().await;
    // Before the first block that is searched.
    holds(&double, 19_999, vec![used(PAYER, 7), moved(ASSET, PAYER, SELLER, 75_000)]);
    assert_eq!(chain.fate(&question()).await.unwrap(), Fate::UsedElsewhere);
    assert_eq!(double.world.lock().unwrap().searched.last().unwrap().0, 20_000);
    // A search has an end, however far back it should go.
    let narrow = Chain::new(Settings { range: Some(1), ..settings(&double) }).unwrap();
    double.change(|world| world.searched.clear());
    assert_eq!(narrow.fate(&question()).await.unwrap(), Fate::UsedElsewhere);
    assert_eq!(double.world.lock().unwrap().searched.len(), 200);
    // A node that is behind what we have seen.
    let ahead = Question { from_block: 50_001, ..question() };
    assert_eq!(chain.fate(&ahead).await.unwrap(), Fate::UsedElsewhere);
}

#[tokio::test]
async fn taken_back_is_told_from_used() {
    let (double, chain) = start().await;
    holds(
        &double,
        49_991,
        vec![(ASSET.to_owned(), vec![CANCELED.to_owned(), word(PAYER), nonce(7)], "0x".to_owned())],
    );
    let canceled = Fate::Canceled { transaction: TX, confirmations: 10 };
    assert_eq!(chain.fate(&question()).await.unwrap(), canceled);
}

#[tokio::test]
async fn a_node_that_contradicts_itself_is_asked_again() {
    let (double, chain) = start().await;
    holds(&double, 49_991, vec![used(PAYER, 7), moved(ASSET, PAYER, SELLER, 75_000)]);
    let receipt = json!({"transactionHash": TX, "blockNumber": "0xc347", "blockHash": crate::doubles::node::hash(49_991), "status": "0x1", "logs": []});
    let changed = |key: &str, value: Value| {
        let mut receipt = receipt.clone();
        receipt[key] = value;
        receipt
    };
    for (method, instead) in [
        ("eth_getTransactionReceipt", Value::Null),
        ("eth_getTransactionReceipt", receipt.clone()),
        ("eth_getTransactionReceipt", changed("status", json!("0x0"))),
        ("eth_getTransactionReceipt", changed("blockNumber", json!("0xc348"))),
        ("eth_getTransactionReceipt", changed("blockHash", json!(word("1")))),
        ("eth_getTransactionReceipt", changed("transactionHash", json!(word("1")))),
        ("eth_getBlockByNumber", Value::Null),
        ("eth_getBlockByNumber", json!({"number": "0xc347", "hash": word("1"), "timestamp": "0x1"})),
    ] {
        double.change(|world| drop(world.instead.insert(method.to_owned(), instead.clone())));
        let error = chain.fate(&question()).await.unwrap_err();
        assert!(matches!(error, Error::Failing { .. }) && error.is_passing(), "{method} {instead}: {error}");
    }
    assert_eq!(chain.fate(&question()).await.unwrap(), paid(49_991, SELLER, 75_000, 10));
}

#[tokio::test]
async fn garbage_is_no_answer() {
    let (double, chain) = start().await;
    holds(&double, 49_991, vec![used(PAYER, 7), moved(ASSET, PAYER, SELLER, 75_000)]);
    let log = |change: &str, value: Value| {
        let mut log = json!({"address": ASSET, "topics": [USED, word(PAYER), nonce(7)], "data": "0x", "blockNumber": "0xc347",
            "blockHash": word("1"), "transactionHash": TX, "logIndex": "0x1", "removed": false});
        log[change] = value;
        json!([log])
    };
    let raw = |value: Value| json!({ "raw": value });
    for (method, instead) in [
        ("eth_chainId", json!(84532)),
        ("eth_chainId", json!("84532")),
        ("eth_blockNumber", json!("0x+1")),
        ("eth_blockNumber", json!("0xfffffffffffffffff")),
        ("eth_blockNumber", Value::Null),
        ("eth_blockNumber", raw(json!({"jsonrpc": "2.0", "id": 999_999, "result": "0x1"}))),
        ("eth_blockNumber", raw(json!([]))),
        ("eth_call", json!("0x")),
        ("eth_call", json!(word("2"))),
        ("eth_call", json!("0x01")),
        ("eth_call", json!(true)),
        ("eth_getLogs", json!({})),
        ("eth_getLogs", log("transactionHash", json!("0x12"))),
        ("eth_getLogs", log("topics", json!(7))),
        ("eth_getBlockByNumber", json!({"number": "0x1", "hash": word("1"), "timestamp": "0x1"})),
    ] {
        double.change(|world| {
            world.instead.clear();
            world.instead.insert(method.to_owned(), instead.clone());
        });
        let error = chain.fate(&question()).await.unwrap_err();
        assert!(matches!(error, Error::Unreadable { .. }), "{method} {instead}: {error}");
    }
    // Logs of others, or of blocks that were not asked for, are passed over.
    for (change, value) in [
        ("address", json!(SELLER)),
        ("topics", json!([USED, word(THIEF), nonce(7)])),
        ("topics", json!([USED])),
        ("topics", json!([TRANSFER, word(PAYER), nonce(7)])),
        ("blockNumber", json!("0xc351")),
        ("blockNumber", json!("0x1")),
        ("removed", json!(true)),
    ] {
        double.change(|world| {
            world.transactions.clear();
            world.instead.insert("eth_getLogs".to_owned(), log(change, value.clone()));
        });
        assert_eq!(chain.fate(&question()).await.unwrap(), Fate::UsedElsewhere, "{change} {value}");
    }
    // The largest number of a block that there is.
    double.change(|world| world.head = u64::MAX);
    assert_eq!(chain.fate(&question()).await.unwrap(), Fate::UsedElsewhere);
    double.change(|world| world.used = false);
    double.change(|world| {
        let block =
            json!({"number": "0xffffffffffffffff", "hash": word("1"), "timestamp": "0xffffffffffffffff"});
        world.instead.insert("eth_getBlockByNumber".to_owned(), block);
    });
    assert_eq!(chain.fate(&question()).await.unwrap(), Fate::Unused { expired: true });
}

#[tokio::test]
async fn a_node_of_another_chain_is_refused() {
    let (double, chain) = start().await;
    double.change(|world| world.chain_id = 8453);
    assert_eq!(chain.chain_id().await.unwrap(), 8453);
    let error = chain.fate(&question()).await.unwrap_err();
    assert!(matches!(&error, Error::Settings(text) if text.contains("8453 instead of 84532")), "{error}");
    let asset: Address = ASSET.parse().unwrap();
    assert!(matches!(chain.token(asset).await, Err(Error::Settings(_))));
    assert!(matches!(chain.balance(asset, asset).await, Err(Error::Settings(_))));
}

#[tokio::test]
async fn a_node_in_trouble_is_said_to_be_without_its_address() {
    let (double, chain) = start().await;
    for fault in [Fault::Silent, Fault::AnswerLost, Fault::Broken, Fault::TooFast] {
        double.faults.next(fault);
        let error = chain.chain_id().await.unwrap_err();
        assert!(error.is_passing(), "{fault:?}: {error}");
        assert!(!format!("{error} {error:?}").contains("very-secret-key"));
    }
    // As public nodes do where too many blocks are asked for at once.
    holds(&double, 30_000, vec![used(PAYER, 7), moved(ASSET, PAYER, SELLER, 75_000)]);
    double.change(|world| world.most = 500);
    let error = chain.fate(&question()).await.unwrap_err();
    assert!(error.to_string().contains("max block range (-32000)") && error.is_passing(), "{error}");
    let narrow = Chain::new(Settings { range: Some(500), ..settings(&double) }).unwrap();
    assert_eq!(narrow.fate(&question()).await.unwrap(), paid(30_000, SELLER, 75_000, 20_001));
    let fault = |code: i64| json!({"raw": {"jsonrpc": "2.0", "id": null, "error": {"code": code, "message": "a\u{7}b"}}});
    double.change(|world| drop(world.instead.insert("eth_chainId".to_owned(), fault(-32601))));
    let error = chain.chain_id().await.unwrap_err();
    assert!(
        matches!(&error, Error::Refused { message, .. } if message == "eth_chainId: ab (-32601)"),
        "{error}"
    );

    let nobody = Settings { url: "http://127.0.0.1:9/very-secret-key".parse().unwrap(), ..settings(&double) };
    assert!(!format!("{nobody:?} {chain:?}").contains("very-secret-key"));
    let error = Chain::new(nobody).unwrap().head().await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert!(!format!("{error} {error:?}").contains("very-secret-key"));
    let plain = Settings { url: "http://node.example/".parse().unwrap(), ..settings(&double) };
    assert!(matches!(Chain::new(plain), Err(Error::Settings(_))));
    assert!(matches!(Chain::new(Settings { range: Some(0), ..settings(&double) }), Err(Error::Settings(_))));
}
