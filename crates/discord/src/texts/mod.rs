//! What the bot says: templates with named places, ours and the operator's. What others wrote is put in so that it
//! neither pings, nor links, nor formats.

mod escape;

use std::collections::HashMap;

use innkeeper_domain::discord::{LONGEST, Piece, check, pieces, text};
use innkeeper_domain::mails::Language;

pub(crate) use escape::escape;

use crate::house::Settings;

/// What is put into a place.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Put<'a> {
    /// Somebody's words: escaped.
    Theirs(&'a str),
    /// Our own, which may have markup.
    Ours(&'a str),
    /// A number.
    Number(u64),
}

/// The texts that count now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Texts {
    changed: HashMap<(String, Language), String>,
}

impl Texts {
    /// Ours, and of the operator's those that can be taken.
    pub(crate) fn new(settings: &Settings) -> Self {
        let mut changed = HashMap::new();
        for (key, language, own) in &settings.texts {
            match check(key, own) {
                Ok(()) => {
                    changed.insert((key.clone(), *language), own.clone());
                }
                Err(bad) => tracing::warn!(%bad, "a text is not taken; ours stays"),
            }
        }
        Self { changed }
    }

    /// Whether there is such a text.
    pub(crate) fn has(key: &str) -> bool {
        text(key).is_some()
    }

    /// The text with everything put in its place, never longer than Discord takes.
    pub(crate) fn say(&self, language: Language, key: &str, put: &[(&str, Put<'_>)]) -> String {
        let Some(ours) = text(key) else {
            tracing::error!(key, "there is no such text");
            return key.to_owned();
        };
        let template = self.changed.get(&(key.to_owned(), language)).map_or(
            match language {
                Language::En => ours.en,
                Language::Fr => ours.fr,
            },
            String::as_str,
        );
        let mut said = String::new();
        for piece in pieces(template) {
            match piece {
                Piece::Words(words) => said.push_str(words),
                Piece::Place(place) => match put.iter().find(|(name, _)| *name == place) {
                    Some((_, Put::Theirs(words))) => said.push_str(&escape(words)),
                    Some((_, Put::Ours(words))) => said.push_str(words),
                    Some((_, Put::Number(number))) => said.push_str(&number.to_string()),
                    None => {}
                },
                Piece::Alone => {}
            }
        }
        shorten(said)
    }
}

/// Cut to what Discord takes, and saying so.
pub(crate) fn shorten(said: String) -> String {
    if said.chars().count() <= LONGEST {
        return said;
    }
    let mut cut: String = said.chars().take(LONGEST - 1).collect();
    // A backslash that has lost what it escapes would escape the dots.
    while cut.ends_with('\\') {
        cut.pop();
    }
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_deed_has_its_texts() {
        let words = [
            "wake",
            "sleep",
            "cancel",
            "keep",
            "maintenance_on",
            "maintenance_off",
            "restart",
            "start",
            "stop",
        ];
        for word in words {
            for kind in ["ask", "doing", "done", "now", "already"] {
                assert!(Texts::has(&format!("{kind}.{word}")), "{kind}.{word} is missing");
            }
        }
    }

    #[test]
    fn the_operators_text_counts_in_its_language_and_a_bad_one_does_not() {
        let settings = Settings {
            texts: vec![
                ("ask.wake".to_owned(), Language::Fr, "Debout, {name} !".to_owned()),
                ("ask.sleep".to_owned(), Language::Fr, "{nothing}".to_owned()),
            ],
            ..Settings::default()
        };
        let texts = Texts::new(&settings);
        let put = [("name", Put::Theirs("oak"))];
        assert_eq!(texts.say(Language::Fr, "ask.wake", &put), "Debout, oak !");
        assert_eq!(
            texts.say(Language::En, "ask.wake", &put),
            Texts::default().say(Language::En, "ask.wake", &put)
        );
        assert_eq!(
            texts.say(Language::Fr, "ask.sleep", &put),
            Texts::default().say(Language::Fr, "ask.sleep", &put)
        );
    }

    proptest! {
        #[test]
        fn nothing_is_ever_too_long(words in "\\PC{0,3000}") {
            let said = Texts::default().say(Language::Fr, "refused", &[("message", Put::Theirs(&words))]);
            prop_assert!(said.chars().count() <= LONGEST);
        }

        #[test]
        fn what_is_put_in_is_never_read_as_a_place(words in "[{}a-z]{0,20}") {
            let said = Texts::default().say(Language::En, "ask.wake", &[("name", Put::Ours(&words))]);
            prop_assert!(said.contains(&words));
        }

    }
}
