//! A public message that merely looks like a command does nothing.

use innkeeper_domain::access::Actor;
use innkeeper_domain::hosts::State;
use serde_json::json;

use crate::fake::{ANN, BEA, BOT, OTHER_BOT, TEXT};
use crate::house::House;

#[tokio::test(flavor = "multi_thread")]
async fn what_merely_looks_like_a_command_does_nothing() {
    let house = House::open().await;
    let (service, _door) = house.game().await;
    let before = house.discord.written().len();
    for said in [
        "le bot est nul".to_owned(),
        format!("<@{BOT}> le bot est nul"),
        "redémarre survie".to_owned(),
        format!("<@{OTHER_BOT}> redémarre survie"),
        format!("<@{BOT}> <@{OTHER_BOT}> redémarre survie"),
        format!("@everyone <@{BOT}> redémarre survie"),
        format!("`<@{BOT}> redémarre survie`"),
    ] {
        house.discord.write(ANN, &said, &[]);
    }
    let said = format!("<@{BOT}> redémarre survie");
    house.discord.write(OTHER_BOT, &said, &[]);
    house.discord.write(ANN, &said, &[("type", json!(19))]);
    // What comes after all of them is answered, so that they have been heard.
    house.discord.write(BEA, &format!("<@{BOT}> ne redémarre pas le serveur"), &[]);
    house.discord.reads(TEXT, "Compris : je n’y touche pas.").await;
    assert_eq!(house.discord.written().len(), before + 1, "{:#?}", house.discord.written());
    assert!(house.engine.restarts(&Actor::house(), service, None, 10).await.unwrap().is_empty());
    assert_eq!((house.reboots(), house.told_off()), (0, 0));
    assert!(matches!(house.host().await.course.state, State::Ready | State::Idle));
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_to_the_bot_is_asked_once_more() {
    let house = House::open().await;
    let (service, _door) = house.game().await;
    house.discord.write(ANN, &format!("<@{BOT}> redémarre survie s'il te plaît"), &[]);
    let question = house.discord.reads(TEXT, "Redémarrer **survie** ?").await;
    house.discord.press(BEA, &question, "Oui");
    let no = house.discord.press(ANN, &question, "Non");
    house.discord.answered(&no).await;
    house.discord.reads(TEXT, "Non. Rien n’a été fait.").await;
    assert!(house.engine.restarts(&Actor::house(), service, None, 10).await.unwrap().is_empty());
    house.end().await;
}
