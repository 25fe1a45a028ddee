//! What pools over pipes and sockets share: frames with their length in front, read and written piece by piece, and how a
//! dispatcher sleeps until one of many descriptors has something for it. Not a mechanism.
//!
//! A worker's ends block it in the kernel. The dispatcher's never do: one who blocks in a write to a worker that blocks in
//! a write to him is blocked for good. He sleeps in poll(2).

use std::io;
use std::ops::Range;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollTimeout, poll};
use nix::unistd::{read, write};

use crate::abort;

/// A sleeper looks at the abort word this often.
const SLEEP_SLICE_MS: u16 = 50;
/// Bytes of a length.
const LENGTH: usize = size_of::<u32>();
/// Least room to read into: several small frames come with one call.
const ROOM_MIN: usize = 4096;

/// Lets calls on this end fail rather than block. An end of a pipe or socket is an open file of its own, so the other end
/// is not concerned.
pub(super) fn never_block(end: impl AsFd) -> io::Result<()> {
    let flags = OFlag::from_bits_retain(fcntl(&end, FcntlArg::F_GETFL)?);
    fcntl(&end, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}

/// Sleeps until one of `ends` is ready; returns at once when `waits` is false.
///
/// Errors: `Interrupted` when the trial is called off.
pub(super) fn sleep(ends: &mut [PollFd], waits: bool) -> io::Result<()> {
    let timeout = if waits { PollTimeout::from(SLEEP_SLICE_MS) } else { PollTimeout::ZERO };
    loop {
        match poll(ends, timeout) {
            Ok(0) | Err(Errno::EINTR) if abort::requested() => return Err(abort::error()),
            Ok(0) if waits => {}
            Err(Errno::EINTR) => {}
            Ok(_) => return Ok(()),
            Err(other) => return Err(other.into()),
        }
    }
}

/// Writes what there is room for; nothing where there is none.
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

/// Writes all of it, to an end that blocks.
pub(super) fn write_all(end: impl AsFd, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        bytes = &bytes[write_some(&end, bytes)?..];
    }
    Ok(())
}

/// Reads what there is, at least a byte; none where there is nothing yet.
///
/// Errors: `UnexpectedEof` when nothing will come any more.
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

/// Fills `room`, from an end that blocks.
pub(super) fn read_exactly(end: impl AsFd, mut room: &mut [u8]) -> io::Result<()> {
    while !room.is_empty() {
        let got = read_some(&end, room)?.unwrap_or(0);
        room = &mut room[got..];
    }
    Ok(())
}

/// Builds a frame of `len` bytes in `frame`, behind a head of `HEAD` bytes that starts with the length.
pub(super) fn build<const HEAD: usize>(frame: &mut Vec<u8>, len: usize, fill: impl FnOnce(&mut [u8])) {
    frame.resize(HEAD + len, 0);
    frame[..LENGTH].copy_from_slice(&(len as u32).to_le_bytes());
    fill(&mut frame[HEAD..]);
}

/// The length in a head.
pub(super) fn length(head: &[u8]) -> usize {
    let mut length = [0; LENGTH];
    length.copy_from_slice(&head[..LENGTH]);
    u32::from_le_bytes(length) as usize
}

/// Frames on their way in, as they were read: whole ones, then the beginning of another. Each has a head of `HEAD` bytes
/// that starts with its length.
pub(super) struct Incoming<const HEAD: usize> {
    bytes: Vec<u8>,
    unread: Range<usize>,
    frame_bytes: usize,
}

impl<const HEAD: usize> Incoming<HEAD> {
    /// For frames of up to `frame_bytes`.
    pub(super) fn new(frame_bytes: usize) -> Self {
        let bytes = vec![0; (2 * (HEAD + frame_bytes)).max(ROOM_MIN)];
        Self { bytes, unread: 0..0, frame_bytes }
    }

    /// The first frame with its head, if it is there as a whole.
    ///
    /// Errors: `InvalidData` when it claims to be longer than any.
    pub(super) fn first(&self) -> io::Result<Option<&[u8]>> {
        let unread = &self.bytes[self.unread.clone()];
        if unread.len() < HEAD {
            return Ok(None);
        }
        let len = length(unread);
        if len > self.frame_bytes {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a frame claims {len} bytes")));
        }
        Ok(unread.get(..HEAD + len))
    }

    /// The first frame was used.
    pub(super) fn pass(&mut self, frame_and_head: usize) {
        self.unread.start += frame_and_head;
    }

    /// Room to read into, while there is no whole frame: never empty.
    pub(super) fn room(&mut self) -> &mut [u8] {
        if self.unread.is_empty() {
            self.unread = 0..0;
        } else if self.unread.start > 0 && self.bytes.len() - self.unread.start < HEAD + self.frame_bytes {
            self.bytes.copy_within(self.unread.clone(), 0);
            self.unread = 0..self.unread.len();
        }
        &mut self.bytes[self.unread.end..]
    }

    /// `bytes` were read into the room.
    pub(super) fn filled(&mut self, bytes: usize) {
        self.unread.end += bytes;
    }

    /// Reads once. False when there was nothing.
    pub(super) fn read(&mut self, end: impl AsFd) -> io::Result<bool> {
        let got = read_some(end, self.room())?;
        self.filled(got.unwrap_or(0));
        Ok(got.is_some())
    }

    /// The same; that nothing will come any more is nothing, too, since the foreman tells what became of the other end.
    pub(super) fn read_while_open(&mut self, end: impl AsFd) -> io::Result<bool> {
        loop {
            match self.read(&end) {
                Err(gone) if gone.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
                // The other end was closed with something unread in it, which is said once, and by a socket of packets
                // before what it still has for this end.
                Err(gone) if gone.kind() == io::ErrorKind::ConnectionReset => {}
                other => return other,
            }
        }
    }

    /// Forgets whatever there is.
    pub(super) fn clear(&mut self) {
        self.unread = 0..0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: usize = 8;

    #[test]
    fn frames_cut_anywhere_come_out_whole() {
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
                while let Some(frame) = incoming.first().expect("credible") {
                    let len = frame.len();
                    assert!(frame[HEAD..].iter().all(|byte| *byte == seen.len() as u8));
                    seen.push(len - HEAD);
                    incoming.pass(len);
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
    fn a_frame_that_claims_too_much_is_refused() {
        let mut incoming = Incoming::<HEAD>::new(16);
        let mut frame = vec![];
        build::<HEAD>(&mut frame, 17, |_| {});
        incoming.room()[..frame.len()].copy_from_slice(&frame);
        incoming.filled(frame.len());
        assert_eq!(incoming.first().expect_err("too long").kind(), io::ErrorKind::InvalidData);
    }
}
