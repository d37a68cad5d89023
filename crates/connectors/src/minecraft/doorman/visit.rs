//! One visitor, from the first byte to the last.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use uuid::Uuid;

use super::greeting::{Greeting, Heard, Login, can_be_sent};
use super::seats::{Seat, Seats};
use super::{Desk, Limits, Player, Posture, Server, Welcome, relay};
use crate::minecraft::codec::{Reader, Writer};
use crate::minecraft::{Error, legacy, text};
use crate::tcp::within;

/// How long somebody may look at the list of a server that is awake.
const LOOK: Duration = Duration::from_secs(30);
/// How long, and to how many bytes, whoever is sent away is still listened to, so that they hear why.
const FAREWELL: Duration = Duration::from_secs(2);
const LAST_WORDS: u64 = 64 * 1024;
/// The last version that is told at a login how strictly errors are taken.
const STRICTNESS: i32 = 767;

pub(super) struct Visit {
    heard: Heard<TcpStream>,
    peer: SocketAddr,
    limits: Arc<Limits>,
    seat: Seat,
    forwarded: Arc<Seats>,
}

impl Visit {
    pub(super) fn new(
        stream: TcpStream,
        peer: SocketAddr,
        limits: Arc<Limits>,
        seat: Seat,
        forwarded: Arc<Seats>,
    ) -> Self {
        let _ = stream.set_nodelay(true);
        Self { heard: Heard::new(stream), peer, limits, seat, forwarded }
    }

    pub(super) async fn attend<D: Desk>(mut self, desk: &D) -> Result<(), Error> {
        let greeting = self.limits.greeting;
        let late = || Error::Timeout(greeting);
        match within(greeting, self.heard.greeting(), late).await? {
            Greeting::Status { protocol } => {
                let posture = self.posture(desk).await?;
                if let Some(there) = self.ready(&posture).await {
                    return self.look(there).await;
                }
                within(greeting, self.show(protocol, &posture), late).await
            }
            Greeting::OldStatus { oldest } => {
                let posture = self.posture(desk).await?;
                if let Some(there) = self.ready(&posture).await {
                    return self.look(there).await;
                }
                self.part(&old_list(oldest, &posture)).await
            }
            Greeting::Login { protocol } => {
                let login = within(greeting, self.heard.login(protocol), late).await?;
                self.join(desk, login, false).await
            }
            Greeting::OldLogin => {
                let login = within(greeting, self.heard.old_login(), late).await?;
                self.join(desk, login, true).await
            }
        }
    }

    async fn posture<D: Desk>(&self, desk: &D) -> Result<Posture, Error> {
        let patience = self.limits.greeting;
        timeout(patience, desk.posture()).await.map_err(|_| Error::Timeout(patience))
    }

    /// The server, if it is awake and opens.
    async fn ready(&self, posture: &Posture) -> Option<TcpStream> {
        self.reach(posture.forward.as_ref()?).await.ok()
    }

    async fn reach(&self, server: &Server) -> Result<TcpStream, Error> {
        let here = self.heard.from.local_addr()?;
        relay::reach(server, self.peer, here, &self.heard.raw, self.limits.dial).await
    }

    /// Passes somebody on who only looks.
    async fn look(self, there: TcpStream) -> Result<(), Error> {
        timeout(LOOK, self.pass_on(there)).await.unwrap_or(Err(Error::Timeout(LOOK)))
    }

    async fn pass_on(self, there: TcpStream) -> Result<(), Error> {
        let address = self.peer.ip();
        let Some(_seat) = self.forwarded.take(address) else {
            return Err(Error::Lost("too many have been passed on".to_owned()));
        };
        drop(self.seat);
        relay::join(self.heard.from, there).await?;
        Ok(())
    }

    /// The list, and the ping that follows it.
    async fn show(&mut self, protocol: i32, posture: &Posture) -> Result<(), Error> {
        let mut shown = false;
        loop {
            let packet = self.heard.packet().await?;
            let mut reader = Reader(&packet);
            match reader.varint()? {
                0 if !shown => {
                    let list = Writer::packet(0).text(&list(protocol, posture));
                    self.heard.from.write_all(&list.framed()).await?;
                    shown = true;
                }
                1 => {
                    let pong = Writer::packet(1).bytes(reader.bytes(8)?).framed();
                    self.heard.from.write_all(&pong).await?;
                    return Ok(());
                }
                _ => return Err(crate::minecraft::codec::Bad::Kind.into()),
            }
        }
    }

