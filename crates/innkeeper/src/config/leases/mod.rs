//! How leases are sold. Off unless `[leases]` is there; half a configuration is refused at start, in one sentence.

mod pay;
mod trial;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use innkeeper_domain::leases::Terms;
use innkeeper_domain::money::Micros;
use innkeeper_domain::sizes::Size;
use innkeeper_engine::LeaseOptions;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use url::Url;

pub(crate) use pay::{Pay, USDC_DIGITS, is_usdc};
pub(crate) use trial::{Found, try_desks};

/// The dearest order or call, in millionths of a credit.
const DEAREST: i64 = 1_000_000_000;

/// A year, in minutes.
const YEAR: u32 = 366 * 24 * 60;

/// A year, in seconds.
const YEAR_S: u64 = 366 * 24 * 60 * 60;

/// How leases are sold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Leases {
    /// What every order of time costs besides the time, in millionths of a credit.
    pub base_micros: i64,
    /// What a command or a console costs the holder of a lease, in millionths of a credit.
    pub call_micros: i64,
    /// The shortest time that can be bought at once, in minutes.
    pub least_minutes: u32,
    /// The longest.
    pub most_minutes: u32,
    /// How far ahead a lease can be paid, in minutes.
    pub horizon_minutes: u32,
    /// How many leases one wallet has at once.
    pub per_wallet: u32,
    /// How many seconds before its end notice is given.
    #[serde(deserialize_with = "numbers")]
    pub notices_s: Vec<u64>,
    /// Seconds for which an instance is kept after its lease expired.
    pub grace_s: u64,
    /// The network, by its id, that the instances of strangers are plugged into; by default their cluster's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// What the instances of strangers may reach.
    pub egress: Egress,
    /// Seconds that a request waits for what it bought, before it says where to ask.
    pub wait_s: u64,
    /// Seconds for which buyers make their payments valid.
    pub payable_s: u64,
    /// Seconds between two looks at what is due, at most.
    pub look_every_s: u64,
    /// The largest size.
    pub largest: Largest,
    /// By what wallets can pay; without any, leases are sold for credits only.
    #[serde(deserialize_with = "list_or_map", skip_serializing_if = "Vec::is_empty")]
    pub pay: Vec<Pay>,
}

/// The largest size that is leased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Largest {
    /// Cores.
    pub cores: u32,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// Disk in GiB.
    pub disk_gib: u32,
}

/// What the instances of strangers may reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Egress {
    /// Everything.
    Open,
    /// Everything but mail servers and private networks.
    #[default]
    Internet,
    /// Nothing but name servers.
    Closed,
}

impl Default for Largest {
    fn default() -> Self {
        let Size { cores, memory_mib, disk_gib } = Terms::default().largest;
        Self { cores, memory_mib, disk_gib }
    }
}

impl Default for Leases {
    fn default() -> Self {
        let terms = Terms::default();
        Self {
            base_micros: terms.base.0,
            call_micros: terms.call.0,
            least_minutes: terms.least_minutes,
            most_minutes: terms.most_minutes,
            horizon_minutes: terms.horizon_minutes,
            per_wallet: terms.per_wallet,
            notices_s: terms.notices.iter().map(Duration::as_secs).collect(),
            grace_s: terms.grace.as_secs(),
            network: None,
            egress: Egress::default(),
            wait_s: 30,
            payable_s: 120,
            look_every_s: 15,
            largest: Largest::default(),
            pay: Vec::new(),
        }
    }
}

impl Leases {
    /// The engine's options.
    pub(crate) fn options(&self, public_url: Option<&str>) -> anyhow::Result<Arc<LeaseOptions>> {
        let Some(public_url) = public_url else {
            anyhow::bail!(
                "[leases] is there, but server.public_url does not say where buyers reach us: set it"
            );
        };
        let public_url: Url =
            public_url.parse().map_err(|error| anyhow::anyhow!("server.public_url: {error}"))?;
        let egress = match self.egress {
            Egress::Open => innkeeper_engine::Egress::Open,
            Egress::Internet => innkeeper_engine::Egress::Internet,
            Egress::Closed => innkeeper_engine::Egress::Closed,
        };
        let network = self.network.as_deref().map(|id| {
            id.parse().ok().with_context(|| {
                format!("leases.network: {id} is no id of a network; see `innkeeper network list`")
            })
        });
        Ok(Arc::new(LeaseOptions {
            terms: self.terms()?,
            desks: pay::desks(&self.pay, &public_url)?,
            public_url,
            network: network.transpose()?,
            egress,
            wait: Duration::from_secs(within("wait_s", self.wait_s, 0, 60)?),
            payable: Duration::from_secs(within("payable_s", self.payable_s, 30, 3600)?),
            look_every: Duration::from_secs(within("look_every_s", self.look_every_s, 1, 3600)?),
        }))
    }

