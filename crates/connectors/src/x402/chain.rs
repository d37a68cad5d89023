//! A chain, read through a node's JSON-RPC: what became of an authorization, and what a token says of itself.
//!
//! Ensures: nothing is believed of a node that serves another chain, and nothing is called unused because logs were not
//! found. A node may lag, be cut off from the chain, or lie; what it says is checked for being of one piece, no more.

mod abi;
mod fate;
mod rpc;

use std::fmt;
use std::time::Duration;

use innkeeper_domain::wallets::{Address, Network};
use serde_json::json;
use url::Url;

pub use fate::{Fate, Paid, Question, Used};

use crate::Error;
use crate::wire::demand_https;
use rpc::{Rpc, unreadable};

/// How a chain is read.
#[derive(Clone)]
pub struct Settings {
    /// The node's address. It often holds a key.
    pub url: Url,
    /// The chain that it must serve.
    pub network: Network,
    /// The limit of one call; 15 s where none is given.
    pub timeout: Option<Duration>,
    /// Certificates (PEM) that are trusted besides the system's.
    pub extra_ca: Option<String>,
    /// How many blocks are searched by one call; 9,000 where none is given, below what public nodes allow.
    pub range: Option<u64>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.url.host_str().unwrap_or_default();
        f.debug_struct("Settings")
            .field("host", &host)
            .field("network", &self.network)
            .finish_non_exhaustive()
    }
}

/// A chain, by one node of it. It is only read.
#[derive(Clone, Debug)]
pub struct Chain {
    rpc: Rpc,
    network: Network,
    range: u64,
}

/// What a token's contract says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its name, which is also that of its EIP-712 domain.
    pub name: String,
    /// The version of its EIP-712 domain.
    pub version: String,
    /// How many digits of an amount stand behind the point.
    pub decimals: u8,
    /// The separator of its EIP-712 domain: what [`super::eip712::Domain::separator`] must give.
    pub separator: [u8; 32],
}

impl Chain {
    /// Makes the client. Nothing is sent yet.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        demand_https(&settings.url, "the address of the chain's node")?;
        if settings.range == Some(0) {
            return Err(Error::Settings("at least one block must be searched by a call".to_owned()));
        }
        let timeout = settings.timeout.unwrap_or(Duration::from_secs(15));
        let rpc = Rpc::new(settings.url, timeout, settings.extra_ca.as_deref())?;
        Ok(Self { rpc, network: settings.network, range: settings.range.unwrap_or(9_000) })
    }

    /// Which chain the node serves, whatever it should be.
    pub async fn chain_id(&self) -> Result<u64, Error> {
        self.rpc.number("eth_chainId", json!([])).await
    }

    /// The number of the newest block, of the right chain.
    pub async fn head(&self) -> Result<u64, Error> {
        let (chain_id, head) =
            tokio::try_join!(self.chain_id(), self.rpc.number("eth_blockNumber", json!([])))?;
        if chain_id != self.network.chain_id {
            return Err(Error::Settings(format!(
                "the node serves the chain {chain_id} instead of {}: correct its address",
                self.network.chain_id
            )));
        }
        Ok(head)
    }

    /// What a token says of itself.
    pub async fn token(&self, asset: Address) -> Result<Token, Error> {
        let head = self.head().await?;
        let (name, version, decimals, separator) = tokio::try_join!(
            self.read(asset, abi::call("name()", &[]), head),
            self.read(asset, abi::call("version()", &[]), head),
            self.read(asset, abi::call("decimals()", &[]), head),
            self.read(asset, abi::call("DOMAIN_SEPARATOR()", &[]), head),
        )?;
        let no_token = |what| unreadable(&format!("the contract has no {what}: is it a token like USDC?"));
        Ok(Token {
            name: abi::text(&name).ok_or_else(|| no_token("name"))?,
            version: abi::text(&version).ok_or_else(|| no_token("version"))?,
            decimals: abi::number(&decimals)
                .and_then(|decimals| u8::try_from(decimals).ok())
                .ok_or_else(|| no_token("decimals"))?,
            separator: separator.try_into().map_err(|_| no_token("EIP-712 domain"))?,
        })
    }

    /// How much somebody has of a token.
    pub async fn balance(&self, asset: Address, who: Address) -> Result<u128, Error> {
        let head = self.head().await?;
        let answer = self.read(asset, abi::call("balanceOf(address)", &[abi::word(who.0)]), head).await?;
        abi::number(&answer).ok_or_else(|| unreadable("no balance"))
    }

    /// A call that changes nothing, as of a block.
    async fn read(&self, contract: Address, data: Vec<u8>, block: u64) -> Result<Vec<u8>, Error> {
        let call = json!({"to": contract, "data": format!("0x{}", hex::encode(data))});
        self.rpc.bytes("eth_call", json!([call, rpc::quantity(block)])).await
    }
}
