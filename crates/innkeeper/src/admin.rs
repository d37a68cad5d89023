//! `innkeeper admin`: for whoever may read the database's machine anyway.

use anyhow::Context;
use clap::Subcommand;
use innkeeper_domain::access::Actor;
use innkeeper_domain::audit::Doer;
use innkeeper_domain::users::Role;
use innkeeper_engine::NewUser;
use secrecy::SecretString;

use crate::config::{Config, Found, try_desks};
use crate::house;

/// Look after administrators, on the machine of the database.
#[derive(Debug, Subcommand)]
pub(crate) enum Admin {
    /// Make an administrator; asks for the password, or reads it from standard input.
    Create {
        /// The e-mail address to sign in with.
        #[arg(long)]
        email: String,
        /// How to greet them; by default the part of the address before the @.
        #[arg(long)]
        name: Option<String>,
    },
    /// Add up the whole ledger, and say whether it is in order.
    CheckLedger,
    /// Ask the chains and facilitators by which leases are paid whether they are what the configuration takes them for.
    CheckLeases,
}

impl Admin {
    pub(crate) async fn run(self, config: &Config) -> anyhow::Result<()> {
        match self {
            Self::Create { email, name } => create(config, email, name).await,
            Self::CheckLedger => check_ledger(config).await,
            Self::CheckLeases => check_leases(config).await,
        }
    }
}

async fn create(config: &Config, email: String, name: Option<String>) -> anyhow::Result<()> {
    let name = name.unwrap_or_else(|| email.split('@').next().unwrap_or_default().to_owned());
    let new = NewUser {
        email: email.parse().context("--email")?,
        name: name.parse().context("--name")?,
        role: Role::Admin,
        password: read_password("Password: ")?,
    };
    let engine = house::open(config).await?;
    let user = if engine.is_new_house().await? {
        engine.create_first_admin(&Doer::from(&Actor::house()), new).await?
    } else {
        engine.create_user(&Actor::house(), new, None).await?
    };
    println!("{} can sign in now", user.email);
    Ok(())
}

async fn check_ledger(config: &Config) -> anyhow::Result<()> {
    let found = house::open(config).await?.audit_ledger(&Actor::house()).await?;
    anyhow::ensure!(
        found == innkeeper_store::ledger::Audit::default(),
        "the ledger is not in order: all entries come to {} instead of 0; {} postings are unbalanced, {} accounts \
         hold something else than their entries say, {} projects hold something else than their instances",
        found.sum,
        found.unbalanced,
        found.drifted,
        found.misheld,
    );
    println!("the ledger is in order");
    Ok(())
}

async fn check_leases(config: &Config) -> anyhow::Result<()> {
    let Some(leases) = config.leases()? else {
        anyhow::bail!("this house does not lease: there is no [leases] in its configuration");
    };
    if leases.desks.is_empty() {
        println!("leases are sold for credits only: there is no [[leases.pay]]");
    }
    let mut wrong = 0;
    for found in try_desks(&leases.desks).await {
        let (word, text) = match &found {
            Found::Good(text) => ("good", text),
            Found::Silent(text) => ("silent", text),
            Found::Wrong(text) => ("wrong", text),
        };
        wrong += u32::from(!matches!(found, Found::Good(_)));
        println!("{word:7} {text}");
    }
    anyhow::ensure!(wrong == 0, "{wrong} of these are not as they should be");
    Ok(())
}

/// Asks at the terminal without echo; reads one line when there is none.
pub(crate) fn read_password(prompt: &str) -> anyhow::Result<SecretString> {
    use std::io::IsTerminal as _;
    if std::io::stdin().is_terminal() {
        return Ok(rpassword::prompt_password(prompt)?.into());
    }
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).context("no password on standard input")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned().into())
}
