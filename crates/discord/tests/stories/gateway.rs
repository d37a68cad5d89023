//! The connection: kept, found again with patience, given up where Discord will not have us.

use std::sync::Arc;
use std::time::Duration;

use innkeeper_discord::Error;
use secrecy::SecretString;

use crate::fake::{ANN, Fake};
use crate::inn::Inn;
use crate::{config, inn_at_discord, start_with};

const GUILDS_AND_VOICE: u64 = 1 | 1 << 7;
const MESSAGES_AND_CONTENT: u64 = 1 << 9 | 1 << 15;

#[tokio::test]
async fn no_more_is_asked_for_than_is_needed() {
    let (discord, _house, bot) = inn_at_discord().await;
    assert_eq!(discord.state().intents, GUILDS_AND_VOICE);
    bot.stop().await;

    let discord = Fake::start().await;
    let mut config = config(&discord);
    config.natural_language = true;
    let bot = start_with(&Arc::new(Inn::new()), config);
    discord.until_ready().await;
    assert_eq!(discord.state().intents, GUILDS_AND_VOICE | MESSAGES_AND_CONTENT);
    bot.stop().await;
}

#[tokio::test]
async fn a_session_that_is_over_is_begun_anew() {
    let (discord, _house, bot) = inn_at_discord().await;
    discord.end_session();
    discord.until("another sign-in", |state| (state.identifies == 2).then_some(())).await;
    discord.until_ready().await;
    discord.says(&discord.slash(ANN, "status", &[]), "pve").await;
    bot.stop().await;
}

#[tokio::test]
async fn a_broken_connection_is_resumed_and_what_was_missed_is_answered() {
    let (discord, _house, bot) = inn_at_discord().await;
    discord.close(1012);
    let asked = discord.slash(ANN, "status", &[]);
    discord.says(&asked, "pve").await;
    assert_eq!(discord.state().identifies, 1);
    assert_eq!(discord.state().resumes, 1);
    bot.stop().await;
}

/// twilight alone connected 7,512 times in twenty seconds to a server that accepts and closes.
#[tokio::test]
async fn a_server_that_accepts_and_closes_is_not_stormed() {
    let discord = Fake::start().await;
    discord.slam(Some(1001));
    let mut config = config(&discord);
    config.pace.back_off = Duration::from_millis(40);
    config.pace.longest_back_off = Duration::from_secs(60);
    let began = tokio::time::Instant::now();
    let bot = start_with(&Arc::new(Inn::new()), config);
    discord.until("six tries", |state| (state.connects >= 6).then_some(())).await;
    // Each pause is at least half of what it doubled to: 20 + 40 + 80 + 160 + 320 ms.
    assert!(began.elapsed() >= Duration::from_millis(620), "{:?}", began.elapsed());
    discord.slam(None);
    discord.until_ready().await;
    assert_eq!(discord.state().identifies, 1);
    bot.stop().await;
}

#[tokio::test]
async fn a_token_that_does_not_count_is_said_with_the_remedy() {
    let discord = Fake::start().await;
    let mut config = config(&discord);
    config.token = SecretString::from("another.token");
    let bot = start_with(&Arc::new(Inn::new()), config);
    let error = bot.run.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Closed { code: 4004, .. }));
    assert!(error.to_string().contains("Reset Token"), "{error}");
    assert_eq!(discord.state().identifies, 0, "one call says it; no sign-in is spent");
}

#[tokio::test]
async fn an_intent_that_is_not_allowed_is_said_with_the_remedy() {
    let discord = Fake::start().await;
    discord.forbid_content();
    let mut config = config(&discord);
    config.natural_language = true;
    let bot = start_with(&Arc::new(Inn::new()), config);
    let error = bot.run.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Closed { code: 4014, .. }));
    assert!(error.to_string().contains("Message Content Intent"), "{error}");
    assert_eq!(discord.state().connects, 1, "and not tried again");
}

/// A 429 for everybody: twilight's own client asks again at once, for ever.
#[tokio::test]
async fn too_many_calls_are_waited_out() {
    let (discord, _house, bot) = inn_at_discord().await;
    discord.until("the commands", |state| state.commands.is_array().then_some(())).await;
    for global in [false, true] {
        discord.limit("/webhooks", 1, 0.3, global);
        let before = discord.calls("PATCH", "/webhooks").len();
        discord.says(&discord.slash(ANN, "status", &[]), "pve").await;
        let calls = discord.calls("PATCH", "/webhooks").split_off(before);
        assert_eq!(calls.iter().map(|call| call.status).collect::<Vec<_>>(), [429, 200]);
        assert!(calls[1].at - calls[0].at >= Duration::from_millis(300));
    }
    bot.stop().await;
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_by_name() {
    let discord = Fake::start().await;
    let refused = |change: &dyn Fn(&mut innkeeper_discord::Config)| {
        let mut config = config(&discord);
        change(&mut config);
        match innkeeper_discord::Bot::new(Arc::new(Inn::new()), config) {
            Ok(_) => panic!("it was taken"),
            Err(error) => error.to_string(),
        }
    };
    assert!(refused(&|config| config.token = SecretString::from("")).contains("discord.token"));
    assert!(
        refused(&|config| config.button_key = SecretString::from("short")).contains("discord.button_key")
    );
    assert!(refused(&|config| config.public_key = Some("xyz".to_owned())).contains("discord.public_key"));
    assert!(refused(&|config| config.gateway = false).contains("discord.gateway"));
}
