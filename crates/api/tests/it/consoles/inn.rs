//! A house with simulated clusters behind it, reached over TCP; and clients of its consoles that keep every byte that
//! comes to them.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use innkeeper_api::Options;
use innkeeper_domain::consoles::Limits;
use innkeeper_domain::time::{Clock, Timestamp};
use pve_sim::{ClusterOptions, GuestProcesses, Profile, Sim};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::house::{Answer, Client, House};

pub(crate) const SECRET: &str = "6b1f1f36-3a2e-4d5e-9a51-6f5d8f0f2a11";
/// Longer than anything here takes.
pub(crate) const SOON: Duration = Duration::from_secs(30);
/// Names that stand in nothing else.
pub(crate) const NODES: [&str; 2] = ["oakhost", "elmhost"];

/// What is special about an inn.
pub(crate) struct Wanted {
    pub(crate) limits: Limits,
    pub(crate) guests: GuestProcesses,
    pub(crate) profile: Profile,
    pub(crate) nodes: Vec<&'static str>,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            guests: GuestProcesses::Off,
            profile: Profile::V9_2,
            nodes: NODES.to_vec(),
        }
    }
}

pub(crate) struct Inn {
    pub(crate) house: House,
    pub(crate) sim: Sim,
    pub(crate) address: SocketAddr,
    pub(crate) container: String,
    pub(crate) machine: String,
    /// The administrator's token.
    ada: String,
}

/// A guest with its instance.
pub(crate) struct Guest {
    pub(crate) instance: String,
    pub(crate) vmid: u32,
    pub(crate) node: String,
}

