//! Raw bytes over TLS: the test writes every header line itself and sees every byte that comes back,
//! so that no HTTP library can smooth over what the simulator sends.
#![allow(clippy::unwrap_used, dead_code)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How long the test waits for the next byte before it calls the server stuck.
const PATIENCE: Duration = Duration::from_secs(20);

/// Accepts exactly one certificate: the one with this SHA-256 fingerprint.
#[derive(Debug)]
struct Pinned {
    fingerprint: String,
    provider: Arc<rustls::crypto::CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let seen = hex::encode_upper(Sha256::digest(end_entity.as_ref()));
        if seen == self.fingerprint.replace(':', "").to_uppercase() {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::Error::General(format!("certificate {seen} is not the pinned one")))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// A TLS client configuration that trusts one fingerprint (`AA:BB:…`) and nothing else.
pub(crate) fn pinned(fingerprint: &str) -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Arc::new(Pinned { fingerprint: fingerprint.to_owned(), provider: provider.clone() });
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols.clear();
    Arc::new(config)
}

/// Where the simulator listens, and the certificate it must show.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) addr: SocketAddr,
    pub(crate) tls: Arc<ClientConfig>,
}

impl Place {
    pub(crate) fn new(addr: SocketAddr, fingerprint: &str) -> Self {
        Self { addr, tls: pinned(fingerprint) }
    }

    pub(crate) async fn connect(&self) -> TlsStream<TcpStream> {
        let tcp = TcpStream::connect(self.addr).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        TlsConnector::from(self.tls.clone()).connect(ServerName::from(self.addr.ip()), tcp).await.unwrap()
    }

    /// Sends `request` as it is on a connection of its own and reads one answer.
    pub(crate) async fn exchange(&self, request: &[u8]) -> Answer {
        let mut stream = self.connect().await;
        // A server that refuses a large body early closes while we still write.
        let _ = stream.write_all(request).await;
        let _ = stream.flush().await;
        read_answer(&mut stream, request.starts_with(b"HEAD ")).await
    }
}

/// One answer, taken apart but not interpreted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) reason: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Bytes that came after the announced end of the body.
    pub(crate) surplus: Vec<u8>,
    /// The server closed the connection after the answer.
    pub(crate) closed: bool,
}

impl Answer {
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str()).collect()
    }

    pub(crate) fn first(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or(serde_json::Value::Null)
    }
}

/// Reads until the blank line after the header; what was read beyond it comes back too.
pub(crate) async fn read_head<S: AsyncReadExt + Unpin>(stream: &mut S) -> (Answer, Vec<u8>) {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break at;
        }
        if more(stream, &mut bytes).await == 0 {
            return (Answer { closed: true, ..Answer::default() }, bytes);
        }
    };
    let rest = bytes.split_off(end + 4);
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or("").splitn(3, ' ');
    let _version = first.next();
    let status = first.next().and_then(|s| s.parse().ok()).unwrap_or(0);
    let reason = first.next().unwrap_or("").to_owned();
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(n, v)| (n.to_owned(), v.trim().to_owned()))
        .collect();
    let answer = Answer { status, reason, headers, ..Answer::default() };
    (answer, rest)
}

async fn read_answer<S: AsyncReadExt + Unpin>(stream: &mut S, head_only: bool) -> Answer {
    let (mut answer, mut rest) = read_head(stream).await;
    if answer.status == 0 || answer.status == 101 {
        answer.surplus = rest;
        return answer;
    }
    let announced = answer.first("content-length").and_then(|v| v.parse::<usize>().ok());
    if let (Some(length), false) = (announced, head_only) {
        while rest.len() < length && more(stream, &mut rest).await > 0 {}
        answer.surplus = rest.split_off(length.min(rest.len()));
        answer.body = rest;
        if answer.all("connection").iter().all(|v| v.eq_ignore_ascii_case("close")) {
            answer.closed = drain(stream, &mut answer.surplus).await;
        }
    } else {
        answer.closed = drain(stream, &mut rest).await;
        answer.body = rest;
    }
    answer
}

async fn drain<S: AsyncReadExt + Unpin>(stream: &mut S, into: &mut Vec<u8>) -> bool {
    while more(stream, into).await > 0 {}
    true
}

async fn more<S: AsyncReadExt + Unpin>(stream: &mut S, into: &mut Vec<u8>) -> usize {
    let mut buffer = vec![0_u8; 16 * 1024];
    let got = tokio::time::timeout(PATIENCE, stream.read(&mut buffer))
        .await
        .expect("the server neither answered nor closed")
        // A peer that closes without TLS close_notify ended the stream too.
        .unwrap_or(0);
    into.extend_from_slice(&buffer[..got]);
    got
}
