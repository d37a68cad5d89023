//! A bounded load: so many connections that are kept open, each asking again as soon as it is answered, for so long.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::machine;
use crate::report::milliseconds;

/// What a load measured.
pub(crate) struct Outcome {
    /// Answers per second.
    pub(crate) rate: f64,
    /// How long each answer took, in milliseconds.
    pub(crate) latencies: Vec<f64>,
    /// Processor time of the serving process per answer, in microseconds.
    pub(crate) processor: f64,
}

/// Where to ask, and for what.
pub(crate) struct Target {
    /// `127.0.0.1:port`
    pub(crate) address: String,
    /// The path and its query.
    pub(crate) path: String,
    /// The token, if one is needed.
    pub(crate) token: Option<String>,
    /// The process that serves it.
    pub(crate) pid: u32,
}

/// Asks for `duration` on `connections`; every answer must be a 200.
pub(crate) async fn run(target: &Target, connections: usize, duration: Duration) -> Outcome {
    let authorization = target.token.as_ref().map(|token| format!("authorization: Bearer {token}\r\n"));
    let request = format!(
        "GET {} HTTP/1.1\r\nhost: {}\r\n{}\r\n",
        target.path,
        target.address,
        authorization.unwrap_or_default()
    );
    let before = machine::processor_seconds(target.pid);
    let began = Instant::now();
    let mut asking = JoinSet::new();
    for _ in 0..connections {
        asking.spawn(ask(target.address.clone(), request.clone(), began + duration));
    }
    let latencies = asking.join_all().await.concat();
    let elapsed = began.elapsed().as_secs_f64();
    let processor = machine::processor_seconds(target.pid) - before;
    let count = latencies.len() as f64;
    Outcome { rate: count / elapsed, processor: processor * 1e6 / count, latencies }
}

async fn ask(address: String, request: String, until: Instant) -> Vec<f64> {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut stream = BufReader::with_capacity(64 << 10, stream);
    let mut latencies = Vec::new();
    let mut line = String::new();
    let mut body = Vec::new();
    while Instant::now() < until {
        let asked = Instant::now();
        stream.get_mut().write_all(request.as_bytes()).await.unwrap();
        let mut length = None;
        for number in 0.. {
            line.clear();
            stream.read_line(&mut line).await.unwrap();
            if number == 0 {
                assert!(line.starts_with("HTTP/1.1 200"), "{line}");
            }
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(count) = line.strip_prefix("content-length:") {
                length = Some(count.trim().parse::<usize>().unwrap());
            }
        }
        body.resize(length.expect("the answer tells its length"), 0);
        stream.read_exact(&mut body).await.unwrap();
        latencies.push(milliseconds(asked.elapsed()));
    }
    latencies
}
