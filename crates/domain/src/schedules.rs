//! Schedules of backups: when the next one is due. Times are those of a clock on the wall: a day has its backup whether
//! it has 23, 24 or 25 hours.

use std::time::Duration;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan, Zoned};
use serde::{Deserialize, Serialize};

use crate::ids::{BackupId, InstanceId, ScheduleId};
use crate::instances::BackupMode;
use crate::names::StorageName;
use crate::retention::Keep;
use crate::time::Timestamp;

words! {
    /// How often.
    pub enum Every {
        /// Every hour.
        Hour = "hour",
        /// Every day.
        Day = "day",
        /// Every week.
        Week = "week",
        /// Every month.
        Month = "month",
    }
}

words! {
    /// A day of the week.
    pub enum Weekday {
        /// Monday.
        Monday = "monday",
        /// Tuesday.
        Tuesday = "tuesday",
        /// Wednesday.
        Wednesday = "wednesday",
        /// Thursday.
        Thursday = "thursday",
        /// Friday.
        Friday = "friday",
        /// Saturday.
        Saturday = "saturday",
        /// Sunday.
        Sunday = "sunday",
    }
}

/// When backups are made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct When {
    /// How often.
    pub every: Every,
    /// The hour, 0 to 23; every hour has none of its own.
    pub hour: i8,
    /// The minute, 0 to 59.
    pub minute: i8,
    /// The day, for those of every week.
    pub weekday: Option<Weekday>,
    /// The day, for those of every month; in shorter months the last one.
    pub day: Option<i8>,
    /// The name of the time zone, for example `Europe/Paris`.
    pub time_zone: String,
}

/// A schedule of backups of one instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Identity.
    pub id: ScheduleId,
    /// Of what.
    pub instance_id: InstanceId,
    /// When.
    pub when: When,
    /// Where to; none means where there is most room.
    pub storage: Option<StorageName>,
    /// What happens to the guest meanwhile.
    pub mode: BackupMode,
    /// Which of its backups are kept.
    pub keep: Keep,
    /// Whether it makes any.
    pub enabled: bool,
    /// When the next backup is due.
    pub next_at: Timestamp,
    /// When it is tried: later than it is due where something was in the way.
    pub due_at: Timestamp,
    /// Since when it is tried in vain.
    pub trying_since: Option<Timestamp>,
    /// Why the one that is due, or was due last, was not made.
    pub problem: Option<String>,
    /// When the last one was begun.
    pub last_run_at: Option<Timestamp>,
    /// The last one.
    pub last_backup_id: Option<BackupId>,
    /// When one was given up last.
    pub failed_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Grows with each claim; an old number changes nothing.
    pub fence: i64,
}

/// How long a backup that is due is tried when something is in the way.
pub const WINDOW: Duration = Duration::from_hours(6);

/// The pause between two tries.
pub const TRY_AGAIN: Duration = Duration::from_mins(5);

