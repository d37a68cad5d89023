//! What a terminal's client says: `0:LENGTH:bytes` (keys), `1:COLUMNS:ROWS:` (size), `2` (still here).
//!
//! It is a byte stream: a packet may span frames and a frame may hold several packets.

/// One packet of a terminal's client.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Packet {
    Keys(Vec<u8>),
    Size(u16, u16),
    Ping,
}

/// Bytes that came and are not yet a whole packet.
#[derive(Default)]
pub(crate) struct Packets {
    waiting: Vec<u8>,
}

impl Packets {
    /// Adds what came and takes the packets it completes; `Err` when it is no packet at all.
    pub(crate) fn take(&mut self, came: &[u8]) -> Result<Vec<Packet>, ()> {
        self.waiting.extend_from_slice(came);
        let mut out = Vec::new();
        while let Some(kind) = self.waiting.first() {
            let used = match kind {
                b'0' => match self.keys()? {
                    Some((packet, used)) => {
                        out.push(packet);
                        used
                    }
                    None => break,
                },
                b'1' => match self.size()? {
                    Some((packet, used)) => {
                        out.push(packet);
                        used
                    }
                    None => break,
                },
                b'2' => {
                    out.push(Packet::Ping);
                    1
                }
                _ => return Err(()),
            };
            self.waiting.drain(..used);
        }
        Ok(out)
    }

    fn keys(&self) -> Result<Option<(Packet, usize)>, ()> {
        let Some((length, start)) = self.number(1)? else { return Ok(None) };
        let end = start + length;
        Ok(self.waiting.get(start..end).map(|keys| (Packet::Keys(keys.to_vec()), end)))
    }

    fn size(&self) -> Result<Option<(Packet, usize)>, ()> {
        let Some((columns, next)) = self.number(1)? else { return Ok(None) };
        let Some((rows, end)) = self.number(next - 1)? else { return Ok(None) };
        let small = |n: usize| u16::try_from(n).map_err(|_| ());
        Ok(Some((Packet::Size(small(columns)?, small(rows)?), end)))
    }

    /// The number between the colon at `at` and the next colon, and where that one ends.
    fn number(&self, at: usize) -> Result<Option<(usize, usize)>, ()> {
        match self.waiting.get(at) {
            None => return Ok(None),
            Some(b':') => {}
            Some(_) => return Err(()),
        }
        let digits = &self.waiting[at + 1..];
        let Some(length) = digits.iter().position(|b| *b == b':') else {
            return if digits.len() > 6 { Err(()) } else { Ok(None) };
        };
        let text = std::str::from_utf8(&digits[..length]).map_err(|_| ())?;
        let number = text.parse::<usize>().map_err(|_| ())?;
        if number > 128 * 1024 { Err(()) } else { Ok(Some((number, at + 1 + length + 1))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_may_share_and_span_frames() {
        let mut packets = Packets::default();
        let all = packets.take(b"1:80:24:0:3:l").unwrap();
        assert_eq!(all, [Packet::Size(80, 24)]);
        let all = packets.take(b"s\n20:1:").unwrap();
        assert_eq!(all, [Packet::Keys(b"ls\n".to_vec()), Packet::Ping]);
        assert_eq!(packets.take(b"x").unwrap(), [Packet::Keys(b"x".to_vec())]);
    }

    #[test]
    fn a_length_counts_bytes_and_nonsense_is_refused() {
        let mut packets = Packets::default();
        assert_eq!(packets.take("0:2:é".as_bytes()).unwrap(), [Packet::Keys("é".into())]);
        assert!(packets.take(b"hello").is_err());
        assert!(Packets::default().take(b"0:abc:").is_err());
        assert!(Packets::default().take(b"0:99999999").is_err());
    }
}
