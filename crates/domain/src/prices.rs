//! What instances cost: price lists, prices of plans, and the rate that an instance keeps from the day it is made.

use serde::{Deserialize, Serialize};

use crate::ids::{PriceListId, UserId};
use crate::money::{Micros, Overflow, half_even};
use crate::sizes::Size;
use crate::time::Timestamp;
use crate::usage::{self, Tariff};

/// What each part of a size costs per hour, in micro-credits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UnitPrices {
    /// One core, per hour.
    #[cfg_attr(feature = "openapi", schema(example = 4000))]
    pub core_micros: Micros,
    /// One GiB of memory, per hour.
    #[cfg_attr(feature = "openapi", schema(example = 2000))]
    pub memory_gib_micros: Micros,
    /// One GiB of disk, per hour.
    #[cfg_attr(feature = "openapi", schema(example = 100))]
    pub disk_gib_micros: Micros,
}

/// What an instance costs per hour, in micro-credits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Per hour while it runs.
    #[cfg_attr(feature = "openapi", schema(example = 12_000))]
    pub running_micros: Micros,
    /// Per hour while it is stopped.
    #[cfg_attr(feature = "openapi", schema(example = 1000))]
    pub stopped_micros: Micros,
}

/// Prices that hold from a time on, for instances made since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceList {
    /// Identity.
    pub id: PriceListId,
    /// While an instance runs.
    pub running: UnitPrices,
    /// While it is stopped.
    pub stopped: UnitPrices,
    /// Since when.
    pub created_at: Timestamp,
    /// Who set it; none is the house.
    pub created_by: Option<UserId>,
}

/// A price lies outside of what is accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a price must lie between 0 and {most} credits per hour")]
pub struct BadPrice {
    /// The most that is accepted.
    pub most: Micros,
}

impl UnitPrices {
    /// The most that one unit may cost per hour: a thousand credits.
    pub const MOST: Micros = Micros(1_000_000_000);

    /// Whether each price is acceptable.
    pub fn check(self) -> Result<(), BadPrice> {
        let all = [self.core_micros, self.memory_gib_micros, self.disk_gib_micros];
        let good = all.iter().all(|price| (Micros::ZERO..=Self::MOST).contains(price));
        if good { Ok(()) } else { Err(BadPrice { most: Self::MOST }) }
    }

    /// These prices for the disk alone: what a stopped instance pays unless told otherwise.
    #[must_use]
    pub fn disk_only(self) -> Self {
        Self { disk_gib_micros: self.disk_gib_micros, ..Self::default() }
    }

    /// What a size costs per hour. Memory is counted in MiB, so that the sum is rounded once, half to even.
    pub fn of(self, size: Size) -> Result<Micros, Overflow> {
        let part = |price: Micros, count: u32| i128::from(price.0) * i128::from(count);
        let cores = part(self.core_micros, size.cores) * 1024;
        let memory = part(self.memory_gib_micros, size.memory_mib);
        let disk = part(self.disk_gib_micros, size.disk_gib) * 1024;
        i64::try_from(half_even(cores + memory + disk, 1024)).map(Micros).map_err(|_| Overflow)
    }
}

impl Rate {
    /// Nothing at all: a free house.
    pub const FREE: Self = Self { running_micros: Micros::ZERO, stopped_micros: Micros::ZERO };

    /// The most that an instance may cost per hour: a million credits.
    pub const MOST: Micros = Micros(1_000_000_000_000);

    /// Whether both prices are acceptable.
    pub fn check(self) -> Result<(), BadPrice> {
        let good = [self.running_micros, self.stopped_micros]
            .iter()
            .all(|p| (Micros::ZERO..=Self::MOST).contains(p));
        if good { Ok(()) } else { Err(BadPrice { most: Self::MOST }) }
    }

    /// Per hour under a tariff.
    pub fn under(self, tariff: Tariff) -> Micros {
        match tariff {
            Tariff::Running => self.running_micros,
            Tariff::Stopped => self.stopped_micros,
        }
    }

    /// What one billing period costs at most: this much is held when an instance is made.
    pub fn hold(self, cycle: std::time::Duration) -> Result<Micros, Overflow> {
        usage::cost(self.running_micros.max(self.stopped_micros), cycle)
    }
}

