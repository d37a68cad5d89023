//! By what a lease is somebody's: its token, the wallet that bought it, or who is signed in.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use innkeeper_connectors::x402::siwx::Challenge;
use innkeeper_connectors::x402::wallet::Wallet;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::kept;
use super::wallet::WalletOf;
use crate::client::{Reply, Server};

/// The variable that holds a lease's token.
const VARIABLE: &str = "INNKEEPER_LEASE_TOKEN";

/// The header by which a wallet signs in.
const SIGN_IN: HeaderName = HeaderName::from_static("sign-in-with-x");

/// By what the lease is yours.
#[derive(Debug, Default, Args)]
pub(crate) struct Showing {
    /// The file with the lease's token; without it, the variable `INNKEEPER_LEASE_TOKEN`, a wallet, the token that was
    /// kept by `--save`, or who is signed in.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    #[command(flatten)]
    wallet: WalletOf,
}

/// By what a lease is somebody's.
pub(crate) enum Proof {
    /// By its token.
    Token(SecretString),
    /// By the wallet that bought it.
    Wallet(Box<Wallet>),
    /// By who is signed in, if anybody.
    Session,
}

impl Showing {
    /// By these.
    pub(crate) fn of(token_file: Option<PathBuf>, wallet: &WalletOf) -> Self {
        Self { token_file, wallet: WalletOf { wallet_key_file: wallet.wallet_key_file.clone() } }
    }

    /// What was said comes first, then what is kept.
    pub(crate) fn find(&self, server: &Server, lease: Option<&str>) -> anyhow::Result<Proof> {
        let wallet = |wallet| Proof::Wallet(Box::new(wallet));
        if let Some(file) = &self.token_file {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("{} cannot be read", file.display()))?;
            return Ok(Proof::Token(text.trim().to_owned().into()));
        }
        if let Some(found) = self.wallet.in_file()? {
            return Ok(wallet(found));
        }
        if let Some(token) = std::env::var(VARIABLE).ok().filter(|token| !token.is_empty()) {
            return Ok(Proof::Token(token.into()));
        }
        if let Some(token) = lease.map(|id| kept::find(server.url(), id)).transpose()?.flatten() {
            return Ok(Proof::Token(token));
        }
        match self.wallet.find()? {
            Some(found) => Ok(wallet(found)),
            None if server.signed_in() => Ok(Proof::Session),
            None => {
                bail!("say by what the lease is yours: --token-file, --wallet-key-file, or `innkeeper login`")
            }
        }
    }
}

/// A header that is not for logs.
pub(super) fn hidden(value: &SecretString) -> anyhow::Result<HeaderValue> {
    let mut header =
        HeaderValue::from_str(value.expose_secret()).ok().context("this is no token of a lease")?;
    header.set_sensitive(true);
    Ok(header)
}

/// The server calls itself otherwise than we do; a wallet signs in nowhere else than where it was sent. Nothing was asked
/// for.
#[derive(Debug, thiserror::Error)]
#[error(
    "{url} asks to sign in at `{domain}`, which is somebody else\n  give its address as it calls itself: --url"
)]
pub(super) struct Elsewhere {
    url: String,
    domain: String,
}

/// The header that answers a fresh challenge of this server: each is good once.
async fn sign_in(server: &Server, wallet: &Wallet) -> anyhow::Result<HeaderValue> {
    let path = "/api/v1/leases/challenge";
    let reply = server.ask(Method::POST, path, None, HeaderMap::new()).await?;
    let challenge: Challenge = serde_json::from_value(server.read(path, &reply)?)
        .ok()
        .context("the server's challenge cannot be read")?;
    let network = challenge.supported_chains.iter().find(|chain| chain.kind == "eip191");
    let network = network.and_then(|chain| chain.chain_id.parse().ok());
    let network = network.context("no wallet can sign in at this server: it takes no payments by wallets")?;
    let signed = wallet.sign_in(&challenge, network, &server.url().parse()?).map_err(|_| {
        let (domain, url) = (&challenge.info.domain, server.url());
        Elsewhere { url: url.to_string(), domain: domain.clone() }
    })?;
    hidden(&signed)
}

impl Proof {
    /// A request of the holder.
    pub(crate) async fn ask(
        &self,
        server: &Server,
        method: Method,
        path: &str,
        body: Option<&Value>,
        mut headers: HeaderMap,
    ) -> anyhow::Result<Reply> {
        match self {
            Self::Token(token) => {
                let bearer = format!("Bearer {}", token.expose_secret()).into();
                headers.insert(AUTHORIZATION, hidden(&bearer)?);
                server.ask(method, path, body, headers).await
            }
            Self::Wallet(wallet) => {
                headers.insert(SIGN_IN, sign_in(server, wallet).await?);
                server.ask(method, path, body, headers).await
            }
            Self::Session => server.ask_signed_in(method, path, body, headers).await,
        }
    }

    /// A request of who is signed in, which shows beside by what the lease is theirs.
    pub(crate) async fn ask_beside(&self, server: &Server, path: &str) -> anyhow::Result<Reply> {
        let (mut headers, mut body) = (HeaderMap::new(), json!({}));
        match self {
            Self::Token(token) => body["token"] = token.expose_secret().into(),
            Self::Wallet(wallet) => {
                headers.insert(SIGN_IN, sign_in(server, wallet).await?);
            }
            Self::Session => bail!("show by what the lease is yours: --token-file, or --wallet-key-file"),
        }
        server.ask_signed_in(Method::POST, path, Some(&body), headers).await
    }

    /// Everything of a list.
    pub(crate) async fn all(&self, server: &Server, path: &str) -> anyhow::Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let whole = format!("{path}?limit=200{cursor}");
            let reply = self.ask(server, Method::GET, &whole, None, HeaderMap::new()).await?;
            let page = server.read(path, &reply)?;
            items.extend(page["items"].as_array().cloned().unwrap_or_default());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(items),
            }
        }
    }
}
