//! The doorman, before clients written by others and with a server written by others behind him.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use innkeeper_connectors::minecraft::doorman::{self, Desk, Limits, Player, Posture, Server, Welcome};
use innkeeper_connectors::minecraft::status;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{PATIENCE, join, look, modules, server};

/// A desk that says what it is told to, and keeps who knocked.
pub(super) struct Reception {
    posture: Mutex<Posture>,
    /// Without one it never answers.
    welcome: Mutex<Option<Welcome>>,
    knocks: mpsc::UnboundedSender<Player>,
}

impl Desk for Reception {
    async fn posture(&self) -> Posture {
        self.posture.lock().unwrap().clone()
    }

    async fn knock(&self, player: &Player) -> Welcome {
        self.knocks.send(player.clone()).unwrap();
        let welcome = self.welcome.lock().unwrap().clone();
        match welcome {
            Some(welcome) => welcome,
            None => std::future::pending().await,
        }
    }
}

pub(super) struct House {
    pub(super) address: SocketAddr,
    desk: Arc<Reception>,
    knocks: mpsc::UnboundedReceiver<Player>,
    pub(super) doorman: JoinHandle<()>,
    pub(super) stop: CancellationToken,
    _stop: DropGuard,
}

impl House {
    pub(super) async fn open(limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, knocks) = mpsc::unbounded_channel();
        let posture = Posture {
            version_name: "Asleep".to_owned(),
            motd: "§7L'Auberge dort".to_owned(),
            online: 0,
            max: 12,
            sample: vec!["Join to wake it".to_owned()],
            forward: None,
        };
        let later = Welcome::Later { text: "Le serveur démarre".to_owned() };
        let desk = Arc::new(Reception {
            posture: Mutex::new(posture),
            welcome: Mutex::new(Some(later)),
            knocks: sender,
        });
        let stop = CancellationToken::new();
        let doorman = tokio::spawn(doorman::run(listener, Arc::clone(&desk), stop.clone(), limits));
        Self { address, desk, knocks, doorman, stop: stop.clone(), _stop: stop.drop_guard() }
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    fn ready(&self, port: u16) {
        self.desk.posture.lock().unwrap().forward = Some(at(port));
    }

    fn welcomes(&self, welcome: Option<Welcome>) {
        *self.desk.welcome.lock().unwrap() = welcome;
    }

    async fn knocked(&mut self) -> Player {
        tokio::time::timeout(PATIENCE, self.knocks.recv()).await.unwrap().unwrap()
    }

    fn nobody_knocked(&mut self) {
        assert!(self.knocks.try_recv().is_err(), "somebody knocked");
    }

    /// All that is said to whoever says these bytes.
    pub(super) async fn told(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut told = Vec::new();
        tokio::time::timeout(PATIENCE, stream.read_to_end(&mut told)).await.unwrap().unwrap();
        told
    }
}

fn at(port: u16) -> Server {
    Server { host: "127.0.0.1".to_owned(), port, proxy: false }
}

/// A port at which nobody listens.
async fn nowhere() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

/// A handshake and a login of 1.8, as they are on the wire.
fn login(name: &str) -> Vec<u8> {
    let hello = [&[0x00, 47, 9], b"localhost".as_slice(), &[0x63, 0xdd, 2]].concat();
    let start = [&[0x00, name.len() as u8], name.as_bytes()].concat();
    [vec![hello.len() as u8], hello, vec![start.len() as u8], start].concat()
}

/// What a client is shown as it is turned away; since 1.20.3 it shows the parts of it otherwise.
fn reason(happened: &Value) -> String {
    let reason = &happened["disconnect"];
    reason.as_str().map_or_else(|| reason.to_string(), str::to_owned)
}

async fn joined(server: &mut crate::foreign::Server) -> Value {
    serde_json::from_str(&server.line().await).unwrap()
}

