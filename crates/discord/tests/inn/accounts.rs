//! Who somebody is, what their roles allow, and what staff are told.

use innkeeper_domain::access::Actor;
use innkeeper_domain::hosts::State;
use innkeeper_domain::users::Role;
use innkeeper_engine::Error;
use serde_json::json;

use crate::fake::{ANN, BEA, CAT};
use crate::house::{House, until};

/// The code that the bot showed to whoever asked.
async fn code(house: &House, who: u64) -> String {
    let asked = house.discord.slash(who, "link", &[]);
    let shown = house.discord.says(&asked, "entrez `").await;
    assert!(shown.private, "nobody else may see it");
    assert!(shown.content.contains("https://inn.example/discord/link#ikt"), "{}", shown.content);
    let (_, rest) = shown.content.split_once("entrez `").unwrap();
    rest.split_once('`').unwrap().0.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_linked_once_and_counts_as_it_stands_now() {
    let house = House::open().await;
    let (ada, session) = house.user("ada@inn.example", Role::User).await;
    let (_, other) = house.user("bob@inn.example", Role::User).await;
    let asked = house.discord.slash(ANN, "balance", &[]);
    house.discord.says(&asked, "Dites d’abord qui vous êtes").await;

    let token = code(&house, ANN).await;
    let linked = house.engine.complete_discord_link(&session, &token).await.unwrap();
    assert_eq!((linked.discord_id.get(), linked.name.as_str()), (ANN, "ann"));
    let twice = house.engine.complete_discord_link(&other, &token).await;
    assert!(matches!(twice, Err(Error::Invalid { field: "token", .. })), "{twice:?}");
    let asked = house.discord.slash(ANN, "balance", &[]);
    house.discord.says(&asked, "crédits").await;
    let asked = house.discord.slash(ANN, "link", &[]);
    house.discord.says(&asked, "Vous êtes lié à Ada").await;

    // One account here is one there.
    let token = code(&house, BEA).await;
    let second = house.engine.complete_discord_link(&session, &token).await;
    assert!(matches!(second, Err(Error::Conflict { code: "already_linked", .. })), "{second:?}");

    // Who is banned here wakes nothing there, whatever everybody may do, and cannot shake it off.
    let reason = "spam".parse().unwrap();
    house.engine.ban_user(&Actor::house(), ada, reason, None, None).await.unwrap();
    let asked = house.discord.slash(ANN, "wake", &[]);
    house.discord.says(&asked, "Votre compte est banni").await;
    let asked = house.discord.slash(ANN, "link", &[("remove", json!(true))]);
    house.discord.says(&asked, "Votre compte est banni").await;
    assert!(house.engine.linked_user(linked.discord_id).await.unwrap().is_some());
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_everybody_may_do_changes_at_once() {
    let house = House::open().await;
    let asked = house.discord.slash(CAT, "status", &[]);
    house.discord.says(&asked, "**cube** : ").await;
    house.set(|set| set.everyone.clear()).await;
    let asked = house.discord.slash(CAT, "status", &[]);
    house.discord.says(&asked, "Vous n’avez pas le droit").await;
    let asked = house.discord.slash(CAT, "wake", &[]);
    house.discord.says(&asked, "aucun que vous puissiez choisir").await;
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_are_told_of_a_host_that_did_not_wake_and_nobody_else_is() {
    let house = House::open_asleep().await;
    let (_, keeper) = house.user("ada@inn.example", Role::Operator).await;
    let (_, guest) = house.user("bob@inn.example", Role::User).await;
    let token = code(&house, ANN).await;
    house.engine.complete_discord_link(&keeper, &token).await.unwrap();
    let token = code(&house, BEA).await;
    house.engine.complete_discord_link(&guest, &token).await.unwrap();
    house.engine.wake_host(&Actor::house(), house.id, None).await.unwrap();
    house.until(State::Error).await;
    let told = |who: u64| {
        let state = house.discord.state();
        state.messages.values().filter(|shown| shown.channel == crate::fake::direct(who)).count()
    };
    until("she is told", async || (told(ANN) == 1).then_some(())).await;
    assert_eq!(told(BEA), 0);
    house.end().await;
}
