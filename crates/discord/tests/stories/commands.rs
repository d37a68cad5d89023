//! Slash commands, as people use them.

use serde_json::json;

use innkeeper_discord::{Ability, Deed, End, HostState, Instance, Power};
use innkeeper_domain::mails::Language;

use crate::fake::{ANN, BEA, CAT, ROLE_KEEPER, TEXT, VOICE};
use crate::inn::{host, service};
use crate::inn_at_discord;

#[tokio::test]
async fn discord_is_told_of_the_commands_in_both_languages() {
    let (discord, _house, bot) = inn_at_discord().await;
    let commands = discord
        .until("the commands", |state| state.commands.as_array().filter(|all| all.len() == 13).cloned())
        .await;
    let restart = commands.iter().find(|command| command["name"] == "restart").unwrap();
    assert_eq!(restart["name_localizations"]["fr"], "redémarrer");
    assert_eq!(restart["options"][0]["autocomplete"], true);
    bot.stop().await;
}

#[tokio::test]
async fn somebody_asks_how_things_are() {
    let (discord, house, bot) = inn_at_discord().await;
    house.change(|state| {
        state.hosts.push(host("hst_2", "grange", HostState::Off));
        state.hosts[0].detail = Some("1 joueur connecté".to_owned());
    });
    let shown = discord.says(&discord.slash(ANN, "status", &[]), "pve").await;
    assert_eq!(
        shown.content,
        "🟢 **pve** : prêt (1 joueur connecté)\n🌙 **grange** : endormi\n\
         🟢 **Minecraft** : en ligne · 1/12 en jeu · `play.example:25565`"
    );
    assert!(!shown.private);
    let shown = discord.says(&discord.slash(ANN, "players", &[]), "Minecraft").await;
    assert_eq!(shown.content, r"**Minecraft** : 1/12 en jeu : Alice\_1");
    bot.stop().await;
}

#[tokio::test]
async fn a_sleeping_host_is_woken_and_everybody_sees_how_far_it_is() {
    let (discord, house, bot) = inn_at_discord().await;
    house.change(|state| state.hosts[0].state = HostState::Off);
    let asked = discord.slash(ANN, "wake", &[]);
    discord.says(&asked, "Réveil de **pve**… demandé").await;
    house.step("op_1", "paquet magique envoyé");
    discord.says(&asked, "Réveil de **pve**… paquet magique envoyé").await;
    house.step("op_1", "l’API répond");
    discord.says(&asked, "l’API répond").await;
    house.end("op_1", End::Done { seconds: 47 });
    discord.says(&asked, "✅ **pve** est réveillé, en 47 secondes.").await;
    assert_eq!(house.state().done, [(ANN, Deed::Wake { host: "hst_pve".to_owned() })]);
    bot.stop().await;
}

#[tokio::test]
async fn a_failure_is_said_as_it_is() {
    let (discord, house, bot) = inn_at_discord().await;
    house.change(|state| state.hosts[0].state = HostState::Off);
    let asked = discord.slash(ANN, "wake", &[("host", json!("PVE"))]);
    discord.says(&asked, "demandé").await;
    house.end("op_1", End::Failed { message: "pas de réponse en 600 s".to_owned() });
    discord.says(&asked, "❌ **pve** : pas de réponse en 600 s").await;
    let asked = discord.slash(ANN, "wake", &[("host", json!("nulle-part"))]);
    discord.says(&asked, "Je ne connais pas « nulle-part ».").await;
    bot.stop().await;
}

#[tokio::test]
async fn roles_are_really_checked_and_a_change_counts_at_once() {
    let (discord, house, bot) = inn_at_discord().await;
    let refusal = "⛔ Vous n’avez pas le droit de faire cela.";
    for (command, options) in [
        ("sleep", vec![]),
        ("sleep", vec![("cancel", json!(true))]),
        ("restart", vec![]),
        ("maintenance", vec![("on", json!(true))]),
        ("maintenance", vec![("on", json!(false))]),
        ("report", vec![]),
        ("wake", vec![("hours", json!(2))]),
    ] {
        discord.says(&discord.slash(ANN, command, &options), refusal).await;
    }
    assert_eq!(house.state().asked, 0);

    discord.give_role(ANN, ROLE_KEEPER);
    discord.says(&discord.slash(ANN, "maintenance", &[("on", json!(false))]), "est terminée").await;
    house.change(|state| state.settings.roles.clear());
    discord.says(&discord.slash(ANN, "maintenance", &[("on", json!(false))]), refusal).await;
    house.change(|state| {
        state.settings.everyone.clear();
    });
    discord.says(&discord.slash(ANN, "status", &[]), refusal).await;
    discord.says(&discord.slash(ANN, "wake", &[]), refusal).await;
    bot.stop().await;
}

