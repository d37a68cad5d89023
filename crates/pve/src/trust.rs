//! How the identity of an endpoint is proven: a pinned certificate, an authority of one's own, or the system's.
//!
//! There is no way to switch verification off. [`probe_fingerprint`] shows what a server presents, so that a person can
//! compare and accept it; it never sends a request.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme,
};
use sha2::{Digest, Sha256};

use crate::error::{Attempt, Error};

/// The SHA-256 of a certificate, printed as Proxmox VE prints it: `AA:BB:…`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a certificate in DER.
    pub fn of_certificate(der: &[u8]) -> Self {
        Self(Sha256::digest(der).into())
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(":")?;
            }
            write!(f, "{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not 32 bytes in hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a SHA-256 fingerprint (32 bytes in hexadecimal, colons allowed)")]
pub struct InvalidFingerprint;

impl FromStr for Fingerprint {
    type Err = InvalidFingerprint;

    fn from_str(text: &str) -> Result<Self, InvalidFingerprint> {
        let digits: String = text.chars().filter(|c| !matches!(c, ':' | ' ')).collect();
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| InvalidFingerprint)?;
        Ok(Self(bytes))
    }
}

impl serde::Serialize for Fingerprint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Fingerprint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// How an endpoint proves who it is.
#[derive(Debug, Clone)]
pub enum Trust {
    /// Its certificate has one of these fingerprints; name and expiry do not matter then.
    Fingerprints(Vec<Fingerprint>),
    /// It is signed by one of these authorities (PEM, for example a cluster's `pve-root-ca.pem`) for this host name.
    Authority(String),
    /// It is signed by an authority the system trusts, for this host name.
    SystemRoots,
}

impl Trust {
    /// Pins one certificate.
    pub fn pin(fingerprint: Fingerprint) -> Self {
        Self::Fingerprints(vec![fingerprint])
    }

    /// TLS as this trust demands it. One configuration per endpoint: sessions resumed with it were verified by it.
    pub(crate) fn client_config(&self) -> Result<ClientConfig, Error> {
        let invalid = |text: String| Error::Configuration(text);
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|e| invalid(e.to_string()))?;
        let config = match self {
            Self::Fingerprints(expected) if expected.is_empty() => {
                return Err(invalid("no fingerprint to pin".to_owned()));
            }
            Self::Fingerprints(expected) => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Pinned::new(expected.clone())))
                .with_no_client_auth(),
            Self::Authority(pem) => {
                let mut roots = RootCertStore::empty();
                for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                    let certificate = certificate.map_err(|e| invalid(format!("authority: {e}")))?;
                    roots.add(certificate).map_err(|e| invalid(format!("authority: {e}")))?;
                }
                if roots.is_empty() {
                    return Err(invalid("the authority holds no certificate".to_owned()));
                }
                builder.with_root_certificates(roots).with_no_client_auth()
            }
            Self::SystemRoots => {
                let mut roots = RootCertStore::empty();
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                if roots.is_empty() {
                    return Err(invalid("the system trusts no authority".to_owned()));
                }
                builder.with_root_certificates(roots).with_no_client_auth()
            }
        };
        Ok(config)
    }
}

/// Carried through rustls so that the caller learns both fingerprints.
#[derive(Debug, Clone, thiserror::Error)]
#[error("certificate {presented} is not the pinned one")]
pub(crate) struct Mismatch {
    pub(crate) expected: Vec<Fingerprint>,
    pub(crate) presented: Fingerprint,
}

/// Accepts only the pinned certificates, and still checks that the peer holds the private key.
#[derive(Debug)]
struct Pinned {
    expected: Vec<Fingerprint>,
    crypto: Arc<CryptoProvider>,
}

impl Pinned {
    fn new(expected: Vec<Fingerprint>) -> Self {
        Self { expected, crypto: Arc::new(ring::default_provider()) }
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let presented = Fingerprint::of_certificate(end_entity);
        if self.expected.contains(&presented) {
            return Ok(ServerCertVerified::assertion());
        }
        let mismatch = Mismatch { expected: self.expected.clone(), presented };
        Err(CertificateError::Other(OtherError(Arc::new(mismatch))).into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.crypto.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.crypto.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.crypto.signature_verification_algorithms.supported_schemes()
    }
}

/// The fingerprint of the certificate that the server at `url` presents now.
///
/// Nothing is sent but the TLS handshake, which is broken off once the certificate is known. What comes back is a
/// claim, not a proof: show it to a person who can compare it with the server's own display, then pin it.
pub async fn probe_fingerprint(url: &str) -> Result<Fingerprint, Error> {
    let url = crate::endpoint::parse_url(url)?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default().unwrap_or(8006);
    let endpoint = format!("{host}:{port}");
    let failed =
        |cause: String| Error::Unreachable { tried: vec![Attempt { endpoint: endpoint.clone(), cause }] };

    let name = ServerName::try_from(host.clone()).map_err(|e| Error::Configuration(e.to_string()))?;
    // Pinning nothing that exists makes the verifier report what it saw.
    let config = Trust::pin(Fingerprint([0; 32])).client_config()?;
    let connect = async {
        let stream = tokio::net::TcpStream::connect((host.as_str(), port)).await?;
        tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await
    };
    match tokio::time::timeout(Duration::from_secs(15), connect).await {
        Err(_) => Err(failed("timed out".to_owned())),
        Ok(Ok(_)) => Err(failed("the certificate was not shown".to_owned())),
        Ok(Err(e)) => match crate::error::transport::mismatch(&e) {
            Some(mismatch) => Ok(mismatch.presented),
            None if crate::error::transport::is_tls(&e) => {
                Err(Error::Tls { endpoint, message: e.to_string() })
            }
            None => Err(failed(e.to_string())),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_print_as_proxmox_prints_them() {
        let print = Fingerprint::of_certificate(b"x");
        let text = print.to_string();
        assert_eq!(text.len(), 95);
        assert_eq!(text.parse::<Fingerprint>(), Ok(print));
        assert_eq!(text.replace(':', "").to_lowercase().parse::<Fingerprint>(), Ok(print));
        let json = serde_json::to_string(&print).unwrap();
        assert_eq!(serde_json::from_str::<Fingerprint>(&json).unwrap(), print);
        assert_eq!("AA:BB".parse::<Fingerprint>(), Err(InvalidFingerprint));
    }

    #[test]
    fn trust_without_content_is_refused() {
        assert!(Trust::Fingerprints(Vec::new()).client_config().is_err());
        assert!(Trust::Authority("no certificate here".to_owned()).client_config().is_err());
    }
}
