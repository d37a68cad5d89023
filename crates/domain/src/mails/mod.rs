//! Mails that the house writes: which letters there are, what each needs to be told, and how it reads. A letter is
//! kept as a row until it is sent, and written out (see [`write`]) only then.

mod texts;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::time::Timestamp;

words! {
    /// A language that the house speaks.
    pub enum Language {
        /// English.
        En = "en",
        /// French.
        Fr = "fr",
    }
}

#[allow(clippy::derivable_impls, reason = "`words!` writes the enum")]
impl Default for Language {
    fn default() -> Self {
        Self::En
    }
}

impl Language {
    /// The first language of an `Accept-Language` header that the house speaks; English when there is none.
    pub fn of_header(header: &str) -> Self {
        let mut said = header.split(',').filter_map(|part| part.trim().get(..2));
        said.find_map(|word| word.to_ascii_lowercase().parse().ok()).unwrap_or_default()
    }
}

words! {
    /// A letter, by what it is about.
    pub enum Letter {
        /// Confirm your address. `link`, `name`.
        VerifyEmail = "verify_email",
        /// Confirm your new address. `link`, `name`.
        ChangeEmail = "change_email",
        /// Your address was changed; to the old one. `name`, `email`.
        EmailChanged = "email_changed",
        /// Somebody tried to register with your address. `name`, `link`.
        AddressTaken = "address_taken",
        /// Replace your password. `link`, `name`.
        Recovery = "recovery",
        /// Your password was changed. `name`, `link`.
        PasswordChanged = "password_changed",
        /// A second factor was added or removed. `name`, `link`.
        FactorsChanged = "factors_changed",
        /// You are invited into the house. `link`, `by`.
        Invitation = "invitation",
        /// You are invited into a project. `link`, `by`, `project`.
        ProjectInvitation = "project_invitation",
        /// The balance of a project runs out. `project`, `left`, `link`.
        Runway = "runway",
        /// The balance of a project is used up. `project`, `link`.
        BillingHold = "billing_hold",
        /// Instances of a project will be deleted. `project`, `when`, `link`.
        Deletion = "deletion",
        /// Scheduled backups of an instance fail. `instance`, `project`, `link`.
        BackupFailed = "backup_failed",
        /// The time of a lease is nearly over. `instance`, `when`, `link`.
        LeaseEnding = "lease_ending",
        /// The time of a lease is over. `instance`, `when`, `link`.
        LeaseExpired = "lease_expired",
        /// A webhook of a project was switched off: it took nothing for days. `webhook`, `project`, `link`.
        WebhookFailing = "webhook_failing",
        /// A webhook of a project was switched off: its receiver said that it is gone. `webhook`, `project`, `link`.
        WebhookGone = "webhook_gone",
        /// Anything else, written by whoever sends it. `subject`, `text`.
        Notice = "notice",
    }
}

/// What a letter is told, by name.
pub type Words = BTreeMap<String, String>;

/// The words of a letter, from pairs.
pub fn words<const N: usize>(pairs: [(&str, &str); N]) -> Words {
    pairs.into_iter().map(|(name, word)| (name.to_owned(), word.to_owned())).collect()
}

/// A letter written out: plain text, without its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The subject, one line.
    pub subject: String,
    /// The text.
    pub text: String,
}

/// Writes a letter out as a mail. Words that are missing are left empty; words from people keep to one line in the subject.
pub fn write(letter: Letter, language: Language, house: &str, words: &Words) -> Written {
    let Written { subject, text } = say(letter, language, house, words);
    let farewell = fill(texts::farewell(language), house, words);
    let choice = letter.kind().map(|_| texts::choice(language));
    let below = [Some(farewell.trim()), choice].into_iter().flatten().collect::<Vec<_>>().join("\n");
    Written { subject, text: format!("{text}\n\n-- \n{below}\n") }
}

