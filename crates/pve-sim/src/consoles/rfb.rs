//! The graphics console: RFB 3.8 with a password, over a terminal drawn as a picture.

use des::Des;
use des::cipher::{BlockCipherEncrypt, KeyInit};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::screen::{HEIGHT, Screen, WIDTH};
use super::source::Terminal;

/// How many bytes of clipboard text a client may send.
const CLIPBOARD: u32 = 1 << 20;

/// How pixels are sent: as the client wishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Format {
    bits: u8,
    big_endian: bool,
    maxima: [u16; 3],
    shifts: [u8; 3],
}

impl Format {
    const FIRST: Self = Self { bits: 32, big_endian: false, maxima: [255; 3], shifts: [16, 8, 0] };

    fn describe(self) -> [u8; 16] {
        let mut out = [0; 16];
        out[0] = self.bits;
        out[1] = 24;
        out[2] = u8::from(self.big_endian);
        out[3] = 1;
        for (at, maximum) in self.maxima.iter().enumerate() {
            out[4 + 2 * at..6 + 2 * at].copy_from_slice(&maximum.to_be_bytes());
        }
        out[10..13].copy_from_slice(&self.shifts);
        out
    }

    fn wished(bytes: [u8; 16]) -> Option<Self> {
        let maximum = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        let format = Self {
            bits: bytes[0],
            big_endian: bytes[2] != 0,
            maxima: [maximum(4), maximum(6), maximum(8)],
            shifts: [bytes[10], bytes[11], bytes[12]],
        };
        // Without true colour the client wants a palette, which nobody has used for twenty years.
        let known = matches!(format.bits, 8 | 16 | 32) && bytes[3] != 0;
        (known && format.shifts.iter().all(|s| *s < 32)).then_some(format)
    }

    /// Light grey or black, as it goes over the wire.
    fn pixel(self, lit: bool) -> Vec<u8> {
        let value = if lit {
            self.maxima
                .iter()
                .zip(self.shifts)
                .fold(0_u32, |all, (maximum, shift)| all | (u32::from(*maximum) * 3 / 4) << shift)
        } else {
            0
        };
        let size = usize::from(self.bits / 8);
        if self.big_endian {
            value.to_be_bytes()[4 - size..].to_vec()
        } else {
            value.to_le_bytes()[..size].to_vec()
        }
    }
}

/// The answer a client must give: the challenge, encrypted with the password's first eight bytes, each
/// with its bits reversed (a peculiarity of VNC).
pub(crate) fn response(password: &str, challenge: [u8; 16]) -> [u8; 16] {
    let mut key = [0_u8; 8];
    for (to, from) in key.iter_mut().zip(password.bytes()) {
        *to = from.reverse_bits();
    }
    let des = Des::new(&key.into());
    let mut out = challenge;
    for half in out.chunks_exact_mut(8) {
        let mut block = [0_u8; 8];
        block.copy_from_slice(half);
        let mut block = block.into();
        des.encrypt_block(&mut block);
        half.copy_from_slice(&block);
    }
    out
}

/// Serves one viewer until it leaves or the terminal ends.
pub(crate) async fn serve<R, W>(
    mut from: R,
    mut to: W,
    password: &str,
    name: &str,
    challenge: [u8; 16],
    mut terminal: Terminal,
) -> std::io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    greet(&mut from, &mut to, password, name, challenge).await?;
    let mut screen = Screen::new();
    screen.feed(&terminal.first);
    let mut format = Format::FIRST;
    let (mut changed, mut asked) = (true, false);
    let mut kind = [0_u8; 1];
    loop {
        if asked && changed {
            picture(&mut to, &screen, format).await?;
            (changed, asked) = (false, false);
        }
        tokio::select! {
            shown = terminal.next() => match shown {
                Some(bytes) => { screen.feed(&bytes); changed = true; }
                None => return Ok(()),
            },
            got = from.read_exact(&mut kind) => {
                got?;
                match kind[0] {
                    0 => {
                        let wish = take::<19, _>(&mut from).await?;
                        let mut bytes = [0; 16];
                        bytes.copy_from_slice(&wish[3..]);
                        format = Format::wished(bytes).ok_or_else(|| std::io::Error::other("unknown pixel format"))?;
                        changed = true;
                    }
                    2 => {
                        let head = take::<3, _>(&mut from).await?;
                        for _ in 0..u16::from_be_bytes([head[1], head[2]]) {
                            take::<4, _>(&mut from).await?;
                        }
                    }
                    3 => {
                        let request = take::<9, _>(&mut from).await?;
                        asked = true;
                        changed |= request[0] == 0;
                    }
                    4 => {
                        let key = take::<7, _>(&mut from).await?;
                        if key[0] != 0 {
                            let symbol = u32::from_be_bytes([key[3], key[4], key[5], key[6]]);
                            terminal.keys(typed(symbol)).await;
                        }
                    }
                    5 => { take::<5, _>(&mut from).await?; }
                    6 => {
                        let head = take::<7, _>(&mut from).await?;
                        let length = u32::from_be_bytes([head[3], head[4], head[5], head[6]]);
                        if length > CLIPBOARD {
                            return Err(std::io::Error::other("clipboard too long"));
                        }
                        tokio::io::copy(&mut (&mut from).take(u64::from(length)), &mut tokio::io::sink()).await?;
                    }
                    _ => return Err(std::io::Error::other("unknown message")),
                }
            }
        }
    }
}

