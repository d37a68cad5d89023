//! The live message.

use std::collections::BTreeMap;
use std::sync::Arc;

use innkeeper_discord::{Deed, HostState};
use innkeeper_domain::mails::Language;
use innkeeper_domain::time::{Clock, Timestamp};

use crate::fake::{ANN, BEA, Fake, ROLE_KEEPER, Shown, TEXT};
use crate::inn::Inn;
use crate::{Running, config, start_with};

async fn with_board() -> (Fake, Arc<Inn>, Running) {
    let discord = Fake::start().await;
    let house = Arc::new(Inn::new());
    house.change(|state| state.settings.board_channels = BTreeMap::from([(TEXT, Language::Fr)]));
    let bot = start_with(&house, with_clock(&discord));
    (discord, house, bot)
}

fn with_clock(discord: &Fake) -> innkeeper_discord::Config {
    let mut config = config(discord);
    config.clock = Clock::manual(Timestamp(1_800_000_000_000_000));
    config
}

async fn board(discord: &Fake, words: &str) -> Shown {
    let shown = discord.reads(TEXT, words).await;
    let boards = discord.written().into_iter().filter(|one| one.content.contains("en direct")).count();
    assert_eq!(boards, 1, "one live message in a channel");
    shown
}

#[tokio::test]
async fn it_shows_how_things_are_and_changes_when_they_do() {
    let (discord, house, bot) = with_board().await;
    let first = board(&discord, "🟢 **pve** : prêt").await;
    house.change(|state| state.hosts[0].state = HostState::ShuttingDown);
    let second = board(&discord, "🟠 **pve** : en extinction").await;
    assert_eq!((second.id, second.edits), (first.id, 1));
    // It is looked at again and again, and changed only when it must be.
    let looks = house.state().looks;
    house.until("five more looks", |state| (state.looks >= looks + 5).then_some(())).await;
    assert_eq!(board(&discord, "en extinction").await.edits, 1);
    house.change(|state| state.services[0].players.as_mut().unwrap().online = 2);
    assert_eq!(board(&discord, "2/12 en jeu").await.edits, 2);
    bot.stop().await;
}

#[tokio::test]
async fn it_is_found_again_after_a_restart() {
    let (discord, house, bot) = with_board().await;
    let first = board(&discord, "prêt").await;
    bot.stop().await;
    house.change(|state| state.hosts[0].state = HostState::Off);
    let bot = start_with(&house, with_clock(&discord));
    assert_eq!(board(&discord, "endormi").await.id, first.id);
    bot.stop().await;

    // Even when the house does not know any more which it was.
    house.change(|state| {
        state.boards.clear();
        state.hosts[0].state = HostState::Error;
    });
    let bot = start_with(&house, with_clock(&discord));
    assert_eq!(board(&discord, "en panne").await.id, first.id);
    bot.stop().await;
}

#[tokio::test]
async fn it_is_made_anew_when_somebody_deletes_it() {
    let (discord, house, bot) = with_board().await;
    let first = board(&discord, "prêt").await;
    discord.delete_message(first.id);
    house.change(|state| state.hosts[0].state = HostState::Waking);
    assert_ne!(board(&discord, "en réveil").await.id, first.id);
    bot.stop().await;
}

#[tokio::test]
async fn a_countdown_can_be_ended_by_whoever_may() {
    let (discord, house, bot) = with_board().await;
    house.change(|state| {
        state.hosts[0].state = HostState::Countdown;
        state.hosts[0].sleeps_at = Some(Timestamp(1_800_000_600_000_000));
    });
    let shown = board(&discord, "s’endort <t:1800000600:R>").await;
    let refused = discord.press(BEA, &shown, "Garder pve éveillé");
    assert!(discord.says(&refused, "⛔ Vous n’avez pas le droit").await.private);
    assert_eq!(house.state().asked, 0);

    discord.give_role(ANN, ROLE_KEEPER);
    let pressed = discord.press(ANN, &shown, "Garder pve éveillé");
    assert!(discord.says(&pressed, "**pve** reste éveillé").await.private);
    assert_eq!(house.state().done, [(ANN, Deed::CancelSleep { host: "hst_pve".to_owned() })]);
    let shown = board(&discord, "🟢 **pve** : prêt").await;
    assert_eq!(shown.buttons(), []);
    bot.stop().await;
}

#[tokio::test]
async fn a_channel_that_is_not_there_stops_nothing_else() {
    let (discord, house, bot) = with_board().await;
    house.change(|state| {
        state.settings.board_channels.insert(1, Language::En);
    });
    discord
        .until("a refusal", |state| {
            state.calls.iter().any(|call| call.path.contains("channels/1/")).then_some(())
        })
        .await;
    house.change(|state| state.hosts[0].state = HostState::Maintenance);
    board(&discord, "🔧").await;
    assert!(discord.calls("POST", "/channels/1/").len() <= 1, "it is left alone for a while");
    bot.stop().await;
}
