//! What a console lets through, beside a bare copy of the same bytes.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use pve::{Client, Credentials, Endpoint, GuestRef, NodeName, Trust, Vmid};
use pve_sim::{GuestProcesses, Latency};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::machine;
use crate::report::Report;
use crate::support::{DatabaseKind, Lab, Server, TestDatabase};

/// Bytes of one flood.
const FLOOD: usize = 64 << 20;
/// Floods of each way, in turn.
const ROUNDS: usize = 3;
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) async fn measure(report: &mut Report) {
    report.section(
        "Consoles",
        "64 MiB that a guest's shell shows at once, three times each way in turn, medians: read by the bare client from the \
         simulated node through a process's own bare TCP copy, and by a WebSocket client through the relay. All share the \
         cores; what the pseudo-terminal and the simulator give is the most that there is.",
    );
    report.head(&["", "MB/s", "of the bare copy", "processor ms/MB"]);
    let Some(database) = TestDatabase::make(DatabaseKind::Sqlite).await else { return };
    let lab = Lab::with(1, 1, Latency::Zero, GuestProcesses::Process).await;
    let server = Server::start(database, &[]).await;
    let (container, _) = server.furnish(&lab).await;
    let made = server.create("flood", &container).await;
    assert_eq!(server.settled(&made).await["state"], "succeeded");
    let instance = made["instance_id"].as_str().unwrap();
    let placement = server.get(&format!("/instances/{instance}")).await["placement"].clone();
    let (mut bare, mut relayed) = (Vec::new(), Vec::new());
    let mut used = 0.0;
    for round in 0..ROUNDS {
        bare.push(by_copy(&lab, &placement, Flood(2 * round)).await);
        let before = machine::processor_seconds(server.pid());
        relayed.push(by_relay(&server, instance, Flood(2 * round + 1)).await);
        used += machine::processor_seconds(server.pid()) - before;
    }
    let speed = |times: &mut Vec<f64>| {
        times.sort_by(f64::total_cmp);
        FLOOD as f64 / 1e6 / times[times.len() / 2]
    };
    let (bare, relayed) = (speed(&mut bare), speed(&mut relayed));
    report.row(&["bare TCP copy".to_owned(), format!("{bare:.0}"), "100 %".to_owned(), "-".to_owned()]);
    let share = format!("{:.0} %", 100.0 * relayed / bare);
    let each = format!("{:.1}", used * 1000.0 / (ROUNDS as f64 * FLOOD as f64 / 1e6));
    report.row(&["relay".to_owned(), format!("{relayed:.0}"), share, each]);
}

/// One of several floods of one shell. Its words carry its number: who opens a terminal is shown first what it showed
/// last, which is the end of the flood before.
#[derive(Clone, Copy)]
struct Flood(usize);

impl Flood {
    /// Typed to have the shell say that it listens; what is typed is shown too, and does not hold the answer.
    fn knock(self) -> String {
        format!("echo ready-$(({}+0))-\n", self.0)
    }

    fn ready(self) -> String {
        format!("ready-{}-", self.0)
    }

    /// Typed to have the shell show so much.
    fn order(self) -> String {
        format!("head -c {FLOOD} /dev/zero | tr '\\0' 'x'; echo; echo done-$(({}+0))-\n", self.0)
    }

    fn done(self) -> String {
        format!("done-{}-", self.0)
    }
}

/// Counts what comes until certain words.
struct Counter {
    words: String,
    bytes: usize,
    tail: Vec<u8>,
}

impl Counter {
    fn until(words: String) -> Self {
        Self { words, bytes: 0, tail: Vec::new() }
    }

    /// Whether the words have come.
    fn take(&mut self, bytes: &[u8]) -> bool {
        self.bytes += bytes.len();
        // After them comes a prompt only: the end of what came is enough to look at.
        self.tail.extend_from_slice(&bytes[bytes.len().saturating_sub(128)..]);
        let come = self.tail.windows(self.words.len()).any(|part| part == self.words.as_bytes());
        self.tail.drain(..self.tail.len().saturating_sub(128));
        come
    }
}

async fn by_copy(lab: &Lab, placement: &Value, flood: Flood) -> f64 {
    let introduction = lab.introduction(&lab.names[0]);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let to = lab.sim.cluster(&lab.names[0]).endpoints()[0].addr;
    let by = copy(to).await;
    let credentials =
        Credentials::token(&text(&introduction["token_id"]), text(&introduction["token_secret"])).unwrap();
    let trust = Trust::pin(text(&introduction["endpoints"][0]["fingerprint"]).parse().unwrap());
    let endpoint = Endpoint::new(&format!("https://{by}"), trust).unwrap();
    let client = Client::builder(endpoint, credentials).build().unwrap();
    let node = NodeName::new(text(&placement["node"])).unwrap();
    let vmid = Vmid::new(placement["vmid"].as_u64().unwrap() as u32).unwrap();
    let mut terminal = client.guest(&GuestRef::lxc(node, vmid)).terminal().await.unwrap();
    terminal.writer.send(flood.knock().as_bytes()).await.unwrap();
    let mut ready = Counter::until(flood.ready());
    while !ready.take(&terminal.reader.recv().await.unwrap().unwrap()) {}
    let begun = Instant::now();
    terminal.writer.send(flood.order().as_bytes()).await.unwrap();
    let mut counter = Counter::until(flood.done());
    let reading = async { while !counter.take(&terminal.reader.recv().await.unwrap().unwrap()) {} };
    tokio::time::timeout(PATIENCE, reading).await.expect("the flood ends");
    let took = begun.elapsed().as_secs_f64();
    assert!(counter.bytes >= FLOOD, "{} bytes came", counter.bytes);
    took
}

/// Passes bytes on, and nothing else.
async fn copy(to: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut from, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut to = TcpStream::connect(to).await?;
                tokio::io::copy_bidirectional(&mut from, &mut to).await
            });
        }
    });
    address
}

async fn by_relay(server: &Server, instance: &str, flood: Flood) -> f64 {
    let offered = server.post(&format!("/instances/{instance}/consoles"), json!({ "kind": "text" })).await;
    let text = |name: &str| offered[name].as_str().unwrap().to_owned();
    let url = format!("{}{}", server.url.replacen("http", "ws", 1), text("url"));
    let mut request = url.into_client_request().unwrap();
    let protocols = format!("{}, {}", text("protocol"), text("ticket"));
    request.headers_mut().insert("sec-websocket-protocol", protocols.parse().unwrap());
    let (mut socket, _) = connect_async(request).await.unwrap();
    // From here on only the flood is measured.
    socket.send(Message::Binary(flood.knock().into_bytes().into())).await.unwrap();
    let mut ready = Counter::until(flood.ready());
    while !ready.take(&socket.next().await.unwrap().unwrap().into_data()) {}
    let begun = Instant::now();
    socket.send(Message::Binary(flood.order().into_bytes().into())).await.unwrap();
    let mut counter = Counter::until(flood.done());
    let reading = async { while !counter.take(&socket.next().await.unwrap().unwrap().into_data()) {} };
    tokio::time::timeout(PATIENCE, reading).await.expect("the flood ends");
    let took = begun.elapsed().as_secs_f64();
    assert!(counter.bytes >= FLOOD, "{} bytes came", counter.bytes);
    socket.close(None).await.unwrap();
    took
}
