//! What a Minecraft server says of itself in the server list. A port that is open and silent is no server: only an
//! answer of the protocol counts, and it has one deadline from the first packet to the last.

use std::time::{Duration, Instant};

use innkeeper_domain::reports::Report;
use innkeeper_domain::time::Clock;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::codec::{Bad, Reader, Writer, read_packet};
use super::{Error, bedrock as raknet, legacy as old, text};
use crate::tcp::{dial, micros, within};

/// The version we name ourselves; servers answer any, and this one for the longest time.
const PROTOCOL: i32 = 47;
/// The largest answer; pictures in it are about 100 KiB at most.
const LARGEST: usize = 1024 * 1024;
/// The most names and the longest name that are taken over.
const NAMES: (usize, usize) = (100, 64);

/// Which game.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edition {
    /// By TCP, usually port 25565.
    Java,
    /// By UDP, usually port 19132.
    Bedrock,
}

/// What it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Which game.
    pub edition: Edition,
    /// As it calls itself; empty before 1.4.
    pub version: String,
    /// The number of its protocol, if it tells.
    pub protocol: Option<i32>,
    /// How many play; none when it does not tell, which does not mean that nobody does.
    pub online: Option<u32>,
    /// How many may.
    pub max: Option<u32>,
    /// Some of their names.
    pub sample: Vec<String>,
    /// Its message, without colours.
    pub motd: String,
    /// How long it took to answer.
    pub latency: Duration,
}

/// The Java edition since 1.7.
pub async fn java(host: &str, port: u16, patience: Duration) -> Result<Status, Error> {
    let exchange = async {
        let mut stream = dial(host, port, patience).await?;
        let _ = stream.set_nodelay(true);
        let address: String = host.chars().take(255).collect();
        let handshake =
            Writer::packet(0).varint(PROTOCOL).text(&address).bytes(&port.to_be_bytes()).varint(1).framed();
        let began = Instant::now();
        stream.write_all(&[handshake, Writer::packet(0).framed()].concat()).await?;
        let answer: Vec<u8> = read_packet::<_, Error>(&mut stream, None, LARGEST).await?;
        let first = began.elapsed();
        let mut status = read_status(&answer)?;
        // Some servers hang up instead of this second answer; the first one counts all the same.
        status.latency = match within(patience / 2, ping(&mut stream), || Error::Timeout(patience)).await {
            Ok(latency) => latency,
            Err(_) => first,
        };
        Ok(status)
    };
    within(patience, exchange, || Error::Timeout(patience)).await
}

async fn ping(stream: &mut TcpStream) -> Result<Duration, Error> {
    let token: [u8; 8] = rand::random();
    let began = Instant::now();
    stream.write_all(&Writer::packet(1).bytes(&token).framed()).await?;
    let pong: Vec<u8> = read_packet::<_, Error>(stream, None, 16).await?;
    if pong == [&[1], token.as_slice()].concat() { Ok(began.elapsed()) } else { Err(Bad::Kind.into()) }
}

/// What the first answer says.
pub(super) fn read_status(packet: &[u8]) -> Result<Status, Error> {
    let mut reader = Reader(packet);
    if reader.varint()? != 0 {
        return Err(Bad::Kind.into());
    }
    let json: Value = serde_json::from_str(reader.text(LARGEST)?)
        .map_err(|error| Error::NotMinecraft(format!("its status cannot be read: {error}")))?;
    if !json.is_object() {
        return Err(Error::NotMinecraft("its status is no object".to_owned()));
    }
    let number = |path: &str| json.pointer(path).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
    let sample = json.pointer("/players/sample").and_then(Value::as_array);
    let names = sample.into_iter().flatten().filter_map(|player| player["name"].as_str()).map(text::bare);
    Ok(Status {
        edition: Edition::Java,
        version: json.pointer("/version/name").map(text::plain).unwrap_or_default(),
        protocol: json
            .pointer("/version/protocol")
            .and_then(Value::as_i64)
            .and_then(|n| i32::try_from(n).ok()),
        online: number("/players/online"),
        max: number("/players/max"),
        sample: names.take(NAMES.0).map(|name| name.chars().take(NAMES.1).collect()).collect(),
        motd: json.get("description").map(text::plain).unwrap_or_default(),
        latency: Duration::ZERO,
    })
}

/// The Java edition before 1.7, by the ping that later servers answer too.
pub async fn legacy(host: &str, port: u16, patience: Duration) -> Result<Status, Error> {
    let exchange = async {
        let mut failure = None;
        for request in old::requests(host, port) {
            match ask_legacy(host, port, &request, patience).await {
                // The oldest ones hang up on what they do not know.
                Err(error @ Error::Lost(_)) => failure = Some(error),
                outcome => return outcome,
            }
        }
        Err(failure.unwrap_or(Error::Timeout(patience)))
    };
    within(patience, exchange, || Error::Timeout(patience)).await
}

async fn ask_legacy(host: &str, port: u16, request: &[u8], patience: Duration) -> Result<Status, Error> {
    let mut stream = dial(host, port, patience).await?;
    let began = Instant::now();
    stream.write_all(request).await?;
    let mut head = [0; 3];
    stream.read_exact(&mut head).await?;
    let mut answer = vec![0; 2 * old::announced(head)?];
    stream.read_exact(&mut answer).await?;
    Ok(old::status(&old::utf16(&answer)?, began.elapsed())?)
}

/// The Bedrock edition.
pub async fn bedrock(host: &str, port: u16, patience: Duration) -> Result<Status, Error> {
    within(patience, raknet::ask(host, port, patience), || Error::Timeout(patience)).await
}

/// What was learnt, or why nothing was, as a report.
pub fn report(clock: &Clock, outcome: &Result<Status, Error>) -> Report {
    match outcome {
        Ok(status) => {
            let count = |n: Option<u32>| n.map_or_else(|| "?".to_owned(), |n| n.to_string());
            let (online, max) = (count(status.online), count(status.max));
            Report::success(clock.now(), format!("The server answers: {online} of {max} players."))
                .with("edition", serde_json::to_value(status.edition).unwrap_or_default())
                .with("version", status.version.as_str())
                .with("protocol", status.protocol)
                .with("online", status.online)
                .with("max", status.max)
                .with("sample", status.sample.clone())
                .with("motd", status.motd.as_str())
                .with("latency_us", micros(status.latency))
        }
        Err(error) => {
            let message = format!("The server does not answer: {error}.");
            Report::failure(clock.now(), message, error.code(), error)
        }
    }
}
