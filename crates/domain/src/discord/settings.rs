//! What an administrator sets for the bot. Read at use, so that a change counts at once.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{AlertKind, ReportChannel, Snowflake, texts};
use crate::abilities::Ability;
use crate::mails::Language;

/// What an administrator sets for the bot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = DiscordSettings, example = json!({
    "language": "fr",
    "everyone": ["see", "wake"],
    "roles": { "600000000000000001": ["sleep", "restart"] },
    "board_channels": { "300000000000000001": "fr" },
})))]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The language where nobody's is known.
    pub language: Language,
    /// What everybody on a server of ours may do with hosts and services.
    pub everyone: BTreeSet<Ability>,
    /// What roles may do besides, by the role's ID.
    pub roles: BTreeMap<Snowflake, BTreeSet<Ability>>,
    /// The only channels where commands count; all of them when empty. Direct messages always do.
    pub command_channels: BTreeSet<Snowflake>,
    /// Channels with a live message, and its language.
    pub board_channels: BTreeMap<Snowflake, Language>,
    /// Texts in place of ours.
    pub texts: Vec<TextChange>,
    /// For how many minutes the same alert is not told to the same person again; an hour where nothing is said.
    pub repeat_after_minutes: BTreeMap<AlertKind, u32>,
    /// Channels where reports are told.
    pub reports: Vec<ReportChannel>,
}

/// A text in place of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = DiscordTextChange))]
#[serde(deny_unknown_fields)]
pub struct TextChange {
    /// Which text.
    pub key: String,
    /// In which language.
    pub language: Language,
    /// What is said.
    pub text: String,
}

/// A setting that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct BadSetting {
    /// The field, as in the document.
    pub field: &'static str,
    /// What a good one looks like.
    pub message: String,
}

/// The most entries of a list: more would be a mistake, and every message reads them.
const MOST: usize = 200;

/// A week.
const LONGEST_REPEAT: u32 = 7 * 24 * 60;

impl Settings {
    /// What somebody with these roles may do.
    pub fn granted(&self, roles: impl IntoIterator<Item = u64>) -> BTreeSet<Ability> {
        let roles = roles.into_iter().filter_map(Snowflake::new);
        let of_roles = roles.filter_map(|role| self.roles.get(&role)).flatten();
        self.everyone.iter().chain(of_roles).copied().collect()
    }

    /// Refuses what cannot be, and says why.
    pub fn check(&self) -> Result<(), BadSetting> {
        let bad = |field, message: String| Err(BadSetting { field, message });
        for (field, count) in [
            ("roles", self.roles.len()),
            ("command_channels", self.command_channels.len()),
            ("board_channels", self.board_channels.len()),
            ("reports", self.reports.len()),
        ] {
            if count > MOST {
                return bad(field, format!("has {count} entries; {MOST} are the most"));
            }
        }
        let mut seen = BTreeSet::new();
        for change in &self.texts {
            if let Err(error) = texts::check(&change.key, &change.text) {
                return bad("texts", error.to_string());
            }
            if !seen.insert((change.key.as_str(), change.language)) {
                return bad("texts", format!("`{}` is given twice in {}", change.key, change.language));
            }
        }
        for (kind, minutes) in &self.repeat_after_minutes {
            if *minutes > LONGEST_REPEAT {
                let message = format!("{kind}: use 0 to {LONGEST_REPEAT} minutes (a week)");
                return bad("repeat_after_minutes", message);
            }
        }
        let mut told = BTreeSet::new();
        for report in &self.reports {
            if let Err(message) = report.check() {
                return bad("reports", message.to_owned());
            }
            if !told.insert((report.channel, report.period)) {
                let message = format!("channel {} has two {} reports", report.channel, report.period);
                return bad("reports", message);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Settings, String> {
        let read: Settings = serde_json::from_str(text).map_err(|error| error.to_string())?;
        read.check().map_err(|error| error.to_string()).map(|()| read)
    }

    #[test]
    fn roles_grant_what_they_say_and_everybody_has_the_rest() {
        let settings =
            read(r#"{ "everyone": ["see"], "roles": { "7": ["wake"], "8": ["restart", "sleep"] } }"#);
        let settings = settings.unwrap();
        assert_eq!(settings.granted([]), [Ability::See].into());
        assert_eq!(settings.granted([7, 9]), [Ability::See, Ability::Wake].into());
        assert_eq!(settings.granted([0]), [Ability::See].into(), "zero is no role");
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_field() {
        let refused = |text: &str| read(text).unwrap_err();
        assert!(refused(r#"{ "rolls": {} }"#).contains("rolls"));
        assert!(refused(r#"{ "roles": { "keeper": ["wake"] } }"#).contains("number of Discord"));
        assert!(refused(r#"{ "everyone": ["fly"] }"#).contains("fly"));
        let text = r#"{ "texts": [{ "key": "ask.wake", "language": "fr", "text": "Debout {nmae} ?" }] }"#;
        assert!(refused(text).starts_with("texts: `ask.wake` has no place `{nmae}`"));
        let twice = r#"{ "texts": [{ "key": "forbidden", "language": "fr", "text": "a" },
            { "key": "forbidden", "language": "fr", "text": "b" }] }"#;
        assert!(refused(twice).contains("twice"));
        assert!(refused(r#"{ "repeat_after_minutes": { "audit_broken": 99999 } }"#).contains("10080"));
        let report = r#"{ "reports": [{ "channel": "5", "period": "daily", "hour": 25, "time_zone": "UTC", "language": "fr" }] }"#;
        assert!(refused(report).starts_with("reports: `hour`"));
        assert_eq!(read("{}").unwrap(), Settings::default());
    }
}
