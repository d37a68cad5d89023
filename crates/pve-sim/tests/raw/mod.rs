//! A client that knows nothing: bytes over TLS.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(dead_code, reason = "not every test program uses every part")]

use std::sync::Arc;

use pve_sim::{Clock, ClusterOptions, Options, Sim};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

mod trust {
    //! Accepts any certificate: these tests look at HTTP, not at trust.

    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::{DigitallySignedStruct, Error, SignatureScheme};
    use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

    #[derive(Debug)]
    pub(crate) struct Anyone;

    impl ServerCertVerifier for Anyone {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }
        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }
        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }
        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
        }
    }
}

/// A connection to a node of the cluster `lab`.
pub(crate) async fn connect(sim: &Sim, node: &str) -> TlsStream<TcpStream> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(trust::Anyone))
        .with_no_client_auth();
    let tcp = TcpStream::connect(sim.cluster("lab").endpoint(node).addr).await.unwrap();
    TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), tcp).await.unwrap()
}

/// Sends a request whose connection is to close and returns everything that came back.
pub(crate) async fn raw(sim: &Sim, node: &str, head: &str, body: &str) -> String {
    let mut stream = connect(sim, node).await;
    let length = if body.is_empty() {
        String::new()
    } else {
        format!("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n", body.len())
    };
    let text = format!("{head}{length}Connection: close\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

/// The credentials of `root@pam!lab`.
pub(crate) const TOKEN: &str = "Authorization: PVEAPIToken=root@pam!lab=secret-1\r\n";

/// A simulator with the cluster `lab`, a clock that stands, and the token `root@pam!lab`.
pub(crate) async fn sim(nodes: &[&str]) -> Sim {
    let options = Options {
        clusters: vec![ClusterOptions::named("lab", nodes)],
        clock: Clock::manual(1_795_221_600),
        ..Options::default()
    };
    let sim = Sim::start(options).await.unwrap();
    sim.cluster("lab").with(|world| world.add_token("root@pam", "lab", false, "secret-1"));
    sim
}

/// A call with the token: status line without the version, and the JSON body.
pub(crate) async fn call(sim: &Sim, method: &str, path: &str, body: &str) -> (String, serde_json::Value) {
    let answer = raw(sim, "pve", &format!("{method} /api2/json{path} HTTP/1.1\r\n{TOKEN}"), body).await;
    let status = answer.lines().next().unwrap_or_default().trim_start_matches("HTTP/1.1 ").to_owned();
    let body = answer.split_once("\r\n\r\n").map(|(_, b)| b).unwrap_or_default();
    (status, serde_json::from_str(body).unwrap_or_default())
}

/// How the task of a call ended, or `running`.
pub(crate) async fn task_end(sim: &Sim, upid: &serde_json::Value) -> String {
    let upid = upid["data"].as_str().expect("a UPID");
    let node = upid.split(':').nth(1).unwrap();
    let (_, status) = call(sim, "GET", &format!("/nodes/{node}/tasks/{upid}/status"), "").await;
    status["data"]["exitstatus"].as_str().unwrap_or("running").to_owned()
}
