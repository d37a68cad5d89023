//! x402: payments are understood or refused in words, and what others say of them is not believed further than it goes.

mod chain;
mod facilitator;
mod payments;
mod sign_in;

use innkeeper_connectors::x402::wallet::Wallet;
use innkeeper_connectors::x402::{Atomic, Offer, Requirements};
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::wallets::Network;

pub(crate) const NOW: Timestamp = Timestamp(1_795_221_883_000_000);

/// The key of the vectors that were made with other people's libraries.
pub(crate) fn wallet() -> Wallet {
    let key = format!("0x{}01", "4c".repeat(31));
    Wallet::from_hex(&key.into()).unwrap()
}

pub(crate) fn asked() -> Requirements {
    Requirements {
        network: Network::BASE_SEPOLIA,
        asset: "0x036CbD53842c5426634e7929541eC2318f3dCF7e".parse().unwrap(),
        amount: Atomic(75_000),
        pay_to: "0x16FB872ad757d3F272356984ab5Ee9ef0aaFfc0b".parse().unwrap(),
        max_timeout_s: 120,
        token_name: "USDC".to_owned(),
        token_version: "2".to_owned(),
    }
}

pub(crate) fn offer() -> Offer {
    Offer {
        resource: "https://inn.example/api/v1/leases".parse().unwrap(),
        description: "A lease, 3 h".to_owned(),
        requirements: vec![asked()],
        extensions: serde_json::Map::from_iter([(
            "quote".to_owned(),
            serde_json::json!({"info": {"id": "q1"}}),
        )]),
    }
}
