//! Interactions that come as signed requests, in place of the gateway.

use std::sync::Arc;

use innkeeper_discord::{Bot, Config, HostState};
use innkeeper_domain::time::{Clock, Timestamp};

use crate::config;
use crate::fake::{ANN, Fake};
use crate::inn::Inn;

const NOW: i64 = 1_800_000_000;

fn by_http(discord: &Fake) -> Config {
    let mut config = config(discord);
    config.gateway = false;
    config.gateway_url = None;
    config.public_key = Some(discord.public_key());
    config.clock = Clock::manual(Timestamp(NOW * 1_000_000));
    config
}

async fn bot() -> (Fake, Arc<Inn>, Bot<Inn>) {
    let discord = Fake::start().await;
    let house = Arc::new(Inn::new());
    house.change(|state| state.hosts[0].state = HostState::Off);
    let bot = Bot::new(Arc::clone(&house), by_http(&discord)).unwrap();
    (discord, house, bot)
}

#[tokio::test]
async fn discord_asks_whether_we_are_there() {
    let (discord, _house, bot) = bot().await;
    let body = br#"{"type":1}"#;
    let signature = discord.sign(&NOW.to_string(), body);
    let answer = bot.interaction(Some(&signature), Some(&NOW.to_string()), body).await;
    assert_eq!((answer.status, answer.body.as_slice()), (200, br#"{"type":1}"#.as_slice()));
}

#[tokio::test]
async fn a_command_is_answered_as_by_the_gateway() {
    let (discord, house, bot) = bot().await;
    let (asked, body) = discord.slash_by_http(ANN, "wake");
    let time = NOW.to_string();
    let answer = bot.interaction(Some(&discord.sign(&time, &body)), Some(&time), &body).await;
    assert_eq!(answer.status, 200);
    // Our changes may come before Discord has read the answer: they are tried again.
    discord
        .until("a change too early", |state| state.calls.iter().any(|call| call.status == 404).then_some(()))
        .await;
    discord.hear_http(&asked, &answer.body);
    discord.says(&asked, "Réveil de **pve**").await;
    assert_eq!(house.state().done.len(), 1);
}

#[tokio::test]
async fn what_is_not_from_discord_or_not_from_now_is_refused() {
    let (discord, house, bot) = bot().await;
    let (_, body) = discord.slash_by_http(ANN, "wake");
    let time = NOW.to_string();
    let signature = discord.sign(&time, &body);
    let old = (NOW - 301).to_string();
    let mut other = body.clone();
    other.push(b' ');
    for (why, signature, time, body) in [
        ("no signature", None, Some(&time), &body),
        ("no time", Some(&signature), None, &body),
        ("another body", Some(&signature), Some(&time), &other),
        ("another time", Some(&signature), Some(&old), &body),
        ("an old one", Some(&discord.sign(&old, &body)), Some(&old), &body),
    ] {
        let answer = bot.interaction(signature.map(String::as_str), time.map(String::as_str), body).await;
        assert_eq!((answer.status, answer.body.len()), (401, 0), "{why}");
    }
    assert_eq!(house.state().asked, 0);
}

#[tokio::test]
async fn the_same_request_again_does_nothing_again() {
    let (discord, house, bot) = bot().await;
    let (asked, body) = discord.slash_by_http(ANN, "wake");
    let time = NOW.to_string();
    let signature = discord.sign(&time, &body);
    let first = bot.interaction(Some(&signature), Some(&time), &body).await;
    discord.hear_http(&asked, &first.body);
    discord.says(&asked, "Réveil").await;
    assert_eq!(bot.interaction(Some(&signature), Some(&time), &body).await.status, 409);
    assert_eq!(house.state().asked, 1);
}

#[tokio::test]
async fn a_bot_without_a_public_key_has_no_such_door() {
    let discord = Fake::start().await;
    let bot = Bot::new(Arc::new(Inn::new()), config(&discord)).unwrap();
    assert_eq!(bot.interaction(Some(""), Some(""), b"").await.status, 404);
}
