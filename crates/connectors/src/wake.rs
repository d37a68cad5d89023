//! Waking a machine by magic packets.
//!
//! Nobody answers a magic packet, and sending one succeeds even where it can never arrive: what is reported is that
//! packets were sent, never that anybody woke.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

pub use innkeeper_domain::hosts::{BadMac, Mac, six};
use innkeeper_domain::reports::Report;
use innkeeper_domain::time::Clock;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::time::{sleep, timeout};

/// Between two rounds, so that a switch which wakes a port by the first packet passes the next.
const PAUSE: Duration = Duration::from_millis(50);
/// Around all of the sending.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most packets to one port, and the most ports.
const MOST: usize = 20;

/// What wakes one machine.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MagicPacket {
    /// Whom.
    pub mac: Mac,
    /// The password that its card may ask for.
    pub secure_on: Option<[u8; 6]>,
}

impl fmt::Debug for MagicPacket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MagicPacket({})", self.mac)
    }
}

impl MagicPacket {
    /// Six bytes of ones, sixteen times the address, and the password if there is one.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0xff; 6];
        bytes.extend(self.mac.0.repeat(16));
        bytes.extend(self.secure_on.iter().flatten());
        bytes
    }
}

/// Whom to wake, and on which way.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// Its hardware address.
    pub mac: Mac,
    /// The password that its card may ask for.
    pub secure_on: Option<[u8; 6]>,
    /// Through which interface of ours; none leaves it to the routes.
    pub interface: Option<String>,
    /// A broadcast address, or its own; none is everybody on the network, 255.255.255.255.
    pub address: Option<IpAddr>,
    /// Usually 9 and 7.
    pub ports: Vec<u16>,
    /// How many to each port, usually 3: nobody says whether one arrived.
    pub packets: u8,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("mac", &self.mac)
            .field("interface", &self.interface)
            .field("address", &self.address)
            .field("ports", &self.ports)
            .field("packets", &self.packets)
            .finish_non_exhaustive()
    }
}

impl Target {
    /// Everybody on the network, ports 9 and 7, three packets each.
    pub fn new(mac: Mac) -> Self {
        Self { mac, secure_on: None, interface: None, address: None, ports: vec![9, 7], packets: 3 }
    }
}

/// Why not even one packet was sent.
struct Refusal {
    code: &'static str,
    remedy: String,
    said: String,
}

impl Refusal {
    fn new(code: &'static str, remedy: impl Into<String>, said: impl ToString) -> Self {
        Self { code, remedy: remedy.into(), said: said.to_string() }
    }
}

/// Sends the packets. Success is that at least one was sent, and says nothing of waking.
pub async fn send(clock: &Clock, target: &Target) -> Report {
    let address = target.address.unwrap_or(IpAddr::V4(Ipv4Addr::BROADCAST));
    let mut sent = 0_u32;
    let sending = send_all(target, address, &mut sent);
    let outcome = timeout(PATIENCE, sending).await.unwrap_or_else(|_| {
        Err(Refusal::new("timeout", "The network does not take the packets.", "sending takes too long"))
    });
    let report = match outcome {
        Ok(()) => Report::success(clock.now(), format!("{sent} magic packets for {} were sent.", target.mac)),
        Err(refusal) if sent > 0 => {
            let message = format!("{sent} magic packets for {} were sent, and not the others.", target.mac);
            Report::success(clock.now(), message).with("not_sent", refusal.said)
        }
        Err(refusal) => {
            let message = format!("No magic packet for {} was sent. {}", target.mac, refusal.remedy);
            Report::failure(clock.now(), message, refusal.code, refusal.said)
        }
    };
    report
        .with("packets_sent", sent)
        .with("mac", target.mac.to_string())
        .with("address", address.to_string())
        .with("ports", target.ports.clone())
        .with("interface", target.interface.clone())
}