/// What a size costs: the price of its plan, if the plan has one, or else the price list; without any, nothing.
pub fn rate(plan: Option<Rate>, list: Option<&PriceList>, size: Size) -> Result<Rate, Overflow> {
    match (plan, list) {
        (Some(rate), _) => Ok(rate),
        (None, Some(list)) => {
            Ok(Rate { running_micros: list.running.of(size)?, stopped_micros: list.stopped.of(size)? })
        }
        (None, None) => Ok(Rate::FREE),
    }
}

/// What something will cost, before it is asked for. All in micro-credits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estimate {
    /// Per hour.
    pub rate: Rate,
    /// A day of running.
    pub day: Micros,
    /// Thirty days of running.
    pub month: Micros,
    /// What is held when it is made, and given back at the end.
    pub held: Micros,
}

/// What this rate comes to.
pub fn estimate(rate: Rate, cycle: std::time::Duration) -> Result<Estimate, Overflow> {
    Ok(Estimate {
        rate,
        day: rate.running_micros.times(24)?,
        month: rate.running_micros.times(24 * 30)?,
        held: rate.hold(cycle)?,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use proptest::prelude::*;

    const PRICES: UnitPrices = UnitPrices {
        core_micros: Micros(4000),
        memory_gib_micros: Micros(2001),
        disk_gib_micros: Micros(100),
    };

    fn list() -> PriceList {
        PriceList {
            id: PriceListId::new(),
            running: PRICES,
            stopped: PRICES.disk_only(),
            created_at: Timestamp(0),
            created_by: None,
        }
    }

    const SIZE: Size = Size { cores: 2, memory_mib: 512, disk_gib: 10 };

    #[test]
    fn a_size_costs_the_sum_of_its_parts_rounded_once() {
        // 8000 + 1000.5 + 1000, half to even.
        let rate = rate(None, Some(&list()), SIZE).unwrap();
        assert_eq!(rate, Rate { running_micros: Micros(10_000), stopped_micros: Micros(1000) });
    }

    #[test]
    fn the_price_of_the_plan_wins_and_without_any_price_it_is_free() {
        let plan = Rate { running_micros: Micros(7), stopped_micros: Micros(3) };
        assert_eq!(rate(Some(plan), Some(&list()), SIZE), Ok(plan));
        assert_eq!(rate(None, None, SIZE), Ok(Rate::FREE));
    }

    #[test]
    fn an_estimate_tells_hour_day_month_and_what_is_held() {
        let rate = Rate { running_micros: Micros(10_000), stopped_micros: Micros(1000) };
        let estimate = estimate(rate, Duration::from_mins(60)).unwrap();
        assert_eq!(
            (estimate.day, estimate.month, estimate.held),
            (Micros(240_000), Micros(7_200_000), Micros(10_000))
        );
        assert_eq!(rate.hold(Duration::from_mins(15)), Ok(Micros(2500)));
    }

    #[test]
    fn prices_out_of_bounds_are_refused() {
        assert!(PRICES.check().is_ok());
        assert!(UnitPrices { core_micros: Micros(-1), ..PRICES }.check().is_err());
        assert!(UnitPrices { disk_gib_micros: Micros(1_000_000_001), ..PRICES }.check().is_err());
        assert!(Rate { running_micros: Micros(-1), stopped_micros: Micros(0) }.check().is_err());
    }

    proptest! {
        #[test]
        fn every_acceptable_price_of_every_size_can_be_counted(
            core in 0..=UnitPrices::MOST.0, memory in 0..=UnitPrices::MOST.0, disk in 0..=UnitPrices::MOST.0,
            cores in 1_u32..=256, memory_mib in 16_u32..=4_194_304, disk_gib in 1_u32..=65_536,
        ) {
            let prices = UnitPrices {
                core_micros: Micros(core), memory_gib_micros: Micros(memory), disk_gib_micros: Micros(disk),
            };
            let size = Size { cores, memory_mib, disk_gib };
            let price = prices.of(size).unwrap();
            prop_assert!(prices.disk_only().of(size).unwrap() <= price);
            let rate = Rate { running_micros: price, stopped_micros: Micros(0) };
            prop_assert!(estimate(rate, Duration::from_hours(1)).is_ok());
        }
    }
}
