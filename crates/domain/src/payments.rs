//! Payments: real money in, credits out, once. What a provider says is judged here against what was ordered.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{PaymentId, ProjectId, RefundId, UserId};
use crate::money::Micros;
use crate::time::Timestamp;

words! {
    /// Who takes the money.
    pub enum Provider as "PaymentProvider" {
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

impl Provider {
    /// What it calls itself, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stripe => "Stripe",
            Self::Paypal => "PayPal",
        }
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

words! {
    /// How far a payment is.
    pub enum PaymentState {
        /// Ordered; the payer has not paid yet.
        Open = "open",
        /// The money is on its way, and may still not come.
        Pending = "pending",
        /// Paid, and its credits are in the project.
        Paid = "paid",
        /// The provider says that nothing will come of it.
        Failed = "failed",
        /// Nobody paid in time. If the money comes all the same, its credits arrive all the same.
        Expired = "expired",
        /// Something else was paid than was ordered: somebody must look at it.
        Disputed = "disputed",
    }
}

words! {
    /// How far a refund is.
    pub enum RefundState {
        /// The credits are taken back; the provider has not confirmed that the money has gone.
        Pending = "pending",
        /// The money has gone back.
        Done = "done",
        /// The provider refused; the credits were given back.
        Failed = "failed",
    }
}

/// How long a payer has.
pub const PAYABLE: Duration = Duration::from_hours(1);

/// How long after that we go on looking: a provider may accept a payer's word late.
const LATE: Duration = Duration::from_hours(72);

/// How long money may be on its way.
const ON_ITS_WAY: Duration = Duration::from_hours(24 * 30);

/// An order of credits. Serialized for the idempotency of requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Identity; the provider knows the order by it.
    pub id: PaymentId,
    /// Whose the credits will be.
    pub project_id: ProjectId,
    /// Who takes the money.
    pub provider: Provider,
    /// How far it is.
    pub state: PaymentState,
    /// What is to be paid.
    pub amount: Amount,
    /// What is bought.
    pub credits: Micros,
    /// The provider's own id of it, once known.
    pub reference: Option<String>,
    /// Where the payer pays, once known.
    pub redirect: Option<String>,
    /// What a refund needs, once paid.
    pub receipt: Option<String>,
    /// What somebody must look at, or why it failed.
    pub problem: Option<String>,
    /// Who ordered; none is the house.
    pub asked_by: Option<UserId>,
    /// When it was ordered.
    pub created_at: Timestamp,
    /// Until when it can be paid.
    pub expires_at: Timestamp,
    /// When its credits arrived.
    pub paid_at: Option<Timestamp>,
    /// How much was given back or is being given back, in the currency's smallest unit.
    pub refunded_minor: i64,
    /// When to look at it again; none when there is nothing to wait for.
    pub due_at: Option<Timestamp>,
}

/// Money given back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Identity; the provider knows the refund by it.
    pub id: RefundId,
    /// Of which payment.
    pub payment_id: PaymentId,
    /// Whose credits were taken back.
    pub project_id: ProjectId,
    /// How far it is.
    pub state: RefundState,
    /// How much money.
    pub amount: Amount,
    /// How many credits were taken back for it.
    pub credits: Micros,
    /// Why, in words that the project's people read.
    pub reason: String,
    /// The provider's own id of it, once known.
    pub reference: Option<String>,
    /// Why it failed, or what the provider said last.
    pub problem: Option<String>,
    /// Who gave it back.
    pub by: Option<UserId>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it was done, or failed.
    pub ended_at: Option<Timestamp>,
    /// When to ask the provider again.
    pub due_at: Option<Timestamp>,
}

/// What a provider says of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// Not paid yet.
    Open,
    /// On its way.
    Pending,
    /// Paid.
    Paid,
    /// Nothing will come of it.
    Failed,
}

/// What is to be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Credit it, once.
    Credit,
    /// It is now so, and nothing else happens.
    Now(PaymentState),
    /// Nothing has changed.
    Nothing,
    /// Do not credit it; this is why.
    Dispute(String),
}

/// Judges what a provider says. Money that came is credited however late it is; money that is not what was ordered
/// never is.
pub fn judge(payment: &Payment, said: Said, amount: Option<Amount>, now: Timestamp) -> Verdict {
    use PaymentState::{Disputed, Expired, Failed, Open, Paid, Pending};
    if payment.state == Paid {
        return Verdict::Nothing;
    }
    if matches!(said, Said::Paid | Said::Pending) && amount != Some(payment.amount) {
        let shown = amount.map_or_else(|| "an amount that we cannot read".to_owned(), |a| a.to_string());
        return Verdict::Dispute(format!("{shown} came, and {} was ordered", payment.amount));
    }
    let state = match (said, payment.state) {
        (Said::Paid, _) => return Verdict::Credit,
        (_, Disputed) => Disputed,
        // What was on its way and is not there yet stays on its way.
        (Said::Pending, _) | (Said::Open, Pending) => Pending,
        (Said::Failed, _) | (Said::Open, Failed) => Failed,
        (Said::Open, _) if now >= payment.expires_at => Expired,
        (Said::Open, _) => Open,
    };
    if state == payment.state { Verdict::Nothing } else { Verdict::Now(state) }
}

/// When to look at a payment again: soon while a payer is likely to be paying, ever less often later, and at last not
/// any more.
pub fn next_look(payment: &Payment, now: Timestamp) -> Option<Timestamp> {
    let age = now.since(payment.created_at);
    let pause = match payment.state {
        PaymentState::Paid | PaymentState::Failed | PaymentState::Disputed => return None,
        PaymentState::Pending if age > ON_ITS_WAY => return None,
        PaymentState::Open | PaymentState::Expired if age > PAYABLE + LATE => return None,
        PaymentState::Pending | PaymentState::Expired => Duration::from_hours(1),
        PaymentState::Open => (age / 4).clamp(Duration::from_secs(20), Duration::from_mins(10)),
    };
    let next = now.after(pause);
    // The end of its time is looked at, not slept through.
    let end = payment.expires_at.after(Duration::from_secs(30));
    Some(if payment.state == PaymentState::Open && next > end && end > now { end } else { next })
}

