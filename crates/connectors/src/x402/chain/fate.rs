//! What became of an authorization: the chain's word, and the only one that counts.

use std::collections::BTreeMap;

use innkeeper_domain::time::Timestamp;
use innkeeper_domain::wallets::{Address, Nonce, TxHash};
use serde::Deserialize;
use serde_json::{Value, json};

use super::rpc::{parse_quantity, quantity, unreadable, unsettled};
use super::{Chain, abi};
use crate::Error;
use crate::x402::eip712::keccak;

/// As many calls look for one authorization at most; with 9,000 blocks each, 41 days of Base.
const MOST_CALLS: u64 = 200;

/// Which authorization, and where to look for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// The token.
    pub asset: Address,
    /// Who signed.
    pub payer: Address,
    /// What makes it good once.
    pub nonce: Nonce,
    /// The second from which it is good no more.
    pub valid_before: u64,
    /// No block before this one is searched: the newest one at a time when the authorization was unused.
    pub from_block: u64,
    /// So many blocks, the block itself counted, must have been built before its end is believed.
    pub confirmations: u64,
}

/// Money that moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paid {
    /// Whom it went to: not always us.
    pub to: Address,
    /// How much: not always what we asked.
    pub value: u128,
    /// The time of its block.
    pub at: Timestamp,
}

/// How an authorization was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// The transaction.
    pub transaction: TxHash,
    /// Its block.
    pub block: u64,
    /// What it moved.
    pub paid: Paid,
    /// How many blocks stand on it, itself counted: 1 is the newest.
    pub confirmations: u64,
}

/// What became of an authorization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nobody used it.
    Unused {
        /// Nobody can any more: by the chain's own time its validity ended, and blocks enough stand on that.
        expired: bool,
    },
    /// It was used, and money moved by it.
    Used(Used),
    /// The payer took it back; it will move nothing.
    Canceled {
        /// By which transaction.
        transaction: TxHash,
        /// How many blocks stand on it, itself counted.
        confirmations: u64,
    },
    /// It is used or taken back, but not where we looked, or not in a way that can be told. A node that lags may say
    /// so for a moment; where it stays so, a person must look.
    UsedElsewhere,
}

/// A log, as nodes write it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Log {
    address: Address,
    topics: Vec<String>,
    data: String,
    block_number: String,
    block_hash: String,
    transaction_hash: TxHash,
    #[serde(rename = "logIndex")]
    place: String,
    #[serde(default)]
    removed: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Receipt {
    transaction_hash: TxHash,
    block_number: String,
    block_hash: String,
    status: String,
    logs: Vec<Log>,
}

#[derive(Deserialize)]
struct Block {
    number: String,
    hash: String,
    timestamp: String,
}

fn topic(bytes: [u8; 32]) -> String {
    format!("0x{}", hex::encode(bytes))
}

fn event(signature: &str) -> String {
    topic(keccak(signature.as_bytes()))
}

impl Log {
    fn is(&self, asset: Address, topics: &[&str]) -> bool {
        let same = |(ours, theirs): (&&str, &String)| theirs.eq_ignore_ascii_case(ours);
        self.address == asset
            && !self.removed
            && self.topics.len() >= topics.len()
            && topics.iter().zip(&self.topics).all(same)
    }
}

impl Chain {
    /// What became of an authorization, as of now.
    pub async fn fate(&self, question: &Question) -> Result<Fate, Error> {
        let head = self.head().await?;
        let words = [abi::word(question.payer.0), question.nonce.0];
        let state =
            self.read(question.asset, abi::call("authorizationState(address,bytes32)", &words), head).await?;
        match abi::number(&state) {
            Some(0) => self.unused(question, head).await,
            Some(1) => self.find(question, head).await,
            _ => Err(unreadable("the contract does not say whether the authorization is used")),
        }
    }

    async fn unused(&self, question: &Question, head: u64) -> Result<Fate, Error> {
        let Some(settled) = head.checked_sub(question.confirmations.saturating_sub(1)) else {
            return Ok(Fate::Unused { expired: false });
        };
        let block = self.block(settled).await?;
        // The contract wants a block's time to be before the end.
        let expired = parse_quantity(&block.timestamp)
            .ok_or_else(|| unreadable("a block without a time"))?
            .ge(&question.valid_before);
        Ok(Fate::Unused { expired })
    }

    async fn block(&self, number: u64) -> Result<Block, Error> {
        let block: Option<Block> =
            self.rpc.call("eth_getBlockByNumber", json!([quantity(number), false])).await?;
        let block = block.ok_or_else(|| unsettled("it does not have a block that it spoke of"))?;
        if parse_quantity(&block.number) != Some(number) {
            return Err(unreadable("another block than was asked for"));
        }
        Ok(block)
    }

