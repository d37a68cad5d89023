//! A Minecraft server as far as it is talked to here: its status over TCP, and its remote console. Small and real: bytes
//! on sockets, written after the protocol's description and not after the connector.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The password of its console.
pub(crate) const PASSWORD: &str = "hunter2";

/// What goes on at a server, and what was said to its console.
#[derive(Clone)]
pub(crate) struct Game {
    pub(crate) port: u16,
    pub(crate) console: u16,
    pub(crate) players: Arc<AtomicU32>,
    /// The frames that came to the console, as they came.
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
    /// Whether it goes on after a save.
    saves: watch::Sender<bool>,
    door: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Game {
    /// One that runs.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let console = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let game = Self {
            port: listener.local_addr().unwrap().port(),
            console: console.local_addr().unwrap().port(),
            players: Arc::default(),
            heard: Arc::default(),
            saves: watch::Sender::new(true),
            door: Arc::default(),
        };
        game.serve(listener);
        let (heard, saves) = (game.heard.clone(), game.saves.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = console.accept().await {
                tokio::spawn(converse(stream, heard.clone(), saves.subscribe()));
            }
        });
        game
    }

    fn serve(&self, listener: TcpListener) {
        let players = self.players.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, players.clone()));
            }
        });
        *self.door.lock().unwrap() = Some(task);
    }

    /// Nothing listens any more.
    pub(crate) async fn close(&self) {
        let task = self.door.lock().unwrap().take();
        if let Some(task) = task {
            task.abort();
            let _ = task.await;
        }
    }

    /// It listens again.
    pub(crate) async fn open(&self) {
        self.serve(TcpListener::bind(("127.0.0.1", self.port)).await.unwrap());
    }

    /// From now on a save takes until it may end.
    pub(crate) fn hold_saves(&self, hold: bool) {
        self.saves.send_replace(!hold);
    }

    /// The commands that were given.
    pub(crate) fn commands(&self) -> Vec<String> {
        let heard = self.heard.lock().unwrap();
        let commands = heard.iter().filter(|frame| frame[4..8] == 2_i32.to_le_bytes());
        commands.map(|frame| String::from_utf8(frame[8..frame.len() - 2].to_vec()).unwrap()).collect()
    }
}

async fn varint(stream: &mut TcpStream) -> std::io::Result<usize> {
    let mut value = 0;
    for shift in [0, 7, 14, 21, 28] {
        let byte = stream.read_u8().await?;
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    Ok(value)
}

fn packed(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

async fn packet(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let length = varint(stream).await?;
    let mut packet = vec![0; length];
    stream.read_exact(&mut packet).await?;
    Ok(packet)
}

/// The server list.
async fn answer(mut stream: TcpStream, players: Arc<AtomicU32>) -> std::io::Result<()> {
    packet(&mut stream).await?;
    packet(&mut stream).await?;
    let online = players.load(Ordering::SeqCst);
    let status = format!(
        r#"{{"version":{{"name":"1.21.4","protocol":769}},"players":{{"max":20,"online":{online},"sample":[]}},"description":"Auberge"}}"#
    );
    let body = [vec![0], packed(status.len()), status.into_bytes()].concat();
    stream.write_all(&[packed(body.len()), body].concat()).await?;
    let ping = packet(&mut stream).await?;
    stream.write_all(&[packed(ping.len()), ping].concat()).await
}

/// The remote console.
async fn converse(
    mut stream: TcpStream,
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
    mut saves: watch::Receiver<bool>,
) -> std::io::Result<()> {
    loop {
        let length = stream.read_i32_le().await?;
        let mut frame = vec![0; length as usize];
        stream.read_exact(&mut frame).await?;
        heard.lock().unwrap().push(frame.clone());
        let (id, kind) = (&frame[..4], i32::from_le_bytes(frame[4..8].try_into().unwrap()));
        let said = &frame[8..frame.len() - 2];
        if said.starts_with(b"save-all") {
            let _ = saves.wait_for(|go_on| *go_on).await;
        }
        let (id, kind): (Vec<u8>, i32) = match kind {
            3 if said != PASSWORD.as_bytes() => ((-1_i32).to_le_bytes().to_vec(), 2),
            3 => (id.to_vec(), 2),
            _ => (id.to_vec(), 0),
        };
        let body = [id, kind.to_le_bytes().to_vec(), b"ok\0\0".to_vec()].concat();
        stream.write_all(&[(body.len() as i32).to_le_bytes().to_vec(), body].concat()).await?;
    }
}
