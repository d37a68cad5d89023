//! One way for wallets to pay: `[[leases.pay]]`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use innkeeper_connectors::x402::chain::{self, Chain};
use innkeeper_connectors::x402::eip712::checksummed;
use innkeeper_connectors::x402::facilitator::{self, CdpKey, Facilitator};
use innkeeper_domain::time::Clock;
use innkeeper_domain::wallets::{Address, Network};
use innkeeper_engine::Desk;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::config::secret::Secret;

/// The dearest credit, in a token's smallest unit.
const DEAREST: u64 = 1_000_000_000_000_000_000;

/// One way for wallets to pay. Nothing of it has a default that could be somebody else's account or service.
#[expect(clippy::struct_field_names, reason = "the names are the keys of the file, and the word of x402")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Pay {
    /// The chain: `eip155:8453` is Base.
    pub network: String,
    /// The token's contract; by default the network's USDC, where we know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asset: Option<String>,
    /// The token's name in its EIP-712 domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_name: Option<String>,
    /// The token's version in its EIP-712 domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_version: Option<String>,
    /// Our account.
    pub pay_to: String,
    /// What a credit costs, in the token's smallest unit.
    pub credit_price: u64,
    /// So many blocks, its own counted, stand on a payment before it is believed.
    pub confirmations: u64,
    /// A node of the chain. Its address often holds a key, so that it is shown to nobody.
    pub rpc_url: Secret,
    /// The file that holds the node's address, instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpc_url_file: Option<PathBuf>,
    /// Who verifies and settles, up to what stands before `/verify`.
    pub facilitator_url: String,
    /// Seconds that a call to either of them may take.
    pub timeout_s: u64,
    /// Tell the facilitator the payment alone, without `resource` and `extensions`.
    pub strip_extensions: bool,
    /// The id of a key of Coinbase's platform, for its facilitator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cdp_key_id: Option<String>,
    /// The key's secret.
    pub cdp_key_secret: Secret,
    /// The file that holds the secret, instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cdp_key_secret_file: Option<PathBuf>,
}

impl Default for Pay {
    fn default() -> Self {
        Self {
            network: String::new(),
            asset: None,
            token_name: None,
            token_version: None,
            pay_to: String::new(),
            credit_price: 1_000_000,
            confirmations: 1,
            rpc_url: Secret::default(),
            rpc_url_file: None,
            facilitator_url: String::new(),
            timeout_s: 30,
            strip_extensions: false,
            cdp_key_id: None,
            cdp_key_secret: Secret::default(),
            cdp_key_secret_file: None,
        }
    }
}

/// A token that we know: its network, contract, and name in its EIP-712 domain, which is not its symbol everywhere.
struct Known(Network, &'static str, &'static str);

const USDC: [Known; 2] = [
    Known(Network::BASE, "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "USD Coin"),
    Known(Network::BASE_SEPOLIA, "0x036CbD53842c5426634e7929541eC2318f3dCF7e", "USDC"),
];

/// How many digits USDC has behind the point, everywhere.
pub(crate) const USDC_DIGITS: usize = 6;

/// Whether a token is USDC, as far as we know: then its amounts are dollars.
pub(crate) fn is_usdc(network: Network, asset: Address) -> bool {
    USDC.iter().any(|known| known.0 == network && known.1.parse() == Ok(asset))
}

/// Every way to pay, ready for use.
pub(super) fn desks(pays: &[Pay], public_url: &Url) -> anyhow::Result<Vec<Desk>> {
    if !pays.is_empty() {
        anyhow::ensure!(
            public_url.scheme() == "https" || is_here(public_url),
            "server.public_url must begin with https:// where wallets pay: whoever reads a payment on its way can use it"
        );
    }
    let mut desks: Vec<Desk> = Vec::new();
    for (number, pay) in pays.iter().enumerate() {
        let desk = pay.desk().with_context(|| format!("leases.pay[{number}]"))?;
        if desks.iter().any(|other| (other.network, other.asset) == (desk.network, desk.asset)) {
            anyhow::bail!(
                "leases.pay[{number}]: network {} and asset {} are there already; leave one of them out",
                desk.network,
                checksummed(desk.asset)
            );
        }
        desks.push(desk);
    }
    Ok(desks)
}

fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// An address. Where capitals are given they must be EIP-55's: they are there to catch what was mistyped.
fn address(name: &str, text: &str) -> anyhow::Result<Address> {
    let address: Address = text.parse().map_err(|error| anyhow::anyhow!("{name}: {error}"))?;
    let digits = &text[2..];
    let plain = digits == digits.to_lowercase() || digits == digits.to_uppercase();
    anyhow::ensure!(
        plain || checksummed(address) == text,
        "{name}: the capital letters of {text} do not fit its digits, so that it is mistyped somewhere; copy it again"
    );
    anyhow::ensure!(address.0 != [0; 20], "{name}: the zero address is nobody's; give an account of yours");
    Ok(address)
}

/// A secret that stands here, or in a file; none where neither is given.
fn secret(name: &str, here: &Secret, file: Option<&PathBuf>) -> anyhow::Result<Option<SecretString>> {
    let here = here.expose();
    let here = (!here.expose_secret().is_empty()).then_some(here);
    match (here, file) {
        (Some(_), Some(_)) => anyhow::bail!("{name} and {name}_file are both given; leave one of them out"),
        (None, Some(file)) => {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("{name}_file: {} cannot be read", file.display()))?;
            anyhow::ensure!(!text.trim().is_empty(), "{name}_file: {} is empty", file.display());
            Ok(Some(text.trim().to_owned().into()))
        }
        (here, None) => Ok(here),
    }
}