    fn terms(&self) -> anyhow::Result<Terms> {
        let Largest { cores, memory_mib, disk_gib } = self.largest;
        let largest = Size { cores, memory_mib, disk_gib };
        largest
            .check_within(Size::LEAST, Size::MOST)
            .map_err(|why| anyhow::anyhow!("leases.largest: {why}"))?;
        let least = within("least_minutes", self.least_minutes, 1, YEAR)?;
        let most = within("most_minutes", self.most_minutes, least, YEAR)
            .context("leases.most_minutes must not be below leases.least_minutes")?;
        let horizon = within("horizon_minutes", self.horizon_minutes, most, 10 * YEAR)
            .context("leases.horizon_minutes must not be below leases.most_minutes")?;
        anyhow::ensure!(self.notices_s.len() <= 10, "leases.notices_s takes at most 10 times");
        let mut notices = Vec::new();
        for &seconds in &self.notices_s {
            notices.push(Duration::from_secs(within("notices_s", seconds, 1, YEAR_S)?));
        }
        // The longest first, each once: what is counted is how many are due.
        notices.sort_unstable_by(|one, other| other.cmp(one));
        notices.dedup();
        Ok(Terms {
            base: Micros(within("base_micros", self.base_micros, 0, DEAREST)?),
            call: Micros(within("call_micros", self.call_micros, 0, DEAREST)?),
            least_minutes: least,
            most_minutes: most,
            horizon_minutes: horizon,
            largest,
            per_wallet: within("per_wallet", self.per_wallet, 1, 10_000)?,
            notices,
            grace: Duration::from_secs(within("grace_s", self.grace_s, 0, YEAR_S)?),
        })
    }
}

fn within<T: PartialOrd + fmt::Display>(name: &str, value: T, least: T, most: T) -> anyhow::Result<T> {
    anyhow::ensure!(value >= least && value <= most, "leases.{name} must lie between {least} and {most}");
    Ok(value)
}

/// A list of numbers, or one text with commas, as the environment gives it.
fn numbers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        List(Vec<u64>),
        One(u64),
        Text(String),
    }
    match Given::deserialize(deserializer)? {
        Given::List(list) => Ok(list),
        Given::One(one) => Ok(vec![one]),
        Given::Text(text) => {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            let parse = |part: &str| part.parse().map_err(|_| serde::de::Error::custom("give whole seconds"));
            parts.map(parse).collect()
        }
    }
}

/// A list, or a table by number, as the environment gives it (`INNKEEPER__LEASES__PAY__0__PAY_TO`).
fn list_or_map<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Pay>, D::Error> {
    struct Either;
    impl<'de> Visitor<'de> for Either {
        type Value = Vec<Pay>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list: [[leases.pay]]")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Pay>, A::Error> {
            let mut found = Vec::new();
            while let Some(one) = list.next_element()? {
                found.push(one);
            }
            Ok(found)
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<Pay>, A::Error> {
            let mut found = std::collections::BTreeMap::<u32, Pay>::new();
            while let Some((key, one)) = map.next_entry::<String, Pay>()? {
                let number = key.parse().map_err(|_| {
                    serde::de::Error::custom(format!(
                        "leases.pay.{key}: write [[leases.pay]] in the file, and INNKEEPER__LEASES__PAY__0__… in the \
                         environment"
                    ))
                })?;
                found.insert(number, one);
            }
            Ok(found.into_values().collect())
        }
    }
    deserializer.deserialize_any(Either)
}

#[cfg(test)]
mod tests;