#[tokio::test]
async fn what_is_private_is_shown_to_one_alone() {
    let (discord, house, bot) = inn_at_discord().await;
    let shown = discord.says(&discord.slash(CAT, "balance", &[]), "Liez d’abord").await;
    assert!(shown.private);
    let shown = discord.says(&discord.slash(CAT, "link", &[]), "https://inn.example/link/abc").await;
    assert!(shown.private && shown.content.contains("`K7Q2`"));

    house.change(|state| {
        state.linked.insert(CAT, "cat@inn.example".to_owned());
        let web = Instance { key: "ins_1".to_owned(), name: "web-1".to_owned(), state: "tourne".to_owned() };
        state.instances.insert(CAT, vec![web]);
    });
    discord.says(&discord.slash(CAT, "link", &[]), "lié à cat@").await;
    assert!(
        discord
            .says(&discord.slash(CAT, "balance", &[]), "12,5 crédits ; de quoi tenir 3 jours")
            .await
            .private
    );
    assert!(discord.says(&discord.slash(CAT, "instances", &[]), "**web-1** : tourne").await.private);
    let asked = discord.slash(CAT, "start", &[("instance", json!("web-1"))]);
    assert!(discord.says(&asked, "Démarrage de **web-1**").await.private);
    let instance = "ins_1".to_owned();
    assert_eq!(house.state().done, [(CAT, Deed::Power { instance, power: Power::Start })]);
    house.end("op_1", End::Done { seconds: 3 });
    discord.says(&asked, "web-1** tourne").await;

    discord.says(&discord.slash(CAT, "link", &[("remove", json!(true))]), "plus lié").await;
    discord.says(&discord.slash(CAT, "instances", &[]), "Liez d’abord").await;
    bot.stop().await;
}

#[tokio::test]
async fn help_says_what_this_person_may() {
    let (discord, _house, bot) = inn_at_discord().await;
    let shown = discord.says(&discord.slash(ANN, "help", &[]), "/status").await;
    assert!(shown.private && shown.content.contains("/wake") && !shown.content.contains("/sleep"));
    discord.give_role(BEA, ROLE_KEEPER);
    discord.says(&discord.slash(BEA, "help", &[]), "/maintenance").await;
    bot.stop().await;
}

#[tokio::test]
async fn names_are_offered_while_typing() {
    let (discord, house, bot) = inn_at_discord().await;
    house.change(|state| {
        state.services.push(service("svc_été", "Survie Été"));
        state
            .hosts
            .extend((0..40).map(|at| host(&format!("hst_{at}"), &format!("host-{at}"), HostState::Off)));
    });
    let offered = discord.typing(ANN, "players", "service", "ete").await;
    assert_eq!(offered, [("Survie Été".to_owned(), "svc_été".to_owned())]);
    assert_eq!(discord.typing(ANN, "wake", "host", "").await.len(), 25, "Discord shows no more");
    assert_eq!(discord.typing(ANN, "start", "instance", "").await, [], "Ann has none");
    bot.stop().await;
}

#[tokio::test]
async fn when_there_are_several_the_bot_asks_which() {
    let (discord, house, bot) = inn_at_discord().await;
    discord.give_role(ANN, ROLE_KEEPER);
    house.change(|state| state.services.push(service("svc_2", "Créatif")));
    discord.says(&discord.slash(ANN, "restart", &[]), "Lequel ? Minecraft, Créatif").await;
    discord
        .says(&discord.slash(ANN, "restart", &[("target", json!("svc_2"))]), "Redémarrer **Créatif** ?")
        .await;
    assert_eq!(house.state().asked, 0);
    bot.stop().await;
}

#[tokio::test]
async fn commands_count_where_the_operator_says() {
    let (discord, house, bot) = inn_at_discord().await;
    house.change(|state| state.settings.command_channels = [VOICE].into());
    let said = format!("Demandez-moi dans <#{VOICE}>.");
    discord.says(&discord.slash(ANN, "wake", &[]), &said).await;
    assert_eq!(house.state().asked, 0);
    house.change(|state| state.settings.command_channels = [TEXT].into());
    discord.says(&discord.slash(ANN, "status", &[]), "pve").await;
    bot.stop().await;
}

