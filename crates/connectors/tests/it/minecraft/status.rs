//! What servers say of themselves, and what is no server.

use std::time::Duration;

use innkeeper_connectors::minecraft::Error;
use innkeeper_connectors::minecraft::status::{self, Edition, Status};
use innkeeper_domain::time::Clock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

use super::{PATIENCE, join, modules, node, server};

/// Somebody at a port who says these bytes to whoever has said something, and hangs up.
async fn says(bytes: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = [0; 512];
            let _ = stream.read(&mut asked).await;
            let _ = stream.write_all(&bytes).await;
        }
    });
    port
}

fn list(json: &str) -> Vec<u8> {
    let text = [varint(json.len()), json.as_bytes().to_vec()].concat();
    [varint(text.len() + 1), vec![0], text].concat()
}

fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

async fn java(port: u16) -> Result<Status, Error> {
    status::java("127.0.0.1", port, PATIENCE).await
}

#[tokio::test]
async fn a_real_server_says_what_it_is_by_both_pings() {
    let Some(modules) = modules() else { return };
    let (mut server, port) = server(&modules, "1.20.4", "§6L'Auberge").await;
    let said = status::java("localhost", port, PATIENCE).await.unwrap();
    let expected = Status {
        edition: Edition::Java,
        version: "1.20.4".to_owned(),
        protocol: Some(765),
        online: Some(0),
        max: Some(12),
        sample: Vec::new(),
        motd: "L'Auberge".to_owned(),
        latency: said.latency,
    };
    assert_eq!(said, expected);
    assert!(said.latency > Duration::ZERO);
    let old = status::legacy("127.0.0.1", port, PATIENCE).await.unwrap();
    assert_eq!(Status { latency: said.latency, ..old }, expected);
    let report = status::report(&Clock::system(), &Ok(said));
    assert!(report.success, "{report:?}");
    assert_eq!((&report.details["online"], &report.details["edition"]), (&0.into(), &"java".into()));
    // Somebody who plays is counted, until they leave.
    assert_eq!(join(&modules, port, "1.20.4", "Alice").await["playing"], true);
    assert!(server.line().await.contains("\"joined\":\"Alice\""));
    drop(server);
    let gone = java(port).await.unwrap_err();
    // It may just have accepted this one as it died.
    assert!(["refused", "lost"].contains(&gone.code()), "{gone:?}");
    assert!(!status::report(&Clock::system(), &Err(gone)).success);
}

#[tokio::test]
async fn a_bedrock_server_says_what_it_is() {
    let Some(modules) = modules() else { return };
    let mut server = node(&modules, "bedrock-server.mjs", &["§aL'Auberge"]);
    let port = server.line().await.parse().unwrap();
    let said = status::bedrock("127.0.0.1", port, PATIENCE).await.unwrap();
    assert_eq!((said.edition, said.version.as_str(), said.protocol), (Edition::Bedrock, "1.21.2", Some(686)));
    assert_eq!((said.online, said.max, said.motd.as_str()), (Some(3), Some(10), "L'Auberge\nCave"));
    // A port from which nobody receives says so by ICMP.
    let closed = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let gone = status::bedrock("127.0.0.1", closed, PATIENCE).await.unwrap_err();
    assert_eq!(gone.code(), "refused", "{gone:?}");
}

#[tokio::test]
async fn a_port_that_is_open_and_silent_is_no_server() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let patience = Duration::from_millis(300);
    for outcome in
        [status::java("127.0.0.1", port, patience).await, status::legacy("127.0.0.1", port, patience).await]
    {
        assert!(matches!(outcome, Err(Error::Timeout(_))), "{outcome:?}");
    }
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let outcome = status::bedrock("127.0.0.1", port, patience).await.unwrap_err();
    assert_eq!(outcome.code(), "timeout", "{outcome:?}");
    let nowhere = status::java("no-such-host.invalid", 1, PATIENCE).await.unwrap_err();
    assert_eq!(nowhere.code(), "unknown_host");
}

#[tokio::test]
async fn whoever_speaks_something_else_is_no_server() {
    let strangers: [&[u8]; 7] = [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
        &[0xff; 64],
        &[0xff, 0xff, 0xff, 0xff, 0x07, 0x00],
        &[2, 7, 7],
        &list("[1,2]"),
        &list("{\"version\":"),
    ];
    for stranger in strangers {
        let port = says(stranger.to_vec()).await;
        let outcome = java(port).await.unwrap_err();
        assert!(matches!(outcome, Error::NotMinecraft(_) | Error::Lost(_)), "{outcome:?}");
        let outcome = status::legacy("127.0.0.1", port, PATIENCE).await.unwrap_err();
        assert!(matches!(outcome, Error::NotMinecraft(_) | Error::Lost(_)), "{outcome:?}");
    }
    let outcome = java(says(Vec::new()).await).await.unwrap_err();
    assert!(matches!(outcome, Error::Lost(_)), "{outcome:?}");
}

#[tokio::test]
async fn what_is_not_told_is_not_known_and_a_list_without_a_ping_counts() {
    let said = java(says(list("{}")).await).await.unwrap();
    assert_eq!(
        (said.online, said.max, said.protocol),
        (None, None, None),
        "nobody is not the same as not told"
    );
    let report = status::report(&Clock::system(), &Ok(said));
    assert!(report.success && report.details["online"].is_null() && report.message.contains("? of ?"));
    let strange = r#"{"version":{"name":"§4Paper","protocol":4294967296},"players":{"online":-1,"max":"20",
        "sample":[{"name":"§aAlice\u0000"},{"id":"x"},7]},"description":["Au",{"text":"berge"}]}"#;
    let said = java(says(list(strange)).await).await.unwrap();
    assert_eq!((said.version.as_str(), said.protocol, said.online, said.max), ("Paper", None, None, None));
    assert_eq!((said.sample, said.motd.as_str()), (vec!["Alice".to_owned()], "Auberge"));
}
