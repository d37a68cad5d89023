//! Discord: what an administrator sets for the bot, which alerts there are, and the texts that it speaks in.

mod catalogue;
mod reports;
mod settings;
mod texts;

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use reports::{Digest, Period, ReportChannel};
pub use settings::{BadSetting, Settings, TextChange};
pub use texts::{BadText, LONGEST, Piece, Text, catalogue, check, pieces, text};

/// A number by which Discord knows a person, a role, a channel or a message. Written as text, since it is larger than
/// what programs read as a number without loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Snowflake(NonZeroU64);

/// The text is not such a number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a number of Discord's, for example `\"80351110224678912\"`: switch on its developer mode and copy the ID"
)]
pub struct BadSnowflake;

impl Snowflake {
    /// The number; none for zero, which is nobody's.
    pub fn new(number: u64) -> Option<Self> {
        NonZeroU64::new(number).map(Self)
    }

    /// The number.
    pub fn get(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for Snowflake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Snowflake {
    type Err = BadSnowflake;
    fn from_str(text: &str) -> Result<Self, BadSnowflake> {
        // `+5` and `05` would be other texts for the same number.
        if text.starts_with(['+', '0']) {
            return Err(BadSnowflake);
        }
        text.parse().map(Self).map_err(|_| BadSnowflake)
    }
}

impl Serialize for Snowflake {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Snowflake {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Snowflake {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("A number of Discord's, as text"))
            .examples(["80351110224678912"])
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Snowflake {}

words! {
    /// What staff are told of by direct message.
    pub enum AlertKind {
        /// A host did not wake, or did not come up.
        HostStartFailed = "host_start_failed",
        /// A host did not switch itself off.
        HostStopFailed = "host_stop_failed",
        /// A host does not answer, though it should.
        HostUnreachable = "host_unreachable",
        /// The restart of a service failed.
        RestartFailed = "restart_failed",
        /// A cluster does not answer, or refuses us.
        ClusterLost = "cluster_lost",
        /// A cluster answers again.
        ClusterBack = "cluster_back",
        /// The audit log is not whole.
        AuditBroken = "audit_broken",
    }
}

words! {
    /// What became of telling somebody.
    pub enum Outcome as "NoticeOutcome" {
        /// They were told.
        Told = "told",
        /// They were told the same too short a time ago.
        HeldBack = "held_back",
        /// They cannot be reached.
        Undeliverable = "undeliverable",
        /// It was tried for too long.
        GivenUp = "given_up",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_discord_are_text_and_nothing_else_is_one() {
        let number: Snowflake = "80351110224678912".parse().unwrap();
        assert_eq!(number.get(), 80_351_110_224_678_912);
        assert_eq!(serde_json::to_string(&number).unwrap(), "\"80351110224678912\"");
        for bad in ["", "0", "05", "+5", "-5", " 5", "5 ", "five", "<@5>", "99999999999999999999"] {
            assert_eq!(bad.parse::<Snowflake>(), Err(BadSnowflake), "{bad:?}");
        }
    }
}
