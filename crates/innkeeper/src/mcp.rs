//! `innkeeper mcp`: leases as tools for a program on this machine, over standard input and output.

use std::path::PathBuf;

use anyhow::{Context, bail};
use innkeeper_connectors::x402::wallet::Wallet;
use innkeeper_domain::money::Micros;
use innkeeper_domain::time::Clock;
use innkeeper_domain::wallets::Network;
use innkeeper_mcp::{Keeper, Limits, Purse, Remote, Server, Tokens};
use secrecy::SecretString;

use crate::credits::credits;

/// Serve leases as tools (Model Context Protocol) over standard input and output, for a program on this machine.
#[derive(Debug, clap::Args)]
pub(crate) struct Mcp {
    /// The house's address, as it is told to buyers.
    #[arg(long, env = "INNKEEPER_URL", value_name = "URL")]
    url: String,
    /// A session or an API key, to pay with credits.
    #[arg(long, env = "INNKEEPER_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    token: Option<String>,
    /// Keep the tokens of leases in this file (readable by you only) and not in memory alone.
    #[arg(long, value_name = "FILE")]
    tokens: Option<PathBuf>,
    /// The key of a wallet that pays by itself: a file with 64 hexadecimal digits. Or set INNKEEPER_WALLET_KEY.
    #[arg(long, value_name = "FILE")]
    wallet_key_file: Option<PathBuf>,
    /// The most that the wallet pays for one call, in credits; asked for with a wallet.
    #[arg(long, value_name = "CREDITS", value_parser = credits)]
    max_price: Option<Micros>,
    /// What a credit costs at most, in the token's smallest unit; a dollar of USDC has 1000000.
    #[arg(long, default_value_t = 1_000_000, value_name = "UNITS")]
    per_credit: u64,
    /// Pay on this chain only, for example eip155:8453.
    #[arg(long, value_name = "CHAIN")]
    network: Option<Network>,
}

/// By the environment, since arguments can be seen by everybody on the machine.
const KEY: &str = "INNKEEPER_WALLET_KEY";

impl Mcp {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let door = Remote::new(&self.url)?;
        let mut keeper = Keeper::new(&door);
        if let Some(file) = &self.tokens {
            keeper.tokens = Tokens::open(keeper.house.clone(), file)?;
        }
        keeper.purse = self.purse()?;
        keeper.session = self.token.map(SecretString::from);
        match &keeper.purse {
            Some(purse) => eprintln!("innkeeper: leases of {}, paid by {}", self.url, purse.address()),
            None => eprintln!("innkeeper: leases of {}", self.url),
        }
        Ok(innkeeper_mcp::serve(Server::new(door, Some(keeper))).await?)
    }

    fn purse(&self) -> anyhow::Result<Option<Purse>> {
        let key = match &self.wallet_key_file {
            Some(file) => {
                let read = std::fs::read_to_string(file);
                Some(read.with_context(|| format!("the wallet's key cannot be read: {}", file.display()))?)
            }
            None => std::env::var(KEY).ok().filter(|key| !key.is_empty()),
        };
        let Some(key) = key else { return Ok(None) };
        let wallet = Wallet::from_hex(&key.into())?;
        let Some(most) = self.max_price else {
            bail!("there is a wallet: say with --max-price how many credits it may pay for one call");
        };
        if most <= Micros::ZERO {
            bail!("--max-price must be more than 0; without a wallet's key nothing is paid at all");
        }
        let limits = Limits { most, per_credit: self.per_credit, network: self.network };
        Ok(Some(Purse::new(wallet, limits, Clock::system())))
    }
}
