//! Talking to a server as its HTTP clients do: sign-in, requests, problems told to people.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, bail};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};
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
    /// A session token; by default the one of the last `innkeeper login`. Better given by the environment than typed.
    #[arg(long, env = "INNKEEPER_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub token: Option<String>,
    /// Print the server's JSON instead of text.
    #[arg(long)]
    pub json: bool,
}

/// One instance.
#[derive(Debug, clap::Args)]
pub(crate) struct One {
    /// Its name or id.
    pub instance: String,
    #[command(flatten)]
    pub remote: Remote,
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

    /// Tells everything that the server has of a noun, by these fields.
    pub(crate) async fn tell_all(&self, noun: &str, fields: &[&str]) -> anyhow::Result<()> {
        let items = all(&Server::find(self)?, noun).await?;
        self.tell_list(items, fields, |item| cells(item, fields));
        Ok(())
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

/// What is kept of a sign-in, in a file that only its owner can read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    url: String,
    token: String,
    /// Gets the next token; a sign-in of an older program has none.
    refresh_token: Option<String>,
}

impl Kept {
    fn of(url: &str, answer: &Value) -> anyhow::Result<Self> {
        let text = |name: &str| answer[name].as_str().map(str::to_owned);
        let token = text("token").context("the server's answer holds no token")?;
        Ok(Self { url: url.to_owned(), token, refresh_token: text("refresh_token") })
    }

    fn read() -> Option<Self> {
        std::fs::read(kept_in(SESSION).ok()?).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok())
    }

    fn write(&self) -> anyhow::Result<()> {
        write_private(&kept_in(SESSION)?, &serde_json::to_vec(self)?)
    }
}

/// Writes a file that only its owner can read: beside, and then renamed, so that another command that reads meanwhile
/// finds the old one or the new one.
pub(crate) fn write_private(file: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let folder = file.parent().context("the file has no place")?;
    std::fs::create_dir_all(folder)?;
    let beside = folder.join(format!(".innkeeper.{:016x}", rand::random::<u64>()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options.open(&beside)?.write_all(bytes)?;
    Ok(std::fs::rename(&beside, file)?)
}

impl Login {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let server =
            Server { url: address(&self.url)?, token: Mutex::default(), renews: false, http: http()? };
        let password = read_password("Password: ")?;
        let body = json!({ "email": self.email, "password": password.expose_secret() });
        let mut answer = server.request(Method::POST, SIGN_IN, Some(&body)).await?;
        if let Some(ticket) = answer["ticket"].as_str() {
            if answer["totp"] != true && answer["recovery_code"] != true {
                bail!("a passkey is asked for, which only a browser can give; sign in there");
            }
            let code = read_password("Code of your authenticator, or a recovery code: ")?;
            let code = code.expose_secret().trim();
            let is_code = code.len() <= 8 && code.bytes().all(|b| b.is_ascii_digit() || b == b' ');
            let body = json!({ "ticket": ticket, if is_code { "code" } else { "recovery_code" }: code });
            answer = server.request(Method::POST, &format!("{SIGN_IN}/second-factor"), Some(&body)).await?;
        }
        Kept::of(&server.url, &answer)?.write()?;
        say!("signed in as {}", self.email);
        Ok(())
    }
}

/// Sign out.
#[derive(Debug, clap::Args)]
pub(crate) struct Logout {}

impl Logout {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let Some(kept) = Kept::read() else { bail!("nobody is signed in here") };
        let remote = Remote { url: Some(kept.url), token: None, json: false };
        Server::find(&remote)?.request(Method::DELETE, "/api/v1/sessions/current", None).await?;
        std::fs::remove_file(kept_in(SESSION)?)?;
        say!("signed out");
        Ok(())
    }
}

/// The sign-in among what is kept.
const SESSION: &str = "session.json";

