//! `innkeeper instance run`, `password`, `keys`: what is done inside instances, as a client of the server.

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::PathBuf;

use anyhow::{Context, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::admin::read_password;
use crate::client::{Remote, Server, cell, find};
use crate::out::say;

/// The most that is read from standard input: what a command may be given.
const MOST_INPUT: u64 = 64 * 1024;

/// What a shell makes of a program that was killed.
const KILLED: i32 = 137;

/// Run a command in it: `innkeeper instance run NAME -- uname -a`. Standard input is passed on when it is no terminal; so
/// is the exit code.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Its name or id.
    instance: String,
    /// Seconds after which it is killed.
    #[arg(long, default_value_t = 60)]
    timeout: u32,
    /// As whom; root by default.
    #[arg(long)]
    user: Option<String>,
    /// By which way: `agent`, `ssh` or `node`; the best one by default.
    #[arg(long)]
    by: Option<String>,
    /// Take the command as a script for `/bin/sh`.
    #[arg(long)]
    script: bool,
    #[command(flatten)]
    remote: Remote,
    /// The program and its arguments.
    #[arg(required = true, last = true)]
    command: Vec<String>,
}

/// Set the password of a user in it.
#[derive(Debug, Args)]
pub(crate) struct Password {
    /// Its name or id.
    instance: String,
    /// Of whom; root by default.
    #[arg(long)]
    user: Option<String>,
    /// Ask for the password, or read it from standard input; without this, one is chosen and shown.
    #[arg(long)]
    ask: bool,
    #[command(flatten)]
    remote: Remote,
}

/// Set which keys may sign in to it, in place of those that were set before.
#[derive(Debug, Args)]
pub(crate) struct Keys {
    /// Its name or id.
    instance: String,
    /// Files with public keys in OpenSSH form, one on each line; without any, all keys that were set are taken out.
    files: Vec<PathBuf>,
    /// Whose; root's by default.
    #[arg(long)]
    user: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

impl Run {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let server = Server::find(&self.remote)?;
        let id = find(&server, "instances", &self.instance).await?;
        let command =
            if self.script { json!({ "script": self.command.join(" ") }) } else { json!(self.command) };
        let mut body = json!({
            "command": command, "timeout_seconds": self.timeout, "user": self.user, "by": self.by,
        });
        match String::from_utf8(input()?) {
            Ok(text) if text.is_empty() => {}
            Ok(text) => body["input"] = text.into(),
            Err(error) => body["input_base64"] = STANDARD.encode(error.into_bytes()).into(),
        }
        let path = format!("/api/v1/instances/{id}/commands");
        let answer = server.request(Method::POST, &path, Some(&body)).await?;
        told(&answer, &self.remote, self.timeout)
    }
}

/// Passes on what a command said, and ends as it did.
pub(crate) fn told(answer: &Value, remote: &Remote, timeout: u32) -> anyhow::Result<()> {
    if remote.json {
        say!("{answer:#}");
        return Ok(());
    }
    // Whoever reads may have enough of it.
    let _ = std::io::stdout().write_all(&output(answer, "stdout")?);
    let _ = std::io::stderr().write_all(&output(answer, "stderr")?);
    let _ = std::io::stdout().flush();
    for name in ["stdout", "stderr"] {
        if answer[format!("{name}_truncated")] == true {
            eprintln!("innkeeper: {name} is cut off");
        }
    }
    if answer["timed_out"] == true {
        eprintln!("innkeeper: it was killed after {timeout} s");
    } else if let Some(signal) = answer["signal"].as_str() {
        eprintln!("innkeeper: it was ended by signal {signal}");
    }
    let code = answer["exit_code"].as_i64().map_or(KILLED, |code| i32::try_from(code).unwrap_or(KILLED));
    std::process::exit(code);
}

/// What is piped to us, if anything.
pub(crate) fn input() -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if !std::io::stdin().is_terminal() {
        std::io::stdin().take(MOST_INPUT + 1).read_to_end(&mut bytes)?;
    }
    if bytes.len() as u64 > MOST_INPUT {
        bail!("a command can be given {} KiB at most; copy larger files by scp", MOST_INPUT / 1024);
    }
    Ok(bytes)
}

/// An output, to the byte.
fn output(answer: &Value, name: &str) -> anyhow::Result<Vec<u8>> {
    match answer[format!("{name}_base64")].as_str() {
        Some(coded) => STANDARD.decode(coded).context("the server's answer cannot be read"),
        None => Ok(answer[name].as_str().unwrap_or_default().as_bytes().to_vec()),
    }
}

impl Password {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let server = Server::find(&self.remote)?;
        let id = find(&server, "instances", &self.instance).await?;
        let mut body = json!({ "user": self.user });
        if self.ask {
            body["password"] = read_password("New password: ")?.expose_secret().into();
        }
        let path = format!("/api/v1/instances/{id}/password");
        let answer = server.request(Method::POST, &path, Some(&body)).await?;
        self.remote.tell(&answer, || match answer["password"].as_str() {
            Some(password) => format!("{}  {password}", cell(&answer["user"])),
            None => format!("the password of {} is set", cell(&answer["user"])),
        });
        Ok(())
    }
}

impl Keys {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let mut keys = Vec::new();
        for file in &self.files {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("{} cannot be read", file.display()))?;
            let lines = text.lines().map(str::trim);
            keys.extend(lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned));
        }
        let server = Server::find(&self.remote)?;
        let id = find(&server, "instances", &self.instance).await?;
        let path = format!("/api/v1/instances/{id}/ssh-keys");
        let body = json!({ "ssh_keys": keys, "user": self.user });
        let answer = server.request(Method::PUT, &path, Some(&body)).await?;
        self.remote.tell(&answer, || format!("{} keys may sign in", keys.len()));
        Ok(())
    }
}
