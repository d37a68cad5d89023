//! `innkeeper admin`: for whoever may read the database's machine anyway.

use anyhow::Context;
use clap::Subcommand;
use innkeeper_domain::access::Actor;
use innkeeper_domain::audit::Doer;
use innkeeper_domain::users::Role;
use innkeeper_engine::NewUser;
use secrecy::SecretString;

use crate::config::Config;
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
}

impl Admin {
    pub(crate) async fn run(self, config: &Config) -> anyhow::Result<()> {
        match self {
            Self::Create { email, name } => create(config, email, name).await,
            Self::CheckLedger => check_ledger(config).await,
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
