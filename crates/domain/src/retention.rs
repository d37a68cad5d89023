//! Which backups of a schedule go. The rules are those by which Proxmox prunes: each keeps the newest of so many hours,
//! days, weeks, months or years, and looks only at times that no rule before it has covered.

use std::collections::HashSet;
use std::hash::Hash;

use jiff::Zoned;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::ids::BackupId;
use crate::time::Timestamp;

/// How many are kept by each rule. All zero: all are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Keep {
    /// The newest ones.
    pub last: u32,
    /// The newest of each of so many hours.
    pub hourly: u32,
    /// The newest of each of so many days.
    pub daily: u32,
    /// The newest of each of so many weeks, which begin on Monday.
    pub weekly: u32,
    /// The newest of each of so many months.
    pub monthly: u32,
    /// The newest of each of so many years.
    pub yearly: u32,
}

impl Keep {
    /// How many are kept at most.
    pub fn total(self) -> u32 {
        [self.last, self.hourly, self.daily, self.weekly, self.monthly, self.yearly]
            .into_iter()
            .fold(0, u32::saturating_add)
    }
}

/// A backup that the rules look at: one that the schedule made, that is there, and that nobody protects. Others must not
/// be given: they neither go nor take another's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Which one.
    pub id: BackupId,
    /// When it was taken.
    pub at: Timestamp,
}

/// Those that go. The newest never does.
pub fn gone(backups: &[Kept], keep: Keep, zone: &TimeZone) -> Vec<BackupId> {
    if keep.total() == 0 {
        return Vec::new();
    }
    let mut rows: Vec<Row> = backups.iter().map(|backup| Row::new(*backup, zone)).collect();
    // The newest first; of two of the same time, the one made later.
    rows.sort_by_key(|row| std::cmp::Reverse((row.backup.at, row.backup.id)));
    select(&mut rows, keep.last, |row| row.backup.id);
    select(&mut rows, keep.hourly, |row| (row.day(), row.local.hour(), row.local.offset().seconds()));
    select(&mut rows, keep.daily, Row::day);
    select(&mut rows, keep.weekly, |row| {
        let week = row.local.date().iso_week_date();
        (week.year(), week.week())
    });
    select(&mut rows, keep.monthly, |row| (row.local.year(), row.local.month()));
    select(&mut rows, keep.yearly, |row| row.local.year());
    rows.into_iter().filter(|row| row.stays != Some(true)).map(|row| row.backup.id).collect()
}

struct Row {
    backup: Kept,
    local: Zoned,
    /// None until a rule has decided.
    stays: Option<bool>,
}

impl Row {
    fn new(backup: Kept, zone: &TimeZone) -> Self {
        let at = jiff::Timestamp::from_microsecond(backup.at.0).unwrap_or_default();
        Self { backup, local: at.to_zoned(zone.clone()), stays: None }
    }

    fn day(&self) -> (i16, i8, i8) {
        (self.local.year(), self.local.month(), self.local.day())
    }
}

