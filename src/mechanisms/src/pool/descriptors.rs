//! Helpers of pools over pipes and sockets: frames with their length in front, and waiting for many descriptors.
//!
//! Workers use blocking descriptors, the dispatcher uses non-blocking ones and sleeps in poll(2): a blocking write to a
//! worker that itself blocks in a write to the dispatcher would be a deadlock.

use std::io;
use std::ops::Range;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollTimeout, poll};
use nix::unistd::{read, write};

use crate::abort;

/// Interval at which a sleeper checks the abort flag.
const SLEEP_SLICE_MS: u16 = 50;
/// Bytes of a frame's length.
const LENGTH: usize = size_of::<u32>();
/// Minimum size of a read, so that one call can read several small frames.
const ROOM_MIN: usize = 4096;

/// Makes a descriptor non-blocking. The other endpoint of a pipe or socket pair has its own flags.
pub(super) fn never_block(descriptor: impl AsFd) -> io::Result<()> {
    let end = descriptor;
    let flags = OFlag::from_bits_retain(fcntl(&end, FcntlArg::F_GETFL)?);
    fcntl(&end, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}

/// Waits until one of `polled` is ready. If not `waits`, only checks them.
///
/// Errors: `Interrupted` when the trial is aborted.
pub(super) fn sleep(polled: &mut [PollFd], waits: bool) -> io::Result<()> {
    let timeout = if waits { PollTimeout::from(SLEEP_SLICE_MS) } else { PollTimeout::ZERO };
    loop {
        match poll(polled, timeout) {
            Ok(0) | Err(Errno::EINTR) if abort::requested() => return Err(abort::error()),
            Ok(0) if waits => {}
            Err(Errno::EINTR) => {}
            Ok(_) => return Ok(()),
            Err(other) => return Err(other.into()),
        }
    }
}

/// Writes as much as there is room for and returns the number of bytes; 0 if there is no room.
pub(super) fn write_some(end: impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match write(&end, bytes) {
            Ok(written) => return Ok(written),
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => return Ok(0),
            Err(other) => return Err(other.into()),
        }
    }
}

/// Writes all bytes to a blocking descriptor.
pub(super) fn write_all(end: impl AsFd, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        bytes = &bytes[write_some(&end, bytes)?..];
    }
    Ok(())
}

/// Reads at least one byte; returns `None` if a non-blocking descriptor has none yet.
///
/// Errors: `UnexpectedEof` at end of file.
pub(super) fn read_some(end: impl AsFd, room: &mut [u8]) -> io::Result<Option<usize>> {
    loop {
        match read(&end, room) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(got) => return Ok(Some(got)),
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => return Ok(None),
            Err(other) => return Err(other.into()),
        }
    }
}

/// Fills `room` from a blocking descriptor.
pub(super) fn read_exactly(end: impl AsFd, mut room: &mut [u8]) -> io::Result<()> {
    while !room.is_empty() {
        let got = read_some(&end, room)?.unwrap_or(0);
        room = &mut room[got..];
    }
    Ok(())
}

/// Builds a frame of `len` bytes after a head of `HEAD` bytes, which starts with the length.
pub(super) fn build<const HEAD: usize>(frame: &mut Vec<u8>, len: usize, fill: impl FnOnce(&mut [u8])) {
    frame.resize(HEAD + len, 0);
    frame[..LENGTH].copy_from_slice(&(len as u32).to_le_bytes());
    fill(&mut frame[HEAD..]);
}

/// The length that a head starts with.
pub(super) fn length(head: &[u8]) -> usize {
    let mut length = [0; LENGTH];
    length.copy_from_slice(&head[..LENGTH]);
    u32::from_le_bytes(length) as usize
}

/// Buffer of received bytes: complete frames, then the beginning of another. Each frame has a head of `HEAD` bytes that
/// starts with its length.
pub(super) struct Incoming<const HEAD: usize> {
    bytes: Vec<u8>,
    unread: Range<usize>,
    frame_bytes: usize,
}