#[tokio::test]
async fn the_operators_texts_count_at_once_and_bad_ones_never() {
    let (discord, house, bot) = inn_at_discord().await;
    house.change(|state| {
        state.settings.texts = vec![
            ("already.wake".to_owned(), Language::Fr, "{name} ne dort pas !".to_owned()),
            ("status.host".to_owned(), Language::Fr, "{nmae}".to_owned()),
        ];
    });
    discord.says(&discord.slash(ANN, "wake", &[]), "pve ne dort pas !").await;
    discord.says(&discord.slash(ANN, "status", &[]), "🟢 **pve** : prêt").await;
    bot.stop().await;
}

#[tokio::test]
async fn what_others_wrote_has_no_effect() {
    let (discord, house, bot) = inn_at_discord().await;
    house.change(|state| {
        state.hosts[0].name = "**@everyone** [clic](https://x.example)".to_owned();
        state.services.clear();
    });
    let shown = discord.says(&discord.slash(ANN, "status", &[]), "everyone").await;
    assert_eq!(
        shown.content,
        "🟢 **\\*\\*@\u{200b}everyone\\*\\* \\[clic\\]\\(https\\:/\u{200b}/x.example\\)** : prêt"
    );
    bot.stop().await;
}

#[tokio::test]
async fn a_house_that_does_not_answer_is_said_and_nothing_is_done() {
    let (discord, house, bot) = inn_at_discord().await;
    house.change(|state| state.silent = true);
    discord.says(&discord.slash(ANN, "status", &[]), "Je ne peux pas joindre la maison").await;
    house.change(|state| state.silent = false);
    discord.says(&discord.slash(ANN, "status", &[]), "pve").await;
    bot.stop().await;
}

#[tokio::test]
async fn a_long_list_is_cut_and_not_refused() {
    let (discord, house, bot) = inn_at_discord().await;
    house.change(|state| {
        state.hosts = (0..100)
            .map(|at| host(&format!("hst_{at}"), &"très-long ".repeat(9), HostState::Ready))
            .collect();
    });
    let shown = discord.says(&discord.slash(ANN, "status", &[]), "très").await;
    assert!(shown.content.ends_with('…') && shown.content.chars().count() == 2000);
    bot.stop().await;
}

#[tokio::test]
async fn nothing_is_done_for_whoever_came_too_late_to_be_answered() {
    let (discord, house, bot) = inn_at_discord().await;
    house.change(|state| state.hosts[0].state = HostState::Off);
    discord.limit("/interactions", 1, 0.01, false);
    let asked = discord.slash(ANN, "wake", &[]);
    discord
        .until("a refused answer", |state| state.calls.iter().any(|call| call.status == 429).then_some(()))
        .await;
    discord.age(&asked, std::time::Duration::from_secs(4));
    // The next one is answered, and only it is done.
    let asked = discord.slash(BEA, "wake", &[]);
    discord.says(&asked, "Réveil").await;
    assert_eq!(house.state().done.iter().map(|(who, _)| *who).collect::<Vec<_>>(), [BEA]);
    bot.stop().await;
}

#[tokio::test]
async fn what_another_process_has_answered_is_not_done_here() {
    let (discord, house, bot) = inn_at_discord().await;
    house.change(|state| state.hosts[0].state = HostState::Off);
    discord.slash_answered_elsewhere(ANN, "wake");
    discord
        .until("a refused answer", |state| state.calls.iter().any(|call| call.status == 400).then_some(()))
        .await;
    discord.says(&discord.slash(BEA, "status", &[]), "endormi").await;
    assert_eq!(house.state().asked, 0);
    bot.stop().await;
}

#[tokio::test]
async fn when_the_answer_cannot_be_changed_any_more_the_bot_goes_on() {
    let (discord, house, bot) = inn_at_discord().await;
    house.change(|state| state.hosts[0].state = HostState::Off);
    let asked = discord.slash(ANN, "wake", &[]);
    discord.says(&asked, "demandé").await;
    discord.expire(&asked);
    house.step("op_1", "l’API répond");
    discord
        .until("a refused change", |state| state.calls.iter().any(|call| call.status == 401).then_some(()))
        .await;
    discord.says(&discord.slash(BEA, "status", &[]), "pve").await;
    bot.stop().await;
}

#[tokio::test]
async fn a_report_is_for_whoever_may_read_it() {
    let (discord, house, bot) = inn_at_discord().await;
    house.change(|state| {
        state.settings.everyone.insert(Ability::Report);
    });
    let shown =
        discord.says(&discord.slash(ANN, "report", &[("period", json!("weekly"))]), "La semaine").await;
    assert!(shown.private);
    assert!(shown.content.contains("Réveils : 2 · sommeil : 17 h · redémarrages : 1 · joueurs au plus : 6"));
    bot.stop().await;
}
