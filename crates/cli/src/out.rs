//! Standard output is data, standard error is for people. Neither makes the program panic when nobody reads any more.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write as _};

/// Writes a line of data, and makes sure that it has left.
pub(crate) fn data(line: impl Display) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

/// Writes a line of data that nobody misses if they stopped reading.
pub(crate) fn line(line: impl Display) -> io::Result<()> {
    match data(line) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Tells the person at the terminal something. There is nobody to tell if that fails.
pub(crate) fn say(line: impl Display) {
    _ = writeln!(io::stderr().lock(), "{line}");
}