impl Pay {
    fn desk(&self) -> anyhow::Result<Desk> {
        anyhow::ensure!(
            !self.network.is_empty(),
            "network is missing; write for example `network = \"eip155:8453\"`"
        );
        let network: Network = self
            .network
            .parse()
            .map_err(|error| anyhow::anyhow!("network: {error}, not `{}`", self.network))?;
        let (asset, token_name, token_version) = self.token(network)?;
        anyhow::ensure!(!self.pay_to.is_empty(), "pay_to is missing: the account that buyers pay");
        let pay_to = address("pay_to", &self.pay_to)?;
        anyhow::ensure!(
            pay_to != asset,
            "pay_to is the token's own contract, where money is lost; give an account of yours"
        );
        anyhow::ensure!(
            (1..=DEAREST).contains(&self.credit_price),
            "credit_price must lie between 1 and {DEAREST}, in the token's smallest unit"
        );
        anyhow::ensure!(
            (1..=1000).contains(&self.confirmations),
            "confirmations must lie between 1 and 1000"
        );
        anyhow::ensure!((1..=300).contains(&self.timeout_s), "timeout_s must lie between 1 and 300");
        let timeout = Some(Duration::from_secs(self.timeout_s));
        let rpc_url = secret("rpc_url", &self.rpc_url, self.rpc_url_file.as_ref())?
            .context("rpc_url is missing: a node of the chain, which says what became of a payment")?;
        // Not told again: it may hold a key.
        let rpc_url = rpc_url.expose_secret().parse().map_err(|error| anyhow::anyhow!("rpc_url: {error}"))?;
        let chain = chain::Settings { url: rpc_url, network, timeout, extra_ca: None, range: None };
        let chain = Chain::new(chain).map_err(|error| anyhow::anyhow!("rpc_url: {error}"))?;
        anyhow::ensure!(
            !self.facilitator_url.is_empty(),
            "facilitator_url is missing: who verifies payments and brings them to the chain"
        );
        let url =
            self.facilitator_url.parse().map_err(|error| anyhow::anyhow!("facilitator_url: {error}"))?;
        let facilitator = facilitator::Settings {
            url,
            timeout,
            cdp: self.cdp()?,
            strip: self.strip_extensions,
            extra_ca: None,
            clock: Clock::system(),
        };
        let facilitator =
            Facilitator::new(facilitator).map_err(|error| anyhow::anyhow!("facilitator_url: {error}"))?;
        Ok(Desk {
            network,
            asset,
            token_name,
            token_version,
            pay_to,
            credit_price: self.credit_price,
            confirmations: self.confirmations,
            facilitator,
            chain,
        })
    }

    /// The token, with what its domain is called.
    fn token(&self, network: Network) -> anyhow::Result<(Address, String, String)> {
        let usdc = USDC.iter().find(|known| known.0 == network);
        let asset = match (&self.asset, usdc) {
            (Some(asset), _) => address("asset", asset)?,
            (None, Some(usdc)) => address("asset", usdc.1)?,
            (None, None) => anyhow::bail!(
                "asset is missing: no token of {network} is known here; give its contract, token_name and token_version"
            ),
        };
        let known = usdc.filter(|known| address("asset", known.1).is_ok_and(|known| known == asset));
        let given = |name: &str, value: Option<&String>, known: Option<&str>| {
            let value = value.map(String::as_str).filter(|text| !text.is_empty()).or(known);
            value.map(str::to_owned).with_context(|| {
                format!(
                    "{name} is missing: what the token's EIP-712 domain says, without which signatures are void"
                )
            })
        };
        Ok((
            asset,
            given("token_name", self.token_name.as_ref(), known.map(|known| known.2))?,
            given("token_version", self.token_version.as_ref(), known.map(|_| "2"))?,
        ))
    }

    fn cdp(&self) -> anyhow::Result<Option<CdpKey>> {
        let id = self.cdp_key_id.clone().filter(|id| !id.is_empty());
        match (id, secret("cdp_key_secret", &self.cdp_key_secret, self.cdp_key_secret_file.as_ref())?) {
            (Some(id), Some(secret)) => Ok(Some(CdpKey { id, secret })),
            (None, None) => Ok(None),
            (Some(_), None) => {
                anyhow::bail!("cdp_key_id is given without cdp_key_secret or cdp_key_secret_file; add one")
            }
            (None, Some(_)) => {
                anyhow::bail!("cdp_key_secret is given without cdp_key_id; add the id of the same key")
            }
        }
    }
}
