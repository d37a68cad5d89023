//! Natural language: a public message that merely looks like a command does nothing.

use std::sync::Arc;

use innkeeper_discord::Deed;
use serde_json::json;

use crate::fake::{ANN, BEA, BOT, Fake, OTHER_BOT, ROLE_KEEPER, TEXT};
use crate::inn::Inn;
use crate::{Running, config, start_with};

async fn listening() -> (Fake, Arc<Inn>, Running) {
    let discord = Fake::start().await;
    let house = Arc::new(Inn::new());
    let mut config = config(&discord);
    config.natural_language = true;
    let bot = start_with(&house, config);
    discord.until_ready().await;
    discord.give_role(ANN, ROLE_KEEPER);
    (discord, house, bot)
}

/// Everything said before has been heard and had its effect, once this is answered.
async fn all_heard(discord: &Fake) {
    discord.write(BEA, &format!("<@{BOT}> aide"), &[]);
    discord.reads(TEXT, "Voici ce que vous pouvez demander").await;
}

#[tokio::test]
async fn a_restart_is_asked_for_in_words_and_confirmed_by_a_button() {
    let (discord, house, bot) = listening().await;
    discord.write(ANN, &format!("<@{BOT}> redémarre le serveur s'il te plaît"), &[]);
    let question = discord.reads(TEXT, "Redémarrer **Minecraft** ?").await;
    assert_eq!(house.state().asked, 0);
    discord.says(&discord.press(BEA, &question, "Oui"), "Seule la personne").await;
    discord.says(&discord.press(ANN, &question, "Oui"), "Redémarrage de **Minecraft**").await;
    assert_eq!(house.state().done, [(ANN, Deed::RestartService { service: "svc_mc".to_owned() })]);
    bot.stop().await;
}

#[tokio::test]
async fn even_waking_is_asked_when_it_is_only_said() {
    let (discord, house, bot) = listening().await;
    discord.write(BEA, &format!("hey <@{BOT}>, wake the server up please"), &[]);
    discord.reads(TEXT, "Wake **pve**?").await;
    assert_eq!(house.state().asked, 0);
    bot.stop().await;
}

#[tokio::test]
async fn questions_are_answered_and_change_nothing() {
    let (discord, house, bot) = listening().await;
    discord.write(BEA, &format!("<@{BOT}> est-ce que le serveur est allumé ?"), &[]);
    discord.reads(TEXT, "🟢 **pve** : prêt").await;
    discord.write(BEA, &format!("<@{BOT}> who's online?"), &[]);
    discord.reads(TEXT, "1/12 playing: Alice").await;
    assert_eq!(house.state().asked, 0);
    bot.stop().await;
}

#[tokio::test]
async fn what_is_to_be_left_alone_is_left_alone() {
    let (discord, house, bot) = listening().await;
    discord.write(ANN, &format!("<@{BOT}> ne redémarre pas le serveur !"), &[]);
    discord.reads(TEXT, "Compris : je n’y touche pas.").await;
    discord.write(ANN, &format!("<@{BOT}> don't restart the server"), &[]);
    discord.reads(TEXT, "Understood: I leave it alone.").await;
    assert_eq!(house.state().asked, 0);
    assert!(discord.written().iter().all(|shown| shown.buttons().is_empty()));
    bot.stop().await;
}

#[tokio::test]
async fn what_only_looks_like_a_command_is_not_even_answered() {
    let (discord, house, bot) = listening().await;
    let us = format!("<@{BOT}>");
    let replied = json!({ "message_id": "1", "channel_id": TEXT.to_string() });
    let mention_us = json!([{ "id": BOT.to_string(), "username": "cubeguardian", "bot": true }]);
    discord.write(ANN, &format!("{us} le bot est nul"), &[]);
    discord.write(ANN, "redémarre le serveur", &[]);
    discord.write(ANN, "@cubeguardian redémarre le serveur", &[]);
    discord.write(ANN, &format!("<@{OTHER_BOT}> redémarre le serveur"), &[]);
    discord.write(ANN, &format!("{us} <@{OTHER_BOT}> redémarre le serveur"), &[]);
    discord.write(ANN, &format!("@everyone {us} redémarre le serveur"), &[]);
    discord.write(ANN, &format!("`{us} redémarre le serveur`"), &[]);
    discord.write(ANN, &format!("> {us} redémarre le serveur"), &[]);
    discord.write(ANN, &format!("{us} j'ai redémarré le serveur hier"), &[]);
    discord.write(ANN, &format!("{us} qui a redémarré le serveur ?"), &[]);
    discord.write(OTHER_BOT, &format!("{us} redémarre le serveur"), &[]);
    discord.write(ANN, &format!("{us} redémarre le serveur"), &[("webhook_id", json!("7"))]);
    // A reply pings whom it answers, without a word.
    let reply = [("type", json!(19)), ("message_reference", replied), ("mentions", mention_us.clone())];
    discord.write(ANN, "redémarre le serveur", &reply);
    discord.write(ANN, &format!("{us} redémarre le serveur"), &reply);
    discord.write(ANN, "redémarre le serveur", &[("mentions", mention_us)]);
    // Its own words, too, are those of a bot.
    discord.write(BOT, &format!("{us} redémarre le serveur"), &[]);

    all_heard(&discord).await;
    assert_eq!(house.state().asked, 0);
    let answers: Vec<String> =
        discord.written().into_iter().map(|shown| shown.content).filter(|said| !said.contains(&us)).collect();
    assert_eq!(answers.len(), 1, "only the call for help was answered: {answers:#?}");
    bot.stop().await;
}

#[tokio::test]
async fn whoever_may_not_is_not_asked_for_a_confirmation() {
    let (discord, house, bot) = listening().await;
    discord.write(BEA, &format!("<@{BOT}> redémarre le serveur"), &[]);
    let shown = discord.reads(TEXT, "⛔ Vous n’avez pas le droit").await;
    assert_eq!(shown.buttons(), []);
    assert_eq!(house.state().asked, 0);
    bot.stop().await;
}

#[tokio::test]
async fn elsewhere_nothing_is_heard() {
    let (discord, house, bot) = listening().await;
    house.change(|state| state.settings.command_channels = [1].into());
    discord.write(ANN, &format!("<@{BOT}> redémarre le serveur"), &[]);
    house.change(|state| state.settings.command_channels.clear());
    all_heard(&discord).await;
    assert_eq!(house.state().asked, 0);
    bot.stop().await;
}

#[tokio::test]
async fn without_natural_language_no_message_is_even_sent_to_us() {
    let (discord, house, bot) = crate::inn_at_discord().await;
    discord.give_role(ANN, ROLE_KEEPER);
    discord.write(ANN, &format!("<@{BOT}> redémarre le serveur"), &[]);
    discord.says(&discord.slash(ANN, "status", &[]), "pve").await;
    assert_eq!(house.state().asked, 0);
    assert!(discord.calls("POST", "/channels").is_empty());
    bot.stop().await;
}
