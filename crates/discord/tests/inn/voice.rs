//! Somebody joins the voice channel and the server wakes; everybody leaves and it goes to sleep.

use innkeeper_domain::hosts::State;
use serde_json::json;

use crate::fake::{ANN, BEA, ROLE_KEEPER, TEXT};
use crate::house::{House, SECOND};

#[tokio::test(flavor = "multi_thread")]
async fn whoever_joins_the_channel_wakes_the_server_and_the_message_says_so() {
    let house = House::open_asleep().await;
    house.discord.reads(TEXT, "**cube** : endormi").await;
    assert_eq!(house.packets().await.len(), 0, "nobody asked");

    house.joins(ANN, 1).await;
    house.until(State::Waking).await;
    assert!(!house.packets().await.is_empty(), "it was called");
    house.discord.reads(TEXT, "**cube** : en réveil").await;

    house.power_on();
    house.until(State::Ready).await;
    house.look(SECOND).await;
    house.discord.reads(TEXT, "**cube** : prêt (quelqu’un est dans le salon vocal)").await;
    assert!(house.wait().await.iter().all(|state| *state == State::Ready), "while somebody is there");
    assert_eq!(house.told_off(), 0);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_leaves_and_the_countdown_can_be_called_off_by_a_button() {
    let house = House::open().await;
    house.joins(ANN, 1).await;
    house.look(SECOND).await;
    house.leaves(ANN, 0).await;
    house.until(State::Idle).await;
    let shown = house.discord.reads(TEXT, "s’endort <t:").await;
    let asked = house.discord.press(BEA, &shown, "Garder cube éveillé");
    house.discord.says(&asked, "**cube** reste éveillé").await;
    assert_eq!(house.host().await.course.state, State::Ready);

    // Nobody comes: it is quiet for as long again, and then it sleeps.
    house.until(State::Idle).await;
    house.until(State::Off).await;
    house.discord.reads(TEXT, "**cube** : endormi").await;
    assert_eq!(house.told_off(), 1, "told once");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keeper_puts_it_to_sleep_and_anybody_wakes_it() {
    let house = House::open().await;
    let refused = house.discord.slash(ANN, "sleep", &[]);
    house.discord.says(&refused, "Vous n’avez pas le droit").await;
    house.discord.give_role(ANN, ROLE_KEEPER);
    let asked = house.discord.slash(ANN, "sleep", &[("host", json!("cube"))]);
    let question = house.discord.says(&asked, "Endormir **cube** ?").await;
    let answer = house.discord.press(ANN, &question, "Oui");
    house
        .discord
        .until("the wish is written", |state| state.messages.contains_key(&question.id).then_some(()))
        .await;
    house.until(State::Off).await;
    house.discord.says(&answer, "**cube** dort, en").await;

    let asked = house.discord.slash(BEA, "wake", &[]);
    house.discord.says(&asked, "Réveil de **cube**").await;
    house.until(State::Waking).await;
    house.power_on();
    house.until(State::Ready).await;
    house.discord.says(&asked, "**cube** est réveillé, en").await;
    assert_eq!(house.told_off(), 1);
    house.end().await;
}
