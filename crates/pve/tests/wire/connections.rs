//! Connections: reuse, loss, failover, trust.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pve::{Class, Client, Endpoint, Error, Fingerprint, Trust, probe_fingerprint};
use serde_json::json;
use tokio::net::TcpListener;

use crate::server::{Reply, Server, ct, token};

const UPID: &str = "UPID:pve:00000895:00046412:6B00EB98:vzstart:103:prov@pve!desk:";

fn version() -> Reply {
    Reply::ok(&json!({ "version": "9.2.11", "release": "9.2", "repoid": "x" }))
}

/// An address where nobody listens.
async fn nobody() -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    Endpoint::new(&url, Trust::pin(Fingerprint::of_certificate(b"nobody"))).unwrap()
}

#[tokio::test]
async fn an_answer_of_pveproxy_leaves_the_connection_and_a_relayed_one_is_survived() {
    let server = Server::start(|r| match r.method.as_str() {
        "GET" => version(),
        _ => Reply::relayed(&json!(UPID)),
    })
    .await;
    let client = server.client();
    client.version().await.unwrap();
    client.version().await.unwrap();
    assert_eq!(server.seen()[1].connection, 0, "kept alive");
    for _ in 0..3 {
        client.guest(&ct()).start().await.unwrap();
    }
    client.version().await.unwrap();
    assert_eq!(server.lines().len(), 6);
}

#[tokio::test]
async fn a_new_connection_resumes_the_tls_session() {
    let server = Server::start(|_| Reply::relayed(&json!(UPID))).await;
    let client = server.client();
    for _ in 0..3 {
        client.guest(&ct()).start().await.unwrap();
    }
    let seen = server.seen();
    let later: Vec<bool> = seen.iter().filter(|r| r.connection > 0).map(|r| r.resumed).collect();
    assert!(!seen[0].resumed);
    assert!(!later.is_empty() && later.iter().all(|resumed| *resumed), "{later:?}");
}

#[tokio::test]
async fn an_idle_connection_closed_by_the_server_is_not_missed() {
    // The server answers and closes at once, as it does after 5 s of silence; nothing tells the client beforehand.
    let server = Server::start(|_| match version() {
        Reply::Send(bytes) => Reply::SendAndClose(bytes),
        other => other,
    })
    .await;
    let client = server.client();
    for _ in 0..5 {
        client.version().await.unwrap();
    }
    let connections: std::collections::BTreeSet<usize> = server.seen().iter().map(|r| r.connection).collect();
    assert!(connections.len() >= 5);
}

#[tokio::test]
async fn a_read_whose_connection_breaks_is_repeated_once() {
    let count = Arc::new(AtomicUsize::new(0));
    let script = {
        let count = Arc::clone(&count);
        move |_: &_| if count.fetch_add(1, Ordering::SeqCst) == 1 { Reply::Close } else { version() }
    };
    let server = Server::start(script).await;
    let client = server.client();
    client.version().await.unwrap();
    client.version().await.unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 3);

    let dead = Server::start(|_| Reply::Close).await;
    let error = dead.client().version().await.unwrap_err();
    assert!(matches!(error, Error::NoAnswer { .. }), "{error:?}");
    assert_eq!((dead.lines().len(), error.class()), (2, Class::Transient));
}

#[tokio::test]
async fn a_change_whose_connection_breaks_is_sent_once_and_its_outcome_is_unknown() {
    let broken = Server::start(|_| Reply::Close).await;
    let other = Server::start(|_| Reply::relayed(&json!(UPID))).await;
    let client = Client::builder(broken.endpoint(), token()).endpoint(other.endpoint()).build().unwrap();
    let error = client.guest(&ct()).start().await.unwrap_err();
    let Error::OutcomeUnknown { path, .. } = &error else { panic!("{error:?}") };
    assert_eq!(path, "/nodes/pve/lxc/105/status/start");
    assert_eq!(error.class(), Class::Unknown);
    assert_eq!((broken.lines().len(), other.lines().len()), (1, 0));
}

#[tokio::test]
async fn a_change_on_a_reused_connection_is_not_repeated_either() {
    let server = Server::start(|r| if r.method == "GET" { version() } else { Reply::Close }).await;
    let client = server.client();
    client.version().await.unwrap();
    let error = client.guest(&ct()).stop().await.unwrap_err();
    assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error:?}");
    assert_eq!(server.lines(), ["GET /version", "POST /nodes/pve/lxc/105/status/stop"]);
}

#[tokio::test]
async fn a_change_that_is_not_answered_in_time_is_unknown_and_sent_once() {
    let server = Server::start(|_| Reply::Hang).await;
    let client = Client::builder(server.endpoint(), token()).request_timeout(Duration::from_millis(300));
    let client = client.endpoint(nobody().await).build().unwrap();
    let error = client.guest(&ct()).start().await.unwrap_err();
    assert!(matches!(&error, Error::OutcomeUnknown { cause, .. } if cause == "timed out"), "{error:?}");
    let error = client.version().await.unwrap_err();
    assert!(matches!(error, Error::NoAnswer { .. }), "{error:?}");
    assert_eq!(server.lines(), ["POST /nodes/pve/lxc/105/status/start", "GET /version"]);
}

#[tokio::test]
async fn a_success_whose_body_is_cut_off_is_unknown_for_a_change() {
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"data\":\"UPID:";
    let server = Server::start(|_| Reply::SendAndClose(cut.to_owned())).await;
    let error = server.client().guest(&ct()).start().await.unwrap_err();
    assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error:?}");
    assert_eq!(server.lines().len(), 1);
}

