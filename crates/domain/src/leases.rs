//! Leases: prepaid, time-limited rights to an instance. What they cost, when they end, and what comes after.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{InstanceId, LeaseId, PlanId, ProjectId, TemplateId};
use crate::money::{Micros, Overflow};
use crate::names::Hostname;
use crate::sizes::Size;
use crate::time::Timestamp;
use crate::wallets::Address;

words! {
    /// How a lease stands.
    pub enum LeaseState {
        /// It is paid for, and its instance is being made. Its time has not begun.
        Making = "making",
        /// Its time runs.
        Active = "active",
        /// Its time is over. The instance is stopped, and kept for a while in case somebody renews.
        Expired = "expired",
        /// The instance is being removed.
        Ending = "ending",
        /// The instance is gone.
        Ended = "ended",
        /// The instance could not be made. Whoever paid has the price as credit.
        Failed = "failed",
    }
}

impl LeaseState {
    /// Whether nothing will come of it any more.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Ended | Self::Failed)
    }

    /// Whether time can be added to it.
    pub fn can_be_renewed(self) -> bool {
        matches!(self, Self::Making | Self::Active | Self::Expired)
    }
}

/// What the token of a lease begins with.
pub const TOKEN_PREFIX: &str = "ikl_";

/// A prepaid right to an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Identity.
    pub id: LeaseId,
    /// The project that holds its instance and nothing else.
    pub project_id: ProjectId,
    /// The instance; none until it is being made.
    pub instance_id: Option<InstanceId>,
    /// The wallet that bought it; none when it was bought with credits.
    pub wallet: Option<Address>,
    /// How it stands.
    pub state: LeaseState,
    /// The host name of the instance.
    pub name: Hostname,
    /// What it was made from.
    pub template_id: TemplateId,
    /// The plan that its size comes by.
    pub plan_id: Option<PlanId>,
    /// How big.
    pub size: Size,
    /// What an hour of it costs: as agreed when it was bought or last resized.
    pub hourly: Micros,
    /// How many minutes were bought before its time began.
    pub minutes: u32,
    /// When its time began.
    pub started_at: Option<Timestamp>,
    /// When its time is over.
    pub expires_at: Option<Timestamp>,
    /// How many notices of its end were given.
    pub notices: u32,
    /// When it was bought.
    pub created_at: Timestamp,
    /// When it was over for good.
    pub ended_at: Option<Timestamp>,
    /// When it is to be looked at.
    pub due_at: Option<Timestamp>,
}

/// What a house asks of leases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// What every order of time costs besides the time.
    pub base: Micros,
    /// The shortest time that can be bought at once, in minutes.
    pub least_minutes: u32,
    /// The longest.
    pub most_minutes: u32,
    /// How far ahead a lease can be paid, in minutes.
    pub horizon_minutes: u32,
    /// The largest size.
    pub largest: Size,
    /// How many leases one wallet has at once.
    pub per_wallet: u32,
    /// How long before its end notice is given; the longest first.
    pub notices: Vec<Duration>,
    /// How long an instance is kept after its lease expired.
    pub grace: Duration,
    /// What a command or a console costs the holder of a lease; usually nothing.
    pub call: Micros,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            base: Micros(5_000),
            least_minutes: 10,
            most_minutes: 60 * 24 * 30,
            horizon_minutes: 60 * 24 * 90,
            largest: Size { cores: 4, memory_mib: 8192, disk_gib: 64 },
            per_wallet: 10,
            notices: vec![Duration::from_hours(24), Duration::from_hours(1), Duration::from_mins(10)],
            grace: Duration::from_hours(24),
            call: Micros::ZERO,
        }
    }
}

/// A time that cannot be bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTime {
    /// Too short, or too long at once.
    #[error("buy {least} to {most} minutes at once")]
    Bounds {
        /// The shortest.
        least: u32,
        /// The longest.
        most: u32,
    },
    /// Too far ahead.
    #[error("a lease can be paid at most {0} minutes ahead; buy less now, and renew later")]
    Horizon(u32),
}

impl Terms {
    /// Whether so many minutes can be bought at once.
    pub fn check_minutes(&self, minutes: u32) -> Result<(), BadTime> {
        let (least, most) = (self.least_minutes, self.most_minutes);
        if (least..=most).contains(&minutes) { Ok(()) } else { Err(BadTime::Bounds { least, most }) }
    }

    /// What so much time costs: never nothing, and rounded up, for half a micro-credit cannot be paid.
    pub fn price(&self, hourly: Micros, minutes: u32) -> Result<Micros, Overflow> {
        let time = (i128::from(hourly.0) * i128::from(minutes)).div_euclid(60)
            + i128::from((i128::from(hourly.0) * i128::from(minutes)).rem_euclid(60) != 0);
        let price = time + i128::from(self.base.0);
        i64::try_from(price.max(1)).map(Micros).map_err(|_| Overflow)
    }

