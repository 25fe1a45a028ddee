//! A user of state that a manager process owns: one request and one response per access. Shared by the manager rows.

use std::io;
use std::os::unix::net::UnixStream;

use super::wire::{Connection, Head, Kind};
use super::{Handle, Shape, full};
use crate::abort;
use crate::address::{Address, Endpoint};

/// The user's connection.
pub struct Client {
    connection: Connection,
    entries: u32,
}

impl Client {
    pub(super) fn attach(address: &Address, shape: &Shape) -> io::Result<Self> {
        let stream = UnixStream::from(address.descriptor(Endpoint::Sender)?.duplicate()?);
        Ok(Self { connection: Connection::new(stream, shape), entries: shape.entries })
    }

    /// Sends a request, whose value is in the connection's buffer, and waits for the response.
    ///
    /// Errors: `UnexpectedEof` when the manager has died.
    #[inline]
    fn request(&mut self, request: Head) -> io::Result<Head> {
        self.connection.send(request)?;
        self.connection
            .receive()?
            .ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "the manager of the state has died"))
    }

    /// Requests the value of `key`, which is then in the connection's buffer; returns `None` if it was never set.
    #[inline]
    fn fetch(&mut self, key: u64) -> io::Result<Option<Head>> {
        let response = self.request(Head { key, ..Head::bare(Kind::Get) })?;
        match response.kind {
            Kind::Value => Ok(Some(response)),
            Kind::Absent => Ok(None),
            other => Err(unexpected(other)),
        }
    }
}

impl Handle for Client {
    #[inline]
    fn get<R>(&mut self, key: u64, read: impl FnOnce(&[u8]) -> R) -> io::Result<Option<R>> {
        let Some(response) = self.fetch(key)? else { return Ok(None) };
        Ok(Some(read(self.connection.value(response.length)?)))
    }

    #[inline]
    fn set(&mut self, key: u64, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        fill(self.connection.value(len)?);
        match self.request(Head { kind: Kind::Set, length: len, key, version: 0 })?.kind {
            Kind::Done => Ok(()),
            Kind::Full => Err(full(self.entries)),
            other => Err(unexpected(other)),
        }
    }

    /// Two requests. If another user changed the value in between, the second is refused and both are repeated.
    fn update<R>(&mut self, key: u64, mut change: impl FnMut(&mut [u8]) -> R) -> io::Result<Option<R>> {
        loop {
            let Some(Head { length, version, .. }) = self.fetch(key)? else { return Ok(None) };
            let result = change(self.connection.value(length)?);
            match self.request(Head { kind: Kind::Replace, length, key, version })?.kind {
                Kind::Done => return Ok(Some(result)),
                Kind::Stale if abort::requested() => return Err(abort::error()),
                Kind::Stale => {}
                other => return Err(unexpected(other)),
            }
        }
    }
}

#[cold]
fn unexpected(kind: Kind) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("an unexpected response: {kind:?}"))
}
