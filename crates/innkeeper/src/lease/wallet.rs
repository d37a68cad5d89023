//! `innkeeper wallet`, and the wallet that pays and signs in: a key in a file of its own, never on the command line.

use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand};
use innkeeper_connectors::x402::eip712::checksummed;
use innkeeper_connectors::x402::wallet::Wallet;
use secrecy::{ExposeSecret as _, SecretString};

use crate::out::say;

/// The variable that holds a key, for where there are no files.
const VARIABLE: &str = "INNKEEPER_WALLET_KEY";

/// Look after wallets: keys that pay for leases.
#[derive(Debug, Subcommand)]
pub(crate) enum Wallets {
    /// Make a new one. Whoever has the file has the money: keep it, and keep a copy.
    New {
        /// The file for its key; it must not be there yet.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Tell a wallet's address.
    Address {
        #[command(flatten)]
        wallet: WalletOf,
    },
}

/// Where the wallet is.
#[derive(Debug, Default, Args)]
pub(crate) struct WalletOf {
    /// The file with the wallet's key in hexadecimal; without it, the variable `INNKEEPER_WALLET_KEY` may hold the key.
    #[arg(long, value_name = "FILE")]
    pub(crate) wallet_key_file: Option<PathBuf>,
}

impl WalletOf {
    /// The wallet of the file.
    pub(crate) fn in_file(&self) -> anyhow::Result<Option<Wallet>> {
        self.wallet_key_file.as_deref().map(read).transpose()
    }

    /// The wallet of the file, or else of the environment.
    pub(crate) fn find(&self) -> anyhow::Result<Option<Wallet>> {
        if let Some(wallet) = self.in_file()? {
            return Ok(Some(wallet));
        }
        match std::env::var(VARIABLE) {
            Ok(key) if !key.is_empty() => {
                Wallet::from_hex(&key.into()).map(Some).with_context(|| format!("{VARIABLE} cannot be used"))
            }
            _ => Ok(None),
        }
    }
}

fn read(file: &Path) -> anyhow::Result<Wallet> {
    let shown = file.display();
    let about = std::fs::metadata(file).with_context(|| format!("{shown} cannot be read"))?;
    ensure!(
        about.permissions().mode().trailing_zeros() >= 6,
        "{shown}: others can read this key; make it yours alone (`chmod 600 {shown}`)"
    );
    let key: SecretString =
        std::fs::read_to_string(file).with_context(|| format!("{shown} cannot be read"))?.into();
    Wallet::from_hex(&key).with_context(|| format!("{shown} cannot be used"))
}

/// Writes a wallet's key where nothing is yet.
pub(crate) fn write_new(file: &Path, wallet: &Wallet) -> anyhow::Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut opened = options.open(file).with_context(|| format!("{} cannot be made", file.display()))?;
    writeln!(opened, "{}", wallet.to_hex().expose_secret())?;
    Ok(opened.sync_all()?)
}

impl Wallets {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self {
            Self::New { out } => {
                let wallet = Wallet::random();
                write_new(&out, &wallet)?;
                say!("{}", checksummed(wallet.address()));
            }
            Self::Address { wallet } => {
                let wallet = wallet.find()?.context("say which: --wallet-key-file FILE")?;
                say!("{}", checksummed(wallet.address()));
            }
        }
        Ok(())
    }
}