/// Where something is kept that belongs to whoever runs this.
pub(crate) fn kept_in(name: &str) -> anyhow::Result<PathBuf> {
    let base = match (std::env::var_os("XDG_CONFIG_HOME"), std::env::var_os("HOME")) {
        (Some(config), _) if !config.is_empty() => PathBuf::from(config),
        (_, Some(home)) => PathBuf::from(home).join(".config"),
        _ => bail!("set HOME, so that {name} has a place"),
    };
    Ok(base.join("innkeeper").join(name))
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

/// How long a command in an instance is waited for: for as long as it may run.
const LONGEST: std::time::Duration = std::time::Duration::from_secs(660);

/// An answer as it came.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    /// A header, if it is there and text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// A server, and who we are there.
pub(crate) struct Server {
    url: String,
    token: Mutex<Option<SecretString>>,
    /// Whether the token is the kept one, which we renew when it has ended.
    renews: bool,
    http: reqwest::Client,
}

impl Server {
    /// The server that was named, or the one of the last sign-in.
    pub(crate) fn find(remote: &Remote) -> anyhow::Result<Self> {
        let kept = Kept::read();
        let url = remote.url.as_deref().map(address).transpose()?;
        let Some(url) = url.or_else(|| kept.as_ref().map(|kept| kept.url.clone())) else {
            bail!("sign in first: `innkeeper login --url … --email …`")
        };
        // A token is only ever sent to the server that gave it.
        let kept = kept.filter(|kept| kept.url == url).filter(|_| remote.token.is_none());
        let renews = kept.is_some();
        let token = remote.token.clone().or(kept.map(|kept| kept.token)).map(SecretString::from);
        Ok(Self { url, token: Mutex::new(token), renews, http: http()? })
    }

    /// Its address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Whether somebody is signed in.
    pub(crate) fn signed_in(&self) -> bool {
        self.token().is_some()
    }

    /// Makes a request with these headers, as nobody unless they say who. Whatever comes back is an answer; an error
    /// means that it is not known whether the request arrived.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: HeaderMap,
    ) -> anyhow::Result<Reply> {
        let mut request = self.http.request(method, format!("{}{path}", self.url)).headers(headers);
        if path.ends_with("/exec") {
            request = request.timeout(LONGEST);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| self.unanswered(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes().await.context("the answer broke off")?;
        Ok(Reply { status, headers, text: String::from_utf8_lossy(&bytes).into_owned() })
    }

    /// The same, as whoever is signed in.
    pub(crate) async fn ask_signed_in(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        mut headers: HeaderMap,
    ) -> anyhow::Result<Reply> {
        for again in [false, true] {
            if let Some(token) = self.token() {
                let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))?;
                bearer.set_sensitive(true);
                headers.insert(AUTHORIZATION, bearer);
            }
            let reply = self.ask(method.clone(), path, body, headers.clone()).await?;
            if again || reply.status != StatusCode::UNAUTHORIZED || !self.renews || !self.renew().await? {
                return Ok(reply);
            }
        }
        bail!("{} does not let us in", self.url)
    }

    /// What an answer holds; a problem becomes an error that says what to do.
    pub(crate) fn read(&self, path: &str, reply: &Reply) -> anyhow::Result<Value> {
        if reply.status.is_success() {
            return if reply.text.is_empty() {
                Ok(Value::Null)
            } else {
                Ok(serde_json::from_str(&reply.text)?)
            };
        }
        self.refused(reply.status, path, &reply.text)
    }

    /// The address of a WebSocket of the server.
    pub(crate) fn websocket(&self, path: &str) -> String {
        // `http` becomes `ws`, and `https` becomes `wss`.
        format!("ws{}{path}", self.url.trim_start_matches("http"))
    }

    fn token(&self) -> Option<SecretString> {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gets the next token for the kept sign-in; false when it has ended for good.
    async fn renew(&self) -> anyhow::Result<bool> {
        let Some(kept) = Kept::read().filter(|kept| self.renews && kept.url == self.url) else {
            return Ok(false);
        };
        let ours = self.token();
        // Another command may have been faster; then its token is the one to use.
        let fresh = if ours.is_some_and(|token| token.expose_secret() == kept.token) {
            let Some(refresh_token) = &kept.refresh_token else { return Ok(false) };
            let request = self.http.post(format!("{}{SIGN_IN}/refresh", self.url));
            let request = request.json(&json!({ "refresh_token": refresh_token }));
            let response = request.send().await.map_err(|error| self.unanswered(&error))?;
            if !response.status().is_success() {
                return Ok(false);
            }
            let fresh = Kept::of(&self.url, &response.json().await.context("the answer broke off")?)?;
            fresh.write()?;
            fresh
        } else {
            kept
        };
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(fresh.token.into());
        Ok(true)
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
    ) -> anyhow::Result<(StatusCode, Vec<u8>)> {
        // The same key if it has to be sent again.
        let key = format!("{:032x}", rand::random::<u128>());
        let mut response = self.send(method, path, body, &key).await?;
        if response.status() == StatusCode::UNAUTHORIZED && self.renews && self.renew().await? {
            response = self.send(method, path, body, &key).await?;
        }
        let status = response.status();
        let bytes = response.bytes().await.context("the answer broke off")?;
        Ok((status, bytes.into()))
    }

    /// A problem becomes an error that says what to do.
    fn refused(&self, status: StatusCode, path: &str, text: &str) -> anyhow::Result<Value> {
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
            Some("unauthenticated") if self.token().is_some() => Some("run `innkeeper login` again"),
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

    async fn send(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        key: &str,
    ) -> anyhow::Result<reqwest::Response> {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.url));
        if let Some(token) = self.token() {
            request = request.bearer_auth(token.expose_secret());
        }
        if path.ends_with("/commands") {
            request = request.timeout(LONGEST);
        }
        if *method == Method::POST {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send().await.map_err(|error| self.unanswered(&error))
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
