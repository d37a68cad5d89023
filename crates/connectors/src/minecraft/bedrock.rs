//! The ping of RakNet, which the Bedrock edition answers without a connection: what the server says of itself is one
//! text of fields with semicolons between them.

use std::time::{Duration, Instant};

use tokio::net::{UdpSocket, lookup_host};
use tokio::time::interval;

use super::codec::{Bad, Reader};
use super::status::{Edition, Status};
use super::{Error, text};
use crate::tcp;

/// By which RakNet knows its own packets.
const MAGIC: [u8; 16] =
    [0x00, 0xff, 0xff, 0x00, 0xfe, 0xfe, 0xfe, 0xfe, 0xfd, 0xfd, 0xfd, 0xfd, 0x12, 0x34, 0x56, 0x78];
const PING: u8 = 0x01;
const PONG: u8 = 0x1c;
/// A ping that is lost is sent again after this long.
const AGAIN: Duration = Duration::from_millis(500);

/// Asks until an answer comes; whoever calls sets the deadline.
pub(super) async fn ask(host: &str, port: u16, patience: Duration) -> Result<Status, Error> {
    let name = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let found =
        lookup_host((name, port)).await.map_err(|error| tcp::Error::UnknownHost(error.to_string()))?;
    let mut failure = tcp::Error::UnknownHost("no address was found".to_owned());
    let addresses: Vec<_> = found.collect();
    let share = patience / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
    for address in addresses {
        let unreachable = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::ConnectionRefused => tcp::Error::Refused,
            _ => tcp::Error::Unreachable(error.to_string()),
        };
        let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(any).await?;
        let asked = async {
            socket.connect(address).await.map_err(unreachable)?;
            converse(&socket, unreachable).await
        };
        match tcp::within(share, asked, || Error::Timeout(patience)).await {
            Err(Error::Dial(error)) => failure = error,
            Err(Error::Timeout(_)) => failure = tcp::Error::Timeout(patience),
            outcome => return outcome,
        }
    }
    Err(failure.into())
}

async fn converse(
    socket: &UdpSocket,
    unreachable: impl Fn(std::io::Error) -> tcp::Error,
) -> Result<Status, Error> {
    let began = Instant::now();
    let guest: [u8; 8] = rand::random();
    let mut again = interval(AGAIN);
    let mut buffer = [0; 2048];
    loop {
        tokio::select! {
            _ = again.tick() => {
                let sent = tcp::micros(began.elapsed()).to_be_bytes();
                let ping = [&[PING], sent.as_slice(), &MAGIC, &guest].concat();
                socket.send(&ping).await.map_err(&unreachable)?;
            }
            received = socket.recv(&mut buffer) => {
                let length = received.map_err(&unreachable)?;
                let (sent, said) = read_pong(&buffer[..length])?;
                let latency = began.elapsed().saturating_sub(Duration::from_micros(sent));
                return Ok(status(&said, latency)?);
            }
        }
    }
}

/// When the ping was sent to which this is the answer, and what it says.
fn read_pong(packet: &[u8]) -> Result<(u64, String), Bad> {
    let mut reader = Reader(packet);
    if reader.u8()? != PONG {
        return Err(Bad::Kind);
    }
    let sent = reader.i64()? as u64;
    reader.i64()?;
    if reader.bytes(MAGIC.len())? != MAGIC {
        return Err(Bad::Kind);
    }
    let length = usize::from(reader.u16()?);
    let said = std::str::from_utf8(reader.bytes(length)?).map_err(|_| Bad::Text)?;
    Ok((sent, said.to_owned()))
}

fn status(said: &str, latency: Duration) -> Result<Status, Bad> {
    // Edition, message, protocol, version, players, most players; what follows differs between servers. A semicolon
    // in the message stands behind a backslash.
    let mut fields: Vec<String> = vec![String::new()];
    let mut letters = said.chars();
    while let Some(letter) = letters.next() {
        match (letter, fields.last_mut()) {
            (';', _) => fields.push(String::new()),
            ('\\', Some(field)) => field.extend(letters.next()),
            (letter, Some(field)) => field.push(letter),
            (_, None) => {}
        }
    }
    let [edition, motd, protocol, version, online, max, rest @ ..] = fields.as_slice() else {
        return Err(Bad::Short);
    };
    if !matches!(edition.as_str(), "MCPE" | "MCEE") {
        return Err(Bad::Kind);
    }
    // The second line of the message stands behind the server's number.
    let second = rest.get(1).map(|line| text::bare(line)).filter(|line| !line.is_empty());
    Ok(Status {
        edition: Edition::Bedrock,
        version: text::bare(version),
        protocol: protocol.parse().ok(),
        online: online.parse().ok(),
        max: max.parse().ok(),
        sample: Vec::new(),
        motd: [Some(text::bare(motd)), second].into_iter().flatten().collect::<Vec<_>>().join("\n"),
        latency,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_fields_are_found() {
        let said = r"MCPE;§aAuberge\; nuit;686;1.21.2;3;10;1234;Bedrock level;Survival;1;19132;19133;";
        let status = status(said, Duration::ZERO).unwrap();
        assert_eq!((status.version.as_str(), status.protocol), ("1.21.2", Some(686)));
        assert_eq!((status.online, status.max), (Some(3), Some(10)));
        assert_eq!(status.motd, "Auberge; nuit\nBedrock level");
        assert!(super::status("MCPE;a;1;2;3", Duration::ZERO).is_err());
        assert!(super::status("HTTP;a;1;2;3;4", Duration::ZERO).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, said in ".{0,80}") {
            let _ = read_pong(&bytes);
            let _ = status(&said, Duration::ZERO);
            let _ = read_pong(&[&[PONG; 17], MAGIC.as_slice(), &bytes].concat());
        }
    }
}
