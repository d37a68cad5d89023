//! The server side of a websocket, as strict as Proxmox's own: masked, unfragmented client frames of
//! at most 128 KiB without extensions; anything else and the socket dies.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Longest payload in either direction, in bytes.
const LONGEST: usize = 128 * 1024;

/// The value of `Sec-WebSocket-Accept` for a client's key (RFC 6455).
pub(crate) fn accept(key: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(key.as_bytes());
    hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(hash.finalize())
}

/// What a client sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// Text or binary: the console protocols do not tell them apart.
    Data(Vec<u8>),
    /// Wants the same bytes back.
    Ping(Vec<u8>),
    /// Needs no answer.
    Pong,
    /// The client is leaving.
    Close,
}

/// Reads one frame; `None` when the client went or broke the rules.
pub(crate) async fn read<R: AsyncRead + Unpin>(from: &mut R) -> Option<Frame> {
    let mut head = [0_u8; 2];
    from.read_exact(&mut head).await.ok()?;
    let (whole, reserved, opcode) = (head[0] & 0x80 != 0, head[0] & 0x70, head[0] & 0x0f);
    let masked = head[1] & 0x80 != 0;
    if !whole || reserved != 0 || !masked {
        return None;
    }
    let length = match head[1] & 0x7f {
        126 => {
            let mut long = [0_u8; 2];
            from.read_exact(&mut long).await.ok()?;
            usize::from(u16::from_be_bytes(long))
        }
        127 => {
            let mut long = [0_u8; 8];
            from.read_exact(&mut long).await.ok()?;
            usize::try_from(u64::from_be_bytes(long)).ok()?
        }
        short => usize::from(short),
    };
    if length > LONGEST {
        return None;
    }
    let mut mask = [0_u8; 4];
    from.read_exact(&mut mask).await.ok()?;
    let mut payload = vec![0_u8; length];
    from.read_exact(&mut payload).await.ok()?;
    for (at, byte) in payload.iter_mut().enumerate() {
        *byte ^= mask[at % 4];
    }
    match opcode {
        1 | 2 => Some(Frame::Data(payload)),
        8 => Some(Frame::Close),
        9 => Some(Frame::Ping(payload)),
        10 => Some(Frame::Pong),
        _ => None,
    }
}

async fn write<W: AsyncWrite + Unpin>(to: &mut W, opcode: u8, payload: &[u8]) -> std::io::Result<()> {
    let mut frame = vec![0x80 | opcode];
    match payload.len() {
        short @ 0..126 => frame.push(short as u8),
        middle @ 126..0x1_0000 => {
            frame.push(126);
            frame.extend((middle as u16).to_be_bytes());
        }
        long => {
            frame.push(127);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    to.write_all(&frame).await?;
    to.flush().await
}

/// Sends `payload` in binary frames.
pub(crate) async fn send<W: AsyncWrite + Unpin>(to: &mut W, payload: &[u8]) -> std::io::Result<()> {
    for piece in payload.chunks(LONGEST) {
        write(to, 2, piece).await?;
    }
    Ok(())
}

/// Answers a ping.
pub(crate) async fn pong<W: AsyncWrite + Unpin>(to: &mut W, payload: &[u8]) -> std::io::Result<()> {
    write(to, 10, payload).await
}

/// Says goodbye.
pub(crate) async fn close<W: AsyncWrite + Unpin>(to: &mut W) -> std::io::Result<()> {
    write(to, 8, &1000_u16.to_be_bytes()).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recorded_key_gives_the_recorded_accept() {
        assert_eq!(accept("MDEyMzQ1Njc4OWFiY2RlZg=="), "BACScCJPNqyz+UBoqMH89VmURoA=");
    }

    #[tokio::test]
    async fn an_unmasked_a_fragmented_and_an_oversized_frame_end_the_socket() {
        for bytes in [&[0x82_u8, 0x01, b'x'][..], &[0x02, 0x80, 0, 0, 0, 0], &[0xC2, 0x80, 0, 0, 0, 0]] {
            assert_eq!(read(&mut &bytes[..]).await, None);
        }
        let mut long = vec![0x82, 0xff];
        long.extend(200_000_u64.to_be_bytes());
        assert_eq!(read(&mut &long[..]).await, None);
        let good = [0x82, 0x82, 1, 1, 1, 1, b'h' ^ 1, b'i' ^ 1];
        assert_eq!(read(&mut &good[..]).await, Some(Frame::Data(b"hi".to_vec())));
    }
}
