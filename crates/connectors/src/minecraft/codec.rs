//! The framing of the Java edition since 1.7: a packet is its length and its bytes, numbers are VarInts, texts are
//! UTF-8 behind their length. Everything that comes in is bounded before it is kept.

use tokio::io::{AsyncRead, AsyncReadExt};

/// What does not keep to the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Bad {
    #[error("a number goes on for too long")]
    Number,
    #[error("a packet is longer than any can be")]
    Long,
    #[error("a packet ends too early")]
    Short,
    #[error("a text is not UTF-8")]
    Text,
    #[error("a packet of another kind came")]
    Kind,
}

/// A packet, read from its beginning.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], Bad> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Bad::Short)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Bad> {
        self.bytes(N)?.try_into().map_err(|_| Bad::Short)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Bad> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Bad> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64, Bad> {
        self.array().map(i64::from_be_bytes)
    }

    pub(crate) fn u128(&mut self) -> Result<u128, Bad> {
        self.array().map(u128::from_be_bytes)
    }

    pub(crate) fn varint(&mut self) -> Result<i32, Bad> {
        let mut number = VarInt::default();
        loop {
            if let Some(value) = number.take(self.u8()?)? {
                return Ok(value);
            }
        }
    }

    /// A text of at most so many bytes.
    pub(crate) fn text(&mut self, most: usize) -> Result<&'a str, Bad> {
        let bytes = self.counted(most)?;
        std::str::from_utf8(bytes).map_err(|_| Bad::Text)
    }

    /// Bytes behind their number.
    pub(crate) fn counted(&mut self, most: usize) -> Result<&'a [u8], Bad> {
        let length = usize::try_from(self.varint()?).map_err(|_| Bad::Long)?;
        if length > most {
            return Err(Bad::Long);
        }
        self.bytes(length)
    }
}

/// A VarInt that comes in byte by byte.
#[derive(Default)]
struct VarInt {
    value: u32,
    shift: u32,
}

impl VarInt {
    fn take(&mut self, byte: u8) -> Result<Option<i32>, Bad> {
        // Five bytes of seven bits; of the fifth four bits are left.
        if self.shift == 28 && byte > 0x0f {
            return Err(Bad::Number);
        }
        self.value |= u32::from(byte & 0x7f) << self.shift;
        self.shift += 7;
        Ok((byte & 0x80 == 0).then_some(self.value as i32))
    }
}

/// A packet as it is written.
#[derive(Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    /// A packet of this kind.
    pub(crate) fn packet(kind: i32) -> Self {
        Self::default().varint(kind)
    }

    pub(crate) fn varint(mut self, value: i32) -> Self {
        let mut rest = value as u32;
        while rest > 0x7f {
            self.0.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.0.push(rest as u8);
        self
    }

    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn text(self, text: &str) -> Self {
        self.varint(text.len() as i32).bytes(text.as_bytes())
    }

    /// With its length in front, as it goes out.
    pub(crate) fn framed(self) -> Vec<u8> {
        Self::default().varint(self.0.len() as i32).bytes(&self.0).0
    }
}

/// Reads one packet of at most so many bytes. The first byte may have been read already.
pub(crate) async fn read_packet<R: AsyncRead + Unpin, E: From<Bad> + From<std::io::Error>>(
    from: &mut R,
    first: Option<u8>,
    most: usize,
) -> Result<Vec<u8>, E> {
    let mut length = VarInt::default();
    let mut next = first;
    let length = loop {
        let byte = match next.take() {
            Some(byte) => byte,
            None => from.read_u8().await?,
        };
        if let Some(length) = length.take(byte)? {
            break usize::try_from(length).map_err(|_| Bad::Long)?;
        }
    };
    if length > most {
        return Err(Bad::Long.into());
    }
    let mut packet = vec![0; length];
    from.read_exact(&mut packet).await?;
    Ok(packet)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_written_as_the_protocol_shows_them() {
        let known: [(i32, &[u8]); 7] = [
            (0, &[0]),
            (127, &[0x7f]),
            (128, &[0x80, 0x01]),
            (25565, &[0xdd, 0xc7, 0x01]),
            (i32::MAX, &[0xff, 0xff, 0xff, 0xff, 0x07]),
            (-1, &[0xff, 0xff, 0xff, 0xff, 0x0f]),
            (i32::MIN, &[0x80, 0x80, 0x80, 0x80, 0x08]),
        ];
        for (value, bytes) in known {
            assert_eq!(Writer::default().varint(value).0, bytes);
            assert_eq!(Reader(bytes).varint(), Ok(value));
        }
        assert_eq!(Reader(&[0xff; 9]).varint(), Err(Bad::Number));
        assert_eq!(Reader(&[0x80; 4]).varint(), Err(Bad::Short));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(value: i32, text in ".{0,64}", rest: Vec<u8>) {
            let packet = Writer::packet(value).text(&text).bytes(&rest);
            let mut reader = Reader(&packet.0);
            prop_assert_eq!(reader.varint(), Ok(value));
            prop_assert_eq!(reader.text(256), Ok(text.as_str()));
            prop_assert_eq!(reader.0, rest.as_slice());
        }

        #[test]
        fn no_bytes_make_a_reader_panic(bytes: Vec<u8>, most in 0_usize..64) {
            let _ = Reader(&bytes).varint();
            let _ = Reader(&bytes).text(most);
            let _ = Reader(&bytes).counted(most);
            let _ = Reader(&bytes).u128();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            if let Ok(packet) = runtime.block_on(read_packet::<_, super::super::Error>(&mut bytes.as_slice(), None, most)) {
                prop_assert!(packet.len() <= most);
            }
        }
    }
}
