//! Signed strings: login tickets, console tickets and CSRF tokens, in Proxmox's grammar.
//!
//! Real servers sign with RSA; only they can check it, so any keyed signature of the same length does.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Seconds a ticket lives.
const LIFETIME: u64 = 2 * 60 * 60;
/// Seconds a ticket may come from the future.
const GRACE: u64 = 300;

fn mac(key: &[u8; 32], parts: &[&str]) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key length");
    for part in parts {
        mac.update(part.as_bytes());
        mac.update(b"\n");
    }
    mac.finalize().into_bytes().into()
}

/// 256 bytes like an RSA-2048 signature, in base64.
fn signature(key: &[u8; 32], text: &str) -> String {
    let bytes: Vec<u8> = (0..8).flat_map(|n| mac(key, &[text, &n.to_string()])).collect();
    STANDARD.encode(bytes)
}

/// `PREFIX:data:TIME::signature`; `secret` is signed but not shown.
pub(crate) fn assemble(
    key: &[u8; 32],
    prefix: &str,
    data: Option<&str>,
    secret: &str,
    seconds: u64,
) -> String {
    let data = data.map(|d| format!(":{}", d.replace(':', "%3A"))).unwrap_or_default();
    let plain = format!("{prefix}{data}:{seconds:08X}");
    let signature = signature(key, &format!("{plain}\n{secret}"));
    format!("{plain}::{signature}")
}

/// The data of a valid ticket and its time in UNIX seconds, whatever its age.
pub(crate) fn open(key: &[u8; 32], prefix: &str, secret: &str, ticket: &str) -> Option<(String, u64)> {
    let (plain, given) = ticket.split_once("::")?;
    let rest = plain.strip_prefix(prefix)?.strip_prefix(':')?;
    let (data, time) = rest.rsplit_once(':').unwrap_or(("", rest));
    let seconds = u64::from_str_radix(time, 16).ok()?;
    (signature(key, &format!("{plain}\n{secret}")) == given).then(|| (data.replace("%3A", ":"), seconds))
}

/// A login ticket.
pub(crate) fn ticket(key: &[u8; 32], data: &str, seconds: u64) -> String {
    assemble(key, "PVE", Some(data), "", seconds)
}

/// The user of a valid login ticket.
pub(crate) fn verify_ticket(key: &[u8; 32], ticket: &str, now: u64) -> Option<String> {
    let (data, at) = open(key, "PVE", "", ticket)?;
    is_fresh(at, now).then_some(data)
}

fn is_fresh(at: u64, now: u64) -> bool {
    at <= now + GRACE && now < at.saturating_add(LIFETIME)
}

/// `TIME:hmac` for the header `CSRFPreventionToken`.
pub(crate) fn csrf(key: &[u8; 32], user: &str, seconds: u64) -> String {
    let time = format!("{seconds:08X}");
    format!("{time}:{}", STANDARD_NO_PAD.encode(mac(key, &["csrf", &time, user])))
}

/// Whether the token is this user's and not too old.
pub(crate) fn verify_csrf(key: &[u8; 32], user: &str, token: &str, now: u64) -> bool {
    let at = token.split_once(':').and_then(|(time, _)| u64::from_str_radix(time, 16).ok());
    at.is_some_and(|at| is_fresh(at, now) && csrf(key, user, at) == token)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    #[test]
    fn a_ticket_has_the_grammar_and_lives_two_hours() {
        let ticket = ticket(&KEY, "alice@pve", 0x6B00_E85B);
        assert!(ticket.starts_with("PVE:alice@pve:6B00E85B::"));
        assert_eq!(ticket.len(), "PVE:alice@pve:6B00E85B::".len() + 344);
        let user = |now| verify_ticket(&KEY, &ticket, now);
        assert_eq!(user(0x6B00_E85B + 7199).as_deref(), Some("alice@pve"));
        assert_eq!(user(0x6B00_E85B + 7200), None);
        assert_eq!(verify_ticket(&[8; 32], &ticket, 0x6B00_E85B), None);
    }

    #[test]
    fn a_csrf_token_is_bound_to_its_user() {
        let token = csrf(&KEY, "alice@pve", 1000);
        assert_eq!(token.len(), 8 + 1 + 43);
        assert!(verify_csrf(&KEY, "alice@pve", &token, 1001));
        assert!(!verify_csrf(&KEY, "bob@pve", &token, 1001));
    }
}
