//! Who is in the voice channel is known, or is known not to be known.

use std::time::Duration;

use crate::fake::{ANN, BEA, Fake, MUSIC, VOICE, VOICE_TOO};
use crate::inn::Inn;
use crate::inn_at_discord;

async fn there(house: &Inn, who: &[u64]) {
    let what = format!("{who:?} in the channel");
    house
        .until(&what, |state| (state.voice.get(&VOICE).is_some_and(|there| there == who)).then_some(()))
        .await;
}

#[tokio::test]
async fn whoever_is_there_already_is_seen() {
    let discord = Fake::start().await;
    discord.voice(ANN, Some(VOICE));
    discord.voice(MUSIC, Some(VOICE));
    let house = std::sync::Arc::new(Inn::new());
    let bot = crate::start_with(&house, crate::config(&discord));
    there(&house, &[ANN]).await;
    bot.stop().await;
    assert!(house.state().voice.is_empty(), "a bot that has stopped knows of nobody");
}

#[tokio::test]
async fn people_join_move_and_leave() {
    let (discord, house, bot) = inn_at_discord().await;
    there(&house, &[]).await;
    discord.voice(ANN, Some(VOICE));
    there(&house, &[ANN]).await;
    discord.voice(BEA, Some(VOICE));
    there(&house, &[ANN, BEA]).await;
    discord.voice(ANN, Some(VOICE_TOO));
    there(&house, &[BEA]).await;
    assert!(!house.state().voice.contains_key(&VOICE_TOO), "nobody asked for the other channel");
    discord.voice(BEA, None);
    there(&house, &[]).await;
    bot.stop().await;
}

#[tokio::test]
async fn join_leave_join_within_a_moment_ends_with_somebody_there() {
    let (discord, house, bot) = inn_at_discord().await;
    for _ in 0..20 {
        discord.voice(ANN, Some(VOICE));
        discord.voice(ANN, None);
    }
    discord.voice(ANN, Some(VOICE));
    there(&house, &[ANN]).await;
    bot.stop().await;
}

#[tokio::test]
async fn while_the_connection_is_broken_nobody_knows() {
    let (discord, house, bot) = inn_at_discord().await;
    discord.voice(ANN, Some(VOICE));
    there(&house, &[ANN]).await;
    house.change(|state| state.heard.clear());

    discord.slam(Some(1001));
    discord.close(1000);
    house.until("nobody knows", |state| state.voice.is_empty().then_some(())).await;
    // Meanwhile Ann goes and Bea comes.
    discord.voice(ANN, None);
    discord.voice(BEA, Some(VOICE));
    let tries = discord.state().connects;
    discord.until("three more tries", |state| (state.connects >= tries + 3).then_some(())).await;
    assert_eq!(house.state().heard, ["lost"], "and nothing is said of it");
    discord.slam(None);
    there(&house, &[BEA]).await;
    assert_eq!(house.state().heard, ["lost", "1 there"], "nor ever that nobody was there");
    bot.stop().await;
}

#[tokio::test]
async fn after_a_resume_what_was_missed_is_known() {
    let (discord, house, bot) = inn_at_discord().await;
    there(&house, &[]).await;
    discord.ask_to_reconnect();
    discord.voice(ANN, Some(VOICE));
    there(&house, &[ANN]).await;
    discord.until("a resume", |state| (state.resumes == 1).then_some(())).await;
    assert_eq!(discord.state().identifies, 1, "the session went on");
    bot.stop().await;
}

#[tokio::test]
async fn a_guild_out_of_sight_is_not_an_empty_one() {
    let (discord, house, bot) = inn_at_discord().await;
    discord.voice(ANN, Some(VOICE));
    there(&house, &[ANN]).await;
    discord.guild_vanishes();
    house.until("nobody knows", |state| (!state.voice.contains_key(&VOICE)).then_some(())).await;
    bot.stop().await;
}

#[tokio::test]
async fn a_channel_that_is_watched_from_now_on_is_told_of() {
    let (discord, house, bot) = inn_at_discord().await;
    discord.voice(ANN, Some(VOICE_TOO));
    house.change(|state| state.settings.voice_channels = [VOICE_TOO].into());
    house
        .until("Ann in the other channel", |state| {
            state.voice.get(&VOICE_TOO).filter(|there| **there == [ANN]).map(drop)
        })
        .await;
    bot.stop().await;
}

#[tokio::test]
async fn a_server_that_acknowledges_nothing_is_left_and_found_again() {
    let discord = Fake::start().await;
    discord.heartbeat(Duration::from_millis(100));
    discord.acknowledge(false);
    let house = std::sync::Arc::new(Inn::new());
    let bot = crate::start_with(&house, crate::config(&discord));
    discord.until("another connection", |state| (state.connects >= 2).then_some(())).await;
    discord.acknowledge(true);
    discord.until("a resume", |state| (state.resumes >= 1).then_some(())).await;
    discord.voice(ANN, Some(VOICE));
    there(&house, &[ANN]).await;
    bot.stop().await;
}
