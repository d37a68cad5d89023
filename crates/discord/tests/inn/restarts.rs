//! The game is restarted from Discord: asked, confirmed, once, with the seconds that it took; and not again so soon.

use innkeeper_domain::access::Actor;
use innkeeper_domain::restarts::RestartState;

use crate::fake::{ANN, BEA, TEXT};
use crate::house::{House, SECOND, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_is_confirmed_followed_and_told_in_seconds_and_then_one_has_to_wait() {
    let house = House::open().await;
    let (service, _door) = house.game().await;
    house.discord.reads(TEXT, "**survie** : en ligne").await;
    let asked = house.discord.slash(ANN, "restart", &[]);
    let question = house.discord.says(&asked, "Redémarrer **survie** ?").await;
    assert_eq!(house.reboots(), 0, "nothing before the yes");
    let answer = house.discord.press(ANN, &question, "Oui");
    goes_on(&house, service).await;
    house.discord.says(&answer, "✅ **survie** a redémarré en").await;
    assert_eq!(house.reboots(), 1);

    // Pressing again, or asking again, restarts nothing.
    house.discord.press_raw(ANN, &question, &question.buttons()[0].1);
    let again = house.discord.slash(ANN, "restart", &[]);
    let question = house.discord.says(&again, "Redémarrer **survie** ?").await;
    let refused = house.discord.press(ANN, &question, "Oui");
    house.discord.says(&refused, "Vous avez demandé un redémarrage il y a peu").await;
    assert_eq!(house.reboots(), 1);
    let restarts = house.engine.restarts(&Actor::house(), service, None, 10).await.unwrap();
    assert_eq!(restarts.len(), 1);
    assert_eq!(restarts[0].person.to_string(), format!("discord:{ANN}"));
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_who_confirm_at_once_restart_it_once() {
    let house = House::open().await;
    let (service, _door) = house.game().await;
    let (first, second) =
        (house.discord.slash(ANN, "restart", &[]), house.discord.slash(BEA, "restart", &[]));
    let anns = house.discord.says(&first, "Redémarrer **survie** ?").await;
    let beas = house.discord.says(&second, "Redémarrer **survie** ?").await;
    let (one, two) = (house.discord.press(ANN, &anns, "Oui"), house.discord.press(BEA, &beas, "Oui"));
    until("one of them is refused", async || {
        let refused = |asked| {
            let state = house.discord.state();
            let shown = state.message_of(asked);
            shown.is_some_and(|shown| shown.content.contains("Un redémarrage est déjà en cours"))
        };
        (refused(&one) || refused(&two)).then_some(())
    })
    .await;
    goes_on(&house, service).await;
    until("the other is told the seconds", async || {
        let told = |asked| {
            let state = house.discord.state();
            state.message_of(asked).is_some_and(|shown| shown.content.contains("a redémarré en"))
        };
        (told(&one) || told(&two)).then_some(())
    })
    .await;
    let restarts = house.engine.restarts(&Actor::house(), service, None, 10).await.unwrap();
    assert_eq!((restarts.len(), house.reboots()), (1, 1));
    house.end().await;
}

/// Time passes until the restart is done.
async fn goes_on(house: &House, service: innkeeper_domain::ids::ServiceId) {
    until("the restart is done", async || {
        house.clock.advance(SECOND);
        let restarts = house.engine.restarts(&Actor::house(), service, None, 1).await.unwrap();
        let restart = restarts.first()?;
        assert_ne!(restart.state, RestartState::Failed, "{restart:#?}");
        (restart.state == RestartState::Done).then_some(())
    })
    .await;
}
