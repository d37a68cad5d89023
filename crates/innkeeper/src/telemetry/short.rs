//! A log file that stays short: when it has more than so many lines, only the newest of them are kept. For people who look
//! into it with an editor, beside the ordinary log.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::fmt::MakeWriter;

/// The file. Cheap to clone; lines are written whole, one after the other.
#[derive(Clone)]
pub(super) struct Short(Arc<Mutex<Kept>>);

struct Kept {
    path: PathBuf,
    file: File,
    /// Lines in the file.
    lines: usize,
    /// More than these are not left in it.
    most: usize,
    /// The newest of them, which are kept then.
    keep: usize,
}

impl Short {
    /// Opens the file, or makes it. What is in it counts.
    pub(super) fn open(path: &Path, most: usize, keep: usize) -> io::Result<Self> {
        let file = open(path)?;
        let lines = BufReader::new(File::open(path)?).split(b'\n').count();
        let mut kept = Kept { path: path.to_owned(), file, lines, most, keep };
        kept.shorten()?;
        Ok(Self(Arc::new(Mutex::new(kept))))
    }
}

/// Others on the machine have no business in it.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

impl Kept {
    fn shorten(&mut self) -> io::Result<()> {
        if self.lines <= self.most {
            return Ok(());
        }
        let mut newest: VecDeque<Vec<u8>> = VecDeque::with_capacity(self.keep + 1);
        for line in BufReader::new(File::open(&self.path)?).split(b'\n') {
            newest.push_back(line?);
            if newest.len() > self.keep {
                newest.pop_front();
            }
        }
        // The shorter one takes the other's place whole: whoever looks, or a crash, finds one of the two.
        let shorter = self.path.with_extension("shorter");
        let mut file = open(&shorter)?;
        file.set_len(0)?;
        for line in &newest {
            file.write_all(line)?;
            file.write_all(b"\n")?;
        }
        file.flush()?;
        std::fs::rename(&shorter, &self.path)?;
        (self.file, self.lines) = (file, newest.len());
        Ok(())
    }
}

/// One line, or several, as they come from the formatter.
pub(super) struct Line<'a>(&'a Short);

impl Write for Line<'_> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let mut kept = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.file.write_all(text)?;
        kept.lines += text.iter().filter(|byte| **byte == b'\n').count();
        kept.shorten()?;
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).file.flush()
    }
}

impl<'a> MakeWriter<'a> for Short {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &Path) -> Vec<String> {
        std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn it_never_has_more_than_its_lines_and_keeps_the_newest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("innkeeper.log");
        let short = Short::open(&path, 200, 100).unwrap();
        for n in 1..=200 {
            writeln!(short.make_writer(), "line {n}").unwrap();
        }
        assert_eq!(lines(&path).len(), 200);
        writeln!(short.make_writer(), "line 201").unwrap();
        let kept = lines(&path);
        assert_eq!((kept.len(), kept[0].as_str(), kept[99].as_str()), (100, "line 102", "line 201"));
        // After a restart it goes on where it was.
        drop(short);
        let short = Short::open(&path, 200, 100).unwrap();
        for n in 202..=302 {
            writeln!(short.make_writer(), "line {n}").unwrap();
        }
        let kept = lines(&path);
        assert_eq!((kept.len(), kept[0].as_str(), kept[99].as_str()), (100, "line 203", "line 302"));
    }

    #[test]
    fn one_that_is_long_already_is_shortened_when_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("innkeeper.log");
        std::fs::write(&path, "old\n".repeat(5_000)).unwrap();
        Short::open(&path, 200, 100).unwrap();
        assert_eq!(lines(&path).len(), 100);
    }
}
