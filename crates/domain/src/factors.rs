//! Second factors: one-time codes by the clock (TOTP, RFC 6238), recovery codes, and passkeys.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::ids::{PasskeyId, UserId};
use crate::names::Title;
use crate::time::Timestamp;

/// Seconds for which one code is shown.
pub const STEP: i64 = 30;

/// Steps before and after the present one whose codes are taken too: clocks differ.
pub const SKEW: i64 = 1;

/// Recovery codes made at once.
pub const RECOVERY_CODES: usize = 10;

/// The most passkeys of one account.
pub const PASSKEYS_MAX: usize = 20;

/// The steps whose code is good now. The last step used, and those before it, are spent: no code is taken twice.
pub fn good_steps(last_used: i64, now: Timestamp) -> RangeInclusive<i64> {
    let present = now.0.div_euclid(STEP * 1_000_000);
    (present - SKEW).max(last_used + 1)..=present + SKEW
}

/// What stands between a right password and a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Factors {
    /// Codes by the clock are on.
    pub totp: bool,
    /// Recovery codes that were not used yet.
    pub recovery_codes: i64,
    /// Passkeys.
    pub passkeys: i64,
}

impl Factors {
    /// Whether a password alone does not sign in.
    pub const fn second_needed(self) -> bool {
        self.totp || self.passkeys > 0
    }
}

/// A passkey as its owner may see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passkey {
    /// Identity.
    pub id: PasskeyId,
    /// Whose.
    pub user_id: UserId,
    /// How its owner calls it.
    pub name: Title,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it last signed in; none when it never has.
    pub last_used_at: Option<Timestamp>,
}

/// The letters of recovery codes: none that is taken for another.
const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";

/// A recovery code from ten random bytes, as it is shown: `xxxx-xxxx-xxxx-xxxx`.
pub fn recovery_code(random: [u8; 10]) -> String {
    let bits = random.iter().fold(0u128, |bits, byte| bits << 8 | u128::from(*byte));
    let letters: Vec<u8> = (0..16).rev().map(|n| LETTERS[(bits >> (5 * n)) as usize & 31]).collect();
    let groups: Vec<String> =
        letters.chunks(4).map(|group| group.iter().map(|letter| char::from(*letter)).collect()).collect();
    groups.join("-")
}

/// A recovery code as somebody typed it, in the form that is compared; none when it cannot be one.
pub fn typed_recovery_code(text: &str) -> Option<String> {
    if text.len() > 40 {
        return None;
    }
    let letters: String =
        text.chars().filter(|c| !c.is_whitespace() && *c != '-').map(|c| c.to_ascii_lowercase()).collect();
    (letters.len() == 16 && letters.bytes().all(|byte| LETTERS.contains(&byte))).then_some(letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_good_around_its_time_and_once() {
        let at = |seconds: i64| Timestamp(seconds * 1_000_000);
        assert_eq!(good_steps(0, at(300)), 9..=11);
        assert_eq!(good_steps(0, at(329)), 9..=11);
        assert_eq!(good_steps(9, at(300)), 10..=11);
        assert_eq!(good_steps(10, at(300)), 11..=11);
        assert!(good_steps(11, at(300)).is_empty());
        assert!(good_steps(i64::from(u32::MAX), at(300)).is_empty());
    }

    #[test]
    fn a_recovery_code_is_read_however_it_is_typed() {
        let code = recovery_code([0xff, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!((code.len(), code.matches('-').count()), (19, 3));
        let plain = typed_recovery_code(&code).unwrap();
        assert_eq!(
            typed_recovery_code(&format!("  {} ", code.to_uppercase().replace('-', " "))),
            Some(plain)
        );
        for bad in ["", "123456", &code[1..], &format!("{code}a"), "llll-llll-llll-llll", &"a".repeat(1000)] {
            assert_eq!(typed_recovery_code(bad), None, "{bad}");
        }
        assert_ne!(recovery_code([0; 10]), recovery_code([0, 0, 0, 0, 0, 0, 0, 0, 0, 1]));
    }
}
