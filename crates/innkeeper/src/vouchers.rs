//! `innkeeper voucher`: codes that are worth credits, as a client of the server.

use clap::Subcommand;
use innkeeper_domain::money::Micros;
use reqwest::Method;
use serde_json::json;

use crate::client::{Remote, Server, all, cell, cells};
use crate::credits::{amount, credits, items};

/// Look after vouchers: codes that are worth credits. `innkeeper credits redeem` redeems one.
#[derive(Debug, Subcommand)]
pub(crate) enum Voucher {
    /// Make vouchers, and print their codes, which are shown this once. For administrators.
    Make {
        /// What each is worth, in credits, for example `12.50`.
        #[arg(value_parser = credits)]
        amount: Micros,
        /// How many to make.
        #[arg(long, default_value_t = 1)]
        count: u32,
        /// How many projects may redeem each of them.
        #[arg(long, default_value_t = 1)]
        uses: i64,
        /// Until when, for example `2027-01-01T00:00:00Z`; for ever where nothing is said.
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
        /// What they are for.
        #[arg(long)]
        note: Option<String>,
        #[command(flatten)]
        remote: Remote,
    },
    /// List the vouchers, newest first. For administrators.
    List {
        #[command(flatten)]
        remote: Remote,
    },
    /// Take a voucher back: nobody redeems it any more. For administrators.
    Withdraw {
        /// The voucher's id.
        id: String,
        #[command(flatten)]
        remote: Remote,
    },
}

impl Voucher {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Make { amount, count, uses, until, note, remote } => {
                let body = json!({
                    "amount_micros": amount, "count": count, "uses": uses, "expires_at": until, "note": note,
                });
                let made =
                    Server::find(&remote)?.request(Method::POST, "/api/v1/vouchers", Some(&body)).await?;
                // One per line, so that they can be printed and cut.
                let codes: Vec<String> = items(&made).iter().map(|minted| cell(&minted["code"])).collect();
                remote.tell(&made, || codes.join("\n"));
            }
            Self::List { remote } => {
                let vouchers = all(&Server::find(&remote)?, "vouchers").await?;
                let headings = ["id", "ends in", "worth", "used", "of", "until", "withdrawn", "note"];
                remote.tell_list(vouchers, &headings, |row| {
                    let worth = vec![amount(&row["amount_micros"])];
                    let rest = cells(row, &["used", "uses", "expires_at", "withdrawn_at", "note"]);
                    [cells(row, &["id", "hint"]), worth, rest].concat()
                });
            }
            Self::Withdraw { id, remote } => {
                let path = format!("/api/v1/vouchers/{id}");
                let voucher = Server::find(&remote)?.request(Method::DELETE, &path, None).await?;
                remote.tell(&voucher, || format!("withdrawn; {} had redeemed it", cell(&voucher["used"])));
            }
        }
        Ok(())
    }
}
