use proptest::prelude::*;

use super::*;

fn names() -> Vec<String> {
    ["oak", "Survie Été", "mc-creative", "web_1"].map(str::to_owned).to_vec()
}

fn means(text: &str) -> Meaning {
    understand(text, &names()).0
}

#[test]
fn what_is_asked_for() {
    use Meaning::{Do, Help, Players, Status};
    for (text, meaning) in [
        ("redémarre le serveur", Do(Verb::Restart, None)),
        ("Redémarre le serveur Minecraft, s'il te plaît !", Do(Verb::Restart, None)),
        ("peux-tu redémarrer le serveur ?", Do(Verb::Restart, None)),
        ("est-ce que tu peux relancer survie ete stp ?", Do(Verb::Restart, Some(1))),
        ("RESTART mc-creative please", Do(Verb::Restart, Some(2))),
        ("could you reboot the server?", Do(Verb::Restart, None)),
        ("réveille oak", Do(Verb::Wake, Some(0))),
        ("re\u{301}veille le serveur oak", Do(Verb::Wake, Some(0))),
        ("allume la machine", Do(Verb::Wake, None)),
        ("wake the server up", Do(Verb::Wake, None)),
        ("turn off oak", Do(Verb::Sleep, Some(0))),
        ("turn oak off", Do(Verb::Sleep, Some(0))),
        ("mets oak en veille", Do(Verb::Sleep, Some(0))),
        ("éteins le serveur", Do(Verb::Sleep, None)),
        ("arrête web_1", Do(Verb::Stop, Some(3))),
        ("démarre web_1", Do(Verb::Start, Some(3))),
        ("annule l’arrêt", Do(Verb::CancelSleep, None)),
        ("cancel the countdown", Do(Verb::CancelSleep, None)),
        ("keep oak awake", Do(Verb::KeepAwake, Some(0))),
        ("statut", Status),
        ("status of the server", Status),
        ("état du serveur", Status),
        ("est-ce que le serveur est allumé ?", Status),
        ("le serveur est allumé ?", Status),
        ("le serveur n'est pas allumé ?", Status),
        ("is the server up?", Status),
        ("is oak awake", Status),
        ("redémarre le serveur ?", Status),
        ("qui est connecté ?", Players),
        ("who's online?", Players),
        ("qui joue sur survie été ?", Players),
        ("aide", Help),
        ("help me please", Help),
    ] {
        assert_eq!(means(text), meaning, "{text}");
    }
}

#[test]
fn what_is_to_be_left_alone() {
    for text in [
        "ne redémarre pas le serveur",
        "n'éteins pas le serveur",
        "ne redémarre surtout pas oak !",
        "ne redémarre plus le serveur",
        "surtout ne redémarre jamais le serveur",
        "don't restart the server",
        "dont restart the server",
        "do not turn off oak",
        "never reboot the server",
        "arrête de redémarrer le serveur",
        "redémarre pas le serveur",
        "non, redémarre le serveur",
    ] {
        assert_eq!(means(text), Meaning::Refrain, "{text}");
    }
}

#[test]
fn what_is_nothing_for_us() {
    for text in [
        "",
        "?",
        "le bot est nul",
        "le serveur est nul",
        "le serveur est allumé",
        "j'ai redémarré le serveur",
        "qui a redémarré le serveur ?",
        "pourquoi tu redémarres le serveur ?",
        "il faut redémarrer le serveur",
        "on redémarre le serveur demain",
        "redémarre le bot",
        "redémarre le serveur demain",
        "redémarre le serveur et éteins oak",
        "redémarre le monde",
        "restart the conversation",
        "stop it",
        "stop talking",
        "arrête",
        "stop",
        "redémarre",
        "annule",
        "arrête tes bêtises",
        "« redémarre le serveur »",
        "\"restart the server\"",
        "`restart the server`",
        "> restart the server",
        "il a dit : redémarre le serveur",
        "restart <@5> the server",
        "https://restart.example",
        "merci",
        "the server",
        "le",
        "redémarre le",
        "up",
        "restarter le serveur",
    ] {
        assert_eq!(means(text), Meaning::Nothing, "{text}");
    }
}

#[test]
fn the_language_is_that_of_the_words() {
    assert_eq!(understand("restart the server", &[]).1, Some(Language::En));
    assert_eq!(understand("redémarre le serveur", &[]).1, Some(Language::Fr));
    assert_eq!(understand("le serveur est allumé ?", &[]).1, Some(Language::Fr));
    assert_eq!(understand("qwerty", &[]).1, None);
}

/// A sentence that would act.
fn acting() -> impl Strategy<Value = Vec<String>> {
    let verbs: Vec<(&[&str], &[&str])> = VERBS.iter().map(|(_, head, tail, _)| (*head, *tail)).collect();
    let things = ["le serveur", "the server", "oak", "la machine", "mc creative"];
    (proptest::sample::select(verbs), proptest::sample::select(things.to_vec())).prop_map(
        |((head, tail), thing)| {
            head.iter()
                .copied()
                .chain(thing.split(' '))
                .chain(tail.iter().copied())
                .map(str::to_owned)
                .collect()
        },
    )
}

fn acts(text: &str) -> bool {
    matches!(means(text), Meaning::Do(..))
}

proptest! {
    #[test]
    fn acting_sentences_act(words in acting()) {
        prop_assert!(acts(&words.join(" ")), "{:?}", words);
    }

    #[test]
    fn a_word_that_is_not_known_makes_it_nothing(words in acting(), at in 0usize..8, word in "[a-z]{5,9}q") {
        let mut words = words;
        words.insert(at % (words.len() + 1), word);
        prop_assert_eq!(means(&words.join(" ")), Meaning::Nothing);
    }

    #[test]
    fn a_negation_anywhere_never_acts(
        words in acting(), at in 0usize..8, negation in proptest::sample::select(NEGATIONS.to_vec()),
    ) {
        let mut words = words;
        words.insert(at % (words.len() + 1), negation.join(" "));
        prop_assert!(!acts(&words.join(" ")), "{:?}", words);
    }

    #[test]
    fn a_question_never_acts(words in acting()) {
        let text = format!("{} ?", words.join(" "));
        prop_assert!(!acts(&text), "{}", text);
    }

    #[test]
    fn random_words_never_act(text in "\\PC{0,80}") {
        prop_assert!(!acts(&text));
    }

    #[test]
    fn without_a_verb_of_ours_nothing_acts(
        words in proptest::collection::vec(proptest::sample::select(
            ["le", "serveur", "oak", "est", "the", "server", "up", "on", "qui", "bot", "nul", "is", "allume?", "joueurs",
             "please", "tu", "peux", "you", "can", "demain", "now", "jamais", "to", "sleep", "en", "veille"].to_vec()),
            0..8),
    ) {
        let text = words.join(" ");
        let verbs = VERBS.iter().any(|(_, head, _, _)| normal(&text).starts_with(&head.iter().map(ToString::to_string).collect::<Vec<_>>()));
        prop_assume!(!verbs && !words.iter().any(|word| word.starts_with("allume")));
        prop_assert!(!acts(&text), "{}", text);
    }
}
