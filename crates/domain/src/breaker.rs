//! A circuit breaker per cluster: after several transient failures in a row nobody asks for a while, then one
//! question decides.

use std::time::Duration;

use crate::time::Timestamp;

const TOLERATED: u32 = 5;
const FIRST_REST: Duration = Duration::from_secs(2);
const LONGEST_REST: Duration = Duration::from_secs(60);

/// The state of one breaker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Breaker {
    failures: u32,
    open_until: Option<Timestamp>,
}

impl Breaker {
    /// When the next question may be asked: none means now.
    pub fn closed_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.open_until.filter(|until| *until > now)
    }

    /// An answer came, whatever it said.
    pub fn answered(&mut self) {
        *self = Self::default();
    }

    /// No answer came. True when this opened the breaker or kept it open.
    pub fn failed(&mut self, now: Timestamp) -> bool {
        self.failures = self.failures.saturating_add(1);
        if self.failures < TOLERATED {
            return false;
        }
        let doublings = (self.failures - TOLERATED).min(16);
        self.open_until = Some(now.after(FIRST_REST.saturating_mul(1 << doublings).min(LONGEST_REST)));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_five_failures_in_a_row_and_one_answer_closes_it() {
        let mut breaker = Breaker::default();
        let now = Timestamp(0);
        for _ in 0..4 {
            assert!(!breaker.failed(now));
        }
        assert_eq!(breaker.closed_at(now), None);
        assert!(breaker.failed(now));
        assert_eq!(breaker.closed_at(now), Some(now.after(FIRST_REST)));
        assert_eq!(
            breaker.closed_at(now.after(FIRST_REST)),
            None,
            "it lets a question through after the rest"
        );
        assert!(breaker.failed(now));
        assert_eq!(breaker.closed_at(now), Some(now.after(FIRST_REST * 2)));
        breaker.answered();
        assert_eq!(breaker, Breaker::default());
    }
}
