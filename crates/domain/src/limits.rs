//! How often something may be tried. A try is counted before it is looked at, and given back when it was right, so that
//! many at once do not slip through together.
//!
//! A limit is a bucket that leaks: it holds `burst` tries and loses one `every` so often. All that must be kept of it is
//! the time at which it will be empty.
//!
//! Guesses at an account are counted in three buckets:
//!
//! - the **address** of the guesser, whatever account they try;
//! - the **pair** of address and account;
//! - the **account**, over all addresses that it never signed in from.
//!
//! Who hammers an account from elsewhere therefore fills the account's bucket for other strangers, and not for its
//! owner at an address that they use; and a stranger's bucket empties again by itself.

use std::time::Duration;

use crate::time::Timestamp;

words! {
    /// What is tried.
    pub enum Attempt {
        /// A password.
        Password = "password",
        /// A code of the second factor, or a recovery code.
        Code = "code",
        /// Something that sends a mail to an address that somebody typed.
        Mail = "mail",
        /// A token from a link, a refresh token or a passkey: not to be guessed, yet to be looked up.
        Token = "token",
        /// A registration.
        Registration = "registration",
        /// The code of a voucher.
        Voucher = "voucher",
        /// A payment of a wallet, or a challenge for one.
        Order = "order",
        /// A test of a webhook, or something told it once more.
        Webhook = "webhook",
    }
}

words! {
    /// By what tries are counted.
    pub enum Scope {
        /// Who tries, by network address.
        Address = "address",
        /// Whose account it is about, from addresses that it never signed in from.
        Account = "account",
        /// Both.
        Pair = "pair",
    }
}

/// How much of something is let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Limit {
    /// Tries at once.
    pub burst: u32,
    /// How long until one more is let through.
    pub every: Duration,
}

/// The limit on these tries, counted by this.
pub fn limit(attempt: Attempt, scope: Scope) -> Limit {
    let limit = |burst, seconds| Limit { burst, every: Duration::from_secs(seconds) };
    match (attempt, scope) {
        (Attempt::Password, Scope::Address) => limit(30, 20),
        (Attempt::Password, Scope::Pair) => limit(6, 60),
        (Attempt::Password, Scope::Account) => limit(20, 60),
        // A million codes, of which three are good at any time: 288 tries a day find one in three years.
        (Attempt::Code, Scope::Address) => limit(15, 60),
        (Attempt::Code | Attempt::Voucher, Scope::Pair | Scope::Account) | (Attempt::Registration, _) => {
            limit(5, 300)
        }
        (Attempt::Mail, Scope::Address) => limit(10, 120),
        (Attempt::Mail, Scope::Pair | Scope::Account) => limit(3, 600),
        (Attempt::Token, _) => limit(60, 2),
        // A hundred copies of one payment may come at once.
        (Attempt::Order, _) => limit(240, 1),
        (Attempt::Voucher, Scope::Address) => limit(15, 120),
        (Attempt::Webhook, _) => limit(30, 10),
    }
}

impl Limit {
    /// Takes a try from a bucket that will be empty at this time; answers when it will be empty then. Refused, it tells
    /// how long to wait, and nothing is taken: who keeps knocking does not make it longer.
    pub fn take(self, empty_at: Timestamp, now: Timestamp) -> Result<Timestamp, Duration> {
        let then = empty_at.max(now).after(self.every);
        let most = now.after(self.every.saturating_mul(self.burst));
        if then <= most { Ok(then) } else { Err(then.since(most)) }
    }

    /// Gives a try back.
    pub fn give_back(self, empty_at: Timestamp) -> Timestamp {
        empty_at.before(self.every)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp(1_795_221_883_000_000);

    #[test]
    fn a_bucket_takes_its_burst_then_one_every_so_often() {
        let limit = Limit { burst: 3, every: Duration::from_secs(60) };
        let mut empty_at = Timestamp(0);
        for _ in 0..3 {
            empty_at = limit.take(empty_at, NOW).unwrap();
        }
        assert_eq!(limit.take(empty_at, NOW), Err(Duration::from_secs(60)));
        let later = NOW.after(Duration::from_secs(59));
        assert_eq!(limit.take(empty_at, later), Err(Duration::from_secs(1)));
        let later = NOW.after(Duration::from_secs(60));
        let then = limit.take(empty_at, later).unwrap();
        assert!(limit.take(then, later).is_err());
        // What was right is not held against anybody.
        assert!(limit.take(limit.give_back(then), later).is_ok());
    }

    proptest! {
        /// Over any stretch of time no more is let through than the burst and what drips.
        #[test]
        fn never_more_than_burst_and_drip(pauses in prop::collection::vec(0u64..200, 1..200)) {
            let limit = Limit { burst: 5, every: Duration::from_secs(60) };
            let (mut now, mut empty_at, mut through) = (NOW, Timestamp(0), 0u64);
            for pause in pauses {
                now = now.after(Duration::from_secs(pause));
                if let Ok(then) = limit.take(empty_at, now) {
                    empty_at = then;
                    through += 1;
                }
                prop_assert!(through <= 5 + now.since(NOW).as_secs() / 60);
            }
        }
    }

    #[test]
    fn every_limit_lets_something_through() {
        for attempt in Attempt::ALL {
            for scope in Scope::ALL {
                let limit = limit(*attempt, *scope);
                assert!(limit.burst > 0 && limit.take(Timestamp(0), NOW).is_ok());
            }
        }
    }
}
