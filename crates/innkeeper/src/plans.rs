//! `innkeeper plan`: named sizes, as a client of the server.

use std::str::FromStr;

use anyhow::Context as _;
use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Remote, Server, all, cell, cells};
use crate::credits::amount;

/// Look after plans.
#[derive(Debug, Subcommand)]
pub(crate) enum Plan {
    /// Make a plan.
    Add {
        /// How to call it.
        name: String,
        /// Cores, memory in MiB and disk in GiB, for example `2,4096,40`.
        #[arg(long, value_name = "CORES,MIB,GIB")]
        size: Size,
        #[command(flatten)]
        remote: Remote,
    },
    /// List the plans.
    List {
        #[command(flatten)]
        remote: Remote,
    },
}

/// A size as one types it: cores, memory in MiB, disk in GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size([u32; 3]);

impl FromStr for Size {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let parts: Vec<u32> =
            text.split(',').map(|part| part.trim().parse()).collect::<Result<_, _>>().context(
                "give three whole numbers: cores, MiB of memory, GiB of disk, for example 2,4096,40",
            )?;
        let three = parts.try_into().ok();
        three
            .map(Self)
            .context("give three numbers: cores, MiB of memory, GiB of disk, for example 2,4096,40")
    }
}

impl Size {
    /// As the server wants it.
    pub(crate) fn json(self) -> Value {
        let [cores, memory_mib, disk_gib] = self.0;
        json!({ "cores": cores, "memory_mib": memory_mib, "disk_gib": disk_gib })
    }
}

impl Plan {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Add { name, size, remote } => {
                let server = Server::find(&remote)?;
                let body = json!({ "name": name, "size": size.json() });
                let plan = server.request(Method::POST, "/api/v1/plans", Some(&body)).await?;
                remote.tell(&plan, || format!("added {} as {}", cell(&plan["name"]), cell(&plan["id"])));
                Ok(())
            }
            Self::List { remote } => {
                let plans = all(&Server::find(&remote)?, "plans").await?;
                let of_size = ["cores", "memory_mib", "disk_gib"];
                let headings = [&["id", "name"], &of_size[..], &["per hour"]].concat();
                remote.tell_list(plans, &headings, |plan| {
                    let price = vec![amount(&plan["price"]["running_micros"])];
                    [cells(plan, &["id", "name"]), cells(&plan["size"], &of_size), price].concat()
                });
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_three_whole_numbers() {
        assert_eq!("2, 4096,40".parse::<Size>().unwrap(), Size([2, 4096, 40]));
        for bad in ["", "2", "2,4096", "2,4096,40,1", "2,4G,40", "-1,2,3", "2,,3"] {
            assert!(bad.parse::<Size>().is_err(), "{bad}");
        }
    }
}
