//! How leases, orders and prices are told to people.

use anyhow::bail;
use serde_json::Value;

use crate::client::{cell, cells};
use crate::credits::amount;

/// The columns of a list of leases.
pub(super) const HEADINGS: [&str; 6] = ["id", "name", "state", "address", "hourly", "expires"];

/// The columns of a list of orders.
pub(super) const ORDER_HEADINGS: [&str; 7] =
    ["id", "kind", "state", "lease", "price", "transaction", "problem"];

pub(super) fn row(lease: &Value) -> Vec<String> {
    let mut cells = cells(lease, &["id", "name", "state", "address", "hourly_micros", "expires_at"]);
    cells[4] = amount(&lease["hourly_micros"]);
    cells
}

pub(super) fn order_row(order: &Value) -> Vec<String> {
    let mut cells =
        cells(order, &["id", "kind", "state", "lease_id", "price_micros", "transaction", "problem"]);
    cells[4] = amount(&order["price_micros"]);
    cells
}

fn size(size: &Value) -> String {
    format!(
        "{} cores, {} MiB, {} GiB",
        cell(&size["cores"]),
        cell(&size["memory_mib"]),
        cell(&size["disk_gib"])
    )
}

/// A lease, line by line.
pub(super) fn lease(lease: &Value) -> String {
    let mut lines =
        vec![format!("{} {}: {}", cell(&lease["id"]), cell(&lease["name"]), cell(&lease["state"]))];
    lines.push(format!("  {}, {} credits an hour", size(&lease["size"]), amount(&lease["hourly_micros"])));
    let dated = [
        ("address", "address"),
        ("since", "started_at"),
        ("until", "expires_at"),
        ("kept until", "grace_ends_at"),
        ("ended", "ended_at"),
        ("instance", "instance_id"),
        ("wallet", "wallet"),
        ("problem", "problem"),
    ];
    lines.extend(
        dated
            .iter()
            .filter(|(_, field)| !lease[*field].is_null())
            .map(|(word, field)| format!("  {word:10} {}", cell(&lease[*field]))),
    );
    lines.join("\n")
}

/// What something would cost.
pub(super) fn quote(quote: &Value) -> String {
    let mut lines = vec![format!(
        "{} credits for {} minutes of {}",
        amount(&quote["price_micros"]),
        cell(&quote["minutes"]),
        size(&quote["size"])
    )];
    lines.push(format!(
        "  {} an hour, and {} for the order",
        amount(&quote["hourly_micros"]),
        amount(&quote["base_micros"])
    ));
    if let Some(until) = quote["expires_at"].as_str() {
        lines.push(format!("  until {until}"));
    }
    lines.extend(quote["accepts"].as_array().into_iter().flatten().map(|way| {
        format!(
            "  or {} of the smallest unit of {} on {}",
            cell(&way["amount"]),
            cell(&way["extra"]["name"]),
            cell(&way["network"])
        )
    }));
    lines.join("\n")
}

/// What can be rented.
pub(super) fn catalogue(answer: &Value) -> String {
    let list = |name: &str| answer[name].as_array().cloned().unwrap_or_default();
    let mut lines = vec!["plans".to_owned()];
    lines.extend(list("plans").iter().map(|plan| {
        format!(
            "  {:16} {}, {} credits an hour",
            cell(&plan["name"]),
            size(&plan["size"]),
            amount(&plan["hourly_micros"])
        )
    }));
    let prices = &answer["prices"];
    if !prices.is_null() {
        lines.push(format!(
            "or any size up to {}: an hour costs {} credits a core, {} a GiB of memory, {} a GiB of disk",
            size(&answer["terms"]["largest"]),
            amount(&prices["core_hour_micros"]),
            amount(&prices["memory_gib_hour_micros"]),
            amount(&prices["disk_gib_hour_micros"])
        ));
    }
    lines.push("templates".to_owned());
    lines.extend(list("templates").iter().map(|template| format!("  {}", cell(&template["name"]))));
    let terms = &answer["terms"];
    lines.push(format!(
        "{} to {} minutes at once; {} credits an order besides",
        cell(&terms["least_minutes"]),
        cell(&terms["most_minutes"]),
        amount(&terms["base_micros"])
    ));
    let pay = list("pay");
    lines.push(if pay.is_empty() {
        "paid with credits".to_owned()
    } else {
        "paid with credits, or".to_owned()
    });
    lines.extend(pay.iter().map(|way| {
        format!(
            "  {} {} on {}: a credit is {} of its smallest unit",
            cell(&way["token_name"]),
            cell(&way["asset"]),
            cell(&way["network"]),
            cell(&way["per_credit"])
        )
    }));
    lines.join("\n")
}

/// The lease that an order is about.
pub(super) fn lease_id(answer: &Value) -> String {
    cell(&answer["order"]["lease_id"])
}

/// What came of an order.
pub(super) fn bought(answer: &Value, saved: bool) -> String {
    let order = &answer["order"];
    let mut lines = vec![format!(
        "{}: {} for {} credits",
        cell(&order["state"]),
        cell(&order["id"]),
        amount(&order["price_micros"])
    )];
    if let Some(transaction) = order["transaction"].as_str() {
        lines.push(format!("  paid by {} with {transaction}", cell(&order["payer"])));
    }
    if answer["lease"].is_object() {
        lines.push(lease(&answer["lease"]));
    } else {
        lines.push(format!("  lease {}", lease_id(answer)));
    }
    if let Some(token) = answer["token"].as_str() {
        lines.push(format!("token {token}"));
        lines.push(if saved {
            "  it is kept for the commands that come after".to_owned()
        } else {
            "  it is shown this once: whoever has it has the lease (--save keeps it)".to_owned()
        });
    }
    lines.join("\n")
}

/// The token is told once: also when something went wrong after it was.
pub(super) fn token_in_trouble(answer: &Value, saved: bool) {
    if let (Some(token), false) = (answer["token"].as_str(), saved) {
        eprintln!("  the token of lease {}: {token}", lease_id(answer));
    }
}

/// An order that ended otherwise is a failure.
pub(super) fn must_be_delivered(answer: &Value) -> anyhow::Result<()> {
    let order = &answer["order"];
    match order["state"].as_str() {
        Some("delivered") => Ok(()),
        Some("credited") => bail!(
            "it could not be delivered; the price is credit of whoever paid: {}\n  pay with it by --wallet-credits",
            cell(&order["problem"])
        ),
        _ => bail!("it was not bought: {}", cell(&order["problem"])),
    }
}
