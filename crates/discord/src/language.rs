//! What a message that mentions the bot asks for. Strict: every word must be known and the whole sentence must be one of
//! few forms, so that what merely looks like a command is nothing. What this returns is never done at once: whoever
//! wrote it is asked by a button first.

mod words;

use innkeeper_domain::mails::Language;

use words::{
    ARTICLES, BE, CANCELLED, HELP, MANNERS, NEGATIONS, NOUNS, PLAYERS, QUESTIONS, REQUESTS, STATES, STATUS,
    VERBS,
};

/// What can be asked to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Wake,
    Sleep,
    Start,
    Stop,
    Restart,
    CancelSleep,
    KeepAwake,
}

/// What a message means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Nothing for us.
    Nothing,
    /// To leave something alone.
    Refrain,
    /// How things are.
    Status,
    /// Who plays.
    Players,
    /// What can be asked.
    Help,
    /// To do something, to what has the name of this place in the list, or to what there is only one of.
    Do(Verb, Option<usize>),
}

/// What the message means, and in which language it is.
pub(crate) fn understand(text: &str, names: &[String]) -> (Meaning, Option<Language>) {
    let nothing = (Meaning::Nothing, None);
    let Some(sentence) = Sentence::read(text) else { return nothing };
    let names: Vec<Vec<String>> = names.iter().map(|name| normal(name)).collect();
    sentence.meaning(&names).map_or(nothing, |(meaning, language)| (meaning, Some(language)))
}

