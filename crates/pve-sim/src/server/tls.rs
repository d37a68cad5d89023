//! One certificate per node, its fingerprint known, kept across restarts if asked to.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest as _, Sha256};
use tokio_rustls::TlsAcceptor;

/// A node's certificate.
pub(crate) struct Identity {
    pub(crate) acceptor: TlsAcceptor,
    /// SHA-256 of the certificate, `AA:BB:..`.
    pub(crate) fingerprint: String,
    pub(crate) pem: String,
}

/// A certificate that could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Making the certificate failed.
    #[error("making a certificate: {0}")]
    Make(#[from] rcgen::Error),
    /// The kept certificate or key is not PEM.
    #[error("reading a kept certificate: {0}")]
    Read(#[from] rustls_pki_types::pem::Error),
    /// TLS refused the certificate.
    #[error("using a certificate: {0}")]
    Use(#[from] rustls::Error),
    /// Reading or writing the kept files failed.
    #[error("keeping a certificate: {0}")]
    Keep(#[from] std::io::Error),
}

/// The certificate of `node`, from `state_dir` if it is there.
pub(crate) fn identity(
    cluster: &str,
    node: &str,
    bind: IpAddr,
    state_dir: Option<&Path>,
) -> Result<Identity, TlsError> {
    let (cert, key) = match state_dir {
        Some(dir) => kept(dir, cluster, node, bind)?,
        None => made(node, bind)?,
    };
    let chain = vec![CertificateDer::from_pem_slice(cert.as_bytes())?];
    let fingerprint = fingerprint(&chain[0]);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes())?)?;
    // Proxmox offers no ALPN.
    config.alpn_protocols.clear();
    Ok(Identity { acceptor: TlsAcceptor::from(Arc::new(config)), fingerprint, pem: cert })
}

fn made(node: &str, bind: IpAddr) -> Result<(String, String), TlsError> {
    let names = vec![node.to_owned(), "localhost".to_owned(), bind.to_string()];
    let made = rcgen::generate_simple_self_signed(names)?;
    Ok((made.cert.pem(), made.signing_key.serialize_pem()))
}

fn kept(dir: &Path, cluster: &str, node: &str, bind: IpAddr) -> Result<(String, String), TlsError> {
    std::fs::create_dir_all(dir)?;
    let file = |kind: &str| dir.join(format!("{cluster}-{node}.{kind}.pem"));
    if let (Ok(cert), Ok(key)) = (std::fs::read_to_string(file("cert")), std::fs::read_to_string(file("key")))
    {
        return Ok((cert, key));
    }
    let (cert, key) = made(node, bind)?;
    std::fs::write(file("cert"), &cert)?;
    std::fs::write(file("key"), &key)?;
    Ok((cert, key))
}

fn fingerprint(cert: &CertificateDer<'_>) -> String {
    let digest = Sha256::digest(cert);
    digest.iter().map(|b| format!("{b:02X}")).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_certificate_keeps_its_fingerprint() {
        let dir = tempfile::tempdir().unwrap();
        let bind = IpAddr::from([127, 0, 0, 1]);
        let first = identity("lab", "pve", bind, Some(dir.path())).unwrap();
        let again = identity("lab", "pve", bind, Some(dir.path())).unwrap();
        assert_eq!(first.fingerprint, again.fingerprint);
        assert_eq!(first.fingerprint.len(), 95);
        assert_ne!(first.fingerprint, identity("lab", "pve", bind, None).unwrap().fingerprint);
    }
}
