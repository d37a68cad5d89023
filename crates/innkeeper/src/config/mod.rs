//! Configuration: defaults that boot, one TOML file, and environment variables (`INNKEEPER__SERVER__LISTEN`), each
//! winning over the one before. A key that nobody knows is refused, never ignored.

mod commands;
mod consoles;
mod discord;
mod leases;
mod payments;
mod secret;
mod webhooks;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use innkeeper_connectors::mail::{self, Mailer, Route, Smtp};
use innkeeper_connectors::oidc;
use innkeeper_domain::addresses::AddressRange;
use innkeeper_domain::invitations::Registration;
use innkeeper_domain::quotas::Amounts;
use innkeeper_domain::sessions::Lifetimes;
use innkeeper_engine::{LeaseOptions, Provider};
use serde::{Deserialize, Deserializer, Serialize};

pub(crate) use commands::Commands;
pub(crate) use consoles::Consoles;
pub(crate) use discord::Discord;
pub(crate) use leases::{Found, Leases, Pay, USDC_DIGITS, is_usdc, try_desks};
pub(crate) use payments::{Invoices, Payments};
pub(crate) use webhooks::Webhooks;

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
    /// Who gets in.
    pub access: Access,
    /// How mails are sent.
    pub mail: Mail,
    /// How the loops behave.
    pub engine: Engine,
    /// How commands find their way into instances.
    pub commands: Commands,
    /// How much projects may have.
    pub quotas: Quotas,
    /// How many consoles there may be, and how long.
    pub consoles: Consoles,
    /// How instances are charged.
    pub billing: Billing,
    /// How backups are kept.
    pub backups: Backups,
    /// What becomes of instances.
    pub instances: Instances,
    /// How credits are sold.
    pub payments: Payments,
    /// Who issues invoices.
    pub invoices: Invoices,
    /// How leases are sold; left out where they are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leases: Option<Leases>,
    /// The bot at Discord; without a token there is none.
    pub discord: Discord,
    /// Where webhooks may be told.
    pub webhooks: Webhooks,
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
    /// Addresses, or ranges like `10.0.0.0/8`, of proxies that may say for whom they ask (`X-Forwarded-For`).
    #[serde(deserialize_with = "list_or_text")]
    pub trusted_proxies: Vec<AddressRange>,
}

/// Who gets in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "an access token is called so")]
pub(crate) struct Access {
    /// Who may register: `closed`, `invitation` or `open`.
    pub registration: Registration,
    /// How the house is called in mails and in authenticators.
    pub house_name: String,
    /// Minutes for which an access token is good.
    pub access_token_minutes: u64,
    /// Days after which a session that nobody uses ends.
    pub session_days: u64,
    /// Other houses by which people may sign in (OpenID Connect).
    pub oidc: Vec<Oidc>,
}

/// Another house by which people may sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Oidc {
    /// Names it in addresses: lower-case letters, digits and hyphens. It must not change later.
    pub name: String,
    /// Names it on the button; by default its name.
    pub title: Option<String>,
    /// Its issuer, to the letter.
    pub issuer: url::Url,
    /// Our name there.
    pub client_id: String,
    /// Our secret there, or the file that holds it.
    pub client_secret: Option<String>,
    /// The file that holds our secret.
    pub client_secret_file: Option<PathBuf>,
    /// Asked for besides `openid`; by default `email` and `profile`.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Whether an address that it vouches for opens the account here with the same, confirmed address. Say yes only to a
    /// provider that you trust with every account.
    #[serde(default)]
    pub link_verified_email: bool,
}

/// How mails are sent: by a server, or into a folder; by neither, and none are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Mail {
    /// Who they are from, for example `Innkeeper <desk@inn.example>`.
    pub from: Option<String>,
    /// The SMTP server that takes them.
    pub host: Option<String>,
    /// Its port; by default 465, 587 or 25, as `security` says.
    pub port: Option<u16>,
    /// `tls`, `starttls`, or `none` for a server on this machine.
    pub security: Security,
    /// The name that the server knows us by, if it wants one.
    pub user: Option<String>,
    /// The password that goes with it; better given by the environment (`INNKEEPER__MAIL__PASSWORD`).
    pub password: Option<String>,
    /// Write them into this folder instead, one file each.
    pub folder: Option<PathBuf>,
}

/// How the way to the mail server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Security {
    /// TLS from the first byte.
    Tls,
    /// TLS before anything is said.
    #[default]
    Starttls,
    /// None: only for a server on this machine.
    None,
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

