//! What visitors say first, of all versions, kept byte by byte so that it can be said again to the server.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};
use tokio::time::timeout;
use uuid::Uuid;

use crate::minecraft::codec::{Bad, Reader, read_packet};
use crate::minecraft::{Error, legacy};

/// No first packet is longer; with the keys of 1.19 a login has less than a kilobyte.
const LONGEST: usize = 4096;
/// The longest name of a host, as mods and proxies stretch it.
const LONGEST_HOST: usize = 1024;
/// The first bytes of before 1.7: a look at the list, and a login.
const OLD_STATUS: u8 = 0xfe;
const OLD_LOGIN: u8 = 0x02;
/// The oldest clients say one byte and wait: nobody knows whether another follows.
const SECOND_BYTE: Duration = Duration::from_millis(300);
/// A marking of versions that were never released, by the bit that makes them larger than all others.
const SNAPSHOT: i32 = 1 << 30;

/// What a visitor wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Greeting {
    Status { protocol: i32 },
    Login { protocol: i32 },
    OldStatus { oldest: bool },
    OldLogin,
}

/// Somebody's name, and what else their login tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) name: String,
    pub(super) uuid: Option<Uuid>,
    pub(super) protocol: i32,
}

/// A reader that keeps what it has read.
pub(super) struct Heard<R> {
    pub(super) from: R,
    pub(super) raw: Vec<u8>,
}

impl<R: AsyncRead + Unpin> AsyncRead for Heard<R> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.from).poll_read(cx, buf))?;
        this.raw.extend_from_slice(&buf.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<R: AsyncRead + Unpin> Heard<R> {
    pub(super) fn new(from: R) -> Self {
        Self { from, raw: Vec::new() }
    }

    pub(super) async fn packet(&mut self) -> Result<Vec<u8>, Error> {
        read_packet(self, None, LONGEST).await
    }

    pub(super) async fn greeting(&mut self) -> Result<Greeting, Error> {
        match self.read_u8().await? {
            OLD_STATUS => {
                let oldest = timeout(SECOND_BYTE, self.read_u8()).await.is_err();
                Ok(Greeting::OldStatus { oldest })
            }
            // A packet of two bytes would be no handshake.
            OLD_LOGIN => Ok(Greeting::OldLogin),
            first => {
                let packet: Vec<u8> = read_packet::<_, Error>(self, Some(first), LONGEST).await?;
                Ok(handshake(&packet)?)
            }
        }
    }

    /// What follows the handshake of a login.
    pub(super) async fn login(&mut self, protocol: i32) -> Result<Login, Error> {
        let packet = self.packet().await?;
        Ok(login(&packet, protocol)?)
    }

    /// A login from 1.3 to 1.6: version, name, host, port.
    pub(super) async fn old_login(&mut self) -> Result<Login, Error> {
        let protocol = i32::from(self.read_u8().await?);
        let name = self.old_text(16).await?;
        self.old_text(LONGEST_HOST / 4).await?;
        self.read_i32().await?;
        Ok(Login { name: named(&name)?, uuid: None, protocol })
    }

    async fn old_text(&mut self, most: usize) -> Result<String, Error> {
        let units = usize::from(self.read_u16().await?);
        if units > most {
            return Err(Bad::Long.into());
        }
        let mut bytes = vec![0; 2 * units];
        self.read_exact(&mut bytes).await?;
        Ok(legacy::utf16(&bytes)?)
    }
}

fn handshake(packet: &[u8]) -> Result<Greeting, Bad> {
    let mut reader = Reader(packet);
    if reader.varint()? != 0 {
        return Err(Bad::Kind);
    }
    let protocol = reader.varint()?;
    reader.text(LONGEST_HOST)?;
    reader.u16()?;
    match reader.varint()? {
        1 => Ok(Greeting::Status { protocol }),
        // The second is who was sent here by another server.
        2 | 3 => Ok(Greeting::Login { protocol }),
        _ => Err(Bad::Kind),
    }
}

fn login(packet: &[u8], protocol: i32) -> Result<Login, Bad> {
    let mut reader = Reader(packet);
    if reader.varint()? != 0 {
        return Err(Bad::Kind);
    }
    let name = named(reader.text(64)?)?;
    // 1.19 came with a key, 1.19.1 with an identity behind it, 1.19.3 without the key, 1.20.2 always with the identity.
    if matches!(protocol, 759 | 760) && reader.u8()? == 1 {
        reader.i64()?;
        reader.counted(LONGEST)?;
        reader.counted(LONGEST)?;
    }
    let has_uuid = match protocol {
        760..=763 => reader.u8()? == 1,
        764.. => true,
        _ => false,
    };
    let uuid = if has_uuid { Some(Uuid::from_u128(reader.u128()?)) } else { None };
    Ok(Login { name, uuid, protocol })
}

/// Whether a client of this version can be sent to another server: since 1.20.5.
pub(super) fn can_be_sent(protocol: i32) -> bool {
    (766..SNAPSHOT).contains(&protocol)
}

fn named(name: &str) -> Result<String, Bad> {
    let own = name.strip_prefix('.').unwrap_or(name);
    let fits = (1..=16).contains(&own.len()) && name.len() <= 17;
    let usual = own.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if fits && usual { Ok(name.to_owned()) } else { Err(Bad::Text) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::minecraft::codec::Writer;

    fn unframed(packet: Writer) -> Vec<u8> {
        let framed = packet.framed();
        let mut reader = Reader(&framed);
        reader.varint().unwrap();
        reader.0.to_vec()
    }

    #[test]
    fn the_login_of_every_generation_is_read() {
        let uuid = Uuid::from_u128(0x1234);
        let start = || Writer::packet(0).text("Alice_1");
        let logins = [
            (47, start(), None),
            (759, start().bytes(&[0]), None),
            (759, start().bytes(&[1]).bytes(&[0; 8]).text("key").text("signature"), None),
            (
                760,
                start().bytes(&[1]).bytes(&[0; 8]).text("key").text("sig").bytes(&[1]).bytes(uuid.as_bytes()),
                Some(uuid),
            ),
            (761, start().bytes(&[0]), None),
            (763, start().bytes(&[1]).bytes(uuid.as_bytes()), Some(uuid)),
            (769, start().bytes(uuid.as_bytes()), Some(uuid)),
        ];
        for (protocol, packet, uuid) in logins {
            let expected = Login { name: "Alice_1".to_owned(), uuid, protocol };
            assert_eq!(login(&unframed(packet), protocol), Ok(expected), "{protocol}");
        }
        assert_eq!(login(&unframed(start()), 769), Err(Bad::Short));
    }

    #[test]
    fn a_name_is_a_name() {
        for good in ["a", "Alice_1", "ABCDEFGHIJKLMNOP", ".BedrockPlayer_16", ".a"] {
            assert_eq!(named(good).as_deref(), Ok(good));
        }
        for bad in ["", ".", "..a", "a.", "Zoé", "a b", "a\n", "@a", "ABCDEFGHIJKLMNOPQ", "§a"] {
            assert!(named(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, protocol: i32) {
            let _ = handshake(&bytes);
            let _ = login(&bytes, protocol);
            let named = unframed(Writer::packet(0).text("Alice").bytes(&bytes));
            for protocol in [47, 759, 760, 761, 764, protocol] {
                let _ = login(&named, protocol);
            }
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let mut heard = Heard::new(bytes.as_slice());
            let _ = runtime.block_on(heard.greeting());
            prop_assert!(bytes.starts_with(&heard.raw));
            let mut heard = Heard::new(bytes.as_slice());
            let _ = runtime.block_on(heard.old_login());
        }
    }
}
