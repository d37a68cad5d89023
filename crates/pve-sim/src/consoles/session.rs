//! One open websocket: the terminal protocol or RFB inside it, until either side leaves.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::packets::{Packet, Packets};
use super::rfb;
use super::source::Terminal;
use super::ws::{self, Frame};

/// Longest first line of a terminal's client, in bytes.
const FIRST_LINE: usize = 1024;

/// Serves the terminal protocol: the first line must be `expected`, then `OK` and the terminal. Without a
/// terminal the socket closes after the first line.
pub(crate) async fn terminal<S>(stream: S, expected: &str, terminal: Option<Terminal>) -> std::io::Result<()>
where
    S: AsyncRead + AsyncWrite + Send,
{
    let (mut from, mut to) = tokio::io::split(stream);
    let mut line = Vec::new();
    let rest = loop {
        match ws::read(&mut from).await {
            Some(Frame::Data(bytes)) => line.extend(bytes),
            Some(Frame::Ping(bytes)) => ws::pong(&mut to, &bytes).await?,
            Some(Frame::Pong) => {}
            Some(Frame::Close) | None => return Ok(()),
        }
        if let Some(end) = line.iter().position(|b| *b == b'\n') {
            break line.split_off(end + 1);
        }
        if line.len() > FIRST_LINE {
            return to.shutdown().await;
        }
    };
    line.pop();
    let Some(mut terminal) = terminal.filter(|_| line == expected.as_bytes()) else {
        return to.shutdown().await;
    };
    ws::send(&mut to, b"OK").await?;
    let first = std::mem::take(&mut terminal.first);
    ws::send(&mut to, &first).await?;
    let mut packets = Packets::default();
    if act(&mut packets, &rest, &mut terminal).await.is_err() {
        return to.shutdown().await;
    }
    // Reading a frame must not be broken off half-way, so it has a task's worth of its own: the
    // future lives across turns of the loop.
    let mut frame = Box::pin(next_frame(from));
    loop {
        tokio::select! {
            shown = terminal.next() => match shown {
                Some(bytes) => ws::send(&mut to, &bytes).await?,
                None => break,
            },
            (got, from) = &mut frame => {
                frame = Box::pin(next_frame(from));
                match got {
                    Some(Frame::Data(bytes)) => {
                        if act(&mut packets, &bytes, &mut terminal).await.is_err() {
                            break;
                        }
                    }
                    Some(Frame::Ping(bytes)) => ws::pong(&mut to, &bytes).await?,
                    Some(Frame::Pong) => {}
                    Some(Frame::Close) => {
                        ws::close(&mut to).await?;
                        break;
                    }
                    None => break,
                }
            }
        }
    }
    to.shutdown().await
}

async fn next_frame<R: AsyncRead + Unpin>(mut from: R) -> (Option<Frame>, R) {
    (ws::read(&mut from).await, from)
}

async fn act(packets: &mut Packets, bytes: &[u8], terminal: &mut Terminal) -> Result<(), ()> {
    for packet in packets.take(bytes)? {
        match packet {
            Packet::Keys(keys) => terminal.keys(keys).await,
            Packet::Size(columns, rows) => terminal.size(columns, rows).await,
            Packet::Ping => {}
        }
    }
    Ok(())
}

/// Serves RFB: its bytes in binary frames.
pub(crate) async fn graphics<S>(
    stream: S,
    password: &str,
    name: &str,
    challenge: [u8; 16],
    terminal: Terminal,
) -> std::io::Result<()>
where
    S: AsyncRead + AsyncWrite + Send,
{
    let (mut from, mut to) = tokio::io::split(stream);
    let (inner, outer) = tokio::io::duplex(64 * 1024);
    let (inner_from, inner_to) = tokio::io::split(inner);
    let (mut outer_from, mut outer_to) = tokio::io::split(outer);
    let inbound = async {
        loop {
            match ws::read(&mut from).await {
                Some(Frame::Data(bytes)) => outer_to.write_all(&bytes).await?,
                // Nothing is sent back here: the other direction has the writing half.
                Some(Frame::Ping(_) | Frame::Pong) => {}
                Some(Frame::Close) | None => return Ok::<(), std::io::Error>(()),
            }
        }
    };
    let outbound = async {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let got = outer_from.read(&mut buffer).await?;
            if got == 0 {
                return Ok::<(), std::io::Error>(());
            }
            ws::send(&mut to, &buffer[..got]).await?;
        }
    };
    let served = rfb::serve(inner_from, inner_to, password, name, challenge, terminal);
    let (mut inbound, mut outbound, mut served) = (Box::pin(inbound), Box::pin(outbound), Box::pin(served));
    let end = tokio::select! {
        end = &mut inbound => end,
        end = &mut outbound => end,
        end = &mut served => {
            drop(served);
            // What the server said last (why it refuses) still goes out.
            let _ = tokio::time::timeout(std::time::Duration::from_secs(1), &mut outbound).await;
            end
        }
    };
    drop((inbound, outbound));
    let _ = ws::close(&mut to).await;
    let _ = to.shutdown().await;
    end
}
