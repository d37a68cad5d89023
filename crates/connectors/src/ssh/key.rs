//! Keys of SSH: those of hosts, and ours.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::sync::Arc;

use russh::keys::ssh_key::private::{Ed25519Keypair, KeypairData};
use russh::keys::ssh_key::{Algorithm, LineEnding};
use russh::keys::{HashAlg, PrivateKey, PublicKey, decode_secret_key};
use secrecy::{ExposeSecret, SecretString};

use super::Error;

/// Shorter ones are broken, and longer ones take minutes to sign with.
const RSA_BITS: RangeInclusive<u32> = 2048..=8192;

/// The key of a host, as known or shown: `ssh-ed25519 AAAA…`.
#[derive(Clone, PartialEq, Eq)]
pub struct HostKey(PublicKey);

impl HostKey {
    pub(super) fn new(key: &PublicKey) -> Self {
        let mut key = key.clone();
        key.set_comment("");
        Self(key)
    }

    pub(super) fn kind(&self) -> Algorithm {
        self.0.algorithm()
    }

    /// `SHA256:…`, as `ssh-keygen -l` shows it.
    pub fn fingerprint(&self) -> String {
        self.0.fingerprint(HashAlg::Sha256).to_string()
    }
}

impl FromStr for HostKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let key = PublicKey::from_openssh(text).map_err(|error| Error::BadKey(error.to_string()))?;
        Ok(Self::new(&key))
    }
}

impl fmt::Display for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_openssh().map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostKey({})", self.fingerprint())
    }
}

/// A pair of keys of ours.
#[derive(Clone)]
pub struct KeyPair(Arc<PrivateKey>);

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyPair(…)")
    }
}

impl KeyPair {
    /// A new one (ed25519), with this comment on its public part.
    pub fn generate(comment: &str) -> Result<Self, Error> {
        let pair = Ed25519Keypair::from_seed(&rand::random());
        let key = PrivateKey::new(KeypairData::from(pair), comment);
        key.map(|key| Self(Arc::new(key))).map_err(|error| Error::BadKey(error.to_string()))
    }

    /// Reads the private part: ed25519 or RSA, in OpenSSH's form or as PEM, without a passphrase.
    pub fn read(text: &SecretString) -> Result<Self, Error> {
        let key = decode_secret_key(text.expose_secret(), None)
            .map_err(|error| Error::BadKey(error.to_string()))?;
        if key.is_encrypted() {
            return Err(Error::BadKey("it has a passphrase, and must have none".to_owned()));
        }
        if let Some(rsa) = key.public_key().key_data().rsa()
            && !RSA_BITS.contains(&rsa.key_size())
        {
            let (least, most) = RSA_BITS.into_inner();
            let bits = rsa.key_size();
            return Err(Error::BadKey(format!("it has {bits} bits, and must have {least} to {most}")));
        }
        Ok(Self(Arc::new(key)))
    }

    pub(super) fn private(&self) -> Arc<PrivateKey> {
        Arc::clone(&self.0)
    }

    pub(super) fn is_rsa(&self) -> bool {
        self.0.algorithm().is_rsa()
    }

    /// The private part, in OpenSSH's form.
    pub fn private_part(&self) -> Result<SecretString, Error> {
        let text = self.0.to_openssh(LineEnding::LF).map_err(|error| Error::BadKey(error.to_string()))?;
        Ok(SecretString::from(text.to_string()))
    }

    /// The public part as a line of `authorized_keys`.
    pub fn public_part(&self) -> Result<String, Error> {
        self.0.public_key().to_openssh().map_err(|error| Error::BadKey(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_read_back_and_shows_nothing_of_itself() {
        let pair = KeyPair::generate("innkeeper").unwrap();
        let public = pair.public_part().unwrap();
        assert!(public.starts_with("ssh-ed25519 AAAA") && public.ends_with(" innkeeper"), "{public}");
        let private = pair.private_part().unwrap();
        assert!(private.expose_secret().starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
        assert_eq!(KeyPair::read(&private).unwrap().public_part().unwrap(), public);
        assert_eq!(format!("{pair:?}"), "KeyPair(…)");
        assert_ne!(KeyPair::generate("innkeeper").unwrap().public_part().unwrap(), public);
        assert!(matches!(KeyPair::read(&"x".to_owned().into()), Err(Error::BadKey(_))));
    }

    #[test]
    fn a_host_key_is_compared_without_its_comment() {
        let public = KeyPair::generate("one").unwrap().public_part().unwrap();
        let (bare, _) = public.rsplit_once(' ').unwrap();
        let (one, other): (HostKey, HostKey) = (public.parse().unwrap(), bare.parse().unwrap());
        assert_eq!(one, other);
        assert_eq!(one.to_string(), bare);
        assert!(one.fingerprint().starts_with("SHA256:"));
        assert!("ssh-ed25519 AAAA".parse::<HostKey>().is_err());
    }
}
