//! Messages between a manager process and its users over a stream: a head of fixed size, then a value for some kinds. A
//! user waits for the response before it sends the next request, so all bytes that have arrived belong to one message.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

use super::{Shape, too_long};
use crate::address::{Address, Descriptor, Endpoint};

/// Bytes of a head: kind, length of the value, key, version; little-endian.
const HEAD_BYTES: usize = 24;

/// Kind of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Request: get the value of the key.
    Get = 1,
    /// Request: set the value of the key.
    Set = 2,
    /// Request: set the value of the key if it still has this version.
    Replace = 3,
    /// Response: the value and its version.
    Value = 4,
    /// Response: the key was never set.
    Absent = 5,
    /// Response: the value was set.
    Done = 6,
    /// Response: the value has another version.
    Stale = 7,
    /// Response: no entry is left for the key.
    Full = 8,
}

impl Kind {
    fn of(number: u32) -> io::Result<Self> {
        let all = [Self::Get, Self::Set, Self::Replace, Self::Value, Self::Absent, Self::Done, Self::Stale, Self::Full];
        let found = all.into_iter().find(|kind| *kind as u32 == number);
        found.ok_or_else(|| invalid(format!("{number} is not a kind of message")))
    }
}

/// Head of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) kind: Kind,
    /// Bytes of the value.
    pub(super) length: usize,
    /// 0 in responses.
    pub(super) key: u64,
    /// 0 if not used.
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

/// Result of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// The message is not complete.
    Partial,
    /// The message is complete.
    Complete(Head),
    /// The other side has disconnected, between two messages.
    Closed,
}

/// One endpoint of a connection, and the message that it will send or has received.
pub(super) struct Connection {
    stream: UnixStream,
    /// A head and room for the longest value.
    message: Vec<u8>,
    /// Bytes of the next message that have arrived.
    filled: usize,
}

impl Connection {
    pub(super) fn new(stream: UnixStream, shape: &Shape) -> Self {
        Self { stream, message: vec![0; HEAD_BYTES + shape.value_bytes], filled: 0 }
    }

    pub(super) fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// The first `len` bytes of the value to send or received.
    ///
    /// Errors: `InvalidInput` if `len` exceeds the agreed length.
    #[inline]
    pub(super) fn value(&mut self, len: usize) -> io::Result<&mut [u8]> {
        let agreed = self.message.len() - HEAD_BYTES;
        if len > agreed {
            return Err(too_long(len, agreed));
        }
        Ok(&mut self.message[HEAD_BYTES..HEAD_BYTES + len])
    }

    /// Sends `head` and the value.
    #[inline]
    pub(super) fn send(&mut self, head: Head) -> io::Result<()> {
        self.message[..HEAD_BYTES].copy_from_slice(&head.to_bytes());
        self.stream.write_all(&self.message[..HEAD_BYTES + head.length])
    }

    /// Waits for a message; returns `None` when the other side has disconnected.
    ///
    /// Errors: `UnexpectedEof` if it disconnected within a message, `InvalidData` for an invalid message.
    #[inline]
    pub(super) fn receive(&mut self) -> io::Result<Option<Head>> {
        loop {
            match self.receive_some()? {
                Received::Partial => {}
                Received::Complete(head) => return Ok(Some(head)),
                Received::Closed => return Ok(None),
            }
        }
    }

    /// Reads once.
    ///
    /// Errors: those of [`receive`](Self::receive).
    pub(super) fn receive_some(&mut self) -> io::Result<Received> {
        match self.stream.read(&mut self.message[self.filled..]) {
            Ok(0) if self.filled == 0 => return Ok(Received::Closed),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(got) => self.filled += got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(Received::Partial),
            Err(error) => return Err(error),
        }
        let Some(bytes) = self.message[..self.filled].first_chunk() else { return Ok(Received::Partial) };
        let head = Head::from_bytes(bytes)?;
        let whole = HEAD_BYTES + head.length;
        if whole > self.message.len() {
            return Err(invalid(format!("a message has a value of {} bytes", head.length)));
        }
        if self.filled > whole {
            return Err(invalid("a message arrived before the response to the last one".to_owned()));
        }
        if self.filled < whole {
            return Ok(Received::Partial);
        }
        self.filled = 0;
        Ok(Received::Complete(head))
    }
}

#[cold]
fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Creates a connection per user. One address has all endpoints of the manager.
pub(super) fn connections(shape: &Shape) -> io::Result<super::Addresses> {
    let (mut endpoints, mut users) = (vec![], vec![]);
    for _ in 0..shape.users {
        let (user, manager) = UnixStream::pair()?;
        endpoints.push(Descriptor::new(manager));
        users.push(Address::Inherited { sender: vec![Descriptor::new(user)], receiver: vec![] });
    }
    Ok(super::Addresses { manager: Some(Address::Inherited { sender: vec![], receiver: endpoints }), users })
}

/// The manager's endpoints. Takes the address, whose descriptors must not stay open.
#[allow(clippy::needless_pass_by_value)] // drops its descriptors
pub(super) fn manager_connections(address: Address, shape: &Shape) -> io::Result<Vec<Connection>> {
    let endpoints = address.descriptors(Endpoint::Receiver)?.iter().map(Descriptor::duplicate);
    endpoints.map(|endpoint| endpoint.map(|end| Connection::new(UnixStream::from(end), shape))).collect()
}