/// The credits that a part of a payment bought, to be taken back with it. Rounded down, but the last part takes all that
/// is left, so that nothing remains of a payment that was wholly given back.
pub fn credits_of(payment: &Payment, refund_minor: i64) -> Micros {
    let share = |minor: i64| {
        let credits =
            i128::from(payment.credits.0) * i128::from(minor) / i128::from(payment.amount.minor.max(1));
        i64::try_from(credits).unwrap_or(i64::MAX)
    };
    let before = payment.refunded_minor;
    Micros(share(before.saturating_add(refund_minor)).saturating_sub(share(before)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn payment(state: PaymentState) -> Payment {
        Payment {
            id: PaymentId::new(),
            project_id: ProjectId::new(),
            provider: Provider::Stripe,
            state,
            amount: Amount::new(1000, Currency::Eur),
            credits: Micros(10_000_000),
            reference: None,
            redirect: None,
            receipt: None,
            problem: None,
            asked_by: None,
            created_at: Timestamp(0),
            expires_at: Timestamp(0).after(PAYABLE),
            paid_at: None,
            refunded_minor: 0,
            due_at: None,
        }
    }

    const ORDERED: Option<Amount> = Some(Amount::new(1000, Currency::Eur));
    const EARLY: Timestamp = Timestamp(1);

    #[test]
    fn money_that_came_is_credited_from_every_state_but_once() {
        for &state in PaymentState::ALL {
            for now in [EARLY, Timestamp(0).after(Duration::from_hours(1000))] {
                let verdict = judge(&payment(state), Said::Paid, ORDERED, now);
                let expected = if state == PaymentState::Paid { Verdict::Nothing } else { Verdict::Credit };
                assert_eq!(verdict, expected, "{state}");
            }
        }
    }

    #[test]
    fn what_was_not_ordered_is_never_credited() {
        for amount in [
            Some(Amount::new(999, Currency::Eur)),
            Some(Amount::new(1001, Currency::Eur)),
            Some(Amount::new(1000, Currency::Usd)),
            Some(Amount::new(-1000, Currency::Eur)),
            None,
        ] {
            for &state in PaymentState::ALL {
                for said in [Said::Paid, Said::Pending, Said::Open, Said::Failed] {
                    let verdict = judge(&payment(state), said, amount, EARLY);
                    assert_ne!(verdict, Verdict::Credit, "{state} {said:?}");
                    if said == Said::Paid && state != PaymentState::Paid {
                        assert!(matches!(verdict, Verdict::Dispute(_)));
                    }
                }
            }
        }
    }

    #[test]
    fn what_a_provider_says_moves_a_payment_on() {
        use PaymentState::{Disputed, Expired, Failed, Open, Pending};
        let late = Timestamp(0).after(PAYABLE);
        for (state, said, now, expected) in [
            (Open, Said::Open, EARLY, Verdict::Nothing),
            (Open, Said::Open, late, Verdict::Now(Expired)),
            (Open, Said::Pending, EARLY, Verdict::Now(Pending)),
            (Open, Said::Failed, EARLY, Verdict::Now(Failed)),
            (Pending, Said::Open, late, Verdict::Nothing),
            (Pending, Said::Failed, EARLY, Verdict::Now(Failed)),
            (Expired, Said::Pending, late, Verdict::Now(Pending)),
            (Expired, Said::Open, late, Verdict::Nothing),
            (Failed, Said::Open, EARLY, Verdict::Nothing),
            (Failed, Said::Pending, EARLY, Verdict::Now(Pending)),
            (Disputed, Said::Failed, EARLY, Verdict::Nothing),
            (PaymentState::Paid, Said::Failed, EARLY, Verdict::Nothing),
        ] {
            assert_eq!(judge(&payment(state), said, ORDERED, now), expected, "{state} {said:?}");
        }
    }

    #[test]
    fn looking_ends_only_where_nothing_can_come_any_more() {
        for &state in PaymentState::ALL {
            let (mut now, mut looks) = (EARLY, 0);
            while let Some(next) = next_look(&payment(state), now) {
                assert!(next > now, "{state}");
                (now, looks) = (next, looks + 1);
                assert!(looks < 2000, "{state} is looked at for ever");
            }
            match state {
                PaymentState::Open => assert!(now.since(EARLY) > LATE && (20..2000).contains(&looks)),
                PaymentState::Expired => assert!(now.since(EARLY) > LATE),
                PaymentState::Pending => assert!(now.since(EARLY) >= ON_ITS_WAY),
                _ => assert_eq!(looks, 0),
            }
        }
    }

    proptest! {
        #[test]
        fn refunds_in_parts_take_back_exactly_what_was_bought(
            credits in 1..1_000_000_000_000_i64, minor in 1..1_000_000_i64, cuts in proptest::collection::vec(1..1000_i64, 0..20),
        ) {
            let mut payment = payment(PaymentState::Paid);
            (payment.credits, payment.amount.minor) = (Micros(credits), minor);
            let mut taken = 0;
            for part in cuts.into_iter().chain([i64::MAX]) {
                let part = part.min(minor - payment.refunded_minor);
                let back = credits_of(&payment, part);
                prop_assert!(back.0 >= 0);
                taken += back.0;
                payment.refunded_minor += part;
            }
            prop_assert_eq!(taken, credits);
        }
    }

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
