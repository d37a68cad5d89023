//! What the bot says: templates with named places, ours and the operator's. What others wrote is put in so that it
//! neither pings, nor links, nor formats.

mod catalogue;
mod escape;

use std::collections::HashMap;

use innkeeper_domain::mails::Language;

pub(crate) use escape::escape;

use crate::house::Settings;
use catalogue::TEXTS;

/// Discord's limit of a message, in characters.
pub(crate) const LONGEST: usize = 2000;

/// One text of the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct Text {
    /// Its key.
    pub key: &'static str,
    /// The places that it may have.
    pub places: &'static [&'static str],
    /// In English.
    pub en: &'static str,
    /// In French.
    pub fr: &'static str,
}

/// Why a text of the operator's is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadText {
    /// There is no such text.
    #[error("there is no text `{0}`")]
    UnknownKey(String),
    /// It has a place that nothing is put into.
    #[error("`{key}` has no place `{{{place}}}`; it has: {known}")]
    UnknownPlace {
        /// The text.
        key: String,
        /// The place.
        place: String,
        /// Those that it has.
        known: String,
    },
    /// A brace that opens or closes nothing.
    #[error("`{0}`: a brace stands alone; write {{{{ or }}}} for a brace itself")]
    Brace(String),
    /// Discord takes no more.
    #[error("`{key}` is {length} characters long; Discord takes {LONGEST}")]
    TooLong {
        /// The text.
        key: String,
        /// How long it is.
        length: usize,
    },
    /// Nothing would be said.
    #[error("`{0}` is empty; leave it out to have ours")]
    Empty(String),
}

/// All texts that an operator can change.
pub fn catalogue() -> &'static [Text] {
    TEXTS
}

/// Whether a text of the operator's can be taken in place of ours.
pub fn check(key: &str, text: &str) -> Result<(), BadText> {
    let ours = find(key).ok_or_else(|| BadText::UnknownKey(key.to_owned()))?;
    let length = text.chars().count();
    if length > LONGEST {
        return Err(BadText::TooLong { key: key.to_owned(), length });
    }
    if text.trim().is_empty() {
        return Err(BadText::Empty(key.to_owned()));
    }
    for piece in pieces(text) {
        match piece {
            Piece::Words(_) => {}
            Piece::Place(place) if ours.places.contains(&place) => {}
            Piece::Place(place) => {
                let known = if ours.places.is_empty() { "none".to_owned() } else { ours.places.join(", ") };
                return Err(BadText::UnknownPlace { key: key.to_owned(), place: place.to_owned(), known });
            }
            Piece::Alone => return Err(BadText::Brace(key.to_owned())),
        }
    }
    Ok(())
}

fn find(key: &str) -> Option<&'static Text> {
    TEXTS.iter().find(|text| text.key == key)
}

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
        for (key, language, text) in &settings.texts {
            match check(key, text) {
                Ok(()) => {
                    changed.insert((key.clone(), *language), text.clone());
                }
                Err(bad) => tracing::warn!(%bad, "a text is not taken; ours stays"),
            }
        }
        Self { changed }
    }

    /// Whether there is such a text.
    pub(crate) fn has(key: &str) -> bool {
        find(key).is_some()
    }

    /// The text with everything put in its place, never longer than Discord takes.
    pub(crate) fn say(&self, language: Language, key: &str, put: &[(&str, Put<'_>)]) -> String {
        let Some(ours) = find(key) else {
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

enum Piece<'a> {
    Words(&'a str),
    Place(&'a str),
    Alone,
}

fn pieces(template: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        if at > 0 {
            pieces.push(Piece::Words(&rest[..at]));
        }
        let brace = &rest[at..];
        if brace.starts_with("{{") || brace.starts_with("}}") {
            pieces.push(Piece::Words(&brace[..1]));
            rest = &brace[2..];
        } else if let Some((place, after)) = brace.strip_prefix('{').and_then(|place| place.split_once('}'))
            && !place.contains('{')
        {
            pieces.push(Piece::Place(place));
            rest = after;
        } else {
            pieces.push(Piece::Alone);
            rest = &brace[1..];
        }
    }
    if !rest.is_empty() {
        pieces.push(Piece::Words(rest));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn our_own_texts_would_be_taken_and_use_the_same_places() {
        let places = |text: &str| -> std::collections::BTreeSet<String> {
            let places = pieces(text).into_iter().filter_map(|piece| match piece {
                Piece::Place(place) => Some(place.to_owned()),
                _ => None,
            });
            places.collect()
        };
        for text in TEXTS {
            assert_eq!(check(text.key, text.en), Ok(()));
            assert_eq!(check(text.key, text.fr), Ok(()));
            assert_eq!(places(text.en), places(text.fr), "{}: a place is in one language only", text.key);
            assert_eq!(places(text.en).len(), text.places.len(), "{}: a place is not used", text.key);
            assert_eq!(TEXTS.iter().filter(|other| other.key == text.key).count(), 1, "{}: twice", text.key);
        }
    }

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
    fn a_bad_text_is_refused_with_the_reason() {
        let refusal = |key: &str, text: &str| check(key, text).unwrap_err().to_string();
        assert_eq!(refusal("no.such", "x"), "there is no text `no.such`");
        assert_eq!(refusal("ask.wake", "Wake {hsot}?"), "`ask.wake` has no place `{hsot}`; it has: name");
        assert!(refusal("ask.wake", "Wake {name?").contains("a brace stands alone"));
        assert!(refusal("ask.wake", "Wake name}?").contains("a brace stands alone"));
        assert!(refusal("ask.wake", &"x".repeat(2001)).contains("2001 characters"));
        assert!(refusal("ask.wake", "  ").contains("is empty"));
        assert_eq!(check("ask.wake", "{{{name}}} é"), Ok(()));
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

        #[test]
        fn any_template_is_judged(template in "\\PC{0,60}") {
            let _ = check("ask.wake", &template);
        }
    }
}
