//! The gateway: connected as long as the bot runs. twilight keeps the session (heartbeats, resuming); here is what it
//! leaves to us: pauses between connections, reading events, and giving up where Discord will not have us.

use std::time::Duration;

use futures_util::StreamExt as _;
use innkeeper_domain::mails::Language;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::time::Instant;
use twilight_gateway::{ConfigBuilder, Intents, Message, Shard, ShardId, ShardState};

use crate::backoff::BackOff;
use crate::bot::{Bot, lock};
use crate::house::House;
use crate::presence::Presence;
use crate::wire::{self, Guild, Ready, VoiceState};
use crate::{Error, interactions};

/// What a connection's end means for us.
pub(crate) const fn remedy(code: u16) -> &'static str {
    match code {
        4004 => {
            "the token does not count: make a new one at discord.com/developers (Bot, Reset Token) and set discord.token"
        }
        4010 | 4011 => "the bot is in more guilds than one connection may serve: leave some",
        4012 => "this version of Innkeeper speaks a gateway version that Discord ended: update it",
        4013 => "Discord does not know the intents that were asked for: update Innkeeper",
        4014 => {
            "the message content intent is not allowed: allow it at discord.com/developers (Bot, Message Content \
             Intent), or set discord.natural_language to false"
        }
        _ => "Discord does not say why; look at the application at discord.com/developers",
    }
}

/// An event of the gateway, before it is known which.
#[derive(Deserialize)]
struct Frame<'a> {
    op: u8,
    #[serde(default)]
    t: Option<&'a str>,
    #[serde(borrow, default)]
    d: Option<&'a RawValue>,
}

const DISPATCH: u8 = 0;
const RECONNECT: u8 = 7;
const INVALID_SESSION: u8 = 9;
const HELLO: u8 = 10;

/// Connects, listens and connects again, for ever; returns when Discord will not have us.
pub(crate) async fn keep<H: House>(bot: &Bot<H>) -> Result<(), Error> {
    wait_for_sign_ins(bot).await;
    let config = &bot.config;
    let mut intents = Intents::GUILDS | Intents::GUILD_VOICE_STATES;
    if config.natural_language {
        intents |= Intents::GUILD_MESSAGES | Intents::MESSAGE_CONTENT;
    }
    let mut builder = ConfigBuilder::new(config.token.expose_secret().to_owned(), intents);
    if let Some(url) = &config.gateway_url {
        builder = builder.proxy_url(url.trim_end_matches('/').to_owned());
    }
    let mut shard = Shard::with_config(ShardId::ONE, builder.build());
    let mut back_off = BackOff::new(config.pace);
    let mut us = None;
    // One end of a connection is told in up to two events; it is paused for once.
    let mut fallen = false;
    let mut code = None;
    loop {
        let fell = match shard.next().await {
            None => {
                let code = code.unwrap_or(4000);
                return Err(Error::Closed { code, remedy: remedy(code) });
            }
            Some(Ok(Message::Close(frame))) => {
                code = frame.as_ref().map(|frame| frame.code);
                tracing::info!(?code, "the gateway closed the connection");
                !std::mem::take(&mut fallen)
            }
            Some(Ok(Message::Text(text))) => match serde_json::from_str::<Frame>(&text) {
                Err(error) => {
                    tracing::warn!(%error, "an event cannot be read");
                    false
                }
                Ok(frame) => match (frame.op, frame.t) {
                    (DISPATCH, Some(kind)) => {
                        if matches!(kind, "READY" | "RESUMED") {
                            back_off.stands(Instant::now());
                        }
                        hear(bot, &mut us, kind, frame.d);
                        false
                    }
                    (RECONNECT | INVALID_SESSION, _) => {
                        fallen = true;
                        true
                    }
                    (HELLO, _) => {
                        fallen = false;
                        false
                    }
                    _ => false,
                },
            },
            Some(Err(error)) => {
                tracing::warn!(%error, "the gateway cannot be reached");
                true
            }
        };
        if !fell {
            continue;
        }
        bot.presence.send_modify(Presence::blind);
        if matches!(shard.state(), ShardState::FatallyClosed) {
            continue;
        }
        let pause = back_off.fell(Instant::now(), rand::random());
        tracing::info!(?pause, "connecting again after a pause");
        tokio::time::sleep(pause).await;
    }
}

/// Discord takes the token of a bot that signs in more than a thousand times in a day.
async fn wait_for_sign_ins<H: House>(bot: &Bot<H>) {
    match bot.rest.sign_ins().await {
        Ok((0, wait)) => {
            tracing::warn!(?wait, "no sign-in is left for today");
            tokio::time::sleep(wait.min(Duration::from_hours(24))).await;
        }
        Ok((left, _)) => tracing::debug!(left, "sign-ins left for today"),
        Err(error) => tracing::warn!(%error, "how many sign-ins are left is not known"),
    }
}

fn hear<H: House>(bot: &Bot<H>, us: &mut Option<u64>, kind: &str, data: Option<&RawValue>) {
    let Some(data) = data else { return };
    match kind {
        "READY" => {
            if let Some(ready) = read::<Ready>(kind, data) {
                tracing::info!(name = ready.user.username, "connected to Discord");
                *us = Some(ready.user.id.0);
                bot.presence.send_modify(Presence::see_anew);
            }
        }
        "RESUMED" => bot.presence.send_modify(Presence::see_again),
        "GUILD_CREATE" => {
            if let Some(guild) = read::<Guild>(kind, data) {
                if let Some(locale) = &guild.preferred_locale {
                    lock(&bot.guilds).insert(guild.id.0, language_of(locale));
                }
                bot.presence.send_modify(|presence| presence.snapshot(&guild));
            }
        }
        "GUILD_DELETE" => {
            if let Some(guild) = read::<Guild>(kind, data) {
                bot.presence.send_modify(|presence| presence.lose(guild.id.0));
            }
        }
        "CHANNEL_CREATE" | "CHANNEL_DELETE" => {
            if let Some(wire::Channel { id, guild_id: Some(guild) }) = read(kind, data) {
                bot.presence.send_modify(|presence| match kind {
                    "CHANNEL_CREATE" => presence.channel_made(guild.0, id.0),
                    _ => presence.channel_gone(guild.0, id.0),
                });
            }
        }
        "VOICE_STATE_UPDATE" => {
            if let Some(state) = read::<VoiceState>(kind, data) {
                bot.presence.send_modify(|presence| presence.moved(&state));
            }
        }
        "INTERACTION_CREATE" => {
            if let Some(interaction) = read(kind, data) {
                let bot_then = bot.clone();
                bot.spawn(async move { interactions::from_gateway(&bot_then, interaction).await });
            }
        }
        "MESSAGE_CREATE" if bot.config.natural_language => {
            if let Some(us) = *us
                && let Some(message) = read(kind, data)
            {
                let bot_then = bot.clone();
                bot.spawn(async move { bot_then.hear_message(us, message).await });
            }
        }
        _ => {}
    }
}

fn read<T: DeserializeOwned>(kind: &str, data: &RawValue) -> Option<T> {
    serde_json::from_str(data.get())
        .inspect_err(|error| tracing::warn!(kind, %error, "an event is not what was expected"))
        .ok()
}

/// Discord's locales: `fr`, `en-GB`, `pt-BR`; what we do not speak is answered in English.
pub(crate) fn language_of(locale: &str) -> Language {
    if locale == "fr" || locale.starts_with("fr-") { Language::Fr } else { Language::En }
}