/// The same without what stands under mails, for those who are told by other ways.
pub fn say(letter: Letter, language: Language, house: &str, words: &Words) -> Written {
    let (subject, text) = texts::of(letter, language);
    let one_line = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    Written {
        subject: one_line(fill(subject, house, words)),
        text: fill(text, house, words).trim().to_owned(),
    }
}

/// Puts words in place of `{name}`, once: what they contain is not looked at again.
fn fill(template: &str, house: &str, words: &Words) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let Some((name, after)) = after.split_once('}') else { break };
        filled.push_str(if name == "house" { house } else { words.get(name).map_or("", String::as_str) });
        rest = after;
    }
    filled.push_str(rest);
    filled
}

/// How long a mail is tried: a link in it has ended by then, and news are old.
pub const TRIED_FOR: Duration = Duration::from_hours(24);

/// When to try again after so many failures; none when it is too late.
pub fn try_again(created_at: Timestamp, attempts: u32, dice: u64, now: Timestamp) -> Option<Timestamp> {
    let minutes = 1u64 << attempts.saturating_sub(1).min(5);
    // Spread by a quarter, so that all mails of an outage do not come back together.
    let seconds = minutes * 60 * (100 + dice % 26) / 100;
    let then = now.after(Duration::from_secs(seconds));
    (then.since(created_at) <= TRIED_FOR).then_some(then)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL_WORDS: [&str; 10] =
        ["link", "name", "email", "by", "project", "left", "when", "subject", "instance", "webhook"];

    #[test]
    fn every_letter_is_written_in_every_language_with_all_its_words() {
        let mut told: Words =
            ALL_WORDS.iter().map(|name| ((*name).to_owned(), format!("<{name}>"))).collect();
        told.insert("text".into(), "<text>".into());
        for letter in Letter::ALL {
            let mut used = Vec::new();
            for language in Language::ALL {
                let written = write(*letter, *language, "The Inn", &told);
                assert!(
                    !written.subject.is_empty() && written.subject.len() < 100,
                    "{letter}: {}",
                    written.subject
                );
                assert!(!written.text.contains(['{', '}']), "{letter}: {}", written.text);
                let all = format!("{}{}", written.subject, written.text);
                used.push(told.keys().filter(|name| all.contains(&format!("<{name}>"))).collect::<Vec<_>>());
            }
            assert_eq!(used[0], used[1], "{letter}: the languages tell different things");
            assert!(!used[0].is_empty(), "{letter}");
        }
        let (en, fr) = (Letter::Recovery, Letter::Recovery);
        let text = |letter, language| write(letter, language, "h", &told).text;
        assert_ne!(text(en, Language::En), text(fr, Language::Fr));
    }

    #[test]
    fn what_people_say_is_not_filled_again_and_breaks_no_line() {
        let told = words([("subject", "a {house}\r\nBcc: eve@example.org"), ("text", "{link} {")]);
        let written = write(Letter::Notice, Language::En, "The Inn", &told);
        assert_eq!(written.subject, "a {house} Bcc: eve@example.org");
        assert!(written.text.starts_with("{link} {\n"), "{}", written.text);
    }

    #[test]
    fn a_mail_is_tried_for_a_day() {
        let start = Timestamp(0);
        let (mut now, mut attempts) = (start, 0);
        while let Some(then) = try_again(start, attempts + 1, 7, now) {
            assert!(then > now);
            now = then;
            attempts += 1;
        }
        assert!((30..60).contains(&attempts), "{attempts}");
        assert!(now.since(start) <= TRIED_FOR);
    }

    #[test]
    fn the_language_is_the_first_that_we_speak() {
        for (header, language) in [
            ("fr-CH, fr;q=0.9, en;q=0.8", Language::Fr),
            ("de, fr;q=0.5", Language::Fr),
            ("de", Language::En),
        ] {
            assert_eq!(Language::of_header(header), language);
        }
        assert_eq!(Language::of_header(""), Language::En);
        assert_eq!(Language::of_header("é"), Language::En);
    }
}
