//! The words and forms that are understood, as `normal` writes them.

use innkeeper_domain::mails::Language::{self, En, Fr};

use super::Verb::{self, CancelSleep, KeepAwake, Restart, Sleep, Start, Stop, Wake};

type Forms = &'static [(&'static [&'static str], Language)];

/// Longer ones first: what is taken away is not looked at again.
pub(super) const NEGATIONS: &[&[&str]] = &[
    &["do", "not"],
    &["don", "t"],
    &["doesn", "t"],
    &["does", "not"],
    &["isn", "t"],
    &["is", "not"],
    &["can", "t"],
    &["shouldn", "t"],
    &["won", "t"],
    &["mustn", "t"],
    &["dont"],
    &["doesnt"],
    &["isnt"],
    &["cannot"],
    &["cant"],
    &["not"],
    &["never"],
    &["no"],
    &["without"],
    &["stop", "trying", "to"],
    &["arrete", "de"],
    &["arretez", "de"],
    &["evite", "de"],
    &["evitez", "de"],
    &["surtout"],
    &["ne"],
    &["n"],
    &["pas"],
    &["jamais"],
    &["plus"],
    &["non"],
    &["aucun"],
    &["rien"],
    &["sans"],
    &["point"],
    &["guere"],
];

pub(super) const MANNERS: &[&[&str]] = &[
    &["s", "il", "te", "plait"],
    &["s", "il", "vous", "plait"],
    &["sil", "te", "plait"],
    &["sil", "vous", "plait"],
    &["stp"],
    &["svp"],
    &["merci", "de"],
    &["merci", "d"],
    &["merci"],
    &["bonjour"],
    &["bonsoir"],
    &["salut"],
    &["coucou"],
    &["please"],
    &["pls"],
    &["thank", "you"],
    &["thanks"],
    &["hello"],
    &["hi"],
    &["hey"],
];

/// A question that is an order.
pub(super) const REQUESTS: &[&[&str]] = &[
    &["est", "ce", "que", "tu", "peux"],
    &["est", "ce", "que", "vous", "pouvez"],
    &["peux", "tu"],
    &["pourrais", "tu"],
    &["pouvez", "vous"],
    &["pourriez", "vous"],
    &["tu", "peux"],
    &["tu", "pourrais"],
    &["can", "you"],
    &["could", "you"],
    &["would", "you"],
    &["will", "you"],
];

/// What is said to be done, and what may follow what it is done to. Longer heads first.
pub(super) const VERBS: &[(Verb, &[&str], &[&str], Language)] = &[
    (Wake, &["wake", "up"], &[], En),
    (Wake, &["wake"], &["up"], En),
    (Wake, &["wake"], &[], En),
    (Wake, &["turn", "on"], &[], En),
    (Wake, &["turn"], &["on"], En),
    (Wake, &["switch", "on"], &[], En),
    (Wake, &["switch"], &["on"], En),
    (Wake, &["power", "on"], &[], En),
    (Wake, &["reveille"], &[], Fr),
    (Wake, &["reveillez"], &[], Fr),
    (Wake, &["reveiller"], &[], Fr),
    (Wake, &["allume"], &[], Fr),
    (Wake, &["allumez"], &[], Fr),
    (Wake, &["allumer"], &[], Fr),
    (Start, &["start"], &[], En),
    (Start, &["launch"], &[], En),
    (Start, &["demarre"], &[], Fr),
    (Start, &["demarrez"], &[], Fr),
    (Start, &["demarrer"], &[], Fr),
    (Start, &["lance"], &[], Fr),
    (Start, &["lancez"], &[], Fr),
    (Start, &["lancer"], &[], Fr),
    (Sleep, &["put"], &["to", "sleep"], En),
    (Sleep, &["turn", "off"], &[], En),
    (Sleep, &["turn"], &["off"], En),
    (Sleep, &["switch", "off"], &[], En),
    (Sleep, &["switch"], &["off"], En),
    (Sleep, &["shut", "down"], &[], En),
    (Sleep, &["shutdown"], &[], En),
    (Sleep, &["power", "off"], &[], En),
    (Sleep, &["endors"], &[], Fr),
    (Sleep, &["endormez"], &[], Fr),
    (Sleep, &["endormir"], &[], Fr),
    (Sleep, &["eteins"], &[], Fr),
    (Sleep, &["eteignez"], &[], Fr),
    (Sleep, &["eteindre"], &[], Fr),
    (Sleep, &["mets"], &["en", "veille"], Fr),
    (Sleep, &["mettez"], &["en", "veille"], Fr),
    (Stop, &["stop"], &[], En),
    (Stop, &["arrete"], &[], Fr),
    (Stop, &["arretez"], &[], Fr),
    (Stop, &["arreter"], &[], Fr),
    (Stop, &["stoppe"], &[], Fr),
    (Restart, &["restart"], &[], En),
    (Restart, &["reboot"], &[], En),
    (Restart, &["redemarre"], &[], Fr),
    (Restart, &["redemarrez"], &[], Fr),
    (Restart, &["redemarrer"], &[], Fr),
    (Restart, &["relance"], &[], Fr),
    (Restart, &["relancez"], &[], Fr),
    (Restart, &["relancer"], &[], Fr),
    (CancelSleep, &["cancel"], &[], En),
    (CancelSleep, &["annule"], &[], Fr),
    (CancelSleep, &["annulez"], &[], Fr),
    (CancelSleep, &["annuler"], &[], Fr),
    (KeepAwake, &["keep"], &["awake"], En),
    (KeepAwake, &["garde"], &["eveille"], Fr),
    (KeepAwake, &["garde"], &["allume"], Fr),
    (KeepAwake, &["laisse"], &["allume"], Fr),
];

/// What is cancelled.
pub(super) const CANCELLED: &[&[&str]] = &[
    &["the", "countdown"],
    &["the", "shutdown"],
    &["the", "shut", "down"],
    &["the", "sleep"],
    &["l", "arret"],
    &["l", "extinction"],
    &["la", "mise", "en", "veille"],
    &["le", "compte", "a", "rebours"],
];

pub(super) const STATUS: Forms = &[
    (&["status"], En),
    (&["state"], En),
    (&["what", "is", "running"], En),
    (&["what", "s", "running"], En),
    (&["statut"], Fr),
    (&["etat"], Fr),
    (&["quel", "est", "l", "etat"], Fr),
    (&["quel", "est", "le", "statut"], Fr),
    (&["qu", "est", "ce", "qui", "tourne"], Fr),
];

/// How a question about a state begins.
pub(super) const QUESTIONS: Forms = &[(&["est", "ce", "que"], Fr), (&["is"], En)];

pub(super) const PLAYERS: Forms = &[
    (&["players"], En),
    (&["who", "is", "online"], En),
    (&["who", "s", "online"], En),
    (&["who", "is", "playing"], En),
    (&["who", "s", "playing"], En),
    (&["how", "many", "players"], En),
    (&["joueurs"], Fr),
    (&["qui", "est", "en", "ligne"], Fr),
    (&["qui", "est", "connecte"], Fr),
    (&["qui", "joue"], Fr),
    (&["combien", "de", "joueurs"], Fr),
];

pub(super) const HELP: Forms =
    &[(&["help", "me"], En), (&["help"], En), (&["aide", "moi"], Fr), (&["aide"], Fr)];

pub(super) const STATES: &[&[&str]] = &[
    &["up"],
    &["down"],
    &["on"],
    &["off"],
    &["online"],
    &["offline"],
    &["running"],
    &["awake"],
    &["asleep"],
    &["ready"],
    &["allume"],
    &["eteint"],
    &["en", "ligne"],
    &["hors", "ligne"],
    &["reveille"],
    &["endormi"],
    &["pret"],
    &["demarre"],
    &["ouvert"],
    &["tourne"],
    &["marche"],
    &["fonctionne"],
    &["dispo"],
    &["disponible"],
];

pub(super) const BE: &[&[&str]] = &[&["est"], &["is"]];

/// Before what is spoken of.
pub(super) const ARTICLES: &[&str] =
    &["le", "la", "l", "du", "de", "des", "sur", "the", "of", "on", "my", "our", "mon", "notre"];

/// What needs no name when there is only one.
pub(super) const NOUNS: &[&[&str]] = &[
    &["serveur", "minecraft"],
    &["minecraft", "server"],
    &["serveur"],
    &["server"],
    &["machine"],
    &["hote"],
    &["host"],
    &["minecraft"],
    &["jeu"],
    &["game"],
];
