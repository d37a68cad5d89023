//! Standard output that whoever reads may close early, as `head` does: then we are done, and nothing is wrong.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write as _};

/// Prints a line like `println!`, without a panic when nobody reads any more.
macro_rules! say {
    ($($text:tt)*) => { $crate::out::line(format_args!($($text)*)) };
}
pub(crate) use say;

/// Prints a line, or ends the program.
pub(crate) fn line(text: Arguments<'_>) {
    match writeln!(std::io::stdout(), "{text}") {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            eprintln!("innkeeper: cannot write: {error}");
            std::process::exit(1);
        }
    }
}
