//! Refusals of the engine in the caller's language, where there is a text for them; in the engine's words otherwise.

use innkeeper_domain::access::Refusal;
use innkeeper_domain::hosts::State;
use innkeeper_domain::mails::Language;
use innkeeper_domain::restraint::Why;
use innkeeper_engine::Error;

use crate::house::Failure;
use crate::texts::{Put, Texts};

/// The word of a host's state in keys of texts.
pub(super) const fn state_word(state: State) -> &'static str {
    match state {
        State::Idle => "countdown",
        other => other.as_str(),
    }
}

/// What is said of a refusal. Times are said as minutes from now: they mean the same wherever somebody lives.
pub(super) fn refusal(texts: &Texts, language: Language, error: &Error) -> Failure {
    let code = code(error);
    let key = format!("error.{}", text_of(error, code));
    let mut message = if let Error::Restrained { wait, .. } = error {
        let minutes = wait.as_secs().div_ceil(60).max(1);
        texts.say(language, &key, &[("minutes", Put::Number(minutes))])
    } else if Texts::has(&key) {
        texts.say(language, &key, &[])
    } else {
        error.to_string()
    };
    if let Error::Restrained { refusal, .. } = error
        && let Some(warning) = refusal.warning
    {
        message.push(' ');
        message.push_str(&texts.say(language, "error.warning", &[("number", Put::Number(warning.into()))]));
    }
    Failure::Refused { code: code.to_owned(), message }
}

fn code(error: &Error) -> &'static str {
    match error {
        Error::Invalid { .. } => "invalid",
        Error::NotFound(_) => "not_found",
        Error::Forbidden(refusal) => refusal.as_str(),
        Error::Banned(_) => Refusal::Banned.as_str(),
        Error::Restrained { refusal, .. } => refusal.why.as_str(),
        Error::Conflict { code, .. }
        | Error::Unavailable { code, .. }
        | Error::Away { code, .. }
        | Error::Denied { code, .. } => code,
        Error::Busy(_) => "operation_in_progress",
        Error::Restricted(_) => "project_restricted",
        Error::InsufficientCredits { .. } => "insufficient_credits",
        _ => "refused",
    }
}

/// The text of a code: two of them mean something else to the one who asks for a restart too often.
fn text_of(error: &Error, code: &'static str) -> &'static str {
    match error {
        Error::Restrained { refusal, .. } => match refusal.why {
            Why::Banned | Why::Haste => "restart_ban",
            Why::UnderWay => "restart_under_way",
            Why::Cooldown => "cooldown",
            Why::DailyLimit => "daily_limit",
        },
        // Without its places the text would have a hole.
        Error::Conflict { code: "restart_under_way", .. } => "none",
        _ => code,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use innkeeper_domain::restraint::Refusal as Restrained;
    use innkeeper_domain::time::Timestamp;

    use super::*;

    fn said(language: Language, error: &Error) -> (String, String) {
        match refusal(&Texts::default(), language, error) {
            Failure::Refused { code, message } => (code, message),
            Failure::Unavailable(_) => panic!("it was refused"),
        }
    }

    #[test]
    fn a_refusal_is_said_in_the_callers_language() {
        let wait = Duration::from_secs(9 * 60 - 1);
        let refusal = Restrained { why: Why::Cooldown, until: Timestamp(0).after(wait), warning: Some(2) };
        let error = Error::Restrained { refusal, wait };
        let (code, message) = said(Language::Fr, &error);
        assert_eq!(code, "cooldown");
        assert!(message.contains("attendez 9 min") && message.contains("Avertissement 2"), "{message}");
        let needed = Error::Conflict { code: "host_needed", message: "somebody plays".into() };
        assert_eq!(said(Language::Fr, &needed).1, "On a besoin de l’hôte en ce moment.");
        assert_eq!(said(Language::En, &Error::Forbidden(Refusal::Suspended)).1, "Your account is suspended.");
    }

    #[test]
    fn what_has_no_text_is_said_as_the_engine_says_it() {
        let error = Error::Conflict { code: "something_new", message: "it is full moon".into() };
        assert_eq!(said(Language::Fr, &error), ("something_new".to_owned(), "it is full moon".to_owned()));
    }

    #[test]
    fn every_state_has_its_word() {
        for state in State::ALL {
            assert!(Texts::has(&format!("host.{}", state_word(*state))), "{state}");
        }
    }
}
