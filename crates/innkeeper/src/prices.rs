//! `innkeeper prices`: what instances cost, as a client of the server.

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use innkeeper_domain::money::Micros;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Remote, Server, cell, find};
use crate::credits::{amount, credits};
use crate::plans::Size;

/// Look after prices.
#[derive(Debug, Subcommand)]
pub(crate) enum Prices {
    /// Show the price list that holds.
    Show {
        #[command(flatten)]
        remote: Remote,
    },
    /// Set the prices for instances that are made from now on, in credits per hour.
    Set(Set),
    /// Say what a plan or a size will cost.
    Estimate {
        /// A plan, by name or id.
        #[arg(long, conflicts_with = "size")]
        plan: Option<String>,
        /// Cores, memory in MiB and disk in GiB, for example `2,4096,40`.
        #[arg(long, value_name = "CORES,MIB,GIB")]
        size: Option<Size>,
        #[command(flatten)]
        remote: Remote,
    },
    /// Give a plan a price of its own, or leave it to the price list.
    Plan {
        /// The plan, by name or id.
        plan: String,
        #[command(flatten)]
        rate: Rate,
    },
    /// Give an instance another price from now on: the one given, or what it would cost if it were made now.
    Instance {
        /// The instance, by name or id.
        instance: String,
        #[command(flatten)]
        rate: Rate,
    },
}

/// Prices to be set.
#[derive(Debug, Args)]
pub(crate) struct Set {
    /// One core.
    #[arg(long, value_name = "CREDITS", value_parser = credits)]
    core: Micros,
    /// One GiB of memory.
    #[arg(long, value_name = "CREDITS", value_parser = credits)]
    memory_gib: Micros,
    /// One GiB of disk; it is paid while an instance is stopped, too.
    #[arg(long, value_name = "CREDITS", value_parser = credits)]
    disk_gib: Micros,
    /// One core while the instance is stopped.
    #[arg(long, value_name = "CREDITS", value_parser = credits, requires_all = ["stopped_memory_gib", "stopped_disk_gib"])]
    stopped_core: Option<Micros>,
    /// One GiB of memory while the instance is stopped.
    #[arg(long, value_name = "CREDITS", value_parser = credits, requires_all = ["stopped_core", "stopped_disk_gib"])]
    stopped_memory_gib: Option<Micros>,
    /// One GiB of disk while the instance is stopped.
    #[arg(long, value_name = "CREDITS", value_parser = credits, requires_all = ["stopped_core", "stopped_memory_gib"])]
    stopped_disk_gib: Option<Micros>,
    #[command(flatten)]
    remote: Remote,
}

/// A price of its own, in credits per hour.
#[derive(Debug, Args)]
pub(crate) struct Rate {
    /// While it runs; without this and `--stopped`, the price list holds.
    #[arg(long, value_name = "CREDITS", value_parser = credits, requires = "stopped")]
    running: Option<Micros>,
    /// While it is stopped.
    #[arg(long, value_name = "CREDITS", value_parser = credits, requires = "running")]
    stopped: Option<Micros>,
    #[command(flatten)]
    remote: Remote,
}

impl Rate {
    fn json(&self) -> Value {
        match (self.running, self.stopped) {
            (Some(running), Some(stopped)) => json!({ "running_micros": running, "stopped_micros": stopped }),
            _ => Value::Null,
        }
    }
}

impl Prices {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Show { remote } => {
                let page = Server::find(&remote)?.get("/api/v1/price-lists?limit=1").await?;
                let list = page["items"][0].clone();
                remote.tell(&list, || told(&list));
            }
            Self::Set(set) => set.run().await?,
            Self::Estimate { plan, size, remote } => {
                let server = Server::find(&remote)?;
                let body = match (plan, size) {
                    (Some(plan), None) => json!({ "plan_id": find(&server, "plans", &plan).await? }),
                    (None, Some(size)) => json!({ "size": size.json() }),
                    _ => bail!("give --plan or --size"),
                };
                let found = server.request(Method::POST, "/api/v1/prices/estimate", Some(&body)).await?;
                remote.tell(&found, || {
                    format!(
                        "{} ({} a day, {} in 30 days); {} held while it is there",
                        rate_told(&found["rate"]),
                        amount(&found["day_micros"]),
                        amount(&found["month_micros"]),
                        amount(&found["held_micros"]),
                    )
                });
            }
            Self::Plan { plan, rate } => {
                let server = Server::find(&rate.remote)?;
                let id = find(&server, "plans", &plan).await?;
                let body = json!({ "price": rate.json() });
                let path = format!("/api/v1/plans/{id}/price");
                let plan = server.request(Method::PUT, &path, Some(&body)).await?;
                rate.remote.tell(&plan, || match &plan["price"] {
                    Value::Null => format!("{} costs what the price list says", cell(&plan["name"])),
                    price => format!("{} costs {}", cell(&plan["name"]), rate_told(price)),
                });
            }
            Self::Instance { instance, rate } => {
                let server = Server::find(&rate.remote)?;
                let id = find(&server, "instances", &instance).await?;
                let body = json!({ "rate": rate.json() });
                let path = format!("/api/v1/instances/{id}/price");
                let now = server.request(Method::PUT, &path, Some(&body)).await?;
                rate.remote
                    .tell(&now, || format!("{} costs {}", cell(&now["name"]), rate_told(&now["rate"])));
            }
        }
        Ok(())
    }
}

impl Set {
    async fn run(self) -> anyhow::Result<()> {
        let unit = |core, memory, disk| json!({ "core_micros": core, "memory_gib_micros": memory, "disk_gib_micros": disk });
        let mut body = json!({ "running": unit(self.core, self.memory_gib, self.disk_gib) });
        if let (Some(core), Some(memory), Some(disk)) =
            (self.stopped_core, self.stopped_memory_gib, self.stopped_disk_gib)
        {
            body["stopped"] = unit(core, memory, disk);
        }
        let server = Server::find(&self.remote)?;
        let list = server.request(Method::POST, "/api/v1/price-lists", Some(&body)).await?;
        list["id"].as_str().context("the server's answer holds no price list")?;
        self.remote.tell(&list, || format!("for instances that are made from now on:\n{}", told(&list)));
        Ok(())
    }
}

/// A rate in words.
fn rate_told(rate: &Value) -> String {
    let (running, stopped) = (amount(&rate["running_micros"]), amount(&rate["stopped_micros"]));
    format!("{running} credits per hour, {stopped} while stopped")
}

/// A price list in words.
fn told(list: &Value) -> String {
    if list.is_null() {
        return "nothing costs anything; set prices with `innkeeper prices set`".to_owned();
    }
    let line = |what: &str, name: &str| {
        let (running, stopped) = (amount(&list["running"][name]), amount(&list["stopped"][name]));
        format!("{what} {running} per hour, {stopped} while stopped")
    };
    [
        line("core        ", "core_micros"),
        line("GiB memory  ", "memory_gib_micros"),
        line("GiB disk    ", "disk_gib_micros"),
    ]
    .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_told_in_credits() {
        let unit = json!({ "core_micros": 4000, "memory_gib_micros": 2000, "disk_gib_micros": 100 });
        let text = told(
            &json!({ "running": unit, "stopped": { "core_micros": 0, "memory_gib_micros": 0, "disk_gib_micros": 100 } }),
        );
        assert!(text.contains("core         0.004 per hour, 0.00 while stopped"), "{text}");
        assert!(told(&Value::Null).contains("nothing costs"));
    }
}
