//! What somebody could lose something by is asked once more, and done once.

use std::sync::Arc;
use std::time::Duration;

use innkeeper_discord::{Deed, End, HostState};
use innkeeper_domain::time::{Clock, Timestamp};
use serde_json::json;

use crate::fake::{ANN, BEA, Fake, ROLE_KEEPER, Shown};
use crate::inn::Inn;
use crate::{Running, config, inn_at_discord, start_with};

fn restart() -> Deed {
    Deed::RestartService { service: "svc_mc".to_owned() }
}

async fn keepers() -> (Fake, Arc<Inn>, Running) {
    let (discord, house, bot) = inn_at_discord().await;
    discord.give_role(ANN, ROLE_KEEPER);
    discord.give_role(BEA, ROLE_KEEPER);
    (discord, house, bot)
}

async fn asks(discord: &Fake, who: u64) -> Shown {
    discord.says(&discord.slash(who, "restart", &[]), "Redémarrer **Minecraft** ?").await
}

/// The seed's workflow: asked, announced, saved, restarted, ready, with the seconds.
#[tokio::test]
async fn a_restart_is_confirmed_followed_and_timed() {
    let (discord, house, bot) = keepers().await;
    let question = asks(&discord, ANN).await;
    assert_eq!(house.state().asked, 0, "nothing is done before somebody says yes");
    let pressed = discord.press(ANN, &question, "Oui");
    discord.says(&pressed, "Redémarrage de **Minecraft**… demandé").await;
    for step in ["annonce aux joueurs", "sauvegarde", "redémarrage", "attente du serveur"] {
        house.step("op_1", step);
        discord.says(&pressed, step).await;
    }
    house.end("op_1", End::Done { seconds: 47 });
    let shown = discord.says(&pressed, "✅ **Minecraft** a redémarré en 47 secondes.").await;
    assert_eq!(shown.id, question.id, "all of it in one message");
    assert_eq!(shown.buttons(), [], "and nothing left to press");
    assert_eq!(house.state().done, [(ANN, restart())]);
    bot.stop().await;
}

#[tokio::test]
async fn no_is_no() {
    let (discord, house, bot) = keepers().await;
    let question = asks(&discord, ANN).await;
    let yes = question.buttons()[0].1.clone();
    let pressed = discord.press(ANN, &question, "Non");
    let shown = discord.says(&pressed, "Rien n’a été fait").await;
    assert_eq!(shown.buttons(), []);
    // A client that had the button still.
    assert_eq!(discord.answered(&discord.press_raw(ANN, &question, &yes)).await, 6);
    assert_eq!(house.state().asked, 0);
    bot.stop().await;
}

#[tokio::test]
async fn only_who_asked_may_answer() {
    let (discord, house, bot) = keepers().await;
    let question = asks(&discord, ANN).await;
    for label in ["Oui", "Non"] {
        let pressed = discord.press(BEA, &question, label);
        let shown = discord.says(&pressed, "Seule la personne qui a demandé").await;
        assert!(shown.private);
    }
    assert_eq!(house.state().asked, 0);
    // The question stands.
    discord.says(&discord.press(ANN, &question, "Oui"), "Redémarrage").await;
    bot.stop().await;
}

#[tokio::test]
async fn a_button_that_was_never_ours_does_nothing() {
    let (discord, house, bot) = keepers().await;
    let question = asks(&discord, ANN).await;
    let ours = question.buttons()[0].1.clone();
    let mut bent = ours.clone().into_bytes();
    bent[3] ^= 1;
    for custom_id in ["restart", "", &String::from_utf8(bent).unwrap(), &ours[..ours.len() - 1]] {
        let pressed = discord.press_raw(ANN, &question, custom_id);
        assert!(discord.says(&pressed, "n’est pas (ou plus) à moi").await.private);
    }
    assert_eq!(house.state().asked, 0);
    bot.stop().await;
}

#[tokio::test]
async fn yes_twice_at_once_does_it_once() {
    let (discord, house, bot) = keepers().await;
    let question = asks(&discord, ANN).await;
    let pressed = [(); 5].map(|()| discord.press(ANN, &question, "Oui"));
    for one in &pressed {
        discord.answered(one).await;
    }
    discord.reads(question.channel, "Redémarrage de **Minecraft**").await;
    assert_eq!(house.state().done, [(ANN, restart())]);
    house.end("op_1", End::Done { seconds: 5 });
    discord.reads(question.channel, "en 5 secondes").await;
    bot.stop().await;
}

