//! The meter: which tariff applies to an instance, the segments of time during which it did, and what they cost.
//!
//! What is charged is at every moment the exact cost of everything metered so far, rounded once, half to even: the
//! part of a micro-credit that a posting leaves out is carried to the next. Into how many periods time is cut, and
//! when they are charged, changes nothing about the sum.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{InstanceId, ProjectId, SegmentId};
use crate::instances::{Course, Guest, Owner, Power, Seen};
use crate::money::{Micros, Overflow, half_even};
use crate::time::Timestamp;

words! {
    /// Which of its two prices an instance pays.
    pub enum Tariff {
        /// It runs, or is held in memory.
        Running = "running",
        /// It is there, and does not run.
        Stopped = "stopped",
    }
}

/// Which tariff applies now, if any; `before` applied until now.
///
/// Nothing is paid before an instance is complete, after it is deleted, and while its guest is seen to be missing or
/// to be another's: nobody pays for what is not there. Where nothing certain is known, the tariff before goes on.
pub fn tariff(course: &Course, deleted: bool, before: Option<Tariff>) -> Option<Tariff> {
    if deleted || !course.born {
        return None;
    }
    match course.seen {
        Seen::Unknown | Seen::Present(Guest { owner: Owner::Doubtful | Owner::Unreadable, .. }) => before,
        Seen::Absent | Seen::Present(Guest { owner: Owner::Foreign, .. }) => None,
        Seen::Present(Guest { owner: Owner::Ours, power, .. }) => match power {
            Power::Running | Power::Paused => Some(Tariff::Running),
            Power::Stopped => Some(Tariff::Stopped),
        },
    }
}

/// A stretch of time during which one instance paid one price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Identity.
    pub id: SegmentId,
    /// What was used.
    pub instance_id: InstanceId,
    /// Who pays.
    pub project_id: ProjectId,
    /// Which price.
    pub tariff: Tariff,
    /// Micro-credits per hour.
    pub rate: Micros,
    /// Since when.
    pub from: Timestamp,
    /// Until when; none while it goes on.
    pub to: Option<Timestamp>,
}

/// Micro-credits per hour times microseconds, for each micro-credit.
const HOUR: i128 = 3_600_000_000;

/// What has been charged for an instance, and the exact rest that has not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meter {
    /// Charged so far.
    pub charged: Micros,
    /// What the exact cost is above (or below) that, in 3 600 000 000ths of a micro-credit; at most half of one.
    pub carry: i64,
}

impl Meter {
    /// Counts so many microseconds at this price per hour, and says what to charge for them. Time that runs backwards
    /// counts as none.
    pub fn count(&mut self, rate: Micros, micros: i64) -> Result<Micros, Overflow> {
        let more = i128::from(rate.0.max(0)) * i128::from(micros.max(0));
        let exact = i128::from(self.charged.0) * HOUR + i128::from(self.carry) + more;
        let whole = half_even(exact, HOUR);
        let charged = Micros(i64::try_from(whole).map_err(|_| Overflow)?);
        let amount = charged.minus(self.charged)?;
        self.carry = i64::try_from(exact - whole * HOUR).map_err(|_| Overflow)?;
        self.charged = charged;
        Ok(amount)
    }
}

/// What so much time costs at this price per hour.
pub fn cost(rate: Micros, time: Duration) -> Result<Micros, Overflow> {
    Meter::default().count(rate, i64::try_from(time.as_micros()).map_err(|_| Overflow)?)
}

/// The part of a segment that has not been charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uncharged {
    /// Of this segment.
    pub segment: SegmentId,
    /// Micro-credits per hour.
    pub rate: Micros,
    /// From here on it has not been charged.
    pub from: Timestamp,
    /// Where the segment ends; none while it goes on.
    pub to: Option<Timestamp>,
}

/// What a slice of a segment, within one billing period, costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Of this segment.
    pub segment: SegmentId,
    /// The slice begins here.
    pub from: Timestamp,
    /// And ends here.
    pub to: Timestamp,
    /// How much.
    pub amount: Micros,
}

