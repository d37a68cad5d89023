//! Calls to Discord. Our own and not twilight's: twilight-http 0.18 asks again at once when Discord says «too many» for
//! everybody (a 429 of global scope, or one without headers), as fast as the wire allows, and reads the limits of no
//! answer that succeeded. Here a 429 is waited out, and a limit that is used up is not run into.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::wire::{Message, Response, Snowflake, Words};

const DISCORD: &str = "https://discord.com";

/// Longer waits are not worth holding a caller for.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The limit of one call.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How often the same is asked when Discord is in trouble or wants us to wait.
const TRIES: u32 = 5;

/// What went wrong with a call.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RestError {
    /// Discord understood and said no.
    #[error("Discord refused ({status}, {code}): {message}")]
    Refused { status: u16, code: u64, message: String },
    /// Discord wants us to wait longer than is worth it.
    #[error("Discord wants us to wait {0:?}")]
    Busy(Duration),
    /// No answer, or none that says anything.
    #[error("Discord cannot be reached: {0}")]
    Unreachable(String),
}

impl RestError {
    /// What is asked for is not there (any more).
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }

    /// It will be refused again.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::Refused { status, .. } if (400..500).contains(status) && *status != 429)
    }

    /// The token counts no more.
    pub(crate) fn is_unauthorised(&self) -> bool {
        matches!(self, Self::Refused { status: 401, .. })
    }
}

/// Discord's REST interface.
#[derive(Clone, Debug)]
pub(crate) struct Rest {
    http: reqwest::Client,
    base: String,
    token: SecretString,
    /// Until when a route is not asked; `""` is all of them.
    gates: Arc<Mutex<HashMap<String, Instant>>>,
}

