//! Amounts of a token in its smallest unit (USDC: a millionth of a dollar), as the wire spells them: decimal strings.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An amount of a token in its smallest unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Atomic(pub u128);

/// The text is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a whole number of a token's smallest unit, in digits only, without leading zeros")]
pub struct BadAtomic;

/// Whether it is a number in its one spelling: no sign, no space, no leading zero, no point, no exponent.
pub(super) fn is_plain(text: &str) -> bool {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits && (text == "0" || !text.starts_with('0'))
}

impl FromStr for Atomic {
    type Err = BadAtomic;

    fn from_str(text: &str) -> Result<Self, BadAtomic> {
        if !is_plain(text) {
            return Err(BadAtomic);
        }
        text.parse().map(Self).map_err(|_| BadAtomic)
    }
}

impl fmt::Display for Atomic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Atomic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Atomic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_plain_digits_are_an_amount() {
        assert_eq!("0".parse(), Ok(Atomic(0)));
        assert_eq!(u128::MAX.to_string().parse(), Ok(Atomic(u128::MAX)));
        let above = "340282366920938463463374607431768211456";
        for bad in
            ["", " 1", "1 ", "+1", "-1", "01", "00", "1.0", "1e3", "0x10", "NaN", "inf", "١", "1_000", above]
        {
            assert_eq!(bad.parse::<Atomic>(), Err(BadAtomic), "{bad}");
            assert!(serde_json::from_value::<Atomic>(serde_json::json!(bad)).is_err(), "{bad}");
        }
        for bad in [serde_json::json!(1), serde_json::json!(1.5), serde_json::json!(null)] {
            assert!(serde_json::from_value::<Atomic>(bad).is_err());
        }
    }

    proptest! {
        #[test]
        fn an_amount_has_one_spelling(amount: u128, text in "\\PC{0,45}") {
            prop_assert_eq!(Atomic(amount).to_string().parse(), Ok(Atomic(amount)));
            if let Ok(read) = text.parse::<Atomic>() {
                prop_assert_eq!(read.to_string(), text);
            }
        }
    }
}
