//! `innkeeper instance console`: the terminal of an instance, in this terminal.

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::os::fd::BorrowedFd;

use anyhow::{Context as _, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::Method;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::client::{One, Server, find};

/// Ctrl-]: leaves the console.
const LEAVE: u8 = 0x1d;

/// How a console ends that is done: its client closed it, or the instance did.
const WELL: [u16; 2] = [1000, 4000];

impl One {
    /// Opens the terminal of an instance here.
    pub(crate) async fn console(self) -> anyhow::Result<()> {
        check_terminal()?;
        let server = Server::find(&self.remote)?;
        let id = find(&server, "instances", &self.instance).await?;
        let path = format!("/api/v1/instances/{id}/consoles");
        let offered = server.request(Method::POST, &path, Some(&json!({ "kind": "text" }))).await?;
        enter(&server, &offered, &self.instance).await
    }
}

/// Consoles are for people.
pub(crate) fn check_terminal() -> anyhow::Result<()> {
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        bail!("a console needs a terminal on both sides; run it in one");
    }
    Ok(())
}

/// Opens a terminal that the server has offered.
pub(crate) async fn enter(server: &Server, offered: &Value, name: &str) -> anyhow::Result<()> {
    let text =
        |name: &str| offered[name].as_str().with_context(|| format!("the server's answer holds no {name}"));
    let mut request = server.websocket(text("url")?).into_client_request()?;
    let protocols = format!("{}, {}", text("protocol")?, text("ticket")?).parse()?;
    request.headers_mut().insert("sec-websocket-protocol", protocols);
    let opened = tokio_tungstenite::connect_async(request).await;
    let (mut socket, _) = opened.map_err(|error| refused(&error))?;
    let raw = Raw::enter()?;
    // Only now: whoever reads this may type, and what is typed before the terminal is ours is lost.
    eprint!("console of {name}; Ctrl-] leaves it\r\n");
    let mut typed = keys();
    let mut resized = signal(SignalKind::window_change())?;
    if let Some(size) = size() {
        socket.send(Message::Text(size.into())).await?;
    }
    let ended = loop {
        tokio::select! {
            bytes = typed.recv() => {
                let Some(bytes) = bytes else { break None };
                let before = bytes.iter().position(|byte| *byte == LEAVE);
                let sent = bytes[..before.unwrap_or(bytes.len())].to_vec();
                if !sent.is_empty() {
                    socket.send(Message::Binary(sent.into())).await?;
                }
                if before.is_some() {
                    break None;
                }
            }
            _ = resized.recv() => {
                if let Some(size) = size() {
                    socket.send(Message::Text(size.into())).await?;
                }
            }
            come = socket.next() => match come {
                Some(Ok(Message::Binary(bytes))) => {
                    let mut screen = std::io::stdout().lock();
                    screen.write_all(&bytes)?;
                    screen.flush()?;
                }
                Some(Ok(Message::Close(frame))) => break Some(frame),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => break Some(None),
            },
        }
    };
    drop(raw);
    match ended {
        None => {
            // It is over for us, whatever the server still has to say.
            let _ = socket.close(None).await;
            eprintln!("\nleft the console");
            Ok(())
        }
        Some(frame) => told(frame),
    }
}

/// Why it ended, for the person.
fn told(frame: Option<CloseFrame>) -> anyhow::Result<()> {
    let Some(frame) = frame else { bail!("the connection to the server broke") };
    let reason = frame.reason.split_once(": ").map_or(frame.reason.as_str(), |(_, words)| words);
    if WELL.contains(&frame.code.into()) {
        eprintln!("\nthe console ended: {reason}");
        return Ok(());
    }
    bail!("the console ended: {reason}")
}

fn refused(error: &Error) -> anyhow::Error {
    let problem = match error {
        Error::Http(answer) => {
            answer.body().as_deref().and_then(|body| serde_json::from_slice::<Value>(body).ok())
        }
        _ => None,
    };
    match problem.as_ref().and_then(|problem| problem["detail"].as_str()) {
        Some(detail) => anyhow::anyhow!("{detail}"),
        None => anyhow::anyhow!("the console cannot be opened: {error}"),
    }
}

/// The size of this window, as the server is told.
fn size() -> Option<String> {
    let size = tcgetwinsize(std::io::stdout()).ok()?;
    let good = size.ws_col > 0 && size.ws_row > 0;
    good.then(|| json!({ "resize": { "columns": size.ws_col, "rows": size.ws_row } }).to_string())
}

/// What is typed, as it is typed. Reading cannot be called off, so that the thread ends with the program.
fn keys() -> mpsc::Receiver<Vec<u8>> {
    let (to, from) = mpsc::channel(16);
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        loop {
            match std::io::stdin().read(&mut buffer) {
                Ok(count) if count > 0 => {
                    if to.blocking_send(buffer[..count].to_vec()).is_err() {
                        return;
                    }
                }
                _ => return,
            }
        }
    });
    from
}

/// The terminal passes on everything as it is typed; dropped, it is as it was before.
struct Raw {
    before: Termios,
}

impl Raw {
    fn enter() -> anyhow::Result<Self> {
        let before = tcgetattr(terminal()).context("the terminal cannot be read")?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(terminal(), OptionalActions::Flush, &raw).context("the terminal cannot be set")?;
        Ok(Self { before })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        let _ = tcsetattr(terminal(), OptionalActions::Now, &self.before);
    }
}

fn terminal() -> BorrowedFd<'static> {
    rustix::stdio::stdin()
}
