//! Amounts of credits: whole micro-credits, never fractions, and arithmetic that says so when it cannot go on.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// An amount in micro-credits: 1 credit is 1 000 000. JSON shows it as that integer, in fields that end in `_micros`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Micros(pub i64);

/// The amount is greater than what can be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the amount is greater than what can be counted")]
pub struct Overflow;

/// The text is no amount of credits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write an amount of credits like `12.50`: digits, and at most six of them after a point")]
pub struct BadAmount;

impl Micros {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// One credit.
    pub const CREDIT: Self = Self(1_000_000);
    /// The most that one adjustment, payment or voucher may carry: a thousand million credits.
    pub const MOST: Self = Self(1_000_000_000_000_000);

    /// The sum.
    pub fn plus(self, other: Self) -> Result<Self, Overflow> {
        self.0.checked_add(other.0).map(Self).ok_or(Overflow)
    }

    /// The difference.
    pub fn minus(self, other: Self) -> Result<Self, Overflow> {
        self.0.checked_sub(other.0).map(Self).ok_or(Overflow)
    }

    /// So many times this.
    pub fn times(self, count: i64) -> Result<Self, Overflow> {
        self.0.checked_mul(count).map(Self).ok_or(Overflow)
    }

    /// The same with the other sign.
    pub fn negated(self) -> Result<Self, Overflow> {
        self.0.checked_neg().map(Self).ok_or(Overflow)
    }

    /// The sum of all.
    pub fn sum(amounts: impl IntoIterator<Item = Self>) -> Result<Self, Overflow> {
        amounts.into_iter().try_fold(Self::ZERO, Self::plus)
    }

    /// Whether it is above zero.
    pub fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// Reads credits as people write them: `12.50`, `-3`, `0.000001`. Nothing else: no sign `+`, no exponent, no
    /// spaces, no seventh digit.
    pub fn from_credits(text: &str) -> Result<Self, BadAmount> {
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, part) =
            digits.split_once('.').map_or((digits, None), |(whole, part)| (whole, Some(part)));
        let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.to_owned());
        if whole.is_empty() || part.is_some_and(|part| part.is_empty() || part.len() > 6) {
            return Err(BadAmount);
        }
        let joined = number(whole).ok_or(BadAmount)?
            + &format!("{:0<6}", number(part.unwrap_or("")).ok_or(BadAmount)?);
        // With the sign, so that the smallest number can be read too.
        let sign = if negative { "-" } else { "" };
        format!("{sign}{joined}").parse().map(Self).map_err(|_| BadAmount)
    }
}

/// Credits, as people read them, with two digits after the point or as many as it takes.
impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, part) = (self.0.unsigned_abs() / 1_000_000, self.0.unsigned_abs() % 1_000_000);
        let digits = format!("{part:06}");
        let kept = digits.trim_end_matches('0').len().max(2);
        write!(f, "{sign}{whole}.{}", &digits[..kept])
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Micros {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
            .description(Some("Micro-credits: 1 credit is 1 000 000."))
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Micros {}

/// The quotient to the nearest whole number; half-way between two, the even one. The divisor must be positive.
pub fn half_even(number: i128, divisor: i128) -> i128 {
    let (whole, rest) = (number.div_euclid(divisor), number.rem_euclid(divisor));
    match (rest * 2).cmp(&divisor) {
        std::cmp::Ordering::Less => whole,
        std::cmp::Ordering::Greater => whole + 1,
        std::cmp::Ordering::Equal => whole + whole.rem_euclid(2),
    }
}

/// How long an amount lasts when so much is spent per hour; none when it lasts for ever, since nothing is spent.
pub fn runway(available: Micros, per_hour: Micros) -> Option<Duration> {
    if !per_hour.is_positive() {
        return None;
    }
    let micros = i128::from(available.0.max(0)) * 3_600_000_000 / i128::from(per_hour.0);
    Some(Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_are_read_strictly() {
        for (text, micros) in [
            ("12.50", 12_500_000),
            ("0", 0),
            ("-3", -3_000_000),
            ("0.000001", 1),
            ("9223372036854.775807", i64::MAX),
            ("-9223372036854.775808", i64::MIN),
        ] {
            assert_eq!(Micros::from_credits(text), Ok(Micros(micros)), "{text}");
        }
        for bad in [
            "",
            "-",
            ".",
            "1.",
            ".5",
            "+1",
            "1e3",
            "1,5",
            " 1",
            "1 ",
            "1.0000001",
            "--1",
            "1.-5",
            "٣",
            "1_000",
            "0x1",
            "9223372036854.775808",
            "inf",
            "NaN",
        ] {
            assert_eq!(Micros::from_credits(bad), Err(BadAmount), "{bad}");
        }
    }

    #[test]
    fn an_amount_is_shown_as_people_write_it() {
        for (micros, text) in [
            (12_500_000, "12.50"),
            (-1, "-0.000001"),
            (0, "0.00"),
            (1_234_500, "1.2345"),
            (7_000_000, "7.00"),
        ] {
            assert_eq!(Micros(micros).to_string(), text);
        }
    }

    #[test]
    fn half_goes_to_the_even_one() {
        for (number, expected) in [(5, 0), (15, 2), (25, 2), (-5, 0), (-15, -2), (6, 1), (4, 0), (-6, -1)] {
            assert_eq!(half_even(number, 10), expected, "{number}");
        }
    }

    #[test]
    fn nothing_spent_lasts_for_ever_and_nothing_left_not_at_all() {
        assert_eq!(runway(Micros(5), Micros(0)), None);
        assert_eq!(runway(Micros(0), Micros(5)), Some(Duration::ZERO));
        assert_eq!(runway(Micros(-9), Micros(5)), Some(Duration::ZERO));
        assert_eq!(runway(Micros(24_000_000), Micros(1_000_000)), Some(Duration::from_hours(24)));
        assert_eq!(runway(Micros(i64::MAX), Micros(1)), Some(Duration::from_micros(u64::MAX)));
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(micros in any::<i64>()) {
            prop_assert_eq!(Micros::from_credits(&Micros(micros).to_string()), Ok(Micros(micros)));
        }

        #[test]
        fn arithmetic_is_exact_or_refused(a in any::<i64>(), b in any::<i64>()) {
            let sum = i128::from(a) + i128::from(b);
            prop_assert_eq!(Micros(a).plus(Micros(b)).ok().map(|m| i128::from(m.0)), i64::try_from(sum).ok().map(i128::from));
            let difference = i128::from(a) - i128::from(b);
            prop_assert_eq!(
                Micros(a).minus(Micros(b)).ok().map(|m| i128::from(m.0)),
                i64::try_from(difference).ok().map(i128::from)
            );
        }

        #[test]
        fn half_even_is_the_nearest(number in -1_000_000_000_000_i128..1_000_000_000_000, divisor in 1_i128..100_000) {
            let whole = half_even(number, divisor);
            let off = number - whole * divisor;
            prop_assert!(off.abs() * 2 < divisor || off.abs() * 2 == divisor && whole % 2 == 0);
        }
    }
}