/// How much projects may have, unless it is set for one of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Quotas {
    /// Instances.
    pub instances: u32,
    /// Cores of all instances together.
    pub cores: u32,
    /// Memory of all instances together, in MiB.
    pub memory_mib: u32,
    /// Disk of all instances together, in GiB.
    pub disk_gib: u32,
    /// Projects that somebody makes beside their own.
    pub projects_per_user: u32,
}

/// What becomes of instances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Instances {
    /// Seconds for which an instance that is deleted lies in the trash, stopped, and can be taken back; 0: not at all.
    pub trash_s: u64,
}

impl Default for Instances {
    fn default() -> Self {
        Self { trash_s: 24 * 60 * 60 }
    }
}

/// How backups are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Backups {
    /// So many may be made of one instance.
    pub per_instance: u32,
    /// Seconds for which the backups of a deleted instance are kept.
    pub kept_after_s: u64,
    /// Seconds between two looks at what backups there are.
    pub look_every_s: u64,
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
    /// A file of its own that stays short; left out where none is wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub short: Option<ShortLog>,
}

/// A log file that stays short, for people who look into it with an editor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShortLog {
    /// Where.
    pub file: PathBuf,
    /// It never has more lines than these.
    #[serde(default = "ShortLog::lines")]
    pub lines: usize,
    /// When it would, the newest of them are kept: so many.
    #[serde(default = "ShortLog::keep")]
    pub keep: usize,
}

impl ShortLog {
    fn lines() -> usize {
        200
    }

    fn keep() -> usize {
        100
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("innkeeper-data"),
            server: Server::default(),
            database: Database::default(),
            secrets: Secrets::default(),
            access: Access::default(),
            mail: Mail::default(),
            engine: Engine::default(),
            commands: Commands::default(),
            quotas: Quotas::default(),
            consoles: Consoles::default(),
            billing: Billing::default(),
            backups: Backups::default(),
            instances: Instances::default(),
            payments: Payments::default(),
            invoices: Invoices::default(),
            leases: None,
            discord: Discord::default(),
            webhooks: Webhooks::default(),
            log: Log::default(),
        }
    }
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            trusted_proxies: Vec::new(),
        }
    }
}

