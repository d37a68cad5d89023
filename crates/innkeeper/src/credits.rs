//! `innkeeper credits`: what projects have and why, as a client of the server.

use anyhow::Context as _;
use clap::{Args, Subcommand};
use innkeeper_domain::money::Micros;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Remote, Server, cell, cells, find};

/// Look after credits.
#[derive(Debug, Subcommand)]
pub(crate) enum Credits {
    /// Show what a project has, and how long it lasts.
    Balance(Of),
    /// List what came to a project and left it, newest first.
    Ledger(Newest),
    /// List what a project's instances used, newest first.
    Usage(Newest),
    /// Give credits to a project.
    Give(Adjust),
    /// Correct what a project has, up or down.
    Correct(Adjust),
    /// Show what a project's instances were charged in the last thirty days, or another time.
    Spending(Span),
    /// Save the ledger as a table (CSV); of the last thirty days, or another time.
    ExportLedger(Span),
    /// Save the usage as a table (CSV); of the last thirty days, or another time.
    ExportUsage(Span),
    /// Redeem a voucher.
    Redeem {
        /// Its code, as it is printed.
        code: String,
        #[command(flatten)]
        of: Of,
    },
}

/// A stretch of time.
#[derive(Debug, Args)]
pub(crate) struct Span {
    /// From when, for example `2026-11-01T00:00:00Z`.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Until when.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    #[command(flatten)]
    of: Of,
}

impl Span {
    fn query(&self) -> String {
        let named = [("from", &self.from), ("until", &self.until)];
        let given: Vec<String> = named
            .iter()
            .filter_map(|(name, value)| {
                value.as_ref().map(|value| format!("{name}={}", value.replace('+', "%2B")))
            })
            .collect();
        given.join("&")
    }

    async fn export(self, what: &str) -> anyhow::Result<()> {
        let (server, id) = self.of.find().await?;
        let table = server.download(&format!("/api/v1/projects/{id}/{what}.csv?{}", self.query())).await?;
        save(&table)
    }
}

/// Writes to standard output, so that a shell says where it goes.
pub(crate) fn save(bytes: &[u8]) -> anyhow::Result<()> {
    use std::io::Write as _;
    std::io::stdout().write_all(bytes).context("standard output cannot be written to")
}

/// Whose credits.
#[derive(Debug, Args)]
pub(crate) struct Of {
    /// The project, by name or id; by default your own.
    #[arg(long)]
    project: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// The newest of a list.
#[derive(Debug, Args)]
pub(crate) struct Newest {
    #[command(flatten)]
    of: Of,
    /// How many to list at most.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
}

/// An adjustment.
#[derive(Debug, Args)]
pub(crate) struct Adjust {
    /// How many credits, for example `12.50`.
    #[arg(value_parser = credits, allow_negative_numbers = true)]
    amount: Micros,
    /// Why; the project's people read it.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    of: Of,
}

/// Reads an amount of credits as people write it.
pub(crate) fn credits(text: &str) -> Result<Micros, String> {
    Micros::from_credits(text).map_err(|error| error.to_string())
}

/// An amount of micro-credits in an answer, in credits.
pub(crate) fn amount(value: &Value) -> String {
    value.as_i64().map_or_else(|| cell(value), |micros| Micros(micros).to_string())
}

impl Of {
    /// How the answer is told.
    pub(crate) fn remote(&self) -> &Remote {
        &self.remote
    }

