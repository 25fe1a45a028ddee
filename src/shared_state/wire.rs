//! What a keeper and those who use its state say to each other over a stream: a head of fixed size, and a value behind it
//! where there is one. Not a mechanism. One request is answered before the next is sent, so whatever has arrived belongs
//! to one message.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

use super::{Shape, too_long};
use crate::address::{Address, Descriptor, Endpoint};

/// Bytes of a head: kind, length of the value, key, version; the number's lowest byte first.
const HEAD_BYTES: usize = 24;

/// What a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// What is the value of the key?
    Get = 1,
    /// The value of the key is this.
    Set = 2,
    /// The value of the key is this, if it still has this version.
    Replace = 3,
    /// Here it is, with its version.
    Value = 4,
    /// Nobody has set it.
    Absent = 5,
    /// So be it.
    Done = 6,
    /// It has another version by now.
    Stale = 7,
    /// There is no entry left for it.
    Full = 8,
}

impl Kind {
    fn of(number: u32) -> io::Result<Self> {
        let all = [Self::Get, Self::Set, Self::Replace, Self::Value, Self::Absent, Self::Done, Self::Stale, Self::Full];
        let found = all.into_iter().find(|kind| *kind as u32 == number);
        found.ok_or_else(|| nonsense(format!("{number} is no kind of message")))
    }
}

/// What goes before the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) kind: Kind,
    /// Bytes of the value behind it.
    pub(super) length: usize,
    /// 0 in answers.
    pub(super) key: u64,
    /// 0 where it does not matter.
    pub(super) version: u64,
}

impl Head {
    /// A head without a value.
    pub(super) const fn bare(kind: Kind) -> Self {
        Self { kind, length: 0, key: 0, version: 0 }
    }

    fn to_bytes(self) -> [u8; HEAD_BYTES] {
        let mut bytes = [0; HEAD_BYTES];
        bytes[..4].copy_from_slice(&(self.kind as u32).to_le_bytes());
        bytes[4..8].copy_from_slice(&(self.length as u32).to_le_bytes());
        bytes[8..16].copy_from_slice(&self.key.to_le_bytes());
        bytes[16..].copy_from_slice(&self.version.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; HEAD_BYTES]) -> io::Result<Self> {
        let (words, _) = bytes.as_chunks::<4>();
        let number = |at: usize| u32::from_le_bytes(words[at]);
        let long = |at: usize| u64::from(number(at)) | u64::from(number(at + 1)) << 32;
        Ok(Self { kind: Kind::of(number(0))?, length: number(1) as usize, key: long(2), version: long(4) })
    }
}

/// How far a message has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// There is more to come.
    Partial,
    /// All of it.
    Whole(Head),
    /// The other side has gone, between two messages.
    Gone,
}

/// One end of a conversation, and the message that it builds or has read last.
pub(super) struct Line {
    stream: UnixStream,
    /// A head, and room for the longest value.
    message: Vec<u8>,
    /// Bytes of the next message that have arrived.
    filled: usize,
}

impl Line {
    pub(super) fn new(stream: UnixStream, shape: &Shape) -> Self {
        Self { stream, message: vec![0; HEAD_BYTES + shape.value_bytes], filled: 0 }
    }

    pub(super) fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// The first `len` bytes of the value that is sent next or came last.
    ///
    /// Errors: `InvalidInput` when a value is shorter.
    #[inline]
    pub(super) fn value(&mut self, len: usize) -> io::Result<&mut [u8]> {
        let agreed = self.message.len() - HEAD_BYTES;
        if len > agreed {
            return Err(too_long(len, agreed));
        }
        Ok(&mut self.message[HEAD_BYTES..HEAD_BYTES + len])
    }

    /// Sends `head`, and its value behind it.
    #[inline]
    pub(super) fn send(&mut self, head: Head) -> io::Result<()> {
        self.message[..HEAD_BYTES].copy_from_slice(&head.to_bytes());
        self.stream.write_all(&self.message[..HEAD_BYTES + head.length])
    }

    /// Waits for a message; nothing when the other side has gone.
    ///
    /// Errors: `UnexpectedEof` when it went in the middle of one, `InvalidData` for what is none.
    #[inline]
    pub(super) fn receive(&mut self) -> io::Result<Option<Head>> {
        loop {
            match self.receive_some()? {
                Arrival::Partial => {}
                Arrival::Whole(head) => return Ok(Some(head)),
                Arrival::Gone => return Ok(None),
            }
        }
    }

    /// Reads once.
    ///
    /// Errors: those of [`receive`](Self::receive).
    pub(super) fn receive_some(&mut self) -> io::Result<Arrival> {
        match self.stream.read(&mut self.message[self.filled..]) {
            Ok(0) if self.filled == 0 => return Ok(Arrival::Gone),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(got) => self.filled += got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(Arrival::Partial),
            Err(error) => return Err(error),
        }
        let Some(bytes) = self.message[..self.filled].first_chunk() else { return Ok(Arrival::Partial) };
        let head = Head::from_bytes(bytes)?;
        let whole = HEAD_BYTES + head.length;
        if whole > self.message.len() {
            return Err(nonsense(format!("a message announces a value of {} bytes", head.length)));
        }
        if self.filled > whole {
            return Err(nonsense("a message came before the last one was answered".to_owned()));
        }
        if self.filled < whole {
            return Ok(Arrival::Partial);
        }
        self.filled = 0;
        Ok(Arrival::Whole(head))
    }
}

#[cold]
fn nonsense(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Makes a connection for each seat: the keeper's ends in one address, each other end in one of its own.
pub(super) fn connections(shape: &Shape) -> io::Result<super::Places> {
    let (mut kept, mut seats) = (vec![], vec![]);
    for _ in 0..shape.seats {
        let (theirs, ours) = UnixStream::pair()?;
        kept.push(Descriptor::new(ours));
        seats.push(Address::Inherited { sender: vec![Descriptor::new(theirs)], receiver: vec![] });
    }
    Ok(super::Places { keeper: Some(Address::Inherited { sender: vec![], receiver: kept }), seats })
}

/// The keeper's ends, and nobody else's: the address goes.
#[allow(clippy::needless_pass_by_value)] // with it go its descriptors
pub(super) fn keepers_ends(address: Address, shape: &Shape) -> io::Result<Vec<Line>> {
    let ends = address.descriptors(Endpoint::Receiver)?.iter().map(Descriptor::duplicate);
    ends.map(|end| end.map(|end| Line::new(UnixStream::from(end), shape))).collect()
}