#[tokio::test]
async fn an_endpoint_that_cannot_be_connected_to_gives_way_to_the_next_for_changes_too() {
    let server = Server::start(|_| Reply::relayed(&json!(UPID))).await;
    let client = Client::builder(nobody().await, token()).endpoint(server.endpoint()).build().unwrap();
    client.guest(&ct()).start().await.unwrap();
    client.guest(&ct()).start().await.unwrap();
    assert_eq!(server.lines().len(), 2);
}

#[tokio::test]
async fn when_nobody_listens_all_are_named() {
    let client = Client::builder(nobody().await, token()).endpoint(nobody().await).build().unwrap();
    let error = client.guest(&ct()).start().await.unwrap_err();
    let Error::Unreachable { tried } = &error else { panic!("{error:?}") };
    assert_eq!(tried.len(), 2);
    assert!(tried[0].cause.contains("refused"), "{tried:?}");
    assert_eq!(error.class(), Class::Transient);
}

#[tokio::test]
async fn another_certificate_than_the_pinned_one_is_named_and_gets_nothing() {
    let server = Server::start(|_| version()).await;
    let pinned = Fingerprint::of_certificate(b"another");
    let endpoint = Endpoint::new(&server.url(), Trust::pin(pinned)).unwrap();
    let client = Client::builder(endpoint.clone(), token()).build().unwrap();
    let error = client.version().await.unwrap_err();
    let Error::FingerprintMismatch { expected, presented, .. } = &error else { panic!("{error:?}") };
    assert_eq!((expected.as_slice(), *presented), ([pinned].as_slice(), server.fingerprint));
    assert!(
        error.to_string().contains(&pinned.to_string()) && error.to_string().contains(&presented.to_string())
    );
    assert_eq!(error.class(), Class::Permanent);
    assert!(server.seen().is_empty());

    // With a second endpoint that is down, the wrong identity is still what is told.
    let client = Client::builder(nobody().await, token()).endpoint(endpoint.clone()).build().unwrap();
    assert!(matches!(client.version().await, Err(Error::FingerprintMismatch { .. })));
    // With one that is fine, the call succeeds.
    let client = Client::builder(endpoint, token()).endpoint(server.endpoint()).build().unwrap();
    client.version().await.unwrap();
}

#[tokio::test]
async fn one_of_several_pins_suffices() {
    let server = Server::start(|_| version()).await;
    let pins = vec![Fingerprint::of_certificate(b"old"), server.fingerprint];
    let endpoint = Endpoint::new(&server.url(), Trust::Fingerprints(pins)).unwrap();
    Client::builder(endpoint, token()).build().unwrap().version().await.unwrap();
}

#[tokio::test]
async fn an_authority_vouches_for_its_own_only() {
    let server = Server::start(|_| version()).await;
    let other = Server::start(|_| version()).await;
    let with = |pem: &str| {
        let endpoint = Endpoint::new(&server.url(), Trust::Authority(pem.to_owned())).unwrap();
        Client::builder(endpoint, token()).build().unwrap()
    };
    with(&server.pem).version().await.unwrap();
    let error = with(&other.pem).version().await.unwrap_err();
    assert!(matches!(error, Error::Tls { .. }), "{error:?}");
    let endpoint = Endpoint::new(&server.url(), Trust::SystemRoots).unwrap();
    if let Ok(client) = Client::builder(endpoint, token()).build() {
        assert!(matches!(client.version().await, Err(Error::Tls { .. })));
    }
    assert_eq!(server.lines().len(), 1, "nothing was sent where nobody vouched");
}

#[tokio::test]
async fn a_probe_tells_the_fingerprint_and_asks_nothing() {
    let server = Server::start(|_| version()).await;
    assert_eq!(probe_fingerprint(&server.url()).await.unwrap(), server.fingerprint);
    assert!(server.seen().is_empty());
    let absent = nobody().await;
    assert!(matches!(probe_fingerprint(absent.url().as_str()).await, Err(Error::Unreachable { .. })));
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_told_apart() {
    use tokio::io::AsyncWriteExt;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            let _ = tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    assert!(matches!(probe_fingerprint(&url).await, Err(Error::Tls { .. })));
    let endpoint = Endpoint::new(&url, Trust::pin(Fingerprint::of_certificate(b"x"))).unwrap();
    let error = Client::builder(endpoint, token()).build().unwrap().version().await.unwrap_err();
    assert!(matches!(error, Error::Tls { .. }), "{error:?}");
}

#[tokio::test]
async fn an_endpoint_that_falls_silent_is_not_asked_first_again() {
    let silent = Server::start(|_| Reply::Hang).await;
    let other = Server::start(|_| version()).await;
    let client = Client::builder(silent.endpoint(), token()).endpoint(other.endpoint());
    let client = client.request_timeout(Duration::from_millis(200)).build().unwrap();
    assert!(matches!(client.version().await, Err(Error::NoAnswer { .. })));
    client.version().await.unwrap();
    assert_eq!((silent.lines().len(), other.lines().len()), (1, 1));
}

#[tokio::test]
async fn an_endpoint_that_accepts_but_never_greets_gives_way_to_the_next() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let mute = Endpoint::new(&url, Trust::pin(Fingerprint::of_certificate(b"mute"))).unwrap();
    let server = Server::start(|_| Reply::relayed(&json!(UPID))).await;
    let client = Client::builder(mute, token()).endpoint(server.endpoint());
    let client = client.connect_timeout(Duration::from_millis(200)).build().unwrap();
    client.guest(&ct()).start().await.unwrap();
    assert_eq!(server.lines().len(), 1);
}
