//! Talking to a server as its HTTP clients do: sign-in, requests, problems told to people.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use anyhow::{Context, bail};
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::admin::read_password;
use crate::out::say;

/// How the commands that talk to a server find it.
#[derive(Debug, clap::Args)]
pub(crate) struct Remote {
    /// The server's address; by default the one of the last `innkeeper login`.
    #[arg(long, env = "INNKEEPER_URL", value_name = "URL")]
    pub url: Option<String>,
    /// The token of a session, or a key; by default the one of the last `innkeeper login`. Better given by the environment than typed.
    #[arg(long, env = "INNKEEPER_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub token: Option<String>,
    /// Print the server's JSON instead of text.
    #[arg(long)]
    pub json: bool,
}

impl Remote {
    /// Tells an answer: the server's JSON if that was asked for, else these words.
    pub(crate) fn tell(&self, answer: &Value, words: impl FnOnce() -> String) {
        if self.json {
            say!("{answer:#}");
        } else {
            say!("{}", words());
        }
    }

    /// Tells a list: the server's JSON if that was asked for, else a table.
    pub(crate) fn tell_list(
        &self,
        items: Vec<Value>,
        headings: &[&str],
        row: impl Fn(&Value) -> Vec<String>,
    ) {
        if self.json {
            say!("{:#}", Value::Array(items));
        } else {
            table(headings, &items.iter().map(row).collect::<Vec<_>>());
        }
    }
}

/// These fields of a row, as cells of a table.
pub(crate) fn cells(row: &Value, names: &[&str]) -> Vec<String> {
    names.iter().map(|name| cell(&row[*name])).collect()
}

/// Sign in to a server; the other commands then act as you.
#[derive(Debug, clap::Args)]
pub(crate) struct Login {
    /// The server's address, for example `http://127.0.0.1:8080`.
    #[arg(long, env = "INNKEEPER_URL", value_name = "URL")]
    url: String,
    /// Your e-mail address.
    #[arg(long)]
    email: String,
}

/// Where one signs in.
const SIGN_IN: &str = "/api/v1/sessions";

/// Where a sign-in is kept, readable by its owner only.
#[derive(Serialize, Deserialize)]
struct Kept {
    url: String,
    token: String,
}

impl Login {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let url = address(&self.url)?;
        let password = read_password("Password: ")?;
        let server = Server { url, token: None, http: http()? };
        let body = json!({ "email": self.email, "password": password.expose_secret() });
        let answer = server.request(Method::POST, SIGN_IN, Some(&body)).await?;
        let token = answer["token"].as_str().context("the server's answer holds no token")?;
        let file = kept_in()?;
        let kept = serde_json::to_vec(&Kept { url: server.url, token: token.to_owned() })?;
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        // Removed first, so that an older file with looser rights cannot lend them to this one.
        let _ = std::fs::remove_file(&file);
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file)?.write_all(&kept)?;
        say!("signed in as {}", self.email);
        Ok(())
    }
}

fn kept_in() -> anyhow::Result<PathBuf> {
    let base = match (std::env::var_os("XDG_CONFIG_HOME"), std::env::var_os("HOME")) {
        (Some(config), _) if !config.is_empty() => PathBuf::from(config),
        (_, Some(home)) => PathBuf::from(home).join(".config"),
        _ => bail!("set HOME, so that the sign-in has a place"),
    };
    Ok(base.join("innkeeper").join("session.json"))
}

fn http() -> anyhow::Result<reqwest::Client> {
    reqwest::Client::builder()
        .user_agent(concat!("innkeeper/", env!("CARGO_PKG_VERSION")))
        .timeout(std::time::Duration::from_secs(90))
        .build()
        .context("the HTTP client cannot be set up")
}

/// A server's address as we keep it. One without a scheme would only be refused later, in words that help nobody.
fn address(url: &str) -> anyhow::Result<String> {
    if !url.starts_with("http://") && !url.starts_with("https://") {
        bail!("the address {url} must begin with http:// or https://");
    }
    Ok(url.trim_end_matches('/').to_owned())
}

/// A server, and who we are there.
pub(crate) struct Server {
    url: String,
    token: Option<SecretString>,
    http: reqwest::Client,
}

impl Server {
    /// The server that was named, or the one of the last sign-in.
    pub(crate) fn find(remote: &Remote) -> anyhow::Result<Self> {
        let kept: Option<Kept> =
            std::fs::read(kept_in()?).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let (kept_url, kept_token) = kept.map(|kept| (kept.url, kept.token)).unzip();
        let url = remote.url.as_deref().map(address).transpose()?.or(kept_url.clone());
        let Some(url) = url else { bail!("sign in first: `innkeeper login --url … --email …`") };
        // A token is only ever sent to the server that gave it.
        let kept_token = kept_token.filter(|_| kept_url.as_deref() == Some(&url));
        let token = remote.token.clone().or(kept_token).map(SecretString::from);
        Ok(Self { url, token, http: http()? })
    }