/// Charges what lies before `until`, slice by slice: each ends where its segment or its billing period does. Moves the
/// beginnings of what is uncharged and counts the meter on. At most so many slices at once; what is left comes next
/// time. Slices that cost nothing are passed over. `parts` must be in the order of time.
pub fn charge(
    parts: &mut [Uncharged],
    meter: &mut Meter,
    until: Timestamp,
    cycle: Duration,
    most: usize,
) -> Result<Vec<Charge>, Overflow> {
    let mut charges = Vec::new();
    let mut slices = 0;
    for part in parts {
        let end = part.to.map_or(until, |to| to.min(until));
        if !part.rate.is_positive() {
            part.from = part.from.max(end);
        }
        while part.from < end {
            if slices == most {
                return Ok(charges);
            }
            slices += 1;
            let to = period_end(part.from, cycle).min(end);
            let amount = meter.count(part.rate, to.0 - part.from.0)?;
            if amount.is_positive() {
                charges.push(Charge { segment: part.segment, from: part.from, to, amount });
            }
            part.from = to;
        }
    }
    Ok(charges)
}

/// Where the billing period ends that has begun at this time or before. Periods are counted from 1970, so that all
/// instances share them.
pub fn period_end(at: Timestamp, cycle: Duration) -> Timestamp {
    period_begin(at, cycle).after(cycle)
}

