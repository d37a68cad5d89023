//! A chain with one token, as far as payments by authorization need it: balances, authorizations, blocks and their logs.
//! What moves money checks everything that the token's contract checks, the signature above all.

use std::collections::HashMap;

use innkeeper_connectors::x402::eip712::{Domain, signer};
use innkeeper_connectors::x402::{Atomic, Authorization, Signature};
use innkeeper_domain::time::{Clock, Timestamp};
use innkeeper_domain::wallets::{Address, Network, Nonce, TxHash};

pub(crate) const NETWORK: Network = Network::BASE_SEPOLIA;
pub(crate) const TOKEN: Address = Address([0x03; 20]);
pub(crate) const TOKEN_NAME: &str = "USDC";
pub(crate) const TOKEN_VERSION: &str = "2";

/// The number of the first block. Blocks before it are nobody's business.
const GENESIS: u64 = 1_000_000;

/// Money that moved by an authorization, or one that was taken back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Use {
    pub(crate) payer: Address,
    pub(crate) nonce: Nonce,
    pub(crate) to: Address,
    pub(crate) value: u128,
    pub(crate) transaction: TxHash,
    pub(crate) block: u64,
    pub(crate) canceled: bool,
}

/// Why the contract refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reverted {
    Signature,
    NotYetValid,
    Expired,
    Used,
    Balance,
}

impl Reverted {
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Signature => "invalid_exact_evm_signature",
            Self::NotYetValid => "invalid_exact_evm_payload_authorization_valid_after",
            Self::Expired => "invalid_exact_evm_payload_authorization_valid_before",
            Self::Used => "invalid_exact_evm_nonce_already_used",
            Self::Balance => "invalid_exact_evm_insufficient_balance",
        }
    }
}

/// A chain. Its time is that of the house, block by block.
pub(crate) struct Chain {
    clock: Clock,
    /// The time of each block, in seconds.
    blocks: Vec<u64>,
    balances: HashMap<Address, u128>,
    uses: HashMap<(Address, Nonce), Use>,
    by_transaction: HashMap<TxHash, (Address, Nonce)>,
    /// Sent, and not mined yet.
    pub(crate) waiting: Vec<(Authorization, Signature)>,
    /// Signatures that were checked already: recovering a key is slow.
    signed: HashMap<Vec<u8>, Option<Address>>,
}

impl Chain {
    pub(crate) fn new(clock: Clock) -> Self {
        let now = seconds(clock.now());
        Self {
            clock,
            blocks: vec![now; 20],
            balances: HashMap::new(),
            uses: HashMap::new(),
            by_transaction: HashMap::new(),
            waiting: Vec::new(),
            signed: HashMap::new(),
        }
    }

    pub(crate) fn give(&mut self, who: Address, amount: u128) {
        *self.balances.entry(who).or_default() += amount;
    }

    /// Takes everything that a wallet has.
    pub(crate) fn empty(&mut self, who: Address) {
        self.balances.insert(who, 0);
    }

    pub(crate) fn balance(&self, who: Address) -> u128 {
        self.balances.get(&who).copied().unwrap_or_default()
    }

    pub(crate) fn head(&mut self) -> u64 {
        let now = seconds(self.clock.now());
        if self.blocks.last().is_some_and(|last| now >= last + 2) {
            self.blocks.push(now);
        }
        self.newest()
    }

    fn newest(&self) -> u64 {
        GENESIS + self.blocks.len() as u64 - 1
    }

    pub(crate) fn time_of(&self, block: u64) -> Option<u64> {
        self.blocks.get(usize::try_from(block.checked_sub(GENESIS)?).unwrap()).copied()
    }

    /// A new block, with whatever of what was sent is good.
    pub(crate) fn mine(&mut self) {
        self.blocks.push(seconds(self.clock.now()).max(self.blocks.last().copied().unwrap_or_default()));
        for (authorization, signature) in std::mem::take(&mut self.waiting) {
            let _ = self.execute(&authorization, &signature);
        }
    }