    /// Looks for the log, from the newest block backwards: most are young.
    async fn find(&self, question: &Question, head: u64) -> Result<Fate, Error> {
        let used = event("AuthorizationUsed(address,bytes32)");
        let canceled = event("AuthorizationCanceled(address,bytes32)");
        let (payer, nonce) = (topic(abi::word(question.payer.0)), topic(question.nonce.0));
        let mut to = head;
        for _ in 0..MOST_CALLS {
            let from = to.saturating_sub(self.range - 1).max(question.from_block);
            if from > to {
                break;
            }
            let filter: Value = json!([{
                "address": question.asset,
                "fromBlock": quantity(from),
                "toBlock": quantity(to),
                "topics": [[used, canceled], payer, nonce],
            }]);
            let logs: Vec<Log> = self.rpc.call("eth_getLogs", filter).await?;
            for log in logs {
                let block = parse_quantity(&log.block_number).filter(|block| (from..=to).contains(block));
                let Some(block) = block else { continue };
                // `head` was asked first; the block cannot be newer.
                let confirmations = (head - block).saturating_add(1);
                if log.is(question.asset, &[&used, &payer, &nonce]) {
                    return self.used(question, &log, block, confirmations).await;
                }
                if log.is(question.asset, &[&canceled, &payer, &nonce]) {
                    return Ok(Fate::Canceled { transaction: log.transaction_hash, confirmations });
                }
            }
            if from == question.from_block || from == 0 {
                break;
            }
            to = from - 1;
        }
        Ok(Fate::UsedElsewhere)
    }

    /// The money that moved by one use: of the transfers in its transaction, the one that comes right after it. One
    /// transaction may hold the uses of many authorizations, and any other transfers.
    async fn used(
        &self,
        question: &Question,
        log: &Log,
        block: u64,
        confirmations: u64,
    ) -> Result<Fate, Error> {
        let receipt: Option<Receipt> =
            self.rpc.call("eth_getTransactionReceipt", json!([log.transaction_hash])).await?;
        let receipt = receipt.ok_or_else(|| unsettled("it does not have a receipt that it spoke of"))?;
        let same = receipt.transaction_hash == log.transaction_hash
            && parse_quantity(&receipt.block_number) == Some(block)
            && receipt.block_hash.eq_ignore_ascii_case(&log.block_hash);
        if !same || parse_quantity(&receipt.status) != Some(1) {
            return Err(unsettled("it says different things of one transaction"));
        }
        let logs: BTreeMap<u64, &Log> = receipt
            .logs
            .iter()
            .filter(|one| one.transaction_hash == log.transaction_hash)
            .filter_map(|one| Some((parse_quantity(&one.place)?, one)))
            .collect();
        let (used, payer, nonce) = (
            event("AuthorizationUsed(address,bytes32)"),
            topic(abi::word(question.payer.0)),
            topic(question.nonce.0),
        );
        let at = parse_quantity(&log.place).ok_or_else(|| unreadable("a log without a place"))?;
        if !logs.get(&at).is_some_and(|one| one.is(question.asset, &[&used, &payer, &nonce])) {
            return Err(unsettled("it says different things of one transaction"));
        }
        let transfer = event("Transfer(address,address,uint256)");
        let moved = at
            .checked_add(1)
            .and_then(|next| logs.get(&next))
            .filter(|one| one.is(question.asset, &[&transfer, &payer]) && one.topics.len() == 3)
            .and_then(|one| Some((receiver(&one.topics[2])?, amount(&one.data)?)));
        let Some((to, value)) = moved else { return Ok(Fate::UsedElsewhere) };
        let made = self.block(block).await?;
        if !made.hash.eq_ignore_ascii_case(&log.block_hash) {
            return Err(unsettled("blocks are being exchanged"));
        }
        let seconds = parse_quantity(&made.timestamp)
            .and_then(|seconds| i64::try_from(seconds).ok())
            .and_then(|seconds| seconds.checked_mul(1_000_000))
            .ok_or_else(|| unreadable("a block without a time"))?;
        let paid = Paid { to, value, at: Timestamp(seconds) };
        Ok(Fate::Used(Used { transaction: log.transaction_hash, block, paid, confirmations }))
    }
}

fn receiver(topic: &str) -> Option<Address> {
    let bytes: [u8; 32] = hex::decode(topic.strip_prefix("0x")?).ok()?.try_into().ok()?;
    let (zeros, address) = bytes.split_at(12);
    (zeros == [0; 12]).then(|| address.try_into().ok().map(Address)).flatten()
}

fn amount(data: &str) -> Option<u128> {
    abi::number(&hex::decode(data.strip_prefix("0x")?).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_those_of_the_contract() {
        for (signature, hash) in [
            (
                "AuthorizationUsed(address,bytes32)",
                "0x98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5",
            ),
            (
                "AuthorizationCanceled(address,bytes32)",
                "0x1cdd46ff242716cdaa72d159d339a485b3438398348d68f09d7c8c0a59353d81",
            ),
            (
                "Transfer(address,address,uint256)",
                "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",
            ),
        ] {
            assert_eq!(event(signature), hash, "{signature}");
        }
    }
}
