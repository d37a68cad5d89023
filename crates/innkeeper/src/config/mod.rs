//! Configuration: defaults that boot, one TOML file, and environment variables (`INNKEEPER__SERVER__LISTEN`), each
//! winning over the one before. A key that nobody knows is refused, never ignored.

mod payments;
mod secret;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use serde::{Deserialize, Serialize};

pub(crate) use payments::{Invoices, Payments};

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Where the database file and the key file go unless they are named.
    pub data_dir: PathBuf,
    /// How people reach us.
    pub server: Server,
    /// Where rows are kept.
    pub database: Database,
    /// How secrets at rest are sealed.
    pub secrets: Secrets,
    /// How the loops behave.
    pub engine: Engine,
    /// How instances are charged.
    pub billing: Billing,
    /// How credits are sold.
    pub payments: Payments,
    /// Who issues invoices.
    pub invoices: Invoices,
    /// What is logged.
    pub log: Log,
}

/// How people reach us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Server {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// The address that people type, when there is a proxy in front. With `https://`, cookies are marked secure.
    pub public_url: Option<String>,
}

/// Where rows are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Database {
    /// `sqlite:/path/file.db` or `postgres://user@host/name`; by default a SQLite file in `data_dir`.
    pub url: Option<String>,
}

/// How secrets at rest are sealed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Secrets {
    /// The file with the key; by default `secret.key` in `data_dir`, made at first start.
    pub key_file: Option<PathBuf>,
}

/// How the loops behave; the defaults suit Proxmox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Engine {
    /// Milliseconds between two observations of a cluster.
    pub poll_every_ms: u64,
    /// Milliseconds after which a lost answer without a trace counts as a call that never happened.
    pub settle_ms: u64,
    /// Milliseconds for which a claim on an instance lasts unless renewed.
    pub claim_ms: u64,
    /// Milliseconds between two looks for work that nobody announced.
    pub sweep_every_ms: u64,
    /// Milliseconds that one call to Proxmox may take.
    pub call_timeout_ms: u64,
    /// Instances worked on at once.
    pub workers: usize,
    /// Calls in flight per cluster.
    pub calls_per_cluster: usize,
    /// Changing tasks at once per node.
    pub tasks_per_node: i64,
    /// Creating tasks at once per storage.
    pub creates_per_storage: i64,
}

/// How instances are charged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the unit is part of each name")]
pub(crate) struct Billing {
    /// Seconds of a billing period: what was used is charged at its end, and its cost is held when an instance is made.
    pub cycle_s: u64,
    /// Seconds between two looks whose credits run out.
    pub look_every_s: u64,
    /// Seconds for which a project whose credits are used up keeps its instances, stopped.
    pub grace_s: u64,
}

/// What is logged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Log {
    /// A level, or a filter like `info,innkeeper_engine=debug`.
    pub filter: String,
    /// One JSON object per line instead of text.
    pub json: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("innkeeper-data"),
            server: Server::default(),
            database: Database::default(),
            secrets: Secrets::default(),
            engine: Engine::default(),
            billing: Billing::default(),
            payments: Payments::default(),
            invoices: Invoices::default(),
            log: Log::default(),
        }
    }
}

impl Default for Server {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8080)), public_url: None }
    }
}

impl Default for Engine {
    fn default() -> Self {
        let engine = innkeeper_engine::Options::default();
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self {
            poll_every_ms: ms(engine.poll_every),
            settle_ms: ms(engine.settle),
            claim_ms: ms(engine.claim),
            sweep_every_ms: ms(engine.sweep_every),
            call_timeout_ms: ms(engine.call_timeout),
            workers: engine.workers,
            calls_per_cluster: engine.limits.calls,
            tasks_per_node: engine.limits.per_node,
            creates_per_storage: engine.limits.creates_per_storage,
        }
    }
}

impl Default for Billing {
    fn default() -> Self {
        let billing = innkeeper_engine::BillingOptions::default();
        Self {
            cycle_s: billing.cycle.as_secs(),
            look_every_s: billing.look_every.as_secs(),
            grace_s: billing.grace.as_secs(),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "info".to_owned(), json: false }
    }
}

