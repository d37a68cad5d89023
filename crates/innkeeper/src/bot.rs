//! The bot at Discord, beside the server: connected by one process at a time, and reached by HTTP through any of them.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use innkeeper_api::DiscordDoor;
use innkeeper_discord::{Bot, Config, Desk};
use innkeeper_engine::Engine;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

/// How often whoever has the gateway says so, and whoever has not asks for it.
const BEAT: Duration = Duration::from_secs(8);

/// The door at which Discord knocks, where it sends what people ask by HTTP.
pub(crate) fn door(engine: &Engine, config: &Config) -> anyhow::Result<Option<DiscordDoor>> {
    if config.public_key.is_none() {
        return Ok(None);
    }
    let config = Config { gateway: false, natural_language: false, ..config.clone() };
    let bot = Bot::new(Arc::new(Desk::new(engine.clone())), config).context("the bot cannot be started")?;
    Ok(Some(DiscordDoor::new(move |signature, timestamp, body| {
        let bot = bot.clone();
        async move {
            let answer = bot.interaction(signature.as_deref(), timestamp.as_deref(), &body).await;
            (answer.status, answer.body)
        }
    })))
}

/// Runs the bot until `stop`, whenever it is this process's turn. That Discord will not have us is no reason to close the
/// house: it is said in the log, with the remedy.
pub(crate) async fn keep(engine: Engine, config: Config, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match engine.hold_discord_gateway().await {
            Ok(true) => {
                if !Box::pin(run(&engine, &config, &stop)).await {
                    return;
                }
            }
            Ok(false) => {}
            Err(error) => warn!(%error, "whose turn it is at Discord is not known; will ask again"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(BEAT) => {}
        }
    }
}

/// Runs the bot for as long as it is our turn; whether it is worth trying again.
async fn run(engine: &Engine, config: &Config, stop: &CancellationToken) -> bool {
    let bot = match Bot::new(Arc::new(Desk::new(engine.clone())), config.clone()) {
        Ok(bot) => bot,
        Err(error) => {
            error!(%error, "the bot cannot be started");
            return false;
        }
    };
    info!("the bot connects to Discord");
    let turn = stop.child_token();
    let running = bot.run(turn.clone());
    tokio::pin!(running);
    let outcome = tokio::select! {
        outcome = &mut running => outcome,
        () = out_of_turn(engine) => {
            warn!("another process has the gateway; the bot leaves it");
            turn.cancel();
            let _ = running.await;
            return true;
        }
    };
    if let Err(error) = engine.leave_discord_gateway().await {
        warn!(%error, "the gateway was not given back; the next process waits for a while");
    }
    match outcome {
        Ok(()) => true,
        Err(error) => {
            error!(%error, "the bot has stopped; mend this and start again");
            false
        }
    }
}

/// Keeps our turn; ends when another has it. A house that cannot say is asked again: our time is not over at once.
async fn out_of_turn(engine: &Engine) {
    let mut silent = 0;
    loop {
        tokio::time::sleep(BEAT).await;
        match engine.hold_discord_gateway().await {
            Ok(true) => silent = 0,
            Ok(false) => return,
            // Three beats are nearly all of the time that we have.
            Err(_) if silent == 2 => return,
            Err(_) => silent += 1,
        }
    }
}
