//! The doorman of a service: he listens where players connect, says in the server list how it stands, has the host
//! woken when somebody who may joins, and shows in whoever comes when the service is ready.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::BadService;
use crate::mails::Language;

words! {
    /// How the doorman shows players in.
    pub enum Way as "DoormanWay" {
        /// He passes on what both sides say.
        Forward = "forward",
        /// He tells the client to go to the service itself; those that cannot are passed on.
        Transfer = "transfer",
    }
}

words! {
    /// What the doorman speaks of.
    pub enum Scene as "DoormanScene" {
        /// In the server list: the service sleeps; to join wakes it.
        Asleep = "asleep",
        /// In the server list: its host is being woken. `progress`.
        Waking = "waking",
        /// In the server list: its host is awake, the service is not ready yet. `progress`.
        Starting = "starting",
        /// In the server list: its host is taken care of by hand, or cannot be woken at the moment.
        Closed = "closed",
        /// To who joins and has to come back later. `progress`, `queue`.
        Later = "later",
        /// To who joins and may not wake it.
        Refused = "refused",
    }
}

/// Who answers for a service while it sleeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Doorman {
    /// Where he listens.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "0.0.0.0:25565"))]
    pub listen: SocketAddr,
    /// How he shows players in.
    pub way: Way,
    /// Who may wake the service by joining; everybody when it is empty.
    #[serde(default)]
    pub players: Vec<String>,
    /// Whether he tells the service where players come from, by the PROXY protocol.
    #[serde(default)]
    pub proxy_protocol: bool,
    /// What he says in place of the usual.
    #[serde(default)]
    pub texts: BTreeMap<Scene, String>,
}

/// The most names in the list of a doorman.
const MOST_PLAYERS: usize = 500;

/// The longest text of a doorman, in characters.
const LONGEST_TEXT: usize = 300;

impl Doorman {
    /// One who listens there, lets everybody in, and says the usual.
    pub fn at(listen: SocketAddr) -> Self {
        Self { listen, way: Way::Forward, players: Vec::new(), proxy_protocol: false, texts: BTreeMap::new() }
    }

    /// Whether this player may wake the service. The game does not tell names apart by their case either.
    pub fn lets_in(&self, player: &str) -> bool {
        self.players.is_empty() || self.players.iter().any(|name| name.eq_ignore_ascii_case(player))
    }

    /// What he says. `progress` says how far it is, `queue` how many wait.
    pub fn says(&self, scene: Scene, language: Language, progress: &str, queue: usize) -> String {
        let text = self.texts.get(&scene).map_or_else(|| usual(scene, language), String::as_str);
        // One after the other would replace what the first brought in.
        let mut said = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            said.push_str(before);
            if let Some(behind) = after.strip_prefix("progress}") {
                said.push_str(progress);
                rest = behind;
            } else if let Some(behind) = after.strip_prefix("queue}") {
                said.push_str(&queue.to_string());
                rest = behind;
            } else {
                said.push('{');
                rest = after;
            }
        }
        said.push_str(rest);
        said
    }

    pub(super) fn check(&self) -> Result<(), BadService> {
        let bad = |message| Err(BadService { field: "doorman", message });
        if self.listen.port() == 0 {
            return bad("`listen` needs a port between 1 and 65535");
        }
        let name = |name: &String| {
            let own = name.strip_prefix('.').unwrap_or(name);
            (1..=16).contains(&own.len()) && own.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        if self.players.len() > MOST_PLAYERS || !self.players.iter().all(name) {
            return bad("`players` takes at most 500 names of 1 to 16 letters, digits and `_`");
        }
        let text = |text: &String| {
            let odd = |c: char| c.is_control() && c != '\n';
            !text.trim().is_empty() && text.chars().count() <= LONGEST_TEXT && !text.chars().any(odd)
        };
        if !self.texts.values().all(text) {
            return bad("each of `texts` has 1 to 300 characters");
        }
        Ok(())
    }
}

fn usual(scene: Scene, language: Language) -> &'static str {
    match (scene, language) {
        (Scene::Asleep, Language::En) => "The server sleeps. Join to wake it.",
        (Scene::Asleep, Language::Fr) => "Le serveur dort. Rejoignez-le pour le réveiller.",
        (Scene::Waking, Language::En) => "The server is being woken ({progress}).",
        (Scene::Waking, Language::Fr) => "Le serveur se réveille ({progress}).",
        (Scene::Starting, Language::En) => "The server is starting ({progress}).",
        (Scene::Starting, Language::Fr) => "Le serveur démarre ({progress}).",
        (Scene::Closed, Language::En) => "The server is closed at the moment.",
        (Scene::Closed, Language::Fr) => "Le serveur est fermé pour le moment.",
        (Scene::Later, Language::En) => {
            "The server is waking up ({progress}). Waiting: {queue}. Join again in a minute."
        }
        (Scene::Later, Language::Fr) => {
            "Le serveur se réveille ({progress}). En attente : {queue}. Revenez dans une minute."
        }
        (Scene::Refused, Language::En) => "The server sleeps, and you may not wake it. Ask its owner.",
        (Scene::Refused, Language::Fr) => {
            "Le serveur dort, et vous ne pouvez pas le réveiller. Demandez à son propriétaire."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doorman() -> Doorman {
        Doorman::at("127.0.0.1:25565".parse().unwrap())
    }

    #[test]
    fn he_says_how_far_it_is_in_both_languages_and_takes_no_text_for_a_template() {
        for scene in Scene::ALL {
            for language in Language::ALL {
                let said = doorman().says(*scene, *language, "42 s", 3);
                assert!(!said.is_empty() && !said.contains(['{', '}']), "{said}");
            }
        }
        let mut own = doorman();
        own.texts.insert(Scene::Later, "{queue} {other} {progress} {".into());
        assert_eq!(own.says(Scene::Later, Language::En, "{queue}", 2), "2 {other} {queue} {");
    }

    #[test]
    fn only_those_on_the_list_may_wake_it() {
        let mut strict = doorman();
        assert!(strict.lets_in("anybody"));
        strict.players = vec!["Ada".into(), ".Bedrock_1".into()];
        assert!(strict.lets_in("ada") && strict.lets_in(".bedrock_1"));
        assert!(!strict.lets_in("Eve") && !strict.lets_in(""));
        assert!(strict.check().is_ok());
        for bad in ["", ".", "a b", "seventeen_letters", "é"] {
            strict.players = vec![bad.into()];
            assert!(strict.check().is_err(), "{bad}");
        }
    }
}