/// A text's words without case, accents and punctuation.
pub(crate) fn normal(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for letter in text.chars().flat_map(char::to_lowercase) {
        let word = words.last_mut().expect("there is always one");
        match plain(letter) {
            Some(letters) => word.push_str(letters),
            None if letter.is_alphanumeric() => word.push(letter),
            None => words.push(String::new()),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Letters without their accents.
const fn plain(letter: char) -> Option<&'static str> {
    Some(match letter {
        'à' | 'â' | 'ä' | 'á' => "a",
        'é' | 'è' | 'ê' | 'ë' => "e",
        'î' | 'ï' | 'í' => "i",
        'ô' | 'ö' | 'ó' => "o",
        'ù' | 'û' | 'ü' | 'ú' => "u",
        'ç' => "c",
        'œ' => "oe",
        'æ' => "ae",
        // Accents that stand on their own, as some keyboards write them.
        '\u{300}'..='\u{36f}' => "",
        _ => return None,
    })
}

struct Sentence {
    words: Vec<String>,
    asks: bool,
    negated: bool,
    requested: bool,
}

impl Sentence {
    /// None when there is something in it that no command has: quotes, code, mentions, addresses.
    fn read(text: &str) -> Option<Self> {
        let allowed = |letter: char| {
            letter.is_alphanumeric()
                || letter.is_whitespace()
                || matches!(letter, '\'' | '’' | '-' | '_' | '.' | ',' | '!' | '?' | '…' | ';' | ':')
                || ('\u{300}'..='\u{36f}').contains(&letter)
        };
        if !text.chars().all(allowed) || text.chars().count() > 200 {
            return None;
        }
        let mut words = normal(text);
        let negated = take(&mut words, NEGATIONS);
        take(&mut words, MANNERS);
        let requested = take_first(&mut words, REQUESTS);
        let asks = text.contains('?');
        Some(Self { words, asks, negated, requested })
    }

    fn meaning(&self, names: &[Vec<String>]) -> Option<(Meaning, Language)> {
        if self.words.is_empty() {
            return None;
        }
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        if let Some(language) = self.status(&words, names) {
            return Some((Meaning::Status, language));
        }
        for (forms, meaning) in [(PLAYERS, Meaning::Players), (HELP, Meaning::Help)] {
            for (form, language) in forms {
                if !self.negated
                    && let Some(rest) = strip(&words, form)
                    && thing(rest, names).is_some()
                {
                    return Some((meaning, *language));
                }
            }
        }
        let (verb, target, language) = command(&words, names)?;
        if self.negated {
            return Some((Meaning::Refrain, language));
        }
        // A question is not an order, unless it is how one asks politely.
        if self.asks && !self.requested {
            return Some((Meaning::Status, language));
        }
        Some((Meaning::Do(verb, target), language))
    }

    /// «status», «state of the server», «is the server up?», «est-ce que le serveur est allumé ?»
    fn status(&self, words: &[&str], names: &[Vec<String>]) -> Option<Language> {
        if self.requested {
            return None;
        }
        for (form, language) in STATUS {
            if !self.negated
                && let Some(rest) = strip(words, form)
                && thing(rest, names).is_some()
            {
                return Some(*language);
            }
        }
        for (form, language) in QUESTIONS {
            if let Some(rest) = strip(words, form)
                && state_of(rest, names)
            {
                return Some(*language);
            }
        }
        // A statement with a question mark is a question; without, it is small talk.
        (self.asks && state_of(words, names)).then_some(if words.contains(&"is") {
            Language::En
        } else {
            Language::Fr
        })
    }
}

/// «the server up», «le serveur est allumé», «le serveur tourne»
fn state_of(words: &[&str], names: &[Vec<String>]) -> bool {
    STATES.iter().any(|state| {
        let Some(rest) = words.strip_suffix(*state) else { return false };
        let rest = BE.iter().find_map(|be| rest.strip_suffix(*be)).unwrap_or(rest);
        !rest.is_empty() && thing(rest, names).is_some()
    })
}

/// A verb, what it is done to, and what may follow: «wake the server up».
fn command(words: &[&str], names: &[Vec<String>]) -> Option<(Verb, Option<usize>, Language)> {
    for (verb, head, tail, language) in VERBS {
        let Some(rest) = strip(words, head) else { continue };
        let Some(rest) = rest.strip_suffix(*tail) else { continue };
        if *verb == Verb::CancelSleep
            && let Some(rest) = CANCELLED.iter().find_map(|form| strip(rest, form))
            && let Some(target) = thing(rest, names)
        {
            return Some((*verb, target, *language));
        }
        // «stop» and «arrête» alone are what one says to anybody.
        if !rest.is_empty()
            && let Some(target) = thing(rest, names)
        {
            return Some((*verb, target, *language));
        }
    }
    None
}

/// What is spoken of: nothing, «the server», or something by its name. None when it is something else.
#[expect(clippy::option_option, reason = "something else, something without a name, something by its name")]
fn thing(words: &[&str], names: &[Vec<String>]) -> Option<Option<usize>> {
    let mut rest = words;
    loop {
        if rest.is_empty() || NOUNS.contains(&rest) {
            return Some(None);
        }
        if let Some(at) = names.iter().position(|name| !name.is_empty() && name == rest) {
            return Some(Some(at));
        }
        // «le serveur oak»
        if let Some(after) = NOUNS.iter().find_map(|noun| rest.strip_prefix(*noun))
            && let Some(at) = names.iter().position(|name| !name.is_empty() && name == after)
        {
            return Some(Some(at));
        }
        rest = ARTICLES.iter().find_map(|article| strip(rest, &[article]))?;
        if rest.is_empty() {
            return None;
        }
    }
}

fn strip<'a, 'b>(words: &'a [&'b str], form: &[&str]) -> Option<&'a [&'b str]> {
    let (head, rest) = words.split_at_checked(form.len())?;
    (head == form).then_some(rest)
}

/// Takes these sequences away wherever they stand; whether there was one.
fn take(words: &mut Vec<String>, forms: &[&[&str]]) -> bool {
    let mut taken = false;
    for form in forms {
        while let Some(at) = words.windows(form.len()).position(|window| window == *form) {
            words.drain(at..at + form.len());
            taken = true;
        }
    }
    taken
}

/// Takes one of these away from the beginning.
fn take_first(words: &mut Vec<String>, forms: &[&[&str]]) -> bool {
    let Some(form) = forms.iter().find(|form| words.len() >= form.len() && words[..form.len()] == ***form)
    else {
        return false;
    };
    words.drain(..form.len());
    true
}

#[cfg(test)]
mod tests;
