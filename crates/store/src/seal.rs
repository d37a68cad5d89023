//! Secrets at rest: XChaCha20-Poly1305 with a key ring, so that keys can change while old secrets stay readable.
//!
//! A sealed text names its key and is bound to its place (`table/column/row id`): copied into another row, it does
//! not open.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, Generate, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

const VERSION: &str = "v1";
const NONCE: usize = 24;

/// Why a secret could not be opened, or a key could not be read. Never tells anything of either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The text is not a sealed secret.
    #[error("this is not a sealed secret")]
    Malformed,
    /// The key that sealed it is not on the ring.
    #[error(
        "the secret was sealed with a key that is not on the key ring; add that key to the configuration"
    )]
    UnknownKey,
    /// Wrong place, wrong key under the same id, or tampered with.
    #[error("the secret does not open: it was changed, moved to another row, or sealed with another key")]
    Refused,
    /// The text is not a key.
    #[error(
        "a key is written `id:` and 32 bytes in hexadecimal or base64; the id has 1 to 32 letters, digits or hyphens"
    )]
    BadKey,
}

/// A sealed secret, as kept in the database: `v1:<key id>:<base64 of nonce and ciphertext>`.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(String);

impl Sealed {
    /// Takes the text form from wherever it was kept; [`KeyRing::open`] tells whether it is one.
    pub fn from_text(text: String) -> Self {
        Self(text)
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of the key that sealed it.
    pub fn key_id(&self) -> Option<&str> {
        self.0.split(':').nth(1)
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(…)")
    }
}

/// A key and its id.
#[derive(Clone)]
pub struct SealKey {
    id: String,
    bytes: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealKey({}, …)", self.id)
    }
}

impl SealKey {
    /// Reads `id:secret`, the secret being 32 bytes in hexadecimal or base64.
    pub fn parse(text: &str) -> Result<Self, SealError> {
        let (id, secret) = text.trim().split_once(':').ok_or(SealError::BadKey)?;
        let good_id =
            (1..=32).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let bytes = if secret.len() == 64 { hex::decode(secret).ok() } else { STANDARD.decode(secret).ok() };
        let bytes = Zeroizing::new(bytes.ok_or(SealError::BadKey)?);
        let bytes = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| SealError::BadKey)?;
        if good_id {
            Ok(Self { id: id.to_owned(), bytes: Zeroizing::new(bytes) })
        } else {
            Err(SealError::BadKey)
        }
    }

    /// A new key under a new id.
    pub fn generate() -> Self {
        let bytes = Zeroizing::new(<[u8; 32]>::generate());
        Self { id: hex::encode(<[u8; 4]>::generate()), bytes }
    }

    /// The id, safe to show.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The text that [`SealKey::parse`] reads. Shows the key: write it to a file that only we can read.
    pub fn to_text(&self) -> Zeroizing<String> {
        let secret = Zeroizing::new(STANDARD.encode(self.bytes.as_slice()));
        Zeroizing::new(format!("{}:{}", self.id, secret.as_str()))
    }

    /// A key of its own for another purpose, by HKDF-SHA256 (RFC 5869): it tells nothing of this one, nor of those for
    /// other purposes.
    fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        let mac = |key: &[u8], parts: [&[u8]; 2]| -> Zeroizing<[u8; 32]> {
            let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
            for part in parts {
                mac.update(part);
            }
            Zeroizing::new(mac.finalize().into_bytes().into())
        };
        let extracted = mac(b"innkeeper derived keys", [self.bytes.as_slice(), b""]);
        mac(extracted.as_slice(), [purpose.as_bytes(), &[1]])
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.bytes).into())
    }
}

/// Gives the keys anew when they have changed since it was last asked.
pub type Source = dyn Fn() -> Option<Keys> + Send + Sync;

/// The key that seals, and older ones that still open.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Seals from now on.
    pub current: SealKey,
    /// Still open.
    pub older: Vec<SealKey>,
}

/// The keys at hand. They may change while we run: another process may have sealed with a key that was made since.
#[derive(Clone)]
pub struct KeyRing {
    keys: Arc<RwLock<Keys>>,
    source: Option<Arc<Source>>,
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyRing")?;
        f.debug_list().entries(self.ids()).finish()
    }
}

impl KeyRing {
    /// A ring with the key that seals from now on, and those that only open.
    pub fn new(current: SealKey, older: Vec<SealKey>) -> Self {
        Self { keys: Arc::new(RwLock::new(Keys { current, older })), source: None }
    }

    /// A key for another purpose than sealing, made from the one that seals. It changes when that does, so it is for what
    /// need not outlast a change of keys.
    pub fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).current.derive(purpose)
    }

    /// A ring that asks `source` before it seals, and when it meets a key that it does not know.
    pub fn following(keys: Keys, source: Arc<Source>) -> Self {
        Self { keys: Arc::new(RwLock::new(keys)), source: Some(source) }
    }

    /// The ids of all keys, the current one first; safe to show.
    pub fn ids(&self) -> Vec<String> {
        let keys = self.keys();
        std::iter::once(&keys.current).chain(&keys.older).map(|key| key.id.clone()).collect()
    }

    fn keys(&self) -> Keys {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes the keys anew if they have changed; says whether they have.
    fn follow(&self) -> bool {
        let Some(keys) = self.source.as_ref().and_then(|source| source()) else { return false };
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        true
    }

    /// Seals a secret for this place: `table/column/row id`.
    pub fn seal(&self, plain: &[u8], aad: &str) -> Sealed {
        self.follow();
        let current = self.keys().current;
        let nonce = XNonce::generate();
        let payload = Payload { msg: plain, aad: aad.as_bytes() };
        let sealed = current.cipher().encrypt(&nonce, payload).expect("secrets are shorter than 256 GiB");
        let body = STANDARD.encode([nonce.as_slice(), &sealed].concat());
        Sealed(format!("{VERSION}:{}:{body}", current.id))
    }

    /// Opens a secret that was sealed for this place.
    pub fn open(&self, sealed: &Sealed, aad: &str) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let mut parts = sealed.0.splitn(3, ':');
        let (Some(VERSION), Some(id), Some(body)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(SealError::Malformed);
        };
        let body = STANDARD.decode(body).map_err(|_| SealError::Malformed)?;
        let (nonce, sealed) = body.split_at_checked(NONCE).ok_or(SealError::Malformed)?;
        let nonce = XNonce::try_from(nonce).map_err(|_| SealError::Malformed)?;
        let key =
            self.key(id).or_else(|| self.follow().then(|| self.key(id))?).ok_or(SealError::UnknownKey)?;
        let payload = Payload { msg: sealed, aad: aad.as_bytes() };
        key.cipher().decrypt(&nonce, payload).map(Zeroizing::new).map_err(|_| SealError::Refused)
    }

    fn key(&self, id: &str) -> Option<SealKey> {
        let Keys { current, older } = self.keys();
        std::iter::once(current).chain(older).find(|key| key.id == id)
    }

    /// Whether a secret should be sealed anew because its key is no longer the current one.
    pub fn is_stale(&self, sealed: &Sealed) -> bool {
        sealed.key_id() != Some(self.keys().current.id.as_str())
    }
}