impl Config {
    /// Reads the file (which must exist when it is named) and the environment.
    pub(crate) fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        refuse_misspelt(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()))?;
        let mut builder = config::Config::builder();
        if let Some(file) = file {
            builder = builder.add_source(config::File::from(file).format(config::FileFormat::Toml));
        }
        let environment = config::Environment::with_prefix("INNKEEPER")
            .prefix_separator("__")
            .separator("__")
            .try_parsing(true);
        let read: Self = builder
            .add_source(environment)
            .build()
            .and_then(config::Config::try_deserialize)
            .context("the configuration cannot be used")?;
        read.check()?;
        Ok(read)
    }

    fn check(&self) -> anyhow::Result<()> {
        const DAY: u64 = 24 * 60 * 60 * 1000;
        let engine = &self.engine;
        for (name, value, most) in [
            ("engine.poll_every_ms", engine.poll_every_ms, DAY),
            ("engine.claim_ms", engine.claim_ms, DAY),
            ("engine.sweep_every_ms", engine.sweep_every_ms, DAY),
            ("engine.call_timeout_ms", engine.call_timeout_ms, DAY),
            ("engine.workers", engine.workers as u64, 10_000),
            ("engine.calls_per_cluster", engine.calls_per_cluster as u64, 1000),
            ("engine.tasks_per_node", engine.tasks_per_node.max(0) as u64, 1000),
            ("engine.creates_per_storage", engine.creates_per_storage.max(0) as u64, 1000),
            ("billing.cycle_s", self.billing.cycle_s, DAY / 1000),
            ("billing.look_every_s", self.billing.look_every_s, DAY / 1000),
            ("billing.grace_s", self.billing.grace_s, 10 * 365 * DAY / 1000),
        ] {
            anyhow::ensure!((1..=most).contains(&value), "{name} must lie between 1 and {most}");
        }
        anyhow::ensure!(engine.settle_ms <= DAY, "engine.settle_ms must lie between 0 and {DAY}");
        if let Some(url) = &self.server.public_url {
            let good = url.starts_with("https://") || url.starts_with("http://");
            anyhow::ensure!(good, "server.public_url must begin with https:// or http://");
        }
        self.payments.options(self.server.public_url.as_deref())?;
        self.invoices.seller()?;
        if let Some(url) = &self.database.url {
            let good = url.starts_with("sqlite:")
                || url.starts_with("postgres://")
                || url.starts_with("postgresql://");
            anyhow::ensure!(good, "database.url must begin with sqlite: or postgres://");
        }
        Ok(())
    }

    /// Where rows are kept.
    pub(crate) fn database_url(&self) -> String {
        let file = || format!("sqlite:{}", self.data_dir.join("innkeeper.db").display());
        self.database.url.clone().unwrap_or_else(file)
    }

    /// Where the key is kept.
    pub(crate) fn key_file(&self) -> PathBuf {
        self.secrets.key_file.clone().unwrap_or_else(|| self.data_dir.join("secret.key"))
    }

    /// Whether cookies are only sent over TLS.
    pub(crate) fn secure_cookies(&self) -> bool {
        self.server.public_url.as_deref().is_some_and(|url| url.starts_with("https://"))
    }

    /// The engine's options.
    pub(crate) fn engine_options(&self) -> anyhow::Result<innkeeper_engine::Options> {
        let engine = &self.engine;
        Ok(innkeeper_engine::Options {
            poll_every: Duration::from_millis(engine.poll_every_ms),
            settle: Duration::from_millis(engine.settle_ms),
            claim: Duration::from_millis(engine.claim_ms),
            sweep_every: Duration::from_millis(engine.sweep_every_ms),
            call_timeout: Duration::from_millis(engine.call_timeout_ms),
            workers: engine.workers,
            limits: innkeeper_engine::Limits {
                calls: engine.calls_per_cluster,
                per_node: engine.tasks_per_node,
                creates_per_storage: engine.creates_per_storage,
            },
            billing: innkeeper_engine::BillingOptions {
                cycle: Duration::from_secs(self.billing.cycle_s),
                look_every: Duration::from_secs(self.billing.look_every_s),
                grace: Duration::from_secs(self.billing.grace_s),
            },
            payments: self.payments.options(self.server.public_url.as_deref())?,
            seller: self.invoices.seller()?,
            ..innkeeper_engine::Options::default()
        })
    }
}

/// A setting with one underscore too few would be ignored without a word.
fn refuse_misspelt(names: impl Iterator<Item = String>) -> anyhow::Result<()> {
    const FIRST: [&str; 9] =
        ["DATA", "SERVER", "DATABASE", "SECRETS", "ENGINE", "BILLING", "PAYMENTS", "INVOICES", "LOG"];
    for name in names {
        let Some(rest) = name.strip_prefix("INNKEEPER_").filter(|rest| !rest.starts_with('_')) else {
            continue;
        };
        let word = rest.split('_').next().unwrap_or_default();
        anyhow::ensure!(
            !FIRST.contains(&word),
            "{name} in the environment is not a setting; they are written like INNKEEPER__SERVER__LISTEN"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> anyhow::Result<Config> {
        let file = tempfile::Builder::new().suffix(".toml").tempfile()?;
        std::fs::write(file.path(), text)?;
        Config::load(Some(file.path()))
    }

    #[test]
    fn defaults_are_complete_and_files_win_over_them() {
        assert_eq!(read("").unwrap(), Config::default());
        let config =
            read("data_dir = '/srv/inn'\n[server]\nlisten = '0.0.0.0:80'\n[engine]\nworkers = 3").unwrap();
        assert_eq!(config.server.listen.port(), 80);
        assert_eq!(config.engine.workers, 3);
        assert_eq!(config.database_url(), "sqlite:/srv/inn/innkeeper.db");
    }

    #[test]
    fn what_nobody_knows_is_refused() {
        for text in [
            "colour = 'red'",
            "[server]\nlisten_on = '1'",
            "[engine]\nworkers = 0",
            "[engine]\nworkers = 4000000000000000000",
            "[engine]\ntasks_per_node = -1",
            "[billing]\ncycle_s = 0",
            "[payments]\nenabled = true",
            "[payments]\ncurrency = 'EUR'",
            "[invoices]\nseller = ['']",
            "[database]\nurl = 'mysql://x'",
        ] {
            let error = format!("{:#}", read(text).unwrap_err());
            assert!(error.len() > 10, "{error}");
        }
        assert!(format!("{:#}", read("colour = 'red'").unwrap_err()).contains("colour"));
    }

    #[test]
    fn a_misspelt_setting_in_the_environment_is_refused() {
        let given = |name: &str| refuse_misspelt([name.to_owned()].into_iter());
        for name in ["INNKEEPER_SERVER__LISTEN", "INNKEEPER_DATABASE_URL", "INNKEEPER_DATA_DIR"] {
            assert!(given(name).unwrap_err().to_string().contains(name));
        }
        for name in
            ["INNKEEPER__SERVER__LISTEN", "INNKEEPER_URL", "INNKEEPER_TOKEN", "INNKEEPER_CONFIG", "HOME"]
        {
            given(name).unwrap();
        }
    }
}