impl Default for Access {
    fn default() -> Self {
        let access = innkeeper_engine::Access::default();
        Self {
            registration: access.registration,
            house_name: access.house_name,
            access_token_minutes: access.lifetimes.access.as_secs() / 60,
            session_days: access.lifetimes.idle.as_secs() / (24 * 60 * 60),
            oidc: Vec::new(),
        }
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

impl Default for Quotas {
    fn default() -> Self {
        let innkeeper_engine::Quotas { per_project, projects_per_user } = innkeeper_engine::Quotas::default();
        let number = |amount: u64| u32::try_from(amount).unwrap_or(u32::MAX);
        Self {
            instances: number(per_project.instances),
            cores: number(per_project.cores),
            memory_mib: number(per_project.memory_mib),
            disk_gib: number(per_project.disk_gib),
            projects_per_user,
        }
    }
}

impl Default for Backups {
    fn default() -> Self {
        let backups = innkeeper_engine::BackupOptions::default();
        Self {
            per_instance: backups.per_instance,
            kept_after_s: backups.kept_after.as_secs(),
            look_every_s: backups.look_every.as_secs(),
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
        Self { filter: "info".to_owned(), json: false, short: None }
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
        if let Some(short) = &self.log.short {
            anyhow::ensure!(
                (1..=100_000).contains(&short.lines) && (1..=short.lines).contains(&short.keep),
                "log.short: lines must be from 1 to 100000, and keep from 1 to lines"
            );
        }
        let engine = &self.engine;
        for (name, value, most) in [
            ("engine.poll_every_ms", engine.poll_every_ms, DAY),
            ("engine.claim_ms", engine.claim_ms, DAY),
            ("engine.sweep_every_ms", engine.sweep_every_ms, DAY),
            ("engine.call_timeout_ms", engine.call_timeout_ms, DAY),
            ("engine.workers", engine.workers as u64, 10_000),
            ("engine.calls_per_cluster", engine.calls_per_cluster as u64, 1000),
            ("engine.tasks_per_node", engine.tasks_per_node.max(0) as u64, 1000),
            ("access.access_token_minutes", self.access.access_token_minutes, 24 * 60),
            ("access.session_days", self.access.session_days, 366),
            ("engine.creates_per_storage", engine.creates_per_storage.max(0) as u64, 1000),
            ("billing.cycle_s", self.billing.cycle_s, DAY / 1000),
            ("billing.look_every_s", self.billing.look_every_s, DAY / 1000),
            ("backups.per_instance", u64::from(self.backups.per_instance), 1000),
            ("backups.look_every_s", self.backups.look_every_s, DAY / 1000),
            ("billing.grace_s", self.billing.grace_s, 10 * 365 * DAY / 1000),
        ] {
            anyhow::ensure!((1..=most).contains(&value), "{name} must lie between 1 and {most}");
        }
        let year = 365 * DAY / 1000;
        anyhow::ensure!(
            self.backups.kept_after_s <= year,
            "backups.kept_after_s must lie between 0 (backups go with their instance) and {year}"
        );
        anyhow::ensure!(
            self.instances.trash_s <= year,
            "instances.trash_s must lie between 0 (nothing can be taken back) and {year}"
        );
        anyhow::ensure!(engine.settle_ms <= DAY, "engine.settle_ms must lie between 0 and {DAY}");
        if let Some(url) = &self.server.public_url {
            let good = url.starts_with("https://") || url.starts_with("http://");
            anyhow::ensure!(good, "server.public_url must begin with https:// or http://");
        }
        let name = self.access.house_name.trim();
        anyhow::ensure!(
            !name.is_empty() && name.chars().count() <= 64 && !name.chars().any(char::is_control),
            "access.house_name must have 1 to 64 printable characters"
        );
        let mail = &self.mail;
        anyhow::ensure!(
            mail.host.is_none() || mail.folder.is_none(),
            "mails go to a server (mail.host) or into a folder (mail.folder); set one of them"
        );
        if mail.host.is_some() || mail.folder.is_some() {
            anyhow::ensure!(
                mail.from.is_some(),
                "mail.from must be set, for example `Innkeeper <desk@inn.example>`"
            );
            let url = "server.public_url must be set when mails are sent: the links in them lead there";
            anyhow::ensure!(self.server.public_url.is_some(), "{url}");
        } else {
            let settings = [&mail.from, &mail.user, &mail.password];
            anyhow::ensure!(
                settings.iter().all(|setting| setting.is_none()) && mail.port.is_none(),
                "[mail] says how, but not whereto: set mail.host or mail.folder"
            );
        }
        anyhow::ensure!(
            mail.user.is_some() == mail.password.is_some(),
            "mail.user and mail.password belong together"
        );
        self.consoles.check()?;
        self.payments.options(self.server.public_url.as_deref())?;
        self.invoices.seller()?;
        self.leases()?;
        self.discord.check()?;
        self.webhooks.options()?;
        if let Some(url) = &self.database.url {
            let good = url.starts_with("sqlite:")
                || url.starts_with("postgres://")
                || url.starts_with("postgresql://");
            anyhow::ensure!(good, "database.url must begin with sqlite: or postgres://");
        }
        Ok(())
    }

    /// How leases are sold; none where they are not.
    pub(crate) fn leases(&self) -> anyhow::Result<Option<Arc<LeaseOptions>>> {
        let leases = self.leases.as_ref();
        leases.map(|leases| leases.options(self.server.public_url.as_deref())).transpose()
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

    /// Who gets in.
    fn access(&self) -> anyhow::Result<innkeeper_engine::Access> {
        let access = &self.access;
        let lifetimes = Lifetimes {
            access: Duration::from_mins(access.access_token_minutes),
            idle: Duration::from_hours(24 * access.session_days),
            ..Lifetimes::default()
        };
        Ok(innkeeper_engine::Access {
            registration: access.registration,
            lifetimes,
            house_name: access.house_name.trim().to_owned(),
            public_url: self.server.public_url.as_deref().map(|url| url.trim_end_matches('/').to_owned()),
            mailer: self.mail.mailer()?,
            providers: self.providers()?,
        })
    }

    fn providers(&self) -> anyhow::Result<Vec<Provider>> {
        let mut providers: Vec<Provider> = Vec::new();
        for oidc in &self.access.oidc {
            let name = &oidc.name;
            let good = (1..=32).contains(&name.len())
                && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            anyhow::ensure!(
                good,
                "access.oidc: `{name}` is no name; use lower-case letters, digits and hyphens"
            );
            anyhow::ensure!(
                providers.iter().all(|other| other.name != *name),
                "access.oidc: two providers are called `{name}`"
            );
            let base = self.server.public_url.as_deref();
            let base = base.context("access.oidc needs server.public_url: people come back there")?;
            let redirect =
                format!("{}/api/v1/sessions/oidc/{name}/callback", base.trim_end_matches('/')).parse()?;
            let client_secret = match (&oidc.client_secret, &oidc.client_secret_file) {
                (Some(secret), None) => secret.clone(),
                (None, Some(file)) => std::fs::read_to_string(file)
                    .with_context(|| format!("{} cannot be read", file.display()))?
                    .trim()
                    .to_owned(),
                _ => anyhow::bail!("access.oidc: give `{name}` a client_secret, or a client_secret_file"),
            };
            let settings = oidc::Settings {
                issuer: oidc.issuer.clone(),
                client_id: oidc.client_id.clone(),
                client_secret: client_secret.into(),
                redirect,
                scopes: oidc.scopes.clone(),
                extra_ca: None,
                timeout: None,
            };
            let client = oidc::Oidc::new(settings).with_context(|| format!("access.oidc: `{name}`"))?;
            providers.push(Provider {
                name: name.clone(),
                title: oidc.title.clone().unwrap_or_else(|| name.clone()),
                link_verified_email: oidc.link_verified_email,
                client: Arc::new(client),
            });
        }
        Ok(providers)
    }

    /// The engine's options.
    pub(crate) fn engine_options(&self) -> anyhow::Result<innkeeper_engine::Options> {
        let engine = &self.engine;
        Ok(innkeeper_engine::Options {
            access: self.access()?,
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
            commands: self.commands.options(),
            quotas: innkeeper_engine::Quotas {
                per_project: Amounts {
                    instances: self.quotas.instances.into(),
                    cores: self.quotas.cores.into(),
                    memory_mib: self.quotas.memory_mib.into(),
                    disk_gib: self.quotas.disk_gib.into(),
                },
                projects_per_user: self.quotas.projects_per_user,
            },
            consoles: self.consoles.limits(),
            trash: Duration::from_secs(self.instances.trash_s),
            backups: innkeeper_engine::BackupOptions {
                per_instance: self.backups.per_instance,
                kept_after: Duration::from_secs(self.backups.kept_after_s),
                look_every: Duration::from_secs(self.backups.look_every_s),
            },
            billing: innkeeper_engine::BillingOptions {
                cycle: Duration::from_secs(self.billing.cycle_s),
                look_every: Duration::from_secs(self.billing.look_every_s),
                grace: Duration::from_secs(self.billing.grace_s),
            },
            payments: self.payments.options(self.server.public_url.as_deref())?,
            seller: self.invoices.seller()?,
            leases: self.leases()?,
            webhooks: self.webhooks.options()?,
            ..innkeeper_engine::Options::default()
        })
    }
}

impl Mail {
    /// Whoever sends mails; none when nobody does.
    fn mailer(&self) -> anyhow::Result<Option<Mailer>> {
        let route = match (&self.host, &self.folder) {
            (Some(host), _) => Route::Smtp(Box::new(Smtp {
                host: host.clone(),
                port: self.port,
                security: match self.security {
                    Security::Tls => mail::Security::Tls,
                    Security::Starttls => mail::Security::StartTls,
                    Security::None => mail::Security::None,
                },
                login: self.user.clone().zip(self.password.clone().map(Into::into)),
                extra_ca: None,
                timeout: None,
            })),
            (None, Some(folder)) => Route::Folder(folder.clone()),
            (None, None) => return Ok(None),
        };
        let from = self.from.as_deref().unwrap_or_default();
        Mailer::new(from, route).map(Some).context("[mail] cannot be used")
    }
}

/// A list, or one text with commas, as the environment gives it.
fn list_or_text<'de, D: Deserializer<'de>, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        List(Vec<String>),
        Text(String),
        /// The environment makes numbers of what looks like one.
        Number(u64),
    }
    let parts = match Given::deserialize(deserializer)? {
        Given::List(parts) => parts,
        Given::Text(text) => text.split(',').map(str::to_owned).collect(),
        Given::Number(number) => vec![number.to_string()],
    };
    let parse = |part: &String| part.trim().parse().map_err(serde::de::Error::custom);
    parts.iter().filter(|part| !part.trim().is_empty()).map(parse).collect()
}

/// A setting with one underscore too few would be ignored without a word.
fn refuse_misspelt(names: impl Iterator<Item = String>) -> anyhow::Result<()> {
    const FIRST: [&str; 17] = [
        "DATA",
        "SERVER",
        "DATABASE",
        "SECRETS",
        "ACCESS",
        "MAIL",
        "ENGINE",
        "QUOTAS",
        "COMMANDS",
        "CONSOLES",
        "INSTANCES",
        "BILLING",
        "PAYMENTS",
        "INVOICES",
        "LEASES",
        "WEBHOOKS",
        "LOG",
    ];
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
    fn proxies_and_mail_are_read() {
        let config = read(
            "[server]\npublic_url = 'https://x.example/'\ntrusted_proxies = ['10.0.0.0/8', '::1']
            [mail]\nhost = 'mail.example.org'\nfrom = 'Inn <a@example.org>'\nuser = 'u'\npassword = 'not-a-default'",
        );
        let config = config.unwrap();
        assert_eq!(config.server.trusted_proxies.len(), 2);
        let options = config.engine_options().unwrap();
        assert!(options.access.mailer.is_some());
        assert_eq!(options.access.public_url.as_deref(), Some("https://x.example"));
        let config = read("[server]\ntrusted_proxies = '10.0.0.0/8, ::1'").unwrap();
        assert_eq!(config.server.trusted_proxies.len(), 2, "as the environment gives them");
    }

    #[test]
    fn webhooks_are_told_on_the_internet_only_unless_networks_are_named() {
        let options = |text: &str| read(text).and_then(|config| config.engine_options());
        let inside = "https://10.0.0.7/in";
        assert!(options("").unwrap().webhooks.address(inside).is_err());
        let named = options("[webhooks]\nown_networks = ['10.0.0.0/24']").unwrap();
        assert!(
            named.webhooks.address(inside).is_ok() && named.webhooks.address("https://10.0.1.7/in").is_err()
        );
        for bad in ["own_networks = ['10.0.0.1/24']", "networks = []", "ca_file = '/no/such/file.pem'"] {
            assert!(options(&format!("[webhooks]\n{bad}")).is_err(), "{bad}");
        }
    }

    #[test]
    fn other_houses_are_read_and_checked_at_start() {
        let with = |provider: &str| {
            let text = "[server]\npublic_url = 'https://x.example'\n[[access.oidc]]\nissuer = 'https://id.example'\nclient_id = 'inn'\n";
            read(&format!("{text}{provider}")).and_then(|config| config.engine_options())
        };
        let options = with("name = 'lodge'\ntitle = 'The Lodge'\nclient_secret = 'not-a-default'").unwrap();
        let [lodge] = &options.access.providers[..] else { panic!("{options:?}") };
        assert_eq!(
            (lodge.name.as_str(), lodge.title.as_str(), lodge.link_verified_email),
            ("lodge", "The Lodge", false)
        );
        for bad in [
            "name = 'lodge'",
            "name = 'The Lodge'\nclient_secret = 'x'",
            "name = 'lodge'\nclient_secret = ''",
            "name = 'lodge'\nclient_secret_file = '/nonexistent'",
            "name = 'lodge'\nclient_secret = 'x'\ncolour = 'red'",
        ] {
            assert!(with(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_nobody_knows_is_refused() {
        for text in [
            "colour = 'red'",
            "[server]\nlisten_on = '1'",
            "[engine]\nworkers = 0",
            "[engine]\nworkers = 4000000000000000000",
            "[engine]\ntasks_per_node = -1",
            "[quotas]\ninstances = -1",
            "[consoles]\nper_node = 101",
            "[consoles]\nidle_s = 0",
            "[consoles]\nmessage_bytes = 10",
            "[billing]\ncycle_s = 0",
            "[payments]\nenabled = true",
            "[payments]\ncurrency = 'EUR'",
            "[invoices]\nseller = ['']",
            "[database]\nurl = 'mysql://x'",
            "[server]\ntrusted_proxies = ['10.0.0.1/8']",
            "[access]\nregistration = 'everybody'",
            "[access]\naccess_token_minutes = 0",
            "[mail]\nfolder = '/x'",
            "[mail]\nfolder = '/x'\nfrom = 'a@example.org'",
            "[mail]\nfrom = 'a@example.org'",
            "[server]\npublic_url = 'https://x'\n[mail]\nfolder = '/x'\nhost = 'y'\nfrom = 'a@example.org'",
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