/// Where the billing period began to which this time belongs.
pub fn period_begin(at: Timestamp, cycle: Duration) -> Timestamp {
    let cycle = i64::try_from(cycle.as_micros()).unwrap_or(i64::MAX).max(1);
    Timestamp(at.0.div_euclid(cycle).saturating_mul(cycle))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instances::{Goal, Task, Wish};
    use proptest::prelude::*;

    const CYCLE: Duration = Duration::from_mins(60);

    fn course(born: bool, seen: Seen) -> Course {
        let wish = Wish {
            goal: Goal::Running,
            gentle_until: None,
            restart: false,
            address: false,
            refit: false,
            once: None,
        };
        Course { wish, born, seen, task: Task::None, attempts: 0 }
    }

    fn guest(owner: Owner, power: Power) -> Seen {
        Seen::Present(Guest {
            owner,
            power,
            locked: false,
            fitted: true,
            grown: true,
            guarded: true,
            addressed: true,
        })
    }

    #[test]
    fn the_tariff_is_what_was_seen_and_goes_on_where_nothing_is_known() {
        let (run, stop) = (Some(Tariff::Running), Some(Tariff::Stopped));
        for before in [None, run, stop] {
            for (seen, expected) in [
                (guest(Owner::Ours, Power::Running), run),
                (guest(Owner::Ours, Power::Paused), run),
                (guest(Owner::Ours, Power::Stopped), stop),
                (guest(Owner::Doubtful, Power::Stopped), before),
                (guest(Owner::Unreadable, Power::Stopped), before),
                (guest(Owner::Foreign, Power::Running), None),
                (Seen::Absent, None),
                (Seen::Unknown, before),
            ] {
                assert_eq!(tariff(&course(true, seen), false, before), expected, "{seen:?} after {before:?}");
                assert_eq!(tariff(&course(false, seen), false, before), None, "not complete yet");
                assert_eq!(tariff(&course(true, seen), true, before), None, "deleted");
            }
        }
    }

    #[test]
    fn slices_end_with_their_period_and_their_segment() {
        let hour = |n: i64| Timestamp(n * 3_600_000_000);
        let (a, b) = (SegmentId::new(), SegmentId::new());
        let rate = Micros(3_600_000);
        let half = Timestamp(hour(10).0 + 1_800_000_000);
        let mut parts = [
            Uncharged { segment: a, rate, from: half, to: Some(Timestamp(hour(12).0 + 1_000_000)) },
            Uncharged { segment: b, rate, from: Timestamp(hour(12).0 + 1_000_000), to: None },
        ];
        let mut meter = Meter::default();
        let charges = charge(&mut parts, &mut meter, hour(12), CYCLE, 9).unwrap();
        let expected = |segment, from, to, amount| Charge { segment, from, to, amount: Micros(amount) };
        assert_eq!(
            charges,
            [expected(a, half, hour(11), 1_800_000), expected(a, hour(11), hour(12), 3_600_000)]
        );
        assert_eq!(charge(&mut parts, &mut meter, hour(12), CYCLE, 9), Ok(vec![]), "nothing twice");
        let second = Timestamp(hour(12).0 + 1_000_000);
        let charges = charge(&mut parts, &mut meter, hour(13), CYCLE, 9).unwrap();
        assert_eq!(charges, [expected(a, hour(12), second, 1000), expected(b, second, hour(13), 3_599_000)]);
    }

    #[test]
    fn a_clock_set_back_charges_nothing() {
        let segment = SegmentId::new();
        let mut parts = [Uncharged { segment, rate: Micros(9), from: Timestamp(5_000_000_000), to: None }];
        let mut meter = Meter::default();
        assert_eq!(charge(&mut parts, &mut meter, Timestamp(1_000_000_000), CYCLE, 9), Ok(vec![]));
        assert_eq!((parts[0].from, meter), (Timestamp(5_000_000_000), Meter::default()));
        assert_eq!(meter.count(Micros(9), -5), Ok(Micros(0)));
    }

    proptest! {
        /// However time is cut, the charges are at every cut the half-even of the exact cost so far; and so the sum of
        /// everything is within half a micro-credit of it.
        #[test]
        fn however_time_is_cut_the_sum_is_the_half_even_of_the_whole(
            cuts in prop::collection::vec((0_i64..20_000_000_000, 0_i64..50_000_000), 1..40),
        ) {
            let mut meter = Meter::default();
            let (mut exact, mut sum) = (0_i128, 0_i128);
            for (micros, rate) in cuts {
                let amount = meter.count(Micros(rate), micros).unwrap();
                prop_assert!(amount.0 >= 0);
                exact += i128::from(micros) * i128::from(rate);
                sum += i128::from(amount.0);
                prop_assert_eq!(sum, half_even(exact, HOUR));
                prop_assert!((exact - sum * HOUR).abs() * 2 <= HOUR);
            }
        }

        /// Charging every period, seldom, or with the clock going back and forth comes to the same charges.
        #[test]
        fn when_charges_are_made_changes_nothing(
            lengths in prop::collection::vec((1_i64..30_000_000_000, 0_i64..9_000_000), 1..6),
            looks in prop::collection::vec(0_i64..200_000_000_000, 0..20),
            most in 1_usize..5,
        ) {
            let mut at = 1_795_221_883_000_000_i64;
            let begin = at;
            let mut parts: Vec<Uncharged> = Vec::new();
            for (length, rate) in lengths {
                let (from, to) = (Timestamp(at), Some(Timestamp(at + length)));
                parts.push(Uncharged { segment: SegmentId::new(), rate: Micros(rate), from, to });
                at += length;
            }
            let end = Timestamp(at);
            let (mut once, mut meter) = (parts.clone(), Meter::default());
            let expected = charge(&mut once, &mut meter, end, CYCLE, usize::MAX).unwrap();
            let (mut often, mut other) = (parts, Meter::default());
            let mut found = Vec::new();
            for look in looks {
                let until = period_begin(Timestamp(begin + look), CYCLE).min(end);
                found.extend(charge(&mut often, &mut other, until, CYCLE, most).unwrap());
            }
            loop {
                let more = charge(&mut often, &mut other, end, CYCLE, most).unwrap();
                found.extend(more);
                if often.iter().all(|part| part.rate.0 == 0 || Some(part.from) == part.to) { break; }
            }
            prop_assert_eq!(found, expected);
            prop_assert_eq!(meter, other);
        }
    }
}
