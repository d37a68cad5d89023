//! Paying for what a server asks to be paid. For one order one payment is signed, and never another: when an answer is
//! lost, the same payment is sent again.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use innkeeper_connectors::x402::eip712::checksummed;
use innkeeper_connectors::x402::wallet::{self, Wallet};
use innkeeper_connectors::x402::{OFFER_HEADER, Offer, Requirements, Version};
use innkeeper_domain::money::Micros;
use innkeeper_domain::time::Clock;
use innkeeper_domain::wallets::Network;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::proof::{Elsewhere, Proof, hidden};
use super::wallet::WalletOf;
use crate::client::{Reply, Server, cell, find};
use crate::config::{USDC_DIGITS, is_usdc};

/// What is paid without being asked about where only `--yes` is said: as much as other buyers' programs pay by
/// themselves, in dollars.
const UNASKED: &str = "1";

/// For how long at most a payment may be good: it cannot be taken back.
const LONGEST: u64 = 60 * 60;

/// How many digits a credit has behind the point.
const MICRO_DIGITS: usize = 6;

/// Pauses between sending the same payment again.
const PAUSES: [u64; 6] = [1, 2, 4, 8, 15, 15];

/// How it is paid.
#[derive(Debug, Default, Args)]
pub(crate) struct Paying {
    #[command(flatten)]
    pub(super) wallet: WalletOf,
    /// Pay with credits of this project, by name or id, instead of with a wallet.
    #[arg(long, value_name = "PROJECT", conflicts_with = "wallet_key_file")]
    credits: Option<String>,
    /// Pay with the credits that the wallet has at this house, from what it paid and did not get.
    #[arg(long, conflicts_with = "credits")]
    wallet_credits: bool,
    /// Pay up to so much without being asked: in dollars by a wallet (`0.25`), else in credits.
    #[arg(long, value_name = "AMOUNT")]
    max_price: Option<String>,
    /// Pay without being asked, up to 1 dollar or credit unless `--max-price` says another limit.
    #[arg(long)]
    yes: bool,
    /// Pay on this network, where the house takes several: for example `eip155:8453`.
    #[arg(long, value_name = "NETWORK")]
    pay_network: Option<Network>,
    /// The key of an order that was sent before and whose answer was lost: it is not bought twice.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

/// What was bought.
pub(crate) struct Paid {
    /// The server's answer.
    pub(crate) answer: Value,
}

/// By what an order is paid.
enum Means {
    /// By a wallet.
    Wallet(Box<Wallet>),
    /// By credits of whoever shows this: of a project, or the wallet's own.
    Credits(Proof, Option<String>),
}

/// A request, with all that must be the same when it is sent again.
struct Asking<'a> {
    server: &'a Server,
    path: &'a str,
    body: Value,
    headers: HeaderMap,
    proof: Option<&'a Proof>,
    key: String,
}

impl Paying {
    async fn means(&self, server: &Server) -> anyhow::Result<Means> {
        if let Some(project) = &self.credits {
            let id = find(server, "projects", project).await?;
            return Ok(Means::Credits(Proof::Session, Some(id)));
        }
        let wallet = self.wallet.find()?.map(Box::new);
        let wallet =
            wallet.context("say by what it is paid: --wallet-key-file FILE, or --credits PROJECT")?;
        if self.wallet_credits {
            return Ok(Means::Credits(Proof::Wallet(wallet), None));
        }
        Ok(Means::Wallet(wallet))
    }

