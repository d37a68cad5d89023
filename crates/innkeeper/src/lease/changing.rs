//! What the holder of a lease does with it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

use super::buying::{Paid, Paying};
use super::proof::{Proof, Showing};
use super::{Of, kept, shown};
use crate::client::{Remote, Server, cell};
use crate::instances::confirmed;
use crate::{commands, consoles};

/// Give it another size. What is left of its time is worth as much as before, so that it ends sooner or later.
#[derive(Debug, Args)]
pub(crate) struct Resize {
    #[command(flatten)]
    of: Of,
    /// A plan, by name or id.
    #[arg(long, conflicts_with_all = ["cores", "memory_mib", "disk_gib"])]
    plan: Option<String>,
    /// Cores; what is not said stays as it is.
    #[arg(long)]
    cores: Option<u32>,
    /// Memory in MiB.
    #[arg(long)]
    memory_mib: Option<u32>,
    /// Disk in GiB; it cannot become smaller.
    #[arg(long)]
    disk_gib: Option<u32>,
}

/// Run a command in it: `innkeeper lease exec ID -- uname -a`. Standard input is passed on when it is no terminal; so is
/// the exit code.
#[derive(Debug, Args)]
pub(crate) struct Exec {
    /// The lease's id.
    id: String,
    /// Seconds after which it is killed.
    #[arg(long, default_value_t = 60)]
    timeout: u32,
    /// As whom; root by default.
    #[arg(long)]
    user: Option<String>,
    /// Take the command as a script for `/bin/sh`.
    #[arg(long)]
    script: bool,
    #[command(flatten)]
    calling: Calling,
    /// The program and its arguments.
    #[arg(required = true, last = true)]
    command: Vec<String>,
}

/// Type into its terminal; Ctrl-] leaves it.
#[derive(Debug, Args)]
pub(crate) struct Console {
    /// The lease's id.
    id: String,
    #[command(flatten)]
    calling: Calling,
}

/// By what the lease is yours, and how a call is paid where it costs something.
#[derive(Debug, Args)]
struct Calling {
    /// The file with the lease's token; see `innkeeper lease show --help`.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Where commands and consoles cost something.
    #[command(flatten)]
    paying: Paying,
    #[command(flatten)]
    remote: Remote,
}

/// Give it up before its time: its instance is removed for good, and what is left of the time is not paid back.
#[derive(Debug, Args)]
pub(crate) struct End {
    #[command(flatten)]
    of: Of,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

/// Make another token for it; the one before ends.
#[derive(Debug, Args)]
pub(crate) struct Token {
    #[command(flatten)]
    of: Of,
    /// Keep it for the commands that come after, in a file that only you can read.
    #[arg(long)]
    save: bool,
}

/// Take it into your account: sign in first, and show its token or its wallet.
#[derive(Debug, Args)]
pub(crate) struct Claim {
    #[command(flatten)]
    of: Of,
}

/// A script for the first start.
pub(super) fn script(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))
}

impl Resize {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let body = if let Some(plan) = &self.plan {
            json!({ "plan": plan })
        } else if self.cores.or(self.memory_mib).or(self.disk_gib).is_none() {
            bail!("say how big: --plan, or any of --cores, --memory-mib and --disk-gib");
        } else {
            let mut size = self.of.ask(Method::GET, "", None).await?["size"].take();
            let wanted =
                [("cores", self.cores), ("memory_mib", self.memory_mib), ("disk_gib", self.disk_gib)];
            for (name, wanted) in wanted {
                if let Some(wanted) = wanted {
                    size[name] = wanted.into();
                }
            }
            json!({ "size": size })
        };
        let lease = self.of.ask(Method::POST, "/resize", Some(&body)).await?;
        self.of.remote.tell(&lease, || shown::lease(&lease));
        Ok(())
    }
}

impl Calling {
    /// Makes a call, and pays it where it must be paid.
    async fn call(&self, id: &str, what: &str, body: Value) -> anyhow::Result<(Server, Value)> {
        let server = Server::find(&self.remote)?;
        let proof: Proof =
            Showing::of(self.token_file.clone(), &self.paying.wallet).find(&server, Some(id))?;
        let path = format!("/api/v1/leases/{id}/{what}");
        let Paid { answer } = self.paying.buy(&server, &path, body, Some(&proof)).await?;
        if answer["order"].is_object() {
            bail!(
                "the call is ordered, and was not made: {}\n  see `innkeeper lease orders {}`",
                cell(&answer["order"]["state"]),
                cell(&answer["order"]["id"])
            );
        }
        Ok((server, answer))
    }
}

impl Exec {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let command =
            if self.script { json!({ "script": self.command.join(" ") }) } else { json!(self.command) };
        let mut body = json!({ "command": command, "timeout_seconds": self.timeout });
        if let Some(user) = &self.user {
            body["user"] = user.as_str().into();
        }
        match String::from_utf8(commands::input()?) {
            Ok(text) if text.is_empty() => {}
            Ok(text) => body["input"] = text.into(),
            Err(error) => body["input_base64"] = STANDARD.encode(error.into_bytes()).into(),
        }
        let (_, answer) = self.calling.call(&self.id, "exec", body).await?;
        commands::told(&answer, &self.calling.remote, self.timeout)
    }
}

impl Console {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        consoles::check_terminal()?;
        let (server, offered) = self.calling.call(&self.id, "console", json!({ "kind": "text" })).await?;
        consoles::enter(&server, &offered, &self.id).await
    }
}

impl End {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        if !self.yes && !confirmed(&self.of.id, "ends the lease, and removes its instance for good:")? {
            bail!("not confirmed; nothing was changed");
        }
        let lease = self.of.ask(Method::DELETE, "", None).await?;
        kept::forget(Server::find(&self.of.remote)?.url(), &self.of.id)?;
        self.of.remote.tell(&lease, || format!("{} is being removed", cell(&lease["id"])));
        Ok(())
    }
}

impl Token {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let answer = self.of.ask(Method::POST, "/token", None).await?;
        let token = answer["token"].as_str().context("the server's answer holds no token")?;
        if self.save {
            kept::keep(Server::find(&self.of.remote)?.url(), &self.of.id, token)?;
        }
        self.of.remote.tell(&answer, || token.to_owned());
        Ok(())
    }
}

impl Claim {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let server = Server::find(&self.of.remote)?;
        let proof = self.of.showing.find(&server, Some(&self.of.id))?;
        let path = format!("/api/v1/leases/{}/claim", self.of.id);
        let reply = proof.ask_beside(&server, &path).await?;
        let lease = server.read(&path, &reply)?;
        self.of.remote.tell(&lease, || format!("{} is yours", cell(&lease["id"])));
        Ok(())
    }
}
