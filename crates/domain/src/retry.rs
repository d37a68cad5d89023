//! When to try again, by kind of failure.

use std::time::Duration;

use crate::time::Timestamp;

/// How a call to Proxmox failed, from the reconciler's point of view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nothing happened and it may work later: unreachable, locked, no quorum, busy.
    Transient,
    /// The world is not as we thought: look again before anything else.
    Conflict,
    /// It may or may not have happened: look up the effect, do not repeat.
    Unknown,
    /// It will not work, ever, as asked.
    Permanent,
}

/// What to do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Look at the guest again at this time, then plan anew.
    LookAt(Timestamp),
    /// Stop trying.
    GiveUp,
}

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(60);

/// The pause before the try after `attempts` failures: doubled each time from 250 ms up to a minute, then spread by
/// ±25 % so that many do not come back together. `dice` is any number; equal dice give equal pauses.
pub fn pause(attempts: u32, dice: u64) -> Duration {
    let doubled = FIRST.saturating_mul(1u32.checked_shl(attempts.min(16)).unwrap_or(u32::MAX)).min(LONGEST);
    let spread = 75 + u32::try_from(dice % 51).unwrap_or(0);
    doubled * spread / 100
}

/// How often a conflict is looked at again before it counts as permanent: each look should have resolved it.
const CONFLICTS: u32 = 20;

/// Decides after a failure. `deadline` is the operation's; none means that giving up is not an option.
pub fn after(
    failure: Failure,
    attempts: u32,
    dice: u64,
    now: Timestamp,
    deadline: Option<Timestamp>,
) -> Verdict {
    let late = deadline.is_some_and(|deadline| now >= deadline);
    match failure {
        Failure::Permanent => Verdict::GiveUp,
        Failure::Conflict if attempts >= CONFLICTS && deadline.is_some() => Verdict::GiveUp,
        _ if late => Verdict::GiveUp,
        // A first conflict is usually our own stale picture: look at once.
        Failure::Conflict if attempts <= 1 => Verdict::LookAt(now),
        Failure::Transient | Failure::Conflict | Failure::Unknown => {
            Verdict::LookAt(now.after(pause(attempts, dice)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_minute_and_are_spread() {
        assert_eq!(pause(0, 25), Duration::from_millis(250));
        assert_eq!(pause(3, 25), Duration::from_secs(2));
        assert_eq!(pause(40, 25), LONGEST);
        assert!(pause(40, 0) < pause(40, 50));
    }

    #[test]
    fn only_permanent_failures_and_deadlines_end_an_operation() {
        let (now, later) = (Timestamp(1_000_000), Timestamp(2_000_000));
        assert_eq!(after(Failure::Permanent, 0, 0, now, None), Verdict::GiveUp);
        for failure in [Failure::Transient, Failure::Unknown, Failure::Conflict] {
            assert!(matches!(after(failure, 3, 0, now, Some(later)), Verdict::LookAt(_)));
            assert_eq!(after(failure, 3, 0, later, Some(now)), Verdict::GiveUp);
            assert!(
                matches!(after(failure, 1000, 0, later, None), Verdict::LookAt(_)),
                "{failure:?} forgotten"
            );
        }
    }
}
