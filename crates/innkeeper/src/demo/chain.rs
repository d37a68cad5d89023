//! The demo's chain: worthless dollars on this machine, and whoever settles payments in them, by the programs of
//! `deploy/chain`. It ends with the demo, however that ends: its standard input closes then.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use innkeeper_connectors::x402::wallet::Wallet;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::config::{Leases, Pay};
use crate::lease::wallet::write_new;

macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("../../../../deploy/chain/", $name)))),+]
    };
}

/// All that it consists of, but for its packages.
const FILES: [(&str, &str); 8] = files![
    ".npmrc",
    "package.json",
    "package-lock.json",
    "modules.mjs",
    "anvil.mjs",
    "facilitator.mjs",
    "stack.mjs",
    "token.json",
];

/// What the packages take on disk.
const MEGABYTES: u32 = 134;

/// How long the packages may take to come, and the chain to start.
const INSTALL: Duration = Duration::from_mins(10);
const START: Duration = Duration::from_mins(1);

/// How long it may take to end.
const FAREWELL: Duration = Duration::from_secs(5);

/// Where packages are that somebody has installed before; see the chain's own description.
const MODULES: &str = "CHAIN_MODULES";

/// A chain that runs.
pub(super) struct Chain {
    child: Child,
    /// Read by nobody, kept so that it does not close.
    _said: BufReader<ChildStdout>,
    stands: Stands,
    /// The file with the key of a wallet that has dollars.
    pub(super) buyer: PathBuf,
}

/// What it says when it is ready.
#[derive(Deserialize)]
struct Stands {
    rpc: String,
    facilitator: String,
    network: String,
    usdc: String,
    keys: Keys,
    addresses: Addresses,
}

#[derive(Deserialize)]
struct Keys {
    alice: String,
}

#[derive(Deserialize)]
struct Addresses {
    seller: String,
}

impl Chain {
    /// Starts it, with its packages got first if they are not here yet. The error says what the demo lacks.
    pub(super) async fn start(folder: &Path) -> anyhow::Result<Self> {
        node().await?;
        let mut command = Command::new("node");
        let place = if let Some(modules) = std::env::var_os(MODULES).filter(|modules| !modules.is_empty()) {
            // As it is from here: node runs elsewhere.
            command.env(MODULES, std::path::absolute(modules)?);
            let place = folder.join("chain");
            write(&place)?;
            place
        } else {
            command.env_remove(MODULES);
            installed(folder).await?
        };
        let mut child = command
            .arg("stack.mjs")
            .current_dir(&place)
            .env("RPC_PORT", "0")
            .env("FAC_PORT", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("node cannot be started")?;
        let (said, complaint) = (child.stdout.take(), child.stderr.take());
        let mut said = BufReader::new(said.context("node has no output")?);
        let mut complaint = complaint.context("node has no output")?;
        let mut line = String::new();
        let read = timeout(START, said.read_line(&mut line)).await.context("the chain does not start")?;
        if read.unwrap_or(0) == 0 {
            let mut text = String::new();
            let _ = timeout(FAREWELL, complaint.read_to_string(&mut text)).await;
            bail!("the chain does not start: {}", last_line(&text));
        }
        // Read to the end, or it would one day wait for room in the pipe.
        tokio::spawn(async move { tokio::io::copy(&mut complaint, &mut tokio::io::sink()).await });
        let stands: Stands = serde_json::from_str(&line).context("the chain says something unexpected")?;
        let buyer = folder.join("buyer.key");
        write_new(&buyer, &Wallet::from_hex(&stands.keys.alice.clone().into())?)?;
        Ok(Self { child, _said: said, stands, buyer })
    }

    /// How leases are paid on it.
    pub(super) fn leases(&self) -> Leases {
        let pay = Pay {
            network: self.stands.network.clone(),
            asset: Some(self.stands.usdc.clone()),
            pay_to: self.stands.addresses.seller.clone(),
            rpc_url: self.stands.rpc.clone().into(),
            facilitator_url: self.stands.facilitator.clone(),
            ..Pay::default()
        };
        Leases { pay: vec![pay], ..Leases::default() }
    }

    /// Where the chain answers.
    pub(super) fn rpc(&self) -> &str {
        &self.stands.rpc
    }

    /// Ends it, and waits for that.
    pub(super) async fn end(mut self) {
        drop(self.child.stdin.take());
        if timeout(FAREWELL, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }
}

/// Whether Node is here, and new enough.
async fn node() -> anyhow::Result<()> {
    for (program, least) in [("node", 20), ("npm", 9)] {
        let asked = Command::new(program).arg("--version").stdin(Stdio::null()).output().await;
        let told = asked.ok().filter(|told| told.status.success());
        let told = told.with_context(|| format!("{program} is not here (Node {least} or newer, with npm)"));
        let told = String::from_utf8_lossy(&told?.stdout).trim().to_owned();
        let major = told.trim_start_matches('v').split('.').next().and_then(|text| text.parse::<u32>().ok());
        ensure!(
            major.is_some_and(|major| major >= least),
            "{program} is too old ({told}; {least} is needed)"
        );
    }
    Ok(())
}

/// The folder with the chain and its packages, by what they are: another release has another one.
async fn installed(folder: &Path) -> anyhow::Result<PathBuf> {
    let mut hash = Sha256::new();
    for (name, text) in FILES {
        hash.update(name);
        hash.update([0]);
        hash.update(text);
        hash.update([0]);
    }
    let name = format!("chain-{}", &hex::encode(hash.finalize())[..16]);
    let cache = match (std::env::var_os("XDG_CACHE_HOME"), std::env::var_os("HOME")) {
        (Some(cache), _) if !cache.is_empty() => PathBuf::from(cache).join("innkeeper"),
        (_, Some(home)) if !home.is_empty() => PathBuf::from(home).join(".cache").join("innkeeper"),
        _ => folder.to_owned(),
    };
    let place = cache.join(&name);
    if place.is_dir() {
        return Ok(place);
    }
    println!("getting the packages of the test chain (about {MEGABYTES} MB, once) into {}", place.display());
    // Made beside and renamed: a demo that is broken off, or another one, never leaves half of it.
    let beside = cache.join(format!("{name}.{:08x}", rand::random::<u32>()));
    write(&beside)?;
    let done = install(&beside).await;
    if done.is_ok() && std::fs::rename(&beside, &place).is_err() {
        ensure!(place.is_dir(), "{} cannot be made", place.display());
    }
    let _ = std::fs::remove_dir_all(&beside);
    done.map(|()| place)
}

async fn install(place: &Path) -> anyhow::Result<()> {
    let npm = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund"])
        .current_dir(place)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let npm = timeout(INSTALL, npm).await.context("npm does not come to an end")?;
    let npm = npm.context("npm cannot be started")?;
    let said = String::from_utf8_lossy(&npm.stderr);
    let why = said.lines().find(|line| line.contains("error")).unwrap_or_default();
    ensure!(npm.status.success(), "its packages could not be got: {}", why.trim());
    Ok(())
}

fn write(place: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(place).with_context(|| format!("{} cannot be made", place.display()))?;
    for (name, text) in FILES {
        std::fs::write(place.join(name), text)?;
    }
    Ok(())
}

fn last_line(text: &str) -> &str {
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it says nothing")
}
