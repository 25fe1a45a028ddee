//! One who uses state that a keeper has: a request and its answer for each access. Not a mechanism.

use std::io;
use std::os::unix::net::UnixStream;

use super::wire::{Head, Kind, Line};
use super::{Handle, Shape, full};
use crate::abort;
use crate::address::{Address, Endpoint};

/// His end of the connection.
pub struct Client {
    line: Line,
    entries: u32,
}

impl Client {
    pub(super) fn attach(address: &Address, shape: &Shape) -> io::Result<Self> {
        let stream = UnixStream::from(address.descriptor(Endpoint::Sender)?.duplicate()?);
        Ok(Self { line: Line::new(stream, shape), entries: shape.entries })
    }

    /// Sends a request, whose value is in the line, and waits for the answer.
    ///
    /// Errors: `UnexpectedEof` when the keeper is gone.
    #[inline]
    fn ask(&mut self, request: Head) -> io::Result<Head> {
        self.line.send(request)?;
        self.line
            .receive()?
            .ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "the keeper of the state is gone"))
    }

    /// Asks for the value of `key`, which is in the line then; nothing while nobody has set it.
    #[inline]
    fn fetch(&mut self, key: u64) -> io::Result<Option<Head>> {
        let answer = self.ask(Head { key, ..Head::bare(Kind::Get) })?;
        match answer.kind {
            Kind::Value => Ok(Some(answer)),
            Kind::Absent => Ok(None),
            other => Err(no_answer(other)),
        }
    }
}

impl Handle for Client {
    #[inline]
    fn get<R>(&mut self, key: u64, read: impl FnOnce(&[u8]) -> R) -> io::Result<Option<R>> {
        let Some(answer) = self.fetch(key)? else { return Ok(None) };
        Ok(Some(read(self.line.value(answer.length)?)))
    }

    #[inline]
    fn set(&mut self, key: u64, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        fill(self.line.value(len)?);
        match self.ask(Head { kind: Kind::Set, length: len, key, version: 0 })?.kind {
            Kind::Done => Ok(()),
            Kind::Full => Err(full(self.entries)),
            other => Err(no_answer(other)),
        }
    }

    /// Two requests, the second of which is refused, and both made again, when somebody came between.
    fn update<R>(&mut self, key: u64, mut change: impl FnMut(&mut [u8]) -> R) -> io::Result<Option<R>> {
        loop {
            let Some(Head { length, version, .. }) = self.fetch(key)? else { return Ok(None) };
            let result = change(self.line.value(length)?);
            match self.ask(Head { kind: Kind::Replace, length, key, version })?.kind {
                Kind::Done => return Ok(Some(result)),
                Kind::Stale if abort::requested() => return Err(abort::error()),
                Kind::Stale => {}
                other => return Err(no_answer(other)),
            }
        }
    }
}

#[cold]
fn no_answer(kind: Kind) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{kind:?} is no answer to what was asked"))
}
