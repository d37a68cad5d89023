//! A TLS server that answers what a test tells it to, byte by byte, and remembers what it was asked.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use pve::{Client, Credentials, Endpoint, Fingerprint, GuestRef, NodeName, Trust, Vmid};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

pub(crate) type Socket = WebSocketStream<TlsStream<TcpStream>>;

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// The number of the connection it came on, from 0.
    pub(crate) connection: usize,
    /// Whether that connection resumed an earlier TLS session.
    pub(crate) resumed: bool,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// `POST /nodes/…`, without `/api2/json`.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.target.strip_prefix("/api2/json").unwrap_or(&self.target))
    }
}

/// What the server does with a request.
pub(crate) enum Reply {
    /// Sends bytes and goes on with the connection.
    Send(String),
    /// The same for what is not text.
    SendBytes(Vec<u8>),
    /// Sends bytes and closes.
    SendAndClose(String),
    /// Closes without a word.
    Close,
    /// Never answers.
    Hang,
    /// Becomes a websocket.
    Websocket(Box<dyn FnOnce(Socket) -> BoxFuture<'static, ()> + Send>),
}

impl Reply {
    /// As pveproxy answers by itself.
    pub(crate) fn ok(data: &serde_json::Value) -> Self {
        Self::Send(success("Connection: Keep-Alive\r\n", &serde_json::json!({ "data": data }).to_string()))
    }

    /// As pveproxy relays pvedaemon's answer: `Connection` comes twice, and the connection stays.
    pub(crate) fn relayed(data: &serde_json::Value) -> Self {
        let connection = "Connection: close\r\nConnection: Keep-Alive\r\n";
        Self::Send(success(connection, &serde_json::json!({ "data": data }).to_string()))
    }

    /// A refusal with its text in `message` too.
    pub(crate) fn refusal(status: u16, text: &str) -> Self {
        let body = serde_json::json!({ "data": null, "message": format!("{text}\n") }).to_string();
        let length = body.len();
        Self::SendAndClose(format!(
            "HTTP/1.1 {status} {text}\r\nConnection: close\r\nContent-Type: application/json;charset=UTF-8\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
    }

    /// A refusal with nothing but its status line; its end is the end of the connection.
    pub(crate) fn bare(status: u16, reason: &str) -> Self {
        Self::SendAndClose(format!("HTTP/1.1 {status} {reason}\r\nConnection: close\r\n\r\n"))
    }
}

fn success(connection: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\n{connection}Content-Type: application/json;charset=UTF-8\r\nContent-Length: {length}\r\nServer: pve-api-daemon/3.0\r\n\r\n{body}"
    )
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) fingerprint: Fingerprint,
    /// The certificate, which is its own authority.
    pub(crate) pem: String,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Answers each request with what `script` says of it.
    pub(crate) async fn start(script: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let certified = rcgen::generate_simple_self_signed(names).unwrap();
        let certificate = certified.cert.der().clone();
        let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
        let tls =
            rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![certificate.clone()], key)
                .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(tls));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (remembered, script) = (Arc::clone(&seen), Arc::new(script));
        tokio::spawn(async move {
            let connections = AtomicUsize::new(0);
            while let Ok((tcp, _)) = listener.accept().await {
                let (acceptor, script, seen) =
                    (acceptor.clone(), Arc::clone(&script), Arc::clone(&remembered));
                tcp.set_nodelay(true).unwrap();
                let number = connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(tcp).await {
                        serve(stream, number, &*script, &seen).await;
                    }
                });
            }
        });
        Self {
            address,
            fingerprint: Fingerprint::of_certificate(&certificate),
            pem: certified.cert.pem(),
            seen,
        }
    }

    /// Everything asked so far.
    pub(crate) fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    /// Everything asked so far, as `METHOD path?query`.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen().iter().map(Request::line).collect()
    }

    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::new(&self.url(), Trust::pin(self.fingerprint)).unwrap()
    }

    /// A client with a token.
    pub(crate) fn client(&self) -> Client {
        Client::builder(self.endpoint(), token()).build().unwrap()
    }
}

/// A container of no consequence.
pub(crate) fn ct() -> GuestRef {
    GuestRef::lxc(NodeName::new("pve").unwrap(), Vmid::new(105).unwrap())
}

pub(crate) fn token() -> Credentials {
    Credentials::token("prov@pve!desk", "5ec2e7-5ec2e7").unwrap()
}

async fn serve(
    mut stream: TlsStream<TcpStream>,
    connection: usize,
    script: &(dyn Fn(&Request) -> Reply + Send + Sync),
    seen: &Mutex<Vec<Request>>,
) {
    let resumed = stream.get_ref().1.handshake_kind() == Some(rustls::HandshakeKind::Resumed);
    let mut buffer = Vec::new();
    loop {
        let Some(request) = read(&mut stream, &mut buffer, connection, resumed).await else { return };
        seen.lock().unwrap().push(request.clone());
        match script(&request) {
            Reply::Send(bytes) => stream.write_all(bytes.as_bytes()).await.unwrap(),
            Reply::SendBytes(bytes) => stream.write_all(&bytes).await.unwrap(),
            Reply::SendAndClose(bytes) => {
                stream.write_all(bytes.as_bytes()).await.unwrap();
                // Without TLS's own goodbye, as servers do that just close the socket.
                stream.flush().await.unwrap();
                return;
            }
            Reply::Close => return,
            Reply::Hang => std::future::pending().await,
            Reply::Websocket(talk) => {
                let accept = derive_accept_key(request.header("sec-websocket-key").unwrap().as_bytes());
                let protocol = request.header("sec-websocket-protocol").unwrap();
                let head = format!(
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: {protocol}\r\n\r\n"
                );
                stream.write_all(head.as_bytes()).await.unwrap();
                talk(WebSocketStream::from_raw_socket(stream, Role::Server, None).await).await;
                return;
            }
        }
    }
}

/// Reads one request; none at the end of the connection.
async fn read(
    stream: &mut TlsStream<TcpStream>,
    buffer: &mut Vec<u8>,
    connection: usize,
    resumed: bool,
) -> Option<Request> {
    let head = loop {
        if let Some(end) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8(buffer.drain(..head).collect()).unwrap();
    let mut lines = text.lines();
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> =
        lines.filter_map(|l| l.split_once(": ")).map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    let mut request = Request { method, target, headers, body: String::new(), connection, resumed };
    let length: usize = request.header("content-length").map_or(0, |l| l.parse().unwrap());
    while buffer.len() < length {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    request.body = String::from_utf8(buffer.drain(..length).collect()).unwrap();
    Some(request)
}