#[tokio::test]
async fn two_people_confirming_at_once_restart_once() {
    let (discord, house, bot) = keepers().await;
    let (of_ann, of_bea) = (asks(&discord, ANN).await, asks(&discord, BEA).await);
    let pressed = [discord.press(ANN, &of_ann, "Oui"), discord.press(BEA, &of_bea, "Oui")];
    discord.reads(of_ann.channel, "Redémarrage de **Minecraft**").await;
    discord.reads(of_ann.channel, "⛔ Un redémarrage est déjà en cours.").await;
    assert_eq!(house.state().done.len(), 1);
    assert_eq!(pressed.len(), 2);
    bot.stop().await;
}

#[tokio::test]
async fn nobody_answers_and_the_buttons_go() {
    let discord = Fake::start().await;
    let house = Arc::new(Inn::new());
    let mut config = config(&discord);
    config.pace.confirm = Duration::from_millis(50);
    let bot = start_with(&house, config);
    discord.until_ready().await;
    discord.give_role(ANN, ROLE_KEEPER);
    let asked = discord.slash(ANN, "restart", &[]);
    let shown = discord.says(&asked, "Personne n’a confirmé à temps").await;
    assert_eq!(shown.buttons().iter().filter(|(_, _, open)| *open).count(), 0);
    assert_eq!(shown.buttons().len(), 2, "they are to be seen, and cannot be pressed");
    let yes = shown.buttons()[0].1.clone();
    assert_eq!(discord.answered(&discord.press_raw(ANN, &shown, &yes)).await, 6, "nor by a changed client");
    assert_eq!(house.state().asked, 0);
    bot.stop().await;
}

/// The process is killed with a question open: the button works afterwards, until its time is over.
#[tokio::test]
async fn a_question_outlives_the_process() {
    let discord = Fake::start().await;
    let house = Arc::new(Inn::new());
    let clock = Clock::manual(Timestamp(1_800_000_000_000_000));
    let mut config = config(&discord);
    config.clock = clock.clone();
    discord.give_role(ANN, ROLE_KEEPER);

    let bot = start_with(&house, config.clone());
    discord.until_ready().await;
    let (first, second) = (asks(&discord, ANN).await, asks(&discord, ANN).await);
    bot.run.abort();
    let _ = bot.run.await;

    let bot = start_with(&house, config);
    discord.until("another sign-in", |state| (state.identifies == 2).then_some(())).await;
    discord.says(&discord.press(ANN, &first, "Oui"), "Redémarrage de **Minecraft**").await;
    assert_eq!(house.state().done, [(ANN, restart())]);
    house.end("op_1", End::Done { seconds: 2 });

    clock.advance(Duration::from_secs(62));
    let shown = discord.says(&discord.press(ANN, &second, "Oui"), "Personne n’a confirmé à temps").await;
    assert_eq!(shown.buttons(), []);
    assert_eq!(house.state().done.len(), 1);
    bot.stop().await;
}

#[tokio::test]
async fn whoever_lost_the_role_since_the_question_may_not() {
    let (discord, house, bot) = keepers().await;
    let question = asks(&discord, ANN).await;
    discord.take_roles(ANN);
    discord.says(&discord.press(ANN, &question, "Oui"), "⛔ Vous n’avez pas le droit").await;
    assert_eq!(house.state().asked, 0);
    bot.stop().await;
}

#[tokio::test]
async fn what_nobody_loses_by_is_done_at_once_and_the_rest_is_asked() {
    let (discord, house, bot) = keepers().await;
    discord.says(&discord.slash(ANN, "sleep", &[]), "Endormir **pve** ?").await;
    discord
        .says(&discord.slash(ANN, "maintenance", &[("on", json!(true))]), "Mettre **pve** en maintenance ?")
        .await;
    assert_eq!(house.state().asked, 0);
    discord.says(&discord.slash(ANN, "sleep", &[("cancel", json!(true))]), "**pve** reste éveillé").await;
    discord.says(&discord.slash(ANN, "maintenance", &[("on", json!(false))]), "est terminée").await;
    discord.says(&discord.slash(ANN, "wake", &[("hours", json!(3))]), "déjà réveillé").await;
    assert!(house.state().done.contains(&(ANN, Deed::KeepAwake { host: "hst_pve".to_owned(), hours: 3 })));
    bot.stop().await;
}

#[tokio::test]
async fn a_process_that_stops_says_that_it_does_not_look_any_more() {
    let (discord, house, bot) = keepers().await;
    house.change(|state| state.hosts[0].state = HostState::Off);
    let asked = discord.slash(ANN, "wake", &[]);
    discord.says(&asked, "demandé").await;
    bot.stop().await;
    discord.says(&asked, "`/status` montre où il en est").await;
}
