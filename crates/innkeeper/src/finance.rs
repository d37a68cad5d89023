//! `innkeeper finance`: how the house stands, as a client of the server.

use innkeeper_domain::payments::Amount;
use serde_json::Value;

use crate::client::{Remote, Server, cell};
use crate::credits::amount;

/// Show how the house stands. For administrators.
#[derive(Debug, clap::Args)]
pub(crate) struct Finance {
    #[command(flatten)]
    remote: Remote,
}

impl Finance {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let finance = Server::find(&self.remote)?.get("/api/v1/finance").await?;
        self.remote.tell(&finance, || told(&finance));
        Ok(())
    }
}

fn told(finance: &Value) -> String {
    let credits = |name: &str| amount(&finance[name]);
    let mut lines = vec![
        format!("{} credits of revenue in the last thirty days", credits("revenue_micros")),
        format!(
            "{} credits can still be spent, {} are held, {} are owed",
            credits("outstanding_micros"),
            credits("held_micros"),
            credits("owed_micros")
        ),
    ];
    lines.extend(finance["payments"].as_array().into_iter().flatten().map(|tally| {
        let currency = tally["currency"].as_str().and_then(|text| text.parse().ok());
        let money = |name: &str| match (tally[name].as_i64(), currency) {
            (Some(minor), Some(currency)) => Amount::new(minor, currency).to_string(),
            _ => cell(&tally[name]),
        };
        let (count, state) = (cell(&tally["count"]), cell(&tally["state"]));
        let (all, back) = (money("amount_minor"), money("refunded_minor"));
        format!("payments {state}: {count}, {all} ({back} given back)")
    }));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_house_is_told_in_few_lines() {
        let finance = json!({"revenue_micros": 1_500_000, "outstanding_micros": 2_000_000, "held_micros": 0,
            "owed_micros": 5, "payments": [{"state": "paid", "currency": "EUR", "count": 2, "amount_minor": 2400,
            "refunded_minor": 100}]});
        let text = told(&finance);
        assert!(text.ends_with("payments paid: 2, 24.00 EUR (1.00 EUR given back)"), "{text}");
        assert!(text.starts_with("1.50 credits of revenue"), "{text}");
    }
}
