//! How long to wait before connecting again. The gateway's library connects again at once when a server accepts and
//! closes, thousands of times in a minute; each sign-in counts against a thousand in a day.

use std::time::Duration;

use crate::config::Pace;

/// The pauses of one gateway connection.
#[derive(Debug)]
pub(crate) struct BackOff {
    pace: Pace,
    falls: u32,
    stood_since: Option<tokio::time::Instant>,
}

impl BackOff {
    pub(crate) fn new(pace: Pace) -> Self {
        Self { pace, falls: 0, stood_since: None }
    }

    /// The session is there, new or resumed.
    pub(crate) fn stands(&mut self, now: tokio::time::Instant) {
        self.stood_since.get_or_insert(now);
    }

    /// The connection is gone: how long to wait. `luck` in 0..1 spreads the bots of the world.
    pub(crate) fn fell(&mut self, now: tokio::time::Instant, luck: f64) -> Duration {
        if self.stood_since.take().is_some_and(|since| now.duration_since(since) >= self.pace.stable) {
            self.falls = 0;
        }
        let doubled = self.pace.back_off.saturating_mul(1u32.checked_shl(self.falls).unwrap_or(u32::MAX));
        self.falls = (self.falls + 1).min(31);
        doubled.min(self.pace.longest_back_off).mul_f64(0.5 + luck.clamp(0.0, 1.0) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pauses_double_up_to_the_longest_and_begin_anew_after_a_good_connection() {
        let pace = Pace::default();
        let mut back_off = BackOff::new(pace);
        let mut now = tokio::time::Instant::now();
        let pauses: Vec<u64> = (0..10).map(|_| back_off.fell(now, 1.0).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 120, 120, 120]);

        back_off.stands(now);
        now += pace.stable / 2;
        assert_eq!(back_off.fell(now, 1.0), pace.longest_back_off, "a short-lived connection proves nothing");

        back_off.stands(now);
        now += pace.stable;
        assert_eq!(back_off.fell(now, 1.0), pace.back_off);
    }

    #[tokio::test]
    async fn luck_spreads_over_the_upper_half() {
        let now = tokio::time::Instant::now();
        let pause = |luck| BackOff::new(Pace::default()).fell(now, luck);
        assert_eq!(pause(0.0), Duration::from_millis(500));
        assert_eq!(pause(1.0), Duration::from_secs(1));
    }

    #[tokio::test]
    async fn falling_for_ever_never_overflows() {
        let mut back_off = BackOff::new(Pace::default());
        let now = tokio::time::Instant::now();
        assert!((0..1000).all(|_| back_off.fell(now, 0.7) <= Duration::from_secs(120)));
    }
}