    /// Whether a renewal is within how far ahead a lease can be paid.
    pub fn check_renewal(&self, lease: &Lease, minutes: u32, now: Timestamp) -> Result<(), BadTime> {
        self.check_minutes(minutes)?;
        let most = now.after(minutes_long(self.horizon_minutes));
        if lease.renewed(minutes, now) > most { Err(BadTime::Horizon(self.horizon_minutes)) } else { Ok(()) }
    }
}

/// So many minutes.
pub fn minutes_long(minutes: u32) -> Duration {
    Duration::from_secs(u64::from(minutes) * 60)
}

/// What is to be done about a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing before this time; never, when none.
    Rest(Option<Timestamp>),
    /// Give notice of its end.
    Notice,
    /// Its time is over: stop the instance.
    Expire,
    /// Remove the instance.
    Remove,
}

impl Lease {
    /// When its time would be over after a renewal: what is left counts, and what was not there (the time since it
    /// expired) costs nothing.
    pub fn renewed(&self, minutes: u32, now: Timestamp) -> Timestamp {
        let from = match (self.started_at, self.expires_at) {
            (Some(_), Some(expires_at)) => expires_at.max(now),
            // Its time has not begun: all that was bought counts from now on.
            _ => now.after(minutes_long(self.minutes)),
        };
        from.after(minutes_long(minutes))
    }

    /// When its time is over after so many minutes more that were bought at this price by the hour: where the lease has
    /// another size by now, they are worth less of its time, or more.
    pub fn extended(&self, minutes: u32, hourly: Micros, now: Timestamp) -> Timestamp {
        let from = self.renewed(0, now);
        let (bought, now_costs) = (i128::from(hourly.0), i128::from(self.hourly.0.max(1)));
        let micros = i128::from(minutes) * 60_000_000 * bought / now_costs;
        from.after(Duration::from_micros(u64::try_from(micros).unwrap_or(0)))
    }

    /// When its time is over at another price: what is left is worth as much as before, to the microsecond below.
    pub fn resized(&self, hourly: Micros, now: Timestamp) -> Option<Timestamp> {
        let left = self.expires_at?.since(now).as_micros();
        let (before, after) = (u128::try_from(self.hourly.0).ok()?, u128::try_from(hourly.0).ok()?);
        let kept = left.checked_mul(before)?.checked_div(after)?;
        Some(now.after(Duration::from_micros(u64::try_from(kept).ok()?)))
    }

    /// What is to be done about it now.
    pub fn step(&self, terms: &Terms, now: Timestamp) -> Step {
        let Some(expires_at) = self.expires_at else { return Step::Rest(None) };
        match self.state {
            LeaseState::Active if now >= expires_at => Step::Expire,
            LeaseState::Active => {
                let told = terms.notices.iter().filter(|before| now >= expires_at.before(**before)).count();
                if u32::try_from(told).is_ok_and(|told| told > self.notices) {
                    return Step::Notice;
                }
                // In whatever order they were written: a time in the past would have it looked at without end.
                let notices = terms.notices.iter().map(|before| expires_at.before(*before));
                Step::Rest(notices.filter(|at| *at > now).min().or(Some(expires_at)))
            }
            LeaseState::Expired => {
                let over = expires_at.after(terms.grace);
                if now >= over { Step::Remove } else { Step::Rest(Some(over)) }
            }
            LeaseState::Ending => Step::Remove,
            LeaseState::Making | LeaseState::Ended | LeaseState::Failed => Step::Rest(None),
        }
    }

    /// How many of the notices are due by now: after a renewal those that are not are given anew.
    pub fn notices_due(&self, terms: &Terms, now: Timestamp) -> u32 {
        let Some(expires_at) = self.expires_at else { return 0 };
        let due = terms.notices.iter().filter(|before| now >= expires_at.before(**before)).count();
        u32::try_from(due).unwrap_or(u32::MAX)
    }
}

