//! Passing somebody on: what they have said so far is said again to the server, and from then on every byte goes both
//! ways unread.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;

use super::Server;
use crate::minecraft::Error;
use crate::tcp::{dial, within};

/// A side that has vanished is noticed after about this long three times over.
const ALIVE: Duration = Duration::from_secs(30);

/// The 12 bytes by which the second version of the PROXY protocol begins.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// Opens the server's door and says there what was said here.
pub(super) async fn reach(
    server: &Server,
    visitor: SocketAddr,
    here: SocketAddr,
    said: &[u8],
    patience: Duration,
) -> Result<TcpStream, Error> {
    let reaching = async {
        let mut there = dial(&server.host, server.port, patience).await?;
        let _ = there.set_nodelay(true);
        if server.proxy {
            there.write_all(&header(visitor, here)).await?;
        }
        there.write_all(said).await?;
        Ok(there)
    };
    within(patience, reaching, || Error::Timeout(patience)).await
}

/// Until both sides have ended.
pub(super) async fn join(mut here: TcpStream, mut there: TcpStream) -> io::Result<()> {
    let alive = TcpKeepalive::new().with_time(ALIVE).with_interval(ALIVE).with_retries(3);
    for side in [&here, &there] {
        SockRef::from(side).set_tcp_keepalive(&alive)?;
    }
    copy_bidirectional(&mut here, &mut there).await?;
    Ok(())
}

/// Who comes from where, for the server.
fn header(from: SocketAddr, to: SocketAddr) -> Vec<u8> {
    let (family, addresses) = match (from.ip().to_canonical(), to.ip().to_canonical()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => (0x11, [from.octets(), to.octets()].concat()),
        (from, to) => {
            let wide = |ip| match ip {
                IpAddr::V4(ip) => ip.to_ipv6_mapped(),
                IpAddr::V6(ip) => ip,
            };
            (0x21, [wide(from).octets(), wide(to).octets()].concat())
        }
    };
    let mut header = SIGNATURE.to_vec();
    // Version 2, on behalf of somebody.
    header.extend([0x21, family]);
    header.extend((addresses.len() as u16 + 4).to_be_bytes());
    header.extend(addresses);
    header.extend(from.port().to_be_bytes());
    header.extend(to.port().to_be_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_as_the_protocol_writes_it() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let four = header(at("[::ffff:192.0.2.7]:50000"), at("192.0.2.1:25565"));
        let expected = "0d0a0d0a000d0a515549540a2111000cc0000207c0000201c35063dd";
        assert_eq!(hex::encode(four), expected);
        let six = header(at("[2001:db8::7]:50000"), at("[2001:db8::1]:25565"));
        assert_eq!((six.len(), six[13], six[15]), (16 + 36, 0x21, 36));
        assert_eq!(hex::encode(&six[16..32]), "20010db8000000000000000000000007");
    }
}
