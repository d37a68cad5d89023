//! Sealed secrets open in their place with their key, and nothing else opens them or shows them.

use innkeeper_store::{KeyRing, SealError, SealKey, Sealed};

const PLACE: &str = "clusters/token_secret/clu_1";
const SECRET: &[u8] = b"hunter2-hunter2";

#[test]
fn a_secret_opens_in_its_place_only() {
    let ring = KeyRing::new(SealKey::generate(), Vec::new());
    let sealed = ring.seal(SECRET, PLACE);
    assert_eq!(ring.open(&sealed, PLACE).unwrap().as_slice(), SECRET);
    assert_eq!(ring.open(&Sealed::from_text(sealed.as_str().to_owned()), PLACE).unwrap().as_slice(), SECRET);
    for elsewhere in ["clusters/token_secret/clu_2", "", "clusters/token_secret/clu_1 "] {
        assert_eq!(ring.open(&sealed, elsewhere).unwrap_err(), SealError::Refused);
    }
    assert_ne!(sealed, ring.seal(SECRET, PLACE), "a nonce is used once");
    assert_eq!(ring.open(&ring.seal(b"", PLACE), PLACE).unwrap().as_slice(), b"");
}

#[test]
fn another_key_is_refused_even_under_the_same_id() {
    let key = |digit: &str| SealKey::parse(&format!("house:{}", digit.repeat(64))).unwrap();
    let sealed = KeyRing::new(key("a"), Vec::new()).seal(SECRET, PLACE);
    let wrong = KeyRing::new(key("b"), Vec::new());
    assert_eq!(wrong.open(&sealed, PLACE).unwrap_err(), SealError::Refused);
    let unknown = KeyRing::new(SealKey::generate(), Vec::new());
    assert_eq!(unknown.open(&sealed, PLACE).unwrap_err(), SealError::UnknownKey);
}

#[test]
fn old_secrets_stay_readable_after_the_key_has_changed() {
    let (old, new) = (SealKey::generate(), SealKey::generate());
    let before = KeyRing::new(old.clone(), Vec::new());
    let after = KeyRing::new(new.clone(), vec![old]);
    let sealed = before.seal(SECRET, PLACE);
    assert!(after.is_stale(&sealed) && !before.is_stale(&sealed));
    assert_eq!(after.open(&sealed, PLACE).unwrap().as_slice(), SECRET);
    let anew = after.seal(SECRET, PLACE);
    assert!(!after.is_stale(&anew));
    assert!(anew.as_str().starts_with(&format!("v1:{}:", new.id())));
    assert_eq!(before.open(&anew, PLACE).unwrap_err(), SealError::UnknownKey);
}

#[test]
fn a_text_that_was_tampered_with_does_not_open() {
    let ring = KeyRing::new(SealKey::parse(&format!("k:{}", "07".repeat(32))).unwrap(), Vec::new());
    let sealed = ring.seal(SECRET, PLACE);
    let text = sealed.as_str();
    for n in 0..text.len() {
        let other = if text.as_bytes()[n] == b'A' { "B" } else { "A" };
        let tampered = format!("{}{other}{}", &text[..n], &text[n + 1..]);
        assert!(ring.open(&Sealed::from_text(tampered), PLACE).is_err(), "character {n}");
        let cut = text[..n].to_owned();
        assert!(ring.open(&Sealed::from_text(cut), PLACE).is_err(), "cut at {n}");
    }
    for nothing in ["", "v1", "v1:k", "v1:k:", "v1:k:AAAA", "v2:k:AAAA", "hunter2"] {
        assert_eq!(ring.open(&Sealed::from_text(nothing.into()), PLACE).unwrap_err(), SealError::Malformed);
    }
}

#[test]
fn keys_are_read_strictly() {
    let key = SealKey::generate();
    let again = SealKey::parse(&key.to_text()).unwrap();
    assert_eq!(*again.to_text(), *key.to_text());
    let hex = "0f".repeat(32);
    assert!(SealKey::parse(&format!("2026-11:{hex}\n")).is_ok());
    for bad in [
        "",
        &hex,
        "k:",
        ":",
        &format!(":{hex}"),
        &format!("k:{}", &hex[2..]),
        &format!("k k:{hex}"),
        &format!("k:{hex}0f"),
        &format!("{}:{hex}", "k".repeat(33)),
        "k:AAAA",
        &format!("k:{}", "zz".repeat(32)),
    ] {
        assert_eq!(SealKey::parse(bad).unwrap_err(), SealError::BadKey, "{bad}");
    }
}

#[test]
fn debugging_shows_no_secrets() {
    let hex = "ab".repeat(32);
    let key = SealKey::parse(&format!("house:{hex}")).unwrap();
    let text = key.to_text();
    let base64 = text.split_once(':').unwrap().1;
    let ring = KeyRing::new(key.clone(), vec![SealKey::generate()]);
    let sealed = ring.seal(SECRET, PLACE);
    let body = sealed.as_str().rsplit_once(':').unwrap().1;
    for shown in [
        format!("{key:?}"),
        format!("{ring:#?}"),
        format!("{sealed:?}"),
        format!("{:?}", SealKey::parse(&hex)),
    ] {
        for secret in [hex.as_str(), base64, body, "hunter2", "171, 171"] {
            assert!(!shown.contains(secret), "{shown} shows {secret}");
        }
    }
    assert!(format!("{ring:?}").contains("house"), "ids may be shown");
}