    /// Reads something.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.request(Method::GET, path, None).await
    }

    /// Makes a request; a problem becomes an error that says what to do.
    pub(crate) async fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let (status, bytes) = self.exchange(&method, path, body).await?;
        let text = String::from_utf8_lossy(&bytes);
        if status.is_success() {
            return if text.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_str(&text)?) };
        }
        self.refused(status, path, &text)
    }

    /// Reads a file.
    pub(crate) async fn download(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        let (status, bytes) = self.exchange(&Method::GET, path, None).await?;
        if status.is_success() {
            return Ok(bytes);
        }
        self.refused(status, path, &String::from_utf8_lossy(&bytes)).map(|_: Value| Vec::new())
    }

    async fn exchange(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<(reqwest::StatusCode, Vec<u8>)> {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose_secret());
        }
        if *method == Method::POST {
            request = request.header("Idempotency-Key", format!("{:032x}", rand::random::<u128>()));
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| self.unanswered(&error))?;
        let status = response.status();
        let bytes = response.bytes().await.context("the answer broke off")?;
        Ok((status, bytes.into()))
    }

    /// A problem becomes an error that says what to do.
    fn refused(&self, status: reqwest::StatusCode, path: &str, text: &str) -> anyhow::Result<Value> {
        let problem: Value = serde_json::from_str(text).unwrap_or_default();
        if problem["code"].is_null() {
            bail!("{} answers {status}, but not as Innkeeper does; is the address right?", self.url);
        }
        let detail = problem["detail"].as_str().or(problem["title"].as_str()).unwrap_or("no reason given");
        let told = match problem["field"].as_str() {
            Some(field) if !detail.starts_with(field) => format!("{field}: {detail}"),
            _ => detail.to_owned(),
        };
        // What the server advises is said to programs; here these are the commands.
        let remedy = match problem["code"].as_str() {
            Some("unauthenticated") if self.token.is_some() => Some("run `innkeeper login` again"),
            Some("unauthenticated") if path != SIGN_IN => Some("run `innkeeper login` for this server"),
            Some("unauthenticated") => None,
            Some("no_such_route") => Some("give the server's address without a path"),
            Some("operation_in_progress") => Some("wait until it has ended, or delete the instance"),
            _ => problem["remedy"].as_str(),
        };
        match remedy {
            Some(remedy) => bail!("{told}\n  {remedy}"),
            None => bail!("{told}"),
        }
    }

    /// Why no answer came: the last cause says it, those before it only repeat the address.
    fn unanswered(&self, error: &reqwest::Error) -> anyhow::Error {
        let mut cause: &dyn std::error::Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        let advice =
            if error.is_connect() { "\n  is the server running, and is this its address?" } else { "" };
        anyhow::anyhow!("{} does not answer: {cause}{advice}", self.url)
    }

    /// Follows an operation to its end, telling each step as it happens.
    pub(crate) async fn follow(&self, operation: &Value, quiet: bool) -> anyhow::Result<Value> {
        let id = operation["id"].as_str().context("the server's answer holds no operation")?.to_owned();
        let (mut told, mut undoing) = (0, false);
        loop {
            // Short waits, so that steps are shown while they run.
            let now = self.get(&format!("/api/v1/operations/{id}?wait=1s")).await?;
            let steps = now["steps"].as_array().cloned().unwrap_or_default();
            let ended = now["state"]
                .as_str()
                .is_some_and(|state| matches!(state, "succeeded" | "failed" | "superseded"));
            for step in steps.iter().skip(told) {
                let state = step["state"].as_str().unwrap_or_default();
                if state == "running" && !ended {
                    break;
                }
                told += 1;
                if !quiet {
                    let act = step["act"].as_str().unwrap_or_default();
                    let detail =
                        step["detail"].as_str().map(|detail| format!(" ({detail})")).unwrap_or_default();
                    eprintln!("  {act}: {state}{detail}");
                }
            }
            if ended {
                return Ok(now);
            }
            // It may take long when Proxmox does not answer; a person should not wonder what is going on.
            if now["state"] == "undoing" && !undoing {
                undoing = true;
                if !quiet {
                    eprintln!("  undoing: {}", cell(&now["error"]["message"]));
                }
            }
        }
    }
}

/// Prints rows under headings, each column as wide as its widest cell.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([headings[column].len()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded: Vec<String> =
            cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        say!("{}", padded.join("  ").trim_end());
    };
    line(headings.to_vec());
    for row in rows {
        line(row.iter().map(String::as_str).collect());
    }
}

/// The id of what has this id or name. A name that fits several things is refused.
pub(crate) async fn find(server: &Server, noun: &str, wanted: &str) -> anyhow::Result<String> {
    let items = all(server, noun).await?;
    let fits = |row: &&Value| {
        row["id"] == wanted || row["name"].as_str().is_some_and(|n| n.eq_ignore_ascii_case(wanted))
    };
    let mut found = items.iter().filter(fits);
    let Some(first) = found.next() else {
        let names: Vec<&str> = items.iter().filter_map(|row| row["name"].as_str()).take(20).collect();
        let more = if items.len() > names.len() { ", …" } else { "" };
        let there = match names.as_slice() {
            [] => format!("there are no {noun} yet"),
            names => format!("there are: {}{more}", names.join(", ")),
        };
        bail!("no {} is called {wanted}\n  {there}", noun.trim_end_matches('s'));
    };
    if found.next().is_some() {
        bail!("several {noun} are called {wanted}; use the id");
    }
    Ok(first["id"].as_str().context("the server's answer holds no id")?.to_owned())
}

/// Everything of a list, page by page.
pub(crate) async fn all(server: &Server, noun: &str) -> anyhow::Result<Vec<Value>> {
    all_of(server, noun, "").await
}

/// The same for what a query narrows it down to.
pub(crate) async fn all_of(server: &Server, noun: &str, query: &str) -> anyhow::Result<Vec<Value>> {
    let mut items = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = server.get(&format!("/api/v1/{noun}?limit=200&{query}{cursor}")).await?;
        items.extend(page["items"].as_array().cloned().unwrap_or_default());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(items),
        }
    }
}

/// A value as a cell of a table.
pub(crate) fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