impl Rest {
    pub(crate) fn new(token: SecretString, base: Option<&str>) -> Result<Self, crate::Error> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let tls =
            rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(|_| crate::Error::Setting("TLS is not to be had"))?
                .with_root_certificates(roots)
                .with_no_client_auth();
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .user_agent(concat!("DiscordBot (innkeeper, ", env!("CARGO_PKG_VERSION"), ")"))
            .build()
            .map_err(|_| crate::Error::Setting("rest_url: no client can be made"))?;
        let base = base.unwrap_or(DISCORD).trim_end_matches('/').to_owned();
        Ok(Self { http, base, token, gates: Arc::default() })
    }

    /// Who we are, and whether the token counts.
    pub(crate) async fn application(&self) -> Result<Snowflake, RestError> {
        #[derive(serde::Deserialize)]
        struct Application {
            id: Snowflake,
        }
        let application: Application = read(self.call(Method::GET, "/applications/@me", None).await?)?;
        Ok(application.id)
    }

    /// How many sign-ins at the gateway are left, and after how long there are new ones.
    pub(crate) async fn sign_ins(&self) -> Result<(u32, Duration), RestError> {
        #[derive(serde::Deserialize)]
        struct Gateway {
            session_start_limit: Limit,
        }
        #[derive(serde::Deserialize)]
        struct Limit {
            remaining: u32,
            reset_after: u64,
        }
        let gateway: Gateway = read(self.call(Method::GET, "/gateway/bot", None).await?)?;
        let limit = gateway.session_start_limit;
        Ok((limit.remaining, Duration::from_millis(limit.reset_after)))
    }

    /// Replaces the application's commands.
    pub(crate) async fn set_commands(
        &self,
        application: u64,
        guild: Option<u64>,
        commands: &Value,
    ) -> Result<(), RestError> {
        let path = match guild {
            None => format!("/applications/{application}/commands"),
            Some(guild) => format!("/applications/{application}/guilds/{guild}/commands"),
        };
        self.call(Method::PUT, &path, Some(commands)).await.map(drop)
    }

    pub(crate) async fn say(&self, channel: u64, words: &Words) -> Result<Snowflake, RestError> {
        let path = format!("/channels/{channel}/messages");
        let message: Message = read(self.call(Method::POST, &path, Some(&json!(words))).await?)?;
        Ok(message.id)
    }

    pub(crate) async fn change(&self, channel: u64, message: u64, words: &Words) -> Result<(), RestError> {
        let path = format!("/channels/{channel}/messages/{message}");
        self.call(Method::PATCH, &path, Some(&json!(words))).await.map(drop)
    }

    pub(crate) async fn message(&self, channel: u64, message: u64) -> Result<Message, RestError> {
        read(self.call(Method::GET, &format!("/channels/{channel}/messages/{message}"), None).await?)
    }

    /// The latest of a channel, newest first.
    pub(crate) async fn latest(&self, channel: u64) -> Result<Vec<Message>, RestError> {
        read(self.call(Method::GET, &format!("/channels/{channel}/messages?limit=100"), None).await?)
    }

    /// The channel of direct messages with somebody.
    pub(crate) async fn direct(&self, user: u64) -> Result<Snowflake, RestError> {
        #[derive(serde::Deserialize)]
        struct Channel {
            id: Snowflake,
        }
        let body = json!({ "recipient_id": Snowflake(user) });
        let channel: Channel = read(self.call(Method::POST, "/users/@me/channels", Some(&body)).await?)?;
        Ok(channel.id)
    }

    /// The first answer to an interaction. Asked once: after three seconds nobody listens.
    pub(crate) async fn respond(&self, id: u64, token: &str, response: &Response) -> Result<(), RestError> {
        let path = format!("/interactions/{id}/{token}/callback");
        self.once(Method::POST, &path, Some(&response.body())).await.map(drop)
    }

    /// Changes the answer to an interaction. By HTTP, our first answer may reach Discord after this.
    pub(crate) async fn revise(&self, application: u64, token: &str, words: &Words) -> Result<(), RestError> {
        let path = format!("/webhooks/{application}/{token}/messages/@original");
        let body = json!(words);
        let mut pause = Duration::from_millis(100);
        loop {
            match self.call(Method::PATCH, &path, Some(&body)).await {
                Err(error) if error.is_gone() && pause < Duration::from_secs(2) => {
                    tokio::time::sleep(pause).await;
                    pause *= 3;
                }
                outcome => return outcome.map(drop),
            }
        }
    }

    /// Asks, waits out what Discord wants waited out, and asks again what may be asked again.
    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, RestError> {
        // Only a message with a nonce may be sent twice without being there twice.
        let repeatable = method != Method::POST
            || body.is_some_and(|body| body["enforce_nonce"] == true)
            || path == "/users/@me/channels";
        let mut tries = 1;
        loop {
            match self.once(method.clone(), path, body).await {
                Err(RestError::Busy(wait)) if wait <= LONGEST_WAIT && tries < TRIES => {
                    tracing::info!(path = shown(path), ?wait, "Discord wants us to wait");
                }
                Err(error @ RestError::Unreachable(_)) if repeatable && tries < TRIES => {
                    tracing::debug!(path = shown(path), %error, "trying again");
                    tokio::time::sleep(Duration::from_millis(250) * 2u32.pow(tries)).await;
                }
                outcome => return outcome,
            }
            tries += 1;
        }
    }

    async fn once(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, RestError> {
        let route = route(&method, path);
        self.pass_gate(&route).await?;
        let mut request = self.http.request(method, format!("{}/api/v10{path}", self.base));
        // Interactions are answered by their own token.
        if !path.starts_with("/interactions/") && !path.starts_with("/webhooks/") {
            request = request.header("authorization", format!("Bot {}", self.token.expose_secret()));
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let unreachable = |error: reqwest::Error| RestError::Unreachable(innermost(&error.without_url()));
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status().as_u16();
        let number =
            |name: &str| -> Option<f64> { response.headers().get(name)?.to_str().ok()?.parse().ok() };
        if number("x-ratelimit-remaining") == Some(0.0)
            && let Some(wait) = number("x-ratelimit-reset-after").and_then(seconds)
        {
            self.shut_gate(route.clone(), wait).await;
        }
        let retry_after = number("retry-after");
        let global = response.headers().contains_key("x-ratelimit-global");
        let text = response.text().await.map_err(unreachable)?;
        let said: Value = serde_json::from_str(&text).unwrap_or_default();
        match status {
            200..300 => Ok(said),
            429 => {
                let wait = said["retry_after"].as_f64().or(retry_after).and_then(seconds);
                // A 429 that says nothing comes from before Discord proper.
                let wait = wait.unwrap_or(Duration::from_secs(5));
                let global = global || said["global"] == true;
                self.shut_gate(if global { String::new() } else { route }, wait).await;
                Err(RestError::Busy(wait))
            }
            500.. => Err(RestError::Unreachable(format!("it answers {status}"))),
            _ => Err(RestError::Refused {
                status,
                code: said["code"].as_u64().unwrap_or_default(),
                message: said["message"].as_str().unwrap_or("no reason given").chars().take(200).collect(),
            }),
        }
    }

    async fn pass_gate(&self, route: &str) -> Result<(), RestError> {
        loop {
            let now = Instant::now();
            let open = {
                let mut gates = self.gates.lock().await;
                gates.retain(|_, until| *until > now);
                let everybody = if route.starts_with("POST /interactions") { None } else { gates.get("") };
                gates.get(route).max(everybody).copied()
            };
            match open {
                None => return Ok(()),
                Some(until) if until - now > LONGEST_WAIT => return Err(RestError::Busy(until - now)),
                Some(until) => tokio::time::sleep_until(until).await,
            }
        }
    }

    async fn shut_gate(&self, route: String, wait: Duration) {
        let until = Instant::now() + wait;
        let mut gates = self.gates.lock().await;
        let gate = gates.entry(route).or_insert(until);
        *gate = until.max(*gate);
    }
}

/// Limits are per method and what the path begins with: a channel, an application, one interaction's token.
fn route(method: &Method, path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    let kept = if path.starts_with("/webhooks/") || path.starts_with("/interactions/") { 3 } else { 2 };
    let mut route = format!("{method} ");
    for (at, part) in path.split('/').filter(|part| !part.is_empty()).enumerate() {
        let is_id = at >= kept && part.bytes().all(|byte| byte.is_ascii_digit());
        route.push('/');
        route.push_str(if is_id { "_" } else { part });
    }
    route
}

/// A path without the tokens of interactions, for the log.
fn shown(path: &str) -> &str {
    let secret = path.starts_with("/webhooks/") || path.starts_with("/interactions/");
    if secret { path.split('/').nth(1).unwrap_or_default() } else { path }
}

fn seconds(count: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(count).ok()
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, RestError> {
    serde_json::from_value(value).map_err(|error| RestError::Unreachable(format!("unreadable: {error}")))
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string().chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_shared_by_what_discord_counts_together() {
        let a = route(&Method::PATCH, "/channels/1/messages/10");
        assert_eq!(a, route(&Method::PATCH, "/channels/1/messages/11"), "messages of one channel");
        assert_ne!(a, route(&Method::PATCH, "/channels/2/messages/10"), "another channel");
        assert_ne!(a, route(&Method::GET, "/channels/1/messages/10"), "another method");
        assert_ne!(
            route(&Method::PATCH, "/webhooks/1/one/messages/@original"),
            route(&Method::PATCH, "/webhooks/1/two/messages/@original"),
            "another interaction"
        );
    }

    #[test]
    fn tokens_of_interactions_are_not_shown() {
        assert_eq!(shown("/webhooks/1/secret/messages/@original"), "webhooks");
        assert_eq!(shown("/interactions/1/secret/callback"), "interactions");
        assert_eq!(shown("/channels/1/messages"), "/channels/1/messages");
    }
}
