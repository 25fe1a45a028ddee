//! Output of a worker: protocol lines from its stdout, the end of its stderr. Both are read without blocking.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::os::fd::AsFd;

use nix::fcntl::{FcntlArg, OFlag, fcntl};

/// Limit of a line. A report with histograms has some hundred kilobytes at most.
const LINE_BYTES_MAX: usize = 8 << 20;

/// Bytes kept of a log.
const LOG_BYTES_KEPT: usize = 4096;

/// Lines of the log quoted in an outcome.
const LOG_LINES_SHOWN: usize = 6;

/// Makes `stream` non-blocking.
pub(super) fn never_block(stream: &impl AsFd) -> io::Result<()> {
    let flags = OFlag::from_bits_retain(fcntl(stream, FcntlArg::F_GETFL)?);
    fcntl(stream, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}

/// Reader of whole lines from a non-blocking stream.
#[derive(Debug)]
pub(super) struct Lines<R> {
    stream: Option<R>,
    partial: Vec<u8>,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(stream: R) -> Self {
        Self { stream: Some(stream), partial: Vec::new() }
    }

    /// The stream, until its end was read.
    pub(super) fn stream(&self) -> Option<&R> {
        self.stream.as_ref()
    }

    /// Returns the lines that are complete by now.
    ///
    /// Errors: a line is longer than the limit.
    pub(super) fn read(&mut self) -> io::Result<Vec<String>> {
        let mut lines = Vec::new();
        read_available(&mut self.stream, |bytes| {
            for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
                self.partial.extend_from_slice(piece);
                if self.partial.ends_with(b"\n") {
                    lines.push(String::from_utf8_lossy(&self.partial).into_owned());
                    self.partial.clear();
                } else if self.partial.len() > LINE_BYTES_MAX {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "a line of over 8 MiB"));
                }
            }
            Ok(())
        })?;
        Ok(lines)
    }
}

/// Reader that keeps the end of a non-blocking stream.
#[derive(Debug)]
pub(super) struct Log<R> {
    stream: Option<R>,
    tail: VecDeque<u8>,
}

impl<R: Read> Log<R> {
    pub(super) fn new(stream: R) -> Self {
        Self { stream: Some(stream), tail: VecDeque::new() }
    }

    /// The stream, until its end was read.
    pub(super) fn stream(&self) -> Option<&R> {
        self.stream.as_ref()
    }

    /// Reads what is available. A read error is ignored: a log is not essential.
    pub(super) fn read(&mut self) {
        let _ = read_available(&mut self.stream, |bytes| {
            self.tail.extend(bytes);
            let surplus = self.tail.len().saturating_sub(LOG_BYTES_KEPT);
            self.tail.drain(..surplus);
            Ok(())
        });
    }

    /// The last lines, joined; empty when there are none.
    pub(super) fn last_lines(&mut self) -> String {
        let text = String::from_utf8_lossy(self.tail.make_contiguous());
        let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join(" / ")
    }
}

/// Passes available bytes to `take`, and drops the stream at end of file.
///
/// One call reads a bounded amount, so that a worker that writes without end cannot block the harness.
fn read_available<R: Read>(stream: &mut Option<R>, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut room = [0; 1 << 14];
    for _ in 0..256 {
        let Some(open) = stream else { return Ok(()) };
        match open.read(&mut room) {
            Ok(0) => *stream = None,
            Ok(length) => take(&room[..length])?,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => *stream = None,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_arrive_in_pieces_are_joined() {
        struct Drip(Vec<io::Result<&'static [u8]>>);
        impl Read for Drip {
            fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
                let piece = if self.0.is_empty() { Ok(&b""[..]) } else { self.0.remove(0) }?;
                room[..piece.len()].copy_from_slice(piece);
                Ok(piece.len())
            }
        }
        let pause = || Err(io::ErrorKind::WouldBlock.into());
        let mut lines = Lines::new(Drip(vec![Ok(b"on"), pause(), Ok(b"e\ntwo\nthr"), pause(), Ok(b"ee\nrest")]));
        assert_eq!(lines.read().expect("reads"), Vec::<String>::new());
        assert_eq!(lines.read().expect("reads"), ["one\n", "two\n"]);
        assert_eq!(lines.read().expect("reads"), ["three\n"]);
        assert!(lines.stream().is_none());
    }

    #[test]
    fn a_line_without_end_is_an_error() {
        let mut lines = Lines::new(io::repeat(b'x'));
        assert!((0..10).any(|_| lines.read().is_err()));
    }

    #[test]
    fn a_log_keeps_its_end() {
        let said = (0..5000).map(|n| format!("line {n}")).collect::<Vec<_>>().join("\n") + "\n";
        let mut log = Log::new(said.as_bytes());
        log.read();
        assert_eq!(log.last_lines(), (4994..5000).map(|n| format!("line {n}")).collect::<Vec<_>>().join(" / "));
    }
}
