//! `innkeeper payment`: buying credits and looking after what was paid, as a client of the server.

use anyhow::Context as _;
use clap::Subcommand;
use innkeeper_domain::payments::{Amount, Currency, PaymentState};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Remote, Server, all, cell, cells};
use crate::credits::{Of, amount, items};

/// Buy credits with real money, and look after what was paid.
#[derive(Debug, Subcommand)]
pub(crate) enum Payment {
    /// Show what can be bought, and how.
    Offer {
        #[command(flatten)]
        remote: Remote,
    },
    /// Order credits; prints where to pay for them.
    Buy {
        /// How many credits, whole ones.
        credits: i64,
        /// Through whom: `stripe` or `paypal`.
        #[arg(long)]
        provider: String,
        /// Paid in what, for example `EUR`.
        #[arg(long)]
        currency: Currency,
        #[command(flatten)]
        of: Of,
    },
    /// List the payments of a project, newest first.
    List {
        /// Only those in this state, for example `paid`.
        #[arg(long)]
        state: Option<PaymentState>,
        #[command(flatten)]
        of: Of,
    },
    /// List all payments, newest first. For administrators.
    All {
        /// Only those in this state, for example `disputed`.
        #[arg(long)]
        state: Option<PaymentState>,
        #[command(flatten)]
        remote: Remote,
    },
    /// Show how a payment stands, and what was given back of it.
    Show {
        /// The payment's id.
        id: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Give money back. For administrators.
    Refund {
        /// The payment's id.
        id: String,
        /// How much, for example `12.50`; by default all that is left.
        #[arg(long)]
        amount: Option<String>,
        /// Why; the project's people read it.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        remote: Remote,
    },
}

const HEADINGS: [&str; 8] =
    ["id", "created", "state", "provider", "amount", "credits", "refunded", "problem"];

fn row(payment: &Value) -> Vec<String> {
    [
        cells(payment, &["id", "created_at", "state", "provider"]),
        vec![
            money(&payment["amount"]),
            amount(&payment["credits_micros"]),
            money(&payment["refunded"]),
            cell(&payment["problem"]),
        ],
    ]
    .concat()
}

/// An amount of real money in an answer.
pub(crate) fn money(value: &Value) -> String {
    let currency = value["currency"].as_str().and_then(|text| text.parse().ok());
    match (value["minor"].as_i64(), currency) {
        (Some(minor), Some(currency)) => Amount::new(minor, currency).to_string(),
        _ => cell(value),
    }
}

impl Payment {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Offer { remote } => {
                let offer = Server::find(&remote)?.get("/api/v1/payment-offer").await?;
                remote.tell(&offer, || told(&offer));
            }
            Self::Buy { credits, provider, currency, of } => {
                let (server, id) = of.find().await?;
                let body = json!({ "provider": provider, "credits": credits, "currency": currency });
                let path = format!("/api/v1/projects/{id}/payments");
                let payment = server.request(Method::POST, &path, Some(&body)).await?;
                of.remote().tell(&payment, || {
                    let (amount, id) = (money(&payment["amount"]), cell(&payment["id"]));
                    format!(
                        "ordered {credits} credits for {amount} as {id}\npay here: {}",
                        cell(&payment["redirect_url"])
                    )
                });
            }
            Self::List { state, of } => {
                let (server, id) = of.find().await?;
                let wanted = state.map(|state| format!("&state={state}")).unwrap_or_default();
                let page = server.get(&format!("/api/v1/projects/{id}/payments?limit=200{wanted}")).await?;
                of.remote().tell_list(items(&page), &HEADINGS, row);
            }
            Self::All { state, remote } => {
                let server = Server::find(&remote)?;
                let found = match state {
                    None => all(&server, "payments").await?,
                    Some(state) => {
                        items(&server.get(&format!("/api/v1/payments?limit=200&state={state}")).await?)
                    }
                };
                remote.tell_list(found, &HEADINGS, row);
            }
            Self::Show { id, remote } => {
                let server = Server::find(&remote)?;
                let mut payment = server.get(&format!("/api/v1/payments/{id}")).await?;
                let refunds = server.get(&format!("/api/v1/payments/{id}/refunds")).await?;
                payment["refunds"] = refunds["items"].clone();
                remote.tell(&payment, || shown(&payment));
            }
            Self::Refund { id, amount: wanted, reason, remote } => {
                let server = Server::find(&remote)?;
                let minor = match wanted {
                    None => None,
                    Some(text) => {
                        let payment = server.get(&format!("/api/v1/payments/{id}")).await?;
                        let currency = payment["amount"]["currency"].as_str().unwrap_or_default().parse()?;
                        let amount = Amount::from_decimal(&text, currency);
                        Some(
                            amount
                                .with_context(|| {
                                    format!("{text} is no amount of {currency}; write for example 12.50")
                                })?
                                .minor,
                        )
                    }
                };
                let body = json!({ "amount_minor": minor, "reason": reason });
                let path = format!("/api/v1/payments/{id}/refunds");
                let refund = server.request(Method::POST, &path, Some(&body)).await?;
                remote.tell(&refund, || {
                    let (money, credits) = (money(&refund["amount"]), amount(&refund["credits_micros"]));
                    format!("{money} for {credits} credits: {}", cell(&refund["state"]))
                });
            }
        }
        Ok(())
    }
}

fn told(offer: &Value) -> String {
    if offer["enabled"] != true {
        return "this house sells no credits".to_owned();
    }
    let list = |name: &str, show: fn(&Value) -> String| -> String {
        let items: Vec<String> = offer[name].as_array().into_iter().flatten().map(show).collect();
        items.join(", ")
    };
    format!(
        "one credit: {}\n{} to {} credits at once, by {}",
        list("credit_price", money),
        cell(&offer["least_credits"]),
        cell(&offer["most_credits"]),
        list("providers", cell)
    )
}

fn shown(payment: &Value) -> String {
    let (paid, credits) = (money(&payment["amount"]), amount(&payment["credits_micros"]));
    let (state, provider) = (cell(&payment["state"]), cell(&payment["provider"]));
    let mut lines = vec![format!("{state}: {paid} for {credits} credits by {provider}")];
    lines.extend(payment["redirect_url"].as_str().map(|url| format!("pay here: {url}")));
    lines.extend(payment["problem"].as_str().map(str::to_owned));
    lines.extend(payment["refunds"].as_array().into_iter().flatten().map(|refund| {
        let (state, reason) = (cell(&refund["state"]), cell(&refund["reason"]));
        format!("given back ({state}): {}, {reason}", money(&refund["amount"]))
    }));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payment_is_told_in_its_currency() {
        let payment = json!({"state": "paid", "provider": "stripe", "credits_micros": 12_000_000,
            "amount": {"minor": 1200, "currency": "EUR"}, "redirect_url": null, "problem": null,
            "refunds": [{"state": "done", "amount": {"minor": 500, "currency": "EUR"}, "reason": "nice"}]});
        assert_eq!(
            shown(&payment),
            "paid: 12.00 EUR for 12.00 credits by stripe\ngiven back (done): 5.00 EUR, nice"
        );
        let offer = json!({"enabled": true, "providers": ["stripe"], "least_credits": 5, "most_credits": 10,
            "credit_price": [{"minor": 100, "currency": "EUR"}, {"minor": 160, "currency": "JPY"}]});
        assert_eq!(told(&offer), "one credit: 1.00 EUR, 160 JPY\n5 to 10 credits at once, by stripe");
    }
}
