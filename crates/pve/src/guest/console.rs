//! Consoles: a text terminal or a graphical screen over a websocket.
//!
//! The server that answered the request listens for its console, so the websocket goes to that same endpoint, with the
//! same credentials, within 10 s. A port on which nobody listens any more hangs instead of answering: connecting is
//! given 8 s, and so is the terminal's greeting.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use secrecy::SecretString;
use serde::Deserialize;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

use super::Guest;
use super::farewell::Farewell;
use crate::call::Call;
use crate::client::Client;
use crate::error::{ConsoleFault, Error};
use crate::ids::{GuestKind, NodeName};
use crate::lenient;
use crate::operations as ops;
use crate::upid::Upid;

const HANDSHAKE: Duration = Duration::from_secs(8);
/// The server drops a connection over a frame of more than 128 KiB.
const LARGEST_FRAME: usize = 64 * 1024;
/// The server sends frames of at most 128 KiB, unfragmented.
const LARGEST_MESSAGE: usize = 256 * 1024;

type Socket = WebSocketStream<reqwest::Upgraded>;

/// What the server says about a console it has prepared.
#[derive(Deserialize)]
struct Prepared {
    ticket: String,
    #[serde(deserialize_with = "lenient::required")]
    port: u32,
    #[serde(deserialize_with = "lenient::or_default")]
    user: String,
    #[serde(default, deserialize_with = "lenient::optional")]
    password: Option<String>,
    upid: Upid,
}

/// A text terminal that is open. Both halves work on their own; dropping both closes it.
pub struct Terminal {
    /// What to type with.
    pub writer: TerminalWriter,
    /// What the guest shows.
    pub reader: ConsoleReader,
    /// The server's task behind it.
    pub upid: Upid,
}

/// A graphical screen that is open: RFB 3.8, security type "VNC authentication".
pub struct Vnc {
    /// Towards the guest.
    pub writer: VncWriter,
    /// From the guest.
    pub reader: ConsoleReader,
    /// The password of the RFB handshake; its first 8 bytes count.
    pub password: SecretString,
    /// The server's task behind it.
    pub upid: Upid,
}

/// Sends keys and sizes to a terminal.
pub struct TerminalWriter {
    sink: SplitSink<Socket, Message>,
}

/// Sends RFB to a guest's screen.
pub struct VncWriter {
    sink: SplitSink<Socket, Message>,
}

/// Receives what a guest shows, as raw bytes; characters may be cut anywhere.
pub struct ConsoleReader {
    stream: SplitStream<Socket>,
    /// Came together with the greeting, or was kept back by `farewell`.
    first: Bytes,
    /// Keeps back what may be the last words of the way to another node; none for a screen.
    farewell: Option<Farewell>,
}

impl TerminalWriter {
    /// Types bytes.
    pub async fn send(&mut self, typed: &[u8]) -> Result<(), Error> {
        for part in typed.chunks(LARGEST_FRAME) {
            let mut packet = BytesMut::from(format!("0:{}:", part.len()).as_bytes());
            packet.extend_from_slice(part);
            transmit(&mut self.sink, packet.freeze()).await?;
        }
        Ok(())
    }

    /// Tells the size of the window, in characters. It is 80 by 20 at first.
    pub async fn resize(&mut self, columns: u16, rows: u16) -> Result<(), Error> {
        transmit(&mut self.sink, Bytes::from(format!("1:{columns}:{rows}:"))).await
    }

    /// Shows that somebody is there; to be sent every 30 s.
    pub async fn ping(&mut self) -> Result<(), Error> {
        transmit(&mut self.sink, Bytes::from_static(b"2")).await
    }

    /// Ends the session.
    pub async fn close(&mut self) -> Result<(), Error> {
        self.sink.close().await.map_err(|e| broken(&e))
    }
}

impl VncWriter {
    /// Sends bytes of the RFB protocol.
    pub async fn send(&mut self, bytes: Bytes) -> Result<(), Error> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let part = rest.split_to(rest.len().min(LARGEST_FRAME));
            transmit(&mut self.sink, part).await?;
        }
        Ok(())
    }

    /// Ends the session.
    pub async fn close(&mut self) -> Result<(), Error> {
        self.sink.close().await.map_err(|e| broken(&e))
    }
}

impl ConsoleReader {
    /// The next bytes; none when the other side has closed.
    pub async fn recv(&mut self) -> Result<Option<Bytes>, Error> {
        if !self.first.is_empty() {
            let first = std::mem::take(&mut self.first);
            if let Some(shown) = self.shown(first) {
                return Ok(Some(shown));
            }
        }
        while let Some(message) = self.stream.next().await {
            let bytes = match message {
                Ok(Message::Binary(bytes)) => bytes,
                Ok(Message::Text(text)) => Bytes::from(text),
                Ok(Message::Close(_)) | Err(WsError::ConnectionClosed | WsError::AlreadyClosed) => {
                    return Ok(None);
                }
                Ok(_) => continue,
                // pveproxy ends sessions without a closing frame.
                Err(WsError::Protocol(_) | WsError::Io(_)) => return Ok(None),
                Err(e) => return Err(broken(&e)),
            };
            if let Some(shown) = self.shown(bytes) {
                return Ok(Some(shown));
            }
        }
        Ok(None)
    }

