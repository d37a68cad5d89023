//! How a service is looked after, as one says it on the command line.

use std::net::SocketAddr;

use anyhow::bail;
use clap::Args;
use serde_json::{Value, json};

/// How a service is looked after.
#[derive(Debug, Args)]
pub(super) struct Settings {
    /// Where it is reached: an address or a name; '' for what its instance reports.
    #[arg(long)]
    address: Option<String>,
    /// What people enter to reach it: a name, and a port where one is needed; '' to tell nobody.
    #[arg(long, value_name = "ADDRESS")]
    join_address: Option<String>,
    /// Its port.
    #[arg(long)]
    port: Option<u16>,
    /// What is asked for over HTTP; '' for nothing.
    #[arg(long)]
    path: Option<String>,
    /// The language of what players read: `en` or `fr`.
    #[arg(long, value_parser = ["en", "fr"])]
    language: Option<String>,
    /// Whether its guest goes to sleep and wakes with the host: then players keep the host awake, and its running does
    /// not.
    #[arg(long)]
    rests: Option<bool>,
    /// How many seconds it may take to be ready after its guest has started.
    #[arg(long, value_name = "SECONDS")]
    ready: Option<u32>,
    /// How many seconds before a restart players are told.
    #[arg(long, value_name = "SECONDS")]
    warn: Option<u32>,
    /// The port of its remote console (RCON).
    #[arg(long)]
    rcon_port: Option<u16>,
    /// The password of its remote console. Better given by the environment than typed.
    #[arg(long, env = "INNKEEPER_RCON_PASSWORD", hide_env_values = true)]
    rcon_password: Option<String>,
    /// Where a doorman answers for it while it sleeps: `0.0.0.0:25565`.
    #[arg(long, value_name = "LISTEN")]
    doorman: Option<SocketAddr>,
    /// How the doorman shows players in.
    #[arg(long, value_parser = ["forward", "transfer"])]
    way: Option<String>,
    /// Who may wake it by joining; everybody with ''.
    #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
    players: Option<Vec<String>>,
    /// Whether the doorman tells the service where players come from, by the PROXY protocol.
    #[arg(long)]
    proxy_protocol: Option<bool>,
    /// What every user may do with it: `see`, `restart`; nothing with ''.
    #[arg(long, value_delimiter = ',', value_name = "WHAT,…")]
    users_may: Option<Vec<String>>,
}

impl Settings {
    /// What is asked of the server, where the service stood like this before; null where there was none.
    pub(super) fn asked(&self, before: &Value) -> anyhow::Result<Value> {
        let mut asked = json!({});
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                asked[name] = value;
            }
        };
        set("address", self.address.as_deref().map(or_null));
        set("join_address", self.join_address.as_deref().map(or_null));
        set("port", self.port.map(Value::from));
        set("path", self.path.as_deref().map(or_null));
        set("language", self.language.as_deref().map(Value::from));
        set("rests", self.rests.map(Value::from));
        set("ready_seconds", self.ready.map(Value::from));
        set("warn_seconds", self.warn.map(Value::from));
        set("users_may", self.users_may.as_deref().map(words));
        set("rcon", self.rcon(&before["staff"]["rcon_port"])?);
        set("doorman", self.doorman(&before["staff"]["doorman"])?);
        Ok(asked)
    }

    fn rcon(&self, port_before: &Value) -> anyhow::Result<Option<Value>> {
        let port = match (self.rcon_port, &self.rcon_password) {
            (None, None) => return Ok(None),
            (Some(_), None) => bail!(
                "the remote console needs its password\n  give it as INNKEEPER_RCON_PASSWORD=… in the environment"
            ),
            (Some(port), Some(_)) => port.into(),
            (None, Some(_)) if port_before.is_null() => {
                bail!("a password of the remote console is given, and no port\n  add: --rcon-port 25575")
            }
            (None, Some(_)) => port_before.clone(),
        };
        Ok(Some(json!({ "port": port, "password": self.rcon_password })))
    }

    fn doorman(&self, before: &Value) -> anyhow::Result<Option<Value>> {
        let none = self.doorman.is_none()
            && self.way.is_none()
            && self.players.is_none()
            && self.proxy_protocol.is_none();
        if none {
            return Ok(None);
        }
        let mut doorman = if before.is_null() { json!({ "way": "forward" }) } else { before.clone() };
        if let Some(listen) = self.doorman {
            doorman["listen"] = listen.to_string().into();
        }
        if let Some(way) = &self.way {
            doorman["way"] = way.as_str().into();
        }
        if let Some(players) = &self.players {
            doorman["players"] = words(players);
        }
        if let Some(tells) = self.proxy_protocol {
            doorman["proxy_protocol"] = tells.into();
        }
        if doorman["listen"].is_null() {
            bail!("a doorman needs a door\n  add: --doorman 0.0.0.0:25565");
        }
        Ok(Some(doorman))
    }
}

/// Nothing, where an empty text is given.
fn or_null(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { text.into() }
}

/// The words that are given; `''` gives none.
fn words(given: &[String]) -> Value {
    given.iter().filter(|word| !word.is_empty()).map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        settings: Settings,
    }

    fn given(words: &[&str], before: &Value) -> anyhow::Result<Value> {
        Command::parse_from(["x"].iter().chain(words)).settings.asked(before)
    }

    #[test]
    fn what_is_not_given_is_not_asked() {
        assert_eq!(given(&[], &Value::Null).unwrap(), json!({}));
        let asked =
            given(&["--address", "", "--warn", "0", "--users-may", "see,restart"], &Value::Null).unwrap();
        assert_eq!(asked, json!({ "address": null, "warn_seconds": 0, "users_may": ["see", "restart"] }));
        assert_eq!(given(&["--users-may", ""], &Value::Null).unwrap(), json!({ "users_may": [] }));
    }

    #[test]
    fn a_console_is_a_port_and_a_password() {
        let asked = given(&["--rcon-port", "25575", "--rcon-password", "hunter2"], &Value::Null).unwrap();
        assert_eq!(asked, json!({ "rcon": { "port": 25575, "password": "hunter2" } }));
        let before = json!({ "staff": { "rcon_port": 25575 } });
        let asked = given(&["--rcon-password", "hunter3"], &before).unwrap();
        assert_eq!(asked, json!({ "rcon": { "port": 25575, "password": "hunter3" } }));
        assert!(given(&["--rcon-port", "25575"], &before).is_err());
        assert!(given(&["--rcon-password", "hunter2"], &Value::Null).is_err());
    }

    #[test]
    fn a_doorman_stays_as_he_was_but_for_what_is_given() {
        let before = json!({ "staff": { "doorman": {
            "listen": "0.0.0.0:25565", "way": "transfer", "players": ["Grace"], "texts": { "asleep": "zzz" },
        } } });
        let asked = given(&["--players", "Grace,Linus", "--proxy-protocol", "true"], &before).unwrap();
        assert_eq!(
            asked["doorman"],
            json!({
                "listen": "0.0.0.0:25565", "way": "transfer", "players": ["Grace", "Linus"],
                "texts": { "asleep": "zzz" }, "proxy_protocol": true,
            })
        );
        let asked = given(&["--doorman", "[::]:25565"], &Value::Null).unwrap();
        assert_eq!(asked["doorman"], json!({ "listen": "[::]:25565", "way": "forward" }));
        assert!(given(&["--way", "transfer"], &Value::Null).is_err());
    }
}
