//! The server list ping of before 1.7, in its three forms, which servers of today still answer: one byte `FE`, with a
//! `01` behind it since 1.4, and with the name that the client looks for since 1.6. The answer is one text in UTF-16.

use std::time::Duration;

use super::codec::Bad;
use super::status::{Edition, Status};
use super::text;

/// The first byte of the answer, and of a disconnection.
const KICK: u8 = 0xff;
/// The most letters that an answer is taken to have.
pub(super) const LONGEST: usize = 1024;

/// What is sent: the newest form, and for servers that hang up on it the older ones.
pub(super) fn requests(host: &str, port: u16) -> [Vec<u8>; 3] {
    let host: Vec<u16> = host.encode_utf16().take(255).collect();
    let mut newest = vec![0xfe, 0x01, 0xfa];
    newest.extend(counted("MC|PingHost"));
    newest.extend((7 + 2 * host.len() as u16).to_be_bytes());
    newest.push(78);
    newest.extend((host.len() as u16).to_be_bytes());
    newest.extend(host.iter().flat_map(|unit| unit.to_be_bytes()));
    newest.extend(i32::from(port).to_be_bytes());
    [newest, vec![0xfe, 0x01], vec![0xfe]]
}

/// A text behind its number of UTF-16 units.
fn counted(text: &str) -> Vec<u8> {
    let units: Vec<u16> = text.encode_utf16().take(LONGEST).collect();
    let mut bytes = (units.len() as u16).to_be_bytes().to_vec();
    bytes.extend(units.iter().flat_map(|unit| unit.to_be_bytes()));
    bytes
}

/// A disconnection with a text, which is also the form of the answer.
pub(super) fn kick(text: &str) -> Vec<u8> {
    [vec![KICK], counted(text)].concat()
}

/// How many letters follow these three bytes.
pub(super) fn announced(head: [u8; 3]) -> Result<usize, Bad> {
    let units = usize::from(u16::from_be_bytes([head[1], head[2]]));
    match head[0] {
        KICK if units <= LONGEST => Ok(units),
        KICK => Err(Bad::Long),
        _ => Err(Bad::Kind),
    }
}

/// The text of so many bytes.
pub(super) fn utf16(bytes: &[u8]) -> Result<String, Bad> {
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    String::from_utf16(&units).map_err(|_| Bad::Text)
}

/// What the answer says.
pub(super) fn status(answer: &str, latency: Duration) -> Result<Status, Bad> {
    let (version, protocol, motd, online, max) = if let Some(rest) = answer.strip_prefix("§1\0") {
        let mut fields = rest.split('\0');
        let mut next = || fields.next().ok_or(Bad::Short);
        let protocol = next()?.parse().ok();
        (next()?, protocol, next()?, next()?, next()?)
    } else {
        // The message may itself hold the sign that parts them.
        let mut fields = answer.rsplitn(3, '§');
        let mut next = || fields.next().ok_or(Bad::Short);
        let (max, online, motd) = (next()?, next()?, next()?);
        ("", None, motd, online, max)
    };
    Ok(Status {
        edition: Edition::Java,
        version: text::bare(version),
        protocol,
        online: online.parse().ok(),
        max: max.parse().ok(),
        sample: Vec::new(),
        motd: text::bare(motd),
        latency,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_the_answer_are_read() {
        let took = Duration::from_millis(3);
        let new = status("§1\x0074\x001.6.2\0A §lServer\x003\x0020", took).unwrap();
        assert_eq!((new.version.as_str(), new.protocol, new.motd.as_str()), ("1.6.2", Some(74), "A Server"));
        assert_eq!((new.online, new.max), (Some(3), Some(20)));
        let old = status("A §lServer§3§20", took).unwrap();
        assert_eq!(
            (old.motd.as_str(), old.online, old.max, old.protocol),
            ("A Server", Some(3), Some(20), None)
        );
        assert!(status("hello", took).is_err() && status("§1\x0074", took).is_err());
    }
}
