//! The slash commands, as Discord is told of them. Their names are stable and English; both languages are shown.

use serde_json::{Value, json};

/// Text.
const STRING: u8 = 3;
/// A whole number.
const INTEGER: u8 = 4;
/// Yes or no.
const BOOLEAN: u8 = 5;

/// Commands whose answers only the person who asked sees.
pub(crate) fn is_private(command: &str) -> bool {
    matches!(command, "balance" | "instances" | "start" | "stop" | "link" | "help" | "report")
}

/// All commands.
pub(crate) fn all() -> Value {
    let host = || option(STRING, "host", "hôte", "Which host", "Quel hôte").typed_on();
    let instance =
        || option(STRING, "instance", "instance", "Which instance", "Quelle instance").needed().typed_on();
    json!([
        command("status", "statut", "What runs, and what sleeps", "Ce qui tourne et ce qui dort", &[]),
        command(
            "wake",
            "réveiller",
            "Wake a host",
            "Réveiller un hôte",
            &[
                host(),
                option(
                    INTEGER,
                    "hours",
                    "heures",
                    "Keep it awake for so many hours",
                    "Le garder éveillé autant d’heures",
                )
                .between(1, 24),
            ],
        ),
        command(
            "sleep",
            "endormir",
            "Put a host to sleep",
            "Endormir un hôte",
            &[
                host(),
                option(
                    BOOLEAN,
                    "cancel",
                    "annuler",
                    "End its countdown instead",
                    "Plutôt annuler son compte à rebours"
                ),
            ],
        ),
        command(
            "start",
            "démarrer",
            "Start one of your instances",
            "Démarrer une de vos instances",
            &[instance()]
        ),
        command(
            "stop",
            "arrêter",
            "Stop one of your instances",
            "Arrêter une de vos instances",
            &[instance()]
        ),
        command(
            "restart",
            "redémarrer",
            "Restart a service, or one of your instances",
            "Redémarrer un service, ou une de vos instances",
            &[option(STRING, "target", "cible", "What to restart", "Quoi redémarrer").typed_on()],
        ),
        command(
            "players",
            "joueurs",
            "Who plays",
            "Qui joue",
            &[option(STRING, "service", "service", "Where", "Où").typed_on()],
        ),
        command("instances", "instances", "Your instances", "Vos instances", &[]),
        command("balance", "solde", "Your credits", "Vos crédits", &[]),
        command(
            "maintenance",
            "maintenance",
            "Set a host aside, or take it back",
            "Mettre un hôte de côté, ou le reprendre",
            &[option(BOOLEAN, "on", "active", "Aside, or back", "De côté, ou de retour").needed(), host(),],
        ),
        command(
            "report",
            "rapport",
            "What happened",
            "Ce qui s’est passé",
            &[option(STRING, "period", "période", "Since when", "Depuis quand").one_of(&[
                ("daily", "the last day", "la journée"),
                ("weekly", "the last week", "la semaine"),
            ])],
        ),
        command(
            "link",
            "lier",
            "Say who you are in the house",
            "Dire qui vous êtes dans la maison",
            &[option(BOOLEAN, "remove", "retirer", "End the link instead", "Plutôt retirer le lien")],
        ),
        command("help", "aide", "What you may ask for", "Ce que vous pouvez demander", &[]),
    ])
}

fn command(name: &str, name_fr: &str, about: &str, about_fr: &str, options: &[Parameter]) -> Value {
    let options: Vec<&Value> = options.iter().map(|option| &option.0).collect();
    json!({
        "type": 1,
        "name": name,
        "name_localizations": { "fr": name_fr },
        "description": about,
        "description_localizations": { "fr": about_fr },
        "options": options,
    })
}

struct Parameter(Value);

fn option(kind: u8, name: &str, name_fr: &str, about: &str, about_fr: &str) -> Parameter {
    Parameter(json!({
        "type": kind,
        "name": name,
        "name_localizations": { "fr": name_fr },
        "description": about,
        "description_localizations": { "fr": about_fr },
        "required": false,
    }))
}

impl Parameter {
    fn needed(mut self) -> Self {
        self.0["required"] = true.into();
        self
    }

    fn typed_on(mut self) -> Self {
        self.0["autocomplete"] = true.into();
        self
    }

    fn between(mut self, least: u8, most: u8) -> Self {
        self.0["min_value"] = least.into();
        self.0["max_value"] = most.into();
        self
    }

    fn one_of(mut self, choices: &[(&str, &str, &str)]) -> Self {
        let choices: Vec<Value> = choices
            .iter()
            .map(|(value, name, name_fr)| {
                json!({ "name": name, "value": value, "name_localizations": { "fr": name_fr } })
            })
            .collect();
        self.0["choices"] = choices.into();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Discord refuses: names of other letters or lengths, long descriptions, needed options after others.
    #[test]
    fn discord_would_take_them() {
        let all = all();
        let all = all.as_array().unwrap();
        let names: Vec<&str> = all.iter().map(|command| command["name"].as_str().unwrap()).collect();
        assert_eq!(
            names,
            [
                "status",
                "wake",
                "sleep",
                "start",
                "stop",
                "restart",
                "players",
                "instances",
                "balance",
                "maintenance",
                "report",
                "link",
                "help"
            ]
        );
        let named = |thing: &Value| {
            for name in [&thing["name"], &thing["name_localizations"]["fr"]] {
                let name = name.as_str().unwrap();
                assert!((1..=32).contains(&name.chars().count()), "{name}");
                assert!(
                    name.chars().all(|letter| letter.is_alphabetic() && !letter.is_uppercase()),
                    "{name}"
                );
            }
            for about in [&thing["description"], &thing["description_localizations"]["fr"]] {
                assert!((1..=100).contains(&about.as_str().unwrap().chars().count()), "{about}");
            }
        };
        for command in all {
            named(command);
            let options = command["options"].as_array().unwrap();
            options.iter().for_each(named);
            let needed: Vec<bool> = options.iter().map(|option| option["required"] == true).collect();
            assert!(
                needed.is_sorted_by(|one, next| one >= next),
                "{}: needed options come first",
                command["name"]
            );
        }
    }
}
