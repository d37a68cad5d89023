//! What people must be told about their credits: that they run out, that they have, and what follows.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{NoticeId, ProjectId};
use crate::time::Timestamp;

words! {
    /// What a notice says.
    pub enum Kind as "NoticeKind" {
        /// The balance lasts for less than a day.
        DayLeft = "runway_24h",
        /// The balance lasts for less than six hours.
        SixHoursLeft = "runway_6h",
        /// The balance lasts for less than an hour.
        HourLeft = "runway_1h",
        /// The balance is used up; instances are stopped.
        HoldBegan = "billing_hold_began",
        /// Half of the time is over after which instances are deleted.
        HalfGrace = "grace_half",
        /// Instances are deleted in a day.
        LastDay = "grace_last_day",
        /// The time is over: instances are being deleted.
        GraceEnded = "grace_ended",
        /// There are credits again.
        HoldLifted = "billing_hold_lifted",
    }
}

/// Something to tell the people of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Identity.
    pub id: NoticeId,
    /// Whose people.
    pub project_id: ProjectId,
    /// What it says.
    pub kind: Kind,
    /// More about it, in words.
    pub about: Option<String>,
    /// When it became true.
    pub at: Timestamp,
    /// When it was told.
    pub told_at: Option<Timestamp>,
}

/// The warnings, each at so much runway left, the last first.
const WARNINGS: [(Kind, Duration); 3] = [
    (Kind::HourLeft, Duration::from_hours(1)),
    (Kind::SixHoursLeft, Duration::from_hours(6)),
    (Kind::DayLeft, Duration::from_hours(24)),
];

/// The warning that this much runway deserves, if any.
pub fn warning(runway: Option<Duration>) -> Option<Kind> {
    let runway = runway?;
    WARNINGS.iter().find(|(_, limit)| runway <= *limit).map(|(kind, _)| *kind)
}

/// Whether the warning is news after the one given before: each is given once, until the runway has risen above it.
pub fn is_news(now: Option<Kind>, before: Option<Kind>) -> bool {
    let place = |kind: Option<Kind>| WARNINGS.iter().position(|(known, _)| Some(*known) == kind).unwrap_or(3);
    place(now) < place(before)
}

/// What the time since a billing hold began calls for: this kind of notice, and at the end the deletion.
/// `told` is the last one given, and when. After a long absence only the newest is given, but never the end without
/// the warning before it, and the time that it gives.
pub fn grace(
    began: Timestamp,
    grace: Duration,
    told: Option<(Kind, Timestamp)>,
    now: Timestamp,
) -> Option<Kind> {
    let notice = Duration::from_hours(24).min(grace / 2);
    let end = began.after(grace);
    let stages = [
        (Kind::HoldBegan, began),
        (Kind::HalfGrace, began.after(grace / 2)),
        (Kind::LastDay, end.before(notice)),
    ];
    if let Some((Kind::LastDay, at)) = told {
        return (now >= end.max(at.after(notice))).then_some(Kind::GraceEnded);
    }
    if let Some((Kind::GraceEnded, _)) = told {
        return None;
    }
    let done =
        stages.iter().position(|(kind, _)| told.is_some_and(|(last, _)| last == *kind)).map_or(0, |n| n + 1);
    stages[done..].iter().filter(|(_, at)| *at <= now).map(|(kind, _)| *kind).next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "a runway as it is passed around")]
    fn hours(n: u64) -> Option<Duration> {
        Some(Duration::from_hours(n))
    }

    #[test]
    fn each_warning_comes_once_until_the_runway_rises_above_it() {
        let mut before = None;
        let mut told = Vec::new();
        for runway in [
            None,
            hours(30),
            hours(24),
            hours(20),
            hours(5),
            hours(10),
            hours(6),
            hours(1),
            hours(0),
            hours(23),
            hours(25),
            hours(3),
        ] {
            let now = warning(runway);
            if is_news(now, before) {
                told.extend(now);
            }
            before = now;
        }
        let six = Kind::SixHoursLeft;
        assert_eq!(told, [Kind::DayLeft, six, six, Kind::HourLeft, six]);
    }

    #[test]
    fn grace_tells_its_stages_in_order_and_never_ends_without_the_last_warning() {
        let week = Duration::from_hours(7 * 24);
        let at = |hours: u64| Timestamp(0).after(Duration::from_hours(hours));
        let stage = |told: Option<(Kind, u64)>, hours| {
            grace(Timestamp(0), week, told.map(|(kind, hours)| (kind, at(hours))), at(hours))
        };
        assert_eq!(stage(None, 0), Some(Kind::HoldBegan));
        assert_eq!(stage(Some((Kind::HoldBegan, 0)), 83), None);
        assert_eq!(stage(Some((Kind::HoldBegan, 0)), 84), Some(Kind::HalfGrace));
        assert_eq!(stage(Some((Kind::HalfGrace, 84)), 143), None);
        assert_eq!(stage(Some((Kind::HalfGrace, 84)), 144), Some(Kind::LastDay));
        assert_eq!(stage(Some((Kind::LastDay, 144)), 167), None);
        assert_eq!(stage(Some((Kind::LastDay, 144)), 168), Some(Kind::GraceEnded));
        assert_eq!(stage(Some((Kind::GraceEnded, 168)), 999), None);
        assert_eq!(stage(Some((Kind::HoldBegan, 0)), 999), Some(Kind::LastDay), "after a long absence");
        assert_eq!(stage(Some((Kind::LastDay, 999)), 1022), None, "a day is a day");
        assert_eq!(stage(Some((Kind::LastDay, 999)), 1023), Some(Kind::GraceEnded));
    }
}
