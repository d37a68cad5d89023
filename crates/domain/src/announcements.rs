//! Announcements: what the house tells everybody who is signed in, for a while, in one language or in both.

use serde::{Deserialize, Serialize};

use crate::ids::{AnnouncementId, UserId};
use crate::names::Told;
use crate::time::Timestamp;

words! {
    /// How much it matters.
    pub enum Level as "AnnouncementLevel" {
        /// Good to know.
        Info = "info",
        /// Something may not work as usual.
        Warning = "warning",
        /// Everybody must know; nobody can put it away.
        Critical = "critical",
    }
}

words! {
    /// Where an announcement stands.
    pub enum State as "AnnouncementState" {
        /// Its time is still to come.
        Planned = "planned",
        /// Everybody sees it.
        Shown = "shown",
        /// Its time is over.
        Over = "over",
    }
}

/// What is told, in each language; where one is missing, the other is shown to all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// Identity.
    pub id: AnnouncementId,
    /// How much it matters.
    pub level: Level,
    /// In English.
    pub text_en: Option<Told>,
    /// In French.
    pub text_fr: Option<Told>,
    /// From when on it is shown.
    pub from: Timestamp,
    /// Until when; none is until somebody ends it.
    pub until: Option<Timestamp>,
    /// Grows when the text or the level changes: who has put the one before away sees this one.
    pub revision: i64,
    /// Who made it; none is the house.
    pub created_by: Option<UserId>,
    /// When.
    pub created_at: Timestamp,
}

/// Why an announcement cannot be as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAnnouncement {
    /// It says nothing.
    #[error("write it in English, in French, or in both")]
    Silent,
    /// It would end before it begins.
    #[error("choose a time after `from`, or none")]
    Backwards,
}

impl BadAnnouncement {
    /// The field that is to be mended.
    pub fn field(self) -> &'static str {
        match self {
            Self::Silent => "text_en",
            Self::Backwards => "until",
        }
    }
}

impl Announcement {
    /// Where it stands.
    pub fn state(&self, now: Timestamp) -> State {
        if self.until.is_some_and(|until| until <= now) {
            State::Over
        } else if now < self.from {
            State::Planned
        } else {
            State::Shown
        }
    }

    /// Whether it says something, and ends after it begins.
    pub fn check(&self) -> Result<(), BadAnnouncement> {
        if self.text_en.is_none() && self.text_fr.is_none() {
            return Err(BadAnnouncement::Silent);
        }
        if self.until.is_some_and(|until| until <= self.from) {
            return Err(BadAnnouncement::Backwards);
        }
        Ok(())
    }

    /// The same with these words; what was put away before comes back only if they are others.
    #[must_use]
    pub fn reworded(mut self, level: Level, text_en: Option<Told>, text_fr: Option<Told>) -> Self {
        if (self.level, &self.text_en, &self.text_fr) != (level, &text_en, &text_fr) {
            self.revision += 1;
        }
        Self { level, text_en, text_fr, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announcement(from: i64, until: Option<i64>) -> Announcement {
        Announcement {
            id: AnnouncementId::new(),
            level: Level::Info,
            text_en: Some("Hello".parse().unwrap()),
            text_fr: None,
            from: Timestamp(from),
            until: until.map(Timestamp),
            revision: 1,
            created_by: None,
            created_at: Timestamp(0),
        }
    }

    #[test]
    fn it_is_planned_then_shown_then_over() {
        let brief = announcement(10, Some(20));
        let states = [9, 10, 19, 20].map(|now| brief.state(Timestamp(now)));
        assert_eq!(states, [State::Planned, State::Shown, State::Shown, State::Over]);
        assert_eq!(announcement(10, None).state(Timestamp(i64::MAX)), State::Shown);
        // Ended in the moment in which it began, it is not shown for ever.
        assert_eq!(announcement(10, Some(10)).state(Timestamp(10)), State::Over);
    }

    #[test]
    fn it_says_something_and_ends_after_it_begins() {
        assert_eq!(announcement(10, Some(11)).check(), Ok(()));
        assert_eq!(announcement(10, Some(10)).check(), Err(BadAnnouncement::Backwards));
        let silent = Announcement { text_en: None, ..announcement(10, None) };
        assert_eq!(silent.check(), Err(BadAnnouncement::Silent));
        let french = Announcement { text_fr: Some("Bonjour".parse().unwrap()), ..silent };
        assert_eq!(french.check(), Ok(()));
    }

    #[test]
    fn only_other_words_bring_it_back() {
        let one = announcement(10, None);
        let (en, fr) = (one.text_en.clone(), Some("Bonjour".parse().unwrap()));
        assert_eq!(one.clone().reworded(Level::Info, en.clone(), None).revision, 1);
        assert_eq!(one.clone().reworded(Level::Warning, en.clone(), None).revision, 2);
        assert_eq!(one.reworded(Level::Info, en, fr).revision, 2);
    }
}
