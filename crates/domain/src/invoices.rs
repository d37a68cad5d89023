//! Invoices: what a project paid and used in a month, on paper. Issued once, numbered without gaps, never changed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ids::{InvoiceId, ProjectId};
use crate::money::Micros;
use crate::payments::{Amount, Provider};
use crate::time::Timestamp;

/// A month of the calendar, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: i16,
    month: i8,
}

/// The text is no month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write a month like `2026-11`")]
pub struct BadMonth;

impl Month {
    /// The month that this point in time lies in.
    pub fn of(at: Timestamp) -> Self {
        let date = jiff::Timestamp::from_microsecond(at.0)
            .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
            .to_zoned(jiff::tz::TimeZone::UTC)
            .date();
        Self { year: date.year(), month: date.month() }
    }

    /// When it begins.
    pub fn begins(self) -> Timestamp {
        let date = jiff::civil::date(self.year, self.month, 1);
        let at = date.to_zoned(jiff::tz::TimeZone::UTC).map(|at| at.timestamp().as_microsecond());
        Timestamp(at.unwrap_or(0))
    }

    /// When it ends: when the next begins.
    pub fn ends(self) -> Timestamp {
        self.next().begins()
    }

    /// The one after.
    #[must_use]
    pub fn next(self) -> Self {
        match self.month {
            12 => Self { year: self.year.min(9998) + 1, month: 1 },
            month => Self { month: month + 1, ..self },
        }
    }

    /// The one before.
    #[must_use]
    pub fn before(self) -> Self {
        match self.month {
            1 => Self { year: self.year.max(2) - 1, month: 12 },
            month => Self { month: month - 1, ..self },
        }
    }

    /// Its year.
    pub fn year(self) -> i16 {
        self.year
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl FromStr for Month {
    type Err = BadMonth;
    fn from_str(text: &str) -> Result<Self, BadMonth> {
        let (year, month) = text.split_once('-').ok_or(BadMonth)?;
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if year.len() != 4 || month.len() != 2 || !digits(year) || !digits(month) {
            return Err(BadMonth);
        }
        let month =
            Self { year: year.parse().map_err(|_| BadMonth)?, month: month.parse().map_err(|_| BadMonth)? };
        let good = (1970..=9998).contains(&month.year) && (1..=12).contains(&month.month);
        good.then_some(month).ok_or(BadMonth)
    }
}

impl Serialize for Month {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Month {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Month {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .pattern(Some("^[0-9]{4}-[0-9]{2}$"))
            .description(Some("A month in UTC, like `2026-11`."))
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Month {}

/// Somebody on an invoice: name and address, line by line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// Name first.
    pub lines: Vec<String>,
}

/// What one instance used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageLine {
    /// The instance's id, with its prefix.
    pub instance_id: String,
    /// What it is called.
    pub name: String,
    /// What it was charged.
    pub credits: Micros,
}

/// Money that came or went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoneyLine {
    /// When.
    pub at: Timestamp,
    /// The payment's or the refund's id, with its prefix.
    pub id: String,
    /// Through whom.
    pub provider: Provider,
    /// How much; what was given back is below zero.
    pub amount: Amount,
    /// The credits for it.
    pub credits: Micros,
}

/// Credits that came or went for another reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherLine {
    /// The ledger's word for it: `voucher`, `grant`, `correction`, `lease`.
    pub cause: String,
    /// How many, in all.
    pub credits: Micros,
}

/// An invoice as it was issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice {
    /// Identity.
    pub id: InvoiceId,
    /// Its number, for example `2026-00017`: per year, without gaps.
    pub number: String,
    /// Whose.
    pub project_id: ProjectId,
    /// Which month it is for. What was posted late for an earlier month stands in it too.
    pub month: Month,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// Who sells.
    pub seller: Party,
    /// Who buys.
    pub buyer: Party,
    /// What was used, by instance.
    pub usage: Vec<UsageLine>,
    /// What was paid and given back.
    pub money: Vec<MoneyLine>,
    /// Other credits.
    pub others: Vec<OtherLine>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_follow_each_other_without_a_gap() {
        let mut month: Month = "1999-11".parse().unwrap();
        for _ in 0..400 {
            assert_eq!(month.ends(), month.next().begins());
            assert_eq!(Month::of(month.begins()), month);
            assert_eq!(Month::of(Timestamp(month.ends().0 - 1)), month);
            assert_eq!(month.next().before(), month);
            assert_eq!(month.to_string().parse(), Ok(month));
            month = month.next();
        }
        assert_eq!("2026-12".parse::<Month>().unwrap().next().to_string(), "2027-01");
        for bad in ["", "2026", "2026-13", "2026-00", "26-01", "2026-1", "2026-011", "+026-01", "2026-01-01"]
        {
            assert_eq!(bad.parse::<Month>(), Err(BadMonth), "{bad}");
        }
    }
}
