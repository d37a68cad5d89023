//! Second factors: time-based codes and recovery keys.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

/// One second factor of a user.
#[derive(Clone, Debug)]
pub(crate) struct Factor {
    pub(crate) id: String,
    pub(crate) description: String,
    /// UNIX seconds.
    pub(crate) created: u64,
    pub(crate) secret: Secret,
}

/// What a factor is checked with.
#[derive(Clone, Debug)]
pub(crate) enum Secret {
    /// Key of a time-based code.
    Totp(Vec<u8>),
    /// Recovery keys not used yet.
    Recovery(Vec<String>),
}

impl Secret {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Totp(_) => "totp",
            Self::Recovery(_) => "recovery",
        }
    }
}

/// The six digits for `key` at `seconds`.
pub(crate) fn totp(key: &[u8], seconds: u64) -> String {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    let mut mac = Hmac::<Sha1>::new_from_slice(key).expect("any key length");
    mac.update(&(seconds / 30).to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let at = usize::from(digest[19] & 0xf);
    let word = u32::from_be_bytes([digest[at] & 0x7f, digest[at + 1], digest[at + 2], digest[at + 3]]);
    format!("{:06}", word % 1_000_000)
}

/// Whether `code` is right now, or one period off.
pub(crate) fn verify_totp(key: &[u8], code: &str, seconds: u64) -> bool {
    [seconds, seconds.saturating_sub(30), seconds + 30].iter().any(|at| totp(key, *at) == code)
}

/// The key in an `otpauth://totp/...?secret=BASE32` URI.
pub(crate) fn key_of_uri(uri: &str) -> Option<Vec<u8>> {
    let query = uri.strip_prefix("otpauth://totp/")?.split_once('?')?.1;
    let secret = query.split('&').find_map(|pair| pair.strip_prefix("secret="))?;
    base32(secret)
}

fn base32(text: &str) -> Option<Vec<u8>> {
    let mut bits = 0_u32;
    let mut held = 0;
    let mut out = Vec::new();
    for c in text.trim_end_matches('=').bytes() {
        let value = match c.to_ascii_uppercase() {
            letter @ b'A'..=b'Z' => letter - b'A',
            digit @ b'2'..=b'7' => digit - b'2' + 26,
            _ => return None,
        };
        bits = (bits << 5) | u32::from(value);
        held += 5;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_rfc_6238() {
        assert_eq!(totp(b"12345678901234567890", 59), "287082");
        assert_eq!(totp(b"12345678901234567890", 1_111_111_109), "081804");
    }

    #[test]
    fn the_key_is_read_from_the_uri() {
        let key = key_of_uri("otpauth://totp/dora@pve?secret=JBSWY3DPEHPK3PXP&issuer=lab").unwrap();
        assert_eq!(key, b"Hello!\xde\xad\xbe\xef");
    }
}
