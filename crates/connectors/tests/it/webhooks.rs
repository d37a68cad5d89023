//! Webhooks, against receivers that keep what they are told, and that check it by the library of Standard Webhooks.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use innkeeper_connectors::webhooks::{Message, Postman, Settings, new_secret};
use innkeeper_domain::time::{Clock, Timestamp};
use innkeeper_domain::webhooks::Fault;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::doubles::serve;

type Heard = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

async fn hear(State((status, heard)): State<(u16, Heard)>, headers: HeaderMap, body: Bytes) -> Response {
    heard.lock().unwrap().push((headers, body));
    let status = StatusCode::from_u16(status).unwrap();
    // Whoever is sent elsewhere would come back here.
    (status, [(header::LOCATION, "/again")], "s3cret").into_response()
}

/// A receiver that always answers with this status.
async fn receiver(status: u16) -> (String, Heard) {
    let heard = Heard::default();
    let url = serve(Router::new().fallback(hear).with_state((status, heard.clone()))).await;
    (url.join("in?key=s3cret").unwrap().to_string(), heard)
}

fn open() -> Settings {
    Settings {
        own_networks: vec!["127.0.0.0/8".parse().unwrap()],
        patience: Duration::from_secs(20),
        ..Settings::default()
    }
}

fn message(url: &str, secret: &SecretString) -> Message {
    Message {
        url: url.to_owned(),
        secret: secret.clone(),
        id: "whd_1".to_owned(),
        body: r#"{"type":"instance.running"}"#.to_owned(),
    }
}

async fn send(settings: Settings, url: &str) -> Result<u16, Fault> {
    Postman::new(settings).unwrap().send(&message(url, &new_secret()), Clock::system().now()).await
}

#[tokio::test]
async fn what_is_sent_is_signed_as_others_expect_it() {
    let (url, heard) = receiver(204).await;
    let secret = new_secret();
    let message = message(&url, &secret);
    assert!(!format!("{message:?}").contains("s3cret"));
    let postman = Postman::new(open()).unwrap();
    assert_eq!(postman.send(&message, Clock::system().now()).await, Ok(204));
    let (headers, body) = heard.lock().unwrap()[0].clone();
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["webhook-id"], "whd_1");
    let theirs = standardwebhooks::Webhook::new(secret.expose_secret()).unwrap();
    theirs.verify(&body, &headers).unwrap();
    let others = standardwebhooks::Webhook::new(new_secret().expose_secret()).unwrap();
    assert!(others.verify(&body, &headers).is_err());
    assert!(theirs.verify(b"{\"type\":\"instance.deleted\"}", &headers).is_err());
    // One that was kept and comes again later is known by its time.
    let stale = Timestamp(Clock::system().now().0 - 600_000_000);
    assert_eq!(postman.send(&message, stale).await, Ok(204));
    let (headers, body) = heard.lock().unwrap()[1].clone();
    assert!(theirs.verify(&body, &headers).is_err());
}

#[tokio::test]
async fn the_status_is_told_and_a_redirect_is_not_followed() {
    for status in [200, 302, 307, 404, 410, 503] {
        let (url, heard) = receiver(status).await;
        assert_eq!(send(open(), &url).await, Ok(status));
        assert_eq!(heard.lock().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn what_cannot_be_told_says_why_in_a_word() {
    let (url, heard) = receiver(200).await;
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(send(open(), &format!("http://{closed}/s3cret")).await, Err(Fault::Refused));
    assert_eq!(send(open(), &url.replace("http:", "https:")).await, Err(Fault::Tls));
    assert_eq!(send(open(), "http://hooks.example/in").await, Err(Fault::NotAllowed));
    let no_secret = message(&url, &"s3cret".to_owned().into());
    let postman = Postman::new(open()).unwrap();
    assert_eq!(postman.send(&no_secret, Timestamp(0)).await, Err(Fault::Unsigned));
    assert!(heard.lock().unwrap().is_empty());
}

#[tokio::test]
async fn who_does_not_answer_is_not_waited_for() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/in", silent.local_addr().unwrap());
    let hasty = Settings { patience: Duration::from_millis(200), ..open() };
    assert_eq!(send(hasty, &url).await, Err(Fault::TimedOut));
    let rude = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/in", rude.local_addr().unwrap());
    let hangs_up = tokio::spawn(async move {
        let (mut stream, _) = rude.accept().await.unwrap();
        let _ = stream.read(&mut [0; 1024]).await;
    });
    assert_eq!(send(open(), &url).await, Err(Fault::Broken));
    hangs_up.await.unwrap();
}

#[tokio::test]
async fn a_name_that_stands_for_this_machine_is_not_connected_to() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/in", listener.local_addr().unwrap().port());
    let house = Settings { patience: Duration::from_secs(20), ..Settings::default() };
    assert!(house.address(&url).is_ok(), "what a name stands for shows when it is called");
    assert_eq!(send(house, &url).await, Err(Fault::NotAllowed));
    let came = tokio::time::timeout(Duration::ZERO, listener.accept()).await;
    assert!(came.is_err(), "nobody connected");
}

#[tokio::test]
async fn certificates_are_verified_and_an_own_authority_can_be_named() {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate =
        rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(certificate.pem().as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap(),
        )
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/in", listener.local_addr().unwrap().port());
    let server = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _ = stream.read(&mut [0; 4096]).await;
            stream.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        }
    });
    assert_eq!(send(open(), &url).await, Err(Fault::Tls));
    let trusting = Settings { extra_ca: Some(certificate.pem()), ..open() };
    assert_eq!(send(trusting, &url).await, Ok(202));
    server.abort();
}