    fn shown(&mut self, bytes: Bytes) -> Option<Bytes> {
        let shown = match &mut self.farewell {
            Some(farewell) => farewell.pass(bytes),
            None => bytes,
        };
        (!shown.is_empty()).then_some(shown)
    }
}

async fn transmit(sink: &mut SplitSink<Socket, Message>, bytes: Bytes) -> Result<(), Error> {
    sink.send(Message::Binary(bytes)).await.map_err(|e| broken(&e))
}

fn broken(error: &WsError) -> Error {
    failed(ConsoleFault::Broken, error)
}

fn failed(fault: ConsoleFault, message: impl ToString) -> Error {
    Error::Console { fault, message: message.to_string() }
}

impl Guest<'_> {
    /// Opens its text terminal. A virtual machine needs a serial port (`serial0: socket`). With an API token this takes
    /// the packages of spring 2026 (9.1) or later; before them only [`vnc`](Self::vnc) works with a token.
    pub async fn terminal(&self) -> Result<Terminal, Error> {
        let websocket = self.call(&ops::VNCWEBSOCKET);
        open_terminal(self.client, &self.at.node, self.call(&ops::TERMPROXY), websocket).await
    }

    /// Opens its screen; for a container a picture of its terminal.
    pub async fn vnc(&self) -> Result<Vnc, Error> {
        let call = self.call(&ops::VNCPROXY).param("websocket", true);
        let call = match self.at.kind {
            GuestKind::Lxc => call,
            GuestKind::Qemu => call.param("generate-password", true),
        };
        let (prepared, host) = prepare(self.client, &self.at.node, call).await?;
        let socket = connect(self.client, host, &prepared, self.call(&ops::VNCWEBSOCKET)).await?;
        let (sink, stream) = socket.split();
        let password = prepared.password.unwrap_or(prepared.ticket);
        Ok(Vnc {
            writer: VncWriter { sink },
            reader: ConsoleReader { stream, first: Bytes::new(), farewell: None },
            password: password.into(),
            upid: prepared.upid,
        })
    }
}

impl Client {
    /// Opens a terminal of a node itself: a login prompt, or a root shell for root@pam.
    pub async fn node_terminal(&self, node: &NodeName) -> Result<Terminal, Error> {
        let websocket = Call::new(&ops::NODE_VNCWEBSOCKET).at("node", node);
        open_terminal(self, node, Call::new(&ops::NODE_TERMPROXY).at("node", node), websocket).await
    }
}

/// Has a console prepared, as near to this node as may be, and says by which endpoint.
async fn prepare(client: &Client, node: &NodeName, call: Call) -> Result<(Prepared, usize), Error> {
    let (answer, host) = client.send_near::<Prepared>(node, call).await?;
    client.answered_by(answer.data.upid.node(), host);
    Ok((answer.data, host))
}

async fn open_terminal(
    client: &Client,
    node: &NodeName,
    call: Call,
    websocket: Call,
) -> Result<Terminal, Error> {
    let (prepared, host) = prepare(client, node, call).await?;
    let socket = connect(client, host, &prepared, websocket).await?;
    let greeting = async {
        let (mut sink, mut stream) = socket.split();
        transmit(&mut sink, Bytes::from(format!("{}:{}\n", prepared.user, prepared.ticket))).await?;
        let mut seen = BytesMut::new();
        while seen.len() < 2 {
            match stream.next().await {
                Some(Ok(Message::Binary(bytes))) => seen.extend_from_slice(&bytes),
                Some(Ok(Message::Text(text))) => seen.extend_from_slice(text.as_bytes()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => {
                    return Err(failed(ConsoleFault::NotReady, "closed before the terminal was ready"));
                }
            }
        }
        let ok = seen.split_to(2);
        if &ok[..] != b"OK" {
            return Err(failed(ConsoleFault::NotReady, "the terminal did not accept its ticket"));
        }
        let farewell = Some(Farewell::default());
        Ok((TerminalWriter { sink }, ConsoleReader { stream, first: seen.freeze(), farewell }))
    };
    let (writer, reader) = in_time(greeting).await?;
    Ok(Terminal { writer, reader, upid: prepared.upid })
}

async fn in_time<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    match tokio::time::timeout(HANDSHAKE, work).await {
        Ok(done) => done,
        Err(_) => Err(failed(ConsoleFault::NoAnswer, "nobody answered on the console's port")),
    }
}

async fn connect(
    client: &Client,
    host: usize,
    prepared: &Prepared,
    websocket: Call,
) -> Result<Socket, Error> {
    let ready = websocket.param("port", prepared.port).param("vncticket", &prepared.ticket).finish()?;
    let identity = client.identity().await?;
    let upgraded = in_time(client.host(host).websocket(&ready, &identity)).await?;
    let limits = WebSocketConfig::default()
        .max_message_size(Some(LARGEST_MESSAGE))
        .max_frame_size(Some(LARGEST_MESSAGE))
        .max_write_buffer_size(LARGEST_MESSAGE);
    Ok(WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(limits)).await)
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Terminal({})", self.upid)
    }
}

impl std::fmt::Debug for Vnc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vnc({})", self.upid)
    }
}
