//! What the bot is started with. What may change while it runs is in the house's settings.

use std::time::Duration;

use innkeeper_domain::time::Clock;
use secrecy::SecretString;

use crate::Error;

/// What the bot is started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// The bot's token.
    pub token: SecretString,
    /// What buttons are signed with: 32 bytes or more of the house's own.
    pub button_key: SecretString,
    /// The application's public key (hexadecimal), where interactions come by HTTP.
    pub public_key: Option<String>,
    /// Whether to connect to the gateway: without it there is no voice presence and no natural language.
    pub gateway: bool,
    /// Whether messages that mention the bot are read. Needs the message content intent.
    pub natural_language: bool,
    /// Guilds that get the commands; all that the bot is in when empty.
    pub guilds: Vec<u64>,
    /// Another REST address than Discord's, such as `http://127.0.0.1:8090`.
    pub rest_url: Option<String>,
    /// Another gateway than Discord's, such as `ws://127.0.0.1:8090`.
    pub gateway_url: Option<String>,
    /// The clock.
    pub clock: Clock,
    /// How fast things go.
    pub pace: Pace,
}

/// How fast things go; the defaults are what Discord bears well.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How long a question may be confirmed.
    pub confirm: Duration,
    /// The least time between two edits of an answer.
    pub edit: Duration,
    /// The least time between two edits of a live message.
    pub board: Duration,
    /// How often settings, notices and presence are looked at when nothing happens.
    pub look: Duration,
    /// The first pause before connecting again; each further one is twice as long.
    pub back_off: Duration,
    /// The longest pause before connecting again.
    pub longest_back_off: Duration,
    /// A connection that held this long counts as good: the next pause is the first again.
    pub stable: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            confirm: Duration::from_secs(60),
            edit: Duration::from_millis(1500),
            board: Duration::from_secs(5),
            look: Duration::from_secs(5),
            back_off: Duration::from_secs(1),
            // An hour of failing is 30 sign-ins of the thousand that Discord allows in a day.
            longest_back_off: Duration::from_secs(120),
            stable: Duration::from_secs(60),
        }
    }
}

impl Config {
    /// A bot at the real Discord, by the gateway.
    pub fn new(token: SecretString, button_key: SecretString) -> Self {
        Self {
            token,
            button_key,
            public_key: None,
            gateway: true,
            natural_language: false,
            guilds: Vec::new(),
            rest_url: None,
            gateway_url: None,
            clock: Clock::system(),
            pace: Pace::default(),
        }
    }

    /// Refuses what cannot work, naming the setting.
    pub fn check(&self) -> Result<(), Error> {
        use secrecy::ExposeSecret as _;
        let token = self.token.expose_secret();
        if token.trim().is_empty() || token.bytes().any(|byte| !(0x21..0x7f).contains(&byte)) {
            return Err(Error::Setting(
                "token: it is the bot's token from Discord's developer portal, one word",
            ));
        }
        if self.button_key.expose_secret().len() < 32 {
            return Err(Error::Setting("button_key: at least 32 bytes are needed"));
        }
        if let Some(key) = &self.public_key {
            crate::door::public_key(key)?;
        }
        if !self.gateway && self.public_key.is_none() {
            return Err(Error::Setting(
                "gateway: without it, public_key is needed, or nothing can reach the bot",
            ));
        }
        if self.natural_language && !self.gateway {
            return Err(Error::Setting("natural_language: messages come by the gateway only"));
        }
        Ok(())
    }
}
