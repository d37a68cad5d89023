//! How text is written with the fonts that every reader of PDF has: in the encoding of Western Europe, and with known
//! widths. What cannot be written shows as `?`.

/// Widths of Helvetica from space to tilde, in thousandths of the size.
const WIDTHS: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556,
    556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278,
    500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469,
    556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500,
    278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];

/// What stands between 0x80 and 0x9f.
const BETWEEN: [(char, u8); 27] = [
    ('€', 0x80),
    ('‚', 0x82),
    ('ƒ', 0x83),
    ('„', 0x84),
    ('…', 0x85),
    ('†', 0x86),
    ('‡', 0x87),
    ('ˆ', 0x88),
    ('‰', 0x89),
    ('Š', 0x8a),
    ('‹', 0x8b),
    ('Œ', 0x8c),
    ('Ž', 0x8e),
    ('‘', 0x91),
    ('’', 0x92),
    ('“', 0x93),
    ('”', 0x94),
    ('•', 0x95),
    ('–', 0x96),
    ('—', 0x97),
    ('˜', 0x98),
    ('™', 0x99),
    ('š', 0x9a),
    ('›', 0x9b),
    ('œ', 0x9c),
    ('ž', 0x9e),
    ('Ÿ', 0x9f),
];

/// The text in the encoding that PDF calls `WinAnsiEncoding`.
pub(super) fn encode(text: &str) -> Vec<u8> {
    text.chars()
        .map(|c| match c {
            ' '..='~' | '\u{a0}'..='ÿ' => c as u8,
            // The narrow space that French puts before its signs.
            '\u{202f}' => 0xa0,
            _ => BETWEEN.iter().find(|(other, _)| *other == c).map_or(b'?', |(_, byte)| *byte),
        })
        .collect()
}

/// How wide the encoded text is at a size, in points. Letters with accents are taken to be as wide as most letters.
pub(super) fn width(text: &[u8], size: f32) -> f32 {
    let of = |byte: &u8| {
        let plain = usize::from(*byte).checked_sub(32).and_then(|n| WIDTHS.get(n).copied());
        f32::from(plain.unwrap_or(556))
    };
    text.iter().map(of).sum::<f32>() * size / 1000.0
}

/// As much of the text as has room, with `…` where it was cut.
pub(super) fn fitted(text: &str, size: f32, room: f32) -> Vec<u8> {
    let whole = encode(text);
    if width(&whole, size) <= room {
        return whole;
    }
    let mut cut = whole;
    while !cut.is_empty() && width(&cut, size) + size > room {
        cut.pop();
    }
    cut.push(0x85);
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn french_is_written_and_what_cannot_be_written_shows() {
        assert_eq!(encode("Été à l’auberge: 12 €"), b"\xc9t\xe9 \xe0 l\x92auberge: 12 \x80");
        assert_eq!(encode("œuvre — «Noël»"), b"\x9cuvre \x97 \xabNo\xebl\xbb");
        assert_eq!(encode("日本\n\u{7f}x"), b"????x");
    }

    #[test]
    fn text_is_cut_to_its_room() {
        assert_eq!(fitted("short", 10.0, 100.0), b"short");
        let cut = fitted(&"wide ".repeat(40), 10.0, 100.0);
        assert!(width(&cut, 10.0) <= 105.0 && cut.ends_with(b"\x85"), "{cut:?}");
        assert!((width(b"0000", 10.0) - 22.24).abs() < 0.01);
    }
}