    /// Asks for it, pays for it if it must be paid, and answers what came of it. For a call, its holder's proof comes
    /// with it.
    pub(crate) async fn buy(
        &self,
        server: &Server,
        path: &str,
        body: Value,
        proof: Option<&Proof>,
    ) -> anyhow::Result<Paid> {
        let key = self.idempotency_key.clone();
        let key = key.unwrap_or_else(|| format!("{:032x}", rand::random::<u128>()));
        let mut headers = HeaderMap::new();
        headers.insert("idempotency-key", HeaderValue::from_str(&key).context("--idempotency-key")?);
        let mut asking = Asking { server, path, body, headers, proof, key };
        // A call that costs nothing needs nothing to pay it with.
        let means = match proof {
            Some(_) => None,
            None => Some(self.means(server).await?),
        };
        // Credits are part of the request: one that only asks for the price would be another than the one sent before.
        let resumed = self.idempotency_key.is_some() && matches!(means, Some(Means::Credits(..)));
        let mut demanded = None;
        if !resumed {
            let reply = asking.send().await?;
            if reply.status != StatusCode::PAYMENT_REQUIRED {
                return ordered(server, path, &reply);
            }
            demanded = Some(reply);
        }
        let means = match means {
            Some(means) => means,
            None => self.means(server).await?,
        };
        match &means {
            Means::Wallet(wallet) => {
                let reply = demanded.as_ref().context("the server does not say what it costs")?;
                let payment = hidden(&self.sign(wallet, reply)?)?;
                asking.headers.insert(HeaderName::from_static(Version::V2.payment_header()), payment);
            }
            Means::Credits(by, project) => {
                ensure!(
                    proof.is_none(),
                    "commands and consoles are paid by a wallet: --wallet-key-file FILE"
                );
                if let Some(reply) = &demanded {
                    let told: Value = serde_json::from_str(&reply.text).unwrap_or_default();
                    let micros = told["price_micros"].as_i64();
                    let micros = micros.context("the server does not say what it costs")?;
                    self.agree(
                        u128::try_from(micros)?,
                        MICRO_DIGITS,
                        &format!("{} credits", Micros(micros)),
                    )?;
                }
                asking.body["pay_with"] = "credits".into();
                if let Some(project) = project {
                    asking.body["project_id"] = project.as_str().into();
                }
                asking.proof = Some(by);
            }
        }
        asking.insist().await
    }

    /// Signs what is asked for, once it is agreed to.
    fn sign(&self, wallet: &Wallet, reply: &Reply) -> anyhow::Result<secrecy::SecretString> {
        let header = reply.header(OFFER_HEADER).context("the server does not say how a wallet can pay")?;
        let offer = Offer::from_header(header).context("what the server asks for cannot be read")?;
        let asked = self.choose(&offer)?;
        ensure!(
            asked.max_timeout_s <= LONGEST,
            "the server wants a payment that is good for {} s; at most {LONGEST} are signed here",
            asked.max_timeout_s
        );
        let (digits, unit) = if is_usdc(asked.network, asked.asset) {
            (USDC_DIGITS, "USDC".to_owned())
        } else {
            (0, format!("of the smallest unit of {}", checksummed(asked.asset)))
        };
        let price = format!(
            "{} {unit} on {} to {}",
            decimal(asked.amount.0, digits),
            asked.network,
            checksummed(asked.pay_to)
        );
        self.agree(asked.amount.0, digits, &price)?;
        eprintln!("  paying {price}");
        Ok(wallet.pay(&offer, asked, Clock::system().now(), wallet::nonce()))
    }

    fn choose<'a>(&self, offer: &'a Offer) -> anyhow::Result<&'a Requirements> {
        let mut fits = offer
            .requirements
            .iter()
            .filter(|one| self.pay_network.is_none_or(|wanted| wanted == one.network));
        // What we know the worth of comes first.
        let known = fits.clone().find(|one| is_usdc(one.network, one.asset));
        known.or_else(|| fits.next()).with_context(|| match self.pay_network {
            Some(network) => format!("this house takes no payments on {network}"),
            None => "this house takes no payments by wallets; use --credits".to_owned(),
        })
    }

    /// Whether so much may be paid: asked, unless it was said before.
    fn agree(&self, price: u128, digits: usize, shown: &str) -> anyhow::Result<()> {
        let limit = self.max_price.as_deref().or(self.yes.then_some(UNASKED));
        if let Some(limit) = limit {
            // A token that we do not know may be worth anything: then the limit counts its smallest unit.
            let most = parse(limit, digits)
                .with_context(|| format!("--max-price {limit}: write for example 0.25"))?;
            ensure!(
                price <= most,
                "it costs {shown}, which is more than {limit}; say --max-price with a higher limit to pay it"
            );
            return Ok(());
        }
        ensure!(
            std::io::stdin().is_terminal(),
            "it costs {shown}; pass --yes or --max-price to pay without being asked"
        );
        eprint!("Pay {shown}? [y/N] ");
        std::io::stderr().flush()?;
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        ensure!(matches!(answer.trim(), "y" | "Y" | "yes"), "not agreed; nothing was paid");
        Ok(())
    }
}