async fn send_all(target: &Target, address: IpAddr, sent: &mut u32) -> Result<(), Refusal> {
    if target.ports.is_empty() || target.ports.len() > MOST || target.ports.contains(&0) {
        let remedy = format!("`ports` must be 1 to {MOST} ports, usually 9 and 7.");
        return Err(Refusal::new("bad_request", remedy, "no such ports"));
    }
    if target.packets == 0 || usize::from(target.packets) > MOST {
        let remedy = format!("`packets` must be 1 to {MOST}, usually 3.");
        return Err(Refusal::new("bad_request", remedy, "no such number of packets"));
    }
    let interface = target.interface.as_deref();
    if interface == Some("") {
        let remedy = "`interface` must be the name of one, or nothing at all.";
        return Err(Refusal::new("bad_request", remedy, "an empty name would leave it to the routes"));
    }
    let socket = open(address, interface)?;
    let packet = MagicPacket { mac: target.mac, secure_on: target.secure_on }.bytes();
    let mut refused = None;
    for round in 0..target.packets {
        if round > 0 {
            sleep(PAUSE).await;
        }
        for port in &target.ports {
            match socket.send_to(&packet, SocketAddr::new(address, *port)).await {
                Ok(_) => *sent += 1,
                Err(error) => refused = Some(refusal(&error, interface)),
            }
        }
        if *sent == 0 {
            break;
        }
    }
    refused.map_or(Ok(()), Err)
}

fn open(address: IpAddr, interface: Option<&str>) -> Result<UdpSocket, Refusal> {
    let domain = if address.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let socket = || -> io::Result<Socket> {
        let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        if address.is_ipv4() {
            socket.set_broadcast(true)?;
        }
        socket.bind_device(interface.map(str::as_bytes))?;
        Ok(socket)
    };
    socket().and_then(|socket| UdpSocket::from_std(socket.into())).map_err(|error| refusal(&error, interface))
}

/// What the network says, as a stable word with what to do about it.
fn refusal(error: &io::Error, interface: Option<&str>) -> Refusal {
    let name = interface.unwrap_or_default();
    // ENODEV has no kind of its own.
    let no_device = error.raw_os_error() == Some(19);
    match error.kind() {
        _ if no_device || (interface.is_some() && error.kind() == io::ErrorKind::InvalidInput) => {
            let remedy = format!("This machine has no interface `{name}`: `ip link` lists them.");
            Refusal::new("no_interface", remedy, error)
        }
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            let remedy = match interface {
                Some(name) => format!("No way leads out through `{name}`: is it up, and has it an address?"),
                None => "No route leads there: name the interface, or the broadcast address of its network."
                    .to_owned(),
            };
            Refusal::new("no_route", remedy, error)
        }
        io::ErrorKind::NetworkDown => {
            Refusal::new("no_route", "The interface is down: set it up, or name another.", error)
        }
        io::ErrorKind::PermissionDenied => {
            let remedy = "This machine does not let Innkeeper send there: look at its firewall and, for \
                          an interface, at CAP_NET_RAW.";
            Refusal::new("forbidden", remedy, error)
        }
        _ => Refusal::new("not_sent", "The network did not take it.", error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_as_the_card_expects_it() {
        let mac: Mac = "00:23:7D:FD:C0:5C".parse().unwrap();
        let plain = MagicPacket { mac, secure_on: None }.bytes();
        assert_eq!(hex::encode(&plain), format!("ffffffffffff{}", "00237dfdc05c".repeat(16)));
        let secured = MagicPacket { mac, secure_on: Some(six("01-02-03-04-05-06").unwrap()) };
        assert_eq!(secured.bytes(), [plain.as_slice(), &[1, 2, 3, 4, 5, 6]].concat());
        assert_eq!(format!("{secured:?}"), "MagicPacket(00:23:7d:fd:c0:5c)", "the password is not shown");
    }

    #[test]
    fn an_address_is_read_in_all_usual_forms_and_no_other() {
        let mac: Mac = "00237dfdc05c".parse().unwrap();
        assert_eq!("00-23-7d-fd-c0-5c".parse(), Ok(mac));
        assert_eq!(serde_json::to_string(&mac).unwrap(), "\"00:23:7d:fd:c0:5c\"");
        assert_eq!(serde_json::from_str::<Mac>("\"00:23:7D:FD:C0:5C\"").unwrap(), mac);
        for bad in [
            "",
            "00:23:7d:fd:c0",
            "00:23-7d:fd-c0:5c",
            "00:23:7d:fd:c0:5g",
            "0é:23:7d:fd:c0:5",
            "+0237dfdc05c",
        ] {
            assert_eq!(bad.parse::<Mac>(), Err(BadMac::Form), "{bad}");
        }
        for group in ["ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", "01:00:5e:00:00:01"] {
            assert_eq!(group.parse::<Mac>(), Err(BadMac::Group), "{group}");
        }
    }
}
