//! What payments are made of: providers, currencies, and amounts of real money, in the smallest unit of each.

use std::fmt;

use serde::{Deserialize, Serialize};

words! {
    /// Who takes the money.
    pub enum Provider {
        /// Stripe, by a Checkout Session.
        Stripe = "stripe",
        /// PayPal, by an order.
        Paypal = "paypal",
    }
}

words! {
    /// A currency of which both providers mean the same smallest unit.
    pub enum Currency {
        /// Euro, in cents.
        Eur = "EUR",
        /// United States dollar, in cents.
        Usd = "USD",
        /// Pound sterling, in pence.
        Gbp = "GBP",
        /// Swiss franc, in rappen.
        Chf = "CHF",
        /// Canadian dollar, in cents.
        Cad = "CAD",
        /// Australian dollar, in cents.
        Aud = "AUD",
        /// Swedish krona, in öre.
        Sek = "SEK",
        /// Norwegian krone, in øre.
        Nok = "NOK",
        /// Danish krone, in øre.
        Dkk = "DKK",
        /// Polish złoty, in groszy.
        Pln = "PLN",
        /// Czech koruna, in haléře.
        Czk = "CZK",
        /// Japanese yen, which has no smaller unit.
        Jpy = "JPY",
    }
}

impl Currency {
    /// Digits after the point.
    pub const fn digits(self) -> u32 {
        match self {
            Self::Jpy => 0,
            _ => 2,
        }
    }
}

/// An amount of real money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Amount {
    /// In the currency's smallest unit: 1250 is 12.50 EUR, and 1250 JPY.
    pub minor: i64,
    /// The currency.
    pub currency: Currency,
}

impl Amount {
    /// So many of the currency's smallest unit.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// The number with a point and exactly the currency's digits, as PayPal writes it: `12.50`, `1250` for yen.
    pub fn decimal(self) -> String {
        let digits = self.currency.digits();
        if digits == 0 {
            return self.minor.to_string();
        }
        let unit = 10_u64.pow(digits);
        let (sign, size) = (if self.minor < 0 { "-" } else { "" }, self.minor.unsigned_abs());
        format!("{sign}{}.{:0width$}", size / unit, size % unit, width = digits as usize)
    }

    /// Reads what [`Amount::decimal`] writes. Fewer digits after the point are accepted, more are not.
    pub fn from_decimal(text: &str, currency: Currency) -> Option<Self> {
        let (sign, size) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
        let (whole, part) = size.split_once('.').unwrap_or((size, ""));
        let digits = currency.digits() as usize;
        let plain = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !plain(whole) || !plain(part) || part.len() > digits || size.ends_with('.') {
            return None;
        }
        let minor: i64 = format!("{whole}{part:0<digits$}").parse().ok()?;
        Some(Self { minor: sign * minor, currency })
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.decimal(), self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_reads_back_what_it_writes() {
        for (minor, currency, text) in [
            (1250, Currency::Eur, "12.50"),
            (5, Currency::Usd, "0.05"),
            (-5, Currency::Usd, "-0.05"),
            (0, Currency::Gbp, "0.00"),
            (1250, Currency::Jpy, "1250"),
            (i64::MAX, Currency::Eur, "92233720368547758.07"),
        ] {
            let amount = Amount::new(minor, currency);
            assert_eq!(amount.decimal(), text);
            assert_eq!(Amount::from_decimal(text, currency), Some(amount));
        }
        assert_eq!(Amount::from_decimal("12.5", Currency::Eur), Some(Amount::new(1250, Currency::Eur)));
        assert_eq!(Amount::from_decimal("12", Currency::Eur), Some(Amount::new(1200, Currency::Eur)));
    }

    #[test]
    fn what_is_not_exactly_an_amount_is_not_read() {
        for text in
            ["", ".", "1.", ".5", "1.234", "1,50", "+1", "1e3", " 1", "--1", "1.5.0", "99999999999999999999"]
        {
            assert_eq!(Amount::from_decimal(text, Currency::Eur), None, "{text}");
        }
        assert_eq!(Amount::from_decimal("1.0", Currency::Jpy), None);
    }
}
