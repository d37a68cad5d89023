//! Reports that are told in a channel every day or every week: when one is due, and of which time it tells.

use std::time::Duration;

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::Snowflake;
use crate::mails::Language;
use crate::time::Timestamp;

words! {
    /// Of which time a report tells.
    pub enum Period as "ReportPeriod" {
        /// The last 24 hours; told every day.
        Daily = "daily",
        /// The last seven days; told every Monday.
        Weekly = "weekly",
    }
}

impl Period {
    /// How long it is.
    pub const fn lasts(self) -> Duration {
        match self {
            Self::Daily => Duration::from_hours(24),
            Self::Weekly => Duration::from_hours(7 * 24),
        }
    }
}

/// Where a report is told, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReportChannel {
    /// In which channel.
    pub channel: Snowflake,
    /// How often.
    pub period: Period,
    /// At which hour, 0 to 23, by the clock of its time zone.
    pub hour: u8,
    /// For example `Europe/Paris`.
    pub time_zone: String,
    /// In which language.
    pub language: Language,
}

impl ReportChannel {
    /// Whether a report can be told then.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if self.hour > 23 {
            return Err("`hour` is a number from 0 to 23");
        }
        if self.time_zone.len() > 64 || TimeZone::get(&self.time_zone).is_err() {
            return Err("`time_zone` is the name of a time zone, for example `Europe/Paris` or `UTC`");
        }
        Ok(())
    }

    /// When the latest report was due, at `now` or before.
    pub fn last_due(&self, now: Timestamp) -> Option<Timestamp> {
        let zone = TimeZone::get(&self.time_zone).ok()?;
        let local = jiff::Timestamp::from_microsecond(now.0).ok()?.to_zoned(zone.clone());
        let time = Time::new(self.hour.try_into().ok()?, 0, 0, 0).ok()?;
        let mut date = local.date();
        // Eight days back there is a Monday at whatever hour.
        for _ in 0..9 {
            if self.period == Period::Daily || date.weekday() == Weekday::Monday {
                let at = date.to_datetime(time).to_zoned(zone.clone()).ok()?.timestamp().as_microsecond();
                if at <= now.0 {
                    return Some(Timestamp(at));
                }
            }
            date = date.yesterday().ok()?;
        }
        None
    }
}

/// What happened in a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// A day, or a week.
    pub period: Period,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// How often hosts were woken.
    pub wakes: u32,
    /// For how many hours hosts slept, all together.
    pub hours_slept: u32,
    /// How often services were restarted.
    pub restarts: u32,
    /// The most players at once, as far as they were counted.
    pub most_players: u32,
    /// Restarts that failed, and how often a host got into trouble.
    pub failures: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
    }

    fn channel(period: Period, hour: u8, zone: &str) -> ReportChannel {
        ReportChannel {
            channel: Snowflake::new(7).unwrap(),
            period,
            hour,
            time_zone: zone.into(),
            language: Language::Fr,
        }
    }

    #[test]
    fn a_report_is_due_at_its_hour_on_the_wall() {
        let daily = channel(Period::Daily, 9, "Europe/Paris");
        assert_eq!(daily.last_due(at("2026-07-01T07:00:00Z")), Some(at("2026-07-01T07:00:00Z")), "summer");
        assert_eq!(daily.last_due(at("2026-07-01T06:59:59Z")), Some(at("2026-06-30T07:00:00Z")));
        assert_eq!(daily.last_due(at("2026-12-01T08:00:00Z")), Some(at("2026-12-01T08:00:00Z")), "winter");
        // 2026-11-16 is a Monday.
        let weekly = channel(Period::Weekly, 9, "Europe/Paris");
        assert_eq!(weekly.last_due(at("2026-11-21T17:00:00Z")), Some(at("2026-11-16T08:00:00Z")));
        assert_eq!(weekly.last_due(at("2026-11-16T07:59:00Z")), Some(at("2026-11-09T08:00:00Z")));
        // At 02:30 the clock is put forward: an hour that is not there is told an hour later.
        let night = channel(Period::Daily, 2, "Europe/Paris");
        assert_eq!(night.last_due(at("2026-03-29T12:00:00Z")), Some(at("2026-03-29T01:00:00Z")));
    }

    #[test]
    fn an_hour_or_a_zone_that_is_none_is_refused() {
        assert!(channel(Period::Daily, 24, "UTC").check().is_err());
        assert!(channel(Period::Daily, 0, "Mars/Olympus").check().is_err());
        assert!(channel(Period::Daily, 0, "UTC").check().is_ok());
    }
}
