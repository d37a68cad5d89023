//! Whether a machine answers an ICMP echo.
//!
//! Only an echo reply that comes from the machine itself and carries what we sent counts. "Host unreachable" is an
//! answer too, from somebody else, and says the opposite. Not being allowed to ask is never "down".

use std::fmt::Write as _;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use innkeeper_domain::reports::Report;
use innkeeper_domain::time::Clock;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::time::{interval, timeout};

use crate::tcp::micros;

/// An echo that is lost is sent again after this long.
const AGAIN: Duration = Duration::from_secs(1);
/// The bytes by which a reply is known as ours.
const TOKEN: usize = 16;
/// Type, code, checksum, identifier, number.
const HEAD: usize = 8;

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{0}")]
    NotPermitted(io::Error),
    #[error("no way leads there: {0}")]
    Unreachable(io::Error),
    #[error("no reply within {0:?}")]
    Silent(Duration),
}

impl Error {
    fn code(&self) -> &'static str {
        match self {
            Self::NotPermitted(_) => "not_permitted",
            Self::Unreachable(_) => "unreachable",
            Self::Silent(_) => "no_answer",
        }
    }
}

/// Asks until a reply comes or the time is over.
pub async fn echo(clock: &Clock, address: IpAddr, patience: Duration) -> Report {
    let outcome = timeout(patience, ask(address)).await.unwrap_or(Err(Error::Silent(patience)));
    let report = match outcome {
        Ok(took) => Report::success(clock.now(), format!("{address} answers.")).with("rtt_us", micros(took)),
        Err(error) => {
            let mut message = match error {
                Error::NotPermitted(_) => format!("Whether {address} answers is not known: "),
                _ => format!("{address} does not answer: "),
            };
            let _ = match &error {
                Error::NotPermitted(_) => write!(
                    message,
                    "this machine does not let Innkeeper send ICMP. Have sysctl net.ipv4.ping_group_range include \
                     its group, give it CAP_NET_RAW, or look at the firewall."
                ),
                other => write!(message, "{other}."),
            };
            Report::failure(clock.now(), message, error.code(), &error)
        }
    };
    report.with("address", address.to_string())
}

async fn ask(address: IpAddr) -> Result<Duration, Error> {
    let (socket, raw) = open(address)?;
    // The kernel passes on only what comes from there; who it is from is looked at again below all the same.
    socket.connect(SocketAddr::new(address, 0)).await.map_err(refusal)?;
    let probe = Probe { raw, address, identifier: rand::random(), token: rand::random() };
    let mut again = interval(AGAIN);
    let mut sent: Vec<Instant> = Vec::new();
    let mut buffer = [0; 2048];
    loop {
        tokio::select! {
            _ = again.tick() => {
                let number = u16::try_from(sent.len()).unwrap_or(u16::MAX);
                sent.push(Instant::now());
                socket.send(&probe.request(number)).await.map_err(refusal)?;
            }
            received = socket.recv_from(&mut buffer) => {
                // What the network says of an earlier packet is not an end of it: the machine may be about to wake.
                let Ok((length, from)) = received else { continue };
                let reply = probe.reply(from.ip(), &buffer[..length]);
                if let Some(asked) = reply.and_then(|number| sent.get(usize::from(number))) {
                    return Ok(asked.elapsed());
                }
            }
        }
    }
}

/// The kind of socket for which no right is needed where the system is set up so, or else the one that needs one.
fn open(address: IpAddr) -> Result<(UdpSocket, bool), Error> {
    let (domain, protocol) = match address {
        IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4),
        IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6),
    };
    let socket = |kind| {
        let socket = Socket::new(domain, kind, Some(protocol))?;
        socket.set_nonblocking(true)?;
        UdpSocket::from_std(socket.into())
    };
    match socket(Type::DGRAM) {
        Ok(socket) => Ok((socket, false)),
        Err(_) => socket(Type::RAW).map(|socket| (socket, true)).map_err(refusal),
    }
}

fn refusal(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Error::NotPermitted(error),
        _ => Error::Unreachable(error),
    }
}

struct Probe {
    /// We see everybody's packets, with their IP head in IPv4, and give the identifier ourselves.
    raw: bool,
    address: IpAddr,
    identifier: u16,
    token: [u8; TOKEN],
}

impl Probe {
    fn request(&self, number: u16) -> Vec<u8> {
        let kind = if self.address.is_ipv4() { 8 } else { 128 };
        let mut packet = vec![kind, 0, 0, 0];
        packet.extend(self.identifier.to_be_bytes());
        packet.extend(number.to_be_bytes());
        packet.extend(self.token);
        // Of ICMPv6 the kernel reckons it, since it covers the addresses.
        if self.address.is_ipv4() {
            let sum = checksum(&packet).to_be_bytes();
            packet[2..4].copy_from_slice(&sum);
        }
        packet
    }

    /// The number of the request that this is the reply to, if it is one.
    fn reply(&self, from: IpAddr, packet: &[u8]) -> Option<u16> {
        let packet = match self.address {
            IpAddr::V4(_) if self.raw => packet.get(usize::from(packet.first()? & 0x0f) * 4..)?,
            _ => packet,
        };
        let kind = if self.address.is_ipv4() { 0 } else { 129 };
        let (head, rest) = packet.split_at_checked(HEAD)?;
        let is_reply = head[0] == kind && head[1] == 0 && from == self.address;
        let ours = rest == self.token && (!self.raw || head[4..6] == self.identifier.to_be_bytes());
        (is_reply && ours).then(|| u16::from_be_bytes([head[6], head[7]]))
    }
}

/// RFC 1071.
fn checksum(packet: &[u8]) -> u16 {
    let pairs = packet.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
    let mut sum: u32 = pairs.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(raw: bool) -> Probe {
        Probe { raw, address: [10, 0, 0, 9].into(), identifier: 7, token: [3; TOKEN] }
    }

    #[test]
    fn only_an_echo_reply_from_there_counts() {
        let probe = probe(false);
        let mut reply = probe.request(5);
        assert_eq!(checksum(&reply), 0, "a right checksum makes the sum come out even");
        assert_eq!(probe.reply(probe.address, &reply), None, "our own request");
        reply[0] = 0;
        assert_eq!(probe.reply(probe.address, &reply), Some(5));
        assert_eq!(probe.reply([10, 0, 0, 1].into(), &reply), None, "somebody else");
        reply[0] = 3;
        assert_eq!(probe.reply(probe.address, &reply), None, "destination unreachable");
        reply[0] = 0;
        *reply.last_mut().unwrap() ^= 1;
        assert_eq!(probe.reply(probe.address, &reply), None, "an echo of somebody else's");
    }

    #[test]
    fn a_raw_packet_is_read_behind_its_ip_head_whatever_its_length() {
        let probe = probe(true);
        let mut reply = probe.request(0);
        reply[0] = 0;
        for words in [5_u8, 6, 15] {
            let mut packet = vec![0x40 | words];
            packet.resize(usize::from(words) * 4, 0);
            packet.extend(&reply);
            assert_eq!(probe.reply(probe.address, &packet), Some(0));
            packet.truncate(packet.len() - TOKEN - 1);
            assert_eq!(probe.reply(probe.address, &packet), None);
        }
        for length in 0..HEAD {
            assert_eq!(probe.reply(probe.address, &vec![0x4f; length]), None);
        }
        let mut other = probe.request(0);
        (other[0], other[5]) = (0, 8);
        let packet = [[0x45].as_slice(), &[0; 19], &other].concat();
        assert_eq!(probe.reply(probe.address, &packet), None, "another process's");
    }
}