/// Keeps the first of each of `count` stretches of time that no rule before has covered; the others of these go.
fn select<T: Eq + Hash>(rows: &mut [Row], count: u32, stretch: impl Fn(&Row) -> T) {
    let covered: HashSet<T> = rows.iter().filter(|row| row.stays == Some(true)).map(&stretch).collect();
    let mut mine: HashSet<T> = HashSet::new();
    for row in rows.iter_mut().filter(|row| row.stays.is_none()) {
        let this = stretch(row);
        if covered.contains(&this) {
            continue;
        }
        if mine.contains(&this) {
            row.stays = Some(false);
        } else if mine.len() >= count as usize {
            return;
        } else {
            mine.insert(this);
            row.stays = Some(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Kept {
        let at: jiff::Timestamp = text.parse().unwrap();
        Kept { id: BackupId::new(), at: Timestamp(at.as_microsecond()) }
    }

    fn stay(backups: &[Kept], keep: Keep) -> Vec<usize> {
        let gone = gone(backups, keep, &TimeZone::UTC);
        (0..backups.len()).filter(|i| !gone.contains(&backups[*i].id)).collect()
    }

    #[test]
    fn each_rule_keeps_the_newest_of_its_time_and_leaves_what_the_one_before_has_covered() {
        let backups = [
            at("2026-03-10T03:00:00Z"),
            at("2026-03-11T03:00:00Z"),
            at("2026-03-11T15:00:00Z"),
            at("2026-03-12T03:00:00Z"),
            at("2026-03-12T03:30:00Z"),
            at("2026-03-13T03:00:00Z"),
        ];
        let keep = |last, daily, weekly| Keep { last, daily, weekly, ..Keep::default() };
        assert_eq!(stay(&backups, keep(2, 0, 0)), [4, 5]);
        // The two newest cover the 12th and the 13th; the day after these is the 11th.
        assert_eq!(stay(&backups, keep(2, 1, 0)), [2, 4, 5]);
        assert_eq!(stay(&backups, keep(0, 2, 0)), [4, 5]);
        assert_eq!(stay(&backups, keep(0, 0, 1)), [5]);
        assert_eq!(stay(&backups, Keep { hourly: 2, ..Keep::default() }), [4, 5]);
        assert_eq!(stay(&backups, Keep::default()), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn weeks_months_and_years_are_those_of_the_calendar_where_the_schedule_is() {
        let backups = [
            at("2025-12-28T12:00:00Z"),
            at("2025-12-29T12:00:00Z"),
            at("2026-01-01T12:00:00Z"),
            at("2026-01-05T12:00:00Z"),
        ];
        // The 29th of December is in the first week of 2026.
        assert_eq!(stay(&backups, Keep { weekly: 3, ..Keep::default() }), [0, 2, 3]);
        assert_eq!(stay(&backups, Keep { monthly: 2, ..Keep::default() }), [1, 3]);
        assert_eq!(stay(&backups, Keep { yearly: 9, ..Keep::default() }), [1, 3]);
        // Half past eleven at night in London is the next day in Paris.
        let nights = [at("2026-01-05T23:30:00Z"), at("2026-01-06T12:00:00Z")];
        let daily = Keep { daily: 7, ..Keep::default() };
        let paris = TimeZone::get("Europe/Paris").unwrap();
        assert_eq!(gone(&nights, daily, &TimeZone::UTC), []);
        assert_eq!(gone(&nights, daily, &paris), [nights[0].id]);
    }

    fn keeps() -> impl Strategy<Value = Keep> {
        (0..4_u32, 0..4_u32, 0..4_u32, 0..4_u32, 0..4_u32, 0..4_u32).prop_map(
            |(last, hourly, daily, weekly, monthly, yearly)| Keep {
                last,
                hourly,
                daily,
                weekly,
                monthly,
                yearly,
            },
        )
    }

    fn times() -> impl Strategy<Value = Vec<Kept>> {
        proptest::collection::vec(0..100_000_000_i64, 0..60).prop_map(|seconds| {
            seconds
                .into_iter()
                .map(|s| Kept { id: BackupId::new(), at: Timestamp((1_700_000_000 + s) * 1_000_000) })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn the_newest_stays_and_no_more_than_asked_and_a_second_time_changes_nothing(backups in times(), keep in keeps()) {
            let zone = TimeZone::get("Europe/Paris").unwrap();
            let gone = gone(&backups, keep, &zone);
            let stays: Vec<Kept> = backups.iter().filter(|b| !gone.contains(&b.id)).copied().collect();
            prop_assert_eq!(stays.len() + gone.len(), backups.len());
            let mut sorted = backups.clone();
            sorted.sort_by_key(|b| std::cmp::Reverse((b.at, b.id)));
            if let Some(newest) = sorted.first() {
                prop_assert!(!gone.contains(&newest.id));
            }
            if keep.total() > 0 {
                prop_assert!(stays.len() <= keep.total() as usize);
                for newest in sorted.iter().take(keep.last as usize) {
                    prop_assert!(!gone.contains(&newest.id));
                }
            } else {
                prop_assert!(gone.is_empty());
            }
            prop_assert_eq!(super::gone(&stays, keep, &zone), []);
        }

        #[test]
        fn a_more_generous_count_of_the_newest_never_loses_one_of_them(backups in times(), keep in keeps()) {
            let more = Keep { last: keep.last + 1, ..keep };
            let mut sorted = backups.clone();
            sorted.sort_by_key(|b| std::cmp::Reverse((b.at, b.id)));
            let gone = gone(&backups, more, &TimeZone::UTC);
            for newest in sorted.iter().take(more.last as usize) {
                prop_assert!(!gone.contains(&newest.id));
            }
        }
    }
}
