//! The bot at a Discord of our own: what people see, and what must never happen.
#![allow(clippy::unwrap_used)]

#[path = "../fake/mod.rs"]
mod fake;
mod inn;

mod alerts;
mod boards;
mod commands;
mod confirmations;
mod gateway;
mod http;
mod talk;
mod voice;

use std::sync::Arc;
use std::time::Duration;

use fake::{Fake, TOKEN};
use inn::Inn;
use innkeeper_discord::{Bot, Config, Error};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

/// A bot that runs.
struct Running {
    stop: CancellationToken,
    run: tokio::task::JoinHandle<Result<(), Error>>,
}

impl Running {
    async fn stop(self) {
        self.stop.cancel();
        self.run.await.unwrap().unwrap();
    }
}

fn config(discord: &Fake) -> Config {
    let button_key = SecretString::from("a key of the house, thirty-two bytes at least");
    let mut config = Config::new(SecretString::from(TOKEN), button_key);
    config.rest_url = Some(discord.rest_url());
    config.gateway_url = Some(discord.gateway_url());
    config.pace.edit = Duration::from_millis(10);
    config.pace.board = Duration::from_millis(20);
    config.pace.look = Duration::from_millis(20);
    config.pace.back_off = Duration::from_millis(10);
    config.pace.longest_back_off = Duration::from_millis(200);
    config
}

fn start_with(house: &Arc<Inn>, config: Config) -> Running {
    let bot = Bot::new(Arc::clone(house), config).unwrap();
    let stop = CancellationToken::new();
    let run = tokio::spawn({
        let stop = stop.clone();
        async move { bot.run(stop).await }
    });
    Running { stop, run }
}

/// A Discord, a house, and the bot between them.
async fn inn_at_discord() -> (Fake, Arc<Inn>, Running) {
    let discord = Fake::start().await;
    let house = Arc::new(Inn::new());
    let bot = start_with(&house, config(&discord));
    discord.until_ready().await;
    (discord, house, bot)
}