/// What was agreed about a lease that is bought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// The host name.
    pub name: Hostname,
    /// What it is made from.
    pub template_id: TemplateId,
    /// The plan that the size comes by.
    pub plan_id: Option<PlanId>,
    /// How big.
    pub size: Size,
    /// What an hour costs.
    pub hourly: Micros,
    /// For how long.
    pub minutes: u32,
    /// Keys that may sign in to it.
    pub ssh_keys: Vec<crate::names::SshKey>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn lease(state: LeaseState, expires_at: Option<Timestamp>) -> Lease {
        Lease {
            id: LeaseId::new(),
            project_id: ProjectId::new(),
            instance_id: Some(InstanceId::new()),
            wallet: None,
            state,
            name: "web".parse().unwrap(),
            template_id: TemplateId::new(),
            plan_id: None,
            size: Size { cores: 1, memory_mib: 512, disk_gib: 4 },
            hourly: Micros(10_000),
            minutes: 60,
            started_at: expires_at.map(|_| Timestamp(0)),
            expires_at,
            notices: 0,
            created_at: Timestamp(0),
            ended_at: None,
            due_at: None,
        }
    }

    #[test]
    fn time_costs_by_the_minute_rounded_up_and_never_nothing() {
        let terms = Terms { base: Micros(0), ..Terms::default() };
        assert_eq!(terms.price(Micros(10_000), 60), Ok(Micros(10_000)));
        assert_eq!(terms.price(Micros(10_000), 1), Ok(Micros(167)));
        assert_eq!(terms.price(Micros(0), 60), Ok(Micros(1)));
        assert_eq!(Terms { base: Micros(5), ..terms.clone() }.price(Micros(10_000), 60), Ok(Micros(10_005)));
        assert_eq!(terms.price(Micros(i64::MAX), u32::MAX), Err(Overflow));
    }

    #[test]
    fn minutes_have_bounds_and_an_horizon() {
        let terms = Terms { least_minutes: 10, most_minutes: 100, horizon_minutes: 150, ..Terms::default() };
        assert!(terms.check_minutes(10).is_ok() && terms.check_minutes(100).is_ok());
        for bad in [0, 9, 101, u32::MAX] {
            assert_eq!(terms.check_minutes(bad), Err(BadTime::Bounds { least: 10, most: 100 }));
        }
        let now = Timestamp(0);
        let held = lease(LeaseState::Active, Some(now.after(HOUR)));
        assert!(terms.check_renewal(&held, 90, now).is_ok());
        assert_eq!(terms.check_renewal(&held, 91, now), Err(BadTime::Horizon(150)));
    }

    #[test]
    fn a_lease_gives_notice_expires_and_is_removed_after_its_grace() {
        let terms = Terms { notices: vec![HOUR * 2, HOUR], grace: HOUR * 3, ..Terms::default() };
        let end = Timestamp(0).after(HOUR * 10);
        let mut held = lease(LeaseState::Active, Some(end));
        assert_eq!(held.step(&terms, Timestamp(0)), Step::Rest(Some(end.before(HOUR * 2))));
        assert_eq!(held.step(&terms, end.before(HOUR * 2)), Step::Notice);
        held.notices = held.notices_due(&terms, end.before(HOUR * 2));
        assert_eq!(held.step(&terms, end.before(HOUR * 2)), Step::Rest(Some(end.before(HOUR))));
        // In any order.
        let shuffled = Terms { notices: vec![HOUR, HOUR * 2], ..terms.clone() };
        for at in [Timestamp(0), end.before(HOUR * 2), end.before(HOUR)] {
            held.notices = held.notices_due(&shuffled, at);
            assert_eq!(held.step(&shuffled, at), held.step(&terms, at), "{at:?}");
        }
        // A house that slept gives one notice, not all it missed.
        held.notices = 0;
        assert_eq!(
            (held.step(&terms, end.before(HOUR)), held.notices_due(&terms, end.before(HOUR))),
            (Step::Notice, 2)
        );
        held.notices = 2;
        assert_eq!(held.step(&terms, end.before(HOUR)), Step::Rest(Some(end)));
        assert_eq!(held.step(&terms, end), Step::Expire);
        held.state = LeaseState::Expired;
        assert_eq!(held.step(&terms, end), Step::Rest(Some(end.after(HOUR * 3))));
        assert_eq!(held.step(&terms, end.after(HOUR * 3)), Step::Remove);
    }

    #[test]
    fn time_that_was_bought_for_another_size_keeps_its_worth() {
        let now = Timestamp(0);
        let held = lease(LeaseState::Active, Some(now.after(HOUR)));
        assert_eq!(held.extended(60, held.hourly, now), held.renewed(60, now));
        // Bought at a tenth of what an hour costs since.
        assert_eq!(held.extended(60, Micros(held.hourly.0 / 10), now), held.renewed(6, now));
        assert_eq!(held.extended(60, Micros(held.hourly.0 * 2), now), held.renewed(120, now));
    }

    #[test]
    fn a_renewal_counts_from_the_end_or_from_now_and_before_the_start_from_all_that_was_bought() {
        let now = Timestamp(0).after(HOUR * 5);
        let after = |hours: u32| Some(Timestamp(0).after(HOUR * hours));
        assert_eq!(Some(lease(LeaseState::Active, after(6)).renewed(60, now)), after(7));
        assert_eq!(Some(lease(LeaseState::Expired, after(3)).renewed(60, now)), after(6));
        assert_eq!(Some(lease(LeaseState::Making, None).renewed(60, now)), after(7));
    }

    proptest! {
        #[test]
        fn another_size_keeps_the_value_of_what_is_left(
            left in 0_u64..10_000_000_000_000, before in 1_i64..1_000_000_000, after in 1_i64..1_000_000_000,
        ) {
            let now = Timestamp(1_000);
            let held = Lease { hourly: Micros(before), ..lease(LeaseState::Active, Some(now.after(Duration::from_micros(left)))) };
            let kept = held.resized(Micros(after), now).unwrap().since(now).as_micros();
            let (was, is) = (u128::from(left) * before as u128, kept * after as u128);
            prop_assert!(is <= was && was - is < after as u128);
        }

        #[test]
        fn more_time_never_costs_less(hourly in 0_i64..1_000_000_000_000, minutes in 1_u32..1_000_000, more in 0_u32..1000) {
            let terms = Terms::default();
            prop_assert!(terms.price(Micros(hourly), minutes).unwrap() <= terms.price(Micros(hourly), minutes + more).unwrap());
        }
    }
}