impl Inn {
    pub(crate) async fn open(wanted: Wanted) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let lodge =
            ClusterOptions { profile: wanted.profile, ..ClusterOptions::named("lodge", &wanted.nodes) };
        let options =
            pve_sim::Options { clusters: vec![lodge], guests: wanted.guests, ..pve_sim::Options::default() };
        let sim = Sim::start(options).await.unwrap();
        sim.cluster("lodge").with(|world| world.add_token("root@pam", "inn", false, SECRET));
        // It goes with the real one, and can be put forward.
        let clock = Clock::manual(Timestamp(1_795_221_883_000_000));
        let engine = innkeeper_engine::Options {
            consoles: wanted.limits,
            settle: Duration::from_millis(200),
            ..innkeeper_engine::Options::default()
        };
        let house = House::at(clock.clone(), tempfile::tempdir().unwrap(), Options::default(), engine).await;
        let stop = house.stop.clone();
        tokio::spawn({
            let (clock, stop) = (clock, stop.clone());
            async move {
                let mut last = tokio::time::Instant::now();
                while !stop.is_cancelled() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    let now = tokio::time::Instant::now();
                    clock.advance(now - last);
                    last = now;
                }
            }
        });
        tokio::spawn({
            let (engine, stop) = (house.engine.clone(), stop.clone());
            async move { engine.run(stop).await }
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = house.router.clone().into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        let mut inn = Self {
            house,
            sim,
            address,
            container: String::new(),
            machine: String::new(),
            ada: String::new(),
        };
        inn.furnish().await;
        inn
    }

    async fn furnish(&mut self) {
        let admin = self.house.admin().await;
        let ada = admin.token.clone().unwrap();
        let endpoints: Vec<Value> = self
            .sim
            .cluster("lodge")
            .endpoints()
            .iter()
            .map(|endpoint| json!({ "url": endpoint.url, "fingerprint": endpoint.fingerprint }))
            .collect();
        let cluster = json!({
            "name": "lodge", "endpoints": endpoints, "token_id": "root@pam!inn", "token_secret": SECRET,
            "bridge": "vmbr0", "vmids": { "first": 10_000, "last": 10_999 },
        });
        let cluster = admin.post("/api/v1/clusters", &cluster).await.expect(201);
        let size = |cores, memory, disk| json!({ "cores": cores, "memory_mib": memory, "disk_gib": disk });
        let template = |name: &str, kind: &str| {
            json!({
                "name": name, "kind": kind, "least": size(1, 64, 1), "default_size": size(1, 256, 4),
                "most": size(8, 16_384, 100), "reports_address": false,
            })
        };
        let sources = [
            ("Debian 12", "lxc", json!({ "volume": "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst" })),
            ("Debian 12 VM", "qemu", json!({ "node": NODES[0], "vmid": 9000 })),
        ];
        let mut ids = Vec::new();
        for (name, kind, mut source) in sources {
            let made = admin.post("/api/v1/templates", &template(name, kind)).await.expect(201);
            let id = made["id"].as_str().unwrap().to_owned();
            source["cluster_id"] = cluster["id"].clone();
            admin.post(&format!("/api/v1/templates/{id}/sources"), &source).await.expect(201);
            ids.push(id);
        }
        self.ada = ada;
        self.machine = ids.pop().unwrap();
        self.container = ids.pop().unwrap();
    }

    pub(crate) fn admin(&self) -> Client<'_> {
        self.house.holding(&self.ada)
    }

    /// A user with a project of their own.
    pub(crate) async fn user(&self, name: &str) -> Client<'_> {
        let admin = self.admin();
        self.house.user(&admin, name, "user").await
    }

    /// An instance that runs.
    pub(crate) async fn guest(&self, client: &Client<'_>, name: &str, template: &str) -> Guest {
        let project = client.get("/api/v1/me").await.expect(200)["user"]["personal_project"].clone();
        self.guest_in(client, name, template, &project).await
    }

    pub(crate) async fn guest_in(
        &self,
        client: &Client<'_>,
        name: &str,
        template: &str,
        project: &Value,
    ) -> Guest {
        let mut new = json!({ "name": name, "template_id": template });
        if !project.is_null() {
            new["project_id"] = project.clone();
        }
        let asked = client.post("/api/v1/instances", &new).await.expect(202);
        self.settled(client, &asked).await;
        let instance = asked["instance_id"].as_str().unwrap().to_owned();
        let admin = self.admin();
        let seen = admin.get(&format!("/api/v1/instances/{instance}")).await.expect(200);
        let vmid = seen["placement"]["vmid"].as_u64().unwrap() as u32;
        Guest { instance, vmid, node: seen["placement"]["node"].as_str().unwrap().to_owned() }
    }

    /// Waits until an operation has ended well.
    pub(crate) async fn settled(&self, client: &Client<'_>, operation: &Value) {
        let path = format!("/api/v1/operations/{}?wait=10s", operation["id"].as_str().unwrap());
        for _ in 0..6 {
            let now = client.get(&path).await.expect(200);
            match now["state"].as_str().unwrap() {
                "succeeded" => return,
                "failed" | "superseded" => panic!("{now:#}"),
                _ => {}
            }
        }
        panic!("it does not end");
    }

    /// Asks for a console.
    pub(crate) async fn ask(&self, client: &Client<'_>, guest: &Guest, kind: &str) -> Answer {
        let path = format!("/api/v1/instances/{}/consoles", guest.instance);
        client.post(&path, &json!({ "kind": kind })).await
    }

    /// A console that is open.
    pub(crate) async fn console(&self, client: &Client<'_>, guest: &Guest, kind: &str) -> Wire {
        let offered = self.ask(client, guest, kind).await.expect(201);
        self.enter(&offered, &[]).await.unwrap()
    }

    /// Goes to an offered console, with these headers.
    pub(crate) async fn enter(
        &self,
        offered: &Value,
        headers: &[(&'static str, &str)],
    ) -> Result<Wire, Refused> {
        let ticket = offered["ticket"].as_str().unwrap();
        self.enter_with(offered["url"].as_str().unwrap(), ticket, headers).await
    }

    pub(crate) async fn enter_with(
        &self,
        path: &str,
        ticket: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Wire, Refused> {
        let mut request = format!("ws://{}{path}", self.address).into_client_request().unwrap();
        let protocols = format!("innkeeper.console, {ticket}");
        request.headers_mut().insert("sec-websocket-protocol", protocols.parse().unwrap());
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let came = Arc::new(Mutex::new(Vec::new()));
        let stream = TcpStream::connect(self.address).await.unwrap();
        let stream = Recorder { stream, came: Arc::clone(&came) };
        match timeout(SOON, client_async(request, stream)).await.unwrap() {
            Ok((socket, answer)) => {
                assert_eq!(answer.headers()["sec-websocket-protocol"], "innkeeper.console");
                assert!(answer.headers().get("sec-websocket-extensions").is_none());
                Ok(Wire { socket, came, waiting: Vec::new() })
            }
            Err(Error::Http(answer)) => {
                let body = answer.body().clone().unwrap_or_default();
                let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
                let code = problem["code"].as_str().unwrap_or_default().to_owned();
                Err(Refused { status: answer.status().as_u16(), code })
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Entries of the audit log about consoles, oldest first: the action and what is told.
    pub(crate) async fn told(&self) -> Vec<(String, Value)> {
        let admin = self.admin();
        let mut told = Vec::new();
        for action in ["console.open", "console.close"] {
            let mut cursor = String::new();
            loop {
                let path = format!("/api/v1/audit?limit=200&action={action}{cursor}");
                let page = admin.get(&path).await.expect(200);
                for entry in page["items"].as_array().unwrap() {
                    told.push((entry["seq"].as_i64().unwrap(), action.to_owned(), entry["after"].clone()));
                }
                match page["next_cursor"].as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break,
                }
            }
        }
        told.sort_by_key(|(seq, ..)| *seq);
        told.into_iter().map(|(_, action, after)| (action, after)).collect()
    }

    /// Waits until no console is counted any more, in the database or in a node.
    pub(crate) async fn all_quiet(&self) {
        timeout(SOON, async {
            loop {
                let told = self.told().await;
                let count = |action: &str| told.iter().filter(|(one, _)| one == action).count();
                let busy = self.sim.cluster("lodge").with(|world| world.open_consoles());
                if count("console.open") == count("console.close") && busy == 0 {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await
        .expect("consoles are left over");
    }

    /// What may not reach a client, in any form.
    fn secrets(&self) -> Vec<String> {
        let mut secrets: Vec<String> =
            ["PVE", "UPID", "pveproxy", "root@pam", "vncticket", "CERTIFICATE", SECRET]
                .map(str::to_owned)
                .into();
        for endpoint in self.sim.cluster("lodge").endpoints() {
            secrets.push(endpoint.node.clone());
            secrets.push(endpoint.fingerprint.clone());
            secrets.push(endpoint.addr.port().to_string());
        }
        secrets
    }

    /// Everything that came over the wire holds nothing of Proxmox.
    #[track_caller]
    pub(crate) fn check(&self, wire: &Wire) {
        let came = wire.came.lock().unwrap();
        assert!(!came.is_empty());
        let text = String::from_utf8_lossy(&came);
        for secret in self.secrets() {
            assert!(!text.contains(&secret), "{secret} reached the client: {text}");
        }
    }
}

impl Drop for Inn {
    fn drop(&mut self) {
        self.house.stop.cancel();
    }
}

/// Why a handshake was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) code: String,
}

impl Refused {
    pub(crate) fn with(status: u16, code: &str) -> Self {
        Self { status, code: code.to_owned() }
    }
}

/// A connection that keeps everything that comes.
pub(crate) struct Recorder {
    stream: TcpStream,
    came: Arc<Mutex<Vec<u8>>>,
}

impl AsyncRead for Recorder {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.came.lock().unwrap().extend_from_slice(&buffer.filled()[before..]);
        polled
    }
}

impl AsyncWrite for Recorder {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// A client of a console.
pub(crate) struct Wire {
    pub(crate) socket: WebSocketStream<Recorder>,
    pub(crate) came: Arc<Mutex<Vec<u8>>>,
    waiting: Vec<u8>,
}

/// How a console ended: the code, and the word that begins the reason.
pub(crate) type Ended = (u16, String);

impl Wire {
    pub(crate) async fn say(&mut self, bytes: impl Into<Vec<u8>>) {
        self.socket.send(Message::Binary(bytes.into().into())).await.unwrap();
    }

    pub(crate) async fn tell(&mut self, text: &str) {
        self.socket.send(Message::Text(text.into())).await.unwrap();
    }

    /// The next bytes; how it ended, if it has.
    pub(crate) async fn next(&mut self) -> Result<Vec<u8>, Ended> {
        loop {
            match timeout(SOON, self.socket.next()).await.expect("something comes") {
                Some(Ok(Message::Binary(bytes))) => return Ok(bytes.to_vec()),
                Some(Ok(Message::Close(Some(frame)))) => {
                    let word = frame.reason.split(':').next().unwrap().to_owned();
                    return Err((frame.code.into(), word));
                }
                // The answer to a goodbye without a code.
                Some(Ok(Message::Close(None))) => return Err((1005, String::new())),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Reads until it shows this.
    pub(crate) async fn until(&mut self, wanted: &str) -> String {
        let mut seen = Vec::new();
        loop {
            match self.next().await {
                Ok(bytes) => seen.extend(bytes),
                Err(ended) => panic!("ended with {ended:?} after {}", String::from_utf8_lossy(&seen)),
            }
            let text = String::from_utf8_lossy(&seen);
            if text.contains(wanted) {
                return text.into_owned();
            }
        }
    }

    /// Reads until it ends.
    pub(crate) async fn end(&mut self) -> Ended {
        loop {
            if let Err(ended) = self.next().await {
                return ended;
            }
        }
    }

    /// Exactly so many bytes.
    pub(crate) async fn read(&mut self, count: usize) -> Vec<u8> {
        while self.waiting.len() < count {
            let bytes = self.next().await.unwrap();
            self.waiting.extend(bytes);
        }
        self.waiting.drain(..count).collect()
    }

    /// The beginning of RFB as a viewer without a password has it; gives width, height and name.
    pub(crate) async fn begin_rfb(&mut self) -> (u16, u16, String) {
        assert_eq!(self.read(12).await, b"RFB 003.008\n");
        self.say("RFB 003.008\n").await;
        assert_eq!(self.read(2).await, [1, 1], "one security type: none");
        self.say([1]).await;
        assert_eq!(self.read(4).await, [0; 4]);
        self.say([1]).await;
        let head = self.read(24).await;
        let length = u32::from_be_bytes(head[20..24].try_into().unwrap()) as usize;
        let name = String::from_utf8(self.read(length).await).unwrap();
        (u16::from_be_bytes([head[0], head[1]]), u16::from_be_bytes([head[2], head[3]]), name)
    }

    /// Presses and releases a key.
    pub(crate) async fn key(&mut self, symbol: u32) {
        for down in [1, 0] {
            let mut message = vec![4, down, 0, 0];
            message.extend(symbol.to_be_bytes());
            self.say(message).await;
        }
    }

    /// A whole picture.
    pub(crate) async fn picture(&mut self, width: u16, height: u16, incremental: bool) -> Vec<u8> {
        let mut request = vec![3, u8::from(incremental), 0, 0, 0, 0];
        request.extend(width.to_be_bytes());
        request.extend(height.to_be_bytes());
        self.say(request).await;
        assert_eq!(self.read(4).await, [0, 0, 0, 1], "an update with one rectangle");
        let rectangle = self.read(12).await;
        assert_eq!(rectangle[8..], [0; 4], "raw encoding");
        self.read(usize::from(width) * usize::from(height) * 4).await
    }
}