    /// What the contract would say to it in the newest block.
    pub(crate) fn check(&mut self, a: &Authorization, signature: &Signature) -> Result<(), Reverted> {
        let now = seconds(self.clock.now());
        if self.signer(a, signature) != Some(a.from) {
            return Err(Reverted::Signature);
        }
        if now <= a.valid_after {
            return Err(Reverted::NotYetValid);
        }
        if now >= a.valid_before {
            return Err(Reverted::Expired);
        }
        if self.uses.contains_key(&(a.from, a.nonce)) {
            return Err(Reverted::Used);
        }
        if self.balance(a.from) < a.value.0 { Err(Reverted::Balance) } else { Ok(()) }
    }

    /// Moves money in a block of its own.
    pub(crate) fn pay(&mut self, a: &Authorization, signature: &Signature) -> Result<TxHash, Reverted> {
        self.check(a, signature)?;
        self.blocks.push(seconds(self.clock.now()).max(self.blocks.last().copied().unwrap_or_default()));
        self.execute(a, signature)
    }

    fn execute(&mut self, a: &Authorization, signature: &Signature) -> Result<TxHash, Reverted> {
        self.check(a, signature)?;
        *self.balances.entry(a.from).or_default() -= a.value.0;
        *self.balances.entry(a.to).or_default() += a.value.0;
        Ok(self.note(a, false))
    }

    /// The payer takes an authorization back.
    pub(crate) fn cancel(&mut self, a: &Authorization) {
        self.blocks.push(seconds(self.clock.now()).max(self.blocks.last().copied().unwrap_or_default()));
        self.note(a, true);
    }

    fn note(&mut self, a: &Authorization, canceled: bool) -> TxHash {
        let mut hash = [0xee; 32];
        hash[..8].copy_from_slice(&(self.uses.len() as u64 + 1).to_be_bytes());
        let (transaction, block) = (TxHash(hash), self.newest());
        let key = (a.from, a.nonce);
        let used =
            Use { payer: a.from, nonce: a.nonce, to: a.to, value: a.value.0, transaction, block, canceled };
        self.uses.insert(key, used);
        self.by_transaction.insert(transaction, key);
        transaction
    }

    /// The use of an authorization, if it was used by then.
    pub(crate) fn used(&self, payer: Address, nonce: Nonce, head: u64) -> Option<Use> {
        self.uses.get(&(payer, nonce)).copied().filter(|used| used.block <= head)
    }

    pub(crate) fn by_transaction(&self, transaction: TxHash) -> Option<Use> {
        self.uses.get(self.by_transaction.get(&transaction)?).copied()
    }

    fn signer(&mut self, a: &Authorization, signature: &Signature) -> Option<Address> {
        let domain = Domain { name: TOKEN_NAME, version: TOKEN_VERSION, network: NETWORK, asset: TOKEN };
        let digest = domain.digest(a);
        let key = [&digest[..], signature.expose()].concat();
        *self.signed.entry(key).or_insert_with(|| signer(&digest, signature).ok())
    }
}

pub(crate) fn seconds(at: Timestamp) -> u64 {
    u64::try_from(at.0 / 1_000_000).unwrap()
}

/// Reads an authorization as facilitators get it.
pub(crate) fn authorization(payload: &serde_json::Value) -> Option<(Authorization, Signature)> {
    let one = payload.get("authorization")?;
    let text = |key: &str| one.get(key)?.as_str();
    let a = Authorization {
        from: text("from")?.parse().ok()?,
        to: text("to")?.parse().ok()?,
        value: Atomic(text("value")?.parse().ok()?),
        valid_after: text("validAfter")?.parse().ok()?,
        valid_before: text("validBefore")?.parse().ok()?,
        nonce: text("nonce")?.parse().ok()?,
    };
    Some((a, payload.get("signature")?.as_str()?.parse().ok()?))
}