impl Asking<'_> {
    async fn send(&self) -> anyhow::Result<Reply> {
        let (path, body, headers) = (self.path, Some(&self.body), self.headers.clone());
        match self.proof {
            Some(proof) => proof.ask(self.server, Method::POST, path, body, headers).await,
            None => self.server.ask(Method::POST, path, body, headers).await,
        }
    }

    /// Sends the same until an answer comes.
    async fn insist(&self) -> anyhow::Result<Paid> {
        let (server, path) = (self.server, self.path);
        let mut pauses = PAUSES.into_iter();
        loop {
            let trouble = match self.send().await {
                Ok(reply) if reply.status == StatusCode::PAYMENT_REQUIRED => {
                    let told: Value = serde_json::from_str(&reply.text).unwrap_or_default();
                    bail!("the payment was not taken: {}\n  nothing was bought", cell(&told["error"]));
                }
                Ok(reply)
                    if reply.status.is_server_error() || reply.status == StatusCode::TOO_MANY_REQUESTS =>
                {
                    let told = server.read(path, &reply).err();
                    told.unwrap_or_else(|| anyhow::anyhow!("{} is in trouble", server.url()))
                }
                Ok(reply) => return ordered(server, path, &reply),
                Err(error) if error.is::<Elsewhere>() => return Err(error),
                Err(error) => error,
            };
            let Some(pause) = pauses.next() else {
                bail!(
                    "{trouble:#}\n  it may have been paid; ask again, and it is not paid twice: the same command with \
                     --idempotency-key {}",
                    self.key
                );
            };
            eprintln!("  {trouble:#}; the same is sent again in {pause} s");
            tokio::time::sleep(Duration::from_secs(pause)).await;
        }
    }
}

/// What an answer says that is not about paying. An order that failed is one too.
fn ordered(server: &Server, path: &str, reply: &Reply) -> anyhow::Result<Paid> {
    let told: Value = serde_json::from_str(&reply.text).unwrap_or_default();
    if told["order"].is_object() {
        return Ok(Paid { answer: told });
    }
    Ok(Paid { answer: server.read(path, reply)? })
}

/// Follows an order to its end. What it brought is put into the answer.
pub(super) async fn follow(server: &Server, answer: &mut Value, quiet: bool) -> anyhow::Result<()> {
    let over = |order: &Value| {
        matches!(order["state"].as_str(), Some("delivered" | "credited" | "lapsed" | "refused"))
    };
    let id = answer["order"]["id"].as_str().context("the server's answer holds no order")?.to_owned();
    let mut headers = HeaderMap::new();
    if let Some(token) = answer["token"].as_str() {
        headers.insert(AUTHORIZATION, hidden(&format!("Bearer {token}").into())?);
    }
    let (mut told, mut pauses) = (String::new(), PAUSES.into_iter());
    while !over(&answer["order"]) {
        let state = cell(&answer["order"]["state"]);
        if state != told && !quiet {
            eprintln!("  {state}: {id}");
            told = state;
        }
        let path = format!("/api/v1/leases/orders/{id}?wait=30s");
        let asked = match server.ask(Method::GET, &path, None, headers.clone()).await {
            Ok(reply) => server.read(&path, &reply),
            Err(error) => Err(error),
        };
        match (asked, pauses.next()) {
            (Ok(now), _) => {
                (answer["order"], answer["lease"]) = (now["order"].clone(), now["lease"].clone());
                pauses = PAUSES.into_iter();
            }
            (Err(_), Some(pause)) => tokio::time::sleep(Duration::from_secs(pause)).await,
            (Err(error), None) => {
                return Err(error.context(format!("see how it stands with `innkeeper lease orders {id}`")));
            }
        }
    }
    Ok(())
}

/// An amount with so many digits behind the point, without zeros that say nothing.
pub(super) fn decimal(amount: u128, digits: usize) -> String {
    let text = format!("{amount:0>width$}", width = digits + 1);
    let (whole, part) = text.split_at(text.len() - digits);
    let part = part.trim_end_matches('0');
    if part.is_empty() { whole.to_owned() } else { format!("{whole}.{part}") }
}

/// Reads such an amount.
pub(super) fn parse(text: &str, digits: usize) -> Option<u128> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let good = !whole.is_empty() && [whole, part].iter().all(|t| t.bytes().all(|b| b.is_ascii_digit()));
    if !good || part.len() > digits {
        return None;
    }
    format!("{whole}{part:0<digits$}").parse().ok()
}
