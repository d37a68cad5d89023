//! A simulated house with consoles, and a websocket client that is not the simulator's own.
#![allow(clippy::unwrap_used, dead_code)]

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use pve_sim::{Clock, ClusterOptions, GuestProcesses, Options, Sim};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::wire;

pub(crate) const SECRET: &str = "7e0b5a0e-3f0a-4d38-9d0c-0c8f1f3c9d11";
pub(crate) const TOKEN: &str = "root@pam!console";
pub(crate) const TEMPLATE: &str = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst";

pub(crate) type Socket = WebSocketStream<tokio_rustls::client::TlsStream<TcpStream>>;

pub(crate) struct House {
    pub(crate) sim: Sim,
    pub(crate) place: wire::Place,
    pub(crate) clock: Clock,
}

/// A console's ticket as the call that opened it answered.
pub(crate) struct Opened {
    pub(crate) ticket: String,
    pub(crate) port: String,
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) upid: String,
}

impl House {
    pub(crate) async fn with(guests: GuestProcesses) -> Self {
        Self::of(&["pve"], guests).await
    }

    /// A house of several nodes, entered by the first.
    pub(crate) async fn of(nodes: &[&str], guests: GuestProcesses) -> Self {
        let clock = Clock::manual(1_795_222_000);
        let clusters = vec![ClusterOptions::named("lab", nodes)];
        let options = Options { clusters, guests, clock: clock.clone(), ..Options::default() };
        let sim = Sim::start(options).await.unwrap();
        sim.cluster("lab").with(|world| world.add_token("root@pam", "console", false, SECRET));
        let endpoint = sim.cluster("lab").endpoint(nodes[0]);
        let place = wire::Place::new(endpoint.addr, &endpoint.fingerprint);
        Self { sim, place, clock }
    }

    /// From now on calls go to this node.
    pub(crate) fn enter_by(&mut self, node: &str) {
        let endpoint = self.sim.cluster("lab").endpoint(node);
        self.place = wire::Place::new(endpoint.addr, &endpoint.fingerprint);
    }

    pub(crate) async fn call(&self, method: &str, path: &str, form: &str) -> wire::Answer {
        let request = format!(
            "{method} /api2/json{path} HTTP/1.1\r\nHost: x\r\nAuthorization: PVEAPIToken={TOKEN}={SECRET}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        );
        self.place.exchange(request.as_bytes()).await
    }

    pub(crate) async fn done(&self, method: &str, path: &str, form: &str) -> Value {
        let answer = self.call(method, path, form).await;
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text());
        self.clock.advance(Duration::from_secs(1));
        answer.json()["data"].clone()
    }

    /// A running container.
    pub(crate) async fn container(&self, vmid: u32) {
        let form = format!("vmid={vmid}&ostemplate={}&rootfs=local-lvm:1&hostname=ct{vmid}", enc(TEMPLATE));
        self.done("POST", "/nodes/pve/lxc", &form).await;
        self.done("POST", &format!("/nodes/pve/lxc/{vmid}/status/start"), "").await;
        let status = self.done("GET", &format!("/nodes/pve/lxc/{vmid}/status/current"), "").await;
        assert_eq!(status["status"], "running");
    }

    pub(crate) async fn open(&self, guest: &str, how: &str, form: &str) -> Opened {
        let data = self.done("POST", &join(&["/nodes/pve", guest, how]), form).await;
        let field = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
        Opened {
            ticket: field("ticket"),
            port: field("port"),
            user: field("user"),
            password: field("password"),
            upid: field("upid"),
        }
    }

    pub(crate) async fn connect(&self, guest: &str, port: &str, ticket: &str) -> Result<Socket, Error> {
        let address = format!(
            "wss://{}/api2/json{}?port={port}&vncticket={}",
            self.place.addr,
            join(&["/nodes/pve", guest, "vncwebsocket"]),
            enc(ticket)
        );
        let mut request = address.into_client_request().unwrap();
        let headers = request.headers_mut();
        headers.insert("Authorization", format!("PVEAPIToken={TOKEN}={SECRET}").parse().unwrap());
        headers.insert("Sec-WebSocket-Protocol", "binary".parse().unwrap());
        let stream = self.place.connect().await;
        client_async(request, stream).await.map(|(socket, response)| {
            assert_eq!(response.headers()["Sec-WebSocket-Protocol"], "binary");
            socket
        })
    }

    /// A terminal whose first line has been accepted.
    pub(crate) async fn terminal(&self, guest: &str) -> (Socket, Opened) {
        let opened = self.open(guest, "termproxy", "").await;
        let mut socket = self.connect(guest, &opened.port, &opened.ticket).await.unwrap();
        say(&mut socket, format!("{}:{}\n", opened.user, opened.ticket)).await;
        read_until(&mut socket, "OK").await;
        (socket, opened)
    }

    pub(crate) async fn task(&self, upid: &str) -> Value {
        self.call("GET", &format!("/nodes/pve/tasks/{upid}/status"), "").await.json()["data"].clone()
    }
}

/// A path of the parts that are not empty: without a guest it is the node's.
fn join(parts: &[&str]) -> String {
    parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("/")
}

pub(crate) fn enc(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

pub(crate) async fn say(socket: &mut Socket, text: impl Into<Vec<u8>>) {
    socket.send(Message::binary(text.into())).await.unwrap();
}

pub(crate) async fn keys(socket: &mut Socket, text: &str) {
    say(socket, format!("0:{}:{text}", text.len())).await;
}

/// The next data from the server; `None` when it has closed.
pub(crate) async fn next(socket: &mut Socket) -> Option<Vec<u8>> {
    let message =
        tokio::time::timeout(Duration::from_secs(15), socket.next()).await.expect("the server speaks");
    match message {
        Some(Ok(Message::Binary(bytes))) => Some(bytes.to_vec()),
        Some(Ok(Message::Close(_)) | Err(_)) | None => None,
        Some(Ok(other)) => panic!("unexpected {other:?}"),
    }
}

pub(crate) async fn read_until(socket: &mut Socket, wanted: &str) -> String {
    let mut seen = String::new();
    while !seen.contains(wanted) {
        let Some(bytes) = next(socket).await else { panic!("closed before {wanted:?}: {seen:?}") };
        seen += &String::from_utf8_lossy(&bytes);
    }
    seen
}
