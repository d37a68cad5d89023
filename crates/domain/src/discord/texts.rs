//! The texts of the bot: templates with named places, ours and the operator's. What is put into the places is the bot's
//! affair; what a text may be is said here.

use super::catalogue::TEXTS;

/// Discord's limit of a message, in characters.
pub const LONGEST: usize = 2000;

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
pub fn check(key: &str, own: &str) -> Result<(), BadText> {
    let ours = text(key).ok_or_else(|| BadText::UnknownKey(key.to_owned()))?;
    let length = own.chars().count();
    if length > LONGEST {
        return Err(BadText::TooLong { key: key.to_owned(), length });
    }
    if own.trim().is_empty() {
        return Err(BadText::Empty(key.to_owned()));
    }
    for piece in pieces(own) {
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

/// The text with this key.
pub fn text(key: &str) -> Option<&'static Text> {
    TEXTS.iter().find(|text| text.key == key)
}

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Said as it is.
    Words(&'a str),
    /// Where something is put.
    Place(&'a str),
    /// A brace that opens or closes nothing.
    Alone,
}

/// A text in its parts.
pub fn pieces(template: &str) -> Vec<Piece<'_>> {
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

    proptest! {
        #[test]
        fn any_template_is_judged(template in "\\PC{0,60}") {
            let _ = check("ask.wake", &template);
        }
    }
}
