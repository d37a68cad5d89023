//! The bot at Discord: what it is started with. What administrators change while it runs is in the house's settings.

use std::path::PathBuf;

use anyhow::Context;
use innkeeper_engine::Engine;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::secret::Secret;

/// The bot at Discord. Without a token there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Discord {
    /// The bot's token, from Discord's developer portal; better given by the environment
    /// (`INNKEEPER__DISCORD__TOKEN`) or in a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
    /// The file that holds the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// The application's public key (64 hexadecimal digits), where Discord sends what people ask by HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
    /// Whether to connect to the gateway: without it there is no voice presence and no natural language.
    pub gateway: bool,
    /// Whether messages that mention the bot are read; needs the message content intent.
    pub natural_language: bool,
    /// IDs of servers (guilds) that get the commands; all that the bot is in when empty.
    #[serde(deserialize_with = "super::list_or_text")]
    pub guilds: Vec<innkeeper_domain::discord::Snowflake>,
    /// Another REST address than Discord's; for tests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rest_url: Option<String>,
    /// Another gateway than Discord's; for tests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway_url: Option<String>,
}

impl Default for Discord {
    fn default() -> Self {
        Self {
            token: None,
            token_file: None,
            public_key: None,
            gateway: true,
            natural_language: false,
            guilds: Vec::new(),
            rest_url: None,
            gateway_url: None,
        }
    }
}

impl Discord {
    /// Whether there is to be a bot.
    pub(crate) fn is_on(&self) -> bool {
        self.token.is_some() || self.token_file.is_some()
    }

    /// Refuses what cannot work, as far as that can be told without the house.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        if !self.is_on() {
            anyhow::ensure!(
                self.public_key.is_none() && !self.natural_language && self.guilds.is_empty(),
                "[discord] says how, but there is no bot: set discord.token or discord.token_file"
            );
            return Ok(());
        }
        anyhow::ensure!(
            self.token.is_none() || self.token_file.is_none(),
            "discord: give a token or a token_file, not both"
        );
        if self.token.is_some() {
            self.started_with(SecretString::from("x".repeat(32)))?.check()?;
        }
        Ok(())
    }

    /// What the bot is started with; none where there is no bot.
    pub(crate) fn bot(&self, engine: &Engine) -> anyhow::Result<Option<innkeeper_discord::Config>> {
        if !self.is_on() {
            return Ok(None);
        }
        let config = self.started_with(engine.discord_button_key())?;
        config.check()?;
        Ok(Some(config))
    }

    fn started_with(&self, button_key: SecretString) -> anyhow::Result<innkeeper_discord::Config> {
        let token = match (&self.token, &self.token_file) {
            (Some(token), _) => token.expose(),
            (None, Some(file)) => {
                let text = std::fs::read_to_string(file);
                let text: SecretString = text
                    .with_context(|| format!("discord.token_file: {} cannot be read", file.display()))?
                    .into();
                text.expose_secret().trim().into()
            }
            (None, None) => String::new().into(),
        };
        let mut config = innkeeper_discord::Config::new(token, button_key);
        config.public_key.clone_from(&self.public_key);
        config.gateway = self.gateway;
        config.natural_language = self.natural_language;
        config.guilds = self.guilds.iter().map(|guild| guild.get()).collect();
        config.rest_url.clone_from(&self.rest_url);
        config.gateway_url.clone_from(&self.gateway_url);
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> anyhow::Result<Discord> {
        let read: Discord = toml::from_str(text)?;
        read.check()?;
        Ok(read)
    }

    #[test]
    fn without_a_token_there_is_no_bot_and_nothing_else_may_be_set() {
        assert!(!read("").unwrap().is_on());
        let refused = read("natural_language = true").unwrap_err().to_string();
        assert!(refused.contains("discord.token"), "{refused}");
    }

    #[test]
    fn what_cannot_work_is_refused_with_its_name() {
        let refused = |text: &str| read(text).unwrap_err().to_string();
        assert!(refused("token = 'two words'").contains("token"));
        assert!(refused("token = 'a.b.c'\npublic_key = 'short'").contains("public_key"));
        assert!(refused("token = 'a.b.c'\ngateway = false").contains("gateway"));
        assert!(refused("token = 'a'\ntoken_file = 'b'").contains("not both"));
        assert!(refused("tokken = 'a'").contains("tokken"));
        assert!(read("token = 'a.b.c'\nguilds = ['80351110224678912']").unwrap().is_on());
    }

    #[test]
    fn the_token_is_shown_to_nobody() {
        let shown = toml::to_string(&read("token = 'a.b.c'").unwrap()).unwrap();
        assert!(!shown.contains("a.b.c") && shown.contains('…'), "{shown}");
    }
}