impl<const HEAD: usize> Incoming<HEAD> {
    /// Creates a buffer for frames of up to `frame_bytes`.
    pub(super) fn new(frame_bytes: usize) -> Self {
        let bytes = vec![0; (2 * (HEAD + frame_bytes)).max(ROOM_MIN)];
        Self { bytes, unread: 0..0, frame_bytes }
    }

    /// The first frame with its head, or `None` if it is not complete.
    ///
    /// Errors: `InvalidData` if its length exceeds `frame_bytes`.
    pub(super) fn first(&self) -> io::Result<Option<&[u8]>> {
        let unread = &self.bytes[self.unread.clone()];
        if unread.len() < HEAD {
            return Ok(None);
        }
        let len = length(unread);
        if len > self.frame_bytes {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a frame has an invalid length: {len}")));
        }
        Ok(unread.get(..HEAD + len))
    }

    /// Removes the first frame, `frame_and_head` bytes long.
    pub(super) fn consume(&mut self, frame_and_head: usize) {
        self.unread.start += frame_and_head;
    }

    /// Free space to read into. Not empty unless there is a complete frame.
    pub(super) fn room(&mut self) -> &mut [u8] {
        if self.unread.is_empty() {
            self.unread = 0..0;
        } else if self.unread.start > 0 && self.bytes.len() - self.unread.start < HEAD + self.frame_bytes {
            self.bytes.copy_within(self.unread.clone(), 0);
            self.unread = 0..self.unread.len();
        }
        &mut self.bytes[self.unread.end..]
    }

    /// Adds `bytes` that were read into [`room`](Self::room).
    pub(super) fn filled(&mut self, bytes: usize) {
        self.unread.end += bytes;
    }

    /// Reads once; returns false if nothing was there.
    pub(super) fn read(&mut self, end: impl AsFd) -> io::Result<bool> {
        let got = read_some(end, self.room())?;
        self.filled(got.unwrap_or(0));
        Ok(got.is_some())
    }

    /// Like [`read`](Self::read), but returns false at end of file: the supervisor reports the death of the other side.
    pub(super) fn read_while_open(&mut self, end: impl AsFd) -> io::Result<bool> {
        loop {
            match self.read(&end) {
                Err(gone) if gone.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
                // The other side was closed before it had read everything. The kernel reports this once; a packet
                // socket reports it before the packets that are still queued for this side.
                Err(gone) if gone.kind() == io::ErrorKind::ConnectionReset => {}
                other => return other,
            }
        }
    }

    /// Drops all bytes.
    pub(super) fn clear(&mut self) {
        self.unread = 0..0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: usize = 8;

    #[test]
    fn frames_split_anywhere_arrive_whole() {
        let (mut sent, mut one) = (vec![], vec![]);
        let lengths = [0, 1, 100, 3000, 2999, 3000, 7];
        for (number, len) in lengths.into_iter().enumerate() {
            build::<HEAD>(&mut one, len, |room| room.fill(number as u8));
            sent.extend_from_slice(&one);
        }
        for piece in [1, 7, 1000, 4096, sent.len()] {
            let mut incoming = Incoming::<HEAD>::new(3000);
            let (mut rest, mut seen) = (&sent[..], vec![]);
            while seen.len() < lengths.len() {
                while let Some(frame) = incoming.first().expect("a valid length") {
                    let len = frame.len();
                    assert!(frame[HEAD..].iter().all(|byte| *byte == seen.len() as u8));
                    seen.push(len - HEAD);
                    incoming.consume(len);
                }
                let room = incoming.room();
                let got = room.len().min(rest.len()).min(piece);
                room[..got].copy_from_slice(&rest[..got]);
                incoming.filled(got);
                rest = &rest[got..];
            }
            assert_eq!((seen, rest.len()), (lengths.to_vec(), 0), "pieces of {piece}");
        }
    }

    #[test]
    fn a_frame_with_an_excessive_length_is_refused() {
        let mut incoming = Incoming::<HEAD>::new(16);
        let mut frame = vec![];
        build::<HEAD>(&mut frame, 17, |_| {});
        incoming.room()[..frame.len()].copy_from_slice(&frame);
        incoming.filled(frame.len());
        assert_eq!(incoming.first().expect_err("too long").kind(), io::ErrorKind::InvalidData);
    }
}