async fn asleep(modules: &PathBuf) {
    let house = House::open(Limits::default()).await;
    let seen = look(modules, house.port()).await;
    let expected = json!({
        "version": {"name": "Asleep", "protocol": 769},
        "players": {
            "max": 12,
            "online": 0,
            "sample": [{"name": "Join to wake it", "id": "00000000-0000-0000-0000-000000000000"}],
        },
        "description": {"text": "§7L'Auberge dort"},
        "ponged": true,
    });
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn while_the_server_sleeps_the_list_says_so() {
    let Some(modules) = modules() else { return };
    asleep(&modules).await;
}

#[tokio::test]
async fn our_own_eyes_see_the_doorman_too_in_every_form() {
    let house = House::open(Limits::default()).await;
    let seen = status::java("127.0.0.1", house.port(), PATIENCE).await.unwrap();
    assert_eq!((seen.version.as_str(), seen.protocol, seen.max), ("Asleep", Some(47), Some(12)));
    assert_eq!((seen.motd.as_str(), seen.sample), ("L'Auberge dort", vec!["Join to wake it".to_owned()]));
    let seen = status::legacy("127.0.0.1", house.port(), PATIENCE).await.unwrap();
    assert_eq!((seen.version.as_str(), seen.motd.as_str()), ("Asleep", "L'Auberge dort"));
    assert_eq!((seen.online, seen.max, seen.protocol), (Some(0), Some(12), Some(127)));
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>();
    // 1.4, and before.
    let new = [vec![0xff, 0, 33], utf16("§1\x00127\0Asleep\0L'Auberge dort\x000\x0012")].concat();
    assert_eq!(house.told(&[0xfe, 0x01]).await, new);
    let old = house.told(&[0xfe]).await;
    assert_eq!(old[3..], utf16("L'Auberge dort§0§12"));
    assert_eq!(usize::from(old[2]) * 2, old.len() - 3);
}

#[tokio::test]
async fn whoever_joins_a_sleeping_server_knocks_and_is_told_in_every_version() {
    let Some(modules) = modules() else { return };
    let mut house = House::open(Limits::default()).await;
    for (version, protocol) in [("1.8.8", 47), ("1.16.5", 754), ("1.20.4", 765), ("1.21.4", 769)] {
        let happened = join(&modules, house.port(), version, "Alice_1").await;
        assert!(reason(&happened).contains("Le serveur démarre"), "{version}: {happened}");
        let player = house.knocked().await;
        assert_eq!((player.name.as_str(), player.protocol), ("Alice_1", protocol));
        assert!(player.address.is_loopback());
        assert_eq!(player.uuid.is_some(), protocol >= 764, "{version}");
    }
    house.nobody_knocked();
}

#[tokio::test]
async fn a_client_of_before_1_7_knocks_too() {
    let mut house = House::open(Limits::default()).await;
    let text = |text: &str| {
        let units: Vec<u16> = text.encode_utf16().collect();
        [(units.len() as u16).to_be_bytes().to_vec(), units.iter().flat_map(|u| u.to_be_bytes()).collect()]
            .concat()
    };
    let hello =
        [vec![0x02, 74], text("Steve"), text("inn.example"), 25565_u32.to_be_bytes().to_vec()].concat();
    let told = house.told(&hello).await;
    assert_eq!(told, [vec![0xff], text("Le serveur démarre")].concat());
    let player = house.knocked().await;
    assert_eq!((player.name.as_str(), player.protocol, player.uuid), ("Steve", 74, None));
}

#[tokio::test]
async fn once_the_server_is_ready_players_reach_it_through_the_doorman() {
    let Some(modules) = modules() else { return };
    let mut house = House::open(Limits::default()).await;
    for version in ["1.8.8", "1.20.4"] {
        let (mut server, port) = server(&modules, version, "awake").await;
        house.ready(port);
        let seen = look(&modules, house.port()).await;
        assert_eq!(
            (&seen["description"]["text"], &seen["version"]["name"]),
            (&"awake".into(), &version.into())
        );
        assert_eq!(seen["ponged"], true, "the server's own answer, ping and all");
        let seen = status::legacy("127.0.0.1", house.port(), PATIENCE).await.unwrap();
        assert_eq!(seen.motd, "awake");
        let happened = join(&modules, house.port(), version, "Alice").await;
        assert_eq!(happened, json!({"playing": true}), "{version}");
        let there = joined(&mut server).await;
        assert_eq!(there["joined"], "Alice");
        assert_eq!(there["asked"], format!("127.0.0.1:{}", house.port()), "as the player typed it");
        assert_eq!(joined(&mut server).await["left"], "Alice", "who leaves here leaves there");
    }
    house.nobody_knocked();
}

#[tokio::test]
async fn whoever_knocked_while_it_woke_is_passed_on() {
    let Some(modules) = modules() else { return };
    let mut house = House::open(Limits::default()).await;
    let (mut server, port) = server(&modules, "1.20.4", "awake").await;
    house.welcomes(Some(Welcome::Forward(at(port))));
    assert_eq!(join(&modules, house.port(), "1.20.4", "Bob").await, json!({"playing": true}));
    assert_eq!(joined(&mut server).await["joined"], "Bob");
    assert_eq!(house.knocked().await.name, "Bob");
}

#[tokio::test]
async fn a_client_that_can_be_is_sent_elsewhere_and_an_older_one_passed_on() {
    let Some(modules) = modules() else { return };
    let mut house = House::open(Limits::default()).await;
    let (mut server, port) = server(&modules, "1.20.4", "awake").await;
    house.welcomes(Some(Welcome::Transfer { host: "127.0.0.1".to_owned(), port }));
    // The first still expects a byte that the second knows no more.
    for version in ["1.21.1", "1.21.4"] {
        let happened = join(&modules, house.port(), version, "Carol").await;
        assert_eq!(happened, json!({"transfer": format!("127.0.0.1:{port}")}), "{version}");
        assert_eq!(house.knocked().await.name, "Carol");
    }
    assert_eq!(join(&modules, house.port(), "1.20.4", "Dave").await, json!({"playing": true}));
    assert_eq!(joined(&mut server).await["joined"], "Dave");
}

#[tokio::test]
async fn a_server_that_is_said_to_be_ready_and_is_not_is_asleep() {
    let mut house = House::open(Limits::default()).await;
    let nowhere = nowhere().await;
    house.ready(nowhere);
    let seen = status::java("127.0.0.1", house.port(), PATIENCE).await.unwrap();
    assert_eq!(seen.version, "Asleep");
    let told = String::from_utf8(house.told(&login("Alice")).await).unwrap();
    assert!(told.contains("Le serveur démarre"), "{told}");
    assert_eq!(house.knocked().await.name, "Alice");
    house.welcomes(Some(Welcome::Forward(at(nowhere))));
    let told = String::from_utf8(house.told(&login("Alice")).await).unwrap();
    assert!(told.contains(&Limits::default().excuse), "{told}");
}

#[tokio::test]
async fn a_desk_that_does_not_answer_keeps_nobody_for_ever() {
    let limits = Limits { knock: Duration::from_millis(200), ..Limits::default() };
    let mut house = House::open(limits).await;
    house.welcomes(None);
    let told = String::from_utf8(house.told(&login("Alice")).await).unwrap();
    assert!(told.contains(&Limits::default().excuse), "{told}");
    assert_eq!(house.knocked().await.name, "Alice");
}

#[tokio::test]
async fn the_text_may_be_json_text_and_a_name_is_a_name() {
    let mut house = House::open(Limits::default()).await;
    house.welcomes(Some(Welcome::Later { text: r#"{"text":"Bientôt","color":"gold"}"#.to_owned() }));
    let told = house.told(&login("Alice")).await;
    let json: Value = serde_json::from_slice(&told[3..]).unwrap();
    assert_eq!(json, json!({"text": "Bientôt", "color": "gold"}));
    assert_eq!((usize::from(told[0]), usize::from(told[2])), (told.len() - 1, told.len() - 3));
    house.knocked().await;
    for bad in ["", "two words", "@a", "semi;colon", "ABCDEFGHIJKLMNOPQ"] {
        assert!(house.told(&login(bad)).await.is_empty(), "{bad}");
    }
    house.nobody_knocked();
    house.told(&login(".Bedrock_Friend")).await;
    assert_eq!(house.knocked().await.name, ".Bedrock_Friend");
}

#[tokio::test]
async fn the_server_is_told_who_comes_and_every_byte_goes_both_ways() {
    let house = House::open(Limits::default()).await;
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = server.local_addr().unwrap().port();
    house.desk.posture.lock().unwrap().forward = Some(Server { proxy: true, ..at(port) });
    let mut player = TcpStream::connect(house.address).await.unwrap();
    let hello = [login("Alice"), b"and more".to_vec()].concat();
    player.write_all(&hello).await.unwrap();
    let (mut there, _) = server.accept().await.unwrap();
    let mut head = [0; 28];
    there.read_exact(&mut head).await.unwrap();
    let from = player.local_addr().unwrap();
    let ports = [from.port().to_be_bytes(), house.port().to_be_bytes()].concat();
    let expected =
        [b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".as_slice(), &[127, 0, 0, 1, 127, 0, 0, 1], &ports].concat();
    assert_eq!(head.as_slice(), expected);
    let mut said = vec![0; hello.len()];
    there.read_exact(&mut said).await.unwrap();
    assert_eq!(said, hello);
    there.write_all(b"welcome").await.unwrap();
    drop(there);
    let mut told = Vec::new();
    player.read_to_end(&mut told).await.unwrap();
    assert_eq!(told, b"welcome");
}

#[tokio::test]
async fn when_the_doorman_goes_everybody_goes() {
    let mut house = House::open(Limits::default()).await;
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    house.ready(server.local_addr().unwrap().port());
    let mut player = TcpStream::connect(house.address).await.unwrap();
    player.write_all(&login("Alice")).await.unwrap();
    let (mut there, _) = server.accept().await.unwrap();
    let mut said = vec![0; login("Alice").len()];
    there.read_exact(&mut said).await.unwrap();
    house.stop.cancel();
    tokio::time::timeout(PATIENCE, &mut house.doorman).await.unwrap().unwrap();
    // The end of the stream or a reset: there is nobody any more.
    assert!(matches!(player.read(&mut [0; 8]).await, Ok(0) | Err(_)));
    assert!(matches!(there.read(&mut [0; 8]).await, Ok(0) | Err(_)));
    assert!(TcpStream::connect(house.address).await.is_err());
}
