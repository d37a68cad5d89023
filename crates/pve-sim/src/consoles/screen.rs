//! A small text screen: what a terminal showed, as a picture a VNC client can display.
//!
//! Understands what a shell prints (newlines, backspace, clear, cursor home); other control sequences
//! are skipped.

use super::font::glyph;

pub(crate) const COLUMNS: usize = 80;
pub(crate) const ROWS: usize = 25;
const CELL_WIDTH: usize = 8;
const CELL_HEIGHT: usize = 16;
/// Width of the picture in pixels.
pub(crate) const WIDTH: u16 = (COLUMNS * CELL_WIDTH) as u16;
/// Height of the picture in pixels.
pub(crate) const HEIGHT: u16 = (ROWS * CELL_HEIGHT) as u16;

pub(crate) struct Screen {
    cells: Vec<[u8; COLUMNS]>,
    column: usize,
    row: usize,
    sequence: Sequence,
}

enum Sequence {
    None,
    Escape,
    Control(String),
    Title,
}

impl Screen {
    pub(crate) fn new() -> Self {
        Self { cells: vec![[b' '; COLUMNS]; ROWS], column: 0, row: 0, sequence: Sequence::None }
    }

    /// Shows what a terminal sent.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.one(*byte);
        }
    }

    fn one(&mut self, byte: u8) {
        match std::mem::replace(&mut self.sequence, Sequence::None) {
            Sequence::Escape => match byte {
                b'[' => self.sequence = Sequence::Control(String::new()),
                b']' => self.sequence = Sequence::Title,
                _ => {}
            },
            Sequence::Control(mut so_far) => {
                if byte.is_ascii_alphabetic() || byte == b'~' {
                    self.control(&so_far, byte);
                } else if so_far.len() < 32 {
                    so_far.push(char::from(byte));
                    self.sequence = Sequence::Control(so_far);
                }
            }
            Sequence::Title => {
                if byte != 7 && byte != 0x1b {
                    self.sequence = Sequence::Title;
                }
            }
            Sequence::None => self.plain(byte),
        }
    }

    fn plain(&mut self, byte: u8) {
        match byte {
            0x1b => self.sequence = Sequence::Escape,
            b'\r' => self.column = 0,
            b'\n' => self.line_feed(),
            8 => self.column = self.column.saturating_sub(1),
            b'\t' => self.column = (self.column / 8 * 8 + 8).min(COLUMNS - 1),
            0x20..=0x7e => {
                if self.column == COLUMNS {
                    self.column = 0;
                    self.line_feed();
                }
                self.cells[self.row][self.column] = byte;
                self.column += 1;
            }
            _ => {}
        }
    }

    fn line_feed(&mut self) {
        if self.row + 1 < ROWS {
            self.row += 1;
        } else {
            self.cells.remove(0);
            self.cells.push([b' '; COLUMNS]);
        }
    }

    fn control(&mut self, parameters: &str, last: u8) {
        let number = |at: usize| parameters.split(';').nth(at).and_then(|n| n.parse::<usize>().ok());
        match last {
            b'H' => {
                self.row = number(0).unwrap_or(1).clamp(1, ROWS) - 1;
                self.column = number(1).unwrap_or(1).clamp(1, COLUMNS) - 1;
            }
            b'J' => {
                let from = if number(0) == Some(2) { 0 } else { self.row };
                if number(0) != Some(2) {
                    self.clear_line();
                }
                for row in from + usize::from(number(0) != Some(2))..ROWS {
                    self.cells[row] = [b' '; COLUMNS];
                }
            }
            b'K' => self.clear_line(),
            _ => {}
        }
    }

    fn clear_line(&mut self) {
        let from = self.column.min(COLUMNS);
        self.cells[self.row][from..].fill(b' ');
    }

    /// The text of one row, without trailing spaces.
    #[cfg(test)]
    pub(crate) fn text(&self, row: usize) -> String {
        String::from_utf8_lossy(&self.cells[row]).trim_end().to_owned()
    }

    /// Whether the pixel is lit.
    pub(crate) fn lit(&self, x: u16, y: u16) -> bool {
        let (x, y) = (usize::from(x), usize::from(y));
        let (column, row) = (x / CELL_WIDTH, y / CELL_HEIGHT);
        let (across, down) = (x % CELL_WIDTH, y % CELL_HEIGHT);
        if row == self.row && column == self.column && down >= CELL_HEIGHT - 2 {
            return true;
        }
        let Some(byte) = self.cells.get(row).and_then(|cells| cells.get(column)) else { return false };
        // Glyphs are 5 by 7 and drawn twice as high.
        let (Some(across), down) = (across.checked_sub(1), down / 2) else { return false };
        glyph(*byte).get(across).is_some_and(|bits| down < 8 && bits >> down & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_session_reads_as_it_should() {
        let mut screen = Screen::new();
        screen.feed(b"\x1b[H\x1b[Jlogin: roox\x08t\r\n\x1b[1;32m$\x1b[0m ok");
        assert_eq!(screen.text(0), "login: root");
        assert_eq!(screen.text(1), "$ ok");
        assert!((0..8).any(|x| (0..16).any(|y| screen.lit(x, y))), "the first letter is drawn");
        assert!(!(400..408).any(|x| (0..16).any(|y| screen.lit(x, y))), "empty cells are dark");
    }

    #[test]
    fn it_scrolls() {
        let mut screen = Screen::new();
        for n in 0..40 {
            screen.feed(format!("line {n}\r\n").as_bytes());
        }
        assert_eq!(screen.text(ROWS - 2), "line 39");
    }
}