    /// The server, and the project's id.
    pub(crate) async fn find(&self) -> anyhow::Result<(Server, String)> {
        let server = Server::find(&self.remote)?;
        if let Some(wanted) = &self.project {
            let id = find(&server, "projects", wanted).await?;
            return Ok((server, id));
        }
        let me = server.get("/api/v1/me").await?;
        let own = me["user"]["personal_project"].as_str();
        let id = own.context("the server's answer holds no project; name one with --project")?.to_owned();
        Ok((server, id))
    }
}

impl Credits {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Balance(of) => {
                let (server, id) = of.find().await?;
                let balance = server.get(&format!("/api/v1/projects/{id}/balance")).await?;
                of.remote.tell(&balance, || told(&balance));
            }
            Self::Ledger(newest) => {
                let (server, id) = newest.of.find().await?;
                let page =
                    server.get(&format!("/api/v1/projects/{id}/ledger?limit={}", newest.limit)).await?;
                let headings = ["at", "cause", "wallet", "held", "debt", "of", "memo"];
                newest.of.remote.tell_list(items(&page), &headings, |row| {
                    let moved =
                        ["wallet_micros", "held_micros", "debt_micros"].map(|name| amount(&row[name]));
                    [cells(row, &["at", "cause"]), moved.to_vec(), cells(row, &["cause_id", "memo"])].concat()
                });
            }
            Self::Usage(newest) => {
                let (server, id) = newest.of.find().await?;
                let page = server.get(&format!("/api/v1/projects/{id}/usage?limit={}", newest.limit)).await?;
                let headings = ["instance", "tariff", "per hour", "from", "to"];
                newest.of.remote.tell_list(items(&page), &headings, |row| {
                    let rate = vec![amount(&row["rate_micros_per_hour"])];
                    [cells(row, &["instance_id", "tariff"]), rate, cells(row, &["from", "to"])].concat()
                });
            }
            Self::Give(adjust) => adjust.post("grant").await?,
            Self::Correct(adjust) => adjust.post("correction").await?,
            Self::Spending(span) => {
                let (server, id) = span.of.find().await?;
                let path = format!("/api/v1/projects/{id}/spending?{}", span.query());
                let spending = server.get(&path).await?;
                span.of.remote.tell(&spending, || spent(&spending));
            }
            Self::ExportLedger(span) => span.export("ledger").await?,
            Self::ExportUsage(span) => span.export("usage").await?,
            Self::Redeem { code, of } => {
                let (server, id) = of.find().await?;
                let path = format!("/api/v1/projects/{id}/vouchers");
                let redeemed = server.request(Method::POST, &path, Some(&json!({ "code": code }))).await?;
                of.remote
                    .tell(&redeemed, || format!("{} credits arrived", amount(&redeemed["credits_micros"])));
            }
        }
        Ok(())
    }
}

impl Adjust {
    async fn post(self, kind: &str) -> anyhow::Result<()> {
        let (server, id) = self.of.find().await?;
        let body = json!({ "kind": kind, "amount_micros": self.amount, "reason": self.reason });
        let posted =
            server.request(Method::POST, &format!("/api/v1/projects/{id}/adjustments"), Some(&body)).await?;
        let balance = server.get(&format!("/api/v1/projects/{id}/balance")).await?;
        self.of.remote.tell(&posted, || {
            let amount = amount(&posted["amount_micros"]);
            format!("posted {amount} credits as {}\n{}", cell(&posted["id"]), told(&balance))
        });
        Ok(())
    }
}

/// What was charged, in words.
fn spent(spending: &Value) -> String {
    let lines = |name: &str, key: &str| -> Vec<String> {
        let of = |row: &Value| format!("  {}  {}", cell(&row[key]), amount(&row["credits_micros"]));
        spending[name].as_array().into_iter().flatten().map(of).collect()
    };
    let mut told = vec![format!("{} credits", amount(&spending["total_micros"]))];
    for (title, name, key) in [("by instance", "by_instance", "instance_id"), ("by day", "by_day", "day")] {
        let lines = lines(name, key);
        if !lines.is_empty() {
            told.push(title.to_owned());
            told.extend(lines);
        }
    }
    told.join("\n")
}

pub(crate) fn items(page: &Value) -> Vec<Value> {
    page["items"].as_array().cloned().unwrap_or_default()
}

/// A balance in words.
fn told(balance: &Value) -> String {
    let credits = |name: &str| amount(&balance[name]);
    let mut text = format!("{} credits to spend, {} held", credits("wallet_micros"), credits("held_micros"));
    if balance["owed_micros"] != 0 {
        text = format!("{text}, {} owed", credits("owed_micros"));
    }
    let mut lines = vec![text];
    if let Some(seconds) = balance["runway_seconds"].as_u64() {
        let (hours, minutes) = (seconds / 3600, seconds % 3600 / 60);
        lines.push(format!("{} per hour: lasts {hours} h {minutes} min", credits("rate_micros_per_hour")));
    }
    if let Some(since) = balance["billing_hold_since"].as_str() {
        lines.push(format!("used up since {since}: its instances are stopped until credits are added"));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_balance_is_told_in_credits() {
        let balance = json!({
            "wallet_micros": 12_500_000, "held_micros": 1000, "owed_micros": 0, "rate_micros_per_hour": 250_000,
            "accrued_micros": 0, "runway_seconds": 180_060, "billing_hold_since": null,
        });
        assert_eq!(told(&balance), "12.50 credits to spend, 0.001 held\n0.25 per hour: lasts 50 h 1 min");
        let balance = json!({
            "wallet_micros": 0, "held_micros": 0, "owed_micros": 70, "runway_seconds": null,
            "billing_hold_since": "2026-11-21T00:00:00Z",
        });
        let text = told(&balance);
        assert!(text.contains("0.00007 owed") && text.contains("used up since"), "{text}");
    }
}