impl When {
    /// Whether this can be; otherwise the field that is at fault, and what a good one looks like.
    pub fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if !(0..24).contains(&self.hour) || !(0..60).contains(&self.minute) {
            return Err(("at", "give a time from 00:00 to 23:59"));
        }
        if self.every == Every::Hour && self.hour != 0 {
            return Err(("at", "for every hour give the minute alone, for example `00:15`"));
        }
        if self.weekday.is_some() != (self.every == Every::Week) {
            return Err(("weekday", "give a day of the week for every week, and for nothing else"));
        }
        if self.day.is_some() != (self.every == Every::Month) {
            return Err(("day", "give a day for every month, and for nothing else"));
        }
        if self.day.is_some_and(|day| !(1..=31).contains(&day)) {
            return Err(("day", "give a day from 1 to 31; shorter months take their last"));
        }
        if self.time_zone.len() > 64 || TimeZone::get(&self.time_zone).is_err() {
            return Err(("time_zone", "give the name of a time zone, for example `Europe/Paris` or `UTC`"));
        }
        Ok(())
    }

    /// The time zone; UTC when it is not known here.
    pub fn zone(&self) -> TimeZone {
        TimeZone::get(&self.time_zone).unwrap_or(TimeZone::UTC)
    }

    /// The first time after `now` at which a backup is due. A time of the day that a change of the clocks leaves out is
    /// moved behind it; one that comes twice counts the first time.
    pub fn next(&self, now: Timestamp) -> Timestamp {
        let local = jiff::Timestamp::from_microsecond(now.0).unwrap_or_default().to_zoned(self.zone());
        let next = if self.every == Every::Hour { self.next_hour(&local) } else { self.next_day(&local) };
        // Beyond the end of the calendar there is nothing due.
        next.map_or(Timestamp(i64::MAX), |next| Timestamp(next.timestamp().as_microsecond()))
    }

    /// By real minutes, so that no change of the clocks matters.
    fn next_hour(&self, now: &Zoned) -> Option<Zoned> {
        let seconds =
            Span::new().try_seconds(now.second()).ok()?.try_nanoseconds(now.subsec_nanosecond()).ok()?;
        let minute = now.checked_sub(seconds).ok()?;
        let coming = (1..=180_i64).filter_map(|n| minute.checked_add(n.minutes()).ok());
        coming.into_iter().find(|at| at.minute() == self.minute)
    }

    fn next_day(&self, now: &Zoned) -> Option<Zoned> {
        let time = Time::new(self.hour, self.minute, 0, 0).ok()?;
        let mut date = now.date();
        // From one such day of the month to the next are 61 days at most.
        for _ in 0..70 {
            if self.is_day(date) {
                let at = date.to_datetime(time).to_zoned(now.time_zone().clone()).ok()?;
                if at.timestamp() > now.timestamp() {
                    return Some(at);
                }
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    fn is_day(&self, date: Date) -> bool {
        match self.every {
            Every::Hour | Every::Day => true,
            Every::Week => {
                let weekday = date.weekday().to_monday_zero_offset();
                self.weekday.is_some_and(|wanted| {
                    Weekday::ALL.iter().position(|w| *w == wanted) == Some(weekday as usize)
                })
            }
            Every::Month => self.day.is_some_and(|day| date.day() == day.min(date.days_in_month())),
        }
    }
}

impl Schedule {
    /// A backup was begun: what is due next. Those that were missed meanwhile are made up for by this one.
    pub fn began(&mut self, backup: BackupId, now: Timestamp) {
        self.last_run_at = Some(now);
        self.last_backup_id = Some(backup);
        self.problem = None;
        self.go_on(now);
    }

    /// Something is in the way. It is tried again for a while, then given up.
    pub fn hindered(&mut self, reason: &str, now: Timestamp) {
        let since = *self.trying_since.get_or_insert(now);
        let again = now.after(TRY_AGAIN);
        if again > since.after(WINDOW) || again >= self.when.next(since) {
            self.problem = Some(format!("left out: {reason}"));
            self.failed_at = Some(now);
            self.go_on(now);
        } else {
            self.problem = Some(reason.to_owned());
            self.due_at = again;
        }
    }

    fn go_on(&mut self, now: Timestamp) {
        self.trying_since = None;
        self.next_at = self.when.next(now);
        self.due_at = self.next_at;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn when(every: Every, hour: i8, minute: i8) -> When {
        When { every, hour, minute, weekday: None, day: None, time_zone: "Europe/Paris".into() }
    }

    fn time(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
    }

    fn runs(when: &When, from: &str, count: usize) -> Vec<String> {
        let mut now = time(from);
        (0..count)
            .map(|_| {
                now = when.next(now);
                now.to_string()[..16].to_owned()
            })
            .collect()
    }

    #[test]
    fn a_day_has_its_backup_however_long_it_is() {
        // On the 29th of March 2026, 02:00 to 03:00 is left out; on the 25th of October it comes twice.
        let night = when(Every::Day, 2, 30);
        assert_eq!(
            runs(&night, "2026-03-27T12:00:00Z", 3),
            ["2026-03-28T01:30", "2026-03-29T01:30", "2026-03-30T00:30"]
        );
        assert_eq!(
            runs(&night, "2026-10-24T00:00:00Z", 3),
            ["2026-10-24T00:30", "2026-10-25T00:30", "2026-10-26T01:30"]
        );
        let hourly = when(Every::Hour, 0, 15);
        assert_eq!(
            runs(&hourly, "2026-10-24T23:20:00Z", 3),
            ["2026-10-25T00:15", "2026-10-25T01:15", "2026-10-25T02:15"]
        );
    }

    #[test]
    fn weeks_and_months_have_their_day() {
        let weekly = When { weekday: Some(Weekday::Sunday), ..when(Every::Week, 4, 0) };
        assert_eq!(runs(&weekly, "2026-03-22T03:00:00Z", 2), ["2026-03-29T02:00", "2026-04-05T02:00"]);
        let monthly = When { day: Some(31), ..when(Every::Month, 4, 0) };
        assert_eq!(
            runs(&monthly, "2026-01-31T12:00:00Z", 3),
            ["2026-02-28T03:00", "2026-03-31T02:00", "2026-04-30T02:00"]
        );
    }

    #[test]
    fn what_cannot_be_is_named() {
        let field = |when: When| when.check().unwrap_err().0;
        assert_eq!(field(when(Every::Day, 24, 0)), "at");
        assert_eq!(field(when(Every::Hour, 1, 0)), "at");
        assert_eq!(field(when(Every::Week, 1, 0)), "weekday");
        assert_eq!(field(when(Every::Month, 1, 0)), "day");
        assert_eq!(field(When { day: Some(32), ..when(Every::Month, 1, 0) }), "day");
        assert_eq!(field(When { time_zone: "Mars/Olympus".into(), ..when(Every::Day, 1, 0) }), "time_zone");
        assert!(when(Every::Day, 23, 59).check().is_ok());
    }

    fn schedule(when: When, now: Timestamp) -> Schedule {
        let next = when.next(now);
        Schedule {
            id: ScheduleId::new(),
            instance_id: InstanceId::new(),
            when,
            storage: None,
            mode: BackupMode::Snapshot,
            keep: Keep::default(),
            enabled: true,
            next_at: next,
            due_at: next,
            trying_since: None,
            problem: None,
            last_run_at: None,
            last_backup_id: None,
            failed_at: None,
            created_at: now,
            fence: 0,
        }
    }

    #[test]
    fn what_is_in_the_way_is_waited_for_and_then_given_up() {
        for every in [Every::Day, Every::Hour] {
            let mut schedule = schedule(when(every, 0, 0), time("2026-06-01T12:00:00Z"));
            let first = schedule.next_at;
            let mut now = first;
            let mut tries = 0;
            while schedule.next_at == first {
                schedule.hindered("busy", now);
                now = schedule.due_at;
                tries += 1;
            }
            assert_eq!(tries, if every == Every::Day { 73 } else { 12 }, "{every}");
            assert_eq!(schedule.problem.as_deref(), Some("left out: busy"));
            assert!(schedule.failed_at.is_some() && schedule.trying_since.is_none());
            schedule.began(BackupId::new(), now);
            assert_eq!((schedule.problem.as_deref(), schedule.next_at > now), (None, true));
        }
    }

    proptest! {
        #[test]
        fn the_next_is_later_and_nothing_lies_between(
            seconds in 1_600_000_000..2_000_000_000_i64, hour in 0..24_i8, minute in 0..60_i8, ahead in 1..100_000_i64,
        ) {
            for zone in ["Europe/Paris", "Australia/Lord_Howe", "UTC"] {
                for every in [Every::Hour, Every::Day] {
                    let hour = if every == Every::Hour { 0 } else { hour };
                    let when = When { time_zone: zone.into(), ..when(every, hour, minute) };
                    let now = Timestamp(seconds * 1_000_000);
                    let next = when.next(now);
                    prop_assert!(next > now);
                    let most = if every == Every::Hour { 2 } else { 49 };
                    prop_assert!(next.since(now) <= Duration::from_hours(most));
                    let between = Timestamp(now.0 + ahead * 1_000_000);
                    if between < next {
                        prop_assert_eq!(when.next(between), next);
                    }
                }
            }
        }
    }
}
