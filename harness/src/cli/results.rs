//! Output on stdout, which may be closed or fill up early.
//!
//! The exit status also has the result, and a closed pipe (`| head`) must not change it. So writing never fails: the first
//! error is kept until the end, and later output is dropped.

use std::io::{self, BufWriter, Write};

/// A buffered writer whose errors wait until [`lost`](Self::lost) asks.
#[derive(Debug)]
pub(super) struct Results<W: Write> {
    to: BufWriter<W>,
    error: Option<io::Error>,
}

impl<W: Write> Results<W> {
    /// Writes to `to`.
    pub(super) fn new(to: W) -> Self {
        Self { to: BufWriter::new(to), error: None }
    }

    /// Flushes, and returns the first error. A closed pipe is not an error.
    pub(super) fn lost(mut self) -> Option<io::Error> {
        self.attempt(Write::flush);
        self.error.filter(|error| error.kind() != io::ErrorKind::BrokenPipe)
    }

    fn attempt(&mut self, write: impl FnOnce(&mut BufWriter<W>) -> io::Result<()>) {
        if self.error.is_none() {
            self.error = write(&mut self.to).err();
        }
    }
}

impl<W: Write> Write for Results<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.attempt(|to| to.write_all(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.attempt(Write::flush);
        Ok(())
    }
}