    async fn join<D: Desk>(mut self, desk: &D, login: Login, old: bool) -> Result<(), Error> {
        let posture = self.posture(desk).await?;
        if let Some(there) = self.ready(&posture).await {
            return self.pass_on(there).await;
        }
        let Login { name, uuid, protocol } = login;
        let address: IpAddr = self.peer.ip().to_canonical();
        let player = Player { name, uuid, address, protocol };
        let excuse = || Welcome::Later { text: self.limits.excuse.clone() };
        let welcome = timeout(self.limits.knock, desk.knock(&player)).await.unwrap_or_else(|_| excuse());
        let server = match welcome {
            Welcome::Later { text } => return self.send_away(&text, old).await,
            Welcome::Transfer { host, port } if !old && can_be_sent(protocol) => {
                let greeting = self.limits.greeting;
                let sending = self.send_on(&player, &host, port);
                return within(greeting, sending, || Error::Timeout(greeting)).await;
            }
            Welcome::Transfer { host, port } => Server { host, port, proxy: false },
            Welcome::Forward(server) => server,
        };
        match self.reach(&server).await {
            Ok(there) => self.pass_on(there).await,
            Err(error) => {
                tracing::debug!(host = server.host, port = server.port, %error, "the server does not open");
                let text = self.limits.excuse.clone();
                self.send_away(&text, old).await
            }
        }
    }

    async fn send_away(&mut self, text: &str, old: bool) -> Result<(), Error> {
        let text = text::component(text);
        let goodbye = if old {
            legacy::kick(&text::plain(&text))
        } else {
            Writer::packet(0).text(&text.to_string()).framed()
        };
        self.part(&goodbye).await
    }

    /// Lets somebody log in, and sends them to another address.
    async fn send_on(&mut self, player: &Player, host: &str, port: u16) -> Result<(), Error> {
        let uuid = player.uuid.unwrap_or(Uuid::nil());
        let success = Writer::packet(2).bytes(uuid.as_bytes()).text(&player.name).varint(0);
        let success = if player.protocol <= STRICTNESS { success.bytes(&[0]) } else { success };
        self.heard.from.write_all(&success.framed()).await?;
        // They say that they have heard it, and only then understand what comes.
        while Reader(&self.heard.packet().await?).varint()? != 3 {}
        let transfer = Writer::packet(0x0b).text(host).varint(i32::from(port));
        self.part(&transfer.framed()).await
    }

    /// Says a last thing, and listens until it was heard: a connection that is closed over unread bytes takes back what
    /// was said last.
    async fn part(&mut self, goodbye: &[u8]) -> Result<(), Error> {
        let parting = async {
            let stream = &mut self.heard.from;
            stream.write_all(goodbye).await?;
            stream.shutdown().await?;
            tokio::io::copy(&mut stream.take(LAST_WORDS), &mut tokio::io::sink()).await?;
            Ok(())
        };
        // Nobody has to say goodbye.
        within(FAREWELL, parting, || Error::Timeout(FAREWELL)).await.or(Ok(()))
    }
}

/// What the list shows, since 1.7.
fn list(protocol: i32, posture: &Posture) -> String {
    let nobody = Uuid::nil();
    let sample: Vec<_> = posture.sample.iter().map(|line| json!({"name": line, "id": nobody})).collect();
    json!({
        "version": {"name": posture.version_name, "protocol": protocol},
        "players": {"max": posture.max, "online": posture.online, "sample": sample},
        "description": text::component(&posture.motd),
        "enforcesSecureChat": false,
    })
    .to_string()
}

/// And before. The version 127 is that of nobody; the client shows the name that goes with it.
fn old_list(oldest: bool, posture: &Posture) -> Vec<u8> {
    let motd = text::plain(&text::component(&posture.motd)).replace(['\n', '\0'], " ");
    let Posture { version_name, online, max, .. } = posture;
    let said = if oldest {
        format!("{}§{online}§{max}", motd.replace('§', ""))
    } else {
        let version = version_name.replace('\0', "");
        format!("§1\0{}\0{version}\0{motd}\0{online}\0{max}", 127)
    };
    legacy::kick(&said)
}