async fn take<const N: usize, R: AsyncRead + Unpin>(from: &mut R) -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes).await?;
    Ok(bytes)
}

async fn greet<R, W>(
    from: &mut R,
    to: &mut W,
    password: &str,
    name: &str,
    challenge: [u8; 16],
) -> std::io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    to.write_all(b"RFB 003.008\n").await?;
    to.flush().await?;
    let version = take::<12, _>(from).await?;
    if !version.starts_with(b"RFB 003.008") {
        return Err(std::io::Error::other("only RFB 3.8 is spoken here"));
    }
    // One security type: VNC authentication.
    to.write_all(&[1, 2]).await?;
    to.flush().await?;
    if take::<1, _>(from).await? != [2] {
        return Err(std::io::Error::other("the client wants another security type"));
    }
    to.write_all(&challenge).await?;
    to.flush().await?;
    if take::<16, _>(from).await? != response(password, challenge) {
        let reason = b"Authentication failed";
        to.write_all(&1_u32.to_be_bytes()).await?;
        to.write_all(&(reason.len() as u32).to_be_bytes()).await?;
        to.write_all(reason).await?;
        to.flush().await?;
        return Err(std::io::Error::other("wrong password"));
    }
    to.write_all(&0_u32.to_be_bytes()).await?;
    to.flush().await?;
    take::<1, _>(from).await?;
    to.write_all(&WIDTH.to_be_bytes()).await?;
    to.write_all(&HEIGHT.to_be_bytes()).await?;
    to.write_all(&Format::FIRST.describe()).await?;
    to.write_all(&(name.len() as u32).to_be_bytes()).await?;
    to.write_all(name.as_bytes()).await?;
    to.flush().await
}

/// The whole picture as one raw rectangle.
async fn picture<W: AsyncWrite + Unpin>(to: &mut W, screen: &Screen, format: Format) -> std::io::Result<()> {
    let (light, dark) = (format.pixel(true), format.pixel(false));
    let mut out = vec![0, 0, 0, 1];
    for number in [0, 0, WIDTH, HEIGHT] {
        out.extend(number.to_be_bytes());
    }
    out.extend(0_u32.to_be_bytes());
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            out.extend(if screen.lit(x, y) { &light } else { &dark });
        }
    }
    to.write_all(&out).await?;
    to.flush().await
}

/// What a terminal gets for a key of the X11 keyboard.
fn typed(symbol: u32) -> Vec<u8> {
    match symbol {
        0x20..=0x7e => vec![symbol as u8],
        0xff0d | 0xff8d => b"\r".to_vec(),
        0xff08 => vec![0x7f],
        0xff09 => b"\t".to_vec(),
        0xff1b => vec![0x1b],
        0xff51 => b"\x1b[D".to_vec(),
        0xff52 => b"\x1b[A".to_vec(),
        0xff53 => b"\x1b[C".to_vec(),
        0xff54 => b"\x1b[B".to_vec(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with `openssl enc -des-ecb -nopad -K 0e86ceceeef64e26` ("password" with its bits reversed).
    #[test]
    fn the_response_is_des_with_reversed_key_bits() {
        let challenge: [u8; 16] = std::array::from_fn(|n| n as u8);
        assert_eq!(hex::encode(response("password", challenge)), "b866924125c8eebb9debc1db61c538e2");
        assert_eq!(response("password and more", challenge), response("password", challenge));
    }

    #[test]
    fn pixels_follow_the_clients_format() {
        assert_eq!(Format::FIRST.pixel(true), [0xbf, 0xbf, 0xbf, 0]);
        let wish = [16, 16, 1, 1, 0, 31, 0, 63, 0, 31, 11, 5, 0, 0, 0, 0];
        let format = Format::wished(wish).unwrap();
        assert_eq!(format.pixel(true).len(), 2);
        assert_eq!(format.pixel(false), [0, 0]);
        let palette = [8, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert!(Format::wished(palette).is_none());
    }
}
