//! Vouchers: codes that are worth credits, each a number of times and once per project.

use serde::{Deserialize, Serialize};

use crate::ids::{UserId, VoucherId};
use crate::money::Micros;
use crate::time::Timestamp;

/// What codes are written with: no letter or digit that looks like another.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Letters of a code: 80 bits, which nobody guesses.
const LETTERS: usize = 16;

/// The most projects that one voucher may serve.
pub const MOST_USES: i64 = 100_000;

/// A voucher. Its code is not kept, only a hash of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voucher {
    /// Identity.
    pub id: VoucherId,
    /// The end of its code, to tell vouchers apart.
    pub hint: String,
    /// What it is worth each time.
    pub amount: Micros,
    /// How many projects may redeem it.
    pub uses: i64,
    /// How many have.
    pub used: i64,
    /// Until when; none is for ever.
    pub expires_at: Option<Timestamp>,
    /// What it is for, for those who made it.
    pub note: Option<String>,
    /// When it was taken back.
    pub withdrawn_at: Option<Timestamp>,
    /// Who made it; none is the house.
    pub created_by: Option<UserId>,
    /// When.
    pub created_at: Timestamp,
}

impl Voucher {
    /// Whether it can be redeemed now, by somebody who has not.
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.withdrawn_at.is_none() && self.used < self.uses && self.expires_at.is_none_or(|end| now < end)
    }
}

/// A code from random bytes, as it is printed: `7K3M-9QXT-…`.
pub fn code(random: [u8; LETTERS]) -> String {
    let mut text = String::with_capacity(LETTERS + 3);
    for (n, byte) in random.iter().enumerate() {
        if n > 0 && n % 4 == 0 {
            text.push('-');
        }
        text.push(char::from(ALPHABET[usize::from(byte % 32)]));
    }
    text
}

/// A code as it was typed, in the one spelling that is hashed; none when it cannot be a code. Small letters, spaces
/// and hyphens do not matter, and letters that look like digits are read as these.
pub fn normalized(typed: &str) -> Option<String> {
    let letters = typed.chars().filter(|c| !matches!(c, '-' | ' ')).map(|c| match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    });
    let text: String = letters.take(LETTERS + 1).collect();
    let good = text.len() == LETTERS && text.bytes().all(|b| ALPHABET.contains(&b));
    good.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        let printed = code([0, 1, 31, 32, 255, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17]);
        assert_eq!(printed, "01Z0-Z789-ABCD-EFGH");
        let read = normalized(&printed).unwrap();
        assert_eq!(read, "01Z0Z789ABCDEFGH");
        for typed in ["01z0z789abcdefgh", "o1zO-z789-abcd-efgh", " 0LZ0 Z789 ABCD EFGH ", "0iz0-z789abcdefgh"]
        {
            assert_eq!(normalized(typed).as_ref(), Some(&read), "{typed}");
        }
        for bad in ["", "01Z0", "01Z0-Z789-ABCD-EFGHX", "01Z0-Z789-ABCD-EFG!", "01Z0-Z789-ABCD-EFGé"] {
            assert_eq!(normalized(bad), None, "{bad}");
        }
    }
}
