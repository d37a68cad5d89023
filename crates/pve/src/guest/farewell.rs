//! What a terminal's own way says when it breaks.
//!
//! The terminal of a guest on another node than the one that was asked leads there through `ssh`, which writes its last
//! words into the terminal: `Connection to 10.0.0.2 closed.` They are no words of the guest, and tell where it is. So a
//! line that looks like that is kept back while it is the newest: when more follows, the guest had said it, and it is
//! passed on; when the terminal ends, it is dropped.

use bytes::{Bytes, BytesMut};

/// Longer lines are none of `ssh`'s.
const LONGEST: usize = 512;

/// More than this is not kept back.
const MOST: usize = 2048;

/// How such lines begin.
const BEGINNINGS: [&str; 8] = [
    "Connection to ",
    "Connection closed by ",
    "Connection reset by ",
    "Shared connection to ",
    "Timeout, server ",
    "ssh: ",
    "kex_exchange_identification: ",
    "client_loop: ",
];

/// Keeps back the newest lines of a terminal as long as they look like `ssh`'s last words.
#[derive(Default)]
pub(super) struct Farewell {
    kept: BytesMut,
}

impl Farewell {
    /// What may be shown once these bytes have come.
    pub(super) fn pass(&mut self, bytes: Bytes) -> Bytes {
        if self.kept.is_empty() && !bytes.ends_with(b"\n") {
            return bytes;
        }
        self.kept.extend_from_slice(&bytes);
        let mut shown = self.kept.len();
        // From the last line upwards.
        while let Some(line) = last_line(&self.kept[..shown]) {
            if !is_farewell(&self.kept[line..shown]) {
                break;
            }
            shown = line;
        }
        if self.kept.len() - shown > MOST {
            shown = self.kept.len();
        }
        self.kept.split_to(shown).freeze()
    }
}

/// Where the last line begins, if the bytes end with a whole line of bearable length.
fn last_line(bytes: &[u8]) -> Option<usize> {
    let (_, without) = bytes.split_last().filter(|(last, _)| **last == b'\n')?;
    let start = without.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    (bytes.len() - start <= LONGEST).then_some(start)
}

fn is_farewell(line: &[u8]) -> bool {
    let text = String::from_utf8_lossy(line);
    let text = text.trim_start_matches('\r');
    let denied = text.contains('@') && text.contains(": Permission denied (");
    denied || BEGINNINGS.iter().any(|beginning| text.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(parts: &[&str]) -> String {
        let mut farewell = Farewell::default();
        let shown = parts.iter().map(|part| farewell.pass(Bytes::copy_from_slice(part.as_bytes())));
        shown.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap()).collect()
    }

    #[test]
    fn the_last_words_of_the_way_are_dropped_and_those_of_the_guest_are_not() {
        let last = "Connection to 10.0.0.2 closed.\r\n";
        assert_eq!(shown(&["$ poweroff\r\n", last]), "$ poweroff\r\n");
        assert_eq!(shown(&[&format!("$ poweroff\r\nbye\r\n{last}")]), "$ poweroff\r\nbye\r\n");
        assert_eq!(
            shown(&[&format!("\r\n{last}"), "\rclient_loop: send disconnect: Broken pipe\r\n"]),
            "\r\n"
        );
        assert_eq!(shown(&["ssh: connect to host 10.0.0.2 port 22: No route to host\r\n"]), "");
        assert_eq!(shown(&["root@10.0.0.2: Permission denied (publickey,password).\r\n"]), "");
        // Somebody who has used ssh inside.
        assert_eq!(shown(&[last, "$ "]), format!("{last}$ "));
        assert_eq!(shown(&["Connection to 10.0.0.2"]), "Connection to 10.0.0.2");
        let long = format!("ssh: {}\n", "x".repeat(1000));
        assert_eq!(shown(&[&long]), long);
    }

    #[test]
    fn a_flood_passes_and_little_is_kept() {
        let mut farewell = Farewell::default();
        let flood = Bytes::from(vec![b'x'; 100_000]);
        assert_eq!(farewell.pass(flood.clone()), flood);
        for _ in 0..10_000 {
            farewell.pass(Bytes::from_static(b"Connection to x closed.\r\n"));
        }
        assert!(farewell.kept.len() <= MOST);
        assert!(!farewell.pass(Bytes::from_static(b"$")).is_empty() && farewell.kept.is_empty());
    }
}
